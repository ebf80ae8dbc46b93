//! Nodes that fail, wait for a repairer or are out as planned: what becomes of tasks and of
//! availability.

mod support;

use std::io::Read;
use std::path::Path;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{Metric, ReplicationResult, TaskResult};
use support::formulas::machine_repair_availability;
use support::judge::{Check, figure, judge, plan};

fn node_availability(run: &ReplicationResult) -> f64 {
    figure(run, Metric::NodeAvailability)
}

fn tasks(plan: &Plan) -> Vec<TaskResult> {
    let options = RunnerOptions { threads: 1, tasks: true, ..RunnerOptions::default() };
    let mut results = plan.run(&options).expect("the plan runs");
    results.remove(0).replications.remove(0).tasks
}

/// Instants in seconds at which the tasks of the first policy are settled.
fn ends(scenario: &str) -> Vec<f64> {
    tasks(&plan(scenario)).iter().map(|task| task.settled.as_seconds()).collect()
}

// Theory --------------------------------------------------------------------------------------

/// Two short tasks, one at the start and one at the end, frame the time that is looked at.
fn framed(nodes: &str, faults: &str, span: f64, replications: u32) -> String {
    format!(
        r#"
        policies = ["least-loaded"]
        run.replications = {replications}
        nodes = [{nodes}]
        {faults}
        workload = {{ tasks = 2, arrivals.times = [0.0, {span:?}], duration = 1e-6 }}
        "#
    )
}

/// One node that starts up and is looked at for as long as it lives on average: not yet in its steady
/// state, so A + (1 - A) (1 - e^(-rT)) / (rT) with r = 1/up + 1/down.
#[test]
fn availability_of_a_finite_run() {
    let (up, down, span) = (50.0, 10.0, 50.0);
    let (steady, rate): (f64, f64) = (up / (up + down), 1.0 / up + 1.0 / down);
    let exact = steady + (1.0 - steady) * (1.0 - (-rate * span).exp()) / (rate * span);
    assert!((exact - 0.861_042).abs() < 1e-6);
    let nodes = "{ count = 2000, up.exponential.mean = 50.0, down.exponential.mean = 10.0 }";
    judge(&framed(nodes, "", span, 20), &[Check::new(node_availability, exact, 0.002)]);
}

/// Attempts of which half fail open a breaker after three failures in a row, which takes
/// (1 - p^3) / ((1 - p) p^3) = 14 attempts. Then one at a time is tried until one succeeds: two trials, of
/// which one opens the breaker again. So of 16 attempts two open it.
#[test]
fn openings_of_a_breaker() {
    let openings = |run: &ReplicationResult| figure(run, Metric::BreakerOpenings);
    let share =
        |run: &ReplicationResult| figure(run, Metric::BreakerOpenings) / figure(run, Metric::Attempts);
    let open =
        |run: &ReplicationResult| figure(run, Metric::BreakerOpenTime) / figure(run, Metric::BreakerOpenings);
    let makespan = |run: &ReplicationResult| figure(run, Metric::Makespan);
    let scenario = r#"
        policies = ["fifo"]
        run.replications = 20
        nodes = [{}]
        retry.max_attempts = 1
        scheduler.breaker = { consecutive_failures = 3, open = 10.0 }
        workload = { tasks = 20_000, duration = 1.0, failure_probability = 0.5 }
    "#;
    let checks = [
        Check::new(share, 1.0 / 8.0, 0.001),
        Check::new(openings, 2500.0, 20.0),
        // The last may still be open, or have opened at the end.
        Check { allowance: 0.01, ..Check::new(open, 10.0, 0.01) },
        Check::new(makespan, 20_000.0 + 2500.0 * 10.0, 200.0),
    ];
    judge(scenario, &checks);
}

