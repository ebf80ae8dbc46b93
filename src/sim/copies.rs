//! Copies of attempts: each has a slot of its own, and what is true there is what is true of its task.

use super::driver::Driver;
use super::truth::{Course, NO_ATTEMPT, Truth};
use crate::ids::TaskId;
use crate::scheduler::{Observer, Policy};

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// Leaves the first slots free for copies.
    pub(super) fn leave_slots(&mut self) {
        self.copy_slots = self.scheduler.copy_slots();
        let slots = self.copy_slots as usize;
        self.truths.resize(slots, Truth { work: 0, fails: 0, attempt: NO_ATTEMPT });
        if self.has_courses {
            self.courses.resize(slots, Course::new(0));
        }
    }

    /// A copy of an attempt is about to be sent to its node.
    #[cold]
    pub(super) fn copy_truth(&mut self, copy: TaskId) {
        let Some(task) = self.scheduler.copied_from(copy.slot) else { return };
        let (from, to) = (task as usize, copy.slot as usize);
        let Truth { work, fails, .. } = self.truths[from];
        // Which attempt was here last may still matter to its node.
        (self.truths[to].work, self.truths[to].fails) = (work, fails);
        if self.has_courses {
            self.courses[to] = Course::new(work);
        }
        if let Some(&zone) = self.zones.get(from) {
            self.zones.resize(self.zones.len().max(to + 1), 0);
            self.zones[to] = zone;
        }
        if let Some(trees) = &mut self.trees {
            trees.copy(task, copy.slot);
        }
    }
}
