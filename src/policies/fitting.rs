//! All places once more for clusters with named resources: the same rules, among the nodes that have
//! enough of everything.
//!
//! A tree holds for every group of nodes the most that any of them has, of slots and of each named
//! resource, and leaves out whole groups that cannot meet a demand. Rules that look for the least of
//! something (load, rank by speed, what is left) ask their own tree of keys in the same shape and
//! leave out the same groups. The choice is exact for every rule; only the draws of random places
//! settle for the next node that fits after a random one when they have missed many times. Cost per
//! change of a node: O(k log n) for k resources; per task about as much, up to O(k n) when every
//! group of nodes has enough of each resource but no node of all.
//!
//! Workloads without named resources never come here.

use super::place::{PlaceContext, Shares, WeightedRoundRobin};
use crate::ids::NodeId;
use crate::policies::spec::PlaceSpec;
use crate::random::{Stream, below, uniform};
use crate::scheduler::{Cluster, Dispatch, Place, TaskView};
use crate::structures::fit_tree::FitTree;
use crate::structures::key_tree::KeyTree;
use crate::structures::sum_tree::SumTree;

/// Draws that may miss before the tree is asked.
const TRIES: u32 = 32;

/// A place among nodes with named resources.
#[derive(Clone, Debug)]
pub struct Fitting {
    rule: Rule,
    /// What each node has of slots and of each resource: where the rule looks for free amounts, what
    /// is free and not claimed by the node's own queue; elsewhere what a task may count on.
    rooms: FitTree,
    looks_for_free: bool,
    /// Where a task waits when a rule that looks for free amounts finds none under push: the node
    /// with the fewest tasks among those large enough.
    when_full: Option<Least>,
    shares: Shares,
    /// What the task at hand demands; kept to use its memory again.
    demand: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Rule {
    InTurn { next: u32 },
    ByWeight(WeightedRoundRobin),
    AtRandom(Stream),
    AtRandomByWeight(Stream, SumTree),
    BestOfDrawn(Drawing),
    First,
    Least(KeyTree, Key),
    HighestProduct,
}

/// What is to be least.
#[derive(Clone, Debug)]
enum Key {
    Load,
    LoadPerWeight,
    /// Position by falling speed, by node.
    Rank(Vec<u32>),
    Left,
    Taken,
}

/// For `power-of`: what has been drawn.
#[derive(Clone, Debug)]
struct Drawing {
    stream: Stream,
    d: u32,
    with_replacement: bool,
    /// By node, the choice at which it was last drawn.
    drawn: Vec<u64>,
    choices: u64,
}

/// The node with the fewest tasks among those large enough.
#[derive(Clone, Debug)]
struct Least {
    rooms: FitTree,
    loads: KeyTree,
}

/// What a task may count on at a node: slots, then the named resources.
fn room(node: NodeId, cluster: &Cluster) -> impl Iterator<Item = u64> + '_ {
    std::iter::once(u64::from(cluster.room(node))).chain(cluster.room_amounts(node).iter().copied())
}

/// What is free at a node and not claimed by its own queue.
fn unclaimed(node: NodeId, cluster: &Cluster) -> impl Iterator<Item = u64> + '_ {
    std::iter::once(u64::from(cluster.unclaimed(node))).chain(cluster.unclaimed_amounts(node))
}

impl Least {
    fn file(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, room(node, cluster));
        self.loads.set(node.0, u64::from(cluster.load(node)), cluster.room(node));
    }

    fn choose(&self, demand: &[u64]) -> Option<u32> {
        self.loads.least_that(|at| self.rooms.admits(at, demand))
    }
}

