//! The names of all policy parts and presets, with one line on each.
//!
//! A new part is one file under `order/` or `place/` and one line here; `falcon policies`, the
//! scenario reader, its error messages and the conformance tests all read this table. The story that
//! `falcon policies NAME` tells of a part is the head of its file.

use super::order::score::Formula;
use super::spec::{BackfillSpec, DispatchSpec, OrderSpec, PlaceSpec, PolicySpec, Sharers};
use crate::time::Duration;

/// A named part of a policy and what it does in one line.
#[derive(Clone, Debug)]
pub struct Part<S> {
    /// The name in scenario files.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// The part with its default options.
    pub spec: S,
    /// The file it is in.
    source: &'static str,
}

impl<S> Part<S> {
    /// What it does, its source, its cost and when it is a bad idea.
    pub fn story(&self) -> String {
        let head = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        let lines: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        lines.join("\n")
    }
}

/// A part by name, in one line, with its default options and its file.
macro_rules! part {
    ($name:literal, $summary:literal, $spec:expr, $file:literal) => {
        Part { name: $name, summary: $summary, spec: $spec, source: include_str!($file) }
    };
}

const SECOND: Duration = Duration(1_000_000_000);
const TIME_SLICE: OrderSpec = OrderSpec::TimeSlice { quantum: SECOND, weighted: false };
const MLFQ: OrderSpec = OrderSpec::Mlfq { levels: 3, quantum: SECOND, factor: 1.0, boost: None };

const RESPONSE_RATIO: OrderSpec =
    OrderSpec::Score { formula: Formula::RESPONSE_RATIO, every: Duration::ZERO };

/// All orders.
pub const ORDERS: &[Part<OrderSpec>] = &[
    part!("fifo", "first come, first served", OrderSpec::Fifo, "order/fifo.rs"),
    part!("lifo", "last come, first served", OrderSpec::Lifo, "order/lifo.rs"),
    part!("random", "a waiting task at random", OrderSpec::Random, "order/random.rs"),
    part!("sjf", "shortest estimated work first", OrderSpec::Sjf, "order/sjf.rs"),
    part!("ljf", "longest estimated work first", OrderSpec::Ljf, "order/ljf.rs"),
    part!("srtf", "shortest remaining work first; it interrupts", OrderSpec::Srtf, "order/srtf.rs"),
    part!("priority", "highest priority first", OrderSpec::Priority { aging: 0.0 }, "order/priority.rs"),
    part!("edf", "earliest deadline first", OrderSpec::Edf, "order/edf.rs"),
    part!("failure-first", "most likely to fail first", OrderSpec::FailureFirst, "order/failure_first.rs"),
    part!("time-slice", "tasks take turns", TIME_SLICE, "order/time_slice.rs"),
    part!("mlfq", "short tasks first, found out by what they use", MLFQ, "order/mlfq.rs"),
    part!(
        "least-attained-service",
        "the task that was served least",
        OrderSpec::LeastAttainedService { quantum: SECOND },
        "order/least_attained_service.rs"
    ),
    part!(
        "fair-share",
        "the class or user with the least slot time per weight goes first",
        OrderSpec::FairShare { over: Sharers::Classes },
        "order/fair_share.rs"
    ),
    part!(
        "dominant-resource-fairness",
        "the class or user with the least dominant share per weight goes first",
        OrderSpec::DominantResourceFairness { over: Sharers::Classes },
        "order/dominant_resource_fairness.rs"
    ),
    part!(
        "critical-path",
        "longest path to the end of its job first",
        OrderSpec::CriticalPath,
        "order/critical_path.rs"
    ),
    part!("wfp3", "smallest -(wait / work)^3 x slots first", OrderSpec::Wfp3, "order/wfp3.rs"),
    part!("unicep", "smallest -wait / (log2(slots) x work) first", OrderSpec::Unicep, "order/unicep.rs"),
    part!("f1", "smallest log10(work) x slots + 870 log10(arrival) first", OrderSpec::F1, "order/f1.rs"),
    part!("f2", "smallest sqrt(work) x slots + 25600 log10(arrival) first", OrderSpec::F2, "order/f2.rs"),
    part!("f3", "smallest work x slots + 6860000 log10(arrival) first", OrderSpec::F3, "order/f3.rs"),
    part!("f4", "smallest work x sqrt(slots) + 530000 log10(arrival) first", OrderSpec::F4, "order/f4.rs"),
    part!("score", "smallest value of a formula first", RESPONSE_RATIO, "order/score.rs"),
];

