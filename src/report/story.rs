//! What plots and the page tell, from fresh results or from a results folder alike.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::csv::node_names;
use super::error::Result;
use super::incidents::{Incident, incidents};
use super::judge::Policies;
use super::manifest::Manifest;
use super::number::{count, significant};
use super::{VERSION, csv_read};
use crate::experiment::plan::{Plan, Until};
use crate::faults::FailsWhen;
use crate::metrics::{Metric, MetricRow, PolicyResult, TailDistribution, Timeline};
use crate::statistics::confidence::Summary;
use crate::workload::{Arrivals, Workload};

/// What a scenario is about, in few words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// The question it asks; may be empty.
    pub question: String,
    /// The version of falcon that made the result.
    pub version: String,
    /// Seed of the first replication.
    pub seed: u64,
    /// The most replications a policy has.
    pub replications: usize,
    /// Tasks per replication, without those that others spawn.
    pub tasks: u32,
    /// Whether replications differ in that, and it is their mean in three digits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub about: bool,
    /// Whether tasks spawn others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spawns: bool,
    /// Nodes.
    pub nodes: usize,
    /// Tasks at once at most.
    pub slots: u64,
    /// How tasks arrive, in words.
    pub arrivals: String,
    /// Whether all tasks are there from the start.
    pub batch: bool,
    /// Whether nodes can fail.
    pub node_faults: bool,
    /// Whether nodes fail only while they work, so that outages differ between policies.
    pub faults_follow_work: bool,
    /// Real seconds per second of the scenario, for a live run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<f64>,
    /// Batches of one long run, which then stand in the place of replications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<u32>,
}

/// One node under one policy, means over replications.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStory {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Busy slot time / slot time offered while up; `None` when it was never up.
    pub utilisation: Option<f64>,
    /// Share of time up.
    pub availability: Option<f64>,
    /// Completed tasks.
    pub tasks: f64,
    /// Attempts lost.
    pub attempts_lost: f64,
}

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyStory {
    /// Its name.
    pub name: String,
    /// Figures of each replication.
    pub rows: Vec<MetricRow>,
    /// The course of each replication; empty when not asked for.
    pub timelines: Vec<Timeline>,
    /// Its nodes.
    pub nodes: Vec<NodeStory>,
    /// Its distributions.
    pub tails: Vec<TailDistribution>,
    /// What went wrong in its first replication, in order of time.
    pub incidents: Vec<Incident>,
    /// Exact values of its figures by theory.
    pub theory: Vec<(Metric, f64)>,
}

/// A scenario and what came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What the scenario is about.
    pub facts: Facts,
    /// What came out, in the order of the scenario.
    pub policies: Policies,
}

impl Facts {
    /// The facts of a plan and its results.
    pub fn of(plan: &Plan, results: &[PolicyResult], live: Option<f64>) -> Facts {
        let rows = results.iter().flat_map(|result| &result.replications).map(|one| &one.metrics);
        let (tasks, about) = tasks_taken(plan, rows);
        let faults = || plan.groups.iter().filter_map(|group| group.faults.as_ref());
        Facts {
            name: one_line(&plan.name),
            // On one line, whatever the file holds.
            question: one_line(&plan.description),
            version: VERSION.to_string(),
            seed: plan.run.seed,
            replications: results.iter().map(|result| result.replications.len()).max().unwrap_or(0),
            tasks,
            about,
            spawns: plan.workload.spawns(),
            nodes: plan.node_count(),
            slots: plan.total_slots(),
            arrivals: arrivals(&plan.workload),
            batch: plan.workload.is_batch(),
            node_faults: faults().next().is_some() || !plan.faults.outages.is_empty(),
            faults_follow_work: faults().any(|faults| faults.fails == FailsWhen::Busy),
            live,
            batches: plan.run.batches,
        }
    }

