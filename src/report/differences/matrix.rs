//! Several scenarios beside each other: which policy wins where.

use std::fmt::Write as _;

use super::{heading, leaders};
use crate::metrics::Metric;
use crate::report::story::Story;
use crate::report::table::{Style, ascii, dim};

/// A table for each metric with a row for each policy and a column for each scenario.
pub fn render(stories: &[Story], metrics: &[Metric], style: Style) -> String {
    let mut policies: Vec<&str> = Vec::new();
    for policy in stories.iter().flat_map(|story| &story.policies) {
        if !policies.contains(&policy.name.as_str()) {
            policies.push(&policy.name);
        }
    }
    let mut text = String::new();
    for &metric in metrics {
        one(&mut text, stories, &policies, metric, style);
        text.push('\n');
    }
    let note =
        "* wins   ~ shares the lead and cannot be told apart   - is behind   ? not judged   blank: not in it";
    let _ = writeln!(text, "{}", dim(&format!("  {note}"), style));
    if style.unicode { text } else { ascii(&text) }
}

fn one(text: &mut String, stories: &[Story], policies: &[&str], metric: Metric, style: Style) {
    let title = heading(metric);
    let names =
        policies.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(title.chars().count());
    let leading: Vec<Option<Vec<usize>>> = stories.iter().map(|story| leaders(story, metric)).collect();
    let mut line = format!("  {title:<names$}");
    for story in stories {
        let _ = write!(line, "  {}", story.facts.name);
    }
    let _ = writeln!(text, "{}", dim(&line, style));
    for policy in policies {
        let mut line = format!("  {policy:<names$}");
        for (story, leading) in stories.iter().zip(&leading) {
            let index = story.policies.iter().position(|one| one.name == *policy);
            let mark = match (index, leading) {
                (None, _) => " ",
                (Some(_), None) => "?",
                (Some(index), Some(leading)) if !leading.contains(&index) => "-",
                (Some(_), Some(leading)) => {
                    if leading.len() == 1 {
                        "*"
                    } else {
                        "~"
                    }
                }
            };
            let _ = write!(line, "  {mark:>0$}", story.facts.name.chars().count());
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
