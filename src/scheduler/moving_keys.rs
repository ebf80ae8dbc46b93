//! Keys that move with time: before choices are made they are asked for again, of all that wait in the
//! queue at hand and, where better tasks interrupt, of what runs.
//!
//! Such keys may change places in any way, so no index could answer without asking for all. A queue is
//! looked at again only when it has something to decide (somebody waits, and a slot is free or might be
//! made free) and when the order's own schedule says so; between two looks its keys stand still, but for
//! tasks that come. O(n log n) for n that wait, O(n) when they keep their places; nothing is allocated
//! once memory has grown. Policies whose keys stand still have nothing of all this.

use super::batch::entry;
use super::machine::Scheduler;
use super::policy::{Backfill, Dispatch, Interrupts, Order, Policy};
use super::task::Tasks;
use crate::ids::NodeId;
use crate::time::{Duration, Time};

/// How often keys are asked for again, and when they were last.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    every: Duration,
    last: Option<Time>,
}

impl Schedule {
    fn new(every: Duration) -> Self {
        Schedule { every, last: None }
    }

    /// Whether it is time; then it has been.
    fn is_due(&mut self, now: Time) -> bool {
        let due = self.last.is_none_or(|last| now.since(last) >= self.every);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// What is known of the keys of a policy that move.
#[derive(Clone, Debug)]
pub(super) struct MovingKeys {
    /// Of the central queue, if the order's keys move.
    order: Option<Schedule>,
    /// Of the order in which tasks may overtake.
    candidates: Option<Schedule>,
    /// Of each node's queue, under push.
    nodes: Vec<Schedule>,
    /// Whether the first in line matters though no slot is free.
    always: bool,
    /// Slots that attempts take, under pull.
    busy: u64,
    /// Kept to use their memory again.
    entries: Vec<u128>,
    slots: Vec<u32>,
}

impl MovingKeys {
    /// For this policy, if any of its keys move.
    pub(super) fn new<P: Policy>(policy: &mut P, nodes: usize, interrupts: bool) -> Option<Box<Self>> {
        let push = policy.dispatch() == Dispatch::Push;
        let (order, _, backfill) = policy.parts();
        let (order, candidates) = (order.moves(), backfill.candidates_move());
        if order.is_none() && candidates.is_none() {
            return None;
        }
        let by_node = order.filter(|_| push).map(Schedule::new);
        Some(Box::new(MovingKeys {
            order: order.map(Schedule::new),
            candidates: candidates.map(Schedule::new),
            nodes: by_node.map_or_else(Vec::new, |schedule| vec![schedule; nodes]),
            always: interrupts || backfill.plans_all() || backfill.commits_head(),
            busy: 0,
            entries: Vec::new(),
            slots: Vec::new(),
        }))
    }

    /// An attempt that takes so many slots was sent to its node.
    pub(super) fn started(&mut self, slots: u32) {
        self.busy += u64::from(slots);
    }

    /// It is over.
    pub(super) fn ended(&mut self, slots: u32) {
        self.busy -= u64::from(slots);
    }
}

impl<P: Policy> Scheduler<P> {
    /// Pull: brings the central queue up to date, if there is something to decide.
    #[cold]
    #[inline(never)]
    pub(super) fn rekey_centrally(&mut self, now: Time) {
        let Some(moving) = &mut self.moving else { return };
        // What runs on closed nodes takes nothing of those that are open.
        let full = moving.busy >= self.cluster.slots_up() && self.cluster.closures.is_none();
        if self.waiting.is_empty() || (full && !moving.always) {
            return;
        }
        let (order, _, backfill) = self.policy.parts();
        let tasks = &mut self.tasks;
        if moving.order.as_mut().is_some_and(|schedule| schedule.is_due(now)) {
            self.waiting.rekey(&mut moving.entries, |slot| renew(order, tasks, slot, now));
            if let Some(running) = &mut self.running {
                running.rekey(&mut moving.entries, |slot| renew(order, tasks, slot, now));
            }
        }
        if moving.candidates.as_mut().is_some_and(|schedule| schedule.is_due(now)) {
            let key = |slot: u32| backfill.candidate_key_now(&tasks.view(slot), now);
            self.candidates.rekey(&mut moving.entries, key);
        }
    }

    /// Push: brings the node's queue up to date, if there is something to decide.
    #[cold]
    #[inline(never)]
    pub(super) fn rekey_node(&mut self, now: Time, node: NodeId) {
        let Some(moving) = &mut self.moving else { return };
        let state = &mut self.cluster.nodes[node.index()];
        let may_start = state.free > 0 || self.interrupts != Interrupts::Never;
        if !may_start || state.queue_front(&self.tasks).is_none() {
            return;
        }
        if !moving.nodes.get_mut(node.index()).is_some_and(|schedule| schedule.is_due(now)) {
            return;
        }
        let order = self.policy.parts().0;
        moving.slots.clear();
        state.queue_members(&self.tasks, &mut moving.slots);
        moving.entries.clear();
        for &slot in &moving.slots {
            let key = renew(order, &mut self.tasks, slot, now);
            moving.entries.push(entry(key, self.tasks.hot[slot as usize].number, slot));
        }
        moving.entries.sort_unstable();
        state.queue_relink(moving.entries.iter().map(|&entry| entry as u32), &mut self.tasks);
        if self.interrupts != Interrupts::Never {
            moving.slots.clear();
            moving.slots.extend(self.cluster.running(node, &self.tasks));
            for &slot in &moving.slots {
                renew(order, &mut self.tasks, slot, now);
            }
        }
    }
}

/// The task's key as it is now, which it has from now on.
fn renew<O: Order>(order: &O, tasks: &mut Tasks, slot: u32, now: Time) -> u64 {
    let key = order.key_now(&tasks.view(slot), now);
    tasks.hot[slot as usize].key = key;
    key
}
