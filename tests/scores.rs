//! Scores: orders by hand, formulas in place of names, and theory where scores move with time.

mod support;

use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{Metric, ReplicationResult};
use support::judge::{Check, judge, plan};

/// The results of all policies of a scenario, one replication each, with a row per task.
fn run(scenario: &str) -> Vec<ReplicationResult> {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    let results = plan.run(&options).expect("it runs");
    results.into_iter().map(|mut result| result.replications.remove(0)).collect()
}

/// Tasks, (arrival, work, slots), in the order in which they start on one machine.
fn in_order(policy: &str, slots: u32, tasks: &[(f64, f64, u32)]) -> Vec<u32> {
    let task = |(arrival, work, slots): &(f64, f64, u32)| {
        format!("{{ arrival = {arrival:?}, work = {work:?}, slots = {slots} }}")
    };
    let tasks: Vec<String> = tasks.iter().map(task).collect();
    let mut rows = run(&format!(
        "policies = [{{ {policy}, name = \"a\" }}]\nnodes = [{{ slots = {slots} }}]\nworkload.tasks_list = [{}]",
        tasks.join(", ")
    ))
    .remove(0)
    .tasks;
    rows.sort_by_key(|row| (row.first_start, row.task));
    rows.iter().map(|row| row.task).collect()
}

/// Five jobs of different sizes wait for the one that has the whole machine until 200,000 s; then they
/// run one by one, each taking more than half of it. Scores at 200,000 s beside the orders.
#[test]
fn named_scores_by_hand() {
    let tasks = [
        (0.0, 200_000.0, 8),
        (100_000.0, 172_800.0, 5),
        (110_000.0, 172_800.0, 8),
        (120_000.0, 600.0, 8),
        (130_000.0, 600.0, 6),
        (150_000.0, 60.0, 8),
    ];
    for (order, expected) in [
        // -0.969, -1.13, -1.90e7, -9.53e6, -4.63e9
        ("wfp3", [5, 3, 4, 2, 1]),
        // -0.249, -0.174, -44.4, -45.1, -278
        ("unicep", [5, 4, 3, 1, 2]),
        // 4376.2, 4427.9, 4441.1, 4465.8, 4517.4
        ("f1", [1, 2, 3, 4, 5]),
        // 130,078, 132,385, 130,223, 131,064, 132,570
        ("f2", [1, 3, 4, 2, 5]),
        // 35.16, 35.97, 34.85, 35.09, 35.51 million
        ("f3", [3, 4, 1, 5, 2]),
        // 3.036, 3.161, 2.694, 2.712, 2.743 million
        ("f4", [3, 4, 5, 1, 2]),
    ] {
        for dispatch in ["pull", "push"] {
            let policy = format!("order = \"{order}\", place = \"first-fit\", dispatch = \"{dispatch}\"");
            let found = in_order(&policy, 8, &tasks);
            assert_eq!(found[1..], expected, "{order}, {dispatch}");
        }
    }
}

/// Ten seconds later, but much smaller: 41.90 + 4350.00 against 8.89 + 4350.04. Whoever arrived first of
/// all counts as having come after 0.1 s: 870 log10(0.1) = -870.
#[test]
fn f1_lets_small_jobs_pass() {
    let tasks = [(0.0, 200_000.0, 8), (100_000.0, 172_800.0, 8), (100_010.0, 60.0, 5)];
    assert_eq!(in_order("order = \"f1\"", 8, &tasks), [0, 2, 1]);
    let at_once = [(0.0, 172_800.0, 8), (0.0, 60.0, 5), (0.05, 172_800.0, 5)];
    assert_eq!(in_order("order = \"f1\"", 8, &at_once), [1, 2, 0]);
}

/// The logarithm of one slot is nearly 0: such tasks go before all others, however long these have
/// waited, and among themselves by wait per work.
#[test]
fn unicep_puts_tasks_of_one_slot_first() {
    let tasks =
        [(0.0, 100.0, 2), (1.0, 1.0, 2), (90.0, 5.0, 1), (91.0, 4.0, 1), (91.0, 20.0, 1), (92.0, 8.0, 1)];
    // Of the wide task the wait per work is 99, of the others 2, 2.25, 0.45 and 1; later the last has 5
    // in place of 1.5 when it gets its slot.
    assert_eq!(in_order("order = \"unicep\"", 2, &tasks), [0, 2, 3, 5, 4, 1]);
}

