//! Several comparisons of paired figures at once: how far apart, how sure, and whether near enough to
//! count as equal.
//!
//! Differences are judged by Holm's step-down method (Scandinavian Journal of Statistics 6, 1979): the
//! clearest as one of m, the next as one of m - 1, and so on until one interval holds 0. The
//! directions found are then all right with 95 % confidence. Each interval is shown at the confidence
//! it was judged with, so that it agrees with the verdict; intervals that all hold together are those
//! of Bonferroni, as one of m each, and given beside.
//!
//! Equivalence within a margin, relative to the baseline, is shown by two one-sided tests (Schuirmann,
//! Journal of Pharmacokinetics and Biopharmaceutics 15, 1987) of `a - (1 - margin) b > 0` and
//! `a - (1 + margin) b < 0`, each at 5 %, over pairs; for ratios of means see Hauschke, Kieser,
//! Diletti and Burke, Statistics in Medicine 18, 1999. Several are judged by Holm's method as well.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::bootstrap::Bootstrap;
use super::confidence::{CONFIDENCE, Summary, student_quantile};
use super::{ratio, unpaired};

/// How an interval is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Student's t of the paired differences.
    Student,
    /// The bootstrap of the paired differences.
    Bootstrap,
}

impl Method {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Student => "student",
            Method::Bootstrap => "bootstrap",
        }
    }
}

/// One comparison to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// The figures of both sides, pair by pair: (what is compared, the baseline).
    pub values: Vec<(f64, f64)>,
    /// Whether their scatter is so skewed that the bootstrap is called for. With few pairs it is not
    /// to be had, and Student's t stands in.
    pub skewed: bool,
}

/// What a comparison shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The figure is lower than that of the baseline.
    Lower,
    /// It is higher.
    Higher,
    /// It is the same within the margin.
    Equivalent,
    /// It is the same in every pair.
    Identical,
    /// Nothing: the interval of the difference holds 0.
    NotShown,
}

/// A comparison that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Pairs.
    pub n: usize,
    /// Mean of what is compared.
    pub mean: f64,
    /// Mean of the baseline.
    pub baseline_mean: f64,
    /// Mean difference.
    pub difference: f64,
    /// Its interval at `confidence`.
    pub interval: (f64, f64),
    /// The confidence at which Holm's method judged it.
    pub confidence: f64,
    /// The interval that holds together with those of all other comparisons.
    pub simultaneous: (f64, f64),
    /// Ratio of the means; `None` when the baseline is 0.
    pub ratio: Option<f64>,
    /// Its interval at `confidence`; `None` when it has no bounds.
    pub ratio_interval: Option<(f64, f64)>,
    /// Half the width that the interval would have, had the figures not been paired.
    pub unpaired_half_width: f64,
    /// How the intervals were made.
    pub method: Method,
    /// Whether the interval excludes 0, whatever the margin says.
    pub is_clear: bool,
    /// What it shows.
    pub outcome: Outcome,
}

impl Comparison {
    /// Half the width of the interval.
    pub fn half_width(&self) -> f64 {
        (self.interval.1 - self.interval.0) / 2.0
    }

    /// How many times narrower pairing made the interval; `None` when its width is 0.
    pub fn narrowing(&self) -> Option<f64> {
        (self.half_width() > 0.0).then(|| self.unpaired_half_width / self.half_width())
    }
}

