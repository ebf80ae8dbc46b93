//! Copies of attempts that are late: how many there were, and whether they were worth it.

use super::columns::{Metric, MetricRow};

/// Copies that were started, and those that were first.
#[derive(Clone, Debug, Default)]
pub(super) struct CopyStats {
    started: u64,
    won: u64,
}

impl CopyStats {
    pub(super) fn started(&mut self) {
        self.started += 1;
    }

    pub(super) fn won(&mut self) {
        self.won += 1;
    }

    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::SpeculativeAttempts, self.started as f64);
        row.set(Metric::SpeculativeWins, self.won as f64);
    }
}