/// Task 2 is short: by wait per work it passes task 1 soon after it came, if anybody looks. Keys are
/// first looked at when the first task comes.
#[test]
fn scores_are_evaluated_at_most_so_often() {
    let tasks = [(0.0, 10.0, 1), (1.0, 4.0, 1), (8.0, 0.5, 1)];
    let policy = |every: &str| format!("order.score = {{ expression = \"-wait / work\"{every} }}");
    for (every, expected) in [
        ("", [0, 2, 1]),
        (", every = 0", [0, 2, 1]),
        (", every = \"9999ms\"", [0, 2, 1]),
        (", every = 10", [0, 2, 1]),
        (", every = 10.001", [0, 1, 2]),
        (", every = \"1h\"", [0, 1, 2]),
    ] {
        assert_eq!(in_order(&policy(every), 1, &tasks), expected, "{every}");
    }
    assert_eq!(in_order("order.score = \"-wait / work\", dispatch = \"push\"", 1, &tasks), [0, 2, 1]);
}

/// What is not a number goes last, in order of arrival.
#[test]
fn what_is_not_a_number_goes_last() {
    let tasks = [(0.0, 10.0, 1), (1.0, 2.0, 1), (2.0, 9.0, 1), (3.0, 3.0, 1), (4.0, 8.0, 1)];
    assert_eq!(in_order("order.score = \"log(work - 5)\"", 1, &tasks), [0, 4, 2, 1, 3]);
    // Nobody has a deadline: infinitely far, all of them.
    assert_eq!(in_order("order.score = \"deadline - arrival\"", 1, &tasks), [0, 1, 2, 3, 4]);
}

/// A formula does what the order of a name does, by which it is known, on every start of a long run.
#[test]
fn formulas_say_the_same_as_names() {
    let same = [
        ("sjf", "work"),
        ("ljf", "-work"),
        ("fifo", "arrival"),
        ("lifo", "-arrival"),
        ("priority", "-priority"),
        ("edf", "deadline"),
        ("wfp3", "-(wait / work)^3 * slots"),
        ("unicep", "-(wait + 1e-15) / (log2(slots + 1e-15) * work)"),
        ("f1", "log10(work) * slots + 870 * log10(max(arrival, 0.1))"),
        ("f2", "sqrt(work) * slots + 25600 * log10(max(arrival, 0.1))"),
        ("f3", "work * slots + 6_860_000 * log10(max(arrival, 0.1))"),
        ("f4", "work * sqrt(slots) + 5.3e5 * log10(max(arrival, 0.1))"),
    ];
    for (name, formula) in same {
        let found = run(&format!(
            r#"
            policies = [
                {{ name = "name", order = "{name}", place = "first-fit", backfill = "easy" }},
                {{ name = "formula", order.score = "{formula}", place = "first-fit", backfill = "easy" }},
            ]
            nodes = [{{ count = 2, slots = 16 }}]
            [workload]
            tasks = 3000
            arrivals.poisson.rate = 1.1
            duration.lognormal = {{ mean = 5.0, sd = 8.0 }}
            priority.uniform = {{ low = 0, high = 9 }}
            deadline.exponential.mean = 60.0
            classes = [
                {{ name = "serial", share = 0.4 }},
                {{ name = "narrow", share = 0.3, demand.slots = 4 }},
                {{ name = "wide", share = 0.3, demand.slots = 13 }},
            ]
            "#
        ));
        let starts = |run: &ReplicationResult| -> Vec<_> {
            run.tasks.iter().map(|row| (row.first_start, row.node)).collect()
        };
        let waited = found[0].metrics.get(Metric::ShareWaited).expect("tasks");
        assert!(waited > 0.4, "{name}: there is little to decide when {waited} wait");
        assert_eq!(starts(&found[0]), starts(&found[1]), "{name}");
    }
}

/// Kleinrock's queue of delay-dependent priorities, 1964: a task of class p that has waited t has
/// priority b(p) t. M/M/1 at load 0.8, half of it of each class, b = 1 and 3. With F the mean wait of all,
/// load / (1 - load), the lower class waits F / (1 - 0.4 (1 - 1/3)), the upper F less 0.4 (1 - 1/3) times
/// that.
#[test]
fn delay_dependent_priorities() {
    let all = 0.8 / 0.2;
    let lower = all / (1.0 - 0.4 * (1.0 - 1.0 / 3.0));
    let upper = all - 0.4 * (1.0 - 1.0 / 3.0) * lower;
    fn wait(run: &ReplicationResult, class: usize) -> f64 {
        run.classes[class].get(Metric::MeanWait).expect("tasks of the class")
    }
    for dispatch in ["pull", "push"] {
        judge(
            &format!(
                r#"
                policies = [
                    {{ name = "delays", order.score = "-priority * wait", dispatch = "{dispatch}" }},
                ]
                run = {{ replications = 20, warmup = 2_000 }}
                nodes = [{{}}]
                [workload]
                tasks = 100_000
                arrivals.poisson.rate = 0.8
                duration.exponential.mean = 1.0
                [[workload.classes]]
                name = "lower"
                share = 0.5
                priority = 1
                [[workload.classes]]
                name = "upper"
                share = 0.5
                priority = 3
                "#
            ),
            &[Check::new(|run| wait(run, 0), lower, 0.06), Check::new(|run| wait(run, 1), upper, 0.05)],
        );
    }
}
