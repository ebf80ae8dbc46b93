//! Smooth weighted round robin: nodes in turn in proportion to their weights, no node several times
//! in a row where others could come between.
//!
//! Source: the upstream balancer of nginx (Sysoev 2012): at every choice each node's credit grows by
//! its weight, the node with the most credit is taken (the first on a tie), and pays the sum of all
//! weights. Nodes of weights 5, 1, 1 are taken as a a b a c a a.
//!
//! Cost: O(k + log n) per task for k different weights. Credits of nodes of one weight grow alike, so
//! they are kept in one tree and their common growth in one number; only the leaders of the k trees
//! are compared.
//! A bad idea when tasks differ much in size: it counts tasks, not work, and looks at no queue.
//!
//! Nodes without room for a single slot neither gain nor pay while they have none.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::key_tree::KeyTree;

/// Growth beyond which credits are written out again, far from the end of the number range.
const REBASE: i64 = 1 << 60;

/// All nodes of one weight.
#[derive(Clone, Debug)]
struct Group {
    weight: i64,
    /// What every member with room has gained.
    growth: i64,
    nodes: Vec<u32>,
    /// Members by falling credit.
    by_credit: KeyTree,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    group: u32,
    place: u32,
    /// Credit; while the node has room, less the growth of its group.
    credit: i64,
    room: u32,
}

/// Each node in turn in proportion to its weight.
#[derive(Clone, Debug)]
pub struct WeightedRoundRobin {
    groups: Vec<Group>,
    members: Vec<Member>,
    /// Sum of the weights of nodes with room.
    total: i64,
}

/// A tree key that is least for the most credit.
#[inline]
fn key(credit: i64) -> u64 {
    !(credit.cast_unsigned() ^ (1 << 63))
}

impl WeightedRoundRobin {
    /// Groups the nodes by weight.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let sum: f64 = context.nodes.iter().map(|node| node.weight).sum();
        // Whole numbers keep ties exact: millionths, or coarser where sums would grow too large.
        let scale = 1e6f64.min((1i64 << 50) as f64 / sum);
        let mut groups: Vec<Group> = Vec::new();
        let mut members = Vec::with_capacity(context.nodes.len());
        let mut by_weight = std::collections::BTreeMap::new();
        for (node, spec) in context.nodes.iter().enumerate() {
            let weight = ((spec.weight * scale).round() as i64).max(1);
            let group = *by_weight.entry(weight).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Group {
                    weight,
                    growth: 0,
                    nodes: Vec::new(),
                    by_credit: KeyTree::new(0, false),
                });
            }
            let nodes = &mut groups[group].nodes;
            members.push(Member { group: group as u32, place: nodes.len() as u32, credit: 0, room: 0 });
            nodes.push(node as u32);
        }
        for group in &mut groups {
            group.by_credit = KeyTree::new(group.nodes.len(), context.max_demand > 1);
        }
        WeightedRoundRobin { groups, members, total: 0 }
    }

    fn file(&mut self, node: u32) {
        let member = self.members[node as usize];
        self.groups[member.group as usize].by_credit.set(member.place, key(member.credit), member.room);
    }

    #[cold]
    fn rebase(&mut self, group: usize) {
        let growth = std::mem::take(&mut self.groups[group].growth);
        for at in 0..self.groups[group].nodes.len() {
            let node = self.groups[group].nodes[at];
            if self.members[node as usize].room > 0 {
                self.members[node as usize].credit += growth;
                self.file(node);
            }
        }
    }
}

impl WeightedRoundRobin {
    /// The turn of the best of the nodes that `leader` finds in the groups, by their place in a group.
    pub(in crate::policies) fn take_turn(
        &mut self,
        leader: impl Fn(&KeyTree, &[u32]) -> Option<u32>,
    ) -> Option<NodeId> {
        let mut best: Option<(i64, u32)> = None;
        for group in &self.groups {
            if let Some(place) = leader(&group.by_credit, &group.nodes) {
                let node = group.nodes[place as usize];
                let credit = self.members[node as usize].credit + group.growth + group.weight;
                if best.is_none_or(|(most, first)| credit > most || (credit == most && node < first)) {
                    best = Some((credit, node));
                }
            }
        }
        let (_, node) = best?;
        for group in 0..self.groups.len() {
            self.groups[group].growth += self.groups[group].weight;
            if self.groups[group].growth > REBASE {
                self.rebase(group);
            }
        }
        self.members[node as usize].credit -= self.total;
        self.file(node);
        Some(NodeId(node))
    }
}

impl Place for WeightedRoundRobin {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        self.take_turn(|by_credit, _| by_credit.least(task.slots()))
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        let member = &mut self.members[node.index()];
        if room == member.room {
            return;
        }
        let group = &self.groups[member.group as usize];
        if member.room == 0 {
            member.credit -= group.growth;
            self.total += group.weight;
        } else if room == 0 {
            member.credit += group.growth;
            self.total -= group.weight;
        }
        member.room = room;
        self.file(node.0);
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
