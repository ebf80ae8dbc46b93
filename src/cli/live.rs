//! `falcon live FILE...`: runs scenarios on the real scheduler core with worker processes.
#![allow(clippy::disallowed_methods)] // a live run is about host time

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::output::{self, Job, OutputArgs, present_runs};
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, progress::Meter, repeat};
use crate::experiment::live::{LiveProgress, LiveResults, LiveRun, LiveRunError, LiveRunnerOptions};
use crate::experiment::plan::Plan;
use crate::experiment::runner::Progress;
use crate::live::message::Work;
use crate::report::{self, ReportInput, Warning, driver, number};
use crate::world::Delays;

/// Real seconds that a worker may be silent, and real milliseconds that a run may be late.
const SILENCE: f64 = 2.0;
const LAG_TOLERANCE: f64 = 5.0;

/// A process may be late by so many real seconds on a machine that is not idle, whoever waits for it.
const LEAST_PATIENCE: f64 = 0.02;

/// Arguments of `falcon live`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon live scenarios/live-baseline.toml --time-scale 0.02 --policy sjf")]
pub(super) struct LiveArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<ScenarioArg>,

    #[command(flatten)]
    overrides: OverrideArgs,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// How fast a live run goes, and what it tolerates.
#[derive(Args, Clone, Debug)]
pub(super) struct PaceArgs {
    /// Real seconds per second of the scenario: 0.02 is 50 times as fast.
    #[arg(long, value_name = "RATIO", default_value_t = 0.02, value_parser = pace)]
    pub(super) time_scale: f64,

    /// What an attempt does with its time.
    #[arg(long, value_enum, default_value_t = WorkArg::Timer, value_name = "KIND")]
    work: WorkArg,

    /// A worker that says nothing for so many real seconds is believed lost.
    #[arg(long, value_name = "SECONDS", default_value_t = SILENCE, value_parser = silence)]
    silence: f64,

    /// Runs that took in later than this, at the 99th percentile, what was planned (arrivals, failures
    /// of nodes) or the ends of attempts, in real milliseconds, are marked invalid and left out of the results.
    #[arg(long, value_name = "MS", default_value_t = LAG_TOLERANCE, value_parser = positive)]
    lag_tolerance: f64,
}

/// What an attempt does with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WorkArg {
    /// It waits.
    Timer,
    /// It burns processor time.
    Spin,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e6 => Ok(value),
        _ => Err("expected a number above 0, at most 1,000,000".to_string()),
    }
}

fn pace(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (1e-6..=1e6).contains(&value) => Ok(value),
        _ => Err("expected a number from 0.000001 to 1,000,000".to_string()),
    }
}

/// Workers speak four times a second; whoever may not be silent between two heartbeats is never up.
fn silence(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.5..=1e6).contains(&value) => Ok(value),
        _ => Err("expected a number from 0.5 to 1,000,000".to_string()),
    }
}

impl PaceArgs {
    /// The options of a live runner at this pace.
    pub(super) fn runner<'a>(&self) -> LiveRunnerOptions<'a> {
        LiveRunnerOptions {
            time_scale: self.time_scale,
            work: match self.work {
                WorkArg::Timer => Work::Timer,
                WorkArg::Spin => Work::Spin,
            },
            silence: Duration::from_secs_f64(self.silence),
            lag_tolerance: Duration::from_secs_f64(self.lag_tolerance / 1e3),
            program: None,
            tasks: false,
            history: false,
            stop: Some(interrupt::stop_flag()),
            progress: None,
        }
    }

    /// The flags that differ from their defaults, to repeat a run with.
    pub(super) fn flags(&self) -> String {
        let mut flags = format!(" --time-scale {}", self.time_scale);
        if self.work == WorkArg::Spin {
            flags.push_str(" --work spin");
        }
        if self.silence != SILENCE {
            flags.push_str(&format!(" --silence {}", self.silence));
        }
        if self.lag_tolerance != LAG_TOLERANCE {
            flags.push_str(&format!(" --lag-tolerance {}", self.lag_tolerance));
        }
        flags
    }

    /// How long `runs` of a plan will take about.
    pub(super) fn about(&self, plan: &Plan, runs: usize) -> Duration {
        let seconds = plan.world().expected_span().as_seconds() * self.time_scale * runs as f64;
        Duration::from_secs_f64(seconds.clamp(0.0, 1e9))
    }
}

pub(super) fn live(args: &LiveArgs, terminal: &Terminal) -> Outcome {
    let jobs = output::load(&args.files, &args.overrides, &args.output, "-live")?;
    jobs.iter().try_for_each(can_be_live)?;
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        live_one(args, job, terminal)?;
    }
    Ok(())
}

