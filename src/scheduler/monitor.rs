//! The monitor: nodes send heartbeats, and one that is silent for too long is declared dead.
//!
//! How long is too long, a detector says. The simple one has a timeout. The other (phi accrual: Hayashibara,
//! Défago, Yared and Katayama 2004) learns from the last gaps between heartbeats of a node how long they
//! are, and how much that varies: phi = -log10 of the probability that a heartbeat comes later than now, the
//! gaps taken as normal. A node is dead when phi reaches a threshold, which is when it has been silent for
//! mean + z x standard deviation, where a standard normal exceeds z with probability 10^-phi.
//!
//! A dead node is as one that is lost: what ran there starts over elsewhere, results of it that come late
//! are refused. When a node that was declared dead is heard of again, it is back.
//!
//! Cost: O(1) for a heartbeat. A node has one timer, which is not moved when it is heard of: when it fires
//! it is set again, so that there is one in O(log timers) for each time that a node may be silent, and not
//! for each heartbeat. With `window` gaps kept, 8 x window bytes a node, for phi accrual only.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc_inv;

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::timers::{Alarm, Timers};
use crate::ids::NodeId;
use crate::time::{Duration, Time};

/// How the scheduler finds out that nodes are dead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorPlan {
    /// Mean time between two heartbeats of a node; above 0.
    pub interval: Duration,
    /// When a silent node is dead.
    pub detector: Detector,
}

/// When a silent node is dead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detector {
    /// When nothing was heard of it for so long: a heartbeat that comes at that very instant is too late.
    Timeout {
        /// So long.
        dead_after: Duration,
    },
    /// When phi reaches the threshold.
    PhiAccrual {
        /// The threshold, above 0.31: nothing is dead before a heartbeat is due.
        threshold: f64,
        /// Gaps that are remembered, at least 2.
        window: u32,
        /// The standard deviation is taken as no less than this.
        least_deviation: Duration,
    },
}

/// What is known of a node.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// When it joined or was last heard of.
    last: Time,
    /// When its timer fires; `Time::NEVER` when it has none. A timer that fires at another time was
    /// overtaken.
    armed: Time,
    /// Whether a heartbeat came since it joined: only then the next one ends a gap.
    gap: bool,
}

/// The last gaps between heartbeats of every node.
#[derive(Clone, Debug)]
struct Gaps {
    window: usize,
    z: f64,
    least_deviation: f64,
    /// By node, `window` gaps, the oldest overwritten first.
    gaps: Vec<u64>,
    sums: Vec<Sums>,
}

#[derive(Clone, Copy, Debug)]
struct Sums {
    sum: u128,
    squares: u128,
    count: u32,
    next: u32,
}

/// Gaps count as no longer than this (13 days), so that sums of squares always fit.
const LONGEST_GAP: u64 = 1 << 50;

/// What is known of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    nodes: Vec<Heard>,
    dead_after: Duration,
    gaps: Option<Gaps>,
}

impl Monitor {
    pub(super) fn new(plan: &MonitorPlan, nodes: usize) -> Box<Monitor> {
        let (dead_after, gaps) = match plan.detector {
            Detector::Timeout { dead_after } => (dead_after, None),
            Detector::PhiAccrual { threshold, window, least_deviation } => {
                let gaps = Gaps::new(plan.interval, threshold, window, least_deviation, nodes);
                (Duration::ZERO, Some(gaps))
            }
        };
        let unknown = Heard { last: Time::ZERO, armed: Time::NEVER, gap: false };
        Box::new(Monitor { nodes: vec![unknown; nodes], dead_after, gaps })
    }

    /// When the node is dead unless it is heard of before; `Time::NEVER` beyond the clock.
    fn deadline(&self, node: NodeId) -> Time {
        let patience = self.gaps.as_ref().map_or(self.dead_after, |gaps| gaps.patience(node));
        self.nodes[node.index()].last.checked_add(patience).unwrap_or(Time::NEVER)
    }

    /// Makes sure that a timer fires no later than the node's deadline.
    fn arm(&mut self, node: NodeId, timers: &mut Timers) {
        let due = self.deadline(node);
        let heard = &mut self.nodes[node.index()];
        if due < heard.armed {
            heard.armed = due;
            timers.set(due, Alarm::Silence, 0, node.0);
        }
    }

    fn joined(&mut self, now: Time, node: NodeId, timers: &mut Timers) {
        let heard = &mut self.nodes[node.index()];
        (heard.last, heard.gap) = (now, false);
        self.arm(node, timers);
    }

    fn heard(&mut self, now: Time, node: NodeId, timers: &mut Timers) {
        let heard = &mut self.nodes[node.index()];
        let gap = heard.gap.then(|| now.since(heard.last));
        (heard.last, heard.gap) = (now, true);
        if let (Some(gaps), Some(gap)) = (&mut self.gaps, gap) {
            gaps.add(node, gap);
            // What was learnt may bring the deadline forward.
            self.arm(node, timers);
        }
    }

