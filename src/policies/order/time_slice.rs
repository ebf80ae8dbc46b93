//! Time slices (round robin in time): tasks take turns; one whose slice ends goes behind all that wait,
//! and alone it goes on.
//!
//! Source: Kleinrock, "Analysis of a time-shared processor", 1964; with ever smaller slices it becomes
//! processor sharing, whose mean response at load r is service / (1 - r) whatever the sizes (Sakata,
//! Noguchi and Oizumi 1971). Cost: O(log n) per slice, and a slice per quantum of work.
//! A bad idea when tasks are about equally long: all end late instead of one after the other, and every
//! change costs what a change costs.

use crate::scheduler::{Entry, Interrupts, Order, TaskView};
use crate::time::{Duration, Time};

/// Tasks take turns.
#[derive(Clone, Debug)]
pub struct TimeSlice {
    quantum: Duration,
    /// Whether a slice is longer by the task's weight.
    weighted: bool,
    turns: u64,
}

impl TimeSlice {
    /// With slices of this length.
    pub fn new(quantum: Duration, weighted: bool) -> Self {
        TimeSlice { quantum, weighted, turns: 0 }
    }
}

/// `quantum` times `factor`, at least a nanosecond.
pub(super) fn scaled(quantum: Duration, factor: f64) -> Duration {
    Duration(((quantum.0 as f64 * factor).round() as u64).max(1))
}

impl Order for TimeSlice {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, entry: Entry, _: Time) -> u64 {
        // A task that comes back keeps its place in line.
        if entry != Entry::SliceEnded && task.queue_key() != 0 {
            return task.queue_key();
        }
        self.turns += 1;
        self.turns
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::AtSlices
    }

    fn slice(&mut self, task: &TaskView<'_>, _: Time) -> Option<Duration> {
        let weight = if self.weighted { task.details().weight } else { 1.0 };
        Some(if weight == 1.0 { self.quantum } else { scaled(self.quantum, weight) })
    }
}
