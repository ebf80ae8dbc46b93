//! Tasks that wait for other tasks.
//!
//! A task with parents is blocked: it waits, in no queue, until all of them have completed, and then
//! enters its queue as if it had just arrived, with its first arrival as its place in line. A parent
//! that settles in any other way takes its children with it: they are cancelled, and theirs, one after
//! the other from a list, however long the chain.
//!
//! A parent is named by its number, and may arrive, or settle, before or after its child arrives. That
//! takes a word for every task of a workload with dependencies, also for settled ones; other workloads
//! have no such table. Cost: O(1) per dependency, when it is declared and when it is met.

use super::command::Commands;
use super::details::{NO_JOB, TaskDetails};
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::Observer;
use super::sabotage::Sabotage;
use super::task::{NONE, TaskState};
use crate::ids::TaskId;
use crate::time::{Duration, Time};

/// Nobody waits for the task yet, and it is not settled.
const OPEN: u32 = u32::MAX;
/// The task has completed.
const COMPLETED: u32 = u32::MAX - 1;
/// The task will never complete.
const GONE: u32 = u32::MAX - 2;

/// A child in the list of one of its parents.
#[derive(Clone, Copy, Debug)]
struct Edge {
    child: TaskId,
    next: u32,
}

/// Who waits for whom.
#[derive(Clone, Debug)]
pub(super) struct Dependencies {
    /// By task number: what is known of the task, or the last of the edges to those that wait for it.
    waiters: Vec<u32>,
    /// By slot: how many parents of the blocked task there have not completed.
    missing: Vec<u32>,
    edges: Vec<Edge>,
    /// First of the edges that are free, linked through `next`.
    free: u32,
    /// Tasks with this number and all greater ones will never arrive.
    end: u32,
    /// Lists of children that are to be cancelled; kept to use its memory again.
    doomed: Vec<u32>,
}

impl Default for Dependencies {
    fn default() -> Self {
        Dependencies {
            waiters: Vec::new(),
            missing: Vec::new(),
            edges: Vec::new(),
            free: NONE,
            end: u32::MAX,
            doomed: Vec::new(),
        }
    }
}

impl Dependencies {
    /// Whether any task so far was part of a job.
    #[inline(always)]
    pub(super) fn in_use(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// A task that others may wait for, or that waits for `parents` others.
    pub(super) fn admit(&mut self, id: TaskId, parents: u32) {
        self.reach(id.number);
        let slot = id.slot as usize;
        if slot >= self.missing.len() {
            self.missing.resize(slot + 1, 0);
        }
        self.missing[slot] = parents;
    }

    /// How many parents of the task in this slot have not completed.
    pub(super) fn missing(&self, slot: u32) -> u32 {
        self.missing.get(slot as usize).copied().unwrap_or(0)
    }

    fn reach(&mut self, number: u32) {
        if number as usize >= self.waiters.len() {
            self.waiters.resize(number as usize + 1, OPEN);
        }
    }

    /// What is known of a parent: its state if it is settled; if not, the child is told later.
    fn declare(&mut self, child: TaskId, parent: u32) -> Option<u32> {
        if parent >= self.end {
            return Some(GONE);
        }
        self.reach(parent);
        let known = self.waiters[parent as usize];
        if known == COMPLETED || known == GONE {
            return Some(known);
        }
        let edge = Edge { child, next: known };
        let at = if self.free == NONE {
            self.edges.push(edge);
            self.edges.len() as u32 - 1
        } else {
            let at = self.free;
            self.free = std::mem::replace(&mut self.edges[at as usize], edge).next;
            at
        };
        self.waiters[parent as usize] = at;
        None
    }

    /// The task is settled; gives the first of those that waited for it, in the order in which they
    /// said so.
    fn settled(&mut self, number: u32, completed: bool) -> u32 {
        let Some(last) = self.waiters.get_mut(number as usize) else { return NONE };
        let mut at = std::mem::replace(last, if completed { COMPLETED } else { GONE });
        let mut before = NONE;
        while (at as usize) < self.edges.len() {
            let next = std::mem::replace(&mut self.edges[at as usize].next, before);
            (before, at) = (at, next);
        }
        before
    }

    /// Takes the child at the front of a list of children.
    fn pop(&mut self, list: &mut u32) -> Option<TaskId> {
        let at = *list;
        let edge = self.edges.get_mut(at as usize)?;
        (*list, edge.next) = (edge.next, self.free);
        self.free = at;
        Some(edge.child)
    }

    /// Children in lists of parents that are not settled, for checks.
    pub(super) fn waiting(&self) -> impl Iterator<Item = TaskId> + '_ {
        self.waiters.iter().flat_map(move |&last| {
            let mut at = last;
            std::iter::from_fn(move || {
                let edge = self.edges.get(at as usize)?;
                at = edge.next;
                Some(edge.child)
            })
        })
    }
}

