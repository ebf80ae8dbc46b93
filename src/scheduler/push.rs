//! Push: a task is bound to a node when it arrives and waits in that node's queue.
//!
//! Source: how load balancers in front of servers work; Harchol-Balter, "Performance Modeling and
//! Design of Computer Systems", 2013, part VII. Cost: one choice of the place per task, O(1) for the
//! queue under first come, first served, O(log n) otherwise.
//! A bad idea when tasks differ much in length: one can wait behind a long task while other nodes are
//! idle.

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Interrupts, Order, Place, Policy, Step};
use super::record::Observer;
use crate::ids::NodeId;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    #[inline(always)]
    pub(super) fn decide_push<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        self.gather_unplaced(commands);
        let alone = self.unplaced.len() == 1;
        let mut starting = 0;
        if self.unplaced.len() > 1 {
            if self.policy.parts().1.binds_in_order() {
                self.put_in_order(now);
            } else {
                self.order_failed(now);
            }
        }
        for at in 0..self.unplaced.len() {
            let slot = self.unplaced[at];
            let view = self.tasks.view(slot);
            let slots = view.slots();
            let chosen = self.policy.parts().1.choose(&view, &self.cluster);
            if self.limited {
                let unplaced = (self.unplaced.len() - at) as u64;
                if self.is_refused(slot, chosen, starting, unplaced) {
                    self.refuse_task(now, slot, commands, observer);
                    continue;
                }
                let starts = chosen.is_some_and(|node| self.cluster.starts_at_once(node, slot, &self.tasks));
                starting += u64::from(starts);
            }
            let Some(node) = chosen else {
                self.parked.push(slot);
                self.tries_parked = self.limited;
                continue;
            };
            debug_assert!(self.cluster.room(node) >= slots, "the place chose a node without room");
            self.fetch_soon();
            let state = &mut self.cluster.nodes[node.index()];
            state.load += 1;
            // With nobody to compete there is no need to go through the queue.
            let room = state.free >= slots && state.queue_front(&self.tasks).is_none();
            if alone && room && self.cluster.covers(node, slot, &self.tasks) {
                if self.interrupts != Interrupts::Never {
                    self.set_key(now, slot, node.0);
                }
                self.start(now, slot, node, commands, observer);
            } else {
                self.tasks.hot[slot as usize].node = node.0;
                self.set_key(now, slot, node.0);
                self.cluster.enqueue(slot, node, &mut self.tasks);
                self.follow(now, Step::Queued, slot, node);
                self.load_changed(node);
                if self.cluster.nodes[node.index()].free > 0 || self.interrupts != Interrupts::Never {
                    self.mark_dirty(node);
                }
            }
        }
        self.unplaced.clear();
        self.arrived.clear();
        for at in 0..self.dirty.len() {
            let node = self.dirty[at];
            self.cluster.nodes[node.index()].dirty = false;
            self.advance(now, node, commands, observer);
        }
        self.dirty.clear();
    }

    /// Brings back those that found no node earlier, if they are to be tried again.
    #[inline(always)]
    pub(super) fn gather_unplaced(&mut self, commands: &mut Commands) {
        if self.tries_parked {
            self.tries_parked = false;
            // Those that waited longest are placed first.
            self.parked.append(&mut self.unplaced);
            std::mem::swap(&mut self.parked, &mut self.unplaced);
        }
        if self.limited {
            self.forget_those_who_left(commands);
        }
    }

    /// Puts the tasks that are to be bound to nodes into the order in which they would leave one queue.
    #[cold]
    pub(super) fn put_in_order(&mut self, now: Time) {
        let mut unplaced = std::mem::take(&mut self.unplaced);
        for &slot in &unplaced {
            self.set_key(now, slot, 0);
        }
        unplaced.sort_unstable_by_key(|&slot| {
            let task = &self.tasks.hot[slot as usize];
            (task.key, task.number)
        });
        self.unplaced = unplaced;
    }

    /// Starts what the head of the node's queue allows.
    #[inline(always)]
    pub(super) fn advance<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        if self.moving.is_some() {
            self.rekey_node(now, node);
        }
        self.fill(now, node, commands, observer);
        if matches!(self.interrupts, Interrupts::ForBetter | Interrupts::ForShorter) {
            self.interrupt_at(now, node, commands, observer);
        }
    }

    /// Gives free slots of the node to the first of its queue.
    #[inline(always)]
    pub(super) fn fill<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        loop {
            // Do not even look at a task that cannot start: it may be far away in memory.
            if self.cluster.nodes[node.index()].free == 0 {
                return;
            }
            let Some(slot) = self.front(node, commands) else { return };
            if !self.cluster.can_start(node, slot, &self.tasks) {
                return;
            }
            self.cluster.dequeue(slot, node, &mut self.tasks);
            self.policy.parts().0.taken(self.tasks.hot[slot as usize].key, node.0);
            self.start(now, slot, node, commands, observer);
        }
    }
}
