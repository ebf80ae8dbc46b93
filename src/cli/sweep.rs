//! `falcon sweep FILE --vary KEY=VALUES` and `falcon merge DIR...`: grids of scenarios.
#![allow(clippy::disallowed_methods)] // how long runs take is host time

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Args;

use super::output::{Format, Plots};
use super::paired::{metric_named, share};
use super::progress::Meter;
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, repeat};
use crate::experiment::cells::{SweepError, Watcher, carry_out};
use crate::experiment::conduct::Conducted;
use crate::experiment::runner::{Progress, RunnerOptions};
use crate::experiment::scenario::{self, ScenarioSource};
use crate::experiment::sweep::{Axis, Cell, MOST_CELLS, cells, is_in_shard};
use crate::metrics::Metric;
use crate::report::story::Facts;
use crate::report::sweep::{self, AxisKept, Grid, SweepFile, SweepFolder, table};
use crate::report::{self, PlotFormat, Warning, fidelity, number};

/// Arguments of `falcon sweep`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  falcon sweep scenarios/mm16.toml --vary workload.arrivals.poisson.rate=8..15:1\n  \
                  falcon sweep FILE --vary nodes.0.count=log:1..64:7 --vary workload.failure_probability=0,0.1"
)]
pub(super) struct SweepArgs {
    /// A scenario file; `-` reads one from standard input.
    #[arg(value_name = "FILE")]
    file: ScenarioArg,

    /// A key and its values: KEY=a,b,c or KEY=FROM..TO:STEP or KEY=log:FROM..TO:NUMBER. Repeated, a grid.
    #[arg(long, value_name = "KEY=VALUES", required = true, value_parser = Axis::parse)]
    vary: Vec<Axis>,

    /// Show this metric (repeatable) [default: mean_wait, of a batch makespan]. Files hold all.
    #[arg(long = "metric", value_name = "METRIC", value_parser = metric_named)]
    metrics: Vec<Metric>,

    /// Differences up to this share of the best figure count as none: says where it does not matter which policy
    /// is taken.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    margin: Option<f64>,

    /// Run part I of N only, to be joined by `falcon merge`.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,

    #[command(flatten)]
    overrides: OverrideArgs,

    /// Threads; 0 for one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    /// Folder for the results; cells that are done there are not run again [default: results/<scenario
    /// name>-sweep, with the part behind it].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    #[command(flatten)]
    shown: ShownArgs,
}

/// Arguments of `falcon merge`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: falcon merge results/x-sweep-1-of-2 results/x-sweep-2-of-2 --out results/x-sweep"
)]
pub(super) struct MergeArgs {
    /// Folders of all parts.
    #[arg(required = true, value_name = "DIR")]
    parts: Vec<PathBuf>,

    /// Folder for the whole.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    #[command(flatten)]
    shown: ShownArgs,
}

/// What is shown of a sweep.
#[derive(Args, Debug)]
struct ShownArgs {
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

/// `2/5`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parsed {
        Some((part, of)) if part >= 1 && part <= of => Ok((part, of)),
        _ => Err("expected I/N with I from 1 to N, such as 2/5".to_string()),
    }
}

pub(super) fn sweep(args: &SweepArgs, terminal: &Terminal) -> Outcome {
    let total = args.vary.iter().map(|axis| axis.values.len()).try_fold(1usize, usize::checked_mul);
    if total.is_none_or(|total| total > MOST_CELLS) {
        return Err(Failure::Usage(format!("the grid has more than {MOST_CELLS} cells; vary fewer values")));
    }
    for (number, axis) in args.vary.iter().enumerate() {
        if args.vary[..number].iter().any(|other| other.key == axis.key) {
            return Err(Failure::Usage(format!("`{}` is varied twice", axis.key)));
        }
    }
    let source = in_memory(&args.file)?;
    let grid = cells(&source, &args.overrides.overrides(), &args.vary, report::VERSION)
        .map_err(|diagnostics| Failure::Scenario(vec![diagnostics]))?;
    let file = describe(args, &grid)?;
    let out = out(args, &file);
    let folder = SweepFolder::open(&out)?;
    folder.describe(&file)?;
    let (part, of) = args.shard.unwrap_or((1, 1));
    let mine: Vec<&Cell> = grid.iter().filter(|cell| is_in_shard(cell.number, part, of)).collect();
    let start = Instant::now();
    run(args, &mine, (&folder, &file), &out, terminal)?;
    if !args.shown.quiet {
        eprintln!("done in {}", number::span(start.elapsed()));
    }
    if let Some((part, of)) = args.shard {
        let cells = number::count(mine.len() as u64);
        return print(&format!(
            "{cells} of {} cells are in {}/ (part {part} of {of}); `falcon merge` joins the parts\n",
            number::count(grid.len() as u64),
            out.display()
        ));
    }
    present(&args.shown, &folder, &folder.grid(&file)?, &out, terminal)
}

