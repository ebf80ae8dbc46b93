//! Nodes that join and leave as planned, or as an autoscaler asks: schedules worked out by hand, Markov chains
//! solved on the spot, and what must hold whatever happens.

mod support;

use std::collections::BTreeMap;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{Metric, ReplicationResult};
use falcon::policies::registry::PRESETS;
use falcon::scheduler::{ClosedBy, Record};
use falcon::sim::{RunOptions, RunOutput, SimulationError, simulate};
use falcon::time::Time;
use support::judge::{Check, figure, judge, plan};

/// The first replication of a scenario's only policy, with rows of tasks and, apart, all records.
#[track_caller]
fn run(scenario: &str) -> (ReplicationResult, RunOutput) {
    let plan = plan(scenario);
    let options = RunnerOptions { threads: 1, tasks: true, ..RunnerOptions::default() };
    let mut results = plan.run(&options).expect("the plan runs");
    (results.remove(0).replications.remove(0), checked(&plan, 0, 1).expect("it ran before"))
}

/// One run with all records, invariants checked at every instant.
fn checked(plan: &Plan, policy: usize, seed: u64) -> Result<RunOutput, SimulationError> {
    let world = plan.world();
    let built = world.policy(&plan.policies[policy], seed);
    let options = RunOptions { tasks: true, history: true, check_invariants: true, ..RunOptions::default() };
    simulate(&world, seed, built, &options)
}

/// Instants in seconds at which tasks are settled, by number.
fn ends(result: &ReplicationResult) -> Vec<f64> {
    result.tasks.iter().map(|task| task.settled.as_seconds()).collect()
}

/// When nodes left, by their order in time.
fn departures(output: &RunOutput) -> Vec<(f64, u32)> {
    let left = |(at, record): &(Time, Record)| match record {
        Record::NodeLeft { node } => Some((at.as_seconds(), node.0)),
        _ => None,
    };
    output.history.iter().filter_map(left).collect()
}

// By hand -------------------------------------------------------------------------------------

/// Ten tasks of 4 s; the second node joins at 10, in the middle of a task of the first.
#[test]
fn a_node_joins_by_hand() {
    let (result, _) = run(r#"
        policies = ["fifo"]
        run.replications = 1
        run.timeline_buckets = 26
        nodes = [{ name = "old" }, { name = "new", join = 10.0 }]
        workload = { tasks = 10, duration = 4.0 }
    "#);
    assert_eq!(ends(&result), [4.0, 8.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0, 26.0]);
    assert_eq!(figure(&result, Metric::Makespan), 26.0);
    assert_eq!(figure(&result, Metric::NodeTime), 26.0 + 16.0);
    assert_eq!(figure(&result, Metric::NodeAvailability), 1.0);
    assert_eq!(figure(&result, Metric::ServiceAvailability), 1.0);
    // Six tasks on the one node until 24, four on the other until 26.
    assert_eq!(figure(&result, Metric::Utilisation), 40.0 / 42.0);
    assert_eq!(figure(&result, Metric::MovedTasks), 0.0);
    for missing in [Metric::MovedBytes, Metric::Cost, Metric::ScaleUps, Metric::ScaleDowns] {
        assert_eq!(result.metrics.get(missing), None);
    }
    let times: Vec<(f64, f64)> =
        result.nodes.iter().map(|node| (node.up.as_seconds(), node.there.as_seconds())).collect();
    assert_eq!(times, [(26.0, 26.0), (16.0, 16.0)]);
    let timeline = result.timeline.as_ref().expect("a timeline");
    for (at, row) in
        timeline.rows.iter().enumerate().filter(|(at, _)| timeline.end_of(*at).as_seconds() < 26.0)
    {
        let expected = if timeline.end_of(at).as_seconds() > 10.0 { 2 } else { 1 };
        assert_eq!(row.nodes_up, expected, "{:?}", timeline.end_of(at));
    }
}

/// What is believed up: a node that is on its way is not, and has not been lost either.
#[test]
fn nodes_on_their_way_are_not_believed_up() {
    let scenario = |rest: &str| {
        format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{ name = "a" }}, {{ name = "b", join = 10.0 }}]
            workload.tasks_list = [{{ work = 30 }}, {{ work = 20 }}, {{ work = 10 }}]
            {rest}
            "#
        )
    };
    // a is believed up from 0 to 5 and, 20 s after its outage, from 26 to 60; b from 30 to 60. One loss.
    let (result, _) = run(&scenario(
        r#"
        scheduler.join_delay = 20
        faults.outages = [{ node = "a-0", start = 5, end = 6 }]
        "#,
    ));
    assert_eq!(figure(&result, Metric::Makespan), 60.0);
    assert_eq!(figure(&result, Metric::MeanTimeBetweenFailures), 69.0);
    assert_eq!(figure(&result, Metric::MeanTimeToRepair), 21.0);
    // b joins in the middle of an outage, and has another: one loss in 53 + 12 s.
    let (result, _) = run(&scenario(
        r#"faults.outages = [{ node = "b-0", start = 5, end = 40 }, { node = "b-0", start = 42, end = 43 }]"#,
    ));
    assert_eq!(figure(&result, Metric::Makespan), 53.0);
    assert_eq!(figure(&result, Metric::MeanTimeBetweenFailures), 65.0);
    assert_eq!(figure(&result, Metric::MeanTimeToRepair), 1.0);
}

