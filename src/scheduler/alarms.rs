//! Alarms: what the people who run a cluster want to be told.
//!
//! Source: Beyer, Jones, Petoff and Murphy (eds.), "Site Reliability Engineering", 2016, chapter 6
//! ("Monitoring Distributed Systems") and chapter 10, on thresholds over windows; a second, lower
//! threshold to clear an alarm is hysteresis, as thermostats have it. Cost: O(1) per decision and per end
//! of an attempt or task; O(n) per loss of a node for a rule of n losses. Memory: a window of ten parts per
//! rule, and n instants per node that was ever lost.
//!
//! The core raises alarms from what it believes, once the decisions of an instant are made. An alarm that
//! is raised stays so until what it is about has fallen to the lower threshold; that of a node comes at
//! most once per window. A window moves in tenths of its length: it covers nine to ten of them.

use serde::{Deserialize, Serialize};

use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use crate::ids::NodeId;
use crate::time::{Duration, Time};

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlarmRule {
    /// Many tasks wait.
    Queue,
    /// Many attempts fail.
    Errors,
    /// A node is lost again and again.
    Flapping,
    /// Many tasks miss their deadlines.
    Deadlines,
}

/// More tasks wait than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRule {
    /// Raised when more wait.
    pub above: u64,
    /// Cleared when no more than this wait.
    pub below: u64,
}

/// A larger share of what ends in a window ends badly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareRule {
    /// Raised when a larger share does.
    pub above: f64,
    /// Cleared when no larger share than this does.
    pub below: f64,
    /// What is looked back on.
    pub window: Duration,
    /// Not raised by fewer ends than this.
    pub least: u32,
}

/// A node is lost so often in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlappingRule {
    /// Raised when it is lost so often, at least once.
    pub failures: u32,
    /// What is looked back on.
    pub window: Duration,
}

/// The rules of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlarmPlan {
    /// Of waiting tasks.
    pub queue: Option<QueueRule>,
    /// Of failed attempts among those that ended by themselves or took too long.
    pub errors: Option<ShareRule>,
    /// Of losses of one node.
    pub flapping: Option<FlappingRule>,
    /// Of tasks that were not completed by their deadline among those that have one.
    pub deadlines: Option<ShareRule>,
}

impl AlarmPlan {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        *self == AlarmPlan::default()
    }
}

/// Parts of a window.
const PARTS: usize = 10;

/// What ended of late.
#[derive(Clone, Debug)]
struct Window {
    rule: ShareRule,
    /// Length of a part.
    part: u64,
    /// Number of the present part, and ends in it and in those before it: bad ones and all.
    at: u64,
    parts: [(u64, u64); PARTS],
    bad: u64,
    all: u64,
    raised: bool,
}

impl Window {
    fn new(rule: ShareRule) -> Window {
        let part = (rule.window.0 / PARTS as u64).max(1);
        Window { rule, part, at: 0, parts: [(0, 0); PARTS], bad: 0, all: 0, raised: false }
    }

    fn advance(&mut self, now: Time) {
        let present = now.0 / self.part;
        for _ in 0..(present - self.at).min(PARTS as u64) {
            self.at += 1;
            let (bad, all) = std::mem::take(&mut self.parts[self.at as usize % PARTS]);
            self.bad -= bad;
            self.all -= all;
        }
        if self.at < present {
            // Nothing is left of what was before.
            self.at = present;
        }
    }

    fn add(&mut self, now: Time, bad: bool) {
        self.advance(now);
        let part = &mut self.parts[self.at as usize % PARTS];
        part.0 += u64::from(bad);
        part.1 += 1;
        self.bad += u64::from(bad);
        self.all += 1;
    }

    /// Whether the alarm is raised now, or cleared; nothing when it stays as it is.
    fn look(&mut self, now: Time) -> Option<bool> {
        self.advance(now);
        let share = self.bad as f64 / self.all.max(1) as f64;
        let raised = match self.raised {
            false => self.all >= u64::from(self.rule.least) && share > self.rule.above,
            true => share > self.rule.below,
        };
        (std::mem::replace(&mut self.raised, raised) != raised).then_some(raised)
    }
}

/// When a node was lost of late.
#[derive(Clone, Debug, Default)]
struct Losses {
    /// The last few, oldest first.
    times: Vec<Time>,
    /// No alarm before then.
    quiet_until: Time,
}

/// The rules, and what they have seen.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    plan: AlarmPlan,
    queue_raised: bool,
    errors: Option<Window>,
    deadlines: Option<Window>,
    /// By node; as long as it must be.
    losses: Vec<Losses>,
    /// Nodes whose alarm is to be raised, and how often they were lost.
    flapping: Vec<(NodeId, u64)>,
}

impl Alarms {
    /// Nothing where nobody is to be told of anything.
    pub(super) fn of(plan: &AlarmPlan) -> Option<Box<Self>> {
        (!plan.is_empty()).then(|| {
            Box::new(Alarms {
                plan: *plan,
                queue_raised: false,
                errors: plan.errors.map(Window::new),
                deadlines: plan.deadlines.map(Window::new),
                losses: Vec::new(),
                flapping: Vec::new(),
            })
        })
    }

    /// An attempt has ended.
    pub(super) fn attempt_ended(&mut self, now: Time, failed: bool) {
        if let Some(errors) = &mut self.errors {
            errors.add(now, failed);
        }
    }

    /// A task that had a deadline is settled.
    pub(super) fn deadline_settled(&mut self, now: Time, missed: bool) {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.add(now, missed);
        }
    }

    /// A node is lost.
    pub(super) fn node_lost(&mut self, now: Time, node: NodeId) {
        let Some(rule) = self.plan.flapping else { return };
        if node.index() >= self.losses.len() {
            self.losses.resize(node.index() + 1, Losses::default());
        }
        let losses = &mut self.losses[node.index()];
        losses.times.retain(|time| now.since(*time) <= rule.window);
        losses.times.push(now);
        if losses.times.len() >= rule.failures as usize && now >= losses.quiet_until {
            losses.quiet_until = now.checked_add(rule.window).unwrap_or(Time::NEVER);
            self.flapping.push((node, losses.times.len() as u64));
        }
        // More are not needed to count so far.
        if losses.times.len() > rule.failures as usize {
            losses.times.remove(0);
        }
    }

    fn look<O: Observer>(&mut self, now: Time, waiting: u64, observer: &mut O) {
        let mut tell = |rule, node, raised, count, of| {
            observer.on_record(now, &Record::Alarm { rule, node, raised, count, of });
        };
        if let Some(rule) = self.plan.queue {
            let raised = waiting > if self.queue_raised { rule.below } else { rule.above };
            if std::mem::replace(&mut self.queue_raised, raised) != raised {
                tell(AlarmRule::Queue, None, raised, waiting, 0);
            }
        }
        for (rule, window) in
            [(AlarmRule::Errors, &mut self.errors), (AlarmRule::Deadlines, &mut self.deadlines)]
        {
            if let Some(window) = window
                && let Some(raised) = window.look(now)
            {
                tell(rule, None, raised, window.bad, window.all);
            }
        }
        for (node, count) in self.flapping.drain(..) {
            tell(AlarmRule::Flapping, Some(node), true, count, 0);
        }
    }
}

impl<P: Policy> Scheduler<P> {
    /// Raises and clears alarms, once all is decided.
    pub(super) fn decide_alarms<O: Observer>(&mut self, now: Time, observer: &mut O) {
        let waiting = self.counts.waiting;
        if let Some(alarms) = &mut self.alarms {
            alarms.look(now, waiting, observer);
        }
    }
}
