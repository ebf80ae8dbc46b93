//! Shortest job first: the task with the least estimated work goes first, without preemption.
//!
//! Source: Phipps, "Machine repair as a priority waiting-line problem", 1956. Cost: O(log n).
//! A bad idea when long tasks must not starve, or when estimates are poor.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Shortest job first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sjf;

impl Order for Sjf {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        task.estimate()
    }
}
