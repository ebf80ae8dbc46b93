//! Priority: the task with the highest priority goes first, without preemption unless asked. With
//! `aging` the priority of a task that waits rises by so much per second, so that nothing starves.
//!
//! Source: Cobham, "Priority assignment in waiting line problems", 1954; aging with a constant rate:
//! Kleinrock, "A delay dependent queue discipline", 1964. Cost: O(log n): all age alike, so that keys
//! stand still.
//! A bad idea when urgent tasks alone can fill the cluster: the others starve, unless they age.

use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Highest priority first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Priority {
    aging: f64,
}

impl Priority {
    /// Priorities rise by `aging` per second of waiting.
    pub fn new(aging: f64) -> Self {
        Priority { aging }
    }
}

/// A word that sorts as the number does, from the lowest to the highest (IEEE 754 total order).
#[inline]
pub(super) fn sortable(number: f64) -> u64 {
    // Adding 0 turns -0 into 0, which is equal to it.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

impl Order for Priority {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        // All age alike: who has come earlier is ahead by a constant.
        let head_start = if self.aging == 0.0 { 0.0 } else { self.aging * task.arrival().as_seconds() };
        u64::MAX - sortable(task.priority() - head_start)
    }
}

#[cfg(test)]
mod tests {
    use super::sortable;

    #[test]
    fn words_sort_as_numbers_do() {
        let numbers = [-1e300, -2.5, -1.0, -1e-300, 0.0, 1e-300, 0.5, 1.0, 9.0, 1e300];
        assert!(numbers.windows(2).all(|w| sortable(w[0]) < sortable(w[1])));
        assert_eq!(sortable(-0.0), sortable(0.0));
    }
}
