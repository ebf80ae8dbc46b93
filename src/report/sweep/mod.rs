//! The folder of a sweep: a file for each cell that is done, what they come to, and plots.
//!
//! A cell is kept under the hash of what it simulates. That makes a sweep resumable: a cell whose file
//! is there is not run again, and one that was changed has another hash.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::judge::Policies;
use super::number::exact;
use super::story::Facts;
use super::{PlotFormat, csv, csv_read, folder, plots};
use crate::experiment::sweep::{Axis, is_in_shard};
use crate::metrics::{COLUMNS, Metric, PolicyResult};

pub mod crossovers;
mod even;
pub mod table;

pub use even::{Even, even};

#[cfg(test)]
pub(super) mod sample;

/// Its file name. A folder that has it holds a sweep.
pub const FILE: &str = "sweep.json";
/// The folder of the cells in it.
const CELLS: &str = "cells";

/// A key and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AxisKept {
    /// The key.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}

/// The content of `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepFile {
    /// The version of falcon.
    pub falcon: String,
    /// What the scenario is about; that of the first cell.
    pub scenario: Facts,
    /// The keys that are varied; the last varies fastest.
    pub axes: Vec<AxisKept>,
    /// Names of the policies in order.
    pub policies: Vec<String>,
    /// The metrics that are shown.
    pub metrics: Vec<String>,
    /// Share of the best figure within which others count as equal to it, if any do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// What each cell holds, by number.
    pub cells: Vec<String>,
    /// Part i of n, when this folder holds a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<(usize, usize)>,
    /// The command that repeats the sweep.
    pub repeat: String,
}

impl SweepFile {
    /// The axes as they were given.
    pub fn axes(&self) -> Vec<Axis> {
        self.axes.iter().map(|axis| Axis { key: axis.key.clone(), values: axis.values.clone() }).collect()
    }

    /// The metrics that are shown.
    pub fn shown(&self) -> Vec<Metric> {
        self.metrics.iter().filter_map(|name| Metric::from_name(name)).collect()
    }

    /// The values of a cell, by axis.
    pub fn values(&self, cell: usize) -> Vec<&str> {
        let mut rest = cell;
        let mut values = vec![""; self.axes.len()];
        for (axis, value) in self.axes.iter().zip(&mut values).rev() {
            *value = &axis.values[rest % axis.values.len()];
            rest /= axis.values.len();
        }
        values
    }

    /// Why another folder does not hold a part of this sweep; `None` when it does.
    fn differs_from(&self, other: &SweepFile) -> Option<String> {
        let varied = |file: &SweepFile| {
            let axis = |axis: &AxisKept| format!("{}={}", axis.key, axis.values.join(","));
            file.axes.iter().map(axis).collect::<Vec<_>>().join(" ")
        };
        let both =
            |what: &str, own: String, theirs: String| Some(format!("{what} {own} here, {theirs} there"));
        if self.axes != other.axes {
            return both("varied are", varied(self), varied(other));
        }
        if self.policies != other.policies {
            return both("policies are", self.policies.join(", "), other.policies.join(", "));
        }
        if self.falcon != other.falcon {
            return both("it was made by falcon", self.falcon.clone(), other.falcon.clone());
        }
        let cell = (0..self.cells.len()).find(|&cell| self.cells.get(cell) != other.cells.get(cell))?;
        let commands = format!("\n  here:  {}\n  there: {}", self.repeat, other.repeat);
        Some(format!("cell {cell} simulates something else; compare files and commands:{commands}"))
    }
}

/// A sweep and what came out of its cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// What was swept.
    pub file: SweepFile,
    /// The policies in every cell.
    pub cells: Vec<Policies>,
}

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct SweepFolder(PathBuf);

impl SweepFolder {
    /// Opens the folder, or makes it; one that holds something else is refused.
    pub fn open(path: &Path) -> Result<SweepFolder> {
        let foreign = || -> io::Result<bool> {
            Ok(path.exists() && !path.join(FILE).is_file() && fs::read_dir(path)?.next().is_some())
        };
        if foreign().map_err(Error::file("read", path))? {
            return Err(Error::format(
                path,
                "this folder is not one of a sweep and is left as it is; choose another with `--out`",
            ));
        }
        let cells = path.join(CELLS);
        fs::create_dir_all(&cells).map_err(Error::file("make", cells))?;
        Ok(SweepFolder(path.to_path_buf()))
    }

