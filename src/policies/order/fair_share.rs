//! Fair share: the class or user that has had the least slot time per weight goes first; within it, first
//! come, first served.
//!
//! Source: Kay and Lauder, "A Fair Share Scheduler", Communications of the ACM 31, 1988; the bookkeeping is
//! that of start-time fair queueing, Goyal, Vin and Cheng 1997. All slot time since the beginning of the
//! run counts, without decay: who was away catches up. A task counts from its start with what it is
//! estimated to take on its node, and from its end with what it took. Cost: O(log n + log g) per task for n
//! waiting tasks of g groups. A group's first task has to find room, or everybody waits.
//! A bad idea when a group has long tasks that nobody can interrupt: it takes more than its share until they
//! end, and when groups come and go: one that was away for long shuts out all others when it returns.
//!
//! The option `over` says who shares: `"class"` (the default) or `"user"`. A task's `weight` divides what it
//! counts, so a group of weight 2 gets twice the slot time of one of weight 1 while both wait.

use super::groups::{Groups, per_weight};
use crate::ids::NodeId;
use crate::policies::spec::Sharers;
use crate::scheduler::{Cluster, Entry, Order, TaskView};
use crate::time::{Duration, Time};

/// The group with the least slot time per weight goes first.
#[derive(Clone, Debug)]
pub struct FairShare {
    groups: Groups,
    /// Slot time per weight, by group, in nanoseconds.
    used: Vec<u128>,
}

impl FairShare {
    /// Nobody has had anything yet.
    pub fn new(over: Sharers) -> Self {
        FairShare { groups: Groups::new(over), used: Vec::new() }
    }

    /// What a task counts when it takes so long.
    fn charge(task: &TaskView<'_>, held: u64) -> u128 {
        per_weight(u128::from(held) * u128::from(task.slots()), task)
    }

    /// What it is estimated to take on this node.
    fn expected(task: &TaskView<'_>, node: NodeId, cluster: &Cluster) -> u128 {
        Self::charge(task, Duration::of_work(task.estimate(), cluster.spec(node).speed).0)
    }

    fn file(&mut self, group: usize) {
        self.groups.set_share(group, self.used[group] as f64);
    }
}

impl Order for FairShare {
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        let group = self.groups.queue(task);
        if group == self.used.len() {
            self.used.push(0);
        }
        group as u64
    }

    fn is_grouped(&self) -> bool {
        true
    }

    fn first_group(&self) -> Option<u64> {
        self.groups.first()
    }

    fn group_is_empty(&mut self, group: u64) {
        self.groups.set_waiting(group as usize, false);
    }

    fn watches_attempts(&self) -> bool {
        true
    }

    fn started(&mut self, task: &TaskView<'_>, node: NodeId, cluster: &Cluster) {
        let group = task.queue_key() as usize;
        self.used[group] += Self::expected(task, node, cluster);
        self.file(group);
    }

    fn ended(&mut self, task: &TaskView<'_>, node: NodeId, held: Duration, cluster: &Cluster) {
        let group = task.queue_key() as usize;
        // What was counted at the start is the same again: first the true figure, so that it stays above 0.
        self.used[group] += Self::charge(task, held.0);
        self.used[group] -= Self::expected(task, node, cluster);
        self.file(group);
    }
}
