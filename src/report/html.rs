//! `report.html`: the whole result on one page that needs no network and no script.
//!
//! The template escapes everything that comes from the scenario; plots escape their own words.

use askama::Template;

use super::alarms;
use super::csv::{ResourceTimes, node_names};
use super::error::{Error, Result};
use super::incidents::Incident;
use super::judge::{Policies, words};
use super::manifest::Manifest;
use super::number::{count, fixed, significant, span};
use super::plots::Picture;
use super::story::{PolicyStory, Story};
use super::table::{Column, column, columns, head, metrics};
use super::theory::{self, PageRow};
use super::verdict::verdict;
use super::{ReportInput, Warning};
use crate::experiment::theory::Findings;
use crate::metrics::{AlarmResult, Metric, PolicyResult};
use crate::time::Time;

/// A scenario longer than this is not repeated on the page.
const LONGEST_SCENARIO: usize = 100_000;

/// A table with a row for each policy.
struct Table {
    title: String,
    heads: Vec<(String, String)>,
    rows: Vec<TableRow>,
}

struct TableRow {
    name: String,
    cells: Vec<TableCell>,
}

struct TableCell {
    mark: &'static str,
    mean: String,
    half_width: String,
}

struct Figure {
    name: String,
    data: &'static str,
    svg: String,
}

struct GroupRow {
    policy: String,
    group: String,
    cells: [String; 5],
}

struct ResourceRow {
    policy: String,
    resource: String,
    cells: [String; 2],
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    name: &'a str,
    question: &'a str,
    design: String,
    verdict: Vec<String>,
    table: Table,
    notes: Vec<String>,
    beside: Option<(&'a str, &'a str)>,
    warnings: &'a [Warning],
    figures: Vec<Figure>,
    classes: Vec<Table>,
    groups: Vec<GroupRow>,
    resources: Vec<ResourceRow>,
    incidents: Rows,
    alarms: Rows,
    theory: Vec<PageRow>,
    formulas: Vec<(&'static str, String)>,
    scenario: Option<&'a str>,
    manifest: &'a Manifest,
    seeds: String,
    wall_time: String,
    events: String,
    rate: String,
    glossary: Vec<(&'static str, &'static str)>,
}

/// The page of a run.
pub fn page(
    input: &ReportInput<'_>,
    story: &Story,
    manifest: &Manifest,
    pictures: &[(String, Picture)],
    findings: Option<&Findings>,
) -> Result<String> {
    let known = findings.map_or_else(Vec::new, |findings| theory::page_rows(input.plan, findings));
    let (main, notes) = columns(story);
    let head = head(story);
    let page = Page {
        name: &story.facts.name,
        question: story.facts.question.trim(),
        design: head.lines().last().unwrap_or("").to_string(),
        verdict: verdict(story),
        table: table(String::new(), &story.policies, &main),
        notes: notes.into_iter().chain(super::steps::lines(input.plan, &input.steps, story)).collect(),
        beside: input.beside.map(|beside| (beside.title, beside.text)),
        warnings: input.warnings,
        figures: pictures
            .iter()
            .map(|(name, picture)| Figure { name: name.clone(), data: data_of(name), svg: picture.svg() })
            .collect(),
        classes: classes(input),
        groups: groups(story),
        resources: resources(input),
        incidents: incidents(story),
        alarms: alarms(input),
        formulas: findings.filter(|_| !known.is_empty()).map_or_else(Vec::new, theory::page_sources),
        theory: known,
        scenario: Some(input.resolved_toml).filter(|text| text.len() <= LONGEST_SCENARIO),
        manifest,
        seeds: story.facts.seeds(),
        wall_time: span(input.wall_time),
        events: count(manifest.events),
        rate: manifest.events_per_second.map_or_else(|| "-".to_string(), |rate| count(rate as u64)),
        glossary: metrics(story)
            .into_iter()
            .map(|metric| (words(metric).name, metric.column().description))
            .collect(),
    };
    page.render().map_err(|error| Error::format("report.html", error.to_string()))
}

fn table(title: String, policies: &[PolicyStory], columns: &[Column]) -> Table {
    let head = |column: &Column| (column.name.clone(), column.unit.clone());
    let row = |(index, policy): (usize, &PolicyStory)| {
        let cell = |column: &Column| {
            let cell = &column.cells[index];
            TableCell { mark: cell.mark, mean: cell.mean.clone(), half_width: cell.half_width.clone() }
        };
        TableRow { name: policy.name.clone(), cells: columns.iter().map(cell).collect() }
    };
    Table {
        title,
        heads: columns.iter().map(head).collect(),
        rows: policies.iter().enumerate().map(row).collect(),
    }
}

/// At most this many rows, shared between the policies.
const MOST_ROWS: usize = 200;

/// Rows of a list that may be long.
struct Rows {
    rows: Vec<Vec<String>>,
    left_out: String,
}

impl Rows {
    /// The first rows of each policy.
    fn of(policies: Vec<Vec<Vec<String>>>) -> Rows {
        let each = (MOST_ROWS / policies.len().max(1)).max(5);
        let left_out: usize = policies.iter().map(|rows| rows.len().saturating_sub(each)).sum();
        let rows = policies.into_iter().flat_map(|rows| rows.into_iter().take(each)).collect();
        Rows { rows, left_out: if left_out > 0 { count(left_out as u64) } else { String::new() } }
    }
}

fn incidents(story: &Story) -> Rows {
    let of_policy = |policy: &PolicyStory| {
        let row = |one: &Incident| {
            let after = |at: Option<Time>| {
                at.map_or_else(|| "-".to_string(), |at| significant(at.since(one.start).as_seconds(), 4))
            };
            vec![
                policy.name.clone(),
                one.words(),
                count(u64::from(one.nodes)),
                fixed(one.start.as_seconds(), 3),
                after(one.end),
                after(one.recovered),
                one.waiting.map_or_else(|| "-".to_string(), count),
            ]
        };
        policy.incidents.iter().map(row).collect()
    };
    Rows::of(story.policies.iter().map(of_policy).collect())
}

fn alarms(input: &ReportInput<'_>) -> Rows {
    let names = node_names(input.plan);
    let of_policy = |result: &PolicyResult| {
        let first = result.replications.iter().filter(|one| one.replication == 0);
        let row = |alarm: &AlarmResult| {
            let [rule, subject, event, reason] = alarms::cells(input.plan, &names, alarm);
            vec![result.policy.clone(), fixed(alarm.time.as_seconds(), 3), rule, subject, event, reason]
        };
        first.flat_map(|one| &one.alarms).map(row).collect()
    };
    Rows::of(input.results.iter().map(of_policy).collect())
}

/// The file that a plot is drawn from.
fn data_of(plot: &str) -> &'static str {
    match plot {
        "comparison" => "replications.csv",
        "differences" => "comparison.csv",
        "warmup" => "warmup.csv",
        "fidelity" => "fidelity.csv",
        "sim-vs-live" => "timeline.csv and timeline-simulated.csv",
        "utilisation" => "nodes.csv",
        "wait-ccdf" | "response-ccdf" => "distribution.csv",
        "availability" => "timeline.csv and incidents.csv",
        _ => "timeline.csv",
    }
}

