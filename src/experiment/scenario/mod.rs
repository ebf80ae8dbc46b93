//! From a scenario file to a checked [`Plan`], with every mistake named at its place.
//!
//! The text becomes a tree that knows where each key was written (`document`); overrides are laid
//! over it (`overrides`); typed tables are read out of it (`keys`, by way of `declare`); and what
//! must hold across keys is checked while the plan is made (`check`, `tasks`). No step gives up at
//! the first mistake, and none reports what follows from one already reported.

mod alarms;
mod arrivals;
mod check;
mod declare;
mod diagnostics;
mod distributions;
mod disturbances;
mod document;
mod elastic;
mod faults;
mod files;
mod guards;
mod jobs;
mod keys;
mod listed;
mod nearest;
mod overrides;
mod policies;
mod reader;
mod replicas;
mod resolved;
mod resources;
mod retry;
mod rollback;
mod run;
mod schema;
mod several;
mod spawn;
mod speculation;
mod tasks;
mod trace;
mod values;
mod words;
mod zones;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::diagnostics::{Origin, SourceText};
use self::document::Node;
use self::reader::{Reader, Setting};
use super::plan::Plan;

pub use self::diagnostics::Diagnostics;
pub use self::nearest::nearest;
pub use self::schema::schema;

/// Larger scenario files are refused.
const MOST_SCENARIO_BYTES: u64 = 256 << 20;

/// Where a scenario comes from.
#[derive(Clone, Debug)]
pub enum ScenarioSource {
    /// A file; paths in it are relative to its folder.
    File(PathBuf),
    /// Standard input; paths are relative to the working folder.
    StandardInput,
    /// Text in memory.
    Text {
        /// What messages call it.
        name: String,
        /// The TOML text.
        text: String,
        /// Paths in it are relative to this folder.
        base: PathBuf,
    },
}

impl ScenarioSource {
    /// The source a command line argument names; `-` is standard input.
    pub fn from_argument(argument: &Path) -> Self {
        if argument.as_os_str() == "-" {
            ScenarioSource::StandardInput
        } else {
            ScenarioSource::File(argument.to_path_buf())
        }
    }

    /// What messages call it.
    pub fn name(&self) -> String {
        match self {
            ScenarioSource::File(path) => path.display().to_string(),
            ScenarioSource::StandardInput => "<stdin>".to_string(),
            ScenarioSource::Text { name, .. } => name.clone(),
        }
    }

    /// The scenario's name when it does not say.
    fn default_name(&self) -> String {
        let stem = match self {
            ScenarioSource::File(path) => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
            ScenarioSource::StandardInput => Some("stdin".to_string()),
            ScenarioSource::Text { name, .. } => {
                Path::new(name).file_stem().map(|s| s.to_string_lossy().into())
            }
        };
        // A control character in a file's name would break the tables it stands in.
        stem.unwrap_or_else(|| "scenario".to_string()).replace(char::is_control, "-")
    }

    fn base(&self) -> PathBuf {
        match self {
            ScenarioSource::File(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
            ScenarioSource::StandardInput => PathBuf::new(),
            ScenarioSource::Text { base, .. } => base.clone(),
        }
    }

    fn read(&self) -> Result<String, Diagnostics> {
        let bytes = match self {
            ScenarioSource::Text { text, .. } => return Ok(text.clone()),
            ScenarioSource::File(path) => {
                std::fs::File::open(path).and_then(|file| files::read_limited(file, MOST_SCENARIO_BYTES))
            }
            ScenarioSource::StandardInput => {
                files::read_limited(std::io::stdin().lock(), MOST_SCENARIO_BYTES)
            }
        };
        let name = self.name();
        let bytes = bytes.map_err(|error| {
            Diagnostics::whole_file(&name, format!("cannot read {name}: {}", files::reason(&error)))
        })?;
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let column = 1 + String::from_utf8_lossy(&good[start..]).chars().count();
            Diagnostics::whole_file(&name, format!("{name}:{line}:{column}: this is not UTF-8 text"))
        })
    }
}

/// What the command line changes in a scenario.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set KEY=VALUE`, in the order given.
    pub set: Vec<String>,
    /// `--policy NAME`: taken in place of the file's list when there is one.
    pub policies: Vec<String>,
    /// `--seed N`.
    pub seed: Option<u64>,
    /// `--replications N`.
    pub replications: Option<u32>,
}

pub use super::warning::Warning;

/// A scenario that has been read and checked.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to run.
    pub plan: Plan,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// The scenario as resolved, as TOML: overrides applied, defaults filled in.
    pub resolved: String,
}

