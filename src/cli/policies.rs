//! `falcon policies`: lists the presets and the parts that policies are made of, or tells what one of
//! them does.

use std::fmt::Write;

use super::{Failure, Outcome, print};
use crate::experiment::scenario::{nearest, schema};
use crate::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES, PRESETS, Part, Preset};

pub(super) fn policies(name: Option<&str>) -> Outcome {
    let Some(name) = name else { return print(&listing()) };
    match stories(name) {
        Some(text) => print(&text),
        None => {
            let known = all_names();
            let near = nearest(name, known.iter().copied());
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            Err(Failure::Usage(format!(
                "no preset or part is called `{name}`; {near}`falcon policies` lists all"
            )))
        }
    }
}

fn all_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    names.extend(ORDERS.iter().map(|part| part.name));
    names.extend(PLACES.iter().map(|part| part.name));
    names.extend(DISPATCHES.iter().map(|part| part.name));
    names.extend(BACKFILLS.iter().map(|part| part.name));
    names
}

/// All that goes by this name: a preset and a part often share one.
fn stories(name: &str) -> Option<String> {
    let preset = PRESETS.iter().find(|preset| preset.name == name);
    let stories = [
        preset.map(|preset| format!("preset `{name}`: {}\n", made_of(preset))),
        story("order", name, ORDERS),
        story("place", name, PLACES),
        story("dispatch", name, DISPATCHES),
        story("backfill", name, BACKFILLS),
    ];
    let stories: Vec<String> = stories.into_iter().flatten().collect();
    (!stories.is_empty()).then(|| stories.join("\n"))
}

fn story<S>(kind: &str, name: &str, parts: &[Part<S>]) -> Option<String> {
    let part = parts.iter().find(|part| part.name == name)?;
    let mut text = format!("{kind} `{name}`: {}\n\n{}\n", part.summary, indented(&part.story()));
    let options = options(kind, name);
    if !options.is_empty() {
        text.push_str("\n  options\n");
        for (key, default, description) in options {
            let _ = writeln!(text, "    {key:<18}{description} Default: {default}.");
        }
    }
    Some(text)
}

/// Key, default and meaning of a part's options, from the schema of scenario files.
fn options(kind: &str, name: &str) -> Vec<(String, String, String)> {
    let schema = schema();
    let definitions = &schema["definitions"];
    let resolve = |value: &serde_json::Value| {
        let target = value["$ref"].as_str().and_then(|path| path.rsplit('/').next().map(str::to_string));
        target.map_or_else(|| value.clone(), |target| definitions[target.as_str()].clone())
    };
    let kind = match kind {
        "order" => "Order",
        "place" => "Place",
        "dispatch" => "DispatchKind",
        _ => "Backfill",
    };
    let own = resolve(&definitions[kind]["anyOf"][1]["properties"][name]);
    // Some take a value in place of their table of options.
    let alternatives = own["anyOf"].as_array().into_iter().flatten().map(&resolve);
    let own = alternatives.into_iter().find(|own| own["properties"].is_object()).unwrap_or(own);
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "none".to_string(),
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let properties = own["properties"].as_object().cloned().unwrap_or_default();
    let about = |option: &serde_json::Value| option["description"].as_str().unwrap_or_default().to_string();
    properties.iter().map(|(key, option)| (key.clone(), text(&option["default"]), about(option))).collect()
}

fn indented(text: &str) -> String {
    let indent = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
    text.lines().map(indent).collect::<Vec<_>>().join("\n")
}

/// The parts of a preset.
fn made_of(preset: &Preset) -> String {
    let policy = preset.policy();
    let backfill = match name_of(BACKFILLS, &policy.backfill) {
        "none" => String::new(),
        backfill => format!(", backfill {backfill}"),
    };
    format!(
        "order {}, place {}, dispatch {}{backfill}",
        name_of(ORDERS, &policy.order),
        name_of(PLACES, &policy.place),
        name_of(DISPATCHES, &policy.dispatch)
    )
}

fn listing() -> String {
    let mut text = String::from("presets (a bare name in `policies`)\n");
    for preset in PRESETS {
        let _ = writeln!(text, "  {:<30}{}", preset.name, made_of(preset));
    }
    section(&mut text, "order: which waiting task goes next", ORDERS);
    section(&mut text, "place: which node takes it", PLACES);
    section(&mut text, "dispatch: when a task is bound to a node", DISPATCHES);
    section(&mut text, "backfill: whether tasks may overtake a blocked head", BACKFILLS);
    text.push_str(
        "\na policy of your own: { name = \"...\", order = \"sjf\", place = \"least-loaded\", dispatch = \"push\" };\n\
         what it leaves out is that of `fifo`; `falcon policies NAME` tells what NAME does\n",
    );
    text
}

fn section<S>(text: &mut String, title: &str, parts: &[Part<S>]) {
    let _ = writeln!(text, "\n{title}");
    for part in parts {
        let _ = writeln!(text, "  {:<30}{}", part.name, part.summary);
    }
}

/// The name of a part, whatever its options.
fn name_of<S: PartialEq>(parts: &[Part<S>], spec: &S) -> &'static str {
    let same = |part: &&Part<S>| std::mem::discriminant(&part.spec) == std::mem::discriminant(spec);
    parts.iter().find(same).map_or("?", |part| part.name)
}

#[cfg(test)]
mod tests {
    use super::listing;

    #[test]
    fn every_preset_is_made_of_named_parts() {
        let text = listing();
        assert!(!text.contains('?'), "{text}");
        assert!(text.contains(
            "easy-backfill                 order fifo, place first-fit, dispatch pull, backfill easy"
        ));
    }
}
