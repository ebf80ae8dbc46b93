//! What is doubtful about figures as estimates: runs that were too short or too few, figures that do
//! not exist, batches that follow each other.

use super::number::{count, significant};
use super::sentences::list;
use super::steps::{Steps, widest};
use super::warning::Warning;
use crate::distribution::Distribution;
use crate::experiment::plan::Plan;
use crate::metrics::{Metric, PolicyResult};
use crate::policies::spec::{OrderSpec, PolicySpec};
use crate::scheduler::GuardPlan;
use crate::statistics::independence::succession;
use crate::time::Duration;
use crate::workload::{EstimateSpec, TaskClass, Workload};
use crate::world::Delays;

/// Below so many replications Student's t is more than 1.3 times what it is for ten.
const FEW: usize = 5;
/// Batches are said to follow each other when chance would make them do so as much this rarely.
const RARELY: f64 = 0.05;

/// What a reader must know of these results; `metrics` are those that are looked at.
pub fn of_estimates(
    plan: &Plan,
    results: &[PolicyResult],
    steps: &Steps<'_>,
    metrics: &[Metric],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(few_replications(plan, results));
    warnings.extend(not_settled(plan, steps));
    warnings.extend(gave_up(steps));
    warnings.extend(batches_follow(plan, results, metrics));
    warnings.extend(endless(plan, metrics));
    warnings
}

/// Units of work that arrive per second / units that all slots can do, when both are known: at 1 and
/// above queues grow without bound. Failed attempts and nodes that are down come on top of it.
pub fn load(plan: &Plan) -> Option<f64> {
    let Workload::Generated { arrivals, classes, jobs: None, spawn: None, .. } = &plan.workload else {
        return None;
    };
    let work: Option<f64> =
        classes.iter().map(|class| Some(class.share * class.duration.mean()? * f64::from(class.slots))).sum();
    let capacity: f64 =
        plan.groups.iter().map(|group| f64::from(group.count) * f64::from(group.slots) * group.speed).sum();
    Some(arrivals.mean_rate()? * work? / capacity).filter(|load| load.is_finite())
}

fn few_replications(plan: &Plan, results: &[PolicyResult]) -> Option<Warning> {
    let n = results.iter().map(|result| result.replications.len()).max()?;
    (2..FEW).contains(&n).then(|| Warning {
        message: format!("{n} replications are few: intervals are wide, and their width is itself uncertain"),
        help: Some(match plan.run.precision {
            Some(_) => "raise `precision.max_replications`".to_string(),
            None => "try `--replications 10`, or let `run.precision` decide".to_string(),
        }),
    })
}

