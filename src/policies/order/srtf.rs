//! Shortest remaining time first: the task with the least estimated work left runs, and one that needs
//! less than what is left of a running task takes its place.
//!
//! Source: Schrage, "A proof of the optimality of the shortest remaining processing time discipline",
//! 1968; mean response of M/G/1 by Schrage and Miller 1966. Cost: O(log n) per task, start and end,
//! O(k log n) per decision with nodes of k different speeds.
//! A bad idea when interruptions are dear, when long tasks must not starve, or when estimates are far
//! too low: a task that has outrun its estimate is never interrupted.

use crate::scheduler::{Entry, Interrupts, Order, TaskView};
use crate::time::Time;

/// Shortest remaining time first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Srtf;

impl Order for Srtf {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        task.left()
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::ForShorter
    }
}
