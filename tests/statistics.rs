//! Confidence intervals against worked examples that were published with their answers.

use falcon::statistics::comparisons::{Comparison, Pairs, compare};
use falcon::statistics::confidence::{Summary, student_quantile};
use falcon::statistics::paired::difference;

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
}

/// Additional hours of sleep under two drugs, ten patients: Student, "The probable error of a
/// mean", Biometrika 6 (1908); the interval as in R's documentation of `t.test` on `sleep`.
const SLEEP: [[f64; 10]; 2] = [
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
];

#[test]
fn students_sleep_data() {
    let paired = difference(&SLEEP[0], &SLEEP[1]).unwrap();
    close(paired.mean, -1.58, 1e-12);
    close(paired.mean - paired.half_width, -2.459_885_8, 1e-6);
    close(paired.mean + paired.half_width, -0.700_114_2, 1e-6);
    assert!(!paired.holds_zero());
    let swapped = difference(&SLEEP[1], &SLEEP[0]).unwrap();
    close(swapped.mean, -paired.mean, 1e-12);
    close(swapped.half_width, paired.half_width, 1e-12);
}

/// Darwin's crossed and self-fertilised maize, differences of height in eighths of an inch: Fisher,
/// *The Design of Experiments* (1935), section 17. t is 2.148, a hair beyond its 5 % point, 2.145.
#[test]
fn darwins_maize() {
    let differences =
        [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let summary = Summary::of(&differences).unwrap();
    assert_eq!((summary.n, summary.min, summary.max), (15, -67.0, 75.0));
    close(summary.mean, 20.933, 5e-4);
    let error = summary.stddev.unwrap() / 15f64.sqrt();
    close(error, 9.746, 5e-4);
    close(summary.mean / error, 2.148, 5e-4);
    close(summary.half_width.unwrap() / error, 2.145, 5e-4);
    assert!(judged(&[differences.to_vec()])[0].is_clear);
}

/// Law, *Simulation Modeling and Analysis*, section 4.5: ten observations with mean 1.34 and
/// variance 0.17, and 1.34 +- 0.24 as the 90 % interval.
#[test]
fn laws_ten_observations() {
    let summary = Summary::of(&[1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]).unwrap();
    close(summary.mean, 1.34, 5e-3);
    let variance = summary.stddev.unwrap().powi(2);
    close(variance, 0.17, 5e-3);
    close(student_quantile(9, 0.90) * (variance / 10.0).sqrt(), 0.24, 5e-3);
}

/// NIST/SEMATECH e-Handbook, section 1.3.5.2 (data set ZARR13.DAT): from 195 measurements of mean
/// 9.261460 and standard deviation 0.022789 follows the interval 9.258242 to 9.264679.
#[test]
fn the_heat_flow_meter_of_nist() {
    let half_width = student_quantile(194, 0.95) * 0.022_789 / 195f64.sqrt();
    close(9.261_460 - half_width, 9.258_242, 1.5e-6);
    close(9.261_460 + half_width, 9.264_679, 1.5e-6);
}

/// These differences judged together.
fn judged(differences: &[Vec<f64>]) -> Vec<Comparison> {
    let pairs = |values: &Vec<f64>| Pairs {
        values: values.iter().map(|value| (*value, 0.0)).collect(),
        skewed: false,
    };
    let family: Vec<Pairs> = differences.iter().map(pairs).collect();
    compare(&family, None).into_iter().map(Option::unwrap).collect()
}

/// With two degrees of freedom Student's distribution has a closed form: this t has the two-sided
/// probability p.
fn t_of_two_degrees(p: f64) -> f64 {
    let inside: f64 = 1.0 - p;
    (2.0 * inside * inside / (1.0 - inside * inside)).sqrt()
}

/// The usual example of Holm's method: of the probabilities 0.01, 0.04, 0.03 and 0.005 the fourth
/// (against 0.05 / 4) and the first (against 0.05 / 3) are clear; the third (against 0.05 / 2) is
/// not, which ends it.
#[test]
fn holms_method_steps_down() {
    // Three differences m - 1, m, m + 1 have standard deviation 1, so t = m sqrt(3).
    let comparisons: Vec<Vec<f64>> = [0.01, 0.04, 0.03, 0.005]
        .map(|p| t_of_two_degrees(p) / 3f64.sqrt())
        .map(|mean| vec![mean - 1.0, mean, mean + 1.0])
        .into();
    let intervals = judged(&comparisons);
    let clear: Vec<bool> = intervals.iter().map(|interval| interval.is_clear).collect();
    assert_eq!(clear, [true, false, false, true]);
    // The last keeps the confidence of the one that ended it.
    for (interval, judged_as_one_of) in intervals.iter().zip([3.0, 2.0, 2.0, 4.0]) {
        close(interval.half_width(), t_of_two_degrees(0.05 / judged_as_one_of) / 3f64.sqrt(), 1e-6);
    }
}

#[test]
fn too_few_values_have_no_interval() {
    assert!(Summary::of(&[]).is_none());
    assert_eq!(Summary::of(&[3.0]).unwrap().half_width, None);
    assert!(difference(&[1.0], &[2.0]).is_none());
    assert!(compare(&[], None).is_empty());
}
