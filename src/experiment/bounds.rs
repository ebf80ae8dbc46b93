//! How fast the tasks of a replication could have been done: lower bounds on makespan and mean response of
//! batches and traces, and how far a run is above them.
//!
//! The tasks are made once more from their seed, which costs a few per cent of simulating them; once per
//! replication, for all policies.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::faults::Faults;
use crate::ids::NodeId;
use crate::metrics::{Metric, MetricRow};
use crate::random::Streams;
use crate::scheduler::{NodeSpec, Resources};
use crate::theory::bounds::{
    Machines, MakespanBounds, MakespanWatch, least_mean_response_of_batch, mean_response_on_one_machine,
};
use crate::theory::program::{Group, Kind};
use crate::theory::{optimum, program, schedule};
use crate::workload::source::TaskSource;
use crate::workload::{Arrivals, Workload};
use crate::world::World;

/// The optimum of few tasks is not searched for on more nodes than this that differ, or that may all be of use.
const MOST_NODES: usize = 100;

/// What no schedule of the tasks of one replication can beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplicationBounds {
    /// Bounds on the makespan by work, by the longest task, by speeds.
    pub makespan: MakespanBounds,
    /// By the linear program of resources, where tasks demand any, or several slots of nodes that have not
    /// equally many.
    pub resources: Option<f64>,
    /// The optimum without interruptions, of few tasks.
    pub optimum: Option<f64>,
    /// By how many seconds a schedule may be below a bound, as times are whole nanoseconds.
    pub rounding: f64,
}

impl ReplicationBounds {
    /// The highest bound on the makespan of a run with or without interruptions.
    pub fn best(&self, interrupted: bool) -> f64 {
        let any = self.makespan.best().max(self.resources.unwrap_or(0.0));
        if interrupted { any } else { any.max(self.optimum.unwrap_or(0.0)) }
    }
}

/// Whether bounds say something of runs in this world: the tasks are a batch or a trace, and nothing is
/// going to fail.
pub fn apply(world: &World) -> bool {
    // What joins late or leaves early only makes a run longer, and so does undoing what failed.
    let Faults {
        kinds,
        of_node: _,
        repair_crew: _,
        outages,
        replicas,
        attempts,
        disturbances,
        message_loss,
        rollback: _,
        membership: _,
    } = &world.faults;
    let sound = kinds.is_empty()
        && outages.is_empty()
        && replicas.is_none()
        && attempts.nodes.is_empty()
        && attempts.poison == 0.0
        && disturbances.is_empty()
        && message_loss.is_none();
    let known = match &world.workload {
        Workload::Generated { arrivals, jobs, spawn, classes, .. } => {
            *arrivals == Arrivals::AtOnce
                && jobs.is_none()
                && spawn.is_none()
                && classes.iter().all(|class| class.failure_probability == 0.0)
        }
        Workload::Listed { tasks, .. } => tasks.iter().all(|task| task.failure_probability == 0.0),
    };
    sound && known && world.last_arrival.is_none()
}

/// The bounds of every replication, each worked out when it is first asked for.
#[derive(Debug)]
pub(super) struct BoundsOfReplications<'a> {
    world: &'a World,
    machines: Machines,
    of: Vec<OnceLock<Option<ReplicationBounds>>>,
}

impl<'a> BoundsOfReplications<'a> {
    /// `None` where bounds say nothing.
    pub(super) fn new(world: &'a World, replications: usize) -> Option<Self> {
        apply(world).then(|| BoundsOfReplications {
            world,
            machines: machines(world),
            of: std::iter::repeat_with(OnceLock::new).take(replications).collect(),
        })
    }

    /// Sets how far the makespan of a run is above the highest bound. Where not every task completed at its
    /// first attempt it says nothing.
    pub(super) fn judge(&self, replication: usize, seed: u64, metrics: &mut MetricRow) {
        let whole = metrics.get(Metric::Completed) == metrics.get(Metric::Submitted)
            && metrics.get(Metric::Attempts) == metrics.get(Metric::Submitted);
        let Some(makespan) = metrics.get(Metric::Makespan).filter(|_| whole) else { return };
        let bounds = self.of[replication].get_or_init(|| of_replication(self.world, &self.machines, seed));
        if let Some(best) = bounds.map(|bounds| bounds.best(metrics.get(Metric::Preemptions) != Some(0.0))) {
            let rounding = bounds.map_or(0.0, |bounds| bounds.rounding);
            metrics.set(Metric::OptimalityGap, gap(makespan, best, rounding));
        }
    }
}

