//! Power of d choices: draw d nodes at random and take the one with the fewest tasks.
//!
//! Source: Mitzenmacher 2001; Vvedenskaya, Dobrushin and Karpelevich 1996: two choices shorten the
//! longest queues exponentially against one. Cost: O(d) per task, O(1) per change of a node.
//! A bad idea when nodes differ in speed: it compares counts of tasks, not time to wait.

use super::PlaceContext;
use super::ahead::Ahead;
use super::eligible::Eligible;
use crate::ids::NodeId;
use crate::random::{Stream, below};
use crate::scheduler::{Cluster, Place, Soon, TaskView};
use crate::structures::memory;

const FULL: u32 = u32::MAX;

/// The less loaded of d random nodes.
#[derive(Clone, Debug)]
pub struct PowerOf {
    d: u32,
    with_replacement: bool,
    eligible: Eligible,
    /// Load of every node, `FULL` for those without room: four bytes a node stay in the cache.
    loads: Vec<u32>,
    stream: Stream,
    most_are_eligible: bool,
    ahead: Ahead,
    /// By node, the choice for a wide task at which it was last drawn.
    drawn: Vec<u64>,
    wide_choices: u64,
}

impl PowerOf {
    /// Draws `d` (at least 1) nodes, independently if `with_replacement`.
    pub fn new(d: u32, with_replacement: bool, context: &PlaceContext<'_>) -> Self {
        let mut stream = context.stream();
        let ahead = Ahead::new(context.nodes.len(), &mut stream);
        PowerOf {
            d,
            with_replacement,
            most_are_eligible: false,
            ahead,
            eligible: Eligible::new(context.nodes.len(), context.max_demand),
            loads: memory::filled(FULL, context.nodes.len()),
            stream,
            drawn: if context.max_demand > 1 { vec![0; context.nodes.len()] } else { Vec::new() },
            wide_choices: 0,
        }
    }

    /// The better of two nodes: fewer tasks, then the lower number.
    #[inline]
    fn better(&self, a: NodeId, b: NodeId) -> NodeId {
        // One word each, so that the choice, which nobody can predict, needs no branch.
        let rank = |node: NodeId| (u64::from(self.loads[node.index()]) << 32) | u64::from(node.0);
        NodeId(rank(a).min(rank(b)) as u32)
    }

    /// Any node with room. Where most nodes have room it is quicker to draw among all and to draw
    /// again after a miss than to look up a place in the list of those that have.
    #[inline]
    fn draw(&mut self) -> NodeId {
        if !self.most_are_eligible {
            return self.eligible.member(below(&mut self.stream, self.eligible.len()));
        }
        loop {
            let loads = &self.loads;
            let fetch = |drawn| memory::prefetch(loads, drawn as usize);
            let node = self.ahead.draw(&mut self.stream, fetch);
            if self.loads[node.index()] != FULL {
                return node;
            }
        }
    }

    /// Two different nodes, or one twice when there is no second or replacement is allowed.
    #[inline]
    fn draw_pair(&mut self) -> (NodeId, NodeId) {
        let first = self.draw();
        let mut second = self.draw();
        while second == first && !self.with_replacement && self.eligible.len() > 1 {
            second = self.draw();
        }
        (first, second)
    }

    fn choose_of_many(&mut self) -> NodeId {
        if self.with_replacement {
            let mut best = self.draw();
            for _ in 1..self.d {
                let other = self.draw();
                best = self.better(best, other);
            }
            return best;
        }
        let drawn = self.d.min(self.eligible.len());
        self.eligible.shuffle_front(drawn, &mut self.stream);
        let first = self.eligible.member(0);
        (1..drawn).map(|at| self.eligible.member(at)).fold(first, |best, other| self.better(best, other))
    }

    /// For a task of several slots: the draws are among the nodes with room for it.
    fn choose_wide(&mut self, slots: u32) -> Option<NodeId> {
        self.wide_choices += 1;
        let mut best: Option<NodeId> = None;
        for _ in 0..self.d {
            let fresh = |node: NodeId| self.with_replacement || self.drawn[node.index()] < self.wide_choices;
            let Some(node) = self.eligible.draw_fresh(slots, &mut self.stream, fresh) else { break };
            self.drawn[node.index()] = self.wide_choices;
            best = Some(best.map_or(node, |best| self.better(best, node)));
        }
        best
    }
}

impl Place for PowerOf {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        if self.eligible.len() == 0 {
            return None;
        }
        if task.slots() > 1 {
            return self.choose_wide(task.slots());
        }
        if self.d == 2 {
            let (first, second) = self.draw_pair();
            return Some(self.better(first, second));
        }
        Some(self.choose_of_many())
    }

    #[inline]
    fn soon(&self) -> Option<Soon> {
        self.ahead.soon()
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.eligible.update(node, cluster);
        self.most_are_eligible = self.eligible.are_most();
        self.loads[node.index()] = if cluster.room(node) > 0 { cluster.load(node) } else { FULL };
    }

    #[inline(always)]
    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.loads[node.index()] = cluster.load(node);
    }
}
