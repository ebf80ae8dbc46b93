//! Attempts that fail, take too long or are cut short: by hand, by closed forms, and with the books
//! checked after every instant.

mod support;

use std::collections::BTreeSet;

use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{AlarmResult, FinalState, Metric, ReplicationResult};
use falcon::scheduler::{AlarmRule, Outcome, Record};
use falcon::sim::{RunOptions, RunOutput, simulate};
use falcon::statistics::confidence::Summary;
use falcon::time::Time;
use support::judge::{Check, figure, identities, judge, plan};

use FinalState::{Completed as DONE, Error as ERROR, Timeout as TIMEOUT};

/// Runs the only replication of a scenario; when, after how many attempts and how every task ended.
#[track_caller]
fn run(scenario: &str) -> (ReplicationResult, Vec<(f64, u32, FinalState)>) {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    let run = plan.run(&options).expect("it runs").remove(0).replications.remove(0);
    let rows = run.tasks.iter().map(|task| (task.settled.as_seconds(), task.attempts, task.state)).collect();
    (run, rows)
}

/// The first policy of a scenario, every record kept, the books checked after every instant.
#[track_caller]
fn history(scenario: &str, seed: u64) -> Vec<RunOutput> {
    let plan = plan(scenario);
    let world = plan.world();
    let options = RunOptions { tasks: true, history: true, check_invariants: true, ..RunOptions::default() };
    let run = |policy| simulate(&world, seed, world.policy(policy, seed), &options).expect("it runs");
    plan.policies.iter().map(run).collect()
}

/// Starts of tasks whose last attempt failed or took too long.
fn retries(history: &[(Time, Record)]) -> u32 {
    let mut due = BTreeSet::new();
    let mut retries = 0;
    for (_, record) in history {
        match record {
            Record::Returned { task, failed: true } => assert!(due.insert(task.number)),
            Record::Returned { task, failed: false } => assert!(!due.contains(&task.number)),
            Record::Dispatched { task, .. } => retries += u32::from(due.remove(&task.number)),
            _ => {}
        }
    }
    retries
}

#[track_caller]
fn figures(run: &ReplicationResult, expected: &[(Metric, f64)]) {
    for &(metric, expected) in expected {
        let found = figure(run, metric);
        assert!((found - expected).abs() < 1e-9, "{}: {found}, not {expected}", metric.column().name);
    }
}

// Time limits ---------------------------------------------------------------------------------

/// 0 to 3, a pause of 1, 4 to 7; an attempt of exactly the limit ends in time.
#[test]
fn an_attempt_that_takes_too_long_is_stopped_and_tried_again() {
    let one = |work: f64, delay: &str| {
        run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{}}]
            workload.tasks_list = [{{ work = {work} }}, {{ arrival = 8, work = 1 }}]
            retry = {{ timeout = "3s", max_attempts = 2, backoff.base = 1.0 }}
            {delay}
            "#
        ))
    };
    let (stopped, rows) = one(10.0, "");
    assert_eq!(rows, [(7.0, 2, TIMEOUT), (9.0, 1, DONE)]);
    figures(
        &stopped,
        &[
            (Metric::AttemptsTimedOut, 2.0),
            (Metric::Retries, 1.0),
            (Metric::Timeouts, 1.0),
            (Metric::WastedTime, 6.0),
            (Metric::Utilisation, 7.0 / 9.0),
        ],
    );
    assert_eq!(one(3.0, "").1[0], (3.0, 1, DONE));
    // The way to the node does not count, and the news of the end comes too late to help.
    assert_eq!(one(3.0, "scheduler.dispatch_delay = 0.5").1[0], (3.5, 1, DONE));
    assert_eq!(one(10.0, "scheduler.dispatch_delay = 0.5").1[0], (8.0, 2, TIMEOUT));
    assert_eq!(one(3.0, "scheduler.completion_delay = 0.5").1[0], (7.0, 2, TIMEOUT));
}

