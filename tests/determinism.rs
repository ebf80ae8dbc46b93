//! The same scenario and seed give the same results, whoever computes them and whatever else is
//! asked for; and all policies meet the same world.

mod support;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{Metric, PolicyResult, ReplicationResult};
use falcon::workload::Workload;
use support::judge::{identities, plan};

/// Everything that can be random is, and policies that draw are among the policies.
const SCENARIO: &str = r#"
    policies = ["random", "weighted-random", "power-of-two", "sjf", "easy-backfill", { order = "random" }, "round-robin"]
    run = { seed = 7, replications = 4, warmup = 100 }
    nodes = [
        { name = "small", count = 6, up.exponential.mean = 50.0, down.exponential.mean = 5.0 },
        { name = "large", count = 2, slots = 4, speed = 0.5, up.weibull = { shape = 0.7, scale = 80.0 }, down.uniform = { low = 1, high = 9 } },
        { name = "worn", count = 2, speed = 2.0, up.exponential.mean = 20.0, down.constant = 3.0, fails = "busy" },
    ]
    scheduler.dispatch_delay.exponential.mean = 0.01
    [workload]
    tasks = 3000
    arrivals.bursty = { rate = 3.0, peak_rate = 20.0, on = 20.0, off = 60.0 }
    duration.lognormal = { mean = 1.0, sd = 2.0 }
    failure_probability = 0.05
    priority.uniform = { low = 0, high = 9 }
    estimate = { noise.lognormal.sigma = 0.5 }
    classes = [{ name = "narrow", share = 0.8 }, { name = "wide", share = 0.2, demand.slots = 4 }]
    [retry]
    max_attempts = 2
    redraw = true
    backoff = { base = 0.1, jitter = 0.5 }
"#;

#[track_caller]
fn results(plan: &Plan, threads: usize) -> Vec<PolicyResult> {
    plan.run(&RunnerOptions { threads, tasks: true, ..RunnerOptions::default() }).expect("it runs")
}

#[test]
fn results_do_not_depend_on_threads() {
    let plan = plan(SCENARIO);
    let alone = results(&plan, 1);
    assert_eq!(alone.len(), 7);
    // The scenario exercises what it should.
    let first = &alone[0].replications[0];
    for metric in [Metric::Retries, Metric::AttemptsLost, Metric::Errors, Metric::WastedTime] {
        assert!(first.metrics.get(metric) > Some(0.0), "{}", metric.column().name);
    }
    for threads in [2, 3] {
        assert_eq!(results(&plan, threads), alone, "{threads} threads");
    }
    for result in &alone {
        for run in &result.replications {
            identities(&plan, run);
        }
    }
}

#[test]
fn replication_i_of_seed_s_is_replication_0_of_seed_s_plus_i() {
    let plan = plan(SCENARIO);
    let all = results(&plan, 2);
    for replication in 0..4u32 {
        let mut later = plan.clone();
        later.run.seed += u64::from(replication);
        later.run.replications = 1;
        for (one, many) in results(&later, 1).iter().zip(&all) {
            // Incidents are kept of the first replication only.
            let incidents = one.replications[0].incidents.clone();
            let expected = ReplicationResult {
                replication: 0,
                incidents,
                ..many.replications[replication as usize].clone()
            };
            assert_eq!(one.replications, [expected], "{}", one.policy);
        }
    }
}

/// Seeds go round at the end of their range.
#[test]
fn the_last_seed_is_followed_by_the_first() {
    let mut plan = plan(SCENARIO);
    plan.policies.truncate(1);
    plan.run.seed = u64::MAX;
    plan.run.replications = 2;
    let last = results(&plan, 1);
    assert_eq!(last[0].replications[1].seed, 0);
    plan.run.seed = 0;
    plan.run.replications = 1;
    assert_eq!(results(&plan, 1)[0].replications[0].tasks, last[0].replications[1].tasks);
}

#[test]
fn other_policies_change_nothing() {
    let whole = plan(SCENARIO);
    let all = results(&whole, 2);
    for (index, policy) in whole.policies.iter().enumerate() {
        let mut alone = whole.clone();
        alone.policies = vec![policy.clone()];
        assert_eq!(results(&alone, 1)[0], all[index], "{}", policy.name);
    }
}

