//! Nodes join the cluster, are to leave it, and have left it: their processes are started and stopped.

use super::coordinator::{Coordinator, Fact};
use super::fleet::Process;
use super::link::Link;
use super::message::ToWorker;
use super::run::LiveError;
use crate::ids::NodeId;
use crate::scheduler::{Event, Observer, Policy, Record};
use crate::time::Time;

impl<'a, P: Policy, O: Observer, L: Link> Coordinator<'a, P, O, L> {
    /// The nodes that are there from the start.
    pub(super) fn first_nodes(&self) -> impl Iterator<Item = NodeId> + use<'a, P, O, L> {
        let world = self.world;
        let nodes = 0..world.nodes.len() as u32;
        nodes.filter(|node| world.faults.membership.starts_with(*node)).map(NodeId)
    }

    /// The node belongs to the cluster from now on. Its process is started, unless an outage holds.
    pub(super) fn enter(&mut self, now: Time, node: NodeId, up: bool) -> Result<(), LiveError> {
        self.observer.on_record(now, &Record::NodeEntered { node });
        self.fleet.get(node).there = true;
        if up { self.start_worker(node) } else { Ok(()) }
    }

    /// The node is to leave the cluster.
    pub(super) fn ask_to_leave(&mut self, node: NodeId) {
        self.facts.push(Fact::own(Event::NodeLeaving { node }));
    }

    /// The scheduler asks for a node: its process is started once it has booted.
    pub(super) fn boot(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        let Some(clocks) = &mut self.clocks else { return Ok(()) };
        clocks.boot(now, node.0, &mut self.plans).ok_or(LiveError::TimeOverflow)
    }

    /// Nothing runs on the node any more, and it leaves: its process ends.
    pub(super) fn stop(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        match self.fleet.get(node).stop() {
            Process::Up => self.send(node, &ToWorker::Shutdown),
            // It could not be told before it connects.
            Process::Starting => self.link.kill_worker(node),
            Process::Down => {}
        }
        let Some(clocks) = &mut self.clocks else { return Ok(()) };
        clocks.leave(now, node.0, &mut self.plans).ok_or(LiveError::TimeOverflow)
    }
}
