//! Jobs that are undone because a task of theirs failed: by hand, by expectation, and with the books checked
//! after every instant.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric};
use falcon::scheduler::{Record, TaskState};
use falcon::sim::{RunOptions, RunOutput, simulate};
use falcon::statistics::confidence::Summary;
use support::judge::plan;

/// All policies of a scenario under one seed, every record kept, the books checked after every instant.
#[track_caller]
fn runs(scenario: &str, seed: u64) -> Vec<RunOutput> {
    let plan = plan(scenario);
    let world = plan.world();
    let options = RunOptions { tasks: true, history: true, check_invariants: true, ..RunOptions::default() };
    let run = |policy| simulate(&world, seed, world.policy(policy, seed), &options).expect("it runs");
    plan.policies.iter().map(run).collect()
}

#[track_caller]
fn run(scenario: &str) -> RunOutput {
    runs(scenario, 1).remove(0)
}

#[track_caller]
fn metric(run: &RunOutput, metric: Metric) -> f64 {
    run.collected.metrics.get(metric).unwrap_or_else(|| panic!("no {}", metric.column().name))
}

/// What undoes each of `tasks` tasks: from when to when it ran, by the number of the task that it undoes.
fn undone(run: &RunOutput, tasks: u32) -> BTreeMap<u32, (f64, f64)> {
    let mut spans: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (now, record) in &run.history {
        match record {
            Record::Dispatched { task, .. } if task.number >= tasks => {
                spans.entry(task.number - tasks).or_insert((now.as_seconds(), f64::NAN));
            }
            Record::Settled { task, state: TaskState::Completed, .. } if task.number >= tasks => {
                spans.get_mut(&(task.number - tasks)).expect("it started").1 = now.as_seconds();
            }
            _ => {}
        }
    }
    spans
}

#[track_caller]
fn figures(run: &RunOutput, expected: &[(Metric, f64)]) {
    for &(name, expected) in expected {
        let found = metric(run, name);
        assert!((found - expected).abs() < 1e-9, "{}: {found}, not {expected}", name.column().name);
    }
}

// By hand -------------------------------------------------------------------------------------

