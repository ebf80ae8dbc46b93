//! Real sockets and real processes: workers of the built program under the hub, killed, stopped and
//! disturbed. Nothing here depends on how fast the machine is; whatever must come has half a minute.
#![cfg(unix)]
#![allow(clippy::disallowed_methods)] // real processes take real time

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::live::frame::{FrameDecoder, WIRE_VERSION, encode};
use falcon::live::hub::{Hub, HubOptions};
use falcon::live::link::{ConnectionId, Incoming, Life, Link};
use falcon::live::message::{FromWorker, Job, ToCoordinator, ToWorker, Work};
use falcon::live::session::{Said, Sessions};
use falcon::live::worker_process::SECRET_VARIABLE;
use falcon::scheduler::{Command as Order, Event, Outcome};
use falcon::time::Time;

const FALCON: &str = env!("CARGO_BIN_EXE_falcon");
const PATIENCE: Duration = Duration::from_secs(30);

fn signal(process: u32, signal: i32) {
    // SAFETY: sends a signal to a process that this test, or a process of it, has started.
    #[allow(unsafe_code)]
    let failed = unsafe { libc::kill(process as libc::pid_t, signal) };
    assert_eq!(failed, 0, "process {process} is there");
}

/// The state of a process as a letter; `None` when it is gone, or dead and only not yet waited for.
fn state(process: u32) -> Option<char> {
    let text = if Path::new("/proc/self/stat").exists() {
        // "1234 (falcon) S ..."; the name may hold anything, brackets too.
        let line = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        line.rsplit(')').next().unwrap_or_default().to_string()
    } else {
        let output = Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output();
        String::from_utf8(output.expect("ps can be run").stdout).expect("letters")
    };
    text.trim().chars().next().filter(|state| *state != 'Z')
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn command(work: Work, task: u32, node: NodeId, millis: u64) -> ToWorker {
    let task = TaskId { slot: task, number: task };
    ToWorker::Command {
        command: Order::StartAttempt { task, attempt: AttemptNumber(task.number + 1), node },
        job: Some(Job {
            nanos: millis * 1_000_000,
            service: 77 + u64::from(task.number),
            outcome: Outcome::Failure,
            work,
        }),
    }
}

/// A hub, its workers, and what came.
struct World {
    hub: Hub,
    sessions: Sessions,
    processes: Vec<u32>,
    said: Vec<Said>,
    closed: Vec<ConnectionId>,
    exits: Vec<(NodeId, Life, String)>,
}

impl World {
    /// With this many workers of two slots, all of which are there.
    fn new(nodes: u32) -> World {
        let options = HubOptions { program: FALCON.into(), ..HubOptions::new(1.0).unwrap() };
        let sessions = Sessions::new(nodes as usize, options.secret);
        let mut world = World {
            hub: Hub::new(options).unwrap(),
            sessions,
            processes: vec![0; nodes as usize],
            said: Vec::new(),
            closed: Vec::new(),
            exits: Vec::new(),
        };
        (0..nodes).for_each(|node| world.start(NodeId(node), 1));
        for node in (0..nodes).map(NodeId) {
            world.pump("a worker joins", |world| world.sessions.connection(node).is_some());
        }
        world.hub.begin();
        world
    }

    fn start(&mut self, node: NodeId, life: Life) {
        self.sessions.expect(node, life);
        self.hub.start_worker(node, 2, life).unwrap();
    }

    fn say(&mut self, node: NodeId, message: ToWorker) {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        self.hub.send(self.sessions.connection(node).expect("a connection"), &bytes);
    }

    /// Takes in what comes within some time.
    fn step(&mut self) {
        let (mut incoming, mut said, mut close) = (Vec::new(), Vec::new(), Vec::new());
        let soon = Time(self.hub.now().0 + 20_000_000);
        self.hub.wait(soon, &mut incoming);
        for incoming in incoming {
            self.sessions.take_in(&incoming, &mut said, &mut close);
            match incoming {
                Incoming::Closed(connection) => self.closed.push(connection),
                Incoming::Exited { node, life, status } => self.exits.push((node, life, status)),
                _ => {}
            }
        }
        close.into_iter().for_each(|connection| self.hub.close(connection));
        for said in &said {
            if let Said::Joined { node, process, .. } = said {
                self.processes[node.index()] = *process;
            }
        }
        self.said.extend(said);
    }

    fn pump(&mut self, what: &str, mut done: impl FnMut(&World) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            let (said, exits) = (&self.said, &self.exits);
            assert!(begun.elapsed() < PATIENCE, "in vain: {what}; {said:?}, {exits:?}");
            self.step();
        }
    }

    /// Facts of the node: (whether it is an end, task, attempt).
    fn facts(&self, of: NodeId) -> Vec<(bool, u32, u32)> {
        let facts = self.said.iter().filter_map(|said| match *said {
            Said::Fact { node, event, at, due, sent } if node == of => {
                assert!(due <= at && at <= sent);
                Some(match event {
                    Event::AttemptStarted { task, attempt, .. } => (false, task.number, attempt.0),
                    Event::AttemptFinished { task, attempt, outcome, service, .. } => {
                        let expected = (Outcome::Failure, 77 + u64::from(task.number));
                        assert_eq!((outcome, service.0), expected);
                        (true, task.number, attempt.0)
                    }
                    _ => panic!("{event:?}"),
                })
            }
            _ => None,
        });
        facts.collect()
    }

    fn answered(&self, of: NodeId, ping: u64) -> bool {
        self.said
            .iter()
            .any(|said| matches!(said, Said::Pong { node, sent, .. } if (*node, *sent) == (of, ping)))
    }
}

