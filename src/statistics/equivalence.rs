//! Whether two sides agree: relative errors of paired runs, judged against a margin.
//!
//! A small difference does not show agreement when the interval is wide, and an interval that
//! holds 0 shows nothing at all. Agreement is shown the other way round: the whole interval of the
//! error lies within a margin that was named beforehand. That is the procedure of two one-sided
//! tests (Schuirmann, *A comparison of the two one-sided tests procedure and the power approach for
//! assessing the equivalence of average bioavailability*, Journal of Pharmacokinetics and
//! Biopharmaceutics 15, 1987), here at a stricter level than usual: a 95 % interval tests each side
//! at 2.5 % where the usual 90 % interval tests at 5 %.

use std::f64::consts::SQRT_2;

use super::confidence::{CONFIDENCE, Summary, student_quantile};

/// A mean relative error over pairs, as a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativeError {
    /// How many pairs.
    pub n: usize,
    /// Their mean error.
    pub mean: f64,
    /// Half the width of its 95 % interval; `None` for one pair.
    pub half_width: Option<f64>,
}

impl RelativeError {
    /// Both ends of the 95 % interval.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half_width.map(|half| (self.mean - half, self.mean + half))
    }
}

/// The relative error `(a - b) / b` of every pair; `None` where a value is missing or not finite,
/// and where `b` is 0. Values of a longer list that have no partner are not looked at.
pub fn relative_errors(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<Option<f64>> {
    let error =
        |(a, b): (&Option<f64>, &Option<f64>)| Some(((*a)? - (*b)?) / (*b)?).filter(|e| e.is_finite());
    a.iter().zip(b).map(error).collect()
}

/// The mean relative error with its interval; `None` when no pair has an error.
pub fn relative_error(a: &[Option<f64>], b: &[Option<f64>]) -> Option<RelativeError> {
    let errors: Vec<f64> = relative_errors(a, b).into_iter().flatten().collect();
    let summary = Summary::of(&errors)?;
    Some(RelativeError { n: summary.n, mean: summary.mean, half_width: summary.half_width })
}

/// What an error says about a margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equivalence {
    /// The whole interval lies inside the margin.
    Equivalent,
    /// The whole interval lies outside, on one side.
    Different,
    /// Neither, or there are fewer than two pairs.
    NotShown,
}

impl Equivalence {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Equivalence::Equivalent => "equivalent",
            Equivalence::Different => "different",
            Equivalence::NotShown => "not_shown",
        }
    }
}

/// Judges an error against a margin, a ratio above 0; an end of the interval that lies exactly on
/// the margin shows nothing.
pub fn judge(error: Option<&RelativeError>, margin: f64) -> Equivalence {
    match error.and_then(RelativeError::interval) {
        Some((low, high)) if low > -margin && high < margin => Equivalence::Equivalent,
        Some((low, high)) if low > margin || high < -margin => Equivalence::Different,
        _ => Equivalence::NotShown,
    }
}

/// How much runs differ that should be the same: the scatter of a metric over live runs of one
/// seed. An error below it cannot be told apart from the scatter of live runs themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseFloor {
    /// How many runs, over all seeds that were run more than once.
    pub n: usize,
    /// Standard deviation relative to the mean of its seed.
    pub relative_stddev: f64,
    /// Two runs of one seed differ by less than this, relative to their mean, in 95 % of cases: the
    /// repeatability limit of ISO 5725-6, t s sqrt(2), with Student's t for the degrees of freedom
    /// at hand where the standard takes 1.96.
    pub pair_half_width: f64,
}