/// Slices of 1 s in turn: each has had its 3 s at the node at 5 and at 6.
#[test]
fn stints_of_an_interrupted_attempt_count_together() {
    let (_, rows) = run(r#"
        policies = [{ order.time-slice.quantum = 1.0, dispatch = "push" }]
        nodes = [{}]
        workload.tasks_list = [{ work = 4 }, { work = 4 }]
        retry = { timeout = 3.0, max_attempts = 1 }
        "#);
    assert_eq!(rows, [(5.0, 1, TIMEOUT), (6.0, 1, TIMEOUT)]);
}

/// Running, waiting anywhere, pausing or blocked: when its time is up a task is settled, and makes room.
#[test]
fn a_task_whose_time_is_up_is_settled_whatever_it_does() {
    for policy in [
        r#""fifo""#,
        r#""sjf""#,
        r#""least-loaded""#,
        r#""work-stealing""#,
        r#""late-binding""#,
        r#"{ dispatch = "serial" }"#,
        r#"{ dispatch.pull.batch = 3 }"#,
        r#"{ order.time-slice.quantum = 100.0, dispatch = "push" }"#,
        r#"{ order = "priority", preempt = true }"#,
        r#"{ place = "first-fit", backfill = "easy" }"#,
        r#"{ place = "first-fit", backfill = "conservative" }"#,
        r#""min-cost-flow""#,
    ] {
        let (run, rows) = run(&format!(
            r#"
            policies = [{policy}]
            nodes = [{{}}]
            workload.tasks_list = [{{ work = 10 }}, {{ work = 20 }}, {{ arrival = 2, work = 1 }}, {{ arrival = 3, work = 1, after = [1] }}]
            retry = {{ total_timeout = 5.0 }}
            "#
        ));
        // Shortest first, the third goes ahead of the second only when that is gone.
        let cancelled = FinalState::Cancelled;
        assert_eq!(
            rows,
            [(5.0, 1, TIMEOUT), (5.0, 0, TIMEOUT), (6.0, 1, DONE), (5.0, 0, cancelled)],
            "{policy}"
        );
        figures(&run, &[(Metric::Timeouts, 2.0), (Metric::AttemptsTimedOut, 1.0), (Metric::WastedTime, 5.0)]);
    }
    // Pausing from 1 to 11, and blocked by one that pauses.
    let (_, rows) = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        workload = { tasks_list = [{ work = 1 }, { arrival = 2, work = 1, after = [0] }], failure_probability = 1.0 }
        retry = { total_timeout = 5.0, backoff.base = 10.0, max_attempts = "unlimited" }
        "#);
    assert_eq!(rows, [(5.0, 1, TIMEOUT), (5.0, 0, FinalState::Cancelled)]);
}

/// Exponential work, drawn anew: an attempt succeeds with 1 - e^-T.
#[test]
fn attempts_under_a_time_limit() {
    let (limit, most) = (0.7f64, 3);
    let lost = (-limit).exp();
    let success = 1.0 - lost.powi(most);
    judge(
        &format!(
            r#"
            policies = ["least-loaded"]
            run = {{ replications = 10 }}
            nodes = [{{ count = 8 }}]
            workload = {{ tasks = 20_000, duration.exponential.mean = 1.0 }}
            retry = {{ timeout = {limit}, max_attempts = {most}, redraw = true }}
            "#
        ),
        &[
            Check::new(|run| figure(run, Metric::SuccessRate), success, 0.002),
            Check::new(
                |run| figure(run, Metric::Attempts) / figure(run, Metric::Submitted),
                success / (1.0 - lost),
                0.003,
            ),
            // Every stopped attempt took the whole limit.
            Check {
                allowance: 1e-9,
                ..Check::new(
                    |run| figure(run, Metric::WastedTime) / figure(run, Metric::AttemptsTimedOut),
                    limit,
                    1e-9,
                )
            },
        ],
    );
}

/// Under all kinds of dispatch, with all that can happen to an attempt: every task is settled, and the books
/// are right after every instant.
#[test]
fn the_books_are_right_whatever_goes_wrong() {
    let scenario = |more: &str, delays: &str| {
        format!(
            r#"
            policies = ["fifo", "sjf", "srtf", "failure-first", "round-robin", "work-stealing", "late-binding", "mlfq", "easy-backfill",
                        {{ order = "priority", preempt = true, dispatch = "push" }}, {{ dispatch = "serial" }}, {{ order.time-slice.quantum = 0.3 }},
                        {{ name = "mcf", place = "min-cost-flow" }}, {{ name = "fair", order = "fair-share" }}]
            nodes = [{{ count = 3, slots = 2, up.exponential.mean = 20.0, down.exponential.mean = 3.0, failure_probability = 0.1 }}]
            [workload]
            tasks = 400
            arrivals.poisson.rate = 5.0
            duration.exponential.mean = 1.0
            failure_probability = 0.2
            priority.uniform = {{ low = 0, high = 3 }}
            demand = {{ slots = 1 }}
            poison = 0.05
            failure_point = "uniform"
            {more}
            [retry]
            timeout = 1.5
            total_timeout = 9.0
            max_attempts = 6
            budget = {{ share = 0.3, burst = 5 }}
            backoff = {{ base = 0.2, jitter = 0.5 }}
            {delays}
            "#
        )
    };
    let late = "[scheduler]\ndispatch_delay.exponential.mean = 0.1\ncompletion_delay.exponential.mean = 0.1\ndetection_delay = 0.5";
    for (more, delays) in [("", ""), ("patience = 4.0", ""), ("jobs.chain.length = 3", ""), ("", late)] {
        for seed in 1..=2 {
            for output in history(&scenario(more, delays), seed) {
                let mut ended = 0;
                for (now, record) in &output.history {
                    if let Record::Settled { arrival, .. } = record {
                        ended += 1;
                        assert!(now.since(*arrival).as_seconds() <= 9.0, "a task outlives its time");
                    }
                    if let Record::Finished { busy, slots, .. } | Record::TimedOut { busy, slots, .. } =
                        record
                    {
                        assert!(
                            busy.as_seconds() <= 1.5 * f64::from(*slots) + 1e-9,
                            "an attempt outlives its time"
                        );
                    }
                }
                assert_eq!(ended, output.tasks.len(), "every task is settled once");
                let counted = output.collected.metrics.get(Metric::Retries);
                assert_eq!(counted, Some(f64::from(retries(&output.history))), "retries are starts");
                for metric in
                    [Metric::AttemptsTimedOut, Metric::Timeouts, Metric::RetriesDenied, Metric::AttemptsLost]
                {
                    assert!(output.collected.metrics.get(metric).expect("a figure") > 0.0, "{metric:?}");
                }
            }
        }
    }
}

// Failures ------------------------------------------------------------------------------------

/// All attempts of a task at once, one after the other on the only node: M/G/1 with a geometric number of
/// equal services, cut off at three. Waits and the number in the system are those of all tasks; only
/// those that complete have a response.
#[test]
fn three_attempts_at_one_server() {
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 5_000 }
        nodes = [{}]
        workload = { tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0, failure_probability = 0.3 }
        retry.max_attempts = 3
        "#,
        &[
            // E S = 1.39, E S^2 = 2 x 2.35: wait 0.5 x 4.7 / (2 (1 - 0.695)), and the service.
            Check::new(|run| figure(run, Metric::MeanInSystem) / 0.5, 5.242_459, 0.05),
            Check::new(|run| figure(run, Metric::MeanWait), 3.852_459, 0.05),
            Check::new(|run| figure(run, Metric::MeanResponse), 3.852_459 + 1.309 / 0.973, 0.05),
            Check::new(|run| figure(run, Metric::SuccessRate), 0.973, 0.001),
        ],
    );
}

