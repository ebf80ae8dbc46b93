//! The truth about nodes: when each really goes down and comes up again.
//!
//! Drivers ask in simulated and in real time alike, so that both meet the same failures: the times
//! come from streams keyed by node, whatever happens to be asked first.

use super::crew::Crew;
use super::membership::Members;
use super::outages::{self, Step};
use super::{FailsWhen, Faults, NodeFaults};
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
pub(super) struct Failing<T> {
    /// Its next change, if one is in the queue.
    pub(super) next: T,
    pub(super) kind: u32,
    /// Index of its generators, or none as long as it has not failed.
    draws: u32,
    pub(super) up: bool,
}

/// The generators of a node that has failed.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    pub(super) ups: Stream,
    downs: Stream,
}

/// A node whose clock of failure runs while it works.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Attempts it runs, when it last became busy, and what is left of its up time.
    running: u32,
    busy_since: Time,
    pub(super) up_left: Duration,
}

/// The truth about all nodes that can go down.
#[derive(Clone, Debug)]
pub struct NodeClocks<'a, Q: Timers> {
    pub(super) kinds: &'a [NodeFaults],
    pub(super) failing: Vec<Failing<Q::Ticket>>,
    draws: Vec<Draws>,
    /// Like `failing`, where any node fails only while busy.
    pub(super) clocks: Vec<Clock>,
    pub(super) ups: StreamKey,
    downs: StreamKey,
    /// Index into `failing` by node, or none.
    pub(super) of_node: Vec<u32>,
    any_busy: bool,
    pub(super) crew: Crew,
    /// Who is there, where nodes come and go.
    pub(super) members: Option<Box<Members<'a, Q::Ticket>>>,
    /// Begins and ends of outages, which of them is next, and its name.
    outages: Vec<Step>,
    next_outage: usize,
    outage: Q::Ticket,
    /// By node, whether an outage holds; empty without outages.
    out: Vec<bool>,
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
    /// It belongs to the cluster from now on.
    Joins {
        /// Whether it is up; if not, it comes up when its outage is over.
        up: bool,
    },
    /// It is to take no new tasks, and to leave the cluster once it is empty.
    Leaves,
    /// Nothing: the event was overtaken, or the node is down for another reason too.
    None,
}

impl<'a, Q: Timers> NodeClocks<'a, Q> {
    /// All nodes that are there at time 0 up, their clocks of failure started where they run always.
    ///
    /// `None` when a time does not fit the clock.
    pub fn new(faults: &'a Faults, nodes: usize, streams: Streams, queue: &mut Q) -> Option<Self> {
        let Faults { kinds, of_node: fault_of, .. } = faults;
        let failing = fault_of.iter().flatten().count();
        let any_busy = kinds.iter().any(|faults| faults.fails == FailsWhen::Busy);
        let outages = outages::steps(&faults.outages, nodes, streams);
        let mut clocks = NodeClocks {
            kinds,
            failing: Vec::with_capacity(failing),
            draws: Vec::new(),
            clocks: Vec::with_capacity(if any_busy { failing } else { 0 }),
            ups: streams.key(Purpose::NodeUp),
            downs: streams.key(Purpose::NodeDown),
            of_node: vec![NEVER_FAILS; nodes],
            any_busy,
            crew: Crew::new(faults.repair_crew),
            members: Members::new(&faults.membership, Q::NONE, streams),
            out: vec![false; if outages.is_empty() { 0 } else { nodes }],
            outages,
            next_outage: 0,
            outage: Q::NONE,
        };
        clocks.put_outage(queue);
        clocks.put_member(queue);
        for (node, kind) in fault_of.iter().enumerate() {
            let Some(kind) = *kind else { continue };
            clocks.of_node[node] = clocks.failing.len() as u32;
            let faults = &kinds[kind as usize];
            let up = Duration::from_seconds(faults.up.sample(&mut clocks.ups.stream(node as u64)))?;
            let next = match faults.fails {
                FailsWhen::Always if clocks.is_there(node as u32) => queue.put(Time(up.0), node as u32),
                FailsWhen::Always | FailsWhen::Busy => Q::NONE,
            };
            clocks.failing.push(Failing { next, kind, draws: NOT_YET, up: true });
            if any_busy {
                clocks.clocks.push(Clock { running: 0, busy_since: Time::ZERO, up_left: up });
            }
        }
        Some(clocks)
    }

