//! Small worlds with schedules and figures worked out by hand.

mod support;

use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::time::Time;
use falcon::workload::{EstimateSpec, TraceTask, Workload};
use support::judge::{identities, plan};

/// Runs the only replication of a scenario, all identities checked.
#[track_caller]
fn run(scenario: &str) -> ReplicationResult {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let mut results =
        plan.run(&RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() }).expect("it runs");
    let run = results.remove(0).replications.remove(0);
    identities(&plan, &run);
    run
}

/// First start, end, attempts, node and state of every task.
type Row = (f64, f64, u32, u32, FinalState);

fn rows(run: &ReplicationResult) -> Vec<Row> {
    let row = |task: &falcon::metrics::TaskResult| {
        let start = task.first_start.expect("it started").as_seconds();
        (start, task.settled.as_seconds(), task.attempts, task.node.expect("a node"), task.state)
    };
    run.tasks.iter().map(row).collect()
}

use FinalState::{Completed as DONE, Error as ERROR};

#[track_caller]
fn figures(run: &ReplicationResult, expected: &[(Metric, f64)]) {
    for &(metric, expected) in expected {
        let name = metric.column().name;
        let found = run.metrics.get(metric).unwrap_or_else(|| panic!("no {name}"));
        // Percentiles are known within 0.1 %.
        let tolerance =
            if name.starts_with('p') && name.as_bytes()[1].is_ascii_digit() { 1e-3 } else { 1e-9 };
        assert!((found - expected).abs() <= tolerance * (1.0 + expected), "{name}: {found}, not {expected}");
    }
}

