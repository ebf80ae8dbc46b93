//! The service time of a task as formulas need it: distribution function, density and moments up to a
//! size, in closed form for every distribution that a scenario may name.

use super::numeric::gauss;
use super::smooth::Smooth;
use crate::distribution::Distribution;

/// Sums over more atoms than this are left to those who have the time.
const MOST_ATOMS: u64 = 200_000;
/// Moments that are summed up beforehand: 0 to 3.
const POWERS: usize = 4;
/// Width of a panel of quadrature, in logarithms of the size.
const PANEL: f64 = 0.25;
/// Panels over a distribution at least.
const LEAST_PANELS: f64 = 60.0;

/// A service time: a mixture of distributions, some with a density, some of single values.
#[derive(Clone, Debug, PartialEq)]
pub struct Size {
    smooth: Vec<(f64, Smooth)>,
    /// Values and their probabilities, ascending by value, no two alike.
    atoms: Vec<(f64, f64)>,
    /// By atom and k, the sums of probability x value^k of all atoms before.
    sums: Vec<[f64; POWERS]>,
}

impl Size {
    /// The mixture of these: share, distribution, and what its values are multiplied by.
    /// `None` for a Zipf distribution over more values than are quickly summed.
    pub fn mixture<'a>(parts: impl IntoIterator<Item = (f64, &'a Distribution, f64)>) -> Option<Size> {
        let mut size = Size { smooth: Vec::new(), atoms: Vec::new(), sums: Vec::new() };
        for (share, distribution, factor) in parts {
            size.add(share, distribution, factor)?;
        }
        Some(size.summed())
    }

    /// The mixture of sizes by their shares.
    pub fn of_sizes<'a>(parts: impl IntoIterator<Item = (f64, &'a Size)>) -> Size {
        let mut size = Size { smooth: Vec::new(), atoms: Vec::new(), sums: Vec::new() };
        for (share, part) in parts {
            size.smooth.extend(part.smooth.iter().map(|(own, smooth)| (share * own, *smooth)));
            size.atoms.extend(part.atoms.iter().map(|(value, p)| (*value, share * p)));
        }
        size.summed()
    }

    /// With its atoms in order and summed up.
    fn summed(mut self) -> Size {
        self.atoms.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.atoms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0.0 };
            same
        });
        let mut sum = [0.0; POWERS];
        for (value, p) in &self.atoms {
            self.sums.push(sum);
            sum.iter_mut().enumerate().for_each(|(k, sum)| *sum += p * value.powi(k as i32));
        }
        self.sums.push(sum);
        self
    }

    /// That of one distribution.
    pub fn of(distribution: &Distribution) -> Option<Size> {
        Size::mixture([(1.0, distribution, 1.0)])
    }

    fn add(&mut self, share: f64, distribution: &Distribution, factor: f64) -> Option<()> {
        let gamma = |shape: f64, mean: f64| Smooth::Gamma { shape, scale: factor * mean / shape };
        let smooth = match distribution {
            Distribution::Constant { value: mean }
            | Distribution::Normal { mean, sd: 0.0 }
            | Distribution::Lognormal { mean, sd: 0.0 } => {
                self.atoms.push((mean * factor, share));
                return Some(());
            }
            Distribution::Uniform { low, high } if low == high => {
                self.atoms.push((low * factor, share));
                return Some(());
            }
            Distribution::Exponential { mean } => gamma(1.0, *mean),
            Distribution::Erlang { k, mean } => gamma(f64::from(*k), *mean),
            Distribution::Gamma { shape, scale } => gamma(*shape, shape * scale),
            Distribution::Uniform { low, high } => Smooth::Uniform { low: low * factor, high: high * factor },
            Distribution::Normal { mean, sd } => Smooth::Normal { mean: mean * factor, sd: sd * factor },
            Distribution::Lognormal { mean, sd } => {
                let variance = (sd / mean).powi(2).ln_1p();
                Smooth::Lognormal { mu: (mean * factor).ln() - variance / 2.0, sigma: variance.sqrt() }
            }
            Distribution::Weibull { shape, scale } => {
                Smooth::Weibull { shape: *shape, scale: scale * factor }
            }
            Distribution::Pareto { shape, scale } => {
                Smooth::Pareto { shape: *shape, low: scale * factor, high: f64::INFINITY }
            }
            Distribution::BoundedPareto { shape, low, high } => {
                Smooth::Pareto { shape: *shape, low: low * factor, high: high * factor }
            }
            Distribution::Hyperexponential { p, mean } => {
                for (p, mean) in p.iter().zip(mean).filter(|(p, _)| **p > 0.0) {
                    self.smooth.push((share * p, gamma(1.0, *mean)));
                }
                return Some(());
            }
            Distribution::Zipf { n, .. } if *n > MOST_ATOMS => return None,
            Distribution::Zipf { n, exponent } => {
                let weights: Vec<f64> = (1..=*n).map(|k| (k as f64).powf(-exponent)).collect();
                let total: f64 = weights.iter().sum();
                let atom = |(k, weight): (usize, f64)| ((k + 1) as f64 * factor, share * weight / total);
                self.atoms.extend(weights.into_iter().enumerate().map(atom));
                return Some(());
            }
            Distribution::Empirical { values } => {
                let each = share / values.len() as f64;
                self.atoms.extend(values.iter().map(|value| (value * factor, each)));
                return Some(());
            }
        };
        self.smooth.push((share, smooth));
        Some(())
    }

    /// Whether no single value has a probability of its own.
    pub fn is_continuous(&self) -> bool {
        self.atoms.is_empty()
    }

    /// The value, if there is only one.
    pub fn constant(&self) -> Option<f64> {
        match &self.atoms[..] {
            [(value, _)] if self.smooth.is_empty() => Some(*value),
            _ => None,
        }
    }

    /// The mean, if the distribution is exponential.
    pub fn exponential(&self) -> Option<f64> {
        let scale = |smooth: &Smooth| match smooth {
            Smooth::Gamma { shape: 1.0, scale } => Some(*scale),
            _ => None,
        };
        let (first, rest) = self.smooth.split_first()?;
        let mean = scale(&first.1)?;
        (self.atoms.is_empty() && rest.iter().all(|(_, other)| scale(other) == Some(mean))).then_some(mean)
    }

    /// `E[S^k; S <= x]`, k up to 3: with k = 0 the distribution function.
    pub fn partial(&self, k: u32, x: f64) -> f64 {
        let atoms = self.sums[self.atoms.partition_point(|(value, _)| *value <= x)][k as usize];
        atoms + self.smooth.iter().map(|(share, smooth)| share * smooth.partial(k, x)).sum::<f64>()
    }

    /// `E[S^k; S < x]`.
    fn partial_below(&self, k: u32, x: f64) -> f64 {
        let at = self.atoms.binary_search_by(|(value, _)| value.total_cmp(&x));
        self.partial(k, x) - at.map_or(0.0, |at| self.atoms[at].1 * x.powi(k as i32))
    }

    /// `E[S; S <= x]` and `E[S; S < x]`.
    pub(super) fn load_up_to(&self, x: f64) -> (f64, f64) {
        (self.partial(1, x), self.partial_below(1, x))
    }

    /// `E[S^k]`, k up to 3; `None` where it is infinite.
    pub fn moment(&self, k: u32) -> Option<f64> {
        let infinite = |smooth: &Smooth| match smooth {
            Smooth::Pareto { shape, high, .. } => high.is_infinite() && f64::from(k) >= *shape,
            _ => false,
        };
        (!self.smooth.iter().any(|(_, smooth)| infinite(smooth))).then(|| self.partial(k, f64::INFINITY))
    }

    /// Variance over squared mean; `None` where it is infinite.
    pub fn squared_variation(&self) -> Option<f64> {
        let mean = self.moment(1)?;
        Some((self.moment(2)? / (mean * mean) - 1.0).max(0.0))
    }

    /// Up to which s the mean of exp(s S) exists: 0 for heavy tails, infinite for bounded sizes.
    pub fn exponential_moments_up_to(&self) -> f64 {
        let of = |smooth: &Smooth| match smooth {
            Smooth::Gamma { scale, .. } => 1.0 / scale,
            Smooth::Weibull { shape: 1.0, scale } => 1.0 / scale,
            Smooth::Weibull { shape, .. } if *shape < 1.0 => 0.0,
            Smooth::Lognormal { .. } => 0.0,
            Smooth::Pareto { high, .. } if high.is_infinite() => 0.0,
            _ => f64::INFINITY,
        };
        self.smooth.iter().map(|(_, smooth)| of(smooth)).fold(f64::INFINITY, f64::min)
    }

    /// `E[g(S)]`.
    pub fn expect(&self, g: impl Fn(f64) -> f64) -> f64 {
        let atoms: f64 = self.atoms.iter().map(|(value, p)| p * g(*value)).sum();
        let mut sum = 0.0;
        for (share, smooth) in &self.smooth {
            self.panels(smooth.support(), |x, weight| sum += share * weight * smooth.density(x) * g(x));
        }
        atoms + sum
    }

    /// Integral of `g` from 0 to where this size ends.
    pub fn integrate(&self, g: impl Fn(f64) -> f64) -> f64 {
        let ends = self.smooth.iter().map(|(_, smooth)| smooth.support());
        let ends = ends.chain(self.atoms.iter().map(|(value, _)| (*value, *value)));
        let (low, high) =
            ends.fold((f64::INFINITY, 0.0f64), |(low, high), (start, end)| (low.min(start), high.max(end)));
        let low = low.max(high * 1e-300);
        let mut sum = low * g(low / 2.0);
        self.panels((low, high), |x, weight| sum += weight * g(x));
        sum
    }

    /// The points of a rule for integrals over [low, high], in logarithms, broken where the distribution
    /// jumps or begins or ends.
    fn panels(&self, (low, high): (f64, f64), mut visit: impl FnMut(f64, f64)) {
        let mut breaks: Vec<f64> = self.smooth.iter().flat_map(|(_, one)| one.edges()).collect();
        breaks.extend(self.atoms.iter().map(|(value, _)| *value));
        breaks.retain(|x| *x > low && *x < high);
        breaks.extend([low, high]);
        breaks.sort_by(f64::total_cmp);
        breaks.dedup();
        let width = PANEL.min((high / low).ln() / LEAST_PANELS);
        for ends in breaks.windows(2) {
            let (start, end) = (ends[0].ln(), ends[1].ln());
            let pieces = ((end - start) / width).ceil().max(1.0);
            for piece in 0..pieces as u32 {
                let at = |piece: f64| start + (end - start) * piece / pieces;
                gauss(at(f64::from(piece)), at(f64::from(piece) + 1.0), |log, weight| {
                    let x = log.exp();
                    visit(x, weight * x);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Distribution> {
        use Distribution::*;
        vec![
            Constant { value: 3.0 },
            Exponential { mean: 2.0 },
            Uniform { low: 0.0, high: 4.0 },
            Uniform { low: 1.0, high: 4.0 },
            Normal { mean: 1.0, sd: 1.0 },
            Normal { mean: 10.0, sd: 0.1 },
            Lognormal { mean: 2.0, sd: 3.0 },
            Weibull { shape: 0.4, scale: 1.5 },
            Weibull { shape: 2.0, scale: 1.5 },
            Gamma { shape: 0.3, scale: 0.5 },
            Erlang { k: 30, mean: 2.0 },
            Hyperexponential { p: vec![0.9, 0.1], mean: vec![0.5, 5.0] },
            Pareto { shape: 3.5, scale: 1.0 },
            BoundedPareto { shape: 1.5, low: 1.0, high: 1000.0 },
            BoundedPareto { shape: 1.0, low: 1.0, high: 100.0 },
            Zipf { n: 50, exponent: 1.2 },
            Empirical { values: vec![1.0, 2.0, 6.0, 2.0].into() },
        ]
    }

    /// Closed moments, moments by quadrature and the distribution's own mean are the same.
    #[test]
    fn moments_agree_with_quadrature() {
        for distribution in all() {
            let size = Size::of(&distribution).expect("not too many atoms");
            let close = |a: f64, b: f64, what: &str| {
                assert!((a - b).abs() <= 1e-9 * b.abs().max(1e-3), "{distribution:?} {what}: {a}, not {b}");
            };
            close(size.moment(0).expect("a measure"), 1.0, "total");
            close(size.moment(1).expect("a mean"), distribution.mean().expect("a mean"), "mean");
            for k in 0..3 {
                close(size.expect(|x| x.powi(k)), size.moment(k as u32).expect("finite"), "moment");
            }
            let mean = size.moment(1).expect("a mean");
            close(size.integrate(|x| 1.0 - size.partial(0, x)), mean, "integral of the tail");
            for x in [0.5 * mean, mean, 3.0 * mean] {
                for k in 0..3 {
                    let partial = size.expect(|y| if y <= x { y.powi(k) } else { 0.0 });
                    // A jump inside a panel costs digits of this check, not of what it checks.
                    let found = size.partial(k as u32, x);
                    assert!(
                        (partial - found).abs() < 0.01 * (1.0 + mean.powi(k)),
                        "{distribution:?} {k} {x}"
                    );
                }
            }
        }
    }

    /// The density is the slope of the distribution function.
    #[test]
    fn densities_are_slopes() {
        for distribution in all() {
            let size = Size::of(&distribution).expect("not too many atoms");
            for (_, smooth) in &size.smooth {
                let (low, high) = smooth.support();
                for share in [0.3, 0.7, 0.95] {
                    let x = (low.ln() * (1.0 - share) + high.ln() * share).exp();
                    let step = x * 1e-6;
                    let slope = (smooth.partial(0, x + step) - smooth.partial(0, x - step)) / (2.0 * step);
                    let off = (slope - smooth.density(x)).abs() * x;
                    assert!(off < 1e-7, "{smooth:?} at {x}: {slope} and {}", smooth.density(x));
                }
            }
        }
    }

    #[test]
    fn a_mixture_is_the_sum_of_its_parts() {
        let (one, other) = (Distribution::exponential(2.0), Distribution::constant(3.0));
        let size = Size::mixture([(0.25, &one, 0.5), (0.75, &other, 2.0)]).expect("few atoms");
        assert!((size.moment(1).unwrap() - (0.25 + 4.5)).abs() < 1e-12);
        assert!((size.moment(2).unwrap() - (0.25 * 2.0 + 0.75 * 36.0)).abs() < 1e-12);
        assert!(!size.is_continuous() && size.constant().is_none() && size.exponential().is_none());
        assert_eq!(Size::of(&one).unwrap().exponential(), Some(2.0));
        assert_eq!(Size::of(&other).unwrap().constant(), Some(3.0));
    }

    #[test]
    fn heavy_tails_have_no_moments() {
        let size = Size::of(&Distribution::Pareto { shape: 1.5, scale: 1.0 }).unwrap();
        assert!(size.moment(1).is_some() && size.moment(2).is_none());
        assert_eq!(size.exponential_moments_up_to(), 0.0);
        assert!(Size::of(&Distribution::Zipf { n: 1 << 40, exponent: 1.0 }).is_none());
    }
}
