//! From a plan to results, in steps that look at what came out so far: a warm-up that pilot runs show
//! to be needed, then replications until an interval is as tight as asked.

use super::plan::{Plan, PrecisionPlan};
use super::runner::{RunError, RunnerOptions};
use super::warmup::Warmup;
use crate::metrics::{Metric, PolicyResult, ReplicationResult};
use crate::sim;
use crate::statistics::confidence::Summary;
use crate::statistics::precision::{Look, look, next_look};

/// What is to be tight under `run.precision`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The mean of every policy, in relation to itself.
    Means,
    /// The difference of every other policy to this one, in relation to the mean of this one.
    Differences {
        /// Index of the policy.
        baseline: usize,
    },
}

/// How tight intervals became.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// What was asked for.
    pub plan: PrecisionPlan,
    /// Of what.
    pub target: Target,
    /// Replications at the end.
    pub replications: u32,
    /// The last look at every policy; `None` for the baseline, and where the figure does not exist.
    pub looks: Vec<Option<Look>>,
    /// Whether all are as tight as asked.
    pub all: bool,
    /// Whether more replications may help: every figure that is looked at exists in some of them.
    pub can_be: bool,
}

/// A plan that was carried out.
#[derive(Clone, Debug)]
pub struct Conducted {
    /// The plan, with the warm-up that was found.
    pub plan: Plan,
    /// What came out.
    pub results: Vec<PolicyResult>,
    /// How tight intervals became, when that was asked for.
    pub precision: Option<Reached>,
    /// What pilot runs showed, when there were any.
    pub warmup: Option<Warmup>,
}

impl Plan {
    /// Carries the plan out.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn conduct(&self, target: Target, options: &RunnerOptions<'_>) -> Result<Conducted, RunError> {
        let (plan, warmup) = self.with_warmup(options)?;
        let names: Vec<&str> = plan.policies.iter().map(|policy| policy.name.as_str()).collect();
        let mut precision = None;
        let results = plan.run_each(
            &names,
            options,
            |policy, world, seed, run| {
                let spec = &plan.policies[policy];
                sim::simulate(world, seed, world.policy(spec, seed), run)
            },
            |so_far| {
                let reached = plan.reached(target, so_far)?;
                let done = reached.replications;
                let more = (!reached.all && reached.can_be && done < reached.plan.max_replications)
                    .then(|| next_look(done, reached.plan.max_replications));
                precision = Some(reached);
                more
            },
        )?;
        drop(names);
        Ok(Conducted { plan, results, precision, warmup })
    }

    /// Looks at replications so far, by policy; `None` when their number is fixed.
    pub(super) fn reached(&self, target: Target, so_far: &[Vec<ReplicationResult>]) -> Option<Reached> {
        let plan = self.run.precision?;
        let looks: Vec<Option<Look>> =
            (0..so_far.len()).map(|policy| look_at(plan, target, policy, so_far)).collect();
        let is_baseline = |policy| matches!(target, Target::Differences { baseline } if baseline == policy);
        let judged = |(policy, look): (usize, &Option<Look>)| {
            is_baseline(policy) || look.is_some_and(|look| look.reached)
        };
        let exists = |policy: usize| so_far[policy].iter().any(|run| run.metrics.get(plan.metric).is_some());
        Some(Reached {
            can_be: (0..so_far.len()).all(|policy| is_baseline(policy) || exists(policy)),
            plan,
            target,
            replications: so_far.iter().map(Vec::len).max().unwrap_or(0) as u32,
            all: looks.iter().enumerate().all(judged),
            looks,
        })
    }
}

fn look_at(
    plan: PrecisionPlan,
    target: Target,
    policy: usize,
    so_far: &[Vec<ReplicationResult>],
) -> Option<Look> {
    let value = |run: &ReplicationResult| run.metrics.get(plan.metric);
    match target {
        Target::Means => {
            let values: Vec<f64> = so_far[policy].iter().filter_map(value).collect();
            look(&values, Summary::of(&values)?.mean, plan.relative)
        }
        Target::Differences { baseline } if baseline == policy => None,
        Target::Differences { baseline } => {
            let pairs = paired(&so_far[policy], &so_far[baseline], plan.metric);
            let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
            let base: Vec<f64> = pairs.iter().map(|(_, b)| *b).collect();
            look(&differences, Summary::of(&base)?.mean, plan.relative)
        }
    }
}

/// The figure of two policies in every replication where both have it.
pub fn paired(a: &[ReplicationResult], b: &[ReplicationResult], metric: Metric) -> Vec<(f64, f64)> {
    let both = a.iter().zip(b);
    both.filter_map(|(a, b)| Some((a.metrics.get(metric)?, b.metrics.get(metric)?))).collect()
}
