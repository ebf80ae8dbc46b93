//! Two keys: a field for each cell in the colour of the policy that is best.

use plotters::style::RGBColor;

use super::{Grid, WIDEST_LABEL, caption};
use crate::metrics::Metric;
use crate::report::judge::words;
use crate::report::number::significant;
use crate::report::plots::colour::{AXIS, INK, MUTED};
use crate::report::plots::font::{width, wrap};
use crate::report::plots::frame::{self, NAME, Name, SIZE, TICK, Words, make_room, names};
use crate::report::plots::picture::{Anchor, Mark, Picture};

/// A field for each cell in the colour of the policy that is best; pale where others cannot be told apart.
/// Height of a row, and of all rows at most.
const ROW: f64 = 34.0;
const HIGHEST: f64 = 1200.0;
/// Height of a line of a label, and lines of one below the map at most.
const LINE: f64 = 15.0;
const LINES_BELOW: usize = 3;

/// The plot: pale where others cannot be told apart from the best. `None` for metrics in which no policy can be
/// best.
pub(super) fn picture(grid: &Grid, metric: Metric, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let word = words(metric);
    let axes = grid.file.axes();
    let (down, across) = (&axes[0], &axes[1]);
    let title = format!("Which policy has the {} {}?", word.best, word.name);
    let judged: Vec<_> = grid.cells.iter().map(|policies| policies.judge(metric)).collect();
    judged.iter().flatten().next()?;
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
    let (mut picture, mut area) =
        frame::start(((150.0 + (ROW * rows).min(HIGHEST)) as u32).max(SIZE.1), &words);
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
    let beside: Vec<Vec<String>> =
        down.values.iter().map(|value| wrap(value, TICK, false, WIDEST_LABEL)).collect();
    let widest = beside.iter().flatten().map(|line| width(line, TICK, false)).fold(0.0, f64::max);
    area.left += widest + 12.0;
    let wide = (area.right - area.left) / across.values.len() as f64;
    let below = across.values.iter().map(|value| wrap(value, TICK, false, (wide - 8.0).max(60.0)));
    let below: Vec<Vec<String>> = below.collect();
    let lines = below.iter().map(Vec::len).max().unwrap_or(1).min(LINES_BELOW);
    area.bottom -= 25.0 + LINE * lines as f64;
    area.top += 18.0;
    picture.text((20.0, area.top - 8.0), &down.key, TICK, false, MUTED, Anchor::Start);
    let high = (area.bottom - area.top) / rows;
    for (cell, one) in judged.iter().enumerate() {
        let (row, column) = (cell / across.values.len(), cell % across.values.len());
        let (x, y) = (area.left + column as f64 * wide, area.top + row as f64 * high);
        let Some(one) = one else { continue };
        let leads = one.is_judged() && one.leaders().len() == 1;
        let opacity = if leads { 0.75 } else { 0.25 };
        let points = vec![(x, y), (x + wide - 1.0, y), (x + wide - 1.0, y + high - 1.0), (x, y + high - 1.0)];
        picture.marks.push(Mark::Area { points, colour: colour(one.best), opacity });
        let text = significant(one.means[one.best].unwrap_or(0.0) * word.factor, 3);
        if width(&text, TICK, false) < wide - 4.0 && high > TICK {
            let at = (x + wide / 2.0, y + high / 2.0 + 4.0);
            picture.text(at, &text, TICK, false, INK, Anchor::Middle);
        }
    }
    // Of labels that would cover each other the first stand.
    let mut taken = f64::NEG_INFINITY;
    for (row, lines) in beside.iter().enumerate() {
        let half = LINE * (lines.len() as f64 - 1.0) / 2.0;
        let first = area.top + (row as f64 + 0.5) * high + 4.0 - half;
        if first >= taken + LINE {
            for (line, text) in lines.iter().enumerate() {
                taken = first + LINE * line as f64;
                picture.text((area.left - 8.0, taken), text, TICK, false, MUTED, Anchor::End);
            }
        }
    }
    let mut taken = f64::NEG_INFINITY;
    for (column, lines) in below.iter().enumerate() {
        let x = area.left + (column as f64 + 0.5) * wide;
        let half = lines.iter().map(|line| width(line, TICK, false)).fold(0.0, f64::max) / 2.0;
        if x - half > taken + 4.0 && lines.len() <= LINES_BELOW {
            for (line, text) in lines.iter().enumerate() {
                let at = (x, area.bottom + 16.0 + LINE * line as f64);
                picture.text(at, text, TICK, false, MUTED, Anchor::Middle);
            }
            taken = x + half;
        }
    }
    let middle = ((area.left + area.right) / 2.0, area.bottom + 21.0 + LINE * lines as f64);
    picture.text(middle, &across.key, NAME, false, MUTED, Anchor::Middle);
    names(&mut picture, &area, labels, size);
    Some(picture)
}
