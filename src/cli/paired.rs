//! `falcon compare FILE...` without `--live`: policies compared with each other in the same simulated
//! worlds.
#![allow(clippy::disallowed_methods)] // how long runs take is host time

use std::time::Instant;

use super::compare::CompareArgs;
use super::output::{self, Job};
use super::terminal::Terminal;
use super::{Failure, Outcome, print, repeat, run};
use crate::experiment::conduct::{Conducted, Target};
use crate::experiment::differences::{Ask, Differences};
use crate::experiment::scenario::nearest;
use crate::metrics::{COLUMNS, Metric};
use crate::report::differences::{self, DifferencesInput, csv, matrix, table};
use crate::report::plots::differences::Row;
use crate::report::{self, Beside, ReportInput, Steps, Story, Style, doubts, fidelity, number, plots, steps};

/// `5%` or `0.05`.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    match number.parse::<f64>().map(|value| value / unit) {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("expected a share above 0 and below 1, such as 5% or 0.05".to_string()),
    }
}

/// The metric with this column name.
pub(super) fn metric_named(text: &str) -> Result<Metric, String> {
    Metric::from_name(text).ok_or_else(|| match nearest(text, COLUMNS.iter().map(|column| column.name)) {
        Some(near) => format!("there is no such metric; did you mean `{near}`?"),
        None => "there is no such metric; docs/metrics.md lists all".to_string(),
    })
}

pub(super) fn compare(args: &CompareArgs, terminal: &Terminal) -> Outcome {
    let jobs = output::load(&args.files, &args.overrides, &args.output, "")?;
    let asks: Vec<Ask> = jobs.iter().map(|job| ask(args, job)).collect::<Result<_, _>>()?;
    let mut told = Vec::new();
    for (index, (job, ask)) in jobs.iter().zip(&asks).enumerate() {
        if index > 0 {
            print("\n")?;
        }
        told.push(compare_one(args, job, ask, terminal)?);
    }
    if told.len() > 1 {
        let mut metrics: Vec<Metric> = Vec::new();
        for metric in asks.iter().flat_map(|ask| &ask.metrics) {
            if !metrics.contains(metric) {
                metrics.push(*metric);
            }
        }
        let inputs: Vec<DifferencesInput<'_>> =
            told.iter().map(|(story, differences)| DifferencesInput { story, differences }).collect();
        print(&format!("\n{}", matrix::render(&inputs, &metrics, terminal.style())))?;
    }
    Ok(())
}

/// What is asked of a scenario.
fn ask(args: &CompareArgs, job: &Job<'_>) -> Result<Ask, Failure> {
    let plan = &job.loaded.plan;
    let usage = |message: String| Failure::Usage(format!("{}: {message}", job.file.display()));
    if plan.policies.len() < 2 {
        return Err(usage(
            "there is one policy, and nothing to compare it with; name more in `policies`".into(),
        ));
    }
    let names = || plan.policies.iter().map(|policy| policy.name.as_str());
    let baseline = match &args.baseline {
        None => 0,
        Some(name) => names().position(|one| one == name).ok_or_else(|| {
            let help = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its policies: {}", names().collect::<Vec<_>>().join(", ")),
            };
            usage(format!("there is no policy `{name}` to compare with; {help}"))
        })?,
    };
    let mut metrics: Vec<Metric> = Vec::new();
    for metric in &args.metrics {
        if !metrics.contains(metric) {
            metrics.push(*metric);
        }
    }
    if metrics.is_empty() {
        metrics = report::verdict::lead_metrics_of(plan).to_vec();
        if let Some(precision) = plan.run.precision.filter(|precision| !metrics.contains(&precision.metric)) {
            metrics.insert(0, precision.metric);
        }
    }
    Ok(Ask { metrics, baseline, all_pairs: args.all_pairs, margin: args.margin })
}

fn compare_one(
    args: &CompareArgs,
    job: &Job<'_>,
    ask: &Ask,
    terminal: &Terminal,
) -> Result<(Story, Differences), Failure> {
    let threads = run::threads(args.threads, &job.loaded.plan);
    if !args.output.quiet {
        run::announce(job, threads, terminal);
    }
    let start = Instant::now();
    let target = Target::Differences { baseline: ask.baseline };
    let conducted = run::simulate(&args.output, job, target, threads, terminal)?;
    let wall_time = start.elapsed();
    let Conducted { plan, results, precision, warmup } = &conducted;
    let steps = Steps { precision: precision.as_ref(), warmup: warmup.as_ref() };
    let story = Story::of(plan, results, None);
    let found = Differences::of(ask, results);
    let told = DifferencesInput { story: &story, differences: &found };

    let mut warnings = report::warning::of_results(plan, results);
    warnings.extend(doubts::of_estimates(plan, results, &steps, &ask.metrics));
    warnings.extend(differences::warnings(&told));
    if !args.output.quiet {
        terminal.warnings(&warnings);
    }
    warnings.splice(0..0, job.loaded.warnings.iter().cloned());
    let repeat = repeat_line(args, job, ask);
    let mut data = Vec::new();
    csv::comparison(&mut data, &told)?;
    let pictures: Vec<_> = plots::of_differences(&story, &rows(&told)).into_iter().collect();
    let body = table::body(&told, Style::PLAIN);
    let input = ReportInput {
        plan,
        resolved_toml: &job.loaded.resolved,
        results,
        warnings: &warnings,
        repeat: &repeat,
        overrides: &args.overrides.set,
        wall_time,
        threads,
        options: args.output.options(),
        live: None,
        extra: &[("comparison.csv".to_string(), data.clone())],
        beside: Some(Beside {
            title: "Policies compared",
            text: body.trim_start_matches('\n'),
            pictures: &pictures,
        }),
        steps,
    };
    let written = report::write_all(&job.out, &input);
    let shown = format!("{}/", job.out.display());
    let lines = steps::lines(plan, &steps, &story);
    let people =
        table::render(&told, &lines, &repeat, written.is_ok().then_some(shown.as_str()), terminal.style());
    let csv = || Ok(String::from_utf8_lossy(&data).into_owned());
    output::present(&args.output, &people, csv, || Ok(fidelity::csv::as_json(&data)?))?;
    written?;
    if !args.output.quiet {
        run::sign_off(wall_time, results);
    }
    Ok((story, found))
}

/// The comparisons as they are drawn.
fn rows(told: &DifferencesInput<'_>) -> Vec<Row> {
    let name = |policy: usize| told.story.policies[policy].name.clone();
    let row = |row: &crate::experiment::differences::Difference| Row {
        metric: row.metric,
        policy: name(row.policy),
        baseline: name(row.baseline),
        difference: row.comparison.map(|one| (one.difference, one.interval.0, one.interval.1)),
        shown: row.verdict().is_difference(),
    };
    told.differences.rows.iter().map(row).collect()
}

fn repeat_line(args: &CompareArgs, job: &Job<'_>, ask: &Ask) -> String {
    let plan = &job.loaded.plan;
    let mut words = repeat::command("compare", job.file, plan, &args.overrides);
    if !ask.all_pairs {
        words.push_str(&format!(" --baseline {}", repeat::quote(&plan.policies[ask.baseline].name)));
    }
    for metric in &ask.metrics {
        words.push_str(&format!(" --metric {}", metric.column().name));
    }
    if ask.all_pairs {
        words.push_str(" --all-pairs");
    }
    if let Some(margin) = ask.margin {
        words.push_str(&format!(" --margin {}", number::exact(Some(margin))));
    }
    words
}
