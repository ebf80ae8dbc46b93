//! Who is connected as what: from bytes on connections to what workers say.
//!
//! A pure state machine: no clock, no input or output. Everything that comes over a connection is
//! hostile until its first frame has shown the secret of the run, and is checked after that too: a
//! worker speaks for its own node only, says only what workers say, and loses or repeats nothing.
//! Whatever is refused is counted.
//!
//! | what comes | refused as | the connection |
//! |---|---|---|
//! | a first frame that is no hello, or a hello for a node or life that is not expected | unknown worker | closed |
//! | a hello with another secret | wrong secret | closed |
//! | a hello of a life that has said hello, on this or another connection | second connection | closed; the first stays |
//! | a frame with a number that was there before | duplicate | stays |
//! | a frame with a number that leaves some out | gap | closed |
//! | a frame that does not decode, is too long, or of another version | garbage, too long, version | closed |
//! | a fact that is no start or end of an attempt nor a heartbeat, or about another node | foreign fact | closed |
//!
//! Whoever takes the facts in may find that a worker contradicts itself, and says so with
//! [`contradiction`](Sessions::contradiction).
//!
//! What is let through is bounded in one respect only: the node of a fact is that of the session. Tasks,
//! attempts and times are numbers as the worker gave them, and whoever uses them must look first.

use std::collections::{BTreeMap, BTreeSet};

use super::frame::{FrameDecoder, FrameError};
use super::link::{ConnectionId, Incoming, Life};
use super::message::{FromWorker, ToCoordinator};
use super::refusals::{RefusalKind, Refusals};
use crate::ids::NodeId;
use crate::scheduler::Event;

/// How many connections may be open that have not said hello, besides one for each node (all workers may
/// come at once). Beyond that the oldest is closed.
pub const MOST_STRANGERS: usize = 256;

