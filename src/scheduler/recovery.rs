//! What goes wrong and is put right: attempts that fail are tried again, nodes are lost with all they
//! ran, and come back.

use super::command::{Command, Commands};
use super::event::Outcome;
use super::machine::{Scheduler, slot_time};
use super::policy::{Interrupts, Policy};
use super::record::{Observer, Record};
use super::retry::OnNodeLoss;
use super::sabotage::Sabotage;
use super::task::TaskState;
use super::timers::Alarm;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::{Duration, Time};

impl<P: Policy> Scheduler<P> {
    /// The attempt ended without success: the task is tried again, perhaps after a pause, or given
    /// up. One that reached its requested time would reach it again.
    #[cold]
    pub(super) fn on_failed<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        outcome: Outcome,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let slot = id.slot;
        if outcome == Outcome::Killed {
            return self.settle(now, slot, TaskState::Timeout, service, commands, observer);
        }
        self.count_failure(now, slot, TaskState::Error, service, commands, observer);
    }

    /// One attempt of the task has failed, or took too long: it is tried again, or ends in this state.
    pub(super) fn count_failure<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        state: TaskState,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.note_failure(now, slot);
        if self.has_failed_too_often(slot) && !self.lacks(Sabotage::AttemptLimit) {
            return self.settle(now, slot, state, service, commands, observer);
        }
        if self.retry_budget.is_some() && !self.is_compensation(self.tasks.hot[slot as usize].number) {
            return self.ask_for_retry(slot, state, service);
        }
        self.try_again(now, slot, observer);
    }

    /// One attempt of the task has failed, or took too long.
    pub(super) fn note_failure(&mut self, now: Time, slot: u32) {
        if let Some(alarms) = &mut self.alarms {
            alarms.attempt_ended(now, true);
        }
        self.tasks.hot[slot as usize].failures += 1;
    }

    /// Whether the task may not be tried again.
    fn has_failed_too_often(&self, slot: u32) -> bool {
        let task = &self.tasks.hot[slot as usize];
        self.most_attempts(task.number).is_some_and(|most| task.failures >= most)
    }

    /// The task, which runs no more, waits for its next attempt.
    pub(super) fn try_again<O: Observer>(&mut self, now: Time, slot: u32, observer: &mut O) {
        let id = self.tasks.id(slot);
        let failures = self.tasks.hot[slot as usize].failures;
        self.counts.waiting += 1;
        observer.on_record(now, &Record::Returned { task: id, failed: true });
        let pause = self.config.retry.backoff.pause(failures, id.number, self.jitter);
        if pause == Duration::ZERO || self.lacks(Sabotage::Backoff) {
            self.tasks.hot[slot as usize].set_state(TaskState::Waiting);
            self.note_failed(now, slot);
            self.enqueue(now, slot);
        } else {
            self.go_away(now, slot, pause, observer);
        }
    }

    /// A message speaks of an attempt that does not count: it changes nothing.
    #[cold]
    pub(super) fn refuse<O: Observer>(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        observer: &mut O,
    ) {
        self.counts.refused += 1;
        observer.on_record(now, &Record::Refused { task, attempt, node });
        self.fence(now, task, attempt, node, observer);
    }

    #[cold]
    pub(super) fn on_timer<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        while let Some((alarm, due, number, slot)) = self.timers.pop(now) {
            match alarm {
                Alarm::Backoff => self.come_back(now, number, slot, observer),
                Alarm::Slice => {
                    // Whether it still runs is known when all facts of the instant are in.
                    if self.slice_ends(due, number, slot) {
                        self.expired.push((due, number, slot));
                    }
                }
                Alarm::Patience => self.give_up(now, number, slot, commands, observer),
                Alarm::Theft => self.request_arrives(number, NodeId(slot)),
                Alarm::Lease => self.lease_ends(now, due, number, observer),
                Alarm::Breaker => self.try_breaker(now, number, NodeId(slot), observer),
                Alarm::Silence => self.on_silence(now, due, NodeId(slot), commands, observer),
                Alarm::Autoscaler => self.autoscaler_wakes(now, due, commands, observer),
            }
        }
    }

    pub(super) fn on_node_joined<O: Observer>(&mut self, now: Time, node: NodeId, observer: &mut O) {
        if self.cluster.has_joined(node) {
            return;
        }
        self.cluster.set_joined(node, true);
        self.tries_parked = true;
        observer.on_record(now, &Record::NodeJoined { node });
        self.node_changed(node);
        self.note_for_thieves(node);
        self.note_opening(node);
        if self.monitor.is_some() {
            self.watch(now, node, observer);
        }
        if let Some(autoscaler) = &mut self.autoscaler {
            autoscaler.joined(node);
        }
    }

    /// All that ran on the node or waited for it goes back to be placed anew: the running attempts
    /// in the order in which they started, then the queue in its order.
    #[cold]
    pub(super) fn on_node_lost<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        if !self.cluster.has_joined(node) {
            return;
        }
        observer.on_record(now, &Record::NodeLost { node });
        if let Some(alarms) = &mut self.alarms {
            alarms.node_lost(now, node);
        }
        let mut lost = std::mem::take(&mut self.scratch);
        lost.extend(self.cluster.running(node, &self.tasks));
        let losses = self.losses_that_count(&lost, node);
        for &slot in lost.iter().rev() {
            self.vacate(now, slot, node, observer);
        }
        self.cluster.set_joined(node, false);
        self.forget_request(node);
        for slot in lost.drain(..).rev() {
            self.lose(now, slot, node, commands, observer);
        }
        self.scratch = lost;
        self.move_waiting(now, node, commands, None::<&mut O>);
        if self.cluster.is_leaving(node) {
            self.cluster.mark_leaving(node);
        }
        self.judge_losses(now, node, losses, commands, observer);
    }

    #[cold]
    fn lose<O: Observer>(
        &mut self,
        now: Time,
        lost: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let task = self.tasks.hot[lost as usize];
        let attempt = AttemptNumber(task.attempts);
        // An attempt whose start was not yet reported has taken no time.
        let busy = slot_time(now.since(task.started), task.slots);
        self.lose_lease(now, lost);
        let id = self.tasks.id(lost);
        commands.push(Command::StopAttempt { task: id, attempt, node, interrupted: false });
        let kept = self.config.retry.on_node_loss == OnNodeLoss::Resume;
        if self.interrupts != Interrupts::Never {
            self.unfile_running(lost, node);
            self.drop_progress(now, lost, node, kept);
        }
        let (slot, slots) = (self.task_of(lost), task.slots);
        let id = self.tasks.id(slot);
        observer.on_record(now, &Record::Lost { task: id, attempt, node, busy, slots, kept });
        if !self.was_last_attempt(lost) {
            return;
        }
        let gives_up = self.config.retry.on_node_loss == OnNodeLoss::Fail && !self.is_compensation(id.number);
        // It may have failed before, while the attempt that is lost now still ran.
        if gives_up || self.has_failed_too_often(slot) {
            return self.settle(now, slot, TaskState::Error, Duration::ZERO, commands, observer);
        }
        self.counts.waiting += 1;
        let task = &mut self.tasks.hot[slot as usize];
        task.set_state(TaskState::Waiting);
        task.started = Time::NEVER;
        observer.on_record(now, &Record::Returned { task: id, failed: false });
        if !self.must_wait_for_lock(now, slot, observer) {
            self.enqueue(now, slot);
        }
    }
}
