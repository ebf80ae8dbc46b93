//! The first place with room, by the cheapest index that the demands allow: a bitmap when no task
//! takes more than one slot (O(log64 n)), a tree of rooms otherwise (O(log n)).

use super::bitmap::Bitmap;
use super::room_tree::RoomTree;

/// Room by place.
#[derive(Clone, Debug)]
#[repr(u8)]
pub enum RoomIndex {
    /// Demands are all 1: a place has room or has none.
    Single(Bitmap),
    /// Demands differ.
    Several(RoomTree),
}

impl RoomIndex {
    /// `places` places without room, for demands up to `max_demand`.
    pub fn new(places: usize, max_demand: u32) -> Self {
        if max_demand <= 1 {
            RoomIndex::Single(Bitmap::new(places))
        } else {
            RoomIndex::Several(RoomTree::new(places))
        }
    }

    /// Sets the room at `place`.
    #[inline(always)]
    pub fn set(&mut self, place: u32, room: u32) {
        match self {
            RoomIndex::Single(bitmap) if room > 0 => bitmap.insert(place),
            RoomIndex::Single(bitmap) => bitmap.remove(place),
            RoomIndex::Several(tree) => tree.set(place, room),
        }
    }

    /// The first place at or after `from` with room for `demand`.
    #[inline(always)]
    pub fn first_from(&self, from: u32, demand: u32) -> Option<u32> {
        match self {
            RoomIndex::Single(bitmap) => bitmap.first_from(from),
            RoomIndex::Several(tree) => tree.first_from(from, demand),
        }
    }

    /// The first place at or after `from`, or failing that from the beginning, with room for `demand`.
    #[inline]
    pub fn first_around(&self, from: u32, demand: u32) -> Option<u32> {
        self.first_from(from, demand).or_else(|| self.first_from(0, demand))
    }
}