/// Makes comparisons that are judged together; `None` for fewer than two pairs. `margin` is the share
/// of the baseline within which figures count as equal.
pub fn compare(family: &[Pairs], margin: Option<f64>) -> Vec<Option<Comparison>> {
    let sides: Vec<Option<Sides<'_>>> = family.iter().map(Sides::new).collect();
    let judged: Vec<(usize, &Sides<'_>)> =
        sides.iter().enumerate().filter_map(|(index, sides)| Some((index, sides.as_ref()?))).collect();
    let equivalent = margin.map(|margin| equivalences(&judged, family.len(), margin));
    let mut order: Vec<(f64, f64, usize, &Sides<'_>)> =
        judged.iter().map(|&(index, sides)| (sides.two_sided(), -sides.clearness(), index, sides)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    let of = |number: usize| 1.0 - (1.0 - CONFIDENCE) / number as f64;
    let (all, mut one_of, mut clear) = (order.len(), order.len(), true);
    let mut comparisons = vec![None; family.len()];
    for (rank, (_, _, index, sides)) in order.into_iter().enumerate() {
        if clear {
            one_of = all - rank;
        }
        let mut made = sides.comparison(of(one_of), of(all));
        // The first that is not clear ends it: the confidence of all after it stays as it is, and none
        // of them is clear.
        made.is_clear &= clear;
        clear &= made.is_clear;
        made.outcome = if sides.is_identical() {
            Outcome::Identical
        } else if equivalent.as_ref().is_some_and(|equivalent| equivalent[index]) {
            Outcome::Equivalent
        } else if !made.is_clear {
            Outcome::NotShown
        } else if made.difference < 0.0 {
            Outcome::Lower
        } else {
            Outcome::Higher
        };
        comparisons[index] = Some(made);
    }
    comparisons
}

/// Which comparisons show equivalence, by Holm's method.
fn equivalences(judged: &[(usize, &Sides<'_>)], all: usize, margin: f64) -> Vec<bool> {
    let mut order: Vec<(f64, usize)> =
        judged.iter().map(|(index, sides)| (sides.not_equivalent(margin), *index)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut shown = vec![false; all];
    for (rank, (probability, index)) in order.iter().enumerate() {
        if *probability > (1.0 - CONFIDENCE) / (order.len() - rank) as f64 {
            break;
        }
        shown[*index] = true;
    }
    shown
}

/// Both sides of a comparison, and what is known of their difference.
struct Sides<'a> {
    values: &'a [(f64, f64)],
    /// The differences.
    summary: Summary,
    error: f64,
    /// Of the difference and of the ratio.
    bootstrap: Option<(Bootstrap, Option<Bootstrap>)>,
}

impl Sides<'_> {
    fn new(pairs: &Pairs) -> Option<Sides<'_>> {
        let differences: Vec<f64> = pairs.values.iter().map(|(a, b)| a - b).collect();
        let summary = Summary::of(&differences)?;
        let error = summary.stddev? / (summary.n as f64).sqrt();
        let bootstrap = pairs.skewed.then(|| Bootstrap::of(&pairs.values, |a, b| a - b)).flatten();
        let bootstrap = bootstrap.map(|one| (one, Bootstrap::of(&pairs.values, |a, b| a / b)));
        Some(Sides { values: &pairs.values, summary, error, bootstrap })
    }

    fn is_identical(&self) -> bool {
        self.summary.min == 0.0 && self.summary.max == 0.0
    }

    fn side(&self, of: fn(&(f64, f64)) -> f64) -> Vec<f64> {
        self.values.iter().map(of).collect()
    }

    /// The t statistic, or how large it would be.
    fn clearness(&self) -> f64 {
        if self.error > 0.0 { (self.summary.mean / self.error).abs() } else { f64::MAX }
    }

    /// Probability of a difference at least this large when there is none: 1 less the confidence at
    /// which the interval ends at 0.
    fn two_sided(&self) -> f64 {
        let Summary { n, mean, .. } = self.summary;
        match &self.bootstrap {
            _ if self.is_identical() => 1.0,
            Some((difference, _)) => {
                let below = difference.beyond(0.0, false, tail(-mean, self.error, n - 1));
                let over = difference.beyond(0.0, true, tail(mean, self.error, n - 1));
                2.0 * below.min(over).min(0.5)
            }
            None => 2.0 * tail(-mean.abs(), self.error, n - 1),
        }
    }

    /// The larger of the probabilities that two one-sided tests leave.
    fn not_equivalent(&self, margin: f64) -> f64 {
        if self.is_identical() {
            return 0.0;
        }
        let by_student = |factor: f64, sign: f64| {
            let rest: Vec<f64> = self.values.iter().map(|(a, b)| sign * (a - factor * b)).collect();
            let Some(Summary { n, mean, stddev: Some(stddev), .. }) = Summary::of(&rest) else { return 1.0 };
            tail(-mean, stddev / (n as f64).sqrt(), n - 1)
        };
        let (low, high) = (by_student(1.0 - margin, 1.0), by_student(1.0 + margin, -1.0));
        match &self.bootstrap {
            Some((_, Some(ratio))) => {
                ratio.beyond(1.0 - margin, false, low).max(ratio.beyond(1.0 + margin, true, high))
            }
            _ => low.max(high),
        }
    }

    fn interval(&self, confidence: f64) -> (f64, f64) {
        let half = match self.error {
            error if error > 0.0 => student_quantile(self.summary.n - 1, confidence) * error,
            _ => 0.0,
        };
        let by_student = (self.summary.mean - half, self.summary.mean + half);
        match &self.bootstrap {
            Some((difference, _)) => joined(difference, confidence, by_student),
            None => by_student,
        }
    }

    fn ratio_interval(&self, confidence: f64) -> Option<(f64, f64)> {
        let by_fieller = ratio::interval(self.values, confidence)?;
        match &self.bootstrap {
            Some((_, Some(ratio))) => Some(joined(ratio, confidence, by_fieller)),
            _ => Some(by_fieller),
        }
    }

    fn comparison(&self, confidence: f64, simultaneous: f64) -> Comparison {
        let (a, b) = (self.side(|pair| pair.0), self.side(|pair| pair.1));
        let mean = |values: &[f64]| Summary::of(values).map_or(0.0, |summary| summary.mean);
        let (mean, baseline_mean) = (mean(&a), mean(&b));
        let interval = self.interval(confidence);
        Comparison {
            n: self.summary.n,
            mean,
            baseline_mean,
            difference: self.summary.mean,
            interval,
            confidence,
            simultaneous: self.interval(simultaneous),
            ratio: Some(mean / baseline_mean).filter(|ratio| ratio.is_finite()),
            ratio_interval: self.ratio_interval(confidence),
            unpaired_half_width: unpaired::half_width(&a, &b, confidence).unwrap_or(0.0),
            method: if self.bootstrap.is_some() { Method::Bootstrap } else { Method::Student },
            is_clear: interval.0 > 0.0 || interval.1 < 0.0,
            outcome: Outcome::NotShown,
        }
    }
}

/// The interval of a bootstrap; where resamples do not tell an end, the farther of theirs and
/// Student's is taken.
fn joined(bootstrap: &Bootstrap, confidence: f64, by_student: (f64, f64)) -> (f64, f64) {
    let found = bootstrap.interval(confidence);
    (
        if found.resolved.0 { found.low } else { found.low.min(by_student.0) },
        if found.resolved.1 { found.high } else { found.high.max(by_student.1) },
    )
}

/// Probability of Student's t below `mean / error`.
fn tail(mean: f64, error: f64, degrees_of_freedom: usize) -> f64 {
    if error == 0.0 {
        return match mean {
            0.0 => 0.5,
            mean if mean < 0.0 => 0.0,
            _ => 1.0,
        };
    }
    let distribution =
        StudentsT::new(0.0, 1.0, degrees_of_freedom.max(1) as f64).expect("valid degrees of freedom");
    distribution.cdf(mean / error)
}

#[cfg(test)]
#[path = "comparisons_tests.rs"]
mod tests;
