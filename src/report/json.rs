//! The summary as JSON, for `--format json`.

use serde_json::{Map, Value, json};

use super::story::Story;
use super::{ReportInput, VERSION};
use crate::metrics::COLUMNS;
use crate::statistics::confidence::Summary;

/// One object: the scenario, its seeds, and the rows of `summary.csv` with `null` for what is
/// missing. Ends in a line feed.
pub fn summary(input: &ReportInput<'_>) -> String {
    let story = Story::of(input.plan, input.results, input.live);
    let mut rows = Vec::new();
    for policy in &story.policies {
        for column in COLUMNS {
            let values = policy.values(column.metric);
            let summary = Summary::of(&values);
            let half_width = summary.and_then(|summary| summary.half_width);
            let bound = |sign: f64| Some(summary?.mean + sign * half_width?);
            let mut row = Map::new();
            row.insert("policy".to_string(), json!(policy.name));
            row.insert("metric".to_string(), json!(column.name));
            row.insert("unit".to_string(), json!(column.unit));
            row.insert("n".to_string(), json!(values.len()));
            row.insert("mean".to_string(), json!(summary.map(|summary| summary.mean)));
            row.insert("stddev".to_string(), json!(summary.and_then(|summary| summary.stddev)));
            row.insert("ci95_low".to_string(), json!(bound(-1.0)));
            row.insert("ci95_high".to_string(), json!(bound(1.0)));
            row.insert("min".to_string(), json!(summary.map(|summary| summary.min)));
            row.insert("max".to_string(), json!(summary.map(|summary| summary.max)));
            rows.push(Value::Object(row));
        }
    }
    let document = json!({
        "falcon": VERSION,
        "scenario": story.facts.name,
        "seed": story.facts.seed,
        "replications": story.facts.replications,
        "summary": rows,
    });
    let mut text = serde_json::to_string_pretty(&document).expect("text keys only");
    text.push('\n');
    text
}