/// The task and its node are independent causes, and half of the work is done when an attempt fails at a
/// uniform point of it.
#[test]
fn tasks_and_nodes_are_independent_causes() {
    let (p, q) = (0.2, 0.3);
    let fails = 1.0 - (1.0 - p) * (1.0 - q);
    for (point, done) in [("end", 1.0), ("uniform", 0.5)] {
        judge(
            &format!(
                r#"
                policies = ["least-loaded"]
                run = {{ replications = 10 }}
                nodes = [{{ count = 8, failure_probability = {q} }}]
                workload = {{ tasks = 20_000, duration.constant = 1.0, failure_probability = {p}, failure_point = "{point}" }}
                retry.max_attempts = 1
                "#
            ),
            &[
                Check::new(|run| figure(run, Metric::SuccessRate), 1.0 - fails, 0.002),
                Check {
                    allowance: 1e-9,
                    ..Check::new(
                        |run| figure(run, Metric::WastedTime) / figure(run, Metric::Errors),
                        done,
                        0.002,
                    )
                },
            ],
        );
    }
}

/// A tenth of the tasks is poison: three attempts each, all in vain; nobody else fails.
#[test]
fn poison_tasks_use_up_their_attempts() {
    judge(
        r#"
        policies = ["random"]
        run = { replications = 10 }
        nodes = [{ count = 4 }]
        workload = { tasks = 20_000, duration.exponential.mean = 1.0, poison = 0.1 }
        retry.max_attempts = 3
        "#,
        &[
            Check::new(|run| figure(run, Metric::Errors) / figure(run, Metric::Submitted), 0.1, 0.001),
            Check {
                allowance: 1e-9,
                ..Check::new(
                    |run| figure(run, Metric::Attempts) - 2.0 * figure(run, Metric::Errors),
                    20_000.0,
                    1e-9,
                )
            },
        ],
    );
}