/// Machines that break down, and fewer repairers than machines (Palm's machine interference).
#[test]
fn few_repairers_for_many_machines() {
    let exact = machine_repair_availability(10, 2, 0.2, 1.0);
    assert!((exact - 0.759_628).abs() < 1e-6, "{exact}");
    let nodes = "{ count = 10, up.exponential.mean = 5.0, down.exponential.mean = 1.0 }";
    let scenario = framed(nodes, "faults.repair_crew = 2", 20_000.0, 20);
    judge(&scenario, &[Check::new(node_availability, exact, 0.001)]);
    // As many repairers as machines are as good as no limit, which is the other end of the formula.
    let plenty = machine_repair_availability(10, 10, 0.2, 1.0);
    assert!((plenty - 5.0 / 6.0).abs() < 1e-12);
    let scenario = framed(nodes, "faults.repair_crew = 10", 20_000.0, 20);
    judge(&scenario, &[Check::new(node_availability, plenty, 0.001)]);
}

/// One repairer at a time, to the nanosecond: both nodes fail at 10, and repairs take 4 each.
#[test]
fn repairs_wait_for_the_repairer() {
    let up_times = |faults: &str| {
        let scenario = framed("{ count = 2, up = 10.0, down = 4.0 }", faults, 20.0, 1);
        let results = plan(&scenario).run(&RunnerOptions::default()).expect("the plan runs");
        let nodes = &results[0].replications[0].nodes;
        [nodes[0].up.as_seconds().round(), nodes[1].up.as_seconds().round()]
    };
    assert_eq!(up_times(""), [16.0, 16.0]);
    // The second is repaired from 14 to 18.
    assert_eq!(up_times("faults.repair_crew = 1"), [16.0, 12.0]);
}

// Outages -------------------------------------------------------------------------------------

fn with_outages(nodes: &str, outages: &str, rest: &str) -> String {
    format!(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{nodes}]
        faults.outages = [{outages}]
        {rest}
        "#
    )
}

