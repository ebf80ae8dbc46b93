//! Tasks that a task submits when it completes.
//!
//! Such a task is told apart by where it stands in its tree: its identity is a hash of its parent's
//! identity and its place among its siblings; that of a task that was not spawned is its number among
//! those. All that is random about a task comes from streams keyed by its identity, so the same trees
//! grow under every policy and in live runs, in whatever order parents come to their ends. Numbers are
//! given in order of arrival, which is not the same everywhere.
//!
//! Kept: 16 bytes for each slot of an unsettled task, in workloads that spawn. O(1) per task.

use super::Workload;
use crate::distribution::Distribution;
use crate::ids::TaskId;
use crate::random::{Purpose, StreamKey, Streams, mix, uniform};

/// No task spawns more than this at once.
pub const MOST_CHILDREN: u32 = 1_000_000;

/// What a task that completes submits at that very instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Spawn {
    /// How many tasks. Of a number that is not whole, the rest is the probability of one more, so that
    /// the mean is that of the distribution.
    pub children: Distribution,
    /// Tasks that are so many generations below one that was not spawned have no children; `None` for
    /// no end.
    pub depth: Option<u32>,
}

impl Spawn {
    /// About how many tasks there are for each that was not spawned, itself included, if all complete:
    /// the mean total progeny of a branching process (Harris 1963, *The Theory of Branching Processes*,
    /// chapter I). `None` when it is infinite.
    pub fn mean_tasks(&self) -> Option<f64> {
        let mean = self.children.mean()?;
        let total = match self.depth {
            None if mean >= 1.0 => return None,
            None => 1.0 / (1.0 - mean),
            Some(depth) if mean == 1.0 => f64::from(depth) + 1.0,
            Some(depth) => (1.0 - mean.powf(f64::from(depth) + 1.0)) / (1.0 - mean),
        };
        total.is_finite().then_some(total)
    }
}

/// Where a task stands in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// What its random streams are keyed by.
    pub identity: u64,
    /// How many generations it is below a task that was not spawned.
    depth: u32,
}

impl Lineage {
    fn root(number: u32) -> Lineage {
        Lineage { identity: u64::from(number), depth: 0 }
    }

    /// Of its child at this place among its siblings.
    fn child(self, place: u32) -> Lineage {
        // Numbers have this bit clear: no spawned task has the identity of one that was not.
        const SPAWNED: u64 = 1 << 63;
        let identity = mix(mix(self.identity).wrapping_add(u64::from(place))) | SPAWNED;
        Lineage { identity, depth: self.depth + 1 }
    }
}

/// All trees of one run, as a driver keeps them.
#[derive(Clone, Debug)]
pub struct Trees {
    spawn: Spawn,
    draws: StreamKey,
    /// By slot.
    lineages: Vec<Lineage>,
    /// Of the task that enters next, when it is a child.
    coming: Option<Lineage>,
    /// Tasks that entered so far.
    entered: u32,
}

impl Trees {
    /// The trees of `workload` in the world of `streams`; `None` when its tasks spawn nothing.
    pub fn new(workload: &Workload, streams: Streams) -> Option<Trees> {
        let Workload::Generated { spawn: Some(spawn), .. } = workload else { return None };
        Some(Trees {
            spawn: spawn.clone(),
            draws: streams.key(Purpose::Spawn),
            lineages: Vec::new(),
            coming: None,
            entered: 0,
        })
    }

    /// Where the task in this slot stands.
    pub fn lineage(&self, slot: u32) -> Lineage {
        self.lineages[slot as usize]
    }

    /// How many children a task has that completes; `None` when more than any may have.
    pub fn children(&self, parent: Lineage) -> Option<u32> {
        if self.spawn.depth.is_some_and(|depth| parent.depth >= depth) {
            return Some(0);
        }
        let mut stream = self.draws.stream(parent.identity);
        let drawn = self.spawn.children.sample(&mut stream);
        let whole = drawn.floor();
        let more = drawn > whole && uniform(&mut stream) < drawn - whole;
        (drawn < f64::from(MOST_CHILDREN)).then(|| whole as u32 + u32::from(more))
    }

    /// The next task that enters is this child; gives its number and where it stands. `None` when there
    /// are no numbers left.
    pub fn announce(&mut self, parent: Lineage, place: u32) -> Option<(u32, Lineage)> {
        let lineage = parent.child(place);
        self.coming = Some(lineage);
        // The last number is that of no task.
        (self.entered < u32::MAX - 1).then_some((self.entered, lineage))
    }

    /// The task in slot `to`, which has entered or not, is from now on the one in slot `from`.
    pub fn copy(&mut self, from: u32, to: u32) {
        let lineage = self.lineage(from);
        if to as usize >= self.lineages.len() {
            self.lineages.resize(to as usize + 1, lineage);
        }
        self.lineages[to as usize] = lineage;
    }

    /// A task enters: gives it under its number in order of arrival, and its identity.
    pub fn enter(&mut self, task: TaskId) -> (TaskId, u64) {
        let lineage = self.coming.take().unwrap_or_else(|| Lineage::root(task.number));
        let slot = task.slot as usize;
        if slot >= self.lineages.len() {
            self.lineages.resize(slot + 1, lineage);
        }
        self.lineages[slot] = lineage;
        let number = self.entered;
        self.entered += 1;
        (TaskId { number, ..task }, lineage.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn means_of_whole_trees() {
        let tasks = |mean, depth| Spawn { children: Distribution::constant(mean), depth }.mean_tasks();
        assert_eq!(tasks(2.0, Some(3)), Some(15.0));
        assert_eq!(tasks(1.0, Some(4)), Some(5.0));
        assert_eq!(tasks(0.5, None), Some(2.0));
        assert_eq!(tasks(0.5, Some(2)), Some(1.75));
        assert_eq!(tasks(0.0, None), Some(1.0));
        assert_eq!(tasks(1.0, None), None);
        assert_eq!(tasks(1e300, Some(4)), None);
    }

    /// Identities of relatives differ, and depend on nothing but the place in the tree.
    #[test]
    fn everyone_is_told_apart() {
        let mut seen = BTreeSet::new();
        for root in (0..200).chain(u32::MAX - 200..u32::MAX) {
            let root = Lineage::root(root);
            assert!(seen.insert(root.identity));
            for child in (0..20).map(|place| root.child(place)) {
                assert!(seen.insert(child.identity));
                assert!((0..20).all(|place| seen.insert(child.child(place).identity)));
                assert_eq!(child.child(3).depth, 2);
            }
        }
        assert_eq!(Lineage::root(7).child(1), Lineage::root(7).child(1));
    }
}
