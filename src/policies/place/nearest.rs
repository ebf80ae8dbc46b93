//! Nearest: a node of the zone nearest to the task; in a zone the node with the fewest tasks, the
//! first on a tie.
//!
//! Source: how content networks send requests to the nearest site that can take them; Dilley, Maggs,
//! Parikh, Prokop, Sitaraman and Weihl 2002. Zones without a node that has room are passed over, so that a zone that is
//! down fails over to the next nearest. Under push a node that is up always has room; with
//! `spill_over` the nodes without a free slot are passed over too, as long as any node has one.
//! Cost: O(z + log n) per task for z zones, O(log n) per change of a node's load.
//! A bad idea when one region has its peak while others are idle, unless it spills over; and when the
//! way is short against the work, so that any free node is better than a near one.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Dispatch, Place, TaskView, Zones};
use crate::structures::key_tree::KeyTree;

/// A node of the nearest zone.
#[derive(Clone, Debug)]
pub struct Nearest {
    /// By the task's zone: all zones, the nearest first.
    by_distance: Vec<Vec<u16>>,
    /// By zone: its nodes.
    zones: Vec<ZoneNodes>,
    /// By node: its place among the nodes of its zone.
    places: Vec<u32>,
    of_node: Zones,
    spills_over: bool,
}

#[derive(Clone, Debug)]
struct ZoneNodes {
    nodes: Vec<u32>,
    /// By load, those with room.
    loads: KeyTree,
    /// By load, those with free slots that nobody waits for; only for spilling over.
    free: Option<KeyTree>,
}

impl Nearest {
    /// Sorts the zones by distance from each other.
    pub fn new(spill_over: bool, context: &PlaceContext<'_>) -> Self {
        let zones = context.zones;
        let mut members = vec![Vec::new(); usize::from(zones.count()) + 1];
        let mut places = Vec::with_capacity(context.nodes.len());
        for node in 0..context.nodes.len() as u32 {
            let members: &mut Vec<u32> = &mut members[usize::from(zones.of(NodeId(node)))];
            places.push(members.len() as u32);
            members.push(node);
        }
        let vary = context.max_demand > 1;
        // Under pull room is free slots already.
        let spills_over = spill_over && context.dispatch == Dispatch::Push;
        let zone = |nodes: Vec<u32>| ZoneNodes {
            loads: KeyTree::new(nodes.len(), vary),
            free: spills_over.then(|| KeyTree::new(nodes.len(), vary)),
            nodes,
        };
        Nearest {
            by_distance: (0..=zones.count()).map(|from| zones.by_distance(from)).collect(),
            zones: members.into_iter().map(zone).collect(),
            places,
            of_node: zones.clone(),
            spills_over,
        }
    }

    /// The node that `leader` finds in the nearest zone that has one: among the free nodes of any zone
    /// first when tasks spill over. It is given a tree of the zone's nodes, their numbers, and whether
    /// the tree is that of free nodes.
    #[inline]
    pub(in crate::policies) fn choose_by(
        &self,
        task: &TaskView<'_>,
        leader: impl Fn(&KeyTree, &[u32], bool) -> Option<u32>,
    ) -> Option<NodeId> {
        let from = usize::from(task.details().zone).min(self.by_distance.len() - 1);
        let near = || self.by_distance[from].iter().map(|&zone| &self.zones[usize::from(zone)]);
        let first = |tree: Option<&KeyTree>, zone: &ZoneNodes, free: bool| {
            let place = tree.and_then(|tree| leader(tree, &zone.nodes, free));
            place.map(|place| NodeId(zone.nodes[place as usize]))
        };
        let free = near().find_map(|zone| first(zone.free.as_ref(), zone, true));
        free.or_else(|| near().find_map(|zone| first(Some(&zone.loads), zone, false)))
    }
}

impl Place for Nearest {
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        let slots = task.slots();
        self.choose_by(task, |tree, _, _| tree.least(slots))
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let zone = &mut self.zones[usize::from(self.of_node.of(node))];
        let place = self.places[node.index()];
        let load = u64::from(cluster.load(node));
        zone.loads.set(place, load, cluster.room(node));
        if self.spills_over
            && let Some(free) = &mut zone.free
        {
            free.set(place, load, cluster.unclaimed(node));
        }
    }
}