/// Six tasks of 4 s by turns on two nodes, of which one leaves at 5: it runs its second task to the end, and
/// its third moves.
#[test]
fn a_node_leaves_by_hand() {
    let scenario = |rest: &str| {
        format!(
            r#"
            policies = ["round-robin"]
            run.replications = 1
            nodes = [{{ price = 2.0 }}, {{ leave = 5.0, price = 0.5 }}]
            workload = {{ tasks = 6, duration = 4.0, size = 1e6 }}
            {rest}
            "#
        )
    };
    let (result, output) = run(&scenario(""));
    assert_eq!(ends(&result), [4.0, 4.0, 8.0, 8.0, 12.0, 16.0]);
    assert_eq!(departures(&output), [(8.0, 1)]);
    assert_eq!(figure(&result, Metric::NodeTime), 16.0 + 8.0);
    assert_eq!(figure(&result, Metric::Cost), 16.0 * 2.0 + 8.0 * 0.5);
    assert_eq!(figure(&result, Metric::MovedTasks), 1.0);
    assert_eq!(figure(&result, Metric::MovedBytes), 1e6);
    assert_eq!(figure(&result, Metric::NodeAvailability), 1.0);
    // One that is lost while it is drained is gone, and does not come back with the end of the outage.
    let outage = r#"faults.outages = [{ node = "node-1", start = 6.0, end = 10.0 }]"#;
    let (result, output) = run(&scenario(outage));
    assert_eq!(ends(&result), [4.0, 4.0, 8.0, 12.0, 16.0, 20.0]);
    assert_eq!(departures(&output), [(6.0, 1)]);
    assert_eq!(figure(&result, Metric::NodeTime), 20.0 + 6.0);
    assert_eq!(figure(&result, Metric::AttemptsLost), 1.0);
    assert_eq!(figure(&result, Metric::MovedTasks), 1.0);
    assert_eq!(result.nodes[1].up.as_seconds(), 6.0);
    // One that is down when it is to leave leaves at once.
    let outage = r#"faults.outages = [{ node = "node-1", start = 3.0, end = 10.0 }]"#;
    let (result, output) = run(&scenario(outage));
    assert_eq!(departures(&output), [(5.0, 1)]);
    assert_eq!(figure(&result, Metric::NodeTime), 24.0 + 5.0);
    assert_eq!((result.nodes[1].up.as_seconds(), result.nodes[1].there.as_seconds()), (3.0, 5.0));
    // What is moved because its node is lost is not moved by a drain.
    assert_eq!(figure(&result, Metric::MovedTasks), 0.0);
}