/// Tasks bound to a node at one instant claim its free slots one by one: the fourth finds none left
/// over on the first node although none of the others has started yet.
#[test]
fn tasks_of_one_instant_fill_a_node_before_the_next() {
    let run = run(r#"
        policies = [{ name = "p", place = "first-fit", dispatch = "push" }]
        nodes = [{ name = "a", count = 2, slots = 4 }]
        [workload]
        tasks_list = [{ work = 1 }, { work = 1, slots = 2 }, { work = 1 }, { work = 1 }]
        "#);
    let nodes: Vec<u32> = rows(&run).into_iter().map(|row| row.3).collect();
    assert_eq!(nodes, [0, 0, 0, 1]);
}

// Zones ---------------------------------------------------------------------------------------

/// Two zones, a quarter of a second from eu to us and half a second back; nodes of one slot, one in
/// each, and one that stands nowhere.
fn two_zones(more: &str) -> String {
    format!(
        r#"
        nodes = [{{ zone = "eu" }}, {{ zone = "us" }}, {{ name = "elsewhere" }}]
        [zones]
        latency.eu.us = 0.25
        latency.us.eu = "500ms"
        [workload]
        {more}
        "#
    )
}

/// The way of a task to its node delays its start, and the slot is taken meanwhile.
#[test]
fn the_way_to_a_zone_takes_time() {
    let tasks = r#"
        zone = "us"
        tasks_list = [
            { work = 2 },
            { work = 2, zone = "eu" },
            { work = 2, zone = "eu" },
            { work = 1, arrival = 1 },
        ]
    "#;
    let run = run(&format!("policies = [\"first-fit\"]\n{}", two_zones(tasks)));
    // Nowhere is at no distance; node 2 is free again first, and the last task has to go there.
    let expected =
        [(0.5, 2.5, 1, 0, DONE), (0.25, 2.25, 1, 1, DONE), (0.0, 2.0, 1, 2, DONE), (2.0, 3.0, 1, 2, DONE)];
    assert_eq!(rows(&run), expected);
    figures(&run, &[(Metric::MeanWait, 1.75 / 4.0), (Metric::Makespan, 3.0)]);
}

/// The way comes on top of the delay of dispatch.
#[test]
fn the_way_to_a_zone_adds_to_the_delay_of_dispatch() {
    let tasks = "tasks_list = [{ work = 2, zone = \"us\" }]\n[scheduler]\ndispatch_delay = 0.125";
    let run = run(&format!("policies = [\"first-fit\"]\n{}", two_zones(tasks)));
    assert_eq!(rows(&run), [(0.625, 2.625, 1, 0, DONE)]);
}

/// A task goes to its own zone as long as that has room, then to the next nearest: nowhere, at no
/// distance, before the other zone. Under push a queue in its own zone is nearer than a free node
/// elsewhere, unless it spills over.
#[test]
fn the_nearest_node() {
    let tasks = "zone = \"eu\"\ntasks_list = [{ work = 4 }, { work = 4 }, { work = 4 }, { work = 4 }]";
    let nodes = |policy: &str| -> Vec<u32> {
        let run = run(&format!("policies = [{policy}]\n{}", two_zones(tasks)));
        rows(&run).into_iter().map(|row| row.3).collect()
    };
    assert_eq!(nodes(r#"{ place = "nearest" }"#), [0, 2, 1, 0]);
    assert_eq!(nodes(r#""nearest""#), [0, 0, 0, 0]);
    let spills = r#"{ place.nearest.spill_over = true, dispatch = "push" }"#;
    assert_eq!(nodes(spills), [0, 2, 1, 0]);
}

// Every column by hand ------------------------------------------------------------------------

/// Node 0 has one slot of speed 1, node 1 two of speed 2. Task 1 takes both slots of node 1; tasks
/// 2, 3 and 4 wait until 4, when the first two end together.
const FIVE_TASKS: &str = r#"
    policies = ["first-fit"]
    nodes = [{ name = "a" }, { name = "b", slots = 2, speed = 2.0 }]
    [workload]
    tasks_list = [
        { arrival = 0, work = 4 },
        { arrival = 1, work = 6, slots = 2 },
        { arrival = 2, work = 2 },
        { arrival = 2, work = 30 },
        { arrival = 3, work = 8 },
    ]
"#;

#[test]
fn all_columns_of_five_tasks() {
    let run = run(FIVE_TASKS);
    assert_eq!(
        rows(&run),
        [
            (0.0, 4.0, 1, 0, DONE),
            (1.0, 4.0, 1, 1, DONE),
            (4.0, 6.0, 1, 0, DONE),
            (4.0, 19.0, 1, 1, DONE),
            (4.0, 8.0, 1, 1, DONE),
        ]
    );
    let bounded = [1.0, 1.0, 1.0, 17.0 / 15.0, 1.0];
    let (sum, squares): (f64, f64) = (bounded.iter().sum(), bounded.iter().map(|x| x * x).sum());
    figures(
        &run,
        &[
            (Metric::Makespan, 19.0),
            (Metric::Throughput, 5.0 / 19.0),
            // Waits 0, 0, 2, 2, 1.
            (Metric::MeanWait, 1.0),
            (Metric::SdWait, 1.0),
            (Metric::ShareWaited, 0.6),
            (Metric::P50Wait, 1.0),
            (Metric::P90Wait, 2.0),
            (Metric::P95Wait, 2.0),
            (Metric::P99Wait, 2.0),
            // Responses 4, 3, 4, 17, 5 and services 4, 3, 2, 15, 4.
            (Metric::MeanResponse, 6.6),
            (Metric::SdResponse, (137.2f64 / 4.0).sqrt()),
            (Metric::P50Response, 4.0),
            (Metric::P95Response, 17.0),
            (Metric::P99Response, 17.0),
            (Metric::MeanSlowdown, (1.0 + 1.0 + 2.0 + 17.0 / 15.0 + 1.25) / 5.0),
            (Metric::P95Slowdown, 2.0),
            (Metric::MeanBoundedSlowdown, sum / 5.0),
            (Metric::SlowdownFairness, sum * sum / (5.0 * squares)),
            // Slot time 6 on node 0 and 6 + 15 + 4 on node 1, of 19 and 38.
            (Metric::Utilisation, 31.0 / 57.0),
            (Metric::NodeAvailability, 1.0),
            (Metric::ServiceAvailability, 1.0),
            (Metric::SuccessRate, 1.0),
            (Metric::Submitted, 5.0),
            (Metric::Completed, 5.0),
            (Metric::Errors, 0.0),
            (Metric::Timeouts, 0.0),
            (Metric::Cancelled, 0.0),
            (Metric::Rejected, 0.0),
            (Metric::Attempts, 5.0),
            (Metric::Retries, 0.0),
            (Metric::AttemptsLost, 0.0),
            (Metric::Preemptions, 0.0),
            (Metric::StolenTasks, 0.0),
            (Metric::AttemptsTimedOut, 0.0),
            (Metric::RetriesDenied, 0.0),
            (Metric::WastedTime, 0.0),
            (Metric::MeanQueueLength, 5.0 / 19.0),
            (Metric::MeanInSystem, 33.0 / 19.0),
            (Metric::MaxQueueLength, 3.0),
            // Busy time per slot 6 and 12.5: mean 9.25, standard deviation 3.25.
            (Metric::LoadImbalance, 3.25 / 9.25),
            (Metric::JainFairness, 18.5 * 18.5 / (2.0 * (36.0 + 156.25))),
        ],
    );
    assert_eq!(run.events, 10, "five arrivals and five ends");
    // No column is forgotten, but for those of deadlines, jobs and locks, which these tasks do not have, of
    // alarms, for which there are no rules, of breakers, leaders and copies, and of failures of nodes, of which there
    // are none.
    let parts = [
        "deadline",
        "job",
        "alarms",
        "breaker",
        "lock",
        "lease",
        "fenced",
        "time_to_",
        "time_between",
        "leader",
        "elections",
        "speculative",
        "roll",
        "compensation",
        "cost",
        "moved_",
        "scale_",
    ];
    let foreign = |name: &str| parts.iter().any(|part| name.contains(part));
    for column in falcon::metrics::COLUMNS {
        assert_eq!(run.metrics.get(column.metric).is_none(), foreign(column.name), "{}", column.name);
    }
}

/// The warm-up is left out of waits, responses and slowdowns, and of nothing else.
#[test]
fn warm_up_counts_tasks_by_arrival() {
    let all = run(FIVE_TASKS);
    let warm = run(&format!("run.warmup = 2\n{FIVE_TASKS}"));
    figures(
        &warm,
        &[
            (Metric::MeanWait, 5.0 / 3.0),
            (Metric::ShareWaited, 1.0),
            (Metric::P50Wait, 2.0),
            (Metric::MeanResponse, 26.0 / 3.0),
            (Metric::MeanSlowdown, (2.0 + 17.0 / 15.0 + 1.25) / 3.0),
        ],
    );
    for metric in [
        Metric::Makespan,
        Metric::Throughput,
        Metric::Utilisation,
        Metric::Submitted,
        Metric::Completed,
        Metric::MeanQueueLength,
        Metric::MeanInSystem,
        Metric::MaxQueueLength,
        Metric::JainFairness,
    ] {
        assert_eq!(all.metrics.get(metric), warm.metrics.get(metric), "{}", metric.column().name);
    }
    assert_eq!(all.tasks, warm.tasks);
}

/// Time counts from the first arrival.
#[test]
fn a_late_first_arrival_shifts_everything() {
    let late = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 10.0, down.constant = 5.0 }]
        workload.tasks_list = [{ arrival = 12, work = 2 }, { arrival = 16, work = 4 }]
        "#);
    // The node is down from 10 to 15.
    assert_eq!(rows(&late), [(15.0, 17.0, 1, 0, DONE), (17.0, 21.0, 1, 0, DONE)]);
    figures(
        &late,
        &[
            (Metric::Makespan, 9.0),
            (Metric::NodeAvailability, 6.0 / 9.0),
            (Metric::ServiceAvailability, 6.0 / 9.0),
            (Metric::Utilisation, 1.0),
            (Metric::MeanQueueLength, (3.0 + 1.0) / 9.0),
        ],
    );
}

/// The percentile of nearest rank: of 100 waits 0, 1, .., 99 that of 95 % is the 95th, 94.
#[test]
fn percentiles_are_of_nearest_rank() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        workload = { tasks = 100, duration.constant = 1.0 }
        "#);
    figures(
        &run,
        &[
            (Metric::P50Wait, 49.0),
            (Metric::P90Wait, 89.0),
            (Metric::P95Wait, 94.0),
            (Metric::P99Wait, 98.0),
            (Metric::P50Response, 50.0),
            (Metric::P99Response, 99.0),
            (Metric::P95Slowdown, 95.0),
            (Metric::MeanBoundedSlowdown, (10.0 + (11..=100).sum::<u32>() as f64 / 10.0) / 100.0),
            (Metric::MaxQueueLength, 100.0),
        ],
    );
}

// Failing nodes -------------------------------------------------------------------------------

/// One node that is up for 10 and down for 5. Task 0 runs from 0 to 8, task 1 from 8 on.
fn one_failing_node(loss: &str) -> ReplicationResult {
    run(&format!(
        r#"
        policies = ["fifo"]
        nodes = [{{ up.constant = 10.0, down.constant = 5.0 }}]
        workload.tasks_list = [{{ arrival = 0, work = 8 }}, {{ arrival = 2, work = 4 }}]
        retry.on_node_loss = "{loss}"
        "#
    ))
}

#[test]
fn a_lost_attempt_starts_over() {
    let run = one_failing_node("restart");
    assert_eq!(rows(&run), [(0.0, 8.0, 1, 0, DONE), (8.0, 19.0, 2, 0, DONE)]);
    figures(
        &run,
        &[
            (Metric::Makespan, 19.0),
            (Metric::MeanWait, 3.0),
            (Metric::MeanResponse, 12.5),
            (Metric::MeanSlowdown, (1.0 + 17.0 / 4.0) / 2.0),
            (Metric::NodeAvailability, 14.0 / 19.0),
            (Metric::ServiceAvailability, 14.0 / 19.0),
            (Metric::Utilisation, 1.0),
            (Metric::Attempts, 3.0),
            (Metric::AttemptsLost, 1.0),
            (Metric::Retries, 0.0),
            (Metric::WastedTime, 2.0),
            // It waits from 2 to 8 and from 10 to 15.
            (Metric::MeanQueueLength, 11.0 / 19.0),
            (Metric::MaxQueueLength, 1.0),
        ],
    );
    assert_eq!(run.nodes[0].attempts_lost, 1);
    // Two arrivals, three ends or losses of which the loss is the node's, two changes of the node.
    assert_eq!(run.events, 6);
}

#[test]
fn a_lost_attempt_goes_on() {
    let run = one_failing_node("resume");
    assert_eq!(rows(&run), [(0.0, 8.0, 1, 0, DONE), (8.0, 17.0, 2, 0, DONE)]);
    figures(
        &run,
        &[
            (Metric::Makespan, 17.0),
            (Metric::WastedTime, 0.0),
            (Metric::AttemptsLost, 1.0),
            (Metric::NodeAvailability, 12.0 / 17.0),
            (Metric::Utilisation, 1.0),
            // The service is that of the whole work, undisturbed.
            (Metric::MeanSlowdown, (1.0 + 15.0 / 4.0) / 2.0),
        ],
    );
}

#[test]
fn a_lost_attempt_ends_its_task() {
    let run = one_failing_node("fail");
    assert_eq!(rows(&run), [(0.0, 8.0, 1, 0, DONE), (8.0, 10.0, 1, 0, ERROR)]);
    figures(
        &run,
        &[
            (Metric::Makespan, 10.0),
            (Metric::Throughput, 0.1),
            (Metric::SuccessRate, 0.5),
            (Metric::Errors, 1.0),
            (Metric::WastedTime, 2.0),
            (Metric::MeanWait, 3.0),
            (Metric::MeanResponse, 8.0),
            (Metric::NodeAvailability, 1.0),
        ],
    );
}

/// Work that is kept is counted in work, not in time: 10 of 16 units are done when the slow node
/// fails, and the fast one needs 3 s for the rest, or 8 s for all.
#[test]
fn work_goes_on_at_the_speed_of_the_next_node() {
    for (loss, end, wasted) in [("resume", 13.0, 0.0), ("restart", 18.0, 10.0)] {
        let run = run(&format!(
            r#"
            policies = ["first-fit"]
            nodes = [
                {{ name = "slow", up.constant = 10.0, down.constant = 100.0 }},
                {{ name = "fast", speed = 2.0 }},
            ]
            workload.tasks_list = [{{ arrival = 0, work = 16 }}]
            retry.on_node_loss = "{loss}"
            "#
        ));
        assert_eq!(rows(&run), [(0.0, end, 2, 1, DONE)]);
        figures(
            &run,
            &[
                (Metric::WastedTime, wasted),
                (Metric::NodeAvailability, (10.0 + end) / (2.0 * end)),
                (Metric::ServiceAvailability, 1.0),
                (Metric::MeanSlowdown, end / 8.0),
            ],
        );
        assert_eq!(run.nodes[1].tasks, 1);
        assert_eq!(run.nodes[0].busy.as_seconds(), 10.0);
    }
}

/// A failed attempt is found at its end and repeats all of the work, also of an attempt whose work
/// was kept over a failure of the node.
#[test]
fn failed_attempts_repeat_the_work() {
    let failing = |attempts: u32, node: &str| {
        run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ {node} }}]
            workload = {{ tasks_list = [{{ arrival = 1, work = 4 }}], failure_probability = 1.0 }}
            retry = {{ max_attempts = {attempts}, on_node_loss = "resume", backoff.base = 2.0 }}
            "#
        ))
    };
    // 1 to 5, 7 to 11 (after a pause of 2), 15 to 19 (of 4).
    let run = failing(3, "");
    assert_eq!(rows(&run), [(1.0, 19.0, 3, 0, ERROR)]);
    figures(
        &run,
        &[
            (Metric::Makespan, 18.0),
            (Metric::WastedTime, 12.0),
            (Metric::Retries, 2.0),
            (Metric::Attempts, 3.0),
            (Metric::Errors, 1.0),
            (Metric::SuccessRate, 0.0),
            // Pauses count as waiting.
            (Metric::MeanQueueLength, 6.0 / 18.0),
            (Metric::Utilisation, 12.0 / 18.0),
        ],
    );
    assert_eq!(run.metrics.get(Metric::MeanResponse), None, "nothing completed");
    assert_eq!(run.metrics.get(Metric::MeanSlowdown), None);
    // The node is down from 3 to 4: 1 to 3 and 4 to 6, which fails; then all of the work from 8 to 12.
    let run = failing(2, "up.constant = 3.0, down.constant = 1.0");
    let [row] = rows(&run)[..] else { panic!("one task") };
    // Up from 0, 4, 8, 12 for 3 s each; the second attempt of the whole work from 8 to 11, then 12 to 13.
    assert_eq!(row, (1.0, 13.0, 4, 0, ERROR));
    figures(&run, &[(Metric::AttemptsLost, 2.0), (Metric::Retries, 1.0), (Metric::Attempts, 4.0)]);
}

