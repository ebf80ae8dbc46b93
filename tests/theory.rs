//! Simulated systems against what queueing theory says of them.
//!
//! Each test is a scenario as a user would write it, and the exact figures. A mean over replications
//! must lie within four standard errors of the exact figure, and the standard error must be small
//! enough for that to mean something. Besides, Little's law and other identities are checked on a
//! run of every scenario, to the last digit.

mod support;

use falcon::metrics::{Metric, ReplicationResult};
use falcon::theory::{breakdowns, choices, sizes};
use support::formulas::*;
use support::judge::{Check, figure, judge};

fn mean_wait(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanWait)
}

fn mean_response(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanResponse)
}

fn utilisation(run: &ReplicationResult) -> f64 {
    figure(run, Metric::Utilisation)
}

/// Mean of the squared waits.
fn squared_wait(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanWait).powi(2) + figure(run, Metric::SdWait).powi(2)
}

fn class_wait(run: &ReplicationResult, class: usize) -> f64 {
    run.classes[class].get(Metric::MeanWait).expect("tasks of the class")
}

// One queue -----------------------------------------------------------------------------------

#[test]
fn mm1() {
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{}]
        workload = { tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        "#,
        &[
            Check::new(mean_wait, erlang_c_mean_wait(1, 0.5), 0.005),
            Check::new(mean_response, single_server_mean_response(0.5), 0.005),
            Check::new(utilisation, 0.5, 0.001),
            Check::new(|run| figure(run, Metric::ShareWaited), 0.5, 0.001),
            // The wait has the tail rho exp(-(mu - lambda) t).
            Check::new(|run| figure(run, Metric::P95Wait), 2.0 * 10f64.ln(), 0.02),
            Check::new(squared_wait, 4.0, 0.05),
            Check::new(|run| figure(run, Metric::MeanInSystem), 1.0, 0.005),
        ],
    );
}

#[test]
fn mm16() {
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 5_000 }
        nodes = [{ count = 16 }]
        workload = { tasks = 400_000, arrivals.poisson.rate = 12.8, duration.exponential.mean = 1.0 }
        "#,
        &[
            Check::new(mean_wait, 0.095_276, 0.001),
            Check::new(|run| figure(run, Metric::ShareWaited), erlang_c(16, 0.8), 0.002),
            Check::new(utilisation, 0.8, 0.001),
        ],
    );
}

/// Where no node is idle while a task waits, the number in the system is that of one central queue,
/// whoever is robbed of how much: service times are exponential and nobody knows them.
#[test]
fn work_stealing_is_work_conserving() {
    for (place, options) in
        [("round-robin", "{}"), ("random", r#"{ victim = "random" }"#), ("first-fit", r#"{ take = "half" }"#)]
    {
        for (load, replications, tasks) in [(0.5, 20, 100_000), (0.9, 20, 200_000)] {
            let scenario = format!(
                r#"
                policies = [{{ place = "{place}", dispatch.hybrid = {options} }}]
                run = {{ replications = {replications}, warmup = 5_000 }}
                nodes = [{{ count = 4 }}]
                workload = {{ tasks = {tasks}, arrivals.poisson.rate = {}, duration.exponential.mean = 1.0 }}
                "#,
                4.0 * load
            );
            let exact = 1.0 + erlang_c_mean_wait(4, load);
            let margin = if load == 0.5 { 0.003 } else { 0.04 };
            judge(
                &scenario,
                &[
                    Check::new(mean_response, exact, margin),
                    Check::new(|run| figure(run, Metric::ShareWaited), erlang_c(4, load), 0.01),
                ],
            );
        }
    }
}

/// One task at a time on any number of nodes is one server.
#[test]
fn serial_is_a_single_server() {
    judge(
        r#"
        policies = ["serial"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{ count = 3, slots = 2 }]
        workload = { tasks = 100_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        "#,
        &[
            Check::new(mean_wait, erlang_c_mean_wait(1, 0.5), 0.01),
            Check::new(|run| figure(run, Metric::MeanInSystem), 1.0, 0.01),
            // One of six slots, half of the time.
            Check::new(utilisation, 0.5 / 6.0, 0.001),
        ],
    );
}

/// The same queue on one node of 16 slots, and under push, where it is that node's own queue.
#[test]
fn one_node_of_sixteen_slots() {
    for policy in ["first-fit", "round-robin"] {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 10, warmup = 5_000 }}
            nodes = [{{ slots = 16 }}]
            workload = {{ tasks = 300_000, arrivals.poisson.rate = 12.8, duration.exponential.mean = 1.0 }}
            "#
        );
        judge(&scenario, &[Check::new(mean_wait, 0.095_276, 0.002)]);
    }
}

