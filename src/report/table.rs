//! The comparison as people read it on a terminal.
//!
//! It holds nothing that differs from one run of the same scenario, seed and version to the next.

use std::fmt::Write as _;

use super::ReportInput;
use super::judge::{Policies, Standing, words};
use super::number::{count, decimals_for, fixed};
use super::steps;
use super::story::Story;
use super::verdict::verdict;
use crate::metrics::Metric;

/// Where the table goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; `None` when it is not one.
    pub width: Option<usize>,
    /// Whether colours may be used; they only repeat what characters say.
    pub colour: bool,
    /// Whether the terminal shows UTF-8.
    pub unicode: bool,
}

impl Style {
    /// For a file or a pipe.
    pub const PLAIN: Style = Style { width: None, colour: false, unicode: true };
}

/// Below this width every policy gets a block of its own.
const NARROW: usize = 60;

/// One column over all policies.
pub struct Column {
    /// What it holds.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// One cell for each policy.
    pub cells: Vec<Cell>,
}

/// One figure of one policy.
#[derive(Default)]
pub struct Cell {
    /// `*` for the best, `~` for those that cannot be told apart from it, `=` for those within the margin.
    pub mark: &'static str,
    /// The mean; `-` when there is none.
    pub mean: String,
    /// Half the width of its interval; empty without one.
    pub half_width: String,
}

/// The table with its head, notes, verdict and the lines on where results are and how to repeat.
///
/// `results` is the folder as it is to be shown; `None` when nothing is written.
pub fn render(input: &ReportInput<'_>, results: Option<&str>, style: Style) -> String {
    let story = Story::of(input.plan, input.results, input.live);
    let mut text = head(&story);
    text.push('\n');
    let (columns, notes) = columns(&story);
    match style.width {
        Some(width) if width < NARROW => blocks(&mut text, &story, &columns, style),
        _ => lines(&mut text, &story, &columns, style),
    }
    for note in notes.into_iter().chain(steps::lines(input.plan, &input.steps, &story)) {
        let _ = writeln!(text, "{}", dim(&format!("  {note}"), style));
    }
    let verdict = verdict(&story);
    if !verdict.is_empty() {
        text.push('\n');
    }
    for line in verdict {
        let _ = writeln!(text, "{line}");
    }
    text.push('\n');
    if let Some(folder) = results {
        let _ = writeln!(text, "  results  {folder}   (open report.html first)");
    }
    let _ = writeln!(text, "  repeat   {}", input.repeat);
    if style.unicode { text } else { ascii(&text) }
}

/// The question, and how it was asked.
pub fn head(story: &Story) -> String {
    let facts = &story.facts;
    let colon = if facts.question.is_empty() { "" } else { ": " };
    let mut text = format!("{}{colon}{}\n", facts.name, facts.question.trim());
    let policies = match story.policies.len() {
        1 => "1 policy".to_string(),
        more => format!("{} policies", count(more as u64)),
    };
    let tasks = facts.tasks();
    let _ = if let Some(batches) = facts.batches {
        writeln!(
            text,
            "{policies} × 1 run of {tasks} in {} batches · {} · mean ± half width of the 95 % interval (batch means)",
            count(u64::from(batches)),
            facts.seeds()
        )
    } else if facts.replications > 1 {
        writeln!(
            text,
            "{policies} × {} replications of {tasks} · {} · mean ± half width of the 95 % interval",
            count(facts.replications as u64),
            facts.seeds()
        )
    } else {
        writeln!(text, "{policies} × 1 replication of {tasks} · {}", facts.seeds())
    };
    text
}

/// The metrics of the table.
pub fn metrics(story: &Story) -> Vec<Metric> {
    let mut metrics = vec![Metric::Makespan, Metric::MeanWait, Metric::P99Response, Metric::Throughput];
    metrics.push(Metric::Utilisation);
    if story.facts.node_faults {
        metrics.push(Metric::NodeAvailability);
    }
    metrics
}

