//! Pull: tasks wait in one central queue; a free node takes the next.
//!
//! Source: the central queue M/G/c; Kleinrock, "Queueing Systems", 1975. Cost: one choice of the place
//! per task, and O(1) for the queue under first come, first served, O(log n) otherwise.
//! A bad idea when asking for the next task takes long: a node is idle from one task to the next for
//! as long as news takes.
//!
//! With a `batch` above 1 a node takes several tasks at a time (prefetching, `prefetching.rs`): those that it
//! cannot start at once wait there in their order, and travel while they wait. They are bound early: one can
//! wait behind a long task while other nodes are idle.

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Backfill, Candidate, Interrupts, Order, Pass, Place, Policy};
use super::record::Observer;
use crate::ids::NodeId;
use crate::structures::memory;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    #[inline(always)]
    pub(super) fn decide_pull<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        if let Some(slot) = self.unplaced.pop() {
            if self.is_taken() {
                return self.queue_centrally(now, slot);
            }
            // With nobody to compete there is no need to go through the queue.
            let chosen = self.policy.parts().1.choose(&self.tasks.view(slot), &self.cluster);
            match chosen {
                Some(node) => {
                    if self.interrupts != Interrupts::Never {
                        self.set_key(now, slot, 0);
                    }
                    self.start_pulled(now, slot, node, commands, observer);
                }
                None => self.queue_centrally(now, slot),
            }
            return;
        }
        if self.indexed && self.moving.is_some() {
            self.rekey_centrally(now);
        }
        if self.window > 0 {
            return self.start_assigned(now, commands, observer);
        }
        self.start_from_queue(now, commands, observer);
    }

    /// Starts what the place assigns, a window of waiting tasks at a time.
    #[cold]
    fn start_assigned<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        loop {
            let mut window = std::mem::take(&mut self.scratch);
            self.waiting.first_into(self.window, &mut window);
            let assigned = !window.is_empty() && self.policy.parts().1.plan(now, &window, &self.tasks);
            for slot in window.drain(..).filter(|_| assigned) {
                let view = self.tasks.view(slot);
                let chosen = self.policy.parts().1.choose(&view, &self.cluster);
                // A node on trial takes no more than it may, whatever was assigned to it.
                let Some(node) = chosen.filter(|node| self.cluster.is_up(*node)) else { continue };
                self.take_from_queue(slot);
                self.start_pulled(now, slot, node, commands, observer);
            }
            self.scratch = window;
            if !assigned {
                return;
            }
        }
    }

    /// Starts the tasks at the front of the central queue while they find room.
    #[inline]
    pub(super) fn start_from_queue<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        loop {
            if self.is_taken() {
                return;
            }
            let Some(slot) = self.first_waiting() else { return };
            if self.indexed && self.policy.parts().2.plans_all() {
                return self.backfill(now, slot, commands, observer);
            }
            let view = self.tasks.view(slot);
            let Some(node) = self.policy.parts().1.choose(&view, &self.cluster) else {
                if self.indexed {
                    self.head_is_blocked(now, slot, commands, observer);
                }
                return;
            };
            self.take_first(slot);
            self.start_pulled(now, slot, node, commands, observer);
        }
    }

    /// Takes the task that goes next out of the central queue.
    #[inline(always)]
    pub(super) fn take_first(&mut self, slot: u32) {
        self.policy.parts().0.taken(self.tasks.hot[slot as usize].key, 0);
        if self.indexed {
            self.unindex(slot);
            self.committed = None;
        } else {
            self.ready.pop();
            if let Some(soon) = self.ready.upcoming() {
                memory::prefetch(&self.tasks.hot, soon as usize);
            }
        }
    }

    pub(super) fn head_is_blocked<O: Observer>(
        &mut self,
        now: Time,
        head: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let backfill = self.policy.parts().2;
        let active = backfill.is_active();
        if backfill.commits_head() {
            self.committed = Some(self.tasks.id(head));
        }
        if active {
            self.backfill(now, head, commands, observer);
        }
    }

    /// The task that goes next.
    #[inline(always)]
    pub(super) fn first_waiting(&mut self) -> Option<u32> {
        if !self.indexed {
            return self.ready.peek();
        }
        if !self.policy.parts().0.is_grouped() {
            return self.indexed_head();
        }
        loop {
            let order = self.policy.parts().0;
            let group = order.first_group()?;
            // The queue goes by group, then by number.
            match self.waiting.first_from(group) {
                Some(slot) if self.tasks.hot[slot as usize].key == group => return Some(slot),
                _ => order.group_is_empty(group),
            }
        }
    }

    #[inline(always)]
    pub(super) fn start_pulled<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        debug_assert!(self.cluster.room(node) >= self.tasks.hot[slot as usize].slots, "no room");
        self.cluster.nodes[node.index()].load += 1;
        self.start(now, slot, node, commands, observer);
    }

    /// Starts those that the rule lets overtake a blocked head, or all whose turn it is by its plan.
    fn backfill<O: Observer>(&mut self, now: Time, head: u32, commands: &mut Commands, observer: &mut O) {
        macro_rules! pass {
            () => {
                &Pass {
                    now,
                    head,
                    waiting: &self.waiting,
                    candidates: if self.reordered { &self.candidates } else { &self.waiting },
                    tasks: &self.tasks,
                    cluster: &self.cluster,
                }
            };
        }
        self.policy.parts().2.begin(pass!());
        while let Some(candidate) = self.policy.parts().2.next(pass!()) {
            let chosen = self.choose_within_limits(&candidate);
            if let Some(node) = chosen {
                self.take_from_queue(candidate.slot);
                self.start_pulled(now, candidate.slot, node, commands, observer);
                self.policy.parts().2.started(candidate, node, pass!());
            } else {
                self.policy.parts().2.passed_over(candidate, pass!());
            }
        }
    }
    /// Takes a task out of the central queue, to be started, from wherever it stands there.
    fn take_from_queue(&mut self, slot: u32) {
        if self.waiting.first() == Some(slot) {
            self.policy.parts().0.taken(self.tasks.hot[slot as usize].key, 0);
        }
        self.unindex(slot);
    }

    /// A node for a task that may overtake, within the room that the rule leaves it.
    fn choose_within_limits(&mut self, candidate: &Candidate) -> Option<NodeId> {
        if let Some((capped, most)) = candidate.cap {
            self.cluster.limit(capped, most);
            self.policy.parts().1.node_changed(capped, &self.cluster);
        }
        for at in 0..self.policy.parts().2.closed().len() {
            let node = self.policy.parts().2.closed()[at];
            self.cluster.limit(node, 0);
            self.policy.parts().1.node_changed(node, &self.cluster);
        }
        let chosen = self.policy.parts().1.choose(&self.tasks.view(candidate.slot), &self.cluster);
        while let Some(node) = self.cluster.lift_limit() {
            self.policy.parts().1.node_changed(node, &self.cluster);
        }
        chosen
    }
}
