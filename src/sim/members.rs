//! Nodes join the cluster, are to leave it, and have left it.

use super::driver::Driver;
use super::run::SimulationError;
use crate::ids::NodeId;
use crate::scheduler::{Event, Observer, Policy, Record};
use crate::time::Time;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// The node belongs to the cluster from now on, up or not.
    pub(super) fn enter_node(&mut self, now: Time, node: u32, up: bool) -> Result<(), SimulationError> {
        self.observer.on_record(now, &Record::NodeEntered { node: NodeId(node) });
        if up { self.recover_node(now, node) } else { Ok(()) }
    }

    /// The node is to leave the cluster.
    pub(super) fn ask_to_leave(&mut self, now: Time, node: u32) {
        self.events += 1;
        self.tell(now, Event::NodeLeaving { node: NodeId(node) });
    }

    /// The scheduler asks for a node.
    #[cold]
    #[inline(never)]
    pub(super) fn start_node(&mut self, now: Time, node: NodeId) -> Result<(), SimulationError> {
        self.nodes.boot(now, node.0, &mut self.queue).ok_or(SimulationError::TimeOverflow)
    }

    /// Nothing runs on the node any more, and it leaves.
    #[cold]
    #[inline(never)]
    pub(super) fn stop_node(&mut self, now: Time, node: NodeId) -> Result<(), SimulationError> {
        self.news.leaves(node.0);
        self.nodes.leave(now, node.0, &mut self.queue).ok_or(SimulationError::TimeOverflow)
    }
}
