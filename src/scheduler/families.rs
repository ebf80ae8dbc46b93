//! Tasks with several attempts: which copies there are of which task, which attempts are watched, and
//! which are late.

use super::cluster::{Cluster, NodeSpec};
use super::config::SchedulerConfig;
use super::openings::Openings;
use super::policy::{Interrupts, Manner};
use super::retry::OnNodeLoss;
use super::speculation::SpeculationPlan;
use super::task::NONE;
use super::time_limits::Pending;
use crate::structures::ordered_index::OrderedIndex;
use crate::structures::quantile::Quantile;
use crate::time::{Duration, Time};

/// What is known of the attempts of a task that has, or had, copies since it last began to run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    /// Slot of the newest copy that runs.
    pub(super) newest: u32,
    pub(super) copies: u32,
    /// Attempts of the task so far; 0 when it has no copies, and its record knows.
    pub(super) attempts: u32,
}

/// What is known where there are none.
pub(super) const NO_FAMILY: Family = Family { newest: NONE, copies: 0, attempts: 0 };

/// The running copies of a family, newest first.
pub(super) fn copies(family: Family, older: &[u32]) -> impl Iterator<Item = u32> + '_ {
    let next = |copy: &u32| older.get(*copy as usize).copied();
    std::iter::successors(Some(family.newest), next).take_while(|copy| *copy != NONE)
}

/// Copies, and attempts that may get some.
#[derive(Clone, Debug)]
pub(super) struct Speculation {
    pub(super) plan: SpeculationPlan,
    pub(super) quantile: Option<Quantile>,
    /// When the times at which attempts are late are taken anew: at so many ends.
    pub(super) renewal: u64,
    /// Free slots for copies.
    pub(super) free: Vec<u32>,
    /// By slot of a copy: that of its task, and that of the next older copy of it.
    pub(super) originals: Vec<u32>,
    pub(super) older: Vec<u32>,
    /// By slot of a task.
    pub(super) families: Vec<Family>,
    /// Copies that run, and tasks that run only in copies.
    pub(super) copies: u64,
    pub(super) alone: u64,
    /// By slot of an attempt: when it was sent and how long it should take, and whether it is late.
    pub(super) sent: Vec<(Time, Duration)>,
    pub(super) is_late: Vec<bool>,
    /// Attempts that will be late, and those that are.
    pub(super) watched: Pending,
    pub(super) late: OrderedIndex,
    pub(super) openings: Openings,
    /// Kept to use its memory again.
    pub(super) sought: Vec<u32>,
}

impl Speculation {
    /// Nothing where no copies are made, or none could be: what is interrupted, or goes on with the work
    /// of another attempt, or is bound to several nodes, has no copies.
    pub(super) fn of(
        config: &SchedulerConfig,
        nodes: &[NodeSpec],
        cluster: &Cluster,
        (interrupts, manner): (Interrupts, Manner),
    ) -> Option<Box<Self>> {
        let plan = config.retry.speculation?;
        let plain = matches!(manner, Manner::Plain | Manner::Stealing(_));
        let restarts = config.retry.on_node_loss != OnNodeLoss::Resume;
        if interrupts != Interrupts::Never || !plain || !restarts || config.guards.locks.is_some() {
            return None;
        }
        let slots = plan.slots(nodes);
        Some(Box::new(Speculation {
            plan,
            quantile: plan.quantile.map(Quantile::new),
            renewal: u64::from(plan.observations),
            free: (0..slots).rev().collect(),
            originals: vec![NONE; slots as usize],
            older: vec![NONE; slots as usize],
            families: Vec::new(),
            copies: 0,
            alone: 0,
            sent: Vec::new(),
            is_late: Vec::new(),
            watched: Pending::default(),
            late: OrderedIndex::default(),
            openings: Openings::new(cluster),
            sought: Vec::new(),
        }))
    }

    /// How many slots are left free for copies.
    pub(super) fn slots(&self) -> u32 {
        self.originals.len() as u32
    }

    /// Whether tasks that completed say when others are late.
    pub(super) fn learns(&self) -> bool {
        self.quantile.is_some()
    }

    /// When the next attempt will be late.
    pub(super) fn next(&self) -> Option<Time> {
        self.watched.next()
    }

    /// What is known of the attempts of the task in this slot.
    pub(super) fn family(&self, task: u32) -> Family {
        self.families.get(task as usize).copied().unwrap_or(NO_FAMILY)
    }

    pub(super) fn family_of(&mut self, task: u32) -> &mut Family {
        let slot = task as usize;
        if slot >= self.families.len() {
            self.families.resize(slot + 1, NO_FAMILY);
        }
        &mut self.families[slot]
    }

    /// The ratio of time taken to time estimated above which an attempt is late, if any is.
    pub(super) fn patience(&self) -> Option<f64> {
        match &self.quantile {
            None => Some(self.plan.late),
            Some(quantile) if quantile.total() < u64::from(self.plan.observations) => None,
            Some(quantile) => Some(self.plan.late.max(quantile.get())),
        }
    }

    /// The task completed: how long that took since it was sent to a node. If a copy was first, that is less
    /// than its own attempt would have taken, but more than the quantile.
    pub(super) fn learn(&mut self, now: Time, task: u32) {
        let (sent, expected) = self.sent[task as usize];
        if let Some(quantile) = self.quantile.as_mut().filter(|_| expected > Duration::ZERO) {
            quantile.add(now.since(sent).0 as f64 / expected.0 as f64);
        }
    }

    /// Another copy of this task: gives its slot, and which attempt it is, after so many at least.
    pub(super) fn breed(&mut self, task: u32, attempts: u32) -> Option<(u32, u32)> {
        let copy = self.free.pop()?;
        let family = self.family_of(task);
        family.attempts = family.attempts.max(attempts) + 1;
        let (older, attempt) = (family.newest, family.attempts);
        family.newest = copy;
        family.copies += 1;
        self.older[copy as usize] = older;
        self.originals[copy as usize] = task;
        self.copies += 1;
        Some((copy, attempt))
    }

    /// A copy runs no more.
    pub(super) fn bury(&mut self, copy: u32) {
        let task = std::mem::replace(&mut self.originals[copy as usize], NONE);
        let older = self.older[copy as usize];
        let mut at = self.families[task as usize].newest;
        if at == copy {
            self.families[task as usize].newest = older;
        } else {
            while self.older[at as usize] != copy {
                at = self.older[at as usize];
            }
            self.older[at as usize] = older;
        }
        self.families[task as usize].copies -= 1;
        self.free.push(copy);
        self.copies -= 1;
    }

    /// Whether the copy in this slot is free to be used: for checks.
    pub(super) fn is_free(&self, copy: u32) -> bool {
        self.originals[copy as usize] == NONE
    }

    /// The attempt is over, or has been given a copy: nobody waits for it to be late.
    pub(super) fn unwatch(&mut self, attempt: u32) {
        self.watched.lift(attempt);
        if let Some(late) = self.is_late.get_mut(attempt as usize).filter(|late| **late) {
            *late = false;
            self.late.remove(attempt);
        }
    }

    pub(super) fn set_sent(&mut self, attempt: u32, at: Time, expected: Duration) {
        let slot = attempt as usize;
        if slot >= self.sent.len() {
            self.sent.resize(slot + 1, (Time::NEVER, Duration::ZERO));
            self.is_late.resize(slot + 1, false);
        }
        self.sent[slot] = (at, expected);
    }
}