/// Sets the gap of a run that stands alone.
pub(super) fn judge_one(world: &World, seed: u64, metrics: &mut MetricRow) {
    if let Some(bounds) = BoundsOfReplications::new(world, 1) {
        bounds.judge(0, seed, metrics);
    }
}

/// Makespan over bound, less 1. Sums of many works are not exact: what is off by less than a billionth is on the
/// bound, and what is below it by no more than the rounding of times.
fn gap(makespan: f64, bound: f64, rounding: f64) -> f64 {
    let gap = makespan / bound - 1.0;
    if gap.abs() < 1e-9 || (gap < 0.0 && makespan + rounding >= bound) { 0.0 } else { gap }
}

/// The slots of a world.
pub(super) fn machines(world: &World) -> Machines {
    Machines::new(world.nodes.iter().map(|node| (node.slots, node.speed)))
}

/// The bounds of the replication with this seed; `None` when it has no tasks, or none can be made.
pub fn of_replication(world: &World, machines: &Machines, seed: u64) -> Option<ReplicationBounds> {
    let mut source =
        TaskSource::new(&world.workload, Streams::new(seed)).with_details(!world.resources.is_empty());
    let graph = match &world.workload {
        Workload::Listed { graph, .. } => graph.is_some(),
        Workload::Generated { .. } => false,
    };
    let resources: &Resources = &world.resources;
    let mut watch = MakespanWatch::new(machines);
    let starts = if graph { earliest_starts(world, machines, seed)? } else { Vec::new() };
    let mut demands: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    // Where all nodes have as many slots, and nothing else, the whole work says as much.
    let programmed =
        !resources.is_empty() || world.nodes.windows(2).any(|pair| pair[0].slots != pair[1].slots);
    let mut small: Vec<schedule::Task> = Vec::new();
    let mut tasks = 0usize;
    while let Some(task) = source.next() {
        let (arrival, work) = (task.arrival.as_seconds(), task.work as f64 / 1e9);
        watch.add(arrival, starts.get(tasks).copied().unwrap_or(arrival), work, task.slots);
        if programmed {
            let demand = if resources.is_empty() { 0 } else { source.details(&task).demand };
            *demands.entry((demand, task.slots)).or_default() += work;
        }
        tasks += 1;
        if tasks <= optimum::MOST_TASKS {
            let named =
                if resources.is_empty() { &[][..] } else { resources.demand(source.details(&task).demand) };
            let demand = std::iter::once(u64::from(task.slots)).chain(named.iter().copied()).collect();
            let parents = source.parents(&task).iter().map(|parent| *parent as usize).collect();
            small.push(schedule::Task { arrival, work, demand, parents });
        }
    }
    if source.error().is_some() {
        return None;
    }
    Some(ReplicationBounds {
        makespan: watch.bounds()?,
        rounding: tasks as f64 * 1e-9,
        resources: if wide(&demands) || !resources.is_empty() { by_program(world, &demands) } else { None },
        optimum: if tasks <= optimum::MOST_TASKS { least_makespan(world, machines, &small) } else { None },
    })
}

/// The optimum of few tasks.
fn least_makespan(world: &World, machines: &Machines, tasks: &[schedule::Task]) -> Option<f64> {
    let arrival = tasks.first()?.arrival;
    let plain =
        |task: &schedule::Task| task.demand == [1] && task.parents.is_empty() && task.arrival == arrival;
    if tasks.iter().all(plain) {
        let works: Vec<f64> = tasks.iter().map(|task| task.work).collect();
        return optimum::least_makespan(&works, machines);
    }
    let node = |(number, node): (usize, &NodeSpec)| {
        let named = world.resources.capacity(NodeId(number as u32));
        let capacity = std::iter::once(u64::from(node.slots)).chain(named.iter().copied()).collect();
        schedule::Node { speed: node.speed, capacity }
    };
    let mut nodes: Vec<schedule::Node> = Vec::new();
    for node in world.nodes.iter().enumerate().map(node) {
        // No more nodes of a kind than there are tasks are of use.
        if nodes.iter().filter(|other| **other == node).count() < tasks.len() {
            nodes.push(node);
        }
        // Every step of the search looks at every node.
        if nodes.len() > MOST_NODES {
            return None;
        }
    }
    schedule::least_makespan(tasks, &nodes)
}

