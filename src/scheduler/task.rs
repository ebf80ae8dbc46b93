//! A task as the scheduler keeps it: one cache line that is touched at every step, and columns that
//! only some policies read.

use serde::{Deserialize, Serialize};

use super::details::{NO_DETAILS, NO_KEY, TaskDetails};
use super::event::TaskSpec;
use crate::ids::{NodeId, TaskId};
use crate::structures::memory;
use crate::time::Time;

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum TaskState {
    /// The slot is free.
    Vacant,
    /// Waits for the tasks it depends on, or for its lock.
    Blocked,
    /// In a queue, or not yet placed.
    Waiting,
    /// Failed, and waiting for its backoff to pass.
    Backoff,
    /// Sent to a node.
    Running,
    /// Done.
    Completed,
    /// Its attempts are used up.
    Error,
    /// Its time is used up.
    Timeout,
    /// Given up because a task it depends on did not complete.
    Cancelled,
    /// Refused: there was no room to wait.
    Rejected,
}

impl TaskState {
    /// The one table of legal transitions.
    pub fn may_become(self, next: TaskState) -> bool {
        use TaskState::{Backoff, Blocked, Cancelled, Completed, Error, Rejected, Running, Timeout};
        use TaskState::{Vacant, Waiting};
        match self {
            Vacant | Completed | Error | Timeout | Cancelled | Rejected => matches!(next, Waiting | Blocked),
            Blocked => matches!(next, Waiting | Timeout | Cancelled | Rejected),
            Waiting => matches!(next, Running | Blocked | Backoff | Timeout | Cancelled | Rejected),
            Backoff => matches!(next, Waiting | Timeout | Cancelled | Rejected),
            Running => matches!(next, Waiting | Backoff | Completed | Error | Timeout | Cancelled),
        }
    }

    /// Whether the task waits: for a node, for its backoff to pass, or for other tasks.
    #[inline(always)]
    pub fn waits(self) -> bool {
        matches!(self, TaskState::Waiting | TaskState::Backoff | TaskState::Blocked)
    }

    /// Whether nothing more will happen to the task.
    pub fn is_final(self) -> bool {
        use TaskState::{Cancelled, Completed, Error, Rejected, Timeout};
        matches!(self, Completed | Error | Timeout | Cancelled | Rejected)
    }
}

/// No task, no node: the end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// The hot part of a task: exactly one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Task {
    pub(super) arrival: Time,
    /// `Time::NEVER` until an attempt starts.
    pub(super) first_start: Time,
    /// When the current attempt started.
    pub(super) started: Time,
    /// Key of the order: smaller goes first, ties by `number`.
    pub(super) key: u64,
    pub(super) number: u32,
    /// Links of the one list or heap the task is in: a node's queue, or a node's running attempts.
    pub(super) next: u32,
    pub(super) link: u32,
    pub(super) node: u32,
    /// Attempts started so far; the number of the current one while running.
    pub(super) attempts: u32,
    pub(super) failures: u32,
    pub(super) slots: u32,
    pub(super) class: u16,
    pub(super) state: TaskState,
}

impl Task {
    pub(super) const VACANT: Task = Task {
        arrival: Time::ZERO,
        first_start: Time::NEVER,
        started: Time::ZERO,
        key: 0,
        number: 0,
        next: NONE,
        link: NONE,
        node: NONE,
        attempts: 0,
        failures: 0,
        slots: 1,
        class: 0,
        state: TaskState::Vacant,
    };

    #[inline]
    pub(super) fn set_state(&mut self, next: TaskState) {
        debug_assert!(self.state.may_become(next), "task {}: {:?} to {next:?}", self.number, self.state);
        self.state = next;
    }

    /// Whether this task goes before `other` in a queue.
    #[inline]
    pub(super) fn precedes(&self, other: &Task) -> bool {
        (self.key, self.number) < (other.key, other.number)
    }
}

/// All unsettled tasks, by slot.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    pub(super) hot: Vec<Task>,
    pub(super) estimates: Vec<u64>,
    /// As long as it must be: behind its end all priorities are 0, as in most workloads all are.
    priorities: Vec<f64>,
    /// As long as it must be: behind its end no task has details.
    details: Vec<TaskDetails>,
    /// Places in line by arrival; empty where numbers tell them.
    pub(super) places: Vec<u32>,
    /// What is known of interrupted tasks; empty unless tasks can be interrupted.
    pub(super) progress: Vec<Progress>,
}

/// How far a task is that can be interrupted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Work done until `counted`, in billionths of a unit, as far as the scheduler knows.
    pub(super) done: u64,
    /// From when on work is not yet counted.
    pub(super) counted: Time,
    /// When its slice ends; `Time::NEVER` without one.
    pub(super) slice_end: Time,
    /// How often it went on after an interruption.
    pub(super) resumptions: u32,
    /// Whether it was interrupted and will go on.
    pub(super) interrupted: bool,
    /// Whether its last start did go on.
    pub(super) resumed: bool,
}

