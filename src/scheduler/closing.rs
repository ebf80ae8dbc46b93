//! Nodes that are closed to new tasks without being lost: what runs there goes on, and nothing starts or
//! is bound there until they are open again.
//!
//! Several may want a node closed at the same time, each for a reason of its own; it is open when none
//! does. To everybody who chooses nodes or starts tasks a closed node looks like one that is down: it has
//! nothing free and no room. What it has is counted again, from what still runs there, when it opens.
//! What waits in its queue stays there in its place, or moves: it is then placed anew, as if the node were
//! lost. Idle nodes that take tasks from others take them from closed ones too. A closed node can be lost
//! and can join; it stays closed.
//!
//! Source: cordon and drain of Kubernetes; the `DRAIN` state of nodes in Slurm. Cost: O(r + log n) to close
//! or open one of n nodes with r running attempts, O(log n) more per task that moves. A cluster no node of
//! which was ever closed has no table of them.

use super::cluster::Cluster;
use super::command::Commands;
use super::event::ClosedBy;
use super::machine::Scheduler;
use super::policy::{Interrupts, Policy, Step};
use super::record::{Observer, Record};
use super::task::{NONE, Tasks};
use crate::ids::NodeId;
use crate::time::Time;

/// Why a node is closed, and whether it is there.
#[derive(Clone, Copy, Debug, Default)]
struct Closure {
    /// One bit per reason.
    reasons: u8,
    /// Whether the node, while it is closed, is believed up.
    joined: bool,
    /// Whether it leaves the cluster once nothing runs there.
    leaves: bool,
}

/// What is known of closed nodes, from the first time that any is.
#[derive(Clone, Debug)]
pub(super) struct Closures {
    /// By node.
    nodes: Vec<Closure>,
    /// Nodes that leave, and where perhaps nothing runs any more.
    pub(super) emptied: Vec<NodeId>,
}

impl Cluster {
    /// Whether anybody wants the node closed.
    #[inline]
    pub fn is_closed(&self, node: NodeId) -> bool {
        self.closures.as_ref().is_some_and(|closures| closures.nodes[node.index()].reasons != 0)
    }

    /// Whether the node is believed up, open or not.
    #[inline]
    pub fn has_joined(&self, node: NodeId) -> bool {
        self.is_up(node)
            || self.closures.as_ref().is_some_and(|closures| {
                let closure = closures.nodes[node.index()];
                closure.reasons != 0 && closure.joined
            })
    }

    /// The node joins, or is lost with nothing left running there.
    pub(super) fn set_joined(&mut self, node: NodeId, joined: bool) {
        match &mut self.closures {
            Some(closures) if closures.nodes[node.index()].reasons != 0 => {
                closures.nodes[node.index()].joined = joined;
            }
            _ => self.set_up(node, joined),
        }
    }

    /// Gives whether the node was open.
    fn add_reason(&mut self, node: NodeId, reason: ClosedBy) -> bool {
        let nodes = self.nodes.len();
        self.rooms_move = true;
        let up = self.is_up(node);
        let closures = self.closures.get_or_insert_with(|| {
            Box::new(Closures { nodes: vec![Closure::default(); nodes], emptied: Vec::new() })
        });
        let closure = &mut closures.nodes[node.index()];
        let was_open = closure.reasons == 0;
        closure.reasons |= reason.bit();
        if was_open {
            closure.joined = up;
        }
        was_open
    }

    /// Gives whether the node is open from now on, and was not.
    fn remove_reason(&mut self, node: NodeId, reason: ClosedBy) -> bool {
        let Some(closures) = &mut self.closures else { return false };
        let closure = &mut closures.nodes[node.index()];
        let was_closed = closure.reasons != 0;
        closure.reasons &= !reason.bit();
        was_closed && closure.reasons == 0
    }

    /// A node that was closed is up and open: free is what its running attempts leave.
    fn show_open(&mut self, node: NodeId, tasks: &Tasks) {
        self.set_up(node, true);
        let mut at = self.nodes[node.index()].running;
        while let Some(task) = tasks.hot.get(at as usize) {
            self.nodes[node.index()].free -= task.slots;
            if let Some(ledger) = &mut self.ledger {
                ledger.take(node, tasks.demand(at));
            }
            at = task.link;
        }
    }