    /// Writes what is swept; a folder that holds another part is refused.
    pub fn describe(&self, file: &SweepFile) -> Result<()> {
        let held = SweepFolder::description(&self.0).ok().and_then(|held| held.shard);
        if let (Some((part, of)), Some(own)) = (held, file.shard)
            && own != (part, of)
        {
            let message = format!("holds part {part} of {of}; choose a folder for each part with `--out`");
            return Err(Error::format(&self.0, message));
        }
        let mut text = serde_json::to_string_pretty(file).expect("text keys only");
        text.push('\n');
        folder::write(&self.0, FILE, text.as_bytes())
    }

    /// What is swept.
    pub fn description(path: &Path) -> Result<SweepFile> {
        let path = path.join(FILE);
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        serde_json::from_str(&text).map_err(|error| Error::format(path, error.to_string()))
    }

    fn cell(&self, hash: &str) -> PathBuf {
        self.0.join(CELLS).join(format!("{hash}.csv"))
    }

    /// Whether a cell is done: its file is whole, and has the same number of replications of every policy,
    /// `replications` where that is known beforehand.
    pub fn has(&self, hash: &str, policies: &[String], replications: Option<usize>) -> bool {
        let path = self.cell(hash);
        let ends = fs::read(&path).is_ok_and(|bytes| bytes.ends_with(b"\n"));
        let Some(found) = ends.then(|| csv_read::replications_of(&path, policies).ok()).flatten() else {
            return false;
        };
        let expected = replications.or(found.first().map(|policy| policy.rows.len())).unwrap_or(0);
        expected > 0 && found.iter().all(|policy| policy.rows.len() == expected)
    }

    /// Keeps the results of a cell, whole or not at all.
    pub fn save(&self, hash: &str, results: &[PolicyResult]) -> Result<()> {
        let (path, part) = (self.cell(hash), self.cell(&format!("{hash}.part")));
        folder::write_with(&part, |out| csv::per_replication(out, results))?;
        fs::rename(&part, &path).map_err(Error::file("rename", part))
    }

    /// All cells; each must be there.
    pub fn grid(&self, file: &SweepFile) -> Result<Grid> {
        let missing = file.cells.iter().filter(|hash| !self.cell(hash).is_file()).count();
        if missing > 0 {
            let whole = file.cells.len();
            let help = match file.shard {
                Some(_) => "join all parts with `falcon merge` first".to_string(),
                None => format!("go on with: {}", file.repeat),
            };
            return Err(Error::format(&self.0, format!("{missing} of {whole} cells are missing; {help}")));
        }
        let read = |hash: &String| {
            Ok(Policies::from(csv_read::replications_of(&self.cell(hash), &file.policies)?)
                .within(file.margin))
        };
        Ok(Grid { file: file.clone(), cells: file.cells.iter().map(read).collect::<Result<_>>()? })
    }

    /// Writes `sweep.csv`, `crossovers.csv` and the plots; gives the names of the plots.
    pub fn conclude(&self, grid: &Grid, format: PlotFormat) -> Result<Vec<String>> {
        csv::to_file(&self.0, "sweep.csv", |out| summary(out, grid))?;
        csv::to_file(&self.0, "crossovers.csv", |out| crossovers::csv(out, grid))?;
        let names = plots::write(&self.0, &plots::sweep::pictures(grid), format)?;
        self.forget_plots(&names)?;
        Ok(names)
    }

    /// Deletes the plots of an earlier sweep in this folder.
    fn forget_plots(&self, kept: &[String]) -> Result<()> {
        for entry in fs::read_dir(&self.0).map_err(Error::file("read", &self.0))? {
            let entry = entry.map_err(Error::file("read", &self.0))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_plot = name.starts_with("sweep-") && (name.ends_with(".svg") || name.ends_with(".png"));
            if is_plot && !kept.contains(&name) {
                fs::remove_file(entry.path()).map_err(Error::file("delete", entry.path()))?;
            }
        }
        Ok(())
    }
}

