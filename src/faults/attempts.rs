//! Which attempts fail, and how far they come before they do.
//!
//! Whether an attempt fails is settled by (seed, purpose, task, attempt), whoever runs it when: all
//! policies and live runs meet the same failures. The task and the node are independent causes: an
//! attempt with the probability p of its task and q of its node fails with 1 - (1 - p) (1 - q). One number
//! is drawn for both, so that an attempt that fails on a good node fails on every worse one.

use crate::random::{Purpose, StreamKey, Streams};

/// How far an attempt that fails comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePoint {
    /// To its end, where the failure is found.
    #[default]
    End,
    /// To a point drawn uniformly from the work it would do.
    Uniform,
}

/// How attempts fail besides with the probability of their task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttemptFaults {
    /// By node, the probability that it makes an attempt fail; empty when no node does.
    pub nodes: Vec<f64>,
    /// How far attempts that fail come.
    pub point: FailurePoint,
    /// Probability that a task is one whose every attempt fails.
    pub poison: f64,
}

/// The fates of all attempts under one seed.
#[derive(Clone, Copy, Debug)]
pub struct AttemptFates<'a> {
    faults: &'a AttemptFaults,
    /// Whether nothing but the probability of the task decides.
    plain: bool,
    failures: StreamKey,
    points: StreamKey,
    poison: StreamKey,
    /// Tasks with these identities are no poison tasks.
    spared_from: u64,
}

impl<'a> AttemptFates<'a> {
    /// Those of this replication.
    pub fn new(faults: &'a AttemptFaults, streams: Streams) -> Self {
        AttemptFates {
            faults,
            plain: faults.nodes.is_empty() && faults.poison == 0.0,
            failures: streams.key(Purpose::Failure),
            points: streams.key(Purpose::FailurePoint),
            poison: streams.key(Purpose::Poison),
            spared_from: u64::MAX,
        }
    }

    /// The same, without poison tasks among those with this identity or a greater one: those that undo
    /// others.
    pub fn sparing(self, from: Option<u32>) -> Self {
        AttemptFates { spared_from: from.map_or(u64::MAX, u64::from), ..self }
    }

    /// Whether this attempt of the task fails on this node; `probability` is that of the task alone.
    #[inline(always)]
    pub fn fails(&self, identity: impl Fn() -> u64, attempt: u32, node: u32, probability: f64) -> bool {
        if !self.plain {
            return self.fails_anyhow(identity(), attempt, node, probability);
        }
        probability > 0.0 && self.failures.uniform2(identity(), u64::from(attempt)) < probability
    }

    #[cold]
    fn fails_anyhow(&self, identity: u64, attempt: u32, node: u32, probability: f64) -> bool {
        let spared = identity >= self.spared_from;
        if self.faults.poison > 0.0 && !spared && self.poison.uniform2(identity, 0) < self.faults.poison {
            return true;
        }
        let of_node = self.faults.nodes.get(node as usize).copied().unwrap_or(0.0);
        let either = 1.0 - (1.0 - probability) * (1.0 - of_node);
        either > 0.0 && self.failures.uniform2(identity, u64::from(attempt)) < either
    }

    /// Whether attempts may fail before their end.
    pub fn may_fail_early(&self) -> bool {
        self.faults.point == FailurePoint::Uniform
    }

    /// Of `left`, the work that this attempt would do, what it leaves undone when it fails: never
    /// nothing.
    pub fn undone(&self, identity: u64, attempt: u32, left: u64) -> u64 {
        let share = self.points.uniform2(identity, u64::from(attempt));
        // It has done something, and has not done all.
        ((left as f64 * share) as u64).clamp(1, left.saturating_sub(1).max(1))
    }
}
