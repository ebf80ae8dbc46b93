//! `falcon run FILE...`: simulates every policy of each scenario and writes results.
#![allow(clippy::disallowed_methods)] // how long a run took is host time

use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::Args;

use super::output::{self, Job, OutputArgs, present_runs};
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, progress::Meter, repeat};
use crate::experiment::conduct::{Conducted, Target};
use crate::experiment::plan::Plan;
use crate::experiment::runner::{RunError, RunnerOptions};
use crate::metrics::PolicyResult;
use crate::report::{self, ReportInput, Steps, doubts, number};

/// Arguments of `falcon run`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: falcon run scenarios/baseline.toml --policy sjf --policy fifo --set run.seed=7"
)]
pub(super) struct RunArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<ScenarioArg>,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &RunArgs, terminal: &Terminal) -> Outcome {
    let jobs = output::load(&args.files, &args.overrides, &args.output, "")?;
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        run_one(args, job, terminal)?;
    }
    Ok(())
}

fn run_one(args: &RunArgs, job: &Job<'_>, terminal: &Terminal) -> Outcome {
    let threads = threads(args.threads, &job.loaded.plan);
    if !args.output.quiet {
        announce(job, threads, terminal);
    }
    let start = Instant::now();
    let conducted = simulate(&args.output, job, Target::Means, threads, terminal)?;
    let wall_time = start.elapsed();
    let Conducted { plan, results, precision, warmup } = &conducted;
    let steps = Steps { precision: precision.as_ref(), warmup: warmup.as_ref() };

    let mut warnings = job.loaded.warnings.clone();
    let mut found = report::warning::of_results(plan, results);
    let mut metrics = report::verdict::lead_metrics_of(plan).to_vec();
    metrics.extend(plan.run.precision.map(|precision| precision.metric));
    found.extend(doubts::of_estimates(plan, results, &steps, &metrics));
    if !args.output.quiet {
        terminal.warnings(&found);
    }
    warnings.extend(found);
    let repeat = repeat::command("run", job.file, plan, &args.overrides);
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
        extra: &[],
        beside: None,
        steps,
    };
    let written = report::write_all(&job.out, &input);
    let shown = format!("{}/", job.out.display());
    present_runs(&args.output, &input, written.is_ok().then_some(shown.as_str()), terminal)?;
    written?;
    if !args.output.quiet {
        sign_off(wall_time, results);
    }
    Ok(())
}

/// Threads for a plan; 0 is one per core.
pub(super) fn threads(asked: u16, plan: &Plan) -> usize {
    let threads = match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => usize::from(threads),
    };
    threads.min(plan.runs())
}

/// What is about to be run, and what is odd about it.
pub(super) fn announce(job: &Job<'_>, threads: usize, terminal: &Terminal) {
    let dot = terminal.plain("·", "-");
    let plural = if threads == 1 { "" } else { "s" };
    eprintln!("falcon {} {dot} {} {dot} {threads} thread{plural}", report::VERSION, job.file.display());
    terminal.warnings(&job.loaded.warnings);
}

/// How long it took.
pub(super) fn sign_off(wall_time: std::time::Duration, results: &[PolicyResult]) {
    let events: u64 = results.iter().flat_map(|policy| &policy.replications).map(|run| run.events).sum();
    eprintln!("{}", done(wall_time, events));
}

/// Carries the plan out, with a bar.
pub(super) fn simulate(
    output: &OutputArgs,
    job: &Job<'_>,
    target: Target,
    threads: usize,
    terminal: &Terminal,
) -> Result<Conducted, Failure> {
    let plan = &job.loaded.plan;
    let stop = interrupt::stop_flag();
    let meter = Meter::new(plan.runs(), "runs", output.quiet, terminal);
    let progress = |progress: crate::experiment::runner::Progress<'_>| meter.tick(progress);
    let options = RunnerOptions {
        threads,
        tasks: output.tasks,
        stop: Some(stop),
        progress: Some(&progress),
        ..RunnerOptions::default()
    };
    let conducted = plan.conduct(target, &options);
    meter.clear();
    match conducted {
        Err(stopped @ RunError::Stopped { .. }) if stop.load(Ordering::Relaxed) => {
            Err(output::stopped(&stopped, &job.out))
        }
        other => Ok(other?),
    }
}

/// `done in 31.2 s: 200 million events, 6.4 million per second`.
fn done(wall_time: std::time::Duration, events: u64) -> String {
    let rate = events as f64 / wall_time.as_secs_f64().max(1e-9);
    format!(
        "done in {}: {} events, {} per second",
        number::span(wall_time),
        large(events as f64),
        large(rate)
    )
}

/// `6.4 million` or `9,870`.
fn large(value: f64) -> String {
    if value >= 1e9 {
        format!("{} billion", number::significant(value / 1e9, 2))
    } else if value >= 1e6 {
        let digits = if value >= 1e8 { 3 } else { 2 };
        format!("{} million", number::significant(value / 1e6, digits))
    } else {
        number::count(value as u64)
    }
}
