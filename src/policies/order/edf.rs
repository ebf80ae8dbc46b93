//! Earliest deadline first: the task whose deadline comes first goes first; those without one go last.
//!
//! Source: Jackson 1955 (least maximum lateness on one machine); Liu and Layland 1973 (optimal with
//! preemption: if the deadlines can be met, it meets them). Cost: O(log n).
//! A bad idea when there is more work than can be done in time: tasks that are late already go before
//! those that could still be in time, and then all are late.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Earliest deadline first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edf;

impl Order for Edf {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        task.details().deadline.0
    }
}
