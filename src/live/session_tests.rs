use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::super::frame::{MAX_FRAME, WIRE_VERSION, encode};
use super::*;
use crate::ids::{AttemptNumber, TaskId};
use crate::scheduler::{Outcome, TaskSpec};
use crate::time::Duration;

const SECRET: u128 = 0x5eed_5eed_5eed_5eed;
const TASK: TaskId = TaskId { slot: 7, number: 9 };

fn frame(sequence: u64, message: ToCoordinator) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&FromWorker { sequence, sent: sequence.wrapping_add(100), message }, &mut bytes);
    bytes
}

fn hello(node: u32, life: Life, secret: u128) -> Vec<u8> {
    frame(0, ToCoordinator::Hello { node: NodeId(node), life, secret, process: node.wrapping_add(4000) })
}

fn started(node: u32) -> Event {
    Event::AttemptStarted { task: TASK, attempt: AttemptNumber(1), node: NodeId(node) }
}

fn finished(node: u32) -> Event {
    Event::AttemptFinished {
        task: TASK,
        attempt: AttemptNumber(1),
        node: NodeId(node),
        outcome: Outcome::Success,
        service: Duration(5),
    }
}

fn fact(sequence: u64, event: Event) -> Vec<u8> {
    frame(sequence, ToCoordinator::Fact { at: 50, due: 49, event })
}

fn beat(sequence: u64) -> Vec<u8> {
    frame(sequence, ToCoordinator::Heartbeat)
}

/// One step of a script.
enum Step {
    Open(u64),
    Close(u64),
    Send(u64, Vec<u8>),
    Expect(u32, Life),
}
use Step::{Close, Expect, Open, Send};

/// Plays the steps on three nodes, of which life 1 is expected, and says what came of it as text: all
/// that was said, then the closed connections, then the refusals by kind.
fn play(steps: Vec<Step>) -> String {
    let mut sessions = Sessions::new(3, SECRET);
    (0..3).for_each(|node| sessions.expect(NodeId(node), 1));
    let (mut said, mut close) = (Vec::new(), Vec::new());
    for step in steps {
        let incoming = match step {
            Open(connection) => Incoming::Opened(ConnectionId(connection)),
            Close(connection) => Incoming::Closed(ConnectionId(connection)),
            Send(connection, bytes) => {
                Incoming::Bytes { connection: ConnectionId(connection), bytes, read_at: 0 }
            }
            Expect(node, life) => {
                sessions.expect(NodeId(node), life);
                continue;
            }
        };
        sessions.take_in(&incoming, &mut said, &mut close);
    }
    let mut words: Vec<String> = said.iter().map(in_words).collect();
    words.extend(close.iter().map(|connection| format!("close {}", connection.0)));
    let refused = sessions.refused();
    for kind in RefusalKind::ALL {
        let count = refused.count(kind);
        words.extend((count > 0).then(|| format!("{count} {}", kind.words())));
    }
    assert_eq!(refused.total(), refused.recent().count() as u64);
    words.join(", ")
}

fn in_words(said: &Said) -> String {
    match said {
        Said::Joined { node, life, connection, process } => {
            assert_eq!(*process, 4000 + node.0);
            format!("joined {}.{life} on {}", node.0, connection.0)
        }
        Said::Fact { node, event, at, due, sent } => {
            assert_eq!((*at, *due), (50, 49));
            let what = if *event == started(node.0) { "started" } else { "finished" };
            format!("{} {what} {sent}", node.0)
        }
        Said::Pong { node, sent, worker_clock } => format!("{} pong {sent} {worker_clock}", node.0),
        Said::Alive { node } => format!("{} alive", node.0),
        Said::Left { node, life } => format!("left {}.{life}", node.0),
    }
}

#[test]
fn an_honest_worker_is_heard() {
    let pong = frame(2, ToCoordinator::Pong { sent: 8 });
    let all = [hello(1, 1, SECRET), fact(1, started(1)), pong, fact(3, finished(1)), beat(4)].concat();
    let heard = "joined 1.1 on 5, 1 started 101, 1 pong 8 102, 1 finished 103, 1 alive, left 1.1";
    assert_eq!(play(vec![Open(5), Send(5, all.clone()), Close(5)]), heard);
    let mut steps = vec![Open(5)];
    steps.extend(all.iter().map(|&byte| Send(5, vec![byte])));
    steps.push(Close(5));
    assert_eq!(play(steps), heard, "byte by byte");
}

