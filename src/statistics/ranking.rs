//! Whether two sides put the same things in the same order.
//!
//! Kendall's tau-b is the share of pairs that both sides order alike less the share that they order
//! differently, corrected for ties (Kendall, *The treatment of ties in ranking problems*, Biometrika
//! 33, 1945). It counts every pair alike, also pairs whose values hardly differ; [`inverted_pairs`]
//! therefore names the pairs that are clearly apart on both sides and still swapped.

use std::cmp::Ordering;

/// Kendall's tau-b of two equally long lists of values: 1 when both order all pairs alike, -1 when
/// one has the reverse order of the other, 0 when neither order prevails.
///
/// `None` when the lists differ in length, when a value is not a number, and when all values of a
/// side are equal (or there are fewer than two), so that there is no order to compare.
pub fn kendall_tau_b(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.iter().chain(b).any(|value| value.is_nan()) {
        return None;
    }
    // Pairs ordered alike less pairs ordered differently; pairs that are no ties on each side.
    let (mut agreement, mut apart_in_a, mut apart_in_b) = (0i64, 0u64, 0u64);
    for second in 1..a.len() {
        for first in 0..second {
            let (in_a, in_b) = (sign(a[first], a[second]), sign(b[first], b[second]));
            agreement += in_a * in_b;
            apart_in_a += in_a.unsigned_abs();
            apart_in_b += in_b.unsigned_abs();
        }
    }
    // The root of a square may not be exact, and then equal orders would not give exactly 1.
    let norm = if apart_in_a == apart_in_b {
        apart_in_a as f64
    } else {
        (apart_in_a as f64).sqrt() * (apart_in_b as f64).sqrt()
    };
    (norm > 0.0).then(|| agreement as f64 / norm)
}

/// The pairs `(i, j)`, `i < j`, that are inverted between two equally long lists of values.
///
/// A pair is inverted when its two values differ by more than `margin` relative to the smaller one
/// (in absolute value) on BOTH sides, and in opposite directions. A pair that is within the margin
/// on at least one side is a tie and never inverted; a value that is not a number ties with all.
pub fn inverted_pairs(a: &[f64], b: &[f64], margin: f64) -> Vec<(usize, usize)> {
    let count = a.len().min(b.len());
    let mut inverted = Vec::new();
    for first in 0..count {
        for second in first + 1..count {
            let apart = is_apart(a[first], a[second], margin) && is_apart(b[first], b[second], margin);
            if apart && sign(a[first], a[second]) * sign(b[first], b[second]) < 0 {
                inverted.push((first, second));
            }
        }
    }
    inverted
}

fn is_apart(one: f64, other: f64, margin: f64) -> bool {
    (one - other).abs() > margin * one.abs().min(other.abs())
}

/// 1 when the second value is the larger, -1 when it is the smaller, 0 otherwise.
fn sign(first: f64, second: f64) -> i64 {
    match second.partial_cmp(&first) {
        Some(Ordering::Greater) => 1,
        Some(Ordering::Less) => -1,
        Some(Ordering::Equal) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lightness and taste of tuna: Hollander and Wolfe, *Nonparametric Statistical Methods*, 1973, and
    /// the example of `cor.test` in R, which gives 0.4444444 (26 pairs alike, 10 not).
    #[test]
    fn without_ties_it_is_the_worked_example_of_hollander_and_wolfe() {
        let lightness = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1];
        let taste = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8];
        let tau = kendall_tau_b(&lightness, &taste).expect("an order");
        assert!((tau - 0.444_444_4).abs() < 1e-7, "{tau}");
    }

    /// The example in the documentation of `scipy.stats.kendalltau`.
    #[test]
    fn with_ties_it_is_that_of_scipy() {
        let tau = kendall_tau_b(&[12.0, 2.0, 1.0, 12.0, 2.0], &[1.0, 4.0, 7.0, 1.0, 0.0]);
        assert!((tau.expect("an order") + 0.471_404_520_791_031_7).abs() < 1e-12, "{tau:?}");
    }

    #[test]
    fn extremes_are_exact() {
        for count in 2..9 {
            let up: Vec<f64> = (0..count).map(f64::from).collect();
            let down: Vec<f64> = up.iter().rev().copied().collect();
            assert_eq!(kendall_tau_b(&up, &up), Some(1.0));
            assert_eq!(kendall_tau_b(&up, &down), Some(-1.0));
        }
    }

    #[test]
    fn without_an_order_there_is_none_to_compare() {
        let none: [(&[f64], &[f64]); 5] = [
            (&[], &[]),
            (&[1.0], &[1.0]),
            (&[1.0, 2.0], &[3.0, 3.0]),
            (&[1.0, 2.0], &[1.0]),
            (&[1.0, f64::NAN], &[1.0, 2.0]),
        ];
        for (a, b) in none {
            assert_eq!(kendall_tau_b(a, b), None, "{a:?} {b:?}");
        }
    }

    #[test]
    fn pairs_within_the_margin_are_ties() {
        let guessed = [100.0, 110.0, 120.0];
        // Swapped and apart on both sides; by exactly 10 % on one side; alike.
        assert_eq!(inverted_pairs(&guessed, &[130.0, 112.0, 90.0], 0.10), [(0, 2)]);
        assert_eq!(inverted_pairs(&guessed, &[130.0, 112.0, 90.0], 0.05), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(inverted_pairs(&guessed, &[104.0, 100.0, 130.0], 0.05), []);
        assert_eq!(inverted_pairs(&guessed, &guessed, 0.0), []);
        // Nothing is near 0 but 0.
        assert_eq!(inverted_pairs(&[0.0, 1.0], &[1.0, 0.0], 0.05), [(0, 1)]);
        assert_eq!(inverted_pairs(&[f64::NAN, 1.0], &[1.0, 0.0], 0.05), []);
    }
}
