//! What coordinator and workers say to each other: the core's own events and commands, and what it
//! takes to know who is who.

use serde::{Deserialize, Serialize};

use super::link::Life;
use crate::ids::NodeId;
use crate::scheduler::{Command, Event, Outcome};

/// How an attempt spends its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// It waits.
    Timer,
    /// It burns processor time.
    Spin,
}

/// What a worker does for an attempt. The scheduler does not know it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Real nanoseconds it takes.
    pub nanos: u64,
    /// What to report as the undisturbed service time, in nanoseconds of the scenario.
    pub service: u64,
    /// How it ends.
    pub outcome: Outcome,
    /// How it spends its time.
    pub work: Work,
}

/// How many heartbeats are planned for a worker at a time.
pub const BEATS: usize = 8;

/// What the coordinator says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The worker is known and may work.
    Welcome,
    /// A command of the scheduler: `StartAttempt` with a job, `StopAttempt` without.
    Command {
        /// The command.
        command: Command,
        /// The job.
        job: Option<Job>,
    },
    /// All attempts are given up: the scheduler believed the worker lost.
    Reset,
    /// Asks for a [`ToCoordinator::Pong`].
    Ping {
        /// The coordinator's clock, given back.
        sent: u64,
    },
    /// There is nothing more to do.
    Shutdown,
    /// How fast the node is from now on.
    Pace {
        /// Work takes so many times as long; above 0.
        slowness: f64,
        /// Real nanoseconds up to now in which the process was stopped: in them nothing was done.
        paused: u64,
    },
    /// When the worker is to send heartbeats.
    Heartbeats {
        /// Whether they are counted from now on, in place of all that were planned before; if not, they
        /// follow those.
        anew: bool,
        /// Real nanoseconds from each to the next.
        gaps: [u64; BEATS],
    },
}

/// What a worker says. Every frame of a connection carries the next number of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FromWorker {
    /// 0 for the first frame, one more for each later one.
    pub sequence: u64,
    /// The worker's clock when it was sent, in nanoseconds from any start.
    pub sent: u64,
    /// What it says.
    pub message: ToCoordinator,
}

/// What a worker says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToCoordinator {
    /// Who it is. First frame of a connection.
    Hello {
        /// Which node.
        node: NodeId,
        /// Which process of the node.
        life: Life,
        /// The secret of the run, which only its own workers know.
        secret: u128,
        /// Its process number.
        process: u32,
    },
    /// A fact for the scheduler: `AttemptStarted`, `AttemptFinished` or `Heartbeat`.
    Fact {
        /// The worker's clock when it happened.
        at: u64,
        /// The worker's clock when it should have happened: for an end, start + the job's time, longer
        /// by what the node was slow or stopped.
        due: u64,
        /// The fact.
        event: Event,
    },
    /// Answers a ping.
    Pong {
        /// From the ping.
        sent: u64,
    },
    /// It is alive. The coordinator itself listens for this, not the scheduler.
    Heartbeat,
}
