//! Batches of exponential tasks on identical machines, against optima worked out by dynamic programming.
//!
//! Among all policies that know the means of tasks alone, longest expected first has the least expected
//! makespan and shortest expected first the least expected total response (Bruno, Downey and Frederickson
//! 1981; Pinedo, *Scheduling*, chapter on stochastic parallel machines). The programs know nothing of
//! orders: what is left of a batch is a number of tasks of each class, and at every end of a task any two
//! of them may be chosen to go on.

mod support;

use std::collections::BTreeMap;

use falcon::metrics::{Metric, ReplicationResult};
use falcon::theory::batches::{ExponentialClass, classes_in_order};
use support::judge::{Check, figure, judge};

const TASKS: usize = 6;
const MACHINES: usize = 2;
const MEANS: [f64; 3] = [0.25, 1.0, 3.0];
const SHARES: [f64; 3] = [0.5, 0.25, 0.25];

type Counts = [usize; 3];

fn total(counts: Counts) -> usize {
    counts.iter().sum()
}

/// What a batch costs while so many of its tasks are unsettled, per unit of time.
type Cost = fn(usize) -> f64;

fn makespan(_: usize) -> f64 {
    1.0
}

fn response(unsettled: usize) -> f64 {
    unsettled as f64
}

/// Expected cost until the next end when these run, and its expected cost from then on.
fn step(running: Counts, cost: f64, mut after: impl FnMut(usize) -> f64) -> f64 {
    let rate: f64 = (0..3).map(|class| running[class] as f64 / MEANS[class]).sum();
    let on = (0..3).filter(|class| running[*class] > 0);
    let rest: f64 = on.map(|class| running[class] as f64 / MEANS[class] * after(class)).sum();
    (cost + rest) / rate
}

/// The least expected cost of what is left, whichever tasks run at every moment.
fn optimum(left: Counts, cost: Cost, known: &mut BTreeMap<Counts, f64>) -> f64 {
    if total(left) == 0 {
        return 0.0;
    }
    if let Some(known) = known.get(&left) {
        return *known;
    }
    let mut best = f64::INFINITY;
    for a in 0..=left[0].min(MACHINES) {
        for b in 0..=left[1].min(MACHINES - a) {
            let running = [a, b, left[2].min(MACHINES - a - b)];
            if total(running) == total(left).min(MACHINES) {
                let after = |class: usize| {
                    let mut left = left;
                    left[class] -= 1;
                    optimum(left, cost, known)
                };
                best = best.min(step(running, cost(total(left)), after));
            }
        }
    }
    known.insert(left, best);
    best
}

/// The expected cost when each that starts is of any class, by its share, and is not interrupted.
fn at_random(running: Counts, waiting: usize, cost: Cost) -> f64 {
    if total(running) < MACHINES && waiting > 0 {
        let start = |class: usize| {
            let mut running = running;
            running[class] += 1;
            SHARES[class] * at_random(running, waiting - 1, cost)
        };
        return (0..3).map(start).sum();
    }
    if total(running) == 0 {
        return 0.0;
    }
    step(running, cost(total(running) + waiting), |class| {
        let mut left = running;
        left[class] -= 1;
        at_random(left, waiting, cost)
    })
}

/// The mean over all batches of tasks that are each of a class by its share.
fn over_batches(mut value: impl FnMut(Counts) -> f64) -> f64 {
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    let mut mean = 0.0;
    for a in 0..=TASKS {
        for b in 0..=TASKS - a {
            let counts = [a, b, TASKS - a - b];
            let ways = factorial(TASKS) / counts.iter().map(|count| factorial(*count)).product::<f64>();
            let each: f64 = (0..3).map(|class| SHARES[class].powi(counts[class] as i32)).product();
            mean += ways * each * value(counts);
        }
    }
    mean
}

/// Expected makespan and mean response under shortest first, longest first and in any order; then the
/// least that there can be.
fn expected() -> ([f64; 3], [f64; 3], [f64; 2]) {
    let tasks = TASKS as f64;
    let sorted = |order: [usize; 3]| {
        let class = |class: usize| ExponentialClass { share: SHARES[class], mean: MEANS[class] };
        classes_in_order(&order.map(class), TASKS as u32, MACHINES as u32)
    };
    let (shortest, longest) = (sorted([0, 1, 2]), sorted([2, 1, 0]));
    let mixed = |cost: Cost| at_random([0; 3], TASKS, cost);
    let least = |cost: Cost| over_batches(|counts| optimum(counts, cost, &mut BTreeMap::new()));
    let makespans = [shortest.0, longest.0, mixed(makespan)];
    let responses = [shortest.1, longest.1, mixed(response) / tasks];
    (makespans, responses, [least(makespan), least(response) / tasks])
}

fn mean_response(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanResponse)
}

#[test]
fn the_orders_that_are_best_for_exponential_batches() {
    let (makespans, responses, [least_makespan, least_response]) = expected();
    println!("makespans {makespans:?}, responses {responses:?}");
    // What the programs find is what the theorems say, and other orders are clearly worse.
    assert!((makespans[1] - least_makespan).abs() < 1e-9, "{makespans:?}, not {least_makespan}");
    assert!((responses[0] - least_response).abs() < 1e-9, "{responses:?}, not {least_response}");
    assert!(makespans[0] > 1.05 * least_makespan && makespans[2] > 1.03 * least_makespan, "{makespans:?}");
    assert!(responses[1] > 1.3 * least_response && responses[2] > 1.1 * least_response, "{responses:?}");
    for (at, policy) in ["sjf", "ljf", "fifo"].into_iter().enumerate() {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 8_000, timeline_buckets = 0 }}
            nodes = [{{ count = {MACHINES} }}]
            [workload]
            tasks = {TASKS}
            estimate = "class-mean"
            classes = [
                {{ name = "short", share = {}, duration.exponential.mean = {} }},
                {{ name = "middle", share = {}, duration.exponential.mean = {} }},
                {{ name = "long", share = {}, duration.exponential.mean = {} }},
            ]
            "#,
            SHARES[0], MEANS[0], SHARES[1], MEANS[1], SHARES[2], MEANS[2],
        );
        // Four standard errors are less than what tells the orders apart.
        judge(
            &scenario,
            &[
                Check::new(|run| figure(run, Metric::Makespan), makespans[at], 0.04),
                Check::new(mean_response, responses[at], 0.03),
            ],
        );
    }
}
