//! Differences between policies that met the same worlds.
//!
//! Replication i of every policy has the same arrivals, works and failures, so the difference is
//! taken within each replication, where what the world did cancels. Several at once are judged by
//! [`comparisons`](super::comparisons).

use super::confidence::Summary;

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
}