/// Equal times go in the order in which events were put in. The node's failure at 10 was known
/// before the task that would end at 10 had started.
#[test]
fn a_node_that_fails_as_its_task_ends_takes_the_task_along() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 10.0, down.constant = 5.0 }]
        workload.tasks_list = [{ arrival = 0, work = 10 }]
        retry.on_node_loss = "resume"
        "#);
    // Nothing is left to do, but to say so takes a node.
    assert_eq!(rows(&run), [(0.0, 15.0, 2, 0, DONE)]);
}

/// A node that ages only while it serves: idle from 4 to 7, it has run for 10 at 13.
#[test]
fn a_node_that_ages_at_work() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ slots = 2, up.constant = 10.0, down.constant = 5.0, fails = "busy" }]
        workload.tasks_list = [{ arrival = 0, work = 4 }, { arrival = 1, work = 2 }, { arrival = 7, work = 8 }]
        "#);
    assert_eq!(rows(&run), [(0.0, 4.0, 1, 0, DONE), (1.0, 3.0, 1, 0, DONE), (7.0, 26.0, 2, 0, DONE)]);
    figures(&run, &[(Metric::NodeAvailability, 21.0 / 26.0), (Metric::WastedTime, 6.0)]);
}

/// The queue of a failing node is placed again; under pull there is only one queue.
#[test]
fn the_queue_of_a_lost_node_moves() {
    // Push: at 6 tasks 0 and 2 go to node 1, where task 3 runs until 10. Pull: task 2 runs on node 1
    // from 4 to 7; then task 0 goes before task 3.
    for (dispatch, ends) in [("push", [19.0, 4.0, 22.0, 10.0]), ("pull", [16.0, 4.0, 7.0, 22.0])] {
        let run = run(&format!(
            r#"
            policies = [{{ place = "round-robin", dispatch = "{dispatch}" }}]
            nodes = [{{ name = "a", up.constant = 6.0, down.constant = 100.0 }}, {{ name = "b" }}]
            workload.tasks_list = [
                {{ arrival = 0, work = 9 }},
                {{ arrival = 0, work = 4 }},
                {{ arrival = 1, work = 3 }},
                {{ arrival = 2, work = 6 }},
            ]
            "#
        ));
        let found: Vec<f64> = run.tasks.iter().map(|task| task.settled.as_seconds()).collect();
        assert_eq!(found, ends, "{dispatch}");
    }
}

