//! Least attained service (foreground-background): the task that has been served least so far runs; it
//! needs to know nothing of sizes.
//!
//! Source: Schrage 1967; Kleinrock, "Queueing Systems" 2, section 4.6; Nuijens and Wierman 2008. Ideal
//! foreground-background shares the node among all that have been served least; here they take turns
//! with slices of `quantum`, and a task that comes new interrupts at once. Cost: O(log n) per slice.
//! A bad idea when sizes differ little (the first of two equal tasks ends when the second does) or when
//! changes are dear.

use crate::scheduler::{Entry, Interrupts, Order, TaskView};
use crate::time::{Duration, Time};

/// Least attained service first.
#[derive(Clone, Copy, Debug)]
pub struct LeastAttainedService {
    quantum: Duration,
}

impl LeastAttainedService {
    /// With turns of this length.
    pub fn new(quantum: Duration) -> Self {
        LeastAttainedService { quantum }
    }
}

impl Order for LeastAttainedService {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        task.done()
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::ForBetter
    }

    fn slice(&mut self, _: &TaskView<'_>, _: Time) -> Option<Duration> {
        Some(self.quantum)
    }
}
