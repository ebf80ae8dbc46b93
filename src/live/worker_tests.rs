use super::super::frame::FrameDecoder;
use super::super::message::BEATS;
use super::*;
use crate::scheduler::{Outcome, TaskState};

const NODE: NodeId = NodeId(2);

fn key(number: u32) -> AttemptKey {
    (TaskId { slot: number, number }, AttemptNumber(1))
}

fn start(number: u32, nanos: u64, work: Work) -> ToWorker {
    let (task, attempt) = key(number);
    ToWorker::Command {
        command: Command::StartAttempt { task, attempt, node: NODE },
        job: Some(Job { nanos, service: nanos, outcome: Outcome::Success, work }),
    }
}

fn stop(number: u32) -> ToWorker {
    let (task, attempt) = key(number);
    ToWorker::Command {
        command: Command::StopAttempt { task, attempt, node: NODE, interrupted: false },
        job: None,
    }
}

/// A worker and all it has said.
struct Bench {
    state: WorkerState,
    out: Vec<u8>,
    todo: Vec<Todo>,
}

impl Bench {
    fn new(slots: u32) -> Bench {
        Bench { state: WorkerState::new(NODE, slots), out: Vec::new(), todo: Vec::new() }
    }

    fn take_in(&mut self, message: ToWorker, now: u64) {
        self.state.take_in(&message, now, &mut self.out, &mut self.todo).unwrap();
    }

    /// What was said since the last call: (when, task, due), with due 0 for a start.
    fn facts(&mut self) -> Vec<(u64, u32, u64)> {
        let mut decoder = FrameDecoder::new();
        decoder.push(&std::mem::take(&mut self.out));
        let frames = std::iter::from_fn(|| decoder.next_message::<FromWorker>());
        frames
            .map(|frame| match frame.unwrap() {
                FromWorker { sent, message: ToCoordinator::Fact { at, due, event }, .. } => {
                    assert_eq!(at, sent);
                    match event {
                        Event::AttemptStarted { task, node: NODE, .. } => {
                            assert_eq!(due, at);
                            (at, task.number, 0)
                        }
                        Event::AttemptFinished { task, node: NODE, .. } => (at, task.number, due),
                        _ => panic!("{event:?}"),
                    }
                }
                frame => panic!("{frame:?}"),
            })
            .collect()
    }
}

#[test]
fn attempts_start_at_once_and_end_when_they_are_due() {
    let mut bench = Bench::new(3);
    bench.take_in(start(1, 50, Work::Timer), 100);
    bench.take_in(start(2, 20, Work::Timer), 110);
    bench.take_in(start(3, 40, Work::Timer), 110);
    assert_eq!(bench.facts(), [(100, 1, 0), (110, 2, 0), (110, 3, 0)]);
    assert_eq!(bench.state.next_due(), Some(130));
    bench.state.advance(129, &mut bench.out);
    assert_eq!(bench.facts(), []);
    bench.state.advance(130, &mut bench.out);
    assert_eq!(bench.facts(), [(130, 2, 130)]);
    // Late, and in the order in which they started.
    bench.state.advance(170, &mut bench.out);
    assert_eq!(bench.facts(), [(170, 1, 150), (170, 3, 150)]);
    assert_eq!(bench.state.next_due(), None);
    bench.take_in(start(4, 0, Work::Timer), 180);
    assert_eq!((bench.facts(), bench.state.next_due()), (vec![(180, 4, 0)], Some(180)));
    // A time that no clock can hold.
    bench.take_in(start(5, u64::MAX, Work::Timer), 180);
    bench.state.advance(180, &mut bench.out);
    assert_eq!(bench.state.next_due(), Some(u64::MAX));
}

#[test]
fn frames_are_numbered() {
    let mut bench = Bench::new(1);
    bench.state.hello(4, 99, 1234, 5, &mut bench.out);
    bench.take_in(ToWorker::Welcome, 6);
    bench.take_in(ToWorker::Ping { sent: 77 }, 7);
    bench.state.heartbeat(8, &mut bench.out);
    let mut decoder = FrameDecoder::new();
    decoder.push(&bench.out);
    let frames: Vec<FromWorker> =
        std::iter::from_fn(|| decoder.next_message()).collect::<Result<_, _>>().unwrap();
    let hello = ToCoordinator::Hello { node: NODE, life: 4, secret: 99, process: 1234 };
    let expected =
        [(0, 5, hello), (1, 7, ToCoordinator::Pong { sent: 77 }), (2, 8, ToCoordinator::Heartbeat)];
    assert_eq!(frames, expected.map(|(sequence, sent, message)| FromWorker { sequence, sent, message }));
}

#[test]
fn what_is_stopped_says_nothing_more() {
    let mut bench = Bench::new(2);
    bench.take_in(start(1, 50, Work::Timer), 0);
    bench.take_in(start(2, 50, Work::Timer), 0);
    bench.take_in(stop(1), 10);
    bench.take_in(stop(1), 11);
    bench.take_in(stop(8), 12);
    bench.take_in(start(3, 10, Work::Timer), 13);
    bench.state.advance(100, &mut bench.out);
    assert_eq!(bench.facts(), [(0, 1, 0), (0, 2, 0), (13, 3, 0), (100, 3, 23), (100, 2, 50)]);
    bench.take_in(start(4, 50, Work::Timer), 110);
    bench.take_in(start(5, 50, Work::Spin), 110);
    bench.take_in(ToWorker::Reset, 120);
    bench.state.spun(key(5), 160, &mut bench.out);
    bench.state.advance(1000, &mut bench.out);
    assert_eq!(bench.facts(), [(110, 4, 0), (110, 5, 0)]);
    let spin = Todo::Spin { attempt: key(5), nanos: 50 };
    assert_eq!(bench.todo, [spin, Todo::StopSpin { attempt: key(5) }]);
}

