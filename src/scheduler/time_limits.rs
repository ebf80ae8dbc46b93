//! Time limits: attempts that take too long are stopped and tried again, tasks that take too long are
//! stopped for good.
//!
//! Source: what cluster schedulers call `activeDeadlineSeconds` and the walltime; Tanenbaum and Van Steen,
//! "Distributed Systems", on timeouts as the only detector of failures there is. Cost: O(log n) per start
//! and end of an attempt, n those that run, and per arrival and end of a task, n those unsettled. A limit
//! is forgotten as soon as it means nothing any more: nothing is kept of what is over.
//!
//! An attempt that ends at the very instant of its limit has ended; so limits are looked at when the facts
//! of an instant are in. The time of an attempt is that at its node: the stints of one that is interrupted
//! and goes on count together, and the way to the node does not count where starts are reported.

use super::breaker::Verdict;
use super::command::{Command, Commands};
use super::machine::{Scheduler, slot_time};
use super::policy::{Interrupts, Policy};
use super::record::{Observer, Record};
use super::retry::RetryPlan;
use super::task::TaskState;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::structures::ordered_index::OrderedIndex;
use crate::time::{Duration, Time};

/// Limits that are running, by the instants at which they are reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    index: OrderedIndex,
    /// By slot; `Time::NEVER` without one.
    due: Vec<Time>,
}

impl Pending {
    pub(super) fn set(&mut self, task: TaskId, due: Option<Time>) {
        self.lift(task.slot);
        // A limit beyond the end of time is none.
        let Some(due) = due.filter(|due| *due != Time::NEVER) else { return };
        let slot = task.slot as usize;
        if slot >= self.due.len() {
            self.due.resize(slot + 1, Time::NEVER);
        }
        self.due[slot] = due;
        self.index.insert(task.slot, due.0, task.number, 1, 0);
    }

    pub(super) fn lift(&mut self, slot: u32) {
        if let Some(due) = self.due.get_mut(slot as usize).filter(|due| **due != Time::NEVER) {
            *due = Time::NEVER;
            self.index.remove(slot);
        }
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.index.first().map(|slot| self.due[slot as usize])
    }

    /// Whether this one has one.
    pub(super) fn has(&self, slot: u32) -> bool {
        self.due.get(slot as usize).is_some_and(|due| *due != Time::NEVER)
    }

    /// All that have one, in order.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.index.iter()
    }

    /// The first whose limit is reached; of equals that which arrived first.
    pub(super) fn reached(&self, now: Time) -> Option<u32> {
        self.index.first().filter(|slot| self.due[*slot as usize] <= now)
    }
}

/// How long attempts and tasks may take, and what has begun to.
#[derive(Clone, Debug)]
pub(super) struct TimeLimits {
    of_attempts: Option<Duration>,
    of_tasks: Option<Duration>,
    attempts: Pending,
    tasks: Pending,
    /// By slot: what earlier stints of an attempt took that was interrupted.
    spent: Vec<Duration>,
}

impl TimeLimits {
    /// Nothing where nothing is limited.
    pub(super) fn of(retry: &RetryPlan) -> Option<Box<Self>> {
        let (of_attempts, of_tasks) = (retry.timeout, retry.total_timeout);
        (of_attempts.is_some() || of_tasks.is_some()).then(|| {
            Box::new(TimeLimits {
                of_attempts,
                of_tasks,
                attempts: Pending::default(),
                tasks: Pending::default(),
                spent: Vec::new(),
            })
        })
    }

    /// When the next limit is reached.
    pub(super) fn next(&self) -> Option<Time> {
        self.attempts.next().into_iter().chain(self.tasks.next()).min()
    }

    /// The task arrives.
    pub(super) fn task_arrives(&mut self, now: Time, task: TaskId) {
        if let Some(limit) = self.of_tasks {
            self.tasks.set(task, now.checked_add(limit));
        }
    }

    /// The task is settled, or about to be.
    pub(super) fn task_settles(&mut self, slot: u32) {
        self.tasks.lift(slot);
    }

