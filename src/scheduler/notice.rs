//! What the parts of a policy are told of what happens at nodes.

use super::machine::Scheduler;
use super::policy::{Backfill, Dispatch, Order, Place, Policy, Step};
use super::record::{Observer, Record};
use super::task::Task;
use crate::ids::NodeId;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// The node's load or free slots have changed.
    #[inline(always)]
    pub(super) fn load_changed(&mut self, node: NodeId) {
        if self.cluster.dispatch() == Dispatch::Push {
            if self.thieves.is_some() {
                self.note_for_thieves(node);
            }
            if !self.cluster.rooms_move {
                return self.policy.parts().1.load_changed(node, &self.cluster);
            }
        }
        self.node_changed(node);
    }

    /// The node's queue must be looked at before the instant is over.
    #[inline]
    pub(super) fn mark_dirty(&mut self, node: NodeId) {
        let state = &mut self.cluster.nodes[node.index()];
        if !state.dirty {
            state.dirty = true;
            self.dirty.push(node);
        }
    }

    /// A task has come to a node or left it.
    #[inline(always)]
    pub(super) fn follow(&mut self, now: Time, step: Step, slot: u32, node: NodeId) {
        if self.accounted {
            self.tell_place(now, step, slot, node);
        }
    }

    #[inline(never)]
    fn tell_place(&mut self, now: Time, step: Step, slot: u32, node: NodeId) {
        self.policy.parts().1.follow(now, step, &self.tasks.view(slot), node);
    }

    /// The node's room has changed.
    #[inline(always)]
    pub(super) fn node_changed(&mut self, node: NodeId) {
        let (_, place, backfill) = self.policy.parts();
        place.node_changed(node, &self.cluster);
        if backfill.is_active() {
            backfill.node_changed(node, &self.cluster);
        }
    }

    /// The attempt no longer takes anything of its node.
    #[inline(always)]
    pub(super) fn vacate<O: Observer>(&mut self, now: Time, slot: u32, node: NodeId, observer: &mut O) {
        self.cluster.vacate(slot, node, &mut self.tasks);
        self.follow(now, Step::Left, slot, node);
        if self.watched {
            self.tell_ended(now, slot, node, observer);
        }
    }

    /// The attempt no longer takes anything of its node, where others may start.
    pub(super) fn leave_node<O: Observer>(&mut self, now: Time, slot: u32, node: NodeId, observer: &mut O) {
        self.vacate(now, slot, node, observer);
        self.load_changed(node);
        if self.queues_at_nodes {
            self.mark_dirty(node);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn tell_started(&mut self, now: Time, slot: u32, node: NodeId) {
        self.policy.parts().0.started(&self.tasks.view(slot), node, &self.cluster);
        if let Some(moving) = &mut self.moving {
            moving.started(self.tasks.hot[slot as usize].slots);
        }
        if let Some(autoscaler) = &mut self.autoscaler {
            autoscaler.started(now, self.tasks.hot[slot as usize].slots);
        }
        let (task, goes_on) = (self.named(slot), self.tasks.was_interrupted(slot));
        let Task { started, attempts, .. } = self.tasks.hot[slot as usize];
        let compensates = self.is_compensation(task.number);
        if let Some(limits) = &mut self.time_limits {
            limits.attempt_sent(task, goes_on);
            if started != Time::NEVER && !compensates {
                limits.attempt_begins(started, task);
            }
        }
        if self.speculation.is_some() {
            self.attempt_sent(slot, node);
        }
        if let Some(budget) = self.retry_budget.as_mut().filter(|_| attempts == 1 && !compensates) {
            budget.deposit();
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_ended<O: Observer>(&mut self, now: Time, slot: u32, node: NodeId, observer: &mut O) {
        if let Some(moving) = &mut self.moving {
            moving.ended(self.tasks.hot[slot as usize].slots);
        }
        if let Some(autoscaler) = &mut self.autoscaler {
            autoscaler.ended(now, self.tasks.hot[slot as usize].slots);
        }
        if self.speculation.is_some() {
            self.attempt_left(slot, node);
        }
        let view = self.tasks.view(slot);
        // An attempt whose start was not yet reported has taken no time.
        let held = now.since(view.started());
        self.policy.parts().0.ended(&view, node, held, &self.cluster);
        let demand = view.details().demand;
        if let Some(limits) = &mut self.time_limits {
            limits.attempt_ends(slot, held);
        }
        if demand != 0 {
            let task = self.tasks.id(slot);
            observer.on_record(now, &Record::Released { task, node, demand, held });
        }
    }
}
