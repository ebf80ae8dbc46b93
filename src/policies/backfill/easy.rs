//! EASY backfilling: a task may overtake the blocked head of the queue unless that would delay it.
//!
//! Source: Lifka, "The ANL/IBM SP scheduling system", 1995; Mu'alem and Feitelson 2001. The head gets
//! a reservation: the node and the time ("shadow time") at which, by the estimates of what runs, it
//! can start first. A task behind it may start now if there is room and it either ends by the shadow
//! time or uses only slots that the head will leave over there ("extra slots").
//!
//! Every task runs on one node, so the reservation is on one node too: elsewhere any task may start.
//!
//! Cost: O(log n) per task that starts and per pass, and O(k log k) for each node that changed since
//! the last pass or to which a task is on its way, k being the tasks it runs; O(all running tasks)
//! when a head asks for another number of slots than the one before.
//! A bad idea when estimates are far too low: the head is then delayed after all.

use crate::ids::NodeId;
use crate::scheduler::{Backfill, Candidate, Cluster, NodeSpec, Pass};
use crate::structures::key_tree::KeyTree;
use crate::structures::ordered_index::Fit;
use crate::structures::room_tree::RoomTree;
use crate::time::{Duration, Time};

/// When and where the head of the queue will start.
#[derive(Clone, Copy, Debug)]
struct Reservation {
    node: NodeId,
    /// Slots there that the head leaves over.
    extra: u32,
    /// Most estimated work of a task that ends there by the shadow time.
    short_estimate: u64,
}

/// A task may overtake unless it delays the head.
#[derive(Clone, Debug)]
pub struct Easy {
    rooms: RoomTree,
    /// When each node could start the head, by estimates; the present where that is over already.
    earliest: KeyTree,
    /// The demand for which `earliest` holds.
    demand: u32,
    /// Nodes that changed since `earliest` was computed, and those for which it moves with time.
    changed: Vec<NodeId>,
    is_changed: Vec<bool>,
    reservation: Option<Reservation>,
    /// The task up to which the candidates have been searched in this pass.
    at: Option<u32>,
    /// Expected ends and slots of what runs on a node; kept to use its memory again.
    ends: Vec<(Time, u32)>,
    speeds: Vec<f64>,
}

impl Easy {
    /// For this cluster.
    pub fn new(nodes: &[NodeSpec]) -> Self {
        Easy {
            rooms: RoomTree::new(nodes.len()),
            earliest: KeyTree::new(nodes.len(), false),
            demand: 0,
            changed: Vec::new(),
            is_changed: vec![false; nodes.len()],
            reservation: None,
            at: None,
            ends: Vec::new(),
            speeds: nodes.iter().map(|node| node.speed).collect(),
        }
    }

    /// The time at which `node` has `demand` slots free by the estimates, and how many then.
    fn earliest_start(&mut self, node: NodeId, demand: u32, pass: &Pass<'_>) -> Option<(Time, u32)> {
        if !pass.cluster.is_up(node) || pass.cluster.spec(node).slots < demand {
            return None;
        }
        let mut free = pass.cluster.free(node);
        if free >= demand {
            return Some((pass.now, free));
        }
        let speed = self.speeds[node.index()];
        self.ends.clear();
        for slot in pass.cluster.running(node, pass.tasks) {
            let task = pass.tasks.view(slot);
            // Of an attempt on its way to the node the present is the best guess.
            let since = task.working_since(pass.now);
            let end = Time(since.0.saturating_add(Duration::of_work(task.left(), speed).0));
            self.ends.push((end, task.slots()));
        }
        self.ends.sort_unstable();
        let mut ends = self.ends.iter().peekable();
        let mut at = pass.now;
        while free < demand {
            let (end, slots) = ends.next()?;
            at = at.max(*end);
            free += slots;
        }
        // What ends at the same instant leaves its slots over too.
        while let Some((_, slots)) = ends.next_if(|(end, _)| *end <= at) {
            free += slots;
        }
        Some((at, free))
    }

