//! What nodes report of attempts: whether a report speaks of the attempt that counts, and that one has
//! begun.

use super::machine::Scheduler;
use super::policy::{Interrupts, Policy};
use super::record::Observer;
use super::task::TaskState;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// Whether a message speaks of the attempt that counts.
    #[inline(always)]
    pub(super) fn is_current(&self, id: TaskId, attempt: AttemptNumber, node: NodeId) -> bool {
        self.tasks.hot.get(id.slot as usize).is_some_and(|task| {
            task.state == TaskState::Running
                && task.number == id.number
                && task.attempts == attempt.0
                && task.node == node.0
        })
    }

    pub(super) fn on_started<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        observer: &mut O,
    ) {
        if !self.is_current(id, attempt, node) {
            return self.refuse(now, id, attempt, node, observer);
        }
        let task = &mut self.tasks.hot[id.slot as usize];
        task.started = now;
        if task.first_start == Time::NEVER {
            task.first_start = now;
        }
        let (name, compensates) = (self.named(id.slot), self.is_compensation(id.number));
        if let Some(limits) = self.time_limits.as_mut().filter(|_| !compensates) {
            limits.attempt_begins(now, name);
        }
        if let Some(original) = self.copied_from(id.slot) {
            let first_start = &mut self.tasks.hot[original as usize].first_start;
            *first_start = (*first_start).min(now);
        }
        if self.interrupts != Interrupts::Never {
            self.begin_late(now, id.slot, node);
        }
    }
}