    /// What intervals are over: `20 replications`, `20 batches`.
    pub fn repeats(&self) -> String {
        let what = if self.batches.is_some() { "batch" } else { "replication" };
        let plural = match (self.replications, self.batches) {
            (1, _) => "",
            (_, Some(_)) => "es",
            (_, None) => "s",
        };
        format!("{} {what}{plural}", count(self.replications as u64))
    }

    /// `seed 1` or `seeds 1 to 20`; of a live run also how fast it went.
    pub fn seeds(&self) -> String {
        let seeds = match self.replications {
            _ if self.batches.is_some() => format!("seed {}", self.seed),
            0 | 1 => format!("seed {}", self.seed),
            more => format!("seeds {} to {}", self.seed, self.seed.wrapping_add(more as u64 - 1)),
        };
        match self.live {
            Some(scale) => format!("{seeds} · live at {} × real time", significant(1.0 / scale, 3)),
            None => seeds,
        }
    }

    /// `100,000 tasks`, and whether they spawn others.
    pub fn tasks(&self) -> String {
        let tasks = plural(u64::from(self.tasks), "task");
        let tasks = if self.about { format!("about {tasks}") } else { tasks };
        match (self.spawns, self.tasks) {
            (false, _) => tasks,
            (true, 1) => format!("{tasks} and what it spawns"),
            (true, _) => format!("{tasks} and what they spawn"),
        }
    }

    /// `20 × 100,000 tasks`, or `100,000 tasks` for one replication.
    pub fn size(&self) -> String {
        let tasks = self.tasks();
        if self.replications > 1 && self.batches.is_none() {
            format!("{} × {tasks}", self.replications)
        } else {
            tasks
        }
    }
}

/// How many tasks a replication has, and whether that is not exactly so in each: where no arrivals are taken
/// after some time, those that were taken.
pub(super) fn tasks_taken<'a>(plan: &Plan, rows: impl Iterator<Item = &'a MetricRow>) -> (u32, bool) {
    let all = plan.workload.tasks();
    if plan.run.until == Until::Settled || plan.workload.spawns() {
        return (all, false);
    }
    let taken: Vec<f64> = rows.filter_map(|row| row.get(Metric::Submitted)).collect();
    let Some(Summary { mean, min, max, .. }) = Summary::of(&taken) else { return (all, false) };
    if min == max {
        return (min as u32, false);
    }
    let unit = 10f64.powi((mean.log10().floor() as i32 - 2).max(0));
    (((mean / unit).round() * unit) as u32, true)
}

/// Words with one space between them, without characters that would drive a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|character| !character.is_control()).collect()
}

/// `1 node`, `16 nodes`.
pub fn plural(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

fn arrivals(workload: &Workload) -> String {
    let Workload::Generated { arrivals, jobs, .. } = workload else { return "listed arrivals".to_string() };
    let what = if jobs.is_some() { "job" } else { "task" };
    match arrivals {
        Arrivals::AtOnce => "all at once".to_string(),
        Arrivals::Poisson { rate } => format!("Poisson {} {what}s/s", significant(*rate, 4)),
        Arrivals::Periodic { interval } => format!("one {what} every {} s", significant(*interval, 4)),
        Arrivals::Renewal { .. } => "renewal arrivals".to_string(),
        Arrivals::Bursty { rate, peak_rate, .. } => {
            format!("bursts of {} on {} {what}s/s", significant(*peak_rate, 4), significant(*rate, 4))
        }
        Arrivals::Daily { rate, .. } => format!("daily waves around {} {what}s/s", significant(*rate, 4)),
        Arrivals::Batch { .. } => "arrivals in groups".to_string(),
        Arrivals::Times { .. } => "listed arrivals".to_string(),
    }
}

impl PolicyStory {
    /// The figure in each replication that has it.
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.rows.iter().filter_map(|row| row.get(metric)).collect()
    }

    /// The figure over replications.
    pub fn summary(&self, metric: Metric) -> Option<Summary> {
        Summary::of(&self.values(metric))
    }

    /// The exact value of a figure, if theory knows it.
    pub fn known(&self, metric: Metric) -> Option<f64> {
        self.theory.iter().find(|(known, _)| *known == metric).map(|(_, value)| *value)
    }

    /// The distribution of `wait`, `response` or `slowdown`, if there is one.
    pub fn tail(&self, metric: &str) -> Option<&TailDistribution> {
        self.tails.iter().find(|tail| tail.metric == metric && !tail.points.is_empty())
    }
}

