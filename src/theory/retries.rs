//! Attempts that fail with a probability of their own, each independently, up to a limit.

use super::size::Size;

/// The number of attempts of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempts {
    /// Probability that the task completes: 1 - p^a.
    pub success: f64,
    /// Mean number of attempts: (1 - p^a) / (1 - p).
    pub mean: f64,
    /// Mean of the squared number.
    pub square: f64,
}

/// Of a task whose attempts fail with probability `p` < 1, at most `most` times.
pub fn attempts(p: f64, most: Option<u32>) -> Attempts {
    let left = 1.0 - p;
    match most {
        None => Attempts { success: 1.0, mean: 1.0 / left, square: (1.0 + p) / (left * left) },
        Some(most) => {
            let success = 1.0 - p.powf(f64::from(most));
            // The sum of (2k + 1) P(more than k attempts), until the terms are nothing.
            let (mut square, mut chance) = (0.0, 1.0);
            for k in 0..most {
                square += (2.0 * f64::from(k) + 1.0) * chance;
                chance *= p;
                if chance < 1e-300 {
                    break;
                }
            }
            Attempts { success, mean: success / left, square }
        }
    }
}

/// Mean and mean square of the time that all attempts of a task take at a server that it does not leave in
/// between: the same work every time, or work drawn anew.
pub fn service(attempts: Attempts, size: &Size, redraw: bool) -> Option<(f64, f64)> {
    let (first, second) = (size.moment(1)?, size.moment(2)?);
    let square = if redraw {
        attempts.mean * (second - first * first) + attempts.square * first * first
    } else {
        attempts.square * second
    };
    Some((attempts.mean * first, square))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    #[test]
    fn attempts_by_hand() {
        let two = attempts(0.3, Some(2));
        assert!((two.success - 0.91).abs() < 1e-12 && (two.mean - 1.3).abs() < 1e-12);
        // Once with 0.7, twice with 0.3.
        assert!((two.square - (0.7 + 4.0 * 0.3)).abs() < 1e-12);
        let all = attempts(0.2, None);
        let many = attempts(0.2, Some(400));
        assert!((all.square - many.square).abs() < 1e-12 && (all.mean - 1.25).abs() < 1e-12);
        assert_eq!(attempts(0.0, Some(3)), Attempts { success: 1.0, mean: 1.0, square: 1.0 });
    }

    /// Drawn anew, exponential tasks a geometric number of times are exponential again.
    #[test]
    fn service_of_all_attempts() {
        let size = Size::of(&Distribution::exponential(1.0)).unwrap();
        let (mean, square) = service(attempts(0.2, None), &size, true).unwrap();
        assert!((mean - 1.25).abs() < 1e-12 && (square - 2.0 * 1.25 * 1.25).abs() < 1e-12);
        let (_, repeated) = service(attempts(0.2, None), &size, false).unwrap();
        assert!((repeated - 2.0 * 1.2 / 0.64).abs() < 1e-12);
    }
}
