//! A priority queue for more entries than fit the cache: a small heap, and sorted runs beside it.
//!
//! Entries come into a heap. When that has grown too large for the cache it becomes a sorted run, and when
//! there are as many runs of one level as a level holds they are merged into one of the next. The least
//! entry is that of the heap or the end of one of the runs, among which a tournament keeps the winner.
//! So nearly all memory is read and written in order, where one large heap waits for memory at every level
//! of its lower half.
//!
//! Source: Sanders, "Fast Priority Queues for Cached Memory", 2000. Cost: O(log n) amortised per push, of
//! which all but the push into the small heap is sequential; pop O(log runs), for at most 8 runs per level;
//! a look O(1).

use super::heap::Heap;
use super::run_sort;

/// The heap becomes a run when it has so many entries: half of it is 64 KiB, which stays in the cache.
const MOST_IN_HEAP: usize = 8192;
/// Runs of one level.
const PER_LEVEL: usize = 8;
/// How far ahead of its turn an entry of a run is named by [`SequenceHeap::soon`].
const AHEAD: usize = 3;

/// A min-queue of distinct `u128` entries below `u128::MAX`.
#[derive(Clone, Debug)]
pub struct SequenceHeap {
    heap: Heap,
    /// Each in descending order, the least at the end; empty ones have a free place.
    runs: Vec<Vec<u128>>,
    /// The least entry of every run, `u128::MAX` of an empty one.
    heads: Vec<u128>,
    /// A tournament tree: by node the number of the run with the least head below, the root at 1; the second
    /// half are the runs themselves.
    winners: Vec<u32>,
    /// The least entry of all runs, `u128::MAX` without.
    least_of_runs: u128,
    in_runs: usize,
    soon: Option<u128>,
}

impl Default for SequenceHeap {
    fn default() -> Self {
        SequenceHeap {
            heap: Heap::new(),
            runs: Vec::new(),
            heads: Vec::new(),
            winners: Vec::new(),
            least_of_runs: u128::MAX,
            in_runs: 0,
            soon: None,
        }
    }
}

impl SequenceHeap {
    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.heap.len() + self.in_runs
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.in_runs == 0
    }

    /// The least entry; `u128::MAX` without entries.
    #[inline]
    pub fn least(&self) -> u128 {
        self.heap.least().min(self.least_of_runs)
    }

    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, entry: u128) {
        if self.heap.len() == MOST_IN_HEAP {
            self.empty_heap();
        }
        self.heap.push(entry);
    }

    /// Takes the least entry out.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        if self.least_of_runs < self.heap.least() {
            return Some(self.pop_from_runs());
        }
        let least = self.heap.pop();
        self.soon = self.heap.peek();
        least
    }

    /// An entry that is likely to be the least one soon, for those who want to fetch ahead what it stands
    /// for. After every pop another one.
    #[inline]
    pub fn soon(&self) -> Option<u128> {
        self.soon
    }

    /// All entries in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = u128> + '_ {
        self.heap.iter().chain(self.runs.iter().flatten().copied())
    }

    fn pop_from_runs(&mut self) -> u128 {
        let number = self.winners[1] as usize;
        let run = &mut self.runs[number];
        let least = run.pop().expect("a run that wins has an entry");
        self.soon = run.len().checked_sub(AHEAD).map(|at| run[at]);
        self.in_runs -= 1;
        self.play(number);
        least
    }

    /// The end of this run is another one: plays its games again.
    #[inline]
    fn play(&mut self, run: usize) {
        self.heads[run] = self.runs[run].last().copied().unwrap_or(u128::MAX);
        let head = |winner: u32| self.heads[winner as usize];
        let mut at = (self.winners.len() / 2 + run) / 2;
        while at > 0 {
            let (left, right) = (self.winners[2 * at], self.winners[2 * at + 1]);
            self.winners[at] = if head(right) < head(left) { right } else { left };
            at /= 2;
        }
        self.least_of_runs = head(self.winners[1]);
    }

    /// Makes a run of what is in the heap.
    #[cold]
    fn empty_heap(&mut self) {
        let mut level = 0;
        // Full levels are merged into one run of the next.
        while self.free_place(level).is_none() {
            level += 1;
        }
        while level > 0 {
            let place = self.free_place(level).expect("there is room on this level");
            self.merge_below(level, place);
            level -= 1;
        }
        let place = self.free_place(0).expect("the first level has room");
        let mut run = std::mem::take(&mut self.runs[place]);
        run.extend(self.heap.iter());
        run_sort::sort_descending(&mut run);
        self.in_runs += run.len();
        self.runs[place] = run;
        self.heap.clear();
        self.play(place);
    }

    /// An empty run of the level, which is made if it does not exist.
    fn free_place(&mut self, level: usize) -> Option<usize> {
        let from = level * PER_LEVEL;
        if self.runs.len() <= from {
            self.runs.resize_with(from + PER_LEVEL, Vec::new);
            self.build_tournament();
        }
        (from..from + PER_LEVEL).find(|&run| self.runs[run].is_empty())
    }

    fn build_tournament(&mut self) {
        let leaves = self.runs.len().next_power_of_two();
        self.heads = vec![u128::MAX; leaves];
        self.winners = vec![0; leaves];
        self.winners.extend(0..leaves as u32);
        for run in 0..self.runs.len() {
            self.play(run);
        }
    }

    /// Merges all runs of the level below into the run at `place`.
    fn merge_below(&mut self, level: usize, place: usize) {
        let mut all = std::mem::take(&mut self.runs[place]);
        let below = (level - 1) * PER_LEVEL..level * PER_LEVEL;
        all.reserve_exact(below.clone().map(|run| self.runs[run].len()).sum());
        for run in below {
            all.append(&mut self.runs[run]);
            if level > 1 {
                // A run of the first level comes again at once; larger ones give their memory back.
                self.runs[run] = Vec::new();
            }
            self.play(run);
        }
        // They are sorted one by one already: a stable sort finds that out and merges them.
        all.sort_by(|a, b| b.cmp(a));
        self.runs[place] = all;
        self.play(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// Far more entries than the heap holds, in rounds of pushes and pops, come out in order.
        #[test]
        fn agrees_with_an_ordered_set(
            rounds in prop::collection::vec((0usize..120_000, 0usize..120_000, 1u64..u64::MAX), 1..6),
        ) {
            let mut ours = SequenceHeap::default();
            let mut theirs = BTreeSet::new();
            let mut state = 1u64;
            let mut number = 0;
            for (pushes, pops, spread) in rounds {
                for _ in 0..pushes {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let entry = u128::from((state >> 20) % spread) << 64 | number;
                    number += 1;
                    ours.push(entry);
                    theirs.insert(entry);
                }
                prop_assert!(ours.iter().count() == theirs.len());
                for _ in 0..pops {
                    let least = theirs.pop_first();
                    prop_assert_eq!(ours.least(), least.unwrap_or(u128::MAX));
                    prop_assert_eq!(ours.pop(), least);
                    prop_assert_eq!(ours.len(), theirs.len());
                    prop_assert_eq!(ours.is_empty(), theirs.is_empty());
                }
            }
        }
    }
}
