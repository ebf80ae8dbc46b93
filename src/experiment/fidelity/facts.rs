//! What a scheduler was told and what it decided, in words that two histories share.

use std::fmt;

use crate::scheduler::{Outcome, Record};

/// One of the two histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The simulation.
    Simulated,
    /// The live run.
    Live,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Simulated => Side::Live,
            Side::Live => Side::Simulated,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Simulated => "the simulation",
            Side::Live => "live",
        })
    }
}

/// A fact, without what differs between two drivers of the same scenario (slots, times).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A task arrived.
    Arrival {
        /// Its number.
        task: u32,
    },
    /// An attempt ended by itself.
    End {
        /// Number of the task.
        task: u32,
        /// Which attempt.
        attempt: u32,
        /// Index of the node.
        node: u32,
        /// Whether it failed.
        failed: bool,
    },
    /// An attempt was lost with its node.
    Loss {
        /// Number of the task.
        task: u32,
        /// Which attempt.
        attempt: u32,
        /// Index of the node.
        node: u32,
    },
    /// A task came back after its attempt failed or was lost.
    Return {
        /// Number of the task.
        task: u32,
    },
    /// A node came up.
    NodeUp {
        /// Its index.
        node: u32,
    },
    /// A node went down.
    NodeDown {
        /// Its index.
        node: u32,
    },
}

impl Fact {
    /// The fact that a record tells the scheduler, if it tells one.
    pub fn of(record: &Record) -> Option<Fact> {
        Some(match *record {
            Record::Submitted { task, .. } => Fact::Arrival { task: task.number },
            Record::Finished { task, attempt, node, outcome, .. } => Fact::End {
                task: task.number,
                attempt: attempt.0,
                node: node.0,
                failed: outcome != Outcome::Success,
            },
            Record::Lost { task, attempt, node, .. } => {
                Fact::Loss { task: task.number, attempt: attempt.0, node: node.0 }
            }
            Record::Returned { task, .. } => Fact::Return { task: task.number },
            Record::NodeJoined { node } => Fact::NodeUp { node: node.0 },
            Record::NodeLost { node } => Fact::NodeDown { node: node.0 },
            // The scheduler knows nothing of a failure before the node is lost.
            Record::NodeFailed { .. } | Record::RanInVain { .. } => return None,
            // It says no more than the loss that follows.
            Record::Suspected { .. } | Record::DeclaredDead { .. } => return None,
            // It says no more than the end or the loss that follows.
            Record::Released { .. } => return None,
            // What the scheduler does itself is no fact it is told.
            Record::Interrupted { .. } | Record::Stolen { .. } => return None,
            Record::Dispatched { .. } | Record::Settled { .. } | Record::Refused { .. } => return None,
            Record::InJob { .. } | Record::TimedOut { .. } | Record::RetryDenied { .. } => return None,
            Record::Stopped { .. } | Record::RollingBack { .. } | Record::Undone { .. } => return None,
            Record::Saved { .. } | Record::Alarm { .. } => return None,
            // Another attempt of the same task has ended: that is the fact.
            Record::CopyDispatched { .. } | Record::CopyWon { .. } | Record::Outrun { .. } => return None,
            // Live runs have none.
            Record::LeaderLost { .. } | Record::LeaderElected { .. } | Record::SubmissionHeld { .. } => {
                return None;
            }
            // What matters of it is that the node comes up, and what the scheduler does itself.
            Record::NodeEntered { .. } | Record::NodeLeft { .. } => return None,
            Record::Scaled { .. } | Record::Moved { .. } => return None,
            // Known by what starts elsewhere.
            Record::NodeClosed { .. }
            | Record::NodeOpened { .. }
            | Record::BreakerChanged { .. }
            | Record::LockGranted { .. }
            | Record::LeaseExpired { .. }
            | Record::WriteFenced { .. } => {
                return None;
            }
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Arrival { task } => write!(f, "the arrival of task {task}"),
            Fact::End { task, node, failed: false, .. } => write!(f, "the end of task {task} on node {node}"),
            Fact::End { task, node, failed: true, .. } => {
                write!(f, "the failure of task {task} on node {node}")
            }
            Fact::Loss { task, node, .. } => write!(f, "the loss of task {task} with node {node}"),
            Fact::Return { task } => write!(f, "the return of task {task}"),
            Fact::NodeUp { node } => write!(f, "the join of node {node}"),
            Fact::NodeDown { node } => write!(f, "the loss of node {node}"),
        }
    }
}

/// A start that was decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Seconds of the scenario since the first arrival.
    pub time: f64,
    /// Number of the task.
    pub task: u32,
    /// Which attempt.
    pub attempt: u32,
    /// Index of the node.
    pub node: u32,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.task)?;
        if self.attempt > 1 {
            write!(f, " (attempt {})", self.attempt)?;
        }
        write!(f, " on node {}", self.node)
    }
}

