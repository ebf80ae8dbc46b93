//! The part of a [`Calendar`](super::calendar::Calendar) that serves very many entries: tens of
//! thousands and more, which no longer fit into the processor's nearest caches.
//!
//! With a bucket per entry or two, putting an entry in touches one place of memory at random and
//! taking it out another, and both must be waited for. Here a bucket is as wide as a few hundred
//! entries: little more than the ends of the buckets is written to, a bucket that has come is read
//! from front to back, and it is sorted within the nearest cache (the two lower tiers of the ladder
//! queue of Tang, Goh and Thng 2005, with a sort in place of the lowest rungs). The sorted entries
//! also say which come up soon, so that what they are about can be fetched from memory ahead of time.
//!
//! A bucket is kept in pieces of equal size, which buckets take from and give back to one table:
//! memory follows the number of entries however they move from bucket to bucket.
//!
//! Cost: O(1) to put an entry in; to take one out its share of sorting a bucket, O(log b) for
//! buckets of b entries. O(log n) for the few entries that are put into the bucket that has already
//! been sorted, or beyond the last one.

use super::bitmap::Bitmap;
use super::heap::Heap;
use super::memory;

/// So many entries a bucket is meant to hold: more take longer to sort, fewer make more buckets.
const PER_BUCKET: usize = 256;
/// Buckets at most: the lines of memory that are written at their ends stay in the second cache.
const MOST_BUCKETS: usize = 4096;
/// Entries of a piece of a bucket.
const PIECE: usize = 16;
/// Room made at least: two large pages, so that one of them is aligned.
const LEAST_ROOM: usize = (4 << 20) / size_of::<u128>();

/// How many entries before its time one is shown as far, near and next.
const LEAD: [usize; 3] = [36, 20, 8];

const NONE: u32 = u32::MAX;

/// How near an entry is that a caller may want to prepare for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Some dozens of entries away.
    Far,
    /// A dozen entries away.
    Near,
    /// One of the next few.
    Next,
}

/// The last piece of a bucket and how much of it is filled. Without pieces there is none to fill.
#[derive(Clone, Copy, Debug)]
struct Tail {
    piece: u32,
    filled: u32,
}

const EMPTY: Tail = Tail { piece: NONE, filled: PIECE as u32 };

/// A monotone priority queue for very many keys.
#[derive(Clone, Debug)]
pub(super) struct WideCalendar {
    /// Entries of the buckets that have come, the next at the end.
    near: Vec<u128>,
    /// Entries that were put into those buckets afterwards.
    late: Heap,
    /// Later buckets, each a list of pieces.
    tails: Vec<Tail>,
    occupied: Bitmap,
    pieces: Vec<u128>,
    /// By piece: the one filled before it in its bucket, or the next free one.
    before: Vec<u32>,
    free: u32,
    in_buckets: usize,
    /// Entries of no bucket.
    far: Heap,
    /// Bucket of a time: `time >> shift`.
    shift: u32,
    /// The last bucket that has come.
    current: u64,
    /// How many entries were near when it was last shown what comes.
    shown_at: usize,
    /// Entries of a bucket while it is sorted.
    coming: Vec<u128>,
}

#[inline]
fn time(key: u128) -> u64 {
    (key >> 64) as u64
}

/// How many buckets, and how wide as a power of two, for so many entries of which one is taken in
/// every `gap`. All take an eighth of the time they reach over to pass.
fn measures(entries: usize, gap: u64) -> (usize, u32) {
    let buckets = (8 * entries / PER_BUCKET).next_power_of_two().clamp(64, MOST_BUCKETS);
    let width = gap.saturating_mul((8 * entries).div_ceil(buckets) as u64);
    (buckets, width.max(1).ilog2())
}

impl WideCalendar {
    /// Of these entries, for about `close` entries that are not far; one is taken in every `gap`.
    pub(super) fn new(entries: &[u128], close: usize, gap: u64) -> Self {
        let (buckets, shift) = measures(close, gap);
        let first = entries.iter().min().map_or(0, |&key| time(key));
        let mut wide = WideCalendar {
            near: Vec::new(),
            late: Heap::new(),
            tails: vec![EMPTY; buckets],
            occupied: Bitmap::new(buckets),
            pieces: Vec::new(),
            before: Vec::new(),
            free: NONE,
            in_buckets: 0,
            far: Heap::new(),
            shift,
            // The present may lie in the first bucket: what comes now must not fall behind it.
            current: first >> shift,
            shown_at: 0,
            coming: Vec::new(),
        };
        memory::reserve(&mut wide.pieces, (close + close / 4 + buckets * PIECE / 2).max(LEAST_ROOM));
        for &key in entries {
            wide.push(key);
        }
        wide
    }

    /// Whether it would be built much the same for so many entries and such a gap.
    pub(super) fn fits(&self, entries: usize, gap: u64) -> bool {
        let (buckets, shift) = measures(entries, gap);
        let built = self.tails.len();
        shift.abs_diff(self.shift) <= 1 && built.max(buckets) <= 2 * built.min(buckets)
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len_without_far() + self.far.len()
    }

    /// How many entries wait in buckets or have come.
    pub(super) fn len_without_far(&self) -> usize {
        self.near.len() + self.late.len() + self.in_buckets
    }

