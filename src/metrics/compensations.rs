//! Figures of jobs that are undone. Tasks that undo others are load of the cluster: they count in busy time,
//! queue lengths and the makespan, and in no figure of tasks.

use super::collector::Collector;
use super::columns::{Metric, MetricRow};
use crate::ids::NodeId;
use crate::scheduler::{Record, TaskState};
use crate::time::{Duration, Time};

/// Figures of jobs that are undone.
#[derive(Clone, Debug, Default)]
pub(super) struct CompensationStats {
    rollbacks: u64,
    /// Completed tasks that were undone.
    rolled_back: u64,
    completed: u64,
    given_up: u64,
    /// Slot time of all attempts, in nanoseconds.
    time: u128,
}

impl CompensationStats {
    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::Rollbacks, self.rollbacks as f64);
        row.set(Metric::RolledBack, self.rolled_back as f64);
        row.set(Metric::Compensations, self.completed as f64);
        row.set(Metric::CompensationTime, self.time as f64 / 1e9);
        row.set(Metric::RollbacksFailed, self.given_up as f64);
    }
}

impl Collector {
    /// Something is undone from now on, or was.
    #[cold]
    pub(super) fn on_rollback(&mut self, record: &Record) {
        let Some(stats) = &mut self.compensations else { return };
        match record {
            Record::RollingBack { .. } => stats.rollbacks += 1,
            Record::Undone { completed, .. } => stats.rolled_back += u64::from(*completed),
            _ => {}
        }
    }

    /// What happens to a task that undoes another.
    #[cold]
    #[inline(never)]
    pub(super) fn on_compensation(&mut self, now: Time, record: &Record) {
        match *record {
            Record::Submitted { .. } | Record::Returned { .. } => {
                self.add_waiting(now);
                self.timeline.iter_mut().for_each(|timeline| timeline.returned(now));
            }
            Record::Dispatched { .. } => {
                self.leave_queue(now);
                self.timeline.iter_mut().for_each(|timeline| timeline.dispatched(now));
            }
            Record::Finished { node, busy, slots, .. }
            | Record::TimedOut { node, busy, slots, .. }
            | Record::Stopped { node, busy, slots, .. }
            | Record::Lost { node, busy, slots, .. } => self.compensation_ran(now, node, busy, slots),
            Record::Interrupted { node, busy, slots, .. } => {
                self.compensation_ran(now, node, busy, slots);
                self.add_waiting(now);
                self.timeline.iter_mut().for_each(|timeline| timeline.returned(now));
            }
            Record::Settled { state, waiting, .. } => {
                self.last_settled = now;
                if waiting {
                    self.leave_queue(now);
                    self.timeline.iter_mut().for_each(|timeline| timeline.left_queue(now));
                }
                if let Some(stats) = &mut self.compensations {
                    stats.completed += u64::from(state == TaskState::Completed);
                    stats.given_up += u64::from(state != TaskState::Completed);
                }
            }
            _ => {}
        }
    }

    fn compensation_ran(&mut self, now: Time, node: NodeId, busy: Duration, slots: u32) {
        let busy = self.busy_until_failure(now, node.index(), busy, slots);
        self.nodes[node.index()].busy.0 += busy.0;
        if let Some(stats) = &mut self.compensations {
            stats.time += u128::from(busy.0);
        }
        self.timeline.iter_mut().for_each(|timeline| timeline.ended(now, false));
    }
}
