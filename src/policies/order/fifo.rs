//! First come, first served: the task that arrived first goes first.
//!
//! Source: the default of every queue; Kendall 1953. Cost: O(1).
//! A bad idea when sizes differ much: one long task holds up many short ones.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// First come, first served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Order for Fifo {
    #[inline]
    fn key(&mut self, _: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        0
    }

    #[inline]
    fn is_fifo(&self) -> bool {
        true
    }
}
