//! Figures of jobs: tasks that wait for each other, and are done when all of them are.
//!
//! Kept in memory in proportion to jobs that are not settled; O(log n) per task among n of them. Only
//! jobs that complete whole count.

use std::collections::BTreeMap;

use super::columns::{Metric, MetricRow};
use super::histogram::Histogram;
use crate::ids::TaskId;
use crate::time::{Duration, Time};

const NONE: u32 = u32::MAX;

/// A job of which some tasks are not settled, or have not arrived.
#[derive(Clone, Copy, Debug)]
struct Open {
    arrival: Time,
    /// Number of its first task.
    first: u32,
    left: u32,
    shortest: Duration,
    whole: bool,
}

/// Figures of jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct JobStats {
    /// By slot: the job of the unsettled task there.
    job_of: Vec<u32>,
    /// By the number of the job.
    open: BTreeMap<u32, Open>,
    completed: u64,
    /// Of completed jobs beyond the warm-up.
    makespans: Histogram,
    makespan_sum: u128,
    counted: u64,
    slowdown_sum: f64,
    slowdowns: u64,
}

impl JobStats {
    pub(super) fn arrived(&mut self, now: Time, task: TaskId, job: u32, tasks: u32, shortest: Duration) {
        let slot = task.slot as usize;
        if slot >= self.job_of.len() {
            self.job_of.resize(slot + 1, NONE);
        }
        self.job_of[slot] = job;
        let new = Open { arrival: now, first: task.number, left: tasks, shortest, whole: true };
        self.open.entry(job).or_insert(new);
    }

    pub(super) fn settled(&mut self, now: Time, task: TaskId, completed: bool, warmup: u32) {
        let Some(job) = self.job_of.get_mut(task.slot as usize) else { return };
        let job = std::mem::replace(job, NONE);
        let Some(open) = self.open.get_mut(&job) else { return };
        open.left -= 1;
        open.whole &= completed;
        if open.left > 0 {
            return;
        }
        let Open { arrival, first, shortest, whole, .. } = *open;
        self.open.remove(&job);
        if !whole {
            return;
        }
        self.completed += 1;
        if first < warmup {
            return;
        }
        let makespan = now.since(arrival);
        self.counted += 1;
        self.makespan_sum += u128::from(makespan.0);
        self.makespans.add(makespan.0);
        if shortest > Duration::ZERO {
            self.slowdown_sum += makespan.0 as f64 / shortest.0 as f64;
            self.slowdowns += 1;
        }
    }

    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::Jobs, self.completed as f64);
        row.set(Metric::MeanJobMakespan, self.makespan_sum as f64 / self.counted as f64 / 1e9);
        if let Some(percentile) = self.makespans.percentile(0.95) {
            row.set(Metric::P95JobMakespan, percentile / 1e9);
        }
        row.set(Metric::MeanJobSlowdown, self.slowdown_sum / self.slowdowns as f64);
    }
}