    fn refresh(&mut self, demand: u32, pass: &Pass<'_>) {
        if demand == self.demand {
            let mut kept = 0;
            for at in 0..self.changed.len() {
                let node = self.changed[at];
                self.is_changed[node.index()] = self.refresh_node(node, demand, pass);
                if self.is_changed[node.index()] {
                    self.changed[kept] = node;
                    kept += 1;
                }
            }
            self.changed.truncate(kept);
        } else {
            self.demand = demand;
            self.changed.clear();
            for node in pass.cluster.nodes() {
                self.is_changed[node.index()] = self.refresh_node(node, demand, pass);
                if self.is_changed[node.index()] {
                    self.changed.push(node);
                }
            }
        }
    }

    /// Files when the node could start the head. Gives whether that moves with time, because the
    /// end of an attempt that has not begun does.
    fn refresh_node(&mut self, node: NodeId, demand: u32, pass: &Pass<'_>) -> bool {
        match self.earliest_start(node, demand, pass) {
            Some((at, _)) => self.earliest.set(node.0, at.0, 1),
            None => self.earliest.set(node.0, 0, 0),
        }
        pass.cluster.running(node, pass.tasks).any(|slot| pass.tasks.view(slot).started() > pass.now)
    }
}

impl Backfill for Easy {
    fn is_active(&self) -> bool {
        true
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, cluster.free(node));
        if !std::mem::replace(&mut self.is_changed[node.index()], true) {
            self.changed.push(node);
        }
    }

    fn begin(&mut self, pass: &Pass<'_>) {
        self.at = None;
        let demand = pass.tasks.view(pass.head).slots();
        self.refresh(demand, pass);
        // Of the nodes whose tasks should have ended by now, the first.
        let node = self.earliest.first_up_to(pass.now.0).or_else(|| self.earliest.least(1));
        self.reservation = node.map(NodeId).and_then(|node| {
            let (shadow, free) = self.earliest_start(node, demand, pass)?;
            let left = shadow.since(pass.now).0;
            let speed = self.speeds[node.index()];
            let short_estimate = if speed == 1.0 { left } else { (left as f64 * speed).floor() as u64 };
            Some(Reservation { node, extra: free - demand, short_estimate })
        });
    }

    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate> {
        let short_slots = self.rooms.most();
        let Some(reservation) = self.reservation else {
            // No node will ever be free for the head as things stand (nodes are down): it cannot be
            // delayed.
            let fit = Fit { any_slots: short_slots, short_slots: 0, short_estimate: 0 };
            let slot = pass.next_candidate(self.at, &fit, u64::MAX)?;
            self.at = Some(slot);
            return Some(Candidate { slot, cap: None });
        };
        // Tasks of any length may take what the head leaves over on its node, and any other node.
        let cap = pass.cluster.free(reservation.node).min(reservation.extra);
        self.rooms.set(reservation.node.0, cap);
        let any_slots = self.rooms.most();
        self.rooms.set(reservation.node.0, pass.cluster.free(reservation.node));
        let fit = Fit { any_slots, short_slots, short_estimate: reservation.short_estimate };
        // The head itself fits nowhere, or it would have started.
        let slot = pass.next_candidate(self.at, &fit, u64::MAX)?;
        self.at = Some(slot);
        let short = pass.tasks.view(slot).left() <= reservation.short_estimate;
        let cap = (!short).then_some((reservation.node, reservation.extra));
        Some(Candidate { slot, cap })
    }

    fn started(&mut self, candidate: Candidate, node: NodeId, pass: &Pass<'_>) {
        if let (Some(reservation), Some((capped, _))) = (&mut self.reservation, candidate.cap)
            && capped == node
        {
            reservation.extra -= pass.tasks.view(candidate.slot).slots();
        }
    }
}
