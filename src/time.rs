//! Simulated and real instants as whole nanoseconds.
//!
//! Integers make equal times equal on every platform and keep a run reproducible; 64 bits hold
//! 584 years. Conversions from seconds round to the nearest nanosecond and say so when a value
//! does not fit: overflow is an error, never a wrap.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: f64 = 1e9;

/// An instant: nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Time(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Duration(pub u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than everything that can happen; used for "never".
    pub const NEVER: Time = Time(u64::MAX);

    /// This instant in seconds since the start of the run.
    #[inline]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND
    }

    /// The instant `seconds` after the start, to the nearest nanosecond.
    ///
    /// `None` when `seconds` is negative, not a number, or more than 584 years.
    #[inline]
    pub fn from_seconds(seconds: f64) -> Option<Time> {
        Duration::from_seconds(seconds).map(|duration| Time(duration.0))
    }

    /// This instant and `duration` more, or `None` beyond 584 years.
    #[inline]
    pub fn checked_add(self, duration: Duration) -> Option<Time> {
        self.0.checked_add(duration.0).map(Time)
    }

    /// Time from `earlier` to this instant; zero when `earlier` is later.
    #[inline]
    pub fn since(self, earlier: Time) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// This length in seconds.
    #[inline]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND
    }

    /// Time that a node of this speed takes for work in billionths of a unit: speed 1 is one unit per
    /// second. More than 584 years count as 584 years.
    #[inline(always)]
    pub fn of_work(work: u64, speed: f64) -> Duration {
        // A product with 1 would be exact only up to 2^53.
        Duration(if speed == 1.0 { work } else { (work as f64 / speed).round() as u64 })
    }

    /// Work that a node of this speed does in this time, in billionths of a unit.
    #[inline]
    pub fn work_at(self, speed: f64) -> u64 {
        if speed == 1.0 { self.0 } else { (self.0 as f64 * speed).round() as u64 }
    }

    /// `seconds` to the nearest nanosecond.
    ///
    /// `None` when `seconds` is negative, not a number, or more than 584 years.
    #[inline]
    pub fn from_seconds(seconds: f64) -> Option<Duration> {
        let nanos = (seconds * NANOS_PER_SECOND).round();
        // The largest double below 2^64; written so that NaN fails too.
        if (0.0..18_446_744_073_709_549_568.0).contains(&nanos) { Some(Duration(nanos as u64)) } else { None }
    }
}

/// A non-negative number of seconds or units of work in billionths, to the nearest.
///
/// `None` when it is negative, not a number, or does not fit 64 bits. Does what
/// [`Duration::from_seconds`] does without its call of
/// `round`, which costs as much as a draw where the processor has no instruction for it.
#[inline]
pub(crate) fn billionths(value: f64) -> Option<u64> {
    let scaled = value * NANOS_PER_SECOND;
    // From 2^52 on every double is whole and adding a half would round it a second time.
    if (0.0..4_503_599_627_370_496.0).contains(&scaled) {
        Some((scaled + 0.5) as i64 as u64)
    } else {
        Duration::from_seconds(value).map(|duration| duration.0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    /// # Panics
    /// When the sum passes 584 years: a run that long is a mistake in the model, and a wrapped
    /// clock would be a silent wrong answer.
    #[inline]
    fn add(self, rhs: Duration) -> Time {
        match self.0.checked_add(rhs.0) {
            Some(nanos) => Time(nanos),
            None => overflow(),
        }
    }
}

#[cold]
#[inline(never)]
fn overflow() -> ! {
    panic!("the clock passed 584 years");
}

impl Sub for Time {
    type Output = Duration;
    /// Time between two instants; `rhs` must not be the later one.
    #[inline]
    fn sub(self, rhs: Time) -> Duration {
        debug_assert!(rhs <= self, "a length of time cannot be negative");
        Duration(self.0.wrapping_sub(rhs.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Time::NEVER { f.write_str("never") } else { write!(f, "{:.9}s", self.as_seconds()) }
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}s", self.as_seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_to_the_nearest_nanosecond() {
        assert_eq!(Time::from_seconds(1.000_000_000_4), Some(Time(1_000_000_000)));
        assert_eq!(Time::from_seconds(1.000_000_000_6), Some(Time(1_000_000_001)));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e11] {
            assert_eq!(Duration::from_seconds(seconds), None, "{seconds}");
        }
    }

    #[test]
    #[should_panic(expected = "584 years")]
    fn the_clock_does_not_wrap() {
        let _ = Time(u64::MAX - 1) + Duration(2);
    }
}
