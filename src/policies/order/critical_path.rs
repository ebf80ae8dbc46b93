//! Critical path: the task with the most estimated work on the longest path from it to the end of its
//! job goes first, itself included (its upward rank).
//!
//! Source: list scheduling by levels, Hu 1961 and Adam, Chandy and Dickson 1974; the upward rank of HEFT,
//! Topcuoglu, Hariri and Wu 2002. Cost: O(log n); ranks are worked out once per job, O(1) per
//! dependency.
//! A bad idea when small jobs must not wait for large ones: the tasks of a long job go before all those
//! of short ones. Tasks that stand alone go longest first, as in `ljf`.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Longest path to the end first.
#[derive(Clone, Copy, Debug, Default)]
pub struct CriticalPath;

impl Order for CriticalPath {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        u64::MAX - task.details().upward_rank
    }

    fn reads_details(&self) -> bool {
        true
    }
}
