//! What disturbs nodes without taking them down: they get slow, pause, or are cut off.
//!
//! A slow node works at its speed divided by a factor; where several hold at once, the factors
//! multiply. A node that pauses does nothing at all, and says nothing. A node that is cut off works on,
//! but no message reaches it or leaves it. The times are the same whatever else happens to the node:
//! the clocks of disturbances by chance run always, from the end of one to the begin of the next.

use super::outages::Affected;
use crate::distribution::Distribution;
use crate::random::{Purpose, Stream, Streams};
use crate::time::{Duration, Time};

/// What is wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// Its work takes so many times as long; above 0, and below 1 for a node that is faster.
    Slow(f64),
    /// Nothing happens there.
    Pause,
    /// No message reaches it or leaves it.
    Partition,
}

impl Disturbance {
    fn code(self) -> u64 {
        match self {
            Disturbance::Slow(_) => 0,
            Disturbance::Pause => 1,
            Disturbance::Partition => 2,
        }
    }

    /// Of the streams that its times come from.
    fn purpose(self) -> Purpose {
        match self {
            Disturbance::Slow(_) => Purpose::Slowness,
            Disturbance::Pause => Purpose::Pause,
            Disturbance::Partition => Purpose::Partition,
        }
    }
}

/// A disturbance as planned.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedDisturbance {
    /// Which nodes.
    pub nodes: Affected,
    /// When it begins.
    pub start: Time,
    /// When it is over.
    pub end: Time,
    /// What it is.
    pub what: Disturbance,
}

/// A disturbance that comes again and again by chance, at each node for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomDisturbance {
    /// Time from the end of one to the begin of the next, in seconds; the first is counted from 0.
    pub every: Distribution,
    /// How long one lasts, in seconds.
    pub lasts: Distribution,
    /// What it is.
    pub what: Disturbance,
}

/// All that disturbs nodes in a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Disturbances {
    /// As planned.
    pub planned: Vec<PlannedDisturbance>,
    /// Kinds of disturbances by chance.
    pub kinds: Vec<RandomDisturbance>,
    /// Which node has which of these kinds.
    pub of_nodes: Vec<(u32, u32)>,
}

impl Disturbances {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.planned.is_empty() && self.of_nodes.is_empty()
    }
}

/// Messages between the scheduler and its nodes that are lost on their way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MessageLoss {
    /// The probability that a message is lost; below 1.
    pub probability: f64,
    /// When it is lost it is sent again after this time, and may be lost again. Heartbeats are not
    /// sent again: the next one comes anyway.
    pub resend_after: Duration,
}

impl MessageLoss {
    /// How long a message that is sent until it arrives is late. `None` when that does not fit the
    /// clock.
    pub fn delay(&self, stream: &mut Stream) -> Option<Duration> {
        let mut delay = Duration::ZERO;
        while crate::random::uniform(stream) < self.probability {
            delay = Duration(delay.0.checked_add(self.resend_after.0)?);
        }
        Some(delay)
    }

    /// Whether a message that is sent once is lost.
    pub fn loses(&self, stream: &mut Stream) -> bool {
        crate::random::uniform(stream) < self.probability
    }
}

/// A disturbance of a node begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DisturbanceStep {
    /// Of this node.
    pub node: u32,
    /// Whether it begins.
    pub begins: bool,
    /// What it is.
    pub what: Disturbance,
}

/// The clock of the disturbances of one kind at one node.
#[derive(Clone, Debug)]
struct Clock {
    stream: Stream,
    node: u32,
    kind: u32,
    holds: bool,
}

/// The begins and ends of all disturbances, each as it becomes due.
#[derive(Clone, Debug)]
pub struct DisturbanceClocks<'a> {
    kinds: &'a [RandomDisturbance],
    /// In order of time, and which is next.
    planned: Vec<(Time, DisturbanceStep)>,
    next: usize,
    clocks: Vec<Clock>,
}

impl<'a> DisturbanceClocks<'a> {
    /// For so many nodes. Nothing is disturbed at first.
    pub fn new(disturbances: &'a Disturbances, nodes: usize, streams: Streams) -> Self {
        let mut planned = Vec::new();
        let mut numbers = [0; 3];
        for disturbance in &disturbances.planned {
            let PlannedDisturbance { start, end, what, .. } = *disturbance;
            // What is drawn for one list does not depend on the others.
            let number = &mut numbers[what.code() as usize];
            let id = *number << 2 | what.code();
            *number += 1;
            for node in disturbance.nodes.numbers(nodes, &mut streams.stream(Purpose::DisturbedNodes, id)) {
                planned.push((start, DisturbanceStep { node, begins: true, what }));
                planned.push((end, DisturbanceStep { node, begins: false, what }));
            }
        }
        // The sort is stable: what ends comes before what begins at that instant, the rest goes in the
        // order of the list.
        planned.sort_by_key(|(at, step)| (*at, step.begins));
        let clock = |&(node, kind): &(u32, u32)| {
            let purpose = disturbances.kinds[kind as usize].what.purpose();
            Clock { stream: streams.stream(purpose, u64::from(node)), node, kind, holds: false }
        };
        let clocks = disturbances.of_nodes.iter().map(clock).collect();
        DisturbanceClocks { kinds: &disturbances.kinds, planned, next: 0, clocks }
    }

    /// When the next planned begin or end is due.
    pub fn next_planned(&self) -> Option<Time> {
        self.planned.get(self.next).map(|(at, _)| *at)
    }

    /// The planned begin or end that is due.
    pub fn planned_step(&mut self) -> Option<DisturbanceStep> {
        let step = self.planned.get(self.next)?.1;
        self.next += 1;
        Some(step)
    }

    /// How many clocks there are.
    pub fn clocks(&self) -> u32 {
        self.clocks.len() as u32
    }

    /// How long it takes until the next begin or end of this clock. `None` when that does not fit the
    /// clock of the run.
    pub fn until_next(&mut self, clock: u32) -> Option<Duration> {
        let clock = &mut self.clocks[clock as usize];
        let kind = &self.kinds[clock.kind as usize];
        let time = if clock.holds { &kind.lasts } else { &kind.every };
        Duration::from_seconds(time.sample(&mut clock.stream))
    }

    /// The begin or end of this clock that is due.
    pub fn step(&mut self, clock: u32) -> DisturbanceStep {
        let clock = &mut self.clocks[clock as usize];
        clock.holds = !clock.holds;
        let what = self.kinds[clock.kind as usize].what;
        DisturbanceStep { node: clock.node, begins: clock.holds, what }
    }
}
