//! F1: the score is log10(r) n + 870 log10(s), smallest first, for a task that is estimated at r units of
//! work, takes n slots and arrived at s seconds.
//!
//! Source: Carastan-Santos and de Camargo, "Obtaining dynamic scheduling policies with simulation and
//! machine learning", SC 2017: one of four functions fitted to many simulations of which task had better
//! gone first. As in the simulator of RLScheduler, Zhang and others 2020, no work and an arrival before
//! 0.1 s count as 0.1, whose logarithm is -1. Cost: O(log n).
//! A bad idea when a run is long: s counts from its start, so that the later it is the less an earlier
//! arrival counts, and wide or long tasks starve.

use super::score::{key_of, work};
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// The function F1 of work, slots and arrival.
#[derive(Clone, Copy, Debug, Default)]
pub struct F1;

/// What stands for a time of 0, which has no logarithm.
const TENTH: f64 = 0.1;

/// Estimated work in units, never 0.
#[inline]
pub(super) fn time(task: &TaskView<'_>) -> f64 {
    let work = work(task);
    if work > 0.0 { work } else { TENTH }
}

/// Decimal logarithm of the time of arrival in seconds.
#[inline]
pub(super) fn log_arrival(task: &TaskView<'_>) -> f64 {
    task.arrival().as_seconds().max(TENTH).log10()
}

impl Order for F1 {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        let (time, slots) = (time(task), f64::from(task.slots()));
        key_of(time.log10() * slots + 870.0 * log_arrival(task))
    }
}
