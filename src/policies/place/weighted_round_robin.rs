//! Weighted round robin: nodes in turn in proportion to their weights, never a whole task ahead of
//! their share or behind it, no node several times in a row where others could come between.
//!
//! Source: earliest eligible virtual deadline first; Stoica and Abdel-Wahab 1995. A node's credit is
//! its share of the tasks so far less those it got. The next task goes to a node that is not ahead
//! (credit of at least 0); of those to the one whose next task is due first: when its share, growing
//! as it does, would be a whole task behind (the first on a tie). Nodes of weights 5, 1, 1 are taken
//! as a b a a c a a. (The balancer of nginx gives the task to the most credit; with three or more
//! nodes that leaves some up to 1.3 tasks behind.)
//!
//! Cost: O(k + log n) per task for k different weights. Credits of nodes of one weight grow alike, so
//! they are kept in one tree and their common growth in one number; only the leaders of the k trees
//! are compared.
//! A bad idea when tasks differ much in size: it counts tasks, not work, and looks at no queue.
//!
//! Nodes without room for a single slot neither gain nor pay while they have none; they keep their
//! credit. The bound of one task holds between such changes, and for tasks that all nodes can take.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, NodeSpec, Place, TaskView};
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

/// What decides which node is next.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Whether it has had more than its share. Only when all who have room have, it counts no more.
    ahead: bool,
    /// What it can still gain before it is a whole task behind ...
    left: i64,
    /// ... and how fast it gains.
    weight: i64,
    node: u32,
}

impl Turn {
    /// Of the first of the nodes of this weight with this credit; `total` is the sum of all weights.
    #[inline]
    pub(super) fn new(credit: i64, total: i64, weight: i64, node: u32) -> Self {
        Turn { ahead: credit < 0, left: total - credit, weight, node }
    }

    #[inline]
    pub(super) fn node(&self) -> NodeId {
        NodeId(self.node)
    }

    #[inline]
    pub(super) fn is_before(&self, other: &Turn) -> bool {
        // Times until due, left / weight, as whole numbers: ties are exact.
        let (due, other_due) = (
            i128::from(self.left) * i128::from(other.weight),
            i128::from(other.left) * i128::from(self.weight),
        );
        (self.ahead, due, self.node) < (other.ahead, other_due, other.node)
    }
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

/// Weights as whole numbers, which keep ties exact: millionths, or coarser where sums would grow too
/// large.
pub(super) fn whole_weights(nodes: &[NodeSpec]) -> impl Iterator<Item = i64> + '_ {
    let sum: f64 = nodes.iter().map(|node| node.weight).sum();
    let scale = 1e6f64.min((1i64 << 50) as f64 / sum);
    nodes.iter().map(move |node| ((node.weight * scale).round() as i64).max(1))
}

impl WeightedRoundRobin {
    /// Groups the nodes by weight.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut members = Vec::with_capacity(context.nodes.len());
        let mut by_weight = std::collections::BTreeMap::new();
        for (node, weight) in whole_weights(context.nodes).enumerate() {
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
        let mut best: Option<Turn> = None;
        for group in &self.groups {
            if let Some(place) = leader(&group.by_credit, &group.nodes) {
                let node = group.nodes[place as usize];
                let credit = self.members[node as usize].credit + group.growth;
                let turn = Turn::new(credit, self.total, group.weight, node);
                if best.is_none_or(|best| turn.is_before(&best)) {
                    best = Some(turn);
                }
            }
        }
        let node = best?.node;
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