/// Standard input can be read but once, and every cell reads the scenario.
fn in_memory(file: &Path) -> Result<ScenarioSource, Failure> {
    match ScenarioSource::from_argument(file) {
        ScenarioSource::StandardInput => {
            let text = std::io::read_to_string(std::io::stdin().lock())?;
            Ok(ScenarioSource::Text { name: "stdin.toml".to_string(), text, base: PathBuf::new() })
        }
        source => Ok(source),
    }
}

fn describe(args: &SweepArgs, grid: &[Cell]) -> Result<SweepFile, Failure> {
    let first = &grid[0].loaded.plan;
    let names = |cell: &Cell| -> Vec<String> {
        cell.loaded.plan.policies.iter().map(|policy| policy.name.clone()).collect()
    };
    let policies = names(&grid[0]);
    if let Some(other) = grid.iter().find(|cell| names(cell) != policies) {
        return Err(Failure::Usage(format!(
            "the policies of cell {} ({}) are not those of the first; vary something else, and name policies in \
             `policies` or by `--policy`",
            other.number,
            other.values.join(", ")
        )));
    }
    let mut metrics = args.metrics.clone();
    if metrics.is_empty() {
        metrics.push(report::verdict::lead_metrics_of(first)[0]);
    }
    let mut words = repeat::command("sweep", &args.file, first, &args.overrides);
    for axis in &args.vary {
        words.push_str(&format!(
            " --vary {}",
            repeat::quote(&format!("{}={}", axis.key, axis.values.join(",")))
        ));
    }
    for metric in &metrics {
        words.push_str(&format!(" --metric {}", metric.column().name));
    }
    if let Some(margin) = args.margin {
        words.push_str(&format!(" --margin {}", number::exact(Some(margin))));
    }
    let kept = |axis: &Axis| AxisKept { key: axis.key.clone(), values: axis.values.clone() };
    let mut facts = Facts::of(first, &[], None);
    facts.replications = first.run.batches.unwrap_or(first.run.replications) as usize;
    Ok(SweepFile {
        falcon: report::VERSION.to_string(),
        scenario: facts,
        axes: args.vary.iter().map(kept).collect(),
        policies,
        metrics: metrics.iter().map(|metric| metric.column().name.to_string()).collect(),
        margin: args.margin,
        cells: grid.iter().map(|cell| cell.hash.clone()).collect(),
        shard: args.shard,
        repeat: words,
    })
}

fn out(args: &SweepArgs, file: &SweepFile) -> PathBuf {
    let part = args.shard.map_or_else(String::new, |(part, of)| format!("-{part}-of-{of}"));
    let own = || {
        PathBuf::from("results").join(format!("{}-sweep{part}", scenario::folder_name(&file.scenario.name)))
    };
    args.out.clone().unwrap_or_else(own)
}

/// The cells that are not done, of those that hold the same the first.
fn open<'a>(cells: &[&'a Cell], folder: &SweepFolder, file: &SweepFile) -> Vec<&'a Cell> {
    let mut seen = BTreeSet::new();
    let is_done = |cell: &Cell| {
        let run = &cell.loaded.plan.run;
        let replications = run.batches.unwrap_or(run.replications) as usize;
        folder.has(&cell.hash, &file.policies, run.precision.is_none().then_some(replications))
    };
    cells.iter().copied().filter(|cell| seen.insert(&cell.hash) && !is_done(cell)).collect()
}

/// Runs the cells that are not done.
fn run(
    args: &SweepArgs,
    cells: &[&Cell],
    (folder, file): (&SweepFolder, &SweepFile),
    out: &Path,
    terminal: &Terminal,
) -> Outcome {
    let open = open(cells, folder, file);
    let hashes: BTreeSet<&String> = open.iter().map(|cell| &cell.hash).collect();
    let left = cells.iter().filter(|cell| hashes.contains(&cell.hash)).count();
    if !args.shown.quiet {
        let dot = terminal.plain("·", "-");
        eprintln!(
            "falcon {} {dot} {} {dot} {} cells, {} of them done before",
            report::VERSION,
            args.file.display(),
            number::count(cells.len() as u64),
            number::count((cells.len() - left) as u64)
        );
    }
    let stop = interrupt::stop_flag();
    let options =
        RunnerOptions { threads: usize::from(args.threads), stop: Some(stop), ..RunnerOptions::default() };
    let watcher = Keeper {
        folder,
        metrics: file.shown(),
        meter: Meter::new(open.len(), "cells", args.shown.quiet, terminal),
        total: open.len(),
        found: Mutex::default(),
    };
    let outcome = carry_out(&open, &options, &watcher);
    watcher.meter.clear();
    let place = |number: usize| format!("cell {} ({})", open[number].number, open[number].values.join(", "));
    outcome.map_err(|error| match error {
        SweepError::Stopped(done) => Failure::Stopped(format!(
            "stopped after {done} of {} cells; the same command goes on where it stopped ({}/)",
            open.len(),
            out.display()
        )),
        SweepError::Run(number, error) => Failure::Failed(anyhow::anyhow!("{}: {error}", place(number))),
        SweepError::Watcher(_, error) => error.into(),
        SweepError::Threads(error) => error.into(),
    })?;
    if !args.shown.quiet {
        terminal.warnings(&watcher.warnings(&open));
    }
    Ok(())
}

