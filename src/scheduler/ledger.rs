//! What is free of the named resources of every node. It is there only when a scenario names any.

use std::sync::Arc;

use super::resources::{Resources, covers};
use crate::ids::NodeId;

/// Free and claimed amounts by node and resource.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    resources: Arc<Resources>,
    kinds: usize,
    /// What no running attempt takes, node after node; nothing while the node is down.
    free: Vec<u64>,
    /// What the tasks in the node's own queue will take.
    claimed: Vec<u128>,
}

impl Ledger {
    /// For nodes none of which is up; `None` when no resource is named.
    pub(super) fn new(resources: &Arc<Resources>, nodes: usize) -> Option<Box<Ledger>> {
        let kinds = resources.names().len();
        (kinds > 0).then(|| {
            let (free, claimed) = (vec![0; kinds * nodes], vec![0; kinds * nodes]);
            Box::new(Ledger { resources: resources.clone(), kinds, free, claimed })
        })
    }

    pub(super) fn resources(&self) -> &Resources {
        &self.resources
    }

    #[inline]
    pub(super) fn free(&self, node: NodeId) -> &[u64] {
        &self.free[node.index() * self.kinds..][..self.kinds]
    }

    #[inline]
    pub(super) fn claimed(&self, node: NodeId) -> &[u128] {
        &self.claimed[node.index() * self.kinds..][..self.kinds]
    }

    /// Whether the node has what `demand` asks for.
    #[inline]
    pub(super) fn covers(&self, node: NodeId, demand: u32) -> bool {
        covers(self.free(node), self.resources.demand(demand))
    }

    /// Whether the node has free what the tasks in its own queue will take.
    pub(super) fn covers_claims(&self, node: NodeId) -> bool {
        self.claimed(node).iter().zip(self.free(node)).all(|(&claimed, &free)| claimed <= u128::from(free))
    }

    /// Whether it would, if tasks with these demands gave back what they took.
    pub(super) fn covers_without(
        &self,
        node: NodeId,
        demand: u32,
        leaving: impl Iterator<Item = u32> + Clone,
    ) -> bool {
        let demanded = self.resources.demand(demand).iter().zip(self.free(node));
        demanded.enumerate().all(|(kind, (&demanded, &free))| {
            let freed: u64 = leaving.clone().map(|leaving| self.resources.demand(leaving)[kind]).sum();
            free + freed >= demanded
        })
    }

    /// The node is up with all that it has, or down with nothing.
    pub(super) fn set_up(&mut self, node: NodeId, up: bool) {
        let free = &mut self.free[node.index() * self.kinds..][..self.kinds];
        if up {
            free.copy_from_slice(self.resources.capacity(node));
        } else {
            free.fill(0);
        }
    }

    /// An attempt takes what it demands.
    ///
    /// # Panics
    /// When that is not free: the place chose a node that cannot meet the demand.
    pub(super) fn take(&mut self, node: NodeId, demand: u32) {
        let free = &mut self.free[node.index() * self.kinds..][..self.kinds];
        for (free, demand) in free.iter_mut().zip(self.resources.demand(demand)) {
            *free = free.checked_sub(*demand).expect("the node has what the task demands");
        }
    }

    /// An attempt gives back what it took.
    pub(super) fn give_back(&mut self, node: NodeId, demand: u32) {
        let free = &mut self.free[node.index() * self.kinds..][..self.kinds];
        for (free, demand) in free.iter_mut().zip(self.resources.demand(demand)) {
            *free += demand;
        }
    }

    /// A task waits at the node.
    pub(super) fn claim(&mut self, node: NodeId, demand: u32) {
        let claimed = &mut self.claimed[node.index() * self.kinds..][..self.kinds];
        for (claimed, demand) in claimed.iter_mut().zip(self.resources.demand(demand)) {
            *claimed += u128::from(*demand);
        }
    }

    /// A task no longer waits at the node.
    pub(super) fn renounce(&mut self, node: NodeId, demand: u32) {
        let claimed = &mut self.claimed[node.index() * self.kinds..][..self.kinds];
        for (claimed, demand) in claimed.iter_mut().zip(self.resources.demand(demand)) {
            *claimed -= u128::from(*demand);
        }
    }
}
