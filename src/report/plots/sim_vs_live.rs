//! Throughput over time, simulated and live on one axis, a panel for each policy.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::{self, AXIS, GRID, INK, MUTED};
use super::font::width;
use super::frame::{self, Area, NAME, SIZE, TICK, Words, caption};
use super::picture::{Anchor, Mark, Picture};
use super::series::{Grid, Point, Quantity, grid, line, step_unit};
use crate::experiment::fidelity::{Fidelity, PolicyTrials, Simulated, Trial};
use crate::metrics::{Metric, ReplicationResult};
use crate::report::fidelity::seeds_in_words;
use crate::report::fidelity::sentences::percent;
use crate::report::number::significant;
use crate::report::story::{Facts, PolicyStory, Story};

/// So many policies are shown.
const MOST: usize = 3;
/// Room above a panel for the name of its policy, and between panels.
const ABOVE: f64 = 30.0;
/// Opacity of bands.
const BAND: f64 = 0.16;
/// Drawn and left out of a dashed line.
const DASH: (f64, f64) = (7.0, 4.0);

/// One policy, live and simulated.
struct Panel {
    name: String,
    colour: RGBColor,
    live: Vec<Point>,
    simulated: Vec<Point>,
}

/// The plot; `None` when no policy has timelines on both sides.
pub fn picture(facts: &Facts, fidelity: &Fidelity, trials: &[PolicyTrials]) -> Option<Picture> {
    let simulated = fidelity.simulated();
    let chosen = chosen(fidelity, trials, simulated);
    let stories = chosen.iter().flat_map(|&index| stories(&trials[index], simulated)).collect::<Vec<_>>();
    let story = Story { facts: facts.clone(), policies: stories.into() };
    let grid = grid(&story, Quantity::Throughput)?;
    let colours = colour::of_policies(trials.len(), &chosen);
    let panels: Vec<Panel> = chosen
        .iter()
        .zip(story.policies.chunks(2))
        .map(|(&index, pair)| Panel {
            name: trials[index].policy.clone(),
            colour: colours[index].unwrap_or(MUTED),
            live: line(&pair[0], Quantity::Throughput, &grid),
            simulated: line(&pair[1], Quantity::Throughput, &grid),
        })
        .collect();
    let words = words(facts, fidelity, trials.len(), panels.len(), &grid);
    let height = (150 + 135 * panels.len() as u32).max(SIZE.1);
    let (mut picture, mut area) = frame::start(height, &words);
    draw(&mut picture, &mut area, &panels, &grid, simulated);
    Some(picture)
}

/// Those with the largest error in throughput among the policies that can be drawn, in the order of
/// the scenario.
fn chosen(fidelity: &Fidelity, trials: &[PolicyTrials], simulated: Simulated) -> Vec<usize> {
    let drawn = |policy: &PolicyTrials| {
        let [live, other] = stories(policy, simulated);
        !live.timelines.is_empty() && !other.timelines.is_empty()
    };
    let error = |index: usize| {
        let one = fidelity.policies.get(index).and_then(|policy| policy.get(Metric::Throughput));
        one.and_then(|one| one.error()).map_or(0.0, |error| error.mean.abs())
    };
    let mut chosen: Vec<usize> = (0..trials.len()).filter(|&index| drawn(&trials[index])).collect();
    chosen.sort_by(|&a, &b| error(b).total_cmp(&error(a)).then(a.cmp(&b)));
    chosen.truncate(MOST);
    chosen.sort_unstable();
    chosen
}

/// The live runs and the simulations of a policy, of valid trials that have both timelines.
fn stories(policy: &PolicyTrials, simulated: Simulated) -> [PolicyStory; 2] {
    let other = |trial: &'_ Trial| -> Option<ReplicationResult> {
        match simulated {
            Simulated::Ideal => Some(trial.ideal.clone()),
            Simulated::Calibrated => trial.calibrated.clone(),
        }
    };
    let pairs = policy.trials.iter().filter(|trial| trial.invalid.is_none());
    let pairs = pairs.filter_map(|trial| Some((trial.live.timeline.clone()?, other(trial)?.timeline?)));
    let (live, simulated): (Vec<_>, Vec<_>) = pairs.unzip();
    [live, simulated].map(|timelines| PolicyStory {
        name: policy.policy.clone(),
        rows: vec![],
        timelines,
        nodes: vec![],
        tails: vec![],
        incidents: Vec::new(),
        theory: vec![],
    })
}

fn words(facts: &Facts, fidelity: &Fidelity, policies: usize, panels: usize, grid: &Grid) -> Words {
    let unit = step_unit(grid.step, grid.unit);
    let bucket = format!("{} {}", significant(grid.step / unit.seconds, 3), unit.name);
    let band = match seeds_in_words(fidelity) {
        None => "one run".to_string(),
        Some(seeds) => format!("band: 95 % interval of live over {seeds}"),
    };
    let which = if panels < policies {
        format!("; the {panels} of {policies} policies with the largest error")
    } else {
        String::new()
    };
    let title = match fidelity.overall(Metric::Throughput, fidelity.simulated()) {
        Some(one) if one.policies > 1 => format!(
            "Simulated throughput differs from live by {} at most ({})",
            percent(one.worst),
            one.worst_policy
        ),
        Some(one) => format!("Simulated throughput differs from live by {}", percent(one.worst)),
        None => "Does the simulated throughput follow the live one?".to_string(),
    };
    Words {
        title,
        subtitle: format!("Throughput in tasks/s, {bucket} buckets; {band}{which}"),
        caption: caption(facts),
    }
}

