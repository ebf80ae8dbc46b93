//! Copies of attempts that are late: schedules worked out by hand, closed forms, and the books in random
//! worlds.

mod support;

use std::collections::BTreeMap;

use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::policies::registry;
use falcon::scheduler::{Outcome, Record};
use falcon::sim::{self, RunOptions};
use falcon::time::Time;
use proptest::prelude::*;
use support::judge::{Check, figure, identities, judge, plan};

use FinalState::{Completed as DONE, Error as ERROR, Timeout as TIMEOUT};

/// Runs the only replication of a scenario; when, after how many attempts, how and where every task ended.
#[track_caller]
fn run(scenario: &str) -> (ReplicationResult, Vec<(f64, u32, FinalState, u32)>) {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    let run = plan.run(&options).expect("it runs").remove(0).replications.remove(0);
    identities(&plan, &run);
    let row = |task: &falcon::metrics::TaskResult| {
        (task.settled.as_seconds(), task.attempts, task.state, task.node.expect("it ran"))
    };
    let rows = run.tasks.iter().map(row).collect();
    (run, rows)
}

/// A task of 10 s on the first of three nodes, which is slow for ever, unless these say otherwise; under
/// every way to dispatch the same.
#[track_caller]
fn slow(factor: f64, speculation: &str, rest: &str) -> (ReplicationResult, Vec<(f64, u32, FinalState, u32)>) {
    let nodes = if rest.contains("nodes =") { "" } else { "nodes = [{ count = 3 }]" };
    let tasks = if rest.contains("tasks_list") { "" } else { "workload.tasks_list = [{ work = 10 }]" };
    let faults = format!(r#"faults.slow = [{{ node = "node-0", start = 0, end = 1e6, factor = {factor} }}]"#);
    let of = |policy: &str| {
        run(&format!(
            "policies = [\"{policy}\"]\n{nodes}\n{tasks}\n{faults}\nretry.speculation = {{ {speculation} }}\n{rest}"
        ))
    };
    let found = of("fifo");
    for policy in ["least-loaded", "work-stealing", "first-fit", "easy-backfill", "min-cost-flow"] {
        assert_eq!(of(policy).1, found.1, "{policy}");
    }
    found
}

#[track_caller]
fn figures(run: &ReplicationResult, expected: &[(Metric, f64)]) {
    for &(metric, expected) in expected {
        let found = figure(run, metric);
        assert!((found - expected).abs() < 1e-9, "{}: {found}, not {expected}", metric.column().name);
    }
}

fn counts(started: f64, won: f64, wasted: f64) -> [(Metric, f64); 3] {
    use Metric::{SpeculativeAttempts, SpeculativeWins, WastedTime};
    [(SpeculativeAttempts, started), (SpeculativeWins, won), (WastedTime, wasted)]
}

// By hand -------------------------------------------------------------------------------------

/// With a factor f the task takes the lesser of f x 10 and 2 x 10 + 10.
#[test]
fn the_first_of_two_counts() {
    let (run, rows) = slow(5.0, "late = 2", "");
    assert_eq!(rows, [(30.0, 2, DONE, 1)]);
    figures(&run, &counts(1.0, 1.0, 30.0));
    figures(&run, &[(Metric::Attempts, 2.0), (Metric::Retries, 0.0), (Metric::MeanResponse, 30.0)]);
    let busy: Vec<f64> = run.nodes.iter().map(|node| node.busy.as_seconds()).collect();
    let tasks: Vec<u64> = run.nodes.iter().map(|node| node.tasks).collect();
    assert_eq!((busy, tasks), (vec![30.0, 10.0, 0.0], vec![0, 1, 0]));
    // The task itself is first: 5 s of the copy are wasted.
    let (run, rows) = slow(2.5, "late = 2", "");
    assert_eq!(rows, [(25.0, 2, DONE, 0)]);
    figures(&run, &counts(1.0, 0.0, 5.0));
    // It ends as it would be late: no copy.
    let (run, rows) = slow(2.0, "late = 2", "");
    assert_eq!(rows, [(20.0, 1, DONE, 0)]);
    figures(&run, &counts(0.0, 0.0, 0.0));
    // Two at once: of equal ends that which was started first counts here.
    let (run, rows) = slow(1.0, "late = 0", "");
    assert_eq!(rows, [(10.0, 2, DONE, 0)]);
    figures(&run, &counts(1.0, 0.0, 10.0));
    assert_eq!(slow(5.0, "late = 0", "").1, [(10.0, 2, DONE, 1)]);
}

#[test]
fn late_by_the_speed_of_the_node() {
    // Of two nodes one is faster: on it the same work would be late sooner.
    let nodes = "nodes = [{ name = \"node\", speed = 2 }, { name = \"other\", count = 2 }]";
    // 25 s at a fifth of twice the speed; late at 10, and 10 s elsewhere.
    assert_eq!(slow(5.0, "late = 2", nodes).1, [(20.0, 2, DONE, 1)]);
}

#[test]
fn further_copies_when_the_last_is_late_too() {
    let both = |copies: u32| {
        run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ count = 4 }}]
            workload.tasks_list = [{{ work = 10 }}]
            retry.speculation = {{ late = 2, copies = {copies} }}
            faults.slow = [{{ node = "node-0", start = 0, end = 1e6, factor = 10 }},
                           {{ node = "node-1", start = 0, end = 1e6, factor = 8 }}]
            "#
        ))
    };
    // From 0, 20 and 40 on.
    let (found, rows) = both(2);
    assert_eq!(rows, [(50.0, 3, DONE, 2)]);
    figures(&found, &counts(2.0, 1.0, 50.0 + 30.0));
    let (found, rows) = both(1);
    assert_eq!(rows, [(100.0, 2, DONE, 0)]);
    figures(&found, &counts(1.0, 0.0, 80.0));
}

