//! When workers send heartbeats: at the times at which simulated nodes do, from the same streams.
//!
//! A worker is told a few times ahead and keeps them on its own clock: that it is there, and how late its
//! heartbeats are, is real. The clock of a node's heartbeats runs always. A process that is new, or was
//! stopped, is told the times that follow.

use std::collections::VecDeque;

use super::message::{BEATS, ToWorker};
use crate::ids::NodeId;
use crate::random::{Purpose, StreamKey, Streams, uniform};
use crate::time::{Duration, Time};
use crate::world::{Heartbeats, World};

/// A worker that knows of so few times or fewer is told more.
const FEW: usize = BEATS / 2;

/// Times of one node.
#[derive(Clone, Debug, Default)]
struct Times {
    /// How many were drawn.
    drawn: u64,
    /// Those that were drawn and are to come, and the last that was drawn.
    ahead: VecDeque<Time>,
    last: Time,
    /// So many of them its worker knows, and the last that it was told of.
    known: usize,
    last_known: Time,
}

/// The heartbeats of all nodes.
#[derive(Debug)]
pub(super) struct Beats<'a> {
    heartbeats: &'a Heartbeats,
    gaps: StreamKey,
    /// Real nanoseconds per nanosecond of the scenario.
    time_scale: f64,
    nodes: Vec<Times>,
}

impl<'a> Beats<'a> {
    /// `None` in a world without heartbeats.
    pub(super) fn new(world: &'a World, seed: u64, time_scale: f64) -> Option<Self> {
        let heartbeats = world.delays.heartbeats.as_ref()?;
        Some(Beats::of(heartbeats, world.nodes.len(), world.delays.streams(seed), time_scale))
    }

    fn of(heartbeats: &'a Heartbeats, nodes: usize, streams: Streams, time_scale: f64) -> Self {
        let gaps = streams.key(Purpose::Heartbeat);
        Beats { heartbeats, gaps, time_scale, nodes: vec![Times::default(); nodes] }
    }

    /// What a worker is told that is to forget all times it knew of. `None` beyond the clock.
    pub(super) fn anew(&mut self, now: Time, node: NodeId) -> Option<ToWorker> {
        self.pass(now, node);
        self.draw(now, node, BEATS)?;
        let times = &mut self.nodes[node.index()];
        (times.known, times.last_known) = (0, now);
        Some(ToWorker::Heartbeats { anew: true, gaps: self.tell(node) })
    }

    /// What a worker is told that was heard of now: more times, if it knows of few. `None` beyond the clock.
    pub(super) fn heard(&mut self, now: Time, node: NodeId) -> Option<Option<ToWorker>> {
        self.pass(now, node);
        let known = self.nodes[node.index()].known;
        if known > FEW {
            return Some(None);
        }
        self.draw(now, node, known + BEATS)?;
        Some(Some(ToWorker::Heartbeats { anew: false, gaps: self.tell(node) }))
    }

    /// Forgets what is over.
    fn pass(&mut self, now: Time, node: NodeId) {
        let times = &mut self.nodes[node.index()];
        let over = times.ahead.partition_point(|time| *time <= now);
        times.ahead.drain(..over);
        times.known = times.known.saturating_sub(over);
    }

    /// Draws until there are so many times ahead of `now`. The first comes at any time within a mean gap, so that
    /// nodes do not speak all at once.
    fn draw(&mut self, now: Time, node: NodeId, until: usize) -> Option<()> {
        let times = &mut self.nodes[node.index()];
        while times.ahead.len() < until {
            let mut stream = self.gaps.stream2(u64::from(node.0), times.drawn);
            let gap = match times.drawn {
                0 => uniform(&mut stream) * self.heartbeats.monitor.interval.as_seconds(),
                _ => self.heartbeats.gaps.sample(&mut stream),
            };
            times.drawn += 1;
            times.last = times.last.checked_add(Duration::from_seconds(gap)?)?;
            // While nobody was there to keep them, the times of the node went on.
            if times.last > now {
                times.ahead.push_back(times.last);
            }
        }
        Some(())
    }

    /// The next times that the worker does not know, which it knows from now on: each as real nanoseconds
    /// since the one before.
    fn tell(&mut self, node: NodeId) -> [u64; BEATS] {
        let times = &mut self.nodes[node.index()];
        let real = |time: Time| (time.0 as f64 * self.time_scale).round() as u64;
        let mut before = times.last_known;
        let mut gaps = [0; BEATS];
        for (gap, time) in gaps.iter_mut().zip(times.ahead.range(times.known..)) {
            *gap = real(*time).saturating_sub(real(before));
            before = *time;
        }
        times.known += BEATS;
        times.last_known = before;
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;
    use crate::scheduler::{Detector, MonitorPlan};

    /// When a worker that is told this at `now` sends heartbeats; `last` is the last that it knew of.
    fn times(told: ToWorker, last: &mut u64, now: Time) -> Vec<Time> {
        let ToWorker::Heartbeats { anew, gaps } = told else { panic!("{told:?}") };
        *last = if anew { now.0 } else { *last };
        let time = |gap: &u64| {
            *last += gap;
            Time(*last)
        };
        gaps.iter().map(time).collect()
    }

    /// Whatever becomes of processes meanwhile, the times of a node are one course.
    #[test]
    fn times_go_on_whoever_is_told() {
        let (interval, node) = (Duration(1_000_000_000), NodeId(1));
        let detector = Detector::Timeout { suspect_after: None, dead_after: Duration(9_000_000_000) };
        let gaps = Distribution::exponential(1.0);
        let heartbeats = Heartbeats { gaps, monitor: MonitorPlan { interval, detector } };
        let beats = || Beats::of(&heartbeats, 2, Streams::new(5), 1.0);

        // A worker that always lives and is told more in time.
        let (mut told, mut last, mut steady) = (Vec::new(), 0, beats());
        told.extend(times(steady.anew(Time::ZERO, node).expect("it fits"), &mut last, Time::ZERO));
        let mut at = 0;
        while at < 100 {
            let now = told[at];
            if let Some(more) = steady.heard(now, node).expect("it fits") {
                told.extend(times(more, &mut last, now));
            }
            at += 1;
        }
        assert!(told.len() >= 100 && told.is_sorted(), "{told:?}");

        // One that is replaced after its fifth, and again long after it has run out of times.
        let mut other = beats();
        let from = |from: Time| told.iter().copied().filter(move |time| *time > from).take(BEATS);
        for now in [Time::ZERO, told[4], told[60]] {
            let again = times(other.anew(now, node).expect("it fits"), &mut last, now);
            assert_eq!(again, from(now).collect::<Vec<_>>(), "at {now:?}");
        }
    }
}
