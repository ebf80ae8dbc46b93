//! Reads the CSV files of a results folder back, as far as plots need them.
//!
//! Columns are found by name, so that columns added later do no harm.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::csv::bad;
use super::error::{Error, Result};
use super::incidents::{Incident, Kind, time};
use super::manifest::Manifest;
use super::plots::differences::Row;
use super::story::{NodeMeans, NodeValues, PolicyStory};
use crate::experiment::differences::Verdict;
use crate::metrics::{COLUMNS, Metric, MetricRow, TailDistribution, Timeline, TimelineRow};
use crate::time::{Duration, Time};

/// A CSV file and where its columns are.
pub(super) struct Table {
    path: PathBuf,
    columns: BTreeMap<String, usize>,
    pub(super) rows: Vec<csv::StringRecord>,
}

impl Table {
    /// `None` when there is no such file.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Option<Table>> {
        let path = folder.join(name);
        if path.exists() { Table::read(path).map(Some) } else { Ok(None) }
    }

    fn read(path: PathBuf) -> Result<Table> {
        let file = File::open(&path).map_err(Error::file("read", &path))?;
        let mut reader = csv::Reader::from_reader(file);
        let headers = reader.headers().map_err(|error| bad(&path, error.to_string()))?;
        let columns = headers.iter().enumerate().map(|(index, name)| (name.to_string(), index)).collect();
        let rows = reader.records().collect::<std::result::Result<_, _>>();
        let rows = rows.map_err(|error| bad(&path, error.to_string()))?;
        Ok(Table { path, columns, rows })
    }

    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.columns.get(name).copied().ok_or_else(|| bad(&self.path, format!("no column `{name}`")))
    }

    /// The number in a cell; `None` when the cell is empty.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        row: &csv::StringRecord,
        column: usize,
    ) -> Result<Option<T>> {
        let text = row.get(column).unwrap_or("");
        if text.is_empty() {
            return Ok(None);
        }
        let line = row.position().map_or(0, csv::Position::line);
        let message = || bad(&self.path, format!("line {line}: expected a number, found {text:?}"));
        text.parse().map(Some).map_err(|_| message())
    }

    pub(super) fn required<T: std::str::FromStr>(&self, row: &csv::StringRecord, column: usize) -> Result<T> {
        let line = row.position().map_or(0, csv::Position::line);
        self.number(row, column)?.ok_or_else(|| bad(&self.path, format!("line {line}: a number is missing")))
    }

    /// The place of a row's policy among these; rows of policies that the manifest does not name are skipped.
    pub(super) fn policy<'a>(
        &self,
        row: &csv::StringRecord,
        mut names: impl Iterator<Item = &'a String>,
    ) -> Result<Option<usize>> {
        let name = row.get(self.column("policy")?).unwrap_or("");
        Ok(names.position(|known| known == name))
    }

    /// The metrics of a row.
    pub(super) fn metrics(&self, row: &csv::StringRecord) -> Result<MetricRow> {
        let mut metrics = MetricRow::default();
        for column in COLUMNS {
            // A metric that an older version did not know stays missing.
            let Some(&index) = self.columns.get(column.name) else { continue };
            if let Some(value) = self.number(row, index)? {
                metrics.set(column.metric, value);
            }
        }
        Ok(metrics)
    }
}

/// The warm-up that pilot runs showed; `None` when there were none.
pub(super) fn warmup(folder: &Path) -> Result<Option<crate::experiment::warmup::Warmup>> {
    let Some(taken) = Manifest::read(folder)?.steps.warmup else { return Ok(None) };
    let Some(table) = Table::open(folder, "warmup.csv")? else { return Ok(None) };
    let (policy, task, wait) = (table.column("policy")?, table.column("task")?, table.column("mean_wait")?);
    let mut waits: Vec<(String, Vec<(f64, f64)>)> = Vec::new();
    for row in &table.rows {
        let name = row.get(policy).unwrap_or("");
        if waits.last().is_none_or(|last| last.0 != name) {
            waits.push((name.to_string(), Vec::new()));
        }
        let point = (table.required(row, task)?, table.required(row, wait)?);
        waits.last_mut().expect("one was pushed").1.push(point);
    }
    Ok(Some(taken.with(waits)))
}

