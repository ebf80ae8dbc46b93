//! Paired differences between policies: a row for each comparison, a panel for each metric, and a line
//! at 0.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{AXIS, GRID, INK, MUTED};
use super::font::width;
use super::frame::{self, Area, NAME, SIZE, TICK, Words, caption};
use super::picture::{Anchor, Mark, Picture};
use crate::metrics::{Better, Metric};
use crate::report::judge::words;
use crate::report::number::{decimals_for, fixed};
use crate::report::story::Story;

const ROW: f64 = 31.0;
/// Panels beside each other.
const ACROSS: usize = 3;
const ABOVE: f64 = 34.0;
const BELOW: f64 = 34.0;
const GAP: f64 = 36.0;

/// A comparison to draw, in the unit of the metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// The policy.
    pub policy: String,
    /// What it is compared with.
    pub baseline: String,
    /// Mean difference, and the interval it was judged by.
    pub difference: Option<(f64, f64, f64)>,
    /// Whether it was judged to be a difference.
    pub shown: bool,
}

/// The plot of differences; `None` without any.
pub fn picture(story: &Story, rows: &[Row], colours: &[Option<RGBColor>]) -> Option<Picture> {
    let mut metrics: Vec<Metric> = Vec::new();
    for row in rows {
        if !metrics.contains(&row.metric) {
            metrics.push(row.metric);
        }
    }
    let first: Vec<&Row> = rows.iter().filter(|row| Some(&row.metric) == metrics.first()).collect();
    let one_baseline = first.iter().all(|row| row.baseline == first[0].baseline);
    let label = |row: &Row| match one_baseline {
        true => row.policy.clone(),
        false => format!("{} - {}", row.policy, row.baseline),
    };
    let labels: Vec<String> = first.iter().map(|row| label(row)).collect();
    let words = words_of(story, &first, one_baseline)?;
    let across = if metrics.len() == 4 { 2 } else { metrics.len().clamp(1, ACROSS) };
    let down = metrics.len().div_ceil(across).max(1);
    let needed = 112.0 + down as f64 * (ABOVE + ROW * labels.len() as f64 + BELOW);
    let (mut picture, mut area) = frame::start((needed.ceil() as u32).max(SIZE.1), &words);
    let widest = labels.iter().map(|label| width(label, NAME, false)).fold(0.0, f64::max);
    let size = if widest > 240.0 { NAME * 240.0 / widest } else { NAME };
    area.left += widest.min(240.0) + 14.0;
    area.right -= 14.0;
    let wide = (area.right - area.left - GAP * (across - 1) as f64) / across as f64;
    let high = (area.bottom - area.top) / down as f64;
    let colour = |row: &Row| {
        let index = story.policies.iter().position(|policy| policy.name == row.policy);
        index.and_then(|index| colours.get(index).copied().flatten()).unwrap_or(AXIS)
    };
    for (number, &metric) in metrics.iter().enumerate() {
        let left = area.left + (number % across) as f64 * (wide + GAP);
        let top = area.top + (number / across) as f64 * high;
        let part = Area { left, right: left + wide, top: top + ABOVE, bottom: top + high - BELOW };
        let row_height = (part.bottom - part.top) / labels.len() as f64;
        let middle = |row: usize| part.top + row_height * (row as f64 + 0.5) + 4.0;
        if number % across == 0 {
            for (row, label) in labels.iter().enumerate() {
                let at = (area.left - 14.0, middle(row) + 4.5);
                picture.text(at, label, size, false, INK, Anchor::End);
            }
        }
        let of_metric: Vec<&Row> = rows.iter().filter(|row| row.metric == metric).collect();
        panel(&mut picture, &part, metric, &of_metric, &middle, &colour);
    }
    Some(picture)
}

fn words_of(story: &Story, rows: &[&Row], one_baseline: bool) -> Option<Words> {
    let first = rows.first()?;
    let word = words(first.metric);
    let sign = first.metric.column().better.sign().unwrap_or(1.0);
    let verb = if sign > 0.0 { "lowers" } else { "raises" };
    let best = rows
        .iter()
        .filter(|row| row.shown)
        .filter_map(|row| Some((row, row.difference?)))
        .filter(|(_, (mean, _, _))| mean * sign < 0.0)
        .min_by(|a, b| (a.1.0 * sign).total_cmp(&(b.1.0 * sign)));
    let title = match best {
        Some((row, (mean, low, high))) if one_baseline && first.metric.column().better != Better::Neither => {
            let decimals = decimals_for(((high - low) / 2.0).max(mean.abs() * 1e-4) * word.factor, 2);
            let size = fixed(mean.abs() * word.factor, decimals);
            format!("{} {verb} the {} of {} by {size} {}", row.policy, word.name, row.baseline, word.unit)
        }
        _ if one_baseline => format!("Which policies differ from {} in {}?", first.baseline, word.name),
        _ => format!("Which policies differ in {}?", word.name),
    };
    let what = if one_baseline { format!("Policy - {}", first.baseline) } else { "Difference".to_string() };
    Some(Words {
        title: if frame::fits_title(&title) { title } else { format!("Who differs in {}?", word.name) },
        subtitle: format!("{what} in the same replications, with the interval that it was judged by (Holm)"),
        caption: caption(&story.facts),
    })
}

