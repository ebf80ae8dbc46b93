//! Locks: a task may need a named lock, which one task holds at a time, from before it starts until it is
//! settled or gives way to others.
//!
//! A task that cannot have its lock waits in the lock's own line, by its place among arrivals, and in no
//! queue, so it keeps nobody else waiting. When the lock is given back the first in line has it, and
//! enters its queue. It keeps the lock while it waits there, runs, is interrupted, and is tried again at
//! once; a pause before it is tried again gives the lock back.
//!
//! **Leases.** The lock of a task whose node is lost is not free: what runs there may still write. It is
//! held for the time of the lease, counted from when the node was last believed there, and only then given
//! to the next in line, which may be the same task. **Fencing.** Every grant has a token, larger than all
//! before it of the same lock. The result of an attempt that lost its lease is refused; when somebody else
//! has had the lock since, it is a write that a store with the larger token would have refused, and is
//! counted.
//!
//! Source: leases by Gray and Cheriton 1989; sequencers by Burrows (Chubby) 2006; fencing tokens by
//! Kleppmann, "How to do distributed locking", 2016. Cost: O(log n) per task that waits among n in a line,
//! O(1) otherwise. Workloads without locks have no tables for them.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::details::NO_LOCK;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::sabotage::Sabotage;
use super::task::TaskState;
use super::timers::Alarm;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::structures::ensure::{ensure, ensure_eq};
use crate::structures::heap::Heap;
use crate::time::{Duration, Time};

/// Attempts that lost their lease and are remembered, so that their late results are told from others.
const REMEMBERED: usize = 256;

/// How locks work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockPlan {
    /// How long the lock of a task whose node is lost is still held.
    pub lease: Duration,
}

/// Who has a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    Task(TaskId),
    /// Somebody whose node was lost, until this instant.
    Lost(Time),
}

#[derive(Clone, Debug)]
struct Lock {
    holder: Holder,
    /// Token of the last grant.
    token: u64,
    /// Numbers and slots of those that wait; some may have left.
    line: Heap,
}

/// The lease that an attempt lost, with its node or because it took too long.
#[derive(Clone, Copy, Debug)]
struct LostLease {
    task: TaskId,
    attempt: AttemptNumber,
    lock: u32,
    token: u64,
}

/// All locks.
#[derive(Clone, Debug)]
pub(super) struct Locks {
    plan: LockPlan,
    /// By name.
    locks: Vec<Lock>,
    /// By slot: since when the task waits for its lock; `Time::NEVER` when it does not.
    since: Vec<Time>,
    lost: VecDeque<LostLease>,
}

impl Locks {
    pub(super) fn new(plan: LockPlan) -> Self {
        Locks { plan, locks: Vec::new(), since: Vec::new(), lost: VecDeque::new() }
    }

    fn reach(&mut self, lock: u32, slot: u32) -> &mut Lock {
        if slot as usize >= self.since.len() {
            self.since.resize(slot as usize + 1, Time::NEVER);
        }
        if lock as usize >= self.locks.len() {
            let free = || Lock { holder: Holder::Nobody, token: 0, line: Heap::new() };
            self.locks.resize_with(lock as usize + 1, free);
        }
        &mut self.locks[lock as usize]
    }

    fn remember(&mut self, lease: LostLease) {
        if self.lost.len() == REMEMBERED {
            self.lost.pop_front();
        }
        self.lost.push_back(lease);
    }

    fn waits(&self, slot: u32) -> bool {
        self.since.get(slot as usize).is_some_and(|since| *since != Time::NEVER)
    }
}

impl<P: Policy> Scheduler<P> {
    /// The lock that the task needs, where there are locks.
    fn lock_of(&self, slot: u32) -> Option<u32> {
        self.guards.locks.as_ref()?;
        let lock = self.tasks.view(slot).details().lock;
        (lock != NO_LOCK).then_some(lock)
    }

    /// A task is about to enter a queue: gives whether it must wait for its lock instead.
    pub(super) fn must_wait_for_lock<O: Observer>(&mut self, now: Time, slot: u32, observer: &mut O) -> bool {
        let Some(name) = self.lock_of(slot) else { return false };
        let task = self.tasks.id(slot);
        let Some(locks) = &mut self.guards.locks else { return false };
        let lock = locks.reach(name, slot);
        match lock.holder {
            Holder::Task(holder) if holder == task => return false,
            Holder::Nobody => {
                (lock.holder, lock.token) = (Holder::Task(task), lock.token + 1);
                let token = lock.token;
                let waited = Duration::ZERO;
                observer.on_record(now, &Record::LockGranted { task, lock: name, token, waited });
                return false;
            }
            Holder::Task(_) | Holder::Lost(_) => {}
        }
        lock.line.push(u128::from(task.number) << 32 | u128::from(slot));
        locks.since[slot as usize] = now;
        self.tasks.hot[slot as usize].set_state(TaskState::Blocked);
        self.counts.away += 1;
        true
    }

    /// The task holds no lock any more, and waits for none: it is settled, or is away for a while.
    pub(super) fn give_up_lock<O: Observer>(&mut self, now: Time, slot: u32, observer: &mut O) {
        let Some(name) = self.lock_of(slot) else { return };
        let task = self.tasks.id(slot);
        let Some(locks) = &mut self.guards.locks else { return };
        let lock = locks.reach(name, slot);
        let held = lock.holder == Holder::Task(task);
        locks.since[slot as usize] = Time::NEVER;
        if held {
            self.pass_lock_on(now, name, observer);
        }
    }

