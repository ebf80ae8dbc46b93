//! Speculation: an attempt that takes too long gets a copy on another node. The first of the two that
//! succeeds counts, the other is stopped.
//!
//! Source: backup tasks of Dean and Ghemawat, "MapReduce: Simplified Data Processing on Large Clusters",
//! OSDI 2004; Zaharia, Konwinski, Joseph, Katz and Stoica, "Improving MapReduce Performance in
//! Heterogeneous Environments" (LATE), OSDI 2008; hedged requests after a quantile: Dean and Barroso, "The
//! Tail at Scale", CACM 2013. Cost: O(log n) per start and end of an attempt and per copy, n attempts that
//! run or nodes; every time that the number of ends doubles, O(nodes + attempts) for a quantile.
//! A bad idea where nodes are alike and never slow down: a copy repeats the same work and loses; and near
//! full load, where a copy takes the place of a task that arrives a moment later.
//!
//! **When.** An attempt is late when more than `late` x its estimated time on its node has passed since it
//! was sent there, or more than a quantile of what that ratio was for tasks that completed, whichever is
//! longer. Only the newest attempt of a task is watched: with several copies the second is made when the
//! first is late too. One that ends at the instant at which it would be late has ended.
//!
//! **Where.** To the fastest node that could start it at once and runs no attempt of the same task; of equally
//! fast ones, each in its turn. Not where the policy would place it: many places look at all nodes, or know
//! but one for a task. Of late attempts those go first that were late first; where one finds no node others
//! may, but no more than a few are tried at one instant.
//!
//! **What for.** Copies start when everything that waits and can start has started: under pull only while
//! nothing waits in the queue, under push only on nodes that what waits there leaves room on. A task that
//! arrives later waits for a copy as for any attempt; `share` limits how many there are.
//!
//! A copy is kept as a task of its own in one of the first slots, which drivers leave free for copies: so
//! it is told from other attempts by its slot wherever attempts are, and no table had to change.

use serde::{Deserialize, Serialize};

use super::cluster::NodeSpec;
use super::command::{Command, Commands};
use super::families::{NO_FAMILY, Speculation, copies};
use super::machine::Scheduler;
use super::policy::{Dispatch, Policy, Step};
use super::record::{Observer, Record};
use super::task::{NONE, Task, TaskState};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};

/// When attempts get copies, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeculationPlan {
    /// An attempt that takes longer than this times its estimated time is late; not below 0.
    pub late: f64,
    /// It is not late either before the ratio of the two exceeds that of this share of the tasks that
    /// completed, above 0 and below 1; `None` when only `late` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<f64>,
    /// Tasks that must have completed before there is a quantile; nothing is late before.
    pub observations: u32,
    /// Most copies of one task at once, at least 1.
    pub copies: u32,
    /// Most copies at once as a share of all running attempts, above 0 and at most 1.
    pub share: f64,
}

/// Copies at once are at most so many, whatever their share.
const MOST_COPIES: u64 = 1 << 20;

/// Late attempts for which a node is sought at one instant.
const MOST_SOUGHT: usize = 16;

impl SpeculationPlan {
    /// Slots that copies take in drivers' tables, for a cluster of these nodes.
    pub fn slots(&self, nodes: &[NodeSpec]) -> u32 {
        let all: u64 = nodes.iter().map(|node| u64::from(node.slots)).sum();
        ((self.share * all as f64) as u64).min(MOST_COPIES) as u32
    }
}

impl<P: Policy> Scheduler<P> {
    /// Slots that drivers leave free: the scheduler names copies of attempts by them.
    pub fn copy_slots(&self) -> u32 {
        self.speculation.as_ref().map_or(0, |speculation| speculation.slots())
    }

    /// The slot of the task of which this slot, one that is left free for copies, holds a copy.
    pub fn copied_from(&self, slot: u32) -> Option<u32> {
        let original = *self.speculation.as_ref()?.originals.get(slot as usize)?;
        (original != NONE).then_some(original)
    }

    /// An attempt is sent to its node.
    #[cold]
    pub(super) fn attempt_sent(&mut self, attempt: u32, node: NodeId) {
        let now = self.cluster.now();
        let (work, speed) = (self.tasks.estimates[attempt as usize], self.cluster.spec(node).speed);
        if let Some(speculation) = &mut self.speculation {
            speculation.set_sent(attempt, now, Duration::of_work(work, speed));
            speculation.openings.note(node, &self.cluster);
        }
        self.watch_attempt(attempt);
    }

    /// An attempt no longer takes anything of its node.
    #[cold]
    pub(super) fn attempt_left(&mut self, attempt: u32, node: NodeId) {
        if let Some(speculation) = &mut self.speculation {
            speculation.unwatch(attempt);
            speculation.openings.note(node, &self.cluster);
        }
    }

