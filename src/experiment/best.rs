//! Which policy of a plan is best in a metric, with replications where they matter: a race in which
//! policies that are clearly behind make no more runs (`statistics/selection.rs`).

use super::bounds::BoundsOfReplications;
use super::parallel::{Job, Workers};
use super::plan::Plan;
use super::runner::{RunError, RunnerOptions};
use crate::metrics::Metric;
use crate::sim;
use crate::statistics::confidence::Summary;
use crate::statistics::selection::{Goal, Race};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestAsk {
    /// The metric; it has a good direction.
    pub metric: Metric,
    /// The smallest difference that matters, as a share of the best mean of the first stage.
    pub indifference: f64,
    /// Probability of naming the best.
    pub confidence: f64,
    /// Replications of a policy at most.
    pub max_replications: u32,
}

/// One policy in the race.
#[derive(Clone, Debug, PartialEq)]
pub struct Runner {
    /// Its name.
    pub policy: String,
    /// Its replications, and their figures.
    pub summary: Summary,
    /// Whether it was in the race to the end.
    pub in_race: bool,
    /// Whether it went out by less than the indifference, so that it may be as good.
    pub near: bool,
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// What was asked.
    pub ask: BestAsk,
    /// The smallest difference that matters, in the unit of the metric.
    pub indifference: f64,
    /// Replications of each policy in the first stage.
    pub first_stage: u32,
    /// The policies in the order of the plan.
    pub runners: Vec<Runner>,
    /// Index of the policy with the best mean of those in the race.
    pub leader: usize,
    /// Whether the race was over before the limit of replications.
    pub decided: bool,
    /// Runs that were made.
    pub spent: u64,
    /// Replications of the policies that made most of them, those ahead of the decision included.
    pub most: u32,
    /// Tasks that were left out at the start of every run.
    pub warmup: u32,
}

impl Best {
    /// The policies that were in the race to the end.
    pub fn racing(&self) -> Vec<usize> {
        (0..self.runners.len()).filter(|&index| self.runners[index].in_race).collect()
    }

    /// Replications of the policies that were in the race to the end.
    pub fn replications(&self) -> u64 {
        self.runners.iter().map(|one| one.summary.n as u64).max().unwrap_or(0)
    }

    /// Runs that as many replications of every policy would have taken.
    pub fn equal(&self) -> u64 {
        u64::from(self.most) * self.runners.len() as u64
    }
}

/// Why there is no best.
#[derive(Debug, thiserror::Error)]
pub enum BestError {
    /// A run broke, or all were stopped.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A figure does not exist.
    #[error("policy `{policy}` has no `{metric}` with seed {seed}; choose another metric")]
    Missing {
        /// The policy.
        policy: String,
        /// Column of the metric.
        metric: &'static str,
        /// The seed.
        seed: u64,
    },
}

impl Plan {
    /// Finds the best policy. The first stage makes as many replications of every policy as the plan
    /// says, at least two.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when a policy does not have the figure.
    pub fn best(&self, ask: &BestAsk, options: &RunnerOptions<'_>) -> Result<Best, BestError> {
        let (plan, _) = self.with_warmup(options)?;
        let mut world = plan.world();
        world.timeline_buckets = 0;
        let sign = ask.metric.column().better.sign().unwrap_or(1.0);
        let bounds = BoundsOfReplications::new(&world, ask.max_replications.max(2) as usize)
            .filter(|_| ask.metric == Metric::OptimalityGap);
        let workers = Workers::of(&plan, options)?;
        let run = |racing: &[usize], from: u32, to: u32| -> Result<Vec<Vec<f64>>, BestError> {
            let jobs: Vec<Job> = (from..to)
                .flat_map(|replication| racing.iter().map(move |&policy| (policy, replication)))
                .map(|(policy, replication)| (policy, plan.seed(replication)))
                .collect();
            let figures = workers.run(&jobs, |number, (policy, seed), run| {
                let built = world.policy(&plan.policies[policy], seed);
                let mut metrics = sim::simulate(&world, seed, built, run)?.collected.metrics;
                if let Some(bounds) = &bounds {
                    bounds.judge(from as usize + number / racing.len(), seed, &mut metrics);
                }
                Ok(metrics.get(ask.metric))
            })?;
            let mut rows = vec![vec![f64::NAN; plan.policies.len()]; (to - from) as usize];
            for (index, (figure, (policy, seed))) in figures.into_iter().zip(jobs).enumerate() {
                rows[index / racing.len()][policy] = figure.ok_or_else(|| BestError::Missing {
                    policy: plan.policies[policy].name.clone(),
                    metric: ask.metric.column().name,
                    seed,
                })?;
            }
            Ok(rows)
        };
        let everyone: Vec<usize> = (0..plan.policies.len()).collect();
        let first_stage = plan.run.replications.max(2).min(ask.max_replications.max(2));
        let mut rows = run(&everyone, 0, first_stage)?;
        let indifference = ask.indifference * scale(&rows, sign);
        let goal = Goal {
            // Where all are 0 in every replication nothing is to be told apart, and any will do.
            indifference: if indifference > 0.0 { indifference } else { 1.0 },
            confidence: ask.confidence,
            first_stage: first_stage as usize,
        };
        let mut race = Race::new(plan.policies.len(), goal);
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); plan.policies.len()];
        let mut made = first_stage;
        loop {
            for row in &rows {
                // What was run ahead of a decision belongs to nobody's mean.
                for policy in if race.is_over() { Vec::new() } else { race.racing() } {
                    values[policy].push(row[policy]);
                }
                let signed: Vec<f64> = row.iter().map(|value| sign * value).collect();
                race.take(&signed);
            }
            if race.is_over() || made >= ask.max_replications {
                break;
            }
            let more = made.saturating_add((made / 8).max(2)).min(ask.max_replications);
            rows = run(&race.racing(), made, more)?;
            made = more;
        }
        let spent = workers.made() as u64;
        let names = plan.policies.iter().map(|policy| policy.name.clone());
        let runners = runners(names, &values, &race);
        let (leader, decided) = (race.leader(), race.is_over());
        Ok(Best {
            ask: *ask,
            indifference,
            first_stage,
            runners,
            leader,
            decided,
            spent,
            most: made,
            warmup: plan.run.warmup,
        })
    }
}

/// What became of every policy.
fn runners(names: impl Iterator<Item = String>, values: &[Vec<f64>], race: &Race) -> Vec<Runner> {
    let (racing, near) = (race.racing(), race.near());
    let runner = |(index, (policy, values)): (usize, (String, &Vec<f64>))| Runner {
        policy,
        summary: Summary::of(values).expect("every policy makes the first stage"),
        in_race: racing.contains(&index),
        near: near.contains(&index),
    };
    names.zip(values).enumerate().map(runner).collect()
}

/// The best mean of the first stage; where that is 0, the largest of all; where all are, the largest value.
fn scale(rows: &[Vec<f64>], sign: f64) -> f64 {
    let policies = rows.first().map_or(0, Vec::len);
    let mean = |policy: usize| rows.iter().map(|row| row[policy]).sum::<f64>() / rows.len() as f64;
    let means: Vec<f64> = (0..policies).map(mean).collect();
    let best = means.iter().copied().min_by(|a, b| (sign * a).total_cmp(&(sign * b))).unwrap_or(0.0);
    let largest = |values: &mut dyn Iterator<Item = f64>| values.map(f64::abs).fold(0.0, f64::max);
    match (best.abs(), largest(&mut means.iter().copied())) {
        (0.0, 0.0) => largest(&mut rows.iter().flatten().copied()),
        (0.0, largest) => largest,
        (best, _) => best,
    }
}
