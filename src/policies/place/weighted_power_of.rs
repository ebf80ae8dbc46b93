//! Weighted power of d choices: draw d nodes in proportion to their weights and take the one with the
//! fewest tasks per weight, the first on a tie.
//!
//! Source: two choices with unequal bins; Berenbrink, Brinkmann, Friedetzky and Nagel 2014. Draws are
//! independent, so one node may be drawn more than once.
//! Cost: O(d log n) per task, O(log n) per change of a node's room.
//! A bad idea when load is low and nodes are very unequal: all idle nodes tie, and a slow one may win.

use super::{PlaceContext, WeightedRandom};
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView};

/// The less loaded, by weight, of d nodes drawn by weight.
#[derive(Clone, Debug)]
pub struct WeightedPowerOf {
    d: u32,
    draws: WeightedRandom,
}

impl WeightedPowerOf {
    /// Draws `d` (at least 1) nodes.
    pub fn new(d: u32, context: &PlaceContext<'_>) -> Self {
        WeightedPowerOf { d, draws: WeightedRandom::new(context) }
    }
}

impl Place for WeightedPowerOf {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let rank = |node: NodeId| f64::from(cluster.load(node)) / cluster.spec(node).weight;
        let mut best: Option<(f64, NodeId)> = None;
        for _ in 0..self.d {
            let node = self.draws.choose(task, cluster)?;
            let drawn = (rank(node), node);
            if best.is_none_or(|best| drawn < best) {
                best = Some(drawn);
            }
        }
        best.map(|(_, node)| node)
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.draws.node_changed(node, cluster);
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
