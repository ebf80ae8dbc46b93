//! Nodes that fail, wait for a repairer or are out as planned: what becomes of tasks and of
//! availability.

mod support;

use std::io::Read;
use std::path::Path;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, IncidentKind, Metric, ReplicationResult, TaskResult};
use falcon::scheduler::Record;
use falcon::sim::{RunOptions, RunOutput, simulate};
use falcon::time::Time;
use support::formulas::machine_repair_availability;
use support::judge::{Check, figure, identities, judge, plan};

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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/data/lanl-failures-system20.csv.gz");
    let file = std::fs::File::open(&path).expect("a file of the project");
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

// Incidents -----------------------------------------------------------------------------------

/// The only node is out from 4.5 to 8.5; a task of 1 s arrives every two seconds. Three wait at 8.5, one at
/// 10.5, and from 11.5 on none, as before the outage.
#[test]
fn an_incident_lasts_until_the_queue_is_as_before() {
    let scenario = |until: &str| {
        let outage = r#"{ node = "node-0", start = 4.5, end = 8.5 }"#;
        let tasks =
            format!("{until}\nworkload = {{ tasks = 7, arrivals.periodic.interval = 2.0, duration = 1.0 }}");
        with_outages("{}", outage, &tasks)
    };
    let results = plan(&scenario("")).run(&RunnerOptions::default()).expect("it runs");
    let run = &results[0].replications[0];
    let [incident] = run.incidents[..] else { panic!("{:?}", run.incidents) };
    assert!(incident.planned && incident.kind == IncidentKind::Nodes && incident.waiting == 0);
    let seconds = |time: Option<Time>| time.map(Time::as_seconds);
    assert_eq!(
        (incident.start.as_seconds(), seconds(incident.end), seconds(incident.recovered)),
        (4.5, Some(8.5), Some(11.5))
    );
    assert_eq!((figure(run, Metric::Incidents), figure(run, Metric::MeanTimeToRecover)), (1.0, 7.0));
    // An outage that nobody has to wait for is over when its nodes are back.
    let idle = plan(&with_outages(
        "{}, {}",
        r#"{ share = 1.0, start = 5.0, end = 8.5 }, { node = "node-1", start = 20, end = 30 }"#,
        "workload.tasks_list = [{ work = 1 }, { arrival = 10, work = 1 }, { arrival = 25, work = 1 }]",
    ));
    let results = idle.run(&RunnerOptions::default()).expect("it runs");
    let run = &results[0].replications[0];
    assert_eq!((figure(run, Metric::Incidents), figure(run, Metric::MeanTimeToRecover)), (2.0, 3.5));
    let [both, one] = &run.incidents[..] else { panic!("{:?}", run.incidents) };
    assert_eq!((both.nodes, both.node, one.nodes, one.end), (2, None, 1, None));
}

/// Three tasks of 1 s with 1.5 s for each: two are in time, and the attempt that was lost at 2.5 with its
/// node is in vain.
#[test]
fn what_comes_too_late_is_no_good() {
    let run = plan(&with_outages(
        "{}",
        r#"{ node = "node-0", start = 2.5, end = 4.0 }"#,
        "workload = { tasks_list = [{ work = 1 }, { arrival = 1, work = 1 }, { arrival = 2, work = 1 }], deadline = 1.5 }",
    ))
    .run(&RunnerOptions::default())
    .expect("it runs")
    .remove(0)
    .replications
    .remove(0);
    for (metric, expected) in [
        (Metric::Throughput, 3.0 / 5.0),
        (Metric::Goodput, 2.0 / 5.0),
        (Metric::MissedDeadlines, 1.0),
        (Metric::UsefulShare, 1.0 - 0.5 / 3.5),
    ] {
        assert!((figure(&run, metric) - expected).abs() < 1e-12, "{metric:?}: {}", figure(&run, metric));
    }
}

// The scheduler itself ------------------------------------------------------------------------

/// Its only replica leads until 10, from 14 to 24, from 28 to 38 and so on.
fn alone(nodes: &str, rest: &str) -> String {
    format!(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{nodes}]
        scheduler.replicas = {{ count = 1, up = 10.0, down = 4.0 }}
        {rest}
        "#
    )
}