    /// A node has come, gone, closed or opened.
    pub(super) fn note_opening(&mut self, node: NodeId) {
        if let Some(speculation) = &mut self.speculation {
            speculation.openings.note(node, &self.cluster);
        }
    }

    /// When the attempt, the newest of its task, is late, as far as is known; never if its task may have no
    /// more copies.
    fn late_at(&self, attempt: u32) -> Option<Time> {
        let speculation = self.speculation.as_ref()?;
        if speculation.family(self.task_of(attempt)).copies >= speculation.plan.copies {
            return None;
        }
        let (sent, expected) = speculation.sent[attempt as usize];
        let patience = Duration((expected.0 as f64 * speculation.patience()?).round() as u64);
        sent.checked_add(patience)
    }

    /// Sees to it that it is noticed when the attempt, the newest of its task, is late.
    pub(super) fn watch_attempt(&mut self, attempt: u32) {
        let (due, task) = (self.late_at(attempt), self.named(attempt));
        if let Some(speculation) = self.speculation.as_mut().filter(|all| !all.is_late[attempt as usize]) {
            speculation.watched.set(task, due);
        }
    }

    /// A name for an attempt among others that run: copies have numbers counted from the end.
    pub(super) fn named(&self, attempt: u32) -> TaskId {
        match self.copied_from(attempt) {
            Some(_) => TaskId { slot: attempt, number: u32::MAX - 1 - attempt },
            None => self.tasks.id(attempt),
        }
    }

    /// Starts copies of attempts that are late, once all that waits and can start has started.
    #[cold]
    pub(super) fn decide_copies<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.renew_patience();
        loop {
            self.find_late(now);
            let any = self.start_copies(now, commands, observer);
            // A copy may be late at once.
            let more = self.speculation.as_ref().is_some_and(|all| all.watched.reached(now).is_some());
            if !any || !more {
                return;
            }
        }
    }

    /// Starts copies of the first attempts that are late. Gives whether it started any.
    fn start_copies<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) -> bool {
        let queued = self.counts.waiting - self.counts.away;
        let Some(speculation) = &mut self.speculation else { return false };
        if speculation.late.is_empty() || (self.cluster.dispatch() == Dispatch::Pull && queued > 0) {
            return false;
        }
        let mut sought = std::mem::take(&mut speculation.sought);
        speculation.late.first_into(MOST_SOUGHT, &mut sought);
        let mut any = false;
        for &attempt in &sought {
            if !self.may_start_copy() {
                break;
            }
            let task = self.task_of(attempt);
            if let Some(node) = self.find_opening(task) {
                self.start_copy(now, (task, attempt), node, commands, observer);
                any = true;
            }
        }
        sought.clear();
        if let Some(speculation) = &mut self.speculation {
            speculation.sought = sought;
        }
        any
    }

    /// Those whose time has come are late, unless a quantile has grown meanwhile.
    fn find_late(&mut self, now: Time) {
        while let Some(attempt) = self.speculation.as_ref().and_then(|all| all.watched.reached(now)) {
            let (due, task) = (self.late_at(attempt), self.named(attempt));
            let slots = self.tasks.hot[attempt as usize].slots;
            let Some(speculation) = &mut self.speculation else { return };
            speculation.watched.set(task, due.filter(|due| *due > now));
            if let Some(due) = due.filter(|due| *due <= now) {
                speculation.is_late[attempt as usize] = true;
                speculation.late.insert(attempt, due.0, task.number, slots, 0);
            }
        }
    }

    /// Enough attempts have succeeded for a quantile, or twice as many as the last time: what runs is late
    /// by what is known now.
    fn renew_patience(&mut self) {
        let Some(speculation) = &mut self.speculation else { return };
        let Some(quantile) = speculation.quantile.as_ref() else { return };
        if quantile.total() < speculation.renewal {
            return;
        }
        speculation.renewal = quantile.total().saturating_mul(2);
        let mut running = std::mem::take(&mut speculation.sought);
        for node in self.cluster.nodes() {
            running.extend(self.cluster.running(node, &self.tasks));
        }
        for attempt in running.drain(..) {
            if self.newest_attempt(self.task_of(attempt)) == Some(attempt) {
                self.watch_attempt(attempt);
            }
        }
        if let Some(speculation) = &mut self.speculation {
            speculation.sought = running;
        }
    }

    /// Whether one more copy leaves the share of copies as small as it must be.
    fn may_start_copy(&self) -> bool {
        self.speculation.as_ref().is_some_and(|speculation| {
            let attempts = self.counts.running - speculation.alone + speculation.copies;
            let copies = (speculation.copies + 1) as f64;
            !speculation.free.is_empty() && copies <= speculation.plan.share * (attempts + 1) as f64
        })
    }

    /// A node for another attempt of this task.
    fn find_opening(&mut self, task: u32) -> Option<NodeId> {
        let speculation = self.speculation.as_mut()?;
        let (cluster, tasks) = (&self.cluster, &self.tasks);
        let family = speculation.family(task);
        let Speculation { openings, older, .. } = &mut **speculation;
        openings.find(task, cluster, tasks, |node| {
            let runs_here = |attempt: u32| tasks.hot[attempt as usize].node == node.0;
            !runs_here(task)
                && !copies(family, older).any(runs_here)
                && cluster.starts_at_once(node, task, tasks)
        })
    }

    fn start_copy<O: Observer>(
        &mut self,
        now: Time,
        (task, late): (u32, u32),
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let original = self.tasks.hot[task as usize];
        let Some(speculation) = &mut self.speculation else { return };
        let Some((copy, attempt)) = speculation.breed(task, original.attempts) else { return };
        speculation.unwatch(late);
        let started = if self.config.starts_are_reported { Time::NEVER } else { now };
        let state = TaskState::Running;
        self.tasks.copy(task, copy, Task { started, state, attempts: attempt, ..original });
        self.cluster.nodes[node.index()].load += 1;
        self.cluster.occupy(copy, node, &mut self.tasks);
        self.follow(now, Step::Started, copy, node);
        self.load_changed(node);
        self.tell_started(now, copy, node);
        let attempt = AttemptNumber(attempt);
        observer.on_record(now, &Record::CopyDispatched { task: self.tasks.id(task), attempt, node });
        commands.push(Command::StartAttempt { task: self.tasks.id(copy), attempt, node });
        if self.guarded {
            self.guard_start(now, copy, node, commands, observer);
        }
    }

    /// The attempt, which has left its node, is over. Gives whether no other of its task runs; then the task
    /// is as if it had never had more than this one.
    pub(super) fn detach(&mut self, attempt: u32) -> bool {
        let Some(speculation) = &mut self.speculation else { return true };
        let node = self.tasks.hot[attempt as usize].node;
        let original = speculation.originals.get(attempt as usize).copied().filter(|task| *task != NONE);
        let task = original.unwrap_or(attempt);
        if speculation.family(task).attempts == 0 {
            return true;
        }
        if original.is_some() {
            speculation.bury(attempt);
            self.tasks.hot[attempt as usize].state = TaskState::Vacant;
        } else {
            self.tasks.hot[task as usize].node = NONE;
            speculation.alone += 1;
        }
        let runs = self.tasks.hot[task as usize].node != NONE;
        let family = speculation.family(task);
        if !runs && family.newest == NONE {
            let record = &mut self.tasks.hot[task as usize];
            (record.attempts, record.node) = (family.attempts, node);
            speculation.families[task as usize] = NO_FAMILY;
            speculation.alone -= 1;
            return true;
        }
        false
    }
}

