//! Dynamic weighted round robin: in turn in proportion to weight times the free share of the node, so
//! that a node that fills up gets its turn less often and a full one none.
//!
//! Source: weighted round robin whose weights follow the load, as in the dynamic feedback scheduling
//! of Linux Virtual Server; Zhang 2000. Here they follow it at once, without a period of measurement.
//! Whose turn it is is decided as in `weighted-round-robin`, with the weights of the moment. When no
//! node has a free slot that nobody waits for, the task stays in the central queue; under push it goes
//! to the node with the fewest tasks.
//! Cost: O(k + log n) per task and O(log k + log n) per change of a node, for k different products of
//! weight and free share that occurred: nodes of one product gain alike and share a heap.
//! A bad idea when nodes have one slot: they are free or full, and it is weighted round robin among
//! the free ones.

use std::collections::BTreeMap;

use super::PlaceContext;
use super::weighted_round_robin::{Turn, whole_weights};
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::key_heaps::KeyHeaps;

/// Growth beyond which credits are written out again, far from the end of the number range.
const REBASE: i64 = 1 << 60;

/// Nodes of one weight with as many free slots.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Weight times free share.
    weight: i64,
    free: u32,
    /// What every member has gained.
    growth: i64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    /// As a whole number, when all slots are free.
    weight: i64,
    slots: u32,
    /// Credit; while the node has free slots, less the growth of its group.
    credit: i64,
    group: Option<u32>,
}

/// Each node in turn in proportion to its weight and its free share.
#[derive(Clone, Debug)]
pub struct DynamicWeightedRoundRobin {
    groups: Vec<Group>,
    group_of: BTreeMap<(i64, u32), u32>,
    /// By group: its nodes, the most credit first.
    by_credit: KeyHeaps,
    members: Vec<Member>,
    /// Sum of weight times free share.
    total: i64,
    when_full: WhenFull,
}

/// A key that is least for the most credit.
#[inline]
fn key(credit: i64) -> u128 {
    u128::from(!(credit.cast_unsigned() ^ (1 << 63)))
}

impl DynamicWeightedRoundRobin {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let members = whole_weights(context.nodes).zip(context.nodes);
        let member = |(weight, node): (i64, &crate::scheduler::NodeSpec)| Member {
            weight,
            slots: node.slots,
            credit: 0,
            group: None,
        };
        DynamicWeightedRoundRobin {
            groups: Vec::new(),
            group_of: BTreeMap::new(),
            by_credit: KeyHeaps::new(),
            members: members.map(member).collect(),
            total: 0,
            when_full: WhenFull::new(context),
        }
    }

    /// The group of nodes of this weight with so many free slots; none for full ones.
    fn group(&mut self, member: &Member, free: u32) -> Option<u32> {
        if free == 0 {
            return None;
        }
        let share = f64::from(free) / f64::from(member.slots);
        let weight = ((member.weight as f64 * share).round() as i64).max(1);
        Some(*self.group_of.entry((weight, free)).or_insert_with(|| {
            self.groups.push(Group { weight, free, growth: 0 });
            self.by_credit.add()
        }))
    }

    /// Writes the growth of a group out into the credits of its members.
    #[cold]
    fn rebase(&mut self, group: u32) {
        let growth = std::mem::take(&mut self.groups[group as usize].growth);
        for node in 0..self.members.len() {
            if self.members[node].group == Some(group) {
                self.members[node].credit += growth;
                self.by_credit.file(node as u32, group, key(self.members[node].credit));
            }
        }
    }
}

impl Place for DynamicWeightedRoundRobin {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let mut best: Option<Turn> = None;
        for (number, group) in self.groups.iter().enumerate() {
            if group.free >= task.slots()
                && let Some((_, node)) = self.by_credit.first(number as u32)
            {
                let credit = self.members[node as usize].credit + group.growth;
                let turn = Turn::new(credit, self.total, group.weight, node);
                if best.is_none_or(|best| turn.is_before(&best)) {
                    best = Some(turn);
                }
            }
        }
        let Some(best) = best else { return self.when_full.choose(task, cluster) };
        for group in 0..self.groups.len() as u32 {
            let state = &mut self.groups[group as usize];
            state.growth += state.weight;
            if state.growth > REBASE {
                self.rebase(group);
            }
        }
        let node = best.node();
        let member = &mut self.members[node.index()];
        member.credit -= self.total;
        if let Some(group) = member.group {
            self.by_credit.file(node.0, group, key(member.credit));
        }
        Some(node)
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let member = self.members[node.index()];
        let group = self.group(&member, cluster.unclaimed(node));
        if group != member.group {
            let of = |group: Option<u32>| group.map(|group| self.groups[group as usize]);
            let (left, joined) = (of(member.group), of(group));
            let credit = member.credit + left.map_or(0, |group| group.growth);
            self.total -= left.map_or(0, |group| group.weight);
            self.total += joined.map_or(0, |group| group.weight);
            let credit = credit - joined.map_or(0, |group| group.growth);
            self.members[node.index()] = Member { credit, group, ..member };
            match group {
                Some(group) => self.by_credit.file(node.0, group, key(credit)),
                None => self.by_credit.take(node.0),
            }
        }
        self.when_full.node_changed(node, cluster);
    }
}
