//! What happens to an attempt that failed or was lost with its node.

use serde::{Deserialize, Serialize};

use super::compensations::CompensationPlan;
use super::speculation::SpeculationPlan;
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

/// How many retries there may be, as a share of all attempts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetPlan {
    /// Retries are at most this share of all attempts so far, above 0 and below 1.
    pub share: f64,
    /// The most retries that quiet times save up.
    pub burst: u32,
}

/// When attempts write down how far they are, so that a task whose node is lost goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointPlan {
    /// Time of work between two checkpoints, above 0.
    pub interval: Duration,
    /// Time that writing one takes.
    pub cost: Duration,
    /// Time that an attempt takes to read one before it goes on from there.
    pub restore: Duration,
}

impl CheckpointPlan {
    /// Checkpoints that are written in so much time of work. None is written at the very end.
    fn written_in(&self, work: Duration) -> u64 {
        work.0.saturating_sub(1).checked_div(self.interval.0).unwrap_or(0)
    }

    /// Time that so much time of work takes, checkpoints included; the first thing an attempt does that
    /// goes on from one is to read it.
    pub fn stretched(&self, work: Duration, goes_on: bool) -> Duration {
        let restore = if goes_on { self.restore.0 } else { 0 };
        let writing = self.written_in(work).saturating_mul(self.cost.0);
        Duration(restore.saturating_add(work.0).saturating_add(writing))
    }

    /// Of the time that a lost attempt took: the work that its last checkpoint keeps, and all the time
    /// until that was written. Both are 0 when it wrote none.
    pub fn kept_of(&self, elapsed: Duration, goes_on: bool) -> (Duration, Duration) {
        let restore = if goes_on { self.restore.0 } else { 0 };
        let cycle = self.interval.0.saturating_add(self.cost.0);
        let written = elapsed.0.saturating_sub(restore).checked_div(cycle).unwrap_or(0);
        if written == 0 {
            return (Duration::ZERO, Duration::ZERO);
        }
        (Duration(written * self.interval.0), Duration(restore + written * cycle))
    }
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
    /// An attempt that takes longer is stopped and counts as failed; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// A task that is not settled so long after its arrival is stopped for good; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_timeout: Option<Duration>,
    /// How many retries there may be; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetPlan>,
    /// When attempts write checkpoints, which only drivers need to know; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointPlan>,
    /// Which tasks undo others; `None` where nothing is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compensations: Option<CompensationPlan>,
    /// When attempts that run get copies elsewhere; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speculation: Option<SpeculationPlan>,
}

impl RetryPlan {
    /// The longest that an attempt can last at its node; `None` for no limit.
    pub fn longest_attempt(&self) -> Option<Duration> {
        self.timeout.into_iter().chain(self.total_timeout).min()
    }
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
            timeout: None,
            total_timeout: None,
            budget: None,
            checkpoint: None,
            compensations: None,
            speculation: None,
        }
    }
}