    /// The change of `node` that `ticket` names is due: what it means, with the next one scheduled.
    /// `None` when a time does not fit the clock.
    pub fn change(&mut self, now: Time, node: u32, ticket: Q::Ticket, queue: &mut Q) -> Option<Change> {
        if ticket == self.outage {
            return Some(self.change_by_outage(now, queue));
        }
        if self.is_of_member(node, ticket) {
            return self.change_member(now, node, ticket, queue);
        }
        let index = self.of_node[node as usize] as usize;
        if self.failing.get(index).is_none_or(|failing| failing.next != ticket) {
            return Some(Change::None);
        }
        let change = match self.failing[index].up {
            true => self.fail(now, node, queue)?,
            false => self.recover(now, node, queue)?,
        };
        Some(if self.is_out(node) { Change::None } else { change })
    }

    /// The node's own clock says that it fails.
    fn fail(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<Change> {
        let index = self.of_node[node as usize] as usize;
        let kinds = self.kinds;
        let faults = &kinds[self.failing[index].kind as usize];
        let down = Duration::from_seconds(faults.down.sample(&mut self.draws(node).downs))?;
        self.forget_attempts(index);
        let failing = &mut self.failing[index];
        (failing.up, failing.next) = (false, Q::NONE);
        if self.crew.call(node, down) {
            failing.next = queue.put(now.checked_add(down)?, node);
        }
        Some(Change::Down)
    }

    /// The node's repair is done.
    fn recover(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<Change> {
        let index = self.of_node[node as usize] as usize;
        let kinds = self.kinds;
        let faults = &kinds[self.failing[index].kind as usize];
        let up = Duration::from_seconds(faults.up.sample(&mut self.draws(node).ups))?;
        let failing = &mut self.failing[index];
        (failing.up, failing.next) = (true, Q::NONE);
        match faults.fails {
            FailsWhen::Always => failing.next = queue.put(now.checked_add(up)?, node),
            FailsWhen::Busy => self.clocks[index].up_left = up,
        }
        self.release_repairer(now, queue)?;
        Some(Change::Up)
    }

    /// A repairer has nothing to do any more: the repair of the node that waits next begins.
    pub(super) fn release_repairer(&mut self, now: Time, queue: &mut Q) -> Option<()> {
        if let Some((next, down)) = self.crew.done() {
            let index = self.of_node[next as usize] as usize;
            self.failing[index].next = queue.put(now.checked_add(down)?, next);
        }
        Some(())
    }

    /// The generators of a node that fails or joins again, or for the first time.
    pub(super) fn draws(&mut self, node: u32) -> &mut Draws {
        let failing = &mut self.failing[self.of_node[node as usize] as usize];
        if failing.draws == NOT_YET {
            failing.draws = self.draws.len() as u32;
            let (mut ups, downs) = (self.ups.stream(u64::from(node)), self.downs.stream(u64::from(node)));
            // Its first up time was drawn at the start of the run.
            self.kinds[failing.kind as usize].up.sample(&mut ups);
            self.draws.push(Draws { ups, downs });
        }
        &mut self.draws[failing.draws as usize]
    }

    /// The next begin or end of an outage is due.
    fn change_by_outage(&mut self, now: Time, queue: &mut Q) -> Change {
        let Step { node, begins, .. } = self.outages[self.next_outage];
        self.next_outage += 1;
        self.put_outage(queue);
        self.out[node as usize] = begins;
        let index = self.of_node[node as usize] as usize;
        if !self.is_there(node) || self.failing.get(index).is_some_and(|failing| !failing.up) {
            return Change::None;
        }
        if !begins {
            return Change::Up;
        }
        // What runs there ends, and with it the node's ageing, if it ages by work.
        if let Some((failing, clock)) = self.clocked_by_work(node)
            && clock.running > 0
        {
            clock.up_left.0 -= now.since(clock.busy_since).0;
            failing.next = Q::NONE;
        }
        self.forget_attempts(index);
        Change::Down
    }

    fn put_outage(&mut self, queue: &mut Q) {
        let next = self.outages.get(self.next_outage);
        self.outage = next.map_or(Q::NONE, |step| queue.put(step.at, step.node));
    }

    pub(super) fn forget_attempts(&mut self, index: usize) {
        if let Some(clock) = self.clocks.get_mut(index) {
            clock.running = 0;
        }
    }

    pub(super) fn is_out(&self, node: u32) -> bool {
        self.out.get(node as usize).is_some_and(|out| *out)
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
        let out = self.is_out(node);
        let Some((failing, clock)) = self.clocked_by_work(node) else { return Some(()) };
        // News of a start may come after the node went down: the attempt is gone, and with it the work.
        if !failing.up || out {
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
