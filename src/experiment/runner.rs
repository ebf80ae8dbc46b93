//! Runs every policy of a plan over all its replications, in parallel.
//!
//! A run depends on plan, policy and seed alone, results are put in the order of policies and
//! replications, and what is pooled over runs is whole numbers: results do not depend on the number
//! of threads or on who is done first.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::plan::{Plan, Until};
use crate::metrics::collector::HISTOGRAMS;
use crate::metrics::histogram::PooledHistogram;
use crate::metrics::{Collected, PolicyResult, ReplicationResult, TailDistribution, TaskResult};
use crate::random::Streams;
use crate::scheduler::{Limits, NodeSpec, Policy, Zones};
use crate::sim::{self, RunOptions, RunOutput, SimulationError};
use crate::world::World;

/// Points of a complementary distribution at most.
const TAIL_POINTS: usize = 200;
/// A complementary distribution ends where fewer tasks are left.
const TAIL_TASKS: u64 = 10;

/// How to run a plan.
#[derive(Clone, Copy, Default)]
pub struct RunnerOptions<'a> {
    /// Threads; 0 for one per core.
    pub threads: usize,
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
            delays: self.delays.clone(),
            last_arrival: match self.run.until {
                Until::Settled => None,
                Until::Time(time) => Some(time),
            },
            warmup: self.run.warmup,
            timeline_buckets: self.run.timeline_buckets,
        };
        world.faults.attempts.nodes = self.node_failures();
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

    /// Runs every policy over all replications.
    ///
    /// # Errors
    /// When stopped, when a run draws a time beyond the clock, or when threads cannot be started.
    pub fn run(&self, options: &RunnerOptions<'_>) -> Result<Vec<PolicyResult>, RunError> {
        let names: Vec<&str> = self.policies.iter().map(|policy| policy.name.as_str()).collect();
        self.run_each(&names, options, |policy, world, seed, run| {
            let spec = &self.policies[policy];
            let policy = world.policy(spec, seed);
            sim::simulate(world, seed, policy, run)
        })
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
        let results = self.run_each(&[name], options, |_, world, seed, run| {
            sim::simulate(world, seed, policy(world, Streams::new(seed)), run)
        })?;
        Ok(results.into_iter().next().expect("one policy has one result"))
    }

    fn run_each(
        &self,
        names: &[&str],
        options: &RunnerOptions<'_>,
        simulate: impl Fn(usize, &World, u64, &RunOptions<'_>) -> Result<RunOutput, SimulationError> + Sync,
    ) -> Result<Vec<PolicyResult>, RunError> {
        let world = self.world();
        let replications = self.run.replications as usize;
        let total = names.len() * replications;
        let pooled: Vec<Mutex<[PooledHistogram; 3]>> = names.iter().map(|_| Mutex::default()).collect();
        let done = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let one = |job: usize| {
            // Replications of one policy lie apart, so that long and short runs mix.
            let (replication, policy) = (job / names.len(), job % names.len());
            if failed.load(Ordering::Relaxed) {
                return Err(SimulationError::Stopped);
            }
            let run = RunOptions { tasks: options.tasks, stop: options.stop, ..RunOptions::default() };
            let seed = self.seed(replication as u32);
            let result = simulate(policy, &world, seed, &run).map(|output| {
                let RunOutput { collected, tasks, events, .. } = output;
                pooled_result(replication as u32, seed, collected, tasks, events, &pooled[policy])
            });
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
                return result;
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = options.progress {
                progress(Progress { done, total, policy: names[policy], seed });
            }
            result
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
        let runs: Vec<_> = pool.install(|| (0..total).into_par_iter().with_max_len(1).map(one).collect());
        let mut results: Vec<PolicyResult> = Vec::with_capacity(self.policies.len());
        let mut of_policy: Vec<Vec<ReplicationResult>> = vec![Vec::with_capacity(replications); names.len()];
        let mut stopped = false;
        for (job, run) in runs.into_iter().enumerate() {
            let (replication, policy) = (job / names.len(), job % names.len());
            match run {
                Ok(result) => of_policy[policy].push(result),
                Err(SimulationError::Stopped) => stopped = true,
                Err(error) => {
                    let seed = self.seed(replication as u32);
                    return Err(RunError::Failed { policy: names[policy].to_string(), seed, error });
                }
            }
        }
        if stopped {
            return Err(RunError::Stopped { done: done.into_inner(), total });
        }
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
