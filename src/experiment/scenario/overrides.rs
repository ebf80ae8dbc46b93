//! `--set KEY=VALUE`: changes laid over the scenario's tree before it is read.

use super::diagnostics::{Diagnostic, Origin, SourceText};
use super::document::{Entry, Node, Value, parse_value};

/// The option as messages show it and the text whose places they point at.
pub(super) fn source_text(option: &str, text: &str) -> SourceText {
    SourceText { name: format!("{option} {text}"), text: text.to_string() }
}

/// Lays one `KEY=VALUE` over the tree.
///
/// The value is read as TOML; what is not TOML is taken as a bare string, so that
/// `--set run.until=settled` needs no quotes in a shell.
pub(super) fn apply(tree: &mut Node, source: usize, text: &str) -> Result<(), Diagnostic> {
    let Some((key, value)) = text.split_once('=') else {
        let at = Origin { source, start: 0, end: text.len() };
        return Err(Diagnostic::new("an override needs a value", at, "expected KEY=VALUE")
            .help("write `--set run.seed=7`; quote it if it holds spaces"));
    };
    let path = parse_path(source, key)?;
    let value = parse_setting(source, key.len() + 1, value)?;
    set(tree, &path, value)
}

/// Lays a number over the tree that an option of its own gives.
pub(super) fn put(tree: &mut Node, source: usize, path: &[&str], number: u64) -> Result<(), Diagnostic> {
    let origin = Origin { source, start: 0, end: number.to_string().len() };
    let path: Vec<Step<'_>> = path.iter().map(|name| (*name, origin)).collect();
    set(tree, &path, Node { origin, value: Value::Integer(Some(number.into())) })
}

/// A step of a path and where it stands.
type Step<'a> = (&'a str, Origin);

fn parse_path(source: usize, key: &str) -> Result<Vec<Step<'_>>, Diagnostic> {
    let mut steps = Vec::new();
    let mut start = 0;
    for part in key.split('.') {
        let name = part.trim();
        let at = start + (part.len() - part.trim_start().len());
        let origin = Origin { source, start: at, end: at + name.len() };
        if name.is_empty() {
            let whole = Origin { source, start: 0, end: key.len().max(1) };
            return Err(Diagnostic::new("an override needs a key", whole, "a part of the key is empty")
                .help("write `--set run.seed=7`"));
        }
        steps.push((name, origin));
        start += part.len() + 1;
    }
    if steps.len() > 16 {
        let whole = Origin { source, start: 0, end: key.len() };
        return Err(Diagnostic::new("nested too deeply", whole, "no key has so many parts"));
    }
    Ok(steps)
}

fn parse_setting(source: usize, offset: usize, value: &str) -> Result<Node, Diagnostic> {
    let trimmed = value.trim();
    let offset = offset + (value.len() - value.trim_start().len());
    let origin = Origin { source, start: offset, end: offset + trimmed.len() };
    match parse_value(source, offset, trimmed) {
        Ok(node) => Ok(node),
        // Someone who opens a bracket or a quote means TOML.
        Err(error) if trimmed.starts_with(['[', '{', '"', '\'']) => Err(error),
        Err(_) => Ok(Node { origin, value: Value::Text(trimmed.to_string()) }),
    }
}

fn set(tree: &mut Node, path: &[Step<'_>], value: Node) -> Result<(), Diagnostic> {
    let Some(((name, origin), rest)) = path.split_first() else {
        *tree = value;
        return Ok(());
    };
    match &mut tree.value {
        Value::List(items) => {
            let count = items.len();
            let element = name.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            let Some(element) = element else {
                let label = match count {
                    0 => "the list is empty".to_string(),
                    1 => "the list has one element, 0".to_string(),
                    _ => format!("the list has elements 0 to {}", count - 1),
                };
                let mut diagnostic = Diagnostic::new(format!("no element `{name}`"), *origin, label);
                if name.parse::<usize>().is_err() {
                    diagnostic =
                        diagnostic.help(format!("name the element by its number, such as `0.{name}`"));
                }
                return Err(diagnostic);
            };
            if !rest.is_empty() && !matches!(element.value, Value::Table(_) | Value::List(_)) {
                let label = format!("this element is {}, it has no keys", element.kind());
                return Err(Diagnostic::new(format!("cannot set a key of element `{name}`"), *origin, label));
            }
            set(element, rest, value)
        }
        Value::Table(entries) => {
            let index = entries.iter().position(|entry| entry.key == *name).unwrap_or_else(|| {
                let node = Node { origin: *origin, value: Value::Table(Vec::new()) };
                let key_origin = *origin;
                entries.push(Entry { key: name.to_string(), key_origin, touched: origin.source, node });
                entries.len() - 1
            });
            entries[index].touched = origin.source;
            set(&mut entries[index].node, rest, value)
        }
        // `duration = 1.0` in the file and `duration.exponential.mean=2` here: the table replaces it.
        _ => {
            *tree = Node { origin: *origin, value: Value::Table(Vec::new()) };
            set(tree, path, value)
        }
    }
}
