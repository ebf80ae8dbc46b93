//! First fit: the first node, in order of number, with enough free slots.
//!
//! Source: bin packing; Johnson, Demers, Ullman, Garey and Graham 1974: at most 1.7 times the best
//! number of bins. Cost: O(log64 n), O(log n) when tasks take several slots.
//! A bad idea when load should be even: low-numbered nodes do most of the work.

use super::PlaceContext;
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::room_index::RoomIndex;

/// The first node with room.
#[derive(Clone, Debug)]
pub struct FirstFit {
    rooms: RoomIndex,
    when_full: WhenFull,
}

impl FirstFit {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        FirstFit {
            rooms: RoomIndex::new(context.nodes.len(), context.max_demand),
            when_full: WhenFull::new(context),
        }
    }
}

impl Place for FirstFit {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        match self.rooms.first_from(0, task.slots()) {
            Some(node) => Some(NodeId(node)),
            None => self.when_full.choose(task, cluster),
        }
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, cluster.unclaimed(node));
        self.when_full.node_changed(node, cluster);
    }
}
