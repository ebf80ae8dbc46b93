//! What is written down: every transition of every task and node, as it happens.
//!
//! Records are for those who watch (metrics, logs, traces); the scheduler never reads them.

use super::alarms::AlarmRule;
use super::breaker::BreakerState;
use super::event::{ClosedBy, Outcome};
use super::task::TaskState;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::time::{Duration, Time};

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
    /// A result was refused: its attempt no longer counts.
    Refused {
        /// The task it spoke of.
        task: TaskId,
        /// The attempt it spoke of.
        attempt: AttemptNumber,
        /// Where it came from.
        node: NodeId,
    },
}

/// Somebody who watches. Tuples of observers are observers, without dynamic dispatch.
pub trait Observer {
    /// Called for every record, in order.
    fn on_record(&mut self, now: Time, record: &Record);

    /// A record about this node will probably come soon: what is kept by node may be fetched from
    /// memory. A hint for speed.
    #[inline]
    fn fetch_node(&self, node: NodeId) {
        let _ = node;
    }
}

impl Observer for () {
    #[inline(always)]
    fn on_record(&mut self, _: Time, _: &Record) {}
}

impl<O: Observer> Observer for &mut O {
    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        (**self).on_record(now, record);
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        self.0.on_record(now, record);
        self.1.on_record(now, record);
    }

    #[inline]
    fn fetch_node(&self, node: NodeId) {
        self.0.fetch_node(node);
        self.1.fetch_node(node);
    }
}

impl<O: Observer> Observer for Option<O> {
    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        if let Some(observer) = self {
            observer.on_record(now, record);
        }
    }
}

impl Observer for Vec<(Time, Record)> {
    fn on_record(&mut self, now: Time, record: &Record) {
        self.push((now, *record));
    }
}