impl Progress {
    pub(super) const NONE: Progress = Progress {
        done: 0,
        counted: Time::NEVER,
        slice_end: Time::NEVER,
        resumptions: 0,
        interrupted: false,
        resumed: false,
    };
}

impl Tasks {
    pub(super) fn reserve(&mut self, tasks: usize) {
        memory::reserve(&mut self.hot, tasks);
        memory::reserve(&mut self.estimates, tasks);
    }

    /// A copy of the hot part, with the links of all queues, and nothing else.
    pub(super) fn copy_of_links(&self) -> Tasks {
        Tasks { hot: self.hot.clone(), ..Tasks::default() }
    }

    /// Puts a new task into its slot.
    ///
    /// # Panics
    /// When the slot holds an unsettled task: that is a bug of the driver.
    #[inline(always)]
    pub(super) fn admit(&mut self, now: Time, id: TaskId, spec: &TaskSpec) {
        let slot = id.slot as usize;
        let task = Task {
            arrival: now,
            number: id.number,
            slots: spec.slots,
            class: spec.class,
            state: TaskState::Waiting,
            ..Task::VACANT
        };
        if slot == self.hot.len() {
            // Nearly always so while a batch arrives: written once, and not first as vacant.
            self.hot.push(task);
            self.estimates.push(spec.estimate);
        } else {
            if slot > self.hot.len() {
                self.hot.resize(slot + 1, Task::VACANT);
                self.estimates.resize(slot + 1, 0);
            }
            let state = self.hot[slot].state;
            assert!(state == TaskState::Vacant || state.is_final(), "slot {slot} holds an unsettled task");
            self.hot[slot] = task;
            self.estimates[slot] = spec.estimate;
        }
        match self.priorities.get_mut(slot) {
            Some(priority) => *priority = spec.priority,
            // To the bit: an order may tell 0 from -0.
            None if spec.priority.to_bits() == 0 => {}
            None => self.extend_priorities(slot, spec.priority),
        }
    }

    #[cold]
    fn extend_priorities(&mut self, slot: usize, priority: f64) {
        self.priorities.reserve(self.hot.capacity() - self.priorities.len());
        self.priorities.resize(slot, 0.0);
        self.priorities.push(priority);
    }

    /// Keeps what is said of the task that will be in `slot` next.
    #[cold]
    pub(super) fn describe(&mut self, slot: u32, details: TaskDetails) {
        let slot = slot as usize;
        if slot >= self.details.len() {
            self.details.resize(slot + 1, NO_DETAILS);
        }
        self.details[slot] = details;
    }

    /// Puts a copy of a task into a slot that is left free for copies.
    pub(super) fn copy(&mut self, from: u32, to: u32, record: Task) {
        self.hot[to as usize] = record;
        self.estimates[to as usize] = self.estimates[from as usize];
        let priority = self.view(from).priority();
        match self.priorities.get_mut(to as usize) {
            Some(place) => *place = priority,
            None if priority.to_bits() == 0 => {}
            None => self.extend_priorities(to as usize, priority),
        }
        if self.have_details() {
            self.describe(to, *self.view(from).details());
        }
    }

    /// Leaves the first so many slots, all of them free, to copies of attempts.
    pub(super) fn leave_slots(&mut self, slots: u32) {
        self.hot.resize(slots as usize, Task::VACANT);
        self.estimates.resize(slots as usize, 0);
    }

    /// What the task demands besides slots: a row of the cluster's table.
    pub(super) fn demand(&self, slot: u32) -> u32 {
        self.view(slot).details().demand
    }

    /// When the task should be settled.
    #[inline]
    pub(super) fn deadline(&self, slot: u32) -> Time {
        if self.details.is_empty() { Time::NEVER } else { self.view(slot).details().deadline }
    }

    /// Whether the task was interrupted, and its next start goes on with the same attempt.
    pub(super) fn was_interrupted(&self, slot: u32) -> bool {
        self.progress.get(slot as usize).is_some_and(|progress| progress.interrupted)
    }

    /// Whether anything is said of any task that only some workloads say.
    #[inline(always)]
    pub(super) fn have_details(&self) -> bool {
        !self.details.is_empty()
    }

    /// The task in `slot`, as policies see it.
    #[inline]
    pub fn view(&self, slot: u32) -> TaskView<'_> {
        TaskView { tasks: self, slot: slot as usize }
    }

    pub(super) fn id(&self, slot: u32) -> TaskId {
        TaskId { slot, number: self.hot[slot as usize].number }
    }
}

/// A task as policies see it: what a real scheduler could know, read only when asked for.
#[derive(Clone, Copy)]
pub struct TaskView<'a> {
    tasks: &'a Tasks,
    slot: usize,
}

