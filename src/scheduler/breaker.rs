//! Circuit breakers: a node where attempts fail too often takes no tasks for a while, and then a few on
//! trial.
//!
//! ```text
//!              too many failures              `open` has passed
//!   closed ───────────────────────► open ───────────────────────► half-open
//!     ▲                              ▲                               │  │
//!     │                              └───────── a trial fails ───────┘  │
//!     └───────────────────────── all `probes` trials succeed ───────────┘
//! ```
//!
//! Source: Nygard, "Release It!", 2007; the breakers by count and by time of resilience4j, and those of
//! Polly. A failed attempt counts, and one that is lost with its node; one that reached the time its user
//! requested says nothing of the node, nor does one that had to make room. Only attempts that were sent to
//! the node in the state in which its breaker still is count: what was under way when it opened neither
//! closes nor opens it again.
//!
//! Half open, a node takes as many attempts as are still to be tried, and is then closed to others until
//! their ends are known. Cost: O(1) per start and end of an attempt, and what closing a node costs per
//! change of state. A node remembers as many ends as its window holds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::command::Commands;
use super::event::ClosedBy;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::sabotage::Sabotage;
use super::timers::Alarm;
use crate::ids::NodeId;
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};

/// When a breaker opens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trip {
    /// After so many failures in a row, at least 1.
    Consecutive(u32),
    /// When too large a share of the latest ends are failures.
    Share {
        /// The share, above 0 and at most 1.
        share: f64,
        /// Which ends are the latest.
        window: Window,
        /// Fewer ends than this decide nothing.
        minimum: u32,
    },
}

/// Which ends of attempts a breaker looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// The last so many, at least 1.
    Attempts(u32),
    /// Those of so long a time until now.
    Time(Duration),
}

/// How the breakers of all nodes work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerPlan {
    /// When one opens.
    pub trip: Trip,
    /// How long it stays open.
    pub open: Duration,
    /// How many attempts are then let through, and must all succeed; at least 1.
    pub probes: u32,
    /// Whether what waits at a node whose breaker opens is placed anew.
    pub move_waiting: bool,
}

/// What the breaker of a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It lets everything through.
    Closed,
    /// It lets nothing through.
    Open,
    /// It lets a few attempts through, to see how they end.
    HalfOpen,
}

/// What the end of an attempt says of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    Bad,
    /// Nothing.
    None,
}

/// The breaker of one node.
#[derive(Clone, Debug)]
struct Breaker {
    state: BreakerState,
    /// How often the state has changed.
    changes: u32,
    /// Closed: failures in a row; half open: successes.
    row: u32,
    /// Half open: attempts that may still start.
    left: u32,
    /// The latest ends and whether they were failures, and how many were.
    ends: VecDeque<(Time, bool)>,
    failures: u32,
}

impl Breaker {
    fn change(&mut self, state: BreakerState) {
        self.state = state;
        self.changes = self.changes.wrapping_add(1);
        (self.row, self.failures) = (0, 0);
        self.ends.clear();
    }

    /// An attempt ended while the breaker was closed; gives whether that opens it.
    fn trips(&mut self, now: Time, bad: bool, trip: Trip) -> bool {
        let (share, window, minimum) = match trip {
            Trip::Consecutive(most) => {
                self.row = if bad { self.row + 1 } else { 0 };
                return self.row >= most;
            }
            Trip::Share { share, window, minimum } => (share, window, minimum),
        };
        self.ends.push_back((now, bad));
        self.failures += u32::from(bad);
        while let Some(&(at, failed)) = self.ends.front() {
            let leaves = match window {
                Window::Attempts(most) => self.ends.len() > most as usize,
                Window::Time(length) => now.since(at) >= length,
            };
            if !leaves {
                break;
            }
            self.ends.pop_front();
            self.failures -= u32::from(failed);
        }
        let ends = self.ends.len();
        ends >= minimum as usize && f64::from(self.failures) >= share * ends as f64
    }
}

/// The breakers of all nodes.
#[derive(Clone, Debug)]
pub(super) struct Breakers {
    plan: BreakerPlan,
    nodes: Vec<Breaker>,
    /// By slot: how often the breaker of its node had changed when the attempt there was sent.
    sent: Vec<u32>,
}

impl Breakers {
    pub(super) fn new(plan: BreakerPlan, nodes: usize) -> Self {
        let closed = Breaker {
            state: BreakerState::Closed,
            changes: 0,
            row: 0,
            left: 0,
            ends: VecDeque::new(),
            failures: 0,
        };
        Breakers { plan, nodes: vec![closed; nodes], sent: Vec::new() }
    }

    fn counts(&self, slot: u32, node: NodeId) -> bool {
        self.sent.get(slot as usize) == Some(&self.nodes[node.index()].changes)
    }
}

