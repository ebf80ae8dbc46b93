//! The truth about nodes: when each really goes down and comes up again.
//!
//! Drivers ask in simulated and in real time alike, so that both meet the same failures: the times
//! come from streams keyed by node, whatever happens to be asked first.

use super::{FailsWhen, NodeFaults};
use crate::random::{Purpose, Stream, Streams};
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

/// A node that can fail.
#[derive(Clone, Debug)]
struct Failing<T> {
    kind: u32,
    up: bool,
    ups: Stream,
    downs: Stream,
    /// Its next change, if one is in the queue.
    next: T,
    /// With `fails = "busy"`: attempts it runs, when it last became busy, and what is left of its
    /// up time.
    running: u32,
    busy_since: Time,
    up_left: Duration,
}

/// The clocks of all nodes that can fail.
#[derive(Clone, Debug)]
pub struct NodeClocks<'a, Q: Timers> {
    kinds: &'a [NodeFaults],
    failing: Vec<Failing<Q::Ticket>>,
    /// Index into `failing` by node, or none.
    of_node: Vec<u32>,
    /// Whether any node fails only while busy.
    any_busy: bool,
}

const NEVER_FAILS: u32 = u32::MAX;

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
        let mut nodes = NodeClocks {
            kinds,
            failing: Vec::new(),
            of_node: vec![NEVER_FAILS; fault_of.len()],
            any_busy: false,
        };
        let (ups, downs) = (streams.key(Purpose::NodeUp), streams.key(Purpose::NodeDown));
        for (node, kind) in fault_of.iter().enumerate() {
            let Some(kind) = *kind else { continue };
            nodes.of_node[node] = nodes.failing.len() as u32;
            let mut failing = Failing {
                kind,
                up: true,
                ups: ups.stream(node as u64),
                downs: downs.stream(node as u64),
                next: Q::NONE,
                running: 0,
                busy_since: Time::ZERO,
                up_left: Duration::ZERO,
            };
            let faults = &kinds[kind as usize];
            let up = Duration::from_seconds(faults.up.sample(&mut failing.ups))?;
            match faults.fails {
                FailsWhen::Always => failing.next = queue.put(Time(up.0), node as u32),
                FailsWhen::Busy => {
                    failing.up_left = up;
                    nodes.any_busy = true;
                }
            }
            nodes.failing.push(failing);
        }
        Some(nodes)
    }

    /// The change of `node` that `ticket` names is due: what it means, with the next one scheduled.
    /// `None` when a time does not fit the clock.
    pub fn change(&mut self, now: Time, node: u32, ticket: Q::Ticket, queue: &mut Q) -> Option<Change> {
        let failing = &mut self.failing[self.of_node[node as usize] as usize];
        if failing.next != ticket {
            return Some(Change::Stale);
        }
        let faults = &self.kinds[failing.kind as usize];
        failing.next = Q::NONE;
        failing.up = !failing.up;
        if failing.up {
            let up = Duration::from_seconds(faults.up.sample(&mut failing.ups))?;
            match faults.fails {
                FailsWhen::Always => {
                    failing.next = queue.put(now.checked_add(up)?, node);
                }
                FailsWhen::Busy => failing.up_left = up,
            }
            return Some(Change::Up);
        }
        failing.running = 0;
        let down = Duration::from_seconds(faults.down.sample(&mut failing.downs))?;
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

    fn clocked_by_work(&mut self, node: u32) -> Option<&mut Failing<Q::Ticket>> {
        let failing = self.failing.get_mut(self.of_node[node as usize] as usize)?;
        (self.kinds[failing.kind as usize].fails == FailsWhen::Busy).then_some(failing)
    }

    fn becomes_busier(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<()> {
        let Some(failing) = self.clocked_by_work(node) else { return Some(()) };
        // News of a start may come after the node went down: the attempt is gone, and with it the work.
        if !failing.up {
            return Some(());
        }
        failing.running += 1;
        if failing.running == 1 {
            failing.busy_since = now;
            failing.next = queue.put(now.checked_add(failing.up_left)?, node);
        }
        Some(())
    }

    fn becomes_idler(&mut self, now: Time, node: u32) {
        let Some(failing) = self.clocked_by_work(node) else { return };
        // A node that went down has no attempts left to end.
        if failing.running == 0 {
            return;
        }
        failing.running -= 1;
        if failing.running == 0 {
            failing.up_left.0 -= now.since(failing.busy_since).0;
            failing.next = Q::NONE;
        }
    }
}
