//! What is to happen and when.
//!
//! Equal times go in the order in which events were put in: every event has an insertion number,
//! and (time, number) is a total order, so that a run never depends on how a queue breaks ties. The
//! number also names the event: an event that no longer counts (the end of an attempt whose node
//! went down) is not searched for and removed, its number is forgotten and it is skipped when it
//! comes up.
//!
//! Time (64 bits), insertion number (34 bits) and what happens (30 bits) are one `u128`, which
//! sorts as it should and keeps entries at 16 bytes.

use crate::faults::Timers;
use crate::structures::calendar::{Ahead, Calendar};
use crate::time::Time;

const PAYLOAD_BITS: u32 = 30;
const KIND_BITS: u32 = 3;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;
/// Things (attempts, task slots, nodes) an event can be about.
pub const MAX_INDEX: u32 = 1 << (PAYLOAD_BITS - KIND_BITS);
/// Events in one run.
pub const MAX_EVENTS: u64 = 1 << (64 - PAYLOAD_BITS);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The attempt with this index ends.
    Finish,
    /// The attempt of the task in this slot begins, after its way to the node.
    Begin,
    /// The node with this number goes down or comes up.
    Node,
    /// The end of an attempt, kept under this index, becomes known.
    Report,
    /// It becomes known that the node with this number went down.
    Lost,
    /// It becomes known that the node with this number came up.
    Joined,
    /// A node is disturbed or recovers, or sends a heartbeat: see `disturbed.rs`.
    Disturbance,
    /// The scheduler has no leader from now on, or has one again.
    Leader,
}

/// When an event comes, among all others: its time, then its insertion number.
#[derive(Clone, Copy, Debug)]
pub struct Rank(u128);

impl Rank {
    /// Whether this comes before `other`. Asked at every event: a plain comparison of words costs a
    /// third of a derived three-way one.
    #[inline(always)]
    pub fn is_before(self, other: Rank) -> bool {
        self.0 < other.0
    }

    /// The earlier of the two.
    #[inline(always)]
    pub fn earlier(self, other: Rank) -> Rank {
        if other.0 < self.0 { other } else { self }
    }

    /// After everything.
    pub const NEVER: Rank = Rank(u128::MAX);

    /// Whether it is that of nothing. Only half of it is read: all of it in one go would have to wait
    /// until both halves, written one after the other, have left the processor.
    #[inline(always)]
    pub fn is_never(self) -> bool {
        self.time() == Time::NEVER
    }

    /// The rank of the event with this number at this time.
    #[inline]
    pub fn new(time: Time, number: EventNumber) -> Self {
        Rank((u128::from(time.0) << 64) | (u128::from(number.0) << PAYLOAD_BITS))
    }

    /// The time.
    #[inline]
    pub fn time(self) -> Time {
        Time((self.0 >> 64) as u64)
    }
}

/// The name of one event: its insertion number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventNumber(pub u64);

impl EventNumber {
    /// The name of no event.
    pub const NONE: EventNumber = EventNumber(u64::MAX);
}

/// An event that has come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its name.
    pub number: EventNumber,
    /// What happens.
    pub kind: Kind,
    /// To which task slot or node.
    pub index: u32,
}

/// Events to come.
#[derive(Clone, Debug)]
pub struct EventQueue {
    calendar: Calendar,
    inserted: u64,
}

impl Default for EventQueue {
    fn default() -> Self {
        EventQueue::new()
    }
}

impl EventQueue {
    /// An empty queue.
    pub fn new() -> Self {
        EventQueue { calendar: Calendar::new(), inserted: 0 }
    }

    /// Takes the next insertion number for an event that is kept elsewhere.
    #[inline]
    pub fn number(&mut self) -> EventNumber {
        let number = self.inserted;
        // A run of 2^34 events takes an hour and more; a wrapped number would break ties wrongly.
        assert!(number < MAX_EVENTS, "more than 2^34 events in one run");
        self.inserted += 1;
        EventNumber(number)
    }

    /// Puts an event in. `index` is below [`MAX_INDEX`].
    #[inline]
    pub fn push(&mut self, time: Time, kind: Kind, index: u32) -> EventNumber {
        debug_assert!(index < MAX_INDEX);
        let number = self.number();
        let kind = match kind {
            Kind::Finish => 0,
            Kind::Begin => 1,
            Kind::Node => 2,
            Kind::Report => 3,
            Kind::Lost => 4,
            Kind::Joined => 5,
            Kind::Disturbance => 6,
            Kind::Leader => 7,
        };
        let payload = (index << KIND_BITS) | kind;
        let low = (number.0 << PAYLOAD_BITS) | u64::from(payload);
        self.calendar.push((u128::from(time.0) << 64) | u128::from(low));
        number
    }

    /// When the next event comes; [`Rank::NEVER`] without events.
    #[inline]
    pub fn peek(&mut self) -> Rank {
        Rank(self.calendar.first())
    }

    /// Shows the indices of attempts that will end soon: see [`Calendar::look_ahead`].
    #[inline]
    pub fn look_ahead(&mut self, mut show: impl FnMut(Ahead, u32)) {
        self.calendar.look_ahead(|ahead, key| {
            let payload = key as u32 & ((1 << PAYLOAD_BITS) - 1);
            if payload & KIND_MASK == 0 {
                show(ahead, payload >> KIND_BITS);
            }
        });
    }

    /// Takes the next event out.
    #[inline]
    pub fn pop(&mut self) -> Option<Due> {
        let low = self.calendar.pop()? as u64;
        let payload = low as u32 & ((1 << PAYLOAD_BITS) - 1);
        let kind = match payload & KIND_MASK {
            0 => Kind::Finish,
            1 => Kind::Begin,
            2 => Kind::Node,
            3 => Kind::Report,
            4 => Kind::Lost,
            5 => Kind::Joined,
            6 => Kind::Disturbance,
            _ => Kind::Leader,
        };
        Some(Due { number: EventNumber(low >> PAYLOAD_BITS), kind, index: payload >> KIND_BITS })
    }
}

impl Timers for EventQueue {
    type Ticket = EventNumber;

    const NONE: EventNumber = EventNumber::NONE;

    fn put(&mut self, at: Time, node: u32) -> EventNumber {
        self.push(at, Kind::Node, node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_go_in_order_of_insertion() {
        let mut queue = EventQueue::new();
        let later = queue.push(Time(9), Kind::Node, MAX_INDEX - 1);
        let first = queue.push(Time(5), Kind::Finish, 7);
        let elsewhere = queue.number();
        let second = queue.push(Time(5), Kind::Begin, 3);
        assert!(first < elsewhere && elsewhere < second);
        assert_eq!(queue.peek().time(), Time(5));
        let rank = |number| Rank::new(Time(5), number);
        assert!(!queue.peek().is_before(rank(first)) && queue.peek().is_before(rank(elsewhere)));
        assert_eq!(queue.pop(), Some(Due { number: first, kind: Kind::Finish, index: 7 }));
        assert_eq!(queue.pop(), Some(Due { number: second, kind: Kind::Begin, index: 3 }));
        assert_eq!(queue.pop(), Some(Due { number: later, kind: Kind::Node, index: MAX_INDEX - 1 }));
        assert_eq!(queue.pop(), None);
    }
}
