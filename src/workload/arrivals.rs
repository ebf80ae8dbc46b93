//! Instants of arrival, one at a time, for every process a scenario can name.
//!
//! Times are sums of whole nanoseconds, so they never decrease and are the same on every platform.
//! All gaps come from one stream (`Purpose::Arrivals`, id 0) in order; what a process needs beside
//! gaps has a stream of its own: lengths of bursts and pauses (`Purpose::Arrivals`, id 1), the
//! accept-or-reject draws of daily arrivals (`Purpose::Arrivals`, id 2) and sizes of batches
//! (`Purpose::BatchSize`, id 0). Changing the size of batches leaves the instants alone.

use std::f64::consts::TAU;
use std::sync::Arc;

use crate::distribution::{Distribution, standard_exponential};
use crate::random::{Purpose, Stream, Streams, uniform};
use crate::time::Time;
use crate::time::billionths;
use crate::workload::Arrivals;

/// Stream of gaps.
const GAPS: u64 = 0;
/// Stream of the lengths of bursts and of the pauses between them.
const PHASES: u64 = 1;
/// Stream that decides which candidates of a daily process arrive.
const THINNING: u64 = 2;

/// Draws the instants of a process of arrivals in ascending order.
#[derive(Clone, Debug)]
pub struct ArrivalTimes {
    process: Process,
    gaps: Stream,
    /// The last instant given out (or, in a bursty process, passed).
    now: u64,
    overflowed: bool,
}

#[derive(Clone, Debug)]
enum Process {
    Poisson { mean_gap: f64 },
    AtOnce,
    Periodic { interval: f64 },
    Renewal { gaps: Distribution },
    Bursty(Box<Bursty>),
    Daily(Box<Daily>),
    Batch(Box<Batch>),
    Times { times: Arc<[Time]>, next: usize },
}

#[derive(Clone, Debug)]
struct Bursty {
    phases: Stream,
    /// Arrivals per second outside bursts and within.
    rates: [f64; 2],
    /// Mean lengths of pauses and of bursts.
    lengths: [f64; 2],
    /// 0 in a pause, 1 in a burst.
    phase: usize,
    phase_end: u64,
}

#[derive(Clone, Debug)]
struct Daily {
    thinning: Stream,
    /// Mean gap between candidates, which come at the highest rate of the day.
    candidate_gap: f64,
    amplitude: f64,
    period: f64,
}

#[derive(Clone, Debug)]
struct Batch {
    groups: ArrivalTimes,
    sizes: Stream,
    size: Distribution,
    /// Tasks of the current group that have not been given out.
    left: u64,
    at: Time,
}

impl ArrivalTimes {
    /// The instants of `arrivals` in the world of `streams`.
    ///
    /// # Panics
    /// When a bursty process can never bring an arrival; reading a scenario refuses such rates.
    pub fn new(arrivals: &Arrivals, streams: Streams) -> ArrivalTimes {
        let process = match arrivals {
            Arrivals::AtOnce => Process::AtOnce,
            Arrivals::Poisson { rate } => Process::Poisson { mean_gap: 1.0 / rate },
            Arrivals::Periodic { interval } => Process::Periodic { interval: *interval },
            Arrivals::Renewal { gaps } => Process::Renewal { gaps: gaps.clone() },
            Arrivals::Bursty { rate, peak_rate, on, off } => {
                Process::Bursty(Box::new(Bursty::new([*rate, *peak_rate], [*off, *on], streams)))
            }
            Arrivals::Daily { rate, amplitude, period } => Process::Daily(Box::new(Daily {
                thinning: streams.stream(Purpose::Arrivals, THINNING),
                candidate_gap: 1.0 / (rate * (1.0 + amplitude)),
                amplitude: *amplitude,
                period: *period,
            })),
            Arrivals::Batch { size, process } => Process::Batch(Box::new(Batch {
                groups: ArrivalTimes::new(process, streams),
                sizes: streams.stream(Purpose::BatchSize, 0),
                size: size.clone(),
                left: 0,
                at: Time::ZERO,
            })),
            Arrivals::Times { times } => Process::Times { times: times.clone(), next: 0 },
        };
        let gaps = streams.stream(Purpose::Arrivals, GAPS);
        ArrivalTimes { process, gaps, now: 0, overflowed: false }
    }

    /// The next instant, never before the one given out last.
    ///
    /// `None` at the end of a list of times, and when an instant does not fit the clock of 584
    /// years; [`overflowed`](Self::overflowed) tells the two apart.
    #[expect(clippy::should_implement_trait, reason = "an iterator would promise what an overflow breaks")]
    #[inline]
    pub fn next(&mut self) -> Option<Time> {
        if let Process::Poisson { mean_gap } = self.process {
            let gap = mean_gap * standard_exponential(&mut self.gaps);
            return self.advance(gap);
        }
        self.next_rare()
    }

