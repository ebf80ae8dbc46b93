//! A min-queue of 128-bit entries whose first few stand in the record itself.
//!
//! Where there is a queue for each of many nodes and nearly all are short, entries elsewhere cost a miss of
//! the cache, and one of the translation cache, at every touch. Here up to [`IN_PLACE`] stand in order in
//! two neighbouring cache lines, which processors fetch together; the rest goes to a heap.
//!
//! Push, pop and peek O(1) while they stand in place, else O(log n).

use super::heap::Heap;

/// Entries in the record itself.
pub const IN_PLACE: usize = 6;

/// A min-queue of `u128` entries below `u128::MAX`.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct SmallQueue {
    length: u32,
    /// Made when it is first needed, and kept.
    rest: Option<Box<Heap>>,
    /// In ascending order.
    first: [u128; IN_PLACE],
}

impl Default for SmallQueue {
    fn default() -> Self {
        SmallQueue { length: 0, rest: None, first: [u128::MAX; IN_PLACE] }
    }
}

impl SmallQueue {
    #[inline]
    fn rest_len(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.length as usize + self.rest_len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, entry: u128) {
        debug_assert!(entry < u128::MAX);
        let length = self.length as usize;
        if length == IN_PLACE {
            return self.rest.get_or_insert_default().push(entry);
        }
        let mut at = length;
        while at > 0 && self.first[at - 1] > entry {
            self.first[at] = self.first[at - 1];
            at -= 1;
        }
        self.first[at] = entry;
        self.length += 1;
    }

    /// The least entry.
    #[inline]
    pub fn peek(&self) -> Option<u128> {
        let in_place = if self.length > 0 { self.first[0] } else { u128::MAX };
        let least = in_place.min(self.rest.as_ref().map_or(u128::MAX, |rest| rest.least()));
        (least != u128::MAX).then_some(least)
    }

    /// Takes the least entry.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        let least = self.peek()?;
        if self.length > 0 && self.first[0] == least {
            let length = self.length as usize;
            self.first.copy_within(1..length, 0);
            self.length -= 1;
            return Some(least);
        }
        self.rest.as_mut()?.pop()
    }

    /// Forgets all entries but keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.length = 0;
        if let Some(rest) = &mut self.rest {
            rest.clear();
        }
    }

    /// Forgets entries that `keep` does not want, and nearly all but one of equal ones. `spare` is an empty
    /// heap, and is empty again afterwards.
    pub fn retain(&mut self, spare: &mut Heap, mut keep: impl FnMut(u128) -> bool) {
        let (first, length) = (self.first, std::mem::take(&mut self.length) as usize);
        if let Some(rest) = &mut self.rest {
            std::mem::swap(&mut **rest, spare);
        }
        let mut last = None;
        // Each part is in ascending order, so that equal entries of one part follow each other.
        let all = first.into_iter().take(length).chain(std::iter::from_fn(|| spare.pop()));
        for entry in all {
            if last != Some(entry) && keep(entry) {
                self.push(entry);
            }
            last = Some(entry);
        }
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = u128> + '_ {
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        self.first[..self.length as usize].iter().copied().chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::{BTreeSet, BinaryHeap};

    #[derive(Clone, Debug)]
    enum Step {
        Push(u128),
        Pop,
        Retain(u128),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (0u128..50).prop_map(Step::Push),
            6 => Just(Step::Pop),
            1 => (2u128..5).prop_map(Step::Retain),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..300)
    }

    proptest! {
        /// Any mix of steps agrees with the standard library's heap.
        #[test]
        fn agrees_with_the_standard_heap(steps in steps()) {
            let mut ours = SmallQueue::default();
            let mut theirs = BinaryHeap::new();
            let mut spare = Heap::new();
            for step in steps {
                match step {
                    Step::Push(entry) => {
                        ours.push(entry);
                        theirs.push(Reverse(entry));
                    }
                    Step::Pop => prop_assert_eq!(ours.pop(), theirs.pop().map(|entry| entry.0)),
                    Step::Retain(divisor) => {
                        let wanted = |entry: u128| entry.is_multiple_of(divisor);
                        let kept: BTreeSet<u128> = theirs.iter().map(|e| e.0).filter(|e| wanted(*e)).collect();
                        ours.retain(&mut spare, wanted);
                        prop_assert!(spare.is_empty());
                        prop_assert_eq!(ours.iter().collect::<BTreeSet<u128>>(), kept);
                        // Which of equal ones are left is not said.
                        theirs = ours.iter().map(Reverse).collect();
                    }
                    Step::Clear => {
                        ours.clear();
                        theirs.clear();
                    }
                }
                prop_assert_eq!(ours.peek(), theirs.peek().map(|entry| entry.0));
                prop_assert_eq!(ours.len(), theirs.len());
                prop_assert_eq!(ours.is_empty(), theirs.is_empty());
                prop_assert_eq!(ours.iter().count(), theirs.len());
            }
        }
    }
}
