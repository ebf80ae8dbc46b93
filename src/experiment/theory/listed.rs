//! Bounds on batches and traces from the very tasks of each replication.

use std::cell::OnceCell;

use super::Known;
use crate::experiment::bounds::{self, ReplicationBounds};
use crate::experiment::plan::Plan;
use crate::metrics::{Metric, PolicyResult};
use crate::theory::FormulaId;
use crate::theory::bounds::Machines;
use crate::world::World;

/// The tasks of a plan of which bounds are known.
pub(super) struct Listed {
    world: World,
    machines: Machines,
    makespans: Vec<Option<ReplicationBounds>>,
    /// The least mean response over all replications and whether it can be reached, for runs with and without
    /// interruptions: the same for every policy.
    responses: [OnceCell<Option<(f64, bool)>>; 2],
}

impl Listed {
    /// Of as many replications as there are results. `None` where bounds say nothing.
    pub(super) fn new(plan: &Plan, results: &[PolicyResult]) -> Option<Listed> {
        let world = plan.world();
        if !bounds::apply(&world) || plan.run.batches.is_some() {
            return None;
        }
        let replications = results.iter().map(|one| one.replications.len() as u32).max().unwrap_or(0);
        let machines = bounds::machines(&world);
        let of = |replication| bounds::of_replication(&world, &machines, plan.seed(replication));
        let makespans = (0..replications).map(of).collect();
        Some(Listed { makespans, machines, world, responses: Default::default() })
    }

    /// The bounds on the figures of a policy, as means over its replications; none when not every task
    /// completed at its first attempt.
    pub(super) fn bounds(&self, plan: &Plan, result: &PolicyResult) -> Vec<Known> {
        let figure = |metric| result.values(metric).iter().sum::<f64>();
        if figure(Metric::Completed) != figure(Metric::Submitted)
            || figure(Metric::Attempts) != figure(Metric::Submitted)
        {
            return Vec::new();
        }
        let interrupted = figure(Metric::Preemptions) > 0.0;
        let Some(all) = self.makespans.iter().copied().collect::<Option<Vec<_>>>() else { return Vec::new() };
        let mean = |of: &dyn Fn(&ReplicationBounds) -> Option<f64>| -> Option<f64> {
            let sum: Option<f64> = all.iter().map(of).sum();
            sum.map(|sum| sum / all.len() as f64)
        };
        let rounding = all.iter().map(|one| one.rounding).fold(0.0, f64::max);
        let mut known = Vec::new();
        let mut put = |metric, value: Option<f64>, formula| {
            let of = |value| Known { allowance: rounding, ..Known::of(metric, value, formula) };
            known.extend(value.filter(|value| *value > 0.0).map(of));
        };
        put(Metric::Makespan, mean(&|one| Some(one.makespan.total_work)), FormulaId::TotalWork);
        put(Metric::Makespan, mean(&|one| Some(one.makespan.longest)), FormulaId::LongestTask);
        put(Metric::Makespan, mean(&|one| Some(one.makespan.unequal)), FormulaId::UnequalSpeeds);
        put(Metric::Makespan, mean(&|one| one.resources), FormulaId::ResourceProgram);
        if !interrupted {
            put(Metric::Makespan, mean(&|one| one.optimum), FormulaId::ExactMakespan);
        }
        if plan.run.warmup == 0
            && let Some((least, exact)) = self.least_mean_response(plan, interrupted)
        {
            let formula = if exact { FormulaId::BatchResponse } else { FormulaId::OneMachineResponse };
            put(Metric::MeanResponse, Some(least), formula);
        }
        known
    }

    fn least_mean_response(&self, plan: &Plan, interrupted: bool) -> Option<(f64, bool)> {
        *self.responses[usize::from(interrupted)].get_or_init(|| {
            let of = |replication| {
                bounds::least_mean_response(&self.world, &self.machines, plan.seed(replication), interrupted)
            };
            let least: Vec<(f64, bool)> = (0..self.makespans.len() as u32).map(of).collect::<Option<_>>()?;
            let sum: f64 = least.iter().map(|(least, _)| least).sum();
            let exact = least.iter().all(|(_, exact)| *exact);
            (!least.is_empty()).then(|| (sum / least.len() as f64, exact))
        })
    }
}
