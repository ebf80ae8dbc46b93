//! Slots: where what is true of an unsettled task is kept, and again of another once it is settled.

use super::driver::Driver;
use super::event_queue::MAX_INDEX;
use super::run::SimulationError;
use super::truth::{Course, Truth};
use crate::scheduler::{Observer, Policy};

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// A task takes a slot that is free.
    #[inline(always)]
    pub(super) fn take_slot(&mut self, truth: Truth) -> Result<u32, SimulationError> {
        let slot = if let Some(slot) = self.free.pop() {
            self.truths[slot as usize] = truth;
            slot
        } else {
            self.truths.push(truth);
            self.truths.len() as u32 - 1
        };
        if slot >= MAX_INDEX {
            return Err(SimulationError::TooManyTasks);
        }
        if self.has_courses {
            let course = Course::new(truth.work);
            if slot as usize == self.courses.len() {
                self.courses.push(course);
            } else {
                self.courses[slot as usize] = course;
            }
        }
        Ok(slot)
    }
}
