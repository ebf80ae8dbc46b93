//! The comparison of policies as people read it on a terminal.

use std::fmt::Write as _;

use super::{DifferencesInput, heading, sentences, verdict_words};
use crate::experiment::differences::Difference;
use crate::metrics::Metric;
use crate::report::judge::words;
use crate::report::number::{count, decimals_for, fixed, significant};
use crate::report::sentences::list;
use crate::report::table::{Style, ascii, dim, head};
use crate::statistics::comparisons::Method;

/// The whole text: question, a table for each metric, notes, verdicts, where results are. `steps` are
/// lines on how the runs came about.
pub fn render(
    input: &DifferencesInput<'_>,
    steps: &[String],
    repeat: &str,
    results: Option<&str>,
    style: Style,
) -> String {
    let mut text = head(input.story);
    text.push_str(&body(input, style));
    for line in steps {
        let _ = writeln!(text, "{}", dim(&format!("  {line}"), style));
    }
    text.push('\n');
    if let Some(folder) = results {
        let _ = writeln!(text, "  results  {folder}   (open report.html first)");
    }
    let _ = writeln!(text, "  repeat   {repeat}");
    if style.unicode { text } else { ascii(&text) }
}

/// Tables, notes and verdicts.
pub fn body(input: &DifferencesInput<'_>, style: Style) -> String {
    let mut text = String::new();
    for &metric in &input.differences.ask.metrics {
        text.push('\n');
        metric_table(&mut text, input, metric, style);
    }
    let sentences = sentences(input);
    for note in notes(input, &sentences) {
        let _ = writeln!(text, "{}", dim(&format!("  {note}"), style));
    }
    if !sentences.is_empty() {
        text.push('\n');
    }
    for line in sentences {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// One metric: a row for the baseline and one for each comparison.
fn metric_table(text: &mut String, input: &DifferencesInput<'_>, metric: Metric, style: Style) {
    let word = words(metric);
    let rows: Vec<&Difference> = input.differences.in_metric(metric).collect();
    let ask = &input.differences.ask;
    let head = ["mean", "difference", "interval", "ratio", "interval", "pairing", ""].map(str::to_string);
    let mut lines: Vec<(String, [String; 7])> = vec![(heading(metric), head)];
    let halves = rows.iter().filter_map(|row| row.comparison).map(|one| one.half_width() * word.factor);
    let smallest = halves.filter(|half| *half > 0.0).min_by(f64::total_cmp);
    let decimals = smallest.map_or(4, |half| decimals_for(half, 2));
    let show = |value: f64| fixed(value * word.factor, decimals);
    if !ask.all_pairs {
        let summary = input.story.policies[ask.baseline].summary(metric);
        let mut cells: [String; 7] = Default::default();
        cells[0] = summary.map_or_else(|| "-".to_string(), |summary| show(summary.mean));
        cells[1] = "baseline".to_string();
        lines.push((input.name(ask.baseline).to_string(), cells));
    }
    for row in rows {
        let name = match ask.all_pairs {
            true => format!("{} - {}", input.name(row.policy), input.name(row.baseline)),
            false => input.name(row.policy).to_string(),
        };
        lines.push((name, cells(row, &show)));
    }
    let width = |column: usize| lines.iter().map(|line| line.1[column].chars().count()).max().unwrap_or(0);
    let names = lines.iter().map(|line| line.0.chars().count()).max().unwrap_or(0);
    for (number, (name, cells)) in lines.iter().enumerate() {
        let mut line = format!("  {name:<names$}");
        for (column, cell) in cells.iter().enumerate().take(6) {
            let _ = write!(line, "  {cell:>0$}", width(column));
        }
        let _ = write!(line, "  {}", cells[6]);
        let line = line.trim_end();
        let _ = if number == 0 { writeln!(text, "{}", dim(line, style)) } else { writeln!(text, "{line}") };
    }
}

fn cells(row: &Difference, show: &impl Fn(f64) -> String) -> [String; 7] {
    let verdict = verdict_words(row);
    let Some(found) = row.comparison else {
        let dash = || "-".to_string();
        return [dash(), dash(), dash(), dash(), dash(), dash(), verdict];
    };
    let signed = |value: f64| {
        let text = show(value);
        if value > 0.0 && text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
            format!("+{text}")
        } else {
            text
        }
    };
    let (ratio, ratios) = match (found.ratio, found.ratio_interval) {
        (Some(ratio), Some((low, high))) => {
            // A half width of no size would ask for more decimals than mean anything.
            let decimals = decimals_for(((high - low) / 2.0).max(ratio.abs() * 1e-4), 2);
            (fixed(ratio, decimals), format!("{} to {}", fixed(low, decimals), fixed(high, decimals)))
        }
        (Some(ratio), None) => (significant(ratio, 3), "no bounds".to_string()),
        _ => ("-".to_string(), "-".to_string()),
    };
    [
        show(found.mean),
        signed(found.difference),
        format!("{} to {}", signed(found.interval.0), signed(found.interval.1)),
        ratio,
        ratios,
        found.narrowing().map_or_else(|| "-".to_string(), |times| format!("{} ×", fixed(times, 1))),
        verdict,
    ]
}

fn notes(input: &DifferencesInput<'_>, sentences: &[String]) -> Vec<String> {
    let differences = input.differences;
    let judged = differences.rows.iter().filter(|row| row.comparison.is_some()).count();
    if judged == 0 {
        return nothing_judged(input);
    }
    let mut notes = vec![match judged {
        1 => "difference: in the same replication, 95 % interval".to_string(),
        more => format!(
            "differences: in the same replication; verdicts on all {more} are right together with 95 % (Holm)"
        ),
    }];
    notes.push(
        "pairing: how many times wider the interval would be if policies met different worlds".to_string(),
    );
    let is =
        |method| differences.rows.iter().any(|row| row.comparison.is_some_and(|one| one.method == method));
    if is(Method::Bootstrap) {
        notes.push("intervals of percentiles and maxima by bootstrap (BCa), fixed seed".to_string());
    }
    if let Some(margin) = differences.ask.margin {
        notes.push(format!(
            "equivalent: within {} % of the baseline (two one-sided tests; right together with another 95 %)",
            significant(margin * 100.0, 3)
        ));
    }
    if judged > 1 && !sentences.is_empty() {
        notes.push(match differences.beside_best.len() {
            0 => "below: the best in each metric, with the interval that the table has".to_string(),
            1 => "below: the best in each metric; one comparison with it that the table does not have is judged \
                  apart from the others"
                .to_string(),
            more => format!(
                "below: the best in each metric; {} comparisons with it that the table does not have are judged apart \
                 from the others",
                count(more as u64)
            ),
        });
    }
    notes
}

/// Why no difference is judged.
fn nothing_judged(input: &DifferencesInput<'_>) -> Vec<String> {
    let has = |metric: Metric| input.story.policies.iter().any(|policy| !policy.values(metric).is_empty());
    let missing: Vec<Metric> =
        input.differences.ask.metrics.iter().copied().filter(|metric| !has(*metric)).collect();
    if missing.len() == input.differences.ask.metrics.len() {
        let names: Vec<&str> = missing.iter().map(|metric| metric.column().name).collect();
        return vec![format!("no policy has {}: there is nothing to judge", list(&names))];
    }
    match input.story.facts.replications {
        0 | 1 => vec!["one replication: differences are not judged; try --replications 10".to_string()],
        _ => vec!["no figure exists in two replications of both policies: nothing is judged".to_string()],
    }
}
