//! The truth about nodes: when each really goes down and comes up again.
//!
//! Drivers ask in simulated and in real time alike, so that both meet the same failures: the times
//! come from streams keyed by node, whatever happens to be asked first.

use super::{FailsWhen, NodeFaults};
use crate::random::{Purpose, Stream, StreamKey, Streams};
use crate::time::{Duration, Time};

/// Where the next change of a node is put down until it is due.
pub trait Timers {
    /// What names a change that was put down, so that one that was overtaken is recognised.
    type Ticket: Copy + PartialEq;

    /// The name of no change.
    const NONE: Self::Ticket;

    /// Puts a change of `node` down for `at`.
    fn put(&mut self, at: Time, node: u32) -> Self::Ticket;
}

/// A node that can fail. Large clusters have very many of them, of which few fail soon: small.
#[derive(Clone, Debug)]
struct Failing<T> {
    /// Its next change, if one is in the queue.
    next: T,
    kind: u32,
    /// Index of its generators, or none as long as it has not failed.
    draws: u32,
    up: bool,
}

/// The generators of a node that has failed.
#[derive(Clone, Debug)]
struct Draws {
    ups: Stream,
    downs: Stream,
}

/// A node whose clock of failure runs while it works.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Attempts it runs, when it last became busy, and what is left of its up time.
    running: u32,
    busy_since: Time,
    up_left: Duration,
}

/// The clocks of all nodes that can fail.
#[derive(Clone, Debug)]
pub struct NodeClocks<'a, Q: Timers> {
    kinds: &'a [NodeFaults],
    failing: Vec<Failing<Q::Ticket>>,
    draws: Vec<Draws>,
    /// Like `failing`, where any node fails only while busy.
    clocks: Vec<Clock>,
    ups: StreamKey,
    downs: StreamKey,
    /// Index into `failing` by node, or none.
    of_node: Vec<u32>,
    any_busy: bool,
}

const NEVER_FAILS: u32 = u32::MAX;
const NOT_YET: u32 = u32::MAX;

/// A change of a node that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It goes down.
    Down,
    /// It comes up.
    Up,
    /// Nothing: the event was overtaken.
    Stale,
}

impl<'a, Q: Timers> NodeClocks<'a, Q> {
    /// All nodes up at time 0, their clocks of failure started where they run always. `fault_of`
    /// gives for each node the index of its kind, if it fails.
    ///
    /// `None` when a time does not fit the clock.
    pub fn new(
        kinds: &'a [NodeFaults],
        fault_of: &[Option<u32>],
        streams: Streams,
        queue: &mut Q,
    ) -> Option<Self> {
        let failing = fault_of.iter().flatten().count();
        let any_busy = kinds.iter().any(|faults| faults.fails == FailsWhen::Busy);
        let mut nodes = NodeClocks {
            kinds,
            failing: Vec::with_capacity(failing),
            draws: Vec::new(),
            clocks: Vec::with_capacity(if any_busy { failing } else { 0 }),
            ups: streams.key(Purpose::NodeUp),
            downs: streams.key(Purpose::NodeDown),
            of_node: vec![NEVER_FAILS; fault_of.len()],
            any_busy,
        };
        for (node, kind) in fault_of.iter().enumerate() {
            let Some(kind) = *kind else { continue };
            nodes.of_node[node] = nodes.failing.len() as u32;
            let faults = &kinds[kind as usize];
            let up = Duration::from_seconds(faults.up.sample(&mut nodes.ups.stream(node as u64)))?;
            let next = match faults.fails {
                FailsWhen::Always => queue.put(Time(up.0), node as u32),
                FailsWhen::Busy => Q::NONE,
            };
            nodes.failing.push(Failing { next, kind, draws: NOT_YET, up: true });
            if any_busy {
                nodes.clocks.push(Clock { running: 0, busy_since: Time::ZERO, up_left: up });
            }
        }
        Some(nodes)
    }

    /// The change of `node` that `ticket` names is due: what it means, with the next one scheduled.
    /// `None` when a time does not fit the clock.
    pub fn change(&mut self, now: Time, node: u32, ticket: Q::Ticket, queue: &mut Q) -> Option<Change> {
        let index = self.of_node[node as usize] as usize;
        let failing = &mut self.failing[index];
        if failing.next != ticket {
            return Some(Change::Stale);
        }
        let faults = &self.kinds[failing.kind as usize];
        if failing.draws == NOT_YET {
            failing.draws = self.draws.len() as u32;
            let (mut ups, downs) = (self.ups.stream(u64::from(node)), self.downs.stream(u64::from(node)));
            // Its first up time was drawn at the start of the run.
            faults.up.sample(&mut ups);
            self.draws.push(Draws { ups, downs });
        }
        let draws = &mut self.draws[failing.draws as usize];
        failing.next = Q::NONE;
        failing.up = !failing.up;
        if failing.up {
            let up = Duration::from_seconds(faults.up.sample(&mut draws.ups))?;
            match faults.fails {
                FailsWhen::Always => {
                    failing.next = queue.put(now.checked_add(up)?, node);
                }
                FailsWhen::Busy => self.clocks[index].up_left = up,
            }
            return Some(Change::Up);
        }
        if let Some(clock) = self.clocks.get_mut(index) {
            clock.running = 0;
        }
        let down = Duration::from_seconds(faults.down.sample(&mut draws.downs))?;
        failing.next = queue.put(now.checked_add(down)?, node);
        Some(Change::Down)
    }

    /// An attempt starts on the node. `None` when a time does not fit the clock.
    #[inline]
    pub fn attempt_starts(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<()> {
        if self.any_busy { self.becomes_busier(now, node, queue) } else { Some(()) }
    }

    /// An attempt on the node is over.
    #[inline]
    pub fn attempt_ends(&mut self, now: Time, node: u32) {
        if self.any_busy {
            self.becomes_idler(now, node);
        }
    }

    fn clocked_by_work(&mut self, node: u32) -> Option<(&mut Failing<Q::Ticket>, &mut Clock)> {
        let index = self.of_node[node as usize] as usize;
        let failing = self.failing.get_mut(index)?;
        let busy = self.kinds[failing.kind as usize].fails == FailsWhen::Busy;
        busy.then_some((failing, self.clocks.get_mut(index)?))
    }

    fn becomes_busier(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<()> {
        let Some((failing, clock)) = self.clocked_by_work(node) else { return Some(()) };
        // News of a start may come after the node went down: the attempt is gone, and with it the work.
        if !failing.up {
            return Some(());
        }
        clock.running += 1;
        if clock.running == 1 {
            clock.busy_since = now;
            failing.next = queue.put(now.checked_add(clock.up_left)?, node);
        }
        Some(())
    }

    fn becomes_idler(&mut self, now: Time, node: u32) {
        let Some((failing, clock)) = self.clocked_by_work(node) else { return };
        // A node that went down has no attempts left to end.
        if clock.running == 0 {
            return;
        }
        clock.running -= 1;
        if clock.running == 0 {
            clock.up_left.0 -= now.since(clock.busy_since).0;
            failing.next = Q::NONE;
        }
    }
}