/// Pollaczek and Khinchine: only mean and variance of the service matter.
#[test]
fn mg1() {
    // Duration, rate, load, squared coefficient of variation.
    let services = [
        ("constant = 1.0", 0.5, 0.0, 0.003),
        ("constant = 1.0", 0.8, 0.0, 0.02),
        ("erlang = { k = 4, mean = 1.0 }", 0.6, 0.25, 0.01),
        ("lognormal = { mean = 1.0, sd = 1.5 }", 0.5, 2.25, 0.02),
        ("hyperexponential = { p = [0.9, 0.1], mean = [0.5, 5.5] }", 0.5, 5.5, 0.04),
    ];
    for (duration, rate, variation, resolution) in services {
        let scenario = format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 20, warmup = 5_000 }}
            nodes = [{{}}]
            workload = {{ tasks = 200_000, arrivals.poisson.rate = {rate}, duration.{duration} }}
            "#
        );
        let exact = rate / (1.0 - rate) * (1.0 + variation) / 2.0;
        judge(&scenario, &[Check::new(mean_wait, exact, resolution), Check::new(utilisation, rate, 0.002)]);
    }
}

/// D/M/1: sigma = exp(-(1 - sigma) / load), mean response 1 / (1 - sigma).
#[test]
fn periodic_arrivals() {
    let sigma = (0..10_000).fold(0.0f64, |sigma, _| (-(1.0 - sigma) / 0.7).exp());
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 5_000 }
        nodes = [{ speed = 0.7 }]
        workload = { tasks = 200_000, arrivals.periodic.interval = 1.0, duration.exponential.mean = 0.49 }
        "#,
        // The mean service time is 0.7.
        &[Check::new(mean_response, 0.7 / (1.0 - sigma), 0.005)],
    );
}

/// Batches of k: the mean response of M/M/1 grows by (k + 1) / 2.
#[test]
fn batches() {
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 6_000 }
        nodes = [{}]
        workload = { tasks = 300_000, arrivals.batch = { size = 3, poisson.rate = 0.2 }, duration.exponential.mean = 1.0 }
        "#,
        &[Check::new(mean_response, 5.0, 0.05)],
    );
}

/// The head of the queue has to wait for a slow start too: a constant delay d makes the service of
/// M/G/1 d longer and leaves its variance alone.
#[test]
fn a_delay_holds_the_slot() {
    let (load, service) = (0.5 * 1.2, 1.2f64);
    let queueing = 0.5 * (1.0 + service * service) / (2.0 * (1.0 - load));
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{}]
        workload = { tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        scheduler.dispatch_delay = 0.2
        "#,
        &[
            Check::new(mean_wait, queueing + 0.2, 0.01),
            Check::new(mean_response, queueing + service, 0.01),
            // On its way to the node a task does not run.
            Check::new(utilisation, 0.5, 0.001),
        ],
    );
}

/// Where nobody waits, a constant delay is all the waiting there is, and an exponential one too.
#[test]
fn a_delay_alone() {
    let light = |delay: &str| {
        format!(
            r#"
            policies = ["power-of-two"]
            run = {{ replications = 10, warmup = 0 }}
            nodes = [{{ count = 20_000 }}]
            workload = {{ tasks = 50_000, arrivals.poisson.rate = 1.0, duration.exponential.mean = 1.0 }}
            scheduler.dispatch_delay{delay}
            "#
        )
    };
    let constant = support::judge::plan(&light(" = \"250ms\""));
    let results = constant.run(&Default::default()).expect("the plan runs");
    for run in &results[0].replications {
        assert!((mean_wait(run) - 0.25).abs() < 1e-6, "{}", mean_wait(run));
        assert_eq!(figure(run, Metric::P50Wait), figure(run, Metric::P95Wait));
    }
    judge(
        &light(".exponential.mean = 0.25"),
        &[
            Check::new(mean_wait, 0.25, 0.001),
            Check::new(squared_wait, 2.0 * 0.25 * 0.25, 0.001),
            Check::new(mean_response, 1.25, 0.003),
        ],
    );
}

