//! The monitor: nodes send heartbeats. One that is silent for a while may be suspected: it gets no new
//! tasks, and keeps what it has, until it is heard of. One that is silent for too long is declared dead.
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
//! it is set again if it was heard of meanwhile, so that there is one in O(log timers) for each time that a node may be silent, and not
//! for each heartbeat. With `window` gaps kept, 8 x window bytes a node, for phi accrual only.

use serde::{Deserialize, Serialize};
use statrs::function::erf::erfc_inv;

use super::command::Commands;
use super::event::ClosedBy;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::sabotage::Sabotage;
use super::timers::{Alarm, Timers};
use crate::ids::NodeId;
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};

/// How the scheduler finds out that nodes are dead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorPlan {
    /// Mean time between two heartbeats of a node; above 0.
    pub interval: Duration,
    /// When a silent node is dead.
    pub detector: Detector,
}

impl MonitorPlan {
    /// How much later than at the mean time a heartbeat may come before its node is suspected, or dead. For
    /// phi accrual, of a node whose gaps vary as little as counts.
    pub fn patience(&self) -> Duration {
        match self.detector {
            Detector::Timeout { suspect_after, dead_after } => {
                Duration(suspect_after.unwrap_or(dead_after).0.saturating_sub(self.interval.0))
            }
            Detector::PhiAccrual { suspicion, threshold, least_deviation, .. } => {
                let deviations = exceeded(suspicion.unwrap_or(threshold));
                Duration((deviations * least_deviation.0 as f64).max(0.0) as u64)
            }
        }
    }
}

/// What a standard normal exceeds with probability 10^-phi.
fn exceeded(phi: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * 10f64.powf(-phi))
}

/// When a silent node is dead.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detector {
    /// When nothing was heard of it for so long: a heartbeat that comes at that very instant is too late.
    Timeout {
        /// Suspected after this time, below `dead_after`; `None` for never.
        suspect_after: Option<Duration>,
        /// So long.
        dead_after: Duration,
    },
    /// When phi reaches the threshold.
    PhiAccrual {
        /// Phi at which it is suspected, below `threshold`; `None` for never.
        suspicion: Option<f64>,
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
    suspected: bool,
}

/// The last gaps between heartbeats of every node.
#[derive(Clone, Debug)]
struct Gaps {
    window: usize,
    /// Standard deviations above the mean after which it is suspected, and dead.
    suspect: Option<f64>,
    dead: f64,
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
    suspect_after: Option<Duration>,
    dead_after: Duration,
    gaps: Option<Gaps>,
}

impl Monitor {
    pub(super) fn new(plan: &MonitorPlan, nodes: usize) -> Box<Monitor> {
        let (suspect_after, dead_after, gaps) = match plan.detector {
            Detector::Timeout { suspect_after, dead_after } => (suspect_after, dead_after, None),
            phi @ Detector::PhiAccrual { .. } => (None, Duration::ZERO, Gaps::new(plan.interval, phi, nodes)),
        };
        let unknown = Heard { last: Time::ZERO, armed: Time::NEVER, gap: false, suspected: false };
        Box::new(Monitor { nodes: vec![unknown; nodes], suspect_after, dead_after, gaps })
    }

    /// When the node is suspected, or dead if it is already or never will be, unless it is heard of before;
    /// `Time::NEVER` beyond the clock.
    fn deadline(&self, node: NodeId) -> Time {
        let heard = &self.nodes[node.index()];
        let patience = match &self.gaps {
            Some(gaps) => gaps.patience(node, heard.suspected),
            None => self.suspect_after.filter(|_| !heard.suspected).unwrap_or(self.dead_after),
        };
        heard.last.checked_add(patience).unwrap_or(Time::NEVER)
    }

    /// Whether a node that has been silent until its deadline is only suspected.
    fn only_suspects(&self, node: NodeId) -> bool {
        let suspects = match &self.gaps {
            Some(gaps) => gaps.suspect.is_some(),
            None => self.suspect_after.is_some(),
        };
        suspects && !self.nodes[node.index()].suspected
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
            // What was learnt may bring the deadline forward, but never to less than a mean gap from now:
            // mostly the timer fires before that.
            let soonest = now.0.saturating_add(gaps.mean(node) as u64);
            if self.nodes[node.index()].armed.0 > soonest {
                self.arm(node, timers);
            }
        }
    }

    /// Whether a timer that fires means that the node has been silent until its deadline.
    fn is_silent(&mut self, now: Time, due: Time, node: NodeId, timers: &mut Timers) -> bool {
        if self.nodes[node.index()].armed != due {
            return false;
        }
        self.nodes[node.index()].armed = Time::NEVER;
        let silent = self.deadline(node) <= now;
        if !silent {
            self.arm(node, timers);
        }
        silent
    }
}