/// Works 1, 2 and 4 one after the other; the third fails at 7. Undone at half the work: the third until 9,
/// the second until 10, the first until 10.5. A task of another job that waits since 3 goes first.
#[test]
fn a_chain_is_undone_from_its_end() {
    let scenario = |more: &str| {
        format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{}}]
            retry = {{ max_attempts = 1, rollback = {{ share = 0.5 {more} }} }}
            workload.tasks_list = [
                {{ work = 1 }}, {{ work = 2, after = [0] }}, {{ work = 4, after = [1], failure_probability = 1 }},
                {{ work = 8, after = [2] }}, {{ arrival = 3, work = 1 }},
            ]
            "#
        )
    };
    let all = run(&scenario(""));
    let expected = [(2, (8.0, 10.0)), (1, (10.0, 11.0)), (0, (11.0, 11.5))];
    assert_eq!(undone(&all, 5), BTreeMap::from(expected));
    figures(
        &all,
        &[
            (Metric::Makespan, 11.5),
            (Metric::Submitted, 5.0),
            (Metric::Completed, 3.0),
            (Metric::Errors, 1.0),
            (Metric::Cancelled, 1.0),
            (Metric::Attempts, 4.0),
            (Metric::Jobs, 1.0),
            (Metric::Rollbacks, 1.0),
            (Metric::RolledBack, 2.0),
            (Metric::Compensations, 3.0),
            (Metric::CompensationTime, 3.5),
            (Metric::RollbacksFailed, 0.0),
            (Metric::WastedTime, 4.0),
            (Metric::Utilisation, 1.0),
            // The first at once, the second after 1, the third after 3, the last from 3 to 7.
            (Metric::MeanWait, (0.0 + 1.0 + 3.0 + 4.0) / 4.0),
            (Metric::MeanResponse, (1.0 + 3.0 + 5.0) / 3.0),
        ],
    );
    let states: Vec<FinalState> = all.tasks.iter().map(|task| task.state).collect();
    use FinalState::{Cancelled, Completed, Error};
    assert_eq!(states, [Completed, Completed, Error, Cancelled, Completed], "what undoes has no row");

    // An attempt that fails leaves nothing behind: only the first two are undone.
    let completed = run(&scenario(r#", undo = "completed""#));
    assert_eq!(undone(&completed, 5), BTreeMap::from([(1, (8.0, 9.0)), (0, (9.0, 9.5))]));
    figures(&completed, &[(Metric::Compensations, 2.0), (Metric::RolledBack, 2.0), (Metric::Makespan, 9.5)]);
}

/// A diamond on two nodes: after 1, works 2 and 5 side by side. The shorter fails at 3: the longer is stopped
/// then, both are undone side by side, and then the first, once.
#[test]
fn a_diamond_is_undone_once() {
    let scenario = |more: &str| {
        format!(
            r#"
            policies = ["fifo", "round-robin", "late-binding", "sjf", "lifo", "easy-backfill", "work-stealing", "heft"]
            run.replications = 1
            nodes = [{{ count = 2 }}]
            retry = {{ max_attempts = 1, rollback = {{ work = 2 }} }}
            workload.tasks_list = [
                {{ work = 1 }}, {{ work = 2, after = [0], failure_probability = 1 }},
                {{ work = 5, after = [0] {more} }}, {{ work = 1, after = [1, 2] }},
            ]
            "#
        )
    };
    for all in runs(&scenario(""), 1) {
        assert_eq!(undone(&all, 4), BTreeMap::from([(0, (5.0, 7.0)), (1, (3.0, 5.0)), (2, (3.0, 5.0))]));
        figures(
            &all,
            &[
                (Metric::Makespan, 7.0),
                (Metric::Cancelled, 2.0),
                (Metric::RolledBack, 1.0),
                (Metric::Compensations, 3.0),
                (Metric::CompensationTime, 6.0),
                // 2 of the one that failed, 2 of the one that was stopped.
                (Metric::WastedTime, 4.0),
                (Metric::AttemptsTimedOut, 0.0),
            ],
        );
    }
    // Both fail at one instant.
    let both = r#", failure_probability = 1 "#;
    for all in runs(&scenario(both).replace("work = 5", "work = 2"), 1) {
        assert_eq!(undone(&all, 4), BTreeMap::from([(0, (5.0, 7.0)), (1, (3.0, 5.0)), (2, (3.0, 5.0))]));
        figures(&all, &[(Metric::Errors, 2.0), (Metric::Cancelled, 1.0), (Metric::Rollbacks, 1.0)]);
    }
}

/// What comes after its job has failed never starts, and a job that is not part of it goes on.
#[test]
fn who_comes_late_is_cancelled() {
    let all = run(r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ count = 2 }]
        retry = { max_attempts = 1, rollback = { share = 1 } }
        workload.tasks_list = [
            { work = 1 }, { work = 1, after = [0], failure_probability = 1 },
            { arrival = 10, work = 1, after = [0] }, { arrival = 10, work = 3 },
        ]
        "#);
    assert_eq!(undone(&all, 4), BTreeMap::from([(0, (3.0, 4.0)), (1, (2.0, 3.0))]));
    assert_eq!(all.tasks[2].state, FinalState::Cancelled);
    assert_eq!((all.tasks[2].settled.as_seconds(), all.tasks[2].attempts), (10.0, 0));
    figures(&all, &[(Metric::Makespan, 13.0), (Metric::Completed, 2.0), (Metric::Rollbacks, 1.0)]);
}

