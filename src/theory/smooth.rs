//! Distributions with a density: distribution function, density and moments up to a size, in closed form.

use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// A distribution with a density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Smooth {
    /// Also exponential and Erlang.
    Gamma {
        shape: f64,
        scale: f64,
    },
    Uniform {
        low: f64,
        high: f64,
    },
    /// Truncated at 0.
    Normal {
        mean: f64,
        sd: f64,
    },
    /// By the moments of the logarithm.
    Lognormal {
        mu: f64,
        sigma: f64,
    },
    Weibull {
        shape: f64,
        scale: f64,
    },
    /// Pareto, bounded or (`high` infinite) not.
    Pareto {
        shape: f64,
        low: f64,
        high: f64,
    },
}

/// Standard normal distribution function.
fn normal_below(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

fn normal_density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Regularised lower incomplete gamma function, for any x >= 0.
fn gamma_below(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if x > 2.0 * a + 800.0 {
        1.0
    } else if a == 1.0 {
        -(-x).exp_m1()
    } else {
        gamma_lr(a, x)
    }
}

impl Smooth {
    /// `E[S^k; S <= x]`.
    pub(super) fn partial(&self, k: u32, x: f64) -> f64 {
        let power = f64::from(k);
        match *self {
            Smooth::Gamma { shape, scale } => {
                let rising: f64 = (0..k).map(|i| (shape + f64::from(i)) * scale).product();
                rising * gamma_below(shape + power, x / scale)
            }
            Smooth::Uniform { low, high } => {
                let raised = |x: f64| x.clamp(low, high).powi(k as i32 + 1);
                (raised(x) - raised(low)) / ((power + 1.0) * (high - low))
            }
            Smooth::Normal { mean, sd } => {
                if x <= 0.0 {
                    return 0.0;
                }
                let density = |x: f64| if x.is_finite() { normal_density((x - mean) / sd) / sd } else { 0.0 };
                let end = if x.is_finite() { x } else { 0.0 };
                let zeroth = normal_below((x - mean) / sd) - normal_below(-mean / sd);
                // From the derivative of the density, integrated by parts.
                let (mut before, mut last) = (0.0, zeroth);
                for i in 1..=k as i32 {
                    let start = if i == 1 { density(0.0) } else { 0.0 };
                    let edge = end.powi(i - 1) * density(x) - start;
                    let next = mean * last + sd * sd * (f64::from(i - 1) * before - edge);
                    (before, last) = (last, next);
                }
                last / normal_below(mean / sd)
            }
            Smooth::Lognormal { mu, sigma } => {
                let whole = (power * mu + power * power * sigma * sigma / 2.0).exp();
                if x <= 0.0 { 0.0 } else { whole * normal_below((x.ln() - mu) / sigma - power * sigma) }
            }
            Smooth::Weibull { shape, scale } => {
                let a = 1.0 + power / shape;
                let whole = scale.powi(k as i32) * ln_gamma(a).exp();
                whole * gamma_below(a, (x.max(0.0) / scale).powf(shape))
            }
            Smooth::Pareto { shape, low, high } => {
                let x = x.clamp(low, high);
                let whole = shape / (1.0 - (low / high).powf(shape));
                let gap = power - shape;
                if gap == 0.0 {
                    return whole * low.powf(shape) * (x / low).ln();
                }
                whole * low.powi(k as i32) * ((x / low).powf(gap) - 1.0) / gap
            }
        }
    }

    pub(super) fn density(&self, x: f64) -> f64 {
        match *self {
            Smooth::Gamma { shape: 1.0, scale } => (-x / scale).exp() / scale,
            Smooth::Gamma { shape, scale } => {
                ((shape - 1.0) * (x / scale).ln() - x / scale - ln_gamma(shape)).exp() / scale
            }
            Smooth::Uniform { low, high } => f64::from(u8::from(x >= low && x <= high)) / (high - low),
            Smooth::Normal { mean, sd } => normal_density((x - mean) / sd) / sd / normal_below(mean / sd),
            Smooth::Lognormal { mu, sigma } => normal_density((x.ln() - mu) / sigma) / (x * sigma),
            Smooth::Weibull { shape, scale } => {
                let z = x / scale;
                shape / scale * z.powf(shape - 1.0) * (-z.powf(shape)).exp()
            }
            Smooth::Pareto { shape, low, high } => {
                let inside = x >= low && x <= high;
                let whole = 1.0 - (low / high).powf(shape);
                f64::from(u8::from(inside)) * shape / low * (x / low).powf(-shape - 1.0) / whole
            }
        }
    }

    /// Outside of this there is nothing that would change the twelfth digit of a mean.
    pub(super) fn support(&self) -> (f64, f64) {
        // A distribution that rises as x^shape from 0 has 1e-17 of its weight below this.
        let foot = |shape: f64, scale: f64| scale * 1e-17f64.powf(1.0 / shape).max(1e-290);
        match *self {
            Smooth::Gamma { shape, scale } => {
                let low = foot(shape, scale).max(scale * (shape - 10.0 * shape.sqrt()));
                (low, scale * (shape + 12.0 * shape.sqrt() + 45.0))
            }
            Smooth::Uniform { low, high } => (low.max(high * 1e-15), high),
            Smooth::Normal { mean, sd } => ((mean - 9.0 * sd).max(sd * 1e-15), mean + 10.0 * sd),
            // The second moment lies two sigma squared higher.
            Smooth::Lognormal { mu, sigma } => {
                ((mu - 9.0 * sigma).exp(), (mu + 2.0 * sigma * sigma + 9.0 * sigma).exp())
            }
            Smooth::Weibull { shape, scale } => (foot(shape, scale), scale * 60f64.powf(1.0 / shape)),
            Smooth::Pareto { shape, low, high } => {
                // What is above x has x^(k - shape) of the k-th moment, of the highest that exists.
                let k = if shape > 2.2 { 2.0 } else { 1.0 };
                let end = low * 1e13f64.powf(1.0 / (shape - k).max(0.05)).min(1e250);
                (low, high.min(end))
            }
        }
    }

    /// Where the density jumps.
    pub(super) fn edges(&self) -> Vec<f64> {
        match *self {
            Smooth::Uniform { low, high } | Smooth::Pareto { low, high, .. } => vec![low, high],
            _ => Vec::new(),
        }
    }
}
