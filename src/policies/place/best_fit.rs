//! Best fit: the node with the fewest free slots that are enough, the first on a tie.
//!
//! Source: bin packing; Johnson, Demers, Ullman, Garey and Graham 1974. Cost: O(log n) expected per
//! task and per change of a node.
//! A bad idea when tasks on one node slow each other down: it packs them as tightly as it can.

use super::PlaceContext;
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::ordered_index::OrderedIndex;

/// The node with the least room that is enough.
#[derive(Clone, Debug)]
pub struct BestFit {
    /// Nodes with free slots by (free slots, number).
    by_room: OrderedIndex,
    /// Free slots as filed above; 0 for nodes that are not.
    filed: Vec<u32>,
    when_full: WhenFull,
}

impl BestFit {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        BestFit {
            by_room: OrderedIndex::default(),
            filed: vec![0; context.nodes.len()],
            when_full: WhenFull::new(context),
        }
    }
}

impl Place for BestFit {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        match self.by_room.first_from(u64::from(task.slots())) {
            Some(node) => Some(NodeId(node)),
            None => self.when_full.choose(task, cluster),
        }
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let (room, filed) = (cluster.unclaimed(node), self.filed[node.index()]);
        if room != filed {
            if filed > 0 {
                self.by_room.remove(node.0);
            }
            if room > 0 {
                self.by_room.insert(node.0, u64::from(room), node.0, 0, 0);
            }
            self.filed[node.index()] = room;
        }
        self.when_full.node_changed(node, cluster);
    }
}
