//! Where two histories of the same scenario part: the first decision that differs, and why.
//!
//! A policy is a function of the facts it was told, their order, and the instants at which it was
//! asked. When a live run and its simulation decide differently, one of these differed before. What
//! is named is, of these, the first that there is:
//!
//! 1. facts in another order since both sides last knew the same at a decision they made alike;
//! 2. facts that one side took in at one instant, and the other in part after its decision;
//! 3. facts in another order with the arrival of a task at hand, which may have been placed in the
//!    queue of a node then and started much later;
//! 4. facts in another order, or taken in at other instants, anywhere before.
//!
//! Records do not prove a cause; this order puts first what is nearest to the decision.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Decision, Fact, Side, Why};
use crate::scheduler::Record;
use crate::time::Time;

/// The first decision at which a simulation and a live run of the same seed part.
///
/// Times are seconds of the scenario since the first arrival on the same side.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// Index of the first decision that differs, from 0: so many decisions before it are the same.
    pub decision: usize,
    /// What the simulation decided there; `None` when it decided nothing more.
    pub simulated: Option<Decision>,
    /// What the live run decided there; `None` when it decided nothing more.
    pub live: Option<Decision>,
    /// The difference in what they knew.
    pub why: Why,
    /// Share of the tasks started on either side whose last node is the same on both.
    pub same_node: f64,
}

impl Divergence {
    /// Compares two histories; `None` when they make the same decisions in the same order.
    ///
    /// Tasks are told apart by number and nodes by index, which both sides share; slots are not. Tasks that
    /// others spawn are numbered by arrival on each side: from the first ends in another order on, numbers
    /// may name different tasks.
    pub fn between(simulated: &[(Time, Record)], live: &[(Time, Record)]) -> Option<Divergence> {
        let (simulated, live) = (History::of(simulated), History::of(live));
        let common = simulated.decisions.len().min(live.decisions.len());
        let same = |&at: &usize| simulated.decisions[at].what() == live.decisions[at].what();
        let decision = (0..common).find(|at| !same(at)).unwrap_or(common);
        if decision == simulated.decisions.len() && decision == live.decisions.len() {
            return None;
        }
        Some(Divergence {
            decision,
            simulated: simulated.decision(decision),
            live: live.decision(decision),
            why: why(&simulated, &live, decision),
            same_node: same_node(&simulated, &live),
        })
    }

    /// When the live run decided; when it decided nothing more, when the simulation did.
    pub fn time(&self) -> Option<f64> {
        self.live.or(self.simulated).map(|decision| decision.time)
    }
}

/// One history, sorted into facts and decisions.
struct History {
    facts: Vec<(Time, Fact)>,
    decisions: Vec<Made>,
    /// The first arrival.
    start: Time,
    /// So many facts came before it.
    before: usize,
}

/// A decision and what was known when it was made.
struct Made {
    time: Time,
    task: u32,
    attempt: u32,
    node: u32,
    /// So many facts were in.
    known: usize,
}

impl Made {
    fn what(&self) -> (u32, u32, u32) {
        (self.task, self.attempt, self.node)
    }
}

impl History {
    fn of(records: &[(Time, Record)]) -> History {
        let mut history = History { facts: Vec::new(), decisions: Vec::new(), start: Time::ZERO, before: 0 };
        let mut arrived = false;
        for (time, record) in records {
            if !arrived && matches!(record, Record::Submitted { .. }) {
                arrived = true;
                history.start = *time;
                history.before = history.facts.len();
                // Nodes join before the first arrival in any order: nothing is decided in between.
                history.facts.sort_by_key(|(_, fact)| *fact);
            }
            if let Record::Dispatched { task, attempt, node, .. }
            | Record::CopyDispatched { task, attempt, node } = record
            {
                let known = history.facts.len();
                let (task, attempt, node) = (task.number, attempt.0, node.0);
                history.decisions.push(Made { time: *time, task, attempt, node, known });
            } else if let Some(fact) = Fact::of(record) {
                history.facts.push((*time, fact));
            }
        }
        history
    }

    fn decision(&self, index: usize) -> Option<Decision> {
        let made = self.decisions.get(index)?;
        Some(Decision {
            time: self.seconds(made.time),
            task: made.task,
            attempt: made.attempt,
            node: made.node,
        })
    }