    #[inline(never)]
    pub(super) fn push(&mut self, key: u128) {
        let bucket = time(key) >> self.shift;
        if bucket <= self.current {
            self.late.push(key);
        } else if bucket - self.current < self.tails.len() as u64 {
            self.push_bucket(key, bucket);
        } else {
            self.far.push(key);
        }
    }

    /// The first key; `u128::MAX` without keys.
    #[inline(never)]
    pub(super) fn first(&mut self) -> u128 {
        if self.near.len() < LEAD[0] {
            self.refill();
        }
        self.near.last().copied().unwrap_or(u128::MAX).min(self.late.least())
    }

    #[inline(never)]
    pub(super) fn pop(&mut self) -> Option<u128> {
        if self.near.len() < LEAD[0] {
            self.refill();
        }
        match self.near.last() {
            Some(&key) if key < self.late.least() => self.near.pop(),
            _ => self.late.pop(),
        }
    }

    /// Shows each key of those that have come three times ahead of its turn.
    #[inline]
    pub(super) fn look_ahead(&mut self, mut show: impl FnMut(Ahead, u128)) {
        if self.near.len() == self.shown_at {
            return;
        }
        self.shown_at = self.near.len();
        for (lead, ahead) in LEAD.into_iter().zip([Ahead::Far, Ahead::Near, Ahead::Next]) {
            if let Some(at) = self.near.len().checked_sub(lead)
                && let Some(&key) = self.near.get(at)
            {
                show(ahead, key);
            }
        }
    }

    /// All entries in no particular order.
    pub(super) fn entries(&self) -> Vec<u128> {
        let mut entries = self.near.clone();
        entries.extend(self.late.iter().chain(self.far.iter()));
        for tail in &self.tails {
            let Tail { mut piece, mut filled } = *tail;
            while piece != NONE {
                let start = piece as usize * PIECE;
                entries.extend_from_slice(&self.pieces[start..start + filled as usize]);
                filled = PIECE as u32;
                piece = self.before[piece as usize];
            }
        }
        entries
    }

    #[inline]
    fn push_bucket(&mut self, key: u128, bucket: u64) {
        let place = (bucket & (self.tails.len() as u64 - 1)) as usize;
        let mut tail = self.tails[place];
        if tail.filled == PIECE as u32 {
            if tail.piece == NONE {
                self.occupied.insert(place as u32);
            }
            tail = Tail { piece: self.new_piece(tail.piece), filled: 0 };
        }
        self.pieces[tail.piece as usize * PIECE + tail.filled as usize] = key;
        tail.filled += 1;
        self.tails[place] = tail;
        self.in_buckets += 1;
    }

    fn new_piece(&mut self, before: u32) -> u32 {
        let piece = self.free;
        if piece == NONE {
            self.pieces.resize(self.pieces.len() + PIECE, 0);
            self.before.push(before);
            return self.before.len() as u32 - 1;
        }
        self.free = std::mem::replace(&mut self.before[piece as usize], before);
        piece
    }

    /// Lets the next bucket come, so that a look ahead does not end where a bucket ends.
    #[inline(never)]
    fn refill(&mut self) {
        let in_ring = if self.in_buckets > 0 { self.next_occupied() } else { u64::MAX };
        let in_heap = if self.far.is_empty() { u64::MAX } else { time(self.far.least()) >> self.shift };
        let bucket = in_ring.min(in_heap);
        // Entries far away come when nothing else is left: before that whatever is put in would
        // come late.
        let none_left = self.near.is_empty() && self.late.is_empty();
        if bucket == u64::MAX || (in_ring == u64::MAX && !none_left) {
            return;
        }
        self.current = bucket;
        if in_ring == bucket {
            self.take_bucket(bucket);
        }
        while let Some(key) = self.far.peek()
            && time(key) >> self.shift == bucket
        {
            self.far.pop();
            self.coming.push(key);
        }
        self.coming.sort_unstable_by(|a, b| b.cmp(a));
        // What had come goes before what comes now.
        self.coming.append(&mut self.near);
        std::mem::swap(&mut self.coming, &mut self.near);
    }

    /// The first bucket after the last that has come that is not empty; there is one.
    fn next_occupied(&self) -> u64 {
        let mask = self.tails.len() as u64 - 1;
        let after = self.current + 1;
        let from = (after & mask) as u32;
        let place = self.occupied.first_from(from).or_else(|| self.occupied.first());
        let place = place.expect("some bucket is not empty");
        after + (u64::from(place.wrapping_sub(from)) & mask)
    }

    /// Moves a bucket's entries into `coming` and frees its pieces.
    fn take_bucket(&mut self, bucket: u64) {
        let place = (bucket & (self.tails.len() as u64 - 1)) as usize;
        let Tail { mut piece, mut filled } = std::mem::replace(&mut self.tails[place], EMPTY);
        self.occupied.remove(place as u32);
        while piece != NONE {
            let start = piece as usize * PIECE;
            self.coming.extend_from_slice(&self.pieces[start..start + filled as usize]);
            self.in_buckets -= filled as usize;
            filled = PIECE as u32;
            let before = std::mem::replace(&mut self.before[piece as usize], self.free);
            self.free = std::mem::replace(&mut piece, before);
        }
    }
}
