//! Tasks that undo others, and tasks that are cancelled because all of their job is undone.
//!
//! Source: sagas; Garcia-Molina and Salem, SIGMOD 1987. Who undoes what is known to drivers
//! (`src/faults/rollback.rs`): the core hands out what has ended, and takes cancellations and compensations
//! as facts. A compensation is a task like any other, known by its number. It has to complete: it is
//! limited by attempts of its own only, not by time, queues or a retry budget, and a lost node does not end
//! it. Cost: O(1) per settled task, where anything is undone at all.

use serde::{Deserialize, Serialize};

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Interrupts, Order, Policy};
use super::record::Observer;
use super::task::TaskState;
use crate::ids::TaskId;
use crate::time::Time;

/// Which tasks undo others, and how often they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompensationPlan {
    /// Tasks with this number and greater ones undo others.
    pub from: u32,
    /// Failed attempts before one is given up; `None` for no limit.
    pub max_attempts: Option<u32>,
}

/// A task whose state is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The task.
    pub task: TaskId,
    /// Its state.
    pub state: TaskState,
    /// Whether an attempt of it was ever started.
    pub started: bool,
}

impl<P: Policy> Scheduler<P> {
    /// Takes out of the scheduler what has ended since this was last asked for, in order. Something is
    /// there only where failed tasks are undone: then [`decide`](Self::decide) puts off what it has not yet
    /// decided when time limits or denied retries end tasks, and wants to be called again at the same
    /// instant, once its driver knows what follows from that.
    pub fn take_ended(&mut self, into: &mut Vec<Ended>) {
        into.append(&mut self.ended);
    }

    /// Whether anything is to be taken.
    pub fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Whether the task with this number undoes another.
    pub(super) fn is_compensation(&self, number: u32) -> bool {
        self.config.retry.compensations.is_some_and(|plan| number >= plan.from)
    }

    /// Failed attempts before the task with this number is given up.
    pub(super) fn most_attempts(&self, number: u32) -> Option<u32> {
        match self.config.retry.compensations {
            Some(plan) if number >= plan.from => plan.max_attempts,
            _ => self.config.retry.max_attempts,
        }
    }

    /// The task is settled, or about to be.
    pub(super) fn note_ended(&mut self, slot: u32, state: TaskState) {
        if self.config.retry.compensations.is_some() {
            let started = self.tasks.hot[slot as usize].attempts > 0;
            self.ended.push(Ended { task: self.tasks.id(slot), state, started });
        }
    }

    /// Numbers tell the order of arrival of all tasks but those that undo others: where there are such, the
    /// task that was just submitted is given its place in line.
    pub(super) fn stand_in_line(&mut self, slot: u32) {
        if self.config.retry.compensations.is_none() {
            return;
        }
        let place = self.counts.submitted - 1;
        let first_come = self.policy.parts().0.is_fifo() && self.interrupts == Interrupts::Never;
        let slot = slot as usize;
        if slot >= self.tasks.places.len() {
            self.tasks.places.resize(slot + 1, 0);
        }
        self.tasks.places[slot] = place as u32;
        if first_come {
            self.tasks.hot[slot].key = place;
        }
    }

    /// The task is no longer wanted, whatever it is doing; one that is settled stays as it is.
    #[cold]
    pub(super) fn on_cancelled<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        debug_assert!(self.config.limits.tasks_give_up, "no task can leave its queue");
        let task = self.tasks.hot.get(id.slot as usize);
        if task.is_some_and(|task| task.number == id.number && !task.state.is_final()) {
            self.end_task(now, id.slot, TaskState::Cancelled, commands, observer);
        }
    }
}
