//! The JSON Schema and the reader say the same about every key.

use serde_json::Value as Json;

use super::*;

/// A key that the schema knows, as `--set` names it.
pub(super) struct Leaf {
    pub(super) path: String,
    pub(super) schema: Json,
}

/// Every key and every table of the schema, lists by their first element.
pub(super) fn walk() -> (Vec<Leaf>, Vec<String>) {
    let root = schema();
    let (mut leaves, mut tables) = (Vec::new(), Vec::new());
    visit(&root, &root, "", &mut leaves, &mut tables);
    (leaves, tables)
}

fn resolve<'a>(root: &'a Json, mut schema: &'a Json) -> &'a Json {
    while let Some(reference) = schema["$ref"].as_str() {
        schema = root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
    }
    schema
}

fn visit(root: &Json, schema: &Json, path: &str, leaves: &mut Vec<Leaf>, tables: &mut Vec<String>) {
    let schema = resolve(root, schema);
    for group in ["anyOf", "allOf"] {
        for part in schema[group].as_array().into_iter().flatten() {
            visit(root, part, path, leaves, tables);
        }
    }
    if let Some(properties) = schema["properties"].as_object() {
        // Where names are free, none is unknown.
        if schema["additionalProperties"] == false {
            tables.push(path.to_string());
        }
        for (key, property) in properties {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            visit(root, property, &path, leaves, tables);
        }
    } else if schema["items"].is_object() {
        visit(root, &schema["items"], &format!("{path}.0"), leaves, tables);
    } else if schema["anyOf"].is_null() && schema["allOf"].is_null() {
        leaves.push(Leaf { path: path.to_string(), schema: schema.clone() });
    }
}

/// A file with an element in every list, so that overrides of elements lead somewhere.
pub(super) const LISTS: &str = "policies = [{}]
[faults]
outages = [{}]
slow = [{ share = 1, start = 0, end = 1, factor = 2 }]
pauses = [{ share = 1, start = 0, end = 1 }]
partitions = [{ share = 1, start = 0, end = 1 }]
[[nodes]]
[workload]
classes = [{}]
tasks_list = [{}]
";

/// Sets one key; lists of numbers get their element by a list.
pub(super) fn setting(path: &str, value: &str) -> String {
    let named = [
        "policies.0",
        "nodes.0",
        "outages.0",
        "classes.0",
        "tasks_list.0",
        "slow.0",
        "pauses.0",
        "partitions.0",
    ];
    match path.strip_suffix(".0") {
        Some(list) if !named.iter().any(|named| path.ends_with(named)) => format!("{list}=[{value}]"),
        _ => format!("{path}={value}"),
    }
}

#[test]
fn the_reader_knows_every_key_of_the_schema() {
    let (leaves, _) = walk();
    assert!(leaves.len() > 200, "{}", leaves.len());
    for leaf in &leaves {
        let drawn = mistakes_of(LISTS, &set(&[&setting(&leaf.path, "1979-05-27")]));
        let option = format!("--set {}", setting(&leaf.path, "1979-05-27"));
        assert!(drawn.contains(&format!("--> {option}:1:")), "{option}\n{drawn}");
        assert!(!drawn.contains("unknown"), "{option}\n{drawn}");
    }
}

#[test]
fn the_reader_knows_no_key_that_the_schema_does_not() {
    let (_, tables) = walk();
    for table in tables {
        let key = if table.is_empty() { "xyzzy".to_string() } else { format!("{table}.xyzzy") };
        let drawn = mistakes_of(LISTS, &set(&[&format!("{key}=1")]));
        let line = drawn.lines().find(|line| line.starts_with("error: unknown") && line.contains("`xyzzy`"));
        assert!(line.is_some(), "{key}\n{drawn}");
    }
}

#[test]
fn every_accepted_scenario_satisfies_the_schema() {
    let root = schema();
    for text in accepted::scenarios() {
        let value: toml::Table = match text.parse() {
            Ok(table) => table,
            // The largest seed is beyond what other readers of TOML hold.
            Err(_) => text.replace("18446744073709551615", "1").parse().unwrap(),
        };
        let value = serde_json::to_value(value).unwrap();
        validate(&root, &root, &value, "").unwrap_or_else(|error| panic!("{text}\n{error}"));
    }
    let bad = serde_json::json!({ "nodes": [{ "count": 0 }] });
    assert!(validate(&root, &root, &bad, "").is_err());
}

#[test]
fn the_schema_is_draft_07_with_meanings_bounds_and_defaults() {
    let root = schema();
    assert_eq!(root["$schema"], "http://json-schema.org/draft-07/schema#");
    let run = resolve(&root, root.pointer("/definitions/RunTable").unwrap());
    assert_eq!(run["properties"]["replications"]["default"], 10);
    assert_eq!(run["properties"]["replications"]["minimum"], 1);
    assert_eq!(
        run["properties"]["seed"]["description"],
        "Seed of the first replication; replication i has seed + i."
    );
    assert_eq!(run["additionalProperties"], false);
}

#[test]
fn the_starter_names_its_schema_and_loads() {
    assert!(starter().starts_with("#:schema "));
    assert_eq!(load_with(starter(), &Overrides::default()).unwrap().warnings, []);
}

/// The part of draft-07 that our schema uses.
fn validate(root: &Json, schema: &Json, value: &Json, path: &str) -> Result<(), String> {
    let schema = resolve(root, schema);
    let fail = |what: &str| Err(format!("{path}: {what}: {value}"));
    if let Some(kind) = schema["type"].as_str() {
        let right = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            // Draft-07 counts 1.0 as an integer.
            "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
            other => panic!("unexpected type {other}"),
        };
        if !right {
            return fail(kind);
        }
    }
    if let Some(options) = schema["enum"].as_array()
        && !options.contains(value)
    {
        return fail("none of the words");
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        return fail("not the word");
    }
    if let Some(number) = value.as_f64() {
        let bound = |name: &str| schema[name].as_f64();
        if bound("minimum").is_some_and(|low| number < low)
            || bound("exclusiveMinimum").is_some_and(|low| number <= low)
            || bound("maximum").is_some_and(|high| number > high)
        {
            return fail("out of bounds");
        }
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            validate(root, &schema["items"], item, &format!("{path}.{index}"))?;
        }
    }
    if let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for (key, value) in object {
            let free = Some(&schema["additionalProperties"]).filter(|schema| schema.is_object());
            let Some(property) = properties.get(key).or(free) else {
                return fail(&format!("unknown key {key}"));
            };
            validate(root, property, value, &format!("{path}.{key}"))?;
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !object.contains_key(key) {
                return fail(&format!("missing {key}"));
            }
        }
        let count = object.len() as u64;
        if schema["minProperties"].as_u64().is_some_and(|least| count < least)
            || schema["maxProperties"].as_u64().is_some_and(|most| count > most)
        {
            return fail("number of keys");
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        validate(root, part, value, path)?;
    }
    if let Some(parts) = schema["anyOf"].as_array() {
        let failures: Vec<String> =
            parts.iter().filter_map(|part| validate(root, part, value, path).err()).collect();
        if failures.len() == parts.len() {
            return Err(failures.join("\n"));
        }
    }
    Ok(())
}