/// The columns and the notes that explain them.
pub fn columns(story: &Story) -> (Vec<Column>, Vec<String>) {
    let mut comparisons = 0;
    let mut columns = Vec::new();
    for metric in metrics(story) {
        let (column, compared) = column(&story.policies, metric);
        columns.push(column);
        comparisons = comparisons.max(compared);
    }
    let (missing, any) = not_completed(story);
    columns.push(missing);
    let mut notes = Vec::new();
    if comparisons > 0 {
        let corrected = match comparisons {
            1 => String::new(),
            more => format!(" for {more} comparisons"),
        };
        notes.push(format!(
            "* best in the column   ~ cannot be told apart from it (the paired 95 % interval{corrected} holds 0)"
        ));
    }
    if any {
        notes.push(
            "not all tasks completed: response is of completed tasks only, wait of started ones".to_string(),
        );
    }
    (columns, notes)
}

/// The column of a metric, and how many comparisons its marks stand for.
pub fn column(policies: &Policies, metric: Metric) -> (Column, usize) {
    let judgement = policies.judge(metric).filter(|one| one.is_judged() && !one.is_tie());
    let mark = |index: usize| match judgement.as_ref().map(|judgement| judgement.standings[index]) {
        Some(Standing::Best) => "*",
        Some(Standing::Unclear) => "~",
        Some(Standing::Equivalent) => "=",
        _ => "",
    };
    let word = words(metric);
    let figures: Vec<Option<(f64, Option<f64>)>> = policies
        .iter()
        .map(|policy| {
            let summary = policy.summary(metric)?;
            Some((summary.mean * word.factor, summary.half_width.map(|half| half * word.factor)))
        })
        .collect();
    let decimals = decimals(&figures);
    let cells = figures
        .iter()
        .enumerate()
        .map(|(index, figure)| match figure {
            Some((mean, half_width)) => Cell {
                mark: mark(index),
                mean: fixed(*mean, decimals),
                half_width: half_width.map_or_else(String::new, |half| fixed(half, decimals)),
            },
            None => Cell { mean: "-".to_string(), ..Cell::default() },
        })
        .collect();
    let compared = judgement.map_or(0, |judgement| judgement.compared);
    (Column { name: word.name.to_string(), unit: word.unit.to_string(), cells }, compared)
}

/// Two significant digits of the smallest half width; without intervals, four of the smallest mean.
pub(super) fn decimals(figures: &[Option<(f64, Option<f64>)>]) -> usize {
    let smallest =
        |values: &mut dyn Iterator<Item = f64>| values.filter(|value| *value > 0.0).min_by(f64::total_cmp);
    if let Some(half) = smallest(&mut figures.iter().flatten().filter_map(|(_, half)| *half)) {
        return decimals_for(half, 2);
    }
    let means = || figures.iter().flatten().map(|(mean, _)| mean.abs());
    let wanted = smallest(&mut means()).map_or(0, |mean| decimals_for(mean, 4));
    // Not more than seven digits of the largest.
    let largest = means().max_by(f64::total_cmp).unwrap_or(0.0);
    wanted.min(decimals_for(largest, 7))
}

/// Tasks that did not complete, over all replications.
fn not_completed(story: &Story) -> (Column, bool) {
    let mut any = false;
    let cells = story
        .policies
        .iter()
        .map(|policy| {
            let sum = |metric| policy.values(metric).iter().sum::<f64>();
            let missing = (sum(Metric::Submitted) - sum(Metric::Completed)).max(0.0);
            any |= missing > 0.0;
            Cell { mean: count(missing as u64), ..Cell::default() }
        })
        .collect();
    (Column { name: "not".to_string(), unit: "completed".to_string(), cells }, any)
}