#[test]
fn copies_go_to_the_fastest_free_node_and_never_twice_to_one() {
    let nodes = |rest: &str| format!("nodes = [{{ name = \"node\" }}, {rest}]\npolicies = [\"first-fit\"]");
    let faults = r#"faults.slow = [{ node = "node-0", start = 0, end = 1e6, factor = 5 }]"#;
    let on = |rest: &str, more: &str| {
        let tasks = if more.contains("tasks_list") { "" } else { "workload.tasks_list = [{ work = 10 }]" };
        run(&format!("{}\n{tasks}\n{faults}\nretry.speculation.late = 2\n{more}", nodes(rest))).1
    };
    assert_eq!(
        on(r#"{ name = "b" }, { name = "c", speed = 4 }, { name = "d", speed = 2 }"#, "")[0],
        (22.5, 2, DONE, 2)
    );
    // The only free slot is on the node that runs it.
    let slots = r#"nodes = [{ slots = 2 }]
        policies = ["fifo"]
        workload.tasks_list = [{ work = 10 }]
        retry.speculation.late = 2"#;
    assert_eq!(run(&format!("{slots}\n{faults}")).1, [(50.0, 1, DONE, 0)]);
    // What it demands must be there.
    let demanding = "workload.tasks_list = [{ work = 10, demand = { gpu = 1 } }]";
    let gpus = r#"nodes = [{ capacity = { gpu = 1 } }, { name = "b", capacity = { gpu = 0 }, speed = 4 },
        { name = "c", capacity = { gpu = 2 } }]
        policies = ["first-fit"]
        retry.speculation.late = 2"#;
    assert_eq!(run(&format!("{gpus}\n{demanding}\n{faults}")).1, [(30.0, 2, DONE, 2)]);
    let two_slots = "workload.tasks_list = [{ work = 10, slots = 2 }]";
    let sizes = r#"nodes = [{ slots = 2 }, { name = "b", slots = 1, speed = 4 }, { name = "c", slots = 3 }]
        policies = ["first-fit"]
        retry.speculation.late = 2"#;
    let (found, rows) = run(&format!("{sizes}\n{two_slots}\n{faults}"));
    assert_eq!(rows, [(30.0, 2, DONE, 2)]);
    figures(&found, &counts(1.0, 1.0, 60.0));
}