fn not_settled(plan: &Plan, steps: &Steps<'_>) -> Option<Warning> {
    let warmup = steps.warmup?;
    let names: Vec<String> =
        warmup.policies.iter().filter(|one| !one.settled).map(|one| format!("`{}`", one.policy)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let tasks = plan.workload.expected_tasks();
    Some(Warning {
        message: format!(
            "the waits of {} had not settled within the first half of the pilot runs: the warm-up of {} tasks \
             may be too short",
            list(&names),
            count(u64::from(warmup.tasks))
        ),
        help: Some(match load(plan).filter(|load| *load >= 1.0) {
            Some(load) => format!("the load is {}: at 1 and above waits never settle", significant(load, 3)),
            None => format!("make runs longer, such as `--set workload.tasks={}`", tasks.saturating_mul(4)),
        }),
    })
}

fn gave_up(steps: &Steps<'_>) -> Option<Warning> {
    let reached = steps.precision.filter(|reached| !reached.all)?;
    let name = reached.plan.metric.column().name;
    let asked = significant(reached.plan.relative * 100.0, 2);
    let done = count(u64::from(reached.replications));
    let Some(widest) = widest(reached) else {
        return Some(Warning {
            message: format!("there is no interval of {name} to make as tight as {asked} %"),
            help: Some("name a metric in `precision` that every policy has".to_string()),
        });
    };
    let needed = (widest / reached.plan.relative).powi(2) * f64::from(reached.replications) * 1.1;
    Some(Warning {
        message: format!(
            "gave up after {done} replications: the interval of {name} is {} % wide to each side, not {asked} %",
            significant(widest * 100.0, 2)
        ),
        help: Some(format!(
            "about {} replications would do: raise `precision.max_replications`, or make runs longer",
            significant(needed, 2)
        )),
    })
}

/// Batches of one run that resemble their neighbours do not scatter as much as independent ones do.
fn batches_follow(plan: &Plan, results: &[PolicyResult], metrics: &[Metric]) -> Option<Warning> {
    let batches = plan.run.batches?;
    let mut names: Vec<String> = Vec::new();
    let mut most = 0.0f64;
    for result in results {
        let follows = |metric: &Metric| {
            let found = succession(&result.values(*metric))?;
            (found.probability < RARELY).then_some(found.lag_one)
        };
        if let Some(lag_one) = metrics.iter().filter_map(follows).max_by(f64::total_cmp) {
            names.push(format!("`{}`", result.policy));
            most = most.max(lag_one);
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| Warning {
        message: format!(
            "the batches of {} resemble those before them (correlation up to {}): their intervals are too narrow",
            list(&names),
            significant(most, 2)
        ),
        help: Some(match batches {
            0..=9 => "let there be more tasks, so that batches are longer".to_string(),
            more => format!("let there be more tasks, or fewer and longer batches: `run.batches = {}`", more / 2),
        }),
    })
}

/// Means that do not exist: they only grow as more tasks are simulated.
fn endless(plan: &Plan, metrics: &[Metric]) -> Vec<Warning> {
    let Workload::Generated { classes, .. } = &plan.workload else { return Vec::new() };
    // Whoever interrupts at once for a small task keeps it from waiting, unless something else does not.
    let calm = is_calm(plan);
    let exact = classes.iter().all(|class| class.estimate == EstimateSpec::Exact);
    let of = |has: &dyn Fn(&PolicySpec) -> bool| -> Option<String> {
        let names: Vec<String> =
            plan.policies.iter().filter(|one| has(one)).map(|one| format!("`{}`", one.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names.len() {
            0 => None,
            all if all == plan.policies.len() => Some(String::new()),
            _ => Some(format!(" of {}", list(&names))),
        }
    };
    let any = |of: fn(&Distribution) -> bool| classes.iter().any(|class: &TaskClass| of(&class.duration));
    let asked = |wanted: &[Metric]| metrics.iter().copied().find(|metric| wanted.contains(metric));
    let mut warnings = Vec::new();
    if let Some(metric) = asked(&[Metric::MeanSlowdown]).filter(|_| any(has_tiny_values))
        && let Some(whose) = of(&|policy| !(calm && puts_small_first(policy, exact)))
    {
        warnings.push(Warning {
            message: format!(
                "{}{whose} does not exist in the long run: works may be arbitrarily small, and a small task that waits \
                 at all has a slowdown without bound (E[1/S] is infinite)",
                metric.column().name
            ),
            help: Some("compare `mean_bounded_slowdown` or `p95_slowdown`".to_string()),
        });
    }
    let waits = [Metric::MeanWait, Metric::MeanResponse, Metric::MeanQueueLength, Metric::MeanInSystem];
    if let Some(metric) = asked(&waits).filter(|_| any(has_endless_variance))
        && let Some(whose) = of(&|policy| !puts_small_first(policy, exact) && !takes_turns(policy))
    {
        warnings.push(Warning {
            message: format!(
                "{}{whose} may not exist in the long run: works have an infinite variance, and who waits behind a task \
                 waits for the rest of it",
                metric.column().name
            ),
            help: Some(
                "compare medians (`p50_wait`), or bound the works: `duration.bounded-pareto`".to_string(),
            ),
        });
    }
    warnings
}

/// Whether nothing but other tasks keeps a task that comes from being served to its end.
fn is_calm(plan: &Plan) -> bool {
    let reliable = plan.groups.iter().all(|group| group.faults.is_none() && group.disturbances.is_empty());
    let near = plan.zones.latency.iter().flatten().all(|latency| latency.0 == 0);
    reliable
        && near
        && plan.faults.outages.is_empty()
        && plan.faults.disturbances.is_empty()
        && plan.faults.message_loss.is_none()
        && plan.faults.replicas.is_none()
        && plan.delays == Delays { course: plan.delays.course, ..Delays::default() }
        && plan.guards == GuardPlan::default()
        && plan.retry.backoff.base == Duration::ZERO
}

/// Whether a task that comes is served at once if it is small enough, whatever is there.
fn puts_small_first(policy: &PolicySpec, exact: bool) -> bool {
    policy.switch_cost == Duration::ZERO
        && match policy.order {
            OrderSpec::Srtf => exact,
            OrderSpec::Sjf => exact && policy.preempt,
            OrderSpec::Lifo => policy.preempt,
            _ => false,
        }
}

/// Whether nobody waits for the whole rest of another task.
fn takes_turns(policy: &PolicySpec) -> bool {
    matches!(policy.order, OrderSpec::TimeSlice { .. } | OrderSpec::LeastAttainedService { .. })
}

/// Whether E[1/S] is infinite: the density does not vanish quickly enough towards 0.
fn has_tiny_values(duration: &Distribution) -> bool {
    match duration {
        Distribution::Exponential { .. } | Distribution::Hyperexponential { .. } => true,
        Distribution::Uniform { low, high } => *low == 0.0 && *high > 0.0,
        Distribution::Gamma { shape, .. } | Distribution::Weibull { shape, .. } => *shape <= 1.0,
        Distribution::Erlang { k, .. } => *k <= 1,
        _ => false,
    }
}

/// Whether E[S^2] is infinite.
fn has_endless_variance(duration: &Distribution) -> bool {
    matches!(duration, Distribution::Pareto { shape, .. } if *shape <= 2.0)
}
