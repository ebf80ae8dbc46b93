//! What the scheduler is told: facts about tasks, attempts and nodes.

use serde::{Deserialize, Serialize};

use super::details::TaskDetails;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::Duration;

/// What a real scheduler could know of a task when it is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSpec {
    /// Estimated work in billionths of a unit (nanoseconds at speed 1). Never the true work,
    /// unless the scenario says that estimates are exact.
    pub estimate: u64,
    /// Larger is more urgent.
    pub priority: f64,
    /// Slots the task takes on its node, at least 1.
    pub slots: u32,
    /// Index of the task's class.
    pub class: u16,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The work is done.
    Success,
    /// The attempt failed, found at its end.
    Failure,
    /// The attempt reached the time its user requested and was ended there; the task is not tried
    /// again.
    Killed,
}

/// Who wants a node closed: it takes no new tasks while anybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClosedBy {
    /// It is drained: somebody wants it to run empty.
    Drain,
    /// A monitor suspects that it is gone.
    Monitor,
    /// Its circuit breaker: too many attempts failed there.
    Breaker,
}

impl ClosedBy {
    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// One fact. Facts of one instant are handed in one by one; then [`decide`] is called once.
///
/// [`decide`]: super::Scheduler::decide
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// What else is known of a task that is submitted next. Its slot must be free.
    TaskDescribed {
        /// The task.
        task: TaskId,
        /// What is known.
        details: TaskDetails,
    },
    /// A task arrived. Its slot must be free: new, or that of a settled task.
    TaskSubmitted {
        /// The task.
        task: TaskId,
        /// What is known of it.
        spec: TaskSpec,
    },
    /// A node reports that an attempt has really begun. Sent by drivers whose starts take time
    /// (see [`SchedulerConfig::starts_are_reported`](super::SchedulerConfig)).
    AttemptStarted {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// A node reports that an attempt ended.
    AttemptFinished {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// How it ended.
        outcome: Outcome,
        /// What the attempt takes on this node when nothing disturbs it: work / speed.
        service: Duration,
    },
    /// A node is there and can take tasks: it joined, or came up again.
    NodeJoined {
        /// The node.
        node: NodeId,
    },
    /// A node is gone, and with it all that ran there.
    NodeLost {
        /// The node.
        node: NodeId,
    },
    /// The instant that [`next_timer`](super::Scheduler::next_timer) named has come.
    TimerFired,
    /// A task that was submitted just now waits for another, which may arrive, or settle, before or
    /// after it. Sent as often as its details say that it has parents.
    DependencyDeclared {
        /// The task.
        task: TaskId,
        /// Number of the task it waits for.
        parent: u32,
    },
    /// A task that was submitted is no longer wanted: unless it is settled it ends in state cancelled,
    /// whatever it is doing. Only for schedulers whose tasks may leave (`Limits::tasks_give_up`), as those
    /// do where failed tasks are undone.
    TaskCancelled {
        /// The task.
        task: TaskId,
    },
    /// The run takes no more arrivals: tasks with this number and greater ones will never come. Sent
    /// when others may wait for them.
    ArrivalsEnded {
        /// Number of the first task that does not come.
        next: u32,
    },
    /// A node says that it is there. Sent to schedulers with a monitor; may be left out, which is what a
    /// monitor is for.
    Heartbeat {
        /// The node.
        node: NodeId,
    },
    /// A node is to take no new tasks from now on; what runs there goes on.
    NodeClosed {
        /// The node.
        node: NodeId,
        /// Who wants that.
        reason: ClosedBy,
        /// Whether what waits in its queue is placed anew; if not, it waits there.
        move_waiting: bool,
    },
    /// Somebody no longer wants the node closed; it is open when nobody does.
    NodeOpened {
        /// The node.
        node: NodeId,
        /// Who wanted it closed.
        reason: ClosedBy,
    },
    /// A node is to leave the cluster: it takes no new tasks from now on, and what waits there is placed
    /// anew. Once nothing runs there the driver is told to stop it.
    NodeLeaving {
        /// The node.
        node: NodeId,
    },
}
