//! None: the head of the queue blocks until it finds room. The rules that let others overtake it stand
//! in this folder, one per file.
//!
//! Source: first come, first served as batch systems began; Feitelson and Rudolph 1995. Cost: nothing.
//! A bad idea when tasks differ in width: a wide one at the head leaves slots idle that others could use.

mod aggressive;
mod conservative;
mod easy;

pub use aggressive::Aggressive;
pub use conservative::Conservative;
pub use easy::Easy;

use super::order::AnyOrder;
use super::spec::{BackfillSpec, PolicySpec};
use crate::ids::NodeId;
use crate::random::Streams;
use crate::scheduler::{Backfill, Candidate, Cluster, Entry, NodeSpec, Order, Pass, TaskView};
use crate::time::{Duration, Time};

/// Any built-in rule.
#[derive(Clone, Debug)]
#[repr(u8)]
enum Rule {
    /// The head of the queue blocks.
    None,
    Aggressive(Aggressive),
    Easy(Easy),
    Conservative(Box<Conservative>),
}

/// Any built-in backfilling rule, with what a policy says of how it goes about it.
#[derive(Clone, Debug)]
pub struct AnyBackfill {
    rule: Rule,
    /// The order in which tasks may overtake, when it is not that of the queue.
    order: Option<AnyOrder>,
    commit_head: bool,
}

impl AnyBackfill {
    /// Nobody overtakes.
    pub fn none() -> Self {
        AnyBackfill { rule: Rule::None, order: None, commit_head: false }
    }

    /// The rule of a policy.
    pub fn new(policy: &PolicySpec, nodes: &[NodeSpec], streams: Streams) -> Self {
        let rule = match policy.backfill {
            BackfillSpec::None => Rule::None,
            BackfillSpec::Aggressive => Rule::Aggressive(Aggressive::new(nodes.len())),
            BackfillSpec::Easy => Rule::Easy(Easy::new(nodes)),
            BackfillSpec::Conservative => Rule::Conservative(Box::new(Conservative::new(nodes))),
        };
        let order = policy.backfill_order.as_ref().map(|order| AnyOrder::new(order, streams));
        AnyBackfill { rule, order, commit_head: policy.commit_head }
    }
}

/// Asks the rule, if there is one.
macro_rules! rule {
    ($self:ident, $rule:ident => $answer:expr, $none:expr) => {
        match &mut $self.rule {
            Rule::None => $none,
            Rule::Aggressive($rule) => $answer,
            Rule::Easy($rule) => $answer,
            Rule::Conservative($rule) => $answer,
        }
    };
}

impl Backfill for AnyBackfill {
    #[inline]
    fn is_active(&self) -> bool {
        !matches!(self.rule, Rule::None)
    }

    fn plans_all(&self) -> bool {
        matches!(self.rule, Rule::Conservative(_))
    }

    fn commits_head(&self) -> bool {
        self.commit_head
    }

    fn reorders(&self) -> bool {
        self.order.is_some()
    }

    fn candidate_key(&mut self, task: &TaskView<'_>, entry: Entry, now: Time) -> u64 {
        self.order.as_mut().map_or(0, |order| order.key(task, 0, entry, now))
    }

    fn candidates_move(&self) -> Option<Duration> {
        self.order.as_ref().and_then(Order::moves)
    }

    fn candidate_key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        self.order.as_ref().map_or(0, |order| order.key_now(task, now))
    }

    fn queued(&mut self, slot: u32) {
        rule!(self, rule => rule.queued(slot), {});
    }

    fn left(&mut self, slot: u32) {
        rule!(self, rule => rule.left(slot), {});
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        rule!(self, rule => rule.node_changed(node, cluster), {});
    }

    fn begin(&mut self, pass: &Pass<'_>) {
        rule!(self, rule => rule.begin(pass), {});
    }

    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate> {
        rule!(self, rule => rule.next(pass), None)
    }

    fn closed(&self) -> &[NodeId] {
        match &self.rule {
            Rule::Conservative(rule) => rule.closed(),
            Rule::None | Rule::Aggressive(_) | Rule::Easy(_) => &[],
        }
    }

    fn started(&mut self, candidate: Candidate, node: NodeId, pass: &Pass<'_>) {
        rule!(self, rule => rule.started(candidate, node, pass), {});
    }

    fn passed_over(&mut self, candidate: Candidate, pass: &Pass<'_>) {
        rule!(self, rule => rule.passed_over(candidate, pass), {});
    }
}
