//! Weighted random: any node with room, in proportion to its weight.
//!
//! Source: random splitting in proportion to capacity. Cost: O(log n) per task and per change of a
//! node's room.
//! A bad idea whenever loads can be asked: it keeps sending tasks to a node that is busy.

use super::PlaceContext;
use super::eligible::Eligible;
use crate::ids::NodeId;
use crate::random::{Stream, uniform};
use crate::scheduler::{Cluster, Place, TaskView};
use crate::structures::sum_tree::SumTree;

/// Any node, in proportion to its weight.
#[derive(Clone, Debug)]
pub struct WeightedRandom {
    eligible: Eligible,
    weights: SumTree,
    stream: Stream,
}

impl WeightedRandom {
    /// Draws from the stream of the context.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        WeightedRandom {
            eligible: Eligible::new(context.nodes.len(), context.max_demand),
            weights: SumTree::new(context.nodes.len()),
            stream: context.stream(),
        }
    }
}

impl Place for WeightedRandom {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        let weights = &self.weights;
        self.eligible.draw_with(task.slots(), &mut self.stream, |stream| {
            NodeId(weights.draw(uniform(stream)).expect("some node has room, and weights are above 0"))
        })
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.eligible.update(node, cluster);
        let weight = if cluster.room(node) > 0 { cluster.spec(node).weight } else { 0.0 };
        self.weights.set(node.0, weight);
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