#[test]
fn workers_run_what_they_are_told_to() {
    let mut world = World::new(4);
    for node in (0..4).map(NodeId) {
        world.say(node, ToWorker::Welcome);
        world.say(node, command(Work::Timer, node.0 * 2, node, 5));
        world.say(node, command(Work::Spin, node.0 * 2 + 1, node, 3));
        world.say(node, ToWorker::Ping { sent: 42 });
    }
    for node in (0..4).map(NodeId) {
        world.pump("starts and ends", |world| world.facts(node).len() == 4 && world.answered(node, 42));
        let mut facts = world.facts(node);
        facts.sort_unstable();
        let (a, b) = (node.0 * 2, node.0 * 2 + 1);
        assert_eq!(facts, [(false, a, a + 1), (false, b, b + 1), (true, a, a + 1), (true, b, b + 1)]);
        world.pump("a heartbeat", |world| world.said.contains(&Said::Alive { node }));
    }
    // Attempts that are stopped or given up end silently, and their slots are free.
    let node = NodeId(1);
    let before = world.facts(node).len();
    world.say(node, command(Work::Spin, 20, node, 3_600_000));
    world.say(node, command(Work::Timer, 21, node, 3_600_000));
    world.say(node, ToWorker::Reset);
    world.say(node, command(Work::Timer, 22, node, 1));
    world.pump("the last end", |world| world.facts(node).contains(&(true, 22, 23)));
    assert_eq!(world.facts(node).len(), before + 4);
    for node in (0..4).map(NodeId) {
        world.say(node, ToWorker::Shutdown);
    }
    world.pump("four ends", |world| world.exits.len() == 4);
    assert!(world.exits.iter().all(|(_, _, status)| status == "ended with code 0"), "{:?}", world.exits);
    assert_eq!(world.sessions.refused().total(), 0);
}

