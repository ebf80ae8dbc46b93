//! Which is the first place with enough room? A tournament tree that keeps the most room of every
//! subtree; it finds the first place at or after a given one with room for a demand.
//!
//! Update and query take O(log n); an update stops early where a parent does not change.

use super::memory;

/// Room by place.
#[derive(Clone, Debug)]
pub struct RoomTree {
    /// Leaves start at `leaves`; the parent of `i` is `i / 2`; the root is 1.
    most: Vec<u32>,
    leaves: usize,
}

impl RoomTree {
    /// `places` places without room.
    pub fn new(places: usize) -> Self {
        let leaves = places.next_power_of_two().max(1);
        RoomTree { most: memory::filled(0, 2 * leaves), leaves }
    }

    /// The room at `place`.
    #[inline]
    pub fn room(&self, place: u32) -> u32 {
        self.most[self.leaves + place as usize]
    }

    /// The most room that any place has.
    #[inline]
    pub fn most(&self) -> u32 {
        self.most[1]
    }

    /// Sets the room at `place`.
    #[inline]
    pub fn set(&mut self, place: u32, room: u32) {
        let mut at = self.leaves + place as usize;
        self.most[at] = room;
        while at > 1 {
            let most = self.most[at].max(self.most[at ^ 1]);
            at /= 2;
            if self.most[at] == most {
                break;
            }
            self.most[at] = most;
        }
    }

    /// The first place at or after `from` with room for `demand` (at least 1).
    #[inline]
    pub fn first_from(&self, from: u32, demand: u32) -> Option<u32> {
        let mut at = self.leaves + from as usize;
        if from as usize >= self.leaves || self.most[1] < demand {
            return None;
        }
        // Climb until a subtree to the right has room, then go down its leftmost path.
        while self.most[at] < demand {
            while at & 1 == 1 {
                at /= 2;
                if at <= 1 {
                    return None;
                }
            }
            at += 1;
        }
        while at < self.leaves {
            at = 2 * at + usize::from(self.most[2 * at] < demand);
        }
        Some((at - self.leaves) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_scan(
            places in 1usize..70,
            steps in prop::collection::vec((any::<u32>(), 0u32..6, any::<u32>(), 1u32..7), 0..200),
        ) {
            let mut tree = RoomTree::new(places);
            let mut rooms = vec![0u32; places];
            for (place, room, from, demand) in steps {
                let place = place % places as u32;
                tree.set(place, room);
                rooms[place as usize] = room;
                let from = from % places as u32;
                let scan = (from..places as u32).find(|&p| rooms[p as usize] >= demand);
                prop_assert_eq!(tree.first_from(from, demand), scan);
                prop_assert_eq!(tree.most(), *rooms.iter().max().unwrap());
            }
        }
    }
}