// The clock -----------------------------------------------------------------------------------

#[test]
fn the_head_of_the_queue_blocks() {
    let run = run(r#"
        policies = ["first-fit"]
        nodes = [{ slots = 4 }]
        workload.tasks_list = [
            { arrival = 0, work = 10, slots = 3 },
            { arrival = 1, work = 5, slots = 2 },
            { arrival = 2, work = 1, slots = 1 },
        ]
        "#);
    assert_eq!(rows(&run), [(0.0, 10.0, 1, 0, DONE), (10.0, 15.0, 1, 0, DONE), (10.0, 11.0, 1, 0, DONE)]);
    figures(
        &run,
        &[(Metric::Utilisation, (30.0 + 10.0 + 1.0) / 60.0), (Metric::MeanQueueLength, 17.0 / 15.0)],
    );
}

/// A task that arrives as another ends competes with those who wait, on equal terms.
#[test]
fn an_arrival_and_an_end_at_one_instant() {
    let waiting = |order: &str| {
        let run = run(&format!(
            r#"
            policies = [{{ order = "{order}" }}]
            nodes = [{{}}]
            workload.tasks_list = [
                {{ arrival = 0, work = 5 }},
                {{ arrival = 1, work = 3, priority = 1 }},
                {{ arrival = 5, work = 2, priority = 2 }},
            ]
            "#
        ));
        rows(&run).iter().map(|row| row.0).collect::<Vec<f64>>()
    };
    assert_eq!(waiting("fifo"), [0.0, 5.0, 8.0]);
    assert_eq!(waiting("ljf"), [0.0, 5.0, 8.0]);
    for order in ["sjf", "priority", "lifo"] {
        assert_eq!(waiting(order), [0.0, 7.0, 5.0], "{order}");
    }
}

/// Arrivals up to and at the given time are taken; the run ends when those are settled.
#[test]
fn no_arrivals_after_the_end() {
    for (until, tasks) in [("5.0", 5), ("4.999", 4), ("0.5", 0), ("\"1h\"", 20)] {
        let scenario = format!(
            r#"
            policies = ["fifo"]
            run.until = {until}
            nodes = [{{}}]
            workload = {{ tasks = 20, arrivals.periodic.interval = 1.0, duration.constant = 2.0 }}
            "#
        );
        let mut plan = plan(&scenario);
        plan.run.replications = 1;
        let results = plan.run(&RunnerOptions::default()).expect("it runs");
        let metrics = &results[0].replications[0].metrics;
        assert_eq!(metrics.get(Metric::Submitted), Some(f64::from(tasks)), "until {until}");
        if tasks == 0 {
            // A run without tasks has counts, and nothing else.
            assert_eq!(metrics.get(Metric::Completed), Some(0.0));
            assert_eq!(metrics.get(Metric::MeanWait), None);
            assert_eq!(metrics.get(Metric::Throughput), None);
        } else {
            assert_eq!(metrics.get(Metric::Makespan), Some(f64::from(2 * tasks)));
        }
    }
}

fn listed(tasks: &[(u64, u64, u32)]) -> Workload {
    let task = |&(arrival, work, slots): &(u64, u64, u32)| TraceTask {
        arrival: Time(arrival),
        work,
        requested: None,
        priority: 0.0,
        slots,
        class: 0,
        failure_probability: 0.0,
        details: None,
    };
    Workload::Listed {
        tasks: tasks.iter().map(task).collect(),
        class_names: vec![String::new()],
        estimate: EstimateSpec::Exact,
        graph: None,
        kill_at_requested: false,
    }
}

/// Tasks without work pass through all at once, one pass of the scheduler after the other.
#[test]
fn tasks_without_work() {
    for policy in ["fifo", "sjf", "round-robin", "easy-backfill", "worst-fit"] {
        let mut plan = plan(&format!(
            "policies = [\"{policy}\"]\nrun.replications = 1\nnodes = [{{}}]\n\
             workload = {{ tasks = 1, duration.constant = 1.0 }}"
        ));
        plan.workload = listed(&[(0, 0, 1), (0, 0, 1), (0, 7, 1), (0, 0, 1), (3, 0, 1)]);
        let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
        let run = &results[0].replications[0];
        identities(&plan, run);
        let starts: Vec<u64> = run.tasks.iter().map(|task| task.first_start.expect("started").0).collect();
        let expected = if policy == "sjf" { [0, 0, 0, 0, 7] } else { [0, 0, 0, 7, 7] };
        assert_eq!(starts, expected, "{policy}");
        // Only the one with work has a slowdown.
        assert_eq!(run.metrics.get(Metric::MeanSlowdown), Some(1.0));
        // A run without any length has no rates.
        plan.workload = listed(&[(5, 0, 1), (5, 0, 1)]);
        let results = plan.run(&RunnerOptions::default()).expect("it runs");
        let metrics = &results[0].replications[0].metrics;
        assert_eq!(metrics.get(Metric::Makespan), Some(0.0));
        assert_eq!(metrics.get(Metric::Completed), Some(2.0));
        for metric in [Metric::Throughput, Metric::Utilisation, Metric::NodeAvailability] {
            assert_eq!(metrics.get(metric), None);
        }
    }
}

/// Works are rounded to nanoseconds at the speed of the node, once per attempt.
#[test]
fn services_are_whole_nanoseconds() {
    let mut plan = plan(
        "policies = [\"fifo\"]\nrun.replications = 1\nnodes = [{ speed = 3.0 }]\n\
         workload = { tasks = 1, duration.constant = 1.0 }",
    );
    plan.workload = listed(&[(0, 1, 1), (0, 2, 1), (0, 10, 1), (0, 1_000_000_000_000, 1)]);
    let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
    let services: Vec<u64> = results[0].replications[0].tasks.iter().map(|task| task.service.0).collect();
    assert_eq!(services, [0, 1, 3, 333_333_333_333]);
}

/// The way to the node takes time: the slot is held, the task has not started.
#[test]
fn a_start_takes_its_time() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        workload.tasks_list = [{ arrival = 0, work = 4 }, { arrival = 1, work = 4 }]
        scheduler.dispatch_delay = 0.5
        "#);
    assert_eq!(rows(&run), [(0.5, 4.5, 1, 0, DONE), (5.0, 9.0, 1, 0, DONE)]);
    figures(
        &run,
        &[
            (Metric::MeanWait, 2.25),
            (Metric::Utilisation, 8.0 / 9.0),
            // Waiting ends with the decision.
            (Metric::MeanQueueLength, 3.5 / 9.0),
        ],
    );
}

