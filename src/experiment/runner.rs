//! Runs every policy of a plan over all its replications, in parallel.
//!
//! A run depends on plan, policy and seed alone, results are put in the order of policies and
//! replications, and what is pooled over runs is whole numbers: results do not depend on the number
//! of threads or on who is done first.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::bounds::BoundsOfReplications;
use super::conduct::Target;
use super::parallel::{Job, Workers};
use super::plan::{Plan, Until};
use crate::faults::Membership;
use crate::metrics::collector::HISTOGRAMS;
use crate::metrics::histogram::PooledHistogram;
use crate::metrics::{Collected, PolicyResult, ReplicationResult, TailDistribution, TaskResult};
use crate::random::Streams;
use crate::scheduler::{Limits, NodeSpec, Policy, Zones};
use crate::sim::{self, RunOptions, RunOutput, SimulationError};
use crate::statistics::precision::next_look;
use crate::time::Duration;
use crate::world::World;

/// Points of a complementary distribution at most.
const TAIL_POINTS: usize = 200;
/// A complementary distribution ends where fewer tasks are left.
const TAIL_TASKS: u64 = 10;

/// Threads that several plans share which run at the same time.
#[derive(Debug)]
pub struct Threads(pub(super) rayon::ThreadPool);

impl Threads {
    /// So many; 0 for one per core.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn new(threads: usize) -> Result<Threads, RunError> {
        Ok(Threads(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?))
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }
}

/// How to run a plan.
#[derive(Clone, Copy, Default)]
pub struct RunnerOptions<'a> {
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Threads to use instead.
    pub shared: Option<&'a Threads>,
    /// Keep a row per task.
    pub tasks: bool,
    /// Set from outside to stop all runs.
    pub stop: Option<&'a AtomicBool>,
    /// Told of every run that is done.
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
}