fn live_one(args: &LiveArgs, job: &Job<'_>, terminal: &Terminal) -> Outcome {
    let plan = &job.loaded.plan;
    let mut warnings = job.loaded.warnings.clone();
    warnings.extend(scenario_warnings(plan, &args.pace));
    if !args.output.quiet {
        let dot = terminal.plain("·", "-");
        let workers = number::count(plan.node_count() as u64);
        let span = number::span(args.pace.about(plan, plan.runs()));
        eprintln!(
            "falcon {} {dot} {} {dot} {workers} worker processes {dot} about {span}",
            report::VERSION,
            job.file.display()
        );
        terminal.warnings(&warnings);
    }
    let start = Instant::now();
    let live = run_live(args, job, terminal)?;
    let wall_time = start.elapsed();

    let mut found = warnings_of(plan, &live.runs);
    found.extend(report::warning::of_results(plan, &live.results));
    if !args.output.quiet {
        terminal.warnings(&found);
    }
    warnings.extend(found);
    let repeat = repeat::command("live", job.file, plan, &args.overrides) + &args.pace.flags();
    let extra = driver::files(&live.runs, &[])?;
    let input = ReportInput {
        plan,
        resolved_toml: &job.loaded.resolved,
        results: &live.results,
        warnings: &warnings,
        repeat: &repeat,
        overrides: &args.overrides.set,
        wall_time,
        threads: 1,
        options: args.output.options(),
        live: Some(args.pace.time_scale),
        extra: &extra,
        beside: None,
        steps: report::Steps::default(),
    };
    let written = report::write_all(&job.out, &input);
    let shown = format!("{}/", job.out.display());
    present_runs(&args.output, &input, written.is_ok().then_some(shown.as_str()), terminal)?;
    written?;
    if !args.output.quiet {
        let steps: usize = live.runs.iter().flatten().map(|run| run.journal.len()).sum();
        eprintln!(
            "done in {}: the logs of all runs, {} steps, replayed with the same commands at every step",
            number::span(wall_time),
            number::count(steps as u64)
        );
    }
    all_have_valid_runs(plan, &live)
}

/// Figures of no run at all are none: that must not look like success.
fn all_have_valid_runs(plan: &Plan, live: &LiveResults) -> Outcome {
    for (policy, runs) in plan.policies.iter().zip(&live.runs) {
        let invalid: Option<Vec<&String>> = runs.iter().map(|run| run.invalid.as_ref()).collect();
        if let Some(reason) = invalid.as_ref().and_then(|reasons| reasons.first()) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "no run of `{}` is valid: {reason}; raise `--time-scale`, or leave the machine alone",
                policy.name
            )));
        }
    }
    Ok(())
}

fn run_live(args: &LiveArgs, job: &Job<'_>, terminal: &Terminal) -> Result<LiveResults, Failure> {
    let plan = &job.loaded.plan;
    let meter = TaskMeter::new(plan, plan.runs(), args.output.quiet, terminal);
    let progress = |progress: LiveProgress<'_>| meter.tick(progress);
    let options =
        LiveRunnerOptions { tasks: args.output.tasks, progress: Some(&progress), ..args.pace.runner() };
    let live = plan.run_live(&options);
    meter.clear();
    match live {
        Err(stopped @ LiveRunError::Stopped { .. }) => Err(output::stopped(&stopped, &job.out)),
        other => Ok(other?),
    }
}

