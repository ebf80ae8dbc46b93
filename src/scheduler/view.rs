//! What anyone may see of a scheduler.

use super::cluster::Cluster;
use super::machine::Scheduler;
use super::policy::{Dispatch, Interrupts, Order, Policy};
use crate::time::{Duration, Time};

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

impl<P: Policy> Scheduler<P> {
    /// Whether the policy wants details of every task: see [`Order::reads_details`].
    pub fn reads_details(&mut self) -> bool {
        self.retry_budget.is_some() || self.policy.parts().0.reads_details()
    }

    /// Whether it matters which of several failed tasks goes first: then details should say how likely
    /// each is to fail.
    pub fn orders_failed(&self) -> bool {
        self.cluster.dispatch() == Dispatch::Push
    }

    /// Whether running tasks may be interrupted and go on later.
    pub fn interrupts(&self) -> bool {
        self.interrupts != Interrupts::Never
    }

    /// Time that an interrupted task spends on its node before it goes on with its work.
    pub fn switch_cost(&self) -> Duration {
        self.switch_cost
    }

    /// What anyone may see.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View { counts: self.counts, cluster: &self.cluster }
    }

    /// The next instant at which the scheduler wants a `TimerFired`.
    #[inline(always)]
    pub fn next_timer(&self) -> Option<Time> {
        if self.time_limits.is_none() && self.speculation.is_none() {
            return self.timers.next();
        }
        self.next_of_all_timers()
    }

    #[cold]
    #[inline(never)]
    fn next_of_all_timers(&self) -> Option<Time> {
        let late = self.speculation.as_ref().and_then(|speculation| speculation.next());
        let limit = self.time_limits.as_ref().and_then(|limits| limits.next());
        limit.into_iter().chain(late).chain(self.timers.next()).min()
    }
}
