//! What all plots have in common: title, subtitle, caption, axes, and names at the right.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{AXIS, GRID, INK, MUTED};
use super::font::{self, width, wrap};
use super::picture::{Anchor, Mark, Picture};
use crate::report::story::Facts;

/// Width of every picture, and height of most.
pub const SIZE: (u32, u32) = (800, 450);
const MARGIN: f64 = 20.0;
/// Text sizes.
pub const TITLE: f64 = 18.0;
/// Size of the subtitle and of names.
pub const NAME: f64 = 13.0;
/// Size of ticks.
pub const TICK: f64 = 12.0;
const CAPTION: f64 = 11.0;
/// Least distance of names below each other.
const NAME_DISTANCE: f64 = 16.0;

/// The words around a plot.
pub struct Words {
    /// A finding or a question.
    pub title: String,
    /// Quantity, unit, and what the band is.
    pub subtitle: String,
    /// What it was made from.
    pub caption: String,
}

/// A rectangle of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Area {
    /// Where this value of a horizontal axis stands.
    pub fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + (self.right - self.left) * axis.share(value)
    }

    /// Where this value of a vertical axis stands.
    pub fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * axis.share(value)
    }
}

/// `baseline · seed 1 · 16 nodes, 100,000 tasks, Poisson 12.8 tasks/s · falcon 0.1.0`.
pub fn caption(facts: &Facts) -> String {
    format!(
        "{} · {} · {}, {}, {} · falcon {}",
        facts.name,
        facts.seeds(),
        crate::report::story::plural(facts.nodes as u64, "node"),
        facts.size(),
        facts.arrivals,
        facts.version,
    )
}

/// An empty picture with its words, and the room that is left for the plot.
pub fn start(height: u32, words: &Words) -> (Picture, Area) {
    let size = (SIZE.0, height);
    let mut picture =
        Picture { size, title: words.title.clone(), description: words.subtitle.clone(), marks: Vec::new() };
    let (right, bottom) = (f64::from(size.0) - MARGIN, f64::from(height));
    let limit = right - MARGIN;
    let mut y = 7.0;
    for line in wrap(&words.title, TITLE, true, limit) {
        y += 22.0;
        picture.text((MARGIN, y), &line, TITLE, true, INK, Anchor::Start);
    }
    y += 2.0;
    for line in wrap(&words.subtitle, NAME, false, limit) {
        y += 19.0;
        picture.text((MARGIN, y), &line, NAME, false, MUTED, Anchor::Start);
    }
    let caption = wrap(&words.caption, CAPTION, false, limit);
    let mut foot = bottom - 13.0 - 15.0 * (caption.len().max(1) - 1) as f64;
    let plot_bottom = foot - 15.0;
    for line in caption {
        picture.text((MARGIN, foot), &line, CAPTION, false, MUTED, Anchor::Start);
        foot += 15.0;
    }
    (picture, Area { left: MARGIN, top: y + 20.0, right, bottom: plot_bottom })
}

impl Picture {
    /// Adds a line of text.
    pub fn text(
        &mut self,
        at: (f64, f64),
        text: &str,
        size: f64,
        bold: bool,
        colour: RGBColor,
        anchor: Anchor,
    ) {
        self.marks.push(Mark::Text { at, text: text.to_string(), size, bold, colour, anchor });
    }

    /// Adds a line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, width: f64, colour: RGBColor) {
        if points.len() > 1 {
            self.marks.push(Mark::Line { points, width, colour });
        }
    }
}

/// A name at the right of a plot.
pub struct Name {
    /// The name.
    pub text: String,
    /// The colour of its swatch.
    pub colour: RGBColor,
    /// Where its line ends.
    pub end: f64,
}

/// Takes the room that names need from the right of an area.
pub fn make_room(area: &mut Area, names: &[Name]) -> f64 {
    let widest = |size: f64| names.iter().map(|name| width(&name.text, size, false)).fold(0.0, f64::max);
    // Very long names become smaller rather than leave no plot.
    let mut size = NAME;
    while size > 7.0 && widest(size) > 300.0 {
        size -= 0.5;
    }
    // A tenth more, for viewers that have another font.
    area.right -= widest(size) * 1.1 + 28.0;
    size
}

/// Writes names beside the ends of their lines, apart from each other.
pub fn names(picture: &mut Picture, area: &Area, mut names: Vec<Name>, size: f64) {
    names.sort_by(|a, b| a.end.total_cmp(&b.end));
    let wanted: Vec<f64> = names.iter().map(|name| name.end).collect();
    let places = apart(&wanted, NAME_DISTANCE, area.top, area.bottom);
    for (name, y) in names.iter().zip(places) {
        let left = area.right + 8.0;
        picture.line(vec![(left, y), (left + 12.0, y)], 3.0, name.colour);
        picture.text((left + 18.0, y + 0.36 * size), &name.text, size, false, INK, Anchor::Start);
    }
}

