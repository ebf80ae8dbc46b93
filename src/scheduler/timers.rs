//! Instants at which the scheduler wants to be woken: one heap for all purposes.
//!
//! A timer is one word: when, the number of the task, what for, and the task's slot. Timers are not
//! taken back; one that no longer means anything is recognised when it fires.

use crate::structures::heap::Heap;
use crate::time::Time;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The backoff of a task has passed.
    Backoff,
    /// The time slice of a task ends.
    Slice,
    /// A task gives up waiting.
    Patience,
    /// The request of an idle node for tasks of another arrives: in place of a task the number of the
    /// request and the idle node.
    Theft,
    /// The breaker of a node has been open for long enough: in place of a task how often it had changed,
    /// and the node.
    Breaker,
    /// The lease of a lock ends whose holder was lost: in place of a task the lock.
    Lease,
    /// A node has been silent: in place of a task the node.
    Silence,
    /// The autoscaler looks at the cluster, or nodes that it lets go are to be drained. Of no task.
    Autoscaler,
}

/// Bits for the slot; drivers use fewer.
const SLOT_BITS: u32 = 28;

/// Timers by time, then by number of the task.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    heap: Heap,
}

impl Timers {
    /// When the next timer fires.
    #[inline]
    pub(super) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|entry| Time((entry >> 64) as u64))
    }

    pub(super) fn set(&mut self, due: Time, alarm: Alarm, number: u32, slot: u32) {
        debug_assert!(slot >> SLOT_BITS == 0);
        let alarm = match alarm {
            Alarm::Backoff => 0,
            Alarm::Slice => 1,
            Alarm::Patience => 2,
            Alarm::Theft => 3,
            Alarm::Breaker => 4,
            Alarm::Lease => 5,
            Alarm::Silence => 6,
            Alarm::Autoscaler => 8,
        };
        let low = alarm << SLOT_BITS | slot;
        self.heap.push((u128::from(due.0) << 64) | (u128::from(number) << 32) | u128::from(low));
    }

    /// Takes the next timer that is due: what for, number and slot.
    pub(super) fn pop(&mut self, now: Time) -> Option<(Alarm, Time, u32, u32)> {
        let due = self.next().filter(|&due| due <= now)?;
        let entry = self.heap.pop()?;
        let (number, low) = ((entry >> 32) as u32, entry as u32);
        let alarm = match low >> SLOT_BITS {
            0 => Alarm::Backoff,
            1 => Alarm::Slice,
            2 => Alarm::Patience,
            3 => Alarm::Theft,
            4 => Alarm::Breaker,
            5 => Alarm::Lease,
            6 => Alarm::Silence,
            _ => Alarm::Autoscaler,
        };
        Some((alarm, due, number, low & ((1 << SLOT_BITS) - 1)))
    }
}
