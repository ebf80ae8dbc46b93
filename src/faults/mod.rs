//! What breaks: nodes that go down and come up again.

mod clocks;

pub use clocks::{Change, NodeClocks, Timers};

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
    /// Time from failing to coming up again, in seconds.
    pub down: Distribution,
    /// When the clock of failure runs.
    pub fails: FailsWhen,
}