/// Nodes that leave with late reports of starts, ends and failures: what the scheduler does not know yet it
/// waits for.
#[test]
fn a_node_that_leaves_is_waited_for() {
    let (result, output) = run(r#"
        policies = ["round-robin"]
        run.replications = 1
        nodes = [{}, { leave = 4.5 }]
        workload = { tasks = 4, duration = 4.0 }
        scheduler = { dispatch_delay = 1.0, completion_delay = 0.5, detection_delay = 2.0 }
    "#);
    // Sent at 0, begun at 1, over at 5, known at 5.5: the other two go to the first node, one after the other.
    assert_eq!(ends(&result), [5.5, 5.5, 11.0, 16.5]);
    assert_eq!(departures(&output), [(5.5, 1)]);
    // It fails at 2, which is known at 4; it would be back at 4.2.
    let (result, output) = run(r#"
        policies = ["round-robin"]
        run.replications = 1
        nodes = [{}, { leave = 3.0 }]
        workload = { tasks = 2, duration = 4.0 }
        faults.outages = [{ node = "node-1", start = 2.0, end = 4.2 }]
        scheduler.detection_delay = 2.0
    "#);
    assert_eq!(ends(&result), [4.0, 8.0]);
    assert_eq!(departures(&output), [(4.0, 1)]);
    assert_eq!(result.nodes[1].up.as_seconds(), 2.0);
}

/// The clock of failure starts when the node joins, and stops when it leaves.
#[test]
fn failures_begin_with_the_stay() {
    let scenario = |node: &str, faults: &str| {
        format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{ name = "frame" }}, {{ {node} }}]
            {faults}
            workload = {{ tasks = 2, arrivals.times = [0.0, 20.0], duration = 1e-9 }}
            "#
        )
    };
    let times = |node: &str, faults: &str| {
        let (result, _) = run(&scenario(node, faults));
        (result.nodes[1].up.as_seconds().round(), result.nodes[1].there.as_seconds().round())
    };
    // Fails at 13, is back at 17.
    assert_eq!(times("join = 3.0, up = 10.0, down = 4.0", ""), (13.0, 17.0));
    assert_eq!(times("join = 3.0, leave = 14.0, up = 10.0, down = 4.0", ""), (10.0, 11.0));
    // An outage that holds when it joins: up from 9 on.
    let outage = r#"faults.outages = [{ node = "node-0", start = 2.0, end = 9.0 }]"#;
    assert_eq!(times("join = 5.0", outage), (11.0, 15.0));
    // Before and after its stay an outage is none.
    assert_eq!(times("join = 10.0", outage), (10.0, 10.0));
    assert_eq!(times("leave = 1.0", outage), (1.0, 1.0));
    // A repairer whom the first node of two needs no more is free for the second: down at 10 both, the first
    // leaves at 11, the second is repaired from then to 15.
    let (result, _) = run(r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ name = "frame" }, { up = 10.0, down = 4.0, leave = 11.0 }, { up = 10.0, down = 4.0 }]
        faults.repair_crew = 1
        workload = { tasks = 2, arrivals.times = [0.0, 20.0], duration = 1e-9 }
    "#);
    assert_eq!(result.nodes[1].up.as_seconds().round(), 10.0);
    assert_eq!(result.nodes[2].up.as_seconds().round(), 15.0);
}

/// Nodes that will never be there again leave tasks that wait for ever, and an autoscaler does not hide that.
#[test]
fn who_waits_for_ever_is_told() {
    let stuck = |scenario: &str| {
        let plan = plan(scenario);
        match checked(&plan, 0, 1) {
            Err(SimulationError::Stuck { waiting }) => waiting,
            other => panic!("{:?}\n{scenario}", other.map(|output| output.events)),
        }
    };
    let all_leave = r#"
        policies = ["least-loaded"]
        nodes = [{ leave = 5.0 }]
        workload = { tasks = 3, duration = 4.0 }
    "#;
    assert_eq!(stuck(all_leave), 1);
    for (by, interval) in [
        ("queue-length = { up = 0.1, down = 0.0 }", 10.0),
        ("queue-length = { up = 5.0, down = 1.0 }", 10.0),
        ("queue-length = { up = 0.1, down = 0.0 }", 0.0),
        ("utilisation = { up = 0.5, down = 0.2 }", 10.0),
        ("utilisation = { up = 0.5, down = 0.2 }", 0.0),
    ] {
        // Nodes that the autoscaler can start are too small.
        let waiting = stuck(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ name = "large", slots = 2, leave = 5.0 }}, {{ name = "small", count = 3 }}]
            workload.tasks_list = [{{ work = 9.0, demand.slots = 2 }}, {{ work = 1.0, demand.slots = 2 }}]
            scheduler.autoscale = {{ group = "small", by.{by}, interval = {interval:?}, boot_delay = 3.0,
                                     cooldown = 25.0, initial = 1 }}
            "#
        ));
        assert_eq!(waiting, 1, "{by}");
    }
}

