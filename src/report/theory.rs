//! What theory says of a run, as a table, CSV and JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use super::VERSION;
use super::csv::lines;
use super::number::{count, decimals_for, exact, fixed, significant};
use super::story::{Facts, Story};
use super::table::{Style, ascii, dim};
use crate::experiment::plan::Plan;
use crate::experiment::theory::{Finding, Findings, PolicyFindings, Verdict};
use crate::metrics::PolicyResult;
use crate::theory::{FormulaId, Nature};

/// Columns of `theory.csv`.
pub const COLUMNS: &[&str] = &[
    "policy",
    "metric",
    "class",
    "unit",
    "nature",
    "value",
    "n",
    "mean",
    "ci95_low",
    "ci95_high",
    "verdict",
    "formula",
    "note",
    "source",
];

/// One row as text.
struct Row {
    cells: [String; 5],
    verdict: Verdict,
}

fn metric_of(finding: &Finding, classes: &[String]) -> String {
    let name = finding.known.metric.column().name;
    match finding.known.class.and_then(|class| classes.get(class)) {
        Some(class) => format!("{name} of {class}"),
        None => name.to_string(),
    }
}

fn row(finding: &Finding, classes: &[String]) -> Row {
    let column = finding.known.metric.column();
    let value = finding.known.value;
    let half = finding.found.and_then(|found| found.half_width);
    let number = |value: f64, decimals: Option<usize>| match decimals {
        Some(decimals) => fixed(value, decimals),
        None => significant(value, 6),
    };
    let decimals = half.filter(|half| *half > 1e-9 * value.abs()).map(|half| decimals_for(half, 2));
    let found = match (finding.found, half) {
        (Some(found), Some(half)) => {
            format!("{} ± {}", number(found.mean, decimals), number(half, decimals.or(Some(0))))
        }
        (Some(found), None) => number(found.mean, None),
        (None, _) => "-".to_string(),
    };
    let unit = if column.unit == "1" { String::new() } else { format!(" {}", column.unit) };
    let formula = finding.known.formula.formula();
    let note =
        if finding.known.note.is_empty() { String::new() } else { format!(", {}", finding.known.note) };
    let sign = match formula.nature {
        Nature::Exact => "",
        Nature::Limit => "~",
        Nature::LowerBound => ">= ",
        Nature::UpperBound => "<= ",
    };
    Row {
        cells: [
            metric_of(finding, classes),
            format!("{sign}{}{unit}", number(value, decimals.map(|decimals| decimals + 1))),
            found,
            finding.verdict.name().to_string(),
            format!("{}{note}", formula.name),
        ],
        verdict: finding.verdict,
    }
}

/// The text that `falcon theory` prints.
pub fn render(plan: &Plan, results: &[PolicyResult], findings: &Findings, style: Style) -> String {
    let classes = plan.workload.class_names();
    let mut text = String::new();
    let facts = Facts::of(plan, results, None);
    let colon = if facts.question.is_empty() { "" } else { ": " };
    let _ = writeln!(text, "{}{colon}{}", facts.name, facts.question);
    let runs = match facts.batches {
        Some(_) => format!("1 run of {} in {}", facts.tasks(), facts.repeats()),
        None => format!("{} of {}", facts.repeats(), facts.tasks()),
    };
    let left_out = match plan.run.warmup {
        0 => String::new(),
        first => format!(", the first {} left out", count(u64::from(first))),
    };
    let intervals = if facts.replications > 1 { " · mean ± half width of the 95 % interval" } else { "" };
    let _ = writeln!(text, "{runs}{left_out} · {}{intervals}", facts.seeds());
    for policy in &findings.policies {
        let _ = writeln!(text, "\n  {}", policy.policy);
        rows(&mut text, policy, &classes, style);
        for reason in reasons(policy) {
            let _ = writeln!(text, "    {reason}");
        }
    }
    text.push('\n');
    let (covers, of) = findings.coverage();
    if of > 0 {
        let _ = writeln!(
            text,
            "{covers} of {of} intervals hold the exact value; of intervals at 95 %, one in twenty does not."
        );
    }
    documents(&mut text, findings);
    sources(&mut text, findings, style);
    if style.unicode { text } else { ascii(&text) }
}