#[test]
fn copies_wait_for_what_waits() {
    // Under pull the queue is empty from 33 on, and a node free at 43.
    let tasks =
        format!("workload.tasks_list = [{{ work = 10 }}{}]", ", { work = 13 }".repeat(3) + ", { work = 10 }");
    let queue = |policy: &str| {
        run(&format!(
            r#"
            policies = ["{policy}"]
            nodes = [{{ count = 2 }}]
            {tasks}
            retry.speculation.late = 2
            faults.slow = [{{ node = "node-0", start = 0, end = 1e6, factor = 8 }}]
            "#
        ))
        .1
    };
    let ends: Vec<f64> = queue("fifo").iter().map(|row| row.0).collect();
    assert_eq!(ends, [59.0, 13.0, 26.0, 39.0, 49.0]);
    // Under push what waits behind it waits for it, and the other node is free for a copy as soon as it has
    // nothing to do. Two tasks each: the second of the slow node is late in its turn.
    let rows = run(r#"
        policies = ["round-robin"]
        nodes = [{ count = 2 }]
        workload.tasks_list = [{ work = 10 }, { work = 25 }, { work = 10 }]
        retry.speculation.late = 2
        faults.slow = [{ node = "node-0", start = 0, end = 1e6, factor = 8 }]
        "#)
    .1;
    assert_eq!(rows, [(35.0, 2, DONE, 1), (25.0, 1, DONE, 1), (65.0, 2, DONE, 1)]);
}

#[test]
fn a_share_of_the_running_attempts() {
    let share = |share: f64| {
        let scenario = format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ count = 8 }}]
            workload.tasks_list = [{{ work = 10 }}, {{ work = 10 }}, {{ work = 10 }}]
            retry.speculation = {{ late = 2, share = {share} }}
            faults.slow = [{{ node = "node-0", start = 0, end = 1e6, factor = 6 }},
                           {{ node = "node-1", start = 0, end = 1e6, factor = 6 }},
                           {{ node = "node-2", start = 0, end = 1e6, factor = 6 }}]
            "#
        );
        run(&scenario).1.iter().map(|row| row.0).collect::<Vec<_>>()
    };
    assert_eq!(share(1.0), [30.0, 30.0, 30.0]);
    // Two of five; the third is one of two when the others are done.
    assert_eq!(share(0.5), [30.0, 30.0, 30.0]);
    assert_eq!(share(0.4), [30.0, 30.0, 60.0]);
    // One of four, then one of three; not one of two.
    assert_eq!(share(0.35), [30.0, 40.0, 60.0]);
    assert_eq!(share(0.3), [30.0, 60.0, 60.0]);
}

// What goes wrong -----------------------------------------------------------------------------

