//! The ratio of two paired means, with the interval of Fieller (*Some problems in interval
//! estimation*, Journal of the Royal Statistical Society B 16, 1954).
//!
//! The interval holds every ratio r for which the mean of `a - r b` may be 0. It therefore holds 1
//! exactly when the interval of the difference at the same confidence holds 0.

use super::confidence::student_quantile;

/// Both ends of the interval of `mean(a) / mean(b)` at this confidence, over pairs.
///
/// `None` with fewer than two pairs, and when the mean of `b` cannot be told apart from 0, so that
/// the ratio has no bounds.
pub fn interval(pairs: &[(f64, f64)], confidence: f64) -> Option<(f64, f64)> {
    let n = pairs.len() as f64;
    if pairs.len() < 2 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut aa, mut ab, mut bb) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (x, y) = (pair.0 - a, pair.1 - b);
        aa += x * x;
        ab += x * y;
        bb += y * y;
    }
    let scale = student_quantile(pairs.len() - 1, confidence).powi(2) / (n * (n - 1.0));
    // (a - r b)^2 <= t^2 var(a - r b) / n, as a r^2 - 2 h r + c <= 0.
    let (square, half, constant) = (b * b - scale * bb, a * b - scale * ab, a * a - scale * aa);
    if square <= 0.0 {
        return None;
    }
    let root = (half * half - square * constant).max(0.0).sqrt();
    Some(((half - root) / square, (half + root) / square))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::paired::difference;

    /// At an end of the interval the t statistic of `a - r b` is that of the confidence.
    #[test]
    fn both_ends_are_where_the_test_turns() {
        let pairs = [(2.1, 1.0), (3.9, 2.2), (6.2, 2.9), (7.7, 4.1), (10.4, 4.8)];
        let (low, high) = interval(&pairs, 0.95).expect("bounds");
        assert!(low < 2.0 && 2.0 < high, "{low} {high}");
        for end in [low, high] {
            let rest: Vec<f64> = pairs.iter().map(|(a, b)| a - end * b).collect();
            let rest = difference(&rest, &[0.0; 5]).expect("pairs");
            assert!((rest.mean.abs() - rest.half_width).abs() < 1e-9, "{rest:?}");
        }
    }

    #[test]
    fn a_ratio_of_copies_is_exact() {
        let pairs = [(2.0, 2.0), (2.5, 2.5), (1.7, 1.7)];
        let (low, high) = interval(&pairs, 0.95).expect("bounds");
        assert!((low - 1.0).abs() < 1e-9 && (high - 1.0).abs() < 1e-9, "{low} {high}");
        assert_eq!(interval(&[(1.0, 1.0), (1.0, -1.0)], 0.95), None);
        assert_eq!(interval(&pairs[..1], 0.95), None);
    }
}
