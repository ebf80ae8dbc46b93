//! `falcon check FILE...`: looks for seeds of random faults that break a rule of the scheduler.
#![allow(clippy::disallowed_methods)] // how long a check took is host time

use std::sync::atomic::Ordering;
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::progress::Meter;
use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, interrupt, print, repeat};
use crate::experiment::check::{CheckOptions, Checked, check as run_check, in_hand};
use crate::experiment::runner::{Progress, RunError};
use crate::experiment::scenario::{self, Loaded, ScenarioSource};
use crate::report::{self, number};
use crate::scheduler::Sabotage;

/// Tasks that are taken of a scenario where nothing else is said.
const MOST_TASKS: u32 = 1000;

/// Arguments of `falcon check`.
#[derive(Args, Debug)]
#[command(
    long_about = "Draws random faults on top of each scenario, runs all its policies under them, and holds every step of \
                  the scheduler against its rules. The first run that breaks one is made as small as it gets and \
                  shown, with the command that repeats it; the exit code is then 1.",
    after_help = "Example: falcon check scenarios/baseline.toml --seeds 1000"
)]
pub(super) struct CheckArgs {
    /// Scenario files; `-` reads one from standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<ScenarioArg>,

    /// How many seeds; each draws faults of its own.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

    /// The first seed [default: the scenario's].
    #[arg(long, value_name = "SEED")]
    from: Option<u64>,

    /// Take only the first N tasks of a scenario.
    #[arg(long, value_name = "N", default_value_t = MOST_TASKS, value_parser = clap::value_parser!(u32).range(1..))]
    most_tasks: u32,

    /// Check this policy in place of the file's list (repeatable).
    #[arg(long = "policy", value_name = "NAME")]
    policies: Vec<String>,

    /// Change any key, `--set workload.tasks=1000` for one (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Leave this guard of the scheduler out, to see that a check notices; the scheduler's own tables, which
    /// may notice too, are then not asked.
    #[arg(long, value_enum, value_name = "GUARD")]
    without: Option<Guard>,

    /// Threads; 0 for one per core. What is found does not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    quiet: bool,
}

/// A guard of the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Guard {
    /// A result counts only for the attempt that it speaks of.
    AttemptNumbers,
    /// A late write with an old token of a lock is fenced off.
    FencingTokens,
    /// Nothing starts beyond what a node has.
    Capacity,
    /// Nothing starts on a node whose breaker is open.
    Breakers,
    /// The lock of a task whose node was lost is held until its lease has run out.
    Leases,
    /// A failed task pauses.
    Backoff,
    /// A task fails only so often.
    AttemptLimit,
    /// A task waits for all its parents.
    Parents,
    /// A node that is silent for too long is suspected, and dead.
    Silence,
}

impl From<Guard> for Sabotage {
    fn from(guard: Guard) -> Sabotage {
        match guard {
            Guard::AttemptNumbers => Sabotage::AttemptNumbers,
            Guard::FencingTokens => Sabotage::FencingTokens,
            Guard::Capacity => Sabotage::Capacity,
            Guard::Breakers => Sabotage::Breakers,
            Guard::Leases => Sabotage::Leases,
            Guard::Backoff => Sabotage::Backoff,
            Guard::AttemptLimit => Sabotage::AttemptLimit,
            Guard::Parents => Sabotage::Parents,
            Guard::Silence => Sabotage::Silence,
        }
    }
}