impl Story {
    /// The story of fresh results.
    pub fn of(plan: &Plan, results: &[PolicyResult], live: Option<f64>) -> Story {
        let names = node_names(plan);
        let told = incidents(plan, results);
        let policies = results.iter().zip(told).map(|(result, told)| policy(result, told, &names));
        let policies = policies.collect::<Vec<_>>().into();
        Story { facts: Facts::of(plan, results, live), policies }
    }

    /// The story that the files of a results folder tell.
    pub fn read(folder: &Path) -> Result<Story> {
        let manifest = Manifest::read(folder)?;
        let policies = csv_read::policies(folder, &manifest.policies)?;
        Ok(Story { facts: manifest.scenario, policies: policies.into() })
    }
}

fn policy(result: &PolicyResult, incidents: Vec<Incident>, names: &[(String, &str, u32)]) -> PolicyStory {
    let mut nodes = NodeMeans::default();
    let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    for one in &result.replications {
        for (index, (node, (name, group, slots))) in one.nodes.iter().zip(names).enumerate() {
            let values = NodeValues {
                utilisation: ratio(node.busy.0, node.up.0).map(|busy| busy / f64::from(*slots)),
                availability: ratio(node.up.0, node.there.0),
                tasks: node.tasks as f64,
                attempts_lost: node.attempts_lost as f64,
            };
            nodes.add(index, (name, group), values);
        }
    }
    PolicyStory {
        name: result.policy.clone(),
        rows: result.replications.iter().map(|one| one.metrics.clone()).collect(),
        timelines: result.replications.iter().filter_map(|one| one.timeline.clone()).collect(),
        nodes: nodes.finish(),
        tails: result.tails.clone(),
        incidents,
        theory: Vec::new(),
    }
}

/// One node in one replication.
pub(super) struct NodeValues {
    /// Busy slot time / slot time offered while up.
    pub(super) utilisation: Option<f64>,
    /// Share of time up.
    pub(super) availability: Option<f64>,
    /// Completed tasks.
    pub(super) tasks: f64,
    /// Attempts lost.
    pub(super) attempts_lost: f64,
}

/// Means of nodes over replications.
#[derive(Default)]
pub(super) struct NodeMeans(Vec<NodeSums>);

struct NodeSums {
    name: String,
    group: String,
    /// Sum and number of utilisation, availability, tasks and attempts lost.
    sums: [(f64, usize); 4],
}

impl NodeMeans {
    /// Takes in node number `index` of one replication; indices come in order from 0.
    pub(super) fn add(&mut self, index: usize, (name, group): (&str, &str), values: NodeValues) {
        if index == self.0.len() {
            let (name, group) = (name.to_string(), group.to_string());
            self.0.push(NodeSums { name, group, sums: [(0.0, 0); 4] });
        }
        let NodeValues { utilisation, availability, tasks, attempts_lost } = values;
        let values = [utilisation, availability, Some(tasks), Some(attempts_lost)];
        for (sum, value) in self.0[index].sums.iter_mut().zip(values) {
            if let Some(value) = value {
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
    }

    /// The nodes with their means.
    pub(super) fn finish(self) -> Vec<NodeStory> {
        let mean = |(sum, number): (f64, usize)| (number > 0).then(|| sum / number as f64);
        let finish = |NodeSums { name, group, sums: [utilisation, availability, tasks, lost] }| NodeStory {
            name,
            group,
            utilisation: mean(utilisation),
            availability: mean(availability),
            tasks: mean(tasks).unwrap_or(0.0),
            attempts_lost: mean(lost).unwrap_or(0.0),
        };
        self.0.into_iter().map(finish).collect()
    }
}
