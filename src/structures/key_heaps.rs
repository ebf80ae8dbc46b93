//! Which member of each group has the least key? Heaps over one set of members, each in at most one
//! of them, that also let a member go from anywhere.
//!
//! 4-ary heaps (Johnson 1975) with the place of every member written down. The keys of four siblings fill
//! a cache line of their own, so that a step down waits for memory once (LaMarca and Ladner 1996).
//! Filing and taking out O(log n), the first of a heap O(1). Nothing is allocated once the heaps have
//! grown.

use super::memory;

const NONE: u32 = u32::MAX;
/// Before the root: so many places that stay empty bring every four siblings into one line.
const PADDING: usize = 3;

/// The lower levels of a heap with more members are far away in memory.
const FAR: usize = 4096;

/// Keys of four siblings.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Keys([u128; 4]);

/// Key and member: what heaps are ordered by.
type Rank = (u128, u32);

#[derive(Clone, Debug, Default)]
struct Heap {
    /// `u128::MAX` where there is nobody.
    keys: Vec<Keys>,
    members: Vec<[u32; 4]>,
    len: usize,
}

impl Heap {
    #[inline]
    fn rank(&self, place: usize) -> Rank {
        let at = place + PADDING;
        (self.keys[at / 4].0[at % 4], self.members[at / 4][at % 4])
    }

    #[inline]
    fn put(&mut self, place: usize, (key, member): Rank) {
        let at = place + PADDING;
        self.keys[at / 4].0[at % 4] = key;
        self.members[at / 4][at % 4] = member;
    }

    /// Makes a place at the end, for whoever is put there.
    #[inline]
    fn lengthen(&mut self) -> usize {
        let last = self.len;
        self.len += 1;
        let lines = (last + PADDING) / 4 + 1;
        memory::lengthen(&mut self.keys, lines, Keys([u128::MAX; 4]));
        memory::lengthen(&mut self.members, lines, [NONE; 4]);
        last
    }

    /// Takes away the last place and gives who stood there.
    #[inline]
    fn shorten(&mut self) -> Rank {
        self.len -= 1;
        let last = self.rank(self.len);
        self.put(self.len, (u128::MAX, NONE));
        last
    }

    /// Fetches from memory the children of the children of a place, of which the way down will take four.
    #[inline]
    fn fetch_below(&self, place: usize) {
        let first = 4 * place + 2;
        (first..first + 4).for_each(|line| memory::prefetch(&self.keys, line));
        memory::prefetch(&self.members, first);
    }

    /// The first of the children of a place, and where it stands.
    #[inline]
    fn first_child(&self, place: usize) -> Option<(usize, Rank)> {
        // The children of place p are at 4 p + 1 and so on: line p + 1.
        let keys = &self.keys.get(place + 1)?.0;
        let members = &self.members[place + 1];
        let better = |a: usize, b: usize| if (keys[b], members[b]) < (keys[a], members[a]) { b } else { a };
        let best = better(better(0, 1), better(2, 3));
        Some((4 * place + 1 + best, (keys[best], members[best])))
    }
}

/// Members by key, in groups; equal keys go to the lower member. Keys are below `u128::MAX`.
#[derive(Clone, Debug, Default)]
pub struct KeyHeaps {
    heaps: Vec<Heap>,
    /// By member: its heap, or `NONE`, and its place there.
    at: Vec<(u32, u32)>,
}

impl KeyHeaps {
    /// No heaps yet.
    pub fn new() -> Self {
        KeyHeaps::default()
    }

    /// One more heap: its number, counted from 0.
    pub fn add(&mut self) -> u32 {
        self.heaps.push(Heap::default());
        self.heaps.len() as u32 - 1
    }

    /// The member with the least key, and that key.
    #[inline]
    pub fn first(&self, heap: u32) -> Option<(u128, u32)> {
        let heap = &self.heaps[heap as usize];
        (heap.len > 0).then(|| heap.rank(0))
    }

    /// Fetches from memory where a member stands.
    #[inline]
    pub fn fetch(&self, member: u32) {
        memory::prefetch(&self.at, member as usize);
    }

    /// How many members a heap has.
    #[inline]
    pub fn len(&self, heap: u32) -> usize {
        self.heaps[heap as usize].len
    }

    /// Files `member` in `heap` under `key`, wherever it was before.
    pub fn file(&mut self, member: u32, heap: u32, key: u128) {
        memory::lengthen(&mut self.at, member as usize + 1, (NONE, 0));
        let (old, place) = self.at[member as usize];
        if old == heap {
            let earlier = key < self.heaps[heap as usize].rank(place as usize).0;
            return self.settle(heap, place as usize, (key, member), earlier);
        }
        self.take(member);
        let last = self.heaps[heap as usize].lengthen();
        self.settle(heap, last, (key, member), true);
    }

    /// Takes `member` out of the heap it is in, if any.
    pub fn take(&mut self, member: u32) {
        let Some((heap, place)) = self.at.get_mut(member as usize) else { return };
        let (heap, place) = (std::mem::replace(heap, NONE), *place as usize);
        if heap == NONE {
            return;
        }
        let entries = &mut self.heaps[heap as usize];
        let last = entries.shorten();
        if place < entries.len {
            let rises = place > 0 && last < entries.rank((place - 1) / 4);
            self.settle(heap, place, last, rises);
        }
    }

    /// Puts a member into the hole at `place`, or where it belongs above or below it.
    fn settle(&mut self, heap: u32, mut place: usize, rank: Rank, rises: bool) {
        let entries = &mut self.heaps[heap as usize];
        let at = &mut self.at;
        if rises {
            while place > 0 {
                let parent = entries.rank((place - 1) / 4);
                if parent <= rank {
                    break;
                }
                entries.put(place, parent);
                at[parent.1 as usize].1 = place as u32;
                place = (place - 1) / 4;
            }
        } else {
            let far = entries.len > FAR;
            loop {
                if far {
                    entries.fetch_below(place);
                }
                let Some((child, first)) = entries.first_child(place).filter(|(_, first)| *first < rank)
                else {
                    break;
                };
                entries.put(place, first);
                at[first.1 as usize].1 = place as u32;
                place = child;
            }
        }
        entries.put(place, rank);
        at[rank.1 as usize] = (heap, place as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_scan(steps in prop::collection::vec((0u32..30, 0u32..4, 0u128..20), 0..300)) {
            let mut heaps = KeyHeaps::new();
            (0..3).for_each(|heap| assert_eq!(heaps.add(), heap));
            let mut rows = vec![None; 30];
            for (member, heap, key) in steps {
                if heap == 3 {
                    heaps.take(member);
                    rows[member as usize] = None;
                } else {
                    heaps.file(member, heap, key);
                    rows[member as usize] = Some((heap, key));
                }
                for heap in 0..3 {
                    let of = |member: u32| rows[member as usize].filter(|(other, _)| *other == heap);
                    let least = (0..30).filter_map(|member| of(member).map(|(_, key)| (key, member))).min();
                    prop_assert_eq!(heaps.first(heap), least);
                }
            }
        }
    }
}
