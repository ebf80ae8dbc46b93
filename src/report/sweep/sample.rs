//! Sweeps that were never run, for tests.

use super::{AxisKept, Grid, SweepFile};
use crate::metrics::{Metric, MetricRow};
use crate::report::sample::Sample;
use crate::report::story::Story;

/// A sweep of two policies whose mean waits differ by these means, cell by cell, with half widths of about
/// 0.75.
pub(in crate::report) fn grid(axes: &[(&str, Vec<String>)], means: &[f64]) -> Grid {
    let sample = Sample { policies: vec!["fifo", "sjf"], ..Sample::default() };
    let story = Story::of(&sample.plan(), &sample.results(), None);
    let rows = |shift: f64, wave: f64| -> Vec<MetricRow> {
        let value = |number: usize| 10.0 + shift + wave * [1.0, -1.0][number % 2];
        let row = |number: usize| {
            let mut row = MetricRow::default();
            row.set(Metric::MeanWait, value(number));
            row
        };
        (0..10).map(row).collect()
    };
    let cell = |mean: &f64| {
        let mut policies = story.policies.to_vec();
        // 0.75 = t of 9 degrees of freedom * sd / sqrt(10), sd = wave * sqrt(10 / 9).
        policies[0].rows = rows(*mean, 0.75 * 3.0 / 2.262_157);
        policies[1].rows = rows(0.0, 0.0);
        policies
    };
    let axis =
        |(key, values): &(&str, Vec<String>)| AxisKept { key: (*key).to_string(), values: values.clone() };
    let file = SweepFile {
        falcon: String::new(),
        scenario: story.facts.clone(),
        axes: axes.iter().map(axis).collect(),
        policies: vec!["fifo".to_string(), "sjf".to_string()],
        metrics: vec!["mean_wait".to_string()],
        cells: vec![String::new(); means.len()],
        margin: None,
        shard: None,
        repeat: String::new(),
    };
    Grid { file, cells: means.iter().map(|mean| cell(mean).into()).collect() }
}