/// Time limits end tasks while decisions are made: what follows is decided at the same instant. At 3 the
/// second is out of time; the third of its job, which waits for the node, does not start then.
#[test]
fn time_limits_and_denied_retries_undo_too() {
    for policy in ["fifo", "round-robin"] {
        let all = run(&format!(
            r#"
            policies = ["{policy}"]
            run.replications = 1
            nodes = [{{}}]
            retry = {{ max_attempts = 1, timeout = 2, rollback = {{ share = 0.5 }} }}
            workload.tasks_list = [
                {{ work = 1 }}, {{ work = 9, after = [0] }}, {{ work = 1, after = [0] }}, {{ work = 1, arrival = 2 }},
            ]
            "#
        ));
        assert_eq!(undone(&all, 4), BTreeMap::from([(0, (8.5, 9.0)), (1, (4.0, 8.5))]), "{policy}");
        assert_eq!(all.tasks[2].attempts, 0, "{policy}");
        let expected = [(Metric::Timeouts, 1.0), (Metric::Attempts, 3.0), (Metric::Makespan, 9.0)];
        figures(&all, &expected);
    }
    // Nothing pays for a retry: what is denied one is undone.
    let all = run(r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{}]
        retry = { budget = { share = 0.1 }, rollback = { share = 2 } }
        workload.tasks_list = [{ work = 1 }, { work = 1, after = [0], failure_probability = 1 }]
        "#);
    assert_eq!(undone(&all, 2), BTreeMap::from([(0, (4.0, 6.0)), (1, (2.0, 4.0))]));
    figures(&all, &[(Metric::RetriesDenied, 1.0), (Metric::Errors, 1.0)]);
}

/// Patience and rejection: nothing of the impatient task was done, but its parent is undone.
#[test]
fn who_gives_up_or_is_refused_fails_its_job() {
    for policy in ["fifo", "round-robin", "late-binding"] {
        let all = run(&format!(
            r#"
            policies = ["{policy}"]
            run.replications = 1
            nodes = [{{}}]
            retry.rollback = {{ share = 1 }}
            workload.tasks_list = [
                {{ work = 1 }}, {{ work = 5 }}, {{ work = 1, patience = 4, after = [0] }}, {{ work = 1, arrival = 3 }},
            ]
            "#
        ));
        // The parent until 1, then the long one until 6; at 4 the child is gone.
        assert_eq!(undone(&all, 4), BTreeMap::from([(0, (7.0, 8.0))]), "{policy}");
        figures(&all, &[(Metric::Timeouts, 1.0), (Metric::Completed, 3.0), (Metric::Rollbacks, 1.0)]);
    }
    // One task may wait: of two more that come at 1, one is refused, which was the second root of a job.
    let all = run(r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{}]
        scheduler.queue_limit = 0
        retry.rollback = { share = 1 }
        workload.tasks_list = [
            { work = 1 }, { arrival = 2, work = 4 }, { arrival = 3, work = 1 }, { arrival = 3, work = 1, after = [0, 2] },
        ]
        "#);
    assert_eq!(all.tasks[2].state, FinalState::Rejected);
    assert_eq!(undone(&all, 4), BTreeMap::from([(0, (6.0, 7.0))]), "what undoes is not refused");
}

/// Attempts to undo fail, and are tried again; when they are used up the rest stays as it is.
#[test]
fn undoing_may_fail() {
    let scenario = |more: &str| {
        format!(
            r#"
            policies = ["fifo"]
            run.replications = 1
            nodes = [{{}}]
            retry = {{ max_attempts = 1, rollback = {{ work = 1, {more} }} }}
            workload.tasks_list = [{{ work = 1 }}, {{ work = 1, after = [0], failure_probability = 1 }}]
            "#
        )
    };
    let given_up = run(&scenario("failure_probability = 1, max_attempts = 3"));
    figures(
        &given_up,
        &[
            (Metric::Makespan, 5.0),
            (Metric::RollbacksFailed, 1.0),
            (Metric::Compensations, 0.0),
            (Metric::RolledBack, 0.0),
            (Metric::CompensationTime, 3.0),
            // They are no attempts, retries or errors of tasks.
            (Metric::Attempts, 2.0),
            (Metric::Retries, 0.0),
            (Metric::Errors, 1.0),
            (Metric::WastedTime, 1.0),
        ],
    );
    let unlimited = run(&scenario("failure_probability = 0.9"));
    figures(&unlimited, &[(Metric::RollbacksFailed, 0.0), (Metric::Compensations, 2.0)]);
    assert!(metric(&unlimited, Metric::CompensationTime) > 2.0, "some attempts failed");
}

