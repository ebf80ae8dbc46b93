//! The course of an attempt at its node: how long it takes, how it ends, and what is left when it is given
//! up before.

use super::driver::Driver;
use super::event_queue::EventNumber;
use super::truth::{GivenUp, Truth};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{Observer, OnNodeLoss, Outcome, Policy, Record};
use crate::time::{Duration, Time};

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// Whether an attempt with so much work fails by itself on this node.
    #[inline(always)]
    fn fails(&self, task: TaskId, attempt: u32, node: u32) -> bool {
        let probability = self.probabilities.of(task.slot, &self.truths);
        // An attempt that was interrupted and goes on is one attempt.
        let resumptions = if self.has_courses { self.courses[task.slot as usize].resumptions } else { 0 };
        self.fates.fails(|| self.identity(task), attempt - resumptions, node, probability)
    }

    /// How an attempt ends that comes to its end by itself.
    #[inline(always)]
    pub(super) fn outcome(&self, task: TaskId, attempt: u32, node: u32, work: u64) -> Outcome {
        let failed = self.fails(task, attempt, node);
        if failed && self.has_courses {
            // Ended at what was requested, unless it failed before.
            let fails_at = self.courses[task.slot as usize].fails_at;
            if fails_at > self.limits.excess(task.number, work) {
                return Outcome::Failure;
            }
        }
        self.limits.outcome(task.number, work, failed)
    }

    /// Time that an attempt takes at its node which may fail before its end, or writes checkpoints, or
    /// will be stopped. It has so much work left, and will not do so much of it.
    #[cold]
    #[inline(never)]
    pub(super) fn odd_time(
        &mut self,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        (left, excess): (u64, u64),
    ) -> Duration {
        let slot = task.slot as usize;
        let mut undone = excess;
        if self.fates.may_fail_early() {
            let which = attempt.0 - self.courses[slot].resumptions;
            // One that goes on fails where it would have failed.
            if !self.courses[slot].goes_on {
                let fails = self.fails(task, attempt.0, node.0);
                let fails_at = self.fates.undone(self.identity(task), which, left);
                self.courses[slot].fails_at = if fails { fails_at } else { 0 };
            }
            undone = undone.max(self.courses[slot].fails_at);
        }
        let mut takes = self.service(left.saturating_sub(undone), node.0);
        if let Some(checkpoint) = &self.world.retry.checkpoint {
            let course = &mut self.courses[slot];
            course.restored = left < self.truths[slot].work;
            takes = checkpoint.stretched(takes, course.restored);
        }
        match self.world.retry.longest_attempt() {
            // It will be stopped before: its end needs no place far ahead in the event queue.
            // Nor is it stopped in time on a disturbed node, or without a leader.
            // What undoes others is never stopped.
            Some(longest)
                if self.disturbed.is_none() && self.leaders.is_none() && !self.is_compensation(task) =>
            {
                takes.min(Duration(longest.0.saturating_add(1)))
            }
            _ => takes,
        }
    }

    /// An attempt is given up: it is over before its end, or its end comes too late to count.
    pub(super) fn stop(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        why: GivenUp,
    ) {
        let Truth { work, attempt: index, .. } = self.truths[task.slot as usize];
        if self.has_courses && self.disturbed.is_some() {
            let course = &mut self.courses[task.slot as usize];
            let interrupted = why == GivenUp::Interrupted;
            (course.begin, course.interrupted) = (EventNumber::NONE, interrupted);
            let survives = why == GivenUp::Lost && self.world.retry.on_node_loss == OnNodeLoss::Resume;
            course.resumes = interrupted || survives;
            if !course.resumes {
                course.left = work;
            }
            let resumes = course.resumes;
            return self.give_up_at_node(now, task, attempt, resumes);
        }
        let ran = match self.attempts.get_mut(index as usize) {
            Some(place) if place.still_runs(task, attempt) => {
                place.finish = EventNumber::NONE;
                self.over.push(index);
                true
            }
            _ => false,
        };
        let mut runs_here = ran;
        if self.has_courses {
            let course = &mut self.courses[task.slot as usize];
            runs_here =
                ran && course.begin == EventNumber::NONE && self.news.has_stayed_up(node.0, course.changes);
            course.begin = EventNumber::NONE;
            let interrupted = why == GivenUp::Interrupted;
            let retry = &self.world.retry;
            let survives = retry.on_node_loss == OnNodeLoss::Resume || retry.checkpoint.is_some();
            course.interrupted = interrupted;
            course.resumes = interrupted || (why == GivenUp::Lost && survives);
            if !course.resumes {
                course.left = work;
            } else if ran {
                self.credit(now, task.slot, node.0);
            }
            let course = &mut self.courses[task.slot as usize];
            // Until its first checkpoint an attempt has nothing to go on from.
            course.resumes &= retry.checkpoint.is_none() || course.left < work;
            let saved = std::mem::take(&mut course.saved);
            if why == GivenUp::Lost && saved > Duration::ZERO {
                self.note_saved(now, task, node, saved);
            }
        }
        if runs_here {
            self.nodes.attempt_ends(now, node.0);
        }
    }

    /// The attempt, which is lost, leaves a checkpoint that was written so long after it began.
    #[cold]
    fn note_saved(&mut self, now: Time, task: TaskId, node: NodeId, until: Duration) {
        let saved = Duration(until.0.saturating_mul(u64::from(self.scheduler.slots_of(task))));
        self.observer.on_record(now, &Record::Saved { task, node, saved });
    }
}
