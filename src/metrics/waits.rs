//! Waits in order of arrival, for those who look for the end of the warm-up.

use crate::scheduler::{Observer, Record};
use crate::time::Time;

/// Sums of the waits of tasks that started, by batch of tasks in order of number.
#[derive(Clone, Debug, PartialEq)]
pub struct Waits {
    /// Tasks of a batch.
    size: u32,
    /// Tasks with this number and greater ones undo others, and do not count.
    compensations_from: Option<u32>,
    batches: Vec<(f64, u32)>,
}

impl Waits {
    /// In batches of so many tasks, without tasks with this number and greater ones, which undo others.
    ///
    /// # Panics
    /// When `size` is zero.
    pub fn by(size: u32, compensations_from: Option<u32>) -> Waits {
        assert!(size > 0, "a batch has at least one task");
        Waits { size, compensations_from, batches: Vec::new() }
    }

    /// Of each batch: the sum of its waits in seconds, and how many tasks had one.
    pub fn finish(self) -> Vec<(f64, u32)> {
        self.batches
    }
}

impl Observer for Waits {
    fn on_record(&mut self, _: Time, record: &Record) {
        if let Record::Settled { task, arrival, first_start: Some(start), .. } = *record {
            if self.compensations_from.is_some_and(|from| task.number >= from) {
                return;
            }
            let batch = (task.number / self.size) as usize;
            if batch >= self.batches.len() {
                self.batches.resize(batch + 1, (0.0, 0));
            }
            let sum = &mut self.batches[batch];
            *sum = (sum.0 + (start - arrival).as_seconds(), sum.1 + 1);
        }
    }
}
