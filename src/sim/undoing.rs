//! Failed jobs are undone: what ends is looked at before and after every decision, what is no longer wanted is
//! cancelled, and compensations are submitted, all at the same instant.

use super::driver::Driver;
use super::run::SimulationError;
use super::truth::{NO_ATTEMPT, Truth};
use crate::faults::Compensation;
use crate::ids::TaskId;
use crate::scheduler::{Event, Observer, Policy, TaskDetails, TaskSpec};
use crate::time::Time;
use crate::workload::source::SourceError;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// Decides, where failed tasks are undone: again and again, until nothing more follows at this instant.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_and_undo(&mut self, now: Time) -> Result<(), SimulationError> {
        loop {
            self.undo(now)?;
            self.decide_once(now);
            if !self.scheduler.has_ended() {
                return Ok(());
            }
        }
    }

    /// Whether the task undoes another.
    pub(super) fn is_compensation(&self, task: TaskId) -> bool {
        self.sagas.as_ref().is_some_and(|sagas| sagas.is_compensation(task.number))
    }

    /// The task that was taken last is part of a job that may have to be undone.
    pub(super) fn join_saga(&mut self, task: TaskId, spec: TaskSpec, details: TaskDetails) {
        let work = self.truths[task.slot as usize].work;
        let job = (self.arrivals.parents(), self.arrivals.job_tasks());
        if let Some(sagas) = &mut self.sagas {
            sagas.arrives(task, spec, details, work, job);
        }
    }

    fn undo(&mut self, now: Time) -> Result<(), SimulationError> {
        let mut ended = std::mem::take(&mut self.ended);
        while let Some(sagas) = &mut self.sagas {
            self.scheduler.take_ended(&mut ended);
            ended.drain(..).for_each(|ended| sagas.ends(&ended));
            let Some(task) = sagas.next_cancelled() else { break };
            self.tell(now, Event::TaskCancelled { task });
        }
        self.ended = ended;
        while let Some(record) = self.sagas.as_mut().and_then(|sagas| sagas.next_record()) {
            self.observer.on_record(now, &record);
        }
        while let Some(next) = self.sagas.as_mut().and_then(|sagas| sagas.next_compensation()) {
            let next = next.map_err(|task| SourceError::WorkTooLarge { task, attempt: 1 })?;
            self.submit_compensation(now, next)?;
        }
        Ok(())
    }

    fn submit_compensation(&mut self, now: Time, next: Compensation) -> Result<(), SimulationError> {
        self.events += 1;
        let Compensation { number, spec, details, work } = next;
        let fails = self.probabilities.index(details.failure_probability);
        let slot = self.take_slot(Truth { work, fails, attempt: NO_ATTEMPT })?;
        let task = TaskId { slot, number };
        self.note_zone(slot, details.zone);
        self.tell(now, Event::TaskDescribed { task, details });
        self.tell(now, Event::TaskSubmitted { task, spec });
        Ok(())
    }
}
