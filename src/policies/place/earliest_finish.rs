//! Earliest finish: the node on which the task is expected to be done first, the first on a tie.
//!
//! It goes by the work that is bound to a node and not yet done, as estimated, and by the task's own work
//! divided by the node's speed. Of all tasks that become ready at one instant those that the order puts
//! first choose first.
//!
//! Source: the second phase of HEFT, Topcuoglu, Hariri and Wu 2002, as tasks become ready and without
//! their insertion into gaps; Minimum Completion Time of Maheswaran and others 1999. Cost: O(k log n) per
//! task and O(log n) per change of a node's load, for nodes of k different speeds.
//! A bad idea when estimates are poor: what is bound to a node stays there, however long the tasks before
//! it take. A node is expected to be done when the estimates say so, or when it is idle; one with several
//! slots counts as if they shared its work evenly.

use std::collections::BTreeMap;

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Dispatch, Place, TaskView};
use crate::structures::key_tree::KeyTree;
use crate::time::Duration;

/// Nodes of one speed.
#[derive(Clone, Debug)]
struct Group {
    speed: f64,
    nodes: Vec<u32>,
    /// When each is expected to be free; 0 when it is.
    free_from: KeyTree,
}

/// The node on which the task is expected to be done first.
#[derive(Clone, Debug)]
pub struct EarliestFinish {
    groups: Vec<Group>,
    /// By node: its group, and its place there.
    place_of: Vec<(u32, u32)>,
    /// By node: when the work that was bound to it will be done, as far as estimates tell.
    done_by: Vec<u64>,
    /// Whether a task can start on any node with a free slot.
    narrow: bool,
    pull: bool,
}

impl EarliestFinish {
    /// Groups the nodes by speed.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let mut members: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for (number, node) in context.nodes.iter().enumerate() {
            // Bits of positive numbers sort as the numbers do.
            members.entry(node.speed.to_bits()).or_default().push(number as u32);
        }
        let mut place_of = vec![(0, 0); context.nodes.len()];
        let wide = context.max_demand > 1;
        let groups = members.into_iter().enumerate().map(|(group, (speed, nodes))| {
            for (place, &node) in nodes.iter().enumerate() {
                place_of[node as usize] = (group as u32, place as u32);
            }
            let free_from = KeyTree::new(nodes.len(), wide);
            Group { speed: f64::from_bits(speed), nodes, free_from }
        });
        EarliestFinish {
            groups: groups.collect(),
            place_of,
            done_by: vec![0; context.nodes.len()],
            narrow: !wide && context.resources.is_empty(),
            pull: context.dispatch == Dispatch::Pull,
        }
    }

    /// When a task that is bound to the node now is expected to start there.
    fn starts(&self, node: NodeId, now: u64, cluster: &Cluster) -> u64 {
        if self.is_free(node, cluster) { now } else { self.done_by[node.index()].max(now) }
    }

    fn is_free(&self, node: NodeId, cluster: &Cluster) -> bool {
        self.pull || cluster.load(node) == 0 || (self.narrow && cluster.unclaimed(node) > 0)
    }

    /// The best of the nodes that `leader` finds among those of each speed, which it is given as a tree
    /// by when they are free, with their numbers.
    #[inline]
    pub(in crate::policies) fn choose_by(
        &mut self,
        task: &TaskView<'_>,
        cluster: &Cluster,
        leader: impl Fn(&KeyTree, &[u32]) -> Option<u32>,
    ) -> Option<NodeId> {
        let now = cluster.now().0;
        let slots = task.slots();
        let mut best: Option<(u64, NodeId)> = None;
        for group in &self.groups {
            let Some(place) = leader(&group.free_from, &group.nodes) else { continue };
            let node = NodeId(group.nodes[place as usize]);
            let takes = Duration::of_work(task.estimate(), group.speed).0;
            let finish = (self.starts(node, now, cluster).saturating_add(takes), node);
            best = Some(best.map_or(finish, |best| best.min(finish)));
        }
        let (_, node) = best?;
        if !self.pull {
            let spec = cluster.spec(node);
            // Slots share the work of the node evenly.
            let shared = f64::from(slots) / f64::from(spec.slots);
            let adds = Duration::of_work(task.estimate(), spec.speed / shared).0;
            let from = if cluster.load(node) == 0 { now } else { self.done_by[node.index()].max(now) };
            self.done_by[node.index()] = from.saturating_add(adds);
        }
        Some(node)
    }
}

impl Place for EarliestFinish {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let now = cluster.now().0;
        let slots = task.slots();
        self.choose_by(task, cluster, |free_from, _| {
            let idle = if slots == 1 { free_from.first_up_to(now) } else { None };
            idle.or_else(|| free_from.least(slots))
        })
    }

    fn binds_in_order(&self) -> bool {
        true
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let free_from = if self.is_free(node, cluster) { 0 } else { self.done_by[node.index()] };
        let (group, place) = self.place_of[node.index()];
        self.groups[group as usize].free_from.set(place, free_from, cluster.room(node));
    }
}
