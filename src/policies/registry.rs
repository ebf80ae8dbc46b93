//! The names of all policy parts and presets, with one line on each.
//!
//! A new part is one file under `order/` or `place/` and one line here; `falcon policies`, the
//! scenario reader, its error messages and the conformance tests all read this table.

use super::spec::{BackfillSpec, Dispatch, OrderSpec, PlaceSpec, PolicySpec};

/// A named part of a policy and what it does in one line.
#[derive(Clone, Copy, Debug)]
pub struct Part<S> {
    /// The name in scenario files.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// The part with its default options.
    pub spec: S,
}

const fn part<S>(name: &'static str, summary: &'static str, spec: S) -> Part<S> {
    Part { name, summary, spec }
}

/// All orders.
pub const ORDERS: &[Part<OrderSpec>] = &[
    part("fifo", "first come, first served", OrderSpec::Fifo),
    part("lifo", "last come, first served", OrderSpec::Lifo),
    part("random", "a waiting task at random", OrderSpec::Random),
    part("sjf", "shortest estimated work first", OrderSpec::Sjf),
    part("ljf", "longest estimated work first", OrderSpec::Ljf),
    part("priority", "highest priority first", OrderSpec::Priority),
];

/// All places. `power-of` takes `d` and `with_replacement`.
pub const PLACES: &[Part<PlaceSpec>] = &[
    part("round-robin", "each node in turn", PlaceSpec::RoundRobin),
    part("weighted-round-robin", "in turn by weight, spread smoothly", PlaceSpec::WeightedRoundRobin),
    part("random", "any node, equally likely", PlaceSpec::Random),
    part("weighted-random", "any node, in proportion to its weight", PlaceSpec::WeightedRandom),
    part("least-loaded", "the node with the fewest tasks", PlaceSpec::LeastLoaded),
    part(
        "weighted-least-loaded",
        "the node with the fewest tasks per weight",
        PlaceSpec::WeightedLeastLoaded,
    ),
    part(
        "power-of",
        "the less loaded of d random nodes",
        PlaceSpec::PowerOf { d: 2, with_replacement: false },
    ),
    part("fastest", "the free node with the highest speed", PlaceSpec::Fastest),
    part("first-fit", "the first node with room", PlaceSpec::FirstFit),
    part("best-fit", "the node with the least room that is enough", PlaceSpec::BestFit),
    part("worst-fit", "the node with the most room", PlaceSpec::WorstFit),
];

/// All kinds of dispatch.
pub const DISPATCHES: &[Part<Dispatch>] = &[
    part("pull", "one central queue; a free node takes the next task", Dispatch::Pull),
    part("push", "a task is bound to a node when it arrives", Dispatch::Push),
];

/// All kinds of backfilling.
pub const BACKFILLS: &[Part<BackfillSpec>] = &[
    part("none", "the head of the queue blocks", BackfillSpec::None),
    part("aggressive", "any waiting task that fits may start", BackfillSpec::Aggressive),
    part("easy", "a task may overtake unless it delays the head", BackfillSpec::Easy),
];

/// A preset: a bare name that stands for a whole policy.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The name in scenario files.
    pub name: &'static str,
    order: OrderSpec,
    place: PlaceSpec,
    dispatch: Dispatch,
    backfill: BackfillSpec,
}

impl Preset {
    /// The policy this preset stands for.
    pub fn policy(&self) -> PolicySpec {
        PolicySpec {
            name: self.name.to_string(),
            order: self.order,
            place: self.place,
            dispatch: self.dispatch,
            backfill: self.backfill,
        }
    }
}

const fn push(name: &'static str, place: PlaceSpec) -> Preset {
    Preset { name, order: OrderSpec::Fifo, place, dispatch: Dispatch::Push, backfill: BackfillSpec::None }
}

const fn pull(name: &'static str, order: OrderSpec, place: PlaceSpec) -> Preset {
    Preset { name, order, place, dispatch: Dispatch::Pull, backfill: BackfillSpec::None }
}

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
    pull("sjf", OrderSpec::Sjf, PlaceSpec::Fastest),
    pull("ljf", OrderSpec::Ljf, PlaceSpec::Fastest),
    pull("priority", OrderSpec::Priority, PlaceSpec::Fastest),
    pull("lifo", OrderSpec::Lifo, PlaceSpec::Fastest),
    pull("first-fit", OrderSpec::Fifo, PlaceSpec::FirstFit),
    pull("best-fit", OrderSpec::Fifo, PlaceSpec::BestFit),
    pull("worst-fit", OrderSpec::Fifo, PlaceSpec::WorstFit),
    Preset { backfill: BackfillSpec::Easy, ..pull("easy-backfill", OrderSpec::Fifo, PlaceSpec::FirstFit) },
];

/// The preset with this name.
pub fn preset(name: &str) -> Option<PolicySpec> {
    PRESETS.iter().find(|preset| preset.name == name).map(Preset::policy)
}
