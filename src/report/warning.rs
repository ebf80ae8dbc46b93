//! What is wrong with a result, and what to do about it.

use super::alarms;
use super::doubts::load;
use super::number::{count, significant};
use super::sentences::list;
use crate::experiment::plan::Plan;
pub use crate::experiment::warning::Warning;
use crate::faults::Stay;
use crate::metrics::{Metric, PolicyResult, Timeline, TimelineRow};
use crate::statistics::paired::difference;
use crate::workload::{Arrivals, Workload};

/// What a reader must know of these results; each kind of warning once.
pub fn of_results(plan: &Plan, results: &[PolicyResult]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let growing: Vec<&PolicyResult> =
        results.iter().filter(|result| !plan.workload.is_batch() && is_growing(result)).collect();
    warnings.extend(still_growing(plan, &growing));
    warnings.extend(overloaded(plan, &growing));
    warnings.extend(start_up(plan, results, &growing));
    warnings.extend(not_completed(results));
    warnings.extend(alarms::note(results));
    if results.len() > 1 && results.iter().all(|result| result.replications.len() == 1) {
        warnings.push(Warning {
            message: "one replication: there are no intervals and differences are not judged".to_string(),
            help: Some("try `--replications 10`".to_string()),
        });
    }
    warnings
}

/// Whether tasks or nodes come and go by a plan: then no part of the run is like the rest, and none is its start.
fn changes_as_planned(plan: &Plan) -> bool {
    let daily = matches!(&plan.workload, Workload::Generated { arrivals: Arrivals::Daily { .. }, .. });
    let stays = plan.groups.iter().any(|group| group.stay != Stay::ALWAYS);
    let faults = &plan.faults;
    daily || stays || !faults.outages.is_empty() || !faults.disturbances.planned.is_empty()
}

/// Mean queue length in each quarter of the time in which tasks arrived.
fn quarters(timeline: &Timeline) -> Option<[f64; 4]> {
    let last = timeline.rows.iter().rposition(|row| row.arrived > 0)?;
    let rows = &timeline.rows[..=last];
    if rows.len() < 20 {
        return None;
    }
    let mean = |quarter: usize| {
        let part = &rows[rows.len() * quarter / 4..rows.len() * (quarter + 1) / 4];
        part.iter().map(|row| row.queue_length as f64).sum::<f64>() / part.len() as f64
    };
    Some([mean(0), mean(1), mean(2), mean(3)])
}

/// Whether the queue grows from quarter to quarter. Under too high a load it grows in proportion to
/// time, so the last quarter holds 7/3 of the second; in a steady state both are alike.
fn is_growing(result: &PolicyResult) -> bool {
    let timelines = result.replications.iter().filter_map(|one| one.timeline.as_ref());
    let quarters: Vec<[f64; 4]> = timelines.filter_map(quarters).collect();
    let mean =
        |quarter: usize| quarters.iter().map(|one| one[quarter]).sum::<f64>() / quarters.len().max(1) as f64;
    let growth: Vec<f64> = quarters.iter().map(|one| one[3] - one[1]).collect();
    let clear = match difference(&growth, &vec![0.0; growth.len()]) {
        Some(growth) => growth.mean > 0.0 && !growth.holds_zero(),
        None => !growth.is_empty(),
    };
    clear && mean(3) > 10.0 && mean(3) > 1.6 * mean(1) && mean(2) > 1.1 * mean(1) && mean(3) > 1.1 * mean(2)
}