/// Keeps cells that are done, and what a reader must know of them.
struct Keeper<'a> {
    folder: &'a SweepFolder,
    metrics: Vec<Metric>,
    meter: Meter,
    total: usize,
    /// By the number of the cell.
    found: Mutex<BTreeMap<usize, Vec<Warning>>>,
}

impl Watcher for Keeper<'_> {
    type Error = report::Error;

    fn begun(&self, cell: &Cell, done: usize) {
        let (policy, seed) = (&cell.values.join(", "), cell.loaded.plan.run.seed);
        self.meter.tick(Progress { done, total: self.total, policy, seed });
    }

    fn done(&self, cell: &Cell, conducted: Conducted) -> Result<(), report::Error> {
        self.folder.save(&cell.hash, &conducted.results)?;
        let steps =
            report::Steps { precision: conducted.precision.as_ref(), warmup: conducted.warmup.as_ref() };
        let mut found = report::warning::of_results(&conducted.plan, &conducted.results);
        found.extend(report::doubts::of_estimates(
            &conducted.plan,
            &conducted.results,
            &steps,
            &self.metrics,
        ));
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(cell.number, found);
        Ok(())
    }
}

impl Keeper<'_> {
    /// Each kind of warning once, with the first cell that has it.
    fn warnings(self, cells: &[&Cell]) -> Vec<Warning> {
        let mut found = self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut warned = Warned::default();
        for cell in cells {
            warned.add(cell, found.remove(&cell.number).unwrap_or_default());
        }
        warned.warnings()
    }
}

/// Warnings of all cells, each kind once.
#[derive(Default)]
struct Warned {
    /// By what a warning says without its numbers and names: the first, and in how many cells.
    kinds: Vec<(String, Warning, usize)>,
}

impl Warned {
    fn add(&mut self, cell: &Cell, found: Vec<Warning>) {
        for mut warning in found {
            let kind = kind(&warning.message);
            if let Some((.., cells)) = self.kinds.iter_mut().find(|(known, ..)| *known == kind) {
                *cells += 1;
                continue;
            }
            warning.message =
                format!("cell {} ({}): {}", cell.number, cell.values.join(", "), warning.message);
            self.kinds.push((kind, warning, 1));
        }
    }

    fn warnings(self) -> Vec<Warning> {
        let told = |(_, mut warning, cells): (String, Warning, usize)| {
            match cells - 1 {
                0 => {}
                1 => warning.message.push_str(" (and so in one more cell)"),
                more => warning
                    .message
                    .push_str(&format!(" (and so in {} more cells)", number::count(more as u64))),
            }
            warning
        };
        self.kinds.into_iter().map(told).collect()
    }
}

/// A message without what is quoted and without numbers.
fn kind(message: &str) -> String {
    let plain = message.split('`').step_by(2).collect::<String>();
    plain.chars().filter(|c| c.is_alphabetic()).collect()
}

fn present(args: &ShownArgs, folder: &SweepFolder, grid: &Grid, out: &Path, terminal: &Terminal) -> Outcome {
    let format = if args.no_plots { PlotFormat::None } else { args.plot_format.into() };
    folder.conclude(grid, format)?;
    let text = table::render(grid, &format!("{}/", out.display()), terminal.style());
    let mut data = Vec::new();
    sweep::summary(&mut data, grid)?;
    match args.format {
        Format::Table => return print(&text),
        _ if args.quiet => {}
        _ => eprint!("{text}"),
    }
    match args.format {
        Format::Json => print(&fidelity::csv::as_json(&data)?),
        _ => print(&String::from_utf8_lossy(&data)),
    }
}

pub(super) fn merge(args: &MergeArgs, terminal: &Terminal) -> Outcome {
    let grid = sweep::merge(&args.parts, &args.out)?;
    present(&args.shown, &SweepFolder::open(&args.out)?, &grid, &args.out, terminal)
}
