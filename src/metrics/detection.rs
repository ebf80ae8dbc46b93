//! What the scheduler believed of its nodes, and what that cost: only where nodes are lost.

use super::columns::{Metric, MetricRow};
use crate::time::Time;

/// Losses and returns of nodes as the scheduler saw them, and how right it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Detection {
    /// By node, when it was lost; `Time::NEVER` while it is believed up.
    lost: Vec<Time>,
    /// By node, whether it belongs to the cluster and has not joined yet: then it is as good as lost, and was
    /// not lost.
    awaited: Vec<bool>,
    losses: u64,
    returns: u64,
    /// Time that nodes were believed down, and that of nodes which are back.
    down: u128,
    repair: u128,
    /// Failures that were found out late, and how late.
    detected: u64,
    detection: u128,
    /// Nodes that were up: suspected, declared dead.
    suspicions: u64,
    declarations: u64,
}

impl Detection {
    /// The run begins: what was before does not count.
    pub(super) fn begin(&mut self) {
        let Detection { lost, awaited, .. } = std::mem::take(self);
        *self = Detection { lost, awaited, ..Detection::default() };
    }

    /// A node belongs to the cluster from now on, and will join.
    #[cold]
    pub(super) fn entered(&mut self, now: Time, node: usize, nodes: usize) {
        self.lost.resize(nodes, Time::NEVER);
        self.awaited.resize(nodes, false);
        (self.lost[node], self.awaited[node]) = (now, true);
    }

    /// A node is believed down from now on. `failed` is when it really failed, if that was before.
    #[cold]
    pub(super) fn lost(&mut self, now: Time, node: usize, nodes: usize, failed: Option<Time>) {
        self.lost.resize(nodes, Time::NEVER);
        if self.lost[node] != Time::NEVER {
            return;
        }
        self.lost[node] = now;
        self.losses += 1;
        if let Some(failed) = failed {
            self.detected += 1;
            self.detection += u128::from(now.since(failed).0);
        }
    }

    /// A node is suspected, wrongly or not.
    pub(super) fn suspected(&mut self, wrongly: bool) {
        self.suspicions += u64::from(wrongly);
    }

    /// A node was declared dead, wrongly or not.
    pub(super) fn declared(&mut self, wrongly: bool) {
        self.declarations += u64::from(wrongly);
    }

    /// A node is believed up from now on.
    #[cold]
    pub(super) fn returned(&mut self, now: Time, node: usize, start: Time) {
        if let Some((since, false)) = self.ends(now, node, start) {
            self.returns += 1;
            self.repair += u128::from(now.since(since).0);
        }
    }

    /// A node belongs to the cluster no longer, lost or not.
    #[cold]
    pub(super) fn left(&mut self, now: Time, node: usize, start: Time) {
        self.ends(now, node, start);
    }

    /// A node is not believed down any more: since when it was, and whether it had only been awaited.
    fn ends(&mut self, now: Time, node: usize, start: Time) -> Option<(Time, bool)> {
        let lost = self.lost.get_mut(node).filter(|lost| **lost != Time::NEVER)?;
        let since = std::mem::replace(lost, Time::NEVER);
        self.down += u128::from(now.since(since.max(start)).0);
        Some((since, self.awaited.get_mut(node).is_some_and(std::mem::take)))
    }

    /// Writes the figures of a run from `start` to `end`; nodes belonged to the cluster for so many
    /// nanoseconds in all.
    pub(super) fn write(&self, row: &mut MetricRow, there: u128, start: Time, end: Time) {
        let still: u128 = self.lost.iter().map(|lost| u128::from(end.since((*lost).max(start)).0)).sum();
        let up = there.saturating_sub(self.down + still);
        let mean = |total: u128, count: u64| total as f64 / 1e9 / count as f64;
        row.set(Metric::WrongSuspicions, self.suspicions as f64);
        row.set(Metric::WrongDeclarations, self.declarations as f64);
        // A driver that does not know beforehand when the scheduler will know says so of every failure.
        if self.detection > 0 {
            row.set(Metric::MeanTimeToDetect, mean(self.detection, self.detected));
        }
        if self.losses > 0 {
            row.set(Metric::MeanTimeBetweenFailures, mean(up, self.losses));
        }
        if self.returns > 0 {
            row.set(Metric::MeanTimeToRepair, mean(self.repair, self.returns));
        }
    }
}
