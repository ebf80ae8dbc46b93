//! The distributions a scenario may name, each with its parameters as the scenario gives them.
//!
//! Sampling goes through `rand_distr`, whose algorithms are published and portable. Parameters are
//! checked when a scenario is read; the constructors here assert what the checks promise.

use std::sync::Arc;

use rand_distr::{Distribution as _, Exp1, StandardNormal};

use crate::random::{Stream, below, uniform};

/// A distribution of non-negative numbers (seconds, units of work, priorities).
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always `value`.
    Constant {
        /// The value.
        value: f64,
    },
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: f64,
    },
    /// Uniform between two bounds.
    Uniform {
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
    },
    /// Normal, truncated at 0: negative draws are drawn again.
    Normal {
        /// Mean before truncation, at least 0.
        mean: f64,
        /// Standard deviation before truncation.
        sd: f64,
    },
    /// Lognormal; mean and standard deviation are of the variable itself, not of its logarithm.
    Lognormal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Weibull.
    Weibull {
        /// Shape; below 1 the hazard falls, above 1 it rises.
        shape: f64,
        /// Scale.
        scale: f64,
    },
    /// Gamma; the mean is shape x scale.
    Gamma {
        /// Shape.
        shape: f64,
        /// Scale.
        scale: f64,
    },
    /// Erlang: the sum of `k` exponentials with this mean in total.
    Erlang {
        /// Number of stages.
        k: u32,
        /// Mean of the sum.
        mean: f64,
    },
    /// A mixture of exponentials.
    Hyperexponential {
        /// Probability of each branch; sums to 1.
        p: Vec<f64>,
        /// Mean of each branch.
        mean: Vec<f64>,
    },
    /// Pareto: P(X > x) = (scale / x)^shape for x >= scale.
    Pareto {
        /// Shape (tail index); the mean is infinite at or below 1.
        shape: f64,
        /// Smallest value.
        scale: f64,
    },
    /// Pareto cut off at both ends.
    BoundedPareto {
        /// Shape (tail index).
        shape: f64,
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Zipf on 1..=n: P(k) is in proportion to k^-exponent.
    Zipf {
        /// Largest value.
        n: u64,
        /// Exponent, at least 0.
        exponent: f64,
    },
    /// Drawn with replacement from observed values.
    Empirical {
        /// The observed values.
        values: Arc<[f64]>,
    },
}

/// A standard exponential draw (mean 1) by the ziggurat method (Marsaglia and Tsang 2000).
#[inline]
pub fn standard_exponential(stream: &mut Stream) -> f64 {
    Exp1.sample(stream)
}

impl Distribution {
    /// A distribution that always gives `value`.
    pub fn constant(value: f64) -> Self {
        Distribution::Constant { value }
    }

    /// An exponential distribution with this mean.
    pub fn exponential(mean: f64) -> Self {
        Distribution::Exponential { mean }
    }

    /// Draws one value.
    #[inline]
    pub fn sample(&self, stream: &mut Stream) -> f64 {
        match self {
            Distribution::Constant { value } => *value,
            Distribution::Exponential { mean } => mean * standard_exponential(stream),
            other => other.sample_rare(stream),
        }
    }

    // Kept out of line so that the two distributions of nearly every scenario inline well.
    #[inline(never)]
    fn sample_rare(&self, stream: &mut Stream) -> f64 {
        match self {
            Distribution::Constant { value } => *value,
            Distribution::Exponential { mean } => mean * standard_exponential(stream),
            Distribution::Uniform { low, high } => low + (high - low) * uniform(stream),
            Distribution::Normal { mean, sd } => loop {
                let z: f64 = StandardNormal.sample(stream);
                let value = mean + sd * z;
                if value >= 0.0 {
                    break value;
                }
            },
            Distribution::Lognormal { mean, sd } => {
                let z: f64 = StandardNormal.sample(stream);
                let variance = (sd / mean).powi(2).ln_1p();
                (mean.ln() - variance / 2.0 + variance.sqrt() * z).exp()
            }
            // Inversion; 1 - U is in (0, 1], so the logarithm is finite.
            Distribution::Weibull { shape, scale } => {
                scale * (-(1.0 - uniform(stream)).ln()).powf(1.0 / shape)
            }
            Distribution::Gamma { shape, scale } => rand_distr::Gamma::new(*shape, *scale)
                .expect("checked when the scenario was read")
                .sample(stream),
            Distribution::Erlang { k, mean } => {
                let sum: f64 = (0..*k).map(|_| standard_exponential(stream)).sum();
                sum * mean / f64::from(*k)
            }
            Distribution::Hyperexponential { p, mean } => {
                mean[choose(p, uniform(stream))] * standard_exponential(stream)
            }
            Distribution::Pareto { shape, scale } => scale * (1.0 - uniform(stream)).powf(-1.0 / shape),
            Distribution::BoundedPareto { shape, low, high } => {
                let cut = 1.0 - (low / high).powf(*shape);
                low * (1.0 - cut * uniform(stream)).powf(-1.0 / shape)
            }
            Distribution::Zipf { n, exponent } => rand_distr::Zipf::new(*n as f64, *exponent)
                .expect("checked when the scenario was read")
                .sample(stream),
            Distribution::Empirical { values } => values[below(stream, values.len() as u32) as usize],
        }
    }