/// A node lost while a task is on its way there: nothing ran, nothing was wasted.
#[test]
fn a_node_lost_before_its_task_has_begun() {
    for loss in ["restart", "resume"] {
        let run = run(&format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ up.constant = 10.0, down.constant = 5.0 }}]
            workload.tasks_list = [{{ arrival = 9.75, work = 2 }}]
            scheduler.dispatch_delay = 0.5
            retry.on_node_loss = "{loss}"
            "#
        ));
        assert_eq!(rows(&run), [(15.5, 17.5, 2, 0, DONE)]);
        figures(&run, &[(Metric::WastedTime, 0.0), (Metric::AttemptsLost, 1.0), (Metric::MeanWait, 5.75)]);
    }
}

/// A retry repeats the work unless it is drawn anew.
#[test]
fn redrawn_work() {
    let scenario = |redraw: bool, workload: &str| {
        format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ count = 4 }}]
            workload = {{ {workload}, failure_probability = 0.5 }}
            retry = {{ max_attempts = "unlimited", redraw = {redraw} }}
            "#
        )
    };
    let drawn = "tasks = 1000, duration.exponential.mean = 1.0";
    let repeated = run(&scenario(false, drawn));
    assert!(repeated.tasks.iter().all(|task| task.service.0 == task.work));
    let redrawn = run(&scenario(true, drawn));
    for (one, other) in redrawn.tasks.iter().zip(&repeated.tasks) {
        assert_eq!(one.work, other.work, "the work of the first attempt is the same");
        assert_eq!(one.attempts, other.attempts, "and so is what fails");
        assert_eq!(one.service.0 == one.work, one.attempts == 1);
    }
    assert!(redrawn.tasks.iter().any(|task| task.attempts > 3));
}