/// An autoscaler that looks every 10 s, by hand.
///
/// At 0 nine tasks wait at one node: another is started, and joins at 5. At 10, when they run the fourth and
/// the fifth task, five wait, more than twice two: the third is started, and joins at 15. At 20 the third has
/// been idle for a second and the first for none: of those that are idle the last that joined goes.
#[test]
fn an_autoscaler_by_hand() {
    let (result, output) = run(r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ count = 3 }]
        workload = { tasks = 10, duration = 4.0 }
        scheduler.autoscale = { group = "node", min = 1, interval = 10.0, boot_delay = 5.0,
                                by.queue-length = { up = 2.0, down = 0.5 } }
    "#);
    assert_eq!(ends(&result), [4.0, 8.0, 9.0, 12.0, 13.0, 16.0, 17.0, 19.0, 20.0, 21.0]);
    assert_eq!(departures(&output), [(20.0, 2)]);
    assert_eq!(figure(&result, Metric::ScaleUps), 2.0);
    assert_eq!(figure(&result, Metric::ScaleDowns), 1.0);
    // The third was paid for from 10 to 20, and there from 15 to 20.
    assert_eq!(figure(&result, Metric::NodeTime), 21.0 + 21.0 + 10.0);
    let there: Vec<f64> = result.nodes.iter().map(|node| node.there.as_seconds()).collect();
    assert_eq!(there, [21.0, 16.0, 5.0]);
    assert_eq!(figure(&result, Metric::NodeAvailability), 1.0);
    assert_eq!(figure(&result, Metric::MovedTasks), 0.0);
}

/// The newest goes whatever runs there: what waits in its queue moves.
#[test]
fn the_newest_is_drained() {
    let (result, output) = run(r#"
        policies = ["round-robin"]
        run.replications = 1
        nodes = [{ count = 2 }]
        workload = { tasks = 6, duration = 4.0, size = 10 }
        scheduler.autoscale = { group = "node", min = 1, initial = 2, interval = 5.0, let_go = "newest",
                                by.queue-length = { up = 9.0, down = 2.5 } }
    "#);
    // At 0 four of six wait, two a node: too few. The second node runs its first task to the end at 4, and
    // its two others keep their places in line at the first.
    assert_eq!(ends(&result), [4.0, 4.0, 8.0, 12.0, 16.0, 20.0]);
    assert_eq!(departures(&output), [(4.0, 1)]);
    assert_eq!(figure(&result, Metric::MovedTasks), 2.0);
    assert_eq!(figure(&result, Metric::MovedBytes), 20.0);
    assert_eq!(figure(&result, Metric::NodeTime), 24.0);
}

/// The utilisation is that since the last look, also where nothing happened for long.
#[test]
fn the_utilisation_of_an_interval() {
    let scaled = |interval: f64| {
        let (_, output) = run(&format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{ count = 2 }}]
            workload.tasks_list = [{{ work = 9.0 }}, {{ arrival = 95.0, work = 10.0 }},
                                   {{ arrival = 150.0, work = 1.0 }}]
            scheduler.autoscale = {{ group = "node", min = 1, interval = {interval:?},
                                     by.utilisation = {{ up = 0.4, down = 0.1 }} }}
            "#
        ));
        let scaled = |(at, record): &(Time, Record)| match record {
            Record::Scaled { up, .. } => Some((at.as_seconds(), *up)),
            _ => None,
        };
        output.history.iter().filter_map(scaled).collect::<Vec<_>>()
    };
    // 9 of the first 10 s; 5 of those from 90 to 100 of one slot, but then of those from 100 to 110 of two
    // slots no more than a quarter; and in between nothing.
    assert_eq!(scaled(10.0), [(10.0, true), (20.0, false), (100.0, true), (120.0, false)]);
    // 9 of 20; then 5 of the 20 until 100 is a quarter, 5 of those until 120 too.
    assert_eq!(scaled(20.0), [(20.0, true), (40.0, false)]);
}