impl TaskView<'_> {
    /// Position by (arrival, order in the input), from 0.
    #[inline]
    pub fn number(&self) -> u32 {
        self.tasks.hot[self.slot].number
    }

    /// How many tasks arrived before it, those that undo others among them.
    #[inline]
    pub fn place_in_line(&self) -> u32 {
        self.tasks.places.get(self.slot).copied().unwrap_or_else(|| self.number())
    }

    /// When it first arrived.
    #[inline]
    pub fn arrival(&self) -> Time {
        self.tasks.hot[self.slot].arrival
    }

    /// Slots it takes on its node.
    #[inline]
    pub fn slots(&self) -> u32 {
        self.tasks.hot[self.slot].slots
    }

    /// Index of its class.
    #[inline]
    pub fn class(&self) -> u16 {
        self.tasks.hot[self.slot].class
    }

    /// Attempts of it that failed.
    #[inline]
    pub fn failures(&self) -> u32 {
        self.tasks.hot[self.slot].failures
    }

    /// Attempts of it that are over, for whatever reason: neither one that runs nor one that was
    /// interrupted and will go on.
    #[inline]
    pub fn attempts_over(&self) -> u32 {
        let task = &self.tasks.hot[self.slot];
        let (resumptions, interrupted) =
            self.tasks.progress.get(self.slot).map_or((0, false), |p| (p.resumptions, p.interrupted));
        let lasts = interrupted || task.state == TaskState::Running;
        task.attempts - resumptions - u32::from(lasts)
    }

    /// When its current attempt started; meaningful while it runs.
    #[inline]
    pub fn started(&self) -> Time {
        self.tasks.hot[self.slot].started
    }

    /// Estimated work in billionths of a unit.
    #[inline]
    pub fn estimate(&self) -> u64 {
        self.tasks.estimates[self.slot]
    }

    /// Estimated work that is left, in billionths of a unit: less than all of it once the task was
    /// interrupted.
    #[inline]
    pub fn left(&self) -> u64 {
        self.estimate().saturating_sub(self.done())
    }

    /// Work that earlier stints have done, in billionths of a unit, as far as the scheduler knows.
    #[inline]
    pub fn done(&self) -> u64 {
        self.tasks.progress.get(self.slot).map_or(0, |progress| progress.done)
    }

    /// From when on [`left`](Self::left) shrinks, while it runs; the present if it has not begun yet.
    #[inline]
    pub fn working_since(&self, now: Time) -> Time {
        let started = self.tasks.hot[self.slot].started;
        match self.tasks.progress.get(self.slot) {
            _ if started > now => now,
            Some(progress) => progress.counted,
            None => started,
        }
    }

    /// The slot that it holds: a name that is small, and free again once it is settled.
    #[inline]
    pub fn slot(&self) -> u32 {
        self.slot as u32
    }

    /// Larger is more urgent.
    #[inline]
    pub fn priority(&self) -> f64 {
        self.tasks.priorities.get(self.slot).copied().unwrap_or(0.0)
    }

    /// Its key in the queue it is or was in last.
    #[inline]
    pub fn queue_key(&self) -> u64 {
        self.tasks.hot[self.slot].key
    }

    /// What only some workloads say of it.
    #[inline]
    pub fn details(&self) -> &TaskDetails {
        let details = self.tasks.details.get(self.slot);
        details.filter(|details| details.number == self.number()).unwrap_or(&NO_DETAILS)
    }

    /// What it is about; a task that does not say is about itself.
    #[inline]
    pub fn key(&self) -> u64 {
        match self.details().key {
            NO_KEY => u64::from(self.number()),
            key => key,
        }
    }

    /// The node it runs on or is queued at, if any.
    #[inline]
    pub fn node(&self) -> Option<NodeId> {
        let node = self.tasks.hot[self.slot].node;
        (node != NONE).then_some(NodeId(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_one_cache_line() {
        assert_eq!(std::mem::size_of::<Task>(), 64);
    }

    #[test]
    fn a_settled_task_never_runs_again() {
        use TaskState::{Cancelled, Completed, Error, Rejected, Timeout};
        for state in [Completed, Error, Timeout, Cancelled, Rejected] {
            assert!(state.is_final());
            assert!(!state.may_become(TaskState::Running));
        }
    }

    #[test]
    fn only_a_free_slot_takes_a_task() {
        use TaskState::{Backoff, Blocked, Completed, Error, Running, Vacant, Waiting};
        let spec = TaskSpec { estimate: 1, priority: 0.0, slots: 1, class: 0 };
        for state in [Vacant, Waiting, Blocked, Backoff, Running, Completed, Error] {
            let mut tasks = Tasks::default();
            tasks.admit(Time::ZERO, TaskId { slot: 0, number: 0 }, &spec);
            tasks.hot[0].state = state;
            let next = TaskId { slot: 0, number: 1 };
            let admitted = std::panic::catch_unwind(move || tasks.admit(Time::ZERO, next, &spec));
            assert_eq!(admitted.is_ok(), state == Vacant || state.is_final(), "{state:?}");
        }
    }
}