fn draw(picture: &mut Picture, area: &mut Area, panels: &[Panel], grid: &Grid, simulated: Simulated) {
    let points = || panels.iter().flat_map(|panel| panel.live.iter().chain(&panel.simulated));
    let top = points().map(|point| point.mean + point.half_width).fold(0.0, f64::max);
    let y_axis = Axis::between(0.0, top, if panels.len() > 2 { 2 } else { 4 });
    let x_axis = Axis::exactly(0.0, grid.step * grid.steps as f64 / grid.unit.seconds, 6);
    let y_labels = y_axis.labels();
    let widest = y_labels.iter().map(|label| width(label, TICK, false)).fold(0.0, f64::max);
    area.left += widest + 10.0;
    area.right -= width(simulated.name(), NAME, false) * 1.1 + 34.0;
    area.top -= 8.0;
    area.bottom -= 40.0;
    let high = (area.bottom - area.top) / panels.len() as f64;
    for (number, panel) in panels.iter().enumerate() {
        let top = area.top + number as f64 * high;
        let part = Area { top: top + ABOVE, bottom: top + high, ..*area };
        picture.text((part.left, part.top - 10.0), &panel.name, NAME, true, INK, Anchor::Start);
        for (&tick, label) in y_axis.ticks.iter().zip(&y_labels) {
            let y = part.y(&y_axis, tick);
            picture.line(vec![(part.left, y), (part.right, y)], 1.0, GRID);
            picture.text((part.left - 8.0, y + 4.3), label, TICK, false, MUTED, Anchor::End);
        }
        picture.line(vec![(part.left, part.bottom), (part.right, part.bottom)], 1.0, AXIS);
        lines(picture, &part, panel, (&x_axis, &y_axis), grid.unit.seconds);
        let end = panel.live.last().map_or(top, |point| part.y(&y_axis, point.mean));
        key(picture, &part, end, panel.colour, simulated);
    }
    let mut taken = f64::NEG_INFINITY;
    for (&tick, label) in x_axis.ticks.iter().zip(x_axis.labels()) {
        let x = area.x(&x_axis, tick);
        picture.line(vec![(x, area.bottom), (x, area.bottom + 4.0)], 1.0, AXIS);
        let half = width(&label, TICK, false) / 2.0;
        if x - half > taken + 4.0 {
            picture.text((x, area.bottom + 18.0), &label, TICK, false, MUTED, Anchor::Middle);
            taken = x + half;
        }
    }
    let x_name = format!("scenario time since the first arrival ({})", grid.unit.name);
    let middle = ((area.left + area.right) / 2.0, area.bottom + 38.0);
    picture.text(middle, &x_name, TICK, false, MUTED, Anchor::Middle);
}

fn lines(picture: &mut Picture, area: &Area, panel: &Panel, (x_axis, y_axis): (&Axis, &Axis), unit: f64) {
    let place = |point: &Point, value: f64| {
        (area.x(x_axis, point.time / unit), area.y(y_axis, value.clamp(y_axis.low, y_axis.high)))
    };
    let colour = panel.colour;
    if panel.live.iter().any(|point| point.half_width > 0.0) {
        let above = panel.live.iter().map(|point| place(point, point.mean + point.half_width));
        let below = panel.live.iter().rev().map(|point| place(point, point.mean - point.half_width));
        picture.marks.push(Mark::Area { points: above.chain(below).collect(), colour, opacity: BAND });
    }
    for (points, dashed) in [(&panel.live, false), (&panel.simulated, true)] {
        let placed: Vec<(f64, f64)> = points.iter().map(|point| place(point, point.mean)).collect();
        match placed[..] {
            [only] => picture.marks.push(Mark::Dot { at: only, radius: 3.0, colour }),
            // Ink over the line that it is compared with, or the two could not be told apart.
            _ if dashed => dashes(picture, &placed, 1.5, INK),
            _ => picture.line(placed, 2.0, colour),
        }
    }
}

/// What the lines are, beside their end.
fn key(picture: &mut Picture, area: &Area, end: f64, colour: RGBColor, simulated: Simulated) {
    let (left, middle) = (area.right + 8.0, end.clamp(area.top + 9.0, area.bottom - 9.0));
    picture.line(vec![(left, middle - 9.0), (left + 20.0, middle - 9.0)], 2.0, colour);
    picture.text((left + 26.0, middle - 9.0 + 0.36 * NAME), "live", NAME, false, INK, Anchor::Start);
    dashes(picture, &[(left, middle + 9.0), (left + 20.0, middle + 9.0)], 1.5, INK);
    let at = (left + 26.0, middle + 9.0 + 0.36 * NAME);
    picture.text(at, simulated.name(), NAME, false, INK, Anchor::Start);
}

/// A dashed line through points; dashes go on around corners.
fn dashes(picture: &mut Picture, points: &[(f64, f64)], width: f64, colour: RGBColor) {
    let mut dash: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, DASH.0);
    for pair in points.windows(2) {
        let ((mut x, mut y), (end_x, end_y)) = (pair[0], pair[1]);
        loop {
            let rest = (end_x - x).hypot(end_y - y);
            if rest <= left {
                left -= rest;
                if drawing {
                    dash.push((end_x, end_y));
                }
                break;
            }
            (x, y) = (x + (end_x - x) * left / rest, y + (end_y - y) * left / rest);
            if drawing {
                dash.push((x, y));
                picture.line(std::mem::take(&mut dash), width, colour);
            } else {
                dash = vec![(x, y)];
            }
            drawing = !drawing;
            left = if drawing { DASH.0 } else { DASH.1 };
        }
    }
    if drawing {
        picture.line(dash, width, colour);
    }
}