impl<P: Policy> Scheduler<P> {
    /// Only newest attempts are watched, or late, and every one that may get a copy is.
    pub(super) fn check_watch(&self) -> Result<(), String> {
        let Some(speculation) = &self.speculation else { return Ok(()) };
        for attempt in speculation.late.iter().chain(speculation.watched.slots()) {
            let (task, state) = (self.task_of(attempt), self.tasks.hot[attempt as usize].state);
            ensure!(
                state == TaskState::Running && self.newest_attempt(task) == Some(attempt),
                "slot {attempt} is late, and does not run"
            );
            ensure!(speculation.family(task).copies < speculation.plan.copies, "too many copies of {task}");
        }
        let attempts = self.counts.running - speculation.alone + speculation.copies;
        ensure!(speculation.copies <= attempts, "more copies than attempts");
        // What a success has taught is looked at once the facts of its instant are in.
        if speculation.quantile.as_ref().is_some_and(|quantile| quantile.total() >= speculation.renewal) {
            return Ok(());
        }
        for task in (self.copy_slots()..self.tasks.hot.len() as u32).filter(|task| self.runs(*task)) {
            let Some(newest) = self.newest_attempt(task) else {
                return Err(format!("slot {task} runs nowhere"));
            };
            let is_seen = speculation.is_late[newest as usize] || speculation.watched.has(newest);
            ensure_eq!(is_seen, self.late_at(newest).is_some(), "slot {newest} is watched");
        }
        Ok(())
    }

    fn runs(&self, slot: u32) -> bool {
        self.tasks.hot[slot as usize].state == TaskState::Running
    }
}