/// Draws the plots of the sweep in this folder again, and gives their names.
pub fn redraw(folder: &Path, format: PlotFormat) -> Result<Vec<String>> {
    let grid = SweepFolder(folder.to_path_buf()).grid(&SweepFolder::description(folder)?)?;
    plots::write(folder, &plots::sweep::pictures(&grid), format)
}

/// Values so far apart are told of on a logarithmic scale.
const LOG_FROM: f64 = 50.0;

/// Whether ratios rather than differences of these values count: all are above 0, and they are far apart.
pub fn is_logarithmic(values: &[f64]) -> bool {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    low > 0.0 && high >= LOG_FROM * low
}

/// `sweep.csv`: every metric of every policy in every cell.
pub fn summary(out: &mut dyn Write, grid: &Grid) -> io::Result<()> {
    let keys: Vec<&str> = grid.file.axes.iter().map(|axis| axis.key.as_str()).collect();
    let mut columns = vec!["cell"];
    columns.extend(keys);
    columns.extend(["policy", "metric", "unit", "n", "mean", "stddev", "ci95_low", "ci95_high"]);
    let mut lines = csv::lines(out, &columns)?;
    for (number, policies) in grid.cells.iter().enumerate() {
        for policy in policies {
            for column in COLUMNS {
                let Some(summary) = policy.summary(column.metric) else { continue };
                let bound = |sign: f64| summary.half_width.map(|half| summary.mean + sign * half);
                lines.write_field(number.to_string())?;
                for value in grid.file.values(number) {
                    lines.write_field(value)?;
                }
                lines.write_record([
                    &policy.name,
                    column.name,
                    column.unit,
                    &summary.n.to_string(),
                    &exact(Some(summary.mean)),
                    &exact(summary.stddev),
                    &exact(bound(-1.0)),
                    &exact(bound(1.0)),
                ])?;
            }
        }
    }
    lines.flush()
}

/// Joins parts of a sweep in `to`. Parts must be of one sweep; a cell that no part or more than one has
/// is refused, and so is a part that is to hold the whole.
pub fn merge(parts: &[PathBuf], to: &Path) -> Result<Grid> {
    let mut files = Vec::new();
    let target = to.canonicalize().ok();
    for path in parts {
        if target.is_some() && path.canonicalize().ok() == target {
            return Err(Error::format(path, "is one of the parts; choose another folder with `--out`"));
        }
        files.push((path, SweepFolder::description(path)?));
    }
    let (first, whole) = &files[0];
    for (path, file) in &files[1..] {
        if let Some(why) = file.differs_from(whole) {
            let message = format!("is not of the same sweep as {}: {why}", first.display());
            return Err(Error::format(*path, message));
        }
    }
    let mut owners: Vec<Option<&PathBuf>> = vec![None; whole.cells.len()];
    let mut missing = Vec::new();
    for (path, file) in &files {
        let (part, of) = file.shard.unwrap_or((1, 1));
        for number in (0..whole.cells.len()).filter(|&number| is_in_shard(number, part, of)) {
            if let Some(other) = owners[number].replace(path) {
                let message = format!("cell {number} is in {} too; name every part once", other.display());
                return Err(Error::format(*path, message));
            }
            if !SweepFolder(path.to_path_buf()).has(&whole.cells[number], &whole.policies, None) {
                missing.push(format!("{number} (of {})", path.display()));
            }
        }
    }
    missing.extend(
        owners.iter().enumerate().filter(|(_, owner)| owner.is_none()).map(|(number, _)| number.to_string()),
    );
    if !missing.is_empty() {
        let few: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
        let more = if missing.len() > 5 { ", ..." } else { "" };
        let message =
            format!("{} of {} cells are missing: {}{more}", missing.len(), owners.len(), few.join(", "));
        return Err(Error::format(to, message));
    }
    let joined = SweepFolder::open(to)?;
    for (hash, owner) in whole.cells.iter().zip(owners) {
        let from = SweepFolder(owner.expect("none is missing").clone()).cell(hash);
        let target = joined.cell(hash);
        if from != target {
            fs::copy(&from, &target).map_err(Error::file("copy", from))?;
        }
    }
    let file = SweepFile { shard: None, ..whole.clone() };
    joined.describe(&file)?;
    joined.grid(&file)
}