/// The difference in what two sides knew before they decided differently. Gaps are seconds of the
/// scenario, at least 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Why {
    /// They learned of two facts in opposite order.
    Order {
        /// What the live run learned of first.
        live_first: Fact,
        /// What the simulation learned of first.
        simulated_first: Fact,
        /// From the one to the other in the live run.
        live_gap: f64,
        /// From the other to the one in the simulation.
        simulated_gap: f64,
    },
    /// One side learned of a fact that is nowhere in the other's history from there on.
    Only {
        /// That side.
        known_to: Side,
        /// The fact.
        fact: Fact,
        /// When, in seconds since the first arrival.
        time: f64,
    },
    /// One side knew of a fact when it decided, and the other did not yet.
    Ahead {
        /// The side that knew.
        known_to: Side,
        /// The fact.
        fact: Fact,
        /// How long after its decision the other learned of it; `None` when it never did.
        later: Option<f64>,
    },
    /// The same facts in the same order, but one side took two of them in at one instant and
    /// decided once, and the other decided in between.
    Grouping {
        /// The side that took them in together.
        together: Side,
        /// The first of them.
        first: Fact,
        /// The second of them.
        second: Fact,
        /// How far apart they were on the other side.
        gap: f64,
    },
    /// One side decided nothing more, though it had learned of the same facts.
    Ended {
        /// That side.
        side: Side,
    },
    /// The facts, their order and their grouping are the same: what is left are ends of pauses
    /// before retries, which are no facts, and state of the policy itself.
    Unknown,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Why::Order { live_first, simulated_first, live_gap, simulated_gap } => write!(
                f,
                "live learned of {live_first} before {simulated_first}, {}; the simulation saw them the other \
                 way round, {}",
                Gap(live_gap).earlier(),
                Gap(simulated_gap).apart(),
            ),
            Why::Only { known_to, fact, time } => {
                write!(f, "{known_to} learned of {fact} at {time:.3} s; {} did not", known_to.other())
            }
            Why::Ahead { known_to, fact, later: Some(later) } => write!(
                f,
                "{known_to} knew of {fact} when it decided; {} learned of it {} after its decision",
                known_to.other(),
                Gap(later),
            ),
            Why::Ahead { known_to, fact, later: None } => {
                write!(f, "{known_to} knew of {fact} when it decided; {} never did", known_to.other())
            }
            Why::Grouping { together, first, second, gap } => write!(
                f,
                "{together} took in {first} and {second} at one instant; {} decided between them, {}",
                together.other(),
                Gap(gap).apart(),
            ),
            Why::Ended { side } => write!(f, "{side} decided nothing more, though it knew the same facts"),
            Why::Unknown => f.write_str(
                "both knew the same facts in the same order; the end of a pause before a retry or the \
                 policy's own state differed",
            ),
        }
    }
}

/// A short span of time for people: `0.8 ms`, `12 s`.
struct Gap(f64);

impl Gap {
    fn earlier(&self) -> String {
        if self.0 > 0.0 { format!("{self} earlier") } else { "at the same instant".to_string() }
    }

    fn apart(&self) -> String {
        if self.0 > 0.0 { format!("{self} apart") } else { "at the same instant".to_string() }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = if self.0.abs() < 1.0 { (self.0 * 1e3, "ms") } else { (self.0, "s") };
        // Two or three digits tell enough of a gap.
        let decimals = match value.abs() {
            0.0..0.1 => 3,
            0.1..10.0 => 1,
            _ => 0,
        };
        write!(f, "{value:.decimals$} {unit}")
    }
}
