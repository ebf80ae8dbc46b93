//! Least loaded: the node with the fewest queued and running tasks, the first on a tie.
//!
//! Source: join the shortest queue; Winston 1977 shows it best among equal nodes with exponential
//! tasks. Cost: O(log n) per task and per change of a node's load.
//! A bad idea when nodes differ in speed, or when asking every node for its load is not free.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::key_tree::KeyTree;

/// The node with the fewest tasks.
#[derive(Clone, Debug)]
pub struct LeastLoaded {
    loads: KeyTree,
}

impl LeastLoaded {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        LeastLoaded { loads: KeyTree::new(context.nodes.len(), context.max_demand > 1) }
    }
}

impl Place for LeastLoaded {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        self.loads.least(task.slots()).map(NodeId)
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.loads.set(node.0, u64::from(cluster.load(node)), cluster.room(node));
    }
}
