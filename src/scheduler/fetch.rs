//! Hints for speed: what a driver or a place knows to come soon is fetched from memory ahead of its
//! use. They never change what happens. On large clusters a scheduler would otherwise spend most of
//! its time waiting for memory.

use super::machine::Scheduler;
use super::policy::{Place, Policy};
use super::task::NONE;
use crate::ids::NodeId;
use crate::structures::memory;

impl<P: Policy> Scheduler<P> {
    /// The slot of a task that is likely to start soon, so that a driver can fetch what it knows of
    /// it ahead of time.
    #[inline]
    pub fn upcoming(&self) -> Option<u32> {
        self.ready.upcoming()
    }

    /// Fetches from memory what choices to come will need, where a place can tell.
    #[inline(always)]
    pub(super) fn fetch_soon(&mut self) {
        if let Some(soon) = self.policy.parts().1.soon() {
            for node in soon.far {
                self.fetch_node(node);
            }
            for node in soon.near {
                if self.reservations.is_some() {
                    break;
                }
                let tail = self.cluster.nodes[node.index()].queue_tail;
                self.fetch_task(tail);
            }
        }
    }

    /// Fetches a task's record from memory.
    #[inline]
    pub fn fetch_task(&self, slot: u32) {
        memory::prefetch(&self.tasks.hot, slot as usize);
        // A task that ends leaves its slot to the next that arrives.
        memory::prefetch(&self.tasks.estimates, slot as usize);
        if self.accounted {
            self.policy.place().fetch(Some(slot), None);
        }
    }

    /// Fetches a node's record from memory.
    #[inline]
    pub fn fetch_node(&self, node: NodeId) {
        memory::prefetch(&self.cluster.nodes, node.index());
        if let Some(reservations) = &self.reservations {
            reservations.fetch(node);
        }
        if self.accounted {
            self.policy.place().fetch(None, Some(node));
        }
    }

    /// The slot of a task that waits at the node, to fetch what is known of it.
    #[inline]
    pub fn first_queued(&self, node: NodeId) -> Option<u32> {
        if let Some(reservations) = &self.reservations {
            let slot = reservations.first_named(node)?;
            // When it starts, its other places are given up.
            reservations.nodes_of(slot).iter().for_each(|&other| self.fetch_node(NodeId(other)));
            return Some(slot);
        }
        self.cluster.nodes.get(node.index()).map(|node| node.queue_head).filter(|&slot| slot != NONE)
    }
}
