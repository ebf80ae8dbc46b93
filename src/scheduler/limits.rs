//! Bounded queues and impatient tasks: submissions that are refused because too many wait, and tasks
//! that leave because they waited too long.
//!
//! Whether a submission is refused is known when the decisions of its instant are made: a task that
//! starts at once does not wait. Under pull the newest of those that arrived at the instant are refused
//! until no more wait than may. Under push a task is refused as it is placed: when every node that is
//! up is full, or when it would have to wait and as many wait as may.
//!
//! A task that leaves a node's queue stays linked into it, where nobody minds it, until it comes to the
//! front; its slot is free only then. So leaving costs O(1), and queues need no links back.

use super::command::{Command, Commands};
use super::machine::Scheduler;
use super::policy::{Dispatch, Policy, Step};
use super::record::Observer;
use super::retry::OnRejection;
use super::task::{NONE, TaskState};
use super::timers::Alarm;
use crate::ids::{NodeId, TaskId};
use crate::time::{Duration, Time};

/// In place of the number of refusals: the task was accepted.
const ACCEPTED: u32 = u32::MAX;

impl<P: Policy> Scheduler<P> {
    /// A task was submitted, or comes again after it was refused.
    #[cold]
    pub(super) fn note_arrival(&mut self, id: TaskId) {
        let slot = id.slot as usize;
        if slot >= self.refusals.len() {
            self.refusals.resize(slot + 1, 0);
        }
        if self.is_compensation(id.number) {
            self.refusals[slot] = ACCEPTED;
            return;
        }
        self.refusals[slot] = 0;
        self.arrived.push(id.slot);
        let arrival = self.tasks.hot[slot].arrival;
        if let Some(limits) = &mut self.time_limits {
            limits.task_arrives(arrival, id);
        }
        let gives_up = self.tasks.view(id.slot).details().gives_up;
        if gives_up != Time::NEVER {
            self.timers.set(gives_up, Alarm::Patience, id.number, id.slot);
        }
    }

    /// The task waited for others and is free to go: it is no new submission.
    pub(super) fn accept(&mut self, slot: u32) {
        if self.limited {
            self.refusals[slot as usize] = ACCEPTED;
        }
    }

    /// Tasks in queues, or about to be put into one.
    fn queued(&self) -> u64 {
        self.counts.waiting - self.counts.away
    }

