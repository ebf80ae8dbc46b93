//! Distributions as a scenario names them, and their checked form.

use std::sync::Arc;

use super::declare::{choice, parameters};
use super::diagnostics::Diagnostic;
use super::files::FilePath;
use super::reader::{Found, Reader};
use super::several::Several;
use super::values::{Fraction, Plain, Positive, Quantity, Unit, Whole};
use crate::distribution::Distribution;

/// More than this would overflow a 64-bit count of nanoseconds (584 years).
pub(super) const MOST_SECONDS: f64 = 1.8e10;

/// Sizes of tasks are whole numbers of bytes that a float tells apart.
const MOST_BYTES: f64 = 9e15;

parameters! {
    /// Exponential; memoryless.
    Exponential<U>, "`exponential`" {
        /// Mean.
        mean: Positive<U>;
    }
}
parameters! {
    /// Uniform between two bounds.
    Uniform<U>, "`uniform`" {
        /// Lower bound.
        low: Quantity<U>;
        /// Upper bound.
        high: Quantity<U>;
    }
}
parameters! {
    /// Normal, truncated at 0: negative draws are drawn again.
    Normal<U>, "`normal`" {
        /// Mean before truncation.
        mean: Quantity<U>;
        /// Standard deviation before truncation.
        sd: Quantity<U>;
    }
}
parameters! {
    /// Lognormal; mean and standard deviation are of the variable itself.
    Lognormal<U>, "`lognormal`" {
        /// Mean.
        mean: Positive<U>;
        /// Standard deviation.
        sd: Quantity<U>;
    }
}
parameters! {
    /// Weibull.
    Weibull<U>, "`weibull`" {
        /// Shape; below 1 the hazard falls, above 1 it rises.
        shape: Positive<Plain>;
        /// Scale.
        scale: Positive<U>;
    }
}
parameters! {
    /// Gamma; the mean is shape x scale.
    Gamma<U>, "`gamma`" {
        /// Shape.
        shape: Positive<Plain>;
        /// Scale.
        scale: Positive<U>;
    }
}
parameters! {
    /// Erlang: the sum of k exponentials.
    Erlang<U>, "`erlang`" {
        /// Number of stages.
        k: Whole<1, 1000>;
        /// Mean of the sum.
        mean: Positive<U>;
    }
}
parameters! {
    /// A mixture of exponentials.
    Hyperexponential<U>, "`hyperexponential`" {
        /// Probability of each branch; they sum to 1.
        p: Several<Fraction>;
        /// Mean of each branch.
        mean: Several<Positive<U>>;
    }
}
parameters! {
    /// Pareto: P(X > x) = (scale / x)^shape from `scale` on.
    Pareto<U>, "`pareto`" {
        /// Shape (tail index), above 1 so that the mean is finite.
        shape: Positive<Plain>;
        /// Smallest value.
        scale: Positive<U>;
    }
}
parameters! {
    /// Pareto cut off at both ends.
    BoundedPareto<U>, "`bounded-pareto`" {
        /// Shape (tail index).
        shape: Positive<Plain>;
        /// Smallest value.
        low: Positive<U>;
        /// Largest value.
        high: Positive<U>;
    }
}
parameters! {
    /// Zipf on 1 to n: P(k) is in proportion to k^-exponent.
    Zipf, "`zipf`" {
        /// Largest value.
        n: Whole<1, 9_007_199_254_740_992>;
        /// Exponent.
        exponent: Quantity<Plain>;
    }
}
parameters! {
    /// Drawn with replacement from observed values.
    Empirical, "`empirical`" {
        /// A file with one number per line, relative to the scenario file.
        file: FilePath;
    }
}