// Orders --------------------------------------------------------------------------------------

/// Orders that do not look at sizes share the mean; the squares of the waits are those of first
/// come, first served, times 1 / (1 - load) for last come, first served and 2 / (2 - load) for
/// service in random order (Takacs 1963; Kingman 1962). Both kinds of dispatch, since they keep
/// their queues differently.
#[test]
fn orders_blind_to_size() {
    let fifo = 2.0 * 0.5 / (0.5 * 0.5);
    for (order, squares) in [("fifo", fifo), ("lifo", fifo / 0.5), ("random", fifo * 2.0 / 1.5)] {
        for dispatch in ["pull", "push"] {
            let scenario = format!(
                r#"
                policies = [{{ order = "{order}", dispatch = "{dispatch}" }}]
                run = {{ replications = 20, warmup = 2_000 }}
                nodes = [{{}}]
                workload = {{ tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }}
                "#
            );
            judge(
                &scenario,
                &[Check::new(mean_response, 2.0, 0.005), Check::new(squared_wait, squares, 0.02 * squares)],
            );
        }
    }
}

#[test]
fn shortest_job_first() {
    for dispatch in ["pull", "push"] {
        let scenario = format!(
            r#"
            policies = [{{ order = "sjf", dispatch = "{dispatch}" }}]
            run = {{ replications = 20, warmup = 2_000 }}
            nodes = [{{}}]
            workload = {{ tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }}
            "#
        );
        judge(&scenario, &[Check::new(mean_wait, 0.712_686, 0.003)]);
    }
    judge(
        r#"
        policies = ["sjf"]
        run = { replications = 20, warmup = 10_000 }
        nodes = [{}]
        workload = { tasks = 300_000, arrivals.poisson.rate = 0.8, duration.exponential.mean = 1.0 }
        "#,
        &[Check::new(mean_wait, shortest_job_first_mean_wait(0.8), 0.02)],
    );
}

/// Phipps's integral with the load of the longer jobs in place of that of the shorter.
#[test]
fn longest_job_first() {
    let exact = sizes::longest_first_mean_wait(0.5, &exponential()).expect("a load below 1");
    judge(
        r#"
        policies = ["ljf"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{}]
        workload = { tasks = 200_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        "#,
        &[Check::new(mean_wait, exact, 0.01)],
    );
}

/// Cobham 1954: W = W0 / ((1 - load above) (1 - load above and own)).
#[test]
fn priorities() {
    judge(
        r#"
        policies = ["priority"]
        run = { replications = 20, warmup = 20_000 }
        nodes = [{}]
        [workload]
        tasks = 400_000
        arrivals.poisson.rate = 0.8
        duration.exponential.mean = 1.0
        classes = [
            { name = "low", share = 0.375, priority = 0 },
            { name = "high", share = 0.25, priority = 9 },
            { name = "middle", share = 0.375, priority = 4.5 },
        ]
        "#,
        &[
            Check::new(|run| class_wait(run, 1), 1.0, 0.005),
            Check::new(|run| class_wait(run, 2), 2.0, 0.01),
            Check::new(|run| class_wait(run, 0), 8.0, 0.15),
        ],
    );
}

/// Shortest job first that knows only the means of classes is Cobham's system with the class of
/// short jobs above: W0 = 0.6 x 0.25 + 0.2 x 4.
#[test]
fn shortest_class_first() {
    judge(
        r#"
        policies = ["sjf"]
        run = { replications = 20, warmup = 10_000 }
        nodes = [{}]
        [workload]
        tasks = 300_000
        arrivals.poisson.rate = 0.8
        estimate = "class-mean"
        classes = [
            { name = "long", share = 0.25, duration.exponential.mean = 2.0 },
            { name = "short", share = 0.75, duration.exponential.mean = 0.5 },
        ]
        "#,
        &[
            Check::new(|run| class_wait(run, 1), 0.95 / 0.7, 0.01),
            Check::new(|run| class_wait(run, 0), 0.95 / (0.7 * 0.3), 0.05),
        ],
    );
}

// Places --------------------------------------------------------------------------------------

#[test]
fn random_splitting() {
    judge(
        r#"
        policies = ["random"]
        run = { replications = 20, warmup = 10_000 }
        nodes = [{ count = 4 }]
        workload = { tasks = 400_000, arrivals.poisson.rate = 2.8, duration.exponential.mean = 1.0 }
        "#,
        &[Check::new(mean_response, single_server_mean_response(0.7), 0.01)],
    );
}

#[test]
fn round_robin_splitting() {
    // Equal weights in turn are the same, smooth or not.
    for policy in ["round-robin", "weighted-round-robin"] {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 20, warmup = 10_000 }}
            nodes = [{{ count = 4 }}]
            workload = {{ tasks = 400_000, arrivals.poisson.rate = 2.8, duration.exponential.mean = 1.0 }}
            "#
        );
        judge(&scenario, &[Check::new(mean_response, 2.236_694, 0.005)]);
    }
}

