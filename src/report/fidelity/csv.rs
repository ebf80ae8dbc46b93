//! `fidelity.csv`, `driver.csv` and `divergence.csv`, under the rules of all CSV files: missing
//! values are empty, numbers are the shortest that read back exactly.

use std::io::{self, Write};

use crate::experiment::fidelity::{Decision, Fidelity, PolicyTrials};
use crate::metrics::DRIVER_COLUMNS;
use crate::report::csv::lines;
use crate::report::number::exact;
use crate::statistics::confidence::Summary;
use crate::statistics::equivalence::RelativeError;

/// Columns of `fidelity.csv`. Errors, noise floor and margin are ratios; `n` is the number of pairs
/// that the verdict rests on.
pub const FIDELITY: &[&str] = &[
    "policy",
    "metric",
    "unit",
    "n",
    "ideal_mean",
    "calibrated_mean",
    "live_mean",
    "ideal_error",
    "ideal_ci95_low",
    "ideal_ci95_high",
    "calibrated_error",
    "calibrated_ci95_low",
    "calibrated_ci95_high",
    "noise_floor",
    "margin",
    "verdict",
];
/// First columns of `driver.csv`; those of [`DRIVER_COLUMNS`] follow.
pub const DRIVER: &[&str] = &["policy", "replication", "seed", "valid", "reason"];
/// Columns of `divergence.csv`. `decision` is an index from 0, `time` in seconds since the first
/// arrival in the live run (in the simulation when live decided nothing more).
pub const DIVERGENCE: &[&str] =
    &["policy", "seed", "decision", "time", "simulated", "live", "why", "share_same_node"];

/// `fidelity.csv`: every metric of every policy.
pub fn fidelity(out: &mut dyn Write, fidelity: &Fidelity) -> io::Result<()> {
    let mut lines = lines(out, FIDELITY)?;
    let mean = |summary: Option<Summary>| exact(summary.map(|summary| summary.mean));
    let error = |error: Option<RelativeError>| {
        let interval = error.and_then(|error| error.interval());
        let (low, high) = (interval.map(|(low, _)| low), interval.map(|(_, high)| high));
        [exact(error.map(|error| error.mean)), exact(low), exact(high)]
    };
    for policy in &fidelity.policies {
        for one in &policy.metrics {
            let column = one.metric.column();
            for field in [&policy.policy, column.name, column.unit] {
                lines.write_field(field)?;
            }
            lines.write_field(one.error().map_or(0, |error| error.n).to_string())?;
            for field in [mean(one.ideal), mean(one.calibrated), mean(one.live)] {
                lines.write_field(field)?;
            }
            for field in error(one.ideal_error).into_iter().chain(error(one.calibrated_error)) {
                lines.write_field(field)?;
            }
            lines.write_record([
                exact(one.noise_floor.map(|noise| noise.pair_half_width)),
                exact(Some(fidelity.margin)),
                one.verdict.name().to_string(),
            ])?;
        }
    }
    lines.flush()
}

/// `driver.csv`: how well the driver of every live run kept up, valid or not.
pub fn driver(out: &mut dyn Write, trials: &[PolicyTrials]) -> io::Result<()> {
    let columns: Vec<&str> =
        DRIVER.iter().copied().chain(DRIVER_COLUMNS.iter().map(|column| column.name)).collect();
    let mut lines = lines(out, &columns)?;
    for policy in trials {
        for trial in &policy.trials {
            lines.write_field(&policy.policy)?;
            lines.write_field(trial.live.replication.to_string())?;
            lines.write_field(trial.seed.to_string())?;
            lines.write_field(trial.invalid.is_none().to_string())?;
            lines.write_field(trial.invalid.as_deref().unwrap_or(""))?;
            lines.write_record(DRIVER_COLUMNS.iter().map(|column| exact((column.get)(&trial.driver))))?;
        }
    }
    lines.flush()
}

/// `divergence.csv`: where every valid live run parts from its simulation; a run that does not part
/// has its row with nothing but the share, which is 1.
pub fn divergence(out: &mut dyn Write, fidelity: &Fidelity) -> io::Result<()> {
    let mut lines = lines(out, DIVERGENCE)?;
    for policy in &fidelity.policies {
        for (seed, divergence) in &policy.divergences {
            lines.write_field(&policy.policy)?;
            lines.write_field(seed.to_string())?;
            let Some(divergence) = divergence else {
                lines.write_record(["", "", "", "", "", "1"])?;
                continue;
            };
            let decision =
                |decision: Option<Decision>| decision.map_or_else(String::new, |one| one.to_string());
            lines.write_record([
                divergence.decision.to_string(),
                exact(divergence.time()),
                decision(divergence.simulated),
                decision(divergence.live),
                divergence.why.to_string(),
                exact(Some(divergence.same_node)),
            ])?;
        }
    }
    lines.flush()
}