/// What a worker said, or what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// The worker of the node is there (its hello was accepted). It has not been answered yet.
    Joined {
        /// The node.
        node: NodeId,
        /// Which of its processes.
        life: Life,
        /// Its connection from now on.
        connection: ConnectionId,
        /// Its process number.
        process: u32,
    },
    /// A fact for the scheduler: `AttemptStarted`, `AttemptFinished` or `Heartbeat` of this node.
    Fact {
        /// The node.
        node: NodeId,
        /// The fact.
        event: Event,
        /// The worker's clock when it happened.
        at: u64,
        /// The worker's clock when it should have happened.
        due: u64,
        /// The worker's clock when it was sent.
        sent: u64,
    },
    /// The answer to a ping.
    Pong {
        /// The node.
        node: NodeId,
        /// From the ping.
        sent: u64,
        /// The worker's clock when it answered.
        worker_clock: u64,
    },
    /// A sign of life. (Facts and answers show life just as well.)
    Alive {
        /// The node.
        node: NodeId,
    },
    /// The connection of the node's worker is gone: closed by either side, or because of what came.
    Left {
        /// The node.
        node: NodeId,
        /// Which of its processes.
        life: Life,
    },
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Seat {
    /// The life that may say hello, and whether it has.
    expected: Option<(Life, bool)>,
    /// The worker that is connected.
    taken: Option<(ConnectionId, Life)>,
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Peer {
    decoder: FrameDecoder,
    /// The number of its next frame.
    sequence: u64,
    /// Which worker it is, once that is known.
    worker: Option<(NodeId, Life)>,
}

/// A refusal: its kind, what to say of it, and whether the connection stays.
struct Refusal {
    kind: RefusalKind,
    what: String,
    stays: bool,
}

fn refuse(kind: RefusalKind, what: impl Into<String>) -> Refusal {
    Refusal { kind, what: what.into(), stays: false }
}

/// All connections, and which of them are workers.
#[derive(Debug)]
pub struct Sessions {
    seats: Vec<Seat>,
    secret: u128,
    peers: BTreeMap<ConnectionId, Peer>,
    /// Connections that have not said hello. Their numbers grow with time, so the first is the oldest.
    strangers: BTreeSet<ConnectionId>,
    refusals: Refusals,
}

impl Sessions {
    /// No connections yet, for a run with this many nodes and this secret.
    pub fn new(nodes: usize, secret: u128) -> Self {
        Sessions {
            seats: vec![Seat::default(); nodes],
            secret,
            peers: BTreeMap::new(),
            strangers: BTreeSet::new(),
            refusals: Refusals::default(),
        }
    }

    /// From now on this process of the node may connect, once, and no other. Whoever is connected
    /// stays until then.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn expect(&mut self, node: NodeId, life: Life) {
        self.seats[node.index()].expected = Some((life, false));
    }

    /// The connection of the node's worker.
    pub fn connection(&self, node: NodeId) -> Option<ConnectionId> {
        self.seats.get(node.index())?.taken.map(|(connection, _)| connection)
    }

    /// What was refused so far.
    pub fn refused(&self) -> &Refusals {
        &self.refusals
    }

    /// Counts a fact of the node that contradicts what its worker said before.
    pub fn contradiction(&mut self, node: NodeId, event: &Event) {
        let what = format!("node {}: contradicted itself: {event:?}", node.0);
        self.refusals.add(RefusalKind::Contradiction, what);
    }

    /// Counts an answer of the node's worker to nothing that it was asked.
    pub fn unasked(&mut self, node: NodeId) {
        let what = format!("node {}: answered a ping that was not sent", node.0);
        self.refusals.add(RefusalKind::Contradiction, what);
    }

    /// Takes in what came; adds what it means to `said`, and connections to close to `close`.
    ///
    /// A connection in `close` is forgotten: nothing that still comes over it is heard.
    pub fn take_in(&mut self, incoming: &Incoming, said: &mut Vec<Said>, close: &mut Vec<ConnectionId>) {
        match incoming {
            Incoming::Opened(connection) => self.open(*connection, close),
            Incoming::Bytes { connection, bytes, .. } => self.hear(*connection, bytes, said, close),
            Incoming::Closed(connection) => self.forget(*connection, said),
            // The end of the process shows in the connection too, after all that it sent.
            Incoming::Exited { .. } => {}
        }
    }

    fn open(&mut self, connection: ConnectionId, close: &mut Vec<ConnectionId>) {
        if self.peers.contains_key(&connection) {
            return;
        }
        self.peers.insert(connection, Peer::default());
        self.strangers.insert(connection);
        if self.strangers.len() > MOST_STRANGERS + self.seats.len()
            && let Some(oldest) = self.strangers.pop_first()
        {
            self.peers.remove(&oldest);
            let what = format!("connection {}: said nothing, and there were too many like it", oldest.0);
            self.refusals.add(RefusalKind::UnknownWorker, what);
            close.push(oldest);
        }
    }

    fn hear(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        said: &mut Vec<Said>,
        close: &mut Vec<ConnectionId>,
    ) {
        let Some(peer) = self.peers.get_mut(&connection) else { return };
        peer.decoder.push(bytes);
        while let Some(peer) = self.peers.get_mut(&connection)
            && let Some(decoded) = peer.decoder.next_message::<FromWorker>()
        {
            let heard = match decoded {
                Ok(frame) => self.take_frame(connection, &frame, said, close),
                Err(error) => Err(refuse(kind_of(error), error.to_string())),
            };
            let Err(refusal) = heard else { continue };
            let what = format!("{}: {}", self.name(connection), refusal.what);
            self.refusals.add(refusal.kind, what);
            if !refusal.stays {
                self.forget(connection, said);
                close.push(connection);
            }
        }
    }

    fn take_frame(
        &mut self,
        connection: ConnectionId,
        frame: &FromWorker,
        said: &mut Vec<Said>,
        close: &mut Vec<ConnectionId>,
    ) -> Result<(), Refusal> {
        let Some(peer) = self.peers.get_mut(&connection) else { return Ok(()) };
        let Some((node, _)) = peer.worker else {
            return self.meet(connection, frame, said, close);
        };
        let (expected, number) = (peer.sequence, frame.sequence);
        if number < expected {
            let what = format!("frame {number} came again where {expected} was due");
            return Err(Refusal { stays: true, ..refuse(RefusalKind::Duplicate, what) });
        }
        if number > expected {
            return Err(refuse(RefusalKind::Gap, format!("frame {number} came where {expected} was due")));
        }
        peer.sequence += 1;
        let sent = frame.sent;
        match frame.message {
            ToCoordinator::Hello { .. } => {
                return Err(refuse(RefusalKind::SecondConnection, "said hello twice"));
            }
            ToCoordinator::Fact { at, due, event } => match event {
                Event::AttemptStarted { node: named, .. }
                | Event::AttemptFinished { node: named, .. }
                | Event::Heartbeat { node: named }
                    if named == node =>
                {
                    said.push(Said::Fact { node, event, at, due, sent });
                }
                _ => {
                    let what = format!("said what only others can know: {event:?}");
                    return Err(refuse(RefusalKind::ForeignFact, what));
                }
            },
            ToCoordinator::Pong { sent: ping } => {
                said.push(Said::Pong { node, sent: ping, worker_clock: sent });
            }
            ToCoordinator::Heartbeat => said.push(Said::Alive { node }),
        }
        Ok(())
    }

    /// The first frame of a connection.
    fn meet(
        &mut self,
        connection: ConnectionId,
        frame: &FromWorker,
        said: &mut Vec<Said>,
        close: &mut Vec<ConnectionId>,
    ) -> Result<(), Refusal> {
        let ToCoordinator::Hello { node, life, secret, process } = frame.message else {
            return Err(refuse(RefusalKind::UnknownWorker, "did not say hello first"));
        };
        if secret != self.secret {
            return Err(refuse(RefusalKind::WrongSecret, "does not know the secret of this run"));
        }
        if frame.sequence != 0 {
            let what = format!("its first frame has number {}", frame.sequence);
            return Err(refuse(RefusalKind::Gap, what));
        }
        let seat = self.seats.get_mut(node.index());
        let Some((seat, said_hello)) =
            seat.and_then(|seat| seat.expected.filter(|(due, _)| *due == life).map(|(_, said)| (seat, said)))
        else {
            let what = format!("life {life} of node {} is not expected", node.0);
            return Err(refuse(RefusalKind::UnknownWorker, what));
        };
        if said_hello {
            let what = format!("life {life} of node {} has said hello before", node.0);
            return Err(refuse(RefusalKind::SecondConnection, what));
        }
        seat.expected = Some((life, true));
        if let Some((earlier, _)) = seat.taken {
            self.forget(earlier, said);
            close.push(earlier);
        }
        self.seats[node.index()].taken = Some((connection, life));
        self.strangers.remove(&connection);
        if let Some(peer) = self.peers.get_mut(&connection) {
            peer.worker = Some((node, life));
            peer.sequence = 1;
        }
        said.push(Said::Joined { node, life, connection, process });
        Ok(())
    }

    /// Forgets the connection, if it is known.
    fn forget(&mut self, connection: ConnectionId, said: &mut Vec<Said>) {
        let Some(peer) = self.peers.remove(&connection) else { return };
        self.strangers.remove(&connection);
        if let Some((node, life)) = peer.worker {
            self.seats[node.index()].taken = None;
            said.push(Said::Left { node, life });
        }
    }

    /// The connection in words.
    fn name(&self, connection: ConnectionId) -> String {
        match self.peers.get(&connection).and_then(|peer| peer.worker) {
            Some((node, life)) => format!("node {} (life {life})", node.0),
            None => format!("connection {}", connection.0),
        }
    }
}

fn kind_of(error: FrameError) -> RefusalKind {
    match error {
        FrameError::TooLong { .. } => RefusalKind::TooLong,
        FrameError::Version { .. } => RefusalKind::Version,
        FrameError::Garbage => RefusalKind::Garbage,
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