    /// An attempt is over: what it gave back is not free while its node is closed.
    #[cold]
    #[inline(never)]
    pub(super) fn withhold(&mut self, node: NodeId) {
        if self.is_closed(node) {
            self.set_up(node, false);
            self.note_if_empty(node);
        }
    }

    /// The node, which is closed to be drained, leaves the cluster once nothing runs there.
    pub(super) fn mark_leaving(&mut self, node: NodeId) {
        if let Some(closures) = &mut self.closures {
            closures.nodes[node.index()].leaves = true;
        }
        self.note_if_empty(node);
    }

    /// Whether the node leaves the cluster once nothing runs there.
    pub(super) fn is_leaving(&self, node: NodeId) -> bool {
        self.closures.as_ref().is_some_and(|closures| closures.nodes[node.index()].leaves)
    }

    /// The node has left the cluster: to be drained is no reason any more to keep it closed.
    pub(super) fn forget_leaving(&mut self, node: NodeId) {
        if let Some(closures) = &mut self.closures {
            let closure = &mut closures.nodes[node.index()];
            (closure.leaves, closure.joined) = (false, false);
            closure.reasons &= !ClosedBy::Drain.bit();
        }
    }

    fn note_if_empty(&mut self, node: NodeId) {
        if let Some(closures) = &mut self.closures
            && closures.nodes[node.index()].leaves
            && self.nodes[node.index()].running == NONE
        {
            closures.emptied.push(node);
        }
    }
}

impl<P: Policy> Scheduler<P> {
    /// Closes a node for this reason, with or without what waits there. Only before decisions are made.
    #[cold]
    pub(super) fn close_node<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        reason: ClosedBy,
        move_waiting: bool,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        if !self.cluster.is_closed(node) {
            // What runs there cannot make room for others from now on.
            self.file_all_running(node, false);
        }
        if self.cluster.add_reason(node, reason) {
            self.cluster.set_up(node, false);
            self.node_changed(node);
            self.note_for_thieves(node);
            self.note_opening(node);
            observer.on_record(now, &Record::NodeClosed { node, reason });
        }
        if move_waiting {
            let told = (reason == ClosedBy::Drain).then_some(observer);
            self.move_waiting(now, node, commands, told);
        }
    }

    /// This reason to keep the node closed holds no more.
    #[cold]
    pub(super) fn open_node<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        reason: ClosedBy,
        observer: &mut O,
    ) {
        if reason == ClosedBy::Drain && self.cluster.is_leaving(node) {
            // There is no way back.
            return;
        }
        let joined = self.cluster.has_joined(node);
        if !self.cluster.remove_reason(node, reason) {
            return;
        }
        observer.on_record(now, &Record::NodeOpened { node, reason });
        if !joined {
            return;
        }
        self.cluster.show_open(node, &self.tasks);
        self.file_all_running(node, true);
        self.tries_parked = true;
        if self.queues_at_nodes {
            self.mark_dirty(node);
        }
        self.node_changed(node);
        self.note_for_thieves(node);
        self.note_opening(node);
    }

    /// All that waits in the queue of the node goes back to be placed anew, in its order. Whoever is `told`
    /// hears of every task that moves.
    pub(super) fn move_waiting<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        mut told: Option<&mut O>,
    ) {
        while let Some(slot) = self.front(node, commands) {
            self.cluster.dequeue(slot, node, &mut self.tasks);
            self.cluster.nodes[node.index()].load -= 1;
            self.follow(now, Step::Left, slot, node);
            self.tasks.hot[slot as usize].node = NONE;
            if let Some(observer) = &mut told {
                self.note_moved(now, slot, node, *observer);
            }
            self.enqueue(now, slot);
        }
        if self.reservations.is_some() {
            self.lose_reservations(now, node, told);
        }
        self.lose_prefetched(node);
        self.node_changed(node);
        self.note_for_thieves(node);
        self.note_opening(node);
    }

    /// Puts what runs on the node among those that may have to make room for better tasks, or takes it out.
    fn file_all_running(&mut self, node: NodeId, file: bool) {
        if self.interrupts == Interrupts::Never {
            return;
        }
        let mut running = std::mem::take(&mut self.scratch);
        running.extend(self.cluster.running(node, &self.tasks));
        for slot in running.drain(..) {
            if file {
                self.file_running(slot, node);
            } else {
                self.unfile_running(slot, node);
            }
        }
        self.scratch = running;
    }
}
