//! Dominant-resource fairness (DRF): the class or user with the least dominant share per weight goes first;
//! within it, first come, first served. A dominant share is the largest of the shares that a group holds now
//! of all slots and of all there is of each named resource.
//!
//! Source: Ghodsi, Zaharia, Hindman, Konwinski, Shenker and Stoica, "Dominant Resource Fairness: Fair
//! Allocation of Multiple Resource Types", NSDI 2011, algorithm 1. Shares are of what all nodes have, up or
//! down. Cost: O(k + log n + log g) per task for k resources and n waiting tasks of g groups. As in the
//! paper, a task that finds no room when its group's turn has come keeps everybody waiting.
//! A bad idea when groups differ in how long their tasks run: it looks at what they hold now and forgets
//! what they had; `fair-share` remembers.
//!
//! The option `over` says who shares: `"class"` (the default) or `"user"`. A task's `weight` divides what it
//! counts.

use super::groups::{Groups, per_weight};
use crate::ids::NodeId;
use crate::policies::spec::Sharers;
use crate::scheduler::{Cluster, Entry, Order, TaskView};
use crate::time::{Duration, Time};

/// Parts of a slot in which slots are counted per weight.
const SLOT_PARTS: u128 = 1_000_000;

/// The group with the least dominant share per weight goes first.
#[derive(Clone, Debug)]
pub struct DominantResourceFairness {
    groups: Groups,
    /// What all nodes have: slots, then each named resource; empty until the first start.
    totals: Vec<f64>,
    /// What each group holds per weight, a row for each group.
    held: Vec<u128>,
}

impl DominantResourceFairness {
    /// Nobody holds anything yet.
    pub fn new(over: Sharers) -> Self {
        DominantResourceFairness { groups: Groups::new(over), totals: Vec::new(), held: Vec::new() }
    }

    fn learn(&mut self, cluster: &Cluster) {
        let slots: u128 = cluster.nodes().map(|node| u128::from(cluster.spec(node).slots)).sum();
        self.totals.push((slots * SLOT_PARTS) as f64);
        let named = cluster.resources().map(|resources| resources.totals()).unwrap_or_default();
        self.totals.extend(named.into_iter().map(|total| total as f64));
    }

    /// Adds to what the task's group holds, or takes away, and files its dominant share.
    fn count(&mut self, task: &TaskView<'_>, cluster: &Cluster, change: impl Fn(&mut u128, u128)) {
        let group = task.queue_key() as usize;
        let width = self.totals.len();
        if self.held.len() < (group + 1) * width {
            self.held.resize((group + 1) * width, 0);
        }
        let row = &mut self.held[group * width..][..width];
        change(&mut row[0], per_weight(u128::from(task.slots()) * SLOT_PARTS, task));
        if let Some(resources) = cluster.resources() {
            let demand = resources.demand(task.details().demand);
            for (held, &demand) in row[1..].iter_mut().zip(demand) {
                change(held, per_weight(u128::from(demand), task));
            }
        }
        // Of what there is nothing, nothing is held.
        let shares = row.iter().zip(&self.totals).map(|(&held, total)| held as f64 / total.max(1.0));
        let dominant = shares.fold(0.0, f64::max);
        self.groups.set_share(group, dominant);
    }
}

impl Order for DominantResourceFairness {
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        self.groups.queue(task) as u64
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

    fn started(&mut self, task: &TaskView<'_>, _: NodeId, cluster: &Cluster) {
        if self.totals.is_empty() {
            self.learn(cluster);
        }
        self.count(task, cluster, |held, amount| *held += amount);
    }

    fn ended(&mut self, task: &TaskView<'_>, _: NodeId, _: Duration, cluster: &Cluster) {
        self.count(task, cluster, |held, amount| *held -= amount);
    }
}
