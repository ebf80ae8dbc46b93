//! What is to happen and when.
//!
//! Equal times go in the order in which events were put in: every event has an insertion number,
//! and (time, number) is a total order, so that a run never depends on how a heap breaks ties. The
//! number also names the event: an event that no longer counts (the end of an attempt whose node
//! went down) is not searched for and removed, its number is forgotten and it is skipped when it
//! comes up.
//!
//! Time (64 bits), insertion number (34 bits) and what happens (30 bits) are one `u128`, which
//! sorts as it should and keeps entries at 16 bytes.

use crate::structures::heap::Heap;
use crate::time::Time;

const PAYLOAD_BITS: u32 = 30;
const KIND_BITS: u32 = 2;
/// Things (task slots, nodes) an event can be about.
pub const MAX_INDEX: u32 = 1 << (PAYLOAD_BITS - KIND_BITS);
/// Events in one run.
pub const MAX_EVENTS: u64 = 1 << (64 - PAYLOAD_BITS);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The attempt of the task in this slot ends.
    Finish,
    /// The attempt of the task in this slot begins, after its way to the node.
    Begin,
    /// The node with this number goes down or comes up.
    Node,
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
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    heap: Heap,
    inserted: u64,
}

impl EventQueue {
    /// An empty queue.
    pub fn new() -> Self {
        EventQueue::default()
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
        };
        let payload = (index << KIND_BITS) | kind;
        let low = (number.0 << PAYLOAD_BITS) | u64::from(payload);
        self.heap.push((u128::from(time.0) << 64) | u128::from(low));
        number
    }

    /// When and as which number the next event comes.
    #[inline]
    pub fn peek(&self) -> Option<(Time, EventNumber)> {
        let entry = self.heap.peek()?;
        Some((Time((entry >> 64) as u64), EventNumber(entry as u64 >> PAYLOAD_BITS)))
    }

    /// Takes the next event out.
    #[inline]
    pub fn pop(&mut self) -> Option<Due> {
        let low = self.heap.pop()? as u64;
        let payload = low as u32 & ((1 << PAYLOAD_BITS) - 1);
        let kind = match payload & 3 {
            0 => Kind::Finish,
            1 => Kind::Begin,
            _ => Kind::Node,
        };
        Some(Due { number: EventNumber(low >> PAYLOAD_BITS), kind, index: payload >> KIND_BITS })
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
        assert_eq!(queue.peek(), Some((Time(5), first)));
        assert_eq!(queue.pop(), Some(Due { number: first, kind: Kind::Finish, index: 7 }));
        assert_eq!(queue.pop(), Some(Due { number: second, kind: Kind::Begin, index: 3 }));
        assert_eq!(queue.pop(), Some(Due { number: later, kind: Kind::Node, index: MAX_INDEX - 1 }));
        assert_eq!(queue.pop(), None);
    }
}