    /// Pull, and late binding: refuses the newest arrivals of this instant while more tasks wait than may.
    pub(super) fn refuse_surplus<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let most = self.config.limits.waiting.unwrap_or(u64::MAX);
        while self.queued() > most
            && let Some(slot) = self.arrived.pop()
        {
            if self.tasks.hot[slot as usize].state == TaskState::Waiting {
                match self.reservations {
                    Some(_) => self.withdraw(slot),
                    None => self.unindex(slot),
                }
                self.refuse_task(now, slot, commands, observer);
            }
        }
        self.arrived.clear();
    }

    /// Push: whether the task, for which the place chose this node or none, is refused. `starting` of
    /// those in queues start at this instant.
    pub(super) fn is_refused(&self, slot: u32, node: Option<NodeId>, starting: u64, unplaced: u64) -> bool {
        let task = &self.tasks.hot[slot as usize];
        if task.attempts > 0 || self.refusals[slot as usize] == ACCEPTED {
            return false;
        }
        let Some(node) = node else {
            let full = !self.config.limits.nodes.is_empty() && self.cluster.any_up();
            return full || self.has_no_room_to_wait(starting, unplaced);
        };
        !self.cluster.starts_at_once(node, slot, &self.tasks) && self.has_no_room_to_wait(starting, unplaced)
    }

    fn has_no_room_to_wait(&self, starting: u64, unplaced: u64) -> bool {
        let waiting = self.queued() - starting - unplaced;
        self.config.limits.waiting.is_some_and(|most| waiting >= most)
    }

    /// There is no room for the task to wait: it is rejected, or tries again after a pause.
    #[cold]
    pub(super) fn refuse_task<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let refusals = &mut self.refusals[slot as usize];
        *refusals += 1;
        let retry = &self.config.retry;
        let tries = retry.max_attempts.is_none_or(|most| *refusals < most);
        if retry.on_rejection == OnRejection::Retry && tries {
            let number = self.tasks.hot[slot as usize].number;
            let pause = retry.backoff.pause(*refusals, number, self.jitter);
            self.go_away(now, slot, pause, observer);
        } else {
            self.settle(now, slot, TaskState::Rejected, Duration::ZERO, commands, observer);
        }
    }

    /// The task waits for its backoff to pass, in no queue.
    pub(super) fn go_away<O: Observer>(&mut self, now: Time, slot: u32, pause: Duration, observer: &mut O) {
        self.give_up_lock(now, slot, observer);
        let task = &mut self.tasks.hot[slot as usize];
        task.set_state(TaskState::Backoff);
        self.counts.away += 1;
        self.timers.set(Time(now.0.saturating_add(pause.0)), Alarm::Backoff, task.number, slot);
    }

    /// The backoff of a task has passed, if it still waits for that.
    pub(super) fn come_back<O: Observer>(&mut self, now: Time, number: u32, slot: u32, observer: &mut O) {
        let task = &mut self.tasks.hot[slot as usize];
        if task.number != number || task.state != TaskState::Backoff {
            return;
        }
        task.set_state(TaskState::Waiting);
        self.counts.away -= 1;
        if task.attempts == 0 {
            // It was refused: this is another submission.
            self.arrived.push(slot);
        } else {
            self.note_failed(now, slot);
        }
        if !self.must_wait_for_lock(now, slot, observer) {
            self.enqueue(now, slot);
        }
    }

    /// The task's patience is at an end: unless it has started it leaves.
    pub(super) fn give_up<O: Observer>(
        &mut self,
        now: Time,
        number: u32,
        slot: u32,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let task = self.tasks.hot[slot as usize];
        if task.number == number && task.attempts == 0 {
            self.leave(now, slot, TaskState::Timeout, commands, observer);
        }
    }

    /// The task leaves wherever it waits, and ends in this state; one that runs or is settled stays.
    pub(super) fn leave<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        end: TaskState,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        match self.tasks.hot[slot as usize].state {
            TaskState::Backoff | TaskState::Blocked => {}
            TaskState::Waiting if self.cluster.dispatch() == Dispatch::Pull && !self.is_prefetched(slot) => {
                self.unindex(slot);
            }
            TaskState::Waiting if self.has_reservations(slot) => self.withdraw(slot),
            TaskState::Waiting => return self.leave_link(now, slot, end, commands, observer),
            _ => return,
        }
        self.settle(now, slot, end, Duration::ZERO, commands, observer);
    }

    /// The task leaves the queue of a node, but its slot is in use until its link in the queue is taken out.
    fn leave_link<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        end: TaskState,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let node = self.tasks.hot[slot as usize].node;
        self.record_settled(now, slot, end, Duration::ZERO, observer);
        if node != NONE {
            let node = NodeId(node);
            self.cluster.discount(slot, node, &self.tasks);
            self.follow(now, Step::Left, slot, node);
            self.load_changed(node);
            self.mark_dirty(node);
        }
        // One that no node had room for is taken out when it is next looked at.
        if self.dependencies.in_use() {
            let number = self.tasks.hot[slot as usize].number;
            self.tell_children(now, number, false, commands, observer);
        }
    }

    /// Push: takes tasks that have left out of those that are to be placed.
    #[cold]
    pub(super) fn forget_those_who_left(&mut self, commands: &mut Commands) {
        let mut unplaced = std::mem::take(&mut self.unplaced);
        unplaced.retain(|&slot| !self.has_left(slot, commands));
        self.unplaced = unplaced;
    }

    /// Push: whether the task has left; its slot is then free.
    fn has_left(&mut self, slot: u32, commands: &mut Commands) -> bool {
        let task = &self.tasks.hot[slot as usize];
        let (state, number) = (task.state, task.number);
        let left = state.is_final();
        if left {
            commands.push(Command::Settle { task: TaskId { slot, number }, state });
        }
        left
    }

    /// The task that goes next in the node's own queue; those that have left are taken out on the way.
    #[inline(always)]
    pub(super) fn front(&mut self, node: NodeId, commands: &mut Commands) -> Option<u32> {
        let front = self.cluster.nodes[node.index()].queue_front(&self.tasks)?;
        if !self.config.limits.tasks_give_up {
            return Some(front);
        }
        self.front_that_stayed(node, commands)
    }

    #[cold]
    fn front_that_stayed(&mut self, node: NodeId, commands: &mut Commands) -> Option<u32> {
        loop {
            let front = self.cluster.nodes[node.index()].queue_front(&self.tasks)?;
            if !self.has_left(front, commands) {
                return Some(front);
            }
            self.cluster.take_out(front, node, &mut self.tasks);
        }
    }
}
