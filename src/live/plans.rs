//! Failures and repairs of nodes that are planned, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::faults::Timers;
use crate::time::Time;

/// A change of a node that is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan {
    pub(super) due: Time,
    pub(super) ticket: u64,
    pub(super) node: u32,
}

/// All changes that are to come.
#[derive(Clone, Debug, Default)]
pub(super) struct Plans {
    heap: BinaryHeap<Reverse<Plan>>,
    last: u64,
}

impl Plans {
    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(plan)| plan.due)
    }

    /// Takes the next one.
    pub(super) fn pop(&mut self) -> Option<Plan> {
        self.heap.pop().map(|Reverse(plan)| plan)
    }
}

impl Timers for Plans {
    type Ticket = u64;

    const NONE: u64 = 0;

    fn put(&mut self, at: Time, node: u32) -> u64 {
        self.last += 1;
        self.heap.push(Reverse(Plan { due: at, ticket: self.last, node }));
        self.last
    }
}
