//! Which member of each group has the least key? Heaps over one set of members, each in at most one
//! of them, that also let a member go from anywhere.
//!
//! Binary heaps (Williams 1964) with the place of every member written down. Filing and taking out
//! O(log n), the first of a heap O(1). Nothing is allocated once the heaps have grown.

const NONE: u32 = u32::MAX;

/// Members by key, in groups; equal keys go to the lower member.
#[derive(Clone, Debug, Default)]
pub struct KeyHeaps {
    heaps: Vec<Vec<(u128, u32)>>,
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
        self.heaps.push(Vec::new());
        self.heaps.len() as u32 - 1
    }

    /// The member with the least key, and that key.
    #[inline]
    pub fn first(&self, heap: u32) -> Option<(u128, u32)> {
        self.heaps[heap as usize].first().copied()
    }

    /// How many members a heap has.
    #[inline]
    pub fn len(&self, heap: u32) -> usize {
        self.heaps[heap as usize].len()
    }

    /// Files `member` in `heap` under `key`, wherever it was before.
    pub fn file(&mut self, member: u32, heap: u32, key: u128) {
        if member as usize >= self.at.len() {
            self.at.resize(member as usize + 1, (NONE, 0));
        }
        let (old, place) = self.at[member as usize];
        if old == heap {
            let place = place as usize;
            let entries = &mut self.heaps[heap as usize];
            let earlier = key < entries[place].0;
            entries[place].0 = key;
            if earlier {
                self.rise(heap, place)
            } else {
                self.sink(heap, place)
            }
            return;
        }
        self.take(member);
        let entries = &mut self.heaps[heap as usize];
        entries.push((key, member));
        let last = entries.len() - 1;
        self.at[member as usize] = (heap, last as u32);
        self.rise(heap, last);
    }

    /// Takes `member` out of the heap it is in, if any.
    pub fn take(&mut self, member: u32) {
        let Some((heap, place)) = self.at.get_mut(member as usize) else { return };
        let (heap, place) = (std::mem::replace(heap, NONE), *place as usize);
        if heap == NONE {
            return;
        }
        let entries = &mut self.heaps[heap as usize];
        entries.swap_remove(place);
        if let Some((_, moved)) = entries.get(place) {
            self.at[*moved as usize].1 = place as u32;
            self.rise(heap, place);
            self.sink(heap, place);
        }
    }

    fn rise(&mut self, heap: u32, mut place: usize) {
        let entries = &mut self.heaps[heap as usize];
        while place > 0 && entries[place] < entries[(place - 1) / 2] {
            let parent = (place - 1) / 2;
            entries.swap(place, parent);
            self.at[entries[place].1 as usize].1 = place as u32;
            place = parent;
        }
        self.at[entries[place].1 as usize].1 = place as u32;
    }

    fn sink(&mut self, heap: u32, mut place: usize) {
        let entries = &mut self.heaps[heap as usize];
        loop {
            let first = 2 * place + 1;
            let Some(mut child) = (first < entries.len()).then_some(first) else { break };
            if first + 1 < entries.len() && entries[first + 1] < entries[first] {
                child += 1;
            }
            if entries[place] <= entries[child] {
                break;
            }
            entries.swap(place, child);
            self.at[entries[place].1 as usize].1 = place as u32;
            place = child;
        }
        self.at[entries[place].1 as usize].1 = place as u32;
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
