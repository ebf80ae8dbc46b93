//! The central queue of pull dispatch: who is in it and, when tasks may leave it from anywhere, in which
//! orders, and who is its head.

use super::machine::{Scheduler, entry};
use super::policy::{Backfill, Policy};
use super::task::TaskState;
use crate::ids::TaskId;
use crate::structures::ordered_index::NO_KIND;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// Puts a task into the central queue.
    #[inline(always)]
    pub(super) fn queue_centrally(&mut self, now: Time, slot: u32) {
        self.set_key(now, slot, 0);
        self.file_centrally(now, slot);
    }

    /// Puts a task that has its key into the central queue.
    #[inline(always)]
    pub(super) fn file_centrally(&mut self, now: Time, slot: u32) {
        if self.indexed {
            self.index_centrally(now, slot);
        } else {
            let task = &self.tasks.hot[slot as usize];
            self.ready.push(task.key, task.number, slot);
        }
    }

    fn index_centrally(&mut self, now: Time, slot: u32) {
        let kind = self.kind(slot);
        let task = &self.tasks.hot[slot as usize];
        let view = self.tasks.view(slot);
        self.waiting.insert_kind(slot, task.key, task.number, task.slots, view.left(), kind);
        let backfill = self.policy.parts().2;
        if self.reordered {
            let key = backfill.candidate_key(&view, entry(task.attempts), now);
            self.candidates.insert_kind(slot, key, task.number, task.slots, view.left(), kind);
        }
        backfill.queued(slot);
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

    /// Takes a task out of the queue: to be started, or for good.
    pub(super) fn unindex(&mut self, slot: u32) {
        self.waiting.remove(slot);
        if self.reordered {
            self.candidates.remove(slot);
        }
        self.policy.parts().2.left(slot);
    }

    /// The head of the queue: the first in order, unless another was the head before and still waits.
    pub(super) fn indexed_head(&self) -> Option<u32> {
        let still_waits = |id: &TaskId| {
            let task = &self.tasks.hot[id.slot as usize];
            task.number == id.number && task.state == TaskState::Waiting
        };
        match self.committed.filter(still_waits) {
            Some(id) => Some(id.slot),
            None => self.waiting.first(),
        }
    }
}
