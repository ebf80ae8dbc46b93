//! Who belongs to the cluster when: nodes that join late, leave as planned, or boot when they are asked to.
//!
//! A node that does not belong to the cluster neither ages nor breaks. Its clock of failure starts when it
//! joins, and draws from the streams of its number, so that it meets the same failures whoever asked for it
//! and whatever others do. It stops when the node leaves; one that comes again is as good as new.

use super::clocks::{Change, NodeClocks, Timers};
use super::{FailsWhen, NodeFaults};
use crate::distribution::Distribution;
use crate::random::{Purpose, StreamKey, Streams};
use crate::time::{Duration, Time};

/// When a node is there, as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The instant it joins; `Time::NEVER` when only the scheduler can ask for it.
    pub join: Time,
    /// The instant it is to take no new tasks any more, and to leave once it is empty; later than `join`.
    pub leave: Time,
}

impl Stay {
    /// From the start to the end.
    pub const ALWAYS: Stay = Stay { join: Time::ZERO, leave: Time::NEVER };
}

impl Default for Stay {
    fn default() -> Self {
        Stay::ALWAYS
    }
}

/// Who belongs to the cluster when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Membership {
    /// By node; empty when all are there from the start to the end.
    pub stays: Vec<Stay>,
    /// From the instant at which a node is asked for until it joins, in seconds; `None` for no time at all.
    pub boot_delay: Option<Distribution>,
}

impl Membership {
    /// Whether the node is there from the start.
    pub fn starts_with(&self, node: u32) -> bool {
        self.stays.get(node as usize).is_none_or(|stay| stay.join == Time::ZERO)
    }
}

/// A node that joins or is to leave as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    at: Time,
    /// Those that join come first: what waits at those that leave may go there.
    leaves: bool,
    node: u32,
}

/// What is true of a node that may come and go.
#[derive(Clone, Copy, Debug)]
struct Member<T> {
    there: bool,
    /// How often it has joined, and how often it was asked for.
    joins: u32,
    boots: u32,
    /// Its boot, if it is under way.
    boot: T,
}

/// The truth about who is there.
#[derive(Clone, Debug)]
pub(super) struct Members<'a, T> {
    members: Vec<Member<T>>,
    steps: Vec<Step>,
    next: usize,
    /// The name of the next step.
    ticket: T,
    boot_delay: Option<&'a Distribution>,
    boots: StreamKey,
}

impl<'a, T: Copy> Members<'a, T> {
    /// Nothing where all are there from the start to the end.
    pub(super) fn new(plan: &'a Membership, none: T, streams: Streams) -> Option<Box<Self>> {
        if plan.stays.is_empty() {
            return None;
        }
        let mut steps = Vec::new();
        let mut members = Vec::with_capacity(plan.stays.len());
        for (node, stay) in (0u32..).zip(&plan.stays) {
            let there = stay.join == Time::ZERO;
            members.push(Member { there, joins: u32::from(there), boots: 0, boot: none });
            if !there && stay.join != Time::NEVER {
                steps.push(Step { at: stay.join, leaves: false, node });
            }
            if stay.leave != Time::NEVER {
                steps.push(Step { at: stay.leave, leaves: true, node });
            }
        }
        steps.sort_unstable();
        let boots = streams.key(Purpose::BootDelay);
        let boot_delay = plan.boot_delay.as_ref();
        Some(Box::new(Members { members, steps, next: 0, ticket: none, boot_delay, boots }))
    }
}

impl<Q: Timers> NodeClocks<'_, Q> {
    /// Whether the node belongs to the cluster.
    pub fn is_there(&self, node: u32) -> bool {
        self.members.as_ref().is_none_or(|all| all.members[node as usize].there)
    }

    /// Puts the next planned step down.
    pub(super) fn put_member(&mut self, queue: &mut Q) {
        if let Some(all) = &mut self.members {
            let next = all.steps.get(all.next);
            all.ticket = next.map_or(Q::NONE, |step| queue.put(step.at, step.node));
        }
    }

    /// Whether the change that `ticket` names is that a node joins or is to leave.
    pub(super) fn is_of_member(&self, node: u32, ticket: Q::Ticket) -> bool {
        self.members
            .as_ref()
            .is_some_and(|all| ticket == all.ticket || ticket == all.members[node as usize].boot)
    }

    /// A node joins or is to leave. `None` when a time does not fit the clock.
    pub(super) fn change_member(
        &mut self,
        now: Time,
        node: u32,
        ticket: Q::Ticket,
        queue: &mut Q,
    ) -> Option<Change> {
        let Some(all) = &mut self.members else { return Some(Change::None) };
        if ticket != all.ticket {
            all.members[node as usize].boot = Q::NONE;
            return self.enter(now, node, queue);
        }
        let leaves = all.steps[all.next].leaves;
        all.next += 1;
        self.put_member(queue);
        if leaves { Some(Change::Leaves) } else { self.enter(now, node, queue) }
    }

    /// The node, which is not there, is asked for: it boots, and joins when that is done. `None` when that
    /// does not fit the clock.
    pub fn boot(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<()> {
        let Some(all) = &mut self.members else { return Some(()) };
        let member = &mut all.members[node as usize];
        member.boots += 1;
        let seconds = all.boot_delay.map_or(0.0, |delay| {
            delay.sample(&mut all.boots.stream2(u64::from(node), u64::from(member.boots)))
        });
        member.boot = queue.put(now.checked_add(Duration::from_seconds(seconds)?)?, node);
        Some(())
    }

    /// The node belongs to the cluster from now on, in working order. It is up unless an outage holds.
    fn enter(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<Change> {
        let Some(all) = &mut self.members else { return Some(Change::None) };
        let member = &mut all.members[node as usize];
        let first = member.joins == 0;
        (member.there, member.joins) = (true, member.joins + 1);
        let index = self.of_node[node as usize] as usize;
        let kinds = self.kinds;
        if let Some(kind) = self.failing.get(index).map(|failing| failing.kind) {
            let NodeFaults { up, fails, .. } = &kinds[kind as usize];
            let seconds = match first {
                true => up.sample(&mut self.ups.stream(u64::from(node))),
                false => up.sample(&mut self.draws(node).ups),
            };
            let up = Duration::from_seconds(seconds)?;
            match fails {
                FailsWhen::Always => self.failing[index].next = queue.put(now.checked_add(up)?, node),
                FailsWhen::Busy => self.clocks[index].up_left = up,
            }
        }
        Some(Change::Joins { up: !self.is_out(node) })
    }

    /// The node, where nothing runs any more, belongs to the cluster no longer. `None` when a time does not
    /// fit the clock.
    pub fn leave(&mut self, now: Time, node: u32, queue: &mut Q) -> Option<()> {
        let Some(all) = &mut self.members else { return Some(()) };
        all.members[node as usize].there = false;
        let index = self.of_node[node as usize] as usize;
        self.forget_attempts(index);
        let Some(failing) = self.failing.get_mut(index) else { return Some(()) };
        let next = std::mem::replace(&mut failing.next, Q::NONE);
        if std::mem::replace(&mut failing.up, true) {
            return Some(());
        }
        // It takes its repairer's time no longer, or its place among those that wait for one.
        if next != Q::NONE {
            return self.release_repairer(now, queue);
        }
        self.crew.forget(node);
        Some(())
    }
}