fn still_growing(plan: &Plan, growing: &[&PolicyResult]) -> Option<Warning> {
    let names: Vec<String> = growing.iter().map(|result| format!("`{}`", result.policy)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (queues, were, their) = match names.len() {
        0 => return None,
        1 => ("queue", "was", "its"),
        _ => ("queues", "were", "their"),
    };
    let load = load(plan).filter(|load| *load >= 1.0);
    let help = match (&plan.workload, load) {
        (Workload::Generated { arrivals: Arrivals::Poisson { rate }, .. }, Some(load)) => format!(
            "lower `workload.arrivals.poisson.rate` below {}, or read {their} throughput only",
            significant(rate / load, 3)
        ),
        (Workload::Generated { arrivals: Arrivals::Poisson { .. }, .. }, None) => {
            format!("lower `workload.arrivals.poisson.rate`, or read {their} throughput only")
        }
        _ => format!("let fewer tasks arrive, or read {their} throughput only"),
    };
    let load = load.map_or_else(String::new, |load| format!(" (load {})", significant(load, 3)));
    Some(Warning {
        message: format!(
            "the {queues} of {} {were} still growing at the end{load}: {their} means depend on the length of the run",
            list(&names)
        ),
        help: Some(help),
    })
}

/// Under a load of 1 and more queues grow for ever, also where no timeline shows it or every task that
/// is too much is refused.
fn overloaded(plan: &Plan, growing: &[&PolicyResult]) -> Option<Warning> {
    let load = load(plan).filter(|load| *load >= 1.0 && growing.is_empty() && !plan.workload.is_batch())?;
    let is_bounded = plan.queue_limit.is_some()
        || plan.groups.iter().any(|group| group.queue_limit.is_some())
        || plan.workload.tasks_give_up();
    (!is_bounded).then(|| Warning {
        message: format!(
            "the load is {}: at 1 and above queues grow without bound, and means depend on the length of the run",
            significant(load, 3)
        ),
        help: Some("let fewer tasks arrive or add nodes, or read throughput only".to_string()),
    })
}

/// The cluster starts empty: until its queue has filled, tasks wait less than later ones.
fn start_up(plan: &Plan, results: &[PolicyResult], growing: &[&PolicyResult]) -> Option<Warning> {
    // Under a load of 1 there is no steady state to come to.
    let overloaded = load(plan).is_some_and(|load| load >= 1.0);
    if plan.workload.is_batch() || plan.run.warmup > 0 || overloaded || changes_as_planned(plan) {
        return None;
    }
    let steady = results.iter().filter(|result| !growing.iter().any(|other| other.policy == result.policy));
    let first = steady.filter_map(tasks_until_filled).max()?;
    Some(Warning {
        message: format!(
            "the first {} of {} tasks wait less than the rest (the cluster starts empty)",
            count(first),
            count(plan.workload.expected_tasks())
        ),
        help: Some(format!("set `run.warmup = {first}`, or \"auto\", to leave them out")),
    })
}

/// Replications that it takes to tell a start from a burst.
const REPLICATIONS_FOR_START: usize = 5;

/// Tasks that arrived until the queue, as a mean over replications, first came near its level in
/// the second half; `None` when that changes the mean by less than 2 %, or there is hardly a queue.
fn tasks_until_filled(result: &PolicyResult) -> Option<u64> {
    let timelines: Vec<&Timeline> =
        result.replications.iter().filter_map(|one| one.timeline.as_ref()).collect();
    let quarters: Vec<[f64; 4]> = timelines.iter().filter_map(|timeline| quarters(timeline)).collect();
    if quarters.len() < REPLICATIONS_FOR_START || quarters.len() < timelines.len() {
        return None;
    }
    let number = quarters.len() as f64;
    let level = quarters.iter().map(|one| (one[2] + one[3]) / 2.0).sum::<f64>() / number;
    // Buckets are of nearly equal width in all replications.
    let buckets = timelines.iter().map(|timeline| timeline.rows.len()).min()?;
    let mean = |of: fn(&TimelineRow) -> u64, bucket: usize| {
        timelines.iter().map(|timeline| of(&timeline.rows[bucket]) as f64).sum::<f64>() / number
    };
    let queue = |bucket: usize| mean(|row| row.queue_length, bucket);
    let filled = (0..buckets).find(|&bucket| queue(bucket) >= 0.95 * level)?;
    let missing: f64 = (0..filled).map(|bucket| level - queue(bucket)).sum();
    let arrived: f64 = (0..filled).map(|bucket| mean(|row| row.arrived, bucket)).sum();
    (level >= 5.0 && missing > 0.02 * level * buckets as f64).then_some(arrived.round() as u64)
}

fn not_completed(results: &[PolicyResult]) -> Option<Warning> {
    let sum = |metric: Metric| -> u64 {
        let rows = results.iter().flat_map(|result| &result.replications);
        rows.filter_map(|one| one.metrics.get(metric)).sum::<f64>() as u64
    };
    let submitted = sum(Metric::Submitted);
    let missing = submitted.saturating_sub(sum(Metric::Completed));
    if missing == 0 {
        return None;
    }
    let kinds = [
        (Metric::Errors, "errors"),
        (Metric::Timeouts, "timeouts"),
        (Metric::Cancelled, "cancelled"),
        (Metric::Rejected, "rejected"),
    ];
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(|(metric, _)| sum(*metric) > 0)
        .map(|(metric, name)| format!("{} {name}", count(sum(metric))))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let help = if sum(Metric::Errors) > 0 { "raise `retry.max_attempts`, or compare" } else { "compare" };
    Some(Warning {
        message: format!(
            "{} of {} tasks did not complete{kinds}: responses are of completed tasks only",
            count(missing),
            count(submitted)
        ),
        help: Some(format!("{help} `success_rate` in summary.csv first")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;
    use crate::time::Time;

    fn messages(plan: &Plan, results: &[PolicyResult]) -> Vec<String> {
        of_results(plan, results).into_iter().map(|warning| warning.message).collect()
    }

    #[test]
    fn each_kind_is_found_once() {
        let sample = Sample { policies: vec!["random", "sjf"], replications: 5, ..Sample::default() };
        let (plan, mut results) = (sample.plan(), sample.results());
        let set_queues = |result: &mut PolicyResult, queue: fn(usize, usize) -> usize| {
            for (number, one) in result.replications.iter_mut().enumerate() {
                let rows = &mut one.timeline.as_mut().expect("a timeline").rows;
                for (bucket, row) in rows.iter_mut().enumerate() {
                    row.queue_length = queue(number, bucket) as u64;
                }
            }
        };
        for result in &mut results {
            set_queues(result, |_, bucket| 20 + bucket % 2);
        }
        assert_eq!(messages(&plan, &results), [""; 0]);
        set_queues(&mut results[0], |number, bucket| bucket * (10 + number));
        set_queues(&mut results[1], |_, bucket| bucket.min(20));
        for one in &mut results[1].replications {
            one.metrics.set(Metric::Completed, 99_990.0);
            one.metrics.set(Metric::Errors, 10.0);
        }
        assert_eq!(
            messages(&plan, &results),
            [
                "the queue of `random` was still growing at the end: its means depend on the length of the run",
                "the first 9500 of 100,000 tasks wait less than the rest (the cluster starts empty)",
                "50 of 1,000,000 tasks did not complete (50 errors): responses are of completed tasks only",
            ]
        );
        // Where a node leaves as planned no part of the run is its start.
        let mut plan = plan;
        plan.groups[0].stay.leave = Time(1);
        assert!(!messages(&plan, &results).iter().any(|message| message.contains("starts empty")));
    }
}
