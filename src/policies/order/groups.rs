//! Groups of tasks that share a cluster, in order of what each has had.
//!
//! A group has a number by the order in which groups first came. Finding the group with the least share
//! among those with waiting tasks, and filing another share, take O(log g) for g groups.

use std::collections::BTreeMap;

use crate::policies::spec::Sharers;
use crate::scheduler::TaskView;
use crate::structures::key_tree::KeyTree;

/// Weights are counted in millionths.
const WEIGHT_UNIT: f64 = 1e6;

/// Groups by share.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    over: Sharers,
    numbers: BTreeMap<u32, u32>,
    /// By group: its share, as bits that sort as shares do, and whether tasks of it may wait.
    shares: Vec<u64>,
    waits: Vec<bool>,
    by_share: KeyTree,
}

impl Groups {
    pub(super) fn new(over: Sharers) -> Self {
        Groups {
            over,
            numbers: BTreeMap::new(),
            shares: Vec::new(),
            waits: Vec::new(),
            by_share: KeyTree::new(1, false),
        }
    }

    /// A task of some group waits from now on: gives the group, a new one if nothing of it has come
    /// before.
    pub(super) fn queue(&mut self, task: &TaskView<'_>) -> usize {
        let group = self.of(task);
        self.set_waiting(group, true);
        group
    }

    fn of(&mut self, task: &TaskView<'_>) -> usize {
        let sharer = match self.over {
            Sharers::Classes => u32::from(task.class()),
            Sharers::Users => task.details().user,
        };
        if let Some(&group) = self.numbers.get(&sharer) {
            return group as usize;
        }
        let group = self.shares.len();
        self.numbers.insert(sharer, group as u32);
        self.shares.push(0.0f64.to_bits());
        self.waits.push(false);
        if group.is_power_of_two() {
            // The tree is full: one of twice the size costs nothing to speak of per group.
            self.by_share = KeyTree::new(2 * group, false);
            (0..group).for_each(|group| self.file(group));
        }
        group
    }

    fn file(&mut self, group: usize) {
        self.by_share.set(group as u32, self.shares[group], u32::from(self.waits[group]));
    }

    /// Tasks of the group wait, or none does.
    pub(super) fn set_waiting(&mut self, group: usize, waits: bool) {
        self.waits[group] = waits;
        self.file(group);
    }

    /// What the group has had, at least 0.
    pub(super) fn set_share(&mut self, group: usize, share: f64) {
        self.shares[group] = share.to_bits();
        self.file(group);
    }

    /// The group with the least share among those with waiting tasks, the one that came first on a tie.
    pub(super) fn first(&self) -> Option<u64> {
        self.by_share.least(1).map(u64::from)
    }
}

/// So much per weight: an amount that a task takes, in whole numbers so that it can be given back.
pub(super) fn per_weight(amount: u128, task: &TaskView<'_>) -> u128 {
    let weight = (task.details().weight * WEIGHT_UNIT).round().max(1.0) as u128;
    amount.saturating_mul(WEIGHT_UNIT as u128) / weight
}