#[test]
fn every_rule_for_the_first_frame() {
    let cases = [
        (hello(1, 1, SECRET + 1), "close 5, 1 wrong secret"),
        (hello(1, 1, 0), "close 5, 1 wrong secret"),
        (hello(3, 1, SECRET), "close 5, 1 unknown worker"),
        (hello(u32::MAX, 1, SECRET), "close 5, 1 unknown worker"),
        (hello(1, 2, SECRET), "close 5, 1 unknown worker"),
        (hello(1, 0, SECRET), "close 5, 1 unknown worker"),
        (beat(0), "close 5, 1 unknown worker"),
        (fact(0, started(1)), "close 5, 1 unknown worker"),
        (
            frame(1, ToCoordinator::Hello { node: NodeId(1), life: 1, secret: SECRET, process: 4001 }),
            "close 5, 1 gap",
        ),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "close 5, 1 too long"),
        (vec![1, 0, 0, 0, 9], "close 5, 1 version"),
        (vec![0, 0, 0, 0], "close 5, 1 garbage"),
        (hello(1, 1, SECRET)[..10].to_vec(), ""),
    ];
    for (bytes, expected) in cases {
        // Whatever follows a refusal is not heard.
        let then = if expected.is_empty() { vec![] } else { hello(1, 1, SECRET) };
        let outcome = play(vec![Open(5), Send(5, bytes.clone()), Send(5, then), Close(5)]);
        assert_eq!(outcome, expected, "{bytes:?}");
    }
}

#[test]
fn every_rule_for_later_frames() {
    let task = TaskSpec { estimate: 1, priority: f64::NAN, slots: 1, class: 0 };
    let too_long = (MAX_FRAME as u32 + 1).to_le_bytes().to_vec();
    let cases = [
        ([beat(1), beat(1), beat(0), beat(2)].concat(), "1 alive, 1 alive", "2 duplicate"),
        ([hello(1, 1, SECRET), beat(1)].concat(), "1 alive", "1 duplicate"),
        ([beat(1), beat(3), beat(2)].concat(), "1 alive, left 1.1, close 5", "1 gap"),
        (beat(u64::MAX), "left 1.1, close 5", "1 gap"),
        (fact(1, started(2)), "left 1.1, close 5", "1 foreign fact"),
        (fact(1, finished(0)), "left 1.1, close 5", "1 foreign fact"),
        (fact(1, Event::NodeLost { node: NodeId(1) }), "left 1.1, close 5", "1 foreign fact"),
        (fact(1, Event::NodeJoined { node: NodeId(1) }), "left 1.1, close 5", "1 foreign fact"),
        (fact(1, Event::TimerFired), "left 1.1, close 5", "1 foreign fact"),
        (fact(1, Event::TaskSubmitted { task: TASK, spec: task }), "left 1.1, close 5", "1 foreign fact"),
        (
            frame(1, ToCoordinator::Hello { node: NodeId(1), life: 1, secret: SECRET, process: 1 }),
            "left 1.1, close 5",
            "1 second connection",
        ),
        (too_long, "left 1.1, close 5", "1 too long"),
        (vec![2, 0, 0, 0, 0, 0], "left 1.1, close 5", "1 version"),
        (vec![2, 0, 0, 0, WIRE_VERSION, 0], "left 1.1, close 5", "1 garbage"),
    ];
    for (bytes, said, refused) in cases {
        let outcome = play(vec![Open(5), Send(5, hello(1, 1, SECRET)), Send(5, bytes.clone())]);
        assert_eq!(outcome, format!("joined 1.1 on 5, {said}, {refused}"), "{bytes:?}");
    }
}

#[test]
fn a_worker_connects_once() {
    let join = |connection, life| [Open(connection), Send(connection, hello(1, life, SECRET))];
    let steps = |more: Vec<Step>| join(5, 1).into_iter().chain(more).collect::<Vec<_>>();
    let second = steps(join(6, 1).into_iter().chain([Send(5, beat(1))]).collect());
    assert_eq!(play(second), "joined 1.1 on 5, 1 alive, close 6, 1 second connection");
    // Not even after the first is gone: a process that lost its connection ends.
    let again = steps([Close(5)].into_iter().chain(join(6, 1)).collect());
    assert_eq!(play(again), "joined 1.1 on 5, left 1.1, close 6, 1 second connection");
    // The next process takes the place of one whose connection is still open.
    let next = [Expect(1, 2), Send(5, beat(1))].into_iter().chain(join(6, 2));
    let next = steps(next.chain([Send(5, beat(2)), Close(5), Send(6, beat(1))]).collect());
    assert_eq!(play(next), "joined 1.1 on 5, 1 alive, left 1.1, joined 1.2 on 6, 1 alive, close 5");
    // An earlier one comes too late.
    let late = vec![Expect(1, 2), Open(5), Send(5, hello(1, 1, SECRET))];
    assert_eq!(play(late), "close 5, 1 unknown worker");
}

#[test]
fn what_was_never_opened_is_not_heard() {
    assert_eq!(play(vec![Send(5, hello(1, 1, SECRET)), Close(5), Close(6)]), "");
}

