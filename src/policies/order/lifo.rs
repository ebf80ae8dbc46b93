//! Last come, first served: the task that arrived last goes first.
//!
//! Source: Kleinrock, *Queueing Systems*, vol. 1, section 3.4. Cost: O(log n).
//! A bad idea when anyone minds a long wait: the mean is that of first come, first served, but the
//! spread is much larger, and under overload the oldest tasks never run.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Last come, first served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lifo;

impl Order for Lifo {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        // Place in line, not time of arrival: of tasks that came at one instant the last goes first too.
        u64::from(u32::MAX - task.place_in_line())
    }
}
