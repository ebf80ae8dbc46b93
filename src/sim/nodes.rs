//! The truth about nodes: when each really goes down and comes up again.

use super::event_queue::{EventNumber, EventQueue, Kind};
use super::world::World;
use crate::faults::{FailsWhen, NodeFaults};
use crate::random::{Purpose, Stream, Streams};
use crate::time::{Duration, Time};

/// A node that can fail.
#[derive(Clone, Debug)]
struct Failing {
    kind: u32,
    up: bool,
    ups: Stream,
    downs: Stream,
    /// Its next change, if one is in the queue.
    next: EventNumber,
    /// With `fails = "busy"`: attempts it runs, when it last became busy, and what is left of its
    /// up time.
    running: u32,
    busy_since: Time,
    up_left: Duration,
}

/// All nodes that can fail.
#[derive(Clone, Debug)]
pub(super) struct Nodes<'a> {
    kinds: &'a [NodeFaults],
    failing: Vec<Failing>,
    /// Index into `failing` by node, or none.
    of_node: Vec<u32>,
    /// Whether any node fails only while busy.
    any_busy: bool,
}

const NEVER_FAILS: u32 = u32::MAX;

/// A change of a node that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It goes down.
    Down,
    /// It comes up.
    Up,
    /// Nothing: the event was overtaken.
    Stale,
}

impl<'a> Nodes<'a> {
    /// All nodes up at time 0, their clocks of failure started where they run always.
    ///
    /// `None` when a time does not fit the clock.
    pub(super) fn new(world: &'a World, streams: Streams, queue: &mut EventQueue) -> Option<Self> {
        let mut nodes = Nodes {
            kinds: &world.faults,
            failing: Vec::new(),
            of_node: vec![NEVER_FAILS; world.nodes.len()],
            any_busy: false,
        };
        let (ups, downs) = (streams.key(Purpose::NodeUp), streams.key(Purpose::NodeDown));
        for (node, kind) in world.fault_of.iter().enumerate() {
            let Some(kind) = *kind else { continue };
            nodes.of_node[node] = nodes.failing.len() as u32;
            let mut failing = Failing {
                kind,
                up: true,
                ups: ups.stream(node as u64),
                downs: downs.stream(node as u64),
                next: EventNumber::NONE,
                running: 0,
                busy_since: Time::ZERO,
                up_left: Duration::ZERO,
            };
            let faults = &world.faults[kind as usize];
            let up = Duration::from_seconds(faults.up.sample(&mut failing.ups))?;
            match faults.fails {
                FailsWhen::Always => failing.next = queue.push(Time(up.0), Kind::Node, node as u32),
                FailsWhen::Busy => {
                    failing.up_left = up;
                    nodes.any_busy = true;
                }
            }
            nodes.failing.push(failing);
        }
        Some(nodes)
    }

    /// The event `number` about `node` is due: what it means, with the next one scheduled.
    /// `None` when a time does not fit the clock.
    pub(super) fn change(
        &mut self,
        now: Time,
        node: u32,
        number: EventNumber,
        queue: &mut EventQueue,
    ) -> Option<Change> {
        let failing = &mut self.failing[self.of_node[node as usize] as usize];
        if failing.next != number {
            return Some(Change::Stale);
        }
        let faults = &self.kinds[failing.kind as usize];
        failing.next = EventNumber::NONE;
        failing.up = !failing.up;
        if failing.up {
            let up = Duration::from_seconds(faults.up.sample(&mut failing.ups))?;
            match faults.fails {
                FailsWhen::Always => {
                    failing.next = queue.push(now.checked_add(up)?, Kind::Node, node);
                }
                FailsWhen::Busy => failing.up_left = up,
            }
            return Some(Change::Up);
        }
        failing.running = 0;
        let down = Duration::from_seconds(faults.down.sample(&mut failing.downs))?;
        failing.next = queue.push(now.checked_add(down)?, Kind::Node, node);
        Some(Change::Down)
    }

    /// An attempt starts on the node. `None` when a time does not fit the clock.
    #[inline]
    pub(super) fn attempt_starts(&mut self, now: Time, node: u32, queue: &mut EventQueue) -> Option<()> {
        if self.any_busy { self.becomes_busier(now, node, queue) } else { Some(()) }
    }

    /// An attempt on the node is over.
    #[inline]
    pub(super) fn attempt_ends(&mut self, now: Time, node: u32) {
        if self.any_busy {
            self.becomes_idler(now, node);
        }
    }

    fn clocked_by_work(&mut self, node: u32) -> Option<&mut Failing> {
        let failing = self.failing.get_mut(self.of_node[node as usize] as usize)?;
        (self.kinds[failing.kind as usize].fails == FailsWhen::Busy).then_some(failing)
    }

    fn becomes_busier(&mut self, now: Time, node: u32, queue: &mut EventQueue) -> Option<()> {
        let Some(failing) = self.clocked_by_work(node) else { return Some(()) };
        failing.running += 1;
        if failing.running == 1 {
            failing.busy_since = now;
            failing.next = queue.push(now.checked_add(failing.up_left)?, Kind::Node, node);
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
            failing.next = EventNumber::NONE;
        }
    }
}
