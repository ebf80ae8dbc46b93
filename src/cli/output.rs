//! What commands that make results have in common: where results go, in which form, and the
//! scenarios they are made from.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::terminal::Terminal;
use super::{Failure, Outcome, OverrideArgs, ScenarioArg, print};
use crate::experiment::scenario::{self, Loaded, ScenarioSource};
use crate::report::{Options, PlotFormat, ReportInput, csv, folder, json, table};

/// Where results go, and in which form.
#[derive(Args, Debug)]
pub(super) struct OutputArgs {
    /// Folder for the results; with several scenarios each gets a folder of its name in it
    /// [default: results/<scenario name>, with -live or -compare behind the
    /// name for live runs].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,

    /// Also write tasks.csv, one row per task.
    #[arg(long)]
    pub(super) tasks: bool,

    /// What standard output gets.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,

    /// The kind of plots.
    #[arg(long, value_enum, default_value_t = Plots::Svg, value_name = "KIND")]
    pub(super) plot_format: Plots,

    /// Draw no plots.
    #[arg(long)]
    pub(super) no_plots: bool,

    /// Print errors and the result, nothing else.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

impl OutputArgs {
    /// What to write.
    pub(super) fn options(&self) -> Options {
        let plots = if self.no_plots { PlotFormat::None } else { self.plot_format.into() };
        Options { plots, tasks: self.tasks }
    }
}

/// What standard output gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    Table,
    /// The content of summary.csv; of a comparison, of comparison.csv or fidelity.csv.
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
pub(super) struct Job<'a> {
    pub(super) file: &'a Path,
    pub(super) loaded: Loaded,
    pub(super) out: PathBuf,
}

/// Reads all scenarios before the first is run, so that no mistake comes late.
pub(super) fn load<'a>(
    files: &'a [ScenarioArg],
    overrides: &OverrideArgs,
    output: &OutputArgs,
    suffix: &str,
) -> Result<Vec<Job<'a>>, Failure> {
    if files.len() > 1 && output.format != Format::Table {
        return Err(Failure::Usage("--format csv and json take one scenario at a time".to_string()));
    }
    let overrides = overrides.overrides();
    let (mut jobs, mut mistakes) = (Vec::new(), Vec::new());
    for file in files {
        match scenario::load(&ScenarioSource::from_argument(file), &overrides) {
            Ok(loaded) => {
                let own = format!("{}{suffix}", scenario::folder_name(&loaded.plan.name));
                let out = match &output.out {
                    Some(out) if files.len() > 1 => out.join(own),
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

/// Ctrl-C came; what is in the folder for the results is what was there before.
pub(super) fn stopped(how_far: &dyn Display, out: &Path) -> Failure {
    let state = if out.exists() { "is as it was" } else { "was not made" };
    Failure::Stopped(format!("{how_far}; {}/ {state}", out.display()))
}

/// Prints the result in the form that was asked for: for people, or the data alone, and then what is
/// for people goes to standard error.
pub(super) fn present(
    output: &OutputArgs,
    people: &str,
    csv: impl FnOnce() -> Result<String, Failure>,
    json: impl FnOnce() -> Result<String, Failure>,
) -> Outcome {
    if output.format == Format::Table {
        return print(people);
    }
    if !output.quiet {
        eprint!("{people}");
    }
    print(&if output.format == Format::Csv { csv()? } else { json()? })
}

/// Prints the result of runs, simulated or live.
pub(super) fn present_runs(
    output: &OutputArgs,
    input: &ReportInput<'_>,
    shown: Option<&str>,
    terminal: &Terminal,
) -> Outcome {
    let summary = || {
        let mut out = Vec::new();
        csv::summary(&mut out, input.results)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    };
    let people = table::render(input, shown, terminal.style());
    present(output, &people, summary, || Ok(json::summary(input)))
}
