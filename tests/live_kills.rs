//! Whole live runs with real workers that are killed, stopped and disturbed while they work. Nothing
//! here depends on how fast the machine is, unless it stands still for many seconds.
#![cfg(target_os = "linux")] // workers are found in /proc
#![allow(clippy::disallowed_methods)] // real processes take real time

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use falcon::experiment::plan::Plan;
use falcon::ids::NodeId;
use falcon::live::frame::encode;
use falcon::live::hub::{Hub, HubOptions};
use falcon::live::link::Life;
use falcon::live::message::{FromWorker, ToCoordinator, Work};
use falcon::live::{LiveError, LiveOptions, LiveOutput, run_live};
use falcon::random::{Purpose, Streams, below};
use falcon::scheduler::Record;
use support::ledger;
use support::processes::{WorkerProcess, is_gone, signal, until, workers};
use support::stand_in::{options, plan};

const SECRET: u128 = 42;

/// Runs the plan's first policy with real workers, while `meddle` does something to them. It is told
/// where the hub listens, and when the run has ended.
fn live<T: Send>(
    plan: &Plan,
    options: &LiveOptions<'_>,
    meddle: impl FnOnce(SocketAddr, &AtomicBool) -> T + Send,
) -> (Result<LiveOutput, LiveError>, T) {
    let program = env!("CARGO_BIN_EXE_falcon").into();
    let hub = Hub::new(HubOptions { program, time_scale: options.time_scale, secret: SECRET }).unwrap();
    let (address, over) = (hub.address(), AtomicBool::new(false));
    let world = plan.world();
    let build = || world.policy(&plan.policies[0], 1);
    thread::scope(|scope| {
        let meddler = scope.spawn(|| meddle(address, &over));
        let output = run_live(&world, 1, build, options, hub);
        over.store(true, Ordering::SeqCst);
        let left = ours(address);
        assert_eq!(left, [], "workers are left behind");
        (output, meddler.join().expect("it only meddles"))
    })
}

fn ours(address: SocketAddr) -> Vec<WorkerProcess> {
    workers(std::process::id(), Some(&address.to_string()))
}

fn at_pace(time_scale: f64) -> LiveOptions<'static> {
    LiveOptions { time_scale, secret: SECRET, start_limit: Duration::from_secs(60), ..options() }
}

/// Kills this many workers, one after the other, at random moments.
fn kill(count: u32, address: SocketAddr, over: &AtomicBool) -> u32 {
    let mut stream = Streams::new(5).key(Purpose::Failure).stream(0);
    let mut killed = 0;
    until("all workers start", Duration::from_secs(60), || {
        ours(address).len() == 8 || over.load(Ordering::SeqCst)
    });
    while killed < count && !over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(10 + u64::from(below(&mut stream, 60))));
        let there = ours(address);
        if !there.is_empty() {
            let chosen = there[below(&mut stream, there.len() as u32) as usize];
            killed += u32::from(signal(chosen.process, libc::SIGKILL));
        }
    }
    killed
}

/// 5,000 tasks of 3 ms within 7 s, on eight nodes of two slots.
fn many_tasks(more: &str, more_of_nodes: &str) -> Plan {
    plan(&format!(
        r#"
        policies = ["sjf"]
        {more}
        [[nodes]]
        count = 8
        slots = 2
        {more_of_nodes}
        [workload]
        tasks = 5000
        arrivals.poisson.rate = 7.0
        duration.exponential.mean = 0.3
        failure_probability = 0.05
        "#
    ))
}

#[test]
fn fifty_workers_are_killed_and_nothing_is_lost() {
    let plan = many_tasks("retry.max_attempts = 100", "");
    let (output, killed) = live(&plan, &at_pace(0.01), |address, over| kill(50, address, over));
    let output = output.expect("it runs to its end");
    assert_eq!(killed, 50);
    let ledger = ledger::check(&output, 5000);
    assert_eq!((ledger.completed, ledger.errors), (5000, 0));
    assert!(ledger.lost > 0 && ledger.failed > 100, "{ledger:?}");
    let told = |what: &str| output.incidents.iter().filter(|said| said.contains(what)).count();
    let (lost, early) = (told("lost unasked"), told("ended before it connected"));
    assert!(lost >= 25 && (40..=50).contains(&(lost + early)), "{:?}", output.incidents);
    assert_eq!(output.driver.frames_refused, 0.0);
}

#[test]
fn workers_are_killed_while_nodes_fail_as_planned() {
    let plan = many_tasks("", "up.exponential.mean = 150.0\ndown.exponential.mean = 30.0");
    let (output, killed) = live(&plan, &at_pace(0.01), |address, over| kill(50, address, over));
    let output = output.expect("it runs to its end");
    assert_eq!(killed, 50);
    let ledger = ledger::check(&output, 5000);
    // 5 % cubed of the tasks fail three times.
    assert!(ledger.completed > 4900 && ledger.lost > 0 && ledger.failed > 100, "{ledger:?}");
    let failures = output.history.iter().filter(|(_, r)| matches!(r, Record::NodeFailed { .. })).count();
    assert!(failures > output.incidents.len(), "{failures}");
}

/// Stops a worker of each of the first nodes, longer than it may be silent, and lets it go on.
fn stop_some(address: SocketAddr, over: &AtomicBool) -> u32 {
    let mut stopped = 0;
    thread::sleep(Duration::from_millis(500));
    for node in 0..3 {
        let found = ours(address).into_iter().find(|worker| worker.node == node);
        if let Some(worker) = found.filter(|_| !over.load(Ordering::SeqCst)) {
            stopped += u32::from(signal(worker.process, libc::SIGSTOP));
            thread::sleep(Duration::from_millis(1500));
            signal(worker.process, libc::SIGCONT);
            thread::sleep(Duration::from_millis(300));
        }
    }
    stopped
}

