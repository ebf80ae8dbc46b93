//! Tasks that submit others when they complete: by hand, and against the theory of branching processes
//! and of networks of queues.

mod support;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, ReplicationResult, TaskResult};
use falcon::scheduler::Record;
use falcon::sim::{self, RunOptions};
use support::formulas::*;
use support::judge::{Check, figure, identities, judge, plan};

fn run(scenario: &str) -> ReplicationResult {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    let run = plan.run(&options).expect("it runs").remove(0).replications.remove(0);
    identities(&plan, &run);
    run
}

/// Arrival, first start and end of every task.
fn rows(run: &ReplicationResult) -> Vec<(f64, f64, f64)> {
    let row = |task: &TaskResult| {
        let start = task.first_start.expect("it started");
        (task.arrival.as_seconds(), start.as_seconds(), task.settled.as_seconds())
    };
    run.tasks.iter().map(row).collect()
}

// By hand -------------------------------------------------------------------------------------

/// One node: a task, its two children, and the four of theirs, which arrive as their parents end.
#[test]
fn a_tree_of_seven() {
    let scenario = |order: &str, more: &str| {
        format!(
            r#"
            policies = ["{order}"]
            nodes = [{{}}]
            workload = {{ tasks = 1, duration = 1, spawn = {{ children = 2, depth = 2 }} }}
            {more}
            "#
        )
    };
    // Level by level ...
    let fifo = run(&scenario("fifo", ""));
    let expected = [(0.0, 0.0), (1.0, 1.0), (1.0, 2.0), (2.0, 3.0), (2.0, 4.0), (3.0, 5.0), (3.0, 6.0)];
    assert_eq!(rows(&fifo), expected.map(|(arrival, start)| (arrival, start, start + 1.0)));
    assert_eq!(figure(&fifo, Metric::MaxQueueLength), 4.0);
    // ... and one branch after the other.
    let lifo = run(&scenario("lifo", ""));
    let expected = [(0.0, 0.0), (1.0, 4.0), (1.0, 1.0), (2.0, 3.0), (2.0, 2.0), (5.0, 6.0), (5.0, 5.0)];
    assert_eq!(rows(&lifo), expected.map(|(arrival, start)| (arrival, start, start + 1.0)));
    assert_eq!(figure(&lifo, Metric::MaxQueueLength), 3.0);
    // Children come with the news of the end of their parent.
    let late = run(&scenario("fifo", "scheduler.completion_delay = 0.25"));
    let expected =
        [(0.0, 0.0), (1.25, 1.25), (1.25, 2.5), (2.5, 3.75), (2.5, 5.0), (3.75, 6.25), (3.75, 7.5)];
    assert_eq!(rows(&late), expected.map(|(arrival, start)| (arrival, start, start + 1.25)));
}

/// What is submitted after the end of arrivals is not taken, wherever it comes from; at that very
/// instant it is.
#[test]
fn nothing_is_spawned_after_the_end_of_arrivals() {
    for (until, tasks) in [("1.5", 3), ("2", 7), ("2.5", 7), ("0.5", 1)] {
        let run = run(&format!(
            r#"
            policies = ["fifo"]
            run.until = {until}
            nodes = [{{ count = 8 }}]
            workload = {{ tasks = 1, duration = 1, spawn = {{ children = 2, depth = 5 }} }}
            "#
        ));
        assert_eq!(run.tasks.len(), tasks, "until {until}");
    }
}

/// A task that fails for good has no children; one that fails and then completes has.
#[test]
fn only_who_completes_spawns() {
    let scenario = |attempts: u32, probability: f64| {
        format!(
            r#"
            policies = ["fifo"]
            retry.max_attempts = {attempts}
            nodes = [{{ count = 3 }}]
            [workload]
            tasks = 2_000
            duration.exponential.mean = 1.0
            failure_probability = {probability}
            spawn = {{ children = 1, depth = 1 }}
            "#
        )
    };
    let run_of = |attempts, probability| run(&scenario(attempts, probability));
    assert_eq!(run_of(3, 1.0).tasks.len(), 2000);
    let some = run_of(1, 0.5);
    let of = |metric| figure(&some, metric);
    assert!((2800.0..3200.0).contains(&of(Metric::Submitted)), "{}", of(Metric::Submitted));
    let parents = some.tasks.iter().filter(|task| task.arrival.as_seconds() == 0.0);
    let completed = parents.filter(|task| task.state == FinalState::Completed).count();
    assert_eq!(of(Metric::Submitted), 2000.0 + completed as f64);
}

/// Places of tasks that have settled are used again, also after the last arrival from outside: on one
/// node, branch after branch, hardly more of them are ever in use than the tree is deep.
#[test]
fn memory_is_that_of_unsettled_tasks() {
    let plan = plan(
        r#"
        policies = ["lifo"]
        nodes = [{}]
        workload = { tasks = 1, duration.exponential.mean = 1, spawn = { children = 2, depth = 12 } }
        "#,
    );
    let world = plan.world();
    let options = RunOptions { history: true, check_invariants: true, ..RunOptions::default() };
    let output =
        sim::simulate(&world, 1, world.policy(&plan.policies[0], 1), &options).expect("it comes to an end");
    let slots = output.history.iter().filter_map(|(_, record)| match record {
        Record::Submitted { task, .. } => Some(task.slot),
        _ => None,
    });
    assert_eq!(slots.clone().count(), (1 << 13) - 1);
    // The parent's is free only when its children are there.
    assert_eq!(slots.max(), Some(13));
}

