//! The end of a task: its state is final, it is written down, and those who wait for it are told.

use super::command::{Command, Commands};
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::task::{NONE, TaskState};
use crate::ids::{NodeId, TaskId};
use crate::time::{Duration, Time};

impl<P: Policy> Scheduler<P> {
    /// Slots that an unsettled task takes of its node.
    pub fn slots_of(&self, task: TaskId) -> u32 {
        self.tasks.hot[task.slot as usize].slots
    }

    #[inline(always)]
    pub(super) fn settle<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        state: TaskState,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.conclude(now, slot, state, service, commands, observer);
        if self.dependencies.in_use() {
            let number = self.tasks.hot[slot as usize].number;
            self.tell_children(now, number, state == TaskState::Completed, commands, observer);
        }
    }

    /// Settles the task itself: its children are told by others.
    #[inline(always)]
    pub(super) fn conclude<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        state: TaskState,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let id = self.record_settled(now, slot, state, service, observer);
        commands.push(Command::Settle { task: id, state });
    }

    /// The task is settled, but its slot may still be in use.
    #[inline(always)]
    pub(super) fn record_settled<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        state: TaskState,
        service: Duration,
        observer: &mut O,
    ) -> TaskId {
        let deadline = self.tasks.deadline(slot);
        if self.notes_ends {
            self.note_end(now, slot, state, deadline);
        }
        let task = &self.tasks.hot[slot as usize];
        let waiting = task.state.waits();
        let retry_due = waiting && self.is_retry_due(slot);
        let task = &mut self.tasks.hot[slot as usize];
        if waiting {
            self.counts.away -= u64::from(task.state != TaskState::Waiting);
            self.counts.waiting -= 1;
        }
        task.set_state(state);
        self.counts.settled += 1;
        let id = TaskId { slot, number: task.number };
        let resumptions = self.tasks.progress.get(slot as usize).map_or(0, |progress| progress.resumptions);
        let record = Record::Settled {
            task: id,
            state,
            waiting,
            retry_due,
            class: task.class,
            arrival: task.arrival,
            deadline,
            first_start: (task.first_start != Time::NEVER).then_some(task.first_start),
            attempts: task.attempts - resumptions,
            node: (task.node != NONE).then_some(NodeId(task.node)),
            service,
        };
        observer.on_record(now, &record);
        if self.guarded {
            self.guard_settled(now, slot, observer);
        }
        id
    }

    /// Whether the task waits for a retry.
    #[cold]
    #[inline(never)]
    fn is_retry_due(&self, slot: u32) -> bool {
        let task = &self.tasks.hot[slot as usize];
        // An attempt that was lost left no start behind.
        task.attempts > 0 && task.started != Time::NEVER && !self.tasks.was_interrupted(slot)
    }

    /// What else the end of a task means.
    #[cold]
    #[inline(never)]
    fn note_end(&mut self, now: Time, slot: u32, state: TaskState, deadline: Time) {
        if let Some(limits) = &mut self.time_limits {
            limits.task_settles(slot);
        }
        self.note_ended(slot, state);
        if let Some(speculation) = self.speculation.as_mut().filter(|_| state == TaskState::Completed) {
            speculation.learn(now, slot);
        }
        if let Some(alarms) = &mut self.alarms {
            if state == TaskState::Completed {
                alarms.attempt_ended(now, false);
            }
            if deadline != Time::NEVER {
                alarms.deadline_settled(now, state != TaskState::Completed || now > deadline);
            }
        }
    }
}
