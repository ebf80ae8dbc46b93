//! Which place has the least key, among those with enough room? A tournament tree that keeps, for
//! every subtree, the least key and the most room.
//!
//! Equal keys go to the first place. Update O(log n). A query without a demand above 1 is O(1) to
//! O(log n); with a demand it searches depth first and prunes by both bounds: O(log n) when the
//! roomiest places are not the ones with the greatest keys, O(n) at worst.

use super::memory;

/// Keys and rooms by place.
#[derive(Clone, Debug)]
pub struct KeyTree {
    /// Least key among places with room, per subtree; leaves start at `leaves`, the root is 1.
    least: Vec<u64>,
    /// Most room per subtree; empty when no demand is above 1.
    most: Vec<u32>,
    leaves: usize,
}

const NONE: u64 = u64::MAX;

impl KeyTree {
    /// `places` places without room. `demands_vary` says whether a demand above 1 will be asked.
    pub fn new(places: usize, demands_vary: bool) -> Self {
        let leaves = places.next_power_of_two().max(1);
        let most = if demands_vary { vec![0; 2 * leaves] } else { Vec::new() };
        KeyTree { least: memory::filled(NONE, 2 * leaves), most, leaves }
    }

    /// Sets key and room of `place`; a place without room is never found, whatever its key.
    #[inline]
    pub fn set(&mut self, place: u32, key: u64, room: u32) {
        let mut at = self.leaves + place as usize;
        let key = if room == 0 { NONE } else { key.min(NONE - 1) };
        let room_changed = !self.most.is_empty() && self.most[at] != room;
        if self.least[at] == key && !room_changed {
            return;
        }
        self.least[at] = key;
        if self.most.is_empty() {
            while at > 1 {
                let least = self.least[at].min(self.least[at ^ 1]);
                at /= 2;
                if self.least[at] == least {
                    break;
                }
                self.least[at] = least;
            }
        } else {
            self.most[at] = room;
            while at > 1 {
                let least = self.least[at].min(self.least[at ^ 1]);
                let most = self.most[at].max(self.most[at ^ 1]);
                at /= 2;
                if self.least[at] == least && self.most[at] == most {
                    break;
                }
                self.least[at] = least;
                self.most[at] = most;
            }
        }
    }

    /// The most room that any place has, 1 or 0 when no demand is above 1.
    pub fn most_room(&self) -> u32 {
        self.most.get(1).copied().unwrap_or(u32::from(self.least[1] != NONE))
    }

    /// The room of a place, 1 or 0 when no demand is above 1.
    pub fn room_of(&self, place: u32) -> u32 {
        let at = self.leaves + place as usize;
        self.most.get(at).copied().unwrap_or(u32::from(self.least[at] != NONE))
    }

    /// The most room of the places of a subtree; 1 when no demand is above 1.
    pub fn room_below(&self, at: usize) -> u32 {
        self.most.get(at).copied().unwrap_or(1)
    }

    /// The first place with the least key among those with room for `demand` (at least 1).
    #[inline]
    pub fn least(&self, demand: u32) -> Option<u32> {
        if self.least[1] == NONE {
            return None;
        }
        if demand > 1 {
            return self.least_with_room(demand);
        }
        let mut at = 1;
        while at < self.leaves {
            at *= 2;
            at += usize::from(self.least[at + 1] < self.least[at]);
        }
        Some((at - self.leaves) as u32)
    }

    /// The first place with a key of at most `key` among those with room.
    #[inline]
    pub fn first_up_to(&self, key: u64) -> Option<u32> {
        let key = key.min(NONE - 1);
        if self.least[1] > key {
            return None;
        }
        let mut at = 1;
        while at < self.leaves {
            at *= 2;
            at += usize::from(self.least[at] > key);
        }
        Some((at - self.leaves) as u32)
    }

    fn least_with_room(&self, demand: u32) -> Option<u32> {
        self.least_that(|at| self.most[at] >= demand)
    }

    /// The first place with the least key among those with room that are admitted. Subtrees are asked
    /// for by their number (the root is 1, the children of `i` are `2 i` and `2 i + 1`); one that is not
    /// admitted is left out as a whole.
    pub fn least_that(&self, admits: impl Fn(usize) -> bool) -> Option<u32> {
        let mut best = (NONE, usize::MAX);
        self.search(1, &admits, &mut best);
        (best.0 != NONE).then(|| (best.1 - self.leaves) as u32)
    }

    /// The place that the subtree `at` is, if it is a single one.
    pub fn place_at(&self, at: usize) -> Option<u32> {
        at.checked_sub(self.leaves).map(|place| place as u32)
    }

    fn search(&self, at: usize, admits: &impl Fn(usize) -> bool, best: &mut (u64, usize)) {
        let hopeless =
            self.least[at] > best.0 || (self.least[at] == best.0 && at_first(at, best.1, self.leaves));
        if self.least[at] == NONE || hopeless || !admits(at) {
            return;
        }
        if at >= self.leaves {
            if (self.least[at], at) < *best {
                *best = (self.least[at], at);
            }
            return;
        }
        let nearer = 2 * at + usize::from(self.least[2 * at + 1] < self.least[2 * at]);
        self.search(nearer, admits, best);
        self.search(nearer ^ 1, admits, best);
    }
}

/// Whether the first leaf below `at` comes after `leaf`, so that an equal key there loses the tie.
fn at_first(mut at: usize, leaf: usize, leaves: usize) -> bool {
    while at < leaves {
        at *= 2;
    }
    at > leaf
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_scan(
            places in 1usize..70,
            vary in any::<bool>(),
            steps in prop::collection::vec((any::<u32>(), 0u64..6, 0u32..4, 1u32..5), 0..200),
        ) {
            let mut tree = KeyTree::new(places, vary);
            let mut rows = vec![(0u64, 0u32); places];
            for (place, key, room, demand) in steps {
                let place = place % places as u32;
                tree.set(place, key, room);
                rows[place as usize] = (key, room);
                let demand = if vary { demand } else { 1 };
                let scan = (0..places as u32)
                    .filter(|&p| rows[p as usize].1 >= demand)
                    .min_by_key(|&p| (rows[p as usize].0, p));
                prop_assert_eq!(tree.least(demand), scan);
                let first = (0..places as u32)
                    .find(|&p| rows[p as usize].1 > 0 && rows[p as usize].0 <= u64::from(demand));
                prop_assert_eq!(tree.first_up_to(u64::from(demand)), first);
            }
        }
    }
}
