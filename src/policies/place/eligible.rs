//! The nodes that have room, for places that draw at random.
//!
//! Members stand in an array without order, so that drawing one is O(1); a node that gains or loses
//! its room is swapped in or out in O(1).

use crate::ids::NodeId;
use crate::random::{Stream, below};
use crate::scheduler::Cluster;
use crate::structures::memory;
use crate::structures::room_tree::RoomTree;

/// Draws that may fail to find room for a demand above 1 before the index is asked.
const TRIES: u32 = 32;

const ABSENT: u32 = u32::MAX;

/// The nodes with room for at least one slot.
#[derive(Clone, Debug)]
pub(super) struct Eligible {
    members: Vec<u32>,
    position: Vec<u32>,
    /// Rooms, when some task takes more than one slot.
    rooms: Option<RoomTree>,
}

impl Eligible {
    pub(super) fn new(nodes: usize, max_demand: u32) -> Self {
        Eligible {
            members: Vec::with_capacity(nodes),
            position: memory::filled(ABSENT, nodes),
            rooms: (max_demand > 1).then(|| RoomTree::new(nodes)),
        }
    }

    /// Takes note of a node's room.
    #[inline]
    pub(super) fn update(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        if let Some(rooms) = &mut self.rooms {
            rooms.set(node.0, room);
        }
        let at = self.position[node.index()];
        if (room > 0) == (at != ABSENT) {
            return;
        }
        if room > 0 {
            self.position[node.index()] = self.members.len() as u32;
            self.members.push(node.0);
        } else {
            let last = self.members.pop().expect("a member is there");
            if last != node.0 {
                self.members[at as usize] = last;
                self.position[last as usize] = at;
            }
            self.position[node.index()] = ABSENT;
        }
    }

    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.members.len() as u32
    }

    /// Whether at least three of four nodes have room.
    #[inline]
    pub(super) fn are_most(&self) -> bool {
        self.members.len() as u64 * 4 >= self.position.len() as u64 * 3
    }

    /// Whether a node has room.
    #[inline]
    pub(super) fn has(&self, node: NodeId) -> bool {
        self.position[node.index()] != ABSENT
    }

    /// Member number `index` of the array.
    #[inline]
    pub(super) fn member(&self, index: u32) -> NodeId {
        NodeId(self.members[index as usize])
    }

    /// Whether any node has room for `demand`.
    #[inline]
    pub(super) fn any(&self, demand: u32) -> bool {
        match &self.rooms {
            Some(rooms) if demand > 1 => rooms.most() >= demand,
            _ => !self.members.is_empty(),
        }
    }

    /// Brings `count` random members to the front of the array, each set equally likely
    /// (Fisher and Yates).
    pub(super) fn shuffle_front(&mut self, count: u32, stream: &mut Stream) {
        for at in 0..count.min(self.len()) {
            let other = at + below(stream, self.len() - at);
            self.members.swap(at as usize, other as usize);
            self.position[self.members[at as usize] as usize] = at;
            self.position[self.members[other as usize] as usize] = other;
        }
    }

    /// Draws with `draw` until a node has room for `demand`. Demands that few nodes can meet take
    /// the next such node after a random one instead, so that the cost stays O(log n).
    #[inline]
    pub(super) fn draw_with(
        &self,
        demand: u32,
        stream: &mut Stream,
        mut draw: impl FnMut(&mut Stream) -> NodeId,
    ) -> Option<NodeId> {
        if !self.any(demand) {
            return None;
        }
        let rooms = match &self.rooms {
            Some(rooms) if demand > 1 => rooms,
            _ => return Some(draw(stream)),
        };
        for _ in 0..TRIES {
            let node = draw(stream);
            if rooms.room(node.0) >= demand {
                return Some(node);
            }
        }
        let from = below(stream, self.position.len() as u32);
        rooms.first_from(from, demand).or_else(|| rooms.first_from(0, demand)).map(NodeId)
    }

    /// Draws a node with room for `demand` (above 1) that is `fresh`, as [`draw_with`](Self::draw_with)
    /// does; `None` when there is none.
    pub(super) fn draw_fresh(
        &self,
        demand: u32,
        stream: &mut Stream,
        fresh: impl Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        let rooms = self.rooms.as_ref().filter(|rooms| rooms.most() >= demand)?;
        for _ in 0..TRIES {
            let node = self.member(below(stream, self.len()));
            if rooms.room(node.0) >= demand && fresh(node) {
                return Some(node);
            }
        }
        // Once around, from a random node on.
        let start = below(stream, self.position.len() as u32);
        let next = |from: u32| {
            let mut at = from;
            while let Some(node) = rooms.first_from(at, demand) {
                if fresh(NodeId(node)) {
                    return Some(NodeId(node));
                }
                at = node + 1;
            }
            None
        };
        next(start).or_else(|| next(0))
    }
}
