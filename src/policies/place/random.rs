//! Random: every node with room is equally likely.
//!
//! Source: random splitting of a Poisson stream; it makes each of n nodes an M/M/1 queue.
//! Cost: O(1) per task; demands that few nodes can meet O(log n).
//! A bad idea whenever the load of even one other node can be asked: see `power-of`.

use super::PlaceContext;
use super::eligible::Eligible;
use crate::ids::NodeId;
use crate::random::{Stream, below};
use crate::scheduler::{Cluster, Place, TaskView};

/// Any node, equally likely.
#[derive(Clone, Debug)]
pub struct RandomPlace {
    eligible: Eligible,
    stream: Stream,
}

impl RandomPlace {
    /// Draws from the stream of the context.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        RandomPlace {
            eligible: Eligible::new(context.nodes.len(), context.max_demand),
            stream: context.stream(),
        }
    }
}

impl Place for RandomPlace {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        let eligible = &self.eligible;
        eligible.draw_with(task.slots(), &mut self.stream, |stream| {
            eligible.member(below(stream, eligible.len()))
        })
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.eligible.update(node, cluster);
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
