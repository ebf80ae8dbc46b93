//! The comparison of simulations with live runs as people read it on a terminal: for each metric a
//! block with a row for each policy. What was found stands left, what it was found from right, so
//! that a narrow terminal loses the latter.

use std::fmt::Write as _;

use super::sentences::{percent, sentences};
use super::{FidelityInput, shown, wording};
use crate::experiment::fidelity::{Fidelity, MetricFidelity, Simulated};
use crate::metrics::Metric;
use crate::report::number::{count, decimals_for, fixed};
use crate::report::story::{Facts, plural};
use crate::report::table::{Cell, Column, Style, aligned, ascii, decimals, dim};
use crate::statistics::confidence::Summary;
use crate::statistics::equivalence::Equivalence;

/// Below this width there is no room for columns, only for the error and the verdict.
const NARROW: usize = 60;
/// More decimals of a percentage tell nobody anything.
const MOST_DECIMALS: usize = 2;

/// The table with its head and sentences, and the lines on where results are and how to repeat.
///
/// `results` is the folder as it is to be shown; `None` when nothing is written.
pub fn render(input: &FidelityInput<'_>, results: Option<&str>, style: Style) -> String {
    let mut text = head(input);
    text.push('\n');
    match style.width {
        Some(width) if width < NARROW => blocks(&mut text, input.fidelity),
        _ => lines(&mut text, input.fidelity, style),
    }
    for note in notes(input.fidelity) {
        let _ = writeln!(text, "{}", dim(&format!("  {note}"), style));
    }
    for paragraph in sentences(input) {
        text.push('\n');
        for line in paragraph {
            let _ = writeln!(text, "{line}");
        }
    }
    if results.is_some() || !input.repeat.is_empty() {
        text.push('\n');
    }
    if let Some(folder) = results {
        let _ = writeln!(text, "  results  {folder}");
    }
    if !input.repeat.is_empty() {
        let _ = writeln!(text, "  repeat   {}", input.repeat);
    }
    if style.unicode { text } else { ascii(&text) }
}

/// The question, and how it was asked.
pub fn head(input: &FidelityInput<'_>) -> String {
    let facts: Facts = input.facts();
    let policies = match input.trials.len() {
        1 => "1 policy".to_string(),
        more => format!("{} policies", count(more as u64)),
    };
    let interval = match facts.replications {
        0 | 1 => String::new(),
        _ => " · mean ± half width of the 95 % interval".to_string(),
    };
    format!(
        "{}: does the simulation foretell live runs?\n{policies} × {} of {} · {} · margin ±{}{interval}\n",
        facts.name,
        plural(facts.replications as u64, "live run"),
        facts.tasks(),
        facts.seeds(),
        percent(input.fidelity.margin),
    )
}

/// What the columns and marks mean.
fn notes(fidelity: &Fidelity) -> Vec<String> {
    let metrics = || fidelity.policies.iter().flat_map(|policy| &policy.metrics);
    let mut notes = vec![format!("error: ({} - live) / live, seed by seed", fidelity.simulated().name())];
    if metrics().any(|one| one.noise_floor.is_some()) {
        notes[0].push_str("   noise: two live runs of one seed differ by less in 95 % of cases");
    }
    if metrics().any(|one| one.error().is_some_and(|error| error.half_width.is_some())) {
        let margin = percent(fidelity.margin);
        notes.push(format!(
            "{}: whole 95 % interval within ±{margin}   {}: whole interval outside   {}: neither",
            mark(Equivalence::Equivalent),
            mark(Equivalence::Different),
            mark(Equivalence::NotShown),
        ));
    } else {
        notes.push("fewer than two live runs: no intervals, errors are not judged".to_string());
    }
    notes
}

fn mark(verdict: Equivalence) -> &'static str {
    match verdict {
        Equivalence::Equivalent => "= equivalent",
        Equivalence::Different => "! different",
        Equivalence::NotShown => "~ not shown",
    }
}

