//! What is told of a comparison of policies: the table and its sentences, the CSV file, the plot.

use super::judge::words;
use super::number::significant;
use super::sentences::Leading;
use super::story::Story;
use super::warning::Warning;
use crate::experiment::differences::{Difference, Differences, Verdict};
use crate::metrics::Metric;
use crate::statistics::comparisons::Comparison;

pub mod csv;
pub mod matrix;
pub mod table;

#[cfg(test)]
mod tests;

/// Everything that is told.
#[derive(Clone, Copy, Debug)]
pub struct DifferencesInput<'a> {
    /// The scenario and what came out.
    pub story: &'a Story,
    /// The comparisons.
    pub differences: &'a Differences,
}

impl DifferencesInput<'_> {
    /// The name of a policy.
    pub(super) fn name(&self, policy: usize) -> &str {
        &self.story.policies[policy].name
    }
}

/// The words for a verdict.
pub fn verdict_words(row: &Difference) -> String {
    let clear = row.comparison.is_some_and(|comparison| comparison.is_clear);
    match row.verdict() {
        Verdict::Equivalent if clear => "equivalent, though not equal".to_string(),
        Verdict::Identical => "the same in every replication".to_string(),
        Verdict::NoDifference => "no difference shown".to_string(),
        Verdict::NotJudged => "not judged".to_string(),
        other => other.name().to_string(),
    }
}

/// Replications that would show a difference as large as it looks; `None` when it looks like none, or
/// would take a thousand times as many.
fn enough(row: &Difference) -> Option<u64> {
    let comparison = row.comparison?;
    let times = (comparison.half_width() / comparison.difference).powi(2) * 1.1;
    (times.is_finite() && times < 1000.0).then(|| (times * comparison.n as f64).ceil() as u64)
}

/// What to do about comparisons that show nothing.
pub fn warnings(input: &DifferencesInput<'_>) -> Vec<Warning> {
    let unclear: Vec<&Difference> =
        input.differences.rows.iter().filter(|row| row.verdict() == Verdict::NoDifference).collect();
    let Some(first) = unclear.first() else { return Vec::new() };
    let subject = match unclear.len() {
        1 => format!(
            "`{}` and `{}` cannot be told apart in {}: the interval of their difference holds 0",
            input.name(first.policy),
            input.name(first.baseline),
            first.metric.column().name
        ),
        more => format!("{more} comparisons show no difference: their intervals hold 0"),
    };
    let most = unclear.iter().filter_map(|row| enough(row)).max();
    let help = match (most, input.differences.ask.margin) {
        (Some(enough), margin) => {
            let question = "; `--margin 2%` asks whether they are small enough not to matter";
            format!(
                "try `--replications {}`, which would do if differences are as large as they look{}",
                rounded(enough),
                if margin.is_none() { question } else { "" }
            )
        }
        (None, None) => "`--margin 2%` asks whether they are small enough not to matter".to_string(),
        (None, Some(_)) => "more replications or a wider `--margin` would be needed".to_string(),
    };
    vec![Warning { message: subject, help: Some(help) }]
}

/// Up to two digits that are not 0.
fn rounded(number: u64) -> u64 {
    let power = 10u64.pow(number.max(1).ilog10().saturating_sub(1));
    number.div_ceil(power) * power
}

/// The best policy in a metric and how the others compare with it; `None` where nothing was judged.
fn leading(input: &DifferencesInput<'_>, metric: Metric) -> Option<Leading> {
    let lead = input.differences.leads.iter().find(|lead| lead.metric == metric)?;
    let compared =
        |&other: &usize| Some((other, input.differences.with_best(metric, lead.best, other)?.comparison?));
    let others: Vec<_> = lead.others.iter().filter_map(compared).collect();
    (!others.is_empty()).then_some(Leading {
        metric,
        best: lead.best,
        others,
        all: input.story.policies.len(),
    })
}

/// Which policy is best in each metric, in sentences that rest on the comparisons that were made.
pub(super) fn sentences(input: &DifferencesInput<'_>) -> Vec<String> {
    let percent = |found: &Comparison| significant(found.confidence * 100.0, 4);
    let leading = input.differences.ask.metrics.iter().filter_map(|&metric| leading(input, metric));
    leading.map(|one| one.sentence(|policy| input.name(policy), percent)).collect()
}

/// How a metric is named with its unit: `mean wait (s)`.
pub(super) fn heading(metric: Metric) -> String {
    let word = words(metric);
    match word.unit {
        "1" => word.name.to_string(),
        unit => format!("{} ({unit})", word.name),
    }
}