/// A run is done.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Runs that are done.
    pub done: usize,
    /// All runs.
    pub total: usize,
    /// The policy of the run.
    pub policy: &'a str,
    /// Its seed.
    pub seed: u64,
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Stopped from outside.
    #[error("stopped after {done} of {total} runs")]
    Stopped {
        /// Runs that were done.
        done: usize,
        /// All runs.
        total: usize,
    },
    /// A run could not be finished.
    #[error("policy `{policy}`, seed {seed}: {error}")]
    Failed {
        /// The policy.
        policy: String,
        /// The seed.
        seed: u64,
        /// What happened.
        error: SimulationError,
    },
    /// The threads could not be started.
    #[error("cannot start the threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Plan {
    /// Cluster and workload, ready to be simulated.
    pub fn world(&self) -> World {
        let mut world = World {
            nodes: Vec::with_capacity(self.node_count()),
            faults: self.faults.clone(),
            zones: Zones::new(self.zone_of_nodes(), self.zones.latency.clone()),
            resources: self.resources.clone(),
            workload: self.workload.clone(),
            retry: self.retry,
            limits: Limits {
                waiting: self.queue_limit,
                nodes: self.node_limits(),
                tasks_give_up: self.workload.tasks_give_up(),
            },
            guards: self.guards.clone(),
            alarms: self.alarms,
            autoscale: self.elastic.autoscale,
            prices: self.prices(),
            delays: self.delays.clone(),
            last_arrival: match self.run.until {
                Until::Settled => None,
                Until::Time(time) => Some(time),
            },
            warmup: self.run.warmup,
            timeline_buckets: self.run.timeline_buckets,
            service_nodes: self.run.service_nodes,
        };
        world.faults.attempts.nodes = self.node_failures();
        world.faults.membership =
            Membership { stays: self.stays(), boot_delay: self.elastic.boot_delay.clone() };
        for group in &self.groups {
            let node = NodeSpec { slots: group.slots, speed: group.speed, weight: group.weight };
            let kind = group.faults.as_ref().map(|faults| {
                world.faults.kinds.push(faults.clone());
                (world.faults.kinds.len() - 1) as u32
            });
            let count = group.count as usize;
            let disturbances = &mut world.faults.disturbances;
            for kind in &group.disturbances {
                let (first, kinds) = (world.nodes.len() as u32, disturbances.kinds.len() as u32);
                disturbances.of_nodes.extend((first..first + group.count).map(|node| (node, kinds)));
                disturbances.kinds.push(kind.clone());
            }
            world.nodes.extend(std::iter::repeat_n(node, count));
            world.faults.of_node.extend(std::iter::repeat_n(kind, count));
        }
        world
    }

    /// The zone of every node, 0 for nowhere; empty when none says.
    fn zone_of_nodes(&self) -> Vec<u16> {
        let zone = |name: &String| self.zones.number(name).unwrap_or(0);
        let zones =
            self.groups.iter().map(|group| (group.zone.as_ref().map_or(0, zone), group.count as usize));
        let zones: Vec<_> = zones.collect();
        if zones.iter().all(|(zone, _)| *zone == 0) {
            return Vec::new();
        }
        zones.into_iter().flat_map(|(zone, count)| std::iter::repeat_n(zone, count)).collect()
    }

    /// Runs every policy over all replications: as many as `run.precision` asks for, and after pilot
    /// runs when the warm-up is "auto". [`conduct`](Self::conduct) also says how that went.
    ///
    /// # Errors
    /// When stopped, when a run draws a time beyond the clock, or when threads cannot be started.
    pub fn run(&self, options: &RunnerOptions<'_>) -> Result<Vec<PolicyResult>, RunError> {
        Ok(self.conduct(Target::Means, options)?.results)
    }

    /// Runs a policy of the caller's own over all replications, in place of the plan's policies.
    ///
    /// `policy` makes it for one replication; its random choices should come from the streams it is
    /// given. Replication i meets the same arrivals, works and failures as replication i of
    /// [`run`](Self::run), so the two may be compared pair by pair.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_custom<P: Policy>(
        &self,
        name: &str,
        policy: impl Fn(&World, Streams) -> P + Sync,
        options: &RunnerOptions<'_>,
    ) -> Result<PolicyResult, RunError> {
        // Pilot runs are of the plan's own policies: what is left out is the same for both.
        let (plan, _) = self.with_warmup(options)?;
        let results = plan.run_each(
            &[name],
            options,
            |_, world, seed, run| sim::simulate(world, seed, policy(world, Streams::new(seed)), run),
            |so_far| {
                let reached = plan.reached(Target::Means, so_far)?;
                let (done, limit) = (reached.replications, reached.plan.max_replications);
                (!reached.all && done < limit).then(|| next_look(done, limit))
            },
        )?;
        Ok(results.into_iter().next().expect("one policy has one result"))
    }

    /// Runs the replications of the plan, and then as many more as `next` asks for: it is shown all
    /// replications so far, by policy, and gives how many there are to be, or `None` when that is all.
    pub(super) fn run_each(
        &self,
        names: &[&str],
        options: &RunnerOptions<'_>,
        simulate: impl Fn(usize, &World, u64, &RunOptions<'_>) -> Result<RunOutput, SimulationError> + Sync,
        mut next: impl FnMut(&[Vec<ReplicationResult>]) -> Option<u32>,
    ) -> Result<Vec<PolicyResult>, RunError> {
        let world = self.world();
        let pooled: Vec<Mutex<[PooledHistogram; 3]>> = names.iter().map(|_| Mutex::default()).collect();
        let most = self.run.precision.map_or(0, |plan| plan.max_replications).max(self.run.replications);
        let bounds = BoundsOfReplications::new(&world, most as usize);
        let mut of_policy: Vec<Vec<ReplicationResult>> = vec![Vec::new(); names.len()];
        let workers = Workers::new(names.to_vec(), options)?;
        let (mut there, mut wanted) = (0, self.run.replications);
        loop {
            // Replications of one policy lie apart, so that long and short runs mix.
            let jobs: Vec<Job> = (there..wanted)
                .flat_map(|replication| (0..names.len()).map(move |policy| (policy, self.seed(replication))))
                .collect();
            let runs = workers.run(&jobs, |number, (policy, seed), run| {
                let run = RunOptions { tasks: options.tasks, batches: self.run.batches, ..*run };
                let RunOutput { mut collected, tasks, events, .. } = simulate(policy, &world, seed, &run)?;
                let replication = there + (number / names.len()) as u32;
                if let Some(bounds) = &bounds {
                    bounds.judge(replication as usize, seed, &mut collected.metrics);
                }
                Ok(batched(replication, seed, collected, tasks, events, &pooled[policy]))
            })?;
            for (rows, (policy, _)) in runs.into_iter().zip(jobs) {
                of_policy[policy].extend(rows);
            }
            match next(&of_policy) {
                Some(more) if more > wanted => (there, wanted) = (wanted, more),
                _ => break,
            }
        }
        let mut results: Vec<PolicyResult> = Vec::with_capacity(names.len());
        for ((name, replications), pooled) in names.iter().zip(of_policy).zip(pooled) {
            let pooled = pooled.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            results.push(PolicyResult { policy: (*name).to_string(), replications, tails: tails(&pooled) });
        }
        Ok(results)
    }

    /// The seed of a replication.
    pub fn seed(&self, replication: u32) -> u64 {
        self.run.seed.wrapping_add(u64::from(replication))
    }
}

