use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::live::message::{BEATS, FromWorker, Job, ToCoordinator, ToWorker, Work};
use crate::scheduler::{ClosedBy, Command, Event, Outcome, TaskDetails, TaskSpec, TaskState};
use crate::time::Duration;

fn task() -> impl Strategy<Value = TaskId> {
    (any::<u32>(), any::<u32>()).prop_map(|(slot, number)| TaskId { slot, number })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Killed)]
}

fn event() -> impl Strategy<Value = Event> {
    let spec = (any::<u64>(), any::<f64>(), any::<u32>(), any::<u16>())
        .prop_map(|(estimate, priority, slots, class)| TaskSpec { estimate, priority, slots, class });
    let details = (any::<u32>(), any::<u64>(), any::<u16>()).prop_map(|(number, key, zone)| TaskDetails {
        number,
        key,
        zone,
        ..TaskDetails::default()
    });
    let who = || (task(), any::<u32>(), any::<u32>()).prop_map(|(t, a, n)| (t, AttemptNumber(a), NodeId(n)));
    prop_oneof![
        (task(), spec).prop_map(|(task, spec)| Event::TaskSubmitted { task, spec }),
        (task(), details).prop_map(|(task, details)| Event::TaskDescribed { task, details }),
        who().prop_map(|(task, attempt, node)| Event::AttemptStarted { task, attempt, node }),
        (who(), outcome(), any::<u64>()).prop_map(|((task, attempt, node), outcome, service)| {
            Event::AttemptFinished { task, attempt, node, outcome, service: Duration(service) }
        }),
        any::<u32>().prop_map(|node| Event::NodeJoined { node: NodeId(node) }),
        any::<u32>().prop_map(|node| Event::NodeLost { node: NodeId(node) }),
        any::<u32>().prop_map(|node| Event::Heartbeat { node: NodeId(node) }),
        (any::<u32>(), any::<bool>()).prop_map(|(node, move_waiting)| Event::NodeClosed {
            node: NodeId(node),
            reason: ClosedBy::Drain,
            move_waiting,
        }),
        any::<u32>().prop_map(|node| Event::NodeOpened { node: NodeId(node), reason: ClosedBy::Monitor }),
        Just(Event::TimerFired),
    ]
}

fn from_worker() -> impl Strategy<Value = FromWorker> {
    let message = prop_oneof![
        (any::<u32>(), any::<u64>(), any::<u128>(), any::<u32>()).prop_map(
            |(node, life, secret, process)| {
                ToCoordinator::Hello { node: NodeId(node), life, secret, process }
            }
        ),
        (any::<u64>(), any::<u64>(), event()).prop_map(|(at, due, event)| ToCoordinator::Fact {
            at,
            due,
            event
        }),
        any::<u64>().prop_map(|sent| ToCoordinator::Pong { sent }),
        Just(ToCoordinator::Heartbeat),
    ];
    (any::<u64>(), any::<u64>(), message).prop_map(|(sequence, sent, message)| FromWorker {
        sequence,
        sent,
        message,
    })
}

fn to_worker() -> impl Strategy<Value = ToWorker> {
    let work = prop_oneof![Just(Work::Timer), Just(Work::Spin)];
    let job = (any::<u64>(), any::<u64>(), outcome(), work).prop_map(|(nanos, service, outcome, work)| Job {
        nanos,
        service,
        outcome,
        work,
    });
    let who = || (task(), any::<u32>(), any::<u32>()).prop_map(|(t, a, n)| (t, AttemptNumber(a), NodeId(n)));
    let command = prop_oneof![
        who().prop_map(|(task, attempt, node)| Command::StartAttempt { task, attempt, node }),
        (who(), any::<bool>()).prop_map(|((task, attempt, node), interrupted)| {
            Command::StopAttempt { task, attempt, node, interrupted }
        }),
        task().prop_map(|task| Command::Settle { task, state: TaskState::Completed }),
    ];
    prop_oneof![
        Just(ToWorker::Welcome),
        (command, proptest::option::of(job)).prop_map(|(command, job)| ToWorker::Command { command, job }),
        Just(ToWorker::Reset),
        any::<u64>().prop_map(|sent| ToWorker::Ping { sent }),
        Just(ToWorker::Shutdown),
        (any::<f64>(), any::<u64>()).prop_map(|(slowness, paused)| ToWorker::Pace { slowness, paused }),
        (any::<bool>(), any::<[u64; BEATS]>()).prop_map(|(anew, gaps)| ToWorker::Heartbeats { anew, gaps }),
    ]
}

/// Gives the bytes in pieces of these lengths, over and over, and collects what comes out.
fn decode_in_pieces<T: DeserializeOwned>(mut bytes: &[u8], pieces: &[usize]) -> Vec<Result<T, FrameError>> {
    let (mut decoder, mut decoded) = (FrameDecoder::new(), Vec::new());
    let mut pieces = pieces.iter().cycle();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(bytes.len().min(*pieces.next().unwrap()));
        decoder.push(piece);
        while let Some(message) = decoder.next_message() {
            decoded.push(message);
        }
        bytes = rest;
    }
    decoded
}

