//! The documents say what is true: their commands run and print what is shown, their links lead
//! somewhere, and every key, policy and metric is described.
//!
//! A ```` ```console ```` block holds commands after `$ `, each followed by what it prints on standard
//! output. No lines there: nothing is compared. A line `...` stands for any others. After a change that
//! is meant, `FALCON_UPDATE_DOCS=1 cargo test --test readme` writes the new output into the documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use falcon::experiment::scenario;
use falcon::metrics::{COLUMNS, DRIVER_COLUMNS};
use falcon::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES, PRESETS};
use falcon::report::{csv, differences, fidelity, theory};

const DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/checking.md",
    "docs/comparing.md",
    "docs/honesty.md",
    "docs/metrics.md",
    "docs/policies.md",
    "docs/scenario-reference.md",
    "docs/theory.md",
    "docs/tutorial.md",
    "results/README.md",
    "scenarios/README.md",
    "scenarios/data/README.md",
];

/// Commands that a test leaves out: they build, they take minutes, or what they print was measured.
const NOT_RUN: &[&str] = &[
    "git ",
    "cd ",
    "cargo test",
    "cargo install",
    "cargo bench",
    "cargo run --release --example",
    "cargo run --release -- live",
    "cargo run --release -- compare",
    "falcon live",
    "falcon compare",
    "falcon calibrate",
];

/// Stands for lines that are not shown.
const OTHERS: &str = "...";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// One command of a document and the lines of output shown below it.
struct Step {
    command: String,
    shown: std::ops::Range<usize>,
}

fn steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in lines.iter().enumerate() {
        if line.starts_with("```") {
            inside = *line == "```console";
        } else if inside && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_string(), shown: number + 1..number + 1 });
        } else if inside {
            steps.last_mut().expect("a block begins with a command").shown.end = number + 1;
        }
    }
    steps
}

/// The words of a command, as a shell would take them apart; `*` in file names is filled in.
fn words(command: &str, folder: &Path) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in command.chars() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words.into_iter().flat_map(|word| filled_in(word, folder)).collect()
}

fn filled_in(word: String, folder: &Path) -> Vec<String> {
    let Some((before, after)) = word.split_once('*') else { return vec![word] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let mut names: Vec<String> = fs::read_dir(folder.join(parent))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(prefix) && name.ends_with(after))
        .map(|name| format!("{parent}/{name}"))
        .collect();
    names.sort();
    names
}

