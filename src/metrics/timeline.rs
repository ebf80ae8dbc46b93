//! A run over time, in buckets of equal width, without knowing beforehand how long it will be.
//!
//! Fine buckets are filled as time goes on. When they run out, neighbours are joined in pairs and
//! the width doubles, so that the memory is fixed. In the end the fine buckets are joined into the
//! number that was asked for, all of one width, with exact counts; the last may reach a little
//! beyond the end of the run.

use super::results::{Timeline, TimelineRow};
use crate::time::{Duration, Time};

/// Fine buckets at most in all: they take 5 MB.
const MOST: usize = 204_800;

/// Fine buckets at most per bucket that was asked for: the more, the less the last one reaches
/// beyond the end, which nobody sees where buckets are many.
fn fine_per_bucket(buckets: usize) -> usize {
    (MOST / buckets).clamp(4, 1024)
}

#[derive(Clone, Copy, Debug, Default)]
struct Fine {
    arrived: u32,
    completed: u32,
    failed: u32,
    queue_length: u32,
    running: u32,
    nodes_up: u32,
}

impl Fine {
    /// This bucket and the one after it.
    fn joined(self, later: Fine) -> Fine {
        Fine {
            arrived: self.arrived + later.arrived,
            completed: self.completed + later.completed,
            failed: self.failed + later.failed,
            ..later
        }
    }

    fn levels(self) -> Fine {
        Fine { arrived: 0, completed: 0, failed: 0, ..self }
    }
}

/// Collects a [`Timeline`].
#[derive(Clone, Debug)]
pub(super) struct TimelineCollector {
    buckets: usize,
    start: Time,
    width: u64,
    /// Finished fine buckets.
    rows: Vec<Fine>,
    /// The one being filled, and when it ends.
    current: Fine,
    end: u64,
}

impl TimelineCollector {
    /// For `buckets` (at least 1) buckets; `expected` is a guess at the length of the run, which
    /// only saves work.
    pub(super) fn new(buckets: u32, expected: Duration) -> Self {
        let buckets = buckets as usize;
        let width = (expected.0 / (16 * fine_per_bucket(buckets) * buckets) as u64).max(1);
        TimelineCollector {
            buckets,
            start: Time::ZERO,
            width,
            rows: Vec::new(),
            current: Fine::default(),
            end: width,
        }
    }

    /// The first arrival: time counts from here. What was up before stays up.
    pub(super) fn begin(&mut self, now: Time) {
        self.start = now;
        self.rows.clear();
        self.current = self.current.levels();
        self.end = now.0.saturating_add(self.width);
    }

    /// Moves on to the bucket that holds `now`.
    #[inline]
    fn at(&mut self, now: Time) -> &mut Fine {
        if now.0 >= self.end {
            self.advance(now);
        }
        &mut self.current
    }

    #[cold]
    fn advance(&mut self, now: Time) {
        let capacity = fine_per_bucket(self.buckets) * self.buckets;
        while now.since(self.start).0 / self.width >= capacity as u64 {
            self.halve();
        }
        let index = (now.since(self.start).0 / self.width) as usize;
        if self.rows.len() < index {
            self.rows.push(self.current);
            self.current = self.current.levels();
            self.rows.resize(index, self.current);
        }
        self.end = self.start.0.saturating_add((index as u64 + 1).saturating_mul(self.width));
    }

    fn halve(&mut self) {
        self.width = self.width.saturating_mul(2);
        let odd = self.rows.len() % 2 == 1;
        if odd {
            // The bucket being filled is the second of a pair.
            let first = self.rows.pop().expect("odd, so not empty");
            self.current = first.joined(self.current);
        }
        let half = self.rows.len() / 2;
        for at in 0..half {
            self.rows[at] = self.rows[2 * at].joined(self.rows[2 * at + 1]);
        }
        self.rows.truncate(half);
    }

    #[inline]
    pub(super) fn arrived(&mut self, now: Time) {
        let row = self.at(now);
        row.arrived += 1;
        row.queue_length += 1;
    }

    #[inline]
    pub(super) fn dispatched(&mut self, now: Time) {
        let row = self.at(now);
        row.queue_length -= 1;
        row.running += 1;
    }

    /// Another attempt of a task that runs.
    pub(super) fn copied(&mut self, now: Time) {
        self.at(now).running += 1;
    }

    #[inline]
    pub(super) fn ended(&mut self, now: Time, failed: bool) {
        let row = self.at(now);
        row.running -= 1;
        row.failed += u32::from(failed);
    }

    #[inline]
    pub(super) fn returned(&mut self, now: Time) {
        self.at(now).queue_length += 1;
    }

    pub(super) fn left_queue(&mut self, now: Time) {
        self.at(now).queue_length -= 1;
    }

    #[inline]
    pub(super) fn completed(&mut self, now: Time) {
        self.at(now).completed += 1;
    }

    pub(super) fn nodes_up(&mut self, now: Time, nodes_up: u32) {
        self.at(now).nodes_up = nodes_up;
    }

    /// The timeline up to the bucket that holds `end`.
    pub(super) fn finish(mut self, end: Time) -> Timeline {
        self.at(end);
        self.rows.push(self.current);
        let join = self.rows.len().div_ceil(self.buckets);
        let after = self.current.levels();
        let mut rows = Vec::with_capacity(self.buckets);
        for bucket in 0..self.buckets {
            let from = (bucket * join).min(self.rows.len());
            let to = (from + join).min(self.rows.len());
            let row = self.rows[from..to]
                .iter()
                .fold(None, |sum: Option<Fine>, &fine| Some(sum.map_or(fine, |sum| sum.joined(fine))));
            let row = row.unwrap_or(after);
            rows.push(TimelineRow {
                arrived: u64::from(row.arrived),
                completed: u64::from(row.completed),
                failed: u64::from(row.failed),
                queue_length: u64::from(row.queue_length),
                running: u64::from(row.running),
                nodes_up: u64::from(row.nodes_up),
            });
        }
        Timeline { start: self.start, width: Duration(self.width.saturating_mul(join as u64)), rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the guess, buckets have one width, cover the run, and count what fell into them.
        #[test]
        fn buckets_count_exactly(
            gaps in prop::collection::vec(0u64..5_000_000, 1..300),
            buckets in 1u32..20,
            guess in 0u64..2_000_000_000,
        ) {
            let mut collector = TimelineCollector::new(buckets, Duration(guess));
            let mut arrivals = Vec::new();
            let mut now = 1_000u64;
            collector.begin(Time(now));
            for gap in gaps {
                now += gap;
                collector.arrived(Time(now));
                arrivals.push(now);
            }
            let timeline = collector.finish(Time(now));
            prop_assert_eq!(timeline.rows.len(), buckets as usize);
            prop_assert!(timeline.end_of(buckets as usize - 1).0 > now);
            for (index, row) in timeline.rows.iter().enumerate() {
                let (from, to) = (timeline.end_of(index).0 - timeline.width.0, timeline.end_of(index).0);
                let expected = arrivals.iter().filter(|&&at| from <= at && at < to).count() as u64;
                prop_assert_eq!(row.arrived, expected);
                let level = arrivals.iter().filter(|&&at| at < to).count() as u64;
                prop_assert_eq!(row.queue_length, level);
            }
        }
    }
}
