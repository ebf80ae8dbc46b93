//! All places once more for clusters with named resources: the same rules, among the nodes that have
//! enough of everything.
//!
//! A tree holds for every group of nodes the most that any of them has, of slots and of each named
//! resource, and leaves out whole groups that cannot meet a demand. Rules that look for the least of
//! something (load, rank by speed, what is left) ask their own tree of keys in the same shape and
//! leave out the same groups; rules with indexes of another shape (ring, zones, speeds) look at their
//! nodes one after the other until one fits. The choice is exact but for the draws of random places,
//! which settle for the next node that fits after a random one when they have missed many times, and
//! for rules whose index gives only its best node: what they choose by slots passes to the next node
//! that fits. Cost per change of a node: O(k log n) for k resources; per task about as much, up to
//! O(k n) when every group of nodes has enough of each resource but no node of all.
//!
//! Workloads without named resources never come here.

use super::place::{
    AnyPlace, ConsistentHash, EarliestFinish, Nearest, PlaceContext, Shares, WeightedRoundRobin, ranks,
};
use crate::ids::NodeId;
use crate::policies::spec::PlaceSpec;
use crate::random::{Stream, below, uniform};
use crate::scheduler::{Cluster, Dispatch, Place, Step, TaskView};
use crate::structures::fit_tree::FitTree;
use crate::structures::key_tree::KeyTree;
use crate::structures::sum_tree::SumTree;
use crate::time::Time;

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
    InTurn {
        next: u32,
    },
    ByWeight(WeightedRoundRobin),
    AtRandom(Stream),
    AtRandomByWeight(Stream, SumTree),
    BestOfDrawn(Drawing),
    Around(ConsistentHash),
    Near(Nearest),
    DoneFirst(EarliestFinish),
    /// What a rule chooses that looks at slots alone, or else the next node that fits.
    OrNext(Box<AnyPlace>),
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
    /// For draws by weight: weights of nodes with room.
    weights: Option<SumTree>,
}

/// The node with the fewest tasks among those large enough.
#[derive(Clone, Debug)]
struct Least {
    rooms: FitTree,
    loads: KeyTree,
}

/// What a task may count on at a node: slots, then the named resources.
fn room(node: NodeId, cluster: &Cluster) -> impl Iterator<Item = u64> + '_ {
    std::iter::once(u64::from(cluster.room(node))).chain(cluster.room_amounts(node))
}