fn panel(
    picture: &mut Picture,
    area: &Area,
    metric: Metric,
    rows: &[&Row],
    middle: &impl Fn(usize) -> f64,
    colour: &impl Fn(&Row) -> RGBColor,
) {
    let word = words(metric);
    picture.text((area.left, area.top - 22.0), word.name, NAME, true, INK, Anchor::Start);
    let unit = if word.unit == "1" { "difference" } else { word.unit };
    picture.text((area.left, area.top - 7.0), unit, TICK, false, MUTED, Anchor::Start);
    let scaled = |row: &Row| {
        row.difference.map(|(mean, low, high)| (mean * word.factor, low * word.factor, high * word.factor))
    };
    let ends: Vec<f64> = rows.iter().filter_map(|row| scaled(row)).flat_map(|(_, a, b)| [a, b]).collect();
    if ends.is_empty() {
        let at = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
        picture.text(at, "not judged", TICK, false, MUTED, Anchor::Middle);
        return;
    }
    let axis = axis(&ends, area.right - area.left);
    let mut taken = f64::NEG_INFINITY;
    for (&tick, label) in axis.ticks.iter().zip(axis.labels()) {
        let x = area.x(&axis, tick);
        picture.line(vec![(x, area.top), (x, area.bottom)], 1.0, GRID);
        let half = width(&label, TICK, false) / 2.0;
        if x - half > taken + 6.0 {
            picture.text((x, area.bottom + 16.0), &label, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    let zero = area.x(&axis, 0.0);
    picture.line(vec![(zero, area.top), (zero, area.bottom)], 1.5, MUTED);
    for (index, row) in rows.iter().enumerate() {
        let Some((mean, low, high)) = scaled(row) else { continue };
        let (y, place, colour) = (middle(index), |value: f64| area.x(&axis, value), colour(row));
        if place(high) - place(low) > 10.0 {
            frame::capped(picture, (place(low), place(high)), y, 5.0, colour);
        }
        picture.marks.push(Mark::Dot { at: (place(mean), y), radius: 4.0, colour });
        let decimals = decimals_for(((high - low) / 2.0).max(mean.abs() * 1e-3), 2);
        let text = fixed(mean, decimals);
        let half = width(&text, TICK, false) / 2.0;
        let x = place(mean)
            .clamp(area.left + half - 10.0, (area.right - half + 10.0).max(area.left + half - 10.0));
        picture.text((x, y - 9.0), &text, TICK, false, MUTED, Anchor::Middle);
    }
}

/// An axis that holds these values and 0, whose labels have room below it.
fn axis(ends: &[f64], length: f64) -> Axis {
    let low = ends.iter().copied().fold(0.0, f64::min);
    let high = ends.iter().copied().fold(0.0, f64::max);
    let (low, high) = if high > low { (low, high) } else { (-1.0, 1.0) };
    let room = (high - low) * 0.08;
    let (low, high) = (low - room, high + room);
    let fits = |axis: &Axis| {
        axis.labels().iter().map(|label| width(label, TICK, false) + 12.0).sum::<f64>() <= length
    };
    let axes = (2..=6).rev().map(|ticks| Axis::exactly(low, high, ticks));
    axes.into_iter().find(fits).unwrap_or_else(|| Axis::exactly(low, high, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;
    use crate::report::sample::Sample;

    /// The title names a difference that was judged to be one, and no other.
    #[test]
    fn the_title_says_what_was_shown() {
        let sample = Sample { policies: vec!["fifo", "sjf"], ..Sample::default() };
        let story = Story::of(&sample.plan(), &sample.results(), None);
        let title = |shown: bool| {
            let row = Row {
                metric: Metric::MeanWait,
                policy: "sjf".to_string(),
                baseline: "fifo".to_string(),
                difference: Some((-0.5, -0.6, -0.4)),
                shown,
            };
            words_of(&story, &[&row], true).expect("words").title
        };
        assert_eq!(title(true), "sjf lowers the mean wait of fifo by 0.50 s");
        assert_eq!(title(false), "Which policies differ from fifo in mean wait?");
    }
}