#[test]
fn spinning_ends_when_it_is_done() {
    let mut bench = Bench::new(1);
    bench.take_in(start(1, 50, Work::Spin), 100);
    assert_eq!(bench.state.next_due(), None);
    bench.state.advance(1000, &mut bench.out);
    bench.state.spun(key(1), 1001, &mut bench.out);
    bench.state.spun(key(1), 1002, &mut bench.out);
    assert_eq!(bench.facts(), [(100, 1, 0), (1001, 1, 150)]);
    bench.take_in(ToWorker::Shutdown, 2000);
    assert_eq!(bench.todo, [Todo::Spin { attempt: key(1), nanos: 50 }, Todo::Shutdown]);
}

#[test]
fn a_broken_coordinator_is_not_obeyed() {
    let (task, attempt) = key(1);
    let job = Some(Job { nanos: 1, service: 1, outcome: Outcome::Success, work: Work::Timer });
    let ours = Command::StartAttempt { task, attempt, node: NODE };
    let theirs = Command::StartAttempt { task, attempt, node: NodeId(3) };
    let stop = Command::StopAttempt { task, attempt, node: NODE, interrupted: false };
    let settle = Command::Settle { task, state: TaskState::Completed };
    let cases = [
        (start(1, 5, Work::Timer), Misled::Twice),
        (start(3, 5, Work::Timer), Misled::NoSlot { slots: 2 }),
        (ToWorker::Command { command: ours, job: None }, Misled::WrongJob(ours)),
        (ToWorker::Command { command: theirs, job }, Misled::NotOurs(theirs)),
        (ToWorker::Command { command: stop, job }, Misled::WrongJob(stop)),
        (ToWorker::Command { command: settle, job: None }, Misled::NotOurs(settle)),
    ];
    for (message, expected) in cases {
        let mut bench = Bench::new(2);
        bench.take_in(start(1, 50, Work::Timer), 0);
        bench.take_in(start(2, 50, Work::Timer), 0);
        let refused = bench.state.take_in(&message, 1, &mut bench.out, &mut bench.todo);
        assert_eq!(refused, Err(expected));
    }
}

fn pace(slowness: f64, paused: u64) -> ToWorker {
    ToWorker::Pace { slowness, paused }
}

#[test]
fn attempts_take_longer_where_the_node_is_slow_or_was_stopped() {
    let mut bench = Bench::new(3);
    bench.take_in(start(1, 100, Work::Timer), 0);
    // 40 are done, 60 are left: 240 at a quarter of the speed.
    bench.take_in(pace(4.0, 0), 40);
    assert_eq!(bench.state.next_due(), Some(280));
    // 10 more are done; another needs 80 now, or 20 at full speed.
    bench.take_in(start(2, 20, Work::Timer), 80);
    assert_eq!(bench.state.next_due(), Some(160));
    // It was stopped from 100 to 1000: 5 of each were done before, and it is slow no more.
    bench.take_in(pace(1.0, 900), 1000);
    assert_eq!(bench.state.next_due(), Some(1015));
    // What is overdue because of a stop of which it was not told has ended.
    bench.state.advance(2000, &mut bench.out);
    assert_eq!(bench.facts(), [(0, 1, 0), (80, 2, 0), (2000, 2, 1015), (2000, 1, 1045)]);
    // One that begins after a stop, though it was told before, is not the longer for it.
    bench.take_in(start(3, 50, Work::Timer), 3000);
    bench.take_in(pace(1.0, 700), 3000);
    assert_eq!(bench.state.next_due(), Some(3050));
    assert_eq!(bench.todo, [Todo::Pace { slowness: 4.0 }, Todo::Pace { slowness: 1.0 }]);
    for slowness in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let misled = bench.state.take_in(&pace(slowness, 0), 3001, &mut bench.out, &mut bench.todo);
        assert!(matches!(misled, Err(Misled::NoPace(_))), "{slowness}");
    }
}

#[test]
fn heartbeats_come_as_planned() {
    let mut bench = Bench::new(1);
    let mut due = Vec::new();
    let mut run = |bench: &mut Bench, until: u64| {
        while let Some(next) = bench.state.next_due().filter(|next| *next <= until) {
            bench.state.advance(next, &mut bench.out);
            due.push(next);
        }
    };
    bench.take_in(ToWorker::Heartbeats { anew: true, gaps: [10; BEATS] }, 100);
    run(&mut bench, 145);
    bench.take_in(ToWorker::Heartbeats { anew: false, gaps: [5; BEATS] }, 147);
    run(&mut bench, 190);
    // From now on, and nothing of what was planned before.
    bench.take_in(ToWorker::Heartbeats { anew: true, gaps: [7; BEATS] }, 191);
    run(&mut bench, 199);
    assert_eq!(due, [110, 120, 130, 140, 150, 160, 170, 180, 185, 190, 198]);
    let mut decoder = FrameDecoder::new();
    decoder.push(&std::mem::take(&mut bench.out));
    let beat = |at| ToCoordinator::Fact { at, due: at, event: Event::Heartbeat { node: NODE } };
    for at in &due {
        let frame: FromWorker = decoder.next_message().unwrap().unwrap();
        assert_eq!(frame.message, beat(*at));
    }
    // Of many that are overdue, the last is enough.
    bench.state.advance(230, &mut bench.out);
    decoder.push(&bench.out);
    let frame: FromWorker = decoder.next_message().unwrap().unwrap();
    assert_eq!(
        frame.message,
        ToCoordinator::Fact { at: 230, due: 226, event: Event::Heartbeat { node: NODE } }
    );
    assert!(decoder.next_message::<FromWorker>().is_none());
}
