//! Differences between policies that met the same worlds.
//!
//! Replication i of every policy has the same arrivals, works and failures, so the difference is
//! taken within each replication, where what the world did cancels. Several comparisons at once
//! are corrected by Holm's step-down method (Scandinavian Journal of Statistics 6, 1979).

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::confidence::{CONFIDENCE, Summary, student_quantile};

/// A mean difference and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Mean of the differences.
    pub mean: f64,
    /// Half the width of their interval.
    pub half_width: f64,
}

impl Paired {
    /// Whether the interval holds 0, so that the sign of the difference is not known.
    pub fn holds_zero(&self) -> bool {
        self.mean.abs() <= self.half_width
    }
}

/// Mean of `a - b` with its 95 % interval; `None` with fewer than two pairs.
pub fn difference(a: &[f64], b: &[f64]) -> Option<Paired> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let summary = Summary::of(&differences)?;
    Some(Paired { mean: summary.mean, half_width: summary.half_width? })
}

/// Intervals of several mean differences whose signs together are right with 95 % confidence.
///
/// Each element holds the differences of one comparison. The clearest is judged as one of m, the
/// next as one of m - 1, and so on until one interval holds 0; all after it keep its confidence. An
/// interval is at the confidence it was judged with, so that it agrees with the verdict; that all
/// lie around the truth at once is a stronger statement, which takes those of Bonferroni
/// ([`comparisons`](super::comparisons)). `None` for fewer than two differences.
pub fn holm_intervals(comparisons: &[Vec<f64>]) -> Vec<Option<Paired>> {
    let mut intervals = vec![None; comparisons.len()];
    let mut order: Vec<(f64, usize, Summary, f64)> = Vec::new();
    for (index, differences) in comparisons.iter().enumerate() {
        let Some(summary) = Summary::of(differences) else { continue };
        let Some(stddev) = summary.stddev else { continue };
        let error = stddev / (summary.n as f64).sqrt();
        order.push((two_sided_p(summary.mean, error, summary.n - 1), index, summary, error));
    }
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let comparisons = order.len();
    let mut judged_as_one_of = comparisons;
    let mut clear = true;
    for (rank, (_, index, summary, error)) in order.into_iter().enumerate() {
        if clear {
            judged_as_one_of = comparisons - rank;
        }
        let confidence = 1.0 - (1.0 - CONFIDENCE) / judged_as_one_of as f64;
        let half_width = if error > 0.0 { student_quantile(summary.n - 1, confidence) * error } else { 0.0 };
        let interval = Paired { mean: summary.mean, half_width };
        clear &= !interval.holds_zero();
        intervals[index] = Some(interval);
    }
    intervals
}

/// Probability of a difference at least this large when there is none.
fn two_sided_p(mean: f64, error: f64, degrees_of_freedom: usize) -> f64 {
    if error == 0.0 {
        return if mean == 0.0 { 1.0 } else { 0.0 };
    }
    let distribution = StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).expect("valid degrees of freedom");
    2.0 * distribution.cdf(-(mean / error).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_world_did_cancels() {
        let a = [10.0, 20.0, 30.0, 40.0];
        let b = [9.0, 19.0, 29.0, 39.0];
        assert_eq!(difference(&a, &b), Some(Paired { mean: 1.0, half_width: 0.0 }));
        assert_eq!(difference(&[1.0], &[2.0]), None);
    }

    #[test]
    fn one_comparison_is_not_corrected() {
        let differences = vec![1.0, 2.0, 4.0];
        let alone = difference(&differences, &[0.0; 3]);
        assert_eq!(holm_intervals(&[differences]), vec![alone]);
    }

    #[test]
    fn more_comparisons_make_intervals_wider() {
        let clear = vec![10.0, 11.0, 9.0, 10.5];
        let unclear = vec![1.0, -1.0, 0.5, 0.2];
        let alone = difference(&clear, &[0.0; 4]).expect("pairs");
        let both = holm_intervals(&[unclear.clone(), clear, vec![]]);
        let [Some(second), Some(first), None] = both[..] else { panic!("{both:?}") };
        assert!(first.half_width > alone.half_width && !first.holds_zero());
        // The last in line is judged by itself.
        assert_eq!(Some(second), difference(&unclear, &[0.0; 4]));
        assert!(second.holds_zero());
    }
}