/// What is free at a node and not claimed by its own queue; no slots where a task may count on none.
fn unclaimed(node: NodeId, cluster: &Cluster) -> impl Iterator<Item = u64> + '_ {
    let slots = cluster.unclaimed(node).min(cluster.room(node));
    std::iter::once(u64::from(slots)).chain(cluster.unclaimed_amounts(node))
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
                weights: None,
            }),
            PlaceSpec::WeightedPowerOf { d } => Rule::BestOfDrawn(Drawing {
                stream: context.stream(),
                d,
                with_replacement: true,
                drawn: vec![0; nodes],
                choices: 0,
                weights: Some(SumTree::new(nodes)),
            }),
            PlaceSpec::ConsistentHash { virtual_nodes, load_bound } => {
                Rule::Around(ConsistentHash::new(virtual_nodes, load_bound, context))
            }
            PlaceSpec::Nearest { spill_over } => Rule::Near(Nearest::new(spill_over, context)),
            PlaceSpec::EarliestFinish => Rule::DoneFirst(EarliestFinish::new(context)),
            PlaceSpec::LeastWork | PlaceSpec::DynamicWeightedRoundRobin => {
                Rule::OrNext(Box::new(AnyPlace::by_slots(spec, context)))
            }
            // Refused where scenarios are read, since it assigns slots. One by one, and on nodes that
            // are alike, the fastest is the cheapest.
            PlaceSpec::Fastest | PlaceSpec::MinCostFlow { .. } => {
                keys(Key::Rank(ranks(&context.by_falling_speed())))
            }
            PlaceSpec::FirstFit => Rule::First,
            PlaceSpec::BestFit => keys(Key::Left),
            PlaceSpec::WorstFit => keys(Key::Taken),
            PlaceSpec::DotProduct => Rule::HighestProduct,
        };
        let looks_for_free = match &rule {
            Rule::First | Rule::HighestProduct => true,
            Rule::OrNext(_) => *spec == PlaceSpec::DynamicWeightedRoundRobin,
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
    fn choose_fitting(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<u32> {
        let nodes = cluster.len() as u32;
        let (rooms, demand, shares) = (&self.rooms, &self.demand[..], &self.shares);
        // Whether the node at a place of a tree of some of the nodes fits; groups are not left out.
        let fits_at = |tree: &KeyTree, members: &[u32], at: usize| {
            tree.place_at(at).is_none_or(|place| rooms.fits(members[place as usize], demand))
        };
        let uniformly = |stream: &mut Stream| Some(below(stream, nodes));
        match &mut self.rule {
            Rule::InTurn { next } => {
                let node = rooms.first_around(*next, demand)?;
                *next = if node + 1 == nodes { 0 } else { node + 1 };
                Some(node)
            }
            Rule::ByWeight(turns) => {
                let node = turns.take_turn(|tree, members| tree.least_that(|at| fits_at(tree, members, at)));
                node.map(|node| node.0)
            }
            Rule::Around(ring) => {
                rooms.first_from(0, demand)?;
                ring.choose_that(task, |node| rooms.fits(node.0, demand)).map(|node| node.0)
            }
            Rule::Near(zones) => {
                rooms.first_from(0, demand)?;
                let is_free = |node: u32| {
                    unclaimed(NodeId(node), cluster).zip(demand).all(|(left, demanded)| left >= *demanded)
                };
                let node = zones.choose_by(task, |tree, members, free| {
                    tree.least_that(|at| {
                        let member = || tree.place_at(at).map(|place| members[place as usize]);
                        fits_at(tree, members, at) && (!free || member().is_none_or(is_free))
                    })
                });
                node.map(|node| node.0)
            }
            Rule::DoneFirst(times) => {
                rooms.first_from(0, demand)?;
                let node = times.choose_by(task, cluster, |tree, members| {
                    tree.least_that(|at| fits_at(tree, members, at))
                });
                node.map(|node| node.0)
            }
            Rule::OrNext(place) => {
                rooms.first_from(0, demand)?;
                let NodeId(node) = place.choose(task, cluster)?;
                if rooms.fits(node, demand) { Some(node) } else { rooms.first_around(node, demand) }
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
        let mut best: Option<(f64, u32)> = None;
        for _ in 0..self.d {
            let weights = &self.weights;
            let draw = |stream: &mut Stream| match weights {
                Some(weights) => weights.draw(uniform(stream)),
                None => Some(below(stream, nodes)),
            };
            let (drawn, choices) = (&self.drawn, self.choices);
            let fresh = |node: u32| self.with_replacement || drawn[node as usize] < choices;
            let Some(node) = Fitting::draw(rooms, demand, nodes, &mut self.stream, draw, fresh) else {
                break;
            };
            self.drawn[node as usize] = self.choices;
            let share = if self.weights.is_some() { cluster.spec(NodeId(node)).weight } else { 1.0 };
            let rank = (f64::from(cluster.load(NodeId(node))) / share, node);
            if best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        best.map(|(_, node)| node)
    }
}

impl Place for Fitting {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let resources = cluster.resources().expect("a cluster with named resources");
        self.demand.clear();
        self.demand.push(u64::from(task.slots()));
        self.demand.extend_from_slice(resources.demand(task.details().demand));
        let node = self.choose_fitting(task, cluster);
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
            Rule::Around(ring) => ring.node_changed(node, cluster),
            Rule::Near(zones) => zones.node_changed(node, cluster),
            Rule::DoneFirst(times) => times.node_changed(node, cluster),
            Rule::OrNext(place) => place.node_changed(node, cluster),
            Rule::AtRandomByWeight(_, weights)
            | Rule::BestOfDrawn(Drawing { weights: Some(weights), .. }) => {
                let weight = if cluster.room(node) > 0 { cluster.spec(node).weight } else { 0.0 };
                weights.set(node.0, weight);
            }
            _ => {}
        }
    }

    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        // What a task may count on has not changed: that matters only to rules that look at more.
        let looks_at_loads = match self.rule {
            Rule::Least(..) | Rule::Around(_) | Rule::Near(_) | Rule::DoneFirst(_) | Rule::OrNext(_) => true,
            Rule::InTurn { .. }
            | Rule::ByWeight(_)
            | Rule::AtRandom(_)
            | Rule::AtRandomByWeight(..)
            | Rule::BestOfDrawn(_)
            | Rule::First
            | Rule::HighestProduct => self.looks_for_free,
        };
        if looks_at_loads {
            self.node_changed(node, cluster);
        }
    }

    fn binds_in_order(&self) -> bool {
        matches!(self.rule, Rule::DoneFirst(_))
    }

    fn keeps_account(&self) -> bool {
        matches!(&self.rule, Rule::OrNext(place) if place.keeps_account())
    }

    fn begin(&mut self, now: Time) {
        if let Rule::OrNext(place) = &mut self.rule {
            place.begin(now);
        }
    }

    fn follow(&mut self, now: Time, step: Step, task: &TaskView<'_>, node: NodeId) {
        if let Rule::OrNext(place) = &mut self.rule {
            place.follow(now, step, task, node);
        }
    }
}