    /// The mean, or `None` where it is infinite (Pareto with shape at most 1).
    pub fn mean(&self) -> Option<f64> {
        Some(match self {
            Distribution::Constant { value } => *value,
            Distribution::Exponential { mean }
            | Distribution::Lognormal { mean, .. }
            | Distribution::Erlang { mean, .. } => *mean,
            Distribution::Uniform { low, high } => (low + high) / 2.0,
            Distribution::Normal { mean, sd } => truncated_normal_mean(*mean, *sd),
            Distribution::Weibull { shape, scale } => {
                scale * statrs::function::gamma::gamma(1.0 + 1.0 / shape)
            }
            Distribution::Gamma { shape, scale } => shape * scale,
            Distribution::Hyperexponential { p, mean } => p.iter().zip(mean).map(|(p, mean)| p * mean).sum(),
            Distribution::Pareto { shape, .. } if *shape <= 1.0 => return None,
            Distribution::Pareto { shape, scale } => shape * scale / (shape - 1.0),
            Distribution::BoundedPareto { shape, low, high } => bounded_pareto_mean(*shape, *low, *high),
            Distribution::Zipf { n, exponent } => zipf_mean(*n, *exponent),
            Distribution::Empirical { values } => values.iter().sum::<f64>() / values.len() as f64,
        })
    }
}

/// The first branch whose cumulated probability passes `u`.
pub(crate) fn choose(p: &[f64], mut u: f64) -> usize {
    for (branch, share) in p.iter().enumerate() {
        if u < *share {
            return branch;
        }
        u -= share;
    }
    p.len() - 1
}

/// Mean of a normal truncated at 0 (Johnson, Kotz and Balakrishnan, vol. 1, section 13.10).
fn truncated_normal_mean(mean: f64, sd: f64) -> f64 {
    if sd == 0.0 {
        return mean;
    }
    let alpha = -mean / sd;
    let density = (-alpha * alpha / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let above = 0.5 * statrs::function::erf::erfc(alpha / std::f64::consts::SQRT_2);
    mean + sd * density / above
}

fn bounded_pareto_mean(shape: f64, low: f64, high: f64) -> f64 {
    let cut = 1.0 - (low / high).powf(shape);
    if shape == 1.0 {
        return low / cut * (high / low).ln();
    }
    let inner = 1.0 - (low / high).powf(shape - 1.0);
    shape * low / (shape - 1.0) * inner / cut
}

/// Exact for small n; beyond a million the tail is integrated (Euler-Maclaurin, error below 1e-9).
fn zipf_mean(n: u64, exponent: f64) -> f64 {
    partial_zeta(n, exponent - 1.0) / partial_zeta(n, exponent)
}

fn partial_zeta(n: u64, s: f64) -> f64 {
    const EXACT: u64 = 1_000_000;
    let head: f64 = (1..=n.min(EXACT)).map(|k| (k as f64).powf(-s)).sum();
    if n <= EXACT {
        return head;
    }
    let (a, b) = (EXACT as f64, n as f64);
    let integral =
        if (s - 1.0).abs() < 1e-12 { (b / a).ln() } else { (b.powf(1.0 - s) - a.powf(1.0 - s)) / (1.0 - s) };
    head + integral + (b.powf(-s) - a.powf(-s)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Streams};

    fn all() -> Vec<Distribution> {
        use Distribution::*;
        vec![
            Constant { value: 3.0 },
            Exponential { mean: 2.0 },
            Uniform { low: 1.0, high: 4.0 },
            Normal { mean: 1.0, sd: 1.0 },
            Lognormal { mean: 2.0, sd: 1.0 },
            Weibull { shape: 0.8, scale: 1.5 },
            Gamma { shape: 2.5, scale: 0.5 },
            Erlang { k: 3, mean: 2.0 },
            Hyperexponential { p: vec![0.9, 0.1], mean: vec![0.5, 5.0] },
            Pareto { shape: 3.5, scale: 1.0 },
            BoundedPareto { shape: 1.5, low: 1.0, high: 100.0 },
            BoundedPareto { shape: 1.0, low: 1.0, high: 100.0 },
            Zipf { n: 50, exponent: 1.2 },
            Empirical { values: vec![1.0, 2.0, 6.0].into() },
        ]
    }

    /// The sample mean of each lies within five standard errors of the formula's.
    #[test]
    fn sample_means_agree_with_the_formulas() {
        for distribution in all() {
            let mut stream = Streams::new(11).stream(Purpose::Work, 0);
            let n = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = distribution.sample(&mut stream);
                assert!(x >= 0.0 && x.is_finite());
                sum += x;
                squares += x * x;
            }
            let mean = sum / f64::from(n);
            let error = ((squares / f64::from(n) - mean * mean).max(0.0) / f64::from(n)).sqrt();
            let expected = distribution.mean().unwrap();
            assert!(
                (mean - expected).abs() <= 5.0 * error + 1e-9,
                "{distribution:?}: {mean} against {expected}"
            );
        }
    }

    #[test]
    fn a_pareto_without_a_mean_says_so() {
        assert_eq!(Distribution::Pareto { shape: 1.0, scale: 1.0 }.mean(), None);
    }

    #[test]
    fn the_long_zipf_sum_agrees_with_the_short_one() {
        let exact: f64 = (1..=3_000_000u64).map(|k| (k as f64).powf(-1.1)).sum();
        assert!((partial_zeta(3_000_000, 1.1) - exact).abs() < 1e-8);
    }
}
