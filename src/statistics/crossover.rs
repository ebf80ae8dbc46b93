//! Where one curve crosses another, and how sure that is.
//!
//! A difference is known at some points with an interval each. Between two points whose differences have
//! opposite signs it is taken as straight, and so is the band around it. The crossing is where the line is
//! 0; it may lie wherever the band holds 0.

use super::paired::Paired;

/// A crossing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Where the line is 0.
    pub at: f64,
    /// From here on the band around it holds 0; `None` when it is nowhere clear before.
    pub from: Option<f64>,
    /// Up to here it does; `None` when it is nowhere clear after.
    pub to: Option<f64>,
    /// The point before it, by number.
    pub after: usize,
}

/// The crossings of a difference known at these places, in ascending order.
pub fn crossings(points: &[(f64, Paired)]) -> Vec<Crossing> {
    let mut found = Vec::new();
    let mut last: Option<usize> = None;
    for (number, (_, difference)) in points.iter().enumerate() {
        // A difference of exactly 0 has no side: it belongs to the way from one side to the other.
        if difference.mean == 0.0 {
            continue;
        }
        if let Some(before) = last
            && points[before].1.mean * difference.mean < 0.0
        {
            let at = zero(points[before].0, points[before].1.mean, points[number].0, difference.mean);
            found.push(Crossing {
                at,
                from: edge(points, before, at, true),
                to: edge(points, number, at, false),
                after: before,
            });
        }
        last = Some(number);
    }
    found
}

/// Where a line through two points is 0.
fn zero(x: f64, y: f64, to_x: f64, to_y: f64) -> f64 {
    x + (to_x - x) * y / (y - to_y)
}

/// Where the band begins to hold 0, looking from the crossing to one side; `start` is the first point there.
fn edge(points: &[(f64, Paired)], start: usize, at: f64, down: bool) -> Option<f64> {
    // Above 0 where 0 is outside of the band, on the side where the difference is next to the crossing.
    let side = points[start].1.mean.signum();
    let clear = |paired: &Paired| side * paired.mean - paired.half_width;
    let neighbour = if down { start + 1 } else { start.checked_sub(1)? };
    let width = |share: f64| {
        let (one, other) = (points[start].1.half_width, points[neighbour].1.half_width);
        one + (other - one) * share
    };
    let share = (at - points[start].0) / (points[neighbour].0 - points[start].0);
    let (mut x, mut y) = (at, -width(share.clamp(0.0, 1.0)));
    let mut number = start;
    loop {
        let (next, paired) = (points[number].0, &points[number].1);
        let clearness = clear(paired);
        if clearness > 0.0 {
            return Some(zero(x, y.min(-f64::MIN_POSITIVE), next, clearness));
        }
        (x, y) = (next, clearness);
        number = if down {
            number.checked_sub(1)?
        } else {
            Some(number + 1).filter(|next| *next < points.len())?
        };
    }
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
        assert_eq!(found, [Crossing { at: 2.0, from: Some(1.0), to: Some(3.0), after: 0 }]);
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
        // Once more across and back, without ever being clear: only the first side is known.
        let wavering = crossings(&points(&[(0.0, -3.0, 1.0), (1.0, 0.5, 1.0), (2.0, -0.5, 1.0)]));
        assert_eq!((wavering[0].from.is_some(), wavering[0].to), (true, None));
        assert_eq!((wavering[1].from, wavering[1].to), (None, None));
        let through = crossings(&points(&[(0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (2.0, 1.0, 0.0)]));
        assert_eq!(through, [Crossing { at: 1.0, from: Some(1.0), to: Some(1.0), after: 0 }]);
    }
}