/// First come, first served: what undoes a task stands behind those that came before, and before those
/// that come later; under `lifo` the other way round.
#[test]
fn what_undoes_stands_in_line() {
    let scenario = r#"
        policies = ["fifo", "lifo", "round-robin"]
        run.replications = 1
        nodes = [{}]
        retry = { max_attempts = 1, rollback = { share = 1, undo = "started" } }
        workload.tasks_list = [
            { work = 2, failure_probability = 1 }, { arrival = 1, work = 4 }, { arrival = 3, work = 1 },
        ]
        "#;
    let all = runs(scenario, 1);
    assert_eq!(undone(&all[0], 3), BTreeMap::from([(0, (6.0, 8.0))]));
    assert_eq!(undone(&all[1], 3), BTreeMap::from([(0, (2.0, 4.0))]));
    assert_eq!(undone(&all[2], 3), BTreeMap::from([(0, (6.0, 8.0))]));
}

// Theory --------------------------------------------------------------------------------------

/// Chains of n tasks of mean work 1, each of which fails with probability p: k of them complete before one
/// fails with probability (1 - p)^k p. Half the work is undone of all that ran, or of those that completed.
#[test]
fn chains_are_undone_as_often_as_they_should_be() {
    let (n, p, jobs) = (6, 0.15f64, 2_000.0);
    let stops: Vec<f64> = (0..n).map(|k| (1.0 - p).powi(k) * p).collect();
    let mean_before: f64 = stops.iter().enumerate().map(|(k, stop)| k as f64 * stop).sum();
    let failed: f64 = stops.iter().sum();
    for (undo, compensations) in [("started", mean_before + failed), ("completed", mean_before)] {
        let plan = plan(&format!(
            r#"
            policies = ["least-loaded"]
            run.replications = 20
            nodes = [{{ count = 20 }}]
            retry = {{ max_attempts = 1, rollback = {{ share = 0.5, undo = "{undo}" }} }}
            [workload]
            tasks = {}
            arrivals.poisson.rate = 2.0
            duration.exponential.mean = 1.0
            failure_probability = {p}
            jobs.chain.length = {n}
            "#,
            n as f64 * jobs
        ));
        let results = plan.run(&RunnerOptions { threads: 1, ..RunnerOptions::default() }).expect("it runs");
        // One with no task that completed before the one that failed has nothing to undo then.
        let rollbacks = if undo == "started" { failed } else { failed - stops[0] };
        for (metric, exact) in [
            (Metric::Compensations, compensations),
            (Metric::CompensationTime, 0.5 * compensations),
            (Metric::RolledBack, mean_before),
            (Metric::Rollbacks, rollbacks),
            (Metric::Jobs, 1.0 - failed),
            (Metric::Completed, mean_before + n as f64 * (1.0 - failed)),
        ] {
            let values: Vec<f64> = results[0]
                .replications
                .iter()
                .map(|run| run.metrics.get(metric).expect("a figure") / jobs)
                .collect();
            let summary = Summary::of(&values).expect("replications");
            let error = summary.stddev.expect("several") / (values.len() as f64).sqrt();
            println!("{undo} {metric:?}: {:.5} +- {error:.5} against {exact:.5}", summary.mean);
            assert!(error < 0.02 * exact, "{metric:?} is too rough: {error} of {exact}");
            assert!(
                (summary.mean - exact).abs() < 4.0 * error,
                "{undo} {metric:?}: {} {exact}",
                summary.mean
            );
        }
    }
}