/// A queue whose scheduler is away from 10 to 14 and from 24 to 28, to the nanosecond.
#[test]
fn nothing_starts_without_a_leader() {
    let tasks = "workload.tasks_list = [{ work = 3 }, { arrival = 9, work = 3 }, { arrival = 11, work = 2 }, \
                 { arrival = 23, work = 3 }, { arrival = 25, work = 1 }]";
    let plan = plan(&alone("{}", tasks));
    let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
    let run = &results[0].replications[0];
    let times = |task: &TaskResult| {
        let start = task.first_start.expect("all start");
        (task.arrival.as_seconds(), start.as_seconds(), task.settled.as_seconds())
    };
    let expected = [
        (0.0, 0.0, 3.0),
        // It ends at 12, but nobody takes note before 14.
        (9.0, 9.0, 14.0),
        (11.0, 14.0, 16.0),
        (23.0, 23.0, 28.0),
        (25.0, 28.0, 29.0),
    ];
    assert_eq!(run.tasks.iter().map(times).collect::<Vec<_>>(), expected);
    for (metric, expected) in [
        (Metric::MeanWait, 6.0 / 5.0),
        (Metric::LeaderAvailability, 21.0 / 29.0),
        (Metric::ServiceAvailability, 21.0 / 29.0),
        (Metric::NodeAvailability, 1.0),
        (Metric::Elections, 2.0),
        (Metric::MeanTimeWithoutLeader, 4.0),
        (Metric::Incidents, 2.0),
        (Metric::MeanTimeToRecover, 4.0),
        (Metric::MaxQueueLength, 1.0),
    ] {
        assert!((figure(run, metric) - expected).abs() < 1e-12, "{metric:?}: {}", figure(run, metric));
    }
    // In the timeline, too, tasks wait from when they arrive.
    let timeline = run.timeline.as_ref().expect("a timeline");
    let (mut arrived, mut queue) = (0, 0);
    for (index, row) in timeline.rows.iter().enumerate() {
        let end = timeline.end_of(index).as_seconds();
        arrived += row.arrived;
        assert_eq!(arrived, [0.0, 9.0, 11.0, 23.0, 25.0].iter().filter(|at| **at < end).count() as u64);
        let waits = (end > 11.0 && end <= 14.0) || (end > 25.0 && end <= 28.0);
        assert_eq!(row.queue_length, u64::from(waits), "at {end}");
        queue += row.queue_length;
    }
    assert!(queue > 30);
    identities(&plan, run);
}

/// The run begins with its first task, though nobody takes it in before 14; the node is out from 13 to 15.
#[test]
fn a_run_that_begins_without_a_leader() {
    let rest = r#"
        faults.outages = [{ node = "node-0", start = 13, end = 15 }]
        workload.tasks_list = [{ arrival = 12, work = 4 }]
    "#;
    let results = plan(&alone("{}", rest)).run(&RunnerOptions::default()).expect("it runs");
    let run = &results[0].replications[0];
    for (metric, expected) in [
        (Metric::Makespan, 7.0),
        (Metric::LeaderAvailability, 5.0 / 7.0),
        (Metric::NodeAvailability, 5.0 / 7.0),
        // From 15 to 19.
        (Metric::ServiceAvailability, 4.0 / 7.0),
        (Metric::MeanWait, 3.0),
    ] {
        assert!((figure(run, metric) - expected).abs() < 1e-12, "{metric:?}: {}", figure(run, metric));
    }
}

