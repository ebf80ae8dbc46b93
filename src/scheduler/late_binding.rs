//! Late binding: when a task arrives a place in the queue is reserved for it at each of several nodes;
//! the first of them that is free takes it, and its other reservations are void.
//!
//! Source: Sparrow; Ousterhout, Wendell, Zaharia and Stoica, SOSP 2013. Cost: `probes` choices of the
//! place per task, and O(log n) per reservation for n in the queue or nodes; void ones are thrown away
//! when they come to the front, or once they are more than half of a queue.
//! A bad idea when one central queue can be had: it is `pull` among those nodes that were asked.
//!
//! Each time it is asked the place chooses among the nodes that it has not named yet, as if those were
//! down. Each queue goes in the order of the policy. A reservation counts as load of its node; places
//! that count work see what runs. Limits of the queues of single nodes do not apply. When a node is lost
//! its reservations are; a task that has none left is placed anew.

use super::cluster::Cluster;
use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Manner, Order, Place, Policy};
use super::record::Observer;
use super::task::{NONE, TaskState, Tasks};
use crate::ids::NodeId;
use crate::structures::heap::Heap;
use crate::structures::memory;
use crate::structures::small_queue::{IN_PLACE, SmallQueue};
use crate::time::Time;

/// The reservations at a node: two cache lines of its own.
#[derive(Clone, Debug, Default)]
#[repr(align(128))]
struct NodeReservations {
    /// Key, number and slot of tasks, void ones among them.
    queue: SmallQueue,
    /// How many are not void.
    count: u32,
}

const _: () = assert!(size_of::<NodeReservations>() == 128);

impl NodeReservations {
    /// Whether none is void; then there is no need to look at tasks to tell.
    fn all_count(&self) -> bool {
        self.count as usize == self.queue.len()
    }
}

/// Who has a place reserved where.
#[derive(Clone, Debug)]
pub(super) struct Reservations {
    probes: usize,
    nodes: Vec<NodeReservations>,
    /// An empty one; kept to use its memory again.
    spare: Heap,
    /// By slot a row of the task's number and `probes` nodes; those that are not needed are `NONE`.
    rows: Vec<u32>,
}

impl Reservations {
    /// For a cluster without tasks, whose nodes from now on do not limit their queues; nothing where
    /// tasks are bound at once.
    pub(super) fn of(manner: Manner, cluster: &mut Cluster) -> Option<Box<Self>> {
        let Manner::LateBinding { probes } = manner else { return None };
        cluster.lift_queue_limits();
        Some(Box::new(Reservations {
            probes: probes as usize,
            nodes: memory::collected((0..cluster.len()).map(|_| NodeReservations::default())),
            spare: Heap::new(),
            rows: Vec::new(),
        }))
    }

    /// Fetches from memory what is known of a node.
    pub(super) fn fetch(&self, node: NodeId) {
        memory::prefetch_whole(&self.nodes, node.index());
    }

    /// The slot of the task whose reservation at the node comes first, void or not; nothing when all are void.
    pub(super) fn first_named(&self, node: NodeId) -> Option<u32> {
        let at = self.nodes.get(node.index()).filter(|at| at.count > 0)?;
        Some(at.queue.peek()? as u32)
    }

    fn row(&self, slot: u32) -> &[u32] {
        let width = self.probes + 1;
        let from = slot as usize * width;
        self.rows.get(from..from + width).unwrap_or_default()
    }

    fn row_mut(&mut self, slot: u32) -> &mut [u32] {
        let width = self.probes + 1;
        let from = slot as usize * width;
        memory::lengthen(&mut self.rows, from + width, NONE);
        &mut self.rows[from..from + width]
    }

    /// Where the task has places; some may be `NONE`.
    pub(super) fn nodes_of(&self, slot: u32) -> &[u32] {
        self.row(slot).get(1..).unwrap_or_default()
    }

    fn nodes_of_mut(&mut self, slot: u32) -> &mut [u32] {
        &mut self.row_mut(slot)[1..]
    }

