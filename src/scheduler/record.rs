//! What is written down: every transition of every task and node, as it happens.
//!
//! Records are for those who watch (metrics, logs, traces); the scheduler never reads them.

use super::alarms::AlarmRule;
use super::breaker::BreakerState;
use super::event::{ClosedBy, Outcome};
use super::task::TaskState;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::{Duration, Time};

pub use super::observer::Observer;

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record {
    /// A task arrived and waits.
    Submitted {
        /// The task.
        task: TaskId,
        /// Index of its class.
        class: u16,
        /// The slots it takes.
        slots: u32,
    },
    /// A task that arrives is part of a job. Written by drivers, who alone know.
    InJob {
        /// The task.
        task: TaskId,
        /// Number of the job.
        job: u32,
        /// How many tasks the job has.
        tasks: u32,
        /// The time of its longest path of dependent tasks on the fastest node.
        shortest: Duration,
    },
    /// An attempt was sent to its node; the task no longer waits.
    Dispatched {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Attempts of this task that failed before.
        failures: u32,
        /// Whether it goes on with an attempt that was interrupted.
        resumed: bool,
    },
    /// An attempt was interrupted; its task waits, its work is kept.
    Interrupted {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Slot time it took since it started or went on, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
    },
    /// An attempt ended by itself.
    Finished {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// How.
        outcome: Outcome,
        /// Slot time it took, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
    },
    /// An attempt was stopped because it took too long, or its task did.
    TimedOut {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Slot time it took, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
    },
    /// An attempt was stopped because its task was cancelled.
    Stopped {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Slot time it took, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
    },
    /// All that was done of a job is undone from now on. Written by drivers, who alone know.
    RollingBack {
        /// Number of the task that failed.
        task: u32,
        /// How many tasks are to be undone.
        tasks: u32,
    },
    /// A task was undone. Written by drivers.
    Undone {
        /// Its number.
        task: u32,
        /// Whether it had completed.
        completed: bool,
    },
    /// A task is not tried again, though it has attempts left: there were too many retries.
    RetryDenied {
        /// The task.
        task: TaskId,
    },
    /// An attempt that was lost with its node has left a checkpoint. Written by drivers,
    /// who alone know.
    Saved {
        /// The task.
        task: TaskId,
        /// Where it ran.
        node: NodeId,
        /// Slot time until the checkpoint was written: it counts.
        saved: Duration,
    },
    /// An attempt was lost with its node.
    Lost {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Slot time it had taken, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
        /// Whether its work is kept.
        kept: bool,
    },
    /// An attempt is over, in whatever way, and no longer takes what its task demanded besides slots.
    /// Written only for tasks that demand named resources.
    Released {
        /// The task.
        task: TaskId,
        /// Where.
        node: NodeId,
        /// What was taken: a row of the cluster's table of demands.
        demand: u32,
        /// How long it was taken, as far as the scheduler knows.
        held: Duration,
    },
    /// A task whose attempt failed or was lost waits for its backoff to pass, or goes back into a
    /// queue.
    Returned {
        /// The task.
        task: TaskId,
        /// Whether the attempt failed, so that the next one is a retry; if not, it was lost.
        failed: bool,
    },
    /// A task that waited at one node waits at another now, which was idle and took it.
    Stolen {
        /// The task.
        task: TaskId,
        /// Where it waited.
        from: NodeId,
        /// Where it waits.
        to: NodeId,
    },
    /// A task's state is final.
    Settled {
        /// The task.
        task: TaskId,
        /// Its final state.
        state: TaskState,
        /// Whether it waited until now.
        waiting: bool,
        /// Whether it waited to be tried again after a failure: that retry does not take place.
        retry_due: bool,
        /// Index of its class.
        class: u16,
        /// When it arrived.
        arrival: Time,
        /// When it should have been settled; `Time::NEVER` without a deadline.
        deadline: Time,
        /// When its first attempt started, if one did.
        first_start: Option<Time>,
        /// Attempts started.
        attempts: u32,
        /// Node of its last attempt.
        node: Option<NodeId>,
        /// What its last attempt took, undisturbed.
        service: Duration,
    },
    /// A node came up.
    NodeJoined {
        /// The node.
        node: NodeId,
    },
    /// A node really went down, and the scheduler will know later. Written by drivers, who alone
    /// know; without it a node goes down when it is lost.
    NodeFailed {
        /// The node.
        node: NodeId,
    },
    /// A node is believed to be down.
    NodeLost {
        /// The node.
        node: NodeId,
    },
    /// A node has been silent for a while: it gets no new tasks until it is heard of.
    Suspected {
        /// The node.
        node: NodeId,
    },
    /// A node was silent for too long. That it is lost follows.
    DeclaredDead {
        /// The node.
        node: NodeId,
    },
    /// An attempt ran to its end though the scheduler had given it up: its node could not be told. Written
    /// by drivers, who alone know.
    RanInVain {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// A node that was open takes no new tasks from now on; what runs there goes on.
    NodeClosed {
        /// The node.
        node: NodeId,
        /// Who was the first to want that.
        reason: ClosedBy,
    },
    /// A closed node takes tasks again, if it is up.
    NodeOpened {
        /// The node.
        node: NodeId,
        /// Who was the last to want it closed.
        reason: ClosedBy,
    },
    /// The circuit breaker of a node, closed at first, is in another state.
    BreakerChanged {
        /// The node.
        node: NodeId,
        /// Its new state.
        state: BreakerState,
    },
    /// A task has the lock that it needs, and enters its queue.
    LockGranted {
        /// The task.
        task: TaskId,
        /// Number of the lock.
        lock: u32,
        /// Larger than those of all grants of the same lock before.
        token: u64,
        /// How long it waited for it.
        waited: Duration,
    },
    /// A lock whose holder was lost with its node is held no more.
    LeaseExpired {
        /// Number of the lock.
        lock: u32,
    },
    /// A result was refused, and its attempt had held a lock that another was given since.
    WriteFenced {
        /// The task it spoke of.
        task: TaskId,
        /// The attempt it spoke of.
        attempt: AttemptNumber,
        /// Where it came from.
        node: NodeId,
        /// Number of the lock.
        lock: u32,
        /// The token that it had; there is a larger one.
        token: u64,
    },
    /// An alarm is raised, or cleared.
    Alarm {
        /// What it is about.
        rule: AlarmRule,
        /// The node it is about; `None` for the whole cluster.
        node: Option<NodeId>,
        /// Raised, or cleared.
        raised: bool,
        /// Tasks that wait, losses of the node, or bad ends in the window.
        count: u64,
        /// All ends in the window, where there is one.
        of: u64,
    },
    /// The scheduler has no leader from now on: it hears nothing, and decides nothing. Written by drivers, who
    /// alone know.
    LeaderLost {
        /// The replica that led.
        replica: u32,
    },
    /// The scheduler has a leader again, who now hears what has happened. Written by drivers.
    LeaderElected {
        /// The replica that leads.
        replica: u32,
    },
    /// A task arrives while there is no leader, and is taken in once there is one: then it is written down
    /// that it was submitted, with the time when it really was. Written by drivers.
    SubmissionHeld {
        /// The task.
        task: TaskId,
    },
    /// A node that was not there belongs to the cluster from now on, up or not. Written by drivers, who alone
    /// know; nodes that are there at the start are not written down.
    NodeEntered {
        /// The node.
        node: NodeId,
    },
    /// A node that was drained, or was lost while it was, belongs to the cluster no longer.
    NodeLeft {
        /// The node.
        node: NodeId,
    },
    /// The autoscaler starts a node, which boots from now on, or lets one go, which is drained.
    Scaled {
        /// The node.
        node: NodeId,
        /// Whether it starts it.
        up: bool,
    },
    /// A task that waited at a node which is drained is placed anew.
    Moved {
        /// The task.
        task: TaskId,
        /// Where it waited.
        from: NodeId,
        /// How many bytes it is, if it says.
        size: Option<u64>,
    },
    /// A result was refused: its attempt no longer counts.
    Refused {
        /// The task it spoke of.
        task: TaskId,
        /// The attempt it spoke of.
        attempt: AttemptNumber,
        /// Where it came from.
        node: NodeId,
    },
    /// Another attempt of a task that runs was sent to a node, as the last one is late.
    CopyDispatched {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// The attempt of a task that succeeded was such a copy. That it finished follows.
    CopyWon {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// An attempt was stopped because another of the same task was first.
    Outrun {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Slot time it took, as far as the scheduler knows.
        busy: Duration,
        /// The slots it took.
        slots: u32,
    },
}

impl Record {
    /// The task whose course this is a step of, as far as figures of runs go by it.
    #[inline(always)]
    pub fn task(&self) -> Option<TaskId> {
        match *self {
            Record::Submitted { task, .. }
            | Record::Dispatched { task, .. }
            | Record::Interrupted { task, .. }
            | Record::Finished { task, .. }
            | Record::TimedOut { task, .. }
            | Record::Stopped { task, .. }
            | Record::Saved { task, .. }
            | Record::Lost { task, .. }
            | Record::Returned { task, .. }
            | Record::LockGranted { task, .. }
            | Record::Settled { task, .. } => Some(task),
            _ => None,
        }
    }
}