/// All workers of a live run stand here: it cannot have zones that are apart. Its coordinator has no
/// standbys: it cannot fail. Its messages are not lost. Its jobs are not undone. And workers are sent a task
/// when they can start it: none can be taken ahead.
pub(super) fn can_be_live(job: &Job<'_>) -> Outcome {
    let plan = &job.loaded.plan;
    if plan.world().zones.has_latency() {
        return Err(Failure::Usage(format!(
            "{}: zones that are apart ([zones] `latency`) are simulated only: the workers of a live run all \
             stand here; leave [zones] out",
            job.file.display()
        )));
    }
    let run = &plan.run;
    for (asked, key) in [
        (run.precision.is_some(), "precision"),
        (run.auto_warmup, "warmup = \"auto\""),
        (run.batches.is_some(), "method = \"batch-means\""),
    ] {
        if asked {
            return Err(Failure::Usage(format!(
                "{}: `{key}` in [run] is for simulations only: a live run takes its time, and is told beforehand \
                 how often to run and what to leave out; use plain numbers",
                job.file.display()
            )));
        }
    }
    if plan.faults.replicas.is_some() {
        return Err(Failure::Usage(format!(
            "{}: a scheduler that fails ([scheduler.replicas]) is simulated only: the coordinator of a live run \
             has no standbys; leave the table out",
            job.file.display()
        )));
    }
    if plan.faults.rollback.is_some() {
        return Err(Failure::Usage(format!(
            "{}: jobs that are undone ([retry.rollback]) are simulated only: no worker of a live run undoes \
             anything; leave the table out",
            job.file.display()
        )));
    }
    if plan.faults.message_loss.is_some() {
        return Err(Failure::Usage(format!(
            "{}: messages that are lost ([faults] `message_loss`) are simulated only: between the workers of a \
             live run none is; leave it out",
            job.file.display()
        )));
    }
    if let Some(policy) = plan.policies.iter().find(|policy| policy.dispatch.takes_ahead()) {
        return Err(Failure::Usage(format!(
            "{}: a `batch` above 1 is simulated only: a worker of a live run is sent a task when it can start \
             it; leave `{}` out, or its `batch`",
            job.file.display(),
            policy.name
        )));
    }
    Ok(())
}

/// What of a scenario a live run cannot take from it, or can hardly follow at this pace.
pub(super) fn scenario_warnings(plan: &Plan, pace: &PaceArgs) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let heartbeats = plan.delays.heartbeats.clone();
    let monitor = heartbeats.as_ref().map(|heartbeats| heartbeats.monitor);
    if plan.delays != (Delays { heartbeats, ..Delays::default() }) {
        let message = "the delays in [scheduler] are simulated only: a live run has those of this machine";
        let help = "`falcon calibrate` measures them";
        warnings.push(Warning { message: message.to_string(), help: Some(help.to_string()) });
    }
    let patience = monitor.map(|monitor| pace.time_scale * monitor.patience().as_seconds());
    if let Some(patience) = patience.filter(|patience| *patience < LEAST_PATIENCE) {
        let message = format!(
            "at this pace a heartbeat that comes {:.1} ms late makes the monitor act: this machine will make \
             nodes look dead that are not",
            1e3 * patience
        );
        let times = (LEAST_PATIENCE / patience).ceil();
        let help = format!("raise `--time-scale` to {} or more", pace.time_scale * times);
        warnings.push(Warning { message, help: Some(help) });
    }
    warnings
}

/// Shows how many tasks of several live runs are settled.
pub(super) struct TaskMeter {
    meter: Meter,
    total: usize,
    /// Tasks of the runs that are over, and of the one at hand.
    over: AtomicU64,
    current: AtomicU64,
}

impl TaskMeter {
    pub(super) fn new(plan: &Plan, runs: usize, quiet: bool, terminal: &Terminal) -> Self {
        let total = runs * plan.workload.expected_tasks() as usize;
        let meter = Meter::new(total, "tasks", quiet, terminal);
        TaskMeter { meter, total, over: AtomicU64::new(0), current: AtomicU64::new(0) }
    }

    pub(super) fn tick(&self, progress: LiveProgress<'_>) {
        // The count starts anew with every run.
        let before = self.current.swap(progress.settled, Ordering::Relaxed);
        if progress.settled < before {
            self.over.fetch_add(before, Ordering::Relaxed);
        }
        let done = (self.over.load(Ordering::Relaxed) + progress.settled) as usize;
        let (policy, seed) = (progress.policy, progress.seed);
        self.meter.tick(Progress { done, total: self.total, policy, seed });
    }

    pub(super) fn clear(&self) {
        self.meter.clear();
    }
}

/// Runs that do not count, and workers that went their own way.
pub(super) fn warnings_of(plan: &Plan, runs: &[Vec<LiveRun>]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (policy, runs) in plan.policies.iter().zip(runs) {
        for run in runs {
            if let Some(reason) = &run.invalid {
                let message = format!(
                    "the run of `{}` with seed {} is not valid: {reason}",
                    policy.name, run.result.seed
                );
                let help = "it is left out of all figures; raise `--time-scale`, or leave the machine alone";
                warnings.push(Warning { message, help: Some(help.to_string()) });
            }
        }
    }
    let incidents: Vec<&String> = runs.iter().flatten().flat_map(|run| &run.incidents).collect();
    if let Some(first) = incidents.first() {
        let message = format!("{} incidents with workers; the first: {first}", incidents.len());
        let help = "the scheduler treated them as failures of nodes; driver.csv counts what was refused";
        warnings.push(Warning { message, help: Some(help.to_string()) });
    }
    warnings
}
