//! A sweep as people read it on a terminal.

use std::fmt::Write as _;

use super::crossovers::{Crossover, crossovers};
use super::{Even, Grid, even};
use crate::metrics::Metric;
use crate::report::differences::heading;
use crate::report::judge::words;
use crate::report::number::{count, significant};
use crate::report::story::plural;
use crate::report::table::{Style, aligned, ascii, column, dim};

/// The text: question, a table for each metric, crossovers, where results are.
pub fn render(grid: &Grid, results: &str, style: Style) -> String {
    let facts = &grid.file.scenario;
    let colon = if facts.question.is_empty() { "" } else { ": " };
    let mut text = format!("{}{colon}{}\n", facts.name, facts.question);
    let _ = writeln!(
        text,
        "{} × {} × {} · {}",
        plural(grid.cells.len() as u64, "cell"),
        count(grid.file.policies.len() as u64)
            + if grid.file.policies.len() == 1 { " policy" } else { " policies" },
        facts.repeats(),
        facts.seeds()
    );
    for metric in grid.file.shown() {
        text.push('\n');
        one(&mut text, grid, metric, style);
        for crossover in crossovers(grid, metric) {
            let _ = writeln!(text, "{}", sentence(grid, metric, &crossover));
        }
        if let Some(line) = where_even(grid, metric) {
            let _ = writeln!(text, "{line}");
        }
    }
    let mut note = "  * best in the row   ~ cannot be told apart from it (paired, Holm)".to_string();
    if let Some(margin) = grid.file.margin {
        let _ = write!(note, "   = within {} % of it (two one-sided tests)", significant(margin * 100.0, 3));
    }
    let _ = writeln!(text, "{}\n\n  results  {results}", dim(&note, style));
    let _ = writeln!(text, "  repeat   {}", grid.file.repeat);
    if style.unicode { text } else { ascii(&text) }
}

fn sentence(grid: &Grid, metric: Metric, found: &Crossover) -> String {
    let axes = grid.file.axes();
    let show = |value: f64| significant(value, 3);
    let (before, after) = (&grid.file.policies[found.before], &grid.file.policies[found.after]);
    let (word, key) = (words(metric), axes[0].short());
    match found.range {
        (Some(from), Some(to)) => format!(
            "{before} has the {} {} up to {key} = {}, then {after} (they cannot be told apart from {} to {}).",
            word.best,
            word.name,
            show(found.at),
            show(from),
            show(to)
        ),
        (Some(from), None) => format!(
            "{before} has the {} {} up to {key} = {}; from there on it cannot be told apart from {after}.",
            word.best,
            word.name,
            show(from)
        ),
        (None, to) => format!(
            "{after} has the {} {} from {key} = {} on; up to there it cannot be told apart from {before}.",
            word.best,
            word.name,
            show(to.unwrap_or(found.at))
        ),
    }
}

/// Where it does not matter which policy is taken; `None` without a margin.
fn where_even(grid: &Grid, metric: Metric) -> Option<String> {
    let margin = significant(grid.file.margin? * 100.0, 3);
    let axes = grid.file.axes();
    axes.first().filter(|_| axes.len() == 1)?.numbers().filter(|numbers| numbers.is_sorted())?;
    grid.cells.iter().find(|policies| policies.judge(metric).is_some_and(|one| one.is_judged()))?;
    let (key, name) = (axes[0].short(), words(metric).name);
    let value = |cell: usize| &axes[0].values[cell];
    let last = grid.cells.len() - 1;
    let place = |one: &Even| match (one.first, one.last) {
        (0, to) if to == last => format!("at all values of {key}"),
        (0, to) if to > 0 => format!("up to {key} = {}", value(to)),
        (from, to) if to == last && from < last => format!("from {key} = {} on", value(from)),
        (from, to) if from == to => format!("at {key} = {}", value(from)),
        (from, to) => format!("from {key} = {} to {}", value(from), value(to)),
    };
    let places: Vec<String> = even(grid, metric).iter().map(place).collect();
    if places.is_empty() {
        return Some(format!("Nowhere are all policies shown to be within {margin} % of the best {name}."));
    }
    let text = format!("{}, all policies are within {margin} % of the best {name}.", places.join(", and "));
    let mut letters = text.chars();
    let first = letters.next()?.to_uppercase();
    Some(first.chain(letters).collect())
}

/// Rows are cells, columns are the varied keys and the policies.
fn one(text: &mut String, grid: &Grid, metric: Metric, style: Style) {
    let _ = writeln!(text, "  {} ± half width of the 95 % interval", heading(metric));
    let axes = grid.file.axes();
    let mut table: Vec<Vec<String>> = vec![Vec::new(); grid.cells.len() + 1];
    for (number, axis) in axes.iter().enumerate() {
        table[0].push(axis.short().to_string());
        for cell in 0..grid.cells.len() {
            table[cell + 1].push(grid.file.values(cell)[number].to_string());
        }
    }
    // A row is judged by itself; figures of one policy stand below each other with its own decimals.
    let rows: Vec<Vec<String>> = grid
        .cells
        .iter()
        .map(|policies| {
            let judged = column(policies, metric).0;
            aligned(&judged, style).into_iter().map(|cell| cell.trim().to_string()).collect()
        })
        .collect();
    table[0].extend(grid.file.policies.iter().cloned());
    for (cell, row) in rows.into_iter().enumerate() {
        table[cell + 1].extend(row);
    }
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table[0].len()).map(width).collect();
    for (number, row) in table.iter().enumerate() {
        let mut line = String::from(" ");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, " {cell:>width$} ");
        }
        let line = line.trim_end();
        let _ = if number == 0 { writeln!(text, "{}", dim(line, style)) } else { writeln!(text, "{line}") };
    }
}
