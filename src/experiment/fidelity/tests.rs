use super::*;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::metrics::MetricRow;
use crate::scheduler::{Outcome, Record};
use crate::time::{Duration, Time};

type History = Vec<(Time, Record)>;

/// Slots differ between the two sides and must not matter.
fn task(number: u32, slot: u32) -> TaskId {
    TaskId { slot: slot + number, number }
}

/// A history from words: `up 0`, `in 3` (arrival), `go 3 1` (start of task 3 on node 1), `end 3 1`,
/// `down 1`, `lost 3 1`, `back 3`; each after its time in microseconds.
fn history(slot: u32, lines: &[(u64, &str)]) -> History {
    let record = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().expect("a number");
        let node = |at: usize| NodeId(number(at));
        let (attempt, busy) = (AttemptNumber(1), Duration(7));
        match words[0] {
            "up" => Record::NodeJoined { node: node(1) },
            "down" => Record::NodeLost { node: node(1) },
            "in" => Record::Submitted { task: task(number(1), slot), class: 0, slots: 1 },
            "go" => Record::Dispatched {
                task: task(number(1), slot),
                attempt,
                node: node(2),
                failures: 0,
                resumed: false,
            },
            "end" => {
                let task = task(number(1), slot);
                Record::Finished { task, attempt, node: node(2), outcome: Outcome::Success, busy, slots: 1 }
            }
            "lost" => Record::Lost {
                task: task(number(1), slot),
                attempt,
                node: node(2),
                busy,
                slots: 1,
                kept: false,
            },
            "back" => Record::Returned { task: task(number(1), slot), failed: false },
            other => panic!("{other}"),
        }
    };
    lines.iter().map(|(micros, line)| (Time(micros * 1000), record(line))).collect()
}

fn between(simulated: &[(u64, &str)], live: &[(u64, &str)]) -> Option<Divergence> {
    Divergence::between(&history(0, simulated), &history(100, live))
}

const START: [(u64, &str); 6] =
    [(0, "up 0"), (0, "up 1"), (500, "in 0"), (500, "go 0 0"), (900, "in 1"), (900, "go 1 1")];