/// One task of 10 s, and its node out from 4 to 6.
#[test]
fn an_outage_interrupts_what_runs() {
    let outage = r#"{ node = "node-0", start = 4.0, end = "6s" }"#;
    let task = "workload.tasks_list = [{ work = 10.0 }]";
    for (loss, end) in [("restart", 16.0), ("resume", 12.0), ("fail", 4.0)] {
        let rest = format!("retry.on_node_loss = \"{loss}\"\n{task}");
        assert_eq!(ends(&with_outages("{}", outage, &rest)), [end], "{loss}");
    }
    // Two outages that overlap or touch are one: the node is back when the last ends.
    let more = format!(
        r#"{outage}, {{ node = "node-0", start = 5.0, end = 8.0 }}, {{ node = "node-0", start = 8.0, end = 9.0 }}"#
    );
    assert_eq!(ends(&with_outages("{}", &more, task)), [19.0]);
    // Before the node is back it is out again: the task starts over once more.
    let twice = format!(r#"{outage}, {{ node = "node-0", start = 7.0, end = 8.0 }}"#);
    assert_eq!(ends(&with_outages("{}", &twice, task)), [18.0]);
}

/// An outage from the very start: nothing runs before its end.
#[test]
fn an_outage_at_the_start() {
    let outage = r#"{ node = "node-0", start = 0.0, end = 3.0 }"#;
    assert_eq!(ends(&with_outages("{}", outage, "workload.tasks_list = [{ work = 10.0 }]")), [13.0]);
}

/// The node's own clock runs on during an outage: it fails at 5 for 4 s, is out from 4 to 6 or from 6
/// to 12, and is up when neither holds.
#[test]
fn outages_and_failures_add_up() {
    let nodes = "{ up = 5.0, down = 4.0 }";
    let task = "retry.on_node_loss = \"resume\"\nworkload.tasks_list = [{ work = 6.5 }]";
    for (outage, end) in [
        // Without: 5 s of work until 5, and 1.5 s from 9.
        (None, 10.5),
        // 4 s until 4; from 9 on 2.5 s.
        (Some((4.0, 6.0)), 11.5),
        // 5 s until 5; at 9 the outage still holds; from 12 on 1.5 s.
        (Some((6.0, 12.0)), 13.5),
        // 5 s until 5, from 9 on; its next failure, at 14, is during the outage from 13 to 20.
        (Some((10.0, 20.0)), 20.5),
    ] {
        let outage = outage
            .map_or("{ node = \"node-0\", start = 100, end = 101 }".to_string(), |(start, end)| {
                format!("{{ node = \"node-0\", start = {start}, end = {end} }}")
            });
        assert_eq!(ends(&with_outages(nodes, &outage, task)), [end], "{outage}");
    }
}

/// A node that ages by work does not age while it is out.
#[test]
fn a_node_that_is_out_does_not_age_by_work() {
    let nodes = r#"{ up = 5.0, down = 4.0, fails = "busy" }"#;
    let task = "retry.on_node_loss = \"resume\"\nworkload.tasks_list = [{ work = 7.0 }]";
    let outage = r#"{ node = "node-0", start = 3.0, end = 6.0 }"#;
    // Work until 3, from 6 to 8 (5 s in all), repaired until 12, 2 s more.
    assert_eq!(ends(&with_outages(nodes, outage, task)), [14.0]);
}

/// A whole zone is out, and tasks go elsewhere.
#[test]
fn a_zone_is_out_at_once() {
    let nodes = r#"{ count = 2, zone = "a" }, { count = 1, zone = "b" }"#;
    let outage = r#"{ zone = "a", start = 1.0, end = 100.0 }"#;
    let tasks = "workload.tasks_list = [{ work = 3.0 }, { work = 3.0 }, { work = 3.0 }]";
    // The third ends at 3 in zone b, and the two that were lost follow there.
    assert_eq!(ends(&with_outages(nodes, outage, tasks)), [6.0, 9.0, 3.0]);
}

/// A share of the nodes: the same number in every replication, other nodes in each.
#[test]
fn a_share_of_the_nodes_is_out() {
    let scenario =
        framed("{ count = 100 }", "faults.outages = [{ share = 0.25, start = 10, end = 60 }]", 100.0, 4);
    let results = plan(&scenario).run(&RunnerOptions::default()).expect("the plan runs");
    let mut hit: Vec<Vec<usize>> = Vec::new();
    for run in &results[0].replications {
        assert!((node_availability(run) - (1.0 - 0.25 * 0.5)).abs() < 1e-6);
        let window = run.nodes.iter().map(|node| node.up).max().expect("nodes");
        hit.push((0..100).filter(|&node| run.nodes[node].up < window).collect());
    }
    assert!(hit.iter().all(|nodes| nodes.len() == 25));
    assert!(hit.windows(2).all(|two| two[0] != two[1]));
}

/// The failures of a real cluster: the time that nodes are down equals what the log says, outages of
/// one node that overlap counted once.
#[test]
fn down_time_of_a_real_log() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/lanl-failures-system20.csv.gz");
    let Ok(file) = std::fs::File::open(&path) else { return };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("the file is in the gzip format");
    let mut of_node: Vec<Vec<(u64, u64)>> = vec![Vec::new(); 512];
    for row in text.lines().skip(1) {
        let mut fields = row.split(',').map(|field| field.parse().unwrap_or(0u64));
        let (start, end, node) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        of_node[node as usize].push((start, end));
    }
    let span = of_node.iter().flatten().map(|outage| outage.1).max().expect("outages") + 1;
    let mut down = 0;
    for outages in &mut of_node {
        outages.sort_unstable();
        let mut known_until = 0;
        for &(start, end) in outages.iter() {
            down += end.saturating_sub(start.max(known_until));
            known_until = known_until.max(end);
        }
    }
    let trace = format!("faults.outage_trace = {:?}", path.display().to_string());
    let plan = plan(&framed("{ count = 512 }", &trace, span as f64, 1));
    let results = plan.run(&RunnerOptions::default()).expect("the plan runs");
    let run = &results[0].replications[0];
    let makespan = figure(run, Metric::Makespan);
    let simulated = (1.0 - node_availability(run)) * 512.0 * makespan;
    assert!(down > 10_000_000);
    assert!((simulated - down as f64).abs() < 1.0, "{simulated} for {down}");
}
