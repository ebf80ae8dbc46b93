//! What a run leaves behind for people and programs: the table, CSV files, plots, the page and
//! the manifest.
//!
//! Nothing here knows how results were made. Everything but the manifest's wall times is a pure
//! function of the plan and the results, so that the same run gives the same bytes.

use std::path::Path;
use std::time::Duration;

use crate::experiment::plan::Plan;
use crate::metrics::PolicyResult;

mod alarms;
pub mod csv;
pub mod csv_read;
pub mod driver;
pub mod error;
pub mod fidelity;
pub mod folder;
pub mod html;
pub mod json;
pub mod judge;
pub mod manifest;
pub mod number;
pub mod plots;
pub mod story;
pub mod table;
pub mod verdict;
pub mod warning;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use error::{Error, Result};
pub use folder::is_results_folder;
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

/// What a comparison adds to the report of a live run.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
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
    /// What a comparison with simulations says, for a live run that was compared.
    pub beside: Option<Beside<'a>>,
}

/// Writes the results folder whole, or leaves the one that is there as it was.
pub fn write_all(folder: &Path, input: &ReportInput<'_>) -> Result<()> {
    folder::replace(folder, |folder| write_files(folder, input))
}

fn write_files(folder: &Path, input: &ReportInput<'_>) -> Result<()> {
    csv::write_all(folder, input)?;
    for (name, content) in input.extra {
        folder::write(folder, name, content)?;
    }
    let story = Story::of(input.plan, input.results, input.live);
    let mut pictures = Vec::new();
    if input.options.plots != PlotFormat::None {
        pictures = plots::pictures(&story);
        pictures.splice(0..0, input.beside.iter().flat_map(|beside| beside.pictures.to_vec()));
        plots::write(folder, &pictures, input.options.plots)?;
    }
    let manifest = manifest::Manifest::of(input, &story);
    folder::write(folder, "report.html", html::page(input, &story, &manifest, &pictures)?.as_bytes())?;
    manifest.write(folder)
}

/// Draws the plots of a results folder again from its CSV files and manifest, and gives their
/// file names.
pub fn redraw(folder: &Path, format: PlotFormat) -> Result<Vec<String>> {
    let story = Story::read(folder)?;
    plots::write(folder, &plots::pictures(&story), format)
}
