//! An attempt on its way: when it begins at its node, and how much work it has to do there.

use super::driver::Driver;
use super::event_queue::Kind;
use super::run::SimulationError;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{Observer, Policy};
use crate::time::{Duration, Time};

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// The attempt sets out for its node: when it begins there, and the work it has to do.
    pub(super) fn set_out(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<(Time, u64), SimulationError> {
        let identity = self.identity(task);
        let course = &mut self.courses[task.slot as usize];
        course.resumes = false;
        course.changes = self.news.changes(node.0);
        // One that was taken ahead has been on its way for a while.
        course.started = self.scheduler.sent(task.slot, now);
        let interrupted = std::mem::take(&mut course.interrupted);
        course.resumptions += u32::from(interrupted);
        course.goes_on = interrupted;
        if let Some(delay) = &self.world.delays.dispatch {
            let mut stream = self.delays.stream2(identity, u64::from(attempt.0));
            let delay = Duration::from_seconds(delay.sample(&mut stream));
            let begins = delay.and_then(|delay| course.started.checked_add(delay));
            course.started = begins.ok_or(SimulationError::TimeOverflow)?;
        }
        if let Some(&zone) = self.zones.get(task.slot as usize) {
            let way = self.world.zones.latency(zone, self.world.zones.of(node));
            course.started = course.started.checked_add(way).ok_or(SimulationError::TimeOverflow)?;
        }
        course.started = course.started.max(now);
        if self.starts_are_reported {
            course.begin = self.queue.push(course.started, Kind::Begin, task.slot);
        }
        if interrupted {
            let works = course.started.checked_add(self.scheduler.switch_cost());
            course.started = works.ok_or(SimulationError::TimeOverflow)?;
        }
        Ok((course.started, course.left))
    }

    /// A later attempt draws its own work, unless it goes on with what an earlier one left.
    #[cold]
    pub(super) fn redraw(&mut self, task: TaskId, attempt: AttemptNumber) -> Result<(), SimulationError> {
        let slot = task.slot as usize;
        if self.has_courses && self.courses[slot].resumes {
            return Ok(());
        }
        let which = if self.has_courses { attempt.0 - self.courses[slot].resumptions } else { attempt.0 };
        let work = self.arrivals.redraw(task.number, self.identity(task), which)?;
        self.truths[slot].work = work;
        if self.has_courses {
            self.courses[slot].left = work;
        }
        Ok(())
    }
}
