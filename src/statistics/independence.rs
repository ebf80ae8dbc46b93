//! Whether values in a row follow each other: the test of von Neumann.
//!
//! Von Neumann, *Distribution of the ratio of the mean square successive difference to the variance*,
//! Annals of Mathematical Statistics 12, 1941. The ratio is near 2 for independent values, smaller when
//! each resembles the one before. As a test of batch means: Fishman, *Grouping observations in digital
//! simulation*, Management Science 24, 1978; for normal values the ratio less 2 is nearly normal with
//! variance 4 (n - 2) / (n^2 - 1).

use statrs::distribution::{ContinuousCDF, Normal};

/// What a row of values says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Succession {
    /// Correlation of each value with the next.
    pub lag_one: f64,
    /// Probability of a ratio this small or smaller, were the values independent.
    pub probability: f64,
}

/// Looks at values in a row; `None` for fewer than 5, and when they are all equal.
pub fn succession(values: &[f64]) -> Option<Succession> {
    let n = values.len() as f64;
    if values.len() < 5 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if squares <= 0.0 || !squares.is_finite() {
        return None;
    }
    let steps: f64 = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let products: f64 = values.windows(2).map(|pair| (pair[1] - mean) * (pair[0] - mean)).sum();
    let score = (steps / squares - 2.0) / (4.0 * (n - 2.0) / (n * n - 1.0)).sqrt();
    let normal = Normal::new(0.0, 1.0).expect("the standard normal distribution");
    Some(Succession { lag_one: products / squares, probability: normal.cdf(score) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Streams, uniform};

    /// By hand: mean 3, squares 4 + 1 + 0 + 1 + 4 = 10, steps 4 x 1 = 4, so the ratio is 0.4 and the score
    /// (0.4 - 2) / sqrt(4 x 3 / 24) = -2.2627; products 2 + 0 + 0 + 2 = 4.
    #[test]
    fn a_worked_example() {
        let found = succession(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("enough");
        assert!((found.lag_one - 0.4).abs() < 1e-12);
        assert!((found.probability - 0.011_825).abs() < 1e-5, "{found:?}");
        assert_eq!(succession(&[1.0; 9]), None);
        assert_eq!(succession(&[1.0, 2.0]), None);
    }

    #[test]
    fn it_errs_as_often_as_it_says_and_finds_what_follows() {
        let mut stream = Streams::new(3).stream(Purpose::Bootstrap, 0);
        let (mut wrong, mut found) = (0, 0);
        for _ in 0..2000 {
            let mut last = 0.0;
            let fresh: Vec<f64> = (0..20).map(|_| (0..12).map(|_| uniform(&mut stream)).sum()).collect();
            let kept: Vec<f64> = fresh
                .iter()
                .map(|value| {
                    last = 0.7 * last + value;
                    last
                })
                .collect();
            wrong += u32::from(succession(&fresh).expect("enough").probability < 0.05);
            found += u32::from(succession(&kept[5..]).expect("enough").probability < 0.05);
        }
        assert!((60..140).contains(&wrong), "{wrong} of 2000");
        assert!(found > 1000, "{found} of 2000");
    }
}