fn rows(text: &mut String, policy: &PolicyFindings, classes: &[String], style: Style) {
    if policy.findings.is_empty() {
        return;
    }
    let rows: Vec<Row> = policy.findings.iter().map(|finding| row(finding, classes)).collect();
    let heads = ["metric", "theory", "simulated", "verdict", "formula"];
    let width = |cell: usize| {
        let longest = rows.iter().map(|row| row.cells[cell].chars().count()).max().unwrap_or(0);
        longest.max(heads[cell].len())
    };
    let widths: Vec<usize> = (0..5).map(width).collect();
    let line = |cells: [&str; 5]| {
        let [metric, value, found, verdict, formula] = cells;
        let line = format!(
            "    {metric:<0$}  {value:>1$}  {found:>2$}  {verdict:<3$}  {formula}",
            widths[0], widths[1], widths[2], widths[3]
        );
        line.trim_end().to_string()
    };
    let _ = writeln!(text, "{}", dim(&line(heads), style));
    for row in &rows {
        let mut shown = line(row.cells.each_ref().map(String::as_str));
        if style.colour && matches!(row.verdict, Verdict::Misses | Verdict::Breaks) {
            shown = format!("\x1b[33m{shown}\x1b[0m");
        }
        let _ = writeln!(text, "{shown}");
    }
}

/// Why more is not known, and what keeps known values from being judged.
fn reasons(policy: &PolicyFindings) -> Vec<String> {
    let mut lines: Vec<String> =
        policy.reasons.iter().map(|reason| format!("no closed form: {reason}")).collect();
    let steady = policy.findings.iter().any(|finding| finding.known.formula.formula().steady);
    if steady && !policy.warm {
        lines.push(format!(
            "steady-state values are not judged: runs start empty, and it takes about {} tasks until that is \
             forgotten; set `run.warmup` and `workload.tasks` above it",
            policy.warmup
        ));
    }
    lines
}

fn documents(text: &mut String, findings: &Findings) {
    if findings.documents.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nFormulas as design documents give them, and what is right");
    for comparison in &findings.documents {
        let unit = if comparison.unit == "1" { String::new() } else { format!(" {}", comparison.unit) };
        let number = |value: f64| significant(value, 6);
        let _ = writeln!(
            text,
            "  {}: {} = {}{unit}; right: {} = {}{unit}\n    {}",
            comparison.topic,
            comparison.given,
            number(comparison.given_value),
            comparison.right,
            number(comparison.right_value),
            comparison.why
        );
    }
}

/// The formulas that were used.
fn used(findings: &Findings) -> BTreeSet<FormulaId> {
    let all = findings.policies.iter().flat_map(|policy| &policy.findings);
    all.map(|finding| finding.known.formula).collect()
}

fn sources(text: &mut String, findings: &Findings, style: Style) {
    let used = used(findings);
    if used.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nFormulas");
    for formula in used.into_iter().map(FormulaId::formula) {
        let steady = if formula.steady { "; steady state" } else { "" };
        let _ =
            writeln!(text, "  {} ({}{steady}): {}", formula.name, formula.nature.name(), formula.assumptions);
        let _ = writeln!(text, "{}", dim(&format!("    {}", formula.source), style));
    }
}

/// The content of `theory.csv`.
pub fn csv(out: &mut dyn Write, plan: &Plan, findings: &Findings) -> io::Result<()> {
    let classes = plan.workload.class_names();
    let mut lines = lines(out, COLUMNS)?;
    for policy in &findings.policies {
        for finding in &policy.findings {
            let known = &finding.known;
            let (column, formula) = (known.metric.column(), known.formula.formula());
            let bound =
                |sign: f64| finding.found.and_then(|found| Some(found.mean + sign * found.half_width?));
            let class = known.class.and_then(|class| classes.get(class)).map_or("", String::as_str);
            let n = finding.found.map_or(0, |found| found.n).to_string();
            lines.write_record([
                policy.policy.as_str(),
                column.name,
                class,
                column.unit,
                formula.nature.name(),
                &exact(Some(known.value)),
                &n,
                &exact(finding.found.map(|found| found.mean)),
                &exact(bound(-1.0)),
                &exact(bound(1.0)),
                finding.verdict.name(),
                formula.name,
                known.note,
                formula.source,
            ])?;
        }
    }
    lines.flush()
}

