//! Runs in parallel: results in the order of the jobs, whoever is done first.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::plan::Plan;
use super::runner::{Progress, RunError, RunnerOptions, Threads};
use crate::sim::{RunOptions, SimulationError};

/// One run to make: index of the policy, and the seed.
pub(super) type Job = (usize, u64);

/// Threads that make runs, and how many they have made.
pub(super) struct Workers<'a> {
    names: Vec<&'a str>,
    options: &'a RunnerOptions<'a>,
    /// Threads of its own, where none are shared.
    own: Option<Threads>,
    done: AtomicUsize,
}

impl<'a> Workers<'a> {
    /// Threads for runs of policies with these names.
    pub(super) fn new(names: Vec<&'a str>, options: &'a RunnerOptions<'a>) -> Result<Self, RunError> {
        let own = if options.shared.is_none() { Some(Threads::new(options.threads)?) } else { None };
        Ok(Workers { names, options, own, done: AtomicUsize::new(0) })
    }

    /// Threads for runs of all policies of a plan.
    pub(super) fn of(plan: &'a Plan, options: &'a RunnerOptions<'a>) -> Result<Self, RunError> {
        Workers::new(plan.policies.iter().map(|policy| policy.name.as_str()).collect(), options)
    }

    /// Runs made so far.
    pub(super) fn made(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Makes these runs; `simulate` is given the position of the job too.
    pub(super) fn run<T: Send>(
        &self,
        jobs: &[Job],
        simulate: impl Fn(usize, Job, &RunOptions<'_>) -> Result<T, SimulationError> + Sync,
    ) -> Result<Vec<T>, RunError> {
        let total = self.done.load(Ordering::Relaxed) + jobs.len();
        let failed = AtomicBool::new(false);
        let one = |number: usize| {
            // Short runs end before they look for themselves.
            if failed.load(Ordering::Relaxed)
                || self.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
            {
                return Err(SimulationError::Stopped);
            }
            let job = jobs[number];
            let run = RunOptions { stop: self.options.stop, ..RunOptions::default() };
            let result = simulate(number, job, &run);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
                return result;
            }
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = self.options.progress {
                progress(Progress { done, total, policy: self.names[job.0], seed: job.1 });
            }
            result
        };
        let make = || (0..jobs.len()).into_par_iter().with_max_len(1).map(one).collect();
        let runs: Vec<_> = match self.options.shared.or(self.own.as_ref()) {
            Some(threads) => threads.0.install(make),
            None => make(),
        };
        let mut results = Vec::with_capacity(jobs.len());
        let mut stopped = false;
        for (run, &(policy, seed)) in runs.into_iter().zip(jobs) {
            match run {
                Ok(result) => results.push(result),
                Err(SimulationError::Stopped) => stopped = true,
                Err(error) => {
                    return Err(RunError::Failed { policy: self.names[policy].to_string(), seed, error });
                }
            }
        }
        match stopped {
            true => Err(RunError::Stopped { done: self.done.load(Ordering::Relaxed), total }),
            false => Ok(results),
        }
    }
}