    /// True once an instant did not fit the clock; no more instants follow.
    pub fn overflowed(&self) -> bool {
        match &self.process {
            Process::Batch(batch) => batch.groups.overflowed(),
            _ => self.overflowed,
        }
    }

    /// Moves the clock by `gap` seconds.
    #[inline]
    fn advance(&mut self, gap: f64) -> Option<Time> {
        match billionths(gap).and_then(|gap| self.now.checked_add(gap)) {
            // The clock's last value means "never" elsewhere, so it is no instant of arrival.
            Some(now) if now != Time::NEVER.0 && !self.overflowed => {
                self.now = now;
                Some(Time(now))
            }
            _ => {
                self.overflowed = true;
                None
            }
        }
    }

    // Kept out of line so that the Poisson process, the one of nearly every scenario, inlines well.
    #[inline(never)]
    fn next_rare(&mut self) -> Option<Time> {
        if self.overflowed {
            return None;
        }
        match &mut self.process {
            Process::AtOnce => Some(Time::ZERO),
            Process::Poisson { mean_gap } => {
                let gap = *mean_gap * standard_exponential(&mut self.gaps);
                self.advance(gap)
            }
            Process::Periodic { interval } => {
                let interval = *interval;
                self.advance(interval)
            }
            Process::Renewal { gaps } => {
                let gap = gaps.sample(&mut self.gaps);
                self.advance(gap)
            }
            Process::Bursty(bursty) => {
                let next = bursty.next(&mut self.gaps, self.now);
                self.arrive(next)
            }
            Process::Daily(daily) => {
                let next = daily.next(&mut self.gaps, self.now);
                self.arrive(next)
            }
            Process::Batch(batch) => batch.next(),
            Process::Times { times, next } => {
                let time = times.get(*next).copied();
                *next += 1;
                time
            }
        }
    }

    /// Takes over an instant found by a process that keeps its own count; `None` is an overflow.
    fn arrive(&mut self, next: Option<u64>) -> Option<Time> {
        match next {
            Some(now) if now != Time::NEVER.0 => {
                self.now = now;
                Some(Time(now))
            }
            _ => {
                self.overflowed = true;
                None
            }
        }
    }
}

impl Bursty {
    fn new(rates: [f64; 2], lengths: [f64; 2], streams: Streams) -> Bursty {
        let arrives = |phase: usize| rates[phase] > 0.0 && lengths[phase] > 0.0;
        assert!(arrives(0) || arrives(1), "a bursty process needs a phase with arrivals");
        let mut phases = streams.stream(Purpose::Arrivals, PHASES);
        let phase_end = phase_length(&mut phases, lengths[0]);
        Bursty { phases, rates, lengths, phase: 0, phase_end }
    }

    /// Exponential gaps have no memory: a gap that reaches beyond the end of a phase is thrown away
    /// and drawn anew at the rate of the next phase, from its beginning.
    fn next(&mut self, gaps: &mut Stream, mut now: u64) -> Option<u64> {
        loop {
            let rate = self.rates[self.phase];
            if rate > 0.0 {
                let gap = billionths(standard_exponential(gaps) / rate);
                let arrival = gap.and_then(|gap| now.checked_add(gap));
                if arrival.is_some_and(|arrival| arrival <= self.phase_end) {
                    return arrival;
                }
            }
            if self.phase_end == u64::MAX {
                return None;
            }
            now = self.phase_end;
            self.phase = 1 - self.phase;
            let length = phase_length(&mut self.phases, self.lengths[self.phase]);
            self.phase_end = now.saturating_add(length);
        }
    }
}

/// At least a nanosecond, so that time passes whatever the mean.
fn phase_length(phases: &mut Stream, mean: f64) -> u64 {
    billionths(mean * standard_exponential(phases)).unwrap_or(u64::MAX).max(1)
}

impl Daily {
    /// Thinning (Lewis and Shedler, *Naval Research Logistics Quarterly* 26, 1979): candidates at the
    /// highest rate, each kept with the probability (rate now) / (highest rate).
    fn next(&mut self, gaps: &mut Stream, mut now: u64) -> Option<u64> {
        loop {
            now = now.checked_add(billionths(self.candidate_gap * standard_exponential(gaps))?)?;
            let turns = Time(now).as_seconds() / self.period;
            let relative_rate = 1.0 + self.amplitude * (TAU * turns.fract()).sin();
            if uniform(&mut self.thinning) * (1.0 + self.amplitude) < relative_rate {
                return Some(now);
            }
        }
    }
}

impl Batch {
    fn next(&mut self) -> Option<Time> {
        if self.left == 0 {
            self.at = self.groups.next()?;
            // The cast saturates; a group that large outlives any number of tasks.
            self.left = self.size.sample(&mut self.sizes).round().max(1.0) as u64;
        }
        self.left -= 1;
        Some(self.at)
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