/// The same as JSON, with reasons and the documents' formulas.
pub fn as_json(plan: &Plan, results: &[PolicyResult], findings: &Findings) -> String {
    let classes = plan.workload.class_names();
    let finding = |finding: &Finding| {
        let (known, formula) = (&finding.known, finding.known.formula.formula());
        let bound = |sign: f64| finding.found.and_then(|found| Some(found.mean + sign * found.half_width?));
        json!({
            "metric": known.metric.column().name,
            "class": known.class.and_then(|class| classes.get(class)),
            "unit": known.metric.column().unit,
            "nature": formula.nature.name(),
            "value": known.value,
            "n": finding.found.map(|found| found.n),
            "mean": finding.found.map(|found| found.mean),
            "ci95_low": bound(-1.0),
            "ci95_high": bound(1.0),
            "verdict": finding.verdict.name(),
            "formula": formula.name,
            "note": known.note,
            "assumptions": formula.assumptions,
            "source": formula.source,
        })
    };
    let policy = |policy: &PolicyFindings| {
        json!({
            "policy": policy.policy,
            "warmup_needed": policy.warmup,
            "values": policy.findings.iter().map(finding).collect::<Vec<_>>(),
            "reasons": policy.reasons,
        })
    };
    let comparison = |one: &crate::theory::documents::Comparison| {
        json!({
            "topic": one.topic, "unit": one.unit, "given": one.given, "given_value": one.given_value,
            "right": one.right, "right_value": one.right_value, "why": one.why,
        })
    };
    let document = json!({
        "falcon": VERSION,
        "scenario": plan.name,
        "seed": plan.run.seed,
        "replications": Facts::of(plan, results, None).replications,
        "warmup": plan.run.warmup,
        "policies": findings.policies.iter().map(policy).collect::<Vec<_>>(),
        "documents": findings.documents.iter().map(comparison).collect::<Vec<_>>(),
    });
    let mut text = serde_json::to_string_pretty(&document).expect("text keys only");
    text.push('\n');
    text
}

/// Adds to a story the exact values of figures of all tasks that the run is fit to be held against.
pub(super) fn tell(story: &mut Story, findings: &Findings) {
    for (policy, found) in story.policies.iter_mut().zip(&findings.policies) {
        let exact = found.findings.iter().filter(|finding| {
            finding.known.class.is_none()
                && matches!(finding.verdict, Verdict::Covers | Verdict::Misses | Verdict::LongRun)
        });
        policy.theory = exact.map(|finding| (finding.known.metric, finding.known.value)).collect();
    }
}

/// A row of the page's table: metric, theory, simulated, verdict, formula.
pub(super) struct PageRow {
    pub(super) policy: String,
    pub(super) cells: [String; 5],
}

/// The rows of the page: what is exact or bounds something, of runs that are warm enough.
pub(super) fn page_rows(plan: &Plan, findings: &Findings) -> Vec<PageRow> {
    let classes = plan.workload.class_names();
    let mut rows = Vec::new();
    for policy in &findings.policies {
        let judged = policy.findings.iter().filter(|finding| finding.verdict != Verdict::Unjudged);
        let told = judged.filter(|finding| finding.verdict != Verdict::Near);
        rows.extend(
            told.map(|finding| PageRow {
                policy: policy.policy.clone(),
                cells: row(finding, &classes).cells,
            }),
        );
    }
    rows
}

/// The formulas behind the rows of the page, each with its assumptions and its source.
pub(super) fn page_sources(findings: &Findings) -> Vec<(&'static str, String)> {
    let of = |formula: &'static crate::theory::Formula| {
        (formula.name, format!("{} {}.", formula.assumptions, formula.source))
    };
    used(findings).into_iter().map(|id| of(id.formula())).collect()
}