/// The comparisons of policies in `comparison.csv`; `None` without the file.
pub(super) fn differences(folder: &Path) -> Result<Option<Vec<Row>>> {
    let Some(table) = Table::open(folder, "comparison.csv")? else { return Ok(None) };
    let (metric, policy, baseline) =
        (table.column("metric")?, table.column("policy")?, table.column("baseline")?);
    let ends = [table.column("difference")?, table.column("ci_low")?, table.column("ci_high")?];
    let verdict = table.column("verdict")?;
    let mut rows = Vec::new();
    for row in &table.rows {
        let cell = |column: usize| row.get(column).unwrap_or("").to_string();
        let name = cell(metric);
        let metric = Metric::from_name(&name)
            .ok_or_else(|| bad(&table.path, format!("there is no metric `{name}`")))?;
        let [mean, low, high] = ends.map(|column| table.number::<f64>(row, column));
        let difference = match (mean?, low?, high?) {
            (Some(mean), Some(low), Some(high)) => Some((mean, low, high)),
            _ => None,
        };
        let shown = Verdict::from_name(&cell(verdict)).is_some_and(Verdict::is_difference);
        rows.push(Row { metric, policy: cell(policy), baseline: cell(baseline), difference, shown });
    }
    Ok(Some(rows))
}

/// Policies of which nothing is known yet.
fn blank(names: &[String]) -> Vec<PolicyStory> {
    let policy = |name: &String| PolicyStory {
        name: name.clone(),
        rows: Vec::new(),
        timelines: Vec::new(),
        nodes: Vec::new(),
        tails: Vec::new(),
        incidents: Vec::new(),
        theory: Vec::new(),
    };
    names.iter().map(policy).collect()
}

/// What one file of replications says of these policies.
pub(super) fn replications_of(path: &Path, names: &[String]) -> Result<Vec<PolicyStory>> {
    let mut policies = blank(names);
    replications(&Table::read(path.to_path_buf())?, &mut policies)?;
    Ok(policies)
}

/// What the files say of these policies.
pub(super) fn policies(folder: &Path, names: &[String]) -> Result<Vec<PolicyStory>> {
    let mut policies = blank(names);
    let table = Table::open(folder, "replications.csv")?;
    replications(
        &table.ok_or_else(|| bad(&folder.join("replications.csv"), "there is no such file"))?,
        &mut policies,
    )?;
    timelines_of(folder, "timeline.csv", &mut policies)?;
    if let Some(table) = Table::open(folder, "nodes.csv")? {
        nodes(&table, &mut policies)?;
    }
    if let Some(table) = Table::open(folder, "distribution.csv")? {
        distributions(&table, &mut policies)?;
    }
    if let Some(table) = Table::open(folder, "incidents.csv")? {
        incidents(&table, &mut policies)?;
    }
    if let Some(table) = Table::open(folder, "theory.csv")? {
        known(&table, &mut policies)?;
    }
    Ok(policies)
}

/// The exact values of figures of all tasks that the run is fit to be held against.
fn known(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    let (metric, class) = (table.column("metric")?, table.column("class")?);
    let (value, verdict) = (table.column("value")?, table.column("verdict")?);
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let judged = matches!(row.get(verdict), Some("covers" | "misses")) && row.get(class) == Some("");
        let known = row.get(metric).and_then(Metric::from_name).filter(|_| judged);
        if let Some(metric) = known {
            policies[policy].theory.push((metric, table.required(row, value)?));
        }
    }
    Ok(())
}

/// The policy of a row; rows of policies that the manifest does not name are skipped.
fn policy_of(table: &Table, row: &csv::StringRecord, policies: &[PolicyStory]) -> Result<Option<usize>> {
    table.policy(row, policies.iter().map(|policy| &policy.name))
}

fn replications(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        policies[policy].rows.push(table.metrics(row)?);
    }
    Ok(())
}

/// Adds the timelines that a file, if it is there, has of these policies.
pub(super) fn timelines_of(folder: &Path, file: &str, policies: &mut [PolicyStory]) -> Result<()> {
    match Table::open(folder, file)? {
        Some(table) => timelines(&table, policies),
        None => Ok(()),
    }
}

