//! Dots with intervals, a row for each policy and a panel for each metric.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{AXIS, GRID, INK, MUTED};
use super::finding;
use super::font::width;
use super::frame::{self, Area, NAME, SIZE, TICK, Words, caption};
use super::picture::{Anchor, Mark, Picture};
use crate::metrics::Metric;
use crate::report::judge::words;
use crate::report::number::{decimals_for, fixed};
use crate::report::story::{PolicyStory, Story};
use crate::statistics::confidence::Summary;

/// Above so many ticks only their range is drawn, or files grow large.
const MOST_TICKS: usize = 500;
const ROW: f64 = 31.0;
/// Values this many times apart would leave all but the largest at 0 of a linear axis.
const LOG_FROM: f64 = 100.0;

/// One metric over all policies.
struct Panel {
    heading: &'static str,
    unit: String,
    rows: Vec<Row>,
}

/// One policy in a panel.
struct Row {
    summary: Option<Summary>,
    ticks: Vec<f64>,
    best: bool,
    /// The exact value by theory.
    known: Option<f64>,
}

/// The comparison of policies in the metrics people ask for first.
pub fn comparison(story: &Story, colours: &[Option<RGBColor>]) -> Picture {
    let mut metrics = vec![Metric::Makespan, Metric::Throughput, Metric::MeanWait, Metric::P99Response];
    if story.facts.node_faults {
        metrics.push(Metric::NodeAvailability);
    }
    // A hundred times the bound says nothing of how good a policy is.
    let near =
        |policy: &PolicyStory| policy.summary(Metric::OptimalityGap).is_some_and(|gap| gap.mean < 100.0);
    if story.policies.iter().any(near) {
        metrics.push(Metric::OptimalityGap);
    }
    let panels: Vec<Panel> = metrics.into_iter().map(|metric| panel(story, metric)).collect();
    let subtitle = match story.facts.replications {
        0 | 1 => "One replication: no intervals".to_string(),
        _ => {
            let (over, single) = (
                story.facts.repeats(),
                if story.facts.batches.is_some() { "batches" } else { "replications" },
            );
            let grey = match has_ticks(&panels) {
                true => format!("grey ticks: single {single}"),
                false => "grey: from least to most".to_string(),
            };
            format!("Mean and 95 % interval over {over}; {grey}")
        }
    };
    let mut caption = caption(&story.facts);
    if story.facts.replications > 1 && story.policies.len() > 1 {
        caption.push_str(" · paired: all policies meet the same arrivals and failures");
    }
    if panels.iter().flat_map(|panel| &panel.rows).any(|row| row.known.is_some()) {
        caption.push_str(" · dashed: theory");
    }
    draw(story, colours, &Words { title: finding::comparison(story), subtitle, caption }, &panels)
}

/// How busy each node is under each policy.
pub fn utilisation(story: &Story, colours: &[Option<RGBColor>]) -> Picture {
    let rows = story.policies.iter().map(|policy| Row {
        summary: policy.summary(Metric::Utilisation).map(|summary| scaled(summary, 100.0)),
        ticks: policy.nodes.iter().filter_map(|node| node.utilisation).map(|share| share * 100.0).collect(),
        best: false,
        known: None,
    });
    let panel = Panel { heading: "utilisation", unit: "%".to_string(), rows: rows.collect() };
    let panels = [panel];
    let ticks =
        if has_ticks(&panels) { "grey ticks: single nodes" } else { "grey: from least to most busy node" };
    let subtitle = match story.facts.replications {
        0 | 1 => format!("Busy share of the slot time offered; {ticks}"),
        _ if story.facts.batches.is_some() => {
            format!("Busy share of the slot time offered in one run; {ticks}")
        }
        more => {
            format!("Busy share of the slot time offered, 95 % interval over {more} replications; {ticks}")
        }
    };
    let words = Words { title: finding::utilisation(story), subtitle, caption: caption(&story.facts) };
    draw(story, colours, &words, &panels)
}

fn panel(story: &Story, metric: Metric) -> Panel {
    let word = words(metric);
    let judgement = story.policies.judge(metric).filter(|one| story.policies.len() > 1 && one.is_judged());
    let row = |(index, policy): (usize, &PolicyStory)| Row {
        summary: policy.summary(metric).map(|summary| scaled(summary, word.factor)),
        ticks: match policy.rows.len() {
            0 | 1 => Vec::new(),
            _ => policy.values(metric).iter().map(|value| value * word.factor).collect(),
        },
        known: policy.known(metric).map(|value| value * word.factor),
        best: judgement.as_ref().is_some_and(|judgement| judgement.leaders() == [index]),
    };
    let rows = story.policies.iter().enumerate().map(row).collect();
    Panel { heading: word.name, unit: word.unit.to_string(), rows }
}

