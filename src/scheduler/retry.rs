//! What happens to an attempt that failed or was lost with its node.

use serde::{Deserialize, Serialize};

use crate::time::Duration;

/// What becomes of the attempts of a node that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnNodeLoss {
    /// The task starts over elsewhere; its work is lost.
    Restart,
    /// The task goes on elsewhere; its work is kept.
    Resume,
    /// The task ends in state error.
    Fail,
}

/// What becomes of a submission that is refused because too many tasks wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnRejection {
    /// The task ends in state rejected.
    Settle,
    /// It is submitted again after a backoff, up to the limit of attempts.
    Retry,
}

/// Pause before a failed task may start again: base x factor^(failures - 1), at most `max`, times
/// a factor drawn uniformly from [1 - jitter, 1 + jitter].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backoff {
    /// Pause after the first failure.
    pub base: Duration,
    /// Growth per failure, at least 1.
    pub factor: f64,
    /// Longest pause before jitter.
    pub max: Duration,
    /// Relative spread in [0, 1].
    pub jitter: f64,
}

/// The `[retry]` table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPlan {
    /// Failed attempts before state error; `None` for no limit. Attempts lost with a node do not
    /// count.
    pub max_attempts: Option<u32>,
    /// Pause before a retry.
    pub backoff: Backoff,
    /// What becomes of the attempts of a lost node.
    pub on_node_loss: OnNodeLoss,
    /// What becomes of a submission that is refused because too many tasks wait.
    pub on_rejection: OnRejection,
    /// Whether every new attempt draws new work.
    pub redraw: bool,
}

impl Default for RetryPlan {
    fn default() -> Self {
        RetryPlan {
            max_attempts: Some(3),
            backoff: Backoff {
                base: Duration::ZERO,
                factor: 2.0,
                max: Duration(60_000_000_000),
                jitter: 0.0,
            },
            on_node_loss: OnNodeLoss::Restart,
            on_rejection: OnRejection::Settle,
            redraw: false,
        }
    }
}