/// NaN is not equal to itself, so messages are compared by what they look like.
fn shown<T: std::fmt::Debug>(messages: &[T]) -> Vec<String> {
    messages.iter().map(|message| format!("{message:?}")).collect()
}

proptest! {
    #[test]
    fn what_workers_say_survives_any_cuts(
        messages in proptest::collection::vec(from_worker(), 0..20),
        pieces in proptest::collection::vec(1_usize..200, 1..10),
    ) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| encode(message, &mut bytes));
        let decoded: Result<Vec<FromWorker>, _> = decode_in_pieces(&bytes, &pieces).into_iter().collect();
        prop_assert_eq!(shown(&decoded.unwrap()), shown(&messages));
    }

    #[test]
    fn what_the_coordinator_says_survives_any_cuts(
        messages in proptest::collection::vec(to_worker(), 0..20),
        pieces in proptest::collection::vec(1_usize..200, 1..10),
    ) {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| encode(message, &mut bytes));
        let decoded: Result<Vec<ToWorker>, _> = decode_in_pieces(&bytes, &pieces).into_iter().collect();
        prop_assert_eq!(decoded.unwrap(), messages);
    }

    #[test]
    fn a_frame_is_nothing_until_its_last_byte(message in from_worker(), kept in any::<proptest::sample::Index>()) {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        bytes.truncate(kept.index(bytes.len()));
        prop_assert!(decode_in_pieces::<FromWorker>(&bytes, &[bytes.len().max(1)]).is_empty());
    }

    #[test]
    fn any_bytes_are_taken_in_bounded_memory(
        bytes in proptest::collection::vec(any::<u8>(), 0..20_000),
        piece in 1_usize..5000,
    ) {
        let mut decoder = FrameDecoder::new();
        for piece in bytes.chunks(piece) {
            decoder.push(piece);
            prop_assert!(decoder.bytes.len() <= LENGTH_FIELD + MAX_FRAME + piece.len());
            while decoder.next_message::<ToWorker>().is_some() {}
        }
    }
}

fn decode_one(frame: &[u8]) -> Vec<Result<ToWorker, FrameError>> {
    decode_in_pieces(frame, &[frame.len()])
}

#[test]
fn what_is_not_a_message_is_named() {
    let ping = ToWorker::Ping { sent: 5 };
    let mut frame = Vec::new();
    encode(&ping, &mut frame);
    assert_eq!(frame, [3, 0, 0, 0, WIRE_VERSION, 3, 5], "the format of this version");
    assert_eq!(decode_one(&frame), [Ok(ping)]);

    let mut other = frame.clone();
    other[4] = WIRE_VERSION + 1;
    assert_eq!(
        decode_one(&[other, frame.clone()].concat()),
        [Err(FrameError::Version { found: WIRE_VERSION + 1 }), Ok(ping)]
    );
    // Empty, cut short, with a byte too many, with a message that does not exist.
    const V: u8 = WIRE_VERSION;
    for garbage in [&[0, 0, 0, 0][..], &[2, 0, 0, 0, V, 3], &[4, 0, 0, 0, V, 3, 5, 0], &[2, 0, 0, 0, V, 99]] {
        assert_eq!(decode_one(&[garbage, &frame[..]].concat()), [Err(FrameError::Garbage), Ok(ping)]);
    }
}

#[test]
fn after_a_frame_that_is_too_long_nothing_is_believed() {
    let mut bytes = (MAX_FRAME as u32 + 1).to_le_bytes().to_vec();
    encode(&ToWorker::Reset, &mut bytes);
    for piece in [1, 3, 1000] {
        let length = MAX_FRAME as u32 + 1;
        assert_eq!(decode_in_pieces::<ToWorker>(&bytes, &[piece]), [Err(FrameError::TooLong { length })]);
    }
    let longest = [&(MAX_FRAME as u32).to_le_bytes()[..], &[WIRE_VERSION; MAX_FRAME]].concat();
    assert_eq!(decode_one(&longest), [Err(FrameError::Garbage)], "the longest is read");
}

/// Frames that were right until some bits flipped, bytes were lost, doubled or made up.
#[test]
fn damaged_streams_end_in_messages_or_errors() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(20_260_101);
    let mut decoded = [0_u64; 2];
    for case in 0..200_000_u64 {
        let mut bytes = Vec::new();
        for sequence in 0..random.random_range(1..4) {
            let task = TaskId { slot: random.random(), number: random.random_range(0..100) };
            let event = Event::AttemptStarted { task, attempt: AttemptNumber(1), node: NodeId(3) };
            let message = match random.random_range(0..3) {
                0 => ToCoordinator::Heartbeat,
                1 => ToCoordinator::Fact { at: case, due: case, event },
                _ => ToCoordinator::Hello { node: NodeId(3), life: 1, secret: random.random(), process: 77 },
            };
            encode(&FromWorker { sequence, sent: random.random(), message }, &mut bytes);
        }
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] ^= 1 << random.random_range(0..8_u32),
                1 => bytes.insert(at, random.random()),
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        for message in decode_in_pieces::<FromWorker>(&bytes, &[random.random_range(1..50)]) {
            decoded[usize::from(message.is_err())] += 1;
        }
    }
    assert!(decoded.iter().all(|&count| count > 10_000), "both were seen: {decoded:?}");
}
