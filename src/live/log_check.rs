//! Whether a log can be true: the core trusts its driver, but a file may come from anywhere.

use super::journal::Step;
use super::log::{FORM, Header};
use crate::policies::{BackfillSpec, DispatchSpec, PlaceSpec};
use crate::scheduler::policy::Dispatch;
use crate::scheduler::{Command, Event, NodeSpec, SpeculationPlan};
use crate::time::{Duration, Time};

/// The most nodes that a power-of-d policy of a scenario may draw.
const MOST_DRAWN: u32 = 16_000_000;

/// The most places that a policy of a scenario may reserve for a task.
const MOST_PROBED: u32 = 1_000;

/// Half of what the clock holds: beyond, a pause that begins then might not fit.
const LAST: u64 = u64::MAX / 2;

/// The longest pause before jitter, which may double it. No live run has seen the end of a longer one.
pub(super) const LONGEST_PAUSE: Duration = Duration(u64::MAX / 4);

/// A task may wait for one that comes so many tasks later: the scheduler keeps a word for each of them.
const MOST_AHEAD: u32 = 1 << 24;

/// Speeds and weights outside of this cannot be added up or divided by.
const MODERATE: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// Whether a scheduler can be made from this.
pub(super) fn check(header: &Header) -> Result<(), String> {
    if header.form != FORM {
        let version = &header.version;
        return Err(format!(
            "it is of form {}, written by falcon {version}; this is form {FORM}",
            header.form
        ));
    }
    let sound =
        |node: &NodeSpec| node.slots > 0 && MODERATE.contains(&node.speed) && MODERATE.contains(&node.weight);
    if header.nodes.is_empty() || !header.nodes.iter().all(sound) {
        return Err("its nodes are not possible".to_string());
    }
    let nodes = header.nodes.len() as u64;
    let drawable = match header.policy.place {
        PlaceSpec::PowerOf { d, with_replacement } => {
            (1..=MOST_DRAWN).contains(&d) && (with_replacement || u64::from(d) <= nodes)
        }
        _ => true,
    };
    if !drawable {
        return Err(format!("its policy cannot draw as many of {nodes} nodes as it says"));
    }
    if header.policy.backfill != BackfillSpec::None && header.policy.dispatch.base() == Dispatch::Push {
        return Err("its policy backfills without a central queue".to_string());
    }
    if header.policy.dispatch == DispatchSpec::Serial
        && (header.policy.backfill != BackfillSpec::None
            || matches!(header.policy.place, PlaceSpec::MinCostFlow { .. }))
    {
        return Err("its policy starts one task at a time and several at once".to_string());
    }
    if let DispatchSpec::LateBinding { probes } = header.policy.dispatch
        && !(1..=MOST_PROBED).contains(&probes)
    {
        return Err(format!("its policy cannot reserve {probes} places for a task"));
    }
    if matches!(header.policy.dispatch, DispatchSpec::LateBinding { .. }) && header.policy.order.moves() {
        return Err("its policy reserves places by keys that move".to_string());
    }
    if matches!(header.policy.dispatch, DispatchSpec::Prefetching { .. }) {
        return Err("its policy takes tasks ahead, and no live run does".to_string());
    }
    if header.policy.order.needs_central_queue()
        && (header.policy.dispatch.base() == Dispatch::Push
            || header.policy.backfill != BackfillSpec::None
            || header.policy.preempt)
    {
        return Err("its order needs one central queue and neither backfills nor interrupts".to_string());
    }
    if !header.config.resources.is_sound(header.nodes.len()) {
        return Err("its resources are not possible".to_string());
    }
    let limited = header.config.limits.nodes.len() as u64;
    if limited != 0 && limited != nodes {
        return Err("its limits are not those of its nodes".to_string());
    }
    let backoff = &header.config.retry.backoff;
    if !(backoff.factor >= 1.0 && backoff.factor.is_finite() && (0.0..=1.0).contains(&backoff.jitter)) {
        return Err("its pauses after failures are not possible".to_string());
    }
    if header.config.retry.compensations.is_some() {
        return Err("it undoes failed jobs, and no live run does".to_string());
    }
    if let Some(plan) = header.config.autoscale
        && !(plan.count > 0
            && u64::from(plan.first) + u64::from(plan.count) <= nodes
            && plan.min.max(plan.initial).max(plan.max) <= plan.count
            && plan.min <= plan.max
            && plan.step > 0)
    {
        return Err("its autoscaler is not possible".to_string());
    }
    if header.config.retry.budget.is_some_and(|budget| !(budget.share > 0.0 && budget.share < 1.0)) {
        return Err("its retry budget is not possible".to_string());
    }
    let sound = |plan: &SpeculationPlan| {
        let share = |share: f64| share > 0.0 && share <= 1.0;
        let shares = share(plan.share) && plan.quantile.is_none_or(share);
        shares && plan.late >= 0.0 && plan.late.is_finite() && plan.copies > 0
    };
    if !header.config.retry.speculation.as_ref().is_none_or(sound) {
        return Err("its copies of attempts are not possible".to_string());
    }
    Ok(())
}

