//! Fastest: the free node with the highest speed, the first on a tie.
//!
//! Source: the greedy rule for machines of different speed; Graham, Lawler, Lenstra and Rinnooy Kan
//! 1979. Cost: O(log64 n), O(log n) when tasks take several slots.
//! A bad idea when slow nodes are so slow that a task would be done earlier by waiting for a fast
//! one: it never waits.

use super::PlaceContext;
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::room_index::RoomIndex;

/// The free node with the highest speed.
#[derive(Clone, Debug)]
pub struct Fastest {
    /// Free slots by rank of speed.
    rooms: RoomIndex,
    rank_of: Vec<u32>,
    node_at: Vec<u32>,
    when_full: WhenFull,
}

impl Fastest {
    /// Ranks the nodes by speed.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let node_at = context.by_falling_speed();
        let rank_of = ranks(&node_at);
        Fastest {
            rooms: RoomIndex::new(context.nodes.len(), context.max_demand),
            rank_of,
            node_at,
            when_full: WhenFull::new(context),
        }
    }
}

/// The position of each node in a list of all nodes.
pub fn ranks(node_at: &[u32]) -> Vec<u32> {
    let mut rank_of = vec![0; node_at.len()];
    for (rank, &node) in node_at.iter().enumerate() {
        rank_of[node as usize] = rank as u32;
    }
    rank_of
}

impl Place for Fastest {
    #[inline(always)]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        match self.rooms.first_from(0, task.slots()) {
            Some(rank) => Some(NodeId(self.node_at[rank as usize])),
            None => self.when_full.choose(task, cluster),
        }
    }

    #[inline(always)]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(self.rank_of[node.index()], cluster.unclaimed(node));
        self.when_full.node_changed(node, cluster);
    }
}