    /// A task that has no place yet.
    fn begin(&mut self, slot: u32, number: u32) {
        let row = self.row_mut(slot);
        row.fill(NONE);
        row[0] = number;
    }

    /// Whether the entry of this node's queue stands for a task that waits for it.
    fn is_valid(&self, entry: u128, node: NodeId, tasks: &Tasks) -> bool {
        let (key, number, slot) = ((entry >> 64) as u64, (entry >> 32) as u32, entry as u32);
        // Most are void, and the row, unlike the task, is likely to be near.
        if !matches!(self.row(slot), [first, nodes @ ..] if *first == number && nodes.contains(&node.0)) {
            return false;
        }
        let task = &tasks.hot[slot as usize];
        task.number == number && task.key == key && task.state == TaskState::Waiting
    }

    fn push(&mut self, slot: u32, node: NodeId, tasks: &Tasks) {
        let task = &tasks.hot[slot as usize];
        let entry = u128::from(task.key) << 64 | u128::from(task.number) << 32 | u128::from(slot);
        let at = &self.nodes[node.index()];
        if at.count == 0 || (at.queue.len() >= IN_PLACE && at.queue.len() / 2 > at.count as usize) {
            self.clear_void(node, tasks);
        }
        let at = &mut self.nodes[node.index()];
        at.queue.push(entry);
        at.count += 1;
    }

    fn clear_void(&mut self, node: NodeId, tasks: &Tasks) {
        if self.nodes[node.index()].count == 0 {
            return self.nodes[node.index()].queue.clear();
        }
        let mut queue = std::mem::take(&mut self.nodes[node.index()].queue);
        let mut spare = std::mem::take(&mut self.spare);
        queue.retain(&mut spare, |entry| self.is_valid(entry, node, tasks));
        self.spare = spare;
        self.nodes[node.index()].queue = queue;
    }

    /// The task that goes next at the node; void reservations are thrown away on the way.
    fn first(&mut self, node: NodeId, tasks: &Tasks) -> Option<u32> {
        loop {
            let at = &mut self.nodes[node.index()];
            if at.count == 0 {
                at.queue.clear();
                return None;
            }
            let entry = at.queue.peek()?;
            if at.all_count() || self.is_valid(entry, node, tasks) {
                return Some(entry as u32);
            }
            self.nodes[node.index()].queue.pop();
        }
    }

    /// The tasks that wait for the node, in order.
    pub(super) fn at(&self, node: NodeId, tasks: &Tasks) -> Vec<u32> {
        let valid = self.nodes[node.index()].queue.iter().filter(|entry| self.is_valid(*entry, node, tasks));
        let mut valid: Vec<u128> = valid.collect();
        valid.sort_unstable();
        valid.dedup();
        valid.into_iter().map(|entry| entry as u32).collect()
    }

    /// How many reservations at the node count.
    pub(super) fn count(&self, node: NodeId) -> usize {
        self.nodes[node.index()].count as usize
    }
}

