//! Guards that are left out, one at a time: to see whether those who check the scheduler notice. For tests.
//!
//! Each is asked for where its guard has already said no, or where something rare happens: a scheduler that
//! is whole pays nothing for what could be missing.

use super::command::Commands;
use super::event::Outcome;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::Observer;
use super::task::{Task, TaskState};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::{Duration, Time};

/// What a scheduler no longer minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Which attempt of a task a result speaks of.
    AttemptNumbers,
    /// Whether the token of a late write is older than the last.
    FencingTokens,
    /// What a node has: it counts a slot too many at each.
    Capacity,
    /// That the breaker of a node is open.
    Breakers,
    /// That somebody whose node was lost may still hold a lock.
    Leases,
    /// How long a failed task pauses.
    Backoff,
    /// How often a task may fail.
    AttemptLimit,
    /// All parents of a task but the first that completes.
    Parents,
    /// That a node is silent.
    Silence,
}

impl<P: Policy> Scheduler<P> {
    /// Leaves a guard out from now on.
    #[doc(hidden)]
    pub fn sabotage(&mut self, guard: Sabotage) {
        self.sabotage = Some(guard);
        self.cluster.spare_slots = u32::from(guard == Sabotage::Capacity);
    }

    /// Whether this guard is left out.
    pub(super) fn lacks(&self, guard: Sabotage) -> bool {
        self.sabotage == Some(guard)
    }

    /// A result speaks of an attempt that does not count: it changes nothing.
    #[cold]
    #[inline(never)]
    #[allow(clippy::too_many_arguments)] // an event, field by field, and where answers go
    pub(super) fn on_stale_result<O: Observer>(
        &mut self,
        now: Time,
        task: TaskId,
        (attempt, node): (AttemptNumber, NodeId),
        outcome: Outcome,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        // A worker may send anything, a slot that there never was included.
        let there = self.tasks.hot.get(task.slot as usize);
        let runs = |there: &Task| there.number == task.number && there.state == TaskState::Running;
        if there.is_some_and(runs) && self.lacks(Sabotage::AttemptNumbers) {
            return self.on_finished(now, task, outcome, service, commands, observer);
        }
        self.refuse(now, task, attempt, node, observer);
    }
}
