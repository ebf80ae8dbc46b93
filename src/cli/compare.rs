//! `falcon compare FILE...`: policies side by side, or with `--live` simulated and real figures.
#![allow(clippy::disallowed_methods)] // how long runs take is host time

use std::time::Instant;

use clap::Args;

use super::live::{PaceArgs, TaskMeter, can_be_live, scenario_warnings, warnings_of};
use super::output::{self, Job, OutputArgs};
use super::paired::{self, metric_named, share};
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, print, repeat};
use crate::experiment::calibrate::{Calibration, CalibrationError};
use crate::experiment::compare::{CompareError, Compared};
use crate::experiment::fidelity::Fidelity;
use crate::experiment::live::{LiveRunError, LiveRunnerOptions};
use crate::live::LiveError;
use crate::metrics::Metric;
use crate::report::fidelity::{self, FidelityInput};
use crate::report::{self, Beside, ReportInput, Style, driver, number};
use crate::statistics::equivalence::Equivalence;

/// Taken for no error of a simulation, when nothing else is said.
const MARGIN: f64 = 0.05;

/// Arguments of `falcon compare`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  falcon compare scenarios/baseline.toml --baseline round-robin --metric mean_wait\n  \
                  falcon compare scenarios/live-baseline.toml --live --replications 5 --margin 5%",
    mut_arg("time_scale", |arg| arg.requires("live")),
    mut_arg("work", |arg| arg.requires("live")),
    mut_arg("silence", |arg| arg.requires("live")),
    mut_arg("lag_tolerance", |arg| arg.requires("live"))
)]
pub(super) struct CompareArgs {
    /// Scenario files; `-` reads one from standard input. Several give a table of who wins where.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<ScenarioArg>,

    /// The policy that others are compared with [default: the first].
    #[arg(long, value_name = "NAME", conflicts_with = "live")]
    pub(super) baseline: Option<String>,

    /// Compare in this metric (repeatable) [default: mean_wait and p99_response; of a batch makespan and
    /// mean_wait].
    #[arg(long = "metric", value_name = "METRIC", value_parser = metric_named, conflicts_with = "live")]
    pub(super) metrics: Vec<Metric>,

    /// Compare every policy with every other.
    #[arg(long, conflicts_with_all = ["live", "baseline"])]
    pub(super) all_pairs: bool,

    /// Differences up to this share count as none: policies that are shown to differ by less are
    /// equivalent. With `--live`, errors up to this are taken for none [default: 5%].
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) margin: Option<f64>,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "live", value_parser = clap::value_parser!(u16).range(..=1024))]
    pub(super) threads: u16,

    /// Compare simulations with live runs on worker processes instead.
    #[arg(long)]
    live: bool,

    /// More live runs of the first seed of every policy, to see how much live runs differ from each
    /// other.
    #[arg(long, value_name = "N", default_value_t = 2, requires = "live", value_parser = clap::value_parser!(u32).range(..=1000))]
    repeats: u32,

    /// Do not measure the delays of this machine, and compare with the ideal simulation only.
    #[arg(long, requires = "live")]
    no_calibration: bool,

    /// End with exit code 1 when a simulated figure is found to be off by more than the margin, a pair
    /// of policies is ranked the wrong way round, or nothing could be judged.
    #[arg(long, requires = "live")]
    strict: bool,

    #[command(flatten)]
    pub(super) overrides: OverrideArgs,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl CompareArgs {
    /// The margin of a comparison with live runs.
    fn live_margin(&self) -> f64 {
        self.margin.unwrap_or(MARGIN)
    }
}

pub(super) fn compare(args: &CompareArgs, terminal: &Terminal) -> Outcome {
    if !args.live {
        return paired::compare(args, terminal);
    }
    let jobs = output::load(&args.files, &args.overrides, &args.output, "-compare")?;
    jobs.iter().try_for_each(can_be_live)?;
    let mut apart = 0;
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        apart += compare_one(args, job, terminal)?;
    }
    if args.strict && apart > 0 {
        let message =
            format!("{apart} figures or rankings are off by more than the margin, or were not judged");
        return Err(Failure::Failed(anyhow::anyhow!(message)));
    }
    Ok(())
}

