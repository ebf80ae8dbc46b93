//! The table and the CSV of `falcon theory --self-check`.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::csv::lines;
use super::number::{exact, fixed, significant};
use super::table::{Style, ascii};
use crate::experiment::theory::self_check::{Checked, Judgement};

/// Columns of the CSV.
pub const COLUMNS: &[&str] = &[
    "check",
    "metric",
    "answer",
    "from",
    "n",
    "mean",
    "half_width",
    "z",
    "covers",
    "formula",
    "formula_value",
];

/// The table, and the judgement below it.
pub fn render(judgement: &Judgement, style: Style) -> String {
    let mut text = String::new();
    let names = judgement.checked.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let _ = writeln!(
        text,
        "{:<names$}  {:<20}  {:>10}  {:>24}  {:>6}",
        "scenario", "metric", "answer", "simulated", "z"
    );
    for check in &judgement.checked {
        let half = check.found.half_width.unwrap_or(0.0);
        let found = format!("{} ± {}", significant(check.found.mean, 6), significant(half, 2));
        let mut marks = String::new();
        if !check.covers {
            marks.push_str("  missed");
        }
        if !check.is_recognised() {
            marks.push_str("  not recognised");
        }
        let _ = writeln!(
            text,
            "{:<names$}  {:<20}  {:>10}  {found:>24}  {:>6}{marks}",
            check.name,
            check.metric.column().name,
            significant(check.answer, 6),
            fixed(check.z, 2),
        );
    }
    let Judgement { covered, least_covered, worst, worst_bound, unrecognised, checked } = judgement;
    let verdict = if judgement.passes() { "passed" } else { "FAILED" };
    let _ = writeln!(
        text,
        "\n{verdict}: {covered} of {} intervals hold the answer (at least {least_covered} must); the worst is {} \
         standard errors off (at most {}); {unrecognised} not recognised by falcon's own formulas.",
        checked.len(),
        fixed(*worst, 2),
        fixed(*worst_bound, 2)
    );
    if style.unicode { text } else { ascii(&text) }
}

/// One row for each check.
pub fn csv(out: &mut dyn Write, judgement: &Judgement) -> io::Result<()> {
    let mut lines = lines(out, COLUMNS)?;
    for check in &judgement.checked {
        let Checked { name, metric, answer, from, found, z, covers, formula } = check;
        lines.write_record([
            name.as_str(),
            metric.column().name,
            &exact(Some(*answer)),
            from,
            &found.n.to_string(),
            &exact(Some(found.mean)),
            &exact(found.half_width),
            &exact(Some(*z)),
            if *covers { "yes" } else { "no" },
            formula.map_or("", |(id, _)| id.formula().name),
            &exact(formula.map(|(_, value)| value)),
        ])?;
    }
    lines.flush()
}