// Everything at once --------------------------------------------------------------------------

/// Parents of every task, as the core was told; by number.
fn family(plan: &Plan, seed: u64) -> Vec<Vec<u32>> {
    use falcon::random::Streams;
    use falcon::workload::source::TaskSource;
    let mut source = TaskSource::new(&plan.workload, Streams::new(seed)).with_details(true);
    let mut parents = Vec::new();
    while let Some(task) = source.next() {
        parents.push(source.parents(&task).to_vec());
    }
    parents
}

/// Whatever breaks: each task is undone at most once, only if it ran, only if its job failed, and only after
/// all that waited for it; a job that failed is undone whole; everything settles.
#[test]
fn whatever_breaks_jobs_are_undone_whole_and_in_reverse() {
    let shapes = [
        "jobs.layered = { layers = 4, width.uniform = { low = 1, high = 4 }, density = 0.4 }",
        "jobs.fork-join = { width = 4, stages = 2 }",
        "jobs.tree = { depth = 3, branching = 2 }",
    ];
    let faults = [
        "",
        "timeout = 2.5\ntotal_timeout = 30.0",
        "budget = { share = 0.1, burst = 3 }\non_node_loss = \"fail\"",
        "on_node_loss = \"resume\"\nredraw = true",
    ];
    let schedulers = [
        "",
        "queue_limit = 12\ncompletion_delay.exponential.mean = 0.2",
        "dispatch_delay.exponential.mean = 0.1\ndetection_delay = 0.5",
        "replicas = { up.exponential.mean = 60.0, down = 5.0, election = 1.0 }",
    ];
    for (at, shape) in shapes.iter().cycle().take(12).enumerate() {
        let (retry, scheduler) = (faults[at % 4], schedulers[(at / 3) % 4]);
        let scenario = format!(
            r#"
            policies = ["fifo", "lifo", "sjf", "srtf", "round-robin", "work-stealing", "late-binding", "mlfq",
                        "easy-backfill", "heft", {{ order = "priority", preempt = true, dispatch = "push" }}]
            run.replications = 1
            nodes = [{{ count = 3, slots = 2, up.exponential.mean = 30.0, down.exponential.mean = 3.0, failure_probability = 0.02 }}]
            [workload]
            tasks = 300
            arrivals.poisson.rate = 0.4
            duration.exponential.mean = 1.0
            failure_probability = 0.1
            failure_point = "uniform"
            poison = 0.02
            priority.uniform = {{ low = 0, high = 3 }}
            {shape}
            [retry]
            max_attempts = 2
            backoff = {{ base = 0.2, jitter = 0.5 }}
            rollback = {{ work.exponential.mean = 0.5, failure_probability = 0.2 }}
            {retry}
            [scheduler]
            {scheduler}
            "#
        );
        let family = family(&plan(&scenario), at as u64);
        for output in runs(&scenario, at as u64) {
            check(&output, &family, &scenario);
        }
    }
}