/// The start that all share, and what follows.
fn then(more: &[(u64, &'static str)]) -> Vec<(u64, &'static str)> {
    START.iter().chain(more).copied().collect()
}

#[test]
fn equal_decisions_are_no_divergence() {
    assert_eq!(between(&[], &[]), None);
    // Other times, other slots, and nodes that joined in another order.
    let mut live = vec![(3, "up 1"), (9, "up 0")];
    live.extend(START[2..].iter().map(|(time, line)| (time + 70, *line)));
    assert_eq!(between(&START, &live), None);
    // Facts in another order that led to the same decisions.
    let simulated = then(&[(2000, "end 0 0"), (2001, "end 1 1"), (3000, "in 2"), (3000, "go 2 0")]);
    let live = then(&[(2000, "end 1 1"), (2001, "end 0 0"), (3000, "in 2"), (3000, "go 2 0")]);
    assert_eq!(between(&simulated, &live), None);
}

#[test]
fn facts_in_another_order_are_named() {
    let simulated = then(&[(5000, "in 2"), (5200, "end 0 0"), (5200, "go 2 0"), (6000, "end 1 1")]);
    // Here the node was free when the task came, and the policy took another.
    let live = then(&[(4300, "end 0 0"), (4400, "end 1 1"), (5100, "in 2"), (5100, "go 2 1")]);
    let found = between(&simulated, &live).expect("a divergence");
    assert_eq!(found.decision, 2);
    let decision = |time, node| Some(Decision { time, task: 2, attempt: 1, node });
    assert_eq!((found.simulated, found.live), (decision(0.0047, 0), decision(0.0046, 1)));
    assert_eq!(
        found.why,
        Why::Order {
            live_first: Fact::End { task: 0, attempt: 1, node: 0, failed: false },
            simulated_first: Fact::Arrival { task: 2 },
            live_gap: 0.0008,
            simulated_gap: 0.0002,
        }
    );
    assert_eq!(
        found.why.to_string(),
        "live learned of the end of task 0 on node 0 before the arrival of task 2, 0.8 ms earlier; \
         the simulation saw them the other way round, 0.2 ms apart"
    );
    assert!((found.same_node - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(found.simulated.expect("a decision").to_string(), "task 2 on node 0");
}

/// A swap after which both sides knew the same and decided the same is not the reason for what
/// differs later.
#[test]
fn a_swap_that_was_overcome_is_not_blamed() {
    let early = [(2000, "end 0 0"), (2001, "end 1 1"), (3000, "in 2"), (3000, "go 2 0")];
    let swapped = [(2000, "end 1 1"), (2001, "end 0 0"), (3000, "in 2"), (3000, "go 2 0")];
    let late = [(4000, "in 3"), (4100, "end 2 0"), (4100, "go 3 0")];
    let other = [(4000, "end 2 0"), (4100, "in 3"), (4100, "go 3 1")];
    assert_eq!(between(&then(&early), &then(&swapped)), None);
    let simulated: Vec<_> = then(&early).into_iter().chain(late).collect();
    let live: Vec<_> = then(&swapped).into_iter().chain(other).collect();
    let found = between(&simulated, &live).expect("a divergence");
    assert_eq!(found.decision, 3);
    assert!(
        matches!(found.why, Why::Order { simulated_first: Fact::Arrival { task: 3 }, .. }),
        "{:?}",
        found.why
    );
    // With nothing later to blame it is named after all.
    let simulated: Vec<_> = then(&early).into_iter().chain([(4000, "in 3"), (4000, "go 3 1")]).collect();
    let live: Vec<_> = then(&swapped).into_iter().chain([(4000, "in 3"), (4000, "go 3 0")]).collect();
    let found = between(&simulated, &live).expect("a divergence");
    let expected = Fact::End { task: 1, attempt: 1, node: 1, failed: false };
    assert!(matches!(found.why, Why::Order { live_first, .. } if live_first == expected), "{:?}", found.why);
}

/// A task that was put into another queue when it came, though that showed only later, and another
/// swap before it.
#[test]
fn a_swap_with_the_arrival_of_the_task_is_found() {
    let start = |swap: [&'static str; 2]| then(&[(2000, swap[0]), (2001, swap[1])]);
    let tail = [(5500, "in 7"), (5500, "go 7 0"), (8000, "end 1 1")];
    let mut simulated = start(["in 5", "in 6"]);
    simulated.extend([(5000, "end 0 0"), (5001, "in 2")].into_iter().chain(tail));
    simulated.push((8000, "go 2 1"));
    let mut live = start(["in 6", "in 5"]);
    live.extend([(5000, "in 2"), (5003, "end 0 0")].into_iter().chain(tail));
    live.extend([(9000, "end 7 0"), (9000, "go 2 0")]);
    let found = between(&simulated, &live).expect("a divergence");
    assert_eq!(found.decision, 3);
    assert_eq!(
        found.why.to_string(),
        "live learned of the arrival of task 2 before the end of task 0 on node 0, 0.003 ms earlier; \
         the simulation saw them the other way round, 0.001 ms apart"
    );
}

#[test]
fn the_same_facts_in_other_groups_are_named() {
    let apart = then(&[(5000, "in 2"), (5300, "in 3"), (6000, "end 0 0"), (6000, "go 3 0")]);
    let together = then(&[(5000, "in 2"), (5000, "in 3"), (6000, "end 0 0"), (6000, "go 2 0")]);
    let found = between(&together, &apart).expect("a divergence");
    assert_eq!((found.decision, found.same_node), (2, 0.5));
    assert_eq!(
        found.why.to_string(),
        "the simulation took in the arrival of task 2 and the arrival of task 3 at one instant; \
         live decided between them, 0.3 ms apart"
    );
    let found = between(&apart, &together).expect("a divergence");
    assert!(matches!(found.why, Why::Grouping { together: Side::Live, .. }), "{:?}", found.why);
    // The decision itself lies between the two facts.
    let early = then(&[(5000, "end 0 0"), (5000, "go 9 0"), (5012, "end 1 1")]);
    let late = then(&[(5000, "end 0 0"), (5000, "end 1 1"), (5000, "go 9 1")]);
    let found = between(&late, &early).expect("a divergence");
    assert_eq!(
        found.why.to_string(),
        "the simulation took in the end of task 0 on node 0 and the end of task 1 on node 1 at one \
         instant; live decided between them, 0.012 ms apart"
    );
}

#[test]
fn a_fact_that_one_side_knew_alone_is_named() {
    let simulated = then(&[(5000, "in 2"), (5000, "go 2 0")]);
    let live = then(&[(4000, "down 1"), (4000, "lost 1 1"), (4000, "back 1"), (4000, "go 1 0")]);
    let found = between(&simulated, &live).expect("a divergence");
    assert_eq!(
        found.why.to_string(),
        "live learned of the loss of node 1 at 0.004 s; the simulation did not"
    );
    // One side decided before the other learned the same.
    let hasty = then(&[(5000, "in 2"), (5000, "go 2 0"), (7000, "in 3"), (7000, "go 3 0")]);
    let patient = then(&[(5000, "in 2"), (7000, "in 3"), (7000, "go 2 1")]);
    let found = between(&patient, &hasty).expect("a divergence");
    assert_eq!(
        found.why.to_string(),
        "the simulation knew of the arrival of task 3 when it decided; live learned of it 2.0 ms after its \
         decision"
    );
}

#[test]
fn a_history_may_end_early() {
    let whole = then(&[(2000, "end 0 0"), (3000, "in 2"), (3000, "go 2 0")]);
    let found = between(&whole, &START).expect("a divergence");
    assert_eq!((found.decision, found.live), (2, None));
    assert_eq!(
        found.why.to_string(),
        "the simulation learned of the end of task 0 on node 0 at 0.002 s; live did not"
    );
    let idle = then(&[(2000, "end 0 0"), (3000, "in 2")]);
    let found = between(&idle, &whole).expect("a divergence");
    assert_eq!((found.simulated, &found.why), (None, &Why::Ended { side: Side::Simulated }));
    assert!((found.same_node - 2.0 / 3.0).abs() < 1e-12);
    let found = between(&[], &START).expect("a divergence");
    assert_eq!((found.decision, found.same_node), (0, 0.0));
    // The policy itself chose differently.
    let other: Vec<_> = whole[..8].iter().copied().chain([(3000, "go 2 1")]).collect();
    assert_eq!(between(&whole, &other).map(|found| found.why), Some(Why::Unknown));
}

fn run(seed: u64, values: &[(Metric, f64)]) -> ReplicationResult {
    let mut metrics = MetricRow::default();
    for &(metric, value) in values {
        metrics.set(metric, value);
    }
    ReplicationResult {
        replication: seed as u32,
        seed,
        metrics,
        classes: vec![],
        timeline: None,
        window: Duration::ZERO,
        alarms: Vec::new(),
        incidents: Vec::new(),
        nodes: vec![],
        held: vec![],
        tasks: vec![],
        events: 0,
    }
}

/// A trial in which only the makespan is known.
fn trial(seed: u64, ideal: f64, calibrated: Option<f64>, live: f64) -> Trial {
    let run = |value| run(seed, &[(Metric::Makespan, value)]);
    Trial {
        seed,
        ideal: run(ideal),
        calibrated: calibrated.map(run),
        live: run(live),
        driver: DriverFigures::default(),
        invalid: None,
        divergence: None,
    }
}

fn policy_of(name: &str, trials: Vec<Trial>) -> PolicyTrials {
    PolicyTrials { policy: name.to_string(), trials, repeats: vec![] }
}

/// Errors of the calibrated simulation 1, 2 and 3 %: mean 2 %, standard deviation 1 %, half width
/// 4.302653 * 1 % / sqrt(3) = 2.484138 % (t with 2 degrees of freedom); the ideal one is 10 % off.
#[test]
fn errors_are_those_of_pairs() {
    let mut trials = vec![
        trial(1, 90.0, Some(101.0), 100.0),
        trial(2, 180.0, Some(204.0), 200.0),
        trial(3, 45.0, Some(51.5), 50.0),
    ];
    // Far off and not valid: it counts nowhere.
    trials.push(Trial { invalid: Some("late".to_string()), ..trial(4, 1.0, Some(1.0), 1000.0) });
    let fidelity = Fidelity::of(0.05, &[policy_of("a", trials)]);
    let policy = &fidelity.policies[0];
    assert_eq!((policy.valid, policy.invalid.len(), policy.divergences.len()), (3, 1, 3));
    assert_eq!(policy.invalid[0], Invalid { seed: 4, reason: "late".to_string() });
    let makespan = policy.get(Metric::Makespan).expect("compared");
    let error = makespan.calibrated_error.expect("an error");
    assert_eq!(error.n, 3);
    assert!((error.mean - 0.02).abs() < 1e-12 && makespan.error() == Some(error));
    assert!((error.half_width.expect("an interval") - 0.024_841_38).abs() < 1e-7);
    assert!((makespan.ideal_error.expect("an error").mean + 0.1).abs() < 1e-12);
    assert!((makespan.live.expect("live").mean - 350.0 / 3.0).abs() < 1e-9);
    assert_eq!(makespan.verdict, Equivalence::Equivalent);
    assert_eq!(fidelity.simulated(), Simulated::Calibrated);
    // The ideal simulation alone is judged when nothing was calibrated.
    let trials = vec![trial(1, 90.0, None, 100.0), trial(2, 180.0, None, 200.0)];
    let fidelity = Fidelity::of(0.05, &[policy_of("a", trials)]);
    assert_eq!(fidelity.policies[0].metrics[0].verdict, Equivalence::Different);
    assert_eq!(fidelity.simulated(), Simulated::Ideal);
}

#[test]
fn odd_input_gives_no_figures_and_no_panic() {
    let trials = vec![trial(1, 1.0, Some(1.0), 0.0), trial(2, 1.0, Some(f64::NAN), 2.0)];
    let empty = policy_of("none", vec![]);
    let fidelity = Fidelity::of(0.05, &[policy_of("zero", trials), empty]);
    let makespan = fidelity.policies[0].get(Metric::Makespan).expect("compared");
    assert_eq!((makespan.calibrated_error, makespan.verdict), (None, Equivalence::NotShown));
    assert_eq!(makespan.ideal_error.map(|error| (error.n, error.mean)), Some((1, -0.5)));
    assert_eq!(fidelity.policies[1].metrics[0].live, None);
    assert!(fidelity.rankings.is_empty() && fidelity.policies[1].metrics.len() == METRICS.len());
    assert_eq!(Fidelity::of(f64::NAN, &[]).policies, []);
}

#[test]
fn repeats_and_their_trial_give_the_noise_floor() {
    let mut trials = policy_of("a", vec![trial(1, 1.0, None, 99.0), trial(2, 1.0, None, 500.0)]);
    trials.repeats = vec![run(1, &[(Metric::Makespan, 100.0)]), run(1, &[(Metric::Makespan, 101.0)])];
    let noise = |trials| Fidelity::of(0.05, &[trials]).policies[0].metrics[0].noise_floor;
    let floor = noise(trials.clone()).expect("repeats");
    assert_eq!(floor.n, 3);
    assert!((floor.relative_stddev - 0.01).abs() < 1e-12);
    // Without the trial, which was late, two are left.
    trials.trials[0].invalid = Some("late".to_string());
    assert_eq!(noise(trials.clone()).map(|floor| floor.n), Some(2));
    trials.repeats.clear();
    assert_eq!(noise(trials), None);
}

#[test]
fn rankings_and_errors_over_policies() {
    let one = |name, simulated, live| policy_of(name, vec![trial(1, simulated * 0.5, Some(simulated), live)]);
    // b and c swap by far; d and e by 2 %, which is within the margin.
    let policies = [
        one("a", 50.0, 51.0),
        one("b", 100.0, 130.0),
        one("c", 110.0, 100.0),
        one("d", 200.0, 204.0),
        one("e", 204.0, 200.0),
    ];
    let fidelity = Fidelity::of(0.05, &policies);
    let [ranking] = &fidelity.rankings[..] else { panic!("{:?}", fidelity.rankings) };
    // 8 pairs of 10 alike, 2 not.
    assert!((ranking.tau.expect("an order") - 0.6).abs() < 1e-12);
    assert_eq!(ranking.inverted, [("b".to_string(), "c".to_string())]);
    assert_eq!((ranking.policies, ranking.simulated), (5, Simulated::Calibrated));
    let overall = fidelity.overall(Metric::Makespan, Simulated::Calibrated).expect("errors");
    assert!((overall.median - 0.02).abs() < 1e-12, "{overall:?}");
    assert!((overall.worst - 30.0 / 130.0).abs() < 1e-12);
    assert_eq!((overall.worst_policy.as_str(), overall.policies), ("b", 5));
    assert!(fidelity.overall(Metric::Makespan, Simulated::Ideal).is_some());
    assert_eq!(fidelity.overall(Metric::P99Response, Simulated::Ideal), None);
    // One policy without calibration: all are ranked by the ideal simulation.
    let mut policies = policies.to_vec();
    policies[0].trials[0].calibrated = None;
    let fidelity = Fidelity::of(0.05, &policies);
    assert_eq!(fidelity.rankings[0].simulated, Simulated::Ideal);
}