    /// Whether a timer that fires means that the node is dead.
    fn is_dead(&mut self, now: Time, due: Time, node: NodeId, timers: &mut Timers) -> bool {
        if self.nodes[node.index()].armed != due {
            return false;
        }
        self.nodes[node.index()].armed = Time::NEVER;
        let dead = self.deadline(node) <= now;
        if !dead {
            self.arm(node, timers);
        }
        dead
    }
}

impl Gaps {
    fn new(interval: Duration, threshold: f64, window: u32, least: Duration, nodes: usize) -> Gaps {
        let mut gaps = Gaps {
            window: window as usize,
            z: std::f64::consts::SQRT_2 * erfc_inv(2.0 * 10f64.powf(-threshold)),
            least_deviation: least.0 as f64,
            gaps: vec![0; window as usize * nodes],
            sums: vec![Sums { sum: 0, squares: 0, count: 0, next: 0 }; nodes],
        };
        // Before anything is known: the mean that nodes say they keep, and a quarter of it as deviation.
        let quarter = interval.0 / 4;
        for node in 0..nodes as u32 {
            gaps.add(NodeId(node), Duration(interval.0 - quarter));
            gaps.add(NodeId(node), Duration(interval.0.saturating_add(quarter)));
        }
        gaps
    }

    fn add(&mut self, node: NodeId, gap: Duration) {
        let gap = gap.0.min(LONGEST_GAP);
        let sums = &mut self.sums[node.index()];
        let place = &mut self.gaps[node.index() * self.window + sums.next as usize];
        if sums.count as usize == self.window {
            sums.sum -= u128::from(*place);
            sums.squares -= u128::from(*place) * u128::from(*place);
        } else {
            sums.count += 1;
        }
        *place = gap;
        sums.sum += u128::from(gap);
        sums.squares += u128::from(gap) * u128::from(gap);
        sums.next = (sums.next + 1) % self.window as u32;
    }

    /// How long the node may be silent.
    fn patience(&self, node: NodeId) -> Duration {
        let Sums { sum, squares, count, .. } = self.sums[node.index()];
        let count = u128::from(count);
        let mean = sum as f64 / count as f64;
        // Whole numbers: no digits cancel.
        let deviation = ((count * squares - sum * sum) as f64).sqrt() / count as f64;
        Duration((mean + self.z * deviation.max(self.least_deviation)).round() as u64)
    }
}

impl<P: Policy> Scheduler<P> {
    /// Whether a heartbeat of this node changes anything that decisions depend on. Drivers need not ask
    /// for a decision after one that does not.
    pub fn heeds_heartbeat(&self, node: NodeId) -> bool {
        self.monitor.is_some() && !self.cluster.is_up(node)
    }

    /// A node says that it is there.
    #[cold]
    pub(super) fn on_heartbeat<O: Observer>(&mut self, now: Time, node: NodeId, observer: &mut O) {
        let Some(monitor) = &mut self.monitor else { return };
        // A silence that was taken for death is a gap as any other: without it a detector that is too
        // hasty would get hastier.
        monitor.heard(now, node, &mut self.timers);
        if self.cluster.is_up(node) {
            return;
        }
        self.on_node_joined(now, node, observer);
        if let Some(monitor) = &mut self.monitor {
            monitor.nodes[node.index()].gap = true;
        }
    }

    /// A node is up from now on.
    #[cold]
    pub(super) fn watch(&mut self, now: Time, node: NodeId) {
        if let Some(monitor) = &mut self.monitor {
            monitor.joined(now, node, &mut self.timers);
        }
    }

    /// A node may have been silent for too long.
    #[cold]
    pub(super) fn on_silence<O: Observer>(
        &mut self,
        now: Time,
        due: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(monitor) = &mut self.monitor else { return };
        if monitor.is_dead(now, due, node, &mut self.timers) && self.cluster.is_up(node) {
            observer.on_record(now, &Record::DeclaredDead { node });
            self.on_node_lost(now, node, commands, observer);
        }
    }

    /// Every node that is believed up has a timer, which fires before its silence is too long.
    pub(super) fn check_monitor(&self) {
        let Some(monitor) = &self.monitor else { return };
        for node in self.cluster.nodes().filter(|&node| self.cluster.is_up(node)) {
            let armed = monitor.nodes[node.index()].armed;
            assert!(armed <= monitor.deadline(node), "node {} is not watched", node.0);
            assert!(self.timers.next().is_some_and(|next| next <= armed), "node {} has no timer", node.0);
        }
        let Some(gaps) = &monitor.gaps else { return };
        for (node, sums) in gaps.sums.iter().enumerate() {
            let kept = &gaps.gaps[node * gaps.window..][..sums.count as usize];
            assert_eq!(
                sums.sum,
                kept.iter().map(|gap| u128::from(*gap)).sum::<u128>(),
                "gaps of node {node}"
            );
        }
    }
}
