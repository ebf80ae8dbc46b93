//! Waits of pilot runs in order of arrival, and where they are cut.

use plotters::style::RGBColor;

use super::axis::Axis;
use super::colour::AXIS;
use super::frame::{self, Name, SIZE, Words, axes, caption, make_room, names};
use super::picture::Picture;
use crate::experiment::warmup::Warmup;
use crate::report::number::count;
use crate::report::story::Story;

/// The plot; `None` when pilot runs were too short to draw.
pub fn picture(story: &Story, warmup: &Warmup, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let last = |waits: &[(f64, f64)]| waits.last().map(|point| point.0);
    let end = warmup.policies.iter().filter_map(|one| last(&one.waits)).max_by(f64::total_cmp)?;
    let values = warmup.policies.iter().flat_map(|one| &one.waits).map(|point| point.1);
    let top = values.fold(0.0, f64::max);
    let settled = warmup.policies.iter().all(|one| one.settled);
    let tasks = count(u64::from(warmup.tasks));
    let title = match settled {
        _ if warmup.tasks == 0 => "No task is left out: waits show no start".to_string(),
        true => format!("The first {tasks} tasks are left out"),
        false => format!("Waits had not settled: the first {tasks} tasks are left out"),
    };
    let words = Words {
        title,
        subtitle: format!(
            "Wait in s by order of arrival, mean over {} pilot runs; dashed: the cut (MSER-5)",
            warmup.pilots
        ),
        caption: caption(&story.facts),
    };
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    let (x_axis, y_axis) = (Axis::exactly(0.0, end.max(1.0), 5), Axis::between(0.0, top, 4));
    let colour = |index: usize| colours.get(index).copied().flatten();
    let mut labels: Vec<Name> = Vec::new();
    for (index, one) in warmup.policies.iter().enumerate() {
        if let Some(colour) = colour(index) {
            labels.push(Name { text: one.policy.clone(), colour, end: 0.0 });
        }
    }
    let size = make_room(&mut area, &labels);
    let (x_labels, y_labels) = (x_axis.labels(), y_axis.labels());
    let x = (&x_axis, &x_labels[..], "tasks in order of arrival");
    axes(&mut picture, &mut area, x, (&y_axis, &y_labels), false);
    let place = |point: &(f64, f64)| (area.x(&x_axis, point.0), area.y(&y_axis, point.1));
    let mut ends = labels.iter_mut();
    for (index, one) in warmup.policies.iter().enumerate() {
        let points: Vec<(f64, f64)> = one.waits.iter().map(place).collect();
        if colour(index).is_some()
            && let (Some(name), Some(last)) = (ends.next(), points.last())
        {
            name.end = last.1;
        }
        picture.line(points, 1.5, colour(index).unwrap_or(AXIS));
    }
    let cut = area.x(&x_axis, f64::from(warmup.tasks));
    frame::upright(&mut picture, &area, cut, &tasks);
    names(&mut picture, &area, labels, size);
    Some(picture)
}