/// All places. `power-of` takes `d` and `with_replacement`.
pub const PLACES: &[Part<PlaceSpec>] = &[
    part!("round-robin", "each node in turn", PlaceSpec::RoundRobin, "place/round_robin.rs"),
    part!(
        "weighted-round-robin",
        "in turn by weight, spread smoothly",
        PlaceSpec::WeightedRoundRobin,
        "place/weighted_round_robin.rs"
    ),
    part!("random", "any node, equally likely", PlaceSpec::Random, "place/random.rs"),
    part!(
        "weighted-random",
        "any node, in proportion to its weight",
        PlaceSpec::WeightedRandom,
        "place/weighted_random.rs"
    ),
    part!("least-loaded", "the node with the fewest tasks", PlaceSpec::LeastLoaded, "place/least_loaded.rs"),
    part!(
        "weighted-least-loaded",
        "the node with the fewest tasks per weight",
        PlaceSpec::WeightedLeastLoaded,
        "place/weighted_least_loaded.rs"
    ),
    part!(
        "power-of",
        "the less loaded of d random nodes",
        PlaceSpec::PowerOf { d: 2, with_replacement: false },
        "place/power_of.rs"
    ),
    part!(
        "weighted-power-of",
        "the less loaded, by weight, of d nodes drawn by weight",
        PlaceSpec::WeightedPowerOf { d: 2 },
        "place/weighted_power_of.rs"
    ),
    part!(
        "dynamic-weighted-round-robin",
        "in turn by weight times free share",
        PlaceSpec::DynamicWeightedRoundRobin,
        "place/dynamic_weighted_round_robin.rs"
    ),
    part!(
        "consistent-hash",
        "the node that the task's key hashes to",
        CONSISTENT_HASH,
        "place/consistent_hash.rs"
    ),
    part!(
        "nearest",
        "a node of the zone nearest to the task",
        PlaceSpec::Nearest { spill_over: false },
        "place/nearest.rs"
    ),
    part!("fastest", "the free node with the highest speed", PlaceSpec::Fastest, "place/fastest.rs"),
    part!("first-fit", "the first node with room", PlaceSpec::FirstFit, "place/first_fit.rs"),
    part!("best-fit", "the node with the least room that is enough", PlaceSpec::BestFit, "place/best_fit.rs"),
    part!("worst-fit", "the node with the most room", PlaceSpec::WorstFit, "place/worst_fit.rs"),
    part!(
        "dot-product",
        "the node with the most room where the task demands most",
        PlaceSpec::DotProduct,
        "place/dot_product.rs"
    ),
    part!(
        "min-cost-flow",
        "waiting tasks and free slots matched at the least cost",
        MIN_COST_FLOW,
        "place/min_cost_flow.rs"
    ),
    part!(
        "earliest-finish",
        "the node where the task is expected to end first",
        PlaceSpec::EarliestFinish,
        "place/earliest_finish.rs"
    ),
];

const LATE_BINDING: DispatchSpec = DispatchSpec::LateBinding { probes: 2 };

/// All kinds of dispatch.
pub const DISPATCHES: &[Part<DispatchSpec>] = &[
    part!(
        "pull",
        "one central queue; a free node takes the next task",
        DispatchSpec::Pull,
        "../scheduler/pull.rs"
    ),
    part!("push", "a task is bound to a node when it arrives", DispatchSpec::Push, "../scheduler/push.rs"),
    part!(
        "hybrid",
        "push, and an idle node takes what waits at another",
        DispatchSpec::HYBRID,
        "../scheduler/stealing.rs"
    ),
    part!(
        "late-binding",
        "places at several nodes; the first that is free takes the task",
        LATE_BINDING,
        "../scheduler/late_binding.rs"
    ),
    part!(
        "serial",
        "one task at a time in the whole cluster",
        DispatchSpec::Serial,
        "../scheduler/serial.rs"
    ),
];

/// All kinds of backfilling.
pub const BACKFILLS: &[Part<BackfillSpec>] = &[
    part!("none", "the head of the queue blocks", BackfillSpec::None, "backfill/mod.rs"),
    part!(
        "aggressive",
        "any waiting task that fits may start",
        BackfillSpec::Aggressive,
        "backfill/aggressive.rs"
    ),
    part!("easy", "a task may overtake unless it delays the head", BackfillSpec::Easy, "backfill/easy.rs"),
    part!(
        "conservative",
        "a task may overtake unless it delays any that waits",
        BackfillSpec::Conservative,
        "backfill/conservative.rs"
    ),
];

/// A preset: a bare name that stands for a whole policy.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The name in scenario files.
    pub name: &'static str,
    order: OrderSpec,
    place: PlaceSpec,
    dispatch: DispatchSpec,
    backfill: BackfillSpec,
}

