//! Where one curve crosses another, and how sure that is.
//!
//! A difference is known at some points with an interval each. Between two points whose differences have
//! opposite signs it is taken as straight, and so is the band around it. The crossing is where the line is
//! 0; it may lie wherever the band holds 0.

use super::paired::Paired;

/// A crossing, or several that cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Where the line is 0; of several the one in the middle.
    pub at: f64,
    /// From here on the band around it holds 0; `None` when it is nowhere clear before.
    pub from: Option<f64>,
    /// Up to here it does; `None` when it is nowhere clear after.
    pub to: Option<f64>,
    /// The last point before it, by number.
    pub after: usize,
    /// The first point behind it.
    pub before: usize,
    /// Whether the difference is below 0 before it, and above 0 behind it.
    pub rises: bool,
}

/// The crossings of a difference known at these places, in ascending order. Where the band holds 0 all the
/// way from one to the next they are one crossing; an even number of those leads to the side it came
/// from, and is none.
pub fn crossings(points: &[(f64, Paired)]) -> Vec<Crossing> {
    let mut groups: Vec<Vec<Crossing>> = Vec::new();
    for crossing in each(points) {
        match groups.last_mut() {
            Some(group) if is_unclear(points, group[group.len() - 1].before, crossing.after) => {
                group.push(crossing);
            }
            _ => groups.push(vec![crossing]),
        }
    }
    let odd = groups.into_iter().filter(|group| group.len() % 2 == 1);
    odd.map(|group| {
        let (first, last) = (group[0], group[group.len() - 1]);
        Crossing { at: group[group.len() / 2].at, to: last.to, before: last.before, ..first }
    })
    .collect()
}

/// Every crossing of the line.
fn each(points: &[(f64, Paired)]) -> Vec<Crossing> {
    let mut found = Vec::new();
    let mut last: Option<usize> = None;
    for (number, (x, difference)) in points.iter().enumerate() {
        // A difference of exactly 0 has no side: it belongs to the way from one side to the other.
        if difference.mean == 0.0 {
            continue;
        }
        if let Some(after) = last
            && points[after].1.mean * difference.mean < 0.0
        {
            let at = match number - after {
                1 => zero(points[after].0, points[after].1.mean, *x, difference.mean),
                _ => (points[after + 1].0 + points[number - 1].0) / 2.0,
            };
            found.push(Crossing {
                at,
                from: edge(points, (0..=after).rev(), at),
                to: edge(points, number..points.len(), at),
                after,
                before: number,
                rises: difference.mean > 0.0,
            });
        }
        last = Some(number);
    }
    found
}

/// Whether the band holds 0 at all of these points.
fn is_unclear(points: &[(f64, Paired)], first: usize, last: usize) -> bool {
    points[first..=last].iter().all(|(_, paired)| paired.holds_zero())
}

/// Where a line through two points is 0.
fn zero(x: f64, y: f64, to_x: f64, to_y: f64) -> f64 {
    x + (to_x - x) * y / (y - to_y)
}

/// Where the band leaves 0, to whichever side, looking from the crossing over these points.
fn edge(points: &[(f64, Paired)], way: impl Iterator<Item = usize>, at: f64) -> Option<f64> {
    let mut last = (at, Paired { mean: 0.0, half_width: width_at(points, at) });
    for number in way {
        let (x, paired) = points[number];
        let side = paired.mean.signum();
        let clearness = |paired: Paired| side * paired.mean - paired.half_width;
        if clearness(paired) > 0.0 {
            return Some(zero(last.0, clearness(last.1).min(-f64::MIN_POSITIVE), x, clearness(paired)));
        }
        last = (x, paired);
    }
    None
}

/// Half the width of the band at this place, which lies within that of the points.
fn width_at(points: &[(f64, Paired)], at: f64) -> f64 {
    let next = points.iter().position(|(x, _)| *x >= at).unwrap_or(points.len() - 1);
    let ((from, one), (to, other)) = (points[next.saturating_sub(1)], points[next]);
    let share = if to > from { ((at - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
    one.half_width + (other.half_width - one.half_width) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(f64, f64, f64)]) -> Vec<(f64, Paired)> {
        values.iter().map(|&(x, mean, half_width)| (x, Paired { mean, half_width })).collect()
    }

    /// From -2 at 0 to 2 at 4 the line is 0 at 2; with a band of 1 everywhere it holds 0 from 1 to 3.
    #[test]
    fn a_straight_line_crosses_where_it_must() {
        let found = crossings(&points(&[(0.0, -2.0, 1.0), (4.0, 2.0, 1.0)]));
        assert_eq!(
            found,
            [Crossing { at: 2.0, from: Some(1.0), to: Some(3.0), after: 0, before: 1, rises: true }]
        );
    }

    #[test]
    fn an_uncertain_end_is_left_open() {
        let found =
            crossings(&points(&[(0.0, -0.5, 1.0), (1.0, -0.5, 1.0), (2.0, 0.5, 1.0), (3.0, 3.0, 1.0)]));
        assert_eq!((found.len(), found[0].at, found[0].from), (1, 1.5, None));
        // From -0.5 at 2 to 2 at 3.
        assert!((found[0].to.expect("an end") - 2.2).abs() < 1e-12, "{found:?}");
        assert!(crossings(&points(&[(0.0, 1.0, 0.1), (1.0, 2.0, 0.1)])).is_empty());
        assert!(crossings(&points(&[(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)])).is_empty());
        let through = crossings(&points(&[(0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (2.0, 1.0, 0.0)]));
        assert_eq!(
            through,
            [Crossing { at: 1.0, from: Some(1.0), to: Some(1.0), after: 0, before: 2, rises: true }]
        );
    }

    /// The same, at 1 and on, with half widths of 0.75.
    fn found(means: &[f64]) -> Vec<(f64, Option<f64>, Option<f64>)> {
        let of = |(number, &mean): (usize, &f64)| (number as f64 + 1.0, mean, 0.75);
        let found = crossings(&points(&means.iter().enumerate().map(of).collect::<Vec<_>>()));
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        found.iter().map(|one| (rounded(one.at), one.from.map(rounded), one.to.map(rounded))).collect()
    }

    #[test]
    fn the_range_ends_where_either_side_is_clear() {
        // At 3 it is clearly below 0 again: what happens around 2 leads nowhere.
        assert_eq!(found(&[-3.0, 0.5, -3.0, 3.0]), [(3.5, Some(3.375), Some(3.625))]);
        assert_eq!(
            found(&[-3.0, 3.0, -3.0]),
            [(1.5, Some(1.375), Some(1.625)), (2.5, Some(2.375), Some(2.625))]
        );
    }

    #[test]
    fn crossings_that_cannot_be_told_apart_are_one() {
        let [(at, Some(from), Some(to))] = found(&[-3.0, 0.5, -0.5, 3.0])[..] else { panic!("one crossing") };
        assert!((at - 2.5).abs() < 1e-3 && (from - 1.643).abs() < 1e-3 && (to - 3.357).abs() < 1e-3);
        // Across and back without ever being clear is no crossing.
        assert_eq!(found(&[-3.0, 0.5, -0.5]), []);
    }

    #[test]
    fn a_tie_is_no_crossing() {
        assert_eq!(found(&[-2.0, 2.0, 0.0, 2.0]), [(1.5, Some(1.313), Some(1.688))]);
        // Half way through the ties.
        assert_eq!(found(&[-2.0, 0.0, 0.0, 2.0])[0].0, 2.5);
    }
}