    /// An attempt is sent to its node, perhaps one that was interrupted and goes on.
    pub(super) fn attempt_sent(&mut self, task: TaskId, goes_on: bool) {
        let slot = task.slot as usize;
        if slot >= self.spent.len() {
            self.spent.resize(slot + 1, Duration::ZERO);
        }
        if !goes_on {
            self.spent[slot] = Duration::ZERO;
        }
    }

    /// The attempt that was sent begins.
    pub(super) fn attempt_begins(&mut self, now: Time, task: TaskId) {
        if let Some(limit) = self.of_attempts {
            let left = limit.0.saturating_sub(self.spent[task.slot as usize].0);
            self.attempts.set(task, now.checked_add(Duration(left)));
        }
    }

    /// An attempt is over, in whatever way, or interrupted, after so much time at its node.
    pub(super) fn attempt_ends(&mut self, slot: u32, held: Duration) {
        self.attempts.lift(slot);
        let spent = &mut self.spent[slot as usize];
        spent.0 = spent.0.saturating_add(held.0);
    }
}

impl<P: Policy> Scheduler<P> {
    /// What is decided first: what has taken too long, and which failed tasks are tried again.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_first<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        while let Some(slot) = self.time_limits.as_ref().and_then(|limits| limits.tasks.reached(now)) {
            self.end_task(now, slot, TaskState::Timeout, commands, observer);
        }
        while let Some(slot) = self.time_limits.as_ref().and_then(|limits| limits.attempts.reached(now)) {
            let task = self.task_of(slot);
            if self.cancel(now, slot, TaskState::Timeout, Verdict::Bad, commands, observer) {
                self.count_failure(now, task, TaskState::Timeout, Duration::ZERO, commands, observer);
            } else {
                self.note_failure(now, task);
            }
        }
        if self.retry_budget.is_some() {
            self.decide_retries(now, commands, observer);
        }
    }

    /// The task has taken too long, or is no longer wanted, whatever it is doing.
    pub(super) fn end_task<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        end: TaskState,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let asked = self.withdraw_request(slot);
        if self.tasks.hot[slot as usize].state == TaskState::Running {
            // A task that comes to its end says nothing about the node it is on.
            while !asked
                && let Some(attempt) = self.newest_attempt(slot)
                && !self.cancel(now, attempt, end, Verdict::None, commands, observer)
            {}
            return self.settle(now, slot, end, Duration::ZERO, commands, observer);
        }
        self.leave(now, slot, end, commands, observer);
        debug_assert!(self.tasks.hot[slot as usize].state.is_final(), "slot {slot} stays");
    }

    /// Stops a running attempt for good, as it or its task took too long or was cancelled. Gives whether no
    /// other of its task runs: what becomes of that is for the caller to say.
    fn cancel<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        why: TaskState,
        verdict: Verdict,
        commands: &mut Commands,
        observer: &mut O,
    ) -> bool {
        let task = &self.tasks.hot[slot as usize];
        let (node, attempt, slots) = (NodeId(task.node), AttemptNumber(task.attempts), task.slots);
        let id = self.tasks.id(slot);
        // An attempt whose start was not yet reported has taken no time.
        let busy = slot_time(now.since(task.started), slots);
        if self.interrupts != Interrupts::Never {
            self.unfile_running(slot, node);
        }
        self.leave_node(now, slot, node, observer);
        if self.interrupts != Interrupts::Never {
            self.drop_progress(now, slot, node, false);
        }
        if self.guarded {
            self.remember_write(slot);
        }
        let task = self.tasks.id(self.task_of(slot));
        observer.on_record(
            now,
            &match why {
                TaskState::Cancelled => Record::Stopped { task, attempt, node, busy, slots },
                _ => Record::TimedOut { task, attempt, node, busy, slots },
            },
        );
        commands.push(Command::CancelAttempt { task: id, attempt, node });
        self.judge(now, slot, node, verdict, commands, observer);
        self.was_last_attempt(slot)
    }
}
