//! Runs a plan for real: every policy, one replication after the other.
//!
//! Live runs share the machine's cores with their workers, so they never run side by side.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::bounds;
use super::plan::Plan;
use super::runner::{pooled_result, tails};
use crate::live::hub::{Hub, HubOptions};
use crate::live::journal::Step;
use crate::live::log::Header;
use crate::live::message::Work;
use crate::live::{LiveError, LiveOptions, Samples, run_live};
use crate::metrics::histogram::PooledHistogram;
use crate::metrics::{DriverFigures, PolicyResult, ReplicationResult};
use crate::scheduler::Record;
use crate::time::Time;

/// Workers must have connected within this time at the start of a run.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How to run a plan for real.
#[derive(Clone)]
pub struct LiveRunnerOptions<'a> {
    /// Real seconds per second of the scenario.
    pub time_scale: f64,
    /// What attempts do.
    pub work: Work,
    /// A worker that is silent for longer is believed lost.
    pub silence: Duration,
    /// A run whose planned facts were later than this, at the 99th percentile, is not valid.
    pub lag_tolerance: Duration,
    /// The program that has the `worker` command; `None` for the one that runs.
    pub program: Option<PathBuf>,
    /// Keep a row per task.
    pub tasks: bool,
    /// Keep every record of every run.
    pub history: bool,
    /// Set from outside to stop.
    pub stop: Option<&'a AtomicBool>,
    /// Told now and then how far a run is.
    pub progress: Option<&'a (dyn Fn(LiveProgress<'_>) + Sync)>,
}

/// How far a live run is.
#[derive(Clone, Copy, Debug)]
pub struct LiveProgress<'a> {
    /// Its policy.
    pub policy: &'a str,
    /// Its seed.
    pub seed: u64,
    /// Tasks that are settled.
    pub settled: u64,
}

/// One live run.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// Its figures.
    pub result: ReplicationResult,
    /// How its driver kept up.
    pub driver: DriverFigures,
    /// What those figures were made from, in real nanoseconds.
    pub samples: Samples,
    /// Why the run must not be averaged in, if so.
    pub invalid: Option<String>,
    /// Every record with its time, when asked for.
    pub history: Vec<(Time, Record)>,
    /// What its scheduler was made from, for the log.
    pub header: Header,
    /// Every step, for the log.
    pub journal: Vec<Step>,
    /// What was out of the ordinary.
    pub incidents: Vec<String>,
}

/// All runs of a plan.
#[derive(Clone, Debug, Default)]
pub struct LiveResults {
    /// By policy; runs that are not valid are left out.
    pub results: Vec<PolicyResult>,
    /// Every run, by policy and replication.
    pub runs: Vec<Vec<LiveRun>>,
}

/// Why there are no live results.
#[derive(Debug, thiserror::Error)]
pub enum LiveRunError {
    /// Stopped from outside.
    #[error("stopped after {done} of {total} runs")]
    Stopped {
        /// Runs that were done.
        done: usize,
        /// All runs.
        total: usize,
    },
    /// A run broke.
    #[error("policy `{policy}`, seed {seed}: {error}")]
    Failed {
        /// The policy.
        policy: String,
        /// The seed.
        seed: u64,
        /// What happened.
        error: LiveError,
    },
}

impl LiveRunError {
    /// A run of this policy and seed, after `done` of `total`, was stopped or broke.
    pub(super) fn of(error: LiveError, policy: &str, seed: u64, (done, total): (usize, usize)) -> Self {
        match error {
            LiveError::Stopped => LiveRunError::Stopped { done, total },
            error => LiveRunError::Failed { policy: policy.to_string(), seed, error },
        }
    }
}

impl LiveResults {
    /// Adds all runs of a policy; those that are not valid count for nothing.
    pub(super) fn add(&mut self, policy: &str, runs: Vec<LiveRun>, pooled: Mutex<[PooledHistogram; 3]>) {
        let valid = runs.iter().filter(|run| run.invalid.is_none());
        let replications = valid.map(|run| run.result.clone()).collect();
        let pooled = pooled.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.results.push(PolicyResult { policy: policy.to_string(), replications, tails: tails(&pooled) });
        self.runs.push(runs);
    }
}

