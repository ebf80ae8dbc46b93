//! Replications until an interval is as tight as asked.
//!
//! The purely sequential rule of Chow and Robbins (*On the asymptotic theory of fixed-width sequential
//! confidence intervals for the mean*, Annals of Mathematical Statistics 36, 1965) in the relative form
//! of Law and Kelton (Law, *Simulation Modeling and Analysis*, 5th ed., section 9.4.1): stop as soon as
//! half width / |mean| is at most r / (1 + r), where r is the relative error that is allowed.
//!
//! Who looks again and again stops too early now and then: when the scatter so far happens to look
//! small. At their word, quantiles of 95 % cover in 93.8 % of cases at worst (normal values, first look
//! after 10). Three things make up for it: Student's quantiles of [`LOOK_CONFIDENCE`] in place of 95 %;
//! no look before [`FIRST_LOOK`] values; and looks that grow by a quarter each, so that there are few.
//! The interval at the end then covers in at least 95 % of cases wherever it stops (`tests/estimates.rs`).

use super::confidence::{Summary, student_quantile};

/// Values before the first look at least.
pub const FIRST_LOOK: u32 = 10;

/// The confidence of the quantiles, for intervals that cover in 95 % of cases after any number of
/// looks. In 40,000 experiments each with normal values whose scatter was 0.2 to 5 times what the first
/// look can settle, they covered in 95.4 % of cases at worst.
pub const LOOK_CONFIDENCE: f64 = 0.965;

/// The number of values at the look after one at `n`, at most `limit`.
pub fn next_look(n: u32, limit: u32) -> u32 {
    n.saturating_add(n.div_ceil(4)).min(limit).max(FIRST_LOOK.min(limit))
}

/// What a look saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Half the width of the interval, valid whenever one stops.
    pub half_width: f64,
    /// It as a share of what it is measured against; infinite when that is 0 and the half width is not.
    pub relative: f64,
    /// Whether it is as tight as asked.
    pub reached: bool,
}

/// Looks at the interval of the mean of `values`, which is to be tight in relation to `scale`; `None`
/// before the first look.
pub fn look(values: &[f64], scale: f64, relative: f64) -> Option<Look> {
    if values.len() < FIRST_LOOK as usize {
        return None;
    }
    let summary = Summary::of(values)?;
    let error = summary.stddev? / (summary.n as f64).sqrt();
    let half_width = student_quantile(summary.n - 1, LOOK_CONFIDENCE) * error;
    let found = match half_width {
        0.0 => 0.0,
        half => half / scale.abs(),
    };
    Some(Look { half_width, relative: found, reached: found <= relative / (1.0 + relative) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_by_a_quarter_up_to_the_limit() {
        let mut looks = vec![10];
        while *looks.last().expect("one") < 50 {
            looks.push(next_look(*looks.last().expect("one"), 50));
        }
        assert_eq!(looks, [10, 13, 17, 22, 28, 35, 44, 50]);
        assert_eq!(next_look(2, 50), 10);
    }

    /// Standard deviation 1, so the half width is t / sqrt(10): 2.4799 is the quantile at 96.5 % of 9
    /// degrees of freedom (`scipy.stats.t.ppf(0.9825, 9)`, scipy 1.17.1).
    #[test]
    fn a_look_is_student_at_its_own_confidence() {
        let spread = 0.9f64.sqrt();
        let values: Vec<f64> =
            (0..10).map(|number| 10.0 + if number % 2 == 0 { spread } else { -spread }).collect();
        let found = look(&values, 10.0, 0.05).expect("a look");
        assert!((found.half_width - QUANTILE / 10.0f64.sqrt()).abs() < 1e-6, "{found:?}");
        assert!(!found.reached);
        assert!(look(&values, 10.0, 0.09).expect("a look").reached);
        assert_eq!(look(&values[..9], 10.0, 0.05), None);
        // Without scatter there is nothing to wait for, and a share of 0 is never reached with some.
        assert!(look(&[0.0; 10], 0.0, 0.01).expect("a look").reached);
        assert!(!look(&values, 0.0, 0.01).expect("a look").reached);
    }
    const QUANTILE: f64 = 2.479_850_9;
}
