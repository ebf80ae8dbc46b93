//! The difference of two means when nothing pairs their values: what a comparison would know
//! without common random numbers.
//!
//! Welch, *The generalization of "Student's" problem when several different population variances
//! are involved*, Biometrika 34, 1947, with the degrees of freedom of Satterthwaite (1946).

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::confidence::Summary;

/// Half the width of the interval of `mean(a) - mean(b)` at this confidence; `None` with fewer than
/// two values on a side.
pub fn half_width(a: &[f64], b: &[f64], confidence: f64) -> Option<f64> {
    let side = |values: &[f64]| {
        let summary = Summary::of(values)?;
        Some((summary.stddev?.powi(2) / summary.n as f64, (summary.n - 1) as f64))
    };
    let ((a, freedom_a), (b, freedom_b)) = (side(a)?, side(b)?);
    let variance = a + b;
    if variance == 0.0 {
        return Some(0.0);
    }
    let freedom = variance.powi(2) / (a.powi(2) / freedom_a + b.powi(2) / freedom_b);
    let distribution = StudentsT::new(0.0, 1.0, freedom).expect("valid degrees of freedom");
    Some(distribution.inverse_cdf(0.5 + confidence / 2.0) * variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval(c)`, scipy 1.17.1.
    #[test]
    fn it_is_the_interval_of_scipy() {
        let a = [3.1, 4.7, 2.2, 5.9, 4.4, 3.8];
        let b = [2.0, 2.9, 1.1, 3.3];
        for (confidence, expected) in [(0.95, WELCH_95), (0.99, WELCH_99)] {
            let found = half_width(&a, &b, confidence).expect("two sides");
            assert!((found - expected).abs() < 1e-6, "{confidence}: {found}");
        }
    }
    const WELCH_95: f64 = 1.670_888_5;
    const WELCH_99: f64 = 2.440_825_5;

    #[test]
    fn values_without_scatter_have_no_width() {
        assert_eq!(half_width(&[1.0; 4], &[2.0; 3], 0.95), Some(0.0));
        assert_eq!(half_width(&[1.0], &[2.0, 3.0], 0.95), None);
    }
}
