//! A batch of tasks on its way from arrival to a sorted run.
//!
//! Most batches arrive in one go: numbers and slots follow one by one, and a key is all that must be
//! kept of a task. Key and place in the batch then fit one word, which halves what is sorted and what
//! is read while the run is worked off. Other batches keep whole entries.

use crate::structures::{memory, run_sort};

/// Key, number and slot in one word that sorts as the queue does.
#[inline]
pub(super) fn entry(key: u64, number: u32, slot: u32) -> u128 {
    (u128::from(key) << 64) | (u128::from(number) << 32) | u128::from(slot)
}

/// Tasks in order of their coming.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// Keys of tasks whose numbers and slots follow one by one from these ...
    keys: Vec<u64>,
    number: u32,
    slot: u32,
    /// ... and whole entries, once one did not.
    entries: Vec<u128>,
}

impl Gathered {
    pub(super) fn reserve(&mut self, tasks: usize) {
        memory::reserve(&mut self.keys, tasks);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.keys.len() + self.entries.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.entries.is_empty()
    }

    #[inline]
    pub(super) fn push(&mut self, key: u64, number: u32, slot: u32) {
        if self.is_empty() {
            (self.number, self.slot) = (number, slot);
        }
        let place = self.keys.len() as u32;
        let follows = number.wrapping_sub(self.number) == place && slot.wrapping_sub(self.slot) == place;
        if follows && self.entries.is_empty() {
            self.keys.push(key);
        } else {
            self.push_entry(entry(key, number, slot));
        }
    }

    #[cold]
    fn push_entry(&mut self, entry: u128) {
        self.spill();
        self.entries.push(entry);
    }

    /// Makes whole entries of keys.
    fn spill(&mut self) {
        let (number, slot) = (self.number, self.slot);
        let whole = |(place, key): (usize, u64)| entry(key, number + place as u32, slot + place as u32);
        self.entries.extend(self.keys.drain(..).enumerate().map(whole));
    }

    /// Takes all entries out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = u128> + '_ {
        self.spill();
        self.entries.drain(..)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        let following = (0..self.keys.len() as u32).map(|place| self.slot + place);
        following.chain(self.entries.iter().map(|&entry| entry as u32))
    }
}

/// Tasks in descending order of key and number: the least is at the end.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Key and place in one word, the place in the lower bits; places count from these ...
    words: Vec<u64>,
    place_bits: u32,
    number: u32,
    slot: u32,
    /// ... or whole entries.
    entries: Vec<u128>,
    /// The least entry, `u128::MAX` without entries.
    least: u128,
}

impl Default for Run {
    fn default() -> Self {
        Run { words: Vec::new(), place_bits: 0, number: 0, slot: 0, entries: Vec::new(), least: u128::MAX }
    }
}

impl Run {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.words.len() + self.entries.len()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.least == u128::MAX
    }

    /// The least entry, `u128::MAX` without entries.
    #[inline]
    pub(super) fn least(&self) -> u128 {
        self.least
    }

    /// Takes the least out.
    #[inline]
    pub(super) fn pop(&mut self) {
        if self.words.pop().is_none() {
            self.entries.pop();
        }
        self.look();
    }

    #[inline]
    fn look(&mut self) {
        self.least = match self.words.last() {
            Some(&word) => self.whole(word),
            None => self.entries.last().copied().unwrap_or(u128::MAX),
        };
    }

    #[inline]
    fn place(&self, word: u64) -> u32 {
        (word & ((1 << self.place_bits) - 1)) as u32
    }

    #[inline]
    fn whole(&self, word: u64) -> u128 {
        let place = self.place(word);
        entry(word >> self.place_bits, self.number + place, self.slot + place)
    }

    /// The slot of the task that comes after `ahead` others.
    #[inline]
    pub(super) fn slot_ahead(&self, ahead: usize) -> Option<u32> {
        if let Some(at) = self.words.len().checked_sub(ahead + 1) {
            return Some(self.slot + self.place(self.words[at]));
        }
        let at = self.entries.len().checked_sub(ahead + 1)?;
        Some(self.entries[at] as u32)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        let packed = self.words.iter().map(|&word| self.slot + self.place(word));
        packed.chain(self.entries.iter().map(|&entry| entry as u32))
    }

    /// Takes in all that was gathered.
    #[cold]
    pub(super) fn take_in(&mut self, gathered: &mut Gathered) {
        let place_bits = u64::BITS - (gathered.keys.len() as u64).leading_zeros();
        let most = gathered.keys.iter().copied().max().unwrap_or(0);
        if self.is_empty() && gathered.entries.is_empty() && most.leading_zeros() >= place_bits {
            (self.place_bits, self.number, self.slot) = (place_bits, gathered.number, gathered.slot);
            self.words = std::mem::take(&mut gathered.keys);
            for (place, word) in self.words.iter_mut().enumerate() {
                *word = *word << place_bits | place as u64;
            }
            run_sort::sort_words_descending(&mut self.words, place_bits);
        } else {
            self.merge(gathered);
        }
        self.look();
    }

    fn merge(&mut self, gathered: &mut Gathered) {
        gathered.spill();
        run_sort::sort_descending(&mut gathered.entries);
        let words = std::mem::take(&mut self.words);
        self.entries.extend(words.into_iter().map(|word| self.whole(word)).collect::<Vec<_>>());
        if self.entries.is_empty() {
            std::mem::swap(&mut self.entries, &mut gathered.entries);
        } else {
            // Both are runs, so a stable sort merges them in linear time.
            self.entries.append(&mut gathered.entries);
            self.entries.sort_by(|a, b| b.cmp(a));
        }
    }
}