/// Random splitting by weight makes each node an M/M/1 queue with its share of the arrivals.
#[test]
fn weighted_splitting() {
    // Shares 0.6, 0.2, 0.2 of rate 2 on nodes of speed 2, 1 and 0.5.
    let queues = [(1.2, 2.0), (0.4, 1.0), (0.4, 0.5)];
    let mean: f64 = queues.iter().map(|(rate, speed)| rate / 2.0 / (speed - rate)).sum();
    fn load(run: &ReplicationResult, node: usize) -> f64 {
        run.nodes[node].busy.as_seconds() / run.window.as_seconds()
    }
    fn share(run: &ReplicationResult, node: usize) -> f64 {
        run.nodes[node].tasks as f64 / figure(run, Metric::Completed)
    }
    judge(
        r#"
        policies = ["weighted-random"]
        run = { replications = 20, warmup = 10_000 }
        nodes = [
            { name = "a", speed = 2.0, weight = 3.0 },
            { name = "b", speed = 1.0, weight = 1.0 },
            { name = "c", speed = 0.5, weight = 1.0 },
        ]
        workload = { tasks = 400_000, arrivals.poisson.rate = 2.0, duration.exponential.mean = 1.0 }
        "#,
        &[
            Check::new(mean_response, mean, 0.02),
            Check::new(|run| load(run, 0), 0.6, 0.002),
            Check::new(|run| load(run, 1), 0.4, 0.002),
            Check::new(|run| load(run, 2), 0.8, 0.003),
            Check::new(|run| share(run, 0), 0.6, 0.001),
            Check::new(|run| share(run, 2), 0.2, 0.001),
        ],
    );
}

/// Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001: with d choices among infinitely
/// many servers the mean response is the sum of load^((d^i - d) / (d - 1)). With n servers it is
/// longer by about 1 / n of a service time.
#[test]
fn power_of_choices() {
    let mean_field = |d, load| choices::power_of_d_mean_response(d, load, 1.0).expect("a load below 1");
    assert!((mean_field(2, 0.7) - 1.614_454).abs() < 5e-7);
    for (d, load, with_replacement) in [(2, 0.7, false), (2, 0.7, true), (3, 0.7, false), (3, 0.9, true)] {
        let rate = 2_000.0 * load;
        let scenario = format!(
            r#"
            policies = [{{ place.power-of = {{ d = {d}, with_replacement = {with_replacement} }}, dispatch = "push" }}]
            run = {{ replications = 20, warmup = 60_000 }}
            nodes = [{{ count = 2_000 }}]
            workload = {{ tasks = 300_000, arrivals.poisson.rate = {rate:?}, duration.exponential.mean = 1.0 }}
            "#
        );
        let exact = mean_field(d, load);
        judge(&scenario, &[Check { allowance: 1e-3, ..Check::new(mean_response, exact, 0.005) }]);
    }
}

/// A light load finds the fastest nodes free; the least loaded of equal nodes is as good as any.
#[test]
fn more_nodes_than_tasks() {
    judge(
        r#"
        policies = [{ place = "fastest" }]
        run = { replications = 10 }
        nodes = [{ name = "slow", count = 500, speed = 0.5 }, { name = "fast", count = 500, speed = 4.0 }]
        workload = { tasks = 100_000, arrivals.poisson.rate = 100.0, duration.exponential.mean = 1.0 }
        "#,
        &[Check::new(mean_response, 0.25, 0.001), Check::new(mean_wait, 0.0, 0.0)],
    );
}