/// What fails, and where, depends on task and attempt alone: all policies meet the same failures.
#[test]
fn all_policies_meet_the_same_failures() {
    let outputs = history(
        r#"
        policies = ["fifo", "lifo", "random", "work-stealing", { order.time-slice.quantum = 0.1 }]
        nodes = [{ count = 3 }]
        [workload]
        tasks = 500
        arrivals.poisson.rate = 2.0
        duration.exponential.mean = 1.0
        failure_probability = 0.4
        failure_point = "uniform"
        poison = 0.1
        "#,
        7,
    );
    let fate =
        |output: &RunOutput| -> Vec<_> { output.tasks.iter().map(|t| (t.attempts, t.state)).collect() };
    let wasted = |output: &RunOutput| output.collected.metrics.get(Metric::WastedTime).expect("some");
    assert!(fate(&outputs[0]).contains(&(3, ERROR)) && fate(&outputs[0]).contains(&(2, DONE)));
    for output in &outputs[1..4] {
        assert_eq!(fate(output), fate(&outputs[0]));
        assert!((wasted(output) - wasted(&outputs[0])).abs() < 1e-6);
    }
    // Interrupted or not.
    assert_eq!(fate(&outputs[4]), fate(&outputs[0]));
}

// Budget --------------------------------------------------------------------------------------

/// Never more retries than the share of all attempts so far, and hardly fewer when more are wanted.
#[test]
fn retries_stay_within_their_budget() {
    for (share, burst, wanted) in [(0.1, 100, true), (0.4, 1, true), (0.9, 1000, false)] {
        let [output] = &history(
            &format!(
                r#"
                policies = ["fifo"]
                nodes = [{{ count = 8 }}]
                workload = {{ tasks = 3_000, arrivals.poisson.rate = 4.0, duration.exponential.mean = 1.0, failure_probability = 0.5 }}
                retry = {{ max_attempts = 8, budget = {{ share = {share}, burst = {burst} }} }}
                "#
            ),
            3,
        )[..] else {
            panic!("one policy")
        };
        let (mut attempts, mut retries, mut denied) = (0.0, 0.0, 0.0);
        for (_, record) in &output.history {
            match record {
                Record::Dispatched { .. } => attempts += 1.0,
                // The start follows at the same instant.
                Record::Returned { failed: true, .. } => retries += 1.0,
                Record::RetryDenied { .. } => denied += 1.0,
                _ => {}
            }
            assert!(retries <= share * (attempts + 1.0) + 1e-3, "{retries} of {attempts}");
        }
        let metric = |metric| output.collected.metrics.get(metric).expect("a figure");
        assert_eq!((metric(Metric::Retries), metric(Metric::RetriesDenied)), (retries, denied));
        assert_eq!(denied > 0.0, wanted, "{denied} were denied");
        // With a burst of one nothing is saved up, and some of what comes in is thrown away.
        if burst == 100 {
            assert!(retries >= share * attempts - 2.0, "{retries} of {attempts}");
        }
    }
}

// Checkpoints ---------------------------------------------------------------------------------

/// Checkpoints end at 5 and 10 (8 saved, the node fails at 10); back at 12, read until 13, at 18 (12 saved),
/// lost at 22; back at 24, read until 25, at 30 (16 saved), lost at 34 as it would have ended; back at 36,
/// read until 37, done at 41.
#[test]
fn a_task_goes_on_from_its_last_checkpoint() {
    let (run, rows) = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 10.0, down.constant = 2.0 }]
        workload.tasks_list = [{ work = 20 }]
        retry.checkpoint = { interval = "4s", cost = "1s", restore = 1.0 }
        "#);
    assert_eq!(rows, [(41.0, 4, DONE)]);
    figures(&run, &[(Metric::AttemptsLost, 3.0), (Metric::WastedTime, 8.0), (Metric::Retries, 0.0)]);
}