/// A change is followed by none for a while.
#[test]
fn an_autoscaler_cools_down() {
    let starts = |interval: f64| {
        let (_, output) = run(&format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{ count = 5 }}]
            workload = {{ tasks = 40, duration = 10.0 }}
            scheduler.autoscale = {{ group = "node", min = 1, interval = {interval:?}, cooldown = 25.0, step = 2,
                                     by.queue-length = {{ up = 1.0, down = 0.0 }} }}
            "#
        ));
        let started = |(at, record): &(Time, Record)| match record {
            Record::Scaled { up: true, .. } => Some(at.as_seconds()),
            _ => None,
        };
        output.history.iter().filter_map(started).collect::<Vec<_>>()
    };
    assert_eq!(starts(10.0), [0.0, 0.0, 30.0, 30.0]);
    assert_eq!(starts(0.0), [0.0, 0.0, 25.0, 25.0]);
}

// Against Markov chains -----------------------------------------------------------------------

/// Tasks in the system, nodes that are there, nodes that boot.
type State = (u32, u32, u32);

/// What a queue with an autoscaler is like in the long run.
#[derive(Default)]
struct LongRun {
    queue: f64,
    nodes: f64,
    ups: f64,
}

/// The chain of M/M/c where idle nodes are let go while fewer than `down` tasks a node wait, and another boots
/// for an exponential time (0: no time) when more than `up` a node do; from `min` to `max` nodes of rate 1.
fn chain(arrivals: f64, (up, down): (f64, f64), (min, max): (u32, u32), boot: f64) -> LongRun {
    const MOST: u32 = 150;
    let settle = |(tasks, mut there, mut booting): State| {
        let mut ups = 0;
        loop {
            let (waiting, nodes) = (f64::from(tasks.saturating_sub(there)), f64::from(there + booting));
            if waiting > up * nodes && there + booting < max {
                ups += 1;
                if boot > 0.0 { booting += 1 } else { there += 1 }
            } else if waiting < down * nodes && tasks < there && there + booting > min {
                there -= 1;
            } else {
                return ((tasks, there, booting), f64::from(ups));
            }
        }
    };
    // All that can be reached, and how.
    let mut numbers = BTreeMap::from([((0, min, 0), 0usize)]);
    let mut states: Vec<State> = vec![(0, min, 0)];
    let mut moves: Vec<Vec<(usize, f64, f64)>> = Vec::new();
    while let Some(&(tasks, there, booting)) = states.get(moves.len()) {
        let mut out = Vec::new();
        for (next, rate) in [
            ((tasks + 1, there, booting), if tasks < MOST { arrivals } else { 0.0 }),
            ((tasks.saturating_sub(1), there, booting), f64::from(tasks.min(there))),
            (
                (tasks, there + 1, booting.saturating_sub(1)),
                if boot > 0.0 { f64::from(booting) / boot } else { 0.0 },
            ),
        ] {
            if rate > 0.0 {
                let (next, ups) = settle(next);
                let number = *numbers.entry(next).or_insert_with(|| {
                    states.push(next);
                    states.len() - 1
                });
                out.push((number, rate, ups));
            }
        }
        moves.push(out);
    }
    // Its stationary distribution, by powers of the uniformised chain.
    let fastest: f64 =
        moves.iter().map(|out| out.iter().map(|(_, rate, _)| rate).sum()).fold(0.0, f64::max) * 1.05;
    let mut share = vec![1.0 / states.len() as f64; states.len()];
    for _ in 0..200_000 {
        let mut next = vec![0.0; states.len()];
        for (from, out) in moves.iter().enumerate() {
            let mut stays = share[from];
            for &(to, rate, _) in out {
                let moved = share[from] * rate / fastest;
                next[to] += moved;
                stays -= moved;
            }
            next[from] += stays;
        }
        let change: f64 = share.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
        share = next;
        if change < 1e-13 {
            break;
        }
    }
    let mut run = LongRun::default();
    for ((&(tasks, there, booting), out), share) in states.iter().zip(&moves).zip(&share) {
        run.queue += share * f64::from(tasks.saturating_sub(there));
        run.nodes += share * f64::from(there + booting);
        run.ups += share * out.iter().map(|(_, rate, ups)| rate * ups).sum::<f64>();
    }
    run
}

