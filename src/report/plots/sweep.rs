//! A metric over the key that is varied, with bands; of two keys a map of who is best.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{self, AXIS, INK, MUTED};
use super::font::width;
use super::frame::{self, NAME, Name, SIZE, TICK, Words, axes, make_room, names};
use super::picture::{Anchor, Mark, Picture};
use crate::metrics::Metric;
use crate::report::judge::words;
use crate::report::number::significant;
use crate::report::sweep::Grid;
use crate::report::sweep::crossovers::{Crossover, crossovers};

/// Opacity of bands.
const BAND: f64 = 0.16;
/// Values this many times apart ask for a logarithmic axis.
const LOG_FROM: f64 = 50.0;

/// The plots of a sweep, each with the stem of its file's name.
pub fn pictures(grid: &Grid) -> Vec<(String, Picture)> {
    let mut pictures = Vec::new();
    for metric in grid.file.shown() {
        let colours = colour::of_policies(grid.file.policies.len(), &in_colour(grid, metric));
        let picture = match grid.file.axes.len() {
            1 => curves(grid, metric, &colours),
            2 => map(grid, metric, &colours),
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

fn log_or_linear(values: &[f64], from_zero: bool) -> Axis {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > 0.0 && high / low >= LOG_FROM {
        return Axis::log(low, high);
    }
    if from_zero { Axis::linear(low.max(0.0), high, 4) } else { Axis::exactly(low, high.max(low + 1e-12), 6) }
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

/// (place, low, mean, high) of every policy in ascending order of places.
fn lines(grid: &Grid, metric: Metric, places: &[f64]) -> Vec<Vec<[f64; 4]>> {
    let factor = words(metric).factor;
    let line = |policy: usize| {
        let mut points: Vec<[f64; 4]> = Vec::new();
        for (cell, place) in places.iter().enumerate() {
            let Some(summary) = grid.cells[cell][policy].summary(metric) else { continue };
            let (mean, half) = (summary.mean * factor, summary.half_width.unwrap_or(0.0) * factor);
            points.push([*place, mean - half, mean, mean + half]);
        }
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        points
    };
    (0..grid.file.policies.len()).map(line).collect()
}

fn curves(grid: &Grid, metric: Metric, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let word = words(metric);
    let axis = &grid.file.axes()[0];
    let numbers = axis.numbers();
    let places: Vec<f64> = match &numbers {
        Some(numbers) => numbers.clone(),
        None => (0..axis.values.len()).map(|number| number as f64).collect(),
    };
    let lines = lines(grid, metric, &places);
    let means: Vec<f64> = lines.iter().flatten().flat_map(|point| [point[2], point[3]]).collect();
    if means.is_empty() {
        return None;
    }
    let (mut x_axis, y_axis) = (log_or_linear(&places, false), log_or_linear(&means, true));
    if numbers.is_none() {
        // A tick for each value, and nothing between them.
        x_axis.ticks.clone_from(&places);
    }
    let unit = if word.unit == "1" { String::new() } else { format!(" in {}", word.unit) };
    let changes = crossovers(grid, metric);
    let dashed = if changes.is_empty() { "" } else { "; dashed: where the best changes" };
    let words = Words {
        title: title(grid, metric, &changes),
        subtitle: format!(
            "{}{unit}; band: 95 % interval over {}{dashed}",
            word.name,
            grid.file.scenario.repeats()
        ),
        caption: caption(grid),
    };
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let mut labels: Vec<Name> = Vec::new();
    for (policy, colour) in grid.file.policies.iter().zip(colours) {
        labels.push(Name { text: policy.clone(), colour: colour.unwrap_or(AXIS), end: 0.0 });
    }
    let size = make_room(&mut area, &labels);
    let x_labels = match numbers {
        Some(_) => x_axis.labels(),
        None => x_axis
            .ticks
            .iter()
            .map(|tick| axis.values.get(tick.round() as usize).cloned().unwrap_or_default())
            .collect(),
    };
    axes(&mut picture, &mut area, (&x_axis, &x_labels, &axis.key), (&y_axis, &y_axis.labels()), false);
    let at = |place: f64, value: f64| {
        (area.x(&x_axis, place), area.y(&y_axis, value.clamp(y_axis.low, y_axis.high)))
    };
    for (line, colour) in lines.iter().zip(colours) {
        let above = line.iter().map(|point| at(point[0], point[3]));
        let below = line.iter().rev().map(|point| at(point[0], point[1]));
        let points = above.chain(below).collect();
        picture.marks.push(Mark::Area { points, colour: colour.unwrap_or(AXIS), opacity: BAND });
    }
    for crossover in changes {
        let x = area.x(&x_axis, crossover.at);
        frame::upright(&mut picture, &area, x, &significant(crossover.at, 3));
    }
    for ((line, colour), label) in lines.iter().zip(colours).zip(&mut labels) {
        let points: Vec<(f64, f64)> = line.iter().map(|point| at(point[0], point[2])).collect();
        label.end = points.last().map_or(area.top, |point| point.1);
        for point in &points {
            picture.marks.push(Mark::Dot { at: *point, radius: 2.5, colour: colour.unwrap_or(AXIS) });
        }
        picture.line(points, 2.0, colour.unwrap_or(AXIS));
    }
    names(&mut picture, &area, labels, size);
    Some(picture)
}

/// A field for each cell in the colour of the policy that is best; pale where others cannot be told apart.
fn map(grid: &Grid, metric: Metric, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let word = words(metric);
    let axes = grid.file.axes();
    let (down, across) = (&axes[0], &axes[1]);
    let title = format!("Which policy has the {} {}?", word.best, word.name);
    let judged: Vec<_> = grid.cells.iter().map(|policies| policies.judge(metric)).collect();
    let pale = if judged.iter().flatten().any(|one| one.is_judged()) {
        "shares the lead"
    } else {
        "one replication, not judged"
    };
    let unit = if word.unit == "1" { String::new() } else { format!(" ({})", word.unit) };
    let words = Words {
        title,
        subtitle: format!("Colour: the best policy; pale: {pale}. Figure: its {}{unit}", word.name),
        caption: caption(grid),
    };
    let rows = down.values.len() as f64;
    let (mut picture, mut area) = frame::start(((150.0 + 34.0 * rows) as u32).max(SIZE.1), &words);
    let mut seen: Vec<usize> = Vec::new();
    for one in judged.iter().flatten() {
        if !seen.contains(&one.best) {
            seen.push(one.best);
        }
    }
    seen.sort_unstable();
    let colour = |policy: usize| colours.get(policy).copied().flatten().unwrap_or(AXIS);
    let labels: Vec<Name> = seen
        .iter()
        .map(|&policy| Name {
            text: grid.file.policies[policy].clone(),
            colour: colour(policy),
            end: area.top,
        })
        .collect();
    let size = make_room(&mut area, &labels);
    let widest = down.values.iter().map(|value| width(value, TICK, false)).fold(0.0, f64::max);
    area.left += widest + 12.0;
    area.bottom -= 40.0;
    area.top += 18.0;
    picture.text((20.0, area.top - 8.0), &down.key, TICK, false, MUTED, Anchor::Start);
    let (wide, high) =
        ((area.right - area.left) / across.values.len() as f64, (area.bottom - area.top) / rows);
    for (cell, one) in judged.iter().enumerate() {
        let (row, column) = (cell / across.values.len(), cell % across.values.len());
        let (x, y) = (area.left + column as f64 * wide, area.top + row as f64 * high);
        let Some(one) = one else { continue };
        let leads = one.is_judged() && one.leaders().len() == 1;
        let opacity = if leads { 0.75 } else { 0.25 };
        let points = vec![(x, y), (x + wide - 1.0, y), (x + wide - 1.0, y + high - 1.0), (x, y + high - 1.0)];
        picture.marks.push(Mark::Area { points, colour: colour(one.best), opacity });
        let text = significant(one.means[one.best].unwrap_or(0.0) * word.factor, 3);
        if width(&text, TICK, false) < wide - 4.0 {
            let at = (x + wide / 2.0, y + high / 2.0 + 4.0);
            picture.text(at, &text, TICK, false, INK, Anchor::Middle);
        }
    }
    for (row, value) in down.values.iter().enumerate() {
        let y = area.top + (row as f64 + 0.5) * high + 4.0;
        picture.text((area.left - 8.0, y), value, TICK, false, MUTED, Anchor::End);
    }
    let mut taken = f64::NEG_INFINITY;
    for (column, value) in across.values.iter().enumerate() {
        let (x, half) = (area.left + (column as f64 + 0.5) * wide, width(value, TICK, false) / 2.0);
        if x - half > taken + 4.0 {
            picture.text((x, area.bottom + 16.0), value, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    let middle = ((area.left + area.right) / 2.0, area.bottom + 36.0);
    picture.text(middle, &across.key, NAME, false, MUTED, Anchor::Middle);
    names(&mut picture, &area, labels, size);
    Some(picture)
}