pub(super) fn check(args: &CheckArgs, terminal: &Terminal) -> Outcome {
    let overrides = OverrideArgs {
        policies: args.policies.clone(),
        set: args.set.clone(),
        seed: None,
        replications: None,
    };
    let (mut scenarios, mut mistakes) = (Vec::new(), Vec::new());
    for file in &args.files {
        match scenario::load(&ScenarioSource::from_argument(file), &overrides.overrides()) {
            Ok(loaded) => scenarios.push((file, loaded)),
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Scenario(mistakes));
    }
    let mut broken = 0;
    for (index, (file, loaded)) in scenarios.iter().enumerate() {
        if index > 0 {
            print("\n")?;
        }
        broken += usize::from(!check_one(args, file, loaded, &overrides, terminal)?);
    }
    match (broken, scenarios.len()) {
        (0, _) => Ok(()),
        (_, 1) => Err(Failure::Failed(anyhow::anyhow!("a rule is broken"))),
        (some, all) => Err(Failure::Failed(anyhow::anyhow!("{some} of {all} scenarios break a rule"))),
    }
}

/// Gives whether all rules held.
fn check_one(
    args: &CheckArgs,
    file: &std::path::Path,
    loaded: &Loaded,
    overrides: &OverrideArgs,
    terminal: &Terminal,
) -> Result<bool, Failure> {
    let plan = &loaded.plan;
    if !args.quiet {
        let dot = terminal.plain("·", "-");
        eprintln!("falcon {} {dot} {}", report::VERSION, file.display());
        terminal.warnings(&loaded.warnings);
    }
    let most_tasks = (args.most_tasks != MOST_TASKS).then(|| format!("--most-tasks {}", args.most_tasks));
    let name = |guard: Guard| guard.to_possible_value().map(|value| value.get_name().to_string());
    let without = args.without.and_then(name).map(|guard| format!("--without {guard}"));
    let given: Vec<String> = most_tasks.into_iter().chain(without).collect();
    let (path, overrides) = (file.to_path_buf(), overrides.clone());
    let command = move |seed: u64, policy: &str| repeat::of_check(&path, policy, seed, &given, &overrides);
    say_which_run_fails(command.clone());
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => usize::from(threads),
    };
    let runs = args.seeds.saturating_mul(plan.policies.len() as u64);
    let meter = Meter::new(usize::try_from(runs).unwrap_or(usize::MAX), "runs", args.quiet, terminal);
    let progress = |progress: Progress<'_>| meter.tick(progress);
    let stop = interrupt::stop_flag();
    let options = CheckOptions {
        seeds: args.seeds,
        from: args.from.unwrap_or(plan.run.seed),
        most_tasks: args.most_tasks,
        threads: threads.min(usize::try_from(runs).unwrap_or(threads)),
        stop: Some(stop),
        progress: Some(&progress),
        sabotage: args.without.map(Sabotage::from),
        trust_tables: args.without.is_some(),
    };
    let start = Instant::now();
    let checked = run_check(plan, &options);
    meter.clear();
    match checked {
        Ok(Checked::Holds(held)) => {
            print(&report::check::held(plan, &options, &held))?;
            if !args.quiet {
                let wall = start.elapsed();
                eprintln!("done in {}: {}", number::span(wall), report::check::speed(&held, wall));
            }
            Ok(true)
        }
        Ok(Checked::Broken(found)) => {
            let repeat = command(found.seed, &found.policy);
            print(&report::check::found(plan, &found, &repeat))?;
            Ok(false)
        }
        Err(stopped @ RunError::Stopped { .. }) if stop.load(Ordering::Relaxed) => {
            Err(Failure::Stopped(format!("{stopped}; no rule was broken in them")))
        }
        Err(error) => Err(error.into()),
    }
}

/// From now on a failed assertion in the scheduler says which run it was in. Where the program can go on after
/// that, it is a broken rule as any other, and made as small as it gets; where it was built to end at once,
/// the command that repeats the run is all there is to say.
fn say_which_run_fails(command: impl Fn(u64, &str) -> String + Send + Sync + 'static) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let Some((seed, policy)) = in_hand() else { return before(panic) };
        if cfg!(panic = "unwind") {
            return;
        }
        eprintln!("error: an assertion of the scheduler fails under policy {policy}, seed {seed}: {panic}");
        eprintln!("  = help: repeat it with `{}`", command(seed, &policy));
        std::process::exit(1);
    }));
}
