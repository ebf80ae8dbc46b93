//! Which running task is the first to make room for a better one? An index over what runs under pull,
//! kept only for orders that interrupt.
//!
//! Where keys stand still while a task runs, the worst is the one with the greatest key. Where they
//! are estimated work left, the work left on nodes of one speed shrinks alike, so that the order of
//! expected ends stays the order of work left: there is one index per distinct speed, and the worst is
//! the worst of their lasts. O(log n) to file or to remove a task, O(k log n) to find the worst of k
//! speeds.

use super::cluster::Cluster;
use crate::ids::NodeId;
use crate::structures::ordered_index::OrderedIndex;
use crate::time::Time;

/// What runs, from the best to the worst.
#[derive(Clone, Debug)]
pub(super) struct Running {
    /// One per distinct speed; only one where keys stand still.
    indices: Vec<OrderedIndex>,
    speeds: Vec<f64>,
    /// Of the speed of each node.
    index_of: Vec<u32>,
    /// Tasks found last; kept to use its memory again.
    found: Vec<u32>,
}

impl Running {
    /// For the nodes of `cluster`; `by_speed` when keys are estimated work left.
    pub(super) fn new(cluster: &Cluster, by_speed: bool) -> Self {
        let mut speeds: Vec<f64> = Vec::new();
        if by_speed {
            speeds.extend(cluster.nodes().map(|node| cluster.spec(node).speed));
            speeds.sort_by(f64::total_cmp);
            speeds.dedup();
        } else {
            speeds.push(1.0);
        }
        let index = |node: NodeId| speeds.partition_point(|&speed| speed < cluster.spec(node).speed) as u32;
        let index_of = if by_speed { cluster.nodes().map(index).collect() } else { Vec::new() };
        Running { indices: vec![OrderedIndex::default(); speeds.len()], speeds, index_of, found: Vec::new() }
    }

    fn index(&mut self, node: NodeId) -> &mut OrderedIndex {
        &mut self.indices[self.index_of.get(node.index()).copied().unwrap_or(0) as usize]
    }

    /// Files a task by its key, or by its expected end in nanoseconds.
    pub(super) fn insert(&mut self, slot: u32, number: u32, key: u64, node: NodeId) {
        self.index(node).insert(slot, key, number, 1, 0);
    }

    pub(super) fn remove(&mut self, slot: u32, node: NodeId) {
        self.index(node).remove(slot);
    }

    /// Gives every task a new key.
    pub(super) fn rekey(&mut self, entries: &mut Vec<u128>, key: impl FnMut(u32) -> u64) {
        self.indices[0].rekey(entries, key);
    }

    /// The worst task by key, if keys stand still.
    pub(super) fn worst(&self) -> Option<(u32, u64)> {
        self.indices[0].last()
    }

    /// The task with the most estimated work left, and how much that is.
    pub(super) fn longest(&self, now: Time) -> Option<(u32, u64)> {
        let lasts = self.indices.iter().zip(&self.speeds).filter_map(|(index, &speed)| {
            let (slot, end) = index.last()?;
            Some((slot, Time(end).since(now).work_at(speed)))
        });
        // Of equals the one on the slowest node.
        lasts.reduce(|best, other| if other.1 > best.1 { other } else { best })
    }

    /// Up to `most` of the worst tasks of every speed, in no particular order.
    pub(super) fn worst_few(&mut self, most: usize) -> &[u32] {
        self.found.clear();
        for index in &self.indices {
            index.last_few(most, &mut self.found);
        }
        &self.found
    }
}
