//! A 4-ary min-heap of 128-bit entries, the entry being its own key.
//!
//! Four children share a cache line, which makes it shallower and kinder to the cache than a binary
//! heap (LaMarca and Ladner 1996). Taking the least entry leaves a hole at the root; a push that
//! follows fills the hole with one sift ("replace root"), which saves the climb of a separate push
//! and the full descent of a separate pop. Simulators do exactly that: the end of one service is
//! followed by the start of the next at the same instant.
//!
//! Push O(log n), usually O(1) for late entries; pop O(log n); peek O(1).

use super::memory;

/// A min-heap of distinct or equal `u128` entries below `u128::MAX`.
#[derive(Clone, Debug)]
pub struct Heap {
    /// `entries[0]` is meaningless while there is a hole.
    entries: Vec<u128>,
    /// The least entry, `u128::MAX` without entries: looking costs nothing.
    least: u128,
    /// With a hole at the root, where the least entry is.
    least_at: usize,
}

impl Default for Heap {
    fn default() -> Self {
        Heap::new()
    }
}

impl Heap {
    /// An empty heap.
    pub fn new() -> Self {
        Heap { entries: Vec::new(), least: u128::MAX, least_at: 0 }
    }

    /// Whether the root was taken and not yet filled; `least_at` then is one of its children.
    #[inline]
    fn has_hole(&self) -> bool {
        self.least_at > 0
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len() - usize::from(self.has_hole())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.least == u128::MAX
    }

    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, entry: u128) {
        debug_assert!(entry < u128::MAX);
        if self.has_hole() {
            // The least of the root's children is known: either the entry goes before it, or the
            // child moves up and the entry goes on from its place.
            let child = std::mem::take(&mut self.least_at);
            if entry <= self.least {
                self.least = entry;
                self.entries[0] = entry;
            } else {
                self.entries[0] = self.least;
                self.sift_down(child, entry);
            }
        } else {
            if self.entries.len() == self.entries.capacity() {
                self.grow();
            }
            self.entries.push(entry);
            self.sift_up(entry);
            self.least = self.least.min(entry);
        }
    }

    /// Twice the room, in large pages where that is much: the way from the root to a leaf touches
    /// another page at nearly every step.
    #[cold]
    fn grow(&mut self) {
        let more = self.entries.len().max(4);
        memory::reserve(&mut self.entries, more);
    }

    /// The least entry; `u128::MAX` without entries.
    #[inline]
    pub fn least(&self) -> u128 {
        self.least
    }

    /// The least entry.
    #[inline]
    pub fn peek(&self) -> Option<u128> {
        (self.least != u128::MAX).then_some(self.least)
    }

    /// Takes the least entry.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        if self.is_empty() {
            return None;
        }
        if self.has_hole() {
            self.fill_hole();
        }
        let least = self.least;
        match self.least_child(0) {
            Some((child, next)) => {
                self.least_at = child;
                self.least = next;
            }
            None => {
                // The root was the only entry.
                self.entries.clear();
                self.least = u128::MAX;
            }
        }
        Some(least)
    }

    /// Forgets all entries but keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.least = u128::MAX;
        self.least_at = 0;
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = u128> + '_ {
        self.entries.iter().skip(usize::from(self.has_hole())).copied()
    }

    /// The least of the children of `at`, if it has any.
    #[inline]
    fn least_child(&self, at: usize) -> Option<(usize, u128)> {
        let first = 4 * at + 1;
        if let Some(four) = self.entries.get(first..first + 4) {
            // A tournament of pairs: two comparisons deep instead of three.
            let (a, ai) = if four[1] < four[0] { (four[1], 1) } else { (four[0], 0) };
            let (b, bi) = if four[3] < four[2] { (four[3], 3) } else { (four[2], 2) };
            return Some(if b < a { (first + bi, b) } else { (first + ai, a) });
        }
        let rest = self.entries.get(first..)?;
        let (mut best, mut least) = (first, *rest.first()?);
        for (at, &entry) in rest.iter().enumerate().skip(1) {
            if entry < least {
                (best, least) = (first + at, entry);
            }
        }
        Some((best, least))
    }

    fn fill_hole(&mut self) {
        let child = std::mem::take(&mut self.least_at);
        let Some(last) = self.entries.pop() else { return };
        if child == self.entries.len() {
            // The least entry is the last one itself.
            self.entries[0] = last;
        } else {
            self.entries[0] = self.least;
            self.sift_down(child, last);
        }
    }

    #[inline]
    fn sift_up(&mut self, entry: u128) {
        let entries = self.entries.as_mut_slice();
        let mut at = entries.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 4;
            if entries[parent] <= entry {
                break;
            }
            entries[at] = entries[parent];
            at = parent;
        }
        entries[at] = entry;
    }

    /// Puts `entry` into the hole at `at`.
    #[inline]
    fn sift_down(&mut self, mut at: usize, entry: u128) {
        while let Some((child, least)) = self.least_child(at) {
            if entry <= least {
                break;
            }
            self.entries[at] = least;
            at = child;
        }
        self.entries[at] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    proptest! {
        /// Any mix of pushes and pops agrees with the standard library's heap.
        #[test]
        fn agrees_with_the_standard_heap(steps in prop::collection::vec(prop::option::of(0u128..50), 0..400)) {
            let mut ours = Heap::new();
            let mut theirs = BinaryHeap::new();
            for step in steps {
                match step {
                    Some(entry) => {
                        ours.push(entry);
                        theirs.push(Reverse(entry));
                    }
                    None => prop_assert_eq!(ours.pop(), theirs.pop().map(|r| r.0)),
                }
                prop_assert_eq!(ours.peek(), theirs.peek().map(|r| r.0));
                prop_assert_eq!(ours.len(), theirs.len());
                prop_assert_eq!(ours.iter().count(), theirs.len());
            }
        }
    }
}