/// The places nearest to those wanted (in ascending order) that are this far apart and in range.
fn apart(wanted: &[f64], distance: f64, low: f64, high: f64) -> Vec<f64> {
    let room = (high - low).max(0.0);
    let distance = distance.min(room / (wanted.len().max(2) - 1) as f64);
    // Groups of names that touch stand around the mean of where they want to be.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for &place in wanted {
        groups.push((place, 1));
        loop {
            let count = groups.len();
            for (middle, size) in &mut groups {
                let half = (*size - 1) as f64 * distance / 2.0;
                *middle = middle.clamp(low + half, (high - half).max(low + half));
            }
            if count < 2 {
                break;
            }
            let ((above, above_size), (below, below_size)) = (groups[count - 2], groups[count - 1]);
            if below - above >= distance * (above_size + below_size) as f64 / 2.0 - 1e-9 {
                break;
            }
            let size = above_size + below_size;
            let middle = (above * above_size as f64 + below * below_size as f64) / size as f64;
            groups.truncate(count - 2);
            groups.push((middle, size));
        }
    }
    let mut places = Vec::with_capacity(wanted.len());
    for (middle, size) in groups {
        let first = middle - (size - 1) as f64 * distance / 2.0;
        places.extend((0..size).map(|number| first + number as f64 * distance));
    }
    places
}

/// Draws both axes of a plot with grid lines for the vertical one, and for the horizontal one too
/// when asked. Takes the room for labels from the area.
pub fn axes(
    picture: &mut Picture,
    area: &mut Area,
    (x_axis, x_labels, x_name): (&Axis, &[String], &str),
    (y_axis, y_labels): (&Axis, &[String]),
    grid: bool,
) {
    let widest = y_labels.iter().map(|label| width(label, TICK, false)).fold(0.0, f64::max);
    area.left += widest + 10.0;
    area.bottom -= 40.0;
    for (&tick, label) in y_axis.ticks.iter().zip(y_labels) {
        let y = area.y(y_axis, tick);
        picture.line(vec![(area.left, y), (area.right, y)], 1.0, GRID);
        picture.line(vec![(area.left - 4.0, y), (area.left, y)], 1.0, AXIS);
        picture.text((area.left - 8.0, y + 4.3), label, TICK, false, MUTED, Anchor::End);
    }
    let mut taken = f64::NEG_INFINITY;
    for (&tick, label) in x_axis.ticks.iter().zip(x_labels) {
        let x = area.x(x_axis, tick);
        if grid {
            picture.line(vec![(x, area.top), (x, area.bottom)], 1.0, GRID);
        }
        picture.line(vec![(x, area.bottom), (x, area.bottom + 4.0)], 1.0, AXIS);
        let half = width(label, TICK, false) / 2.0;
        if x - half > taken + 4.0 {
            picture.text((x, area.bottom + 18.0), label, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    picture.line(vec![(area.left, area.top), (area.left, area.bottom)], 1.0, AXIS);
    picture.line(vec![(area.left, area.bottom), (area.right, area.bottom)], 1.0, AXIS);
    let middle = (area.left + area.right) / 2.0;
    picture.text((middle, area.bottom + 38.0), x_name, TICK, false, MUTED, Anchor::Middle);
}

/// A dashed line from top to bottom, with a word beside it, on its left where there is no room on its right.
/// Gives where the word ends.
pub fn upright(picture: &mut Picture, area: &Area, x: f64, label: &str) -> f64 {
    const STROKE: f64 = 6.0;
    let mut y = area.top;
    while y < area.bottom {
        picture.line(vec![(x, y), (x, (y + STROKE).min(area.bottom))], 1.5, INK);
        y += 2.0 * STROKE;
    }
    let long = width(label, TICK, false);
    let (start, anchor, end) = match x + 5.0 + long > area.right {
        true => (x - 5.0, Anchor::End, x),
        false => (x + 5.0, Anchor::Start, x + 5.0 + long),
    };
    if !label.is_empty() {
        picture.text((start, area.top + 10.0), label, TICK, false, MUTED, anchor);
    }
    end
}

/// An interval along a row, from `low` to `high`, with caps of so much to each side.
pub fn capped(picture: &mut Picture, (low, high): (f64, f64), y: f64, cap: f64, colour: RGBColor) {
    picture.line(vec![(low, y), (high, y)], 2.0, colour);
    for x in [low, high] {
        picture.line(vec![(x, y - cap), (x, y + cap)], 2.0, colour);
    }
}

/// A note in the middle of a plot that has nothing to show.
pub fn empty(picture: &mut Picture, area: &Area, note: &str) {
    let middle = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
    picture.text(middle, note, NAME, false, MUTED, Anchor::Middle);
}

/// Whether a line of text of the title's size fits the picture in one line.
pub fn fits_title(text: &str) -> bool {
    font::width(text, TITLE, true) <= f64::from(SIZE.0) - 2.0 * MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_distance_and_their_order() {
        let places = apart(&[10.0, 12.0, 13.0, 100.0], 16.0, 0.0, 200.0);
        assert_eq!(places[3], 100.0);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 16.0 - 1e-9), "{places:?}");
        assert!(places[0] >= 0.0);
        // More names than room: evenly spread.
        let places = apart(&[50.0; 21], 16.0, 0.0, 200.0);
        assert!((places[0], places[20]) == (0.0, 200.0), "{places:?}");
    }
}
