//! In which order tasks that failed at one instant are handled: those most likely to fail again first.
//!
//! A task that comes back keeps its first arrival as its place in line, so the order matters only where
//! what is first is given the better node: under push, and late binding, where tasks are bound to nodes one
//! after the other. Tasks that failed at one instant, or whose pauses after failures end at one, are bound in
//! non-increasing order of their probability of failure, as far as it is known; among others that are bound at
//! that instant they keep their places. Equals go in the order in which their failures became known. A policy
//! that binds in the order of its queue (`earliest-finish`) goes by that.
//!
//! Cost: O(1) per failure; O(n log k) where k > 1 tasks failed at an instant at which n are bound.

use super::machine::Scheduler;
use super::policy::{Dispatch, Policy};
use crate::time::Time;

/// Slots of tasks that failed, or come back after their pause, at one instant.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    at: Time,
    slots: Vec<u32>,
}

impl Default for Failed {
    fn default() -> Self {
        Failed { at: Time::NEVER, slots: Vec::new() }
    }
}

impl<P: Policy> Scheduler<P> {
    /// A task whose attempt failed is about to be bound to a node.
    #[cold]
    pub(super) fn note_failed(&mut self, now: Time, slot: u32) {
        if self.cluster.dispatch() == Dispatch::Pull {
            return;
        }
        if self.failed.at != now {
            self.failed.at = now;
            self.failed.slots.clear();
        }
        self.failed.slots.push(slot);
    }

    /// Puts those to be bound that failed at this instant into order.
    #[inline(always)]
    pub(super) fn order_failed(&mut self, now: Time) {
        if self.failed.at == now && self.failed.slots.len() > 1 {
            self.bind_most_likely_first();
        }
    }

    #[cold]
    #[inline(never)]
    fn bind_most_likely_first(&mut self) {
        let mut failed = std::mem::take(&mut self.failed.slots);
        let likely = |slot: u32| self.tasks.view(slot).details().failure_probability;
        if failed.windows(2).any(|pair| likely(pair[0]) != likely(pair[1])) {
            failed.sort_unstable();
            // Those that are bound now, in the order in which they would be.
            let is_failed = |slot: &u32| failed.binary_search(slot).is_ok();
            let mut bound: Vec<u32> = self.unplaced.iter().copied().filter(is_failed).collect();
            bound.sort_by(|&a, &b| likely(b).total_cmp(&likely(a)));
            let places = self.unplaced.iter_mut().filter(|slot| failed.binary_search(slot).is_ok());
            places.zip(bound).for_each(|(place, slot)| *place = slot);
        }
        failed.clear();
        self.failed.slots = failed;
    }
}
