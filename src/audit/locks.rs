//! Locks: one holder at a time, tokens that grow, and late writes that are fenced off.

use std::collections::VecDeque;

use super::{Broken, Rule, Verdict, reach};
use crate::ids::{AttemptNumber, TaskId};
use crate::scheduler::{LockPlan, NO_LOCK, TaskDetails};
use crate::time::Time;

/// A scheduler remembers so many lost leases, to tell late writes from other late results.
const REMEMBERED: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Lock {
    /// Number of the task that was given it last and has not given it back.
    holder: Option<u32>,
    /// When the node of the holder was lost.
    lost: Option<Time>,
    /// Whether the holder, which pauses, may have given it back.
    loose: bool,
    token: u64,
}

const FREE: Lock = Lock { holder: None, lost: None, loose: false, token: 0 };

/// An attempt that was lost or stopped while its task held a lock.
#[derive(Clone, Copy, Debug)]
struct LostLease {
    task: u32,
    attempt: AttemptNumber,
    lock: u32,
    token: u64,
}

/// All locks.
#[derive(Clone, Debug)]
pub(super) struct Locks {
    plan: LockPlan,
    locks: Vec<Lock>,
    /// By task.
    needs: Vec<u32>,
    leases: VecDeque<LostLease>,
    /// A write that came too late and must be fenced off in this step.
    late: Option<LostLease>,
}

impl Locks {
    pub(super) fn new(plan: LockPlan) -> Locks {
        Locks { plan, locks: Vec::new(), needs: Vec::new(), leases: VecDeque::new(), late: None }
    }

    pub(super) fn described(&mut self, details: &TaskDetails) {
        *reach(&mut self.needs, details.number, NO_LOCK) = details.lock;
    }

    /// The lock that the task needs, if it needs one and that is known.
    fn of(&mut self, task: u32) -> Option<&mut Lock> {
        let lock = *self.needs.get(task as usize)?;
        if lock == NO_LOCK { None } else { Some(reach(&mut self.locks, lock, FREE)) }
    }

    pub(super) fn grant(&mut self, now: Time, task: u32, name: u32, token: u64) -> Verdict {
        let lease = self.plan.lease;
        let lock = reach(&mut self.locks, name, FREE);
        if token <= lock.token {
            let what = format!("lock {name} is given with token {token} after token {}", lock.token);
            return Err(Broken::new(Rule::FencingTokens, what).of_task(task));
        }
        let kept = match (lock.holder, lock.lost) {
            (_, Some(lost)) if now.since(lost) < lease => Some(format!(
                "whose holder was lost {} s ago and may still write",
                now.since(lost).as_seconds()
            )),
            (Some(holder), None) if !lock.loose => Some(format!("that task {holder} holds")),
            _ => None,
        };
        *lock = Lock { holder: Some(task), token, ..FREE };
        match kept {
            Some(why) => {
                Err(Broken::new(Rule::OneHolder, format!("it is given lock {name}, {why}")).of_task(task))
            }
            None => Ok(()),
        }
    }

    pub(super) fn starts(&mut self, _: Time, task: u32, attempt: AttemptNumber) -> Verdict {
        let Some(lock) = self.of(task) else { return Ok(()) };
        if lock.holder == Some(task) && lock.lost.is_none() {
            lock.loose = false;
            return Ok(());
        }
        let what = format!("attempt {} starts without the lock that it needs", attempt.0);
        Err(Broken::new(Rule::OneHolder, what).of_task(task))
    }

    /// An attempt is over that may still write: since when it is lost, if it is lost with its node.
    pub(super) fn given_up(&mut self, lost: Option<Time>, task: u32, attempt: AttemptNumber) {
        let name = self.needs.get(task as usize).copied().unwrap_or(NO_LOCK);
        let Some(lock) = self.of(task).filter(|lock| lock.holder == Some(task)) else { return };
        lock.lost = lost;
        let lease = LostLease { task, attempt, lock: name, token: lock.token };
        if self.leases.len() == REMEMBERED {
            self.leases.pop_front();
        }
        self.leases.push_back(lease);
    }

    /// The task failed and pauses, if its pause is not nothing.
    pub(super) fn may_give_back(&mut self, task: u32) {
        if let Some(lock) = self.of(task).filter(|lock| lock.holder == Some(task)) {
            lock.loose = true;
        }
    }

    pub(super) fn settles(&mut self, task: u32) {
        if let Some(lock) = self.of(task).filter(|lock| lock.holder == Some(task) && lock.lost.is_none()) {
            lock.holder = None;
        }
    }

    pub(super) fn expires(&mut self, now: Time, name: u32) -> Verdict {
        let lease = self.plan.lease;
        let lock = reach(&mut self.locks, name, FREE);
        match lock.lost {
            Some(lost) if now.since(lost) >= lease => Ok(()),
            _ => Err(Broken::new(Rule::OneHolder, format!("the lease of lock {name} runs out too soon"))),
        }
    }

    pub(super) fn refused(&mut self, task: TaskId, attempt: AttemptNumber) {
        let same = |lease: &&LostLease| (lease.task, lease.attempt) == (task.number, attempt);
        let lease = self.leases.iter().rev().find(same).copied();
        self.late = lease.filter(|lease| self.locks[lease.lock as usize].token > lease.token);
    }

    pub(super) fn fenced(&mut self, task: TaskId, attempt: AttemptNumber, lock: u32, token: u64) -> Verdict {
        match self.late.take() {
            Some(late)
                if (late.task, late.attempt, late.lock, late.token)
                    == (task.number, attempt, lock, token) =>
            {
                Ok(())
            }
            _ => {
                let what =
                    format!("a write with token {token} of lock {lock} is fenced off, which was not late");
                Err(Broken::new(Rule::FencingTokens, what).of_task(task.number))
            }
        }
    }

    pub(super) fn step_is_over(&mut self) -> Verdict {
        let Some(LostLease { task, attempt, lock, token }) = self.late.take() else { return Ok(()) };
        let last = self.locks[lock as usize].token;
        let what = format!(
            "the late write of attempt {} with token {token} of lock {lock} is not fenced off, though token {last} was given since",
            attempt.0
        );
        Err(Broken::new(Rule::FencingTokens, what).of_task(task))
    }
}
