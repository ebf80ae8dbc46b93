//! Nodes that are slow, pause or are cut off, messages that are lost, and a monitor that finds out late:
//! schedules worked out by hand, figures with known means, and invariants in random worlds.

mod support;

use falcon::audit::Auditor;
use falcon::experiment::runner::RunnerOptions;
use falcon::ids::NodeId;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::policies::{self, registry};
use falcon::random::Streams;
use falcon::scheduler::{
    Commands, Detector, Event, Limits, MonitorPlan, NodeSpec, Record, RetryPlan, Scheduler, SchedulerConfig,
};
use falcon::sim::{self, RunOptions};
use falcon::time::{Duration, Time};
use proptest::prelude::*;
use support::judge::{Check, figure, judge, plan};

#[track_caller]
fn run(scenario: &str) -> ReplicationResult {
    let mut plan = plan(scenario);
    plan.run.replications = 1;
    let options = RunnerOptions { tasks: true, threads: 1, ..RunnerOptions::default() };
    plan.run(&options).expect("it runs").remove(0).replications.remove(0)
}

/// First start and end of every task; all of them complete.
#[track_caller]
fn spans(scenario: &str) -> Vec<(f64, f64)> {
    let row = |task: &falcon::metrics::TaskResult| {
        assert_eq!(task.state, FinalState::Completed);
        (task.first_start.expect("it started").as_seconds(), task.settled.as_seconds())
    };
    run(scenario).tasks.iter().map(row).collect()
}

/// One node, one task of 10 s that arrives at 0, unless these say otherwise.
#[track_caller]
fn alone(faults: &str, rest: &str) -> Vec<(f64, f64)> {
    let tasks = if rest.contains("tasks_list") { "" } else { "workload.tasks_list = [{ work = 10 }]" };
    let policy = if rest.contains("policies") { "" } else { "policies = [\"fifo\"]" };
    spans(&format!("{policy}\n{tasks}\n{rest}\nnodes = [{{}}]\n[faults]\n{faults}"))
}

// By hand -------------------------------------------------------------------------------------

