//! What anyone may see of a scheduler.

use super::cluster::Cluster;

/// How many tasks are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) submitted: u64,
    pub(super) waiting: u64,
    pub(super) running: u64,
    /// Of those that wait, tasks in no queue.
    pub(super) away: u64,
    pub(super) settled: u64,
    pub(super) refused: u64,
}

/// What anyone may see of a scheduler.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) counts: Counts,
    pub(super) cluster: &'a Cluster,
}

impl View<'_> {
    /// Tasks that were submitted.
    pub fn submitted(&self) -> u64 {
        self.counts.submitted
    }

    /// Tasks that wait: for a node, or for a backoff to pass.
    pub fn waiting(&self) -> u64 {
        self.counts.waiting
    }

    /// Tasks that run.
    pub fn running(&self) -> u64 {
        self.counts.running
    }

    /// Tasks whose state is final.
    pub fn settled(&self) -> u64 {
        self.counts.settled
    }

    /// Tasks that wait or run.
    #[inline]
    pub fn unsettled(&self) -> u64 {
        self.counts.waiting + self.counts.running
    }

    /// Results that were refused because their attempt no longer counted.
    pub fn refused(&self) -> u64 {
        self.counts.refused
    }

    /// The nodes as believed.
    pub fn cluster(&self) -> &Cluster {
        self.cluster
    }
}