// Failures ------------------------------------------------------------------------------------

#[test]
fn breakdowns() {
    let constant = falcon::theory::Size::of(&falcon::distribution::Distribution::Constant { value: 1.0 })
        .expect("no atoms beside it");
    let resumed = breakdowns::resumed(BREAKDOWNS, &exponential()).expect("a variance");
    let restarted = breakdowns::restarted(BREAKDOWNS, &exponential()).expect("a light tail");
    let restarted_of_one = breakdowns::restarted(BREAKDOWNS, &constant).expect("a light tail");
    assert!((with_breakdowns(0.5, resumed, false) - 2.646_465).abs() < 1e-6);
    assert!((with_breakdowns(0.5, restarted, false) - 4.031_385).abs() < 1e-6);
    assert!((with_breakdowns(0.5, restarted_of_one, false) - 2.262_429).abs() < 1e-6);
    for (work, loss, moments, resolution) in [
        ("exponential.mean", "resume", resumed, 0.01),
        ("exponential.mean", "restart", restarted, 0.04),
        ("constant", "restart", restarted_of_one, 0.01),
    ] {
        for fails in ["always", "busy"] {
            let scenario = format!(
                r#"
                policies = ["fifo"]
                run = {{ replications = 20, warmup = 5_000 }}
                nodes = [{{ up.exponential.mean = 10.0, down.exponential.mean = 1.0, fails = "{fails}" }}]
                workload = {{ tasks = 400_000, arrivals.poisson.rate = 0.5, duration.{work} = 1.0 }}
                retry.on_node_loss = "{loss}"
                "#
            );
            let exact = with_breakdowns(0.5, moments, fails == "busy");
            judge(&scenario, &[Check::new(mean_response, exact, resolution)]);
        }
    }
}

/// A node that ages only while it serves: of the time it is up it is busy for what is asked of it.
#[test]
fn a_node_that_ages_at_work_only() {
    judge(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 0 }
        nodes = [{ up.exponential.mean = 10.0, down.exponential.mean = 1.0, fails = "busy" }]
        workload = { tasks = 100_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        retry.on_node_loss = "resume"
        "#,
        &[
            // Failures come at rate 0.1 x 0.5, so 0.05 of the time is repair.
            Check::new(|run| figure(run, Metric::NodeAvailability), 0.95, 0.001),
            Check::new(utilisation, 0.5 / 0.95, 0.002),
            Check::new(|run| figure(run, Metric::AttemptsLost) / figure(run, Metric::Makespan), 0.05, 0.001),
        ],
    );
}

/// A task's attempts fail independently: it completes with probability 1 - p^a, after
/// (1 - p^a) / (1 - p) attempts.
#[test]
fn success_after_retries() {
    for (p, most) in [(0.3, 1), (0.3, 2), (0.3, 4), (0.7, 3)] {
        let scenario = format!(
            r#"
            policies = ["least-loaded"]
            run = {{ replications = 10 }}
            nodes = [{{ count = 8 }}]
            workload = {{ tasks = 50_000, duration.constant = 1.0, failure_probability = {p} }}
            retry.max_attempts = {most}
            "#
        );
        let success = 1.0 - f64::powi(p, most);
        let attempts = success / (1.0 - p);
        judge(
            &scenario,
            &[
                Check::new(|run| figure(run, Metric::SuccessRate), success, 0.0015),
                Check::new(
                    |run| figure(run, Metric::Attempts) / figure(run, Metric::Submitted),
                    attempts,
                    0.002,
                ),
                Check::new(
                    |run| figure(run, Metric::Retries) / figure(run, Metric::Submitted),
                    attempts - 1.0,
                    0.002,
                ),
            ],
        );
    }
}

