//! What the parts of a policy are told of what happens at nodes.

use super::machine::Scheduler;
use super::policy::{Backfill, Dispatch, Place, Policy, Step};
use crate::ids::NodeId;
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// The node's load or free slots have changed.
    #[inline(always)]
    pub(super) fn load_changed(&mut self, node: NodeId) {
        if self.cluster.dispatch() == Dispatch::Push && !self.cluster.has_limits() {
            self.policy.parts().1.load_changed(node, &self.cluster);
        } else {
            self.node_changed(node);
        }
    }

    /// A task has come to a node or left it.
    #[inline(always)]
    pub(super) fn follow(&mut self, now: Time, step: Step, slot: u32, node: NodeId) {
        self.policy.parts().1.follow(now, step, &self.tasks.view(slot), node);
    }

    /// The node's room has changed.
    #[inline]
    pub(super) fn node_changed(&mut self, node: NodeId) {
        let (_, place, backfill) = self.policy.parts();
        place.node_changed(node, &self.cluster);
        if backfill.is_active() {
            backfill.node_changed(node, &self.cluster);
        }
    }
}
