//! How a task comes to wait: to be placed (push), or in the central queue (pull), and under which key.

use super::machine::Scheduler;
use super::policy::{Dispatch, Entry, Order, Policy};
use crate::structures::ordered_index::NO_KIND;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// A task waits from now on; what becomes of it is decided when all facts are in.
    #[inline(always)]
    pub(super) fn enqueue(&mut self, now: Time, slot: u32) {
        if self.cluster.dispatch() == Dispatch::Push || self.is_alone() {
            self.unplaced.push(slot);
            return;
        }
        if let Some(first) = self.unplaced.pop() {
            self.queue_centrally(now, first);
        }
        self.queue_centrally(now, slot);
    }

    /// Pull: whether a task that comes now has nobody to compete with so far.
    #[inline(always)]
    fn is_alone(&mut self) -> bool {
        self.unplaced.is_empty() && self.ready.is_empty() && !self.indexed
    }

    /// Puts a task into the central queue.
    #[inline(always)]
    pub(super) fn queue_centrally(&mut self, now: Time, slot: u32) {
        self.set_key(now, slot, 0);
        self.file_centrally(slot);
    }

    /// Puts a task that has its key into the central queue.
    #[inline(always)]
    pub(super) fn file_centrally(&mut self, slot: u32) {
        let task = &self.tasks.hot[slot as usize];
        if self.indexed {
            let left = self.tasks.view(slot).left();
            let (key, number, slots) = (task.key, task.number, task.slots);
            let kind = self.kind(slot);
            self.waiting.insert_kind(slot, key, number, slots, left, kind);
        } else {
            self.ready.push(task.key, task.number, slot);
        }
    }

    /// The kind of a task, as one of a set of 64: tasks of equal demand are of one kind, as long as
    /// there are kinds left.
    #[inline(always)]
    fn kind(&mut self, slot: u32) -> u64 {
        if self.cluster.ledger.is_none() { NO_KIND } else { self.kind_of_demand(slot) }
    }

    #[cold]
    fn kind_of_demand(&mut self, slot: u32) -> u64 {
        let demand = (self.tasks.hot[slot as usize].slots, self.tasks.demand(slot));
        let next = self.kinds.len();
        if next < 63 {
            1 << *self.kinds.entry(demand).or_insert(next as u32)
        } else {
            self.kinds.get(&demand).map_or(NO_KIND, |kind| 1 << kind)
        }
    }

    #[inline(always)]
    pub(super) fn set_key(&mut self, now: Time, slot: u32, queue: u32) {
        let order = self.policy.parts().0;
        // First come, first served: the key is 0 as it was.
        if !order.is_fifo() {
            let entry = match self.tasks.hot[slot as usize].attempts {
                0 => Entry::Arrived,
                _ => Entry::Returned,
            };
            let key = order.key(&self.tasks.view(slot), queue, entry, now);
            self.tasks.hot[slot as usize].key = key;
        }
    }
}
