//! Least loaded: the node with the fewest queued and running tasks, the first on a tie.
//!
//! Source: join the shortest queue; Winston 1977 shows it best among equal nodes with exponential
//! tasks. Cost: O(log n) per task and per change of a node's load; O(log64 n) under pull with nodes of
//! one slot, where every node with room has no load at all.
//! A bad idea when nodes differ in speed, or when asking every node for its load is not free.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Dispatch, Place, TaskView};
use crate::structures::key_tree::KeyTree;
use crate::structures::room_index::RoomIndex;

/// The node with the fewest tasks.
#[derive(Clone, Debug)]
pub struct LeastLoaded {
    loads: Loads,
}

#[derive(Clone, Debug)]
enum Loads {
    /// Every node with room is idle: the first one is the least loaded.
    Idle(RoomIndex),
    Counted(KeyTree),
}

impl LeastLoaded {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let nodes = context.nodes;
        let single = nodes.iter().all(|node| node.slots == 1);
        let loads = if context.dispatch == Dispatch::Pull && single {
            Loads::Idle(RoomIndex::new(nodes.len(), context.max_demand))
        } else {
            Loads::Counted(KeyTree::new(nodes.len(), context.max_demand > 1))
        };
        LeastLoaded { loads }
    }
}

impl Place for LeastLoaded {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        match &self.loads {
            Loads::Idle(rooms) => rooms.first_from(0, task.slots()),
            Loads::Counted(loads) => loads.least(task.slots()),
        }
        .map(NodeId)
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        match &mut self.loads {
            Loads::Idle(rooms) => rooms.set(node.0, room),
            Loads::Counted(loads) => loads.set(node.0, u64::from(cluster.load(node)), room),
        }
    }
}