/// Runs a command and gives its standard output.
fn output(command: &str, folder: &Path) -> String {
    let (command, file) = match command.split_once(" > ") {
        Some((command, file)) => (command, Some(file.trim())),
        None => (command, None),
    };
    let arguments = command
        .strip_prefix("cargo run --release -- ")
        .or_else(|| command.strip_prefix("falcon "))
        .unwrap_or_else(|| panic!("do not know how to run `{command}`"));
    let mut falcon = Command::new(env!("CARGO_BIN_EXE_falcon"));
    for variable in ["LC_ALL", "LC_CTYPE", "LANG", "CLICOLOR_FORCE"] {
        falcon.env_remove(variable);
    }
    let done = falcon
        .args(words(arguments, folder))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("falcon runs");
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "`{command}` ended with {}\n{errors}", done.status);
    let printed = String::from_utf8(done.stdout).expect("UTF-8");
    match file {
        Some(file) => {
            fs::write(folder.join(file), printed).expect("a file");
            String::new()
        }
        None => printed,
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// Whether what is shown is what was printed, `...` standing for any lines.
fn agrees(shown: &[&str], printed: &[&str]) -> bool {
    let parts: Vec<&[&str]> = shown.split(|line| *line == OTHERS).collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    if parts.len() == 1 {
        return shown == printed;
    }
    let mut rest = match printed.strip_prefix(first) {
        Some(rest) if rest.ends_with(last) => &rest[..rest.len() - last.len()],
        _ => return false,
    };
    for part in &parts[1..parts.len() - 1] {
        let Some(at) = (0..rest.len()).find(|at| rest[*at..].starts_with(part)) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// What to show instead: all of it, or for each line the one that begins most alike.
fn renew(shown: &[&str], printed: &[&str]) -> Vec<String> {
    let all = || printed.iter().map(|line| (*line).to_string()).collect();
    if !shown.contains(&OTHERS) {
        return all();
    }
    let alike = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let nearest =
        |line: &str| printed.iter().rev().max_by_key(|other| alike(line, other)).map_or("", |line| line);
    shown.iter().map(|line| if *line == OTHERS { *line } else { nearest(line) }.to_string()).collect()
}

/// Runs all commands of a document in a fresh folder that holds the scenarios.
fn commands_run(document: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root().join("scenarios"), &folder.path().join("scenarios"));
    let text = read(document);
    let lines: Vec<&str> = text.lines().collect();
    let mut renewed: Vec<String> = Vec::new();
    let mut at = 0;
    for step in steps(&lines) {
        if NOT_RUN.iter().any(|start| step.command.starts_with(start)) || step.command == ".ci/run" {
            continue;
        }
        let shown = &lines[step.shown.clone()];
        let printed = output(&step.command, folder.path());
        let printed: Vec<&str> = printed.lines().collect();
        if shown.is_empty() || agrees(shown, &printed) {
            continue;
        }
        assert!(
            std::env::var_os("FALCON_UPDATE_DOCS").is_some(),
            "{document} shows for `{}`\n{}\nbut it prints\n{}",
            step.command,
            shown.join("\n"),
            printed.join("\n")
        );
        renewed.extend(lines[at..step.shown.start].iter().map(|line| (*line).to_string()));
        renewed.extend(renew(shown, &printed));
        at = step.shown.end;
    }
    if document == "README.md" {
        like_the_reference(&folder.path().join("results"));
    }
    if at > 0 {
        renewed.extend(lines[at..].iter().map(|line| (*line).to_string()));
        fs::write(root().join(document), renewed.join("\n") + "\n").expect("a document");
    }
}

/// The figures of every run that has a committed reference are those of the reference.
fn like_the_reference(results: &Path) {
    let Ok(folders) = fs::read_dir(results) else { return };
    for folder in folders {
        let name = folder.expect("an entry").file_name();
        let read = |root: &Path| fs::read_to_string(root.join(&name).join("replications.csv"));
        let (Ok(found), Ok(reference)) = (read(results), read(&root().join("results/reference"))) else {
            continue;
        };
        assert_eq!(found.lines().count(), reference.lines().count(), "{name:?}: rows");
        for (found, reference) in found.lines().zip(reference.lines()) {
            // Other platforms may round the last digits of a logarithm in another way.
            let close = |a: &str, b: &str| match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => (a - b).abs() <= 1e-6 * a.abs().max(b.abs()),
                _ => a == b,
            };
            let same = found.split(',').zip(reference.split(',')).all(|(a, b)| close(a, b));
            assert!(same, "{name:?} differs from its reference in results/reference/:\n{found}\n{reference}");
        }
    }
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    commands_run("README.md");
}

#[test]
fn the_commands_of_the_tutorial_print_what_it_shows() {
    commands_run("docs/tutorial.md");
}

#[test]
fn the_commands_of_the_other_documents_print_what_they_show() {
    for document in DOCUMENTS.iter().filter(|name| !["README.md", "docs/tutorial.md"].contains(name)) {
        commands_run(document);
    }
}

#[test]
fn every_scenario_is_valid_and_listed_with_its_question() {
    let list = read("scenarios/README.md");
    let mut checked = 0;
    for entry in fs::read_dir(root().join("scenarios")).expect("scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let loaded = scenario::load(&scenario::ScenarioSource::File(path.clone()), &Default::default());
        let plan = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}")).plan;
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(plan.description.ends_with('?'), "{file}: a scenario asks a question");
        assert!(read(&format!("scenarios/{file}")).starts_with("# "), "{file}: the question stands on top");
        assert!(list.contains(&format!("({file})")), "{file} is not in scenarios/README.md");
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} scenarios");
}

/// The anchor of a heading, as it is made from its text.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_')
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    for document in DOCUMENTS {
        let folder = root().join(document).parent().expect("a folder").to_path_buf();
        for target in
            read(document).split("](").skip(1).filter_map(|rest| rest.split(')').next().map(str::to_string))
        {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) =
                target.split_once('#').map_or((target.as_str(), None), |(f, h)| (f, Some(h)));
            let path = if file.is_empty() { root().join(document) } else { folder.join(file) };
            assert!(path.exists(), "{document} links to {target}, which is not there");
            if let Some(heading) = heading {
                let text = fs::read_to_string(&path).expect("a text");
                let found =
                    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{document} links to {target}, which has no such heading");
            }
        }
    }
}

