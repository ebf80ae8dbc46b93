//! The CSV files of a results folder.
//!
//! Columns and their order are a promise to scripts. A missing value is an empty cell; numbers are
//! the shortest decimals that read back exactly; lines end in a line feed on every system.

use std::io::{self, Write};
use std::path::Path;

use super::error::{Error, Result};
use super::number::{exact, nine_decimals, seconds};
use super::{ReportInput, alarms, folder};
use crate::experiment::plan::Plan;
use crate::ids::NodeId;
use crate::metrics::{COLUMNS, MetricRow, PolicyResult, ReplicationResult};
use crate::scheduler::Resources;
use crate::scheduler::resources::MILLIONTHS;
use crate::statistics::confidence::Summary;

/// Columns of `summary.csv`; `classes.csv` has `class` after `policy`.
pub const SUMMARY: &[&str] =
    &["policy", "metric", "unit", "n", "mean", "stddev", "ci95_low", "ci95_high", "min", "max"];
/// First columns of `replications.csv`; one for each metric follows.
pub const REPLICATIONS: &[&str] = &["policy", "replication", "seed"];
/// Columns of `timeline.csv`.
pub const TIMELINE: &[&str] = &[
    "policy",
    "replication",
    "time",
    "arrived",
    "completed",
    "failed",
    "queue_length",
    "running",
    "nodes_up",
];
/// Columns of `nodes.csv`.
pub const NODES: &[&str] = &[
    "policy",
    "replication",
    "node",
    "group",
    "busy_time",
    "up_time",
    "tasks",
    "attempts_lost",
    "utilisation",
    "availability",
];
/// Columns of `resources.csv`.
pub const RESOURCES: &[&str] =
    &["policy", "replication", "resource", "allocated_time", "offered_time", "allocation_ratio"];
/// Columns of `tasks.csv`.
pub const TASKS: &[&str] = &[
    "policy",
    "replication",
    "task",
    "class",
    "arrival",
    "first_start",
    "settled",
    "state",
    "attempts",
    "node",
    "work",
    "service",
];
/// Columns of `distribution.csv`.
pub const DISTRIBUTION: &[&str] = &["policy", "metric", "value", "share_above"];

/// Columns of `warmup.csv`.
pub const WARMUP: &[&str] = &["policy", "task", "mean_wait"];

pub(super) type Lines<'a> = csv::Writer<&'a mut dyn Write>;

/// Writes every CSV file that these results have.
pub fn write_all(folder: &Path, input: &ReportInput<'_>) -> Result<()> {
    let (plan, results) = (input.plan, input.results);
    let replications = || results.iter().flat_map(|result| &result.replications);
    to_file(folder, "summary.csv", |out| summary(out, results))?;
    to_file(folder, "replications.csv", |out| per_replication(out, results))?;
    if replications().any(|replication| replication.timeline.is_some()) {
        to_file(folder, "timeline.csv", |out| timeline(out, results))?;
    }
    if replications().any(|replication| !replication.classes.is_empty()) {
        to_file(folder, "classes.csv", |out| classes(out, plan, results))?;
    }
    to_file(folder, "nodes.csv", |out| nodes(out, plan, results))?;
    if !plan.resources.is_empty() {
        to_file(folder, "resources.csv", |out| resources(out, plan, results))?;
    }
    if !plan.alarms.is_empty() {
        to_file(folder, "alarms.csv", |out| alarms::alarms(out, plan, results))?;
    }
    to_file(folder, "distribution.csv", |out| distribution(out, results))?;
    if input.options.tasks {
        to_file(folder, "tasks.csv", |out| tasks(out, plan, results))?;
    }
    Ok(())
}

pub(super) fn to_file(
    folder: &Path,
    name: &str,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    folder::write_with(&folder.join(name), fill)
}

pub(super) fn lines<'a>(out: &'a mut dyn Write, columns: &[&str]) -> io::Result<Lines<'a>> {
    let mut lines = csv::Writer::from_writer(out);
    lines.write_record(columns)?;
    Ok(lines)
}

/// `summary.csv`: every metric of every policy over its replications.
pub fn summary(out: &mut dyn Write, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, SUMMARY)?;
    for result in results {
        summary_rows(&mut lines, &[&result.policy], result.replications.iter().map(|one| &one.metrics))?;
    }
    lines.flush()
}

