//! `comparison.csv`: every comparison of two policies.

use std::io::{self, Write};

use super::DifferencesInput;
use crate::report::csv::lines;
use crate::report::number::exact;

/// Columns of `comparison.csv`. Differences are policy - baseline and ratios policy / baseline, in the
/// unit of the metric. `ci_low` to `ci_high` is the interval at `confidence`, the one at which Holm's
/// method judged it; the simultaneous intervals all hold together with 95 %.
pub const COMPARISON: &[&str] = &[
    "metric",
    "unit",
    "policy",
    "baseline",
    "n",
    "mean",
    "baseline_mean",
    "difference",
    "ci_low",
    "ci_high",
    "confidence",
    "simultaneous_low",
    "simultaneous_high",
    "ratio",
    "ratio_low",
    "ratio_high",
    "unpaired_half_width",
    "narrowing",
    "method",
    "margin",
    "verdict",
];

/// `comparison.csv`.
pub fn comparison(out: &mut dyn Write, input: &DifferencesInput<'_>) -> io::Result<()> {
    let mut lines = lines(out, COMPARISON)?;
    for row in &input.differences.rows {
        let column = row.metric.column();
        for cell in [column.name, column.unit, input.name(row.policy), input.name(row.baseline)] {
            lines.write_field(cell)?;
        }
        let found = row.comparison;
        lines.write_field(found.map_or(0, |one| one.n).to_string())?;
        let numbers = [
            found.map(|one| one.mean),
            found.map(|one| one.baseline_mean),
            found.map(|one| one.difference),
            found.map(|one| one.interval.0),
            found.map(|one| one.interval.1),
            found.map(|one| one.confidence),
            found.map(|one| one.simultaneous.0),
            found.map(|one| one.simultaneous.1),
            found.and_then(|one| one.ratio),
            found.and_then(|one| one.ratio_interval).map(|ends| ends.0),
            found.and_then(|one| one.ratio_interval).map(|ends| ends.1),
            found.map(|one| one.unpaired_half_width),
            found.and_then(|one| one.narrowing()),
        ];
        for number in numbers {
            lines.write_field(exact(number))?;
        }
        lines.write_record([
            found.map_or("", |one| one.method.name()),
            &exact(input.differences.ask.margin),
            row.verdict().name(),
        ])?;
    }
    lines.flush()
}
