//! Why a source of tasks stops before its end.

use std::fmt;

use super::{jobs, spawn};

/// Why a source of tasks stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceError {
    /// The task would arrive more than 584 years after the start.
    ArrivalTooLate {
        /// Number of the task.
        task: u32,
    },
    /// The work drawn for an attempt is infinite or more than 1.8e10 units.
    WorkTooLarge {
        /// Number of the task.
        task: u32,
        /// Attempt, counted from 1.
        attempt: u32,
    },
    /// The estimate of the work is infinite or more than 1.8e10 units.
    EstimateTooLarge {
        /// Number of the task.
        task: u32,
    },
    /// The task would spawn more tasks than any may.
    TooManyChildren {
        /// Number of the task.
        task: u32,
    },
    /// So many tasks were spawned that there are no numbers left for them.
    TooManySpawned,
    /// The job drawn has more tasks or dependencies than a job may have.
    JobTooLarge {
        /// Number of its first task.
        task: u32,
    },
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::ArrivalTooLate { task } => {
                write!(f, "task {task} would arrive more than 584 years after the start")
            }
            SourceError::WorkTooLarge { task, attempt } => {
                write!(f, "the work drawn for attempt {attempt} of task {task} is more than 1.8e10 units")
            }
            SourceError::EstimateTooLarge { task } => {
                write!(f, "the estimate of the work of task {task} is more than 1.8e10 units")
            }
            SourceError::TooManyChildren { task } => {
                let most = spawn::MOST_CHILDREN;
                write!(f, "task {task} would spawn more than {most} tasks")
            }
            SourceError::TooManySpawned => {
                f.write_str("tasks spawn others without end: there are more than 4,294,967,294")
            }
            SourceError::JobTooLarge { task } => {
                let most = jobs::MOST_TASKS;
                write!(
                    f,
                    "the job drawn for task {task} and those after it has more than {most} tasks, or too many dependencies"
                )
            }
        }
    }
}

impl std::error::Error for SourceError {}