/// The next leader learns what became of nodes, in the order in which it happened. A task runs from 9 on.
#[test]
fn nodes_that_fail_without_a_leader() {
    let ends = |work: f64, loss: &str, outages: &[(f64, f64)]| {
        let outage =
            |&(start, end): &(f64, f64)| format!("{{ node = \"node-0\", start = {start:?}, end = {end:?} }}");
        let outages: Vec<String> = outages.iter().map(outage).collect();
        let rest = format!(
            "faults.outages = [{}]\nretry.on_node_loss = \"{loss}\"\nworkload.tasks_list = [{{ arrival = 9, work = {work:?} }}]",
            outages.join(", ")
        );
        ends(&alone("{}", &rest))[0]
    };
    // Lost at 11; who leads from 14 on starts it again.
    assert_eq!(ends(4.0, "restart", &[(11.0, 12.0)]), 18.0);
    assert_eq!(ends(4.0, "fail", &[(11.0, 12.0)]), 14.0);
    // It had run for 2 s, and what was lost is lost once.
    assert_eq!(ends(4.0, "resume", &[(11.0, 12.0)]), 16.0);
    assert_eq!(ends(4.0, "resume", &[(11.0, 12.0), (13.0, 13.5)]), 16.0);
    // The node is still out, or fails again before anybody knows that it was back.
    assert_eq!(ends(4.0, "restart", &[(11.0, 16.0)]), 20.0);
    assert_eq!(ends(4.0, "restart", &[(11.0, 12.0), (13.0, 17.0)]), 21.0);
    // It has ended before: that is not lost.
    assert_eq!(ends(1.5, "restart", &[(11.0, 12.0)]), 14.0);
}

/// Who gives up waiting, and what takes too long, is late too.
#[test]
fn limits_pass_without_a_leader() {
    let tasks = "patience = 2.0\ntasks_list = [{ arrival = 9, work = 4 }, { arrival = 11, work = 1 }]";
    let rows = tasks_of(&format!("retry = {{ max_attempts = 1, timeout = 3.5 }}\n[workload]\n{tasks}"));
    let states: Vec<_> = rows.iter().map(|row| (row.state, row.settled.as_seconds())).collect();
    // The result of the first is there before its limit is looked at.
    assert_eq!(states, [(FinalState::Completed, 14.0), (FinalState::Timeout, 14.0)]);
    let tasks = "tasks_list = [{ arrival = 9, work = 100 }]";
    let rows = tasks_of(&format!("retry = {{ max_attempts = 1, timeout = 3.5 }}\n[workload]\n{tasks}"));
    assert_eq!((rows[0].state, rows[0].settled.as_seconds()), (FinalState::Timeout, 14.0));
}

fn tasks_of(rest: &str) -> Vec<TaskResult> {
    tasks(&plan(&alone("{}", rest)))
}

/// One replica without lease or election is up, and leads, for up / (up + down) of the time.
#[test]
fn leader_availability_of_one_replica() {
    let available = |run: &ReplicationResult| figure(run, Metric::LeaderAvailability);
    let replicas =
        "scheduler.replicas = { count = 1, up.exponential.mean = 5.0, down.exponential.mean = 1.0 }";
    judge(&framed("{}", replicas, 20_000.0, 20), &[Check::new(available, 5.0 / 6.0, 0.002)]);
}

/// Two replicas that fail at rate a and are repaired at rate b, and elections that end at rate e. Let p2 and
/// p0 be the shares of time in which both and none are up, x that in which an election goes on. Elections
/// begin when the leader fails while the other is up, or when the first is repaired, and end, or fail with
/// their candidate while no other is up. Of the time in which an election goes on, both are up b / (e + 2a)
/// times as long as one is: b x1 = (e + 2a) x2, as b leads there from x1, and the end or either failure
/// leads away. The balance of flows in and out is a (p2 - x2) + 2b p0 = e (x1 + x2) + a x1, so
/// x = (a p2 + 2b p0) / (e + a). Each leader lives for 1/a, so that elections come at rate a (1 - p0 - x).
#[test]
fn leader_availability_of_two_replicas() {
    let (fails, repaired, elected) = (1.0 / 10.0, 1.0 / 4.0, 1.0 / 2.0);
    let up = repaired / (fails + repaired);
    let (both, none) = (up * up, (1.0 - up) * (1.0 - up));
    let electing = (fails * both + 2.0 * repaired * none) / (elected + fails);
    let led: f64 = 1.0 - none - electing;
    assert!((led - 0.765_306_1).abs() < 1e-6, "{led}");
    let span = 40_000.0;
    let nodes = "{}";
    let replicas = "scheduler.replicas = { count = 2, up.exponential.mean = 10.0, \
                    down.exponential.mean = 4.0, election.exponential.mean = 2.0 }";
    let checks = [
        Check::new(|run| figure(run, Metric::LeaderAvailability), led, 0.0015),
        Check::new(|run| figure(run, Metric::ServiceAvailability), led, 0.0015),
        Check {
            allowance: 2.0,
            ..Check::new(|run| figure(run, Metric::Elections), span * fails * led, 10.0)
        },
        Check::new(|run| figure(run, Metric::MeanTimeWithoutLeader), (1.0 - led) / (fails * led), 0.03),
    ];
    judge(&framed(nodes, replicas, span, 20), &checks);
}

