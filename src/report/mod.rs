//! What a run leaves behind for people and programs: the table, CSV files, plots, the page and
//! the manifest.
//!
//! Nothing here knows how results were made. Everything but the manifest's wall times is a pure
//! function of the plan and the results, so that the same run gives the same bytes.

use std::path::Path;
use std::time::Duration;

use crate::experiment::plan::Plan;
use crate::experiment::theory::Findings;
use crate::metrics::PolicyResult;

mod alarms;
pub mod best;
pub mod check;
pub mod csv;
pub mod csv_read;
pub mod differences;
pub mod doubts;
pub mod driver;
pub mod error;
pub mod fidelity;
pub mod folder;
pub mod html;
pub mod incidents;
pub mod json;
pub mod judge;
pub mod manifest;
pub mod number;
pub mod plots;
mod records;
pub mod self_check;
pub mod sentences;
pub mod steps;
pub mod story;
pub mod sweep;
pub mod table;
pub mod theory;
pub mod verdict;
pub mod warning;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use error::{Error, Result};
pub use folder::is_results_folder;
pub use steps::Steps;
pub use story::Story;
pub use table::Style;
pub use warning::Warning;

/// The version that made a result.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The kind of file plots are drawn to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PlotFormat {
    /// No plots.
    None,
    /// Scalable.
    #[default]
    Svg,
    /// Pixels, three to a unit.
    Png,
}

/// What to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The kind of plots.
    pub plots: PlotFormat,
    /// Whether to write `tasks.csv`; the results must hold tasks.
    pub tasks: bool,
}

/// What a comparison adds to the report.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The heading above it.
    pub title: &'a str,
    /// Its table and sentences.
    pub text: &'a str,
    /// Its plots, each with the stem of its file's name.
    pub pictures: &'a [(String, plots::Picture)],
}

/// Everything that is told of a run.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// The scenario as checked.
    pub plan: &'a Plan,
    /// The scenario as resolved, with overrides and defaults, as TOML.
    pub resolved_toml: &'a str,
    /// What came out.
    pub results: &'a [PolicyResult],
    /// Warnings of the scenario and of the results.
    pub warnings: &'a [Warning],
    /// The command that repeats the run.
    pub repeat: &'a str,
    /// `KEY=VALUE` of every override.
    pub overrides: &'a [String],
    /// How long the run took.
    pub wall_time: Duration,
    /// How many threads it used.
    pub threads: usize,
    /// What to write.
    pub options: Options,
    /// Real seconds per second of the scenario, for a live run.
    pub live: Option<f64>,
    /// Files that only this kind of run has: name and content.
    pub extra: &'a [(String, Vec<u8>)],
    /// What a comparison says: of live runs with simulations, or of policies with each other.
    pub beside: Option<Beside<'a>>,
    /// How the runs came about.
    pub steps: Steps<'a>,
}

/// Writes the results folder whole, or leaves the one that is there as it was.
pub fn write_all(folder: &Path, input: &ReportInput<'_>) -> Result<()> {
    folder::replace(folder, |folder| write_files(folder, input))
}

fn write_files(folder: &Path, input: &ReportInput<'_>) -> Result<()> {
    csv::write_all(folder, input)?;
    let mut story = Story::of(input.plan, input.results, input.live);
    if story.policies.iter().any(|policy| !policy.incidents.is_empty()) {
        csv::to_file(folder, "incidents.csv", |out| incidents::write(out, &story.policies))?;
    }
    if let Some(warmup) = input.steps.warmup {
        csv::to_file(folder, "warmup.csv", |out| csv::warmup(out, warmup))?;
    }
    for (name, content) in input.extra {
        folder::write(folder, name, content)?;
    }
    // Real runs take longer than what formulas are about.
    let findings = input.live.is_none().then(|| Findings::in_brief(input.plan, input.results));
    if let Some(findings) = findings.as_ref().filter(|findings| findings.know_anything()) {
        csv::to_file(folder, "theory.csv", |out| theory::csv(out, input.plan, findings))?;
    }
    if let Some(findings) = &findings {
        theory::tell(&mut story, findings);
    }
    let mut pictures = Vec::new();
    if input.options.plots != PlotFormat::None {
        pictures = plots::pictures(&story);
        pictures.extend(input.steps.warmup.and_then(|warmup| plots::of_warmup(&story, warmup)));
        pictures.splice(0..0, input.beside.iter().flat_map(|beside| beside.pictures.to_vec()));
        plots::write(folder, &pictures, input.options.plots)?;
    }
    let manifest = manifest::Manifest::of(input, &story);
    folder::write(
        folder,
        "report.html",
        html::page(input, &story, &manifest, &pictures, findings.as_ref())?.as_bytes(),
    )?;
    manifest.write(folder)
}

/// Draws the plots of a results folder again from its CSV files and manifest, and gives their
/// file names; those of a sweep from its cells.
pub fn redraw(folder: &Path, format: PlotFormat) -> Result<Vec<String>> {
    if folder.join(sweep::FILE).is_file() {
        return sweep::redraw(folder, format);
    }
    let story = Story::read(folder)?;
    let mut pictures = fidelity::read::pictures(folder, &story)?;
    pictures.extend(plots::pictures(&story));
    pictures.extend(csv_read::warmup(folder)?.and_then(|warmup| plots::of_warmup(&story, &warmup)));
    if let Some(rows) = csv_read::differences(folder)? {
        pictures.extend(plots::of_differences(&story, &rows));
    }
    plots::write(folder, &pictures, format)
}
