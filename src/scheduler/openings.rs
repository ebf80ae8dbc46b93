//! Nodes where an attempt could start at once, the fastest first.

use super::cluster::Cluster;
use super::task::Tasks;
use crate::ids::NodeId;
use crate::structures::fit_tree::FitTree;

/// Nodes that are looked at for one task: each of them has enough free, but may be out of the question for
/// another reason.
const MOST_TRIED: u32 = 32;

/// What is free at nodes, by their rank in speed.
#[derive(Clone, Debug)]
pub(super) struct Openings {
    /// Rows of free slots and free amounts of named resources.
    free: FitTree,
    node_at: Vec<u32>,
    rank_of: Vec<u32>,
    /// By rank: where the nodes of the same speed begin and end.
    alike: Vec<(u32, u32)>,
    /// Of nodes of the same speed, by the rank of the first: the one whose turn it is.
    turns: Vec<u32>,
    /// Kept to use its memory again.
    demand: Vec<u64>,
}

impl Openings {
    /// For the nodes of this cluster, none of which is up.
    pub(super) fn new(cluster: &Cluster) -> Self {
        let speed = |node: &u32| cluster.spec(NodeId(*node)).speed;
        let mut node_at: Vec<u32> = (0..cluster.len() as u32).collect();
        node_at.sort_by(|a, b| speed(b).total_cmp(&speed(a)));
        let mut rank_of = vec![0; node_at.len()];
        for (rank, &node) in node_at.iter().enumerate() {
            rank_of[node as usize] = rank as u32;
        }
        let mut alike = Vec::with_capacity(node_at.len());
        for nodes in node_at.chunk_by(|a, b| speed(a) == speed(b)) {
            let start = alike.len() as u32;
            alike.extend(nodes.iter().map(|_| (start, start + nodes.len() as u32)));
        }
        let kinds = cluster.resources().map_or(0, |resources| resources.names().len());
        Openings {
            free: FitTree::new(node_at.len(), 1 + kinds),
            turns: (0..node_at.len() as u32).collect(),
            node_at,
            rank_of,
            alike,
            demand: Vec::new(),
        }
    }

    /// What is free at the node has changed.
    pub(super) fn note(&mut self, node: NodeId, cluster: &Cluster) {
        let ledger = cluster.ledger.as_deref();
        let amounts = ledger.map_or(&[][..], |ledger| ledger.free(node));
        let row = std::iter::once(u64::from(cluster.free(node))).chain(amounts.iter().copied());
        self.free.set(self.rank_of[node.index()], row);
    }

    /// The fastest node that has free what the task takes, and `suits`; of equally fast ones, each in its
    /// turn.
    pub(super) fn find(
        &mut self,
        task: u32,
        cluster: &Cluster,
        tasks: &Tasks,
        suits: impl Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        self.demand.clear();
        self.demand.push(u64::from(tasks.hot[task as usize].slots));
        if let Some(resources) = cluster.resources() {
            self.demand.extend_from_slice(resources.demand(tasks.demand(task)));
        }
        let mut tried = 0;
        let mut from = 0;
        while let Some(first) = self.free.first_from(from, &self.demand) {
            let (start, end) = self.alike[first as usize];
            let turn = self.turns[start as usize];
            for (mut at, to) in [(turn, end), (start, turn)] {
                while let Some(rank) = self.free.first_from(at, &self.demand).filter(|rank| *rank < to) {
                    let node = NodeId(self.node_at[rank as usize]);
                    if suits(node) {
                        self.turns[start as usize] = if rank + 1 < end { rank + 1 } else { start };
                        return Some(node);
                    }
                    tried += 1;
                    if tried == MOST_TRIED {
                        return None;
                    }
                    at = rank + 1;
                }
            }
            from = end;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::scheduler::policy::Dispatch;
    use crate::scheduler::{Limits, NodeSpec, RetryPlan, SchedulerConfig, TaskSpec};
    use crate::time::Time;

    #[test]
    fn the_fastest_first_and_equals_in_turn() {
        let config = SchedulerConfig {
            retry: RetryPlan::default(),
            max_demand: 1,
            starts_are_reported: false,
            seed: 1,
            resources: Default::default(),
            limits: Limits::default(),
            guards: Default::default(),
            alarms: Default::default(),
            monitor: None,
            autoscale: None,
        };
        let nodes = [1.0, 2.0, 1.0, 2.0, 1.0].map(|speed| NodeSpec { slots: 1, speed, weight: 1.0 });
        let mut cluster = Cluster::new(&nodes, Dispatch::Pull, &config);
        let mut openings = Openings::new(&cluster);
        let mut tasks = Tasks::default();
        let spec = TaskSpec { estimate: 1, priority: 0.0, slots: 1, class: 0 };
        tasks.admit(Time::ZERO, TaskId { slot: 0, number: 0 }, &spec);
        assert_eq!(openings.find(0, &cluster, &tasks, |_| true), None);
        for node in cluster.nodes().collect::<Vec<_>>() {
            cluster.set_up(node, true);
            openings.note(node, &cluster);
        }
        let mut found = |not: &[u32]| {
            openings.find(0, &cluster, &tasks, |node| !not.contains(&node.0)).map(|node| node.0)
        };
        assert_eq!([found(&[]), found(&[]), found(&[])], [Some(1), Some(3), Some(1)]);
        let slow = [found(&[1, 3]), found(&[1, 3]), found(&[1, 3]), found(&[1, 3])];
        assert_eq!(slow, [Some(0), Some(2), Some(4), Some(0)]);
        assert_eq!((found(&[1, 3, 0, 2]), found(&[0, 1, 2, 3, 4])), (Some(4), None));
    }
}