// One world -----------------------------------------------------------------------------------

/// The same trees grow under every policy: works, attempts and ends of tasks are the same, though they
/// come in another order and under other numbers.
#[test]
fn every_policy_meets_the_same_trees() {
    let plan = plan(
        r#"
        policies = ["fifo", "lifo", "random", "sjf", "round-robin", "power-of-two", "consistent-hash", "srtf"]
        run.replications = 3
        retry = { max_attempts = 2, redraw = true }
        nodes = [{ count = 3, slots = 2 }, { speed = 0.5 }]
        scheduler = { dispatch_delay.exponential.mean = 0.1, completion_delay.exponential.mean = 0.1 }
        [workload]
        tasks = 200
        arrivals.poisson.rate = 2.0
        duration.exponential.mean = 1.0
        failure_probability = 0.2
        estimate.noise.lognormal.sigma = 0.5
        spawn.children.exponential.mean = 0.6
        [[workload.classes]]
        name = "a"
        share = 0.5
        [[workload.classes]]
        name = "b"
        share = 0.5
        priority.uniform = { low = 0, high = 1 }
        "#,
    );
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    let results = plan.run(&options).expect("it runs");
    let world = |run: &ReplicationResult| {
        let fate =
            |task: &TaskResult| (task.work, task.class, task.attempts, task.state == FinalState::Completed);
        let mut fates: Vec<_> = run.tasks.iter().map(fate).collect();
        fates.sort_unstable();
        fates
    };
    for replication in 0..3 {
        let first = world(&results[0].replications[replication]);
        assert!(first.len() > 300, "{} tasks", first.len());
        for result in &results[1..] {
            let other = world(&result.replications[replication]);
            assert!(first == other, "`{}` meets another world", result.policy);
        }
    }
    let orders: Vec<Vec<u64>> = results
        .iter()
        .map(|result| result.replications[0].tasks.iter().map(|task| task.work).collect())
        .collect();
    assert_ne!(orders[0], orders[1], "numbers go by arrival, which is another");
}

/// The core's tables agree after every instant, whatever fails, with every dispatch and kind of queue.
#[test]
fn the_core_keeps_its_books() {
    let plan = plan(
        r#"
        policies = ["fifo", "sjf", "lifo", "least-loaded", "consistent-hash", "easy-backfill",
            "conservative-backfill", "srtf", "mlfq", "fair-share", "edf", "min-cost-flow"]
        run.until = 150
        retry = { max_attempts = 2, backoff = { base = 0.1, jitter = 0.5 } }
        nodes = [{ count = 4, slots = 2, up.exponential.mean = 20.0, down.exponential.mean = 4.0 }]
        scheduler = { detection_delay.exponential.mean = 0.1, queue_limit = 60 }
        [workload]
        tasks = 400
        arrivals.poisson.rate = 2.0
        duration.exponential.mean = 1.0
        failure_probability = 0.1
        patience.exponential.mean = 20.0
        deadline.exponential.mean = 5.0
        spawn = { children.exponential.mean = 1.5, depth = 3 }
        "#,
    );
    let world = plan.world();
    for policy in &plan.policies {
        let options = RunOptions { check_invariants: true, tasks: true, ..RunOptions::default() };
        let output = sim::simulate(&world, 3, world.policy(policy, 3), &options);
        let tasks = output.unwrap_or_else(|error| panic!("`{}`: {error}", policy.name)).tasks;
        let in_state = |state| tasks.iter().filter(|task| task.state == state).count();
        assert!(tasks.len() > 700, "`{}`: {} tasks", policy.name, tasks.len());
        assert!(tasks.iter().enumerate().all(|(number, task)| task.task == number as u32));
        assert!(tasks.is_sorted_by_key(|task| task.arrival), "numbers go by arrival");
        for state in [FinalState::Completed, FinalState::Error, FinalState::Timeout] {
            assert!(in_state(state) > 0, "`{}`: no task ends in {state:?}", policy.name);
        }
    }
}

// Theory --------------------------------------------------------------------------------------

/// Trees that are cut at a depth are of an exact size.
#[test]
fn whole_trees() {
    for (children, depth, size) in [(2, 3, 15), (1, 4, 5), (3, 2, 13), (0, 1, 1)] {
        let run = run(&format!(
            r#"
            policies = ["least-loaded"]
            nodes = [{{ count = 4, slots = 2 }}]
            [workload]
            tasks = 50
            arrivals.poisson.rate = 1.0
            duration.exponential.mean = 1.0
            spawn = {{ children = {children}, depth = {depth} }}
            "#
        ));
        assert_eq!(run.tasks.len(), 50 * size);
        assert_eq!(figure(&run, Metric::Completed), 50.0 * size as f64);
    }
}