#[test]
fn a_slow_node_keeps_what_was_done() {
    // 3 s, 4 s at half the speed, 5 s.
    assert_eq!(alone(r#"slow = [{ node = "node-0", start = 3, end = 7, factor = 2 }]"#, ""), [(0.0, 12.0)]);
    // Factors multiply: 3, 2/2 until 5, 2/8 until 7, 1/4 until 8, and 5.5 more.
    let two = r#"slow = [{ node = "node-0", start = 3, end = 7, factor = 2 },
                         { node = "node-0", start = 5, end = 8, factor = 4 }]"#;
    assert_eq!(alone(two, ""), [(0.0, 13.5)]);
    // A factor below 1 makes it faster.
    assert_eq!(alone(r#"slow = [{ share = 1, start = 0, end = 60, factor = 0.5 }]"#, ""), [(0.0, 5.0)]);
    // The scheduler does not know: what it places meanwhile is as slow.
    let later = "workload.tasks_list = [{ arrival = 4, work = 2 }]";
    assert_eq!(alone(r#"slow = [{ node = "node-0", start = 3, end = 7, factor = 2 }]"#, later), [(4.0, 7.5)]);
}

#[test]
fn a_node_that_pauses_goes_on_later() {
    assert_eq!(alone(r#"pauses = [{ node = "node-0", start = 4, end = 9 }]"#, ""), [(0.0, 15.0)]);
    // Pauses that overlap are one; a slow node that pauses is slow again afterwards.
    let two = r#"pauses = [{ node = "node-0", start = 4, end = 9 }, { node = "node-0", start = 8, end = 10 }]
                 slow = [{ node = "node-0", start = 2, end = 12, factor = 2 }]"#;
    // 2, 1 until 4, nothing until 10, 1 until 12, and 6 more.
    assert_eq!(alone(two, ""), [(0.0, 18.0)]);
    // What is sent there begins when the pause is over.
    let later = "workload.tasks_list = [{ arrival = 5, work = 2 }]";
    assert_eq!(alone(r#"pauses = [{ node = "node-0", start = 4, end = 9 }]"#, later), [(9.0, 11.0)]);
}

#[test]
fn a_node_that_is_cut_off_works_on() {
    // It ends at 10, and that is known at 20; what is sent meanwhile begins then.
    let cut = r#"partitions = [{ node = "node-0", start = 5, end = 20 }]"#;
    assert_eq!(alone(cut, ""), [(0.0, 20.0)]);
    let two = "workload.tasks_list = [{ arrival = 6, work = 1 }, { arrival = 1, work = 2 }]";
    assert_eq!(alone(cut, two), [(1.0, 3.0), (20.0, 21.0)]);
    // It ends after it: nobody notices.
    assert_eq!(alone(r#"partitions = [{ node = "node-0", start = 5, end = 8 }]"#, ""), [(0.0, 10.0)]);
    // A result that sets out at 20 has its way before it.
    assert_eq!(alone(cut, "scheduler.completion_delay = 0.5"), [(0.0, 20.5)]);
}

#[test]
fn slow_nodes_pauses_and_losses_mix() {
    let slow = r#"slow = [{ node = "node-0", start = 0, end = 100, factor = 2 }]"#;
    // The short task interrupts at 4, when the long one has done 2 of its 10.
    let two = "policies = [\"srtf\"]\nworkload.tasks_list = [{ work = 10 }, { arrival = 4, work = 1 }]";
    assert_eq!(alone(slow, two), [(0.0, 22.0), (4.0, 6.0)]);
    // The same with a node that is out from 4 to 6, its work kept or not.
    let out = format!("{slow}\noutages = [{{ node = \"node-0\", start = 4, end = 6 }}]");
    assert_eq!(alone(&out, "retry.on_node_loss = \"resume\""), [(0.0, 22.0)]);
    assert_eq!(alone(&out, ""), [(0.0, 26.0)]);
    // Repaired during a partition, it cannot say so before that is over.
    let cut = r#"outages = [{ node = "node-0", start = 4, end = 6 }]
                 partitions = [{ node = "node-0", start = 5, end = 9 }]"#;
    assert_eq!(alone(cut, ""), [(0.0, 19.0)]);
    // What ended during a partition and was not sent is lost with the node.
    let cut = r#"outages = [{ node = "node-0", start = 12, end = 14 }]
                 partitions = [{ node = "node-0", start = 5, end = 13 }]"#;
    assert_eq!(alone(cut, ""), [(0.0, 24.0)]);
}

#[test]
fn a_node_is_slow_again_and_again() {
    // 10 s, 10 s at half the speed, 5 s.
    let slow = "policies = [\"fifo\"]\nnodes = [{ slow = { every = 10, lasts = 10, factor = 2 } }]
                workload.tasks_list = [{ work = 20 }]";
    assert_eq!(spans(slow), [(0.0, 25.0)]);
    let pause = "policies = [\"fifo\"]\nnodes = [{ pause = { every = 10, lasts = 3 } }]
                 workload.tasks_list = [{ work = 25 }]";
    assert_eq!(spans(pause), [(0.0, 31.0)]);
    let cut = "policies = [\"fifo\"]\nnodes = [{ partition = { every = 10, lasts = 3 } }]
               workload.tasks_list = [{ work = 12 }]";
    assert_eq!(spans(cut), [(0.0, 13.0)]);
}

// Theory --------------------------------------------------------------------------------------

fn mean_response(run: &ReplicationResult) -> f64 {
    figure(run, Metric::MeanResponse)
}

/// Pauses come as a Poisson process of the time that a node works: of a task of 100 s, 2 pauses of 10 s.
#[test]
fn pauses_by_chance() {
    let scenario = r#"
        policies = ["fifo"]
        nodes = [{ count = 1000, pause.every.exponential.mean = 50, pause.lasts.exponential.mean = 10 }]
        workload = { tasks = 1000, duration = 100 }
    "#;
    judge(scenario, &[Check::new(mean_response, 120.0, 0.3)]);
}

/// A message that is lost with probability p, and sent again after r, is late by r p / (1 - p) on average.
#[test]
fn lost_messages_are_late() {
    let late = 2.0 * 0.2 / 0.8;
    let scenario = r#"
        policies = ["fifo"]
        nodes = [{ count = 2000 }]
        workload = { tasks = 2000, duration = 100 }
        faults.message_loss = { probability = 0.2, resend_after = 2 }
    "#;
    let wait = |run: &ReplicationResult| figure(run, Metric::MeanWait);
    judge(scenario, &[Check::new(wait, late, 0.012), Check::new(mean_response, 100.0 + 2.0 * late, 0.016)]);
}

/// When a node fails, its last heartbeat came before by a time that is uniform within the interval: on
/// average it is found dead after `dead_after` - interval / 2.
#[test]
fn time_to_detect() {
    let scenario = r#"
        policies = ["fifo"]
        nodes = [{ count = 500, up.exponential.mean = 200, down = 50 }]
        scheduler.monitor = { heartbeat = 2, detector.timeout.dead_after = 7 }
        workload = { tasks = 2, arrivals.times = [0.0, 1000.0], duration = 1e-6 }
    "#;
    let detect = |run: &ReplicationResult| figure(run, Metric::MeanTimeToDetect);
    let repair = |run: &ReplicationResult| figure(run, Metric::MeanTimeToRepair);
    let wrong = |run: &ReplicationResult| figure(run, Metric::WrongDeclarations);
    judge(scenario, &[Check::new(detect, 6.0, 0.01), Check::new(repair, 50.0 - 6.0, 0.01)]);
    let plan = plan(scenario);
    let results = plan.run(&RunnerOptions::default()).expect("it runs");
    assert!(results[0].replications.iter().all(|run| wrong(run) == 0.0));
}

/// Every heartbeat is lost with probability p. A node is wrongly declared dead once for each run of at least
/// two losses, and such a run begins with probability (1 - p) p^2 at each heartbeat.
#[test]
fn lost_heartbeats_are_mistaken_for_failures() {
    let (nodes, beats, p) = (100.0, 2000.0, 0.1_f64);
    let scenario = r#"
        policies = ["fifo"]
        nodes = [{ count = 100 }]
        scheduler.monitor = { heartbeat = 1, detector.timeout.dead_after = 2.5 }
        faults.message_loss = { probability = 0.1, resend_after = 0.001 }
        workload = { tasks = 2, arrivals.times = [0.0, 2000.0], duration = 1e-6 }
    "#;
    let wrong = |run: &ReplicationResult| figure(run, Metric::WrongDeclarations);
    judge(scenario, &[Check::new(wrong, nodes * beats * (1.0 - p) * p * p, 15.0)]);
}

// The monitor ---------------------------------------------------------------------------------

/// When a node that sends heartbeats at these instants, in seconds, and then no more, is declared dead.
fn declared_dead(detector: Detector, beats: &[f64]) -> f64 {
    let nodes = [NodeSpec { slots: 1, speed: 1.0, weight: 1.0 }];
    let config = SchedulerConfig {
        retry: RetryPlan::default(),
        max_demand: 1,
        starts_are_reported: true,
        seed: 1,
        resources: Default::default(),
        limits: Limits::default(),
        guards: Default::default(),
        alarms: Default::default(),
        monitor: Some(MonitorPlan { interval: Duration(1_000_000_000), detector }),
        autoscale: None,
    };
    let fifo = registry::preset("fifo").expect("a preset");
    let mut core = Scheduler::new(policies::build(&fifo, &nodes, 1, Streams::new(1)), &nodes, config);
    let (mut commands, mut records, node) = (Commands::new(), Vec::<(Time, Record)>::new(), NodeId(0));
    core.handle(Time::ZERO, Event::NodeJoined { node }, &mut commands, &mut records);
    let mut beats = beats.iter().map(|beat| Time::from_seconds(*beat).expect("a time")).peekable();
    loop {
        core.check_invariants();
        let timer = core.next_timer().expect("a timer");
        let (now, event) = match beats.next_if(|beat| *beat < timer) {
            Some(beat) => (beat, Event::Heartbeat { node }),
            None => (timer, Event::TimerFired),
        };
        core.handle(now, event, &mut commands, &mut records);
        if let Some((at, _)) = records.iter().find(|(_, record)| *record == Record::DeclaredDead { node }) {
            assert!(records.contains(&(*at, Record::NodeLost { node })) && beats.peek().is_none());
            return at.as_seconds();
        }
    }
}

#[test]
fn a_silent_node_is_dead_to_the_nanosecond() {
    let detector = Detector::Timeout { suspect_after: None, dead_after: Duration(3_500_000_000) };
    assert_eq!(declared_dead(detector, &[]), 3.5);
    assert_eq!(declared_dead(detector, &[1.0, 2.0, 2.000_000_001]), 5.500_000_001);
    assert_eq!(declared_dead(detector, &[3.4, 6.8, 10.0]), 13.5);
}

/// A standard normal exceeds 1.281552 with probability 0.1, and 5.612001 with probability 10^-8 (tables).
#[test]
fn phi_is_that_of_normal_gaps() {
    let phi = |threshold, window, least: f64| Detector::PhiAccrual {
        suspicion: Some(threshold / 2.0),
        threshold,
        window,
        least_deviation: Duration::from_seconds(least).expect("a time"),
    };
    let near = |found: f64, exact: f64| assert!((found - exact).abs() < 2e-6, "{found} for {exact}");
    for (threshold, z) in [(1.0, 1.281_552), (8.0, 5.612_001)] {
        // Nothing known but the interval of 1 s: gaps of 0.75 and 1.25 are taken for granted.
        near(declared_dead(phi(threshold, 10, 0.0), &[]), 1.0 + z * 0.25);
        // The first heartbeat ends no gap; those of 1.2, 0.8, 1.2 and 0.8 push what was taken for granted
        // out of the window.
        let beats = [0.5, 1.7, 2.5, 3.7, 4.5];
        near(declared_dead(phi(threshold, 4, 0.0), &beats), 4.5 + 1.0 + z * 0.2);
        // All six, as long as there is room.
        let deviation = ((2.0 * 0.25_f64.powi(2) + 4.0 * 0.2_f64.powi(2)) / 6.0).sqrt();
        near(declared_dead(phi(threshold, 6, 0.0), &beats), 5.5 + z * deviation);
        // Gaps that are all alike vary by no less than is said.
        let beats: Vec<f64> = (1..=20).map(f64::from).collect();
        near(declared_dead(phi(threshold, 10, 0.1), &beats), 21.0 + z * 0.1);
    }
}

/// How probable a silence is, is what phi says: of exponential gaps, taken as normal ones of the same mean m
/// and deviation m, a share e^-(1+z) is longer than m + z m. A node is wrongly declared dead that often.
#[test]
fn phi_mistakes_exponential_gaps_for_normal_ones() {
    let share = (-(1.0 + 1.281_552_f64)).exp();
    let scenario = r#"
        policies = ["fifo"]
        nodes = [{ count = 50 }]
        scheduler.monitor.heartbeat.exponential.mean = 1
        scheduler.monitor.detector.phi-accrual = { threshold = 1, window = 10000, least_deviation = 0 }
        workload = { tasks = 2, arrivals.times = [0.0, 20000.0], duration = 1e-6 }
        run.replications = 4
    "#;
    let wrong = |run: &ReplicationResult| figure(run, Metric::WrongDeclarations) / (50.0 * 20_000.0);
    // A thousand gaps until what is learnt is about right.
    let check = Check { allowance: 0.001, ..Check::new(wrong, share, 0.0005) };
    judge(scenario, &[check]);
}

/// Node 0 is cut off from 5 to 20 and declared dead meanwhile: its task of 10 s ends there at 10, in vain,
/// and on another node. The result that comes at 20 is refused, and the node is back.
#[test]
fn a_node_that_is_wrongly_declared_dead() {
    let scenario = |dead_after: &str| {
        format!(
            r#"
            policies = ["fifo"]
            nodes = [{{ count = 3 }}]
            scheduler.monitor = {{ heartbeat = 1, detector.timeout.dead_after = {dead_after} }}
            faults.partitions = [{{ node = "node-0", start = 5, end = 20 }}]
            workload.tasks_list = [{{ work = 10 }}, {{ work = 30 }}, {{ arrival = 25, work = 1 }}, {{ arrival = 25, work = 1 }}]
            "#
        )
    };
    let short = run(&scenario("3"));
    let of = |run: &ReplicationResult, metric| figure(run, metric);
    // The last heartbeat came between 4 and 5.
    let restarted = short.tasks[0].settled.as_seconds() - 10.0;
    assert!((7.0..8.0).contains(&restarted), "{restarted}");
    assert_eq!((short.tasks[0].attempts, short.tasks[0].node), (2, Some(2)));
    let counts = [Metric::WrongDeclarations, Metric::DuplicateExecutions, Metric::StaleResults];
    assert_eq!(counts.map(|metric| of(&short, metric)), [1.0, 1.0, 1.0]);
    assert_eq!(short.metrics.get(Metric::MeanTimeToDetect), None);
    // Both that come at 25 start at once, one of them on node 0.
    let late = [&short.tasks[2], &short.tasks[3]];
    assert!(late.iter().all(|task| task.settled.as_seconds() == 26.0));
    assert!(late.iter().any(|task| task.node == Some(0)));
    // With more patience nothing is done twice, and the task ends when the partition does.
    let long = run(&scenario("30"));
    assert_eq!(long.tasks[0].settled.as_seconds(), 20.0);
    assert_eq!(counts.map(|metric| of(&long, metric)), [0.0, 0.0, 0.0]);
}

/// A node that is suspected keeps what it has and gets nothing new until it is heard of.
#[test]
fn a_node_that_is_suspected() {
    let run = |policy: &str| {
        run(&format!(
            r#"
            policies = ["{policy}"]
            nodes = [{{ count = 2 }}]
            scheduler.monitor = {{ heartbeat = 1, detector.timeout = {{ suspect_after = 2, dead_after = 100 }} }}
            faults.pauses = [{{ node = "node-0", start = 5, end = 20 }}]
            workload.tasks_list = [{{ work = 8 }}, {{ work = 4 }}, {{ arrival = 9, work = 6 }}, {{ arrival = 10, work = 7 }}, {{ arrival = 24, work = 1 }}, {{ arrival = 24, work = 1 }}]
            "#
        ))
    };
    for policy in ["fifo", "round-robin"] {
        let run = run(policy);
        let row =
            |task: &falcon::metrics::TaskResult| (task.settled.as_seconds(), task.node.expect("a node"));
        let rows: Vec<(f64, u32)> = run.tasks.iter().map(row).collect();
        // The first goes on after the pause; the next two take turns on the other node, though the first of
        // them arrives when node 0 looks free to all who do not listen.
        assert_eq!(rows[..4], [(23.0, 0), (4.0, 1), (15.0, 1), (22.0, 1)], "{policy}");
        // Heard of again, it takes its share.
        let mut last = [rows[4], rows[5]];
        last.sort_by_key(|(_, node)| *node);
        assert_eq!(last, [(25.0, 0), (25.0, 1)], "{policy}");
        assert_eq!(figure(&run, Metric::WrongSuspicions), 1.0);
        assert_eq!(figure(&run, Metric::WrongDeclarations), 0.0);
        assert_eq!(figure(&run, Metric::AttemptsLost), 0.0);
    }
}

/// What is given up on a node that pauses is stopped when the pause is over, before anything new starts.
#[test]
fn what_was_given_up_is_stopped() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        scheduler.monitor = { heartbeat = 1, detector.timeout.dead_after = 3 }
        faults.pauses = [{ node = "node-0", start = 5, end = 20 }]
        workload.tasks_list = [{ work = 10 }]
    "#);
    // It starts anew with the first heartbeat after 20.
    let end = run.tasks[0].settled.as_seconds();
    assert!((30.0..31.0).contains(&end), "{end}");
    assert_eq!(figure(&run, Metric::DuplicateExecutions), 0.0);
    assert_eq!(figure(&run, Metric::WrongDeclarations), 1.0);
}

/// What took too long on a node that is cut off comes to its end there, and writes after somebody else had
/// its lock: that is fenced off, as a write of an attempt that was lost is.
#[test]
fn a_late_write_of_an_attempt_that_took_too_long() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ count = 2 }]
        retry = { timeout = 5, max_attempts = 1 }
        faults.partitions = [{ node = "node-0", start = 5, end = 20 }]
        workload.tasks_list = [{ arrival = 4, work = 10, lock = 0 }, { arrival = 4, work = 3, lock = 0 }]
    "#);
    let ends: Vec<f64> = run.tasks.iter().map(|task| task.settled.as_seconds()).collect();
    // The first is given up at 9. The second has the lock from then on, and waits at the door of the same node.
    assert_eq!(ends, [9.0, 23.0]);
    assert_eq!(figure(&run, Metric::StaleResults), 1.0);
    assert_eq!(figure(&run, Metric::FencedWrites), 1.0);
}

/// A node that is back before its failure was found out says itself that it has lost all.
#[test]
fn a_node_is_back_before_it_was_missed() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{}]
        scheduler.monitor = { heartbeat = 1, detector.timeout.dead_after = 30 }
        faults.outages = [{ node = "node-0", start = 4, end = 6 }]
        workload.tasks_list = [{ work = 10 }]
    "#);
    assert_eq!(run.tasks[0].settled.as_seconds(), 16.0);
    assert_eq!(figure(&run, Metric::MeanTimeToDetect), 2.0);
    assert_eq!(figure(&run, Metric::WrongDeclarations), 0.0);
}

/// Two nodes, one of them lost from 10 to 14 and from 20 to 30, in 40 s: of 80 s they were up for 66.
#[test]
fn failures_as_the_scheduler_sees_them() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ count = 2 }]
        faults.outages = [{ node = "node-1", start = 10, end = 14 }, { node = "node-1", start = 20, end = 30 }]
        workload.tasks_list = [{ work = 40 }]
    "#);
    assert_eq!(figure(&run, Metric::MeanTimeBetweenFailures), 33.0);
    assert_eq!(figure(&run, Metric::MeanTimeToRepair), 7.0);
    assert_eq!(run.metrics.get(Metric::MeanTimeToDetect), None);
}

/// Tasks that are longer than any node is ever up end in words, not in a run without end. The short one waits
/// behind them.
#[test]
fn tasks_that_never_end_are_said() {
    let mut plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ count = 2, up = 1, down = 0 }]
        workload.tasks_list = [{ work = 10 }, { work = 2 }, { work = 0.5 }]
        "#,
    );
    plan.run.replications = 1;
    let error =
        plan.run(&RunnerOptions { threads: 1, ..RunnerOptions::default() }).expect_err("it never ends");
    assert!(error.to_string().contains("3 of the tasks never end"), "{error}");
}

