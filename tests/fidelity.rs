//! Where histories part, on real histories: a simulation with delays stands in for a live run.

use falcon::experiment::fidelity::{Divergence, Why};
use falcon::experiment::plan::Plan;
use falcon::policies;
use falcon::scheduler::Record;
use falcon::sim::{self, RunOptions};
use falcon::time::Time;

const SCENARIO: &str = r#"
    policies = ["fifo", "sjf", "round-robin", "least-loaded", "power-of-two", "random", "easy-backfill"]
    nodes = [
        { name = "sound", count = 4 },
        { name = "frail", count = 2, up.exponential.mean = 60.0, down.constant = 2.0 },
    ]
    [workload]
    tasks = 2000
    arrivals.poisson.rate = 4.5
    duration.exponential.mean = 1.0
    failure_probability = 0.02
    [retry]
    backoff = { base = 0.1, jitter = 0.5 }
"#;

type History = Vec<(Time, Record)>;

/// The history of every policy, with starts that take so many seconds.
fn histories(delay: &str) -> Vec<(String, History)> {
    let plan = Plan::from_toml(&format!("{delay}\n{SCENARIO}")).expect("a scenario");
    let world = plan.world();
    let history = |spec: &policies::spec::PolicySpec| {
        let policy = world.policy(spec, 1);
        let (_, history, _) =
            sim::run(&world, 1, policy, &RunOptions::default(), History::new()).expect("runs");
        (spec.name.clone(), history)
    };
    plan.policies.iter().map(history).collect()
}

/// Task, attempt and node of every decision.
fn decisions(history: &History) -> Vec<(u32, u32, u32)> {
    let decision = |(_, record): &(Time, Record)| match record {
        Record::Dispatched { task, attempt, node, .. } => Some((task.number, attempt.0, node.0)),
        _ => None,
    };
    history.iter().filter_map(decision).collect()
}

#[test]
fn the_first_other_decision_is_found_and_has_a_reason() {
    let ideal = histories("");
    let late = histories("scheduler.dispatch_delay.exponential.mean = 0.005");
    let mut orders = 0;
    for ((policy, simulated), (_, live)) in ideal.iter().zip(&late) {
        assert_eq!(Divergence::between(simulated, simulated), None, "{policy}");
        let (one, other) = (decisions(simulated), decisions(live));
        let expected = one.iter().zip(&other).position(|(one, other)| one != other);
        let found = Divergence::between(simulated, live).unwrap_or_else(|| panic!("{policy}: no divergence"));
        assert_eq!(Some(found.decision), expected, "{policy}");
        let live = found.live.expect("a decision");
        assert_eq!((live.task, live.attempt, live.node), other[found.decision], "{policy}");
        assert!((0.0..1.0).contains(&found.same_node), "{policy}: {found:?}");
        // Delays can only change the order of facts, or which of them are known.
        assert!(!matches!(found.why, Why::Unknown | Why::Ended { .. }), "{policy}: {}", found.why);
        orders += u32::from(matches!(found.why, Why::Order { .. }));
        if policy == "least-loaded" {
            // Here a task was put into another queue when it came, long before that showed.
            assert!(
                found.why.to_string().starts_with("live learned of the arrival of task 12 before the end of"),
                "{}",
                found.why
            );
        }
    }
    assert!(orders > 0);
}
