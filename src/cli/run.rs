//! `falcon run FILE...`: simulates every policy of each scenario and writes results.
#![allow(clippy::disallowed_methods)] // how long a run took is host time

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, progress::Meter, repeat};
use crate::experiment::runner::{RunError, RunnerOptions};
use crate::experiment::scenario::{self, Loaded, ScenarioSource};
use crate::metrics::PolicyResult;
use crate::report::{self, Options, PlotFormat, ReportInput, csv, folder, json, number, table};

/// Arguments of `falcon run`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: falcon run scenarios/baseline.toml --policy sjf --policy fifo --set run.seed=7"
)]
pub(super) struct RunArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<ScenarioArg>,

    /// Folder for the results; with several scenarios each gets a folder of its name in it
    /// [default: results/<scenario name>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    /// Also write tasks.csv, one row per task.
    #[arg(long)]
    tasks: bool,

    /// What standard output gets.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// The kind of plots.
    #[arg(long, value_enum, default_value_t = Plots::Svg, value_name = "KIND")]
    plot_format: Plots,

    /// Draw no plots.
    #[arg(long)]
    no_plots: bool,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    quiet: bool,
}

/// What standard output gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people.
    Table,
    /// The content of summary.csv.
    Csv,
    /// The same as JSON.
    Json,
}

/// The kind of plots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Plots {
    /// Scalable.
    Svg,
    /// Pixels.
    Png,
}

impl From<Plots> for PlotFormat {
    fn from(plots: Plots) -> Self {
        match plots {
            Plots::Svg => PlotFormat::Svg,
            Plots::Png => PlotFormat::Png,
        }
    }
}

/// A scenario that is ready to run.
struct Job<'a> {
    file: &'a Path,
    loaded: Loaded,
    out: PathBuf,
}

pub(super) fn run(args: &RunArgs, terminal: &Terminal) -> Outcome {
    if args.files.len() > 1 && args.format != Format::Table {
        return Err(Failure::Usage("--format csv and json take one scenario at a time".to_string()));
    }
    let jobs = load(args)?;
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        run_one(args, job, terminal)?;
    }
    Ok(())
}

/// Reads all scenarios before the first is run, so that no mistake comes late.
fn load(args: &RunArgs) -> Result<Vec<Job<'_>>, Failure> {
    let overrides = args.overrides.overrides();
    let (mut jobs, mut mistakes) = (Vec::new(), Vec::new());
    for file in &args.files {
        match scenario::load(&ScenarioSource::from_argument(file), &overrides) {
            Ok(loaded) => {
                let own = scenario::folder_name(&loaded.plan.name);
                let out = match &args.out {
                    Some(out) if args.files.len() > 1 => out.join(own),
                    Some(out) => out.clone(),
                    None => Path::new("results").join(own),
                };
                jobs.push(Job { file, loaded, out });
            }
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Scenario(mistakes));
    }
    let mut seen: BTreeMap<&Path, &Path> = BTreeMap::new();
    for job in &jobs {
        if let Some(other) = seen.insert(&job.out, job.file) {
            return Err(Failure::Usage(format!(
                "{} and {} would both write to {}; give one of them another `name`",
                other.display(),
                job.file.display(),
                job.out.display()
            )));
        }
        folder::check(&job.out)?;
    }
    Ok(jobs)
}

fn run_one(args: &RunArgs, job: &Job<'_>, terminal: &Terminal) -> Outcome {
    let plan = &job.loaded.plan;
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => usize::from(threads),
    }
    .min(plan.runs());
    if !args.quiet {
        let dot = terminal.plain("·", "-");
        let plural = if threads == 1 { "" } else { "s" };
        eprintln!("falcon {} {dot} {} {dot} {threads} thread{plural}", report::VERSION, job.file.display());
        for warning in &job.loaded.warnings {
            terminal.warning(&warning.message, warning.help.as_deref());
        }
    }
    let start = Instant::now();
    let results = simulate(args, job, threads, terminal)?;
    let wall_time = start.elapsed();

    let mut warnings = job.loaded.warnings.clone();
    let found = report::warning::of_results(plan, &results);
    if !args.quiet {
        for warning in &found {
            terminal.warning(&warning.message, warning.help.as_deref());
        }
    }
    warnings.extend(found);
    let repeat = repeat::command(job.file, plan, &args.overrides);
    let kind = if args.no_plots { PlotFormat::None } else { args.plot_format.into() };
    let input = ReportInput {
        plan,
        resolved_toml: &job.loaded.resolved,
        results: &results,
        warnings: &warnings,
        repeat: &repeat,
        overrides: &args.overrides.set,
        wall_time,
        threads,
        options: Options { plots: kind, tasks: args.tasks },
    };
    let written = report::write_all(&job.out, &input);
    let shown = format!("{}/", job.out.display());
    present(args, &input, written.is_ok().then_some(shown.as_str()), terminal)?;
    written?;
    if !args.quiet {
        let events: u64 = results.iter().flat_map(|policy| &policy.replications).map(|run| run.events).sum();
        eprintln!("{}", done(wall_time, events));
    }
    Ok(())
}

fn simulate(
    args: &RunArgs,
    job: &Job<'_>,
    threads: usize,
    terminal: &Terminal,
) -> Result<Vec<PolicyResult>, Failure> {
    let plan = &job.loaded.plan;
    let stop = interrupt::stop_flag();
    let meter = Meter::new(plan.runs(), args.quiet, terminal);
    let progress = |progress: crate::experiment::runner::Progress<'_>| meter.tick(progress);
    let options = RunnerOptions { threads, tasks: args.tasks, stop: Some(stop), progress: Some(&progress) };
    let results = plan.run(&options);
    meter.clear();
    match results {
        Err(stopped @ RunError::Stopped { .. }) if stop.load(Ordering::Relaxed) => {
            let state = if job.out.exists() { "is as it was" } else { "was not made" };
            Err(Failure::Stopped(format!("{stopped}; {}/ {state}", job.out.display())))
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

/// Prints the result in the form that was asked for.
fn present(args: &RunArgs, input: &ReportInput<'_>, shown: Option<&str>, terminal: &Terminal) -> Outcome {
    let people = table::render(input, shown, terminal.style());
    match args.format {
        Format::Table => print(&people),
        Format::Csv => {
            if !args.quiet {
                eprint!("{people}");
            }
            let mut out = Vec::new();
            csv::summary(&mut out, input.results)?;
            print(&String::from_utf8_lossy(&out))
        }
        Format::Json => {
            if !args.quiet {
                eprint!("{people}");
            }
            print(&json::summary(input))
        }
    }
}
