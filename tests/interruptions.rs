//! Orders that interrupt, against what queueing theory says of them.

mod support;

use falcon::metrics::{Metric, ReplicationResult};
use support::judge::{Check, figure, judge};

fn mean_response(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanResponse)
}

fn class_response(run: &ReplicationResult, class: usize) -> f64 {
    run.classes[class].get(Metric::MeanResponse).expect("tasks of the class")
}

/// One server at load 0.5, exponential work of mean 1 unless another duration is given.
fn one_server(policy: &str, duration: &str, tasks: u32, exact: f64, resolution: f64, allowance: f64) {
    let scenario = format!(
        r#"
        policies = [{{ name = "under-test", {policy} }}]
        run = {{ replications = 20, warmup = 2_000 }}
        nodes = [{{}}]
        workload = {{ tasks = {tasks}, arrivals.poisson.rate = 0.5, duration.{duration} }}
        "#
    );
    judge(&scenario, &[Check { allowance, ..Check::new(mean_response, exact, resolution) }]);
}

/// Schrage and Miller 1966, by numerical integration.
#[test]
fn shortest_remaining_time() {
    for dispatch in ["pull", "push"] {
        let policy = format!(r#"order = "srtf", dispatch = "{dispatch}""#);
        one_server(&policy, "exponential.mean = 1.0", 100_000, 1.425_373, 0.003, 0.0);
    }
}

/// Preemptive shortest job first compares whole sizes.
#[test]
fn preemptive_shortest_job() {
    let policy = r#"order = "sjf", preempt = true"#;
    one_server(policy, "exponential.mean = 1.0", 100_000, 1.531_383, 0.004, 0.0);
}

/// Processor sharing is what ever smaller slices become: service / (1 - load), whatever the sizes. A
/// slice of q adds less than a slice or two to a response.
#[test]
fn small_slices_share_the_processor() {
    for dispatch in ["pull", "push"] {
        let policy = format!(r#"order.time-slice.quantum = 0.02, dispatch = "{dispatch}""#);
        one_server(&policy, "exponential.mean = 1.0", 40_000, 2.0, 0.01, 0.02);
        one_server(&policy, "constant = 1.0", 40_000, 2.0, 0.01, 0.04);
    }
}

/// Who does not know sizes cannot do better or worse with exponential work: it forgets.
#[test]
fn no_order_that_is_blind_to_sizes_matters_for_exponential_work() {
    let blind = [
        r#"order = "fifo""#,
        r#"order = "lifo""#,
        r#"order = "lifo", preempt = true"#,
        r#"order = "random""#,
        "order.time-slice.quantum = 0.3",
        r#"order.time-slice.quantum = 2.0, dispatch = "push""#,
        "order.mlfq = { levels = 4, quantum = 0.3, factor = 2 }",
        r#"order.mlfq = { levels = 2, quantum = 1.0, boost = 7 }, dispatch = "push""#,
        "order.least-attained-service.quantum = 0.1",
    ];
    for policy in blind {
        one_server(policy, "exponential.mean = 1.0", 100_000, 2.0, 0.008, 0.0);
    }
    // Four servers and one queue at load 0.5.
    for policy in blind.iter().filter(|policy| !policy.contains("push")) {
        let scenario = format!(
            r#"
            policies = [{{ name = "under-test", {policy} }}]
            run = {{ replications = 10, warmup = 2_000 }}
            nodes = [{{ count = 4 }}]
            workload = {{ tasks = 100_000, arrivals.poisson.rate = 2.0, duration.exponential.mean = 1.0 }}
            "#
        );
        judge(&scenario, &[Check::new(mean_response, 1.086_957, 0.002)]);
    }
}

/// Cobham's priorities when the urgent interrupt: a class sees nothing of those below it.
#[test]
fn preemptive_priorities() {
    judge(
        r#"
        policies = [{ name = "under-test", order = "priority", preempt = true }]
        run = { replications = 20, warmup = 5_000 }
        nodes = [{}]
        [workload]
        tasks = 200_000
        arrivals.poisson.rate = 0.8
        duration.exponential.mean = 1.0
        [[workload.classes]]
        name = "high"
        share = 0.25
        priority = 3
        [[workload.classes]]
        name = "middle"
        share = 0.375
        priority = 2
        [[workload.classes]]
        name = "low"
        share = 0.375
        priority = 1
        "#,
        &[
            Check::new(|run| class_response(run, 0), 1.25, 0.003),
            Check::new(|run| class_response(run, 1), 2.5, 0.01),
            Check::new(|run| class_response(run, 2), 10.0, 0.15),
        ],
    );
}

/// Foreground-background on M/M/1 has the mean response of all blind orders; with constant work all
/// end together: every task of a busy period waits for its end.
#[test]
fn constant_work_is_worst_served_by_attained_service() {
    // Mean response of M/D/1 under foreground-background: 1 / (1 - rho)^2 x (1 - rho / 2).
    let exact = (1.0 - 0.25) / (0.5 * 0.5);
    let policy = "order.least-attained-service.quantum = 0.02";
    one_server(policy, "constant = 1.0", 40_000, exact, 0.03, 0.05);
}
