//! Nodes that are up over time, with what went wrong above.

use super::axis::Axis;
use super::colour::{AXIS, POLICIES};
use super::finding;
use super::frame::{self, Name, SIZE, Words, axes, caption, make_room, names};
use super::marks::{Marks, shown};
use super::over_time::{Line, draw_lines, labels, lines, named};
use super::picture::Picture;
use super::series::{Quantity, grid, line};
use crate::report::number::count;
use crate::report::story::{PolicyStory, Story};
use plotters::style::RGBColor;

/// The plot; `None` when there is no timeline.
pub fn picture(story: &Story, colours: &[Option<RGBColor>]) -> Option<Picture> {
    let grid = grid(story, Quantity::NodesUp)?;
    let seconds = grid.step * grid.steps as f64;
    let all = lines(story, Quantity::NodesUp, colours, &grid);
    let mut lines = Vec::new();
    let several = story.facts.replications > 1;
    let marks = shown(story).map_or_else(Marks::default, |policy| Marks::of(policy, seconds));
    if story.facts.faults_follow_work {
        lines = all;
    } else {
        // Every policy meets the same outages; the longest run shows them all.
        let longest = |line: &(usize, Line)| line.1.points.len();
        let (index, whole) = all.into_iter().enumerate().rev().max_by_key(longest)?;
        let alone = first_replication(&story.policies[index]);
        let points = line(&alone, Quantity::NodesUp, &grid);
        // The same outages in all replications need no second line.
        if several && points.iter().zip(&whole.points).any(|(one, mean)| one.mean != mean.mean) {
            let name = format!("seed {}", story.facts.seed);
            lines.push(Line { name, colour: Some(AXIS), width: 1.0, points });
        }
        lines.push(match story.policies.len() {
            1 => whole,
            _ => Line { name: "all policies".to_string(), colour: Some(POLICIES[6]), ..whole },
        });
    }
    // Not of the bands: those of a few replications reach far below anything that is.
    let lowest =
        lines.iter().flat_map(|line| &line.points).map(|point| point.mean).fold(f64::INFINITY, f64::min);
    let y_axis = y_axis(story.facts.nodes, lowest);
    let words = words(story, &marks, &y_axis, grid.cut);
    let (mut picture, mut area) = frame::start(SIZE.1, &words);
    marks.make_room(&mut area);
    let x_axis = Axis::exactly(0.0, seconds / grid.unit.seconds, 6);
    let mut names_right = labels(&lines);
    let lanes = marks.lanes.iter().map(|lane| Name { text: lane.name.to_string(), colour: AXIS, end: 0.0 });
    let size = make_room(&mut area, &labels(&lines).into_iter().chain(lanes).collect::<Vec<_>>());
    let x_name = format!("simulated time since the first arrival ({})", grid.unit.name);
    let (x_labels, y_labels) = (x_axis.labels(), y_axis.labels());
    axes(&mut picture, &mut area, (&x_axis, &x_labels, &x_name), (&y_axis, &y_labels), false);
    marks.draw(&mut picture, &area, &x_axis, grid.unit.seconds);
    draw_lines(&mut picture, &area, &lines, (&x_axis, &y_axis), grid.unit.seconds);
    for (name, line) in names_right.iter_mut().zip(named(&lines)) {
        name.end = line.points.last().map_or(area.top, |point| area.y(&y_axis, point.mean.max(y_axis.low)));
    }
    names(&mut picture, &area, names_right, size);
    Some(picture)
}

/// The policy with its first replication alone.
fn first_replication(policy: &PolicyStory) -> PolicyStory {
    let timelines = policy.timelines.first().cloned().into_iter().collect();
    PolicyStory { timelines, incidents: Vec::new(), ..policy.clone() }
}

/// From 0 unless most nodes are up all the time; then from a little below the lowest, with whole numbers.
fn y_axis(nodes: usize, lowest: f64) -> Axis {
    let nodes = (nodes as f64).max(1.0);
    let room = ((nodes - lowest) * 0.15).max(0.5);
    let low = (lowest - room).floor().min(nodes - 2.0);
    if low < 0.5 * nodes || !low.is_finite() {
        return Axis::exactly(0.0, nodes, if nodes < 4.0 { nodes as usize } else { 4 });
    }
    let axis = Axis::exactly(low, nodes, ((nodes - low) as usize).min(4));
    // All nodes are worth a tick.
    match axis.ticks.len() {
        0 | 1 => Axis::exactly(low, nodes, 6),
        _ => axis,
    }
}

fn words(story: &Story, marks: &Marks, y_axis: &Axis, cut: bool) -> Words {
    let mut subtitle = format!("Nodes that are up, of {}", count(story.facts.nodes as u64));
    if y_axis.is_cut() {
        subtitle.push_str(", not from 0");
    }
    let replications = story.facts.replications;
    if replications > 1 {
        subtitle.push_str(&format!("; band: 95 % interval over {replications} replications"));
    } else {
        subtitle.push_str("; one replication");
    }
    let differ = story.policies.windows(2).any(|two| two[0].incidents.len() != two[1].incidents.len());
    if let Some(policy) = shown(story).filter(|_| !marks.lanes.is_empty()) {
        let of = if differ { format!(", {}", policy.name) } else { String::new() };
        subtitle.push_str(&format!("; marks: seed {}{of}", story.facts.seed));
    }
    let mut caption = caption(&story.facts);
    if cut {
        caption.push_str(" · to the end of the first replication");
    }
    if marks.unmarked > 0 {
        caption.push_str(" · too many failures to mark each");
    }
    Words { title: finding::nodes_up(story), subtitle, caption }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_holds_what_is_up() {
        for (nodes, lowest, low) in [
            (16, 12.5, 11.0),
            (1000, 978.0, 974.0),
            (60, 40.0, 37.0),
            (16, 2.0, 0.0),
            (2, 1.0, 0.0),
            (1, 0.9, 0.0),
        ] {
            let axis = y_axis(nodes, lowest);
            assert_eq!((axis.low, axis.high), (low, nodes as f64), "{nodes} {lowest}");
            assert!(axis.low <= lowest && axis.ticks.len() > 1, "{nodes} {lowest}: {:?}", axis.ticks);
            assert!(axis.ticks.iter().all(|tick| tick.fract() == 0.0), "{:?}", axis.ticks);
        }
    }
}
