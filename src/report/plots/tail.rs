//! Complementary distributions of waits and responses, both axes logarithmic.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{AXIS, INK};
use super::finding;
use super::font::width;
use super::frame::{self, Area, Name, SIZE, TICK, Words, axes, caption, empty, make_room, names};
use super::picture::{Anchor, Picture};
use crate::report::number::fixed;
use crate::report::story::Story;

/// At most so many decades are shown.
const DECADES: f64 = 1e5;

/// Name, colour (`None` in the background) and points of a line.
type Line<'a> = (&'a str, Option<RGBColor>, &'a [(f64, f64)]);

/// The plot of `wait` or `response`; `None` when no distribution is known.
pub fn picture(story: &Story, metric: &str, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let lines: Vec<Line<'_>> = story
        .policies
        .iter()
        .zip(colours)
        .filter_map(|(policy, colour)| {
            Some((policy.name.as_str(), *colour, &policy.tail(metric)?.points[..]))
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let verb = if metric == "wait" { "wait" } else { "take" };
    let pooled = if story.facts.replications > 1 && story.facts.batches.is_none() {
        "; all replications pooled"
    } else {
        ""
    };
    let words = Words {
        title: finding::tail(story, metric),
        subtitle: format!("Share of tasks that {verb} longer than x{pooled}"),
        caption: format!("{} · lines end where fewer than 10 tasks are left", caption(&story.facts)),
    };
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let all = || lines.iter().flat_map(|(_, _, points)| points.iter().copied());
    let positive = || all().map(|(value, _)| value).filter(|value| *value > 0.0);
    let (Some(low), Some(high)) = (positive().reduce(f64::min), positive().reduce(f64::max)) else {
        empty(&mut picture, &area, if metric == "wait" { "no task waited" } else { "no task took any time" });
        return Some(picture);
    };
    let bend = lines.iter().filter_map(|(_, _, points)| bend(points)).fold(high, f64::min);
    let x_axis = Axis::log(bend.max(low).max(high / DECADES), high);
    let shares = all().map(|(_, share)| share).filter(|share| *share > 0.0);
    let y_axis = Axis::log(shares.fold(0.1, f64::min).max(1.0 / DECADES / 10.0), 1.0);
    let mut labels: Vec<Name> = lines
        .iter()
        .filter_map(|(name, colour, _)| {
            Some(Name { text: (*name).to_string(), colour: (*colour)?, end: 0.0 })
        })
        .collect();
    let others = lines.len() - labels.len();
    if others > 0 {
        labels.push(Name { text: format!("{others} others"), colour: AXIS, end: f64::INFINITY });
    }
    let size = make_room(&mut area, &labels);
    let percent =
        |tick: &f64| format!("{} %", fixed(tick * 100.0, (-tick.log10() - 2.0).round().max(0.0) as usize));
    let y_labels: Vec<String> = y_axis.ticks.iter().map(percent).collect();
    let x_name = format!("{metric} (s), log scale");
    axes(&mut picture, &mut area, (&x_axis, &x_axis.labels(), &x_name), (&y_axis, &y_labels), true);
    if y_axis.low < 0.001 {
        let y = area.y(&y_axis, 0.001);
        picture.line(vec![(area.left, y), (area.right, y)], 1.0, AXIS);
        label_at(&mut picture, &area, y, &lines, &x_axis);
    }
    let mut ends = Vec::new();
    // Policies in the background first.
    for background in [true, false] {
        for (_, colour, points) in lines.iter().filter(|line| line.1.is_none() == background) {
            let points = visible(points, &x_axis, &y_axis);
            let placed: Vec<(f64, f64)> = points
                .iter()
                .map(|&(value, share)| (area.x(&x_axis, value), area.y(&y_axis, share)))
                .collect();
            if let Some(colour) = colour {
                ends.push(placed.last().copied());
                picture.line(placed, 2.0, *colour);
            } else {
                picture.line(placed, 1.5, AXIS);
            }
        }
    }
    place_names(&mut labels, &ends, area.top);
    names(&mut picture, &area, labels, size);
    Some(picture)
}

/// Says what the line of 1 task in 1000 is, at the end that no curve crosses.
fn label_at(picture: &mut Picture, area: &Area, y: f64, lines: &[Line<'_>], x_axis: &Axis) {
    let text = "1 task in 1000";
    let needed = area.right - width(text, TICK, false) - 16.0;
    let crossing = |points: &[(f64, f64)]| {
        // Between twice and once this share a curve passes behind the words.
        points
            .iter()
            .filter(|(_, share)| (0.0009..0.003).contains(share))
            .map(|(value, _)| area.x(x_axis, *value))
            .fold(area.left, f64::max)
    };
    if lines.iter().all(|(_, _, points)| crossing(points) < needed) {
        picture.text((area.right - 2.0, y - 5.0), text, TICK, false, INK, Anchor::End);
    } else {
        picture.text((area.left + 6.0, y - 5.0), text, TICK, false, INK, Anchor::Start);
    }
}

/// Names stand from the top in the order in which lines end, the longest tail first.
fn place_names(labels: &mut [Name], ends: &[Option<(f64, f64)>], top: f64) {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    let key = |index: usize| ends[index].map_or((f64::INFINITY, 0.0), |(x, y)| (-x, y));
    order.sort_by(|&a, &b| key(a).partial_cmp(&key(b)).expect("finite places").then(a.cmp(&b)));
    for (rank, index) in order.into_iter().enumerate() {
        labels[index].end = top + 8.0 + 20.0 * rank as f64;
    }
}

/// Where a line starts to fall: left of it there is nothing to see.
fn bend(points: &[(f64, f64)]) -> Option<f64> {
    let start = points.iter().find(|(value, _)| *value > 0.0)?.1;
    points.iter().find(|(value, share)| *value > 0.0 && *share < 0.95 * start).map(|(value, _)| *value)
}

/// The part of a line that lies in the plot, from its left edge on.
fn visible(points: &[(f64, f64)], x_axis: &Axis, y_axis: &Axis) -> Vec<(f64, f64)> {
    let before = points
        .iter()
        .rev()
        .find(|(value, _)| *value <= x_axis.low)
        .or(points.first())
        .map_or(1.0, |(_, share)| *share);
    let mut shown = vec![(x_axis.low, before)];
    shown.extend(points.iter().copied().filter(|(value, _)| *value > x_axis.low));
    shown.retain(|(_, share)| *share >= y_axis.low * (1.0 - 1e-9));
    shown
}