/// Nodes, attempts, news and the scheduler fail; tasks are limited, wait for others and spawn.
const ALL_AT_ONCE: &str = r#"
    policies = [
        "fifo", "least-loaded", "power-of-two", "round-robin", "srtf", "work-stealing", "late-binding",
        "time-slice", "easy-backfill", "heft",
    ]
    nodes = [{ count = 3, slots = 2, up.exponential.mean = 30.0, down.exponential.mean = 6.0 }]
    retry = { max_attempts = 4, backoff = { base = 0.5 }, timeout = 9.0 }
    [workload]
    tasks = 400
    arrivals.poisson.rate = 1.0
    duration.exponential.mean = 2.0
    failure_probability = 0.05
    patience.exponential.mean = 30.0
    [scheduler.replicas]
    up.exponential.mean = 12.0
    down.exponential.mean = 6.0
    lease = 1.0
    election.exponential.mean = 1.0
"#;

/// All policies meet the same leaders; whatever happens, no task is lost, none starts while nobody leads,
/// and the books of the scheduler are right at every instant.
#[test]
fn all_policies_meet_the_same_leaders() {
    let late = "completion_delay.exponential.mean = 0.3\ndetection_delay.exponential.mean = 1.0\n\
                join_delay = 0.5\ndispatch_delay.exponential.mean = 0.1\n";
    let late =
        ALL_AT_ONCE.replace("[scheduler.replicas]", &format!("[scheduler]\n{late}[scheduler.replicas]"));
    let resumed = ALL_AT_ONCE.replace("max_attempts", "on_node_loss = \"resume\", max_attempts");
    let jobs = ALL_AT_ONCE.replace("tasks = 400", "tasks = 400\njobs.chain.length = 3");
    let spawned = ALL_AT_ONCE.replace("tasks = 400", "tasks = 400\nspawn = { children = 1, depth = 2 }");
    for (scenario, tasks) in [
        (ALL_AT_ONCE, Some(400)),
        (&late, Some(400)),
        (&resumed, Some(400)),
        (&jobs, Some(400)),
        (&spawned, None),
    ] {
        let plan = plan(scenario);
        let world = plan.world();
        let options =
            RunOptions { tasks: true, history: true, check_invariants: true, ..RunOptions::default() };
        let run = |policy| simulate(&world, 7, world.policy(policy, 7), &options).expect("it ends");
        let runs: Vec<RunOutput> = plan.policies.iter().map(run).collect();
        let courses: Vec<Vec<(Time, bool)>> = runs.iter().map(course_of_leaders).collect();
        for (output, course) in runs.iter().zip(&courses) {
            assert!(tasks.is_none_or(|tasks| output.tasks.len() == tasks), "{} tasks", output.tasks.len());
            let same = courses[0].iter().zip(course).all(|(one, other)| one == other);
            assert!(course.len() > 10 && same, "{} changes", course.len());
        }
    }
}

/// When leaders failed and took over; nothing was decided or settled in between.
fn course_of_leaders(output: &RunOutput) -> Vec<(Time, bool)> {
    let (mut course, mut vacant_since) = (Vec::new(), Time::NEVER);
    for &(now, record) in &output.history {
        match record {
            Record::LeaderLost { .. } => vacant_since = now,
            Record::LeaderElected { .. } => vacant_since = Time::NEVER,
            Record::Dispatched { .. } | Record::Settled { .. } | Record::Returned { .. } => {
                assert!(
                    now <= vacant_since,
                    "{record:?} at {now:?}, without a leader since {vacant_since:?}"
                );
            }
            _ => {}
        }
        if matches!(record, Record::LeaderLost { .. } | Record::LeaderElected { .. }) {
            course.push((now, vacant_since == Time::NEVER));
        }
    }
    course
}
