//! The scenario as resolved, as TOML text: overrides applied, defaults filled in.

use serde_json::{Map, Value};

/// Keys whose elements are written as `[[key]]`.
const TABLE_LISTS: &[&str] = &["nodes", "classes", "tasks_list"];

/// The text of a whole scenario.
pub(super) fn to_toml(scenario: &Map<String, Value>) -> String {
    let mut text = String::new();
    let is_section = |key: &str, value: &Value| value.is_object() || TABLE_LISTS.contains(&key);
    for (key, value) in scenario.iter().filter(|(key, value)| !is_section(key, value)) {
        assignments(&mut text, key, value);
    }
    for (key, value) in scenario.iter().filter(|(key, value)| is_section(key, value)) {
        section(&mut text, key, value);
    }
    text
}

fn section(text: &mut String, path: &str, value: &Value) {
    let (header, tables): (String, Vec<&Value>) = match value {
        Value::Array(items) => (format!("[[{path}]]"), items.iter().collect()),
        table => (format!("[{path}]"), vec![table]),
    };
    for table in tables {
        let Value::Object(entries) = table else { continue };
        text.push_str(&format!("\n{header}\n"));
        for (key, value) in entries.iter().filter(|(key, _)| !TABLE_LISTS.contains(&key.as_str())) {
            assignments(text, key, value);
        }
        for (key, value) in entries.iter().filter(|(key, _)| TABLE_LISTS.contains(&key.as_str())) {
            section(text, &format!("{path}.{key}"), value);
        }
    }
}

/// `key = value`, with dotted keys down to the leaves as they would be given to `--set`.
fn assignments(text: &mut String, path: &str, value: &Value) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                assignments(text, &format!("{path}.{key}"), value);
            }
        }
        value => text.push_str(&format!("{path} = {}\n", inline(value))),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