/// `classes.csv`: the same for every class of tasks.
pub fn classes(out: &mut dyn Write, plan: &Plan, results: &[PolicyResult]) -> io::Result<()> {
    let mut columns = SUMMARY.to_vec();
    columns.insert(1, "class");
    let mut lines = lines(out, &columns)?;
    let names = plan.workload.class_names();
    for result in results {
        for (class, name) in names.iter().enumerate() {
            let rows = result.replications.iter().filter_map(|one| one.classes.get(class));
            summary_rows(&mut lines, &[&result.policy, name], rows)?;
        }
    }
    lines.flush()
}

fn summary_rows<'a>(
    lines: &mut Lines<'_>,
    first: &[&str],
    rows: impl Iterator<Item = &'a MetricRow> + Clone,
) -> io::Result<()> {
    for column in COLUMNS {
        let values: Vec<f64> = rows.clone().filter_map(|row| row.get(column.metric)).collect();
        let summary = Summary::of(&values);
        let half_width = summary.and_then(|summary| summary.half_width);
        let mean = summary.map(|summary| summary.mean);
        for cell in first {
            lines.write_field(cell)?;
        }
        lines.write_record([
            column.name.to_string(),
            column.unit.to_string(),
            values.len().to_string(),
            exact(mean),
            exact(summary.and_then(|summary| summary.stddev)),
            exact(mean.zip(half_width).map(|(mean, half)| mean - half)),
            exact(mean.zip(half_width).map(|(mean, half)| mean + half)),
            exact(summary.map(|summary| summary.min)),
            exact(summary.map(|summary| summary.max)),
        ])?;
    }
    Ok(())
}

/// `replications.csv`: every metric of every replication.
pub fn per_replication(out: &mut dyn Write, results: &[PolicyResult]) -> io::Result<()> {
    let columns: Vec<&str> =
        REPLICATIONS.iter().copied().chain(COLUMNS.iter().map(|column| column.name)).collect();
    let mut lines = lines(out, &columns)?;
    for (policy, one) in each(results) {
        start(&mut lines, policy, one)?;
        lines.write_field(one.seed.to_string())?;
        lines.write_record(COLUMNS.iter().map(|column| exact(one.metrics.get(column.metric))))?;
    }
    lines.flush()
}

/// `timeline.csv`: counts within each bucket, levels at its end.
pub fn timeline(out: &mut dyn Write, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, TIMELINE)?;
    for (policy, one) in each(results) {
        let Some(timeline) = &one.timeline else { continue };
        for (index, row) in timeline.rows.iter().enumerate() {
            start(&mut lines, policy, one)?;
            lines.write_field(seconds(crate::time::Duration(timeline.end_of(index).0)))?;
            lines.write_record(
                [row.arrived, row.completed, row.failed, row.queue_length, row.running, row.nodes_up]
                    .map(|value| value.to_string()),
            )?;
        }
    }
    lines.flush()
}

/// `nodes.csv`: every node in every replication.
pub fn nodes(out: &mut dyn Write, plan: &Plan, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, NODES)?;
    let names = node_names(plan);
    for (policy, one) in each(results) {
        for (node, (name, group, slots)) in one.nodes.iter().zip(&names) {
            let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
            start(&mut lines, policy, one)?;
            lines.write_record([
                name.clone(),
                group.to_string(),
                seconds(node.busy),
                seconds(node.up),
                node.tasks.to_string(),
                node.attempts_lost.to_string(),
                exact(ratio(node.busy.0, node.up.0).map(|busy| busy / f64::from(*slots))),
                exact(ratio(node.up.0, node.there.0)),
            ])?;
        }
    }
    lines.flush()
}

/// `resources.csv`: what tasks held of each named resource, and what nodes offered of it while up.
pub fn resources(out: &mut dyn Write, plan: &Plan, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, RESOURCES)?;
    for (policy, one) in each(results) {
        for (kind, name) in plan.resources.names().iter().enumerate() {
            let times = ResourceTimes::of(&plan.resources, kind, one);
            start(&mut lines, policy, one)?;
            lines.write_record([
                name.clone(),
                exact(Some(times.allocated)),
                exact(Some(times.offered)),
                exact(times.ratio()),
            ])?;
        }
    }
    lines.flush()
}

