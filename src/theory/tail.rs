//! Tails of waiting times that are mixtures of exponentials, and their quantiles.

use super::numeric::crossing;

/// P(X > t) as a sum of terms `weight exp(-rate t)` with `rate > 0`; what the weights lack of 1 is the
/// probability of 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tail {
    terms: Vec<(f64, f64)>,
}

impl Tail {
    /// One term.
    pub fn exponential(weight: f64, rate: f64) -> Tail {
        Tail { terms: vec![(weight, rate)] }
    }

    /// Of these terms, (weight, rate).
    pub fn of(terms: Vec<(f64, f64)>) -> Tail {
        Tail { terms }
    }

    /// The mixture of tails by their shares.
    pub fn mixture<'a>(tails: impl IntoIterator<Item = (f64, &'a Tail)>) -> Tail {
        let scaled = |(share, tail): (f64, &'a Tail)| {
            tail.terms.iter().map(move |(weight, rate)| (share * weight, *rate)).collect::<Vec<_>>()
        };
        Tail { terms: tails.into_iter().flat_map(scaled).collect() }
    }

    /// P(X > t).
    pub fn above(&self, t: f64) -> f64 {
        self.terms.iter().map(|(weight, rate)| weight * (-rate * t).exp()).sum()
    }

    /// The value that a share `share` of the draws do not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        let level = 1.0 - share;
        if self.above(0.0) <= level {
            return 0.0;
        }
        let slowest = self.terms.iter().map(|(_, rate)| *rate).fold(f64::INFINITY, f64::min);
        let mut high = 1.0 / slowest;
        while self.above(high) > level {
            high *= 2.0;
        }
        crossing(0.0, high, level, |t| self.above(t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_one_and_two_terms() {
        let one = Tail::exponential(0.5, 0.5);
        assert_eq!(one.quantile(0.4), 0.0);
        assert!((one.quantile(0.95) - 2.0 * 10f64.ln()).abs() < 1e-12);
        let two = Tail::mixture([(0.5, &one), (0.5, &Tail::exponential(1.0, 3.0))]);
        let t = two.quantile(0.99);
        assert!((0.25 * (-0.5 * t).exp() + 0.5 * (-3.0 * t).exp() - 0.01).abs() < 1e-12);
    }
}
