//! Scores in the plain simulator: formulas written out as in the literature, and the rule when those
//! that move with time are evaluated anew.

use std::cmp::Ordering;

use super::{Node, Plain};
use falcon::policies::{BackfillSpec, OrderSpec};
use falcon::workload::Workload;

/// When the scores of a task were last evaluated: as one that waits or runs, and as one that may
/// overtake.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evaluated {
    pub(super) queue: Option<u64>,
    pub(super) overtaking: Option<u64>,
}

/// When the scores of a queue were last evaluated all together.
#[derive(Clone, Debug)]
pub(super) struct Schedules {
    queue: Option<u64>,
    overtaking: Option<u64>,
    nodes: Vec<Option<u64>>,
}

impl Schedules {
    pub(super) fn new(nodes: usize) -> Self {
        Schedules { queue: None, overtaking: None, nodes: vec![None; nodes] }
    }
}

/// How often at most scores are evaluated, if they move.
fn moves(order: &OrderSpec) -> Option<u64> {
    match order {
        OrderSpec::Wfp3 | OrderSpec::Unicep => Some(0),
        OrderSpec::Score { formula, every } => formula.text().contains("wait").then_some(every.0),
        _ => None,
    }
}

fn is_due(last: Option<u64>, every: u64, now: u64) -> bool {
    last.is_none_or(|last| now >= last + every)
}

/// Smallest first, what is not a number last.
fn compare(one: f64, other: f64) -> Ordering {
    match (one.is_nan(), other.is_nan()) {
        (false, false) => one.partial_cmp(&other).expect("numbers"),
        (one, other) => one.cmp(&other),
    }
}

impl Plain<'_> {
    pub(super) fn by_score(&self, order: &OrderSpec, a: usize, b: usize, overtaking: bool) -> Ordering {
        let score = |task: usize| {
            let Evaluated { queue, overtaking: other } = self.tasks[task].evaluated;
            let at = if overtaking { other } else { queue };
            self.score(order, task, at.expect("evaluated when it came"))
        };
        compare(score(a), score(b))
    }

    fn score(&self, order: &OrderSpec, task: usize, at: u64) -> f64 {
        let Workload::Listed { tasks, .. } = &self.world.workload else { panic!("a list") };
        let state = &self.tasks[task];
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let (w, r) = (seconds(at - tasks[task].arrival.0), seconds(state.estimate));
        let (n, s) = (f64::from(state.slots), seconds(tasks[task].arrival.0));
        let log_s = s.max(0.1).log10();
        let some_r = if r == 0.0 { 0.1 } else { r };
        match order {
            OrderSpec::Wfp3 => -(w / r * (w / r) * (w / r)) * n,
            OrderSpec::Unicep => -(w + 1e-15) / ((n + 1e-15).log2() * r),
            OrderSpec::F1 => some_r.log10() * n + 870.0 * log_s,
            OrderSpec::F2 => some_r.sqrt() * n + 25600.0 * log_s,
            OrderSpec::F3 => some_r * n + 6860000.0 * log_s,
            OrderSpec::F4 => some_r * n.sqrt() + 530000.0 * log_s,
            OrderSpec::Score { formula, .. } => {
                let running = self.nodes.iter().any(|node| node.running.contains(&task));
                let lasts = running || state.interruption.interrupted;
                let attempts = f64::from(state.attempts - u32::from(lasts));
                match formula.text() {
                    "-wait / work" => -w / r,
                    "priority - wait / (1 + attempts)" => state.priority - w / (1.0 + attempts),
                    "max(work, slots) - wait^2" => r.max(n) - w.powf(2.0),
                    "slots * log(work) - arrival" => n * r.ln() - s,
                    other => panic!("{other}: not here"),
                }
            }
            _ => panic!("no score"),
        }
    }

    /// Pull: those that have just come are evaluated, and all others when it is time and somebody could
    /// start.
    pub(super) fn evaluate_centrally(&mut self) {
        let now = self.now;
        for &task in &self.waiting {
            let evaluated = &mut self.tasks[task].evaluated;
            evaluated.queue.get_or_insert(now);
            evaluated.overtaking.get_or_insert(now);
        }
        let matters = self.interrupts()
            || self.policy.commit_head
            || self.policy.backfill == BackfillSpec::Conservative
            || (0..self.nodes.len()).any(|node| self.free(node) > 0);
        if self.waiting.is_empty() || !matters {
            return;
        }
        let due = moves(&self.policy.order).is_some_and(|every| is_due(self.schedules.queue, every, now));
        if due {
            self.schedules.queue = Some(now);
            for &task in self.nodes.iter().flat_map(|node| &node.running).chain(&self.waiting) {
                self.tasks[task].evaluated.queue = Some(now);
            }
        }
        let every = self.policy.backfill_order.as_ref().and_then(moves);
        if every.is_some_and(|every| is_due(self.schedules.overtaking, every, now)) {
            self.schedules.overtaking = Some(now);
            for &task in &self.waiting {
                self.tasks[task].evaluated.overtaking = Some(now);
            }
        }
    }

    /// Push: the same at one node.
    pub(super) fn evaluate_at(&mut self, node: usize) {
        let Some(every) = moves(&self.policy.order) else { return };
        let matters = self.interrupts() || self.free(node) > 0;
        if self.nodes[node].queue.is_empty() || !matters {
            return;
        }
        if is_due(self.schedules.nodes[node], every, self.now) {
            self.schedules.nodes[node] = Some(self.now);
            let Node { queue, running, .. } = &self.nodes[node];
            for &task in queue.iter().chain(running) {
                self.tasks[task].evaluated.queue = Some(self.now);
            }
        }
    }

    pub(super) fn evaluate(&mut self, task: usize) {
        self.tasks[task].evaluated = Evaluated { queue: Some(self.now), overtaking: Some(self.now) };
    }
}
