//! The central queue of pull dispatch: tasks by (key, number), least first.
//!
//! Three places share the work. Under first come, first served nearly every task comes in order and
//! goes to a ring: O(1). Otherwise a task goes to a sequence heap: O(log n). A batch that is known at once is
//! sorted once instead of heaped, which costs a third: arrivals are gathered and, when the queue is
//! next looked at, many together become a sorted run.

use std::collections::VecDeque;

use super::batch::{Gathered, Run};
use crate::structures::sequence_heap::SequenceHeap;

/// So many tasks gathered between two looks are worth a sorted run.
const RUN: usize = 64;

/// A queue of slots by (key, number).
#[derive(Clone, Debug, Default)]
pub(super) struct ReadyQueue {
    /// Number and slot of tasks of key 0, in ascending order, in order of their coming.
    ring: VecDeque<u64>,
    /// How many tasks are elsewhere.
    beside_ring: usize,
    heap: SequenceHeap,
    /// A batch that was sorted, and one that gathers.
    sorted: Run,
    gathered: Gathered,
}

impl ReadyQueue {
    pub(super) fn reserve(&mut self, tasks: usize) {
        self.gathered.reserve(tasks);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.ring.len() + self.heap.len() + self.sorted.len() + self.gathered.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.only_ring()
    }

    /// Whether nothing waits but in the ring.
    #[inline]
    fn only_ring(&self) -> bool {
        self.beside_ring == 0
    }

    #[inline]
    pub(super) fn push(&mut self, key: u64, number: u32, slot: u32) {
        let low = (u64::from(number) << 32) | u64::from(slot);
        if key == 0 && self.ring.back().is_none_or(|&last| last < low) {
            self.ring.push_back(low);
        } else {
            self.beside_ring += 1;
            self.gathered.push(key, number, slot);
        }
    }

    /// The slot that goes next.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u32> {
        if self.only_ring() {
            return self.ring.front().map(|&low| low as u32);
        }
        if !self.gathered.is_empty() {
            self.take_in();
        }
        Some(self.least().0 as u32)
    }

    /// Takes the slot that goes next; only after `peek` gave one.
    #[inline]
    pub(super) fn pop(&mut self) {
        if self.only_ring() {
            self.ring.pop_front();
            return;
        }
        match self.least().1 {
            Source::Ring => {
                self.ring.pop_front();
                return;
            }
            Source::Sorted => self.sorted.pop(),
            Source::Heap => {
                self.heap.pop();
            }
        }
        self.beside_ring -= 1;
    }

    /// A slot that goes soon, for those who want to fetch its data ahead.
    #[inline]
    pub(super) fn upcoming(&self) -> Option<u32> {
        self.sorted.slot_ahead(11).or_else(|| self.heap.soon().map(|entry| entry as u32))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let batches = self.sorted.slots().chain(self.gathered.slots());
        let heap = self.heap.iter().map(|entry| entry as u32);
        self.ring.iter().map(|&low| low as u32).chain(batches).chain(heap)
    }

    /// The least entry (`u128::MAX` without entries) and where it is.
    #[inline]
    fn least(&self) -> (u128, Source) {
        let ring = self.ring.front().map_or(u128::MAX, |&low| u128::from(low));
        let sorted = self.sorted.least();
        let heap = self.heap.least();
        if sorted < ring && sorted < heap {
            (sorted, Source::Sorted)
        } else if heap < ring {
            (heap, Source::Heap)
        } else {
            (ring, Source::Ring)
        }
    }

    #[inline]
    fn take_in(&mut self) {
        if self.gathered.len() < RUN || self.gathered.len() < self.sorted.len() / 4 {
            for entry in self.gathered.drain() {
                self.heap.push(entry);
            }
        } else {
            self.sorted.take_in(&mut self.gathered);
        }
    }
}

#[derive(Clone, Copy)]
enum Source {
    Ring,
    Sorted,
    Heap,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Any mix of single and gathered pushes with pops comes out in order of (key, number).
        #[test]
        fn agrees_with_an_ordered_set(
            steps in prop::collection::vec((0u64..4, 0usize..200, 0usize..150, any::<bool>()), 1..30),
        ) {
            let mut ours = ReadyQueue::default();
            let mut theirs = BTreeSet::new();
            let mut number = 0u32;
            for (spread, pushes, pops, in_one_go) in steps {
                for _ in 0..pushes {
                    // Numbers that follow one by one are kept in another way than those that do not.
                    let next = number.wrapping_mul(48_271).wrapping_add(11) % 1_000_003;
                    number = if in_one_go { number + 1 } else { next };
                    let key = if spread == 0 { 0 } else { u64::from(number) * 2_654_435_761 % spread };
                    if theirs.insert((key, number)) {
                        ours.push(key, number, number);
                    }
                }
                for _ in 0..pops {
                    let least = theirs.pop_first();
                    prop_assert_eq!(ours.peek(), least.map(|(_, number)| number));
                    if least.is_some() {
                        ours.pop();
                    }
                }
                prop_assert_eq!(ours.len(), theirs.len());
                prop_assert_eq!(ours.iter().count(), theirs.len());
            }
        }
    }
}
