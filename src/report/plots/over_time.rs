//! Lines over simulated time: throughput, queue length, nodes up.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{AXIS, POLICIES};
use super::finding;
use super::frame::{self, Name, SIZE, Words, axes, caption, make_room, names};
use super::picture::{Mark, Picture};
use super::series::{Grid, Point, Quantity, grid, line, step_unit};
use crate::report::number::significant;
use crate::report::story::Story;

/// Opacity of bands.
const BAND: f64 = 0.16;

/// One line to draw.
struct Line {
    name: String,
    /// `None` for a policy in the background.
    colour: Option<RGBColor>,
    points: Vec<Point>,
}

/// The plot of a quantity over time; `None` when there is no timeline.
pub fn picture(story: &Story, quantity: Quantity, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let grid = grid(story, quantity)?;
    let mut lines: Vec<Line> = story
        .policies
        .iter()
        .zip(colours)
        .map(|(policy, colour)| Line {
            name: policy.name.clone(),
            colour: *colour,
            points: line(policy, quantity, &grid),
        })
        .filter(|line| !line.points.is_empty())
        .collect();
    if quantity == Quantity::NodesUp && !story.facts.faults_follow_work {
        // Every policy meets the same outages; the longest run shows them all.
        let longest = lines.into_iter().rev().max_by_key(|line| line.points.len())?;
        lines = vec![match story.policies.len() {
            1 => longest,
            _ => Line { name: "all policies".to_string(), colour: Some(POLICIES[6]), ..longest },
        }];
    }
    let words = words(story, quantity, &grid);
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let top = lines.iter().flat_map(|line| &line.points).map(|point| point.mean + point.half_width);
    let y_axis = y_axis(story, quantity, top.fold(0.0, f64::max));
    let end = grid.step * grid.steps as f64 / grid.unit.seconds;
    let x_axis = Axis::exactly(0.0, end, 6);
    let mut names_right = labels(&lines);
    let size = make_room(&mut area, &names_right);
    let x_name = format!("simulated time since the first arrival ({})", grid.unit.name);
    let (x_labels, y_labels) = (x_axis.labels(), y_axis.labels());
    axes(&mut picture, &mut area, (&x_axis, &x_labels, &x_name), (&y_axis, &y_labels), false);
    let place = |point: &Point, value: f64| {
        (
            area.x(&x_axis, point.time / grid.unit.seconds),
            area.y(&y_axis, value.clamp(y_axis.low, y_axis.high)),
        )
    };
    // Policies in the background first, bands below all lines.
    for one in lines.iter().filter(|line| line.colour.is_none()) {
        picture.line(one.points.iter().map(|point| place(point, point.mean)).collect(), 1.5, AXIS);
    }
    for one in &lines {
        let Some(colour) = one.colour else { continue };
        if one.points.iter().any(|point| point.half_width > 0.0) {
            let above = one.points.iter().map(|point| place(point, point.mean + point.half_width));
            let below = one.points.iter().rev().map(|point| place(point, point.mean - point.half_width));
            picture.marks.push(Mark::Area { points: above.chain(below).collect(), colour, opacity: BAND });
        }
    }
    for one in &lines {
        let Some(colour) = one.colour else { continue };
        match &one.points[..] {
            [only] => picture.marks.push(Mark::Dot { at: place(only, only.mean), radius: 3.0, colour }),
            points => {
                picture.line(points.iter().map(|point| place(point, point.mean)).collect(), 2.0, colour)
            }
        }
    }
    for (name, line) in names_right.iter_mut().zip(named(&lines)) {
        name.end = line.points.last().map_or(area.top, |point| place(point, point.mean).1);
    }
    names(&mut picture, &area, names_right, size);
    Some(picture)
}

fn words(story: &Story, quantity: Quantity, grid: &Grid) -> Words {
    let unit = step_unit(grid.step, grid.unit);
    let bucket = format!("{} {}", significant(grid.step / unit.seconds, 3), unit.name);
    let quantity_words = match quantity {
        Quantity::Throughput => format!("Throughput in tasks/s, {bucket} buckets"),
        Quantity::Queue => "Waiting tasks, not counting running ones".to_string(),
        Quantity::NodesUp => format!("Nodes that are up, of {}", story.facts.nodes),
    };
    let band = match story.facts.replications {
        0 | 1 => "one replication".to_string(),
        more => format!("band: 95 % interval over {more} replications"),
    };
    let mut caption = caption(&story.facts);
    if grid.cut {
        caption.push_str(" · to the end of the first replication");
    }
    let title = match quantity {
        Quantity::Throughput => finding::throughput(story),
        Quantity::Queue => finding::queue(story),
        Quantity::NodesUp => finding::nodes_up(story),
    };
    Words { title, subtitle: format!("{quantity_words}; {band}"), caption }
}

fn y_axis(story: &Story, quantity: Quantity, top: f64) -> Axis {
    match quantity {
        Quantity::NodesUp => Axis::exactly(0.0, (story.facts.nodes as f64).max(1.0), 4),
        Quantity::Throughput | Quantity::Queue => Axis::between(0.0, top, 4),
    }
}

/// The lines that are named: those in colour.
fn named(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.colour.is_some())
}

fn labels(lines: &[Line]) -> Vec<Name> {
    let mut names: Vec<Name> = named(lines)
        .map(|line| Name { text: line.name.clone(), colour: line.colour.unwrap_or(AXIS), end: 0.0 })
        .collect();
    let others = lines.len() - names.len();
    if others > 0 {
        let text = if others == 1 { "1 other".to_string() } else { format!("{others} others") };
        names.push(Name { text, colour: AXIS, end: f64::INFINITY });
    }
    names
}
