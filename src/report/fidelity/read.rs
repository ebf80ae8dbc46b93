//! Reads a comparison with live runs back from its results folder, as far as its plots need it.

use std::path::Path;

use super::pictures_of;
use crate::experiment::fidelity::{Fidelity, PolicyTrials, Trial};
use crate::metrics::{DriverFigures, MetricRow, ReplicationResult, Timeline};
use crate::report::csv_read::{self, Table};
use crate::report::error::Result;
use crate::report::plots::Picture;
use crate::report::story::{Facts, PolicyStory, Story};
use crate::time::Duration;

/// The plots of the comparison in a folder, each with the stem of its file's name; none when it holds none.
/// `story` is that of its live runs.
pub fn pictures(folder: &Path, story: &Story) -> Result<Vec<(String, Picture)>> {
    let Some(table) = Table::open(folder, "fidelity.csv")? else { return Ok(Vec::new()) };
    let margin = match table.rows.first() {
        Some(row) => table.required(row, table.column("margin")?)?,
        None => return Ok(Vec::new()),
    };
    let names: Vec<String> = story.policies.iter().map(|policy| policy.name.clone()).collect();
    let mut trials = simulations(folder, &names)?;
    let scale = live_runs(folder, story, &mut trials)?;
    timelines(folder, story, &mut trials)?;
    let longest = trials.iter().max_by_key(|one| one.trials.len());
    let first = longest.and_then(|one| one.trials.first());
    let facts = Facts {
        replications: longest.map_or(0, |one| one.trials.len()),
        seed: first.map_or(story.facts.seed, |trial| trial.seed),
        live: scale.filter(|scale| scale.is_finite() && *scale > 0.0),
        ..story.facts.clone()
    };
    Ok(pictures_of(&facts, &Fidelity::of(margin, &trials), &trials))
}

/// A run of which only these figures are known.
fn run(replication: u32, seed: u64, metrics: MetricRow) -> ReplicationResult {
    ReplicationResult {
        replication,
        seed,
        metrics,
        classes: Vec::new(),
        timeline: None,
        window: Duration::ZERO,
        nodes: Vec::new(),
        held: Vec::new(),
        alarms: Vec::new(),
        incidents: Vec::new(),
        tasks: Vec::new(),
        events: 0,
    }
}

/// A trial of each seed, with its simulations alone.
fn simulations(folder: &Path, names: &[String]) -> Result<Vec<PolicyTrials>> {
    let mut policies: Vec<PolicyTrials> = names
        .iter()
        .map(|name| PolicyTrials { policy: name.clone(), trials: Vec::new(), repeats: Vec::new() })
        .collect();
    let Some(table) = Table::open(folder, "simulated.csv")? else { return Ok(policies) };
    let (simulation, replication, seed) =
        (table.column("simulation")?, table.column("replication")?, table.column("seed")?);
    for row in &table.rows {
        let Some(policy) = table.policy(row, names.iter())? else { continue };
        let (replication, seed) = (table.required(row, replication)?, table.required(row, seed)?);
        let found = run(replication, seed, table.metrics(row)?);
        let trials = &mut policies[policy].trials;
        match (row.get(simulation), trials.last_mut()) {
            (Some("calibrated"), Some(trial)) => trial.calibrated = Some(found),
            _ => trials.push(Trial {
                seed,
                ideal: found,
                calibrated: None,
                live: run(replication, seed, MetricRow::default()),
                driver: DriverFigures::default(),
                invalid: None,
                divergence: None,
            }),
        }
    }
    Ok(policies)
}

/// Which trials count, and the live figures of those; gives how fast the first live run went.
fn live_runs(folder: &Path, story: &Story, trials: &mut [PolicyTrials]) -> Result<Option<f64>> {
    let names: Vec<String> = trials.iter().map(|one| one.policy.clone()).collect();
    let mut first = None;
    if let Some(table) = Table::open(folder, "driver.csv")? {
        let (seed, repeat, valid) = (table.column("seed")?, table.column("repeat")?, table.column("valid")?);
        let (reason, scale) = (table.column("reason")?, table.column("time_scale")?);
        for row in &table.rows {
            let Some(policy) = table.policy(row, names.iter())? else { continue };
            first = first.or(table.number(row, scale)?);
            let seed: u64 = table.required(row, seed)?;
            let trial = trials[policy].trials.iter_mut().find(|trial| trial.seed == seed);
            if let Some(trial) = trial.filter(|_| row.get(repeat) == Some("false")) {
                let why = row.get(reason).unwrap_or("").to_string();
                trial.invalid = (row.get(valid) == Some("false")).then_some(why);
            }
        }
    }
    for (policy, told) in trials.iter_mut().zip(&story.policies) {
        for (trial, row) in valid(policy).zip(&told.rows) {
            trial.live.metrics = row.clone();
        }
    }
    Ok(first)
}

fn valid(policy: &mut PolicyTrials) -> impl Iterator<Item = &mut Trial> {
    policy.trials.iter_mut().filter(|trial| trial.invalid.is_none())
}

/// The live timelines are of the runs that count, the simulated ones of all trials.
fn timelines(folder: &Path, story: &Story, trials: &mut [PolicyTrials]) -> Result<()> {
    let blank = |trials: &PolicyTrials| PolicyStory {
        name: trials.policy.clone(),
        rows: trials.trials.iter().map(|trial| nearest(trial).metrics.clone()).collect(),
        timelines: Vec::new(),
        nodes: Vec::new(),
        tails: Vec::new(),
        incidents: Vec::new(),
        theory: Vec::new(),
    };
    let mut simulated: Vec<PolicyStory> = trials.iter().map(blank).collect();
    csv_read::timelines_of(folder, "timeline-simulated.csv", &mut simulated)?;
    for ((policy, live), simulated) in trials.iter_mut().zip(&story.policies).zip(simulated) {
        for (trial, timeline) in policy.trials.iter_mut().zip(simulated.timelines) {
            set(trial, timeline);
        }
        for (trial, timeline) in valid(policy).zip(&live.timelines) {
            trial.live.timeline = Some(timeline.clone());
        }
    }
    Ok(())
}

fn nearest(trial: &Trial) -> &ReplicationResult {
    trial.calibrated.as_ref().unwrap_or(&trial.ideal)
}

fn set(trial: &mut Trial, timeline: Timeline) {
    trial.calibrated.as_mut().unwrap_or(&mut trial.ideal).timeline = Some(timeline);
}
