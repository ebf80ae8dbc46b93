//! Failure first: the task whose attempts are most likely to fail goes first, in non-increasing order
//! of failure probability.
//!
//! Source: fail-first ordering; Haralick and Elliott 1980, "Increasing tree search efficiency for
//! constraint satisfaction problems": what will fail should fail early, while there is time to try
//! again. Cost: O(log n).
//! A bad idea when waits matter more than errors: safe tasks wait behind ones that fail and come back.

use super::priority::sortable;
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Most likely to fail first.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailureFirst;

impl Order for FailureFirst {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        u64::MAX - sortable(task.details().failure_probability)
    }

    fn reads_details(&self) -> bool {
        true
    }
}
