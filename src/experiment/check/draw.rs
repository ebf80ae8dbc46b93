//! The faults that a seed adds to a scenario.

use super::kinds::{Hits, KINDS, Kind};
use crate::ids::NodeId;
use crate::random::{Purpose, Stream, Streams, below, uniform};
use crate::workload::Workload;
use crate::world::World;

/// At most so many faults are drawn for one run.
const MOST_FAULTS: u32 = 8;

/// How long things take in a world, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// A guess at the whole run.
    pub(super) horizon: f64,
    /// A guess at an attempt.
    pub(super) task: f64,
}

impl Scale {
    /// That of this world.
    pub(super) fn of(world: &World) -> Scale {
        let speed = world.nodes.iter().map(|node| node.speed).sum::<f64>() / world.nodes.len() as f64;
        let work = match &world.workload {
            Workload::Generated { classes, .. } => {
                classes.iter().map(|class| class.share * class.duration.mean().unwrap_or(1.0)).sum()
            }
            Workload::Listed { tasks, .. } => {
                let all: f64 = tasks.iter().map(|task| task.work as f64 / 1e9).sum();
                all / tasks.len().max(1) as f64
            }
        };
        // Nothing is shorter than a thousand ticks of the clock, or longer than three years.
        let within = |value: f64| if value.is_finite() { value.clamp(1e-6, 1e8) } else { 1e8 };
        let task = within(work / speed);
        Scale { horizon: within(world.expected_span().as_seconds()).max(4.0 * task), task }
    }
}

/// A fault that was drawn.
#[derive(Clone)]
pub struct Fault {
    pub(super) kind: &'static Kind,
    /// Numbers of the nodes that it hits.
    pub(super) nodes: Vec<u32>,
    /// From when to when, in seconds, if it does not hold always.
    pub(super) start: f64,
    pub(super) end: f64,
    /// How bad it is, in the unit of its kind.
    pub(super) size: f64,
    pub(super) scale: Scale,
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}..{} {}", self.kind.name, self.nodes, self.start, self.end, self.size)
    }
}

impl Fault {
    /// Numbers of the nodes that it hits; empty when it is about none in particular.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// From when to when it holds, in seconds; `None` for always.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.kind.lasts.then_some((self.start, self.end))
    }

    /// What it is, to be read after which nodes and when: `out`.
    pub fn words(&self) -> String {
        (self.kind.words)(self)
    }

    /// The place of its kind in `kind_names`.
    pub(super) fn kind_number(&self) -> usize {
        KINDS.iter().position(|kind| kind.name == self.kind.name).unwrap_or(0)
    }
}

/// What the kinds of faults are called.
pub(super) fn kind_names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// The world with these faults.
pub(super) fn with_faults(world: &World, faults: &[Fault]) -> World {
    let mut world = world.clone();
    for fault in faults {
        (fault.kind.apply)(fault, &mut world);
    }
    world
}

/// Draws the faults of a seed. What is drawn depends on the scenario and the seed alone.
pub(super) fn draw(world: &World, scale: Scale, seed: u64) -> Vec<Fault> {
    let mut stream = Streams::new(seed).stream(Purpose::DrawnFaults, 0);
    let count = 1 + below(&mut stream, MOST_FAULTS);
    let mut broken = world.clone();
    let mut faults = Vec::new();
    for _ in 0..count {
        let allowed: Vec<&'static Kind> = KINDS.iter().filter(|kind| (kind.allowed)(&broken)).collect();
        let kind = allowed[below(&mut stream, allowed.len() as u32) as usize];
        let fault = one(kind, world, scale, &mut stream);
        (kind.apply)(&fault, &mut broken);
        faults.push(fault);
    }
    faults
}

fn one(kind: &'static Kind, world: &World, scale: Scale, stream: &mut Stream) -> Fault {
    let nodes = match kind.hits {
        Hits::Nobody => Vec::new(),
        Hits::One => vec![below(stream, world.nodes.len() as u32)],
        Hits::Some => some_nodes(world, stream),
    };
    let start = uniform(stream) * scale.horizon;
    // From a tenth of an attempt to a third of the run.
    let length = between(stream, scale.task / 10.0, (scale.horizon / 3.0).max(scale.task));
    let (mildest, worst) = (kind.sizes)(&scale);
    let size = if mildest == worst { mildest } else { between(stream, mildest, worst) };
    Fault { kind, nodes, start, end: start + length, size, scale }
}

/// Evenly by the logarithm.
fn between(stream: &mut Stream, a: f64, b: f64) -> f64 {
    a * (b / a).powf(uniform(stream))
}

/// Mostly one node, sometimes a zone or any share of all.
fn some_nodes(world: &World, stream: &mut Stream) -> Vec<u32> {
    let all = world.nodes.len() as u32;
    let (way, one) = (below(stream, 4), below(stream, all));
    match way {
        0 => {
            // A zone, where there are some: that of this node.
            let zone = world.zones.of(NodeId(one));
            let hit: Vec<u32> =
                (0..all).filter(|&node| zone != 0 && world.zones.of(NodeId(node)) == zone).collect();
            if hit.is_empty() { vec![one] } else { hit }
        }
        1 => {
            let share = uniform(stream);
            let hit: Vec<u32> = (0..all).filter(|_| uniform(stream) < share).collect();
            if hit.is_empty() { vec![one] } else { hit }
        }
        _ => vec![one],
    }
}