/// The noise floor from runs grouped by seed; deviations from the means of several seeds are
/// pooled. `None` when no seed was run twice, and when a mean is 0 or a value not finite.
pub fn noise_floor(seeds: &[Vec<f64>]) -> Option<NoiseFloor> {
    let (mut n, mut degrees_of_freedom, mut squares) = (0, 0, 0.0);
    for values in seeds.iter().filter(|values| values.len() > 1) {
        if values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let summary = Summary::of(values)?;
        n += values.len();
        degrees_of_freedom += values.len() - 1;
        squares += (summary.stddev? / summary.mean).powi(2) * (values.len() - 1) as f64;
    }
    if degrees_of_freedom == 0 || !f64::is_finite(squares) {
        return None;
    }
    let relative_stddev = (squares / degrees_of_freedom as f64).sqrt();
    let pair_half_width = student_quantile(degrees_of_freedom, CONFIDENCE) * relative_stddev * SQRT_2;
    Some(NoiseFloor { n, relative_stddev, pair_half_width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    /// Errors 0.02, 0.04, 0.06: mean 0.04, standard deviation 0.02, t with 2 degrees of freedom
    /// 4.302653 (any table), so the half width is 4.302653 * 0.02 / sqrt(3) = 0.0496828.
    #[test]
    fn errors_are_relative_to_the_second_side() {
        let (a, b) = (some(&[10.2, 5.2, 106.0]), some(&[10.0, 5.0, 100.0]));
        let error = relative_error(&a, &b).expect("pairs");
        assert_eq!(error.n, 3);
        assert!((error.mean - 0.04).abs() < 1e-12, "{error:?}");
        assert!((error.half_width.expect("an interval") - 0.049_682_8).abs() < 1e-6, "{error:?}");
        let low = relative_error(&some(&[8.0]), &some(&[10.0])).expect("a pair");
        assert!((low.mean + 0.2).abs() < 1e-12 && low.half_width.is_none());
    }

    #[test]
    fn pairs_without_an_error_are_left_out() {
        let a = [Some(1.0), None, Some(2.0), Some(f64::NAN), Some(3.0)];
        let b = [Some(0.0), Some(1.0), Some(1.0), Some(1.0), None];
        assert_eq!(relative_errors(&a, &b), [None, None, Some(1.0), None, None]);
        assert_eq!(relative_error(&a, &b).map(|error| error.n), Some(1));
        assert_eq!(relative_error(&a[..2], &b[..2]), None);
        assert_eq!(relative_error(&[], &[]), None);
    }

    #[test]
    fn the_whole_interval_is_judged() {
        let judged = |mean, half_width| judge(Some(&RelativeError { n: 5, mean, half_width }), 0.05);
        let cases = [
            (0.00, Some(0.049), Equivalence::Equivalent),
            (-0.03, Some(0.019), Equivalence::Equivalent),
            (0.00, Some(0.00), Equivalence::Equivalent),
            // An end on the margin, an end beyond it, both ends beyond it on two sides.
            (0.00, Some(0.05), Equivalence::NotShown),
            (0.04, Some(0.02), Equivalence::NotShown),
            (0.00, Some(0.30), Equivalence::NotShown),
            (0.0625, Some(0.0125), Equivalence::NotShown),
            (0.07, Some(0.019), Equivalence::Different),
            (-0.07, Some(0.019), Equivalence::Different),
            // One pair has no interval.
            (0.00, None, Equivalence::NotShown),
            (0.90, None, Equivalence::NotShown),
        ];
        for (mean, half_width, expected) in cases {
            assert_eq!(judged(mean, half_width), expected, "{mean} {half_width:?}");
        }
        assert_eq!(judge(None, 0.05), Equivalence::NotShown);
    }

    /// 99, 100, 101: standard deviation 1 % of the mean; t with 2 degrees of freedom 4.302653.
    #[test]
    fn noise_is_the_scatter_within_a_seed() {
        let noise = noise_floor(&[vec![99.0, 100.0, 101.0]]).expect("repeats");
        assert_eq!(noise.n, 3);
        assert!((noise.relative_stddev - 0.01).abs() < 1e-12);
        assert!((noise.pair_half_width - 4.302_653 * 0.01 * SQRT_2).abs() < 1e-7);
        // The same scatter around another mean: pooled, with 4 degrees of freedom (t 2.776445).
        let noise = noise_floor(&[vec![99.0, 100.0, 101.0], vec![7.0], vec![198.0, 200.0, 202.0]]);
        let noise = noise.expect("repeats");
        assert_eq!(noise.n, 6);
        assert!((noise.pair_half_width - 2.776_445 * 0.01 * SQRT_2).abs() < 1e-7);
        assert_eq!(noise_floor(&[vec![1.0, 1.0]]).map(|noise| noise.pair_half_width), Some(0.0));
    }

    #[test]
    fn without_repeats_there_is_no_floor() {
        for seeds in [vec![], vec![vec![1.0], vec![2.0]], vec![vec![0.0, 0.0]], vec![vec![1.0, f64::NAN]]] {
            assert_eq!(noise_floor(&seeds), None, "{seeds:?}");
        }
    }
}
