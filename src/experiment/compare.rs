//! Runs a plan three ways, seed by seed: simulated without delays, simulated with the delays of the
//! machine, and live.

use std::sync::Mutex;

use super::calibrate::Calibration;
use super::fidelity::{Divergence, PolicyTrials, Trial};
use super::live::{LiveResults, LiveRun, LiveRunError, LiveRunnerOptions};
use super::plan::Plan;
use super::runner::pooled_result;
use crate::metrics::{COLUMNS, ReplicationResult};
use crate::scheduler::Record;
use crate::sim::{self, RunOptions, SimulationError};
use crate::time::Time;
use crate::world::{Delays, World};

/// Calibrated simulations per live run.
const COURSES: u32 = 16;

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A live run broke, or was stopped.
    #[error(transparent)]
    Live(#[from] LiveRunError),
    /// A simulation could not be finished.
    #[error("the simulation of policy `{policy}`, seed {seed}: {error}")]
    Simulation {
        /// The policy.
        policy: String,
        /// The seed.
        seed: u64,
        /// What happened.
        error: SimulationError,
    },
}

/// All runs of a comparison.
#[derive(Clone, Debug)]
pub struct Compared {
    /// By policy, in the order of the plan.
    pub trials: Vec<PolicyTrials>,
    /// The live runs as `falcon live` gives them.
    pub live: LiveResults,
    /// By policy: more live runs of the first seed, for the noise floor.
    pub repeats: Vec<Vec<LiveRun>>,
}

impl Plan {
    /// Live runs that [`compare_live`](Self::compare_live) makes.
    pub fn live_runs(&self, repeats: u32) -> usize {
        self.policies.len() * (self.run.replications + repeats) as usize
    }

    /// Runs every policy and replication simulated and live. `repeats` is how often the first seed
    /// of every policy is run live once more, to see how much live runs differ by themselves.
    ///
    /// # Errors
    /// When stopped, or when a run breaks.
    pub fn compare_live(
        &self,
        calibration: Option<&Calibration>,
        repeats: u32,
        options: &LiveRunnerOptions<'_>,
    ) -> Result<Compared, CompareError> {
        // Heartbeats are no delay of a machine: the scenario says how many there are.
        let heartbeats = self.delays.heartbeats.as_ref();
        let ideal =
            World { delays: Delays { heartbeats: heartbeats.cloned(), ..Delays::default() }, ..self.world() };
        let calibrated = calibration.map(|measured| World {
            delays: measured.delays(options.time_scale, heartbeats),
            ..self.world()
        });
        let (mut trials, mut again) = (Vec::new(), Vec::new());
        let mut live = LiveResults::default();
        let options = &LiveRunnerOptions { history: true, ..options.clone() };
        let total = self.live_runs(repeats);
        let mut done = 0;
        for (policy, spec) in self.policies.iter().enumerate() {
            let pooled = Mutex::default();
            let mut real = |replication: u32, pooled: &Mutex<_>| {
                let run = self.run_live_once(policy, replication, options, pooled).map_err(|error| {
                    LiveRunError::of(error, &spec.name, self.seed(replication), (done, total))
                });
                done += 1;
                run
            };
            let (mut of_policy, mut runs) = (Vec::new(), Vec::new());
            for replication in 0..self.run.replications {
                let run = real(replication, &pooled)?;
                let simulate = |world: &World, history| self.simulate(world, policy, replication, history);
                let (ideal, ideal_history) = simulate(&ideal, true)?;
                let calibrated = calibrated.as_ref().map(|world| averaged(world, simulate)).transpose()?;
                let nearest = calibrated.as_ref().map_or(&ideal_history, |(_, history)| history);
                let divergence = Divergence::between(nearest, &run.history);
                of_policy.push(trial(&run, ideal, calibrated.map(|(result, _)| result), divergence));
                runs.push(run);
            }
            let mut repeated = Vec::new();
            for _ in 0..repeats {
                repeated.push(real(0, &Mutex::default())?);
            }
            let counts = repeated.iter().filter(|run| run.invalid.is_none());
            let counting = counts.map(|run| run.result.clone()).collect();
            trials.push(PolicyTrials { policy: spec.name.clone(), trials: of_policy, repeats: counting });
            again.push(repeated);
            live.add(&spec.name, runs, pooled);
        }
        Ok(Compared { trials, live, repeats: again })
    }

    fn simulate(
        &self,
        world: &World,
        policy: usize,
        replication: u32,
        history: bool,
    ) -> Result<(ReplicationResult, Vec<(Time, Record)>), CompareError> {
        let (spec, seed) = (&self.policies[policy], self.seed(replication));
        let built = world.policy(spec, seed);
        let options = RunOptions { history, ..RunOptions::default() };
        let output = sim::simulate(world, seed, built, &options)
            .map_err(|error| CompareError::Simulation { policy: spec.name.clone(), seed, error })?;
        let (collected, events) = (output.collected, output.events);
        let result = pooled_result(replication, seed, collected, Vec::new(), events, &Mutex::default());
        Ok((result, output.history))
    }
}

/// The first of [`COURSES`] simulations that differ in their delays alone, with the means of all for
/// its figures: what delays do to a busy cluster depends on the finest details of their order, so
/// one simulation is as good a guess as any other, and their mean a better one.
fn averaged(
    world: &World,
    simulate: impl Fn(&World, bool) -> Result<(ReplicationResult, Vec<(Time, Record)>), CompareError>,
) -> Result<(ReplicationResult, Vec<(Time, Record)>), CompareError> {
    let (mut first, history) = simulate(world, true)?;
    let mut rows = vec![first.metrics.clone()];
    for course in 1..COURSES {
        let delays = Delays { course, ..world.delays.clone() };
        rows.push(simulate(&World { delays, ..world.clone() }, false)?.0.metrics);
    }
    for column in COLUMNS {
        let values: Vec<f64> = rows.iter().filter_map(|row| row.get(column.metric)).collect();
        if !values.is_empty() {
            first.metrics.set(column.metric, values.iter().sum::<f64>() / values.len() as f64);
        }
    }
    Ok((first, history))
}

fn trial(
    run: &LiveRun,
    ideal: ReplicationResult,
    calibrated: Option<ReplicationResult>,
    divergence: Option<Divergence>,
) -> Trial {
    Trial {
        seed: run.result.seed,
        ideal,
        calibrated,
        live: run.result.clone(),
        driver: run.driver,
        invalid: run.invalid.clone(),
        divergence,
    }
}
