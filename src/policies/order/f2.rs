//! F2: the score is sqrt(r) n + 25600 log10(s), smallest first, for a task that is estimated at r units of
//! work, takes n slots and arrived at s seconds.
//!
//! Source: Carastan-Santos and de Camargo, SC 2017: see `f1`, whose rule for zeros holds here too.
//! Cost: O(log n).
//! A bad idea when a run is long, for the reason given there.

use super::f1::{log_arrival, time};
use super::score::key_of;
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// The function F2 of work, slots and arrival.
#[derive(Clone, Copy, Debug, Default)]
pub struct F2;

impl Order for F2 {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, _: Time) -> u64 {
        let (time, slots) = (time(task), f64::from(task.slots()));
        key_of(time.sqrt() * slots + 25_600.0 * log_arrival(task))
    }
}
