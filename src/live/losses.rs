//! Nodes that fail and come back, and what is lost with them.

use super::coordinator::Coordinator;
use super::fleet::Process;
use super::link::Link;
use super::plans::Plan;
use super::run::LiveError;
use super::truth::GivenUp;
use crate::faults::Change;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{Command, Observer, Policy, Record};
use crate::time::{Duration, Time};

impl<P: Policy, O: Observer, L: Link> Coordinator<'_, P, O, L> {
    pub(super) fn change_node(&mut self, now: Time, plan: Plan) -> Result<(), LiveError> {
        let Some(clocks) = &mut self.clocks else { return Ok(()) };
        let change = clocks.change(plan.due, plan.node, plan.ticket, &mut self.plans);
        let node = NodeId(plan.node);
        match change.ok_or(LiveError::TimeOverflow)? {
            Change::None => Ok(()),
            Change::Up => self.start_worker(node),
            Change::Joins { up } => self.enter(now, node, up),
            Change::Leaves => {
                self.ask_to_leave(node);
                Ok(())
            }
            Change::Down => {
                self.fail(now, node);
                let missed = self.scheduler.view().cluster().has_joined(node);
                let member = self.fleet.get(node);
                (member.process, member.suspended) = (Process::Down, false);
                member.killed = missed.then_some(self.woke);
                self.link.kill_worker(node);
                Ok(())
            }
        }
    }

    /// The node really fails now.
    pub(super) fn fail(&mut self, now: Time, node: NodeId) {
        self.crash(now, node);
        let member = self.fleet.get(node);
        // If the scheduler has missed several failures, it is the first that it will hear of.
        if member.believed_up && member.failed == Time::NEVER {
            member.failed = now;
            self.observer.on_record(now, &Record::NodeFailed { node });
        }
    }

    /// Measures how long it took until the scheduler found out that workers were killed.
    pub(super) fn note_detections(&mut self) {
        for node in 0..self.fleet.len() {
            let joined = self.scheduler.view().cluster().has_joined(NodeId(node));
            if let Some(killed) = self.fleet.get(NodeId(node)).killed.take_if(|_| !joined) {
                self.meter.samples.detection.push(self.woke.saturating_sub(killed));
            }
        }
    }

    /// What ran on a lost node ended when the node failed. This is settled at once: the node may join
    /// again at this very instant.
    pub(super) fn give_up(&mut self, now: Time, given: usize) {
        for at in given..self.commands.as_slice().len() {
            let Command::StopAttempt { task, attempt, node, interrupted: false } =
                self.commands.as_slice()[at]
            else {
                continue;
            };
            let end = self.fleet.get(node).failed.min(now);
            if self.give_up_one(end, task, attempt, node, GivenUp::Lost) {
                let saved = self.truths.saved(task);
                if saved > Duration::ZERO {
                    let saved = Duration(saved.0.saturating_mul(u64::from(self.scheduler.slots_of(task))));
                    self.observer.on_record(now, &Record::Saved { task, node, saved });
                }
            }
        }
    }

    /// An attempt is given up that really ended at `end`, unless its node cannot be told. Gives whether it
    /// had begun.
    pub(super) fn give_up_one(
        &mut self,
        end: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        why: GivenUp,
    ) -> bool {
        let (done, over) = match &mut self.disturbed {
            Some(disturbed) => disturbed.give_up(end, self.woke, node, (task, attempt)),
            None => (None, true),
        };
        let had_begun = self.truths.give_up(task, node, end, why, done);
        if had_begun
            && over
            && let Some(clocks) = &mut self.clocks
        {
            clocks.attempt_ends(end, node.0);
        }
        had_begun
    }
}
