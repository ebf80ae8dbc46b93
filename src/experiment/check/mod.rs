//! Looks for seeds that break a rule of the scheduler: random faults on top of a scenario, and an auditor
//! who watches every step.
//!
//! Every seed draws faults of its own (`kinds` has what can be drawn, one row for each kind), and runs under
//! every policy. The first run, in order of seeds and policies, that breaks a rule is made as small as it
//! gets and shown. What is found depends on the scenario and the seeds alone, not on the number of threads.

mod draw;
mod kinds;
mod shrink;
mod trial;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use self::draw::Scale;
use self::shrink::Case;
use self::trial::{Outcome, Trial};
use super::plan::Plan;
use super::runner::{Progress, RunError};
use crate::audit::Violation;
use crate::scheduler::{Record, Sabotage};
use crate::sim::SimulationError;
use crate::time::Time;
use crate::world::World;

pub use self::draw::Fault;
pub use self::trial::in_hand;

/// How to check.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// How many seeds.
    pub seeds: u64,
    /// The first of them.
    pub from: u64,
    /// Only so many tasks of the scenario are taken: the first.
    pub most_tasks: u32,
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Set from outside to stop.
    pub stop: Option<&'a AtomicBool>,
    /// Told of every run that is done.
    pub progress: Option<&'a (dyn Fn(Progress<'_>) + Sync)>,
    /// A guard of the scheduler that is left out, to see whether that is found.
    pub sabotage: Option<Sabotage>,
    /// Whether only what the auditor sees itself counts, and not what the scheduler's own tables say.
    pub trust_tables: bool,
}

impl Default for CheckOptions<'_> {
    fn default() -> Self {
        CheckOptions {
            seeds: 100,
            from: 1,
            most_tasks: 1000,
            threads: 0,
            stop: None,
            progress: None,
            sabotage: None,
            trust_tables: false,
        }
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub enum Checked {
    /// All rules held.
    Holds(Held),
    /// One was broken.
    Broken(Box<Found>),
}

/// How much held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    /// Runs that were made.
    pub runs: u64,
    /// Of those, runs that were given up, since they might never end.
    pub given_up: u64,
    /// Facts that were taken in, and decisions.
    pub steps: u64,
    /// Seconds that were simulated.
    pub simulated: f64,
    /// Tasks that were submitted.
    pub tasks: u64,
    /// Faults that were drawn, by kind: the name of each, and in how many runs.
    pub faults: Vec<(&'static str, u64)>,
}

/// A run that breaks a rule, made as small as it gets.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// Its policy.
    pub policy: String,
    /// The rule and how it is broken.
    pub violation: Violation,
    /// How many tasks were submitted in the small run until the rule was broken.
    pub tasks: u32,
    /// How many the run has in which it was found.
    pub tasks_before: u32,
    /// How many tasks the small run may have.
    most_tasks: u32,
    /// The faults that are left.
    pub faults: Vec<Fault>,
    /// How many were drawn.
    pub faults_before: usize,
    /// Everything that was written down in the small run, up to the violation.
    pub history: Vec<(Time, Record)>,
}

/// Checks a plan under all its policies.
///
/// # Errors
/// When stopped, when a run cannot be made, or when threads cannot be started.
pub fn check(plan: &Plan, options: &CheckOptions<'_>) -> Result<Checked, RunError> {
    let check = Check::new(plan, options);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build()?;
    pool.install(|| check.all())
}

/// Whether the small run that was found breaks the same rule with these faults in place of its own.
pub fn still_breaks(plan: &Plan, options: &CheckOptions<'_>, found: &Found, faults: &[Fault]) -> bool {
    let check = Check::new(plan, options);
    let policy = plan.policies.iter().find(|policy| policy.name == found.policy);
    policy.is_some_and(|policy| {
        let world = trial::with_first(&check.world, found.most_tasks);
        let trial = trial::run(&world, faults, policy, found.seed, options, false);
        matches!(trial.outcome, Outcome::Broken(broken) if broken.rule == found.violation.rule)
    })
}

struct Check<'a> {
    plan: &'a Plan,
    options: &'a CheckOptions<'a>,
    /// With its first tasks only; and how many these are.
    world: World,
    tasks: u32,
    scale: Scale,
}

/// What is kept of a run in which all rules held.
struct Seen {
    given_up: bool,
    steps: u64,
    end: Time,
    tasks: u32,
    kinds: Vec<usize>,
}