/// What happens before the first task arrives is no part of the run.
#[test]
fn losses_before_the_first_arrival_do_not_count() {
    let run = run(r#"
        policies = ["fifo"]
        nodes = [{ count = 2 }]
        workload.tasks_list = [{ arrival = 1000, work = 10 }, { arrival = 1000, work = 10 }]
        faults.outages = [{ node = "node-0", start = 100, end = 200 }, { node = "node-1", start = 500, end = 600 }]
        scheduler.detection_delay = 4
        "#);
    for metric in [Metric::MeanTimeBetweenFailures, Metric::MeanTimeToRepair, Metric::MeanTimeToDetect] {
        assert_eq!(run.metrics.get(metric), None, "{}", metric.column().name);
    }
}

// Random worlds -------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever goes wrong, under whatever policy: every task settles once, and all tables agree, of the core
    /// and of the simulator.
    #[test]
    fn nothing_is_lost(
        seed: u64,
        policy in 0..registry::PRESETS.len(),
        detector in prop::option::of(0u8..4),
        loss in prop::option::of(0.01f64..0.6),
        crashes: bool,
        delays: bool,
        on_node_loss in prop::sample::select(vec!["restart", "resume", "fail"]),
        others in 0u8..64,
    ) {
        let text = |given: bool, text: &str| if given { text.to_string() } else { String::new() };
        let monitor = detector.map_or(String::new(), |detector| {
            let detector = ["timeout.dead_after = 3", "phi-accrual = { threshold = 3, window = 5 }",
                "timeout = { suspect_after = 2, dead_after = 4 }", "phi-accrual = { suspicion = 0.5, threshold = 2 }"][usize::from(detector)];
            format!("monitor = {{ heartbeat.exponential.mean = 1, detector.{detector} }}")
        });
        let loss = loss.map_or(String::new(), |probability| {
            format!("message_loss = {{ probability = {probability}, resend_after = 0.3 }}")
        });
        let other = |bit: u8, given: &str| text(others & 1 << bit != 0, given);
        let retry = [
            other(0, "timeout = 3"),
            other(1, "total_timeout = 25"),
            other(2, "budget = { share = 0.2, burst = 5 }"),
        ];
        let scenario = format!(
            r#"
            policies = ["{}"]
            nodes = [{{ count = 3, slots = 2, {}
                slow = {{ every.exponential.mean = 9, lasts.exponential.mean = 4, factor = 3.7 }},
                pause = {{ every.exponential.mean = 12, lasts.exponential.mean = 4 }},
                partition = {{ every.exponential.mean = 12, lasts.exponential.mean = 5 }} }}]
            [retry]
            on_node_loss = "{on_node_loss}"
            {}
            [scheduler]
            {}
            {monitor}
            {}
            [faults]
            {loss}
            pauses = [{{ share = 0.5, start = 10, end = 20 }}]
            [workload]
            tasks = 80
            arrivals.poisson.rate = 2
            duration.exponential.mean = 2
            failure_probability = 0.1
            user = 1
            {}
            {}
            "#,
            registry::PRESETS[policy].name,
            text(crashes, "up.exponential.mean = 15, down.exponential.mean = 4,"),
            retry.join("\n"),
            text(delays, "dispatch_delay.exponential.mean = 0.2\ncompletion_delay.exponential.mean = 0.2\njoin_delay = 0.5"),
            other(3, "breaker = { consecutive_failures = 2, open = 3 }"),
            other(4, "failure_point = \"uniform\"\npoison = 0.05"),
            other(5, "lock.names = 4"),
        );
        let plan = plan(&scenario);
        let world = plan.world();
        let options = RunOptions { check_invariants: true, tasks: true, ..RunOptions::default() };
        let run = |options| {
            let policy = world.policy(&plan.policies[0], seed);
            sim::simulate(&world, seed, policy, &options).expect("it runs")
        };
        let output = run(options);
        prop_assert_eq!(output.tasks.len(), 80);
        let figure = |metric| output.collected.metrics.get(metric).expect("a figure");
        let ends = [Metric::Completed, Metric::Errors, Metric::Timeouts];
        prop_assert_eq!(ends.into_iter().map(figure).sum::<f64>(), 80.0);
        prop_assert_eq!(&output.collected.metrics, &run(RunOptions::default()).collected.metrics);
        // An auditor with tables of its own sees no rule broken.
        let mut auditor = Auditor::new(&world.nodes, &world.scheduler_config(seed, world.starts_are_reported()));
        let policy = world.policy(&plan.policies[0], seed);
        let ran = sim::run(&world, seed, policy, &RunOptions::default(), &mut auditor).map(|_| ());
        prop_assert_eq!(auditor.violation(), None);
        ran.expect("it runs");
        auditor.finish();
        prop_assert_eq!(auditor.violation(), None);
    }
}