#[test]
fn a_stopped_worker_is_replaced_and_joins_again() {
    // 800 tasks of 50 ms in 8 s. There are idle slots at every moment, so that a stopped worker is given
    // attempts before it is suspected; it begins them when it goes on, and is too late.
    let plan = plan(
        r#"
        policies = ["round-robin"]
        nodes = [{ count = 4, slots = 8 }]
        workload = { tasks = 800, arrivals.poisson.rate = 1.0, duration.exponential.mean = 5.0 }
        "#,
    );
    let options = LiveOptions { silence: Some(Duration::from_millis(600)), ..at_pace(0.01) };
    let (output, stopped) = live(&plan, &options, stop_some);
    let output = output.expect("it runs to its end");
    assert_eq!(stopped, 3);
    let ledger = ledger::check(&output, 800);
    assert_eq!(ledger.completed, 800);
    assert!(ledger.lost > 0, "{ledger:?}");
    assert!(output.driver.results_refused > 0.0, "what a stopped worker says late is refused");
    for node in 0..3 {
        let told = format!("node {node} was silent for too long");
        assert!(output.incidents.iter().any(|said| said.contains(&told)), "{:?}", output.incidents);
        let mine = |record: &Record| match *record {
            Record::NodeLost { node: of } if of == NodeId(node) => Some('-'),
            Record::NodeJoined { node: of } if of == NodeId(node) => Some('+'),
            Record::Finished { node: of, .. } if of == NodeId(node) => Some('f'),
            _ => None,
        };
        let mut course: Vec<char> = output.history.iter().filter_map(|(_, record)| mine(record)).collect();
        course.dedup();
        let course: String = course.into_iter().collect();
        // On a busy machine it may be stopped before it has finished anything.
        assert!(course.contains("-+f"), "{course}");
    }
}

fn hello(node: u32, life: Life, secret: u128) -> Vec<u8> {
    let message = ToCoordinator::Hello { node: NodeId(node), life, secret, process: 1 };
    let mut bytes = Vec::new();
    encode(&FromWorker { sequence: 0, sent: 0, message }, &mut bytes);
    bytes
}

/// Does what strangers must not, again and again; gives how often.
fn be_hostile(address: SocketAddr, over: &AtomicBool) -> u32 {
    let mut stream = Streams::new(6).key(Purpose::Failure).stream(0);
    let mut random =
        |length: u32| -> Vec<u8> { (0..length).map(|_| below(&mut stream, 256) as u8).collect() };
    let mut rounds = 0;
    let mut crowd = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let half = hello(0, 1, SECRET);
        for bytes in [
            random(1000),
            random(7),
            vec![255; 50_000],
            vec![0; 100],
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            hello(0, 1, SECRET + 1),
            hello(99, 1, SECRET),
            hello(u32::MAX, u64::MAX, SECRET),
            hello(0, 1, SECRET),
            hello(1, 2, SECRET),
            [hello(2, 1, 0), hello(2, 1, SECRET), random(100)].concat(),
            half[..half.len() / 2].to_vec(),
            vec![],
        ] {
            // The other side may have hung up already, or may be too busy to answer.
            if let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
                let _ = stream.write_all(&bytes);
            }
        }
        // Many who never say a word.
        let silent = || TcpStream::connect_timeout(&address, Duration::from_secs(5));
        crowd = (0..400).map_while(|_| silent().ok()).collect();
        rounds += 1;
        thread::sleep(Duration::from_millis(20));
    }
    drop(crowd);
    rounds
}

#[test]
fn strangers_at_the_door_do_not_matter() {
    let plan = plan(
        r#"
        policies = ["least-loaded"]
        nodes = [{ count = 4, slots = 2 }]
        workload = { tasks = 1000, arrivals.poisson.rate = 3.0, duration.exponential.mean = 1.0 }
        "#,
    );
    let (output, rounds) = live(&plan, &at_pace(0.01), be_hostile);
    let output = output.expect("it runs to its end");
    assert!(rounds > 0);
    let ledger = ledger::check(&output, 1000);
    assert_eq!((ledger.completed, ledger.lost), (1000, 0), "{:?}", output.incidents);
    assert!(output.driver.frames_refused >= 5.0, "{}", output.driver.frames_refused);
}

#[test]
fn attempts_can_burn_processor_time() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ count = 2, slots = 2, up.exponential.mean = 20.0, down.exponential.mean = 5.0 }]
        workload = { tasks = 200, duration.exponential.mean = 0.3, failure_probability = 0.05 }
        "#,
    );
    let options = LiveOptions { work: Work::Spin, ..at_pace(0.01) };
    let (output, ()) = live(&plan, &options, |_, _| ());
    let ledger = ledger::check(&output.expect("it runs to its end"), 200);
    assert!(ledger.completed > 190, "{ledger:?}");
}

#[test]
fn a_stopped_run_leaves_no_worker() {
    let plan = many_tasks("", "");
    let stop = AtomicBool::new(false);
    let options = LiveOptions { stop: Some(&stop), ..at_pace(0.01) };
    let (output, there) = live(&plan, &options, |address, _| {
        until("workers start", Duration::from_secs(60), || ours(address).len() == 8);
        thread::sleep(Duration::from_millis(300));
        let there = ours(address);
        stop.store(true, Ordering::SeqCst);
        there
    });
    assert!(matches!(output, Err(LiveError::Stopped)));
    assert_eq!(there.len(), 8);
    assert!(there.iter().all(|worker| is_gone(worker.process)));
}
