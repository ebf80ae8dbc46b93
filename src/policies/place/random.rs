//! Random: every node with room is equally likely.
//!
//! Source: random splitting of a Poisson stream; it makes each of n nodes an M/M/1 queue.
//! Cost: O(1) per task; demands that few nodes can meet O(log n).
//! A bad idea whenever the load of even one other node can be asked: see `power-of`.

use super::PlaceContext;
use super::ahead::Ahead;
use super::eligible::Eligible;
use crate::ids::NodeId;
use crate::random::{Stream, below};
use crate::scheduler::{Cluster, Place, Soon, TaskView};

/// Any node, equally likely.
#[derive(Clone, Debug)]
pub struct RandomPlace {
    eligible: Eligible,
    stream: Stream,
    ahead: Ahead,
    most_are_eligible: bool,
}

impl RandomPlace {
    /// Draws from the stream of the context.
    pub fn new(context: &PlaceContext<'_>) -> Self {
        let mut stream = context.stream();
        let ahead = Ahead::new(context.nodes.len(), &mut stream);
        RandomPlace {
            eligible: Eligible::new(context.nodes.len(), context.max_demand),
            stream,
            ahead,
            most_are_eligible: false,
        }
    }

    /// Where nodes are drawn ahead and most have room it is quicker to draw among all, and again after a
    /// miss, than to look up a place in the list of those that have.
    #[inline]
    fn draw_among_all(&mut self) -> NodeId {
        loop {
            let node = self.ahead.draw(&mut self.stream, |_| ());
            if self.eligible.has(node) {
                return node;
            }
        }
    }
}

impl Place for RandomPlace {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        if self.most_are_eligible && task.slots() == 1 {
            return Some(self.draw_among_all());
        }
        let eligible = &self.eligible;
        eligible.draw_with(task.slots(), &mut self.stream, |stream| {
            eligible.member(below(stream, eligible.len()))
        })
    }

    #[inline]
    fn soon(&self) -> Option<Soon> {
        self.ahead.soon()
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.eligible.update(node, cluster);
        self.most_are_eligible = self.ahead.is_active() && self.eligible.are_most();
    }

    #[inline]
    fn load_changed(&mut self, _: NodeId, _: &Cluster) {}
}
