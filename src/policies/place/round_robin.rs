//! Round robin: each node in turn, those without room left out.
//!
//! Source: the oldest load balancer there is. Cost: O(log64 n) per task, O(log n) when tasks take
//! several slots.
//! A bad idea when nodes differ in speed or tasks in size: it looks at neither.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::room_index::RoomIndex;

/// Each node in turn.
#[derive(Clone, Debug)]
pub struct RoundRobin {
    rooms: RoomIndex,
    next: u32,
}

impl RoundRobin {
    /// Begins with node 0.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        RoundRobin { rooms: RoomIndex::new(context.nodes.len(), context.max_demand), next: 0 }
    }
}

impl Place for RoundRobin {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let node = self.rooms.first_around(self.next, task.slots())?;
        self.next = if node as usize + 1 == cluster.len() { 0 } else { node + 1 };
        Some(NodeId(node))
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, cluster.room(node));
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
