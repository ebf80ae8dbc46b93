//! Worst fit: the node with the most free slots, the first on a tie.
//!
//! Source: bin packing; Johnson, Demers, Ullman, Garey and Graham 1974. Cost: O(log n) per task and
//! per change of a node.
//! A bad idea when wide tasks come later: it leaves no node with much room.

use super::PlaceContext;
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::key_tree::KeyTree;

/// The node with the most room.
#[derive(Clone, Debug)]
pub struct WorstFit {
    /// By slots that are not free.
    rooms: KeyTree,
    when_full: WhenFull,
}

impl WorstFit {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        WorstFit { rooms: KeyTree::new(context.nodes.len(), false), when_full: WhenFull::new(context) }
    }
}

impl Place for WorstFit {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        match self.rooms.least(1).map(NodeId) {
            Some(node) if cluster.unclaimed(node) >= task.slots() => Some(node),
            _ => self.when_full.choose(task, cluster),
        }
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.unclaimed(node);
        self.rooms.set(node.0, u64::from(u32::MAX - room), room);
        self.when_full.node_changed(node, cluster);
    }
}