choice! {
    /// A distribution; a bare number is a constant.
    DistributionTable<U>, "distribution",
    bare Bare: Quantity<U>, {
        /// Always this value.
        Constant "constant": Quantity<U>;
        /// Exponential; memoryless.
        Exponential "exponential": Exponential<U>;
        /// Uniform between two bounds.
        Uniform "uniform": Uniform<U>;
        /// Normal, truncated at 0.
        Normal "normal": Normal<U>;
        /// Lognormal, by the mean and standard deviation of the variable itself.
        Lognormal "lognormal": Lognormal<U>;
        /// Weibull.
        Weibull "weibull": Weibull<U>;
        /// Gamma.
        Gamma "gamma": Gamma<U>;
        /// Erlang.
        Erlang "erlang": Erlang<U>;
        /// A mixture of exponentials.
        Hyperexponential "hyperexponential": Hyperexponential<U>;
        /// Pareto.
        Pareto "pareto": Pareto<U>;
        /// Pareto cut off at both ends.
        BoundedPareto "bounded-pareto": BoundedPareto<U>;
        /// Zipf.
        Zipf "zipf": Zipf;
        /// Observed values from a file.
        Empirical "empirical": Empirical;
    }
}

impl<U: Unit> DistributionTable<U> {
    /// A constant.
    pub(super) fn constant(value: f64) -> Self {
        DistributionTable::Bare(Quantity::new(value))
    }
}

/// A distribution whose parameters go together, or a note on why they do not.
fn with_parameters<U: Unit>(
    found: &Found<DistributionTable<U>>,
    reader: &mut Reader,
) -> Option<Distribution> {
    use DistributionTable as Table;
    let wrong = |reader: &mut Reader, title: &str, at: super::diagnostics::Origin, label: String| {
        reader.report(Diagnostic::new(title, at, label));
        None
    };
    let distribution = match &found.value {
        Table::Bare(value) | Table::Constant(value) => Distribution::constant(value.0),
        Table::Exponential(t) => Distribution::exponential(t.mean.value.0),
        Table::Uniform(t) => {
            let (low, high) = (t.low.value.0, t.high.value.0);
            if low > high {
                let title = "`low` must not be above `high`";
                return wrong(reader, title, t.low.at, format!("above {high}"));
            }
            Distribution::Uniform { low, high }
        }
        Table::Normal(t) => {
            if t.mean.value.0 < 0.0 {
                let title = "`normal` is truncated at 0, so its mean must be at least 0";
                return wrong(reader, title, t.mean.at, "negative".to_string());
            }
            if t.sd.value.0 < 0.0 {
                let title = "a standard deviation must be at least 0";
                return wrong(reader, title, t.sd.at, "negative".to_string());
            }
            Distribution::Normal { mean: t.mean.value.0, sd: t.sd.value.0 }
        }
        Table::Lognormal(t) => {
            if t.sd.value.0 < 0.0 {
                let title = "a standard deviation must be at least 0";
                return wrong(reader, title, t.sd.at, "negative".to_string());
            }
            // The square of the ratio enters the variance of the logarithm.
            if !(t.sd.value.0 / t.mean.value.0).powi(2).is_finite() {
                let title = "these parameters of `lognormal` cannot be computed with";
                return wrong(reader, title, t.sd.at, "too large for this mean".to_string());
            }
            Distribution::Lognormal { mean: t.mean.value.0, sd: t.sd.value.0 }
        }
        Table::Weibull(t) => Distribution::Weibull { shape: t.shape.value.0, scale: t.scale.value.0 },
        Table::Gamma(t) => {
            let (shape, scale) = (t.shape.value.0, t.scale.value.0);
            if rand_distr::Gamma::new(shape, scale).is_err() {
                let title = "these parameters of `gamma` cannot be computed with";
                return wrong(reader, title, t.shape.at, "too extreme".to_string());
            }
            Distribution::Gamma { shape, scale }
        }
        Table::Erlang(t) => Distribution::Erlang { k: t.k.value.small(), mean: t.mean.value.0 },
        Table::Hyperexponential(t) => {
            if !t.p.value.complete || !t.mean.value.complete {
                return None;
            }
            let p: Vec<f64> = t.p.value.items.iter().map(|p| p.value.0).collect();
            let mean: Vec<f64> = t.mean.value.items.iter().map(|mean| mean.value.0).collect();
            if p.len() != mean.len() {
                let title = "`p` and `mean` must be lists of the same length";
                reader.report(
                    Diagnostic::new(title, t.mean.at, format!("{} means", mean.len()))
                        .context(t.p.at, format!("{} probabilities", p.len())),
                );
                return None;
            }
            let sum: f64 = p.iter().sum();
            if (sum - 1.0).abs() > 1e-9 {
                return wrong(reader, "the probabilities must sum to 1", t.p.at, format!("sum to {sum}"));
            }
            Distribution::Hyperexponential { p, mean }
        }
        Table::Pareto(t) => {
            if t.shape.value.0 <= 1.0 {
                reader.report(
                    Diagnostic::new("the mean of this `pareto` is infinite", t.shape.at, "must be above 1")
                        .help("`bounded-pareto = { shape, low, high }` has a finite mean for every shape"),
                );
                return None;
            }
            Distribution::Pareto { shape: t.shape.value.0, scale: t.scale.value.0 }
        }
        Table::BoundedPareto(t) => {
            let (low, high) = (t.low.value.0, t.high.value.0);
            // Beyond 15 digits apart the smaller end is lost in rounding.
            if low >= high {
                let title = "`low` must be below `high`";
                return wrong(reader, title, t.low.at, format!("not below {high}"));
            }
            Distribution::BoundedPareto { shape: t.shape.value.0, low, high }
        }
        Table::Zipf(t) => {
            let (n, exponent) = (t.n.value.0, t.exponent.value.0);
            if rand_distr::Zipf::new(n as f64, exponent).is_err() {
                let title = "these parameters of `zipf` cannot be computed with";
                return wrong(reader, title, t.exponent.at, "too extreme".to_string());
            }
            Distribution::Zipf { n, exponent }
        }
        Table::Empirical(t) => {
            let values = super::files::numbers(&t.file, U::SIGNED, reader)?;
            Distribution::Empirical { values: Arc::from(values) }
        }
    };
    Some(distribution)
}