#[test]
fn a_killed_worker_is_missed_and_replaced() {
    let mut world = World::new(2);
    let (node, other) = (NodeId(0), NodeId(1));
    world.say(node, command(Work::Spin, 3, node, 3_600_000));
    world.pump("a start", |world| world.facts(node).len() == 1);
    let first = world.processes[0];
    world.hub.kill_worker(node);
    world.pump("the end", |world| world.closed.len() == 1 && world.exits.len() == 1);
    assert_eq!(world.exits[0].0, node);
    assert!(world.exits[0].2.contains("SIGKILL"), "{}", world.exits[0].2);
    assert!(world.said.contains(&Said::Left { node, life: 1 }));
    assert_eq!(state(first), None);

    world.start(node, 2);
    world.pump("the next life", |world| world.sessions.connection(node).is_some());
    signal(world.processes[0], libc::SIGKILL);
    world.pump("the end by another hand", |world| world.exits.len() == 2);
    assert_eq!((world.exits[1].0, world.exits[1].1), (node, 2));
    // Killing what is dead does nothing.
    world.hub.kill_worker(node);
    world.say(other, ToWorker::Ping { sent: 1 });
    world.pump("the other lives", |world| world.answered(other, 1));
}

#[test]
fn a_stopped_worker_says_all_later() {
    let mut world = World::new(2);
    let (node, other) = (NodeId(0), NodeId(1));
    let process = world.processes[0];
    signal(process, libc::SIGSTOP);
    until("the worker stops", || state(process) == Some('T'));
    world.say(node, ToWorker::Ping { sent: 5 });
    world.say(node, command(Work::Timer, 3, node, 2));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(600) {
        world.step();
    }
    assert!(!world.answered(node, 5) && world.facts(node).is_empty());
    world.say(other, ToWorker::Ping { sent: 6 });
    world.pump("the other answers", |world| world.answered(other, 6));
    signal(process, libc::SIGCONT);
    world.pump("all that was asked", |world| world.answered(node, 5) && world.facts(node).len() == 2);
    assert_eq!(world.facts(node), [(false, 3, 4), (true, 3, 4)]);

    // Stopped or not, it goes with the hub.
    signal(process, libc::SIGSTOP);
    let processes = world.processes.clone();
    drop(world);
    processes.into_iter().for_each(|process| assert_eq!(state(process), None));
}

/// What a paused node does: nothing, and for as long as that lasts its attempts take longer.
#[test]
fn the_hub_stops_a_worker_and_lets_it_go_on() {
    let mut world = World::new(1);
    let (node, process) = (NodeId(0), world.processes[0]);
    // Of a node without processes none is stopped.
    world.hub.stop_worker(NodeId(7)).unwrap();
    world.say(node, command(Work::Timer, 1, node, 300));
    world.pump("the start", |world| world.facts(node).len() == 1);
    world.hub.stop_worker(node).unwrap();
    let begun = Instant::now();
    until("the worker stops", || state(process) == Some('T'));
    // The attempt would have ended twice over.
    while begun.elapsed() < Duration::from_millis(700) {
        world.step();
    }
    let paused = begun.elapsed().as_nanos() as u64;
    world.say(node, ToWorker::Pace { slowness: 1.0, paused });
    world.hub.continue_worker(node).unwrap();
    world.pump("the end", |world| world.facts(node).len() == 2);
    let times: Vec<u64> = world.said.iter().filter_map(at).collect();
    let took = Duration::from_nanos(times[1] - times[0]);
    assert!(took >= Duration::from_nanos(paused) + Duration::from_millis(290), "{took:?}");
    // One that has ended cannot be stopped, which does not matter.
    world.hub.kill_worker(node);
    world.pump("its end", |world| world.exits.len() == 1);
    world.hub.stop_worker(node).unwrap();
    world.hub.continue_worker(node).unwrap();
}

fn at(said: &Said) -> Option<u64> {
    match said {
        Said::Fact { at, .. } => Some(*at),
        _ => None,
    }
}

/// Processor time is burnt more slowly, too.
#[test]
fn a_slow_worker_burns_longer() {
    let mut world = World::new(1);
    let node = NodeId(0);
    world.say(node, ToWorker::Pace { slowness: 4.0, paused: 0 });
    world.say(node, command(Work::Spin, 1, node, 50));
    world.pump("the end", |world| world.facts(node).len() == 2);
    let times: Vec<u64> = world.said.iter().filter_map(at).collect();
    let took = Duration::from_nanos(times[1] - times[0]);
    assert!(took >= Duration::from_millis(190), "{took:?}");
}

