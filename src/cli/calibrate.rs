//! `falcon calibrate [FILE]`: measures how long news takes on this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::live::PaceArgs;
use super::terminal::Terminal;
use super::{Failure, Outcome, ScenarioArg, output, print};
use crate::experiment::calibrate::{Calibration, CalibrationError};
use crate::experiment::plan::Plan;
use crate::experiment::scenario::{self, Overrides, ScenarioSource};
use crate::live::LiveError;
use crate::report::{self, folder, manifest, number};
use crate::statistics::nearest_rank;

/// The file with the `[scheduler]` table.
const SCHEDULER: &str = "scheduler.toml";

/// The cluster without a scenario file.
const CLUSTER: &str = "policies = [\"round-robin\"]\nnodes = [{ count = 16 }]\n\
                       workload = { tasks = 1, duration.constant = 1.0 }";

/// Arguments of `falcon calibrate`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon calibrate scenarios/live-baseline.toml --time-scale 0.02")]
pub(super) struct CalibrateArgs {
    /// Scenario whose nodes and arrivals to measure with [default: 16 nodes of one slot].
    #[arg(value_name = "FILE")]
    file: Option<ScenarioArg>,

    /// Folder for the measured distributions.
    #[arg(long, value_name = "DIR", default_value = "results/calibration")]
    out: PathBuf,

    #[command(flatten)]
    pace: PaceArgs,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn calibrate(args: &CalibrateArgs, terminal: &Terminal) -> Outcome {
    let plan = match &args.file {
        Some(file) => {
            let loaded = scenario::load(&ScenarioSource::from_argument(file), &Overrides::default());
            loaded.map_err(|mistakes| Failure::Scenario(vec![mistakes]))?.plan
        }
        None => Plan::from_toml(CLUSTER).map_err(|mistakes| Failure::Scenario(vec![mistakes]))?,
    };
    folder::check(&args.out)?;
    if !args.quiet {
        let dot = terminal.plain("·", "-");
        eprintln!("falcon {} {dot} calibrating with {} workers", report::VERSION, plan.node_count());
    }
    let options = args.pace.runner();
    let measured = plan.calibrate(&options).map_err(|error| match error {
        CalibrationError::Live(LiveError::Stopped) => output::stopped(&"stopped", &args.out),
        error => Failure::Failed(error.into()),
    })?;
    write(&args.out, &measured, options.time_scale)?;
    print(&table(&measured, options.time_scale, &args.out))
}

fn write(out: &Path, measured: &Calibration, time_scale: f64) -> report::Result<()> {
    folder::replace(out, |folder| {
        let mut files = vec![SCHEDULER.to_string()];
        for (name, seconds) in measured.parts() {
            let file = format!("{name}.txt");
            folder::write(folder, &file, values(seconds, time_scale).as_bytes())?;
            files.push(file);
        }
        let mut table = String::from("[scheduler]\n");
        for (name, _) in measured.parts() {
            let _ = writeln!(table, "{name}.empirical.file = \"{name}.txt\"");
        }
        folder::write(folder, SCHEDULER, table.as_bytes())?;
        let manifest = serde_json::json!({
            "falcon": report::VERSION,
            "calibration": { "time_scale": time_scale },
            "files": files,
        });
        folder::write(folder, manifest::FILE, format!("{manifest:#}\n").as_bytes())
    })
}

/// One number per line, in seconds of the scenario.
fn values(seconds: &[f64], time_scale: f64) -> String {
    seconds.iter().fold(String::new(), |mut text, seconds| {
        let _ = writeln!(text, "{}", number::exact(Some(seconds / time_scale)));
        text
    })
}

/// What was measured, for people: real time, and what it is in the scenario.
fn table(measured: &Calibration, time_scale: f64, out: &Path) -> String {
    let mut text = String::from("real time in ms      samples     p50     p90     p99     max\n");
    for (name, seconds) in measured.parts() {
        let at = |share| nearest_rank(seconds, share).map_or("-".to_string(), |s| format!("{:.3}", 1e3 * s));
        let (p50, p90, p99, most) = (at(0.5), at(0.9), at(0.99), at(1.0));
        let _ = writeln!(text, "  {name:<18} {:>7} {p50:>7} {p90:>7} {p99:>7} {most:>7}", seconds.len());
    }
    let per_second = number::significant(1.0 / time_scale, 3);
    let _ = writeln!(text, "\n  1 s real is {per_second} s in the scenario (--time-scale {time_scale})");
    let _ = writeln!(
        text,
        "  results  {0}/   ({0}/{SCHEDULER} is the table for a scenario that lies in that folder)",
        out.display()
    );
    text
}