/// The mean time of a task with checkpoints is that of theory, and shortest where theory has it: near
/// sqrt(2 x cost x MTBF) (Young 1974; Daly 2006). With exponential failures of mean M, repairs of D and
/// a time R to read, a stretch of L takes (M + D) e^(R / M) (e^(L / M) - 1) on average (Daly 2006,
/// equation 13 for D = 0); the first has nothing to read.
#[test]
fn checkpoints_pay_best_near_the_interval_of_young_and_daly() {
    const M: f64 = 1000.0;
    const D: f64 = 30.0;
    const R: f64 = 20.0;
    const COST: f64 = 10.0;
    const WORK: f64 = 5000.0;
    let exact = |interval: f64| {
        let last = (WORK / interval).ceil() as u32 - 1;
        let stretch = |length: f64| (M + D) * ((length / M).exp() - 1.0);
        let reads = (R / M).exp();
        let whole = stretch(interval + COST);
        if last == 0 {
            return stretch(WORK);
        }
        whole + reads * (f64::from(last - 1) * whole + stretch(WORK - f64::from(last) * interval))
    };
    let mut found = Vec::new();
    for interval in [35.0, 70.0, 140.0, 280.0, 560.0] {
        let plan = plan(&format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 20, timeline_buckets = 0 }}
            nodes = [{{ up.exponential.mean = {M}, down.constant = {D} }}]
            workload = {{ tasks = 400, duration.constant = {WORK} }}
            retry.checkpoint = {{ interval = {interval}, cost = {COST}, restore = {R} }}
            "#
        ));
        let runs = plan.run(&RunnerOptions { threads: 1, ..RunnerOptions::default() }).expect("it runs");
        let means: Vec<f64> =
            runs[0].replications.iter().map(|run| figure(run, Metric::Makespan) / 400.0).collect();
        let summary = Summary::of(&means).expect("replications");
        let error = summary.stddev.expect("several") / (means.len() as f64).sqrt();
        println!("interval {interval}: {:.2} +- {error:.2} against {:.2}", summary.mean, exact(interval));
        assert!(error < 0.003 * summary.mean, "too rough to judge by");
        assert!((summary.mean - exact(interval)).abs() < 4.0 * error, "interval {interval}");
        found.push((summary.mean, interval));
    }
    let best = found.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a }).expect("some");
    let young = f64::sqrt(2.0 * COST * M);
    assert!(best.1 / young < 1.5 && young / best.1 < 1.5, "best at {}, not near {young:.0}", best.1);
}

/// What holds of all runs holds of one with checkpoints, redrawn work and late news.
#[test]
fn checkpoints_with_redrawn_work_and_late_news() {
    let scenario = r#"
        policies = ["fifo", "least-loaded"]
        nodes = [{ count = 4, slots = 2, up.exponential.mean = 10.0, down.exponential.mean = 2.0 }]
        workload = { tasks = 500, arrivals.poisson.rate = 1.0, duration.exponential.mean = 4.0, failure_probability = 0.2 }
        retry = { redraw = true, max_attempts = "unlimited", checkpoint = { interval = 1.0, cost = 0.1, restore = 0.2 } }
        scheduler = { detection_delay.exponential.mean = 1.0, completion_delay = 0.05 }
        "#;
    for output in history(scenario, 5) {
        let figure = |metric| output.collected.metrics.get(metric).expect("a figure");
        let mut lost = 0.0;
        for (_, record) in &output.history {
            if let Record::Lost { busy, .. } = record {
                lost += busy.as_seconds();
            }
        }
        assert!(figure(Metric::AttemptsLost) > 100.0);
        assert_eq!(figure(Metric::SuccessRate), 1.0);
        assert!(figure(Metric::WastedTime) > 0.0 && lost > 0.0);
    }
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let runs =
        plan.run(&RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() }).expect("it runs");
    runs.iter().for_each(|result| identities(&plan, &result.replications[0]));
}

// Alarms --------------------------------------------------------------------------------------

/// When, of which kind, about which node, raised or cleared, and by which figures.
fn alarms(run: &ReplicationResult) -> Vec<(f64, AlarmRule, Option<u32>, bool, u64, u64)> {
    let row = |alarm: &AlarmResult| {
        let AlarmResult { time, rule, node, raised, count, of } = *alarm;
        (time.as_seconds(), rule, node.map(|node| node.0), raised, count, of)
    };
    run.alarms.iter().map(row).collect()
}

