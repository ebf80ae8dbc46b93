//! A queue of things to come that are taken in order of their keys, for keys that only grow: what is
//! put in is never before what was taken out last.
//!
//! Few entries live in a heap. From a few hundred on, a heap's depth and cache misses cost more than
//! a calendar (Brown 1988): the near future is cut into buckets of equal width, an entry goes to its
//! bucket in O(1), and only the bucket that has come is sorted. The width follows the rate at which
//! entries are taken, so that a bucket holds one or two; entries beyond the last bucket wait in the
//! heap. A bitmap of buckets that are not empty skips the others 64 at a time. From tens of thousands
//! of entries on the buckets would outgrow the cache; a calendar of wide buckets (`wide_calendar.rs`) takes
//! over.
//!
//! Order depends on the keys alone, never on widths or on which structure holds an entry.
//!
//! Cost: O(log n) with few entries; otherwise O(1) on average for entries spread like those of
//! queues, O(log n) for those far in the future.

use super::heap::Heap;
pub use super::wide_calendar::Ahead;
use super::wide_calendar::WideCalendar;

/// Fewer entries than this live in the heap alone ...
const FEW: usize = 192;
/// ... once there are buckets, until there are fewer than this.
const VERY_FEW: usize = FEW / 4;
/// Entries taken between two looks at the width.
const PERIOD: u32 = 4096;
/// From so many entries on, memory is far away: buckets become wide ...
const MANY: usize = 16_384;
/// ... until there are fewer than this.
const NO_LONGER_MANY: usize = MANY / 2;

const NONE: u32 = u32::MAX;

/// An entry in the list of a bucket, or in the list of free places.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u128,
    next: u32,
}

/// A monotone priority queue of `u128` keys. The upper 64 bits are a time; all bits count for order.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// Entries of the buckets up to the current one, the next at the end.
    near: Vec<u128>,
    /// Entries of later buckets: lists in one slab.
    heads: Vec<u32>,
    occupied: Vec<u64>,
    slab: Vec<Entry>,
    free: u32,
    in_buckets: usize,
    /// Entries of no bucket.
    far: Heap,
    /// Bucket of a time: `time >> shift`.
    shift: u32,
    current: u64,
    /// All entries, when they are very many.
    wide: Option<Box<WideCalendar>>,
    /// Entries taken in this period, and when it began.
    taken: u32,
    since: u64,
}

#[inline]
fn time(key: u128) -> u64 {
    (key >> 64) as u64
}

impl Calendar {
    /// An empty calendar.
    pub fn new() -> Self {
        Calendar { free: NONE, ..Calendar::default() }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        let wide = self.wide.as_ref().map_or(0, |wide| wide.len());
        self.near.len() + self.in_buckets + self.far.len() + wide
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a key in that is not before any that was taken out.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if self.heads.is_empty() {
            match &mut self.wide {
                Some(wide) => wide.push(key),
                None => self.far.push(key),
            }
            return;
        }
        let bucket = time(key) >> self.shift;
        if bucket <= self.current {
            self.push_near(key);
        } else if bucket - self.current < self.heads.len() as u64 {
            self.push_bucket(key, bucket);
        } else {
            self.far.push(key);
        }
    }

    /// The first key; `u128::MAX` without keys.
    #[inline]
    pub fn first(&mut self) -> u128 {
        if self.heads.is_empty() {
            return self.wide.as_mut().map_or_else(|| self.far.least(), |wide| wide.first());
        }
        if self.near.is_empty() {
            self.advance();
        }
        self.near.last().copied().unwrap_or(u128::MAX)
    }