/// What can come next in a log.
#[derive(Default)]
pub(super) struct Possible {
    now: Time,
    submitted: u32,
    /// By slot: what the unsettled task that holds it takes of a node; 0 when it is free.
    taken: Vec<u32>,
    /// What all unsettled tasks take.
    in_all: u64,
    /// Slots below this are left free for copies of attempts.
    copy_slots: u32,
}

impl Possible {
    /// Before the first step; the first slots are left free for copies of attempts.
    pub(super) fn new(copy_slots: u32) -> Self {
        // Nobody gives these back, so nobody takes them.
        Possible { taken: vec![u32::MAX; copy_slots as usize], copy_slots, ..Possible::default() }
    }

    /// Whether this step can come after those before it.
    pub(super) fn check(&mut self, header: &Header, step: &Step) -> Result<(), String> {
        if step.now < self.now {
            return Err(format!("time goes back from {:?} to {:?}", self.now, step.now));
        }
        if step.now.0 > LAST {
            return Err(format!("{:?} is beyond all runs", step.now));
        }
        self.now = step.now;
        for event in &step.events {
            let possible = match event {
                Event::TaskDescribed { task, details } => {
                    let next = task.number == self.submitted && details.number == task.number;
                    let slot = self.taken.get(task.slot as usize).copied();
                    let free = slot.map_or(task.slot as usize == self.taken.len(), |taken| taken == 0);
                    let known = details.demand < header.config.resources.demand_count();
                    next && free && known && MODERATE.contains(&details.weight)
                }
                Event::TaskSubmitted { task, spec } => {
                    let next = task.number == self.submitted;
                    self.submitted = self.submitted.saturating_add(1);
                    next && spec.slots <= header.config.max_demand && self.take(task.slot, spec.slots)
                }
                Event::DependencyDeclared { task, parent } => {
                    let ahead = parent.saturating_sub(self.submitted);
                    task.number.checked_add(1) == Some(self.submitted) && ahead <= MOST_AHEAD
                }
                // No live run undoes anything.
                Event::TaskCancelled { .. } => false,
                Event::ArrivalsEnded { next } => *next == self.submitted,
                Event::NodeJoined { node }
                | Event::NodeLost { node }
                | Event::NodeClosed { node, .. }
                | Event::NodeOpened { node, .. }
                | Event::NodeLeaving { node }
                | Event::Heartbeat { node } => node.index() < header.nodes.len(),
                // Of attempts that are not there the scheduler itself takes no notice.
                Event::AttemptStarted { .. } | Event::AttemptFinished { .. } | Event::TimerFired => true,
            };
            if !possible {
                return Err(format!("this cannot happen: {event:?}"));
            }
        }
        for command in &step.commands {
            if let Command::Settle { task, .. } = command
                && task.slot >= self.copy_slots
                && let Some(taken) = self.taken.get_mut(task.slot as usize)
            {
                self.in_all -= u64::from(std::mem::take(taken));
            }
        }
        Ok(())
    }

    /// A task takes a slot: one that is free, or the next new one. The scheduler counts what tasks take
    /// of nodes in 32 bits.
    fn take(&mut self, slot: u32, demand: u32) -> bool {
        let slot = slot as usize;
        if slot == self.taken.len() {
            self.taken.push(0);
        }
        self.in_all += u64::from(demand);
        let free = self.taken.get_mut(slot).is_some_and(|taken| std::mem::replace(taken, demand) == 0);
        demand > 0 && free && self.in_all <= u64::from(u32::MAX)
    }
}
