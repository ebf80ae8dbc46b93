//! Wrong scenarios and what is said about them, as data: `mistakes.txt`.
//!
//! `FALCON_BLESS=1 cargo test mistakes` writes the answers anew, to be read in the diff.

use super::*;

struct Case {
    name: String,
    options: Vec<String>,
    text: String,
    expected: String,
}

fn cases(data: &str) -> Vec<Case> {
    let blocks = data.split("\n=== ").map(|block| block.strip_prefix("=== ").unwrap_or(block));
    let parse = |block: &str| {
        let (name, rest) = block.split_once('\n').expect("a case has a name");
        let (given, expected) = rest.split_once("\n--->\n").expect("a case has an answer");
        let (options, lines): (Vec<&str>, Vec<&str>) = given.lines().partition(|line| line.starts_with("$ "));
        Case {
            name: name.to_string(),
            options: options.iter().map(|line| line[2..].to_string()).collect(),
            text: lines.join("\n"),
            expected: expected.trim_end().to_string(),
        }
    };
    blocks.filter(|block| !block.trim().is_empty()).map(parse).collect()
}

#[test]
fn every_wrong_scenario_gets_its_answer() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/experiment/scenario/tests/mistakes.txt");
    let data = std::fs::read_to_string(&path).expect("the cases are there");
    let bless = std::env::var_os("FALCON_BLESS").is_some();
    let (mut blessed, mut wrong) = (Vec::new(), Vec::new());
    for case in cases(&data) {
        let mut overrides = Overrides::default();
        for option in &case.options {
            match option.split_once(' ').expect("an option has a value") {
                ("--set", value) => overrides.set.push(value.to_string()),
                ("--policy", value) => overrides.policies.push(value.to_string()),
                ("--seed", value) => overrides.seed = Some(value.parse().expect("a seed")),
                (other, _) => panic!("unknown option {other}"),
            }
        }
        let found = mistakes_of(&case.text, &overrides);
        if found != case.expected {
            wrong.push(format!("{}:\n{found}\n", case.name));
        }
        let options: String = case.options.iter().map(|option| format!("$ {option}\n")).collect();
        blessed.push(format!("=== {}\n{options}{}\n--->\n{found}\n", case.name, case.text));
    }
    if bless {
        std::fs::write(&path, blessed.join("\n")).expect("the cases can be written");
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn colour_is_used_only_when_asked_for() {
    let diagnostics = load_with("seed = 1", &Overrides::default()).unwrap_err();
    assert!(!diagnostics.render(false).contains('\u{1b}'));
    assert!(diagnostics.render(true).contains('\u{1b}'));
    assert_eq!(diagnostics.to_string(), diagnostics.render(false));
}

#[test]
fn many_mistakes_are_counted_but_not_all_shown() {
    let text: String = (0..500).map(|i| format!("nonsense{i} = {i}\n")).collect();
    let drawn = mistakes_of(&text, &Overrides::default());
    assert!(drawn.ends_with("has 503 mistakes (the first 20 are shown); nothing was run"), "{drawn}");
    assert_eq!(drawn.matches("unknown key").count() + drawn.matches("missing").count(), 20);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("latin.toml");
    std::fs::write(&path, b"name = \"a\"\ndescription = \"caf\xe9\"\n").expect("a file");
    for (path, expected) in [
        (folder.path().to_path_buf(), "it is a folder, not a file"),
        (folder.path().join("none.toml"), "there is no such file"),
        (path, "latin.toml:2:19: this is not UTF-8 text"),
    ] {
        let diagnostics = load(&ScenarioSource::File(path), &Overrides::default()).unwrap_err();
        assert!(diagnostics.render(false).ends_with(expected), "{diagnostics}");
        assert_eq!(diagnostics.count(), 1);
    }
}
