//! Mean and 95 % confidence interval over replications.
//!
//! Replications are independent and their figures are means over many tasks, so that Student's t
//! applies (Law, *Simulation Modeling and Analysis*, 5th ed., section 9.4.1).

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// A figure over replications.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation; `None` for one value.
    pub stddev: Option<f64>,
    /// Half the width of the 95 % interval of the mean; `None` for one value.
    pub half_width: Option<f64>,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Summary {
    /// Summary of these values; `None` when there are none.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let n = values.len();
        let (&first, rest) = values.split_first()?;
        let (min, max) =
            rest.iter().fold((first, first), |(low, high), &value| (low.min(value), high.max(value)));
        if n == 1 || min == max {
            // Equal values spread by nothing at all, not by the rounding of their mean.
            let spread = (n > 1).then_some(0.0);
            return Some(Summary { n, mean: first, stddev: spread, half_width: spread, min, max });
        }
        let mean = first + rest.iter().map(|value| value - first).sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let stddev = (squares / (n - 1) as f64).sqrt();
        let half_width = student_quantile(n - 1, CONFIDENCE) * stddev / (n as f64).sqrt();
        Some(Summary { n, mean, stddev: Some(stddev), half_width: Some(half_width), min, max })
    }
}

/// The t with which `mean ± t s / sqrt(n)` holds the true mean with this confidence.
pub fn student_quantile(degrees_of_freedom: usize, confidence: f64) -> f64 {
    let distribution =
        StudentsT::new(0.0, 1.0, degrees_of_freedom.max(1) as f64).expect("valid degrees of freedom");
    distribution.inverse_cdf(0.5 + confidence / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        for (degrees, expected) in [(1, 12.7062), (4, 2.7764), (9, 2.2622), (19, 2.0930), (99, 1.9842)] {
            let found = student_quantile(degrees, 0.95);
            assert!((found - expected).abs() < 1e-4, "{degrees}: {found}");
        }
    }

    #[test]
    fn a_worked_example() {
        let summary = Summary::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("values");
        assert_eq!((summary.n, summary.mean, summary.min, summary.max), (5, 3.0, 1.0, 5.0));
        assert!((summary.stddev.expect("spread") - 2.5f64.sqrt()).abs() < 1e-12);
        assert!((summary.half_width.expect("interval") - 1.963_243).abs() < 1e-5);
    }

    #[test]
    fn without_repetition_there_is_no_interval() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[0.1]).expect("one").half_width, None);
        assert_eq!(Summary::of(&[0.1; 7]).expect("equal").half_width, Some(0.0));
    }
}
