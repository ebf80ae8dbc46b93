//! How fast a node works while it is slow or pauses, and how far an attempt is there.
//!
//! Drivers and workers reckon alike: what was done is counted whenever the pace changes and at no other
//! time, so that the same course of a node gives the same ends to the nanosecond.

use super::disturbances::Disturbance;
use crate::time::{Duration, Time};

/// Time at full speed in which is done what takes `elapsed` on a node that is so many times as slow.
fn done(elapsed: Duration, slowness: f64) -> Duration {
    if slowness == 1.0 { elapsed } else { Duration((elapsed.0 as f64 / slowness).round() as u64) }
}

/// The inverse; `None` beyond the clock.
fn takes(left: Duration, slowness: f64) -> Option<Duration> {
    if slowness == 1.0 { Some(left) } else { Duration::from_seconds(left.as_seconds() * slowness) }
}

/// The pace of a node.
#[derive(Clone, Debug)]
pub struct Pace {
    /// What slows it down just now, and the product of that.
    factors: Vec<f64>,
    slowness: f64,
    pauses: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { factors: Vec::new(), slowness: 1.0, pauses: 0 }
    }
}

impl Pace {
    /// A disturbance begins or ends. Gives whether that concerns the pace.
    pub fn change(&mut self, what: Disturbance, begins: bool) -> bool {
        match what {
            Disturbance::Slow(factor) if begins => self.factors.push(factor),
            Disturbance::Slow(factor) => {
                if let Some(at) = self.factors.iter().position(|other| *other == factor) {
                    self.factors.remove(at);
                }
            }
            Disturbance::Pause if begins => self.pauses += 1,
            Disturbance::Pause => self.pauses -= 1,
            Disturbance::Partition => return false,
        }
        self.slowness = self.factors.iter().product();
        true
    }

    /// Work takes so many times as long, unless the node pauses.
    pub fn slowness(&self) -> f64 {
        self.slowness
    }

    /// Whether nothing is done at all.
    pub fn pauses(&self) -> bool {
        self.pauses > 0
    }
}

/// How far an attempt is on its node.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Time at full speed that it needs in all, not counting the price of going on after an interruption,
    /// and what is left with that price.
    whole: Duration,
    left: Duration,
    /// Up to when that is counted.
    since: Time,
}

impl Progress {
    /// Of an attempt that needs so much time at full speed, and `extra` before it goes on with its work.
    pub fn new(whole: Duration, extra: Duration) -> Progress {
        Progress { whole, left: Duration(whole.0.saturating_add(extra.0)), since: Time::ZERO }
    }

    /// It begins to work.
    pub fn begin(&mut self, now: Time) {
        self.since = now;
    }

    /// Counts what it did until now at this pace; to be called before the pace changes.
    pub fn advance(&mut self, now: Time, pace: &Pace) {
        let idle = if pace.pauses() { Duration(u64::MAX) } else { Duration::ZERO };
        self.advance_but(now, pace.slowness, idle);
    }

    /// The same for a node that did nothing for so long up to now.
    pub fn advance_but(&mut self, now: Time, slowness: f64, idle: Duration) {
        let active = Duration(now.since(self.since).0.saturating_sub(idle.0));
        self.left.0 = self.left.0.saturating_sub(done(active, slowness).0);
        self.since = now;
    }

    /// When it ends if it begins or goes on now at this pace; `None` beyond the clock.
    pub fn end(&self, now: Time, slowness: f64) -> Option<Time> {
        now.checked_add(takes(self.left, slowness)?)
    }

    /// Time at full speed that it needs in all.
    pub fn whole(&self) -> Duration {
        self.whole
    }

    /// What it has done of it until now, at this pace since it was last counted.
    pub fn done(mut self, now: Time, pace: &Pace) -> Duration {
        self.advance(now, pace);
        self.done_so_far()
    }

    /// What it had done of it when it was last counted.
    pub fn done_so_far(&self) -> Duration {
        Duration(self.whole.0.saturating_sub(self.left.0))
    }
}