/// Buckets count what falls into them: two of 9.5 s over the five tasks.
#[test]
fn the_timeline_of_five_tasks() {
    let run = run(&format!("run.timeline_buckets = 2\n{FIVE_TASKS}"));
    let timeline = run.timeline.expect("a timeline");
    let sums: Vec<(u64, u64)> = timeline.rows.iter().map(|row| (row.arrived, row.completed)).collect();
    assert_eq!(timeline.start, Time::ZERO);
    assert!((9.5..9.6).contains(&timeline.width.as_seconds()), "{:?}", timeline.width);
    assert_eq!(sums, [(5, 4), (0, 1)]);
    let levels: Vec<(u64, u64, u64)> =
        timeline.rows.iter().map(|row| (row.queue_length, row.running, row.nodes_up)).collect();
    assert_eq!(levels, [(0, 1, 2), (0, 0, 2)]);
}

/// A run in which nothing can happen any more says so instead of going on for ever.
#[test]
fn a_task_that_fits_nowhere() {
    for policy in ["fifo", "easy-backfill", "round-robin", "random", "best-fit"] {
        let mut plan = plan(&format!(
            "policies = [\"{policy}\"]\nrun.replications = 1\nnodes = [{{ slots = 2 }}]\n\
             workload = {{ tasks = 1, duration.constant = 1.0 }}"
        ));
        plan.workload = listed(&[(0, 5, 2), (1, 5, 3), (2, 5, 3)]);
        let error = plan.run(&RunnerOptions::default()).expect_err("a task of 3 slots on a node of 2");
        let message = format!(
            "policy `{policy}`, seed 1: 2 of the tasks wait for ever: no node takes them, and none will change"
        );
        assert_eq!(error.to_string(), message);
    }
}