/// A failed task keeps its place at the head of the queue, so that all its attempts are one service:
/// the same work a geometric number of times, or, drawn anew, an exponential of mean 1 / (1 - p).
#[test]
fn retries_are_one_long_service() {
    let p: f64 = 0.2;
    let mean = 1.0 / (1.0 - p);
    let repeated = with_breakdowns(0.5, (mean, 2.0 * (1.0 + p) / (1.0 - p).powi(2)), true);
    for (redraw, exact) in [(false, repeated), (true, 1.0 / (1.0 / mean - 0.5))] {
        let scenario = format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 20, warmup = 5_000 }}
            nodes = [{{}}]
            workload = {{ tasks = 300_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0, failure_probability = {p} }}
            retry = {{ max_attempts = "unlimited", redraw = {redraw} }}
            "#
        );
        judge(&scenario, &[Check::new(mean_response, exact, 0.03)]);
    }
}

/// Two choices among those nodes that are up, of 1,000 that fail, with attempts that fail: there is
/// no closed form, but a figure that another simulator gave for 2,000,000 tasks from an empty start
/// (in the steady state it is 2.868).
#[test]
fn a_cluster_of_a_thousand_nodes() {
    let check = Check { within: 0.01, ..Check::new(mean_response, 2.857, 0.003) };
    judge(
        r#"
        policies = [{ place.power-of = { d = 2, with_replacement = true }, dispatch = "push" }]
        run = { replications = 20 }
        nodes = [{ count = 1_000, up.exponential.mean = 1_000.0, down.exponential.mean = 10.0 }]
        workload = { tasks = 2_000_000, arrivals.poisson.rate = 900.0, duration.exponential.mean = 1.0, failure_probability = 0.01 }
        retry = { max_attempts = "unlimited", redraw = true }
        "#,
        &[check],
    );
}

// Makespan and availability -------------------------------------------------------------------

/// n exponential tasks on m nodes: (n - m) / m + H_m, whatever the order and whoever takes the next.
#[test]
fn makespan_of_a_batch() {
    for (tasks, nodes, policy) in
        [(100, 16, "fifo"), (100, 16, "lifo"), (5, 8, "first-fit"), (400, 3, "worst-fit")]
    {
        let scenario = format!(
            r#"
            policies = ["{policy}"]
            run = {{ replications = 2_000 }}
            nodes = [{{ count = {nodes} }}]
            workload = {{ tasks = {tasks}, duration.exponential.mean = 1.0 }}
            "#
        );
        let exact = batch_makespan(tasks, nodes);
        judge(&scenario, &[Check::new(|run| figure(run, Metric::Makespan), exact, 0.03 * exact)]);
    }
}

/// Nodes that start up, watched for as long as one task runs on a node that never fails.
fn available(run: &ReplicationResult) -> f64 {
    let failing = &run.nodes[1..];
    let up: f64 = failing.iter().map(|node| node.up.as_seconds()).sum();
    up / failing.len() as f64 / run.window.as_seconds()
}

#[test]
fn availability_of_a_finite_run() {
    assert!((availability(50.0, 10.0, 50.0) - 0.861_042).abs() < 5e-7);
    for (up, down, length) in [(50.0, 10.0, 50.0), (50.0, 10.0, 5.0), (3.0, 9.0, 20.0), (100.0, 1.0, 1000.0)]
    {
        let scenario = format!(
            r#"
            policies = ["first-fit"]
            run = {{ replications = 100 }}
            nodes = [
                {{ name = "witness" }},
                {{ name = "failing", count = 500, up.exponential.mean = {up}, down.exponential.mean = {down} }},
            ]
            workload = {{ tasks = 1, duration.constant = {length} }}
            "#
        );
        judge(&scenario, &[Check::new(available, availability(up, down, length), 0.002)]);
    }
}

/// In the long run only the means count, whatever the distributions.
#[test]
fn availability_in_the_long_run() {
    for (up, down) in [
        ("constant = 50.0", "exponential.mean = 10.0"),
        ("weibull = { shape = 0.7, scale = 39.499_977_5 }", "constant = 10.0"),
        ("erlang = { k = 3, mean = 50.0 }", "lognormal = { mean = 10.0, sd = 10.0 }"),
    ] {
        let scenario = format!(
            r#"
            policies = ["first-fit"]
            run = {{ replications = 20 }}
            nodes = [{{ name = "witness" }}, {{ name = "failing", count = 50, up.{up}, down.{down} }}]
            workload = {{ tasks = 1, duration.constant = 200_000 }}
            "#
        );
        // What the good start adds is below 50 / 200,000.
        let check = Check { allowance: 2.5e-4, ..Check::new(available, 50.0 / 60.0, 2e-4) };
        judge(&scenario, &[check]);
    }
}

