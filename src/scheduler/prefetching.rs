//! Prefetching: pull with a batch. A node that asks takes the first task that waits and, with it, up to
//! `batch` - 1 of those behind it, which wait in the node's own queue until it has room for them.
//!
//! Source: the prefetch count of message brokers (`basic.qos` of AMQP 0-9-1, 2008); Hummel, Schonberg and
//! Flynn, "Factoring", CACM 1992, on chunks that trade waiting for balance. Cost: one choice of the place
//! per batch, and per task that is taken ahead O(log n) for n in the central queue (O(1) under first come,
//! first served) and O(1) for the queue of the node.
//! A bad idea when tasks differ much in length and nothing has to travel: one can wait behind a long task
//! while other nodes are idle.
//!
//! The place is asked for the first task of a batch alone; the others go where that goes, as long as the
//! next in line is not larger than the whole node. A node where anything waits is full to the place: its
//! own queue goes first, in the order in which it was taken, which is the order of the policy at that
//! time, and the node asks again only when that queue is empty. So batches never mix, and their keys stand
//! still. A task that is taken ahead travels while it waits: what is left of its way when its turn comes is
//! all that delays its start. With its node it loses its place there, and waits in line as it did before.

use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Manner, Place, Policy, Step};
use super::record::Observer;
use super::task::NONE;
use crate::ids::NodeId;
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::Time;

/// Who was sent to a node before its turn, and when.
#[derive(Clone, Debug)]
pub(super) struct Prefetched {
    /// The most tasks that a node takes at a time.
    batch: u32,
    /// By slot: since when the task has been on its way to its node, if it has one.
    sent: Vec<Time>,
}

impl Prefetched {
    /// For a cluster without tasks; nothing where tasks are taken one by one.
    pub(super) fn of(manner: Manner) -> Option<Box<Self>> {
        let Manner::Prefetching { batch } = manner else { return None };
        Some(Box::new(Prefetched { batch, sent: Vec::new() }))
    }
}

impl<P: Policy> Scheduler<P> {
    /// Since when a task that is to start now has been on its way to its node: earlier than now if it was
    /// taken ahead.
    pub fn sent(&self, slot: u32, now: Time) -> Time {
        self.prefetched.as_ref().map_or(now, |prefetched| prefetched.sent[slot as usize])
    }

    /// The most tasks that a node takes at a time.
    fn batch(&self) -> u32 {
        self.prefetched.as_ref().map_or(1, |prefetched| prefetched.batch)
    }

    /// Gives free slots to what waits at nodes, then lets those where nothing waits ask for more.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_prefetching<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        for at in 0..self.dirty.len() {
            let node = self.dirty[at];
            self.cluster.nodes[node.index()].dirty = false;
            self.start_prefetched(now, node, commands, observer);
        }
        self.dirty.clear();
        if !self.unplaced.is_empty() {
            // With nobody behind it there is nothing to take ahead.
            if let Some(&slot) = self.unplaced.first() {
                self.set_out(now, slot);
            }
            return self.decide_pull(now, commands, observer);
        }
        if self.moving.is_some() {
            self.rekey_centrally(now);
        }
        while let Some(slot) = self.first_waiting() {
            let chosen = self.policy.parts().1.choose(&self.tasks.view(slot), &self.cluster);
            let Some(node) = chosen else {
                if self.indexed {
                    self.head_is_blocked(now, slot, commands, observer);
                }
                return;
            };
            self.take_batch(now, slot, node, commands, observer);
        }
    }

    /// Sends the first task of a batch to the node, where it starts, and the others after it.
    fn take_batch<O: Observer>(
        &mut self,
        now: Time,
        first: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.leave_centrally(now, first);
        self.start_pulled(now, first, node, commands, observer);
        for _ in 1..self.batch() {
            let next = self.first_waiting().filter(|slot| self.is_large_enough(node, *slot));
            let Some(slot) = next else { break };
            self.leave_centrally(now, slot);
            if !self.holds_prefetched(node) {
                self.cluster.claim_all(node);
            }
            self.tasks.hot[slot as usize].node = node.0;
            self.cluster.enqueue(slot, node, &mut self.tasks);
            self.cluster.nodes[node.index()].load += 1;
            self.follow(now, Step::Queued, slot, node);
        }
        if self.holds_prefetched(node) {
            self.load_changed(node);
            self.start_prefetched(now, node, commands, observer);
        }
    }

    /// A task is taken from the front of the central queue, and is on its way from now on.
    fn leave_centrally(&mut self, now: Time, slot: u32) {
        self.take_first(slot);
        self.set_out(now, slot);
    }

    /// The task is on its way to a node from now on, if it goes to any.
    fn set_out(&mut self, now: Time, slot: u32) {
        let Some(prefetched) = &mut self.prefetched else { return };
        let slot = slot as usize;
        if slot >= prefetched.sent.len() {
            prefetched.sent.resize(slot + 1, Time::ZERO);
        }
        prefetched.sent[slot] = now;
    }

    /// Gives free slots of the node to the first of its queue; a node whose queue is empty may ask again.
    fn start_prefetched<O: Observer>(
        &mut self,
        now: Time,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        if !self.holds_prefetched(node) {
            return;
        }
        while let Some(slot) = self.front(node, commands) {
            if !self.cluster.can_start(node, slot, &self.tasks) {
                return;
            }
            self.cluster.dequeue(slot, node, &mut self.tasks);
            self.start(now, slot, node, commands, observer);
        }
        self.cluster.claim_none(node);
        self.load_changed(node);
    }

    /// The node is lost, and with it the places of tasks that wait there: they have been put into line.
    pub(super) fn lose_prefetched(&mut self, node: NodeId) {
        if self.prefetched.is_some() {
            self.cluster.claim_none(node);
        }
    }

    /// Whether the task waits at a node that took it ahead.
    pub(super) fn is_prefetched(&self, slot: u32) -> bool {
        self.prefetched.is_some() && self.tasks.hot[slot as usize].node != NONE
    }

    /// Whether anything is linked into the node's own queue.
    fn holds_prefetched(&self, node: NodeId) -> bool {
        self.cluster.nodes[node.index()].queue_front(&self.tasks).is_some()
    }

    /// Whether the node could run the task if nothing else ran there.
    fn is_large_enough(&self, node: NodeId, slot: u32) -> bool {
        self.cluster.spec(node).slots >= self.tasks.hot[slot as usize].slots
            && self.cluster.resources().is_none_or(|resources| {
                let demand = resources.demand(self.tasks.demand(slot));
                resources.capacity(node).iter().zip(demand).all(|(has, demanded)| has >= demanded)
            })
    }

    /// Once an instant is decided no node has left what it could start, and one where nothing waits has
    /// all that is free there to offer.
    pub(super) fn check_prefetched(&self, node: NodeId, queued: &[u32]) -> Result<(), String> {
        if self.prefetched.is_none() {
            return Ok(());
        }
        let state = &self.cluster.nodes[node.index()];
        let held: u32 = queued.iter().map(|&slot| self.tasks.hot[slot as usize].slots).sum();
        let all = self.cluster.spec(node).slots;
        let claimed = if self.holds_prefetched(node) { all + held } else { 0 };
        ensure_eq!(state.queued_slots, claimed, "claims of {node:?}");
        let first = queued.first().filter(|_| !state.dirty);
        let starts = |slot: &u32| {
            state.free >= self.tasks.hot[*slot as usize].slots
                && self.cluster.covers(node, *slot, &self.tasks)
        };
        ensure!(!first.is_some_and(starts), "{node:?} leaves a task that it could run");
        Ok(())
    }
}
