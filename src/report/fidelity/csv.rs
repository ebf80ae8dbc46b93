//! `fidelity.csv`, `divergence.csv` and `simulated.csv`, under the rules of all CSV files: missing
//! values are empty, numbers are the shortest that read back exactly.

use std::io::{self, Write};

use serde_json::{Number, Value};

use crate::experiment::fidelity::{Decision, Fidelity, PolicyTrials, Simulated};
use crate::metrics::COLUMNS;
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
/// First columns of `simulated.csv`; one for each metric follows.
pub const SIMULATED: &[&str] = &["policy", "simulation", "replication", "seed"];
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

/// `simulated.csv`: the figures of every simulation, ideal and calibrated, as `replications.csv`
/// holds those of the live runs.
pub fn simulated(out: &mut dyn Write, trials: &[PolicyTrials]) -> io::Result<()> {
    let columns: Vec<&str> =
        SIMULATED.iter().copied().chain(COLUMNS.iter().map(|column| column.name)).collect();
    let mut lines = lines(out, &columns)?;
    for policy in trials {
        for trial in &policy.trials {
            let sides =
                [(Simulated::Ideal, Some(&trial.ideal)), (Simulated::Calibrated, trial.calibrated.as_ref())];
            for (simulated, result) in sides {
                let Some(result) = result else { continue };
                lines.write_field(&policy.policy)?;
                lines.write_field(simulated.name())?;
                lines.write_field(result.replication.to_string())?;
                lines.write_field(result.seed.to_string())?;
                lines.write_record(COLUMNS.iter().map(|column| exact(result.metrics.get(column.metric))))?;
            }
        }
    }
    lines.flush()
}

/// The rows of a CSV file as a JSON array of objects; numbers stay numbers, missing values `null`.
pub fn as_json(csv: &[u8]) -> io::Result<String> {
    let mut reader = csv::Reader::from_reader(csv);
    let names = reader.headers()?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let value = |text: &str| match text.parse::<f64>() {
            _ if text.is_empty() => Value::Null,
            Ok(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
            Err(_) => Value::String(text.to_string()),
        };
        let row = names.iter().zip(&record).map(|(name, text)| (name.to_string(), value(text)));
        rows.push(Value::Object(row.collect()));
    }
    Ok(format!("{:#}\n", Value::Array(rows)))
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
