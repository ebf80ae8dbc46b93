//! Every part of every policy: in random small worlds, and by exact sequences.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use falcon::distribution::Distribution;
use falcon::faults::{Affected, FailsWhen, Faults, NodeFaults, Outage};
use falcon::ids::NodeId;
use falcon::metrics::{FinalState, Metric};
use falcon::policies::order::score::Formula;
use falcon::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES};
use falcon::policies::spec::{DispatchSpec, Sharers};
use falcon::policies::{self, BackfillSpec, OrderSpec, PlaceSpec, PolicySpec};
use falcon::random::Streams;
use falcon::scheduler::details::NO_KEY;
use falcon::scheduler::{
    Backoff, Dispatch, Limits, NodeSpec, OnNodeLoss, OnRejection, Resources, RetryPlan, Stealing, Take,
    TaskDetails, Victim, Zones,
};
use falcon::sim::{RunOptions, RunOutput, SimulationError, simulate};
use falcon::time::{Duration, Time};
use falcon::workload::{EstimateSpec, TraceTask, Workload};
use falcon::world::{Delays, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use support::plain::{Fate, fates};

const SECOND: u64 = 1_000_000_000;

// Random worlds -------------------------------------------------------------------------------

fn fault() -> impl Strategy<Value = Option<NodeFaults>> {
    let fails = prop_oneof![Just(FailsWhen::Always), Just(FailsWhen::Busy)];
    let exact = (5u32..40, 1u32..9, fails.clone()).prop_map(|(up, down, fails)| NodeFaults {
        up: Distribution::constant(f64::from(up)),
        down: Distribution::constant(f64::from(down)),
        fails,
    });
    let random = (5.0..40.0, 0.0..9.0, fails).prop_map(|(up, down, fails)| NodeFaults {
        up: Distribution::exponential(up),
        down: Distribution::exponential(down),
        fails,
    });
    prop_oneof![Just(None), exact.prop_map(Some), random.prop_map(Some)]
}

fn node() -> impl Strategy<Value = (NodeSpec, Option<NodeFaults>)> {
    let speed = prop_oneof![Just(1.0), Just(1.0), Just(0.5), Just(2.0), Just(3.0)];
    (1u32..5, speed, 1u32..6, fault()).prop_map(|(slots, speed, weight, fault)| {
        (NodeSpec { slots, speed, weight: f64::from(weight) }, fault)
    })
}

/// Gap to the task before, work, requested work (if it is requested), priority, slots, probability of
/// failure, and what only some orders and worlds look at.
type RawTask = (u64, u64, Option<u64>, u32, u32, f64, RawDetails);

/// Class, user, weight, the node that is large enough for it, and quarters of two resources of that node.
type RawDetails = (u16, u32, f64, usize, u64, u64);

/// Names of resources and what each node has of them.
type RawResources = (usize, Vec<(u64, u64)>);

fn task() -> impl Strategy<Value = RawTask> {
    let gap = prop_oneof![Just(0u64), 0u64..4];
    let fails = prop_oneof![Just(0.0), Just(0.0), Just(0.4), Just(1.0)];
    // Most request enough, some too little.
    let requested = prop_oneof![Just(None), (5u64..20).prop_map(Some), (9u64..20).prop_map(Some)];
    let weight = prop_oneof![Just(1.0), Just(1.0), Just(2.0), Just(0.3)];
    let details = (0u16..3, 0u32..3, weight, 0usize..6, 0u64..5, 0u64..5);
    (gap, 0u64..12, requested, 0u32..4, 1u32..5, fails, details)
}

fn retry() -> impl Strategy<Value = RetryPlan> {
    let loss = prop_oneof![Just(OnNodeLoss::Restart), Just(OnNodeLoss::Resume), Just(OnNodeLoss::Fail)];
    let base = prop_oneof![Just(0u64), 1u64..4];
    let jitter = prop_oneof![Just(0.0), Just(0.5)];
    (1u32..4, loss, base, jitter).prop_map(|(most, on_node_loss, base, jitter)| RetryPlan {
        max_attempts: Some(most),
        backoff: Backoff { base: Duration(base * SECOND), factor: 2.0, max: Duration(5 * SECOND), jitter },
        on_node_loss,
        on_rejection: OnRejection::Settle,
        redraw: false,
        ..RetryPlan::default()
    })
}

/// Repairers, and outages: which nodes, when, how long.
type RawBreakdowns = (Option<u32>, Vec<(u32, u64, u64)>);

fn breakdowns() -> impl Strategy<Value = RawBreakdowns> {
    let crew = prop_oneof![Just(None), Just(Some(1)), Just(Some(2))];
    let outages = prop_oneof![
        Just(Vec::new()),
        Just(Vec::new()),
        prop::collection::vec((0u32..8, 0u64..40, 0u64..12), 1..6),
    ];
    (crew, outages)
}

fn breakdowns_among((repair_crew, outages): RawBreakdowns, nodes: usize) -> Faults {
    let outage = |(which, start, length): (u32, u64, u64)| Outage {
        nodes: match which {
            6 => Affected::Share(0.4),
            7 => Affected::Nodes((0..nodes as u32).step_by(2).collect()),
            node => Affected::Node(node % nodes as u32),
        },
        start: Time(start * SECOND),
        end: Time((start + length) * SECOND),
    };
    Faults { repair_crew, outages: outages.into_iter().map(outage).collect(), ..Faults::default() }
}

fn world() -> impl Strategy<Value = World> {
    let delay = prop_oneof![
        Just(None),
        Just(None),
        Just(Some(Distribution::constant(1.0))),
        Just(Some(Distribution::exponential(0.5))),
    ];
    let nodes = prop::collection::vec(node(), 1..6);
    let zones = prop_oneof![Just(None), prop::collection::vec(0u64..3, 4).prop_map(Some)];
    let tasks = prop::collection::vec(task(), 1..30);
    let kinds = prop_oneof![Just(0usize), Just(1), Just(2)];
    let resources = (kinds, prop::collection::vec((0u64..9, 0u64..9), 6));
    let parts = (nodes, tasks, retry(), delay, (zones, resources, breakdowns()), any::<bool>());
    parts.prop_map(|(nodes, tasks, retry, dispatch, (zones, given, breakdowns), kills)| {
        let widest = nodes.iter().map(|(node, _)| node.slots).max().expect("nodes");
        let mut resources = resources_of(&given, nodes.len());
        let named = !resources.is_empty();
        let mut arrival = 0;
        let tasks = tasks.into_iter().map(|(gap, work, requested, priority, slots, fails, details)| {
            arrival += gap;
            let (class, user, weight, large, cpu, memory) = details;
            // A node that can meet all of the demand.
            let large = large % nodes.len();
            let most = if named { nodes[large].0.slots } else { widest };
            let quarters = |capacity: &u64, quarter: u64| capacity * quarter / 4;
            let capacity = resources.capacity(NodeId(large as u32)).to_vec();
            let amounts: Vec<u64> =
                capacity.iter().zip([cpu, memory]).map(|(capacity, part)| quarters(capacity, part)).collect();
            let demand = if named { resources.add_demand(&amounts) } else { 0 };
            // Tasks of an even work share a key with those of the same priority.
            let key = if work.is_multiple_of(2) { u64::from(priority) } else { NO_KEY };
            let zone = (work % 3) as u16;
            let details = TaskDetails { user, weight, demand, key, zone, ..TaskDetails::default() };
            TraceTask {
                arrival: Time(arrival * SECOND),
                work: work * SECOND,
                requested: requested.map(|requested| requested * SECOND),
                priority: f64::from(priority),
                slots: slots.min(most),
                class,
                failure_probability: fails,
                details: Some(Box::new(details)),
            }
        });
        let tasks = tasks.collect();
        let mut world = World {
            nodes: nodes.iter().map(|(node, _)| *node).collect(),
            zones: zones.map_or(Zones::default(), |ways| {
                let seconds = |way: u64| Duration(way * SECOND);
                let latency = ways.chunks(2).map(|row| row.iter().copied().map(seconds).collect()).collect();
                Zones::new((0..nodes.len() as u16).map(|node| (node + 1) % 3).collect(), latency)
            }),
            faults: breakdowns_among(breakdowns, nodes.len()),
            resources: Arc::new(resources),
            workload: Workload::Listed {
                tasks,
                class_names: ["a", "b", "c"].map(String::from).to_vec(),
                estimate: EstimateSpec::Requested,
                graph: None,
                kill_at_requested: kills,
            },
            retry,
            limits: Limits::default(),
            guards: Default::default(),
            alarms: Default::default(),
            autoscale: None,
            prices: Vec::new(),
            delays: Delays { dispatch, ..Delays::default() },
            last_arrival: None,
            warmup: 0,
            timeline_buckets: 3,
            service_nodes: 1,
        };
        for (_, fault) in nodes {
            world.faults.of_node.push(fault.is_some().then_some(world.faults.kinds.len() as u32));
            world.faults.kinds.extend(fault);
        }
        world
    })
}

fn resources_of(given: &RawResources, nodes: usize) -> Resources {
    let (kinds, amounts) = given;
    let mut resources = Resources::new(["cpu", "memory"][..*kinds].iter().map(ToString::to_string).collect());
    for &(cpu, memory) in &amounts[..nodes] {
        resources.add_node(&[cpu * 250_000, memory * 1_000_000][..*kinds]);
    }
    resources
}

fn tasks_of(world: &World) -> &[TraceTask] {
    let Workload::Listed { tasks, .. } = &world.workload else { panic!("a list") };
    tasks
}

/// The run, its core checked after every instant; `None` when it does not come to an end: a node
/// that fails every 10 s never ends a task of 11 s that starts over.
fn run(world: &World, policy: &PolicySpec, seed: u64) -> Option<RunOutput> {
    let built = world.policy(policy, seed);
    // The wish to stop is looked at after some thousand instants.
    let stop = AtomicBool::new(true);
    let options =
        RunOptions { tasks: true, check_invariants: true, stop: Some(&stop), ..RunOptions::default() };
    match simulate(world, seed, built, &options) {
        Ok(output) => Some(output),
        Err(SimulationError::Stopped) => None,
        Err(error) => panic!("{}: {error}", policy.name),
    }
}

/// Every combination of the parts in the registry, some places and orders with other options than
/// their defaults.
fn combinations() -> Vec<PolicySpec> {
    let mut places: Vec<(String, PlaceSpec)> =
        PLACES.iter().map(|part| (part.name.to_string(), part.spec.clone())).collect();
    for (d, with_replacement) in [(1, false), (2, true), (3, false), (9, true)] {
        places.push((format!("power-of {d} {with_replacement}"), PlaceSpec::PowerOf { d, with_replacement }));
    }
    for (virtual_nodes, load_bound) in [(1, None), (7, Some(1.0)), (20, Some(1.5))] {
        let place = PlaceSpec::ConsistentHash { virtual_nodes, load_bound };
        places.push((format!("consistent-hash {virtual_nodes} {load_bound:?}"), place));
    }
    places.push(("least-loaded by work".to_string(), PlaceSpec::LeastWork));
    places.push(("min-cost-flow 3".to_string(), PlaceSpec::MinCostFlow { window: 3 }));
    places.push(("nearest spill-over".to_string(), PlaceSpec::Nearest { spill_over: true }));
    let mut combinations = Vec::new();
    let users = [
        ("fair-share over users", OrderSpec::FairShare { over: Sharers::Users }),
        ("fairness over users", OrderSpec::DominantResourceFairness { over: Sharers::Users }),
    ];
    let registered = ORDERS.iter().map(|part| (part.name, part.spec.clone()));
    let orders: Vec<(&str, OrderSpec)> = registered.chain(users).collect();
    for (order_name, order) in &orders {
        for (place_name, place) in &places {
            for dispatch in DISPATCHES {
                for backfill in BACKFILLS {
                    // Nobody overtakes where there is no one queue, or one task at a time.
                    if backfill.spec != BackfillSpec::None && dispatch.spec != DispatchSpec::Pull {
                        continue;
                    }
                    let one_queue = dispatch.spec.base() == Dispatch::Pull;
                    if order.needs_central_queue() && !(one_queue && backfill.spec == BackfillSpec::None) {
                        continue;
                    }
                    if dispatch.spec == DispatchSpec::Serial && matches!(place, PlaceSpec::MinCostFlow { .. })
                    {
                        continue;
                    }
                    // They differ from `f1` in their formula alone.
                    let alike = matches!(order, OrderSpec::F2 | OrderSpec::F3 | OrderSpec::F4);
                    if alike && *place != PlaceSpec::FirstFit {
                        continue;
                    }
                    combinations.push(PolicySpec {
                        name: format!("{order_name} {place_name} {} {}", dispatch.name, backfill.name),
                        order: order.clone(),
                        place: place.clone(),
                        dispatch: dispatch.spec,
                        backfill: backfill.spec,
                        ..PolicySpec::default()
                    });
                }
            }
        }
    }
    // Places at other numbers of nodes.
    for (place_name, place) in &places {
        for probes in [1, 3, 9] {
            combinations.push(PolicySpec {
                name: format!("sjf {place_name} late binding to {probes}"),
                order: OrderSpec::Sjf,
                place: place.clone(),
                dispatch: DispatchSpec::LateBinding { probes },
                ..PolicySpec::default()
            });
        }
    }
    // Nodes that take several tasks at a time.
    for (place_name, place) in
        places.iter().filter(|(_, place)| !matches!(place, PlaceSpec::MinCostFlow { .. }))
    {
        for (order, batch) in [(OrderSpec::Fifo, 2), (OrderSpec::Sjf, 3), (OrderSpec::Random, 9)] {
            combinations.push(PolicySpec {
                name: format!("{order:?} {place_name} in batches of {batch}"),
                order,
                place: place.clone(),
                dispatch: DispatchSpec::Prefetching { batch },
                ..PolicySpec::default()
            });
        }
    }
    // How idle nodes take what waits elsewhere.
    for order in [OrderSpec::Fifo, OrderSpec::Sjf, OrderSpec::Srtf] {
        for place in [PlaceSpec::RoundRobin, PlaceSpec::LeastWork, PlaceSpec::EarliestFinish] {
            for victim in [Victim::Longest, Victim::Random] {
                for take in [Take::One, Take::Half] {
                    for delay in [0, 1, 3] {
                        let rule = Stealing { victim, take, delay: Duration(delay * SECOND) };
                        combinations.push(PolicySpec {
                            name: format!("{order:?} {place:?} {rule:?}"),
                            order: order.clone(),
                            place: place.clone(),
                            dispatch: DispatchSpec::Hybrid(rule),
                            ..PolicySpec::default()
                        });
                    }
                }
            }
        }
    }
    // Scores that move at every decision or at most every 3 s, and one that does not move.
    let scores = [
        ("priority - wait / (1 + attempts)", 0),
        ("max(work, slots) - wait^2", 3),
        ("slots * log(work) - arrival", 0),
    ];
    let scores = scores.map(|(formula, every)| OrderSpec::Score {
        formula: Formula::new(formula.to_string()).expect("a formula"),
        every: Duration(every * SECOND),
    });
    for order in &scores {
        for place in [PlaceSpec::LeastLoaded, PlaceSpec::FirstFit, PlaceSpec::EarliestFinish] {
            let backfills = BACKFILLS.iter().map(|backfill| (DispatchSpec::Pull, backfill.spec));
            for (dispatch, backfill) in backfills.chain([(DispatchSpec::Push, BackfillSpec::None)]) {
                combinations.push(PolicySpec {
                    name: format!("{order:?} {place:?} {dispatch:?} {backfill:?}"),
                    order: order.clone(),
                    place: place.clone(),
                    dispatch,
                    backfill,
                    ..PolicySpec::default()
                });
            }
        }
    }
    // How tasks overtake: in another order, and behind a head that stays the head.
    let options = [
        (Some(OrderSpec::Sjf), false),
        (Some(OrderSpec::Lifo), true),
        (None, true),
        (Some(OrderSpec::Wfp3), false),
        (Some(scores[1].clone()), true),
    ];
    for order in [OrderSpec::Fifo, OrderSpec::Ljf, OrderSpec::Unicep, scores[1].clone()] {
        for backfill in [BackfillSpec::Aggressive, BackfillSpec::Easy] {
            for (backfill_order, commit_head) in options.clone() {
                combinations.push(PolicySpec {
                    name: format!("{order:?} {backfill:?} by {backfill_order:?}, commits: {commit_head}"),
                    order: order.clone(),
                    place: PlaceSpec::FirstFit,
                    dispatch: DispatchSpec::Pull,
                    backfill,
                    backfill_order,
                    commit_head,
                    ..PolicySpec::default()
                });
            }
        }
    }
    for order in [OrderSpec::Lifo, OrderSpec::Wfp3, scores[0].clone(), scores[1].clone()] {
        for batch in [1, 2, 4] {
            for commit_head in [false, true] {
                combinations.push(PolicySpec {
                    name: format!("{order:?} in batches of {batch}, commits: {commit_head}"),
                    order: order.clone(),
                    place: PlaceSpec::BestFit,
                    dispatch: DispatchSpec::Prefetching { batch },
                    commit_head,
                    ..PolicySpec::default()
                });
            }
        }
    }
    let interrupting: Vec<PolicySpec> = combinations
        .iter()
        .filter(|policy| {
            use OrderSpec::{Edf, F1, FailureFirst, Lifo, Ljf, Priority, Score, Sjf, Unicep, Wfp3};
            let scored = matches!(policy.order, F1 | Unicep | Wfp3 | Score { .. });
            (scored || matches!(policy.order, Lifo | Ljf | Sjf | Edf | FailureFirst | Priority { .. }))
                && matches!(policy.place, PlaceSpec::LeastLoaded | PlaceSpec::Fastest | PlaceSpec::Random)
        })
        .map(|policy| PolicySpec {
            name: format!("{} preempt", policy.name),
            preempt: true,
            ..policy.clone()
        })
        .collect();
    combinations.extend(interrupting);
    // Promises, reserved places and batches are not for tasks that others may interrupt; a scenario cannot
    // ask for both.
    combinations.retain(|policy| {
        use OrderSpec::{LeastAttainedService, Mlfq, Srtf, TimeSlice};
        let always =
            matches!(policy.order, Srtf | TimeSlice { .. } | Mlfq { .. } | LeastAttainedService { .. });
        let plans = policy.backfill == BackfillSpec::Conservative;
        let late = matches!(policy.dispatch, DispatchSpec::LateBinding { .. });
        let ahead = matches!(policy.dispatch, DispatchSpec::Prefetching { .. });
        // Places in several queues are kept by key.
        !(late && policy.order.moves()) && (!(plans || late || ahead) || !(policy.preempt || always))
    });
    combinations
}

/// Whether the choices cannot be foretold by the plain simulator.
fn draws(policy: &PolicySpec) -> bool {
    policy.order == OrderSpec::Random
        || matches!(
            policy.place,
            PlaceSpec::Random
                | PlaceSpec::WeightedRandom
                | PlaceSpec::PowerOf { .. }
                | PlaceSpec::WeightedPowerOf { .. }
                // Of several assignments of the same cost it takes any.
                | PlaceSpec::MinCostFlow { .. }
        )
}

/// What must hold of any schedule of this world.
fn check_rows(world: &World, policy: &PolicySpec, output: &RunOutput) {
    let name = &policy.name;
    let tasks = tasks_of(world);
    assert_eq!(output.tasks.len(), tasks.len(), "{name}: a row per task");
    let fastest = world.nodes.iter().map(|node| node.speed).fold(0.0, f64::max);
    let capacity: f64 = world.nodes.iter().map(|node| node.speed * f64::from(node.slots)).sum();
    let mut done = 0.0;
    for (number, (row, task)) in output.tasks.iter().zip(tasks).enumerate() {
        assert_eq!(row.task as usize, number, "{name}: each task once");
        assert_eq!((row.arrival, row.work), (task.arrival, task.work), "{name}: task {number}");
        let start = row.first_start.unwrap_or(row.settled);
        assert!(task.arrival <= start && start <= row.settled, "{name}: task {number} out of time");
        assert!(row.attempts >= 1 && row.node.is_some(), "{name}: task {number} settled without a try");
        let node = &world.nodes[row.node.expect("a node") as usize];
        assert!(node.slots >= task.slots, "{name}: task {number} on a node that is too small");
        let demand = task.details.as_ref().map_or(0, |details| details.demand);
        let capacity = world.resources.capacity(NodeId(row.node.expect("a node")));
        let met = capacity.iter().zip(world.resources.demand(demand)).all(|(has, asks)| has >= asks);
        assert!(met, "{name}: task {number} on a node that lacks what it demands");
        if row.state == FinalState::Completed {
            assert!(task.failure_probability < 1.0, "{name}: task {number} cannot complete");
            assert_eq!(row.service.0, (task.work as f64 / node.speed).round() as u64, "{name}: {number}");
            let shortest = task.work as f64 / fastest;
            assert!((row.settled - start).0 as f64 >= shortest - 1.0, "{name}: task {number} too quick");
            done += task.work as f64 * f64::from(task.slots);
        }
    }
    let metric = |metric| output.collected.metrics.get(metric).expect("a figure");
    let count = tasks.len() as f64;
    assert_eq!(metric(Metric::Submitted), count, "{name}");
    let settled = metric(Metric::Completed) + metric(Metric::Errors) + metric(Metric::Timeouts);
    assert_eq!(settled, count, "{name}: tasks are conserved");
    let makespan = output.collected.window.0 as f64;
    assert!(makespan >= done / capacity - count, "{name}: more done than can be");
    if let Some(utilisation) = output.collected.metrics.get(Metric::Utilisation) {
        assert!(utilisation <= 1.0 + 1e-12, "{name}: more used than offered");
    }
    let timeline = output.collected.timeline.as_ref().expect("a timeline");
    let completed: u64 = timeline.rows.iter().map(|row| row.completed).sum();
    assert_eq!(completed as f64, metric(Metric::Completed), "{name}: the timeline has all");
    let last = timeline.rows.last().expect("buckets");
    assert_eq!((last.queue_length, last.running), (0, 0), "{name}: all is done in the end");
}

/// Runs the check on random worlds, the same ones every time.
fn in_random_worlds(worlds: u32, check: impl Fn(&World)) {
    let config = Config { cases: worlds, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&world(), |world| {
        check(&world);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

fn fate(row: &falcon::metrics::TaskResult) -> Fate {
    Fate {
        first_start: row.first_start.map(|start| start.0),
        settled: row.settled.0,
        completed: row.state == FinalState::Completed,
        attempts: row.attempts,
        node: row.node,
    }
}

/// The fates of all tasks in two simulators, those that differ marked.
fn side_by_side(found: &[Fate], expected: &[Fate]) -> String {
    let one = |fate: &Fate| {
        let start = fate.first_start.map_or(-1.0, |start| start as f64 / 1e9);
        let node = fate.node.map_or(-1, i64::from);
        format!(
            "{start} to {} on {node} ({} attempts, {})",
            fate.settled as f64 / 1e9,
            fate.attempts,
            fate.completed
        )
    };
    let row = |(number, (found, expected)): (usize, (&Fate, &Fate))| {
        let mark = if found == expected { ' ' } else { '*' };
        format!("\n{mark} {number}: {} | {}", one(found), one(expected))
    };
    found.iter().zip(expected).enumerate().map(row).collect()
}

/// All parts in all combinations keep the invariants of the core, lose and duplicate nothing; and
/// those that do not draw give the same schedule as a simulator that scans everything.
#[test]
fn every_policy_in_random_worlds() {
    every_policy(20);
}

/// The same in many more worlds.
#[test]
#[ignore = "takes minutes"]
fn every_policy_in_many_random_worlds() {
    every_policy(1500);
}

fn every_policy(worlds: u32) {
    let policies = combinations();
    // But for a few that cannot be combined, and some more than once.
    assert!(policies.len() > ORDERS.len() * PLACES.len() * (DISPATCHES.len() + BACKFILLS.len() - 2));
    in_random_worlds(worlds, |world| {
        for policy in &policies {
            // Reservations are of slots alone, and scenarios cannot ask for more.
            let reserves = matches!(policy.backfill, BackfillSpec::Easy | BackfillSpec::Conservative);
            if reserves && !world.resources.is_empty() {
                continue;
            }
            let Some(output) = run(world, policy, 5) else { continue };
            check_rows(world, policy, &output);
            if draws(policy) {
                continue;
            }
            let found: Vec<Fate> = output.tasks.iter().map(fate).collect();
            let expected = fates(world, policy, 5, 20_000).expect("both come to an end");
            let differ = found.iter().zip(&expected).any(|(found, expected)| found != expected);
            assert!(!differ, "{}: {}", policy.name, side_by_side(&found, &expected));
        }
    });
}

// Places, task by task --------------------------------------------------------------------------

fn policy(order: &str, place: &str, dispatch: &str) -> PolicySpec {
    let place = match place.strip_prefix("power-of ") {
        Some(d) => PlaceSpec::PowerOf { d: d.parse().expect("a number"), with_replacement: false },
        None => PLACES.iter().find(|part| part.name == place).expect("a place").spec.clone(),
    };
    PolicySpec {
        name: "under test".to_string(),
        order: ORDERS.iter().find(|part| part.name == order).expect("an order").spec.clone(),
        place,
        dispatch: DISPATCHES.iter().find(|part| part.name == dispatch).expect("a dispatch").spec,
        ..PolicySpec::default()
    }
}

/// A world of these nodes, (slots, speed, weight), and tasks, (arrival, work, slots, priority).
fn small(nodes: &[(u32, f64, f64)], tasks: &[(f64, f64, u32, f64)]) -> World {
    let nanos = |seconds: f64| Duration::from_seconds(seconds).expect("a time").0;
    let task = |&(arrival, work, slots, priority): &(f64, f64, u32, f64)| TraceTask {
        arrival: Time(nanos(arrival)),
        work: nanos(work),
        requested: None,
        priority,
        slots,
        class: 0,
        failure_probability: 0.0,
        details: None,
    };
    World {
        nodes: nodes.iter().map(|&(slots, speed, weight)| NodeSpec { slots, speed, weight }).collect(),
        zones: Zones::default(),
        faults: Faults { of_node: vec![None; nodes.len()], ..Faults::default() },
        resources: Arc::default(),
        workload: Workload::Listed {
            tasks: tasks.iter().map(task).collect(),
            class_names: vec![String::new()],
            estimate: EstimateSpec::Exact,
            graph: None,
            kill_at_requested: false,
        },
        retry: RetryPlan::default(),
        limits: Limits::default(),
        guards: Default::default(),
        alarms: Default::default(),
        autoscale: None,
        prices: Vec::new(),
        delays: Delays::default(),
        last_arrival: None,
        warmup: 0,
        timeline_buckets: 0,
        service_nodes: 1,
    }
}

/// The node of each task.
fn nodes_of(world: &World, policy: &PolicySpec, seed: u64) -> Vec<u32> {
    let output = run(world, policy, seed).expect("it ends");
    output.tasks.iter().map(|row| row.node.expect("a node")).collect()
}

/// The same for a run of any length.
fn nodes_of_many(world: &World, policy: &PolicySpec) -> Vec<u32> {
    let built = world.policy(policy, 1);
    let output = simulate(world, 1, built, &RunOptions { tasks: true, ..RunOptions::default() });
    output.expect("it runs").tasks.iter().map(|row| row.node.expect("a node")).collect()
}

/// Nodes to which `count` long tasks go that come at once under push.
fn placed(place: &str, nodes: &[(u32, f64, f64)], count: usize) -> Vec<u32> {
    let world = small(nodes, &vec![(0.0, 100.0, 1, 0.0); count]);
    nodes_of(&world, &policy("fifo", place, "push"), 1)
}

fn weighted(weights: &[f64]) -> Vec<(u32, f64, f64)> {
    weights.iter().map(|&weight| (1, 1.0, weight)).collect()
}

#[test]
fn smooth_weighted_round_robin() {
    let period = [0, 1, 0, 0, 2, 0, 0];
    let twice: Vec<u32> = period.iter().chain(&period).copied().collect();
    assert_eq!(placed("weighted-round-robin", &weighted(&[5.0, 1.0, 1.0]), 14), twice);
    // Weights count in proportion, and equal ones are plain round robin.
    assert_eq!(placed("weighted-round-robin", &weighted(&[0.5, 0.1, 0.1]), 14), twice);
    assert_eq!(placed("weighted-round-robin", &weighted(&[7.0; 3]), 6), [0, 1, 2, 0, 1, 2]);
    assert_eq!(placed("weighted-round-robin", &weighted(&[1.0, 2.0]), 6), [1, 0, 1, 1, 0, 1]);
}

/// After n tasks no node is a whole task ahead of its share or behind it, whatever the weights; after
/// as many tasks as all weights together each node has exactly its own.
#[test]
fn weighted_round_robin_keeps_to_the_shares() {
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let weights = prop::collection::vec(prop_oneof![1u32..4, 1u32..60, 1u32..700], 2..10);
    let result = runner.run(&weights, |weights| {
        let sum: u32 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
        let order = placed("weighted-round-robin", &weighted(&shares), (2 * sum).max(2000) as usize);
        let mut counts = vec![0u32; weights.len()];
        for (index, node) in order.iter().enumerate() {
            counts[*node as usize] += 1;
            let tasks = index as u64 + 1;
            for (count, weight) in counts.iter().zip(&weights) {
                // As whole numbers: a bound that is met exactly is met.
                let (count, share) = (u64::from(*count * sum), tasks * u64::from(*weight));
                prop_assert!(count.abs_diff(share) < u64::from(sum), "{count} for {share} after {tasks}");
            }
            if tasks.is_multiple_of(u64::from(sum)) {
                let periods = tasks as u32 / sum;
                let whole: Vec<u32> = weights.iter().map(|weight| weight * periods).collect();
                prop_assert_eq!(&counts, &whole);
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// While a node is down the others share by weight, and when it is back so do all: in any stretch
/// without a change no node is two tasks away from its share of that stretch.
#[test]
fn weighted_round_robin_with_a_node_that_fails() {
    let weights = [46.0, 306.0, 5.0, 39.0, 120.0];
    let tasks: Vec<(f64, f64, u32, f64)> = (0..3000).map(|k| (0.5 + f64::from(k), 0.25, 1, 0.0)).collect();
    let mut world = small(&weighted(&weights), &tasks);
    world.faults.kinds = vec![NodeFaults {
        up: Distribution::constant(777.0),
        down: Distribution::constant(321.0),
        fails: FailsWhen::Always,
    }];
    world.faults.of_node[1] = Some(0);
    let nodes = nodes_of_many(&world, &policy("fifo", "weighted-round-robin", "push"));
    for (from, to, down) in [(0, 777, false), (777, 1098, true), (1098, 1875, false), (1875, 2196, true)] {
        let share = |node: usize| if down && node == 1 { 0.0 } else { weights[node] };
        let all: f64 = (0..5).map(share).sum();
        for end in from..to {
            for node in 0..5 {
                let count = nodes[from..=end].iter().filter(|other| **other == node as u32).count() as f64;
                let expected = (end + 1 - from) as f64 * share(node) / all;
                assert!(
                    (count - expected).abs() < 2.0,
                    "{count} of {expected} on {node} from {from} to {end}"
                );
            }
        }
    }
}

/// Node 1 is down from 5 to 15. A task comes every second from 0.5 on.
#[test]
fn in_turn_without_the_nodes_that_are_down() {
    let tasks: Vec<(f64, f64, u32, f64)> = (0..20).map(|k| (0.5 + f64::from(k), 0.25, 1, 0.0)).collect();
    let mut world = small(&weighted(&[1.0, 1.0, 1.0]), &tasks);
    world.faults.kinds = vec![NodeFaults {
        up: Distribution::constant(5.0),
        down: Distribution::constant(10.0),
        fails: FailsWhen::Always,
    }];
    world.faults.of_node[1] = Some(0);
    let down = [0, 1, 2, 0, 1];
    let without = [2, 0, 2, 0, 2, 0, 2, 0, 2, 0];
    let again = [1, 2, 0, 1, 2];
    let expected: Vec<u32> = down.iter().chain(&without).chain(&again).copied().collect();
    assert_eq!(nodes_of(&world, &policy("fifo", "round-robin", "push"), 1), expected);
    // Random places never choose a node that is down.
    for place in ["random", "weighted-random", "power-of 1", "power-of 2", "power-of 3"] {
        for seed in 0..20 {
            let nodes = nodes_of(&world, &policy("fifo", place, "push"), seed);
            assert!(nodes[5..15].iter().all(|node| *node != 1), "{place}: {nodes:?}");
        }
    }
}

#[test]
fn the_least_loaded_node() {
    // Ties go to the lower number; tasks are counted, whatever the slots.
    assert_eq!(placed("least-loaded", &weighted(&[1.0; 3]), 7), [0, 1, 2, 0, 1, 2, 0]);
    assert_eq!(placed("least-loaded", &[(1, 1.0, 1.0), (9, 2.0, 9.0)], 4), [0, 1, 0, 1]);
    assert_eq!(placed("weighted-least-loaded", &weighted(&[2.0, 1.0]), 6), [0, 1, 0, 0, 1, 0]);
    // Running and queued tasks count, ended ones do not: node 0 is empty again at 2.
    let world = small(
        &weighted(&[1.0; 2]),
        &[(0.0, 2.0, 1, 0.0), (0.0, 9.0, 1, 0.0), (1.0, 9.0, 1, 0.0), (2.5, 1.0, 1, 0.0)],
    );
    assert_eq!(nodes_of(&world, &policy("fifo", "least-loaded", "push"), 1), [0, 1, 0, 0]);
}

/// Nodes of 1 slot at speed 1, 2 slots at speed 1, and 1 slot at speed 2.
#[test]
fn the_least_work() {
    let nodes = [(1, 1.0, 1.0), (2, 1.0, 1.0), (1, 2.0, 1.0)];
    let tasks = [
        // Nothing anywhere: node 0, then 1; 2 has 10 s of work to be done in 5.
        (0.0, 8.0, 1, 0.0),
        (0.0, 8.0, 1, 0.0),
        (0.0, 10.0, 1, 0.0),
        // Left per slot: 8, 4, 5; then 8, 4 + 3.5, 5; then 8, 7.5, 5 + 2.
        (0.0, 7.0, 1, 0.0),
        (0.0, 4.0, 1, 0.0),
        (0.0, 2.0, 1, 0.0),
        // At 3: node 0 has 5; node 1 has 5 and 4 of two slots, 4.5; node 2 has 5, then 1 more: 4 + 1 - 3.
        (3.0, 1.0, 1, 0.0),
        // At 8.5: node 0 is idle since 8, but for what came there.
        (8.5, 1.0, 1, 0.0),
    ];
    let place = PlaceSpec::LeastWork;
    let nodes =
        nodes_of(&small(&nodes, &tasks), &PolicySpec { place, ..policy("fifo", "random", "push") }, 1);
    assert_eq!(nodes, [0, 1, 2, 1, 2, 2, 1, 0]);
}

/// With exact estimates and equal nodes of one slot, a task that is bound to the node with the least
/// work left starts when it would out of one queue for all (Harchol-Balter 2013, section 24.1).
#[test]
fn the_least_work_is_as_good_as_one_queue() {
    // Works of 0 to 6 s in no order, at 95 % load.
    let work = |k: u64| (k * 7919 % 601) as f64 / 100.0;
    let tasks: Vec<(f64, f64, u32, f64)> = (0..2000).map(|k| (k as f64 * 0.79, work(k), 1, 0.0)).collect();
    let world = small(&weighted(&[1.0; 4]), &tasks);
    let starts = |policy: &PolicySpec| -> Vec<Time> {
        let built = policies::build(policy, &world.nodes, 1, Streams::new(1));
        let output = simulate(&world, 1, built, &RunOptions { tasks: true, ..RunOptions::default() });
        output.expect("it runs").tasks.iter().map(|row| row.first_start.expect("started")).collect()
    };
    let by_work = starts(&PolicySpec { place: PlaceSpec::LeastWork, ..policy("fifo", "random", "push") });
    assert_eq!(by_work, starts(&policy("fifo", "random", "pull")));
    let waited = by_work.iter().zip(&tasks).filter(|(start, task)| start.as_seconds() > task.0).count();
    assert!(waited > 500, "only {waited} waited");
}

/// Places at all of equal nodes are one queue for all; a place at one node is push.
#[test]
fn late_binding_at_its_ends() {
    let work = |k: u64| (k * 7919 % 601) as f64 / 100.0;
    let tasks: Vec<(f64, f64, u32, f64)> =
        (0..2000).map(|k| (k as f64 * 0.79, work(k), 1, (k % 3) as f64)).collect();
    let world = small(&weighted(&[1.0; 4]), &tasks);
    let rows = |policy: &PolicySpec| -> Vec<(Time, Time)> {
        let built = policies::build(policy, &world.nodes, 1, Streams::new(1));
        let output = simulate(&world, 1, built, &RunOptions { tasks: true, ..RunOptions::default() });
        let times = |row: &falcon::metrics::TaskResult| (row.first_start.expect("started"), row.settled);
        output.expect("it runs").tasks.iter().map(times).collect()
    };
    for order in ["fifo", "sjf", "priority"] {
        for place in ["round-robin", "least-loaded"] {
            let late = |probes| PolicySpec {
                dispatch: DispatchSpec::LateBinding { probes },
                ..policy(order, place, "push")
            };
            let pulled = rows(&policy(order, place, "pull"));
            assert_eq!(rows(&late(4)), pulled, "{order} {place}");
            let pushed = rows(&policy(order, place, "push"));
            assert_eq!(rows(&late(1)), pushed, "{order} {place}");
            let wait = |rows: &[(Time, Time)]| -> f64 {
                rows.iter().zip(&tasks).map(|((start, _), task)| start.as_seconds() - task.0).sum()
            };
            // Between the two.
            let two = wait(&rows(&late(2)));
            assert!(wait(&pulled) < two && two < wait(&pushed), "{order} {place}: {two}");
        }
    }
}

/// A batch of one is pull, record by record.
#[test]
fn batches_of_one_are_pull() {
    in_random_worlds(60, |world| {
        for order in ["fifo", "lifo", "sjf", "priority", "random", "wfp3"] {
            for place in ["least-loaded", "round-robin", "best-fit", "power-of", "random", "earliest-finish"]
            {
                let history = |dispatch| {
                    let policy = PolicySpec { dispatch, ..policy(order, place, "pull") };
                    let stop = AtomicBool::new(true);
                    let options = RunOptions { history: true, stop: Some(&stop), ..RunOptions::default() };
                    match simulate(world, 5, world.policy(&policy, 5), &options) {
                        Ok(output) => output.history,
                        Err(SimulationError::Stopped) => Vec::new(),
                        Err(error) => panic!("{order} {place}: {error}"),
                    }
                };
                let (one, pulled) =
                    (history(DispatchSpec::Prefetching { batch: 1 }), history(DispatchSpec::Pull));
                assert_eq!(one, pulled, "{order} {place}");
            }
        }
    });
}

/// One task long, the others short, on two nodes: what is taken ahead waits behind the long one, and what
/// is not goes to the other node.
#[test]
fn what_is_taken_ahead_waits_where_it_is() {
    let tasks = [(0.0, 9.0, 1, 0.0), (0.0, 1.0, 1, 0.0), (0.0, 1.0, 1, 0.0), (0.0, 1.0, 1, 0.0)];
    let world = small(&weighted(&[1.0; 2]), &tasks);
    let starts = |batch| {
        let dispatch = DispatchSpec::Prefetching { batch };
        let output = run(&world, &PolicySpec { dispatch, ..policy("fifo", "first-fit", "pull") }, 1);
        let started = |row: &falcon::metrics::TaskResult| row.first_start.expect("started").as_seconds();
        output.expect("it ends").tasks.iter().map(started).collect::<Vec<f64>>()
    };
    assert_eq!(starts(1), [0.0, 0.0, 1.0, 2.0]);
    assert_eq!(starts(2), [0.0, 9.0, 0.0, 1.0]);
    assert_eq!(starts(3), [0.0, 9.0, 10.0, 0.0]);
    assert_eq!(starts(9), [0.0, 9.0, 10.0, 11.0]);
}

/// Whoever leaves a queue, is refused or is taken elsewhere: tables agree and every task is settled once.
#[test]
fn limits_and_patience_in_random_worlds() {
    let dispatches = [
        DispatchSpec::Push,
        DispatchSpec::HYBRID,
        DispatchSpec::Hybrid(Stealing { victim: Victim::Random, take: Take::Half, delay: Duration(SECOND) }),
        DispatchSpec::Hybrid(Stealing { victim: Victim::Longest, take: Take::Half, delay: Duration::ZERO }),
        DispatchSpec::Serial,
        DispatchSpec::LateBinding { probes: 2 },
        DispatchSpec::Prefetching { batch: 3 },
    ];
    in_random_worlds(60, |world| {
        for (nth, dispatch) in dispatches.iter().enumerate() {
            for order in ["fifo", "lifo", "sjf"] {
                let mut world = world.clone();
                let Workload::Listed { tasks, .. } = &mut world.workload else { panic!("a list") };
                for task in Arc::make_mut(tasks) {
                    let gives_up = Time(task.arrival.0 + (task.work / SECOND % 5 + 1) * SECOND);
                    task.details.as_mut().expect("details").gives_up = gives_up;
                }
                let nodes = world.nodes.len() as u32;
                // Refused where nodes take tasks ahead.
                let limited = !dispatch.takes_ahead();
                world.limits = Limits {
                    waiting: (nth % 2 == 0 && limited).then_some(4),
                    nodes: if order == "fifo" && limited {
                        (0..nodes).map(|node| node % 3).collect()
                    } else {
                        vec![]
                    },
                    tasks_give_up: true,
                };
                let policy = PolicySpec { dispatch: *dispatch, ..policy(order, "least-loaded", "push") };
                let Some(output) = run(&world, &policy, 5) else { continue };
                let figure = |metric| output.collected.metrics.get(metric).expect("a figure");
                let ended = [Metric::Completed, Metric::Errors, Metric::Timeouts, Metric::Rejected];
                let settled: f64 = ended.into_iter().map(figure).sum();
                assert_eq!(settled, tasks_of(&world).len() as f64, "{dispatch:?} {order}");
            }
        }
    });
}

/// Two tasks of 2 and 8 units and a free node each of speed 1 and 4: greedily the first would take the
/// fast node and the second run for 8 s; together they take 2 + 2 s. The way to a zone counts too.
#[test]
fn matched_at_the_least_cost() {
    let flow =
        |window| PolicySpec { place: PlaceSpec::MinCostFlow { window }, ..policy("fifo", "random", "pull") };
    let mut world = small(&[(1, 1.0, 1.0), (1, 4.0, 4.0)], &[(0.0, 2.0, 1, 0.0), (0.0, 8.0, 1, 0.0)]);
    assert_eq!(nodes_of(&world, &flow(64), 1), [0, 1]);
    assert_eq!(nodes_of(&world, &policy("fifo", "fastest", "pull"), 1), [1, 0]);
    // One by one the first takes the fast node.
    assert_eq!(nodes_of(&world, &flow(1), 1), [1, 0]);
    // Zones 20 s apart: neither task is worth the way.
    let away = Duration(20 * SECOND);
    world.zones = Zones::new(vec![1, 2], vec![vec![Duration::ZERO, away], vec![away, Duration::ZERO]]);
    let Workload::Listed { tasks, .. } = &mut world.workload else { panic!("a list") };
    for (zone, task) in [2, 1].into_iter().zip(std::sync::Arc::make_mut(tasks)) {
        task.details = Some(Box::new(TaskDetails { zone, ..TaskDetails::default() }));
    }
    assert_eq!(nodes_of(&world, &flow(64), 1), [1, 0], "each in its own zone");
    let output = run(&world, &flow(64), 1).expect("it ends");
    assert_eq!(output.tasks.iter().map(|row| row.settled.as_seconds()).collect::<Vec<_>>(), [0.5, 8.0]);
    // One free node of speed 1 and three tasks that wait: the shortest goes first, but for one that has
    // waited for longer than it is longer.
    let tasks = [(0.0, 10.0, 1, 0.0), (1.0, 9.0, 1, 0.0), (5.0, 3.0, 1, 0.0), (6.0, 5.5, 1, 0.0)];
    let output = run(&small(&[(1, 1.0, 1.0)], &tasks), &flow(64), 1).expect("it ends");
    let starts: Vec<f64> =
        output.tasks.iter().map(|row| row.first_start.expect("started").as_seconds()).collect();
    // At 10: 9 - 9, 3 - 5, 5.5 - 4; at 13: 9 - 12, 5.5 - 7.
    assert_eq!(starts, [0.0, 13.0, 10.0, 22.0]);
}

/// A node that fills up gets its turn less often: of 4 slots each, weights 3 and 1.
#[test]
fn weights_that_follow_the_load() {
    let nodes = [(4, 1.0, 3.0), (4, 1.0, 1.0)];
    let world = small(&nodes, &[(0.0, 9.0, 1, 0.0); 8]);
    let nodes = nodes_of(&world, &policy("fifo", "dynamic-weighted-round-robin", "push"), 1);
    // The weights: 3 : 1, then as slots are taken.
    assert_eq!(nodes.iter().filter(|node| **node == 0).count(), 4, "{nodes:?}");
    assert_eq!(nodes[0], 0);
    assert!(nodes[..4].iter().filter(|node| **node == 0).count() >= 2, "{nodes:?}");
}

#[test]
fn the_fastest_node() {
    let nodes = [(1, 1.0, 1.0), (1, 3.0, 1.0), (1, 2.0, 1.0), (1, 3.0, 1.0)];
    let tasks = [(0.0, 6.0, 1, 0.0); 6];
    let world = small(&nodes, &tasks);
    // At 2 nodes 1 and 3 are free again.
    assert_eq!(nodes_of(&world, &policy("fifo", "fastest", "pull"), 1), [1, 3, 2, 0, 1, 3]);
    // Under push all that comes at once is bound at once: first to free nodes, then to the least loaded.
    assert_eq!(nodes_of(&world, &policy("fifo", "fastest", "push"), 1), [1, 3, 2, 0, 0, 1]);
}

/// Ring hashing of `keys` tasks, each a key of its own, one after the other: the node of each key.
fn hashed(nodes: usize, without: Option<usize>, keys: usize) -> Vec<u32> {
    let place = PlaceSpec::ConsistentHash { virtual_nodes: 100, load_bound: None };
    let tasks: Vec<(f64, f64, u32, f64)> = (0..keys).map(|k| (1.0 + k as f64, 0.5, 1, 0.0)).collect();
    let mut world = small(&vec![(1, 1.0, 1.0); nodes], &tasks);
    if let Some(node) = without {
        // It fails before the first task and does not come back before the last.
        let (up, down) = (Distribution::constant(0.5), Distribution::constant(10.0 * keys as f64));
        world.faults.kinds = vec![NodeFaults { up, down, fails: FailsWhen::Always }];
        world.faults.of_node[node] = Some(0);
    }
    nodes_of_many(&world, &PolicySpec { place, ..policy("fifo", "random", "push") })
}

/// When a node leaves or joins, its keys move and no others, and they are about 1/n of all: the share
/// of a node of 100 points has a coefficient of variation of 0.1. Those of a node that leaves go to
/// all the others.
#[test]
fn only_the_keys_of_a_node_move() {
    let (nodes, keys) = (20, 20_000);
    let before = hashed(nodes, None, keys);
    let mut moved_shares = Vec::new();
    for node in 0..nodes {
        let after = hashed(nodes, Some(node), keys);
        let mut heirs = vec![0; nodes];
        let mut moved = 0;
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(*after, node as u32, "a node that is down");
            if *before == node as u32 {
                moved += 1;
                heirs[*after as usize] += 1;
            } else {
                assert_eq!(before, after, "a key of another node moved");
            }
        }
        assert!(heirs.iter().filter(|heir| **heir > 0).count() > nodes / 2, "{heirs:?}");
        moved_shares.push(f64::from(moved) / keys as f64);
    }
    // The node that joins last is the one that had left.
    let smaller = hashed(nodes - 1, None, keys);
    assert_eq!(smaller, hashed(nodes, Some(nodes - 1), keys));
    let mean = 1.0 / nodes as f64;
    for share in &moved_shares {
        assert!((share / mean - 1.0).abs() < 0.35, "{share} of the keys moved, not about {mean}");
    }
    let variance = moved_shares.iter().map(|share| (share / mean - 1.0).powi(2)).sum::<f64>() / nodes as f64;
    assert!((0.03..0.2).contains(&variance.sqrt()), "{}", variance.sqrt());
}

/// Tasks of one hot key and of others: no node ever holds more than its bound, and those that the
/// bound does not touch stay where they were.
#[test]
fn loads_stay_below_the_bound() {
    for bound in [1.0, 1.25, 2.0] {
        let mut world = small(&[(1, 1.0, 1.0); 10], &[(0.0, 1e6, 1, 0.0); 500]);
        let Workload::Listed { tasks, .. } = &mut world.workload else { panic!("a list") };
        for (number, task) in std::sync::Arc::make_mut(tasks).iter_mut().enumerate() {
            let key = if number % 2 == 0 { 7 } else { number as u64 };
            task.details = Some(Box::new(TaskDetails { key, ..TaskDetails::default() }));
        }
        let of = |load_bound| {
            let place = PlaceSpec::ConsistentHash { virtual_nodes: 100, load_bound };
            nodes_of(&world, &PolicySpec { place, ..policy("fifo", "random", "push") }, 1)
        };
        let (free, bounded) = (of(None), of(Some(bound)));
        let mut loads = [0.0; 10];
        for (number, node) in bounded.iter().enumerate() {
            let most = (bound * (number + 1) as f64 / 10.0).ceil();
            let at_home = loads[free[number] as usize] < most;
            assert_eq!(*node == free[number], at_home, "task {number}: {loads:?}, at most {most}");
            loads[*node as usize] += 1.0;
            assert!(loads[*node as usize] <= most, "{loads:?} above {most}");
        }
        let hot = free.iter().filter(|node| **node == free[0]).count();
        assert!(hot >= 250, "without a bound all of the hot key go to one node");
    }
}

/// Nodes of 4, 2 and 3 slots; tasks of 2, 1, 3 and 3 slots.
#[test]
fn fits() {
    let nodes = [(4, 1.0, 1.0), (2, 1.0, 1.0), (3, 1.0, 1.0)];
    let tasks = [(0.0, 5.0, 2, 0.0), (1.0, 5.0, 1, 0.0), (2.0, 5.0, 3, 0.0), (3.0, 5.0, 3, 0.0)];
    let cases = [
        // 2 + 1 on node 0, 3 on node 2; the last fits nowhere until 6, when node 0 is empty.
        ("first-fit", [(0, 0.0), (0, 1.0), (2, 2.0), (0, 5.0)]),
        // 2 exactly on node 1, 1 on the smaller of the others, 3 on node 0; the last waits for node 2.
        ("best-fit", [(1, 0.0), (2, 1.0), (0, 2.0), (2, 6.0)]),
        // 2 of 4, then 1 of 3, which leaves 2 everywhere: 3 has to wait for node 0 until 5, and the
        // last for node 2 until 6.
        ("worst-fit", [(0, 0.0), (2, 1.0), (0, 5.0), (2, 6.0)]),
    ];
    for (place, expected) in cases {
        let output = run(&small(&nodes, &tasks), &policy("fifo", place, "pull"), 1).expect("it ends");
        let found: Vec<(u32, f64)> = output
            .tasks
            .iter()
            .map(|row| (row.node.expect("a node"), row.first_start.expect("started").as_seconds()))
            .collect();
        assert_eq!(found, expected, "{place}");
    }
    // Ties go to the lower number.
    let equal = [(3, 1.0, 1.0), (2, 1.0, 1.0), (2, 1.0, 1.0), (3, 1.0, 1.0)];
    for (place, node) in [("first-fit", 0), ("best-fit", 1), ("worst-fit", 0)] {
        let world = small(&equal, &[(0.0, 1.0, 2, 0.0)]);
        assert_eq!(nodes_of(&world, &policy("fifo", place, "pull"), 1), [node], "{place}");
    }
}

/// As many distinct draws as there are nodes, or more, look at all: the least loaded node it is,
/// for wide tasks as for narrow ones.
#[test]
fn distinct_choices() {
    for slots in [1, 2] {
        let nodes = [(4, 1.0, 1.0); 3];
        let tasks: Vec<(f64, f64, u32, f64)> =
            (0..60).map(|k| (f64::from(k) * 0.3, 1.0 + f64::from(k % 7), slots, 0.0)).collect();
        // A task of 2 slots among the others makes demands vary where all are narrow.
        for widest in [1, 2] {
            let mut tasks = tasks.clone();
            tasks.push((100.0, 1.0, widest.max(slots), 0.0));
            let world = small(&nodes, &tasks);
            for dispatch in ["push", "pull"] {
                let least = nodes_of(&world, &policy("fifo", "least-loaded", dispatch), 1);
                for d in ["power-of 3", "power-of 4", "power-of 100"] {
                    for seed in 0..5 {
                        assert_eq!(
                            nodes_of(&world, &policy("fifo", d, dispatch), seed),
                            least,
                            "{d} {dispatch}"
                        );
                    }
                }
            }
        }
    }
    // Two of two, which is the case with a way of its own.
    let tasks: Vec<(f64, f64, u32, f64)> = (0..40).map(|k| (f64::from(k) * 0.4, 1.0, 2, 0.0)).collect();
    let world = small(&[(4, 1.0, 1.0), (4, 1.0, 1.0), (1, 1.0, 1.0)], &tasks);
    let least = nodes_of(&world, &policy("fifo", "least-loaded", "push"), 1);
    assert_eq!(nodes_of(&world, &policy("fifo", "power-of 2", "push"), 1), least);
}

/// Pearson's chi-square of counts against expected shares.
fn chi_square(counts: &[u32], shares: &[f64]) -> f64 {
    let sum: f64 = counts.iter().map(|count| f64::from(*count)).sum();
    let whole: f64 = shares.iter().sum();
    counts
        .iter()
        .zip(shares)
        .map(|(count, share)| {
            let expected = sum * share / whole;
            if expected == 0.0 {
                f64::from(*count) * 1e9
            } else {
                (f64::from(*count) - expected).powi(2) / expected
            }
        })
        .sum()
}

/// How often a place chooses each of idle nodes.
fn choices(place: PlaceSpec, nodes: &[(u32, f64, f64)], slots: u32) -> Vec<u32> {
    let tasks: Vec<(f64, f64, u32, f64)> = (0..12_000).map(|k| (f64::from(k), 0.5, slots, 0.0)).collect();
    let world = small(nodes, &tasks);
    let policy = PolicySpec { place, ..policy("fifo", "random", "push") };
    let built = world.policy(&policy, 3);
    let output = simulate(&world, 3, built, &RunOptions { tasks: true, ..RunOptions::default() });
    let mut counts = vec![0; nodes.len()];
    for row in output.expect("it runs").tasks {
        counts[row.node.expect("a node") as usize] += 1;
    }
    counts
}

/// The 0.999 quantile of chi-square with one degree of freedom less than there are shares that are
/// not 0.
fn quantile(shares: &[f64]) -> f64 {
    let used = shares.iter().filter(|share| **share > 0.0).count();
    [10.83, 13.82, 16.27, 18.47, 20.52][used - 2]
}

/// A place, nodes, slots of the tasks, and the shares of the nodes.
type Draws<'a> = (PlaceSpec, &'a [(u32, f64, f64)], u32, [f64; 4]);

#[test]
fn random_places_draw_as_they_should() {
    let equal = [(4, 1.0, 1.0); 4];
    let unequal = [(4, 1.0, 5.0), (4, 1.0, 1.0), (2, 1.0, 2.0), (1, 1.0, 8.0)];
    let power = |d, with_replacement| PlaceSpec::PowerOf { d, with_replacement };
    let by_weight = |d| PlaceSpec::WeightedPowerOf { d };
    // All nodes being idle, the lower number wins: of two distinct ones of four the lowest is 0 in
    // 3 of 6 cases.
    let cases: [Draws<'_>; 16] = [
        (PlaceSpec::Random, &equal, 1, [1.0, 1.0, 1.0, 1.0]),
        (PlaceSpec::Random, &unequal, 1, [1.0, 1.0, 1.0, 1.0]),
        (PlaceSpec::Random, &unequal, 2, [1.0, 1.0, 1.0, 0.0]),
        (PlaceSpec::WeightedRandom, &unequal, 1, [5.0, 1.0, 2.0, 8.0]),
        (PlaceSpec::WeightedRandom, &unequal, 2, [5.0, 1.0, 2.0, 0.0]),
        (PlaceSpec::WeightedRandom, &unequal, 3, [5.0, 1.0, 0.0, 0.0]),
        (power(1, false), &unequal, 1, [1.0, 1.0, 1.0, 1.0]),
        (power(2, false), &equal, 1, [3.0, 2.0, 1.0, 0.0]),
        (power(2, true), &equal, 1, [7.0, 5.0, 3.0, 1.0]),
        (power(3, false), &equal, 1, [3.0, 1.0, 0.0, 0.0]),
        (power(3, true), &equal, 1, [37.0, 19.0, 7.0, 1.0]),
        // Drawn 5 : 1 : 2 : 8; idle nodes tie, so the lower number wins: P(least >= i) is a square.
        (by_weight(1), &unequal, 1, [5.0, 1.0, 2.0, 8.0]),
        (by_weight(2), &unequal, 1, [256.0 - 121.0, 121.0 - 100.0, 100.0 - 64.0, 64.0]),
        (by_weight(2), &unequal, 2, [64.0 - 9.0, 9.0 - 4.0, 4.0, 0.0]),
        (power(2, false), &unequal, 2, [2.0, 1.0, 0.0, 0.0]),
        (power(2, true), &unequal, 2, [5.0, 3.0, 1.0, 0.0]),
    ];
    for (place, nodes, slots, shares) in cases {
        let counts = choices(place.clone(), nodes, slots);
        let found = chi_square(&counts, &shares);
        assert!(found <= quantile(&shares), "{place:?}, {slots} slots: {counts:?} for {shares:?}: {found}");
    }
}

// Orders, task by task --------------------------------------------------------------------------

/// Tasks in the order in which one node starts them.
fn started(order: &str, tasks: &[(f64, f64, u32, f64)], seed: u64) -> Vec<usize> {
    let mut starts = Vec::new();
    for dispatch in ["pull", "push"] {
        let output = run(&small(&[(1, 1.0, 1.0)], tasks), &policy(order, "random", dispatch), seed);
        let rows = output.expect("it ends").tasks;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&number| rows[number].first_start);
        starts.push(order);
    }
    let pushed = starts.pop().expect("two");
    if order != "random" {
        assert_eq!(starts[0], pushed, "one queue is one queue");
    }
    pushed
}

#[test]
fn orders_of_a_queue() {
    // Arrival, work, slots, priority. Task 0 runs first; 1 to 4 come together, 5 and 6 later.
    let tasks = [
        (0.0, 5.0, 1, 0.0),
        (1.0, 3.0, 1, 2.0),
        (1.0, 2.0, 1, -1.0),
        (1.0, 3.0, 1, 2.5),
        (1.0, 2.0, 1, 2.0),
        (2.0, 2.0, 1, 2.5),
        (3.0, 4.0, 1, -1.0),
    ];
    let cases: [(&str, [usize; 7]); 5] = [
        ("fifo", [0, 1, 2, 3, 4, 5, 6]),
        ("lifo", [0, 6, 5, 4, 3, 2, 1]),
        // Ties by arrival, then by number.
        ("sjf", [0, 2, 4, 5, 1, 3, 6]),
        ("ljf", [0, 6, 1, 3, 2, 4, 5]),
        ("priority", [0, 3, 5, 1, 4, 2, 6]),
    ];
    for (order, expected) in cases {
        assert_eq!(started(order, &tasks, 1), expected, "{order}");
    }
}

/// Every order of four waiting tasks is equally likely under `random`.
#[test]
fn a_random_order_is_any_order() {
    let tasks = [(0.0, 9.0, 1, 0.0), (1.0, 1.0, 1, 0.0), (2.0, 1.0, 1, 0.0), (3.0, 1.0, 1, 0.0)];
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    let mut counts = [0u32; 6];
    for seed in 0..3000 {
        let order = started("random", &tasks, seed);
        counts[orders.iter().position(|other| order[1..] == *other).expect("an order")] += 1;
    }
    assert!(chi_square(&counts, &[1.0; 6]) <= 20.52, "{counts:?}");
}

// Closed nodes --------------------------------------------------------------------------------

/// Nodes close and open, by breakers or from outside, with and without what waits there, while others are
/// lost and join, or leave the cluster: nothing starts on a closed node, no two hold one lock, what runs there
/// goes on, nobody makes room in vain, nothing runs on a node that has left, and all settles in the end.
#[test]
fn nothing_starts_on_a_closed_node() {
    let (mut starts, mut ends_while_closed, mut closings) = (0, 0, 0);
    let (mut openings, mut healed, mut locked, mut left, mut moved) = (0, 0, 0, 0, 0);
    for (seed, policy) in combinations().iter().enumerate() {
        let seen = support::closings::play(policy, seed as u64, seed % 3 == 0);
        starts += seen.starts;
        ends_while_closed += seen.ends_while_closed;
        closings += seen.closings;
        openings += seen.openings;
        healed += seen.healed;
        locked += seen.locked;
        left += seen.left;
        moved += seen.moved;
    }
    assert!(
        left > 5_000 && moved > 5_000,
        "{left} nodes leave and {moved} tasks move: the test tests nothing"
    );
    assert!(starts > 10_000 && ends_while_closed > 5_000 && closings > 5_000, "the test tests nothing");
    assert!(locked > 5_000, "locks do nothing: {locked}");
    assert!(openings > 1000 && healed > 1000, "breakers do nothing: {openings} {healed}");
}