/// Gives how many figures and pairs are off.
fn compare_one(args: &CompareArgs, job: &Job<'_>, terminal: &Terminal) -> Result<usize, Failure> {
    let plan = &job.loaded.plan;
    let mut warnings = job.loaded.warnings.clone();
    warnings.extend(scenario_warnings(plan, &args.pace));
    if !args.output.quiet {
        let dot = terminal.plain("·", "-");
        let runs = plan.live_runs(args.repeats);
        let span = number::span(args.pace.about(plan, runs));
        eprintln!(
            "falcon {} {dot} {} {dot} {} live runs with {} worker processes {dot} about {span}",
            report::VERSION,
            job.file.display(),
            number::count(runs as u64),
            number::count(plan.node_count() as u64),
        );
        terminal.warnings(&warnings);
    }
    let start = Instant::now();
    let (calibration, compared) = run(args, job, terminal)?;
    let wall_time = start.elapsed();

    let mut found = warnings_of(plan, &compared.live.runs);
    found.extend(warnings_of(plan, &compared.repeats));
    found.extend(report::warning::of_results(plan, &compared.live.results));
    if !args.output.quiet {
        terminal.warnings(&found);
    }
    warnings.extend(found);
    let fidelity = Fidelity::of(args.live_margin(), &compared.trials);
    let repeat = repeat(args, job);
    let told = FidelityInput { plan, trials: &compared.trials, fidelity: &fidelity, repeat: &repeat };
    let mut extra = driver::files(&compared.live.runs, &compared.repeats)?;
    extra.extend(fidelity::files(&told)?);
    extra.extend(calibration.iter().map(|measured| ("delays.csv".to_string(), delays(measured))));
    let pictures = fidelity::pictures(&told);
    let text = fidelity::table::render(&told, None, Style::PLAIN);
    let input = ReportInput {
        plan,
        resolved_toml: &job.loaded.resolved,
        results: &compared.live.results,
        warnings: &warnings,
        repeat: &repeat,
        overrides: &args.overrides.set,
        wall_time,
        threads: 1,
        options: args.output.options(),
        live: Some(args.pace.time_scale),
        extra: &extra,
        beside: Some(Beside { title: "Simulated and live", text: &text, pictures: &pictures }),
        steps: report::Steps::default(),
    };
    let written = report::write_all(&job.out, &input);
    let shown = format!("{}/", job.out.display());
    present(args, &told, written.is_ok().then_some(shown.as_str()), terminal)?;
    written?;
    if !args.output.quiet {
        eprintln!("done in {}", number::span(wall_time));
    }
    let inverted: usize = fidelity.rankings.iter().map(|ranking| ranking.inverted.len()).sum();
    let verdicts =
        || fidelity.policies.iter().flat_map(|policy| &policy.metrics).map(|metric| metric.verdict);
    let nothing = verdicts().all(|verdict| verdict == Equivalence::NotShown);
    Ok(inverted
        + verdicts().filter(|&verdict| verdict == Equivalence::Different).count()
        + usize::from(nothing))
}

fn run(
    args: &CompareArgs,
    job: &Job<'_>,
    terminal: &Terminal,
) -> Result<(Option<Calibration>, Compared), Failure> {
    let plan = &job.loaded.plan;
    let calibration = if args.no_calibration {
        None
    } else {
        if !args.output.quiet {
            eprintln!("measuring the delays of this machine");
        }
        Some(plan.calibrate(&args.pace.runner()).map_err(|error| match error {
            CalibrationError::Live(LiveError::Stopped) => output::stopped(&"stopped", &job.out),
            error => Failure::Failed(error.into()),
        })?)
    };
    let meter = TaskMeter::new(plan, plan.live_runs(args.repeats), args.output.quiet, terminal);
    let progress = |progress: crate::experiment::live::LiveProgress<'_>| meter.tick(progress);
    let options =
        LiveRunnerOptions { tasks: args.output.tasks, progress: Some(&progress), ..args.pace.runner() };
    let compared = plan.compare_live(calibration.as_ref(), args.repeats, &options);
    meter.clear();
    match compared {
        Ok(compared) => Ok((calibration, compared)),
        Err(CompareError::Live(stopped @ LiveRunError::Stopped { .. })) => {
            Err(output::stopped(&stopped, &job.out))
        }
        Err(error) => Err(Failure::Failed(error.into())),
    }
}

fn repeat(args: &CompareArgs, job: &Job<'_>) -> String {
    let mut words = repeat::command("compare", job.file, &job.loaded.plan, &args.overrides);
    words.push_str(" --live");
    words.push_str(&args.pace.flags());
    words.push_str(&format!(" --margin {} --repeats {}", args.live_margin(), args.repeats));
    if args.no_calibration {
        words.push_str(" --no-calibration");
    }
    words
}

/// The measured delays in real seconds, one row per value.
fn delays(measured: &Calibration) -> Vec<u8> {
    let mut text = String::from("delay,seconds\n");
    for (name, seconds) in measured.parts() {
        for value in seconds {
            text.push_str(&format!("{name},{}\n", number::exact(Some(*value))));
        }
    }
    text.into_bytes()
}

/// Prints the comparison in the form that was asked for.
fn present(
    args: &CompareArgs,
    told: &FidelityInput<'_>,
    shown: Option<&str>,
    terminal: &Terminal,
) -> Outcome {
    let csv = || -> Result<Vec<u8>, Failure> {
        let mut csv = Vec::new();
        fidelity::csv::fidelity(&mut csv, told.fidelity)?;
        Ok(csv)
    };
    let people = fidelity::table::render(told, shown, terminal.style());
    output::present(
        &args.output,
        &people,
        || Ok(String::from_utf8_lossy(&csv()?).into_owned()),
        || Ok(fidelity::csv::as_json(&csv()?)?),
    )
}
