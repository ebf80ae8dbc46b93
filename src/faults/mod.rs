//! What breaks: nodes that go down and come up again, by chance or as planned; nodes that are slow, pause
//! or are cut off; messages that are lost; attempts that fail. And which nodes are there at all.

mod attempts;
mod clocks;
mod crew;
mod disturbances;
mod membership;
mod outages;
mod pace;
mod replicas;
mod rollback;
pub mod trace;

pub use attempts::{AttemptFates, AttemptFaults, FailurePoint};
pub use clocks::{Change, NodeClocks, Timers};
pub use disturbances::{
    Disturbance, DisturbanceClocks, DisturbanceStep, Disturbances, MessageLoss, PlannedDisturbance,
    RandomDisturbance,
};
pub use membership::{Membership, Stay};
pub use outages::{Affected, Outage};
pub use pace::{Pace, Progress};
pub use replicas::{LeaderChange, Leadership, NoLeader, Replicas};
pub use rollback::{Compensation, Rollback, Sagas, UndoWork, Undoes};

use crate::distribution::Distribution;

/// When a node's clock of failure runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailsWhen {
    /// Whether the node is busy or idle.
    Always,
    /// Only while the node serves at least one attempt.
    Busy,
}

/// How one node fails and is repaired. All nodes start up.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFaults {
    /// Time from coming up to failing, in seconds.
    pub up: Distribution,
    /// Time from failing to coming up again, in seconds; where repairers are few, from the time one
    /// of them begins.
    pub down: Distribution,
    /// When the clock of failure runs.
    pub fails: FailsWhen,
}

/// All that breaks in a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Kinds of nodes that fail by chance.
    pub kinds: Vec<NodeFaults>,
    /// For each node the index of its kind, if it fails by chance.
    pub of_node: Vec<Option<u32>>,
    /// At most so many nodes are under repair at once, the others wait in the order in which they
    /// failed; `None` for no limit.
    pub repair_crew: Option<u32>,
    /// When which nodes are out, whatever else happens to them.
    pub outages: Vec<Outage>,
    /// How the scheduler itself fails, if it does.
    pub replicas: Option<Replicas>,
    /// Which attempts fail, besides with the probability of their task.
    pub attempts: AttemptFaults,
    /// What disturbs nodes without taking them down.
    pub disturbances: Disturbances,
    /// Messages that are lost; `None` when none is.
    pub message_loss: Option<MessageLoss>,
    /// How jobs are undone of which a task fails; `None` when they are not.
    pub rollback: Option<Rollback>,
    /// Which nodes belong to the cluster when: those that do not cannot break.
    pub membership: Membership,
}
