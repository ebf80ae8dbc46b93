//! Least loaded: the node with the fewest queued and running tasks, the first on a tie; or, by = "work",
//! the one with the least expected work left per slot.
//!
//! Source: join the shortest queue; Winston 1977 shows it best among equal nodes with exponential
//! tasks. By work: least work left; Harchol-Balter, "Performance Modeling and Design of Computer
//! Systems", 2013, section 24.1: with exact estimates and nodes of one slot every task goes to where it
//! starts first. What counts as work left is said in `backlog`.
//! Cost: O(log n) per task and per change of a node's load; O(log64 n) under pull with nodes of
//! one slot, where every node with room has no load at all. By work O(k + log n) per task and O(log n)
//! per task that is queued, starts or ends, for k kinds of nodes times the rates at which their work
//! falls.
//! A bad idea when nodes differ in speed, unless it goes by work; when estimates are poor, if it does;
//! and when asking every node for its load is not free.

use super::PlaceContext;
use super::backlog::{Backlog, Least};
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Dispatch, Place, Step, TaskView};
use crate::structures::key_tree::KeyTree;
use crate::structures::room_index::RoomIndex;
use crate::time::Time;

/// The node with the fewest tasks.
#[derive(Clone, Debug)]
pub struct LeastLoaded {
    loads: Loads,
}

#[derive(Clone, Debug)]
#[repr(u8)]
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
    #[inline(always)]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        match &self.loads {
            Loads::Idle(rooms) => rooms.first_from(0, task.slots()),
            Loads::Counted(loads) => loads.least(task.slots()),
        }
        .map(NodeId)
    }

    #[inline(always)]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        match &mut self.loads {
            Loads::Idle(rooms) => rooms.set(node.0, room),
            Loads::Counted(loads) => loads.set(node.0, u64::from(cluster.load(node)), room),
        }
    }
}

/// The node with the least work left.
#[derive(Clone, Debug)]
pub struct LeastWork {
    backlog: Backlog,
}

impl LeastWork {
    /// Knows no work yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        LeastWork { backlog: Backlog::new(context.nodes) }
    }
}

impl Place for LeastWork {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        let mut least: Option<Least> = None;
        for other in self.backlog.least(task.slots()) {
            if least.is_none_or(|least| other.is_before(&least)) {
                least = Some(other);
            }
        }
        least.map(|least| least.node)
    }

    fn keeps_account(&self) -> bool {
        true
    }

    fn fetch(&self, task: Option<u32>, node: Option<NodeId>) {
        self.backlog.fetch(task, node);
    }

    fn begin(&mut self, now: Time) {
        self.backlog.at(now);
    }

    fn follow(&mut self, now: Time, step: Step, task: &TaskView<'_>, node: NodeId) {
        self.backlog.follow(now, step, task, node);
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.backlog.node_changed(node, cluster);
    }
}
