//! `run.warmup = "auto"`: how many tasks belong to the start, found by pilot runs.
//!
//! Every policy makes a few pilot runs with seeds of their own, far from those of the replications, so
//! that what is left out does not depend on the figures it is left out of. The waits of tasks in order
//! of arrival are averaged over them and cut by MSER-5. The largest cut of all policies holds for all:
//! then their figures are of the same tasks, and can be paired.

use super::parallel::{Job, Workers};
use super::plan::Plan;
use super::runner::{RunError, RunnerOptions};
use crate::sim::{self, RunOptions};
use crate::statistics::warmup::{BATCH, Cut, mser};

/// Pilot runs of each policy.
pub const PILOTS: u32 = 5;
/// Points of the series that is kept to be drawn.
const POINTS: usize = 200;
/// Seeds of pilot runs lie this far from those of replications.
const FAR: u64 = 1 << 63;

/// What pilot runs of one policy showed.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyWarmup {
    /// The policy.
    pub policy: String,
    /// Tasks to leave out by its own waits.
    pub tasks: u32,
    /// Whether a steady state was found within the first half.
    pub settled: bool,
    /// Mean waits in seconds in order of arrival: (number of the task in the middle, wait).
    pub waits: Vec<(f64, f64)>,
}

/// What pilot runs showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Warmup {
    /// Tasks that are left out.
    pub tasks: u32,
    /// Pilot runs of each policy.
    pub pilots: u32,
    /// By policy.
    pub policies: Vec<PolicyWarmup>,
}

impl Plan {
    /// The plan with a warm-up found by pilot runs, and what they showed; the plan itself when its
    /// warm-up is a number.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn with_warmup(&self, options: &RunnerOptions<'_>) -> Result<(Plan, Option<Warmup>), RunError> {
        if !self.run.auto_warmup {
            return Ok((self.clone(), None));
        }
        let warmup = self.find_warmup(options)?;
        let mut plan = self.clone();
        plan.run.warmup = warmup.tasks;
        plan.run.auto_warmup = false;
        Ok((plan, Some(warmup)))
    }

    /// Runs that [`with_warmup`](Self::with_warmup) makes.
    pub fn pilots(&self) -> usize {
        if self.run.auto_warmup { self.policies.len() * PILOTS as usize } else { 0 }
    }

    fn find_warmup(&self, options: &RunnerOptions<'_>) -> Result<Warmup, RunError> {
        let mut world = self.world();
        world.timeline_buckets = 0;
        let jobs: Vec<Job> = (0..PILOTS)
            .flat_map(|pilot| {
                let seed = self.seed(pilot).wrapping_add(FAR);
                (0..self.policies.len()).map(move |policy| (policy, seed))
            })
            .collect();
        let waits = Workers::of(self, options)?.run(&jobs, |_, (policy, seed), run| {
            let built = world.policy(&self.policies[policy], seed);
            let options = RunOptions { waits: Some(BATCH), ..*run };
            Ok(sim::simulate(&world, seed, built, &options)?.waits)
        })?;
        let policies: Vec<PolicyWarmup> = self
            .policies
            .iter()
            .enumerate()
            .map(|(policy, spec)| {
                let pilots = waits.iter().skip(policy).step_by(self.policies.len());
                judge(&spec.name, &pilots.collect::<Vec<_>>())
            })
            .collect();
        let tasks = policies.iter().map(|one| one.tasks).max().unwrap_or(0);
        Ok(Warmup { tasks, pilots: PILOTS, policies })
    }
}

/// Cuts the mean waits over the pilot runs of one policy.
fn judge(policy: &str, pilots: &[&Vec<(f64, u32)>]) -> PolicyWarmup {
    let batches = pilots.iter().map(|waits| waits.len()).max().unwrap_or(0);
    let mut means: Vec<f64> = Vec::with_capacity(batches);
    for batch in 0..batches {
        let parts = pilots.iter().filter_map(|waits| waits.get(batch));
        // In the order of the pilots, so that rounding is the same with any number of threads.
        let (sum, count) = parts.fold((0.0, 0), |all, part| (all.0 + part.0, all.1 + part.1));
        // A batch of which no task started says nothing: it stands where the one before it stood.
        means.push(if count > 0 { sum / f64::from(count) } else { means.last().copied().unwrap_or(0.0) });
    }
    let cut = mser(&means).unwrap_or(Cut { batches: 0, settled: false });
    let tasks = (cut.batches as u64 * u64::from(BATCH)).min(u64::from(u32::MAX)) as u32;
    PolicyWarmup { policy: policy.to_string(), tasks, settled: cut.settled, waits: thinned(&means) }
}

/// At most [`POINTS`] means over equal parts of the series.
fn thinned(means: &[f64]) -> Vec<(f64, f64)> {
    let points = means.len().min(POINTS);
    let part = |number: usize| {
        let (from, to) = (means.len() * number / points, means.len() * (number + 1) / points);
        let mean = means[from..to].iter().sum::<f64>() / (to - from) as f64;
        ((from + to) as f64 / 2.0 * f64::from(BATCH), mean)
    };
    (0..points).map(part).collect()
}