impl Gaps {
    /// `None` for a detector that learns nothing.
    fn new(interval: Duration, detector: Detector, nodes: usize) -> Option<Gaps> {
        let Detector::PhiAccrual { suspicion, threshold, window, least_deviation } = detector else {
            return None;
        };
        let mut gaps = Gaps {
            window: window as usize,
            suspect: suspicion.map(exceeded),
            dead: exceeded(threshold),
            least_deviation: least_deviation.0 as f64,
            gaps: vec![0; window as usize * nodes],
            sums: vec![Sums { sum: 0, squares: 0, count: 0, next: 0 }; nodes],
        };
        // Before anything is known: the mean that nodes say they keep, and a quarter of it as deviation.
        let quarter = interval.0 / 4;
        for node in 0..nodes as u32 {
            gaps.add(NodeId(node), Duration(interval.0 - quarter));
            gaps.add(NodeId(node), Duration(interval.0.saturating_add(quarter)));
        }
        Some(gaps)
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

    fn mean(&self, node: NodeId) -> f64 {
        let Sums { sum, count, .. } = self.sums[node.index()];
        sum as f64 / f64::from(count)
    }

    /// How long the node may be silent until it is suspected, or dead.
    fn patience(&self, node: NodeId, suspected: bool) -> Duration {
        let z = self.suspect.filter(|_| !suspected).unwrap_or(self.dead);
        let Sums { sum, squares, count, .. } = self.sums[node.index()];
        let count = u128::from(count);
        // Whole numbers: no digits cancel.
        let deviation = ((count * squares - sum * sum) as f64).sqrt() / count as f64;
        Duration((self.mean(node) + z * deviation.max(self.least_deviation)).round() as u64)
    }
}

impl<P: Policy> Scheduler<P> {
    /// Whether a heartbeat of this node changes anything that decisions depend on. Drivers need not ask
    /// for a decision after one that does not.
    pub fn heeds_heartbeat(&self, node: NodeId) -> bool {
        self.monitor
            .as_ref()
            .is_some_and(|monitor| monitor.nodes[node.index()].suspected || !self.cluster.has_joined(node))
    }

    /// A node says that it is there.
    #[cold]
    pub(super) fn on_heartbeat<O: Observer>(&mut self, now: Time, node: NodeId, observer: &mut O) {
        let Some(monitor) = &mut self.monitor else { return };
        // A silence that was taken for death is a gap as any other: without it a detector that is too
        // hasty would get hastier.
        monitor.heard(now, node, &mut self.timers);
        if self.cluster.has_joined(node) {
            if self.clear_suspicion(now, node, observer)
                && let Some(monitor) = &mut self.monitor
            {
                // Its timer was set for its death, and it may be suspected before.
                monitor.arm(node, &mut self.timers);
            }
            return;
        }
        self.on_node_joined(now, node, observer);
        if let Some(monitor) = &mut self.monitor {
            monitor.nodes[node.index()].gap = true;
        }
    }

    /// A node that was suspected is there, or gone for good. Gives whether it was suspected.
    fn clear_suspicion<O: Observer>(&mut self, now: Time, node: NodeId, observer: &mut O) -> bool {
        let Some(monitor) = &mut self.monitor else { return false };
        let suspected = std::mem::take(&mut monitor.nodes[node.index()].suspected);
        if suspected {
            self.open_node(now, node, ClosedBy::Monitor, observer);
        }
        suspected
    }

    /// A node is up from now on.
    #[cold]
    pub(super) fn watch<O: Observer>(&mut self, now: Time, node: NodeId, observer: &mut O) {
        self.clear_suspicion(now, node, observer);
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
        let ignores = self.lacks(Sabotage::Silence);
        let Some(monitor) = &mut self.monitor else { return };
        let silent = monitor.is_silent(now, due, node, &mut self.timers);
        if !silent || !self.cluster.has_joined(node) || ignores {
            return;
        }
        if monitor.only_suspects(node) {
            monitor.nodes[node.index()].suspected = true;
            monitor.arm(node, &mut self.timers);
            observer.on_record(now, &Record::Suspected { node });
            return self.close_node(now, node, ClosedBy::Monitor, false, commands, observer);
        }
        observer.on_record(now, &Record::DeclaredDead { node });
        self.on_node_lost(now, node, commands, observer);
        self.clear_suspicion(now, node, observer);
    }

    /// Every node that is believed up has a timer, which fires before its silence is too long.
    pub(super) fn check_monitor(&self) -> Result<(), String> {
        let Some(monitor) = &self.monitor else { return Ok(()) };
        for node in self.cluster.nodes().filter(|&node| self.cluster.has_joined(node)) {
            let Heard { armed, suspected, .. } = monitor.nodes[node.index()];
            ensure!(!suspected || self.cluster.is_closed(node), "node {} is suspected and open", node.0);
            ensure!(armed <= monitor.deadline(node), "node {} is not watched", node.0);
            ensure!(self.timers.next().is_some_and(|next| next <= armed), "node {} has no timer", node.0);
        }
        let Some(gaps) = &monitor.gaps else { return Ok(()) };
        for (node, sums) in gaps.sums.iter().enumerate() {
            let kept = &gaps.gaps[node * gaps.window..][..sums.count as usize];
            ensure_eq!(
                sums.sum,
                kept.iter().map(|gap| u128::from(*gap)).sum::<u128>(),
                "gaps of node {node}"
            );
        }
        Ok(())
    }
}
