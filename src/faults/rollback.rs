//! Rollback: when a task fails for good, all that was done of its job is undone, in reverse order.
//!
//! Source: sagas; Garcia-Molina and Salem, SIGMOD 1987: every step of a long transaction has a compensation
//! that undoes it; when a step fails those of the steps before it run, each once, the last first. Here a saga
//! is a job, a task on its own a job of one. A compensation is a task that the scheduler treats as any other.
//!
//! As soon as a task ends in error or timeout, or is rejected, what has not settled of its job is cancelled.
//! A compensation is submitted once those of all tasks are done that waited for the one it undoes. Where
//! several may run side by side, as in a fork, they do.
//!
//! Kept: every task of jobs that are not settled, and undone if they must be. Cost: O(log n) per task among n
//! of them, and per dependency of a job that is undone.

use std::collections::{BTreeMap, VecDeque};

use crate::distribution::Distribution;
use crate::ids::TaskId;
use crate::random::{Purpose, StreamKey, Streams};
use crate::scheduler::details::{NO_JOB, NO_KEY};
use crate::scheduler::{Ended, Record, TaskDetails, TaskSpec, TaskState};
use crate::time::{Time, billionths};

/// How much work it is to undo a task.
#[derive(Clone, Debug, PartialEq)]
pub enum UndoWork {
    /// This share of the work of the task, above 0.
    Share(f64),
    /// Units of work, drawn for each task.
    Drawn(Distribution),
}

/// Which tasks leave something that must be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoes {
    /// All that were started: also an attempt that failed, or was stopped, has had effects.
    Started,
    /// Those that completed: an attempt that fails leaves nothing behind.
    Completed,
}

/// How failed jobs are undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollback {
    /// How much work it is to undo a task.
    pub work: UndoWork,
    /// Which tasks are undone.
    pub undoes: Undoes,
    /// Failed attempts before a compensation is given up; `None` for no limit.
    pub max_attempts: Option<u32>,
    /// Probability that an attempt of a compensation fails.
    pub failure_probability: f64,
    /// Urgency of compensations; `None` for that of the task that is undone.
    pub priority: Option<f64>,
}

/// A task that undoes another, ready to be submitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compensation {
    /// Its number: the number of the task that it undoes, behind those of all tasks.
    pub number: u32,
    /// What the scheduler is told of it.
    pub spec: TaskSpec,
    /// And what else.
    pub details: TaskDetails,
    /// Its work in billionths of a unit.
    pub work: u64,
}

/// A task of a job.
#[derive(Clone, Debug)]
struct Member {
    task: TaskId,
    job: u32,
    spec: TaskSpec,
    details: TaskDetails,
    work: u64,
    parents: Vec<u32>,
    settled: bool,
    completed: bool,
    /// Whether it has left something to be undone.
    marked: bool,
    /// Of the tasks that wait for it, how many are yet to be undone.
    before: u32,
}

/// A job.
#[derive(Clone, Debug, Default)]
struct Saga {
    /// Numbers of the tasks that have arrived.
    members: Vec<u32>,
    /// Tasks that are not settled, or have not arrived.
    left: u32,
    /// Tasks that have arrived and are not settled.
    open: u32,
    /// The first task that failed, if one did.
    failed: Option<u32>,
    begun: bool,
    /// Compensations that were submitted, or are about to be, and are not settled.
    under_way: u32,
}

/// All jobs of one run, as a driver keeps them.
#[derive(Clone, Debug)]
pub struct Sagas {
    rollback: Rollback,
    draws: StreamKey,
    /// The first number that no task of the workload has.
    from: u32,
    sagas: BTreeMap<u32, Saga>,
    members: BTreeMap<u32, Member>,
    cancelled: VecDeque<TaskId>,
    ready: VecDeque<u32>,
    records: VecDeque<Record>,
}

impl Sagas {
    /// No job yet, in the world of `streams`; no task has the number `from` or a greater one.
    pub fn new(rollback: &Rollback, from: u32, streams: Streams) -> Sagas {
        Sagas {
            rollback: rollback.clone(),
            draws: streams.key(Purpose::Compensation),
            from,
            sagas: BTreeMap::new(),
            members: BTreeMap::new(),
            cancelled: VecDeque::new(),
            ready: VecDeque::new(),
            records: VecDeque::new(),
        }
    }

    /// Whether the task with this number undoes another.
    pub fn is_compensation(&self, number: u32) -> bool {
        number >= self.from
    }

    /// A task of the workload arrives that waits for `parents`; `job_tasks` says how many its job has.
    pub fn arrives(
        &mut self,
        task: TaskId,
        spec: TaskSpec,
        details: TaskDetails,
        work: u64,
        (parents, job_tasks): (&[u32], u32),
    ) {
        // Jobs and tasks that stand alone are not found in one workload.
        let job = if details.job == NO_JOB { task.number } else { details.job };
        let saga = self.sagas.entry(job).or_insert_with(|| Saga { left: job_tasks, ..Saga::default() });
        saga.members.push(task.number);
        saga.open += 1;
        if saga.failed.is_some() {
            self.cancelled.push_back(task);
        }
        let parents = parents.to_vec();
        let (settled, completed, marked, before) = (false, false, false, 0);
        let member = Member { task, job, spec, details, work, parents, settled, completed, marked, before };
        self.members.insert(task.number, member);
    }