    /// Takes the first key out.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        self.taken += 1;
        if self.taken >= PERIOD {
            self.look_at_width();
        }
        if self.heads.is_empty() {
            return match &mut self.wide {
                Some(wide) => wide.pop(),
                None => self.far.pop(),
            };
        }
        if self.near.is_empty() {
            self.advance();
        }
        self.near.pop()
    }

    /// Shows keys that will come up soon, each first as far, then as near, then as next, so that a
    /// caller can fetch from memory what it will need. Unless there are very many entries nothing is
    /// shown: all memory is close then. What is shown is a hint: some entries are never shown.
    #[inline]
    pub fn look_ahead(&mut self, show: impl FnMut(Ahead, u128)) {
        if let Some(wide) = &mut self.wide {
            wide.look_ahead(show);
        }
    }

    /// Inserts into the sorted entries; nearly always close to their end, and they are few.
    #[inline]
    fn push_near(&mut self, key: u128) {
        let mut at = self.near.len();
        self.near.push(key);
        while at > 0 && self.near[at - 1] < key {
            self.near[at] = self.near[at - 1];
            at -= 1;
        }
        self.near[at] = key;
    }

    #[inline]
    fn push_bucket(&mut self, key: u128, bucket: u64) {
        let place = (bucket & (self.heads.len() as u64 - 1)) as usize;
        let entry = self.free;
        let head = self.heads[place];
        let filled = Entry { key, next: head };
        let entry = if entry == NONE {
            self.slab.push(filled);
            self.slab.len() as u32 - 1
        } else {
            let place = &mut self.slab[entry as usize];
            self.free = place.next;
            *place = filled;
            entry
        };
        self.heads[place] = entry;
        self.occupied[place / 64] |= 1 << (place % 64);
        self.in_buckets += 1;
    }

    /// Goes to the next bucket that has an entry; `near` is empty.
    #[inline]
    fn advance(&mut self) {
        let in_ring = if self.in_buckets > 0 { self.next_occupied() } else { u64::MAX };
        if self.in_buckets == 0 && self.far.is_empty() {
            return;
        }
        let in_heap = if self.far.is_empty() { u64::MAX } else { time(self.far.least()) >> self.shift };
        let bucket = in_ring.min(in_heap);
        self.current = bucket;
        if in_ring == bucket {
            self.take_bucket(bucket);
        }
        if in_heap == bucket {
            self.take_far(bucket);
        }
    }

    #[cold]
    fn take_far(&mut self, bucket: u64) {
        while let Some(key) = self.far.peek()
            && time(key) >> self.shift == bucket
        {
            self.far.pop();
            self.push_near(key);
        }
    }

    /// The first bucket after the current one that is not empty; there is one.
    #[inline]
    fn next_occupied(&self) -> u64 {
        let mask = self.heads.len() as u64 - 1;
        let first = self.current + 1;
        let place = (first & mask) as usize;
        let ahead = self.occupied[place / 64] >> (place % 64);
        if ahead != 0 {
            return first + u64::from(ahead.trailing_zeros());
        }
        let words = self.occupied.len();
        let mut bucket = first + 64 - (place % 64) as u64;
        for step in 1..=words {
            let word = self.occupied[(place / 64 + step) % words];
            if word != 0 {
                return bucket + u64::from(word.trailing_zeros());
            }
            bucket += 64;
        }
        unreachable!("some bucket is not empty")
    }

    /// Moves a bucket's entries into `near`, sorted.
    #[inline]
    fn take_bucket(&mut self, bucket: u64) {
        let place = (bucket & (self.heads.len() as u64 - 1)) as usize;
        let mut entry = std::mem::replace(&mut self.heads[place], NONE);
        self.occupied[place / 64] &= !(1 << (place % 64));
        while entry != NONE {
            let place = &mut self.slab[entry as usize];
            let next = std::mem::replace(&mut place.next, self.free);
            self.near.push(place.key);
            self.free = entry;
            self.in_buckets -= 1;
            entry = next;
        }
        match self.near.as_mut_slice() {
            [_] => {}
            [a, b] => {
                if a < b {
                    std::mem::swap(a, b);
                }
            }
            many => many.sort_unstable_by(|a, b| b.cmp(a)),
        }
    }

    /// Chooses the structure and the width by how many entries there are and how fast they go.
    #[cold]
    fn look_at_width(&mut self) {
        let first = self.first();
        let now = if first == u128::MAX { self.since } else { time(first) };
        let gap = now.saturating_sub(self.since) / u64::from(PERIOD);
        (self.taken, self.since) = (0, now);
        // Far entries, such as failures of nodes, wait in a heap whatever the width.
        let entries = match &self.wide {
            Some(wide) => wide.len_without_far(),
            None if self.heads.is_empty() => self.len(),
            None => self.near.len() + self.in_buckets,
        };
        if entries >= if self.wide.is_some() { NO_LONGER_MANY } else { MANY } {
            if !self.wide.as_ref().is_some_and(|wide| wide.fits(entries, gap)) {
                let all = self.take_all();
                self.wide = Some(Box::new(WideCalendar::new(&all, entries, gap)));
            }
            return;
        }
        if entries < if self.heads.is_empty() { FEW } else { VERY_FEW } {
            if !self.heads.is_empty() || self.wide.is_some() {
                self.rebuild(0, 0);
            }
            return;
        }
        // Eight times as long as what is in it takes to pass, so that few entries lie beyond.
        let buckets = (8 * entries).next_power_of_two().max(256);
        let width = gap.saturating_mul((8 * entries).div_ceil(buckets) as u64);
        let shift = width.max(1).ilog2();
        let fits = self.heads.len().max(buckets) <= 2 * self.heads.len().min(buckets);
        if self.heads.is_empty() || shift.abs_diff(self.shift) > 1 || !fits {
            self.rebuild(shift, buckets);
        }
    }

    /// Takes all entries, in no particular order, and leaves an empty heap.
    fn take_all(&mut self) -> Vec<u128> {
        let mut entries = std::mem::take(&mut self.near);
        for &head in &self.heads {
            let mut entry = head;
            while entry != NONE {
                entries.push(self.slab[entry as usize].key);
                entry = self.slab[entry as usize].next;
            }
        }
        entries.extend(self.far.iter());
        if let Some(wide) = &self.wide {
            entries.append(&mut wide.entries());
        }
        let (taken, since) = (self.taken, self.since);
        *self = Calendar { taken, since, ..Calendar::new() };
        entries
    }

    /// Spreads the entries over so many buckets; with none they live in the heap.
    fn rebuild(&mut self, shift: u32, buckets: usize) {
        let entries = self.take_all();
        // The earliest bucket may hold the present: what comes now must not fall behind it.
        let first = entries.iter().min().map_or(0, |&key| time(key));
        (self.shift, self.current) = (shift, first >> shift);
        self.slab.reserve(entries.len() + entries.len() / 4);
        self.heads = vec![NONE; buckets];
        self.occupied = vec![0; buckets / 64];
        for key in entries {
            self.push(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    /// Takes and puts back like a simulation does, at a rate and a spread that change on the way.
    fn agrees(entries: usize, steps: usize, spreads: &[u64]) {
        let mut ours = Calendar::new();
        let mut theirs = BinaryHeap::new();
        let (mut state, mut number) = (7u64, 0u128);
        let mut draw = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below.max(1)
        };
        let mut now = 0u64;
        for step in 0..steps {
            let spread = spreads[step * spreads.len() / steps];
            while theirs.len() < entries {
                // Now and then something far away, or at this very instant.
                let ahead = match draw(10) {
                    0 => spread * 1000,
                    1 => 0,
                    _ => draw(spread),
                };
                let key = (u128::from(now + ahead) << 64) | number;
                number += 1;
                ours.push(key);
                theirs.push(Reverse(key));
            }
            assert_eq!(ours.first(), theirs.peek().map_or(u128::MAX, |r| r.0));
            let taken = ours.pop();
            assert_eq!(taken, theirs.pop().map(|r| r.0));
            assert_eq!(ours.len(), theirs.len());
            now = time(taken.unwrap());
        }
        while let Some(Reverse(key)) = theirs.pop() {
            assert_eq!(ours.pop(), Some(key));
        }
        assert_eq!(ours.pop(), None);
    }

    #[test]
    fn order_is_that_of_a_heap_while_rates_change() {
        agrees(1000, 60_000, &[1_000_000, 1_000, 50_000_000, 1]);
        agrees(100, 20_000, &[1_000]);
        agrees(5000, 60_000, &[u64::MAX >> 30, 10]);
    }

    #[test]
    fn order_is_that_of_a_heap_with_very_many_entries() {
        agrees(200_000, 600_000, &[1_000_000_000, 10_000, 1_000_000_000_000, 1]);
        agrees(20_000, 200_000, &[u64::MAX >> 20, 1_000_000]);
    }

    /// From no entries to so many and back, in so many steps each way.
    fn grows_and_shrinks(most: u64, steps: u64) {
        let mut ours = Calendar::new();
        let mut theirs = BinaryHeap::new();
        let mut now = 0u64;
        let mut number = 0u64;
        for step in 0..2 * steps {
            let wanted = most * step.min(2 * steps - step) / steps;
            while (theirs.len() as u64) < wanted {
                number += 1;
                let ahead = number.wrapping_mul(11_400_714_819_323_198_485) >> 40;
                let key = (u128::from(now + ahead) << 64) | u128::from(number);
                ours.push(key);
                theirs.push(Reverse(key));
            }
            assert_eq!(ours.first(), theirs.peek().map_or(u128::MAX, |r| r.0));
            assert_eq!(ours.pop(), theirs.pop().map(|r| r.0));
            assert_eq!(ours.len(), theirs.len());
            now = theirs.peek().map_or(now, |r| time(r.0).max(now));
        }
    }

    #[test]
    fn growing_and_shrinking_keeps_the_order() {
        grows_and_shrinks(2000, 20_000);
        grows_and_shrinks(60_000, 200_000);
        // Faster than the width is looked at.
        grows_and_shrinks(60_000, 9_000);
    }

    #[test]
    fn what_is_shown_comes_soon() {
        let mut calendar = Calendar::new();
        let key = |time: u64, number: u64| (u128::from(time) << 64) | u128::from(number);
        let times = |number: u64| number.wrapping_mul(11_400_714_819_323_198_485) >> 34;
        let mut shown = std::collections::BTreeSet::new();
        let (mut hits, mut now) = (0, 0);
        for number in 0..200_000 {
            calendar.push(key(now + times(number), number));
            if number < 50_000 {
                continue;
            }
            let taken = calendar.pop().unwrap();
            now = time(taken);
            hits += u32::from(shown.remove(&taken));
            calendar.look_ahead(|ahead, key| {
                assert!(key > taken);
                if ahead == Ahead::Far {
                    shown.insert(key);
                }
            });
        }
        assert!(hits > 130_000, "{hits} of 150,000 were shown ahead of time");
        assert!(shown.len() < 1000, "{} were shown that did not come", shown.len());
    }

    proptest! {
        #[test]
        fn any_short_sequence_agrees_with_a_heap(steps in prop::collection::vec(prop::option::of(0u64..50), 0..300)) {
            let mut ours = Calendar::new();
            let mut theirs = BinaryHeap::new();
            let mut now = 0;
            for (number, step) in steps.into_iter().enumerate() {
                if let Some(ahead) = step {
                    let key = (u128::from(now + ahead) << 64) | number as u128;
                    ours.push(key);
                    theirs.push(Reverse(key));
                } else {
                    let taken = ours.pop();
                    prop_assert_eq!(taken, theirs.pop().map(|r| r.0));
                    now = taken.map_or(now, time);
                }
                prop_assert_eq!(ours.first(), theirs.peek().map_or(u128::MAX, |r| r.0));
            }
        }
    }
}
