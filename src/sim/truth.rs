//! What is true of tasks and of their attempts, as the driver keeps it.

use super::event_queue::EventNumber;
use crate::ids::{AttemptNumber, TaskId};
use crate::time::{Duration, Time};

/// What is true of an unsettled task, whatever the scheduler believes. Very many may wait: small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truth {
    pub(super) work: u64,
    /// Index of the probability that an attempt fails; nearly always there are few different ones.
    pub(super) fails: u32,
    /// Index of the attempt that was sent to a node last.
    pub(super) attempt: u32,
}

/// What is true of an attempt that was sent to a node. They are as few as the cluster has slots, and
/// all that its end needs is here.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Attempt {
    /// Its end in the event queue; `EventNumber::NONE` when it is over.
    pub(super) finish: EventNumber,
    pub(super) work: u64,
    pub(super) slot: u32,
    pub(super) number: u32,
    pub(super) attempt: u32,
    pub(super) node: u32,
}

impl Attempt {
    /// Whether this attempt of `task` has its place here, and is not over.
    pub(super) fn still_runs(&self, task: TaskId, attempt: AttemptNumber) -> bool {
        (self.number, self.attempt) == (task.number, attempt.0) && self.finish != EventNumber::NONE
    }
}

/// Of a task that was never sent to a node.
pub(super) const NO_ATTEMPT: u32 = u32::MAX;

/// More of the truth, which matters only when starts take time, or work survives its node or an
/// interruption.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Work still to be done: less than all of it only when an attempt was lost and its work kept.
    pub(super) left: u64,
    /// When the current attempt begins to work.
    pub(super) started: Time,
    /// That beginning in the event queue, while the attempt is on its way to the node.
    pub(super) begin: EventNumber,
    /// How often its node had changed when it set out: see `News`.
    pub(super) changes: u32,
    /// Whether the next start goes on with what is left of the last.
    pub(super) resumes: bool,
    /// Whether it does so because the last was interrupted: the attempt stays the same.
    pub(super) interrupted: bool,
    /// How many starts went on with an attempt that was interrupted.
    pub(super) resumptions: u32,
    /// Whether the current start went on with an attempt that was interrupted.
    pub(super) goes_on: bool,
    /// The work that is left when the current attempt fails before its end; 0 when it does not.
    pub(super) fails_at: u64,
    /// Whether the current attempt went on from a checkpoint.
    pub(super) restored: bool,
    /// Time until the last checkpoint of an attempt that has died with its node was written.
    pub(super) saved: Duration,
}

/// Why an attempt is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Its node is lost.
    Lost,
    /// It makes room, and goes on later.
    Interrupted,
    /// It took too long.
    Cancelled,
}

impl Course {
    pub(super) fn new(work: u64) -> Course {
        Course {
            left: work,
            started: Time::ZERO,
            begin: EventNumber::NONE,
            changes: 0,
            resumes: false,
            interrupted: false,
            resumptions: 0,
            goes_on: false,
            fails_at: 0,
            restored: false,
            saved: Duration::ZERO,
        }
    }
}