fn scaled(summary: Summary, factor: f64) -> Summary {
    Summary {
        mean: summary.mean * factor,
        half_width: summary.half_width.map(|half| half * factor),
        min: summary.min * factor,
        max: summary.max * factor,
        ..summary
    }
}

/// Whether single ticks are drawn.
fn has_ticks(panels: &[Panel]) -> bool {
    panels.iter().flat_map(|panel| &panel.rows).map(|row| row.ticks.len()).sum::<usize>() <= MOST_TICKS
}

fn draw(story: &Story, colours: &[Option<RGBColor>], words: &Words, panels: &[Panel]) -> Picture {
    let rows = story.policies.len() as f64;
    let needed = 190.0 + ROW * rows;
    let (mut picture, mut area) = frame::start((needed.ceil() as u32).max(SIZE.1), words);
    let single_ticks = has_ticks(panels);
    let widest = story.policies.iter().map(|policy| width(&policy.name, NAME, true)).fold(0.0, f64::max);
    let size = if widest > 260.0 { NAME * 260.0 / widest } else { NAME };
    area.left += widest.min(260.0) + 14.0;
    area.right -= 14.0;
    area.top += 34.0;
    area.bottom -= 26.0;
    let row_height = (area.bottom - area.top) / rows.max(1.0);
    let middle = |row: usize| area.top + row_height * (row as f64 + 0.5) + 6.0;
    let leads = crate::report::verdict::lead_metrics(story);
    let best = story.policies.judge(leads[0]).filter(|one| one.is_judged() && panels.len() > 1);
    for (row, policy) in story.policies.iter().enumerate() {
        let bold = best.as_ref().is_some_and(|one| one.leaders() == [row]);
        let at = (area.left - 14.0, middle(row) + 4.5);
        picture.text(at, &policy.name, size, bold, INK, Anchor::End);
    }
    let gap = 36.0;
    let mut taken = f64::NEG_INFINITY;
    let each = (area.right - area.left - gap * (panels.len() - 1) as f64) / panels.len() as f64;
    for (number, panel) in panels.iter().enumerate() {
        let left = area.left + number as f64 * (each + gap);
        let part = Area { left, right: left + each, ..area };
        taken = draw_panel(&mut picture, &part, panel, colours, (single_ticks, taken), &middle);
    }
    picture
}

