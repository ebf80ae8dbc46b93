//! What protects tasks from bad nodes and from each other, and what it needs to know of every attempt: where it starts and how
//! it ends. Without any guard nothing here is called.

use serde::{Deserialize, Serialize};

use super::breaker::{BreakerPlan, Breakers, Verdict};
use super::command::Commands;
use super::event::Outcome;
use super::locks::{LockPlan, Locks};
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::Observer;
use crate::ids::NodeId;
use crate::time::Time;

/// Which guards there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardPlan {
    /// Circuit breakers of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<BreakerPlan>,
    /// Locks that tasks need; without this what they say of locks has no meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locks: Option<LockPlan>,
}

/// What the guards know.
#[derive(Clone, Debug, Default)]
pub(super) struct Guards {
    pub(super) breakers: Option<Box<Breakers>>,
    pub(super) locks: Option<Box<Locks>>,
}

impl Guards {
    pub(super) fn new(plan: &GuardPlan, nodes: usize) -> Self {
        Guards {
            breakers: plan.breaker.map(|plan| Box::new(Breakers::new(plan, nodes))),
            locks: plan.locks.map(|plan| Box::new(Locks::new(plan))),
        }
    }

    /// Whether any guard wants to know of attempts.
    pub(super) fn are_on(&self) -> bool {
        self.breakers.is_some() || self.locks.is_some()
    }
}

impl<P: Policy> Scheduler<P> {
    /// An attempt was sent to the node.
    #[cold]
    #[inline(never)]
    pub(super) fn guard_start<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.breaker_lets_through(now, slot, node, commands, observer);
    }

    /// An attempt ended by itself, and takes nothing of its node any more.
    #[cold]
    #[inline(never)]
    pub(super) fn guard_end<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        outcome: Outcome,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let verdict = match outcome {
            Outcome::Success => Verdict::Good,
            Outcome::Failure => Verdict::Bad,
            // It asked for too little time: its node can do nothing about that.
            Outcome::Killed => Verdict::None,
        };
        self.judge(now, slot, node, verdict, commands, observer);
    }

    /// The task is settled.
    #[cold]
    #[inline(never)]
    pub(super) fn guard_settled<O: Observer>(&mut self, now: Time, slot: u32, observer: &mut O) {
        self.give_up_lock(now, slot, observer);
    }
}