impl Preset {
    /// The policy this preset stands for.
    pub fn policy(&self) -> PolicySpec {
        PolicySpec {
            name: self.name.to_string(),
            order: self.order.clone(),
            place: self.place.clone(),
            dispatch: self.dispatch,
            backfill: self.backfill,
            ..PolicySpec::default()
        }
    }
}

const fn push(name: &'static str, place: PlaceSpec) -> Preset {
    push_by(OrderSpec::Fifo, name, place)
}

const fn push_by(order: OrderSpec, name: &'static str, place: PlaceSpec) -> Preset {
    Preset { name, order, place, dispatch: DispatchSpec::Push, backfill: BackfillSpec::None }
}

const fn pull(name: &'static str, order: OrderSpec, place: PlaceSpec) -> Preset {
    Preset { name, order, place, dispatch: DispatchSpec::Pull, backfill: BackfillSpec::None }
}

const fn dispatched(dispatch: DispatchSpec, name: &'static str, place: PlaceSpec) -> Preset {
    Preset { name, order: OrderSpec::Fifo, place, dispatch, backfill: BackfillSpec::None }
}

const fn backfilled(name: &'static str, backfill: BackfillSpec) -> Preset {
    let (order, place) = (OrderSpec::Fifo, PlaceSpec::FirstFit);
    Preset { name, order, place, dispatch: DispatchSpec::Pull, backfill }
}

const CONSISTENT_HASH: PlaceSpec = PlaceSpec::ConsistentHash { virtual_nodes: 100, load_bound: None };
const MIN_COST_FLOW: PlaceSpec = PlaceSpec::MinCostFlow { window: 64 };
const POWER_OF_TWO: PlaceSpec = PlaceSpec::PowerOf { d: 2, with_replacement: false };

/// All presets.
pub const PRESETS: &[Preset] = &[
    pull("fifo", OrderSpec::Fifo, PlaceSpec::LeastLoaded),
    push("round-robin", PlaceSpec::RoundRobin),
    push("weighted-round-robin", PlaceSpec::WeightedRoundRobin),
    push("random", PlaceSpec::Random),
    push("weighted-random", PlaceSpec::WeightedRandom),
    push("least-loaded", PlaceSpec::LeastLoaded),
    push("weighted-least-loaded", PlaceSpec::WeightedLeastLoaded),
    push("power-of-two", POWER_OF_TWO),
    push("consistent-hash", CONSISTENT_HASH),
    push("nearest", PlaceSpec::Nearest { spill_over: false }),
    pull("sjf", OrderSpec::Sjf, PlaceSpec::Fastest),
    pull("ljf", OrderSpec::Ljf, PlaceSpec::Fastest),
    pull("srtf", OrderSpec::Srtf, PlaceSpec::Fastest),
    pull("priority", OrderSpec::Priority { aging: 0.0 }, PlaceSpec::Fastest),
    pull("edf", OrderSpec::Edf, PlaceSpec::Fastest),
    pull("failure-first", OrderSpec::FailureFirst, PlaceSpec::Fastest),
    push_by(TIME_SLICE, "time-slice", PlaceSpec::LeastLoaded),
    push_by(MLFQ, "mlfq", PlaceSpec::LeastLoaded),
    pull("lifo", OrderSpec::Lifo, PlaceSpec::Fastest),
    pull("fair-share", OrderSpec::FairShare { over: Sharers::Classes }, PlaceSpec::Fastest),
    dispatched(DispatchSpec::HYBRID, "work-stealing", PlaceSpec::RoundRobin),
    dispatched(LATE_BINDING, "late-binding", PlaceSpec::Random),
    dispatched(DispatchSpec::Serial, "serial", PlaceSpec::Fastest),
    pull("first-fit", OrderSpec::Fifo, PlaceSpec::FirstFit),
    pull("best-fit", OrderSpec::Fifo, PlaceSpec::BestFit),
    pull("worst-fit", OrderSpec::Fifo, PlaceSpec::WorstFit),
    pull("min-cost-flow", OrderSpec::Fifo, MIN_COST_FLOW),
    push_by(OrderSpec::CriticalPath, "heft", PlaceSpec::EarliestFinish),
    backfilled("easy-backfill", BackfillSpec::Easy),
    backfilled("conservative-backfill", BackfillSpec::Conservative),
];

/// The preset with this name.
pub fn preset(name: &str) -> Option<PolicySpec> {
    PRESETS.iter().find(|preset| preset.name == name).map(Preset::policy)
}
