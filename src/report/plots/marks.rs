//! What went wrong, beside lines over time: bands with words for what is planned or large, and lanes of
//! marks for what comes by chance.

use super::axis::Axis;
use super::colour::{GRID, INK, MUTED};
use super::font::width;
use super::frame::{Area, TICK};
use super::picture::{Anchor, Mark, Picture};
use crate::metrics::recovery::MOST_INCIDENTS;
use crate::report::incidents::{Incident, Kind};
use crate::report::story::{PolicyStory, Story};

/// More bands than this would be noise.
const MOST_BANDS: usize = 8;
/// More marks than this, or marks over more of a lane than this share, would be noise.
const MOST_MARKS: usize = 80;
const MOST_COVERED: f64 = 0.5;
/// Opacity of bands, and of those that are too narrow to be seen so.
const BAND: f64 = 0.05;
const NARROW_BAND: f64 = 0.25;
/// Height of a lane's marks, and from one lane to the next.
const LANE: f64 = 9.0;
const LANE_STEP: f64 = 18.0;
/// Between the last lane and the plot, whose highest name reaches above it.
const GAP: f64 = 8.0;
/// Room for the words above bands.
const WORDS: f64 = 14.0;

/// A time in which something was wrong, in seconds since the first arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    from: f64,
    to: f64,
    words: String,
    nodes: u32,
}

/// Marks of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// What they mark.
    pub name: &'static str,
    spans: Vec<Span>,
}

/// All that is marked, and how much is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// What has a band.
    pub bands: Vec<Span>,
    /// What has a mark.
    pub lanes: Vec<Lane>,
    /// Failures of nodes that are too many to mark.
    pub unmarked: usize,
}

impl Marks {
    /// The incidents of a policy, in a plot of so many seconds from its first arrival on.
    pub fn of(policy: &PolicyStory, seconds: f64) -> Marks {
        let spans = |wanted: &dyn Fn(&Incident) -> bool| spans(policy, seconds, wanted);
        let mut marks = Marks { bands: spans(&|one| one.kind.is_planned()), ..Marks::default() };
        let mut lane = |name, spans: Vec<Span>| {
            if !spans.is_empty() {
                marks.lanes.push(Lane { name, spans });
            }
        };
        // Of a list that is full the late ones may be missing: then only large ones are marked.
        let is_full = |breakers: bool| {
            let listed = policy.incidents.iter().filter(|one| (one.kind == Kind::Breaker) == breakers);
            listed.count() >= MOST_INCIDENTS
        };
        let full = is_full(false);
        if marks.bands.len() > MOST_BANDS {
            let (bands, unmarked) = sparse(std::mem::take(&mut marks.bands), seconds, full);
            lane(if unmarked > 0 { "several nodes out" } else { "nodes out" }, bands);
            marks.unmarked += unmarked;
        }
        let (failures, unmarked) = sparse(spans(&|one| one.kind == Kind::Failure), seconds, full);
        lane(if unmarked > 0 { "several nodes down" } else { "nodes down" }, failures);
        marks.unmarked += unmarked;
        for (name, kind, full) in
            [("no leader", Kind::Leader, full), ("breakers open", Kind::Breaker, is_full(true))]
        {
            let (some, unmarked) = sparse(spans(&|one| one.kind == kind), seconds, full);
            lane(name, some);
            marks.unmarked += unmarked;
        }
        marks
    }

    /// What lines over time that are means over replications show of the incidents of all policies alike:
    /// what is planned, and in a single replication also what is large.
    pub fn bands(story: &Story, seconds: f64) -> Marks {
        let Some(policy) = shown(story) else { return Marks::default() };
        let several = story.facts.replications > 1;
        let large = |one: &Incident| !several && (one.kind == Kind::Leader || one.nodes > 1);
        let wanted = |one: &Incident| one.kind.is_planned() || (large(one) && one.kind != Kind::Breaker);
        let bands = spans(policy, seconds, &wanted);
        Marks { bands: if bands.len() > MOST_BANDS { Vec::new() } else { bands }, ..Marks::default() }
    }

    /// Takes the room that marks need from the top of an area.
    pub fn make_room(&self, area: &mut Area) {
        if !self.bands.is_empty() {
            area.top += WORDS - 8.0;
        }
        area.top += self.lanes_high();
    }

    fn lanes_high(&self) -> f64 {
        match self.lanes.len() {
            0 => 0.0,
            lanes => LANE_STEP * lanes as f64 + GAP,
        }
    }