impl<P: Policy> Scheduler<P> {
    /// An attempt was sent to the node.
    pub(super) fn breaker_lets_through<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(breakers) = &mut self.guards.breakers else { return };
        if slot as usize >= breakers.sent.len() {
            breakers.sent.resize(slot as usize + 1, 0);
        }
        let breaker = &mut breakers.nodes[node.index()];
        breakers.sent[slot as usize] = breaker.changes;
        if breaker.state == BreakerState::HalfOpen {
            breaker.left -= 1;
            if breaker.left == 0 {
                // What waits there may soon go on. Nor could it be placed in the middle of decisions.
                self.close_node(now, node, ClosedBy::Breaker, false, commands, observer);
            }
        }
    }

    /// An attempt is over, in whatever way: what that says of its node.
    pub(super) fn judge<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        verdict: Verdict,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let counts = self.guards.breakers.as_ref().is_some_and(|breakers| breakers.counts(slot, node));
        if counts {
            self.apply_verdict(now, node, verdict, commands, observer);
        }
    }

    /// How many of these attempts, which are lost with their node, speak against it.
    pub(super) fn losses_that_count(&self, lost: &[u32], node: NodeId) -> usize {
        let breakers = self.guards.breakers.as_ref();
        breakers.map_or(0, |breakers| lost.iter().filter(|slot| breakers.counts(**slot, node)).count())
    }

    /// So many attempts were lost with the node.
    pub(super) fn judge_losses<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        losses: usize,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let changes =
            |breakers: &Option<Box<Breakers>>| breakers.as_ref().map(|all| all.nodes[node.index()].changes);
        let before = changes(&self.guards.breakers);
        for _ in 0..losses {
            if changes(&self.guards.breakers) == before {
                self.apply_verdict(now, node, Verdict::Bad, commands, observer);
            }
        }
    }

    fn apply_verdict<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        verdict: Verdict,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(breakers) = &mut self.guards.breakers else { return };
        let BreakerPlan { trip, probes, .. } = breakers.plan;
        let breaker = &mut breakers.nodes[node.index()];
        match (breaker.state, verdict) {
            (BreakerState::Closed, Verdict::Good | Verdict::Bad) => {
                if breaker.trips(now, verdict == Verdict::Bad, trip) {
                    self.open_breaker(now, node, commands, observer);
                }
            }
            (BreakerState::HalfOpen, Verdict::Bad) => self.open_breaker(now, node, commands, observer),
            (BreakerState::HalfOpen, Verdict::Good) => {
                breaker.row += 1;
                if breaker.row == probes {
                    breaker.change(BreakerState::Closed);
                    let state = BreakerState::Closed;
                    observer.on_record(now, &Record::BreakerChanged { node, state });
                    self.open_node(now, node, ClosedBy::Breaker, observer);
                }
            }
            (BreakerState::HalfOpen, Verdict::None) => {
                // Another is tried in its place.
                breaker.left += 1;
                self.open_node(now, node, ClosedBy::Breaker, observer);
            }
            (BreakerState::Closed, Verdict::None) | (BreakerState::Open, _) => {}
        }
    }

    fn open_breaker<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(breakers) = &mut self.guards.breakers else { return };
        let BreakerPlan { open, move_waiting, .. } = breakers.plan;
        let breaker = &mut breakers.nodes[node.index()];
        breaker.change(BreakerState::Open);
        let until = Time(now.0.saturating_add(open.0));
        self.timers.set(until, Alarm::Breaker, breaker.changes, node.0);
        observer.on_record(now, &Record::BreakerChanged { node, state: BreakerState::Open });
        if !self.lacks(Sabotage::Breakers) {
            self.close_node(now, node, ClosedBy::Breaker, move_waiting, commands, observer);
        }
    }

    /// The breaker of a node has been open for as long as it should.
    pub(super) fn try_breaker<O: Observer>(
        &mut self,
        now: Time,
        changes: u32,
        node: NodeId,
        observer: &mut O,
    ) {
        let Some(breakers) = &mut self.guards.breakers else { return };
        let breaker = &mut breakers.nodes[node.index()];
        if breaker.state == BreakerState::Open && breaker.changes == changes {
            breaker.change(BreakerState::HalfOpen);
            breaker.left = breakers.plan.probes;
            observer.on_record(now, &Record::BreakerChanged { node, state: BreakerState::HalfOpen });
            self.open_node(now, node, ClosedBy::Breaker, observer);
        }
    }

    /// Nothing may start at a node whose breaker is open or has let through all it may.
    pub(super) fn check_breakers(&self) -> Result<(), String> {
        let Some(breakers) = &self.guards.breakers else { return Ok(()) };
        for (index, breaker) in breakers.nodes.iter().enumerate() {
            let node = NodeId(index as u32);
            let running = self.cluster.running(node, &self.tasks);
            let tried = running.filter(|&slot| breakers.counts(slot, node)).count() as u32;
            match breaker.state {
                BreakerState::Closed => {}
                BreakerState::Open => {
                    ensure!(self.cluster.is_closed(node) && tried == 0, "the breaker of {node:?} is open");
                }
                BreakerState::HalfOpen => {
                    let all = breaker.left + breaker.row + tried;
                    ensure_eq!(all, breakers.plan.probes, "trials of {node:?}");
                    ensure!(breaker.left > 0 || self.cluster.is_closed(node), "{node:?} is on trial");
                }
            }
        }
        Ok(())
    }
}