#[test]
fn many_workers_start_and_none_is_left_behind() {
    let begun = Instant::now();
    let world = World::new(64);
    println!("64 workers joined within {:?}", begun.elapsed());
    let processes = world.processes.clone();
    assert!(processes.iter().all(|&process| state(process).is_some()));
    drop(world);
    processes.into_iter().for_each(|process| assert_eq!(state(process), None));
}

#[test]
fn strangers_do_not_disturb() {
    let mut world = World::new(1);
    let node = NodeId(0);
    let connect = || TcpStream::connect(world.hub.address()).unwrap();
    let (mut web, mut noise, silent, mut liar) = (connect(), connect(), connect(), connect());
    web.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let _ = noise.write_all(&[0; 100_000]);
    let hello = ToCoordinator::Hello { node, life: 1, secret: 0, process: 1 };
    let mut bytes = Vec::new();
    encode(&FromWorker { sequence: 0, sent: 0, message: hello }, &mut bytes);
    liar.write_all(&bytes).unwrap();
    world.pump("three are closed", |world| world.closed.len() == 3);
    for mut stream in [web, noise, liar] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // An end, or a reset when it had not read all.
        assert!(matches!(stream.read(&mut [0; 10]), Ok(0) | Err(_)));
    }
    drop(silent);
    world.pump("the fourth has left", |world| world.closed.len() == 4);
    assert_eq!(world.sessions.refused().total(), 3);
    world.say(node, command(Work::Timer, 1, node, 1));
    world.pump("work goes on", |world| world.facts(node).len() == 2);
}

#[test]
fn a_program_that_cannot_work_is_explained() {
    let options = HubOptions { program: "/no/such/program".into(), ..HubOptions::new(1.0).unwrap() };
    assert!(Hub::new(options).unwrap().start_worker(NodeId(0), 1, 1).is_err());
    // One that starts and fails: `ls worker ...`.
    let options = HubOptions { program: "ls".into(), ..HubOptions::new(1.0).unwrap() };
    let mut hub = Hub::new(options).unwrap();
    hub.start_worker(NodeId(0), 1, 1).unwrap();
    let mut incoming = Vec::new();
    until("it ends", || {
        hub.wait(Time::NEVER, &mut incoming);
        !incoming.is_empty()
    });
    let [Incoming::Exited { node: NodeId(0), life: 1, status }] = &incoming[..] else {
        panic!("{incoming:?}")
    };
    assert!(status.starts_with("ended with code ") && status.contains("ls: "), "{status}");
}

#[test]
fn the_clock_begins_at_zero_and_waits_reach_their_time() {
    let options = HubOptions { program: FALCON.into(), ..HubOptions::new(0.01).unwrap() };
    let mut hub = Hub::new(options).unwrap();
    let mut incoming = Vec::new();
    assert_eq!(hub.now(), Time::ZERO);
    hub.wait(Time(1), &mut incoming);
    assert_eq!(hub.now(), Time::ZERO);
    hub.begin();
    let begun = hub.host_nanos();
    let mut late = Vec::new();
    for step in 1..=100 {
        let until = Time(step * 1_000_000_000 / 7);
        while hub.now() < until {
            hub.wait(until, &mut incoming);
        }
        late.push((hub.now().0 - until.0) / 100);
    }
    // 100 / 7 seconds of the scenario are 100 / 7 hundredths of real ones.
    assert!(hub.host_nanos() - begun >= 142_857_000);
    assert!(incoming.is_empty());
    late.sort_unstable();
    println!("waits ended {} us late in the middle, {} us at most", late[50] / 1000, late[99] / 1000);
}