/// The result of a run; under batch means one for each of its batches, of which the first also holds
/// what only the whole run has.
fn batched(
    replication: u32,
    seed: u64,
    mut collected: Collected,
    tasks: Vec<TaskResult>,
    events: u64,
    pooled: &Mutex<[PooledHistogram; 3]>,
) -> Vec<ReplicationResult> {
    let batches = std::mem::take(&mut collected.batches);
    let mut first = pooled_result(replication, seed, collected, tasks, events, pooled);
    let mut batches = batches.into_iter();
    let Some(row) = batches.next() else { return vec![first] };
    first.metrics = row;
    let rest = (1..).zip(batches).map(|(number, metrics)| ReplicationResult {
        replication: number,
        seed,
        metrics,
        classes: Vec::new(),
        timeline: None,
        window: Duration::ZERO,
        nodes: Vec::new(),
        held: Vec::new(),
        alarms: Vec::new(),
        incidents: Default::default(),
        tasks: Vec::new(),
        events: 0,
    });
    let rest: Vec<ReplicationResult> = rest.collect();
    std::iter::once(first).chain(rest).collect()
}

/// Adds the run to the pooled distributions of its policy and keeps the rest.
pub(super) fn pooled_result(
    replication: u32,
    seed: u64,
    collected: Collected,
    tasks: Vec<TaskResult>,
    events: u64,
    pooled: &Mutex<[PooledHistogram; 3]>,
) -> ReplicationResult {
    let mut pooled = pooled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (sum, histogram) in pooled.iter_mut().zip(&collected.histograms) {
        sum.merge(histogram);
    }
    drop(pooled);
    ReplicationResult {
        replication,
        seed,
        metrics: collected.metrics,
        classes: collected.classes,
        timeline: collected.timeline,
        window: collected.window,
        nodes: collected.nodes,
        held: collected.held,
        alarms: collected.alarms,
        // Those of one replication are told of.
        incidents: if replication == 0 { collected.incidents } else { Vec::new() },
        tasks,
        events,
    }
}

pub(super) fn tails(pooled: &[PooledHistogram; 3]) -> Vec<TailDistribution> {
    HISTOGRAMS
        .iter()
        .zip(pooled)
        .map(|(&(metric, unit), pooled)| TailDistribution {
            metric,
            points: pooled.tail(unit, TAIL_POINTS, TAIL_TASKS),
        })
        .collect()
}
