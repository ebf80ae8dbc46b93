//! Figures of circuit breakers: how often they opened, and how long they were open.

use super::columns::{Metric, MetricRow};
use crate::ids::NodeId;
use crate::scheduler::BreakerState;
use crate::time::Time;

/// Figures of the breakers of all nodes.
#[derive(Clone, Debug)]
pub(super) struct BreakerStats {
    openings: u64,
    /// By node: since when its breaker has been open; `Time::NEVER` when it is not.
    open_since: Vec<Time>,
    open: u128,
}

impl BreakerStats {
    pub(super) fn new(nodes: usize) -> Self {
        BreakerStats { openings: 0, open_since: vec![Time::NEVER; nodes], open: 0 }
    }

    pub(super) fn changed(&mut self, now: Time, node: NodeId, state: BreakerState) {
        let next = if state == BreakerState::Open { now } else { Time::NEVER };
        self.openings += u64::from(state == BreakerState::Open);
        let since = std::mem::replace(&mut self.open_since[node.index()], next);
        if since != Time::NEVER {
            self.open += u128::from(now.since(since).0);
        }
    }

    /// The figures of a run that ends now.
    pub(super) fn write(&self, end: Time, row: &mut MetricRow) {
        let still = self.open_since.iter().map(|since| u128::from(end.since(*since).0));
        let open = self.open + still.sum::<u128>();
        row.set(Metric::BreakerOpenings, self.openings as f64);
        row.set(Metric::BreakerOpenTime, open as f64 / 1e9);
    }
}
