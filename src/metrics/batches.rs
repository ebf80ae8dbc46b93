//! Figures of batches of tasks that follow each other, for intervals from one long run.

use super::columns::{Metric, MetricRow};
use super::task_stats::TaskStats;
use crate::scheduler::TaskState;
use crate::time::Duration;

/// How the tasks that count are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// How many batches.
    pub count: u32,
    /// The tasks of all of them.
    pub tasks: u64,
}

/// Figures by batch.
#[derive(Clone, Debug)]
pub(super) struct BatchStats {
    /// Tasks of a batch; those that are left over belong to the last.
    size: u64,
    stats: Vec<TaskStats>,
}

impl BatchStats {
    pub(super) fn new(batching: Batching) -> Self {
        let count = batching.count.max(1);
        BatchStats {
            size: (batching.tasks / u64::from(count)).max(1),
            stats: vec![TaskStats::default(); count as usize],
        }
    }

    /// The figures of the batch of the task with this number among those that count.
    fn of(&mut self, number: u64) -> &mut TaskStats {
        let last = self.stats.len() - 1;
        &mut self.stats[((number / self.size) as usize).min(last)]
    }

    /// A task that counts is settled.
    pub(super) fn settle(
        &mut self,
        number: u64,
        state: TaskState,
        wait: Option<Duration>,
        response: Option<Duration>,
        service: Duration,
    ) {
        let stats = self.of(number);
        stats.submitted += 1;
        stats.settle(state, wait, response, service);
    }

    /// A row for each batch. What a batch does not have of its own stands in the first row, as it is
    /// of the whole run.
    pub(super) fn finish(&self, whole: &MetricRow) -> Vec<MetricRow> {
        let mut rows: Vec<MetricRow> = vec![MetricRow::default(); self.stats.len()];
        for (row, stats) in rows.iter_mut().zip(&self.stats) {
            stats.write(row);
        }
        for column in super::COLUMNS {
            let metric: Metric = column.metric;
            if rows.iter().all(|row| row.get(metric).is_none())
                && let Some(value) = whole.get(metric)
            {
                rows[0].set(metric, value);
            }
        }
        rows
    }
}