/// The service is there while any node is: 1 - (down share)^n of independent nodes.
#[test]
fn availability_of_the_service() {
    judge(
        r#"
        policies = ["least-loaded"]
        run = { replications = 20 }
        nodes = [{ count = 2, up.exponential.mean = 50.0, down.exponential.mean = 10.0 }]
        workload = { tasks = 50_000, arrivals.periodic.interval = 1.0, duration.constant = 0.001 }
        "#,
        &[
            Check::new(|run| figure(run, Metric::ServiceAvailability), 1.0 - 1.0 / 36.0, 0.001),
            Check::new(|run| figure(run, Metric::NodeAvailability), 5.0 / 6.0, 0.002),
        ],
    );
    // k of n: the sum of the binomial distribution from k on; all of them is the product.
    for (needs, exact) in [(1, 0.999_871), (3, 0.964_506), (5, 0.401_878)] {
        let up = 5.0f64 / 6.0;
        assert!((at_least(needs, 5, up) - exact).abs() < 5e-7);
        let scenario = format!(
            r#"
            policies = ["least-loaded"]
            run = {{ replications = 20, service_nodes = {needs} }}
            nodes = [{{ count = 5, up.exponential.mean = 50.0, down.exponential.mean = 10.0 }}]
            workload = {{ tasks = 50_000, arrivals.periodic.interval = 1.0, duration.constant = 0.001 }}
            "#
        );
        judge(&scenario, &[Check::new(|run| figure(run, Metric::ServiceAvailability), exact, 0.0025)]);
    }
}

/// Machines that fail one by one and are repaired by one person: where the service needs k of them, the
/// states of the chain of repairs are summed, for they are not independent.
#[test]
fn availability_of_a_service_with_one_repairer() {
    // 3 machines, failure rate 0.2 each, repair rate 1: weights 1, 0.6, 0.24, 0.048 of 0 to 3 broken.
    let exact = (1.0 + 0.6) / (1.0 + 0.6 + 0.24 + 0.048);
    judge(
        r#"
        policies = ["least-loaded"]
        run = { replications = 20, service_nodes = 2 }
        nodes = [{ count = 3, up.exponential.mean = 5.0, down.exponential.mean = 1.0 }]
        faults.repair_crew = 1
        workload = { tasks = 20_000, arrivals.periodic.interval = 1.0, duration.constant = 0.001 }
        "#,
        &[Check::new(|run| figure(run, Metric::ServiceAvailability), exact, 0.002)],
    );
}

// Locks ---------------------------------------------------------------------------------------

/// With nodes in abundance every lock is a queue M/M/1 of its own.
#[test]
fn every_lock_is_a_single_server() {
    let scenario = |rate: f64, lock: &str| {
        format!(
            r#"
            policies = ["fifo"]
            run = {{ replications = 10, warmup = 2000 }}
            nodes = [{{ slots = 100 }}]
            workload = {{ tasks = 60_000, arrivals.poisson.rate = {rate:?}, duration.exponential.mean = 1.0, {lock} }}
            "#
        )
    };
    let lock_wait = |run: &ReplicationResult| figure(run, Metric::MeanLockWait);
    let response = |run: &ReplicationResult| figure(run, Metric::MeanResponse);
    // Eight locks at half load: rho / (1 - rho) = 1.
    let checks = [Check::new(lock_wait, 1.0, 0.02), Check::new(response, 2.0, 0.02)];
    judge(&scenario(4.0, "lock = { names = 8 }"), &checks);
    // One is needed twice as often as the other: loads of 0.6 and 0.3.
    let exact = 2.0 / 3.0 * 0.6 / 0.4 + 1.0 / 3.0 * 0.3 / 0.7;
    let checks = [Check::new(lock_wait, exact, 0.02), Check::new(response, exact + 1.0, 0.02)];
    judge(&scenario(0.9, "lock = { names = 2, skew = 1.0 }"), &checks);
}