    /// Seconds since the first arrival; below 0 before it.
    fn seconds(&self, time: Time) -> f64 {
        (time.0 as f64 - self.start.0 as f64) / 1e9
    }

    /// Seconds from one fact to another, if both are there.
    fn gap(&self, from: Option<usize>, to: Option<usize>) -> Option<f64> {
        Some((self.facts[to?].0.0 as f64 - self.facts[from?].0.0 as f64) / 1e9)
    }

    /// Where this fact is, from this position on.
    fn find(&self, fact: Fact, from: usize) -> Option<usize> {
        (from..self.facts.len()).find(|&at| self.facts[at].1 == fact)
    }

    fn fact(&self, at: usize) -> Option<Fact> {
        self.facts.get(at).map(|(_, fact)| *fact)
    }

    /// Whether a fact and the one before it were taken in at one instant.
    fn together(&self, at: usize) -> bool {
        // What came before the first arrival was told before anything could be decided.
        at > self.before && at < self.facts.len() && self.facts[at].0 == self.facts[at - 1].0
    }

    /// The last node of every task that was started.
    fn last_nodes(&self) -> BTreeMap<u32, u32> {
        self.decisions.iter().map(|made| (made.task, made.node)).collect()
    }
}

fn same_node(simulated: &History, live: &History) -> f64 {
    let (simulated, live) = (simulated.last_nodes(), live.last_nodes());
    let common = simulated.iter().filter(|(task, _)| live.contains_key(task)).count();
    let same = simulated.iter().filter(|(task, node)| live.get(task) == Some(node)).count();
    same as f64 / (simulated.len() + live.len() - common).max(1) as f64
}

/// The first difference in what was known before a decision that differs.
fn why(simulated: &History, live: &History, decision: usize) -> Why {
    let known = |history: &History| history.decisions.get(decision).map(|made| made.known);
    let (known_simulated, known_live) = match (known(simulated), known(live)) {
        (Some(simulated), Some(live)) => (simulated, live),
        (Some(known), None) => return ended(simulated, live, known, decision, Side::Live),
        (None, known) => return ended(simulated, live, known.unwrap_or(0), decision, Side::Simulated),
    };
    let both = known_simulated.min(known_live);
    let agreed = last_agreement(simulated, live, decision).min(both);
    let ahead = ahead(simulated, live, decision);
    order(simulated, live, agreed..both)
        .or(ahead.filter(|(_, at_once)| *at_once).map(|(why, _)| why))
        .or_else(|| placement(simulated, live, decision))
        .or_else(|| order(simulated, live, 0..agreed))
        .or_else(|| grouping(simulated, live, both))
        .or(ahead.map(|(why, _)| why))
        .unwrap_or(Why::Unknown)
}

/// Why a side decided nothing more while the other, which knew of so many facts, did.
fn ended(simulated: &History, live: &History, known: usize, decision: usize, side: Side) -> Why {
    let (there, ended, known_to) = match side {
        Side::Live => (simulated, live, Side::Simulated),
        Side::Simulated => (live, simulated, Side::Live),
    };
    let both = known.min(ended.facts.len());
    let agreed = last_agreement(simulated, live, decision).min(both);
    if let Some(why) = order(simulated, live, agreed..both) {
        return why;
    }
    match there.facts.get(both) {
        Some((time, fact)) if both < known => Why::Only { known_to, fact: *fact, time: there.seconds(*time) },
        _ => Why::Ended { side },
    }
}

/// The longest beginning that holds the same facts on both sides, of what both knew at the decision
/// before this one.
fn last_agreement(simulated: &History, live: &History, decision: usize) -> usize {
    let Some(before) = decision.checked_sub(1) else { return 0 };
    let limit = simulated.decisions[before].known.min(live.decisions[before].known);
    let mut balance: BTreeMap<Fact, i64> = BTreeMap::new();
    let mut agreed = 0;
    for at in 0..limit {
        for (history, by) in [(simulated, 1), (live, -1)] {
            let count = balance.entry(history.facts[at].1).or_insert(0);
            *count += by;
            if *count == 0 {
                balance.remove(&history.facts[at].1);
            }
        }
        if balance.is_empty() {
            agreed = at + 1;
        }
    }
    agreed
}

