//! Lines over simulated time: throughput, queue length.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::AXIS;
use super::finding;
use super::frame::{self, Area, Name, SIZE, Words, axes, caption, make_room, names};
use super::marks::Marks;
use super::picture::{Mark, Picture};
use super::series::{Grid, Point, Quantity, grid, line, step_unit};
use crate::report::number::significant;
use crate::report::story::{PolicyStory, Story};

/// Opacity of bands.
const BAND: f64 = 0.16;

/// One line to draw.
pub(super) struct Line {
    pub(super) name: String,
    /// `None` for a policy in the background.
    pub(super) colour: Option<RGBColor>,
    pub(super) width: f64,
    pub(super) points: Vec<Point>,
}

/// The plot of a quantity over time; `None` when there is no timeline.
pub fn picture(story: &Story, quantity: Quantity, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let grid = grid(story, quantity)?;
    let lines = lines(story, quantity, colours, &grid);
    let words = words(story, quantity, &grid);
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let seconds = grid.step * grid.steps as f64;
    let marks = Marks::bands(story, seconds);
    marks.make_room(&mut area);
    let top = lines.iter().flat_map(|line| &line.points).map(|point| point.mean + point.half_width);
    let y_axis = Axis::between(0.0, top.fold(0.0, f64::max), 4);
    let x_axis = Axis::exactly(0.0, seconds / grid.unit.seconds, 6);
    let mut names_right = labels(&lines);
    let size = make_room(&mut area, &names_right);
    let x_name = format!("simulated time since the first arrival ({})", grid.unit.name);
    let (x_labels, y_labels) = (x_axis.labels(), y_axis.labels());
    axes(&mut picture, &mut area, (&x_axis, &x_labels, &x_name), (&y_axis, &y_labels), false);
    marks.draw(&mut picture, &area, &x_axis, grid.unit.seconds);
    draw_lines(&mut picture, &area, &lines, (&x_axis, &y_axis), grid.unit.seconds);
    for (name, line) in names_right.iter_mut().zip(named(&lines)) {
        name.end = line.points.last().map_or(area.top, |point| area.y(&y_axis, point.mean));
    }
    names(&mut picture, &area, names_right, size);
    Some(picture)
}

/// The lines of all policies.
pub(super) fn lines(
    story: &Story,
    quantity: Quantity,
    colours: &[Option<RGBColor>],
    grid: &Grid,
) -> Vec<Line> {
    let line = |(policy, colour): (&PolicyStory, &Option<RGBColor>)| Line {
        name: policy.name.clone(),
        colour: *colour,
        width: 2.0,
        points: line(policy, quantity, grid),
    };
    story.policies.iter().zip(colours).map(line).filter(|line| !line.points.is_empty()).collect()
}

/// Draws lines and their bands; a unit of the horizontal axis has so many seconds.
pub(super) fn draw_lines(
    picture: &mut Picture,
    area: &Area,
    lines: &[Line],
    (x_axis, y_axis): (&Axis, &Axis),
    unit: f64,
) {
    let place = |point: &Point, value: f64| {
        (area.x(x_axis, point.time / unit), area.y(y_axis, value.clamp(y_axis.low, y_axis.high)))
    };
    // Policies in the background first, bands below all lines.
    for one in lines.iter().filter(|line| line.colour.is_none()) {
        picture.line(one.points.iter().map(|point| place(point, point.mean)).collect(), 1.5, AXIS);
    }
    for one in lines {
        let Some(colour) = one.colour else { continue };
        if one.points.iter().any(|point| point.half_width > 0.0) {
            let above = one.points.iter().map(|point| place(point, point.mean + point.half_width));
            let below = one.points.iter().rev().map(|point| place(point, point.mean - point.half_width));
            picture.marks.push(Mark::Area { points: above.chain(below).collect(), colour, opacity: BAND });
        }
    }
    for one in lines {
        let Some(colour) = one.colour else { continue };
        match &one.points[..] {
            [only] => picture.marks.push(Mark::Dot { at: place(only, only.mean), radius: 3.0, colour }),
            points => {
                let points = points.iter().map(|point| place(point, point.mean)).collect();
                picture.line(points, one.width, colour);
            }
        }
    }
}

fn words(story: &Story, quantity: Quantity, grid: &Grid) -> Words {
    let unit = step_unit(grid.step, grid.unit);
    let bucket = format!("{} {}", significant(grid.step / unit.seconds, 3), unit.name);
    let quantity_words = match quantity {
        Quantity::Throughput => format!("Throughput in tasks/s, {bucket} buckets"),
        _ => "Waiting tasks, not counting running ones".to_string(),
    };
    let band = match story.facts.replications {
        0 | 1 => "one replication".to_string(),
        _ if story.facts.batches.is_some() => "one long run".to_string(),
        more => format!("band: 95 % interval over {more} replications"),
    };
    let mut caption = caption(&story.facts);
    if grid.cut {
        caption.push_str(" · to the end of the first replication");
    }
    let title = match quantity {
        Quantity::Throughput => finding::throughput(story),
        _ => finding::queue(story),
    };
    Words { title, subtitle: format!("{quantity_words}; {band}"), caption }
}

/// The lines that are named: those in colour.
pub(super) fn named(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.colour.is_some())
}

pub(super) fn labels(lines: &[Line]) -> Vec<Name> {
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
