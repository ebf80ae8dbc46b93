//! Errors of simulations against live runs: a row for each policy, a panel for each metric, and the
//! margin as a band.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{self, AXIS, GRID, INK, MUTED};
use super::font::width;
use super::frame::{self, Area, NAME, SIZE, TICK, Words, caption};
use super::picture::{Anchor, Mark, Picture};
use crate::experiment::fidelity::{Fidelity, MetricFidelity, Simulated};
use crate::metrics::Metric;
use crate::report::fidelity::sentences::{finding, percent};
use crate::report::fidelity::{seeds_in_words, shown, wording};
use crate::report::number::{decimals_for, fixed};
use crate::report::story::Facts;
use crate::statistics::equivalence::RelativeError;

const ROW: f64 = 31.0;
/// Panels beside each other.
const ACROSS: usize = 3;
/// Room above a panel for its heading and below for its ticks.
const ABOVE: f64 = 26.0;
const BELOW: f64 = 34.0;
const GAP: f64 = 36.0;
/// Opacity of the band of the margin.
const BAND: f64 = 0.16;
/// The ideal simulation stands this much below the calibrated one.
const SHIFT: f64 = 7.0;

/// The plot of errors.
pub fn picture(facts: &Facts, fidelity: &Fidelity) -> Picture {
    let metrics = shown(fidelity);
    let calibrated = fidelity.simulated() == Simulated::Calibrated;
    let words = words(facts, fidelity);
    let rows = fidelity.policies.len() as f64;
    // Four are two by two.
    let across = if metrics.len() == 4 { 2 } else { metrics.len().clamp(1, ACROSS) };
    let down = metrics.len().div_ceil(across).max(1);
    let needed = 112.0 + down as f64 * (ABOVE + ROW * rows + BELOW);
    let (mut picture, mut area) = frame::start((needed.ceil() as u32).max(SIZE.1), &words);
    if metrics.is_empty() || fidelity.policies.is_empty() {
        frame::empty(&mut picture, &area, "no valid runs");
        return picture;
    }
    let names = fidelity.policies.iter().map(|policy| width(&policy.policy, NAME, false));
    let widest = names.fold(0.0, f64::max);
    let size = if widest > 200.0 { NAME * 200.0 / widest } else { NAME };
    area.left += widest.min(200.0) + 14.0;
    area.right -= 14.0;
    let wide = (area.right - area.left - GAP * (across - 1) as f64) / across as f64;
    let high = (area.bottom - area.top) / down as f64;
    let colours = colour::of_policies(fidelity.policies.len(), &[]);
    for (number, &metric) in metrics.iter().enumerate() {
        let left = area.left + (number % across) as f64 * (wide + GAP);
        let top = area.top + (number / across) as f64 * high;
        let part = Area { left, right: left + wide, top: top + ABOVE, bottom: top + high - BELOW };
        let middle = |row: usize| part.top + (part.bottom - part.top) / rows * (row as f64 + 0.5) + 4.0;
        if number % across == 0 {
            for (row, policy) in fidelity.policies.iter().enumerate() {
                let at = (area.left - 14.0, middle(row) + 4.5);
                picture.text(at, &policy.policy, size, false, INK, Anchor::End);
            }
        }
        let rows: Vec<Option<&MetricFidelity>> =
            fidelity.policies.iter().map(|policy| policy.get(metric)).collect();
        let panel = Panel { metric, rows, margin: fidelity.margin, calibrated };
        panel.draw(&mut picture, &part, &colours, &middle);
    }
    picture
}

fn words(facts: &Facts, fidelity: &Fidelity) -> Words {
    let margin = percent(fidelity.margin);
    let ideal = match fidelity.simulated() {
        Simulated::Calibrated => "; grey dots: without delays",
        Simulated::Ideal => "",
    };
    let runs = match seeds_in_words(fidelity) {
        None => "one run: no intervals".to_string(),
        Some(seeds) => format!("95 % interval over {seeds}"),
    };
    Words {
        title: finding(fidelity).unwrap_or_else(|| "How far is the simulation from live runs?".to_string()),
        subtitle: format!("(simulated - live) / live in %; {runs}; band: margin ±{margin}{ideal}"),
        caption: caption(facts),
    }
}

/// One metric over all policies.
struct Panel<'a> {
    metric: Metric,
    rows: Vec<Option<&'a MetricFidelity>>,
    margin: f64,
    calibrated: bool,
}

/// In percent.
fn scaled(error: RelativeError) -> RelativeError {
    RelativeError { mean: error.mean * 100.0, half_width: error.half_width.map(|half| half * 100.0), ..error }
}