fn timelines(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    let replication = table.column("replication")?;
    let names = ["time", "arrived", "completed", "failed", "queue_length", "running", "nodes_up"];
    let mut columns = [0; 7];
    for (column, name) in columns.iter_mut().zip(names) {
        *column = table.column(name)?;
    }
    let [time, arrived, completed, failed, queue_length, running, nodes_up] = columns;
    let mut read: BTreeMap<(usize, u32), (Vec<Time>, Vec<TimelineRow>)> = BTreeMap::new();
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let (ends, rows) = read.entry((policy, table.required(row, replication)?)).or_default();
        let seconds = table.required(row, time)?;
        ends.push(
            Time::from_seconds(seconds)
                .ok_or_else(|| bad(&table.path, format!("impossible time {seconds}")))?,
        );
        rows.push(TimelineRow {
            arrived: table.required(row, arrived)?,
            completed: table.required(row, completed)?,
            failed: table.required(row, failed)?,
            queue_length: table.required(row, queue_length)?,
            running: table.required(row, running)?,
            nodes_up: table.required(row, nodes_up)?,
        });
    }
    for ((policy, replication), (ends, rows)) in read {
        let policy = &mut policies[policy];
        let makespan = policy.rows.get(replication as usize).and_then(|row| row.get(Metric::Makespan));
        let width = match ends[..] {
            [first, second, ..] => second.since(first),
            _ => Duration::from_seconds(makespan.unwrap_or(1.0)).unwrap_or(Duration(1)),
        };
        let start = Time(ends[0].0.saturating_sub(width.0));
        policy.timelines.push(Timeline { start, width, rows });
    }
    Ok(())
}

fn nodes(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    let (replication, name, group) =
        (table.column("replication")?, table.column("node")?, table.column("group")?);
    let (utilisation, availability) = (table.column("utilisation")?, table.column("availability")?);
    let (tasks, lost) = (table.column("tasks")?, table.column("attempts_lost")?);
    let mut means: Vec<NodeMeans> = policies.iter().map(|_| NodeMeans::default()).collect();
    let mut place = (usize::MAX, 0u32, 0);
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let replication = table.required(row, replication)?;
        // Nodes come in the same order in every replication.
        place = if (place.0, place.1) == (policy, replication) {
            (policy, replication, place.2 + 1)
        } else {
            (policy, replication, 0)
        };
        let text = |column| row.get(column).unwrap_or("");
        let values = NodeValues {
            utilisation: table.number(row, utilisation)?,
            availability: table.number(row, availability)?,
            tasks: table.required(row, tasks)?,
            attempts_lost: table.required(row, lost)?,
        };
        means[policy].add(place.2, (text(name), text(group)), values);
    }
    for (policy, means) in policies.iter_mut().zip(means) {
        policy.nodes = means.finish();
    }
    Ok(())
}

fn incidents(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    let mut columns = [0; 7];
    let names = ["kind", "subject", "nodes", "start", "end", "recovered", "waiting"];
    for (column, name) in columns.iter_mut().zip(names) {
        *column = table.column(name)?;
    }
    let [kind, subject, nodes, start, end, recovered, waiting] = columns;
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let text = |column| row.get(column).unwrap_or("");
        let line = row.position().map_or(0, csv::Position::line);
        let bad = |what: &str| bad(&table.path, format!("line {line}: {what}"));
        let time = |column| match text(column) {
            "" => Ok(None),
            text => time(text).map(Some).ok_or_else(|| bad(&format!("{text:?} is not a time"))),
        };
        policies[policy].incidents.push(Incident {
            kind: Kind::from_name(text(kind)).ok_or_else(|| bad("an unknown kind"))?,
            subject: text(subject).to_string(),
            nodes: table.required(row, nodes)?,
            start: time(start)?.ok_or_else(|| bad("a time is missing"))?,
            end: time(end)?,
            recovered: time(recovered)?,
            waiting: table.number(row, waiting)?,
        });
    }
    Ok(())
}

fn distributions(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    let (metric, value, share) =
        (table.column("metric")?, table.column("value")?, table.column("share_above")?);
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let name = row.get(metric).unwrap_or("");
        let Some(name) = ["wait", "response", "slowdown"].into_iter().find(|known| *known == name) else {
            continue;
        };
        let point = (table.required(row, value)?, table.required(row, share)?);
        let tails = &mut policies[policy].tails;
        match tails.iter_mut().find(|tail| tail.metric == name) {
            Some(tail) => tail.points.push(point),
            None => tails.push(TailDistribution { metric: name, points: vec![point] }),
        }
    }
    Ok(())
}
