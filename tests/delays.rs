//! News takes time: ends of attempts, failures and repairs of nodes that the scheduler learns of
//! late. Schedules worked out by hand, and queues with known answers.

mod support;

use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::scheduler::{Observer, Record};
use falcon::sim::{self, RunOptions};
use falcon::time::Time;
use proptest::prelude::*;
use support::judge::{Check, figure, judge, plan};

#[track_caller]
fn run(scenario: &str) -> ReplicationResult {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    plan.run(&options).expect("it runs").remove(0).replications.remove(0)
}

/// First start, end, attempts and node of every task; all of them complete.
fn rows(run: &ReplicationResult) -> Vec<(f64, f64, u32, u32)> {
    let row = |task: &falcon::metrics::TaskResult| {
        assert_eq!(task.state, FinalState::Completed);
        let start = task.first_start.expect("it started").as_seconds();
        (start, task.settled.as_seconds(), task.attempts, task.node.expect("a node"))
    };
    run.tasks.iter().map(row).collect()
}

#[track_caller]
fn figures(run: &ReplicationResult, expected: &[(Metric, f64)]) {
    for &(metric, expected) in expected {
        let found = run.metrics.get(metric).unwrap_or_else(|| panic!("no {}", metric.column().name));
        assert!((found - expected).abs() <= 1e-9, "{}: {found}, not {expected}", metric.column().name);
    }
}

/// What is on its way to a node while another task runs there is late by what is left of its way.
#[test]
fn what_is_taken_ahead_travels_while_it_waits() {
    let ends = |batch: u32, delay: f64| {
        let run = run(&format!(
            "policies = [{{ dispatch.pull.batch = {batch} }}]
            nodes = [{{}}]
            workload.tasks_list = [{{ work = 1 }}, {{ work = 1 }}, {{ work = 1 }}]
            scheduler.dispatch_delay = {delay}"
        ));
        rows(&run).into_iter().map(|(_, end, _, _)| end).collect::<Vec<f64>>()
    };
    assert_eq!(ends(1, 0.5), [1.5, 3.0, 4.5]);
    assert_eq!(ends(2, 0.5), [1.5, 2.5, 4.0]);
    assert_eq!(ends(3, 0.5), [1.5, 2.5, 3.5]);
    // The way is longer than the work, but all set out together.
    assert_eq!(ends(3, 2.0), [3.0, 4.0, 5.0]);
    assert_eq!(ends(2, 2.0), [3.0, 4.0, 7.0]);
}

/// The way to a zone is a way as any other, and a node that is lost has lost what was on its way there.
#[test]
fn ways_of_what_is_taken_ahead() {
    let run = run(r#"
        policies = [{ dispatch.pull.batch = 3, place = "first-fit" }]
        nodes = [{ zone = "a" }]
        workload.tasks_list = [{ work = 1, zone = "b" }, { work = 4, zone = "b" }, { work = 1, zone = "b" }]
        zones.latency.a.b = 3
        faults.outages = [{ node = "node-0", start = 5, end = 6 }]
        "#);
    // Tasks 1 and 2 set out again at 6.
    assert_eq!(rows(&run), [(3.0, 4.0, 1, 0), (4.0, 13.0, 2, 0), (13.0, 14.0, 1, 0)]);
}

/// The slot is taken until the scheduler knows that the attempt has ended.
#[test]
fn an_end_is_known_late() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        workload.tasks_list = [{ work = 1 }, { work = 2 }]
        scheduler.completion_delay = 0.5
        "#);
    assert_eq!(rows(&run), [(0.0, 1.5, 1, 0), (1.5, 4.0, 1, 0)]);
    figures(&run, &[(Metric::Makespan, 4.0), (Metric::MeanResponse, 2.75), (Metric::Utilisation, 1.0)]);
}

/// Until the failure is known nothing happens to what ran there; the node has worked no longer than
/// it was up, and was up no longer than it worked.
#[test]
fn a_failure_is_known_late() {
    for loss in ["restart", "resume"] {
        let run = run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ up.constant = 1.0, down.constant = 100.0 }}, {{}}]
            workload.tasks_list = [{{ work = 3 }}, {{ work = 2 }}]
            scheduler.detection_delay = 0.5
            retry.on_node_loss = "{loss}"
            "#
        ));
        let left = if loss == "resume" { 2.0 } else { 3.0 };
        let end = 2.0 + left;
        assert_eq!(rows(&run), [(0.0, end, 2, 1), (0.0, 2.0, 1, 1)]);
        figures(
            &run,
            &[
                (Metric::AttemptsLost, 1.0),
                (Metric::WastedTime, if loss == "resume" { 0.0 } else { 1.0 }),
                (Metric::NodeAvailability, (1.0 + end) / (2.0 * end)),
                (Metric::Utilisation, 1.0),
            ],
        );
    }
}