/// The chain without an autoscaler is M/M/c, whose queue Erlang's formula knows.
#[test]
fn the_chain_itself() {
    let fixed = chain(1.5, (1.0, 0.0), (2, 2), 0.0);
    // rho = 0.75: C(2, 1.5) = 0.642857, and the mean queue is C rho / (1 - rho).
    assert!((fixed.queue - 0.642_857_142 * 3.0).abs() < 1e-6, "{}", fixed.queue);
    assert!((fixed.nodes - 2.0).abs() < 1e-9 && fixed.ups == 0.0);
}

#[test]
fn an_autoscaled_queue() {
    let queue = |run: &ReplicationResult| figure(run, Metric::MeanQueueLength);
    let nodes = |run: &ReplicationResult| figure(run, Metric::NodeTime) / figure(run, Metric::Makespan);
    let ups = |run: &ReplicationResult| figure(run, Metric::ScaleUps) / figure(run, Metric::Makespan);
    for (arrivals, (up, down), (min, max), boot) in
        [(1.6, (1.0, 0.5), (1, 3), 0.0), (1.6, (1.0, 0.5), (1, 3), 4.0), (2.2, (2.0, 1.0), (1, 4), 1.0)]
    {
        let exact = chain(arrivals, (up, down), (min, max), boot);
        let scenario = format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 20, timeline_buckets = 0 }}
            nodes = [{{ count = {max} }}]
            workload = {{ tasks = 40_000, arrivals.poisson.rate = {arrivals:?}, duration.exponential.mean = 1.0 }}
            [scheduler.autoscale]
            group = "node"
            min = {min}
            interval = 0
            by.queue-length = {{ up = {up:?}, down = {down:?} }}
            boot_delay.{}
            "#,
            if boot > 0.0 { format!("exponential.mean = {boot:?}") } else { "constant = 0.0".to_string() },
        );
        let checks = [
            // It starts empty and ends so.
            Check { allowance: 0.002, ..Check::new(queue, exact.queue, 0.02) },
            Check { allowance: 0.0005, ..Check::new(nodes, exact.nodes, 0.005) },
            Check { allowance: 0.0002, ..Check::new(ups, exact.ups, 0.002) },
        ];
        judge(&scenario, &checks);
    }
}

// Whatever happens ----------------------------------------------------------------------------

/// Follows the records of a run: who is there, open and up, and what waits and runs where.
fn follow(name: &str, plan: &Plan, output: &RunOutput) -> (u32, u32) {
    let world = plan.world();
    let count = world.nodes.len();
    let mut there: Vec<bool> =
        (0..count as u32).map(|node| world.faults.membership.starts_with(node)).collect();
    let mut booting = vec![false; count];
    let mut draining = vec![false; count];
    let mut up = vec![false; count];
    let mut running = vec![0i32; count];
    let mut settled = vec![0; world.workload.tasks() as usize];
    // A node that a breaker has closed is drained without a word.
    let told = plan.guards.breaker.is_none();
    let (mut left, mut moved) = (0, 0);
    for (at, record) in &output.history {
        let place = || format!("{name} at {} s: {record:?}", at.as_seconds());
        match *record {
            Record::NodeEntered { node } => {
                assert!(!there[node.index()], "{}", place());
                there[node.index()] = true;
                booting[node.index()] = false;
            }
            Record::Scaled { node, up: true } => {
                assert!(!there[node.index()] && !booting[node.index()], "{}", place());
                booting[node.index()] = true;
            }
            Record::NodeJoined { node } => {
                assert!(there[node.index()] && !up[node.index()], "{}", place());
                up[node.index()] = true;
            }
            Record::NodeLost { node } => up[node.index()] = false,
            Record::NodeClosed { node, reason: ClosedBy::Drain } => draining[node.index()] = true,
            Record::NodeLeft { node } => {
                let node = node.index();
                assert!(there[node] && (draining[node] || !told) && running[node] == 0, "{}", place());
                (there[node], draining[node], up[node]) = (false, false, false);
                left += 1;
            }
            Record::Dispatched { node, .. } => {
                let node = node.index();
                assert!(there[node] && up[node] && !draining[node], "{}", place());
                running[node] += 1;
            }
            Record::Finished { node, .. }
            | Record::Interrupted { node, .. }
            | Record::TimedOut { node, .. } => {
                running[node.index()] -= 1;
            }
            Record::Lost { node, .. } => running[node.index()] -= 1,
            Record::Moved { from, .. } => {
                assert!(draining[from.index()] || !told, "{}", place());
                moved += 1;
            }
            Record::Settled { task, .. } => settled[task.number as usize] += 1,
            _ => {}
        }
    }
    assert!(settled.iter().all(|times| *times == 1), "{name}: tasks are lost or settled twice");
    (left, moved)
}