/// A worker without a hub.
fn alone(address: SocketAddr) -> Child {
    Command::new(FALCON)
        .args(["worker", "--connect", &address.to_string(), "--node", "3", "--slots", "1"])
        .env(SECRET_VARIABLE, "2a")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn next_frame(stream: &mut TcpStream, decoder: &mut FrameDecoder) -> FromWorker {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    loop {
        if let Some(frame) = decoder.next_message() {
            return frame.unwrap();
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        decoder.push(&byte);
    }
}

/// The process number in the hello of the next connection.
fn greeted(listener: &TcpListener) -> (TcpStream, FrameDecoder, u32) {
    let (mut stream, mut decoder) = (listener.accept().unwrap().0, FrameDecoder::new());
    let hello = next_frame(&mut stream, &mut decoder);
    let ToCoordinator::Hello { node: NodeId(3), life: 1, secret: 42, process } = hello.message else {
        panic!("{hello:?}")
    };
    (stream, decoder, process)
}

fn ended(mut child: Child) -> Output {
    until("the worker ends", || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}

fn complaint(child: Child) -> String {
    let output = ended(child);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_worker_ends_with_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let child = alone(address);
    let (mut stream, mut decoder, process) = greeted(&listener);
    assert_eq!(process, child.id());
    let mut bytes = Vec::new();
    encode(&command(Work::Spin, 1, NodeId(3), 3_600_000), &mut bytes);
    stream.write_all(&bytes).unwrap();
    let started = |frame: FromWorker| matches!(frame.message, ToCoordinator::Fact { .. });
    while !started(next_frame(&mut stream, &mut decoder)) {}
    signal(process, libc::SIGINT);
    while next_frame(&mut stream, &mut decoder).message != ToCoordinator::Heartbeat {}
    drop(stream);
    let said = complaint(child);
    assert!(said.contains("worker of node 3") && said.contains("the coordinator"), "{said}");

    // A broken frame, a frame of another version, more than it has slots for.
    let mut twice = Vec::new();
    encode(&command(Work::Timer, 1, NodeId(3), 3_600_000), &mut twice);
    encode(&command(Work::Timer, 2, NodeId(3), 3_600_000), &mut twice);
    for (bytes, why) in [
        (&[255; 100][..], "more than the 4096 allowed"),
        (&[1, 0, 0, 0, 9], "version 9"),
        (&[2, 0, 0, 0, WIRE_VERSION, 99], "not a message"),
        (&twice, "more attempts than the 1 slots"),
    ] {
        let child = alone(address);
        let (mut stream, _, _) = greeted(&listener);
        stream.write_all(bytes).unwrap();
        let said = complaint(child);
        assert!(said.contains(why), "{said}");
    }

    drop(listener);
    let said = complaint(alone(address));
    assert!(said.contains(&format!("no coordinator at {address}")), "{said}");
}

#[test]
fn a_worker_by_hand_is_told_what_is_missing() {
    let arguments = ["worker", "--connect", "127.0.0.1:1", "--node", "0", "--slots", "1"];
    let output = Command::new(FALCON).args(arguments).env_remove(SECRET_VARIABLE).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("started by `falcon live`"));
    let stranger = [&arguments[..], &["--coordinator", "1"]].concat();
    let output = Command::new(FALCON).args(stranger).env(SECRET_VARIABLE, "1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the coordinator is gone"));
}

/// The connection stays open here, so that only the death of the parent can end the worker.
#[cfg(target_os = "linux")]
#[test]
fn even_a_stopped_worker_dies_with_its_parent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let script = r#""$0" worker --connect "$1" --node 3 --slots 1 & wait"#;
    let mut parent =
        Command::new("sh").args(["-c", script, FALCON, &address]).env(SECRET_VARIABLE, "2a").spawn().unwrap();
    let (_stream, _, process) = greeted(&listener);
    signal(process, libc::SIGSTOP);
    until("the worker stops", || state(process) == Some('T'));
    parent.kill().unwrap();
    parent.wait().unwrap();
    until("the worker dies", || state(process).is_none());
}
