//! Several scenarios beside each other: which policy wins where.

use std::fmt::Write as _;

use super::{DifferencesInput, heading, leading};
use crate::metrics::Metric;
use crate::report::sentences::Leading;
use crate::report::table::{Style, ascii, dim};

/// A table for each metric with a row for each policy and a column for each scenario.
pub fn render(inputs: &[DifferencesInput<'_>], metrics: &[Metric], style: Style) -> String {
    let mut policies: Vec<&str> = Vec::new();
    for policy in inputs.iter().flat_map(|input| &input.story.policies) {
        if !policies.contains(&policy.name.as_str()) {
            policies.push(&policy.name);
        }
    }
    let mut text = String::new();
    for &metric in metrics {
        one(&mut text, inputs, &policies, metric, style);
        text.push('\n');
    }
    let note =
        "* wins   ~ shares the lead, not shown to be behind   - is behind   ? not judged   blank: not in it";
    let _ = writeln!(text, "{}", dim(&format!("  {note}"), style));
    if style.unicode { text } else { ascii(&text) }
}

/// How policies compare with the best in a metric, by the comparisons of the scenario; where they were not
/// asked for there, by those with the best alone. `None` where nothing was judged.
fn found(input: &DifferencesInput<'_>, metric: Metric) -> Option<Leading> {
    if input.differences.ask.metrics.contains(&metric) {
        return leading(input, metric);
    }
    let policies = input.story.policies.clone().within(input.differences.ask.margin);
    Some(policies.judge(metric).filter(|one| one.is_judged())?.leading())
}

fn mark(leading: &Leading, policy: usize) -> &'static str {
    let leaders = leading.leaders();
    match leaders.contains(&policy) {
        true if leaders.len() == 1 => "*",
        true => "~",
        false if leading.others.iter().any(|(other, _)| *other == policy) => "-",
        false => "?",
    }
}

fn one(text: &mut String, inputs: &[DifferencesInput<'_>], policies: &[&str], metric: Metric, style: Style) {
    let title = heading(metric);
    let names =
        policies.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(title.chars().count());
    let found: Vec<Option<Leading>> = inputs.iter().map(|input| found(input, metric)).collect();
    let mut line = format!("  {title:<names$}");
    for input in inputs {
        let _ = write!(line, "  {}", input.story.facts.name);
    }
    let _ = writeln!(text, "{}", dim(&line, style));
    for policy in policies {
        let mut line = format!("  {policy:<names$}");
        for (input, leading) in inputs.iter().zip(&found) {
            let index = input.story.policies.iter().position(|one| one.name == *policy);
            let mark = match (index, leading) {
                (None, _) => " ",
                (Some(_), None) => "?",
                (Some(index), Some(leading)) => mark(leading, index),
            };
            let _ = write!(line, "  {mark:>0$}", input.story.facts.name.chars().count());
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