    /// The lock is free: the first that waits for it has it.
    fn pass_lock_on<O: Observer>(&mut self, now: Time, name: u32, observer: &mut O) {
        let Some(locks) = &mut self.guards.locks else { return };
        locks.locks[name as usize].holder = Holder::Nobody;
        while let Some(entry) = locks.locks[name as usize].line.pop() {
            let (number, slot) = ((entry >> 32) as u32, entry as u32);
            let task = &mut self.tasks.hot[slot as usize];
            if task.number != number || task.state != TaskState::Blocked || !locks.waits(slot) {
                continue;
            }
            let waited = now.since(std::mem::replace(&mut locks.since[slot as usize], Time::NEVER));
            let lock = &mut locks.locks[name as usize];
            let id = TaskId { slot, number };
            (lock.holder, lock.token) = (Holder::Task(id), lock.token + 1);
            let token = lock.token;
            task.set_state(TaskState::Waiting);
            self.counts.away -= 1;
            observer.on_record(now, &Record::LockGranted { task: id, lock: name, token, waited });
            self.accept(slot);
            self.enqueue(now, slot);
            return;
        }
    }

    /// The node of the attempt is lost, and with it the lease: it is held until it must have run out.
    pub(super) fn lose_lease(&mut self, now: Time, slot: u32) {
        let Some(name) = self.lock_of(slot) else { return };
        let task = self.tasks.id(slot);
        let attempt = AttemptNumber(self.tasks.hot[slot as usize].attempts);
        let leaseless = self.lacks(Sabotage::Leases);
        let Some(locks) = &mut self.guards.locks else { return };
        let until = if leaseless { now } else { Time(now.0.saturating_add(locks.plan.lease.0)) };
        let lock = locks.reach(name, slot);
        if lock.holder != Holder::Task(task) {
            return;
        }
        lock.holder = Holder::Lost(until);
        let token = lock.token;
        locks.remember(LostLease { task, attempt, lock: name, token });
        self.timers.set(until, Alarm::Lease, name, 0);
    }

    /// The attempt of a task is stopped for good, and may still write if its node is not told in time.
    pub(super) fn remember_write(&mut self, slot: u32) {
        let Some(name) = self.lock_of(slot) else { return };
        let task = self.tasks.id(slot);
        let attempt = AttemptNumber(self.tasks.hot[slot as usize].attempts);
        let Some(locks) = &mut self.guards.locks else { return };
        let token = locks.reach(name, slot).token;
        locks.remember(LostLease { task, attempt, lock: name, token });
    }

    /// A lease of this lock has run out, unless it was another.
    pub(super) fn lease_ends<O: Observer>(&mut self, now: Time, due: Time, name: u32, observer: &mut O) {
        let lock = self.guards.locks.as_ref().and_then(|locks| locks.locks.get(name as usize));
        if lock.is_some_and(|lock| lock.holder == Holder::Lost(due)) {
            observer.on_record(now, &Record::LeaseExpired { lock: name });
            self.pass_lock_on(now, name, observer);
        }
    }

    /// The result of an attempt was refused: whether it lost a lease that somebody else has had since.
    pub(super) fn fence<O: Observer>(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        observer: &mut O,
    ) {
        let Some(locks) = &self.guards.locks else { return };
        let lease = locks.lost.iter().rev().find(|lease| (lease.task, lease.attempt) == (task, attempt));
        let Some(&LostLease { lock, token, .. }) = lease else { return };
        if locks.locks[lock as usize].token > token && !self.lacks(Sabotage::FencingTokens) {
            observer.on_record(now, &Record::WriteFenced { task, attempt, node, lock, token });
        }
    }

    /// Whether the task in this slot waits for its lock.
    pub(super) fn waits_for_lock(&self, slot: u32) -> bool {
        self.guards.locks.as_ref().is_some_and(|locks| locks.waits(slot))
    }

    /// Of all that could start or that run, none needs a lock that it does not hold: so no two hold one.
    pub(super) fn check_locks(&self) -> Result<(), String> {
        let Some(locks) = &self.guards.locks else { return Ok(()) };
        for (slot, task) in self.tasks.hot.iter().enumerate() {
            let slot = slot as u32;
            let Some(name) = self.lock_of(slot) else { continue };
            let Some(lock) = locks.locks.get(name as usize) else { continue };
            let holds = lock.holder == Holder::Task(self.tasks.id(slot));
            match task.state {
                TaskState::Waiting | TaskState::Running => ensure!(holds, "lock {name} of {}", task.number),
                // Until it knows whether it is tried again, a task is as if it ran.
                TaskState::Backoff if self.asks_for_retry(slot) => {}
                _ => ensure!(!holds, "task {} keeps lock {name}", task.number),
            }
            if locks.waits(slot) {
                ensure_eq!(task.state, TaskState::Blocked, "task {} waits for {name}", task.number);
                ensure!(lock.holder != Holder::Nobody, "lock {name} is free");
                let entry = u128::from(task.number) << 32 | u128::from(slot);
                ensure!(lock.line.iter().any(|waiting| waiting == entry), "the line of lock {name}");
            }
        }
        Ok(())
    }
}