/// All cells of a column at one width, decimal points below each other.
pub(super) fn aligned(column: &Column, style: Style) -> Vec<String> {
    let sign = if style.unicode { "±" } else { "+/-" };
    let length = |text: &str| text.chars().count();
    let means = column.cells.iter().map(|cell| cell.mark.len() + length(&cell.mean)).max().unwrap_or(0);
    let halves = column.cells.iter().map(|cell| length(&cell.half_width)).max().unwrap_or(0);
    let cells = column.cells.iter().map(|cell| {
        let mean = format!("{}{}", cell.mark, cell.mean);
        match halves {
            0 => format!("{mean:>means$}"),
            _ if cell.half_width.is_empty() => {
                format!("{mean:>means$}{:1$}", "", halves + 2 + sign.chars().count())
            }
            _ => format!("{mean:>means$} {sign} {:>halves$}", cell.half_width),
        }
    });
    let cells: Vec<String> = cells.collect();
    let width = cells.iter().map(|cell| length(cell)).max().unwrap_or(0);
    let width = width.max(length(&column.name)).max(length(&column.unit));
    cells.iter().map(|cell| format!("{cell:>width$}")).collect()
}

/// One line for each policy.
fn lines(text: &mut String, story: &Story, columns: &[Column], style: Style) {
    let names = story.policies.iter().map(|policy| policy.name.chars().count()).max().unwrap_or(0);
    let cells: Vec<Vec<String>> = columns.iter().map(|column| aligned(column, style)).collect();
    let width = |index: usize| cells[index].first().map_or(0, |cell| cell.chars().count());
    let mut used = 2 + names;
    let mut shown = 0;
    while shown < columns.len() && style.width.is_none_or(|limit| used + 2 + width(shown) <= limit) {
        used += 2 + width(shown);
        shown += 1;
    }
    let mut header = |of: fn(&Column) -> &str| {
        let mut line = " ".repeat(2 + names);
        for (index, column) in columns[..shown].iter().enumerate() {
            let _ = write!(line, "  {:>1$}", of(column), width(index));
        }
        let _ = writeln!(text, "{}", dim(&line, style));
    };
    header(|column| &column.name);
    header(|column| &column.unit);
    for (row, policy) in story.policies.iter().enumerate() {
        let _ = write!(text, "  {:<names$}", policy.name);
        for (column, cells) in columns.iter().zip(&cells).take(shown) {
            let _ = write!(text, "  {}", coloured(&cells[row], column.cells[row].mark, style));
        }
        text.push('\n');
    }
    if shown < columns.len() {
        let _ = writeln!(text, "  ({} more in summary.csv)", columns.len() - shown);
    }
}

/// One block for each policy.
fn blocks(text: &mut String, story: &Story, columns: &[Column], style: Style) {
    let label = |column: &Column| match column.name.as_str() {
        "not" => "not completed".to_string(),
        name => name.to_string(),
    };
    let labels = columns.iter().map(|column| label(column).chars().count()).max().unwrap_or(0);
    for (row, policy) in story.policies.iter().enumerate() {
        let _ = writeln!(text, "  {}", policy.name);
        for column in columns {
            let unit = if column.name == "not" { "" } else { column.unit.as_str() };
            let cell = aligned(column, style)[row].trim().to_string();
            let cell = coloured(&cell, column.cells[row].mark, style);
            let _ = writeln!(text, "    {:<labels$}  {cell} {unit}", label(column));
        }
    }
}

fn coloured(cell: &str, mark: &str, style: Style) -> String {
    if style.colour && mark == "*" { format!("\x1b[32m{cell}\x1b[0m") } else { cell.to_string() }
}

pub(super) fn dim(line: &str, style: Style) -> String {
    if style.colour { format!("\x1b[2m{line}\x1b[0m") } else { line.to_string() }
}

/// The signs that a terminal without UTF-8 cannot show.
pub(super) fn ascii(text: &str) -> String {
    text.replace('±', "+/-").replace('×', "x").replace('·', "-")
}