    /// Draws bands over an area and lanes above it; a unit of the axis has so many seconds.
    pub fn draw(&self, picture: &mut Picture, area: &Area, x_axis: &Axis, unit: f64) {
        let top = area.top - self.lanes_high();
        let place = |span: &Span| (area.x(x_axis, span.from / unit), area.x(x_axis, span.to / unit));
        let mut taken = f64::NEG_INFINITY;
        for band in &self.bands {
            let (left, right) = widened(place(band), 3.0, area);
            let opacity = if right - left < 8.0 { NARROW_BAND } else { BAND };
            rectangle(picture, (left, right), (top, area.bottom), INK, opacity);
            let half = width(&band.words, TICK, false) / 2.0;
            let middle =
                ((left + right) / 2.0).clamp(area.left + half, (area.right - half).max(area.left + half));
            if middle - half > taken + 8.0 {
                picture.text((middle, top - 5.0), &band.words, TICK, false, MUTED, Anchor::Middle);
                taken = middle + half;
            }
        }
        for (number, lane) in self.lanes.iter().enumerate() {
            let middle = top + LANE_STEP * (number as f64 + 0.5);
            let rows = (middle - LANE / 2.0, middle + LANE / 2.0);
            rectangle(picture, (area.left, area.right), rows, GRID, 1.0);
            for ends in merged(lane.spans.iter().map(|span| widened(place(span), 2.0, area))) {
                rectangle(picture, ends, rows, MUTED, 1.0);
            }
            picture.text((area.right + 8.0, middle + 4.3), lane.name, TICK, false, INK, Anchor::Start);
        }
    }
}

/// The policy whose incidents stand for all: the first of those that have any.
pub fn shown(story: &Story) -> Option<&PolicyStory> {
    story.policies.iter().find(|policy| !policy.incidents.is_empty() && !policy.timelines.is_empty())
}

fn spans(policy: &PolicyStory, seconds: f64, wanted: &dyn Fn(&Incident) -> bool) -> Vec<Span> {
    let Some(timeline) = policy.timelines.first() else { return Vec::new() };
    let start = timeline.start;
    // What does not end lasts until the run does, which may be before the plot does.
    let whole = timeline.width.as_seconds() * timeline.rows.len() as f64;
    let span = |one: &Incident| Span {
        from: one.start.since(start).as_seconds(),
        to: one.end.map_or(whole, |end| end.since(start).as_seconds()).min(seconds),
        words: one.words(),
        nodes: one.nodes,
    };
    let spans = policy.incidents.iter().filter(|one| wanted(one)).map(span);
    spans.filter(|span| span.from < seconds && span.to > 0.0).collect()
}

/// All of them; of too many, or of a `full` list, those of several nodes; and how many are left out.
fn sparse(spans: Vec<Span>, seconds: f64, full: bool) -> (Vec<Span>, usize) {
    let fits = |spans: &[Span]| {
        // About 600 units wide, and a mark is 2 wide at least.
        let placed = spans.iter().map(|one| (one.from, one.to.max(one.from + seconds / 300.0)));
        let merged = merged(placed);
        let covered: f64 = merged.iter().map(|(from, to)| to - from).sum();
        merged.len() <= MOST_MARKS && (covered <= MOST_COVERED * seconds || spans.len() <= 2)
    };
    if !full && fits(&spans) {
        return (spans, 0);
    }
    let all = spans.len();
    let largest: Vec<Span> = spans.into_iter().filter(|span| span.nodes > 1).collect();
    match fits(&largest) {
        true => (largest.clone(), all - largest.len()),
        false => (Vec::new(), all),
    }
}

/// Those that touch made one, in order.
fn merged(spans: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut spans: Vec<(f64, f64)> = spans.collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// At least so wide, within the area.
fn widened((left, right): (f64, f64), least: f64, area: &Area) -> (f64, f64) {
    let short = (least - (right - left)).max(0.0);
    let left = (left - short / 2.0).clamp(area.left, (area.right - least).max(area.left));
    (left, right.max(left + least).min(area.right))
}

fn rectangle(
    picture: &mut Picture,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
    colour: plotters::style::RGBColor,
    opacity: f64,
) {
    let points = vec![(left, top), (right, top), (right, bottom), (left, bottom)];
    picture.marks.push(Mark::Area { points, colour, opacity });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: f64, to: f64, nodes: u32) -> Span {
        Span { from, to, words: String::new(), nodes }
    }

    #[test]
    fn touching_marks_are_one() {
        let spans = [(5.0, 6.0), (0.0, 2.0), (1.0, 3.0), (3.0, 4.0)];
        assert_eq!(merged(spans.into_iter()), [(0.0, 4.0), (5.0, 6.0)]);
    }

    #[test]
    fn too_many_marks_are_left_out() {
        let few = vec![span(1.0, 2.0, 1), span(50.0, 60.0, 3)];
        assert_eq!(sparse(few.clone(), 100.0, true), (vec![few[1].clone()], 1));
        assert_eq!(sparse(few.clone(), 100.0, false), (few, 0));
        // A hundred single failures all over the time, and one of three nodes.
        let mut many: Vec<Span> = (0..100).map(|at| span(f64::from(at), f64::from(at) + 0.6, 1)).collect();
        many.push(span(50.0, 60.0, 3));
        assert_eq!(sparse(many.clone(), 100.0, false), (vec![span(50.0, 60.0, 3)], 100));
        for one in &mut many {
            one.nodes = 2;
        }
        assert_eq!(sparse(many, 100.0, false), (vec![], 101));
    }
}
