//! An attempt on its way: when it begins at its node, and how much work it has to do there.

use super::driver::Driver;
use super::event_queue::Kind;
use super::run::SimulationError;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{Observer, Policy};
use crate::time::{Duration, Time};

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// The attempt sets out for its node: when it begins to work there, the work it has to do, and the time
    /// it spends there before.
    pub(super) fn set_out(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<(Time, u64, Duration), SimulationError> {
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
        if let Some(disturbed) = &self.disturbed {
            let late = disturbed.start_delay(identity, attempt.0);
            let begins = late.and_then(|late| course.started.checked_add(late));
            course.started = begins.ok_or(SimulationError::TimeOverflow)?;
        }
        course.started = course.started.max(now);
        if self.starts_are_reported {
            course.begin = self.queue.push(course.started, Kind::Begin, task.slot);
        }
        let extra = if interrupted { self.scheduler.switch_cost() } else { Duration::ZERO };
        course.started = course.started.checked_add(extra).ok_or(SimulationError::TimeOverflow)?;
        Ok((course.started, course.left, extra))
    }

    /// A later attempt draws its own work, unless it goes on with what an earlier one left.
    #[cold]
    pub(super) fn redraw(&mut self, task: TaskId, attempt: AttemptNumber) -> Result<(), SimulationError> {
        let slot = task.slot as usize;
        let goes_on = self.has_courses && self.courses[slot].resumes;
        if goes_on || self.is_compensation(task) {
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