/// When each task can start at the earliest: after its arrival, and after those that it waits for, which may
/// stand behind it, have been done on the fastest node.
fn earliest_starts(world: &World, machines: &Machines, seed: u64) -> Option<Vec<f64>> {
    let mut source = TaskSource::new(&world.workload, Streams::new(seed));
    let (mut starts, mut lengths, mut children, mut missing) = (vec![], vec![], vec![], vec![]);
    while let Some(task) = source.next() {
        let number = starts.len();
        starts.push(task.arrival.as_seconds());
        lengths.push(task.work as f64 / 1e9 / machines.fastest());
        let parents = source.parents(&task);
        missing.push(parents.len());
        let last = parents.iter().copied().max().map_or(number, |last| number.max(last as usize));
        children.resize_with(children.len().max(last + 1), Vec::new);
        for parent in parents {
            children[*parent as usize].push(number);
        }
    }
    let mut ready: Vec<usize> = (0..starts.len()).filter(|task| missing[*task] == 0).collect();
    while let Some(task) = ready.pop() {
        let end: f64 = starts[task] + lengths[task];
        for &child in &children[task] {
            starts[child] = end.max(starts[child]);
            missing[child] -= 1;
            if missing[child] == 0 {
                ready.push(child);
            }
        }
    }
    source.error().is_none().then_some(starts)
}

/// Whether some tasks take several slots, so that they may not fit everywhere.
fn wide(demands: &BTreeMap<(u32, u32), f64>) -> bool {
    demands.keys().any(|(_, slots)| *slots > 1)
}

/// The linear program of slots and named resources.
fn by_program(world: &World, demands: &BTreeMap<(u32, u32), f64>) -> Option<f64> {
    let mut alike: BTreeMap<(u32, u64, Vec<u64>), u32> = BTreeMap::new();
    for (number, node) in world.nodes.iter().enumerate() {
        let capacity = world.resources.capacity(NodeId(number as u32)).to_vec();
        *alike.entry((node.slots, node.speed.to_bits(), capacity)).or_default() += 1;
    }
    let amounts = |slots: u32, amounts: &[u64]| -> Vec<f64> {
        std::iter::once(f64::from(slots)).chain(amounts.iter().map(|amount| *amount as f64)).collect()
    };
    let groups: Vec<Group> = alike
        .iter()
        .map(|((slots, speed, capacity), count)| Group {
            count: f64::from(*count),
            speed: f64::from_bits(*speed),
            capacity: amounts(*slots, capacity),
        })
        .collect();
    let kinds: Vec<Kind> = demands
        .iter()
        .map(|((demand, slots), work)| Kind {
            work: *work,
            demand: amounts(*slots, world.resources.demand(*demand)),
        })
        .collect();
    program::least_makespan(&groups, &kinds)
}

/// The least mean response of the tasks of a replication: exact for a batch of tasks of one slot that are
/// not interrupted, else on one machine as fast as all slots. Says which it is.
pub fn least_mean_response(
    world: &World,
    machines: &Machines,
    seed: u64,
    interrupted: bool,
) -> Option<(f64, bool)> {
    let mut source = TaskSource::new(&world.workload, Streams::new(seed));
    let mut tasks: Vec<(f64, f64)> = Vec::new();
    let mut single = true;
    while let Some(task) = source.next() {
        single &= task.slots == 1;
        tasks.push((task.arrival.as_seconds(), task.work as f64 / 1e9 * f64::from(task.slots)));
    }
    if source.error().is_some() {
        return None;
    }
    let at_once = tasks.windows(2).all(|pair| pair[0].0 == pair[1].0);
    // Between equal machines interruptions are of no use (McNaughton 1959).
    if single && at_once && (!interrupted || machines.are_equal()) {
        let works: Vec<f64> = tasks.iter().map(|(_, work)| *work).collect();
        return least_mean_response_of_batch(&works, machines).map(|least| (least, true));
    }
    mean_response_on_one_machine(&tasks, machines.total()).map(|least| (least, false))
}