#[test]
fn strangers_are_bounded_and_the_oldest_goes_first() {
    let mut sessions = Sessions::new(1, SECRET);
    sessions.expect(NodeId(0), 1);
    let (mut said, mut close) = (Vec::new(), Vec::new());
    let mut take_in = |incoming| {
        sessions.take_in(&incoming, &mut said, &mut close);
        close.clone()
    };
    let bytes = hello(0, 1, SECRET);
    take_in(Incoming::Opened(ConnectionId(1)));
    take_in(Incoming::Bytes { connection: ConnectionId(1), bytes, read_at: 0 });
    let most = MOST_STRANGERS as u64 + 1;
    for stranger in 2..2 + most {
        assert!(take_in(Incoming::Opened(ConnectionId(stranger))).is_empty());
    }
    let closed = (2..12).map(ConnectionId).collect::<Vec<_>>();
    for (index, stranger) in (2 + most..12 + most).enumerate() {
        assert_eq!(take_in(Incoming::Opened(ConnectionId(stranger))), closed[..=index]);
    }
    assert_eq!(sessions.peers.len() as u64, 1 + most);
    assert_eq!(sessions.connection(NodeId(0)), Some(ConnectionId(1)), "who is known stays");
}

/// What a hostile or broken peer might send next, and sometimes an honest one.
fn some_bytes(random: &mut Xoshiro256PlusPlus, usual: u32, sequence: &mut u64) -> Vec<u8> {
    let node = if random.random_bool(0.9) { usual } else { random.random_range(0..4) };
    let first = *sequence == 0 && random.random_bool(0.8);
    let mut bytes = match random.random_range(0..30) {
        kind if first || kind == 0 => {
            *sequence = 0;
            let secret = if random.random_bool(0.8) { SECRET } else { random.random() };
            hello(node, random.random_range(1..4), secret)
        }
        1..=9 => fact(*sequence, if random.random() { started(node) } else { finished(node) }),
        10 => fact(*sequence, Event::NodeLost { node: NodeId(node) }),
        11 => (0..random.random_range(0..40)).map(|_| random.random()).collect(),
        _ => beat(*sequence),
    };
    *sequence += u64::from(random.random_bool(0.95));
    if random.random_bool(0.02) && !bytes.is_empty() {
        let at = random.random_range(0..bytes.len());
        bytes[at] ^= 1 << random.random_range(0..8_u32);
    }
    if random.random_bool(0.02) {
        bytes.truncate(random.random_range(0..bytes.len() + 1));
    }
    bytes
}

#[test]
fn hostile_mixtures_are_survived_and_believed_in_nothing() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(20_260_102);
    let mut counts = BTreeMap::new();
    for _ in 0..3000 {
        let mut sessions = Sessions::new(3, SECRET);
        (0..3).for_each(|node| sessions.expect(NodeId(node), 1));
        let mut joined: [Option<(ConnectionId, Life)>; 3] = [None; 3];
        let mut sequences = [0; 6];
        for _ in 0..200 {
            let which = random.random_range(0..6_usize);
            let connection = ConnectionId(which as u64);
            let incoming = match random.random_range(0..20) {
                0 | 1 => {
                    sequences[which] = 0;
                    Incoming::Opened(connection)
                }
                2 => Incoming::Closed(connection),
                3 if random.random_bool(0.3) => {
                    sessions.expect(NodeId(random.random_range(0..3)), random.random_range(1..4));
                    continue;
                }
                _ => {
                    let bytes = some_bytes(&mut random, which as u32 % 3, &mut sequences[which]);
                    Incoming::Bytes { connection, bytes, read_at: 0 }
                }
            };
            let (mut said, mut close) = (Vec::new(), Vec::new());
            sessions.take_in(&incoming, &mut said, &mut close);
            for said in said {
                match said {
                    Said::Joined { node, life, connection, .. } => {
                        assert_eq!(joined[node.index()].replace((connection, life)), None);
                        *counts.entry("joined").or_insert(0) += 1;
                    }
                    Said::Left { node, life } => {
                        assert_eq!(joined[node.index()].take().map(|(_, life)| life), Some(life));
                    }
                    Said::Fact { node, event, .. } => {
                        let named = match event {
                            Event::AttemptStarted { node, .. } | Event::AttemptFinished { node, .. } => node,
                            _ => panic!("{event:?}"),
                        };
                        assert_eq!(named, node);
                        assert_eq!(joined[node.index()].map(|(from, _)| from), Some(connection));
                        *counts.entry("facts").or_insert(0) += 1;
                    }
                    Said::Alive { node } | Said::Pong { node, .. } => {
                        assert_eq!(joined[node.index()].map(|(from, _)| from), Some(connection));
                    }
                }
            }
            for node in 0..3 {
                let connection = joined[node as usize].map(|(connection, _)| connection);
                assert_eq!(sessions.connection(NodeId(node)), connection);
                assert!(connection.is_none_or(|connection| !close.contains(&connection)));
            }
        }
        // Whether workers contradict themselves, others judge.
        for kind in RefusalKind::ALL.into_iter().filter(|kind| *kind != RefusalKind::Contradiction) {
            *counts.entry(kind.words()).or_insert(0) += sessions.refused().count(kind);
        }
    }
    assert_eq!(counts.len(), 11);
    assert!(counts.values().all(|&count| count > 100), "all was seen: {counts:?}");
}
