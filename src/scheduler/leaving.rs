//! Nodes that leave the cluster: such a node is drained. It takes no new tasks, what waits there is placed
//! anew, what runs there goes on; once nothing does the driver is told to stop it.
//!
//! Source: `kubectl drain`; decommissioning of nodes in Hadoop YARN. Cost: that of closing a node
//! (`closing.rs`), and O(1) per attempt that ends there. A cluster that no node leaves does not know of this.
//!
//! A node that is lost while it is drained has left: it is not waited for. A task that moves is no new
//! submission, so nobody refuses it. Tasks of the node's own queue move, those that the node took ahead, and
//! those whose last reservation was there; what idle nodes take from others is theft (`stealing.rs`).

use super::command::{Command, Commands};
use super::details::NO_SIZE;
use super::event::ClosedBy;
use super::machine::Scheduler;
use super::policy::Policy;
use super::record::{Observer, Record};
use super::task::NONE;
use crate::ids::NodeId;
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::Time;

impl<P: Policy> Scheduler<P> {
    /// The node is to leave. Only before decisions are made.
    #[cold]
    #[inline(never)]
    pub(super) fn begin_leaving<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        if self.cluster.is_leaving(node) {
            return;
        }
        self.close_node(now, node, ClosedBy::Drain, true, commands, observer);
        self.cluster.mark_leaving(node);
        self.decides_more = true;
    }

    /// A task that waited at a node which is drained moves.
    #[cold]
    pub(super) fn note_moved<O: Observer>(&mut self, now: Time, slot: u32, from: NodeId, observer: &mut O) {
        self.accept(slot);
        let size = self.tasks.view(slot).details().size;
        let (task, size) = (self.tasks.id(slot), (size != NO_SIZE).then_some(size));
        observer.on_record(now, &Record::Moved { task, from, size });
    }

    /// Nodes that leave, and where nothing runs any more, have left.
    pub(super) fn stop_emptied<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        let Some(closures) = self.cluster.closures.as_mut().filter(|closures| !closures.emptied.is_empty())
        else {
            return;
        };
        for node in std::mem::take(&mut closures.emptied) {
            if !self.cluster.is_leaving(node) || self.cluster.nodes[node.index()].running != NONE {
                continue;
            }
            self.forget_request(node);
            self.cluster.forget_leaving(node);
            observer.on_record(now, &Record::NodeLeft { node });
            commands.push(Command::StopNode { node });
            if let Some(autoscaler) = &mut self.autoscaler {
                autoscaler.left(node);
            }
        }
    }

    /// A node that leaves is closed, and nothing waits there.
    pub(super) fn check_leaving(&self) -> Result<(), String> {
        for node in self.cluster.nodes().filter(|node| self.cluster.is_leaving(*node)) {
            ensure!(self.cluster.is_closed(node), "{node:?} leaves and is open");
            let mut running = 0;
            self.cluster.running(node, &self.tasks).for_each(|_| running += 1);
            ensure_eq!(self.cluster.load(node), running, "what waits at {node:?}, which leaves");
        }
        Ok(())
    }
}
