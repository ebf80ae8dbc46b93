//! None: the head of the queue blocks until it finds room. The rules that let others overtake it stand
//! in this folder, one per file.
//!
//! Source: first come, first served as batch systems began; Feitelson and Rudolph 1995. Cost: nothing.
//! A bad idea when tasks differ in width: a wide one at the head leaves slots idle that others could use.

mod aggressive;
mod easy;

pub use aggressive::Aggressive;
pub use easy::Easy;

use super::spec::BackfillSpec;
use crate::ids::NodeId;
use crate::scheduler::{Backfill, Candidate, Cluster, NodeSpec, Pass};

/// Any built-in backfilling rule.
#[derive(Clone, Debug)]
pub enum AnyBackfill {
    /// The head of the queue blocks.
    None,
    /// See [`Aggressive`].
    Aggressive(Aggressive),
    /// See [`Easy`].
    Easy(Easy),
}

impl AnyBackfill {
    /// The rule that a scenario names.
    pub fn new(spec: BackfillSpec, nodes: &[NodeSpec]) -> Self {
        match spec {
            BackfillSpec::None => AnyBackfill::None,
            BackfillSpec::Aggressive => AnyBackfill::Aggressive(Aggressive::new(nodes.len())),
            BackfillSpec::Easy => AnyBackfill::Easy(Easy::new(nodes)),
        }
    }
}

impl Backfill for AnyBackfill {
    #[inline]
    fn is_active(&self) -> bool {
        !matches!(self, AnyBackfill::None)
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        match self {
            AnyBackfill::None => {}
            AnyBackfill::Aggressive(rule) => rule.node_changed(node, cluster),
            AnyBackfill::Easy(rule) => rule.node_changed(node, cluster),
        }
    }

    fn begin(&mut self, pass: &Pass<'_>) {
        match self {
            AnyBackfill::None => {}
            AnyBackfill::Aggressive(rule) => rule.begin(pass),
            AnyBackfill::Easy(rule) => rule.begin(pass),
        }
    }

    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate> {
        match self {
            AnyBackfill::None => None,
            AnyBackfill::Aggressive(rule) => rule.next(pass),
            AnyBackfill::Easy(rule) => rule.next(pass),
        }
    }

    fn started(&mut self, candidate: Candidate, node: NodeId, pass: &Pass<'_>) {
        match self {
            AnyBackfill::None => {}
            AnyBackfill::Aggressive(rule) => rule.started(candidate, node, pass),
            AnyBackfill::Easy(rule) => rule.started(candidate, node, pass),
        }
    }

    fn passed_over(&mut self, candidate: Candidate, pass: &Pass<'_>) {
        match self {
            AnyBackfill::None => {}
            AnyBackfill::Aggressive(rule) => rule.passed_over(candidate, pass),
            AnyBackfill::Easy(rule) => rule.passed_over(candidate, pass),
        }
    }
}
