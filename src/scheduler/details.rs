//! What only some workloads say of a task. It stands in a column of its own, which other workloads do
//! not have.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What only some workloads say of a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDetails {
    /// The task's number: details are those of this task alone.
    pub number: u32,
    /// Share under weighted time slices and fair share.
    pub weight: f64,
    /// When it should be settled; `Time::NEVER` without a deadline.
    pub deadline: Time,
    /// When it leaves unless it has started; `Time::NEVER` when it waits as long as it must.
    pub gives_up: Time,
    /// Probability that an attempt fails, as far as it is known.
    pub failure_probability: f64,
    /// What it is about: tasks of one key belong together. [`NO_KEY`] when it does not say: it is
    /// about itself.
    pub key: u64,
    /// Work on the longest path from here to the end of its job, itself included, as estimated, in
    /// billionths of a unit.
    pub upward_rank: u64,
    /// Who submitted it.
    pub user: u32,
    /// Index of what it demands besides slots, in the cluster's table of demands.
    pub demand: u32,
    /// The job it is part of: tasks that wait for each other are of one job. `NO_JOB` when it stands
    /// alone, and no task that arrives after it has settled waits for it.
    pub job: u32,
    /// How many tasks must complete before it may start; the driver names them right after it is
    /// submitted.
    pub parents: u32,
    /// Number of the lock that it needs while it runs. [`NO_LOCK`] when it needs none.
    pub lock: u32,
    /// Index of the zone it comes from.
    pub zone: u16,
    /// How many bytes it is, where it waits. [`NO_SIZE`] when it does not say.
    #[serde(default = "no_size")]
    pub size: u64,
}

fn no_size() -> u64 {
    NO_SIZE
}

/// The key of a task that does not say what it is about.
pub const NO_KEY: u64 = u64::MAX;
/// The lock of a task that needs none.
pub const NO_LOCK: u32 = u32::MAX;
/// The size of a task that does not say how large it is.
pub const NO_SIZE: u64 = u64::MAX;
/// The job of a task that is part of none.
pub const NO_JOB: u32 = u32::MAX;

/// The details of a task that says nothing.
pub const NO_DETAILS: TaskDetails = TaskDetails {
    number: u32::MAX,
    weight: 1.0,
    deadline: Time::NEVER,
    gives_up: Time::NEVER,
    failure_probability: 0.0,
    key: NO_KEY,
    upward_rank: 0,
    user: 0,
    demand: 0,
    job: NO_JOB,
    parents: 0,
    lock: NO_LOCK,
    zone: 0,
    size: NO_SIZE,
};

impl Default for TaskDetails {
    fn default() -> Self {
        NO_DETAILS
    }
}