/// The first place in a range at which the two sides learned of different facts.
fn order(simulated: &History, live: &History, range: std::ops::Range<usize>) -> Option<Why> {
    let at = range.into_iter().find(|&at| simulated.fact(at) != live.fact(at))?;
    let (simulated_first, live_first) = (simulated.fact(at)?, live.fact(at)?);
    let live_later = live.find(simulated_first, at);
    let simulated_later = simulated.find(live_first, at);
    let only = |history: &History, known_to, fact| Why::Only {
        known_to,
        fact,
        time: history.seconds(history.facts[at].0),
    };
    Some(match (live_later, simulated_later) {
        (_, None) => only(live, Side::Live, live_first),
        (None, _) => only(simulated, Side::Simulated, simulated_first),
        (Some(_), Some(_)) => Why::Order {
            live_first,
            simulated_first,
            live_gap: live.gap(Some(at), live_later).unwrap_or(0.0),
            simulated_gap: simulated.gap(Some(at), simulated_later).unwrap_or(0.0),
        },
    })
}

/// One side knew more when it decided. Also gives whether it learned of that together with what both
/// knew: if not, it had a chance to decide before, as the other did, and let it pass.
fn ahead(simulated: &History, live: &History, decision: usize) -> Option<(Why, bool)> {
    let (known_simulated, known_live) =
        (simulated.decisions.get(decision)?.known, live.decisions.get(decision)?.known);
    let (more, less, known_to) = match known_simulated.cmp(&known_live) {
        Ordering::Greater => (simulated, live, Side::Simulated),
        Ordering::Less => (live, simulated, Side::Live),
        Ordering::Equal => return None,
    };
    let at = known_simulated.min(known_live);
    let fact = more.fact(at)?;
    let found = less.find(fact, at);
    let at_once = more.together(at);
    if found == Some(at) && at_once && !less.together(at) {
        return grouped(more, less, known_to, at).map(|why| (why, true));
    }
    let decided = less.decisions.get(decision)?.time;
    let later = found.map(|found| (less.facts[found].0.0 as f64 - decided.0 as f64) / 1e9);
    Some((Why::Ahead { known_to, fact, later }, at_once))
}

/// Facts that one side learned of before the arrival of a task at hand and the other after it: the
/// one nearest to the arrival.
fn placement(simulated: &History, live: &History, decision: usize) -> Option<Why> {
    let task = |history: &History| history.decisions.get(decision).map(|made| made.task);
    [task(live), task(simulated)].into_iter().flatten().find_map(|task| {
        let arrival = Fact::Arrival { task };
        let (at_simulated, at_live) = (simulated.find(arrival, 0)?, live.find(arrival, 0)?);
        let earlier = |one: &History, at: usize, other: &History, other_at: usize| {
            let known: BTreeSet<Fact> = other.facts[..other_at].iter().map(|(_, fact)| *fact).collect();
            let fact = (0..at).rev().find(|&at| !known.contains(&one.facts[at].1))?;
            Some((fact, other.find(one.facts[fact].1, other_at)?))
        };
        if let Some((first, second)) = earlier(live, at_live, simulated, at_simulated) {
            return Some(Why::Order {
                live_first: live.fact(first)?,
                simulated_first: arrival,
                live_gap: live.gap(Some(first), Some(at_live))?,
                simulated_gap: simulated.gap(Some(at_simulated), Some(second))?,
            });
        }
        let (first, second) = earlier(simulated, at_simulated, live, at_live)?;
        Some(Why::Order {
            live_first: arrival,
            simulated_first: simulated.fact(first)?,
            live_gap: live.gap(Some(at_live), Some(second))?,
            simulated_gap: simulated.gap(Some(first), Some(at_simulated))?,
        })
    })
}

/// The first pair of facts that one side took in at one instant and the other apart.
fn grouping(simulated: &History, live: &History, limit: usize) -> Option<Why> {
    let at = (1..limit)
        .find(|&at| at > simulated.before.max(live.before) && simulated.together(at) != live.together(at))?;
    if simulated.together(at) {
        grouped(simulated, live, Side::Simulated, at)
    } else {
        grouped(live, simulated, Side::Live, at)
    }
}

fn grouped(together: &History, apart: &History, side: Side, at: usize) -> Option<Why> {
    let (first, second) = (together.fact(at - 1)?, together.fact(at)?);
    Some(Why::Grouping { together: side, first, second, gap: apart.gap(Some(at - 1), Some(at))? })
}