/// Draws one panel, whose labels start right of what is taken, and gives what is taken then.
fn draw_panel(
    picture: &mut Picture,
    area: &Area,
    panel: &Panel,
    colours: &[Option<RGBColor>],
    (single_ticks, mut taken): (bool, f64),
    middle: &impl Fn(usize) -> f64,
) -> f64 {
    let values = panel.rows.iter().flat_map(|row| {
        let interval = row.summary.into_iter().flat_map(|summary| {
            let half = summary.half_width.unwrap_or(0.0);
            [summary.mean - half, summary.mean + half]
        });
        row.ticks.iter().copied().chain(interval).chain(row.known)
    });
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    picture.text((area.left, area.top - 30.0), panel.heading, NAME, true, INK, Anchor::Start);
    if low > high {
        picture.text((area.left, area.top - 14.0), &panel.unit, TICK, false, MUTED, Anchor::Start);
        picture.text(
            (area.left, (area.top + area.bottom) / 2.0),
            "no values",
            TICK,
            false,
            MUTED,
            Anchor::Start,
        );
        return taken;
    }
    // All figures are at least 0; an interval may reach below.
    let least =
        panel.rows.iter().filter_map(|row| row.summary).map(|summary| summary.min).fold(high, f64::min);
    let log = least > 0.0 && high > LOG_FROM * least;
    let axis = if log { Axis::log(least, high) } else { axis(low.max(0.0), high, area.right - area.left) };
    let from = match () {
        () if log => format!("{}, log scale", panel.unit),
        () if axis.is_cut() => format!("{}, not from 0", panel.unit),
        () => panel.unit.clone(),
    };
    picture.text((area.left, area.top - 14.0), &from, TICK, false, MUTED, Anchor::Start);
    for (tick, label) in axis.ticks.iter().zip(axis.labels()) {
        let x = area.x(&axis, *tick);
        picture.line(vec![(x, area.top), (x, area.bottom)], 1.0, GRID);
        let half = width(&label, TICK, false) / 2.0;
        if x - half > taken + 6.0 {
            picture.text((x, area.bottom + 18.0), &label, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    let decimals = decimals(panel, axis.high - axis.low);
    for (index, (row, colour)) in panel.rows.iter().zip(colours).enumerate() {
        let (y, place) = (middle(index), |value: f64| area.x(&axis, value.max(axis.low)));
        if single_ticks {
            for &tick in &row.ticks {
                picture.line(vec![(place(tick), y - 5.0), (place(tick), y + 5.0)], 1.0, AXIS);
            }
        } else if let (Some(low), Some(high)) = extent(&row.ticks) {
            picture.line(vec![(place(low), y), (place(high), y)], 5.0, GRID);
        }
        if let Some(known) = row.known {
            draw_known(picture, place(known), y);
        }
        let Some(summary) = row.summary else { continue };
        draw_dot(picture, &summary, place, y, colour.unwrap_or(AXIS));
        let text = fixed(summary.mean, decimals.max(decimals_for(summary.mean, 2)));
        let half = width(&text, TICK, row.best) / 2.0;
        // Labels stay over their own panel.
        let x = place(summary.mean)
            .clamp(area.left + half - 10.0, (area.right - half + 10.0).max(area.left + half - 10.0));
        let colour = if row.best { INK } else { MUTED };
        picture.text((x, y - 9.0), &text, TICK, row.best, colour, Anchor::Middle);
    }
    taken
}

/// A dashed line across the row, below the figure that stands over it: what theory says.
fn draw_known(picture: &mut Picture, x: f64, y: f64) {
    for dash in [-6.0, 3.0, 9.0] {
        picture.line(vec![(x, y + dash), (x, y + dash + 4.0)], 1.5, INK);
    }
}

fn draw_dot(picture: &mut Picture, summary: &Summary, place: impl Fn(f64) -> f64, y: f64, colour: RGBColor) {
    if let Some(half) = summary.half_width.filter(|half| *half > 0.0) {
        let (low, high) = (place(summary.mean - half), place(summary.mean + half));
        frame::capped(picture, (low, high), y, 5.0, colour);
    }
    picture.marks.push(Mark::Dot { at: (place(summary.mean), y), radius: 4.0, colour });
}

/// An axis just around these values, from 0 unless that would leave most of it empty, whose
/// labels have room below it.
fn axis(low: f64, high: f64, length: f64) -> Axis {
    // Values that are all but equal are not torn apart by the scale.
    let room = if high - low < 1e-3 * high { high * 0.005 } else { (high - low) * 0.06 };
    let (low, high) = match low {
        _ if high <= 0.0 => (0.0, 1.0),
        low if high - low >= 0.25 * high => (0.0, high + room),
        low => ((low - room).max(0.0), high + room),
    };
    let fits = |axis: &Axis| {
        let widths: f64 = axis.labels().iter().map(|label| width(label, TICK, false) * 1.1 + 10.0).sum();
        axis.ticks.len() > 1 && widths <= length + 10.0
    };
    let axes: Vec<Axis> = (1..=6).rev().map(|ticks| Axis::exactly(low, high, ticks)).collect();
    // Long numbers on a short axis: as few as can be, but two, or the scale is not known.
    let few = || axes.iter().rev().find(|axis| axis.ticks.len() > 1).cloned();
    axes.iter().find(|axis| fits(axis)).cloned().or_else(few).unwrap_or_else(|| Axis::between(low, high, 1))
}

/// Enough decimals to tell apart what the panel shows apart.
fn decimals(panel: &Panel, range: f64) -> usize {
    let summaries = || panel.rows.iter().filter_map(|row| row.summary);
    let half = summaries().filter_map(|summary| summary.half_width).filter(|half| *half > 0.0);
    let wanted = match half.min_by(f64::total_cmp) {
        Some(half) => decimals_for(half, 1).min(decimals_for(range, 3)),
        None => decimals_for(range, 3),
    };
    let largest = summaries().map(|summary| summary.mean.abs()).fold(0.0, f64::max);
    wanted.min(decimals_for(largest, 5))
}

fn extent(values: &[f64]) -> (Option<f64>, Option<f64>) {
    (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max))
}
