//! From timelines with buckets of many widths to lines on one grid of time.

use crate::metrics::{Timeline, TimelineRow};
use crate::report::story::{PolicyStory, Story};
use crate::statistics::confidence::Summary;

use super::axis::step;

/// Most points of a line.
const POINTS: f64 = 200.0;
/// So many completed tasks in each point, over all replications, keep noise below some 7 %.
const TASKS_PER_POINT: f64 = 200.0;

/// Mean and interval over replications at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Seconds since the first arrival.
    pub time: f64,
    /// Mean.
    pub mean: f64,
    /// Half the width of the interval; 0 without one.
    pub half_width: f64,
}

/// What is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Completed tasks per second.
    Throughput,
    /// Waiting tasks.
    Queue,
    /// Nodes that are up.
    NodesUp,
}

/// The common grid of all lines of a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Seconds from one point to the next.
    pub step: f64,
    /// How many steps.
    pub steps: usize,
    /// Whether it ends where the first replication does.
    pub cut: bool,
    /// The unit of time for people.
    pub unit: TimeUnit,
}

/// A unit of time for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeUnit {
    /// Its name.
    pub name: &'static str,
    /// Its seconds.
    pub seconds: f64,
}

/// The unit in which a span of this many seconds reads well.
pub fn unit_for(seconds: f64) -> TimeUnit {
    match seconds {
        _ if seconds < 0.02 => TimeUnit { name: "ms", seconds: 1e-3 },
        _ if seconds <= 20_000.0 => TimeUnit { name: "s", seconds: 1.0 },
        _ if seconds <= 400_000.0 => TimeUnit { name: "h", seconds: 3600.0 },
        _ => TimeUnit { name: "days", seconds: 86_400.0 },
    }
}

/// The unit in which a step on a grid in this unit is a number above 1.
pub fn step_unit(step: f64, unit: TimeUnit) -> TimeUnit {
    let smaller = [("days", "h", 3600.0), ("h", "min", 60.0), ("s", "ms", 1e-3)];
    let smaller = smaller.into_iter().find(|(name, ..)| *name == unit.name && step < unit.seconds);
    smaller.map_or(unit, |(_, name, seconds)| TimeUnit { name, seconds })
}

fn length(timeline: &Timeline) -> f64 {
    timeline.width.as_seconds() * timeline.rows.len() as f64
}

/// The grid for a quantity; `None` when there are no timelines.
pub fn grid(story: &Story, quantity: Quantity) -> Option<Grid> {
    let timelines = || story.policies.iter().flat_map(|policy| &policy.timelines);
    let lengths = || timelines().map(length).filter(|length| *length > 0.0);
    let latest = lengths().max_by(f64::total_cmp)?;
    let earliest = lengths().min_by(f64::total_cmp)?;
    // Runs that end nearly together are cut at the first end, where the others are still whole;
    // runs of different lengths are shown to the last end.
    // Nodes are counted for as long as every replication of the longest policy still runs.
    let whole = |policy: &PolicyStory| {
        let lengths = policy.timelines.iter().map(length).filter(|length| *length > 0.0);
        lengths.min_by(f64::total_cmp)
    };
    let end = match quantity {
        Quantity::NodesUp => story.policies.iter().filter_map(whole).max_by(f64::total_cmp)?,
        _ if earliest >= 0.85 * latest && !story.facts.batch => earliest,
        _ => latest,
    };
    let cut = end < latest;
    let points = match quantity {
        Quantity::Throughput => {
            let completed = |policy: &PolicyStory| -> u64 {
                policy.timelines.iter().flat_map(|timeline| &timeline.rows).map(|row| row.completed).sum()
            };
            let least = story.policies.iter().map(completed).filter(|tasks| *tasks > 0).min().unwrap_or(0);
            (least as f64 / TASKS_PER_POINT).clamp(20.0, POINTS)
        }
        Quantity::Queue | Quantity::NodesUp => POINTS,
    };
    let unit = unit_for(end);
    let step = step(end / unit.seconds / points) * unit.seconds;
    let steps = if cut { (end / step).floor() } else { (end / step - 1e-9).ceil() };
    Some(Grid { step, steps: (steps as usize).max(1), cut, unit })
}

