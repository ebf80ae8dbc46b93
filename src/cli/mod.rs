//! The command line: one file per command.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 a run
//! failed, 2 wrong usage or scenario, 130 stopped by Ctrl-C.

mod best;
mod calibrate;
mod check;
mod compare;
mod init;
mod interrupt;
mod live;
mod output;
mod paired;
mod plot;
mod policies;
mod progress;
mod repeat;
mod replay;
mod run;
mod schema;
mod sweep;
mod terminal;
mod theory;
mod validate;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::experiment::scenario::{Diagnostics, Overrides};
use terminal::Terminal;

/// Compare scheduling policies on a simulated cluster, with confidence intervals.
#[derive(Debug, Parser)]
#[command(
    name = "falcon",
    version,
    about,
    long_about = "falcon simulates every scheduling policy of a scenario file over many replications and \
                  reports total time, throughput, waits and availability with confidence intervals.",
    after_help = "Example: falcon run scenarios/baseline.toml --replications 20",
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Whether to use colours.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate every policy of each scenario and write results.
    Run(run::RunArgs),
    /// Run scenarios on the real scheduler core, with worker processes that really fail.
    Live(live::LiveArgs),
    /// Compare policies with each other in the same worlds; with --live, simulations with real runs.
    Compare(compare::CompareArgs),
    /// Look for random faults under which the scheduler breaks one of its rules.
    Check(check::CheckArgs),
    /// Print what is known without simulating, closed forms and bounds, beside the simulated figures.
    Theory(theory::TheoryArgs),
    /// Name the best policy with a stated probability, with no more runs than that takes.
    Best(best::BestArgs),
    /// Run a grid of scenarios: one scenario with some keys varied.
    Sweep(sweep::SweepArgs),
    /// Join the parts of a sweep that were run by `--shard`.
    Merge(sweep::MergeArgs),
    /// Measure how long messages, failures and starts of workers take on this machine.
    Calibrate(calibrate::CalibrateArgs),
    /// Check the log of a live run, step by step.
    Replay(replay::ReplayArgs),
    /// Check scenario files without running them.
    Validate(validate::ValidateArgs),
    /// Draw the plots of a results folder again.
    Plot(plot::PlotArgs),
    /// List the policies and the parts they are made of, or tell what one of them does.
    Policies {
        /// A preset or a part: prints what it does, its source, its cost, its options, and when it is a
        /// bad idea.
        name: Option<String>,
    },
    /// Print the JSON Schema of scenario files.
    Schema,
    /// Write a starter scenario file.
    Init(init::InitArgs),
    /// Be a node of a live run (started by `falcon live`).
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` say otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What may be changed in a scenario from the command line.
#[derive(Args, Clone, Debug, Default)]
struct OverrideArgs {
    /// Run this policy in place of the file's list (repeatable).
    #[arg(long = "policy", value_name = "NAME")]
    policies: Vec<String>,

    /// Seed of the first replication [default: the scenario's].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// How many replications [default: the scenario's].
    #[arg(long, value_name = "N")]
    replications: Option<u32>,

    /// Change any key, `--set workload.tasks=1000` for one (repeatable).
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl OverrideArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            set: self.set.clone(),
            policies: self.policies.clone(),
            seed: self.seed,
            replications: self.replications,
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
enum Failure {
    /// Scenario files with mistakes: exit code 2.
    Scenario(Vec<Diagnostics>),
    /// Wrong usage that is not the parser's to see: exit code 2.
    Usage(String),
    /// A run, a file or a folder failed: exit code 1.
    Failed(anyhow::Error),
    /// Ctrl-C: exit code 130.
    Stopped(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Failed(error.into())
    }
}

type Outcome = Result<(), Failure>;

/// What a user sees should falcon ever break one of its own rules.
fn own_up_to_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("error: this is a bug of falcon {}, not of your scenario: {panic}", crate::report::VERSION);
        eprintln!(
            "  = help: please report it with the command and the scenario file; results were not touched"
        );
        // At once: a thread that waits for the one that broke would wait for ever.
        std::process::exit(1);
    }));
}

/// Runs the command that the arguments ask for.
pub fn main() -> ExitCode {
    own_up_to_bugs();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, mistakes to standard error with 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let terminal = Terminal::new(cli.color);
    let outcome = match &cli.command {
        Command::Run(args) => run::run(args, &terminal),
        Command::Live(args) => live::live(args, &terminal),
        Command::Compare(args) => compare::compare(args, &terminal),
        Command::Check(args) => check::check(args, &terminal),
        Command::Theory(args) => theory::theory(args, &terminal),
        Command::Best(args) => best::best(args, &terminal),
        Command::Sweep(args) => sweep::sweep(args, &terminal),
        Command::Merge(args) => sweep::merge(args, &terminal),
        Command::Calibrate(args) => calibrate::calibrate(args, &terminal),
        Command::Replay(args) => replay::replay(args),
        Command::Validate(args) => validate::validate(args, &terminal),
        Command::Plot(args) => plot::plot(args),
        Command::Policies { name } => policies::policies(name.as_deref()),
        Command::Schema => schema::schema(),
        Command::Init(args) => init::init(args),
        Command::Worker(args) => worker::worker(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure, &terminal),
    }
}

fn report(failure: &Failure, terminal: &Terminal) -> ExitCode {
    match failure {
        Failure::Scenario(files) => {
            for diagnostics in files {
                eprintln!("{}", diagnostics.render(terminal.stderr_color));
            }
            ExitCode::from(2)
        }
        Failure::Usage(message) => {
            terminal.error(message);
            ExitCode::from(2)
        }
        Failure::Failed(error) if is_broken_pipe(error) => ExitCode::SUCCESS,
        Failure::Failed(error) => {
            terminal.error(&format!("{error:#}"));
            ExitCode::from(1)
        }
        Failure::Stopped(message) => {
            eprintln!("{message}");
            ExitCode::from(130)
        }
    }
}

/// Whether whoever read our output has seen enough (`falcon run ... | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind == Some(std::io::ErrorKind::BrokenPipe)
}

/// Prints a result on standard output.
fn print(text: &str) -> Outcome {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// A scenario argument: a file, or `-` for standard input.
type ScenarioArg = PathBuf;
