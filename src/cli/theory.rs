//! `falcon theory FILE`: closed forms and bounds that hold for a scenario, beside the simulated figures;
//! `falcon theory --self-check`: scenarios with known answers.

use clap::Args;

use super::output::Format;
use super::progress::Meter;
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print};
use crate::experiment::runner::{Progress, RunError, RunnerOptions};
use crate::experiment::scenario::{self, Loaded, ScenarioSource};
use crate::experiment::theory::self_check::{self, Effort};
use crate::report::fidelity::csv::as_json;
use crate::report::{self_check as checks, theory};

/// Arguments of `falcon theory`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon theory scenarios/mm16.toml\n         falcon theory --self-check")]
pub(super) struct TheoryArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required_unless_present = "self_check", value_name = "FILE")]
    files: Vec<ScenarioArg>,

    /// Run the built-in scenarios whose answers are known, and judge them together; exit code 1 when
    /// something is off.
    #[arg(long, conflicts_with_all = ["files", "policies", "seed", "replications", "set"])]
    self_check: bool,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    /// What standard output gets.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn theory(args: &TheoryArgs, terminal: &Terminal) -> Outcome {
    if args.self_check {
        return check(args, terminal);
    }
    if args.files.len() > 1 && args.format != Format::Table {
        return Err(Failure::Usage("--format csv and json take one scenario at a time".to_string()));
    }
    let overrides = args.overrides.overrides();
    let (mut all, mut mistakes) = (Vec::new(), Vec::new());
    for file in &args.files {
        match scenario::load(&ScenarioSource::from_argument(file), &overrides) {
            Ok(loaded) => all.push(loaded),
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Scenario(mistakes));
    }
    for (index, loaded) in all.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        one(args, loaded, terminal)?;
    }
    Ok(())
}

fn one(args: &TheoryArgs, loaded: &Loaded, terminal: &Terminal) -> Outcome {
    if !args.quiet {
        terminal.warnings(&loaded.warnings);
    }
    let stop = Some(interrupt::stop_flag());
    let pilots = RunnerOptions { threads: usize::from(args.threads), stop, ..RunnerOptions::default() };
    let (given, _) = loaded.plan.with_warmup(&pilots).map_err(stopped)?;
    let plan = given.warmed_up();
    if !args.quiet && plan.run.warmup > given.run.warmup {
        eprintln!(
            "the warm-up is {} tasks here, not {}: runs start empty, formulas are of the steady state",
            plan.run.warmup, given.run.warmup
        );
    }
    let meter = Meter::new(plan.runs(), "runs", args.quiet, terminal);
    let progress = |progress: Progress<'_>| meter.tick(progress);
    let options = RunnerOptions { progress: Some(&progress), ..pilots };
    let found = plan.run_beside_theory(&options);
    meter.clear();
    let (results, findings) = found.map_err(stopped)?;
    match args.format {
        Format::Table => print(&theory::render(&plan, &results, &findings, terminal.style())),
        Format::Csv => {
            let mut csv = Vec::new();
            theory::csv(&mut csv, &plan, &findings)?;
            print(&String::from_utf8_lossy(&csv))
        }
        Format::Json => print(&theory::as_json(&plan, &results, &findings)),
    }
}

fn stopped(error: RunError) -> Failure {
    match error {
        stopped @ RunError::Stopped { .. } => Failure::Stopped(stopped.to_string()),
        other => Failure::Failed(other.into()),
    }
}

fn check(args: &TheoryArgs, terminal: &Terminal) -> Outcome {
    let options = RunnerOptions {
        threads: usize::from(args.threads),
        stop: Some(interrupt::stop_flag()),
        ..RunnerOptions::default()
    };
    let (mut done, all) = (0usize, self_check::checks().len());
    let told = |_: &self_check::Checked| {
        done += 1;
        if !args.quiet && (done.is_multiple_of(10) || done == all) {
            eprintln!("{done} of {all} scenarios");
        }
    };
    let judgement = self_check::run(Effort::Full, &options, told).map_err(stopped)?;
    let mut csv = Vec::new();
    checks::csv(&mut csv, &judgement)?;
    match args.format {
        Format::Table => print(&checks::render(&judgement, terminal.style()))?,
        Format::Csv => print(&String::from_utf8_lossy(&csv))?,
        Format::Json => print(&as_json(&csv)?)?,
    }
    if judgement.passes() {
        return Ok(());
    }
    Err(Failure::Failed(anyhow::anyhow!("the self-check failed")))
}
