//! A metric over the key that is varied: curves with bands over numbers, dots with intervals over anything
//! else, of two keys a map of who is best.

use super::axis::Axis;
use super::colour;
use super::frame;
use super::picture::Picture;
use crate::metrics::Metric;
use crate::report::judge::words;
use crate::report::number::significant;
use crate::report::sweep::crossovers::Crossover;
use crate::report::sweep::{Grid, is_logarithmic};

mod categories;
mod curves;
mod map;

#[cfg(test)]
mod tests;

/// Widest label of a value beside a plot.
const WIDEST_LABEL: f64 = 220.0;

/// The plots of a sweep, each with the stem of its file's name.
pub fn pictures(grid: &Grid) -> Vec<(String, Picture)> {
    let mut pictures = Vec::new();
    for metric in grid.file.shown() {
        let colours = colour::of_policies(grid.file.policies.len(), &in_colour(grid, metric));
        let picture = match grid.file.axes.len() {
            1 if grid.file.axes()[0].numbers().is_some() => curves::picture(grid, metric, &colours),
            1 => categories::picture(grid, metric, &colours),
            2 => map::picture(grid, metric, &colours),
            _ => None,
        };
        let stem = format!("sweep-{}", metric.column().name.replace('_', "-"));
        pictures.extend(picture.map(|picture| (stem, picture)));
    }
    pictures
}

/// Policies in the order in which they get colours: first those that are best somewhere.
fn in_colour(grid: &Grid, metric: Metric) -> Vec<usize> {
    let judged = grid.cells.iter().filter_map(|policies| policies.judge(metric));
    let mut order: Vec<usize> = Vec::new();
    for policy in judged.map(|one| one.best).chain(0..grid.file.policies.len()) {
        if !order.contains(&policy) {
            order.push(policy);
        }
    }
    order
}

/// What it was made from; what is varied has no place there.
fn caption(grid: &Grid) -> String {
    let facts = &grid.file.scenario;
    let cells = grid.cells.len();
    format!(
        "{} · {cells} cells · {} each · {} · falcon {}",
        facts.name,
        facts.repeats(),
        facts.seeds(),
        facts.version
    )
}

fn title(grid: &Grid, metric: Metric, changes: &[Crossover]) -> String {
    let axes = grid.file.axes();
    let title = match changes {
        [one] if one.range.0.is_some() && one.range.1.is_some() => format!(
            "{} gives way to {} at {} = {}",
            grid.file.policies[one.before],
            grid.file.policies[one.after],
            axes[0].short(),
            significant(one.at, 3)
        ),
        _ => grid.file.scenario.question.clone(),
    };
    match title.is_empty() || !frame::fits_title(&title) {
        true => format!("{} over {}", words(metric).name, axes[0].short()),
        false => title,
    }
}

fn log_or_linear(values: &[f64], from_zero: bool) -> Axis {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match (is_logarithmic(values), from_zero) {
        (true, _) => Axis::log(low, high),
        (false, true) => Axis::linear(low.max(0.0), high, 4),
        (false, false) => Axis::exactly(low, high.max(low + 1e-12), 6),
    }
}

/// The quantity and its unit, and what is unusual about its axis: `mean wait in s, log scale`.
fn quantity(metric: Metric, axis: &Axis) -> String {
    let word = words(metric);
    let unit = if word.unit == "1" { String::new() } else { format!(" in {}", word.unit) };
    let scale = match () {
        () if axis.is_log() => ", log scale",
        () if axis.is_cut() => ", not from 0",
        () => "",
    };
    format!("{}{unit}{scale}", word.name)
}

/// Low end, mean and high end of a policy in a cell, in the unit for people.
fn interval(grid: &Grid, cell: usize, policy: usize, metric: Metric) -> Option<[f64; 3]> {
    let summary = grid.cells[cell][policy].summary(metric)?;
    let half = summary.half_width.unwrap_or(0.0);
    Some([summary.mean - half, summary.mean, summary.mean + half].map(|value| value * words(metric).factor))
}