impl<P: Policy> Scheduler<P> {
    /// Reserves places for the tasks of this instant, and starts what can start.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_late<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        self.gather_unplaced(commands);
        let in_order = self.unplaced.len() > 1 && self.policy.parts().1.binds_in_order();
        if in_order {
            self.put_in_order(now);
        } else {
            self.order_failed(now);
        }
        for at in 0..self.unplaced.len() {
            let slot = self.unplaced[at];
            if !in_order {
                self.set_key(now, slot, 0);
            }
            self.reserve_places(slot);
            if !self.has_reservations(slot) {
                self.parked.push(slot);
                self.tries_parked = self.limited;
            }
        }
        self.unplaced.clear();
        let mut at = 0;
        // Nodes are added where a start has made another task the first.
        while let Some(&node) = self.dirty.get(at) {
            self.cluster.nodes[node.index()].dirty = false;
            self.take_reserved(now, node, commands, observer);
            at += 1;
        }
        self.dirty.clear();
    }

    /// Asks the place for nodes, each among those that it has not named yet, and queues the task there.
    fn reserve_places(&mut self, slot: u32) {
        self.fetch_soon();
        let number = self.tasks.hot[slot as usize].number;
        let Some(reservations) = &mut self.reservations else { return };
        let probes = reservations.probes;
        reservations.begin(slot, number);
        for at in 0..probes {
            let chosen = self.policy.parts().1.choose(&self.tasks.view(slot), &self.cluster);
            let (Some(node), Some(reservations)) = (chosen, &mut self.reservations) else { break };
            reservations.nodes_of_mut(slot)[at] = node.0;
            reservations.push(slot, node, &self.tasks);
            self.cluster.count(slot, node, &self.tasks);
            self.load_changed(node);
            if self.cluster.nodes[node.index()].free > 0 {
                self.mark_dirty(node);
            }
            if at + 1 < probes {
                self.cluster.hide(node);
                self.node_changed(node);
            }
        }
        while let Some(node) = self.cluster.show() {
            self.node_changed(node);
        }
    }

    /// Gives free slots of the node to those who have a place there.
    fn take_reserved<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        loop {
            let free = self.cluster.nodes[node.index()].free;
            let Some(reservations) = self.reservations.as_mut().filter(|_| free > 0) else { return };
            let Some(slot) = reservations.first(node, &self.tasks) else { return };
            if !self.cluster.can_start(node, slot, &self.tasks) {
                return;
            }
            self.void_reservations(slot, Some(node));
            self.cluster.nodes[node.index()].load += 1;
            self.policy.parts().0.taken(self.tasks.hot[slot as usize].key, 0);
            self.start(now, slot, node, commands, observer);
        }
    }

    /// Whether the task has a place reserved anywhere.
    pub(super) fn has_reservations(&self, slot: u32) -> bool {
        let reservations = self.reservations.as_ref();
        reservations.is_some_and(|reservations| reservations.nodes_of(slot).iter().any(|node| *node != NONE))
    }

    /// A task waits no more; one that has no reservations is among those that no node had room for.
    pub(super) fn withdraw(&mut self, slot: u32) {
        if self.has_reservations(slot) {
            self.void_reservations(slot, None);
        } else {
            self.parked.retain(|parked| *parked != slot);
        }
    }

    /// Voids all reservations of a task, which starts at the one node, if at any.
    fn void_reservations(&mut self, slot: u32, taken: Option<NodeId>) {
        let probes = self.reservations.as_ref().map_or(0, |reservations| reservations.probes);
        for at in 0..probes {
            let Some(reservations) = &mut self.reservations else { return };
            let node = std::mem::replace(&mut reservations.nodes_of_mut(slot)[at], NONE);
            if node == NONE {
                continue;
            }
            self.give_back(slot, NodeId(node));
            // Perhaps it kept others from starting there.
            if self.cluster.nodes[node as usize].free > 0 && taken != Some(NodeId(node)) {
                self.mark_dirty(NodeId(node));
            }
        }
    }

    /// A reservation counts no more.
    fn give_back(&mut self, slot: u32, node: NodeId) {
        if let Some(reservations) = &mut self.reservations {
            reservations.nodes[node.index()].count -= 1;
        }
        self.cluster.discount(slot, node, &self.tasks);
        self.load_changed(node);
    }

    /// The node is lost or drained, and all places there are; tasks that have no other are placed anew.
    #[cold]
    pub(super) fn lose_reservations<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        mut told: Option<&mut O>,
    ) {
        loop {
            let Some(reservations) = &mut self.reservations else { return };
            let Some(slot) = reservations.first(node, &self.tasks) else { break };
            for other in reservations.nodes_of_mut(slot).iter_mut().filter(|other| **other == node.0) {
                *other = NONE;
            }
            self.give_back(slot, node);
            if !self.has_reservations(slot) {
                if let Some(observer) = &mut told {
                    self.note_moved(now, slot, node, *observer);
                }
                self.enqueue(now, slot);
            }
        }
    }
}
