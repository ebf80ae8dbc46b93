//! What is told of a comparison of simulations with live runs: the table and its sentences, CSV
//! files, and plots.
//!
//! As everywhere in the report, nothing here knows how results were made, and the same results give
//! the same bytes.

use std::io::Write;

use super::csv::timeline;
use super::judge::{Words, words};
use super::plots;
use super::story::{Facts, tasks_taken};
use crate::experiment::fidelity::{Fidelity, METRICS, PolicyTrials};
use crate::experiment::plan::Plan;
use crate::metrics::{Metric, PolicyResult};

use super::error::{Error, Result};

pub mod csv;
pub mod read;
pub mod sentences;
pub mod table;
#[cfg(test)]
mod tests;

/// Everything that is told.
#[derive(Clone, Copy, Debug)]
pub struct FidelityInput<'a> {
    /// The scenario as checked.
    pub plan: &'a Plan,
    /// All runs.
    pub trials: &'a [PolicyTrials],
    /// What they say: [`Fidelity::of`] these trials.
    pub fidelity: &'a Fidelity,
    /// The command that repeats the comparison.
    pub repeat: &'a str,
}

impl FidelityInput<'_> {
    /// What the scenario is about, with the seeds of the trials and how fast live runs went.
    pub fn facts(&self) -> Facts {
        let longest = self.trials.iter().max_by_key(|one| one.trials.len());
        let first = longest.and_then(|one| one.trials.first());
        let scale =
            first.map(|trial| trial.driver.time_scale).filter(|scale| scale.is_finite() && *scale > 0.0);
        let live = self.trials.iter().flat_map(|one| &one.trials).map(|trial| &trial.live.metrics);
        let (tasks, about) = tasks_taken(self.plan, live);
        Facts {
            tasks,
            about,
            replications: longest.map_or(0, |one| one.trials.len()),
            seed: first.map_or(self.plan.run.seed, |trial| trial.seed),
            ..Facts::of(self.plan, &[], scale)
        }
    }
}

/// Name and content of `fidelity.csv`, `divergence.csv`, `simulated.csv` and, where there are
/// timelines, `timeline-simulated.csv`.
pub fn files(input: &FidelityInput<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    type Fill<'a> = &'a dyn Fn(&mut dyn Write) -> std::io::Result<()>;
    let file = |name: &str, fill: Fill<'_>| {
        let mut bytes = Vec::new();
        fill(&mut bytes).map_err(Error::file("write", name))?;
        Ok((name.to_string(), bytes))
    };
    let mut files = vec![
        file("fidelity.csv", &|out| csv::fidelity(out, input.fidelity))?,
        file("divergence.csv", &|out| csv::divergence(out, input.fidelity))?,
        file("simulated.csv", &|out| csv::simulated(out, input.trials))?,
    ];
    let simulated = nearest(input.trials);
    if simulated.iter().flat_map(|one| &one.replications).any(|one| one.timeline.is_some()) {
        files.push(file("timeline-simulated.csv", &|out| timeline(out, &simulated))?);
    }
    Ok(files)
}

/// The simulations that come nearest: the calibrated ones, or the ideal ones where there are none.
fn nearest(trials: &[PolicyTrials]) -> Vec<PolicyResult> {
    let of = |one: &PolicyTrials| PolicyResult {
        policy: one.policy.clone(),
        replications: one
            .trials
            .iter()
            .map(|trial| trial.calibrated.as_ref().unwrap_or(&trial.ideal).clone())
            .collect(),
        tails: Vec::new(),
    };
    trials.iter().map(of).collect()
}

/// The plots, each with the stem of its file's name.
pub fn pictures(input: &FidelityInput<'_>) -> Vec<(String, plots::Picture)> {
    pictures_of(&input.facts(), input.fidelity, input.trials)
}

fn pictures_of(facts: &Facts, fidelity: &Fidelity, trials: &[PolicyTrials]) -> Vec<(String, plots::Picture)> {
    let errors = plots::errors::picture(facts, fidelity);
    let mut pictures = vec![("fidelity".to_string(), errors)];
    let over_time = plots::sim_vs_live::picture(facts, fidelity, trials);
    pictures.extend(over_time.map(|picture| ("sim-vs-live".to_string(), picture)));
    pictures
}

/// The metrics that people are shown: all but those that are 1 everywhere, as availabilities are
/// when nothing fails. Files hold all.
pub fn shown(fidelity: &Fidelity) -> Vec<Metric> {
    let is_one = |summary: crate::statistics::confidence::Summary| summary.min == 1.0 && summary.max == 1.0;
    let tells = |metric: &Metric| {
        fidelity.policies.iter().filter_map(|policy| policy.get(*metric)).any(|one| {
            let sides = [one.ideal, one.calibrated, one.live];
            match metric {
                Metric::NodeAvailability | Metric::ServiceAvailability => {
                    sides.into_iter().flatten().any(|side| !is_one(side))
                }
                _ => sides.iter().any(Option::is_some),
            }
        })
    };
    METRICS.into_iter().filter(tells).collect()
}

/// How a metric is spoken of here, where there are two availabilities.
pub fn wording(metric: Metric) -> Words {
    match metric {
        Metric::NodeAvailability => Words { name: "node availability", ..words(metric) },
        other => words(other),
    }
}

/// Over how many seeds a policy is averaged: `5 seeds`, or `4 to 5 seeds` when some runs do not
/// count; `None` when no policy has two, and there are no intervals.
pub fn seeds_in_words(fidelity: &Fidelity) -> Option<String> {
    let valid = || fidelity.policies.iter().map(|policy| policy.valid);
    match (valid().min()?, valid().max()?) {
        (_, 0 | 1) => None,
        (least, most) if least == most => Some(format!("{most} seeds")),
        (least, most) => Some(format!("{least} to {most} seeds")),
    }
}
