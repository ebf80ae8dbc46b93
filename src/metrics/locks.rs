//! Figures of locks: how long tasks wait for them, and how often a lease was lost.

use super::columns::{Metric, MetricRow};
use crate::time::Duration;

/// Figures of all locks.
#[derive(Clone, Debug, Default)]
pub(super) struct LockStats {
    grants: u64,
    waits: u128,
    longest: Duration,
    expired: u64,
    fenced: u64,
}

impl LockStats {
    /// A task beyond the warm-up has its lock.
    pub(super) fn granted(&mut self, waited: Duration) {
        self.grants += 1;
        self.waits += u128::from(waited.0);
        self.longest = self.longest.max(waited);
    }

    pub(super) fn expired(&mut self) {
        self.expired += 1;
    }

    pub(super) fn fenced(&mut self) {
        self.fenced += 1;
    }

    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::MeanLockWait, self.waits as f64 / 1e9 / self.grants as f64);
        if self.grants > 0 {
            row.set(Metric::MaxLockWait, self.longest.as_seconds());
        }
        row.set(Metric::LeasesExpired, self.expired as f64);
        row.set(Metric::FencedWrites, self.fenced as f64);
    }
}
