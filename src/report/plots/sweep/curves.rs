//! Curves over a key whose values are numbers, with bands, and where they cross.

use plotters::style::RGBColor;

use super::{Grid, caption, interval, log_or_linear, quantity, title};
use crate::metrics::Metric;
use crate::report::number::significant;
use crate::report::plots::colour::{AXIS, INK, MUTED};
use crate::report::plots::frame::{self, Area, Name, SIZE, Words, axes, make_room, names};
use crate::report::plots::picture::{Mark, Picture};
use crate::report::sweep::crossovers::{Crossover, crossovers};
use crate::report::sweep::even;

/// Opacity of bands.
const BAND: f64 = 0.16;
/// Opacity of where two policies cannot be told apart.
const UNCERTAIN: f64 = 0.07;

/// (place, low, mean, high) of every policy in ascending order of places.
fn lines(grid: &Grid, metric: Metric, places: &[f64]) -> Vec<Vec<[f64; 4]>> {
    let line = |policy: usize| {
        let points = places.iter().enumerate().filter_map(|(cell, place)| {
            let [low, mean, high] = interval(grid, cell, policy, metric)?;
            Some([*place, low, mean, high])
        });
        let mut points: Vec<[f64; 4]> = points.collect();
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        points
    };
    (0..grid.file.policies.len()).map(line).collect()
}

/// The plot; `None` where no policy has the metric.
pub(super) fn picture(grid: &Grid, metric: Metric, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let axis = &grid.file.axes()[0];
    let places = axis.numbers()?;
    let lines = lines(grid, metric, &places);
    let values: Vec<f64> = lines.iter().flatten().flat_map(|point| [point[2], point[3]]).collect();
    if values.is_empty() {
        return None;
    }
    let (x_axis, y_axis) = (log_or_linear(&places, false), log_or_linear(&values, true));
    let changes = crossovers(grid, metric);
    let marks = match changes.len() {
        0 => "",
        _ => "; dashed: the best changes; grey: no clear best",
    };
    let even = even(grid, metric);
    let thick = match grid.file.margin.filter(|_| !even.is_empty()) {
        Some(margin) => format!("; thick axis: all within {} %", significant(margin * 100.0, 3)),
        None => String::new(),
    };
    let repeats = grid.file.scenario.repeats();
    let words = Words {
        title: title(grid, metric, &changes),
        subtitle: format!("{}; band: 95 % interval over {repeats}{marks}{thick}", quantity(metric, &y_axis)),
        caption: caption(grid),
    };
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let mut labels: Vec<Name> = Vec::new();
    for (policy, colour) in grid.file.policies.iter().zip(colours) {
        labels.push(Name { text: policy.clone(), colour: colour.unwrap_or(AXIS), end: 0.0 });
    }
    let size = make_room(&mut area, &labels);
    let (x_labels, y_labels) = (x_axis.labels(), y_axis.labels());
    axes(&mut picture, &mut area, (&x_axis, &x_labels, &axis.key), (&y_axis, &y_labels), false);
    let x = |place: f64| area.x(&x_axis, place);
    for one in even {
        let (left, right) = (x(places[one.first]) - 3.0, x(places[one.last]) + 3.0);
        picture.line(vec![(left, area.bottom), (right, area.bottom)], 5.0, MUTED);
    }
    let at = |place: f64, value: f64| (x(place), area.y(&y_axis, value.clamp(y_axis.low, y_axis.high)));
    for change in &changes {
        uncertain(&mut picture, &area, change, x);
    }
    for (line, colour) in lines.iter().zip(colours) {
        let above = line.iter().map(|point| at(point[0], point[3]));
        let below = line.iter().rev().map(|point| at(point[0], point[1]));
        let points = above.chain(below).collect();
        picture.marks.push(Mark::Area { points, colour: colour.unwrap_or(AXIS), opacity: BAND });
    }
    let mut taken = f64::NEG_INFINITY;
    for change in &changes {
        let text = significant(change.at, 3);
        // Of labels that would cover each other the first stands; the table has all.
        let label = if x(change.at) > taken { text.as_str() } else { "" };
        taken = taken.max(frame::upright(&mut picture, &area, x(change.at), label));
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

/// Where a crossover may lie: up to an end of the plot where nothing in the sweep says more.
fn uncertain(picture: &mut Picture, area: &Area, change: &Crossover, x: impl Fn(f64) -> f64) {
    let left = change.range.0.map_or(area.left, &x);
    let right = change.range.1.map_or(area.right, &x);
    let points = vec![(left, area.top), (right, area.top), (right, area.bottom), (left, area.bottom)];
    picture.marks.push(Mark::Area { points, colour: INK, opacity: UNCERTAIN });
}
