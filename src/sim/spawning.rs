//! Tasks that a task submits when it completes: they arrive with the news of its end.

use super::driver::Driver;
use super::run::SimulationError;
use crate::ids::TaskId;
use crate::scheduler::{Command, Event, Observer, Policy, TaskState};
use crate::time::Time;
use crate::workload::source::SourceError;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// What the streams of a task are keyed by, while it is unsettled.
    #[inline(always)]
    pub(super) fn identity(&self, task: TaskId) -> u64 {
        match &self.trees {
            None => u64::from(task.number),
            Some(trees) => trees.lineage(task.slot).identity,
        }
    }

    /// Hands in what may complete a task, which then spawns others.
    #[cold]
    pub(super) fn tell_and_spawn(&mut self, now: Time, event: Event) -> Result<(), SimulationError> {
        let given = self.commands.as_slice().len();
        self.tell(now, event);
        let completed = self.commands.as_slice()[given..].iter().find_map(|command| match *command {
            Command::Settle { task, state: TaskState::Completed } => Some(task),
            _ => None,
        });
        match completed {
            Some(task) if self.arrivals.are_taken(now) => self.spawn(now, task),
            _ => Ok(()),
        }
    }

    fn spawn(&mut self, now: Time, parent: TaskId) -> Result<(), SimulationError> {
        let Some(trees) = &self.trees else { return Ok(()) };
        let lineage = trees.lineage(parent.slot);
        let too_many = SourceError::TooManyChildren { task: parent.number };
        for place in 0..trees.children(lineage).ok_or(too_many)? {
            let Some(trees) = &mut self.trees else { break };
            let (number, child) = trees.announce(lineage, place).ok_or(SourceError::TooManySpawned)?;
            self.arrivals.spawn(now, number, child.identity)?;
            self.arrive(now)?;
        }
        Ok(())
    }
}