impl Panel<'_> {
    fn errors(&self, row: usize) -> (Option<RelativeError>, Option<RelativeError>) {
        let Some(one) = self.rows[row] else { return (None, None) };
        let below = if self.calibrated { one.ideal_error } else { None };
        (one.error().map(scaled), below.map(scaled))
    }

    fn draw(
        &self,
        picture: &mut Picture,
        area: &Area,
        colours: &[Option<RGBColor>],
        middle: &impl Fn(usize) -> f64,
    ) {
        let name = wording(self.metric).name;
        picture.text((area.left, area.top - 12.0), name, NAME, true, INK, Anchor::Start);
        let Some(axis) = self.axis(area) else {
            let at = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
            picture.text(at, "no errors", TICK, false, MUTED, Anchor::Middle);
            return;
        };
        if self.margin > 0.0 && self.margin.is_finite() {
            let (left, right) = (area.x(&axis, -self.margin * 100.0), area.x(&axis, self.margin * 100.0));
            let points = vec![(left, area.top), (right, area.top), (right, area.bottom), (left, area.bottom)];
            picture.marks.push(Mark::Area { points, colour: AXIS, opacity: BAND });
        }
        let mut taken = f64::NEG_INFINITY;
        for (&tick, label) in axis.ticks.iter().zip(axis.labels()) {
            let x = area.x(&axis, tick);
            // Wider and not darker: figures are written across it.
            let line = if tick.abs() < 1e-9 { 3.0 } else { 1.0 };
            picture.line(vec![(x, area.top), (x, area.bottom)], line, GRID);
            let half = width(&label, TICK, false) / 2.0;
            if x - half > taken + 6.0 {
                picture.text((x, area.bottom + 16.0), &label, TICK, false, MUTED, Anchor::Middle);
                taken = x + half;
            }
        }
        let decimals = self.decimals();
        for (row, colour) in colours.iter().enumerate().take(self.rows.len()) {
            let (error, ideal) = self.errors(row);
            let y = middle(row);
            let place = |value: f64| area.x(&axis, value);
            if let Some(ideal) = ideal {
                draw_error(picture, &ideal, place, y + SHIFT, 2.5, AXIS);
            }
            let Some(error) = error else { continue };
            draw_error(picture, &error, place, y, 4.0, colour.unwrap_or(INK));
            let text = fixed(error.mean, decimals);
            let half = width(&text, TICK, false) / 2.0;
            let x = place(error.mean).clamp(area.left + half - 10.0, area.right - half + 10.0);
            picture.text((x, y - 8.0), &text, TICK, false, MUTED, Anchor::Middle);
        }
    }

    /// An axis that holds all errors, their intervals, 0 and the margin; `None` without errors.
    fn axis(&self, area: &Area) -> Option<Axis> {
        let errors = (0..self.rows.len()).flat_map(|row| {
            let (error, ideal) = self.errors(row);
            [error, ideal].into_iter().flatten()
        });
        let ends: Vec<f64> = errors
            .flat_map(|error| {
                let half = error.half_width.unwrap_or(0.0);
                [error.mean - half, error.mean + half]
            })
            .collect();
        if ends.is_empty() {
            return None;
        }
        // The band ends inside, so that it is seen to end; without a margin the axis has some width.
        let margin = if self.margin > 0.0 && self.margin.is_finite() { self.margin * 100.0 } else { 0.1 };
        let low = ends.iter().copied().fold(-margin, f64::min);
        let high = ends.iter().copied().fold(margin, f64::max);
        let room = (high - low) * 0.08;
        let (low, high) = (low - room, high + room);
        let fits = |axis: &Axis| {
            let labels = axis.labels();
            labels.iter().map(|label| width(label, TICK, false) + 12.0).sum::<f64>() <= area.right - area.left
        };
        let axes = (2..=6).rev().map(|ticks| Axis::exactly(low, high, ticks));
        axes.into_iter().find(fits).or_else(|| Some(Axis::exactly(low, high, 2)))
    }

    /// One digit of the smallest half width, at most two decimals.
    fn decimals(&self) -> usize {
        let errors = || (0..self.rows.len()).filter_map(|row| self.errors(row).0);
        let halves = errors().filter_map(|error| error.half_width).filter(|half| *half > 0.0);
        let smallest = halves.min_by(f64::total_cmp);
        let means = || errors().map(|error| error.mean.abs()).filter(|mean| *mean > 0.0);
        smallest
            .or_else(|| means().min_by(f64::total_cmp))
            .map_or(1, |value| decimals_for(value, 1).clamp(1, 2))
    }
}

fn draw_error(
    picture: &mut Picture,
    error: &RelativeError,
    place: impl Fn(f64) -> f64,
    y: f64,
    radius: f64,
    colour: RGBColor,
) {
    let line = radius / 2.0;
    // An interval that is narrower than the dot would only make the dot square.
    let seen = |(low, high): &(f64, f64)| place(*high) - place(*low) > 2.0 * radius + line;
    if let Some((low, high)) = error.interval().filter(seen) {
        picture.line(vec![(place(low), y), (place(high), y)], line, colour);
        for x in [place(low), place(high)] {
            picture.line(vec![(x, y - radius), (x, y + radius)], line, colour);
        }
    }
    picture.marks.push(Mark::Dot { at: (place(error.mean), y), radius, colour });
}