/// A node believed up takes tasks although it is down; they never begin.
#[test]
fn tasks_are_sent_to_a_dead_node() {
    let run = run(r#"
        policies = [{ name = "p", place = "fastest", dispatch = "push" }]
        nodes = [{ up.constant = 1.0, down.constant = 100.0, speed = 2.0 }, {}]
        workload.tasks_list = [{ arrival = 1.25, work = 1 }]
        scheduler.detection_delay = 0.5
        "#);
    assert_eq!(rows(&run), [(1.5, 2.5, 2, 1)]);
    figures(&run, &[(Metric::WastedTime, 0.0), (Metric::AttemptsLost, 1.0), (Metric::MeanWait, 0.25)]);
}

/// A node that comes back before its failure was noticed has lost what it ran all the same.
#[test]
fn a_failure_that_is_noticed_by_the_return() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 1.0, down.constant = 0.25 }]
        workload.tasks_list = [{ work = 0.75 }, { work = 0.75 }]
        scheduler.detection_delay = 10.0
        "#);
    // The second starts at 0.75, is lost at 1, known at the return at 1.25, and ends at 2.
    assert_eq!(rows(&run), [(0.0, 0.75, 1, 0), (0.75, 2.0, 2, 0)]);
    figures(&run, &[(Metric::WastedTime, 0.25), (Metric::NodeAvailability, 1.75 / 2.0)]);
}

/// What an attempt did before its node failed is kept, also when it would have ended before the
/// failure is noticed.
#[test]
fn work_is_kept_until_the_failure_however_late_it_is_known() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 1.0, down.constant = 100.0 }, {}]
        workload.tasks_list = [{ work = 3 }, { work = 2 }]
        scheduler.detection_delay = 10.0
        retry.on_node_loss = "resume"
        "#);
    assert_eq!(rows(&run), [(0.0, 13.0, 2, 1), (0.0, 2.0, 1, 1)]);
    figures(&run, &[(Metric::WastedTime, 0.0), (Metric::Utilisation, 5.0 / 14.0)]);
}

/// A node that is repaired and has not joined takes nothing, though it was never known to be down.
#[test]
fn a_node_that_has_not_joined_takes_nothing() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 1.0, down.constant = 1.0 }]
        workload.tasks_list = [{ arrival = 0.25, work = 0.25 }, { arrival = 1.5, work = 0.25 }]
        scheduler.detection_delay = 10.0
        scheduler.join_delay = 0.5
        "#);
    assert_eq!(rows(&run), [(0.25, 0.5, 1, 0), (2.5, 2.75, 2, 0)]);
}

/// A slot is busy no longer than its node is up, also while a report is on its way.
#[test]
fn a_report_from_a_dead_node() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 2.0, down.constant = 100.0 }]
        workload.tasks_list = [{ work = 1 }]
        scheduler.completion_delay = 2.0
        scheduler.detection_delay = 10.0
        "#);
    assert_eq!(rows(&run), [(0.0, 3.0, 1, 0)]);
    figures(&run, &[(Metric::Utilisation, 1.0), (Metric::NodeAvailability, 2.0 / 3.0)]);
}

/// A repaired node is of no use until it has joined, and counts as up from then on.
#[test]
fn a_repair_is_known_late() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 1.0, down.constant = 1.0 }]
        workload.tasks_list = [{ arrival = 1.5, work = 0.25 }]
        scheduler.join_delay = 0.5
        "#);
    assert_eq!(rows(&run), [(2.5, 2.75, 1, 0)]);
    figures(&run, &[(Metric::NodeAvailability, 0.25 / 1.25), (Metric::ServiceAvailability, 0.2)]);
}

/// A result that is on its way when its node is known to be lost comes too late.
#[test]
fn a_result_overtaken_by_the_loss_is_refused() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ up.constant = 1.5, down.constant = 100.0 }, { speed = 0.5 }]
        workload.tasks_list = [{ work = 1 }]
        scheduler.completion_delay = 1.0
        "#,
    );
    let world = plan.world();
    let policy = world.policy(&plan.policies[0], 1);
    let history: Vec<(Time, Record)> = Vec::new();
    let (_, history, _) = sim::run(&world, 1, policy, &RunOptions::default(), history).expect("it runs");
    let at = |wanted: fn(&Record) -> bool| -> Vec<f64> {
        history.iter().filter(|(_, record)| wanted(record)).map(|(now, _)| now.as_seconds()).collect()
    };
    assert_eq!(at(|record| matches!(record, Record::Lost { .. })), [1.5]);
    assert_eq!(at(|record| matches!(record, Record::Refused { .. })), [2.0]);
    assert_eq!(at(|record| matches!(record, Record::Settled { .. })), [4.5]);
}