#[test]
fn what_is_kept_of_a_run_does_not_change_it() {
    let full = plan(SCENARIO);
    let mut bare = full.clone();
    bare.run.timeline_buckets = 0;
    let quiet = bare.run(&RunnerOptions { threads: 2, ..RunnerOptions::default() }).expect("it runs");
    for (one, other) in results(&full, 2).iter().zip(&quiet) {
        assert_eq!(one.tails, other.tails);
        for (full, bare) in one.replications.iter().zip(&other.replications) {
            assert!(full.timeline.is_some() && bare.timeline.is_none() && bare.tasks.is_empty());
            let expected = ReplicationResult { timeline: None, tasks: Vec::new(), ..full.clone() };
            assert_eq!(*bare, expected, "{}", one.policy);
        }
    }
}

/// Arrivals, works, classes and failures of attempts are those of the world, not of the policy.
#[test]
fn all_policies_meet_the_same_tasks() {
    let mut plan = plan(SCENARIO);
    // Without lost attempts the attempts of a task are those that its own failures ask for.
    plan.groups.iter_mut().for_each(|group| group.faults = None);
    let all = results(&plan, 2);
    let [reference, others @ ..] = &all[..] else { panic!("policies") };
    for other in others {
        for (ours, theirs) in reference.replications.iter().zip(&other.replications) {
            for (a, b) in ours.tasks.iter().zip(&theirs.tasks) {
                assert_eq!(
                    (a.task, a.class, a.arrival, a.work, a.attempts, a.state),
                    (b.task, b.class, b.arrival, b.work, b.attempts, b.state),
                    "{}",
                    other.policy
                );
            }
        }
    }
    // They do differ in when tasks start, or the comparison would be idle.
    let starts = |result: &PolicyResult| -> Vec<_> {
        result.replications[0].tasks.iter().map(|task| task.first_start).collect()
    };
    assert!(others.iter().all(|other| starts(other) != starts(reference)));
}

/// Nodes that age always go down and come up at the same instants under every policy.
#[test]
fn all_policies_meet_the_same_nodes() {
    let mut plan = plan(SCENARIO);
    plan.groups.truncate(2);
    let all = results(&plan, 2);
    for replication in 0..4 {
        let mut ups: Vec<(f64, Vec<f64>)> = all
            .iter()
            .map(|result| {
                let run = &result.replications[replication];
                let up = run.nodes.iter().map(|node| node.up.as_seconds()).collect();
                (run.window.as_seconds(), up)
            })
            .collect();
        // Runs end at different times. A longer run has each node up for as long as a shorter one,
        // and at most for the difference more.
        ups.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in ups.windows(2) {
            let more = pair[1].0 - pair[0].0;
            for (shorter, longer) in pair[0].1.iter().zip(&pair[1].1) {
                assert!((-1e-6..=more + 1e-6).contains(&(longer - shorter)), "{shorter} {longer} {more}");
            }
        }
    }
}

/// A policy sees estimates, and only those that look at them do otherwise for worse ones.
#[test]
fn estimates_matter_to_those_who_look() {
    let exact = SCENARIO.replace("estimate = { noise.lognormal.sigma = 0.5 }", "estimate = \"exact\"");
    let (noisy, exact) = (results(&plan(SCENARIO), 2), results(&plan(&exact), 2));
    for (noisy, exact) in noisy.iter().zip(&exact) {
        let looks = matches!(noisy.policy.as_str(), "sjf" | "easy-backfill");
        assert_eq!(noisy.replications != exact.replications, looks, "{}", noisy.policy);
    }
}

/// A shorter workload is the beginning of a longer one.
#[test]
fn more_tasks_leave_the_first_ones_alone() {
    let long = plan(SCENARIO);
    let mut short = long.clone();
    let Workload::Generated { tasks, .. } = &mut short.workload else { panic!("generated") };
    *tasks = 1000;
    let (long, short) = (results(&long, 2), results(&short, 2));
    for (long, short) in long.iter().zip(&short) {
        for (a, b) in long.replications[0].tasks.iter().zip(&short.replications[0].tasks) {
            assert_eq!((a.arrival, a.work, a.class), (b.arrival, b.work, b.class));
        }
    }
}