/// Three wait at 0, one at 2; two again at 5, which is not more than two; a task that starts at once does
/// not wait.
#[test]
fn an_alarm_of_the_queue_is_raised_and_cleared() {
    let (run, _) = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        alarms.queue.above = 2
        workload.tasks_list = [{ work = 1 }, { work = 1 }, { work = 1 }, { work = 1 }, { arrival = 5, work = 1 },
            { arrival = 5, work = 1 }, { arrival = 5, work = 1 }]
        "#);
    let queue = AlarmRule::Queue;
    assert_eq!(alarms(&run), [(0.0, queue, None, true, 3, 0), (2.0, queue, None, false, 1, 0)]);
    figures(&run, &[(Metric::Alarms, 1.0)]);
}

/// Lost at 10, 20, 30, 40, 50, 60, 100: three times within 25 s at 30; no other alarm before 55, then
/// at 60; at 100 it was lost once.
#[test]
fn a_node_that_is_lost_again_and_again() {
    let outages: Vec<String> = [10, 20, 30, 40, 50, 60, 100]
        .iter()
        .map(|start| format!("{{ node = \"node-1\", start = {start}, end = {} }}", start + 1))
        .collect();
    let (run, _) = run(&format!(
        r#"
        policies = ["fifo"]
        nodes = [{{ count = 2 }}]
        workload.tasks_list = [{{ work = 120 }}]
        alarms.flapping = {{ failures = 3, window = "25s" }}
        faults.outages = [{}]
        "#,
        outages.join(", ")
    ));
    let flapping = AlarmRule::Flapping;
    assert_eq!(alarms(&run), [(30.0, flapping, Some(1), true, 3, 0), (60.0, flapping, Some(1), true, 3, 0)]);
}

/// All miss their deadlines from 3 on, until early ones push them out.
#[test]
fn an_alarm_of_missed_deadlines() {
    let (run, _) = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        alarms.deadlines = { above = 0.5, window = 10, at_least = 2 }
        workload.tasks_list = [{ work = 1, deadline = 2 }, { work = 1, deadline = 1 }, { work = 1, deadline = 1 },
            { arrival = 20, work = 1, deadline = 2 }]
        "#);
    let deadlines = AlarmRule::Deadlines;
    assert_eq!(alarms(&run), [(3.0, deadlines, None, true, 2, 3), (20.0, deadlines, None, false, 0, 0)]);
}

/// Failures in the window are counted again from the history, one by one: every alarm has the right figures,
/// and none is missing.
#[test]
fn alarms_of_errors_are_those_of_a_recount() {
    let (above, below, window, least) = (0.3, 0.2, 10.0, 15);
    let outputs = history(
        &format!(
            r#"
            policies = ["fifo", "round-robin", "work-stealing"]
            nodes = [{{ count = 4 }}]
            workload = {{ tasks = 2_000, arrivals.poisson.rate = 2.5, duration.exponential.mean = 1.0, failure_probability = 0.15 }}
            retry.timeout = 2.0
            alarms.errors = {{ above = {above}, below = {below}, window = {window}, at_least = {least} }}
            "#
        ),
        11,
    );
    for output in outputs {
        // Ends of attempts so far, as (tenth of a window, failed).
        let tenth = |time: f64| (time / (window / 10.0)).floor();
        let mut ends: Vec<(f64, bool)> = Vec::new();
        let (mut raised, mut changes) = (false, 0);
        let instants = output.history.chunk_by(|a, b| a.0 == b.0);
        for instant in instants {
            let now = instant[0].0.as_seconds();
            let mut told = None;
            for (_, record) in instant {
                match record {
                    Record::Finished { outcome, .. } => ends.push((tenth(now), *outcome == Outcome::Failure)),
                    Record::TimedOut { .. } => ends.push((tenth(now), true)),
                    Record::Alarm { raised, count, of, .. } => told = Some((*raised, *count, *of)),
                    _ => {}
                }
            }
            let recent = || ends.iter().rev().take_while(|end| end.0 > tenth(now) - 10.0);
            let (bad, all) = (recent().filter(|end| end.1).count(), recent().count());
            let share = bad as f64 / all.max(1) as f64;
            let wanted = if raised { share > below } else { all >= least && share > above };
            let expected = (wanted != raised).then_some((wanted, bad as u64, all as u64));
            assert_eq!(told, expected, "at {now}");
            changes += u32::from(wanted != raised);
            raised = wanted;
        }
        assert!(changes > 5, "{changes} changes are few");
        assert_eq!(output.collected.alarms.len(), changes as usize);
    }
}
