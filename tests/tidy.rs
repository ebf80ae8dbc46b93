//! The rules of the house, read off the sources: who may import whom, what stays out of the lower
//! floors, how long files are, and what every policy says about itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use falcon::policies::registry::{BACKFILLS, ORDERS, PLACES};

/// What stands on which floor. A file imports its own folder and lower floors only, so that folders
/// of one floor never import each other; the files of floor 0 are small enough to be one folder.
const FLOORS: &[(u32, &[&str])] = &[
    (0, &["time", "ids", "random", "distribution", "fields", "structures"]),
    (1, &["scheduler"]),
    (2, &["policies", "workload", "faults"]),
    (3, &["world", "metrics", "statistics", "theory", "audit"]),
    (4, &["sim", "live"]),
    (5, &["experiment"]),
    (6, &["report"]),
    (7, &["cli"]),
];

/// The first floor that talks to the outside.
const OUTSIDE: u32 = 4;

const MOST_LINES: usize = 500;

fn floor_of(part: &str) -> Option<u32> {
    FLOORS.iter().find(|(_, parts)| parts.contains(&part)).map(|(floor, _)| *floor)
}

struct Source {
    /// Relative to the project.
    path: PathBuf,
    text: String,
}

impl Source {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The module path below the crate: `["policies", "place", "random"]`.
    fn module(&self) -> Vec<String> {
        let path = self.path.strip_prefix("src").expect("a source").with_extension("");
        let mut parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        parts
    }

    /// The part of the house the file belongs to; `None` for `lib.rs` and `main.rs`, the roof.
    fn part(&self) -> Option<String> {
        let module = self.module();
        (module != ["lib"] && module != ["main"]).then(|| module[0].clone())
    }

    /// Lines of code, without comments, each with its number.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
    }

    /// The comment on top of the file.
    fn top(&self) -> String {
        self.text.lines().map_while(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join("\n")
    }
}

fn read_all(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut sources) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                let path = path.strip_prefix(root).expect("below the project").to_path_buf();
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn sources() -> Vec<Source> {
    let sources = read_all("src");
    assert!(sources.len() > 50, "the sources are there");
    sources
}

/// The sources that must not know the outside.
fn below_the_drivers() -> Vec<Source> {
    let below =
        |source: &Source| source.part().and_then(|part| floor_of(&part)).is_some_and(|floor| floor < OUTSIDE);
    sources().into_iter().filter(below).collect()
}

/// Names that follow `prefix` in the text; `prefix{a, b::c}` names a and b.
fn named_after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let identifier = |text: &'a str| -> &'a str {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        &text[..end]
    };
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(identifier(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (index, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && !c.is_whitespace() => {
                    names.push(identifier(&group[index..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn names_are_found_where_they_hide() {
    assert_eq!(named_after("use crate::sim::{run, x};", "crate::"), ["sim"]);
    assert_eq!(
        named_after("use crate::{ids::{A, B}, time::T,\n random};", "crate::"),
        ["ids", "time", "random"]
    );
    assert_eq!(named_after("$crate::experiment::y(crate::metrics::Z)", "crate::"), ["experiment", "metrics"]);
}

#[test]
fn files_import_their_own_folder_and_lower_floors_only() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some(part) = source.part() else { continue };
        let Some(floor) = floor_of(&part) else {
            broken.push(format!("{}: `{part}` stands on no floor", source.name()));
            continue;
        };
        let code: String = source.code().map(|(_, line)| format!("{line}\n")).collect();
        // As many `super` as there are modules around lead to the root of the crate too.
        let root = "super::".repeat(source.module().len());
        let mut imported: BTreeSet<&str> = named_after(&code, "crate::").into_iter().collect();
        imported.extend(named_after(&code, &root).into_iter().filter(|name| floor_of(name).is_some()));
        for other in imported {
            let Some(below) = floor_of(other) else {
                broken.push(format!("{} imports `{other}`, which stands on no floor", source.name()));
                continue;
            };
            if other != part && (below > floor || (below == floor && floor > 0)) {
                broken.push(format!("{} (floor {floor}) imports `{other}` (floor {below})", source.name()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Below the drivers nothing may depend on the host: not on its clock, files, network, threads or
/// environment, nor on a hash map's order.
#[test]
fn the_lower_floors_do_not_know_the_host() {
    const BANNED: &[&str] = &[
        "Instant",
        "SystemTime",
        "HashMap",
        "HashSet",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "rand::rng",
        "thread_rng",
        "println!",
        "eprintln!",
        "print!",
        "dbg!",
        "rayon",
    ];
    let mut broken = Vec::new();
    for source in &below_the_drivers() {
        for (number, line) in source.code() {
            broken.extend(
                BANNED
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{}:{number}: {word} below the drivers", source.name())),
            );
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Nothing below the drivers may ask which of them drives it: that is what makes a live run say
/// something about a simulated one.
#[test]
fn nothing_below_the_drivers_knows_which_one_drives() {
    let mut broken = Vec::new();
    for source in &below_the_drivers() {
        for (number, line) in source.code() {
            // Text in quotes describes; names decide.
            let names: String = line.split('"').step_by(2).collect();
            let words = names.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
            let asks = |word: String| word.starts_with("simulat") || word == "sim" || word == "live";
            if words.into_iter().any(asks) {
                broken.push(format!("{}:{number}: {}", source.name(), line.trim()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), source.name()))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, name)| format!("{name} has {lines} lines, more than {MOST_LINES}"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!") && !source.name().ends_with("tests.rs"))
        .map(Source::name)
        .collect();
    assert!(silent.is_empty(), "no comment on top: {}", silent.join(", "));
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here so that this file does not find itself.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["X", "XX"].concat()];
    for folder in ["src", "tests", "examples", "benches"] {
        for source in read_all(folder) {
            for mark in &marks {
                assert!(!source.text.contains(mark.as_str()), "{} has a {mark}", source.name());
            }
        }
    }
}

#[test]
fn unsafe_code_says_why_it_is_sound() {
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if line.trim_start().starts_with("unsafe ") {
                let before = &lines[index.saturating_sub(5)..index];
                let explained = before.iter().any(|line| line.contains("SAFETY:"));
                assert!(explained, "{}:{}: unsafe code without a reason", source.name(), index + 1);
            }
        }
    }
}

/// One algorithm per file; each says where it comes from, what it costs and when not to use it, and
/// is in the registry under the file's name.
#[test]
fn policies_introduce_themselves() {
    let sources = sources();
    let registered: [(&str, &str, Vec<&str>); 3] = [
        ("order", "Order", ORDERS.iter().map(|part| part.name).collect()),
        ("place", "Place", PLACES.iter().map(|part| part.name).collect()),
        // Without backfilling there is nothing to write in a file.
        (
            "backfill",
            "Backfill",
            BACKFILLS.iter().map(|part| part.name).filter(|name| *name != "none").collect(),
        ),
    ];
    for (folder, role, names) in registered {
        let mut found = BTreeSet::new();
        for source in &sources {
            let module = source.module();
            let [policies, inside, file] = &module[..] else { continue };
            let plays = source.text.contains(&format!("impl {role} for "));
            if policies != "policies" || inside != folder || !plays {
                continue;
            }
            for said in ["Source:", "Cost:", "bad idea"] {
                assert!(source.top().contains(said), "{} does not say its \"{said}\"", source.name());
            }
            found.insert(file.replace('_', "-"));
        }
        let names: BTreeSet<String> = names.into_iter().map(String::from).collect();
        assert_eq!(found, names, "files in policies/{folder} and names in the registry");
    }
}