/// One metric over all policies: a unit and a cell for each policy in every column.
struct Block {
    metric: Metric,
    columns: Vec<(&'static str, String)>,
    cells: Vec<Vec<String>>,
}

fn block(fidelity: &Fidelity, metric: Metric, style: Style) -> Block {
    let word = wording(metric);
    let rows: Vec<Option<&MetricFidelity>> =
        fidelity.policies.iter().map(|policy| policy.get(metric)).collect();
    let values = |of: &dyn Fn(&MetricFidelity) -> Option<Summary>| -> Vec<_> {
        let figure = |row: &Option<&MetricFidelity>| {
            let summary = of((*row)?)?;
            Some((summary.mean * word.factor, summary.half_width.map(|half| half * word.factor)))
        };
        rows.iter().map(figure).collect()
    };
    let error = |row: &Option<&MetricFidelity>| {
        let error = (*row)?.error()?;
        Some((error.mean * 100.0, error.half_width.map(|half| half * 100.0)))
    };
    let noise = |row: &Option<&MetricFidelity>| Some(((*row)?.noise_floor?.pair_half_width * 100.0, None));
    let errors: Vec<Figure> = rows.iter().map(error).collect();
    let noises: Vec<Figure> = rows.iter().map(noise).collect();
    let verdicts = rows.iter().map(|row| row.map_or("-", |row| mark(row.verdict)));
    let widest = mark(Equivalence::Equivalent).len();
    let verdicts: Vec<String> = verdicts.map(|verdict| format!("{verdict:<widest$}")).collect();
    let mut columns = vec![("error", "%".to_string()), ("", String::new())];
    let mut cells = vec![cells(&errors, percent_decimals(&errors), style), verdicts];
    let mut add = |name, unit: &str, figures: &[Figure], decimals| {
        columns.push((name, unit.to_string()));
        cells.push(self::cells(figures, decimals, style));
    };
    // A column that no block has anything for is left out of all of them.
    let any = |of: &dyn Fn(&MetricFidelity) -> bool| {
        fidelity.policies.iter().flat_map(|policy| &policy.metrics).any(of)
    };
    if any(&|one| one.noise_floor.is_some()) {
        add("noise", "%", &noises, percent_decimals(&noises));
    }
    let sides = [values(&|one| one.live), values(&|one| one.calibrated), values(&|one| one.ideal)];
    // Alike in all columns of a block, so that they can be compared by eye.
    let shared = decimals(&sides.concat());
    add("live", word.unit, &sides[0], shared);
    if fidelity.simulated() == Simulated::Calibrated {
        add("calibrated", word.unit, &sides[1], shared);
    }
    add("ideal", word.unit, &sides[2], shared);
    Block { metric, columns, cells }
}

/// A mean and half the width of its interval.
type Figure = Option<(f64, Option<f64>)>;

fn cells(figures: &[Figure], decimals: usize, style: Style) -> Vec<String> {
    let cell = |figure: &Figure| match figure {
        Some((mean, half)) => Cell {
            mean: fixed(*mean, decimals),
            half_width: half.map_or_else(String::new, |half| fixed(half, decimals)),
            ..Cell::default()
        },
        None => Cell { mean: "-".to_string(), ..Cell::default() },
    };
    let cells = figures.iter().map(cell).collect();
    aligned(&Column { name: String::new(), unit: String::new(), cells }, style)
}

/// Two significant digits of the smallest half width or, without intervals, of the smallest value.
fn percent_decimals(figures: &[Figure]) -> usize {
    let halves = figures.iter().flatten().filter_map(|(_, half)| *half);
    let smallest = |values: &mut dyn Iterator<Item = f64>| {
        values.filter(|value| *value > 0.0).min_by(f64::total_cmp).map(|value| decimals_for(value, 2))
    };
    let means = || figures.iter().flatten().map(|(mean, _)| mean.abs());
    smallest(&mut halves.into_iter()).or_else(|| smallest(&mut means())).unwrap_or(1).min(MOST_DECIMALS)
}

/// One line for each policy in each block.
fn lines(text: &mut String, fidelity: &Fidelity, style: Style) {
    let blocks: Vec<Block> =
        shown(fidelity).into_iter().map(|metric| block(fidelity, metric, style)).collect();
    let Some(first) = blocks.first() else {
        text.push_str("  no valid runs\n");
        return;
    };
    let length = |text: &str| text.chars().count();
    let policies = fidelity.policies.iter().map(|policy| 2 + length(&policy.policy));
    let metrics = blocks.iter().map(|block| length(wording(block.metric).name));
    let names = policies.chain(metrics).max().unwrap_or(0);
    let width = |index: usize| {
        let cells = blocks.iter().flat_map(|block| &block.cells[index]).map(|cell| length(cell));
        let units = blocks.iter().map(|block| length(&block.columns[index].1));
        cells.chain(units).max().unwrap_or(0).max(length(first.columns[index].0))
    };
    let widths: Vec<usize> = (0..first.columns.len()).map(width).collect();
    let (mut used, mut fits) = (2 + names, 0);
    while fits < widths.len() && style.width.is_none_or(|limit| used + 2 + widths[fits] <= limit) {
        used += 2 + widths[fits];
        fits += 1;
    }
    let mut line = |name: &str, cells: &mut dyn Iterator<Item = &str>, quiet: bool| {
        let mut line = format!("  {name:<names$}");
        for (cell, width) in cells.zip(&widths).take(fits) {
            let _ = write!(line, "  {cell:>width$}");
        }
        let line = line.trim_end();
        let _ = writeln!(text, "{}", if quiet { dim(line, style) } else { line.to_string() });
    };
    line("", &mut first.columns.iter().map(|(name, _)| *name), true);
    for block in &blocks {
        line(wording(block.metric).name, &mut block.columns.iter().map(|(_, unit)| unit.as_str()), true);
        for (row, policy) in fidelity.policies.iter().enumerate() {
            let name = format!("  {}", policy.policy);
            line(&name, &mut block.cells.iter().map(|cells| cells[row].as_str()), false);
        }
    }
    if fits < widths.len() {
        let _ = writeln!(text, "  ({} more in fidelity.csv)", widths.len() - fits);
    }
}

/// One block for each policy, with the error and the verdict alone.
fn blocks(text: &mut String, fidelity: &Fidelity) {
    let metrics = shown(fidelity);
    let names = metrics.iter().map(|metric| wording(*metric).name.len()).max().unwrap_or(0);
    // Aligned per metric over policies, as in the table.
    let of_metric: Vec<Block> = metrics.iter().map(|&metric| block(fidelity, metric, Style::PLAIN)).collect();
    let errors = of_metric.iter().flat_map(|block| &block.cells[0]).map(|error| error.chars().count());
    let width = errors.max().unwrap_or(0);
    for (row, policy) in fidelity.policies.iter().enumerate() {
        let _ = writeln!(text, "  {}", policy.policy);
        for block in &of_metric {
            let (error, verdict) = (&block.cells[0][row], block.cells[1][row].trim());
            let name = wording(block.metric).name;
            let _ = writeln!(text, "    {name:<names$}  {error:>width$} %  {verdict}");
        }
    }
    text.push_str("  (means in fidelity.csv)\n");
}
