//! A 4-ary min-heap of 128-bit entries, the entry being its own key.
//!
//! Four children share a cache line, which makes it shallower and kinder to the cache than a binary
//! heap (LaMarca and Ladner 1996). Taking the least entry leaves a hole at the root; a push that
//! follows fills the hole with one sift ("replace root"), which saves the climb of a separate push
//! and the full descent of a separate pop. Simulators do exactly that: the end of one service is
//! followed by the start of the next at the same instant.
//!
//! Push O(log n), usually O(1) for late entries; pop O(log n); peek O(1).

/// A min-heap of distinct or equal `u128` entries.
#[derive(Clone, Debug, Default)]
pub struct Heap {
    entries: Vec<u128>,
    /// Whether the root was taken and not yet filled.
    hole: bool,
}

impl Heap {
    /// An empty heap.
    pub fn new() -> Self {
        Heap::default()
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len() - usize::from(self.hole)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, entry: u128) {
        if self.hole {
            self.hole = false;
            self.sift_down(entry);
        } else {
            self.entries.push(entry);
            self.sift_up(entry);
        }
    }

    /// The least entry.
    #[inline]
    pub fn peek(&self) -> Option<u128> {
        if !self.hole {
            return self.entries.first().copied();
        }
        // With the root gone the least entry is among its children.
        let end = self.entries.len().min(5);
        self.entries.get(1..end)?.iter().min().copied()
    }

    /// Takes the least entry.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        if self.hole {
            self.fill_hole();
        }
        let least = *self.entries.first()?;
        self.hole = true;
        Some(least)
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = u128> + '_ {
        self.entries.iter().skip(usize::from(self.hole)).copied()
    }

    #[inline]
    fn fill_hole(&mut self) {
        self.hole = false;
        if let Some(last) = self.entries.pop()
            && !self.entries.is_empty()
        {
            self.sift_down(last);
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

    /// Puts `entry` into the hole at the root.
    #[inline]
    fn sift_down(&mut self, entry: u128) {
        let entries = self.entries.as_mut_slice();
        let mut at = 0;
        loop {
            let first = 4 * at + 1;
            let (child, least) = if let Some(four) = entries.get(first..first + 4) {
                // A tournament of pairs: two comparisons deep instead of three.
                let (a, ai) = if four[1] < four[0] { (four[1], 1) } else { (four[0], 0) };
                let (b, bi) = if four[3] < four[2] { (four[3], 3) } else { (four[2], 2) };
                if b < a { (first + bi, b) } else { (first + ai, a) }
            } else if let Some(rest) = entries.get(first..)
                && let Some((i, least)) = rest.iter().enumerate().min_by_key(|(_, entry)| **entry)
            {
                (first + i, *least)
            } else {
                break;
            };
            if entry <= least {
                break;
            }
            entries[at] = least;
            at = child;
        }
        entries[at] = entry;
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
