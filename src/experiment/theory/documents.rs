//! The formulas of design documents, evaluated where a scenario has their quantities.

use super::PolicyFindings;
use super::setting::exponential;
use crate::distribution::Distribution;
use crate::experiment::plan::{NodeGroup, Plan};
use crate::metrics::{Metric, PolicyResult, ReplicationResult};
use crate::theory::documents::{self, Comparison};
use crate::workload::{Arrivals, Workload};

/// Every formula that the scenario has the quantities of.
pub(super) fn comparisons(
    plan: &Plan,
    results: &[PolicyResult],
    findings: &[PolicyFindings],
) -> Vec<Comparison> {
    let mut all = Vec::new();
    if let Workload::Generated { tasks, arrivals, classes, jobs: None, spawn: None } = &plan.workload {
        let work: Option<f64> = classes.iter().map(|class| Some(class.share * class.duration.mean()?)).sum();
        let equal = plan.groups.windows(2).all(|pair| pair[0].speed == pair[1].speed);
        let first = &plan.groups[0];
        if let (Some(work), true) = (work, equal) {
            all.push(documents::execution_time(work, first.speed));
            all.extend(total_time(plan, *tasks, arrivals, classes.first().map(|class| &class.duration)));
        }
        if let (Some(work), Some(rate)) = (work, arrivals.mean_rate()) {
            all.extend(of_load(plan, work, rate, f64::from(*tasks), results, findings));
        }
    }
    if let Some((up, down, nodes)) = failing(&plan.groups) {
        all.push(documents::availability(up, down));
        all.push(documents::failure_of_any(nodes, down / (up + down)));
    }
    all.extend(balance(plan, results));
    all
}

/// Of a batch of equal tasks, or of exponential ones, on equal nodes.
fn total_time(
    plan: &Plan,
    tasks: u32,
    arrivals: &Arrivals,
    duration: Option<&Distribution>,
) -> Option<Comparison> {
    let Workload::Generated { classes, .. } = &plan.workload else { return None };
    let one = classes.windows(2).all(|pair| pair[0].duration == pair[1].duration);
    let single = classes.iter().all(|class| class.slots == 1 && class.failure_probability == 0.0);
    if *arrivals != Arrivals::AtOnce || !one || !single {
        return None;
    }
    let speed = plan.groups[0].speed;
    let (slots, duration) = (plan.total_slots(), duration?);
    match duration {
        Distribution::Constant { value } => {
            Some(documents::total_time(u64::from(tasks), slots, value / speed, false))
        }
        other => {
            let mean = exponential(other)?;
            Some(documents::total_time(u64::from(tasks), slots, mean / speed, true))
        }
    }
}

/// Capacity, queue length and allocation under a stream of arrivals.
fn of_load(
    plan: &Plan,
    work: f64,
    rate: f64,
    tasks: f64,
    results: &[PolicyResult],
    findings: &[PolicyFindings],
) -> Vec<Comparison> {
    let nodes = plan.node_count() as f64;
    let capacity = |group: &NodeGroup| f64::from(group.count * group.slots) * group.speed;
    let all: f64 = plan.groups.iter().map(capacity).sum();
    let mut found = vec![
        documents::balancing_capacity(nodes, all / nodes / work),
        documents::allocation_ratio(rate * work, all),
    ];
    // What Little's law says, where the wait is known; else what was measured.
    let known = findings.first().and_then(|policy| {
        let queue = policy.findings.iter().find(|finding| finding.known.metric == Metric::MeanQueueLength);
        queue.map(|finding| finding.known.value)
    });
    let measured = || results.first().and_then(|result| mean(&result.values(Metric::MeanQueueLength)));
    if let Some(steady) = known.or_else(measured) {
        found.push(documents::queue_length(0.0, rate, tasks / rate, steady));
    }
    found
}

/// Mean up and down times of nodes that all fail in one way, and how many they are.
fn failing(groups: &[NodeGroup]) -> Option<(f64, f64, u32)> {
    let fault = groups.first()?.faults.as_ref()?;
    let alike = groups.iter().all(|group| group.faults.as_ref() == Some(fault));
    let nodes = groups.iter().map(|group| group.count).sum();
    alike.then_some((fault.up.mean()?, fault.down.mean()?, nodes))
}

/// Mean load and spread of the first policy.
fn balance(plan: &Plan, results: &[PolicyResult]) -> Option<Comparison> {
    let result = results.first()?;
    let busy = |run: &ReplicationResult| run.nodes.iter().map(|node| node.busy.as_seconds()).sum::<f64>();
    let busy: Vec<f64> = result.replications.iter().map(busy).collect();
    let speeds: f64 = plan.groups.iter().map(|group| f64::from(group.count) * group.speed).sum();
    let measured = mean(&result.values(Metric::LoadImbalance))?;
    (plan.node_count() > 1).then_some(documents::balance_degree(mean(&busy)?, speeds, measured))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