/// A table for each class of tasks.
fn classes(input: &ReportInput<'_>) -> Vec<Table> {
    if input.results.iter().all(|result| result.replications.iter().all(|one| one.classes.is_empty())) {
        return Vec::new();
    }
    let of_class = |(class, name): (usize, String)| {
        let policies = input
            .results
            .iter()
            .map(|result| PolicyStory {
                name: result.policy.clone(),
                rows: result.replications.iter().filter_map(|one| one.classes.get(class).cloned()).collect(),
                timelines: Vec::new(),
                nodes: Vec::new(),
                tails: Vec::new(),
                incidents: Vec::new(),
                theory: Vec::new(),
            })
            .collect::<Vec<_>>();
        let policies = Policies::from(policies);
        let metrics = [Metric::MeanWait, Metric::MeanResponse, Metric::P99Response];
        let columns: Vec<Column> = metrics.into_iter().map(|metric| column(&policies, metric).0).collect();
        table(name, &policies, &columns)
    };
    input.plan.workload.class_names().into_iter().enumerate().map(of_class).collect()
}

/// How much of each resource each policy had allocated, over its replications.
fn resources(input: &ReportInput<'_>) -> Vec<ResourceRow> {
    let named = &input.plan.resources;
    let mut rows = Vec::new();
    for result in input.results {
        for (kind, name) in named.names().iter().enumerate() {
            let times = result.replications.iter().map(|one| ResourceTimes::of(named, kind, one));
            let ratios: Vec<f64> = times.filter_map(|times| times.ratio()).collect();
            let percent =
                |value: Option<f64>| value.map_or_else(|| "-".to_string(), |value| fixed(value * 100.0, 2));
            let over = |by: fn(f64, f64) -> f64| percent(ratios.iter().copied().reduce(by));
            let mean = (!ratios.is_empty()).then(|| ratios.iter().sum::<f64>() / ratios.len() as f64);
            rows.push(ResourceRow {
                policy: result.policy.clone(),
                resource: name.clone(),
                cells: [percent(mean), format!("{} to {}", over(f64::min), over(f64::max))],
            });
        }
    }
    rows
}

/// Means over the nodes of each group under each policy.
fn groups(story: &Story) -> Vec<GroupRow> {
    let mut rows = Vec::new();
    for policy in &story.policies {
        let mut names: Vec<&str> = Vec::new();
        for node in &policy.nodes {
            if !names.contains(&node.group.as_str()) {
                names.push(&node.group);
            }
        }
        for group in names {
            let nodes = || policy.nodes.iter().filter(|node| node.group == group);
            let number = nodes().count();
            let percent =
                |value: Option<f64>| value.map_or_else(|| "-".to_string(), |value| fixed(value * 100.0, 2));
            let busy = || nodes().filter_map(|node| node.utilisation);
            let mean = |sum: f64, number: usize| (number > 0).then(|| sum / number as f64);
            let up = || nodes().filter_map(|node| node.availability);
            let range = match (busy().reduce(f64::min), busy().reduce(f64::max)) {
                (Some(low), Some(high)) => format!("{} to {}", percent(Some(low)), percent(Some(high))),
                _ => "-".to_string(),
            };
            rows.push(GroupRow {
                policy: policy.name.clone(),
                group: group.to_string(),
                cells: [
                    count(number as u64),
                    percent(mean(busy().sum(), busy().count())),
                    range,
                    percent(mean(up().sum(), up().count())),
                    fixed(nodes().map(|node| node.attempts_lost).sum(), 1),
                ],
            });
        }
    }
    rows
}
