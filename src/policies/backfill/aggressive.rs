//! Aggressive backfilling: any waiting task that fits starts, in order of the queue.
//!
//! Source: "first fit" queue scanning; Feitelson, Rudolph and Schwiegelshohn 2005. Cost: O(log n) per
//! task that starts and per pass; with named resources also O(k log n) per pass for each of the first 63
//! kinds of waiting tasks (of equal demand), and per waiting task of other kinds whose slots fit.
//! A bad idea when wide tasks must run at all: narrow ones can overtake them for ever.

use crate::ids::NodeId;
use crate::scheduler::{Backfill, Candidate, Cluster, Pass};
use crate::structures::ordered_index::{Fit, NO_KIND};
use crate::structures::room_tree::RoomTree;

/// Any waiting task that fits may start.
#[derive(Clone, Debug)]
pub struct Aggressive {
    rooms: RoomTree,
    /// The task up to which the candidates have been searched in this pass.
    at: Option<u32>,
    /// Kinds of tasks that may still fit in this pass.
    kinds: u64,
}

impl Aggressive {
    /// For a cluster of so many nodes.
    pub fn new(nodes: usize) -> Self {
        Aggressive { rooms: RoomTree::new(nodes), at: None, kinds: u64::MAX }
    }
}

impl Aggressive {
    /// This task fits nowhere, nor will others of its kind in this pass.
    fn leave_out(&mut self, slot: u32, pass: &Pass<'_>) {
        self.kinds &= !pass.waiting.kind(slot) | NO_KIND;
    }
}

impl Backfill for Aggressive {
    fn is_active(&self) -> bool {
        true
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, cluster.free(node));
    }

    fn begin(&mut self, pass: &Pass<'_>) {
        self.at = None;
        self.kinds = u64::MAX;
        self.leave_out(pass.head, pass);
    }

    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate> {
        let fit = Fit { any_slots: self.rooms.most(), short_slots: 0, short_estimate: 0 };
        // Room only shrinks within a pass: what did not fit before, the head too, does not fit now.
        let slot = pass.next_candidate(self.at, &fit, self.kinds)?;
        self.at = Some(slot);
        Some(Candidate { slot, cap: None })
    }

    fn started(&mut self, _: Candidate, _: NodeId, _: &Pass<'_>) {}

    fn passed_over(&mut self, candidate: Candidate, pass: &Pass<'_>) {
        self.leave_out(candidate.slot, pass);
    }
}
