//! Pauses, slow nodes, partitions and outages of real worker processes, and the monitor that finds them
//! out: whatever happens, every task settles exactly once. Times are generous: a machine that is busy with
//! something else must not matter.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods)] // real processes take real time

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use falcon::experiment::plan::Plan;
use falcon::ids::NodeId;
use falcon::live::hub::{Hub, HubOptions};
use falcon::live::{LiveOptions, LiveOutput, run_live};
use falcon::metrics::Metric;
use falcon::scheduler::Record;
use support::ledger;
use support::processes::{is_stopped, signal, until, workers};
use support::stand_in::{options, plan};

const SECRET: u128 = 43;
/// Real seconds per second of the scenario.
const SCALE: f64 = 0.1;
const NODE: NodeId = NodeId(0);

/// Runs the plan's first policy with real workers, while `meddle` looks on or does something to them.
fn live<T: Send>(plan: &Plan, meddle: impl FnOnce(SocketAddr, &AtomicBool) -> T + Send) -> (LiveOutput, T) {
    let program = env!("CARGO_BIN_EXE_falcon").into();
    let hub = Hub::new(HubOptions { program, time_scale: SCALE, secret: SECRET }).unwrap();
    let options =
        LiveOptions { time_scale: SCALE, secret: SECRET, start_limit: Duration::from_secs(60), ..options() };
    let (address, over) = (hub.address(), AtomicBool::new(false));
    let world = plan.world();
    let build = || world.policy(&plan.policies[0], 1);
    thread::scope(|scope| {
        let meddler = scope.spawn(|| meddle(address, &over));
        let output = run_live(&world, 1, build, &options, hub);
        over.store(true, Ordering::SeqCst);
        (output.expect("it runs to its end"), meddler.join().expect("it only meddles"))
    })
}

/// The worker of the first node, once it is there.
fn worker(address: SocketAddr) -> i32 {
    let mut found = None;
    until("the worker starts", Duration::from_secs(60), || {
        let all = workers(std::process::id(), Some(&address.to_string()));
        found = all.iter().find(|worker| worker.node == NODE.0).map(|worker| worker.process);
        found.is_some()
    });
    found.expect("it is there")
}

fn count(output: &LiveOutput, what: impl Fn(&Record) -> bool) -> usize {
    output.history.iter().filter(|(_, record)| what(record)).count()
}

/// When the first such record was written, in seconds.
fn first(output: &LiveOutput, what: impl Fn(&Record) -> bool) -> f64 {
    let (at, _) = output.history.iter().find(|(_, record)| what(record)).expect("it was written");
    at.as_seconds()
}

fn joins_after(output: &LiveOutput, seconds: f64) -> bool {
    let joins = |record: &Record| *record == Record::NodeJoined { node: NODE };
    output.history.iter().any(|(at, record)| at.as_seconds() > seconds && joins(record))
}

fn metric(output: &LiveOutput, metric: Metric) -> f64 {
    output.collected.metrics.get(metric).expect("it is known")
}

const MONITOR: &str = "
    [scheduler.monitor]
    heartbeat = 1.0
    detector.timeout.dead_after = 8.0
    ";

/// 12 slots, 10 of them busy on average.
fn scenario(tasks: u32, more: &str) -> Plan {
    plan(&format!(
        r#"
        policies = ["least-loaded"]
        nodes = [{{ count = 3, slots = 4 }}]
        workload = {{ tasks = {tasks}, arrivals.poisson.rate = 3.0, duration.exponential.mean = 3.0 }}
        {more}
        "#
    ))
}

