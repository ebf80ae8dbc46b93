//! WFP3: the score is -(w / r)^3 n, smallest first, for a task that has waited w seconds, is estimated
//! at r units of work and takes n slots: long waits for their size count, wide tasks more.
//!
//! Source: Tang, Lan, Desai and Buettner, "Fault-aware, utility-based job scheduling on Blue Gene/P
//! systems", 2009, as used since by Carastan-Santos and de Camargo 2017 and by the simulator of RLScheduler,
//! Zhang and others 2020. Cost: O(n log n) for n that wait, before choices are made: scores move with
//! time.
//! A bad idea when very many tasks wait, or when estimates are poor: a task estimated too long waits
//! long too.

use super::score::{key_of, wait, work};
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::{Duration, Time};

/// Cubed wait per work, times slots.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wfp3;

impl Order for Wfp3 {
    fn key(&mut self, task: &TaskView<'_>, _: u32, _: Entry, now: Time) -> u64 {
        self.key_now(task, now)
    }

    fn moves(&self) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        let ratio = wait(task, now) / work(task);
        key_of(-(ratio * ratio * ratio) * f64::from(task.slots()))
    }
}