/// Under every preset, with nodes that fail, join, leave, are asked for and let go, nothing is lost or done
/// twice, and nothing starts where it must not.
#[test]
fn nothing_is_lost_whatever_comes_and_goes() {
    let names: Vec<String> = PRESETS.iter().map(|preset| format!("\"{}\"", preset.name)).collect();
    let rules = [
        "interval = 5.0, by.queue-length = { up = 1.5, down = 1.0 }, let_go = \"newest\"",
        "interval = 0, by.queue-length = { up = 2.0, down = 0.5 }, step = 2",
        "interval = 3.0, by.utilisation = { up = 0.7, down = 0.6 }, let_go = \"newest\", cooldown = 4.0",
        "interval = 0, by.utilisation = { up = 0.8, down = 0.3 }, cooldown = 2.0",
    ];
    let rest = [
        "",
        "scheduler.dispatch_delay = 0.2\nscheduler.completion_delay = 0.1\n\
         scheduler.detection_delay.exponential.mean = 1.0",
        "scheduler.replicas = { count = 2, up.exponential.mean = 30.0, down = 5.0, lease = 1.0, election = 1.0 }",
        "scheduler.breaker = { consecutive_failures = 2, open = 5.0 }",
    ];
    let (mut left, mut moved) = (0, 0);
    for (at, rule) in rules.iter().enumerate() {
        let other = rest[at];
        let scenario = format!(
            r#"
            policies = [{}]
            retry = {{ max_attempts = 20, backoff.base = 0.1 }}
            {other}
            faults.outages = [{{ share = 0.5, start = 20.0, end = 30.0 }}]
            nodes = [
                {{ name = "base", count = 2, slots = 2, up.exponential.mean = 30.0, down.exponential.mean = 3.0 }},
                {{ name = "late", count = 2, join = 10.0, leave = 40.0, speed = 2.0 }},
                {{ name = "early", count = 2, slots = 2, leave = 25.0, fails = "busy",
                   up.exponential.mean = 10.0, down.exponential.mean = 3.0 }},
                {{ name = "more", count = 4, up.exponential.mean = 20.0, down.exponential.mean = 5.0 }},
            ]
            workload = {{ tasks = 250, arrivals.bursty = {{ rate = 3.0, peak_rate = 12.0, on = 8.0, off = 8.0 }},
                          duration.exponential.mean = 1.0, failure_probability = 0.05,
                          size.uniform = {{ low = 1.0, high = 100.0 }} }}
            scheduler.autoscale = {{ group = "more", initial = 1, boot_delay.exponential.mean = 2.0, {rule} }}
            "#,
            names.join(", ")
        );
        let plan = plan(&scenario);
        for (policy, spec) in plan.policies.iter().enumerate() {
            for seed in 1..3 {
                let name = format!("`{}`, rule {at}, seed {seed}", spec.name);
                let output = checked(&plan, policy, seed).unwrap_or_else(|error| panic!("{name}: {error}"));
                let seen = follow(&name, &plan, &output);
                left += seen.0;
                moved += seen.1;
                let bytes = output.collected.metrics.get(Metric::MovedBytes).expect("tasks have sizes");
                assert!(
                    bytes >= f64::from(seen.1) && bytes <= 100.0 * f64::from(seen.1),
                    "{name}: {bytes} bytes"
                );
            }
        }
    }
    assert!(left > 1000 && moved > 300, "{left} nodes left and {moved} tasks moved: the test tests nothing");
}