/// Nobody tells the scheduler, and nobody gives anything up: what ran goes on, and its results come late and
/// count.
#[test]
fn without_a_monitor_a_pause_only_takes_time() {
    let faults = "faults.pauses = [{ node = \"node-0\", start = 5, end = 20 }]";
    let (output, stopped) = live(&scenario(60, faults), |address, over| {
        let process = worker(address);
        until("it is stopped", Duration::from_secs(60), || {
            is_stopped(process) || over.load(Ordering::SeqCst)
        });
        is_stopped(process)
    });
    assert!(stopped, "its process was really stopped");
    let ledger = ledger::check(&output, 60);
    assert_eq!((ledger.completed, ledger.lost, ledger.refused), (60, 0, 0), "{:?}", output.incidents);
    assert_eq!(output.incidents, [] as [&str; 0]);
    let finished = |record: &Record| matches!(record, Record::Finished { node: NODE, .. });
    let within = |at: f64| (5.5..20.0).contains(&at);
    let ends = output.history.iter().filter(|(_, record)| finished(record));
    let ends: Vec<f64> = ends.map(|(at, _)| at.as_seconds()).collect();
    assert!(!ends.iter().any(|at| within(*at)), "{ends:?}");
    assert!(ends.iter().any(|at| *at >= 20.0), "{ends:?}");
}

#[test]
fn the_monitor_finds_a_paused_node_and_takes_it_back() {
    let faults = "faults.pauses = [{ node = \"node-0\", start = 5, end = 25 }]";
    let (output, ()) = live(&scenario(120, &format!("{faults}\n{MONITOR}")), |_, _| ());
    let ledger = ledger::check(&output, 120);
    assert_eq!(ledger.completed, 120, "{ledger:?}");
    assert!(ledger.lost > 0, "{ledger:?}");
    let dead = first(&output, |record| *record == Record::DeclaredDead { node: NODE });
    // Its last heartbeat was sent in the second before the pause.
    assert!((11.5..25.0).contains(&dead), "{dead}");
    assert!(joins_after(&output, 25.0));
    assert!(metric(&output, Metric::WrongDeclarations) >= 1.0);
    assert_eq!(count(&output, |record| matches!(record, Record::NodeFailed { .. })), 0);
}

/// A worker that is stopped by somebody else knows nothing of it: when it goes on, all that is overdue ends
/// at once, and is refused.
#[test]
fn results_of_a_worker_that_was_declared_dead_are_refused() {
    let (output, ()) = live(&scenario(150, MONITOR), |address, over| {
        let process = worker(address);
        thread::sleep(Duration::from_millis(1500));
        if !over.load(Ordering::SeqCst) {
            signal(process, libc::SIGSTOP);
            thread::sleep(Duration::from_millis(2500));
            signal(process, libc::SIGCONT);
        }
    });
    let ledger = ledger::check(&output, 150);
    assert_eq!(ledger.completed, 150, "{ledger:?}");
    let dead = first(&output, |record| *record == Record::DeclaredDead { node: NODE });
    assert!(joins_after(&output, dead));
    let in_vain = count(&output, |record| matches!(record, Record::RanInVain { node: NODE, .. }));
    assert!(in_vain > 0 && ledger.refused as usize >= in_vain, "{in_vain} of {ledger:?}");
    assert_eq!(metric(&output, Metric::DuplicateExecutions), in_vain as f64);
    assert_eq!(metric(&output, Metric::StaleResults), f64::from(ledger.refused));
}

/// All at once: nodes fail and are found out, pause, are slow and are cut off.
#[test]
fn everything_that_can_happen_to_a_node() {
    let more = r#"
        [faults]
        outages = [{ node = "node-1", start = 4, end = 16 }]
        slow = [{ node = "node-2", start = 2, end = 30, factor = 2 }]
        pauses = [{ node = "node-2", start = 6, end = 9 }]
        partitions = [{ node = "node-0", start = 8, end = 22 }]
        "#;
    let (output, ()) = live(&scenario(120, &format!("{more}{MONITOR}")), |_, _| ());
    let ledger = ledger::check(&output, 120);
    assert_eq!(ledger.completed, 120, "{ledger:?}");
    // The node that went down was missed; the one that was cut off had worked on.
    assert_eq!(count(&output, |record| *record == Record::NodeFailed { node: NodeId(1) }), 1);
    let detected = metric(&output, Metric::MeanTimeToDetect);
    assert!((6.5..12.5).contains(&detected), "{detected}");
    assert!(metric(&output, Metric::WrongDeclarations) >= 1.0);
    assert!(metric(&output, Metric::DuplicateExecutions) >= 1.0);
    assert!(joins_after(&output, 22.0));
}
