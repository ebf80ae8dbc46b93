//! No input makes the reader panic, loop or exhaust the stack.

use proptest::prelude::*;

use super::*;

/// Loads text and, if it is wrong, draws what is wrong in both ways.
fn survive(text: &str) {
    if let Err(diagnostics) = load_with(text, &Overrides::default()) {
        assert!(diagnostics.count() > 0);
        assert!(!diagnostics.render(false).is_empty());
        assert!(!diagnostics.render(true).is_empty());
    }
}

const TOKENS: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\"",
    "'",
    "\"\"\"",
    "#",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "é",
    "日本",
    "🦀",
    "-",
    "+",
    "_",
    "0",
    "1",
    "1e999",
    "nan",
    "inf",
    "true",
    "0x",
    "0xFFFFFFFFFFFFFFFFFFFF",
    "1979-05-27",
    "nodes",
    "[[nodes]]\n",
    "workload",
    "policies",
    "policies = [\"sjf\"]\n",
    "\"sjf\"",
    "up = 1\n",
    "classes",
    "[[workload.classes]]\n",
    "tasks_list = [{ work = 1 }]\n",
    "trace.swf = \"x\"\n",
    "duration",
    "batch",
    "\\u0000",
    "\\",
    "\"250ms\"",
    "hyperexponential = { p = [1], mean = [1] }\n",
];

/// Cuts, repeats and mixes a text at random places.
fn mutated() -> impl Strategy<Value = String> {
    let originals = prop::sample::select(accepted::scenarios());
    let edit =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8, prop::sample::select(TOKENS));
    (originals, prop::collection::vec(edit, 1..6)).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (from, length, kind, token) in edits {
            let at = from.index(chars.len() + 1);
            let end = (at + length.index(20)).min(chars.len());
            match kind {
                0 => drop(chars.drain(at..end)),
                1 => drop(chars.splice(at..at, token.chars())),
                2 => drop(chars.splice(at..end, token.chars())),
                _ => {
                    let piece: Vec<char> = chars[at..end].to_vec();
                    chars.splice(at..at, piece);
                }
            }
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survive(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_tokens_never_panic(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..40)) {
        survive(&tokens.concat());
    }

    #[test]
    fn mutated_scenarios_never_panic(text in mutated()) {
        survive(&text);
    }

    #[test]
    fn random_overrides_never_panic(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..10)) {
        let overrides = set(&[&tokens.concat(), &format!("workload.{}", tokens.concat())]);
        if let Err(diagnostics) = load_with(starter(), &overrides) {
            assert!(!diagnostics.render(true).is_empty());
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = 100_000;
    for text in [
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}1{}", "{ a = ".repeat(deep), "}".repeat(deep)),
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]\nb = 1", "a.".repeat(deep)),
        format!("x = {{ {}a = 1 }}", "a.".repeat(deep)),
    ] {
        survive(&text);
    }
    let setting = format!("{}a=1", "a.".repeat(deep));
    let drawn = mistakes_of(starter(), &set(&[&setting]));
    assert!(drawn.starts_with("error: nested too deeply"), "{}", &drawn[..200]);
    survive_override(&format!("a={}1{}", "[".repeat(deep), "]".repeat(deep)));
    survive_override(&format!("a={{ {}a = 1 }}", "a.".repeat(deep)));
}

fn survive_override(setting: &str) {
    assert!(!mistakes_of(starter(), &set(&[setting])).is_empty());
}

#[test]
fn large_files_are_read_in_reasonable_time() {
    let tasks: String = (0..50_000).map(|i| format!("  {{ arrival = {i}, work = 1 }},\n")).collect();
    let text = format!("policies = [\"sjf\"]\n[[nodes]]\n[workload]\ntasks_list = [\n{tasks}]\n");
    assert_eq!(load_with(&text, &Overrides::default()).unwrap().plan.workload.tasks(), 50_000);
    let wrong = text.replace("work = 1 ", "work = -1 ");
    assert!(mistakes_of(&wrong, &Overrides::default()).contains("has 50,000 mistakes"));
    survive(&text.replace('\n', " "));
    survive(&"a".repeat(1_000_000));
    survive(&format!("policies = [{}]", "\"sjf\",".repeat(3000)));
}

#[test]
fn odd_texts_are_read_as_toml_says() {
    let plain = "policies = [\"sjf\"]\n[[nodes]]\n[workload]\ntasks = 5\nduration = 1\n";
    for text in [plain.replace('\n', "\r\n"), format!("\u{feff}{plain}"), plain.trim_end().to_string()] {
        assert_eq!(Plan::from_toml(&text).unwrap(), Plan::from_toml(plain).unwrap(), "{text:?}");
    }
}