#[test]
fn a_node_that_pauses_or_is_cut_off() {
    let one = |faults: &str| {
        run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ count = 2 }}]
            workload.tasks_list = [{{ work = 10 }}, {{ arrival = 200, work = 1 }}]
            retry.speculation.late = 2
            faults.{faults}
            "#
        ))
    };
    // Stopped when it can be told.
    let (found, rows) = one(r#"pauses = [{ node = "node-0", start = 4, end = 100 }]"#);
    assert_eq!(rows[0], (30.0, 2, DONE, 1));
    figures(&found, &[(Metric::StaleResults, 0.0), (Metric::DuplicateExecutions, 0.0)]);
    // Its result comes too late.
    let (found, rows) = one(r#"partitions = [{ node = "node-0", start = 4, end = 100 }]"#);
    assert_eq!(rows[0], (30.0, 2, DONE, 1));
    figures(&found, &[(Metric::StaleResults, 1.0), (Metric::DuplicateExecutions, 0.0)]);
    // One that never hears of the task is late as well.
    let (_, rows) = one(r#"pauses = [{ node = "node-0", start = 0, end = 100 }]"#);
    assert_eq!(rows[0], (30.0, 2, DONE, 1));
    assert_eq!(one(r#"pauses = [{ node = "node-0", start = 4, end = 23 }]"#).1[0], (29.0, 2, DONE, 0));
}

#[test]
fn a_node_that_dies_takes_one_of_two() {
    let lost = |node: u32, start: f64, on_node_loss: &str| {
        let out = format!(
            r#"faults.outages = [{{ node = "node-{node}", start = {start}, end = 1000 }}]
               retry.on_node_loss = "{on_node_loss}""#
        );
        slow(8.0, "late = 2", &out)
    };
    for on_node_loss in ["restart", "fail"] {
        // The copy goes on.
        let (found, rows) = lost(0, 25.0, on_node_loss);
        assert_eq!(rows, [(30.0, 2, DONE, 1)]);
        figures(&found, &[(Metric::AttemptsLost, 1.0), (Metric::WastedTime, 25.0)]);
        // The copy is lost: another is made at once, as the first attempt is late still.
        let (found, rows) = lost(1, 25.0, on_node_loss);
        assert_eq!(rows, [(35.0, 3, DONE, 2)]);
        figures(&found, &counts(2.0, 1.0, 35.0 + 5.0));
    }
    // Found out late: the copy does not wait for that.
    let late = r#"faults.outages = [{ node = "node-0", start = 5, end = 1000 }]
        scheduler.detection_delay = 100"#;
    assert_eq!(slow(1.0, "late = 2", late).1, [(30.0, 2, DONE, 1)]);
}

/// Every attempt on the second node fails at its end.
#[test]
fn a_copy_that_fails_is_a_failure_and_no_more() {
    let nodes = |more: &str| {
        format!(
            r#"nodes = [{{ name = "node" }}, {{ name = "bad", failure_probability = 1 }}{more}]
            retry.max_attempts = "#
        )
    };
    // The first attempt goes on, and is given another copy: 20 to 30, 30 to 40.
    let three = nodes(r#", { name = "good" }"#);
    let (found, rows) = slow(5.0, "late = 2", &format!("{three}3"));
    assert_eq!(rows, [(40.0, 3, DONE, 2)]);
    figures(&found, &[(Metric::Retries, 0.0), (Metric::SpeculativeAttempts, 2.0)]);
    // Though no more failures are allowed, what runs may complete.
    assert_eq!(slow(3.5, "late = 2", &format!("{}1", nodes(""))).1, [(35.0, 3, DONE, 0)]);
    // Copies at 20, 30 and 40 fail, then the node of the first attempt is lost, or comes to its end.
    let out = r#"faults.outages = [{ node = "node-0", start = 45, end = 46 }]"#;
    let lost = slow(8.0, "late = 2", &format!("{}1\n{out}", nodes("")));
    assert_eq!(lost.1, [(50.0, 4, ERROR, 1)]);
    figures(&lost.0, &[(Metric::AttemptsLost, 1.0), (Metric::Retries, 0.0)]);
}

#[test]
fn limits_of_time_end_one_attempt_or_the_task() {
    // The first is stopped at 25, the copy ends at 30.
    let (found, rows) = slow(5.0, "late = 2", "retry.timeout = 25");
    assert_eq!(rows, [(30.0, 2, DONE, 1)]);
    figures(&found, &[(Metric::AttemptsTimedOut, 1.0), (Metric::WastedTime, 25.0)]);
    let (found, rows) = slow(5.0, "late = 2", "retry.total_timeout = 25");
    assert_eq!((rows[0].0, rows[0].1, rows[0].2), (25.0, 2, TIMEOUT));
    figures(&found, &[(Metric::AttemptsTimedOut, 2.0), (Metric::WastedTime, 30.0)]);
    // Two that began at the same instant are both stopped, and fail both.
    let both = "retry.timeout = 5\nretry.max_attempts = 4";
    let (found, rows) = slow(1.0, "late = 0", both);
    assert_eq!((rows[0].0, rows[0].1, rows[0].2), (10.0, 4, TIMEOUT));
    figures(&found, &[(Metric::AttemptsTimedOut, 4.0), (Metric::Retries, 1.0)]);
}

#[test]
fn children_start_when_the_first_copy_is_done() {
    // The child goes to the slow node, and is late there in its turn.
    let (_, rows) = run(r#"
        policies = ["fifo"]
        nodes = [{ count = 3 }]
        workload.tasks_list = [{ work = 10 }, { work = 1, after = [0] }]
        retry.speculation.late = 2
        faults.slow = [{ node = "node-0", start = 0, end = 1e6, factor = 5 }]
        "#);
    assert_eq!(rows, [(30.0, 2, DONE, 1), (33.0, 2, DONE, 2)]);
}

// What is refused -----------------------------------------------------------------------------

#[test]
fn what_makes_no_sense_is_refused() {
    let base = "nodes = [{ count = 4 }]\nworkload = { tasks = 10, duration = 1TASKS }\n";
    let lock = ", lock.names = 2";
    for (policy, tasks, retry, expected) in [
        ("fifo", "", "speculation = {}", "needs to know when an attempt is late"),
        ("fifo", "", "speculation.late = -1", "late"),
        ("fifo", "", "speculation.quantile = 1", "a quantile is a share above 0 and below 1"),
        ("fifo", "", "speculation = { late = 2, observations = 9 }", "`observations` without a quantile"),
        ("fifo", "", "speculation = { late = 2, copies = 0 }", "copies"),
        ("fifo", "", "speculation = { late = 2, share = 0 }", "a share of copies is above 0"),
        ("fifo", "", "speculation = { late = 2, share = 0.2 }", "raise `share` to 0.250 or more"),
        ("fifo", "", "speculation = { late = 2, lates = 2 }", "did you mean `late`"),
        (
            "fifo",
            "",
            "speculation.late = 2\nretry.on_node_loss = \"resume\"",
            "keeps the work of a lost attempt",
        ),
        ("fifo", "", "speculation.late = 2\nretry.checkpoint.interval = 1", "keeps a part of the work"),
        ("fifo", lock, "speculation.late = 2", "copies of tasks that need locks"),
        ("srtf", "", "speculation.late = 2", "interrupts tasks"),
        ("serial", "", "speculation.late = 2", "runs one task at a time"),
        ("late-binding", "", "speculation.late = 2", "binds a task to several nodes"),
    ] {
        let base = base.replace("TASKS", tasks);
        let scenario = format!("policies = [\"{policy}\"]\n{base}retry.{retry}");
        let mistakes = falcon::experiment::plan::Plan::from_toml(&scenario).expect_err(&scenario);
        let text = mistakes.render(false);
        assert!(text.contains(expected) && text.matches("error:").count() == 1, "{scenario}\n{text}");
    }
}

// Theory --------------------------------------------------------------------------------------

/// Many nodes, rare tasks: each finds all idle. Nobody knows how long a task is, only its mean of 1.
fn hedged(redraw: bool, speculation: &str) -> String {
    format!(
        r#"
        policies = ["fifo"]
        nodes = [{{ count = 4 }}]
        run.replications = 10
        retry = {{ redraw = {redraw}, speculation = {{ {speculation} }} }}
        [workload]
        tasks = 10_000
        arrivals.periodic.interval = 100.0
        duration.exponential.mean = 1.0
        estimate = "class-mean"
        "#
    )
}

/// The lesser of X and t + X', X and X' exponential: 1 - e^-t + e^-t / 2. A copy is made with probability
/// e^-t, and is first in half of the cases, as it has no more to do than what is left of the first.
#[test]
fn hedging_exponential_tasks_after_a_time() {
    for t in [0.0, 0.5, 2.0f64] {
        let share: f64 = (-t).exp();
        let speculation = format!("late = {t}");
        let mut checks = vec![Check::new(|run| figure(run, Metric::MeanResponse), 1.0 - share / 2.0, 0.01)];
        checks.push(Check::new(|run| figure(run, Metric::SpeculativeWins) / 1e4, share / 2.0, 0.01));
        if t > 0.0 {
            checks.push(Check::new(|run| figure(run, Metric::SpeculativeAttempts) / 1e4, share, 0.01));
        }
        judge(&hedged(true, &speculation), &checks);
    }
}

/// All that repeat the same work on equal nodes: the first has less left to do.
#[test]
fn copies_of_the_same_work_on_equal_nodes_never_win() {
    let (plain, copied) = (hedged(false, "late = 1e6"), hedged(false, "late = 0.5"));
    let run = |scenario: &str| {
        let options = RunnerOptions { threads: 1, ..RunnerOptions::default() };
        plan(scenario).run(&options).expect("it runs").remove(0).replications
    };
    for (plain, copied) in run(&plain).iter().zip(run(&copied)) {
        assert_eq!(plain.metrics.get(Metric::MeanResponse), copied.metrics.get(Metric::MeanResponse));
        assert_eq!(figure(&copied, Metric::SpeculativeWins), 0.0);
        assert!(figure(&copied, Metric::SpeculativeAttempts) > 5500.0);
    }
}

/// After the 0.9-quantile, which is ln 10 here, of what tasks took: a tenth of them is hedged. What is known
/// of the quantile is up to 0.8 % too much.
#[test]
fn hedging_exponential_tasks_after_a_quantile() {
    let within = |check: Check| Check { allowance: 0.002, ..check };
    judge(
        &hedged(true, "quantile = 0.9, observations = 50"),
        &[
            within(Check::new(|run| figure(run, Metric::SpeculativeAttempts) / 1e4, 0.1, 0.002)),
            within(Check::new(|run| figure(run, Metric::MeanResponse), 0.95, 0.005)),
        ],
    );
}

/// One node of ten is five times as slow, and tasks are placed at random: each takes 1 s, or 5 s, or 2.5 s
/// with a copy that is made after 1.5 s.
#[test]
fn a_slow_node_that_nobody_knows_of() {
    let scenario = |speculation: &str| {
        format!(
            r#"
            policies = ["random"]
            nodes = [{{ count = 10 }}]
            run.replications = 10
            workload = {{ tasks = 5_000, arrivals.periodic.interval = 20.0, duration = 1.0 }}
            faults.slow = [{{ node = "node-3", start = 0, end = 1e9, factor = 5 }}]
            {speculation}
            "#
        )
    };
    let response = |mean| [Check::new(|run| figure(run, Metric::MeanResponse), mean, 0.01)];
    judge(&scenario(""), &response(0.9 + 0.5));
    judge(&scenario("retry.speculation.late = 1.5"), &response(0.9 + 0.25));
    // After the median, once there is one: all alike but those of the slow node, which takes 1 + 1.0078 s.
    judge(
        &scenario("retry.speculation.quantile = 0.5"),
        &[Check { allowance: 0.01, ..Check::new(|run| figure(run, Metric::MeanResponse), 0.9 + 0.2, 0.01) }],
    );
}

// Invariants ----------------------------------------------------------------------------------

#[derive(Default)]
struct Account {
    /// Which attempts run, and where.
    running: BTreeMap<u32, u32>,
    started: u32,
    completed: u32,
    settled: u32,
}

/// Goes through the records of a run: every attempt has one beginning and one end, attempts of one task run on
/// different nodes, at most one completes, and nothing runs of a task that is settled.
fn check_records(history: &[(Time, Record)]) {
    let mut accounts: BTreeMap<u32, Account> = BTreeMap::new();
    for (_, record) in history {
        let number = match *record {
            Record::Submitted { task, .. }
            | Record::Dispatched { task, .. }
            | Record::Settled { task, .. } => task,
            Record::CopyDispatched { task, .. } | Record::CopyWon { task, .. } => task,
            Record::Finished { task, .. } | Record::Lost { task, .. } | Record::TimedOut { task, .. } => task,
            Record::Outrun { task, .. } => task,
            _ => continue,
        }
        .number;
        let account = accounts.entry(number).or_default();
        match *record {
            Record::Dispatched { attempt, node, .. } | Record::CopyDispatched { attempt, node, .. } => {
                let copy = matches!(record, Record::CopyDispatched { .. });
                assert_eq!(copy, !account.running.is_empty(), "{record:?}");
                assert!(!account.running.values().any(|other| *other == node.0), "{record:?}");
                account.started += 1;
                assert_eq!(account.started, attempt.0, "{record:?}");
                account.running.insert(attempt.0, node.0);
            }
            Record::Finished { attempt, node, .. }
            | Record::Lost { attempt, node, .. }
            | Record::TimedOut { attempt, node, .. }
            | Record::Outrun { attempt, node, .. } => {
                assert_eq!(account.running.remove(&attempt.0), Some(node.0), "{record:?}");
                let done = matches!(record, Record::Finished { outcome: Outcome::Success, .. });
                account.completed += u32::from(done);
                // A loser is stopped after the winner, and nothing else is.
                let outrun = matches!(record, Record::Outrun { .. });
                assert_eq!(outrun, !done && account.completed > 0, "{record:?}");
            }
            Record::Settled { attempts, .. } => {
                account.settled += 1;
                assert_eq!((account.running.len(), account.started), (0, attempts), "{record:?}");
            }
            _ => {}
        }
    }
    for (task, account) in accounts {
        assert!(account.settled == 1 && account.completed <= 1, "task {task}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("FALCON_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(96)
    ))]

    /// Whatever happens at once: the books of the core and of the simulator are right after every instant, and
    /// every task is settled once.
    #[test]
    fn nothing_is_lost_or_done_twice(
        seed: u64,
        policy in 0..registry::PRESETS.len(),
        (late, quantile, copies) in (0.0f64..2.5, prop::option::of(0.3f64..0.95), 1u32..4),
        share in 0.2f64..1.0,
        on_node_loss in prop::sample::select(vec!["restart", "fail"]),
        others in 0u32..1 << 14,
    ) {
        let preset = &registry::PRESETS[policy];
        let other = |bit: u32, given: &str| {
            if others & 1 << bit != 0 { given.to_string() } else { String::new() }
        };
        let quantile = quantile.map_or(String::new(), |q| format!("quantile = {q}, observations = 8,"));
        let scenario = format!(
            r#"
            policies = ["{}"]
            [[nodes]]
            count = 3
            slots = 2
            capacity = {{ cpu = 4 }}
            {}
            {}
            [[nodes]]
            name = "fast"
            count = 2
            speed = 2.0
            capacity = {{ cpu = 1 }}
            {}
            {}
            [retry]
            on_node_loss = "{on_node_loss}"
            speculation = {{ late = {late}, {quantile} copies = {copies}, share = {share} }}
            {}
            {}
            {}
            {}
            [scheduler]
            {}
            {}
            {}
            {}
            [workload]
            tasks = 120
            arrivals.poisson.rate = 3
            duration.exponential.mean = 2
            failure_probability = 0.1
            user = 1
            {}
            {}
            "#,
            preset.name,
            other(0, "up.exponential.mean = 15\ndown.exponential.mean = 4"),
            other(1, "slow = { every.exponential.mean = 9, lasts.exponential.mean = 4, factor = 6 }
                pause = { every.exponential.mean = 12, lasts.exponential.mean = 4 }
                partition = { every.exponential.mean = 12, lasts.exponential.mean = 5 }"),
            other(2, "up.exponential.mean = 9\ndown.exponential.mean = 4"),
            other(3, "slow = { every.exponential.mean = 9, lasts.exponential.mean = 4, factor = 6 }"),
            other(4, "timeout = 3"),
            other(5, "total_timeout = 15"),
            other(6, "redraw = true\nbackoff.base = 0.5"),
            other(7, "budget = { share = 0.3, burst = 5 }"),
            other(8, "dispatch_delay.exponential.mean = 0.2\ncompletion_delay.exponential.mean = 0.2"),
            other(9, "monitor = { heartbeat.exponential.mean = 1, detector.timeout = { suspect_after = 2, dead_after = 4 } }"),
            other(10, "breaker = { consecutive_failures = 2, open = 3 }"),
            other(11, "queue_limit = 20"),
            other(12, "estimate = \"class-mean\"\nfailure_point = \"uniform\"\npoison = 0.05"),
            other(13, "demand = { cpu = 1 }"),
        );
        let plan = match falcon::experiment::plan::Plan::from_toml(&scenario) {
            Ok(plan) => plan,
            Err(mistakes) => {
                let text = mistakes.render(false);
                // Only what the policy cannot do at all.
                let known = text.contains("copies of attempts are not supported with this policy")
                    || text.contains("queue is limited") || text.contains("demand");
                prop_assert!(known, "{text}");
                return Ok(());
            }
        };
        let world = plan.world();
        let options = RunOptions { check_invariants: true, tasks: true, history: true, ..RunOptions::default() };
        let run = |options| {
            let policy = world.policy(&plan.policies[0], seed);
            sim::simulate(&world, seed, policy, &options).expect("it runs")
        };
        let output = run(options);
        prop_assert_eq!(output.tasks.len(), 120);
        check_records(&output.history);
        let figure = |metric| output.collected.metrics.get(metric).expect("a figure");
        let ends = [Metric::Completed, Metric::Errors, Metric::Timeouts, Metric::Rejected];
        prop_assert_eq!(ends.into_iter().map(figure).sum::<f64>(), 120.0);
        prop_assert!(figure(Metric::SpeculativeWins) <= figure(Metric::SpeculativeAttempts));
        prop_assert_eq!(&output.collected.metrics, &run(RunOptions::default()).collected.metrics);
    }
}
