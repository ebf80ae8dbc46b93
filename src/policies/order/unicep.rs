//! UNICEP (also UNICEF): the score is -w / (log2(n) r), smallest first, for a task that has waited w
//! seconds, is estimated at r units of work and takes n slots: small tasks are turned around fast.
//!
//! Source: Tang, Lan, Desai and Buettner, "Fault-aware, utility-based job scheduling on Blue Gene/P
//! systems", 2009; used since by Carastan-Santos and de Camargo 2017. The logarithm of one slot is 0: as
//! in the simulator of RLScheduler, Zhang and others 2020, 10^-15 is added to n and to w, so that tasks of
//! one slot that have waited go before all others, and among themselves by w / r. Cost: O(n log n) for n
//! that wait, before choices are made: scores move with time.
//! A bad idea when wide tasks must run at all: narrow ones alone can fill the cluster.

use super::score::{key_of, wait, work};
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::{Duration, Time};

/// Wait per work and logarithm of slots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unicep;

/// What keeps the logarithm of one slot from being 0.
const LITTLE: f64 = 1e-15;

impl Order for Unicep {
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, now: Time) -> u64 {
        self.key_now(task, now)
    }

    fn moves(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        let size = (f64::from(task.slots()) + LITTLE).log2() * work(task);
        key_of(-(wait(task, now) + LITTLE) / size)
    }
}
