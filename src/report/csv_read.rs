//! Reads the CSV files of a results folder back, as far as plots need them.
//!
//! Columns are found by name, so that columns added later do no harm.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::csv::bad;
use super::error::{Error, Result};
use super::story::{NodeMeans, NodeValues, PolicyStory};
use crate::metrics::{COLUMNS, Metric, MetricRow, TailDistribution, Timeline, TimelineRow};
use crate::time::{Duration, Time};

/// A CSV file and where its columns are.
struct Table {
    path: PathBuf,
    columns: BTreeMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    /// `None` when there is no such file.
    fn open(folder: &Path, name: &str) -> Result<Option<Table>> {
        let path = folder.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let file = File::open(&path).map_err(Error::file("read", &path))?;
        let mut reader = csv::Reader::from_reader(file);
        let headers = reader.headers().map_err(|error| bad(&path, error.to_string()))?;
        let columns = headers.iter().enumerate().map(|(index, name)| (name.to_string(), index)).collect();
        let rows = reader.records().collect::<std::result::Result<_, _>>();
        let rows = rows.map_err(|error| bad(&path, error.to_string()))?;
        Ok(Some(Table { path, columns, rows }))
    }

    fn column(&self, name: &str) -> Result<usize> {
        self.columns.get(name).copied().ok_or_else(|| bad(&self.path, format!("no column `{name}`")))
    }

    /// The number in a cell; `None` when the cell is empty.
    fn number<T: std::str::FromStr>(&self, row: &csv::StringRecord, column: usize) -> Result<Option<T>> {
        let text = row.get(column).unwrap_or("");
        if text.is_empty() {
            return Ok(None);
        }
        let line = row.position().map_or(0, csv::Position::line);
        let message = || bad(&self.path, format!("line {line}: expected a number, found {text:?}"));
        text.parse().map(Some).map_err(|_| message())
    }

    fn required<T: std::str::FromStr>(&self, row: &csv::StringRecord, column: usize) -> Result<T> {
        let line = row.position().map_or(0, csv::Position::line);
        self.number(row, column)?.ok_or_else(|| bad(&self.path, format!("line {line}: a number is missing")))
    }
}

/// What the files say of these policies.
pub(super) fn policies(folder: &Path, names: &[String]) -> Result<Vec<PolicyStory>> {
    let mut policies: Vec<PolicyStory> = names
        .iter()
        .map(|name| PolicyStory {
            name: name.clone(),
            rows: Vec::new(),
            timelines: Vec::new(),
            nodes: Vec::new(),
            tails: Vec::new(),
        })
        .collect();
    let table = Table::open(folder, "replications.csv")?;
    replications(
        &table.ok_or_else(|| bad(&folder.join("replications.csv"), "there is no such file"))?,
        &mut policies,
    )?;
    if let Some(table) = Table::open(folder, "timeline.csv")? {
        timelines(&table, &mut policies)?;
    }
    if let Some(table) = Table::open(folder, "nodes.csv")? {
        nodes(&table, &mut policies)?;
    }
    if let Some(table) = Table::open(folder, "distribution.csv")? {
        distributions(&table, &mut policies)?;
    }
    Ok(policies)
}

/// The policy of a row; rows of policies that the manifest does not name are skipped.
fn policy_of(table: &Table, row: &csv::StringRecord, policies: &[PolicyStory]) -> Result<Option<usize>> {
    let name = row.get(table.column("policy")?).unwrap_or("");
    Ok(policies.iter().position(|policy| policy.name == name))
}

fn replications(table: &Table, policies: &mut [PolicyStory]) -> Result<()> {
    for row in &table.rows {
        let Some(policy) = policy_of(table, row, policies)? else { continue };
        let mut metrics = MetricRow::default();
        for column in COLUMNS {
            // A metric that an older version did not know stays missing.
            let Some(&index) = table.columns.get(column.name) else { continue };
            if let Some(value) = table.number(row, index)? {
                metrics.set(column.metric, value);
            }
        }
        policies[policy].rows.push(metrics);
    }
    Ok(())
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