/// The line of one policy; ends when all of its replications have ended.
pub fn line(policy: &PolicyStory, quantity: Quantity, grid: &Grid) -> Vec<Point> {
    let timelines: Vec<&Timeline> = policy.timelines.iter().filter(|one| length(one) > 0.0).collect();
    let ends: Vec<f64> = timelines.iter().map(|one| length(one)).collect();
    let Some(last) = ends.iter().copied().max_by(f64::total_cmp) else { return Vec::new() };
    let counts: Vec<Vec<u64>> = match quantity {
        Quantity::Throughput => timelines.iter().map(|one| cumulative(one)).collect(),
        _ => Vec::new(),
    };
    let mut points = Vec::new();
    for number in 0..=grid.steps {
        let time = number as f64 * grid.step;
        let values: Vec<f64> = match quantity {
            Quantity::Throughput if number == grid.steps || time >= last => break,
            Quantity::Throughput => {
                let rate = |(timeline, counts): (&&Timeline, &Vec<u64>)| {
                    (completed_by(timeline, counts, time + grid.step) - completed_by(timeline, counts, time))
                        / grid.step
                };
                timelines.iter().zip(&counts).map(rate).collect()
            }
            _ if time > last => break,
            Quantity::Queue => {
                timelines.iter().map(|timeline| level(timeline, time, |row| row.queue_length)).collect()
            }
            Quantity::NodesUp => {
                let running = timelines.iter().zip(&ends).filter(|(_, end)| time <= **end);
                running.map(|(timeline, _)| level(timeline, time, |row| row.nodes_up)).collect()
            }
        };
        let Some(summary) = Summary::of(&values) else { break };
        // A count stands in the middle of its bucket, a level at its instant.
        let shift = if quantity == Quantity::Throughput { grid.step / 2.0 } else { 0.0 };
        let half_width = summary.half_width.unwrap_or(0.0);
        points.push(Point { time: time + shift, mean: summary.mean, half_width });
    }
    points
}

/// Tasks completed by the start of each bucket, and at the end.
fn cumulative(timeline: &Timeline) -> Vec<u64> {
    let mut sum = 0;
    let mut sums = vec![0];
    sums.extend(timeline.rows.iter().map(|row| {
        sum += row.completed;
        sum
    }));
    sums
}

/// Tasks completed by an instant, taken as evenly spread within each bucket.
fn completed_by(timeline: &Timeline, counts: &[u64], time: f64) -> f64 {
    let place = (time / timeline.width.as_seconds()).min((counts.len() - 1) as f64);
    let bucket = place.floor() as usize;
    let before = counts[bucket] as f64;
    let after = counts[(bucket + 1).min(counts.len() - 1)] as f64;
    before + (after - before) * (place - bucket as f64)
}

/// The level known at an instant: that of the last bucket that has ended, and before the first
/// end that of the first bucket. After the end there is nothing.
fn level(timeline: &Timeline, time: f64, of: impl Fn(&TimelineRow) -> u64) -> f64 {
    let place = time / timeline.width.as_seconds();
    if place > timeline.rows.len() as f64 + 1e-9 {
        return 0.0;
    }
    let ended = (place + 1e-9).floor() as usize;
    timeline.rows.get(ended.saturating_sub(1)).map_or(0.0, |row| of(row) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Duration, Time};

    fn timeline(width: u64, completed: &[u64]) -> Timeline {
        let row =
            |&completed: &u64| TimelineRow { completed, queue_length: completed, ..TimelineRow::default() };
        Timeline {
            start: Time(0),
            width: Duration(width * 1_000_000_000),
            rows: completed.iter().map(row).collect(),
        }
    }

    #[test]
    fn counts_are_kept_when_the_grid_changes() {
        let timeline = timeline(3, &[3, 6, 0, 9]);
        let counts = cumulative(&timeline);
        let total: f64 = (0..10)
            .map(|number| {
                let time = f64::from(number) * 1.3;
                completed_by(&timeline, &counts, time + 1.3) - completed_by(&timeline, &counts, time)
            })
            .sum();
        assert!((total - 18.0).abs() < 1e-9, "{total}");
        assert!((completed_by(&timeline, &counts, 4.5) - 6.0).abs() < 1e-9);
    }

    #[test]
    fn levels_hold_until_the_next_is_known() {
        let timeline = timeline(10, &[1, 2, 3]);
        let at = |time| level(&timeline, time, |row| row.queue_length);
        assert_eq!(
            [at(0.0), at(10.0), at(19.0), at(20.0), at(30.0), at(31.0)],
            [1.0, 1.0, 1.0, 2.0, 3.0, 0.0]
        );
    }
}
