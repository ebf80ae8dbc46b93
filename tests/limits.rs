//! Bounded queues and impatient tasks, against queueing theory and by hand.

mod support;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::theory::many_servers::erlang_b;
use support::judge::{Check, figure, judge};

fn share_rejected(run: &ReplicationResult) -> f64 {
    figure(run, Metric::Rejected) / figure(run, Metric::Submitted)
}

fn mean_wait(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanWait)
}

/// Nobody waits: a task that finds all servers busy is lost, whatever the distribution of the work.
#[test]
fn erlang_b_holds() {
    for (policy, duration) in [("fifo", "exponential.mean = 1.0"), ("least-loaded", "constant = 1.0")] {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 20, warmup = 1_000 }}
            nodes = [{{ count = 5 }}]
            workload = {{ tasks = 100_000, arrivals.poisson.rate = 4.0, duration.{duration} }}
            scheduler.queue_limit = 0
            "#
        );
        let exact = erlang_b(5, 4.0);
        judge(
            &scenario,
            &[
                Check::new(share_rejected, exact, 0.001),
                Check::new(mean_wait, 0.0, f64::MIN_POSITIVE),
                Check::new(|run| figure(run, Metric::Utilisation), 4.0 * (1.0 - exact) / 5.0, 0.001),
            ],
        );
    }
}

/// M/M/1/K: K places, one of them in service. Overloaded, it still has a steady state.
#[test]
fn mm1k_holds() {
    for (rate, limit) in [(0.8f64, 4u32), (1.5, 3)] {
        let places = limit as i32 + 1;
        let share = |n: i32| (1.0 - rate) * rate.powi(n) / (1.0 - rate.powi(places + 1));
        let full = share(places);
        let in_system: f64 = (0..=places).map(|n| f64::from(n) * share(n)).sum();
        let wait = in_system / (rate * (1.0 - full)) - 1.0;
        for limits in [
            format!("scheduler.queue_limit = {limit}\nnodes = [{{}}]\npolicies = [\"fifo\"]"),
            format!("scheduler.queue_limit = {limit}\nnodes = [{{}}]\npolicies = [\"round-robin\"]"),
            format!("nodes = [{{ queue_limit = {limit} }}]\npolicies = [\"round-robin\"]"),
        ] {
            let scenario = format!(
                r#"
                {limits}
                run = {{ replications = 20, warmup = 1_000 }}
                workload = {{ tasks = 100_000, arrivals.poisson.rate = {rate}, duration.exponential.mean = 1.0 }}
                "#
            );
            judge(
                &scenario,
                &[
                    Check::new(share_rejected, full, 0.001),
                    Check::new(mean_wait, wait, 0.01),
                    Check::new(|run| figure(run, Metric::MeanInSystem), in_system, 0.01),
                ],
            );
        }
    }
}

/// M/M/1 with exponential patience of rate theta: the number in the system is a birth and death
/// process with deaths 1 + (n - 1) theta; the share that leaves is theta x mean queue / arrivals.
#[test]
fn impatient_tasks() {
    let (rate, theta) = (1.2f64, 0.5);
    let mut weights = vec![1.0];
    for n in 1..200 {
        let last: f64 = weights[n - 1];
        weights.push(last * rate / (1.0 + (n as f64 - 1.0) * theta));
    }
    let all: f64 = weights.iter().sum();
    let queue: f64 = weights.iter().enumerate().skip(1).map(|(n, w)| (n as f64 - 1.0) * w / all).sum();
    for policy in ["fifo", "round-robin", "lifo", "sjf"] {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 20, warmup = 1_000 }}
            nodes = [{{}}]
            [workload]
            tasks = 100_000
            arrivals.poisson.rate = {rate}
            duration.exponential.mean = 1.0
            estimate = "class-mean"
            patience.exponential.mean = 2.0
            "#
        );
        judge(
            &scenario,
            &[
                Check::new(|run| figure(run, Metric::MeanQueueLength), queue, 0.01),
                Check::new(
                    |run| figure(run, Metric::Timeouts) / figure(run, Metric::Submitted),
                    theta * queue / rate,
                    0.002,
                ),
            ],
        );
    }
}

fn fates(scenario: &str) -> Vec<(FinalState, Option<f64>, f64)> {
    let plan = Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
    let row = |task: &falcon::metrics::TaskResult| {
        (task.state, task.first_start.map(|start| start.as_seconds()), task.settled.as_seconds())
    };
    results[0].replications[0].tasks.iter().map(row).collect()
}

