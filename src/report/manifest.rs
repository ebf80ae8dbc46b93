//! `manifest.json`: what was run, with what, where and for how long.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::steps::StepsTaken;
use super::story::{Facts, Story};
use super::warning::Warning;
use super::{ReportInput, VERSION, folder};

/// Its file name. A folder that has it is a results folder.
pub const FILE: &str = "manifest.json";

/// The machine that made a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Logical cores.
    pub logical_cores: usize,
    /// Threads the run used.
    pub threads: usize,
}

/// The content of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of falcon.
    pub falcon: String,
    /// What the scenario is about.
    pub scenario: Facts,
    /// Names of the policies in order.
    pub policies: Vec<String>,
    /// Seeds of the replications in order.
    pub seeds: Vec<u64>,
    /// The command that repeats the run.
    pub repeat: String,
    /// `KEY=VALUE` of every override.
    pub overrides: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// Seconds the run took.
    pub wall_time_s: f64,
    /// Simulated events of all runs.
    pub events: u64,
    /// Simulated events per second of wall time; missing when the run took no time.
    pub events_per_second: Option<f64>,
    /// What was decided on the way.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub steps: StepsTaken,
    /// What was wrong with the scenario or the results.
    pub warnings: Vec<Warning>,
    /// All files of the folder but this one.
    pub files: Vec<String>,
    /// The scenario as resolved, in TOML.
    pub resolved: String,
}

fn is_nothing(steps: &StepsTaken) -> bool {
    *steps == StepsTaken::default()
}

impl Manifest {
    /// The manifest of this run; `files` is filled when it is written.
    pub fn of(input: &ReportInput<'_>, story: &Story) -> Manifest {
        let events = events(input);
        let wall_time_s = input.wall_time.as_secs_f64();
        let longest = input.results.iter().max_by_key(|result| result.replications.len());
        Manifest {
            falcon: VERSION.to_string(),
            scenario: story.facts.clone(),
            policies: input.results.iter().map(|result| result.policy.clone()).collect(),
            seeds: longest
                .map(|result| result.replications.iter().map(|one| one.seed).collect())
                .unwrap_or_default(),
            repeat: input.repeat.to_string(),
            overrides: input.overrides.to_vec(),
            machine: Machine {
                os: std::env::consts::OS.to_string(),
                arch: std::env::consts::ARCH.to_string(),
                logical_cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
                threads: input.threads,
            },
            wall_time_s,
            events,
            events_per_second: (wall_time_s > 0.0).then(|| (events as f64 / wall_time_s).round()),
            steps: StepsTaken::of(&input.steps),
            warnings: input.warnings.to_vec(),
            files: Vec::new(),
            resolved: input.resolved_toml.to_string(),
        }
    }

    /// Writes the manifest, with a list of the files that are in the folder now.
    pub fn write(mut self, folder: &Path) -> Result<()> {
        self.files = list(folder).map_err(Error::file("read", folder))?;
        let mut text = serde_json::to_string_pretty(&self).expect("a manifest has only text keys");
        text.push('\n');
        folder::write(folder, FILE, text.as_bytes())
    }

    /// Reads the manifest of a results folder.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        serde_json::from_str(&text).map_err(|error| Error::format(path, error.to_string()))
    }
}

/// Simulated events of all runs.
pub fn events(input: &ReportInput<'_>) -> u64 {
    input.results.iter().flat_map(|result| &result.replications).map(|one| one.events).sum()
}

fn list(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        files.extend(entry?.file_name().into_string().ok().filter(|name| name != FILE));
    }
    files.sort();
    Ok(files)
}