impl Plan {
    /// The plan of a scenario in memory; files it names are relative to the working folder.
    pub fn from_toml(text: &str) -> Result<Plan, Diagnostics> {
        let source = ScenarioSource::Text {
            name: "scenario.toml".to_string(),
            text: text.to_string(),
            base: PathBuf::new(),
        };
        load(&source, &Overrides::default()).map(|loaded| loaded.plan)
    }
}

/// The name of the folder that results of a scenario of this name go to: lower case, `[a-z0-9._-]`
/// only, so that it is the same on every platform and never leads out of the results folder.
pub fn folder_name(name: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let folder: String = name.chars().map(plain).take(100).collect();
    let folder = folder.trim_matches(['.', '-']);
    match folder {
        "" => "scenario".to_string(),
        // Devices on Windows, with any extension.
        reserved if ["con", "nul", "aux", "prn"].contains(&reserved.split('.').next().unwrap_or("")) => {
            format!("scenario-{reserved}")
        }
        usual => usual.to_string(),
    }
}

/// Reads and checks a scenario, or says everything that is wrong with it.
pub fn load(source: &ScenarioSource, overrides: &Overrides) -> Result<Loaded, Diagnostics> {
    let text = source.read()?;
    let mut sources = vec![SourceText { name: source.name(), text }];
    let mut tree = match document::parse_document(0, &sources[0].text) {
        Ok(tree) => tree,
        Err(syntax) => return Err(Diagnostics::new(sources, vec![syntax])),
    };
    let mut reader = Reader::new(source.base());
    apply(overrides, &mut tree, &mut sources, &mut reader);
    let chosen: Vec<(String, Origin)> = overrides
        .policies
        .iter()
        .map(|name| {
            sources.push(overrides::source_text("--policy", name));
            (name.clone(), Origin { source: sources.len() - 1, start: 0, end: name.len() })
        })
        .collect();
    let given = check::Given { default_name: &source.default_name(), policies: &chosen };
    let scenario = keys::ScenarioTable::read(&tree, &mut reader);
    let checked = scenario.and_then(|scenario| {
        let (plan, policies) = check::check(&scenario, &given, &mut reader)?;
        Some((scenario, plan, policies))
    });
    match checked {
        Some((scenario, plan, policies)) if reader.diagnostics.is_empty() => {
            let resolved = resolve(&scenario, &plan, &policies);
            Ok(Loaded { plan, warnings: reader.warnings, resolved })
        }
        _ => Err(Diagnostics::new(sources, reader.diagnostics)),
    }
}

/// Lays all overrides over the tree, each a source of its own.
fn apply(overrides: &Overrides, tree: &mut Node, sources: &mut Vec<SourceText>, reader: &mut Reader) {
    for setting in &overrides.set {
        sources.push(overrides::source_text("--set", setting));
        if let Err(diagnostic) = overrides::apply(tree, sources.len() - 1, setting) {
            reader.report(diagnostic);
        }
    }
    for (option, key, value) in [
        ("--seed", "seed", overrides.seed),
        ("--replications", "replications", overrides.replications.map(u64::from)),
    ] {
        let Some(value) = value else { continue };
        sources.push(overrides::source_text(option, &value.to_string()));
        if let Err(diagnostic) = overrides::put(tree, sources.len() - 1, &["run", key], value) {
            reader.report(diagnostic);
        }
    }
}

fn resolve(scenario: &keys::ScenarioTable, plan: &Plan, policies: &[policies::Placed]) -> String {
    let serde_json::Value::Object(mut object) = scenario.write() else { return String::new() };
    if let Some(nodes) = object.get_mut("nodes").and_then(serde_json::Value::as_array_mut) {
        for (node, group) in nodes.iter_mut().zip(&plan.groups) {
            let Some(node) = node.as_object_mut() else { continue };
            if !node.contains_key("weight") {
                let after = node.keys().position(|key| key == "speed").map_or(node.len(), |at| at + 1);
                node.shift_insert(after, "weight".to_string(), group.weight.into());
            }
        }
    }
    if let (Some(plan), Some(table)) =
        (plan.elastic.autoscale, object.get_mut("scheduler").and_then(|table| table.get_mut("autoscale")))
    {
        (table["max"], table["initial"]) = (plan.max.into(), plan.initial.into());
    }
    let policies: serde_json::Value = policies.iter().map(|(table, _, _)| table.write()).collect();
    object.insert("policies".to_string(), policies);
    object.shift_remove("name");
    object.shift_insert(0, "name".to_string(), plan.name.as_str().into());
    resolved::to_toml(&object)
}

/// The content of a new scenario file: a small scenario that runs, with comments.
pub fn starter() -> &'static str {
    include_str!("starter.toml")
}