/// Of those that come together the first wait and the last are refused; who starts does not wait.
#[test]
fn the_newest_are_refused() {
    use FinalState::{Completed as DONE, Rejected};
    let expected = [
        (DONE, Some(0.0), 2.0),
        (DONE, Some(2.0), 4.0),
        (DONE, Some(4.0), 6.0),
        (Rejected, None, 0.0),
        (Rejected, None, 0.0),
    ];
    for limits in [
        "policies = [\"fifo\"]\nnodes = [{}]\nscheduler.queue_limit = 2",
        "policies = [\"round-robin\"]\nnodes = [{}]\nscheduler.queue_limit = 2",
        "policies = [\"round-robin\"]\nnodes = [{ queue_limit = 2 }]",
    ] {
        let scenario =
            format!("run.replications = 1\n{limits}\nworkload = {{ tasks = 5, duration.constant = 2.0 }}");
        assert_eq!(fates(&scenario), expected, "{limits}");
    }
}

/// A full node is passed over while another has room; when all are full a task is refused.
#[test]
fn full_nodes_are_passed_over() {
    use FinalState::{Completed as DONE, Rejected};
    let found = fates(
        r#"
        policies = ["round-robin"]
        run.replications = 1
        nodes = [{ name = "a", queue_limit = 0 }, { name = "b", queue_limit = 1 }]
        workload = { tasks = 5, duration.constant = 2.0 }
        "#,
    );
    let expected =
        [(DONE, Some(0.0), 2.0), (DONE, Some(0.0), 2.0), (DONE, Some(2.0), 4.0), (Rejected, None, 0.0)];
    assert_eq!(found[..4], expected);
    assert_eq!(found[4], (Rejected, None, 0.0));
}

/// A refused submission comes again after its backoff, up to the limit of attempts.
#[test]
fn refused_tasks_try_again() {
    use FinalState::{Completed as DONE, Rejected};
    let found = |limit: &str, policy: &str| {
        fates(&format!(
            r#"
            policies = ["{policy}"]
            run.replications = 1
            retry = {{ on_rejection = "retry", max_attempts = 3, backoff = {{ base = 1.0, factor = 2.0 }} }}
            nodes = [{{ {limit} }}]
            [workload]
            tasks_list = [{{ work = 2.5 }}, {{ work = 2.5 }}, {{ work = 9.0 }}]
            {}
            "#,
            if limit.is_empty() { "[scheduler]\nqueue_limit = 0" } else { "" }
        ))
    };
    // The second comes again at 1 and 3, the third finds the server busy at 0, 1 and 3.
    let expected = [(DONE, Some(0.0), 2.5), (DONE, Some(3.0), 5.5), (Rejected, None, 3.0)];
    for (limit, policy) in [("", "fifo"), ("", "round-robin"), ("queue_limit = 0", "round-robin")] {
        assert_eq!(found(limit, policy), expected, "{limit} {policy}");
    }
}

/// A task leaves at the end of its patience unless it has started; the place it leaves is free.
#[test]
fn patience_ends() {
    use FinalState::{Completed as DONE, Timeout};
    for policy in ["fifo", "round-robin", "sjf"] {
        let found = fates(&format!(
            r#"
            policies = ["{policy}"]
            run.replications = 1
            nodes = [{{}}]
            [workload]
            tasks_list = [
                {{ work = 4.0, patience = 1.0 }},
                {{ work = 5.0, patience = 3.0 }},
                {{ work = 6.0 }},
                {{ arrival = 3.5, work = 7.0, patience = 0.25 }},
                {{ arrival = 3.75, work = 8.0, patience = 60 }},
            ]
            "#
        ));
        let expected = [
            (DONE, Some(0.0), 4.0),
            (Timeout, None, 3.0),
            (DONE, Some(4.0), 10.0),
            (Timeout, None, 3.75),
            (DONE, Some(10.0), 18.0),
        ];
        assert_eq!(found, expected, "{policy}");
    }
}

/// Deadlines are counted from arrival; a task that does not complete has missed its own.
#[test]
fn missed_deadlines_are_counted() {
    let plan = Plan::from_toml(
        r#"
        policies = ["fifo", "edf"]
        run.replications = 1
        nodes = [{}]
        [workload]
        tasks_list = [
            { work = 2.0, deadline = 2.0 },
            { work = 3.0, deadline = 10.0 },
            { work = 1.0, deadline = 3.0 },
            { work = 1.0, deadline = 100.0, patience = 0.5 },
            { work = 1.0 },
        ]
        "#,
    );
    let results = plan.expect("a scenario").run(&RunnerOptions::default()).expect("it runs");
    let missed: Vec<_> =
        results.iter().map(|result| result.replications[0].metrics.get(Metric::MissedDeadlines)).collect();
    assert_eq!(missed, [Some(2.0), Some(1.0)]);
}