impl Fitting {
    /// The place that a scenario names, for a cluster with named resources. Knows no node yet.
    pub fn new(spec: &PlaceSpec, context: &PlaceContext<'_>) -> Self {
        let nodes = context.nodes.len();
        let width = 1 + context.resources.names().len();
        let keys = |key| Rule::Least(KeyTree::new(nodes, false), key);
        let rule = match *spec {
            PlaceSpec::RoundRobin => Rule::InTurn { next: 0 },
            PlaceSpec::WeightedRoundRobin => Rule::ByWeight(WeightedRoundRobin::new(context)),
            PlaceSpec::Random => Rule::AtRandom(context.stream()),
            PlaceSpec::WeightedRandom => Rule::AtRandomByWeight(context.stream(), SumTree::new(nodes)),
            PlaceSpec::LeastLoaded => keys(Key::Load),
            PlaceSpec::WeightedLeastLoaded => keys(Key::LoadPerWeight),
            PlaceSpec::PowerOf { d, with_replacement } => Rule::BestOfDrawn(Drawing {
                stream: context.stream(),
                d,
                with_replacement,
                drawn: vec![0; nodes],
                choices: 0,
            }),
            PlaceSpec::Fastest => keys(Key::Rank(ranks(context))),
            PlaceSpec::FirstFit => Rule::First,
            PlaceSpec::BestFit => keys(Key::Left),
            PlaceSpec::WorstFit => keys(Key::Taken),
            PlaceSpec::DotProduct => Rule::HighestProduct,
        };
        let looks_for_free = match &rule {
            Rule::First | Rule::HighestProduct => true,
            Rule::Least(_, key) => matches!(key, Key::Rank(_) | Key::Left | Key::Taken),
            _ => false,
        };
        let may_wait = looks_for_free && context.dispatch == Dispatch::Push;
        Fitting {
            rule,
            rooms: FitTree::new(nodes, width),
            looks_for_free,
            when_full: may_wait
                .then(|| Least { rooms: FitTree::new(nodes, width), loads: KeyTree::new(nodes, false) }),
            shares: Shares::new(context),
            demand: Vec::with_capacity(width),
        }
    }

    /// Draws with `draw` until a node fits that is `fresh`; after many misses the next such node after
    /// a random one.
    fn draw(
        rooms: &FitTree,
        demand: &[u64],
        nodes: u32,
        stream: &mut Stream,
        mut draw: impl FnMut(&mut Stream) -> Option<u32>,
        fresh: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        rooms.first_from(0, demand)?;
        for _ in 0..TRIES {
            let node = draw(stream)?;
            if rooms.fits(node, demand) && fresh(node) {
                return Some(node);
            }
        }
        let next = |from: u32| {
            let mut at = rooms.first_from(from, demand);
            while let Some(node) = at.filter(|node| !fresh(*node)) {
                at = if node + 1 < nodes { rooms.first_from(node + 1, demand) } else { None };
            }
            at
        };
        let from = below(stream, nodes);
        next(from).or_else(|| next(0))
    }

    /// The node that the rule prefers among those that fit.
    fn choose_fitting(&mut self, nodes: u32, cluster: &Cluster) -> Option<u32> {
        let (rooms, demand, shares) = (&self.rooms, &self.demand[..], &self.shares);
        let uniformly = |stream: &mut Stream| Some(below(stream, nodes));
        match &mut self.rule {
            Rule::InTurn { next } => {
                let node = rooms.first_around(*next, demand)?;
                *next = if node + 1 == nodes { 0 } else { node + 1 };
                Some(node)
            }
            Rule::ByWeight(turns) => {
                let fits = |by_credit: &KeyTree, members: &[u32], at: usize| {
                    by_credit.place_at(at).is_none_or(|place| rooms.fits(members[place as usize], demand))
                };
                let node = turns
                    .take_turn(|by_credit, members| by_credit.least_that(|at| fits(by_credit, members, at)));
                node.map(|node| node.0)
            }
            Rule::AtRandom(stream) => Self::draw(rooms, demand, nodes, stream, uniformly, |_| true),
            Rule::AtRandomByWeight(stream, weights) => {
                let draw = |stream: &mut Stream| weights.draw(uniform(stream));
                Self::draw(rooms, demand, nodes, stream, draw, |_| true)
            }
            Rule::BestOfDrawn(drawing) => drawing.choose(rooms, demand, nodes, cluster),
            Rule::First => rooms.first_from(0, demand),
            Rule::Least(keys, _) => keys.least_that(|at| rooms.admits(at, demand)),
            Rule::HighestProduct => rooms.highest(demand, |row| shares.product(row, demand)),
        }
    }
}

