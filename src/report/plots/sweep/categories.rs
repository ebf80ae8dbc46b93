//! A key whose values are not numbers: a group of rows for each value, with a dot and its interval for each
//! policy. There is nothing between two values, so nothing is drawn there.

use plotters::style::RGBColor;

use super::{Grid, WIDEST_LABEL, caption, interval, log_or_linear, quantity, title};
use crate::metrics::Metric;
use crate::report::plots::colour::{AXIS, GRID, INK, MUTED};
use crate::report::plots::font::{width, wrap};
use crate::report::plots::frame::{self, NAME, Name, SIZE, TICK, Words, make_room, names};
use crate::report::plots::picture::{Anchor, Mark, Picture};

/// Height of a policy's row, and between two groups.
const ROW: f64 = 13.0;
const GAP: f64 = 14.0;
/// Height of all groups at most; more of them are nearer to each other.
const HIGHEST: f64 = 2000.0;
/// Height of a line of a label.
const LINE: f64 = 15.0;

/// The plot; `None` where no policy has the metric.
pub(super) fn picture(grid: &Grid, metric: Metric, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let axis = &grid.file.axes()[0];
    let policies = grid.file.policies.len();
    let found = |cell: usize| (0..policies).map(move |policy| interval(grid, cell, policy, metric));
    let groups: Vec<Vec<Option<[f64; 3]>>> =
        (0..grid.cells.len()).map(|cell| found(cell).collect()).collect();
    let values: Vec<f64> =
        groups.iter().flatten().flatten().flat_map(|[_, mean, high]| [*mean, *high]).collect();
    if values.is_empty() {
        return None;
    }
    let x_axis = log_or_linear(&values, true);
    let repeats = grid.file.scenario.repeats();
    let words = Words {
        title: title(grid, metric, &[]),
        subtitle: format!("{}, by {}; 95 % interval over {repeats}", quantity(metric, &x_axis), axis.key),
        caption: caption(grid),
    };
    let labels: Vec<Vec<String>> =
        axis.values.iter().map(|value| wrap(value, NAME, false, WIDEST_LABEL)).collect();
    let lines = labels.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let group = (ROW * policies as f64).max(LINE * lines) + GAP;
    let height = 150.0 + (group * groups.len() as f64).min(HIGHEST);
    let (mut picture, mut area) = frame::start((height.ceil() as u32).max(SIZE.1), &words);
    let mut ends: Vec<Name> = Vec::new();
    for (policy, colour) in grid.file.policies.iter().zip(colours) {
        ends.push(Name { text: policy.clone(), colour: colour.unwrap_or(AXIS), end: area.top });
    }
    let size = make_room(&mut area, &ends);
    let widest = labels.iter().flatten().map(|line| width(line, NAME, false)).fold(0.0, f64::max);
    area.left += widest + 14.0;
    area.bottom -= 24.0;
    let mut taken = f64::NEG_INFINITY;
    for (&tick, label) in x_axis.ticks.iter().zip(x_axis.labels()) {
        let (x, half) = (area.x(&x_axis, tick), width(&label, TICK, false) / 2.0);
        picture.line(vec![(x, area.top), (x, area.bottom)], 1.0, GRID);
        if x - half > taken + 4.0 {
            picture.text((x, area.bottom + 18.0), &label, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    let group = (area.bottom - area.top) / groups.len() as f64;
    let row = ROW.min(group / (policies as f64 + 1.0));
    // Of labels that would cover each other the first stand.
    let mut taken = f64::NEG_INFINITY;
    for (number, (found, label)) in groups.iter().zip(&labels).enumerate() {
        let middle = area.top + group * (number as f64 + 0.5);
        let first = middle - LINE * (label.len() as f64 - 1.0) / 2.0 + 0.36 * NAME;
        if first >= taken + LINE {
            for (line, text) in label.iter().enumerate() {
                taken = first + LINE * line as f64;
                picture.text((area.left - 14.0, taken), text, NAME, false, INK, Anchor::End);
            }
        }
        if number > 0 && group > GAP {
            let y = area.top + group * number as f64;
            picture.line(vec![(area.left, y), (area.right, y)], 1.0, GRID);
        }
        for (policy, (found, colour)) in found.iter().zip(colours).enumerate() {
            let y = middle + row * (policy as f64 - (policies as f64 - 1.0) / 2.0);
            if number == 0 {
                ends[policy].end = y;
            }
            let place = |value: f64| area.x(&x_axis, value.clamp(x_axis.low, x_axis.high));
            let Some(found) = found else { continue };
            draw(&mut picture, found.map(place), y, colour.unwrap_or(AXIS));
        }
    }
    names(&mut picture, &area, ends, size);
    Some(picture)
}

/// A dot with its capped interval.
fn draw(picture: &mut Picture, [low, mean, high]: [f64; 3], y: f64, colour: RGBColor) {
    if high - low > 8.0 {
        frame::capped(picture, (low, high), y, 3.0, colour);
    }
    picture.marks.push(Mark::Dot { at: (mean, y), radius: 4.0, colour });
}
