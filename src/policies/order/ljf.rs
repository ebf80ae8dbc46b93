//! Longest job first: the task with the most estimated work goes first.
//!
//! Source: the LPT rule of Graham, "Bounds on multiprocessing timing anomalies", 1969: on a batch
//! its makespan is at most 4/3 - 1/(3m) of the best. Cost: O(log n).
//! A bad idea when waits matter: short tasks wait for long ones.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Longest job first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ljf;

impl Order for Ljf {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        u64::MAX - task.estimate()
    }
}