impl Drawing {
    /// The least loaded of `d` drawn nodes that fit.
    fn choose(&mut self, rooms: &FitTree, demand: &[u64], nodes: u32, cluster: &Cluster) -> Option<u32> {
        self.choices += 1;
        let mut best: Option<(u32, u32)> = None;
        for _ in 0..self.d {
            let uniformly = |stream: &mut Stream| Some(below(stream, nodes));
            let (drawn, choices) = (&self.drawn, self.choices);
            let fresh = |node: u32| self.with_replacement || drawn[node as usize] < choices;
            let Some(node) = Fitting::draw(rooms, demand, nodes, &mut self.stream, uniformly, fresh) else {
                break;
            };
            self.drawn[node as usize] = self.choices;
            let rank = (cluster.load(NodeId(node)), node);
            best = Some(best.map_or(rank, |best| best.min(rank)));
        }
        best.map(|(_, node)| node)
    }
}

/// The position of each node by falling speed.
fn ranks(context: &PlaceContext<'_>) -> Vec<u32> {
    let mut by_speed: Vec<u32> = (0..context.nodes.len() as u32).collect();
    let speed = |node: u32| context.nodes[node as usize].speed;
    by_speed.sort_by(|&a, &b| speed(b).total_cmp(&speed(a)));
    let mut ranks = vec![0; by_speed.len()];
    for (rank, &node) in by_speed.iter().enumerate() {
        ranks[node as usize] = rank as u32;
    }
    ranks
}

impl Place for Fitting {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let resources = cluster.resources().expect("a cluster with named resources");
        self.demand.clear();
        self.demand.push(u64::from(task.slots()));
        self.demand.extend_from_slice(resources.demand(task.details().demand));
        let node = self.choose_fitting(cluster.len() as u32, cluster);
        node.or_else(|| self.when_full.as_ref()?.choose(&self.demand)).map(NodeId)
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        if self.looks_for_free {
            self.rooms.set(node.0, unclaimed(node, cluster));
        } else {
            self.rooms.set(node.0, room(node, cluster));
        }
        if let Some(when_full) = &mut self.when_full {
            when_full.file(node, cluster);
        }
        match &mut self.rule {
            Rule::Least(keys, key) => {
                let left = || self.shares.sum(unclaimed(node, cluster));
                let (key, room) = match key {
                    Key::Load => (u64::from(cluster.load(node)), cluster.room(node)),
                    Key::LoadPerWeight => {
                        let relative = f64::from(cluster.load(node)) / cluster.spec(node).weight;
                        // Bits of numbers of at least 0 sort as the numbers do.
                        (relative.to_bits(), cluster.room(node))
                    }
                    Key::Rank(ranks) => (u64::from(ranks[node.index()]), cluster.unclaimed(node)),
                    Key::Left => (left(), cluster.unclaimed(node)),
                    Key::Taken => (u64::MAX - 1 - left(), cluster.unclaimed(node)),
                };
                keys.set(node.0, key, room);
            }
            Rule::ByWeight(turns) => turns.node_changed(node, cluster),
            Rule::AtRandomByWeight(_, weights) => {
                let weight = if cluster.room(node) > 0 { cluster.spec(node).weight } else { 0.0 };
                weights.set(node.0, weight);
            }
            _ => {}
        }
    }

    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        // What a task may count on has not changed: that matters only to rules that look at more.
        if self.looks_for_free || matches!(self.rule, Rule::Least(..)) {
            self.node_changed(node, cluster);
        }
    }
}