impl<P: Policy> Scheduler<P> {
    /// Takes note of a task of a job, or that needs a lock; gives whether it must wait for others.
    #[cold]
    pub(super) fn blocks<O: Observer>(&mut self, now: Time, id: TaskId, observer: &mut O) -> bool {
        self.stand_in_line(id.slot);
        let details = self.tasks.view(id.slot);
        let &TaskDetails { job, parents, .. } = details.details();
        if job != NO_JOB || parents > 0 {
            self.dependencies.admit(id, parents);
        }
        if parents == 0 {
            return self.must_wait_for_lock(now, id.slot, observer);
        }
        self.tasks.hot[id.slot as usize].state = TaskState::Blocked;
        self.counts.away += 1;
        true
    }

    /// The task waits for `parent`.
    #[cold]
    pub(super) fn on_dependency<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        parent: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        // An earlier parent that will never complete has settled it already.
        if !self.is_blocked(id) {
            return;
        }
        match self.dependencies.declare(id, parent) {
            None => {}
            Some(COMPLETED) => self.parent_completed(now, id, observer),
            Some(_) => {
                self.settle(now, id.slot, TaskState::Cancelled, Duration::ZERO, commands, observer);
            }
        }
    }

    /// No task with this number or a greater one will arrive: those that wait for one are cancelled.
    #[cold]
    pub(super) fn on_arrivals_ended<O: Observer>(
        &mut self,
        now: Time,
        next: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.dependencies.end = next;
        for number in next..self.dependencies.waiters.len() as u32 {
            self.tell_children(now, number, false, commands, observer);
        }
    }

    /// A task is settled: its children go on, or are cancelled.
    #[cold]
    pub(super) fn tell_children<O: Observer>(
        &mut self,
        now: Time,
        number: u32,
        completed: bool,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let mut children = self.dependencies.settled(number, completed);
        if completed {
            while let Some(child) = self.dependencies.pop(&mut children) {
                if self.is_blocked(child) {
                    self.parent_completed(now, child, observer);
                }
            }
            return;
        }
        let mut doomed = std::mem::take(&mut self.dependencies.doomed);
        doomed.push(children);
        while let Some(mut children) = doomed.pop() {
            while let Some(child) = self.dependencies.pop(&mut children) {
                if self.is_blocked(child) {
                    self.conclude(now, child.slot, TaskState::Cancelled, Duration::ZERO, commands, observer);
                    doomed.push(self.dependencies.settled(child.number, false));
                }
            }
        }
        self.dependencies.doomed = doomed;
    }

    fn parent_completed<O: Observer>(&mut self, now: Time, child: TaskId, observer: &mut O) {
        let missing = &mut self.dependencies.missing[child.slot as usize];
        *missing -= 1;
        let released = *missing == 0 || self.sabotage == Some(Sabotage::Parents);
        if released {
            self.tasks.hot[child.slot as usize].set_state(TaskState::Waiting);
            self.counts.away -= 1;
            self.accept(child.slot);
            if !self.must_wait_for_lock(now, child.slot, observer) {
                self.enqueue(now, child.slot);
            }
        }
    }

    /// Whether the slot still holds this task, and it waits for others.
    fn is_blocked(&self, id: TaskId) -> bool {
        let task = self.tasks.hot.get(id.slot as usize);
        task.is_some_and(|task| task.number == id.number && task.state == TaskState::Blocked)
    }
}
