//! Circuit breakers: when they open, what they let through meanwhile, when they close.
//!
//! What opens a breaker is reckoned here again for breakers that count failures in a row; for those that
//! look at a share, only that nothing starts while they are open and that they stay open long enough.

use super::{Broken, Rule, Verdict, reach};
use crate::ids::{AttemptNumber, NodeId};
use crate::scheduler::{BreakerPlan, BreakerState, Outcome, RetryPlan, Trip};
use crate::time::Time;

/// What the end of an attempt says of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Good,
    Bad,
    Nothing,
    /// It took too long: that speaks against its node, unless it is its task that took too long.
    Unclear,
}

/// What a result says of the node it comes from.
pub(super) fn meaning(outcome: Outcome) -> Meaning {
    match outcome {
        Outcome::Success => Meaning::Good,
        Outcome::Failure => Meaning::Bad,
        Outcome::Killed => Meaning::Nothing,
    }
}

#[derive(Clone, Copy, Debug)]
struct Breaker {
    state: BreakerState,
    since: Time,
    changes: u32,
    /// Failures in a row in this state; `None` once one is unclear.
    row: Option<u32>,
    /// Attempts that were sent in this state and count, or may still.
    tried: u32,
}

/// The breakers of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Breakers {
    plan: BreakerPlan,
    /// Whether it may be the task, and not its attempt, that took too long.
    unclear: bool,
    nodes: Vec<Breaker>,
    /// By task: of each of its attempts that run, how often the breaker of its node had changed when it was
    /// sent.
    sent: Vec<Vec<(AttemptNumber, u32)>>,
    /// The node that an attempt has ended at in this step.
    touched: Option<NodeId>,
}

impl Breakers {
    pub(super) fn new(plan: BreakerPlan, retry: &RetryPlan, nodes: usize) -> Breakers {
        let closed =
            Breaker { state: BreakerState::Closed, since: Time::ZERO, changes: 0, row: Some(0), tried: 0 };
        let unclear = retry.total_timeout.is_some();
        Breakers { plan, unclear, nodes: vec![closed; nodes], sent: Vec::new(), touched: None }
    }

    /// An attempt is sent to the node.
    pub(super) fn starts(&mut self, task: u32, attempt: AttemptNumber, node: NodeId) -> Verdict {
        let probes = self.plan.probes;
        let breaker = &mut self.nodes[node.index()];
        reach(&mut self.sent, task, Vec::new()).push((attempt, breaker.changes));
        breaker.tried += 1;
        let what = match breaker.state {
            BreakerState::Closed => return Ok(()),
            BreakerState::HalfOpen if breaker.tried <= probes => return Ok(()),
            BreakerState::Open => "an attempt starts on a node whose breaker is open".to_string(),
            BreakerState::HalfOpen => format!("{} are tried on a node that may try {probes}", breaker.tried),
        };
        Err(Broken::new(Rule::Breakers, what).of_task(task).at_node(node))
    }

    /// An attempt is over.
    pub(super) fn ends(&mut self, task: u32, attempt: AttemptNumber, node: NodeId, meaning: Meaning) {
        let unclear = self.unclear;
        let breaker = &mut self.nodes[node.index()];
        let sent = reach(&mut self.sent, task, Vec::new());
        let Some(at) = sent.iter().position(|(number, _)| *number == attempt) else { return };
        if sent.swap_remove(at).1 != breaker.changes {
            return;
        }
        self.touched = Some(node);
        match meaning {
            Meaning::Good => breaker.row = Some(0),
            Meaning::Bad => breaker.row = breaker.row.map(|row| row + 1),
            Meaning::Unclear if !unclear => breaker.row = breaker.row.map(|row| row + 1),
            Meaning::Unclear => {
                breaker.row = None;
                breaker.tried -= 1;
            }
            // Another may be tried in its place.
            Meaning::Nothing => breaker.tried -= 1,
        }
    }

    /// The breaker of a node is in another state.
    pub(super) fn changes(&mut self, now: Time, node: NodeId, state: BreakerState) -> Verdict {
        let breaker = &mut self.nodes[node.index()];
        let (before, after) = (breaker.state, state);
        let open_for = now.since(breaker.since);
        let reason = match self.plan.trip {
            Trip::Consecutive(most) => breaker.row.is_none_or(|row| row >= most),
            Trip::Share { .. } => true,
        };
        let right = match (before, after) {
            (BreakerState::Closed, BreakerState::Open) => reason,
            (BreakerState::HalfOpen, BreakerState::Open) => breaker.row != Some(0),
            (BreakerState::Open, BreakerState::HalfOpen) => open_for >= self.plan.open,
            (BreakerState::HalfOpen, BreakerState::Closed) => breaker.tried >= self.plan.probes,
            _ => false,
        };
        *breaker = Breaker { state, since: now, changes: breaker.changes + 1, row: Some(0), tried: 0 };
        if right {
            return Ok(());
        }
        let what = format!(
            "its breaker was {before:?} for {} s and is {after:?} now, for no reason that was seen",
            open_for.as_seconds()
        );
        Err(Broken::new(Rule::Breakers, what).at_node(node))
    }

    pub(super) fn step_is_over(&self) -> Verdict {
        let (Trip::Consecutive(most), Some(node)) = (self.plan.trip, self.touched) else { return Ok(()) };
        let breaker = &self.nodes[node.index()];
        match breaker.row {
            Some(row) if row >= most && breaker.state == BreakerState::Closed => {
                let what = format!("{row} attempts in a row failed there, and its breaker is closed");
                Err(Broken::new(Rule::Breakers, what).at_node(node))
            }
            _ => Ok(()),
        }
    }
}