impl<'a> Check<'a> {
    fn new(plan: &'a Plan, options: &'a CheckOptions<'a>) -> Check<'a> {
        let mut world = plan.world();
        world.timeline_buckets = 0;
        let tasks = world.workload.tasks().min(options.most_tasks);
        let world = trial::with_first(&world, options.most_tasks);
        Check { plan, options, tasks, scale: Scale::of(&world), world }
    }

    fn seed(&self, job: u64) -> u64 {
        self.options.from.wrapping_add(job / self.plan.policies.len() as u64)
    }

    fn policy(&self, job: u64) -> usize {
        (job % self.plan.policies.len() as u64) as usize
    }

    fn all(&self) -> Result<Checked, RunError> {
        let total = self.options.seeds.saturating_mul(self.plan.policies.len() as u64);
        let mut held = Held { faults: draw::kind_names().map(|name| (name, 0)).collect(), ..Held::default() };
        let done = AtomicUsize::new(0);
        // A share of the jobs at a time, in order, so that the first that breaks a rule is the same with any
        // number of threads.
        let at_once = 16 * rayon::current_num_threads() as u64;
        let mut next = 0;
        while next < total {
            let jobs = next..(next + at_once).min(total);
            next = jobs.end;
            let jobs: Vec<u64> = jobs.collect();
            let runs: Vec<Result<Seen, Outcome>> =
                jobs.par_iter().with_max_len(1).map(|job| self.one(*job, total as usize, &done)).collect();
            for (job, run) in jobs.into_iter().zip(runs) {
                match run {
                    Ok(seen) => held.add(&seen),
                    Err(Outcome::Broken(violation)) => return self.small(job, &violation),
                    Err(Outcome::Failed(SimulationError::Stopped)) => {
                        return Err(RunError::Stopped { done: done.into_inner(), total: total as usize });
                    }
                    Err(Outcome::Failed(error)) => {
                        let policy = self.plan.policies[self.policy(job)].name.clone();
                        return Err(RunError::Failed { policy, seed: self.seed(job), error });
                    }
                    Err(Outcome::Holds | Outcome::GivenUp) => {}
                }
            }
        }
        Ok(Checked::Holds(held))
    }

    fn one(&self, job: u64, total: usize, done: &AtomicUsize) -> Result<Seen, Outcome> {
        if self.is_stopped() {
            return Err(Outcome::Failed(SimulationError::Stopped));
        }
        let (seed, policy) = (self.seed(job), &self.plan.policies[self.policy(job)]);
        let faults = draw::draw(&self.world, self.scale, seed);
        let trial = trial::run(&self.world, &faults, policy, seed, self.options, false);
        let Trial { outcome, steps, end, submitted, .. } = trial;
        let given_up = match outcome {
            Outcome::Holds => false,
            Outcome::GivenUp => true,
            other => return Err(other),
        };
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = self.options.progress {
            progress(Progress { done, total, policy: &policy.name, seed });
        }
        let kinds = faults.iter().map(Fault::kind_number).collect();
        Ok(Seen { given_up, steps, end, tasks: submitted, kinds })
    }

    fn is_stopped(&self) -> bool {
        self.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// The run that breaks a rule, made as small as it gets.
    fn small(&self, job: u64, violation: &Violation) -> Result<Checked, RunError> {
        let (seed, policy) = (self.seed(job), &self.plan.policies[self.policy(job)]);
        let drawn = draw::draw(&self.world, self.scale, seed);
        let faults_before = drawn.len();
        let run = |case: &Case, keep_history: bool| {
            let world = trial::with_first(&self.world, case.tasks);
            trial::run(&world, &case.faults, policy, seed, self.options, keep_history)
        };
        let case = shrink::shrink(
            Case { tasks: self.tasks, faults: drawn },
            |case| matches!(run(case, false).outcome, Outcome::Broken(found) if found.rule == violation.rule),
        );
        if self.is_stopped() {
            return Err(RunError::Stopped { done: job as usize, total: job as usize + 1 });
        }
        let Trial { outcome, history, submitted, .. } = run(&case, true);
        let violation = match outcome {
            Outcome::Broken(found) => found,
            _ => violation.clone(),
        };
        Ok(Checked::Broken(Box::new(Found {
            seed,
            policy: policy.name.clone(),
            violation,
            tasks: submitted,
            tasks_before: self.tasks,
            most_tasks: case.tasks,
            faults: case.faults,
            faults_before,
            history,
        })))
    }
}

impl Held {
    fn add(&mut self, seen: &Seen) {
        self.runs += 1;
        self.given_up += u64::from(seen.given_up);
        self.steps += seen.steps;
        self.simulated += seen.end.as_seconds();
        self.tasks += u64::from(seen.tasks);
        let mut kinds = seen.kinds.clone();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            self.faults[kind].1 += 1;
        }
    }
}