/// The total progeny of a branching process has mean 1 / (1 - m) and variance s / (1 - m)^3 per
/// ancestor, s the variance of the number of children (Harris 1963).
#[test]
fn total_progeny() {
    let ancestors = 4_000.0;
    // Children, mean, variance.
    let half: (f64, f64) = (0.5, 0.25);
    // Of an exponential number x of mean m, floor(x) and the rest as a probability: the variance is that
    // of x and the mean of r (1 - r), r the rest.
    let m = 0.7f64;
    let rest = simpson(|r| r * (1.0 - r) * (-r / m).exp() / (m * (1.0 - (-1.0 / m).exp())), 1.0);
    let exponential = (m, m * m + rest);
    for (children, (mean, variance)) in
        [("children = 0.5", half), ("children.exponential.mean = 0.7", exponential)]
    {
        let scenario = format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 200, timeline_buckets = 0 }}
            nodes = [{{ count = 50 }}]
            workload = {{ tasks = {ancestors}, duration = 1.0, spawn.{children} }}
            "#
        );
        let size = 1.0 / (1.0 - mean);
        let spread = (variance * size.powi(3) / ancestors).sqrt();
        let results = plan(&scenario).run(&RunnerOptions::default()).expect("it runs");
        let sizes: Vec<f64> =
            results[0].replications.iter().map(|run| figure(run, Metric::Submitted) / ancestors).collect();
        let found = sizes.iter().sum::<f64>() / 200.0;
        let deviation = (sizes.iter().map(|size| (size - found).powi(2)).sum::<f64>() / 199.0).sqrt();
        assert!((found - size).abs() < 4.0 * spread / 200f64.sqrt(), "{children}: {found}, not {size}");
        // The standard deviation of 200 replications is known to within about 5 %.
        assert!((deviation / spread - 1.0).abs() < 0.2, "{children}: {deviation}, not {spread}");
    }
}

/// Simpson's rule from 0 to `end`.
fn simpson(f: impl Fn(f64) -> f64, end: f64) -> f64 {
    const PIECES: u32 = 1000;
    let step = end / f64::from(PIECES);
    let inner: f64 = (1..PIECES).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * f(f64::from(i) * step)).sum();
    (f(0.0) + inner + f(end)) * step / 3.0
}

/// A queue that a share p of the tasks that complete enters again is an open Jackson network: the number
/// in the system is that of a queue without feedback at arrivals / (1 - p), and a visit takes as long as
/// Little's law says (Jackson 1957). Fed back are tasks of the same law, not the same tasks.
#[test]
fn feedback() {
    for (nodes, rate) in [(1, 0.4), (4, 1.6)] {
        // Half of the tasks spawn another.
        let load: f64 = 0.8;
        let wait = erlang_c_mean_wait(nodes, load);
        for policy in ["fifo", "lifo"] {
            let scenario = format!(
                r#"
                policies = ["{policy}"]
                run = {{ replications = 20, warmup = 20_000 }}
                nodes = [{{ count = {nodes} }}]
                [workload]
                tasks = 150_000
                arrivals.poisson.rate = {rate}
                duration.exponential.mean = 1.0
                spawn.children = 0.5
                "#
            );
            judge(
                &scenario,
                &[
                    Check::new(|run| figure(run, Metric::MeanWait), wait, 0.05),
                    Check::new(|run| figure(run, Metric::MeanResponse), wait + 1.0, 0.05),
                    Check::new(|run| figure(run, Metric::MeanInSystem), 2.0 * rate * (wait + 1.0), 0.05),
                    Check::new(|run| figure(run, Metric::Utilisation), load, 0.003),
                ],
            );
        }
    }
}

/// Depth first keeps few tasks waiting, breadth first half of the whole tree (Blumofe and Leiserson
/// 1999 for what depth first takes on several processors).
#[test]
fn depth_first_takes_little_room() {
    let queue = |policy: &str, depth: u32| {
        let run = run(&format!(
            r#"
            policies = ["{policy}"]
            nodes = [{{}}]
            workload = {{ tasks = 1, duration.exponential.mean = 1, spawn = {{ children = 2, depth = {depth} }} }}
            "#
        ));
        figure(&run, Metric::MaxQueueLength)
    };
    for depth in [1u32, 5, 10] {
        assert_eq!(queue("fifo", depth), 2f64.powi(depth as i32));
        assert_eq!(queue("lifo", depth), f64::from(depth) + 1.0);
    }
}

/// What cannot be, in words.
#[test]
fn an_endless_process_is_refused() {
    let scenario =
        "policies = [\"fifo\"]\nnodes = [{}]\n[workload]\ntasks = 1\nduration = 1\nspawn.children = 1\n";
    let said = Plan::from_toml(scenario).expect_err("it never ends").render(false);
    assert!(said.contains("without end") && said.contains("depth"), "{said}");
    Plan::from_toml(&format!("{scenario}spawn.depth = 3")).expect("it ends");
}