/// Of one resource in one replication, in units times seconds.
pub(super) struct ResourceTimes {
    allocated: f64,
    offered: f64,
}

impl ResourceTimes {
    pub(super) fn of(resources: &Resources, kind: usize, one: &ReplicationResult) -> ResourceTimes {
        let amount = |row: &[u64]| row[kind] as f64 / MILLIONTHS as f64;
        let held = one.held.iter().zip(0u32..);
        let allocated = held.map(|(&time, demand)| time as f64 / 1e9 * amount(resources.demand(demand)));
        let nodes = one.nodes.iter().zip(0u32..);
        let offered = nodes.map(|(node, id)| node.up.as_seconds() * amount(resources.capacity(NodeId(id))));
        ResourceTimes { allocated: allocated.sum(), offered: offered.sum() }
    }

    /// Demand over supply, when anything was offered.
    pub(super) fn ratio(&self) -> Option<f64> {
        (self.offered > 0.0).then(|| self.allocated / self.offered)
    }
}

/// `tasks.csv`: every task of every replication.
pub fn tasks(out: &mut dyn Write, plan: &Plan, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, TASKS)?;
    let (nodes, classes) = (node_names(plan), plan.workload.class_names());
    let time = |time: crate::time::Time| nine_decimals(crate::time::Duration(time.0));
    for (policy, one) in each(results) {
        for task in &one.tasks {
            start(&mut lines, policy, one)?;
            lines.write_field(task.task.to_string())?;
            lines.write_field(classes.get(usize::from(task.class)).map_or("", String::as_str))?;
            lines.write_field(time(task.arrival))?;
            lines.write_field(task.first_start.map_or_else(String::new, time))?;
            lines.write_field(time(task.settled))?;
            lines.write_field(task.state.name())?;
            lines.write_field(task.attempts.to_string())?;
            lines.write_field(
                task.node.and_then(|node| nodes.get(node as usize)).map_or("", |(name, ..)| name.as_str()),
            )?;
            lines.write_record([
                nine_decimals(crate::time::Duration(task.work)),
                nine_decimals(task.service),
            ])?;
        }
    }
    lines.flush()
}

/// `distribution.csv`: which share of the tasks lies above each value.
pub fn distribution(out: &mut dyn Write, results: &[PolicyResult]) -> io::Result<()> {
    let mut lines = lines(out, DISTRIBUTION)?;
    for result in results {
        for tail in &result.tails {
            for &(value, share) in &tail.points {
                lines.write_record([
                    &result.policy,
                    tail.metric,
                    &exact(Some(value)),
                    &exact(Some(share)),
                ])?;
            }
        }
    }
    lines.flush()
}

fn each(results: &[PolicyResult]) -> impl Iterator<Item = (&str, &ReplicationResult)> {
    results.iter().flat_map(|result| result.replications.iter().map(|one| (result.policy.as_str(), one)))
}

fn start(lines: &mut Lines<'_>, policy: &str, one: &ReplicationResult) -> io::Result<()> {
    lines.write_field(policy)?;
    lines.write_field(one.replication.to_string())?;
    Ok(())
}

/// Name, group and slots of every node in order; names are counted over all groups of one name.
pub fn node_names(plan: &Plan) -> Vec<(String, &str, u32)> {
    let mut names = Vec::with_capacity(plan.node_count());
    for (index, group) in plan.groups.iter().enumerate() {
        let before: u32 = plan.groups[..index]
            .iter()
            .filter(|other| other.name == group.name)
            .map(|other| other.count)
            .sum();
        for number in before..before + group.count {
            names.push((format!("{}-{number}", group.name), group.name.as_str(), group.slots));
        }
    }
    names
}

/// `warmup.csv`: mean waits in pilot runs in order of arrival.
pub fn warmup(out: &mut dyn Write, warmup: &crate::experiment::warmup::Warmup) -> io::Result<()> {
    let mut lines = lines(out, WARMUP)?;
    for one in &warmup.policies {
        for &(task, wait) in &one.waits {
            lines.write_record([&one.policy, &exact(Some(task)), &exact(Some(wait))])?;
        }
    }
    lines.flush()
}

/// An error about a file that was read.
pub(super) fn bad(path: &Path, message: impl Into<String>) -> Error {
    Error::format(path, message)
}