impl Plan {
    /// Runs every policy over all replications for real.
    ///
    /// # Errors
    /// When stopped, or when a run breaks.
    pub fn run_live(&self, options: &LiveRunnerOptions<'_>) -> Result<LiveResults, LiveRunError> {
        let (mut done, total) = (0, self.runs());
        let mut live = LiveResults::default();
        for (index, policy) in self.policies.iter().enumerate() {
            let pooled = Mutex::default();
            let mut runs = Vec::new();
            for replication in 0..self.run.replications {
                let run = self.run_live_once(index, replication, options, &pooled).map_err(|error| {
                    LiveRunError::of(error, &policy.name, self.seed(replication), (done, total))
                })?;
                done += 1;
                runs.push(run);
            }
            live.add(&policy.name, runs, pooled);
        }
        Ok(live)
    }

    /// Runs one policy and replication for real; the distributions of a valid run are added to
    /// `pooled`.
    ///
    /// # Errors
    /// When stopped, or when the run breaks.
    pub fn run_live_once(
        &self,
        policy: usize,
        replication: u32,
        options: &LiveRunnerOptions<'_>,
        pooled: &Mutex<[PooledHistogram; 3]>,
    ) -> Result<LiveRun, LiveError> {
        let (spec, seed, world) = (&self.policies[policy], self.seed(replication), self.world());
        if world.zones.has_latency() {
            return Err(LiveError::ZonesApart);
        }
        if world.faults.replicas.is_some() {
            return Err(LiveError::SchedulerFails);
        }
        if world.faults.rollback.is_some() {
            return Err(LiveError::RollsBack);
        }
        if world.faults.message_loss.is_some() {
            return Err(LiveError::LosesMessages);
        }
        if spec.dispatch.takes_ahead() {
            return Err(LiveError::TakesAhead { policy: spec.name.clone() });
        }
        let mut hub = HubOptions::new(options.time_scale).map_err(LiveError::Start)?;
        if let Some(program) = &options.program {
            hub.program.clone_from(program);
        }
        let secret = hub.secret;
        let link = Hub::new(hub).map_err(LiveError::Start)?;
        let progress = |settled| {
            if let Some(progress) = options.progress {
                progress(LiveProgress { policy: &spec.name, seed, settled });
            }
        };
        let live = LiveOptions {
            time_scale: options.time_scale,
            work: options.work,
            secret,
            silence: Some(options.silence),
            start_limit: START_LIMIT,
            tasks: options.tasks,
            history: options.history,
            stop: options.stop,
            check_invariants: false,
            progress: Some(&progress),
        };
        let build = || world.policy(spec, seed);
        let config = world.scheduler_config(seed, true);
        let mut output = run_live(&world, seed, build, &live, link)?;
        bounds::judge_one(&world, seed, &mut output.collected.metrics);
        let invalid = too_late(&output.driver, options.lag_tolerance);
        let unused = Mutex::default();
        let pooled = if invalid.is_none() { pooled } else { &unused };
        Ok(LiveRun {
            result: pooled_result(replication, seed, output.collected, output.tasks, output.events, pooled),
            driver: output.driver,
            samples: output.samples,
            invalid,
            history: output.history,
            header: Header {
                zones: world.zones,
                ..Header::new(spec.clone(), replication, world.nodes, config)
            },
            journal: output.journal,
            incidents: output.incidents,
        })
    }
}

/// Why a run was too late to count: it took in late what was planned, or what it was told.
fn too_late(driver: &DriverFigures, tolerance: Duration) -> Option<String> {
    let tolerance = tolerance.as_secs_f64();
    let late = |what: &str, lag: f64| {
        (lag > tolerance).then(|| {
            let (lag, tolerance) = (1e3 * lag, 1e3 * tolerance);
            format!("1 % of {what} were taken in more than {lag:.1} ms late; {tolerance:.1} ms are tolerated")
        })
    };
    late("the planned facts", driver.lag_p99)
        .or_else(|| late("the ends of attempts", driver.completion_p99.unwrap_or(0.0)))
}
