//! Attempts of tasks that have copies: how they end.
//!
//! The first success completes the task, and its other attempts are stopped. A failure, a time limit and
//! the loss of a node end one attempt: while others of the task run it counts as a failure, and nothing
//! else happens; the task is tried again, or given up, when the last of them is over.

use super::breaker::Verdict;
use super::command::{Command, Commands};
use super::event::Outcome;
use super::families;
use super::machine::{Scheduler, slot_time};
use super::policy::Policy;
use super::record::{Observer, Record};
use super::task::{NONE, TaskState};
use crate::ids::{AttemptNumber, NodeId};
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};

impl<P: Policy> Scheduler<P> {
    /// The slot of the task of which this is an attempt: its own, or that of a copy.
    #[inline]
    pub(super) fn task_of(&self, attempt: u32) -> u32 {
        if self.speculation.is_none() { attempt } else { self.copied_from(attempt).unwrap_or(attempt) }
    }

    /// The newest of the running attempts of the task, which runs; none when all are over.
    pub(super) fn newest_attempt(&self, task: u32) -> Option<u32> {
        let Some(speculation) = &self.speculation else { return Some(task) };
        match speculation.family(task).newest {
            NONE => (self.tasks.hot[task as usize].node != NONE).then_some(task),
            copy => Some(copy),
        }
    }

    /// An attempt that has left its node is over. Gives whether no other of its task runs: then the task does
    /// not either.
    pub(super) fn was_last_attempt(&mut self, attempt: u32) -> bool {
        let task = self.task_of(attempt);
        let last = self.detach(attempt);
        if last {
            self.counts.running -= 1;
        } else if let Some(newest) = self.newest_attempt(task) {
            // Perhaps it was late long ago.
            self.watch_attempt(newest);
        }
        last
    }

    /// An attempt ended by itself, one of several or not.
    #[cold]
    pub(super) fn finish_speculated<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        (outcome, service): (Outcome, Duration),
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let attempt = &self.tasks.hot[slot as usize];
        let (node, slots) = (NodeId(attempt.node), attempt.slots);
        let busy = slot_time(now.since(attempt.started), slots);
        let number = AttemptNumber(attempt.attempts);
        let task = self.task_of(slot);
        let id = self.tasks.id(task);
        self.leave_node(now, slot, node, observer);
        if outcome == Outcome::Success && task != slot {
            observer.on_record(now, &Record::CopyWon { task: id, attempt: number, node });
        }
        observer.on_record(now, &Record::Finished { task: id, attempt: number, node, outcome, busy, slots });
        if self.guarded {
            self.guard_end(now, slot, node, outcome, commands, observer);
        }
        let last = self.was_last_attempt(slot);
        if !last && outcome == Outcome::Failure {
            return self.note_failure(now, task);
        }
        if !last {
            self.stop_the_others(now, task, node, commands, observer);
        }
        match outcome {
            Outcome::Success => self.settle(now, task, TaskState::Completed, service, commands, observer),
            _ => self.on_failed(now, id, outcome, service, commands, observer),
        }
    }

    /// Stops what still runs of the task, now that its attempt at this node has decided about it.
    fn stop_the_others<O: Observer>(
        &mut self,
        now: Time,
        task: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        while let Some(slot) = self.newest_attempt(task) {
            let attempt = &self.tasks.hot[slot as usize];
            let (node, number) = (NodeId(attempt.node), AttemptNumber(attempt.attempts));
            // An attempt whose start was not yet reported has taken no time.
            let (busy, slots) = (slot_time(now.since(attempt.started), attempt.slots), attempt.slots);
            let (copy, id) = (self.tasks.id(slot), self.tasks.id(task));
            self.leave_node(now, slot, node, observer);
            observer.on_record(now, &Record::Outrun { task: id, attempt: number, node, busy, slots });
            commands.push(Command::CancelAttempt { task: copy, attempt: number, node });
            self.judge(now, slot, node, Verdict::None, commands, observer);
            if self.was_last_attempt(slot) {
                break;
            }
        }
        // What is written down of the task is of the attempt that decided.
        self.tasks.hot[task as usize].node = node.0;
    }

    /// Copies are in the slots left free for them, run what their tasks are, and elsewhere; every running
    /// task that has no attempt of its own has copies.
    pub(super) fn check_copies(&self) -> Result<(), String> {
        let Some(speculation) = &self.speculation else { return Ok(()) };
        let slots = self.copy_slots();
        let mut copies = vec![0; self.tasks.hot.len()];
        for copy in (0..slots).filter(|copy| !speculation.is_free(*copy)) {
            let task = speculation.originals[copy as usize];
            let (a, b) = (&self.tasks.hot[copy as usize], &self.tasks.hot[task as usize]);
            ensure_eq!((a.state, b.state), (TaskState::Running, TaskState::Running), "copy of slot {task}");
            ensure_eq!((a.number, a.slots), (b.number, b.slots), "copy of slot {task}");
            ensure!(a.node != NONE && a.node != b.node, "two attempts of task {} at one node", b.number);
            copies[task as usize] += 1;
        }
        let (mut running, mut alone) = (0, 0);
        for task in slots..self.tasks.hot.len() as u32 {
            let (family, record) = (speculation.family(task), &self.tasks.hot[task as usize]);
            ensure_eq!(family.copies, copies[task as usize], "copies of slot {task}");
            let of_it: Vec<u32> = families::copies(family, &speculation.older).collect();
            ensure_eq!(of_it.len() as u32, family.copies, "copies of slot {task}");
            let numbers: Vec<u32> =
                of_it.iter().map(|copy| self.tasks.hot[*copy as usize].attempts).collect();
            ensure!(
                numbers.is_sorted_by(|a, b| a > b) && numbers.iter().all(|n| *n <= family.attempts),
                "attempts of slot {task}: {numbers:?}"
            );
            let mut nodes: Vec<u32> = of_it.iter().map(|copy| self.tasks.hot[*copy as usize].node).collect();
            nodes.sort_unstable();
            ensure!(nodes.is_sorted_by(|a, b| a < b), "two copies of slot {task} at one node");
            if record.state == TaskState::Running {
                running += u64::from(family.copies);
                alone += u64::from(record.node == NONE);
                ensure!(record.node != NONE || family.copies > 0, "slot {task} runs nowhere");
            } else {
                ensure_eq!((family.copies, family.attempts), (0, 0), "slot {task} does not run");
            }
        }
        ensure_eq!((running, alone), (speculation.copies, speculation.alone), "copies in all");
        self.check_watch()
    }
}