fn check(output: &RunOutput, family: &[Vec<u32>], scenario: &str) {
    let tasks = family.len() as u32;
    assert_eq!(output.tasks.len(), family.len(), "every task is settled once\n{scenario}");
    let mut ended: BTreeMap<u32, (usize, TaskState)> = BTreeMap::new();
    let mut submitted: BTreeMap<u32, usize> = BTreeMap::new();
    let mut job_of: BTreeMap<u32, u32> = BTreeMap::new();
    for (at, (_, record)) in output.history.iter().enumerate() {
        match record {
            Record::InJob { task, job, .. } => {
                job_of.insert(task.number, *job);
            }
            Record::Submitted { task, .. } => assert!(submitted.insert(task.number, at).is_none(), "once"),
            Record::Settled { task, state, .. } => {
                assert!(ended.insert(task.number, (at, *state)).is_none(), "settled once");
            }
            _ => {}
        }
    }
    assert_eq!(ended.len(), submitted.len(), "what is submitted is settled");
    let state = |task: u32| ended[&task].1;
    let fails =
        |task: &u32| matches!(state(*task), TaskState::Error | TaskState::Timeout | TaskState::Rejected);
    let failed: BTreeSet<u32> = (0..tasks).filter(fails).map(|task| job_of[&task]).collect();
    assert!(!failed.is_empty(), "nothing failed\n{scenario}");
    let mut counts = (0, 0);
    for task in 0..tasks {
        let ran = output.tasks[task as usize].attempts > 0;
        let undone = submitted.get(&(tasks + task)).copied();
        let should = ran && failed.contains(&job_of[&task]);
        assert_eq!(undone.is_some(), should, "task {task}\n{scenario}");
        let Some(at) = undone else { continue };
        assert_eq!(state(tasks + task), TaskState::Completed, "without a limit it is undone");
        counts.0 += 1;
        counts.1 += u32::from(state(task) == TaskState::Completed);
        assert!(ended[&task].0 < at, "undone before it ended");
        for &parent in &family[task as usize] {
            let before = submitted[&(tasks + parent)];
            assert!(ended[&(tasks + task)].0 < before, "{parent} is undone before {task}\n{scenario}");
        }
    }
    assert_eq!(metric(output, Metric::Compensations), f64::from(counts.0));
    assert_eq!(metric(output, Metric::RolledBack), f64::from(counts.1));
    assert_eq!(metric(output, Metric::Submitted), f64::from(tasks));
    let attempts: u32 = output.tasks.iter().map(|task| task.attempts).sum();
    assert_eq!(metric(output, Metric::Attempts), f64::from(attempts));
}

/// The same tasks are undone with the same work whatever the policy, as long as the same tasks fail.
#[test]
fn every_policy_meets_the_same_work_of_undoing() {
    let all = runs(
        r#"
        policies = ["fifo", "sjf", "round-robin"]
        run.replications = 1
        nodes = [{ count = 4 }]
        retry = { max_attempts = 1, rollback = { work.exponential.mean = 1.0, failure_probability = 0.3 } }
        [workload]
        tasks = 400
        arrivals.poisson.rate = 0.5
        duration.exponential.mean = 1.0
        failure_probability = 0.1
        jobs.chain.length = 4
        "#,
        3,
    );
    for other in &all[1..] {
        for name in [Metric::Compensations, Metric::CompensationTime, Metric::RolledBack, Metric::Rollbacks] {
            assert!((metric(other, name) - metric(&all[0], name)).abs() < 1e-6, "{name:?}");
        }
    }
}

// Mistakes ------------------------------------------------------------------------------------

#[test]
fn what_makes_no_sense_is_refused() {
    let message = |retry: &str, workload: &str, nodes: &str| {
        let text = format!(
            "policies = [\"fifo\"]\nnodes = [{{ {nodes} }}]\n[workload]\ntasks = 10\nduration = 1\n{workload}\n[retry]\n{retry}\n"
        );
        Plan::from_toml(&text).expect_err("a mistake").render(false)
    };
    for (retry, workload, nodes, expected) in [
        ("rollback = {}", "", "", "does not say how much work it is to undo a task"),
        ("rollback = { share = 0.5, work = 1 }", "", "", "the work of undoing a task is given twice"),
        ("rollback = { share = 0 }", "", "", "`retry.rollback.share` must be a number above 0"),
        ("rollback = { share = 0.5 }", "spawn.children = 0.5", "", "`rollback` does not go with `spawn`"),
        ("rollback = { share = 1, failure_probability = 1 }", "", "", "never settles"),
        ("rollback = { share = 1 }", "", "failure_probability = 1", "nothing can be undone"),
        ("rollback = { share = 1, undo = \"complete\" }", "", "", "did you mean `completed`?"),
        ("rollback = { shares = 1 }", "", "", "did you mean `share`?"),
    ] {
        let found = message(retry, workload, nodes);
        assert!(found.contains(expected), "{found}");
    }
}
