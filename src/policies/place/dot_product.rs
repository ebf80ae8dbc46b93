//! Dot product: the node whose free amounts, each times what the task demands of it, add up to the most.
//! A task that needs much memory goes where much memory is free.
//!
//! Source: Panigrahy, Talwar, Uyeda and Wieder, "Heuristics for Vector Bin Packing", 2011. Slots count as
//! one resource among the named ones, and every amount is measured in shares of the node with the most of
//! it. Cost: O(k log n) for k resources where one node is clearly best, O(k n) at worst, by branch and
//! bound over a tree of the most that any node below has.
//! A bad idea when tasks all demand alike: it then spreads them as `worst-fit` does, and no node keeps
//! room for a large one.
//!
//! Without named resources the product is that of slots alone, which is `worst-fit`.

use super::{PlaceContext, WorstFit};
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};

/// The node with the most room where the task demands most, among nodes that have nothing but slots.
#[derive(Clone, Debug)]
pub struct DotProduct(WorstFit);

impl DotProduct {
    /// Knows no node yet.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        DotProduct(WorstFit::new(context))
    }
}

impl Place for DotProduct {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        self.0.choose(task, cluster)
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.0.node_changed(node, cluster);
    }
}

/// Parts of a whole in which shares are counted: whole numbers keep ties exact.
const WHOLE: u128 = 1 << 32;

/// Amounts in shares of the largest node's.
#[derive(Clone, Debug)]
pub(in crate::policies) struct Shares {
    largest: Vec<u64>,
}

impl Shares {
    /// The most that a node has of slots, then of each named resource.
    pub(in crate::policies) fn new(context: &PlaceContext<'_>) -> Self {
        let slots = context.nodes.iter().map(|node| u64::from(node.slots)).max().unwrap_or(1);
        Shares { largest: std::iter::once(slots).chain(context.resources.largest()).collect() }
    }

    fn share(amount: u64, largest: u64) -> u128 {
        // Of what no node has, nothing can be demanded either.
        u128::from(amount) * WHOLE / u128::from(largest.max(1))
    }

    /// All shares together: how much a node has left.
    pub(in crate::policies) fn sum(&self, amounts: impl Iterator<Item = u64>) -> u64 {
        let shares = amounts.zip(&self.largest).map(|(amount, &largest)| Self::share(amount, largest));
        // A few thousand resources at 2^32 each are far from the end of the number range.
        u64::try_from(shares.sum::<u128>()).unwrap_or(u64::MAX)
    }

    /// The product of two rows of amounts, in shares.
    pub(in crate::policies) fn product(&self, one: &[u64], other: &[u64]) -> u128 {
        let shares = one.iter().zip(other).zip(&self.largest).map(|((&one, &other), &largest)| {
            // Shares are at most 2^32: half a million resources fit.
            Self::share(one, largest) * Self::share(other, largest)
        });
        shares.sum()
    }
}
