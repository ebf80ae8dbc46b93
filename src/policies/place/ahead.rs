//! Nodes drawn ahead of their use.
//!
//! On large clusters the records of nodes are far away in memory. A draw does not depend on anything that
//! happens until it is used, so it can be made some choices earlier, and what will be read then is fetched
//! meanwhile.

use crate::ids::NodeId;
use crate::random::{Stream, below};
use crate::scheduler::Soon;

/// From so many nodes on their records are far away in memory.
const MANY: u32 = 16_384;
/// Nodes drawn ahead.
const AHEAD: usize = 64;

/// Nodes drawn ahead, on large clusters; elsewhere the next draw is the one that is used.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    nodes: u32,
    /// In order of their use, from `next` on around.
    drawn: Vec<u32>,
    next: usize,
}

impl Ahead {
    /// Draws among so many nodes.
    pub(super) fn new(nodes: usize, stream: &mut Stream) -> Self {
        let nodes = nodes as u32;
        let ahead = if nodes >= MANY { AHEAD } else { 0 };
        Ahead { nodes, drawn: (0..ahead).map(|_| below(stream, nodes)).collect(), next: 0 }
    }

    /// Whether it draws ahead.
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// The next node, each equally likely. `fetch` is told which one was drawn meanwhile.
    #[inline]
    pub(super) fn draw(&mut self, stream: &mut Stream, fetch: impl FnOnce(u32)) -> NodeId {
        let drawn = below(stream, self.nodes);
        NodeId(match self.drawn.get_mut(self.next) {
            Some(earlier) => {
                self.next = (self.next + 1) % AHEAD;
                fetch(drawn);
                std::mem::replace(earlier, drawn)
            }
            None => drawn,
        })
    }

    /// The nodes that come after about half of those drawn, and the last drawn.
    #[inline]
    pub(super) fn soon(&self) -> Option<Soon> {
        if self.drawn.is_empty() {
            return None;
        }
        // The next to be used is at `next`, the last drawn just before it.
        let at = |distance: usize| NodeId(self.drawn[(self.next + distance) % AHEAD]);
        Some(Soon { near: [at(30), at(31)], far: [at(62), at(63)] })
    }
}
