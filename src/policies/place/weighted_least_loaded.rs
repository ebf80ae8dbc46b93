//! Weighted least loaded: the node with the fewest tasks per weight, the first on a tie.
//!
//! Source: "weighted least connections" of Linux Virtual Server, Zhang 2000. Cost: O(log n) per task
//! and per change of a node's load.
//! A bad idea at low load on unequal nodes: all idle nodes tie, whatever their speed.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::key_tree::KeyTree;

/// The node with the fewest tasks per weight.
#[derive(Clone, Debug)]
pub struct WeightedLeastLoaded {
    loads: KeyTree,
}

impl WeightedLeastLoaded {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        WeightedLeastLoaded { loads: KeyTree::new(context.nodes.len(), context.max_demand > 1) }
    }
}

impl Place for WeightedLeastLoaded {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        self.loads.least(task.slots()).map(NodeId)
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let relative = f64::from(cluster.load(node)) / cluster.spec(node).weight;
        // Bits of numbers of at least 0 sort as the numbers do.
        self.loads.set(node.0, relative.to_bits(), cluster.room(node));
    }
}
