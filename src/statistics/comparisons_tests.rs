//! Comparisons against known figures.

use super::*;
use crate::statistics::paired::difference;

const P: [f64; 6] = [9.1, 10.4, 8.7, 11.2, 9.9, 10.1];
const Q: [f64; 6] = [9.0, 10.5, 8.6, 11.0, 10.0, 10.0];

fn pairs(a: &[f64], b: &[f64]) -> Pairs {
    Pairs { values: a.iter().copied().zip(b.iter().copied()).collect(), skewed: false }
}

fn only(pairs: Pairs, margin: Option<f64>) -> Comparison {
    compare(&[pairs], margin)[0].expect("a comparison")
}

#[test]
fn one_comparison_is_that_of_student() {
    let found = only(pairs(&P, &Q), None);
    let expected = difference(&P, &Q).expect("pairs");
    assert!((found.half_width() - expected.half_width).abs() < 1e-12, "{found:?}");
    assert!((found.difference - 0.05).abs() < 1e-12 && found.n == 6);
    assert_eq!((found.outcome, found.method), (Outcome::NotShown, Method::Student));
    assert_eq!(found.interval, found.simultaneous);
    // Both follow the same ups and downs.
    assert!(found.narrowing().expect("a width") > 8.0, "{found:?}");
}

/// Probabilities of `scipy.stats.ttest_1samp(p - (1 - d) q, 0, "greater")` and
/// `(p - (1 + d) q, 0, "less")`, scipy 1.17.1.
#[test]
fn two_one_sided_tests_are_those_of_scipy() {
    let pairs = pairs(&P, &Q);
    let sides = Sides::new(&pairs).expect("pairs");
    for (margin, expected) in [(0.01, 0.190_194_782_9), (0.02, 0.017_395_480_96), (0.05, 0.000_233_448_107_3)]
    {
        let found = sides.not_equivalent(margin);
        assert!((found - expected).abs() < 1e-8, "{margin}: {found}");
    }
    assert_eq!(only(pairs.clone(), Some(0.02)).outcome, Outcome::Equivalent);
    assert_eq!(only(pairs, Some(0.01)).outcome, Outcome::NotShown);
}

#[test]
fn holms_steps_are_those_of_intervals() {
    let zero = [0.0; 4];
    let family = [[10.0, 11.0, 9.0, 10.5], [1.0, -1.0, 0.5, 0.2], [3.0, 2.0, 2.5, 2.6]];
    let found = compare(&family.map(|values| pairs(&values, &zero)), None);
    // The first and the third are clear, as one of three and of two; the second is left alone.
    for ((found, values), (one_of, clear)) in
        found.iter().zip(family).zip([(3.0, true), (1.0, false), (2.0, true)])
    {
        let found = found.expect("one");
        let Summary { stddev: Some(stddev), .. } = Summary::of(&values).expect("values") else { panic!() };
        let half = student_quantile(3, 1.0 - 0.05 / one_of) * stddev / 2.0;
        assert!((found.half_width() - half).abs() < 1e-12, "{found:?}");
        assert_eq!(found.is_clear, clear);
        assert!(found.simultaneous.1 >= found.interval.1);
    }
    assert!(compare(&[pairs(&[1.0], &[2.0])], None)[0].is_none());
}

/// Probabilities 0.012, 0.021, 0.04 and 0.2 by Holm's method at 5 %: only the first stands
/// (`statsmodels.stats.multitest.multipletests`, statsmodels 0.15), where each alone would show three.
#[test]
fn holm_stops_at_the_first_that_does_not_stand() {
    let family = [0.012, 0.04, 0.021, 0.2].map(with_probability);
    let clear: Vec<bool> = compare(&family, None).into_iter().map(|one| one.expect("one").is_clear).collect();
    assert_eq!(clear, [true, false, false, false]);
    let alone = family.map(|one| only(one, None).is_clear);
    assert_eq!(alone, [true, true, true, false]);
}

#[test]
fn copies_are_identical_whatever_the_method() {
    let values: Vec<f64> = (0..20).map(|number| 0.1 * f64::from(number).powi(3) + 1.7).collect();
    for skewed in [false, true] {
        for margin in [None, Some(0.02)] {
            let one = Pairs { skewed, ..pairs(&values, &values) };
            let found = only(one, margin);
            assert_eq!((found.difference, found.interval), (0.0, (0.0, 0.0)));
            assert_eq!((found.outcome, found.is_clear), (Outcome::Identical, false));
        }
    }
}

#[test]
fn a_clear_difference_can_be_too_small_to_matter() {
    let base: Vec<f64> = (0..20).map(|number| 100.0 + f64::from(number % 7)).collect();
    let more: Vec<f64> = base.iter().enumerate().map(|(i, b)| b + 1.0 + 0.01 * (i % 3) as f64).collect();
    for skewed in [false, true] {
        let one = Pairs { skewed, ..pairs(&more, &base) };
        let found = only(one.clone(), Some(0.02));
        assert!(found.is_clear && found.outcome == Outcome::Equivalent, "{found:?}");
        assert_eq!(only(one.clone(), Some(0.005)).outcome, Outcome::Higher);
        let (low, high) = only(one, None).ratio_interval.expect("bounds");
        assert!(1.0095 < low && high < 1.0102, "{low} {high}");
    }
}

/// A mean of three whose probability by Student's t is `p` on both sides together: t of 2 degrees of
/// freedom has a closed distribution, p = 1 - t / sqrt(2 + t^2).
fn with_probability(p: f64) -> Pairs {
    let share = 1.0 - p;
    let mean = share * (2.0 / (1.0 - share * share)).sqrt() / 3.0f64.sqrt();
    pairs(&[mean - 1.0, mean, mean + 1.0], &[0.0; 3])
}

/// Every resample of ten values that are 0.05 or 2 lies above 0, where Student's t knows of p = 0.012: what
/// is clearer than that is judged before.
#[test]
fn resamples_that_do_not_reach_0_stop_nobody() {
    let values = [0.05, 2.0].repeat(5);
    let far = Pairs { skewed: true, ..pairs(&values, &[0.0; 10]) };
    let mut family = vec![with_probability(1e-4); 9];
    family.push(far);
    family.extend(vec![with_probability(0.004); 10]);
    family.push(with_probability(0.3));
    let found: Vec<Comparison> = compare(&family, None).into_iter().map(|one| one.expect("one")).collect();
    for (index, one) in found.iter().enumerate() {
        let holds_0 = one.interval.0 <= 0.0 && 0.0 <= one.interval.1;
        assert_eq!(one.is_clear, !holds_0, "{index}: {one:?}");
        assert_eq!(one.outcome == Outcome::NotShown, holds_0, "{index}: {one:?}");
    }
    assert_eq!(found.iter().filter(|one| one.is_clear).count(), 20);
}

/// Forty figures that are within 1 % of their baselines in every pair.
#[test]
fn many_skewed_figures_can_be_shown_to_be_equivalent() {
    let base: Vec<f64> = (0..10).map(|i| 100.0 + f64::from(i * i % 11)).collect();
    let near: Vec<f64> = base.iter().enumerate().map(|(i, b)| b + 0.1 * (i % 4) as f64).collect();
    let family = vec![Pairs { skewed: true, ..pairs(&near, &base) }; 40];
    for found in compare(&family, Some(0.05)) {
        assert_eq!(found.expect("one").outcome, Outcome::Equivalent);
    }
    let family = vec![Pairs { skewed: true, ..pairs(&near, &base) }; 40];
    assert!(compare(&family, Some(0.001)).iter().all(|one| one.expect("one").outcome != Outcome::Equivalent));
}