    /// A task is settled, be it one that undoes another.
    pub fn ends(&mut self, ended: &Ended) {
        let Ended { task, state, started } = *ended;
        if let Some(undone) = task.number.checked_sub(self.from) {
            return self.compensated(undone, state == TaskState::Completed);
        }
        let Some(member) = self.members.get_mut(&task.number) else { return };
        member.settled = true;
        member.completed = state == TaskState::Completed;
        member.marked = member.completed || (started && self.rollback.undoes == Undoes::Started);
        let job = member.job;
        let Some(saga) = self.sagas.get_mut(&job) else { return };
        saga.left -= 1;
        saga.open -= 1;
        let fails = matches!(state, TaskState::Error | TaskState::Timeout | TaskState::Rejected);
        if fails && saga.failed.is_none() {
            saga.failed = Some(task.number);
            let open = saga.members.iter().filter_map(|number| self.members.get(number));
            self.cancelled.extend(open.filter(|member| !member.settled).map(|member| member.task));
        }
        self.proceed(job);
    }

    /// The next task that is to be cancelled, if there is one.
    pub fn next_cancelled(&mut self) -> Option<TaskId> {
        self.cancelled.pop_front()
    }

    /// The next compensation that is to be submitted, if there is one: to be asked for once nothing is to be
    /// cancelled. `None` within when its work does not fit.
    pub fn next_compensation(&mut self) -> Option<Result<Compensation, u32>> {
        let undone = self.ready.pop_front()?;
        let member = self.members.get(&undone)?;
        Some(self.compensation(undone, member).ok_or(undone))
    }

    /// The next thing to write down, if there is one.
    pub fn next_record(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    fn compensation(&self, undone: u32, member: &Member) -> Option<Compensation> {
        let scaled = |work: u64, share: f64| {
            let scaled = work as f64 * share;
            (scaled < u64::MAX as f64).then_some((scaled.round() as u64).max(1))
        };
        let (work, estimate) = match &self.rollback.work {
            UndoWork::Share(share) => (scaled(member.work, *share)?, scaled(member.spec.estimate, *share)?),
            UndoWork::Drawn(drawn) => {
                let work = billionths(drawn.sample(&mut self.draws.stream(u64::from(undone))))?;
                (work, work)
            }
        };
        let number = self.from + undone;
        let key = if member.details.key == NO_KEY { u64::from(undone) } else { member.details.key };
        let details = TaskDetails {
            number,
            deadline: Time::NEVER,
            gives_up: Time::NEVER,
            failure_probability: self.rollback.failure_probability,
            key,
            upward_rank: estimate,
            job: NO_JOB,
            parents: 0,
            ..member.details
        };
        let priority = self.rollback.priority.unwrap_or(member.spec.priority);
        let spec = TaskSpec { estimate, priority, ..member.spec };
        Some(Compensation { number, spec, details, work })
    }

    /// What follows from a change of a job: it begins to be undone, or is done with.
    fn proceed(&mut self, job: u32) {
        let Some(saga) = self.sagas.get_mut(&job) else { return };
        if saga.failed.is_some() && saga.open == 0 && !saga.begun {
            saga.begun = true;
            self.begin(job);
        }
        let Some(saga) = self.sagas.get(&job) else { return };
        if saga.left == 0 && saga.under_way == 0 {
            for number in &saga.members {
                self.members.remove(number);
            }
            self.sagas.remove(&job);
        }
    }

    /// All of the job has settled, and not all of it completed: those are undone first for whom nobody waited.
    fn begin(&mut self, job: u32) {
        let Some(saga) = self.sagas.get_mut(&job) else { return };
        let marked = |number: &u32| self.members.get(number).is_some_and(|member| member.marked);
        let mut undone: Vec<u32> = saga.members.iter().copied().filter(marked).collect();
        for number in &undone {
            let parents = self.members.get_mut(number).map(|member| std::mem::take(&mut member.parents));
            let parents = parents.unwrap_or_default();
            for parent in &parents {
                if let Some(parent) = self.members.get_mut(parent) {
                    parent.before += 1;
                }
            }
            if let Some(member) = self.members.get_mut(number) {
                member.parents = parents;
            }
        }
        if let (Some(task), false) = (saga.failed, undone.is_empty()) {
            self.records.push_back(Record::RollingBack { task, tasks: undone.len() as u32 });
        }
        undone.sort_unstable_by(|a, b| b.cmp(a));
        undone.retain(|number| self.members.get(number).is_some_and(|member| member.before == 0));
        saga.under_way += undone.len() as u32;
        self.ready.extend(undone);
    }

    /// A compensation is settled. If it was given up, what would have followed it stays as it is.
    fn compensated(&mut self, undone: u32, completed: bool) {
        let Some(member) = self.members.get_mut(&undone) else { return };
        let (job, parents) = (member.job, std::mem::take(&mut member.parents));
        let was_completed = member.completed;
        let mut next = Vec::new();
        if completed {
            self.records.push_back(Record::Undone { task: undone, completed: was_completed });
            for number in parents {
                if let Some(parent) = self.members.get_mut(&number) {
                    parent.before -= 1;
                    if parent.before == 0 {
                        next.push(number);
                    }
                }
            }
        }
        next.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(saga) = self.sagas.get_mut(&job) {
            saga.under_way = saga.under_way + next.len() as u32 - 1;
        }
        self.ready.extend(next);
        self.proceed(job);
    }
}