fn mean_wait(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanWait)
}

fn mean_response(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanResponse)
}

/// M/G/1 with the delay as part of the service (Pollaczek and Khinchine): an exponential service
/// and an independent exponential delay.
#[test]
fn a_late_end_is_a_longer_service() {
    let (rate, service, delay) = (0.5, 1.0, 0.25);
    let second_moment = 2.0 * service * service + 2.0 * delay * delay + 2.0 * service * delay;
    let wait = rate * second_moment / (2.0 * (1.0 - rate * (service + delay)));
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{}]
        workload = { tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        scheduler.completion_delay.exponential.mean = 0.25
        "#,
        &[Check::new(mean_wait, wait, 0.01), Check::new(mean_response, wait + service + delay, 0.01)],
    );
}

/// A renewal process of periods of 50 and 10 on average, of which the first 5 of each up time are
/// spent on joining, if it lasts that long: 50 exp(-5/50) of 60 remain. When a failure is noticed
/// matters to tasks, not to what is true of nodes.
#[test]
fn availability_with_late_joins() {
    let available = |run: &ReplicationResult| figure(run, Metric::NodeAvailability);
    judge(
        r#"
        policies = ["least-loaded"]
        run = { replications = 20, timeline_buckets = 0 }
        [[nodes]]
        count = 50
        up.exponential.mean = 50.0
        down.exponential.mean = 10.0
        [workload]
        tasks = 20_000
        arrivals.poisson.rate = 1.0
        duration.exponential.mean = 1.0
        [scheduler]
        detection_delay.exponential.mean = 2.0
        join_delay = 5.0
        "#,
        &[Check::new(available, 50.0 * (-0.1f64).exp() / 60.0, 0.002)],
    );
}

/// Counts what must come out even in any world.
#[derive(Default)]
struct Ledger {
    submitted: u64,
    settled: std::collections::BTreeMap<u32, u32>,
    running: u64,
}

impl Observer for Ledger {
    fn on_record(&mut self, _: Time, record: &Record) {
        match record {
            Record::Submitted { .. } => self.submitted += 1,
            Record::Dispatched { .. } => self.running += 1,
            Record::Finished { .. } | Record::Lost { .. } => self.running -= 1,
            Record::Settled { task, .. } => *self.settled.entry(task.number).or_default() += 1,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However late the news, every task settles once, and the core's tables agree at every step.
    #[test]
    fn nothing_is_lost_however_late_the_news(
        seed in 0u64..1000,
        dispatch in 0.0f64..0.5, completion in 0.0f64..3.0, detection in 0.0f64..6.0, join in 0.0f64..3.0,
        policy in prop::sample::select(vec!["fifo", "sjf", "round-robin", "power-of-two", "easy-backfill", "random"]),
        loss in prop::sample::select(vec!["restart", "resume", "fail"]),
        fails in prop::sample::select(vec!["always", "busy"]),
    ) {
        let plan = plan(&format!(
            r#"
            policies = ["{policy}"]
            run.replications = 1
            retry = {{ on_node_loss = "{loss}", max_attempts = 5 }}
            [[nodes]]
            count = 3
            slots = 2
            fails = "{fails}"
            up.exponential.mean = 8.0
            down.exponential.mean = 3.0
            [workload]
            tasks = 60
            arrivals.poisson.rate = 2.0
            duration.exponential.mean = 1.0
            failure_probability = 0.2
            [scheduler]
            dispatch_delay.exponential.mean = {dispatch}
            completion_delay.exponential.mean = {completion}
            detection_delay.exponential.mean = {detection}
            join_delay.exponential.mean = {join}
            "#
        ).replace(".exponential.mean = 0\n", " = 0\n"));
        let world = plan.world();
        let built = world.policy(&plan.policies[0], seed);
        let options = RunOptions { check_invariants: true, ..RunOptions::default() };
        let (_, ledger, _) = sim::run(&world, seed, built, &options, Ledger::default()).expect("it ends");
        let rebuilt = world.policy(&plan.policies[0], seed);
        let output = sim::simulate(&world, seed, rebuilt, &RunOptions::default()).expect("it ends");
        for node in &output.collected.nodes {
            prop_assert!(node.busy.0 <= 2 * node.up.0, "busy {:?}, up {:?}", node.busy, node.up);
        }
        prop_assert_eq!(ledger.submitted, 60);
        prop_assert_eq!(ledger.running, 0);
        prop_assert_eq!(ledger.settled.len(), 60);
        prop_assert!(ledger.settled.values().all(|&times| times == 1));
    }
}
