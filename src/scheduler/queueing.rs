//! How a task comes to wait: to be placed (push), or in the central queue (pull), and under which key.

use super::machine::{Scheduler, entry};
use super::policy::{Dispatch, Order, Policy};
use super::task::NONE;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// A task waits from now on; what becomes of it is decided when all facts are in.
    #[inline(always)]
    pub(super) fn enqueue(&mut self, now: Time, slot: u32) {
        if self.cluster.dispatch() == Dispatch::Push || self.is_alone() {
            if self.config.limits.tasks_give_up {
                // Should it leave before it is placed, it is in the queue of no node.
                self.tasks.hot[slot as usize].node = NONE;
            }
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

    #[inline(always)]
    pub(super) fn set_key(&mut self, now: Time, slot: u32, queue: u32) {
        let order = self.policy.parts().0;
        // First come, first served: the key is 0 as it was.
        if !order.is_fifo() {
            let entry = entry(self.tasks.hot[slot as usize].attempts);
            let key = order.key(&self.tasks.view(slot), queue, entry, now);
            self.tasks.hot[slot as usize].key = key;
        }
    }
}