/// A distribution of times or work, or of any numbers where the unit is signed.
pub(super) fn lower<U: Unit>(
    found: &Found<DistributionTable<U>>,
    reader: &mut Reader,
) -> Option<Distribution> {
    let most = if U::SIGNED { f64::MAX } else { MOST_SECONDS };
    lower_up_to(found, most, "584 years or 1.8e10 units of work", reader)
}

/// A distribution of sizes in bytes.
pub(super) fn lower_sizes(
    found: &Found<DistributionTable<Plain>>,
    reader: &mut Reader,
) -> Option<Distribution> {
    lower_up_to(found, MOST_BYTES, "9e15 bytes", reader)
}

fn lower_up_to<U: Unit>(
    found: &Found<DistributionTable<U>>,
    most: f64,
    words: &str,
    reader: &mut Reader,
) -> Option<Distribution> {
    let distribution = with_parameters(found, reader)?;
    let mean = distribution.mean();
    if !mean.is_some_and(|mean| mean.abs() <= most) {
        let label = match mean {
            Some(mean) if mean.is_finite() => format!("its mean is {mean:.1e}"),
            _ => "its mean is beyond what can be computed".to_string(),
        };
        let title = format!("this distribution is too large: at most {words}");
        reader.report(Diagnostic::new(title, found.at, label));
        return None;
    }
    Some(distribution)
}

/// As [`lower`], for what cannot be 0 on average.
pub(super) fn lower_positive<U: Unit>(
    found: &Found<DistributionTable<U>>,
    what: &str,
    reader: &mut Reader,
) -> Option<Distribution> {
    let distribution = lower(found, reader)?;
    // Below half a nanosecond everything rounds to no time at all.
    if !distribution.mean().is_some_and(|mean| mean >= 1e-9) {
        let title = format!("{what} must be above 0 on average");
        let label = match distribution.mean() {
            Some(0.0) => "always 0",
            _ => "less than a billionth",
        };
        reader.report(Diagnostic::new(title, found.at, label));
        return None;
    }
    Some(distribution)
}