/// Everything between back-ticks, as a set of words.
fn named(document: &str) -> BTreeSet<String> {
    let text = read(document);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.split('`')
        .skip(1)
        .step_by(2)
        .flat_map(|code| code.split(|c| !is_part(c)).map(str::to_string).collect::<Vec<_>>())
        .collect()
}

/// The paths between back-ticks that the project's own files should have.
#[test]
fn every_file_that_a_document_names_is_there() {
    let ours = ["src/", "tests/", "benches/", "docs/", "scenarios/", "examples/", ".ci/", "assets/"];
    for document in DOCUMENTS {
        let text = read(document);
        for code in text.split('`').skip(1).step_by(2) {
            let ours = ours.iter().any(|start| code.starts_with(start));
            if ours && !code.contains(|c: char| c.is_whitespace() || "*<{".contains(c)) {
                let path: PathBuf = root().join(code.trim_end_matches('/'));
                assert!(path.exists(), "{document} names `{code}`, which is not there");
            }
        }
    }
}

/// Adds all names of keys and all fixed words of a schema.
fn keys_of(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                if name == "properties" {
                    keys.extend(value.as_object().into_iter().flatten().map(|(key, _)| key.clone()));
                }
                if name == "enum" {
                    keys.extend(
                        value
                            .as_array()
                            .into_iter()
                            .flatten()
                            .filter_map(|word| word.as_str())
                            .map(str::to_string),
                    );
                }
                if name == "const" {
                    keys.extend(value.as_str().map(str::to_string));
                }
                keys_of(value, keys);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}

#[test]
fn the_scenario_reference_names_every_key() {
    let schema = output("falcon schema", root());
    let mut keys = BTreeSet::new();
    keys_of(&serde_json::from_str(&schema).expect("a schema"), &mut keys);
    assert!(keys.len() > 80, "only {} keys found", keys.len());
    let named = named("docs/scenario-reference.md");
    let presets: BTreeSet<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    let missing: Vec<_> =
        keys.iter().filter(|key| !named.contains(*key) && !presets.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/scenario-reference.md does not name {missing:?}");
}

#[test]
fn every_part_of_a_policy_is_described() {
    let text = read("docs/policies.md");
    let names = ORDERS.iter().map(|part| part.name).chain(PLACES.iter().map(|part| part.name));
    let names =
        names.chain(DISPATCHES.iter().map(|part| part.name)).chain(BACKFILLS.iter().map(|part| part.name));
    for name in names.chain(PRESETS.iter().map(|preset| preset.name)) {
        assert!(text.contains(&format!("\n| `{name}` |")), "docs/policies.md has no row for `{name}`");
    }
}

#[test]
fn every_metric_is_described_with_its_unit() {
    let text = read("docs/metrics.md");
    for column in COLUMNS {
        let row = format!("\n| `{}` | {} |", column.name, column.unit);
        assert!(text.contains(&row), "docs/metrics.md has no row that begins with {row}");
    }
    for column in DRIVER_COLUMNS {
        let row = format!("\n| `{}` | {} | {} |", column.name, column.unit, column.description);
        assert!(text.contains(&row), "docs/metrics.md has no row {row}");
    }
    let named = named("docs/metrics.md");
    for columns in [fidelity::csv::FIDELITY, fidelity::csv::DIVERGENCE, fidelity::csv::SIMULATED] {
        for column in columns {
            assert!(named.contains(*column), "docs/metrics.md does not name the column `{column}`");
        }
    }
    for columns in [csv::WARMUP, differences::csv::COMPARISON] {
        for column in columns {
            assert!(named.contains(*column), "docs/metrics.md does not name the column `{column}`");
        }
    }
    for columns in [
        csv::SUMMARY,
        csv::REPLICATIONS,
        csv::TIMELINE,
        csv::NODES,
        csv::TASKS,
        csv::DISTRIBUTION,
        theory::COLUMNS,
    ] {
        for column in columns {
            assert!(named.contains(*column), "docs/metrics.md does not name the column `{column}`");
        }
    }
}
