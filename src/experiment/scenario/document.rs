//! The TOML text as a tree in which every key and value knows where it was written.

use toml::de::{DeTable, DeValue};

use super::diagnostics::{Diagnostic, Origin};

/// Tables and lists nested deeper than this are refused; scenarios need about six.
const DEEPEST: usize = 64;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// `None` beyond 128 bits.
    Integer(Option<i128>),
    Float(f64),
    Boolean(bool),
    Datetime,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_origin: Origin,
    /// The last text that wrote here or below: 0 is the file, overrides follow.
    pub(super) touched: usize,
    pub(super) node: Node,
}

impl Node {
    /// What the value is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Datetime => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

/// The tree of a whole file.
pub(super) fn parse_document(source: usize, text: &str) -> Result<Node, Diagnostic> {
    let (table, errors) = DeTable::parse_recoverable(text);
    // Only the first: one missing bracket makes fifteen mistakes.
    if let Some(error) = errors.first() {
        return Err(syntax_error(source, 0, text, error));
    }
    let span = table.span();
    let table = DeValue::Table(table.into_inner());
    convert_all(Origin { source, start: span.start, end: span.end }, 0, table)
}

/// The tree of one value, which starts `offset` bytes into its text.
pub(super) fn parse_value(source: usize, offset: usize, text: &str) -> Result<Node, Diagnostic> {
    let (value, errors) = DeValue::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(syntax_error(source, offset, text, error));
    }
    let origin = Origin { source, start: offset + value.span().start, end: offset + value.span().end };
    convert_all(origin, offset, value.into_inner())
}

fn convert_all(origin: Origin, offset: usize, value: DeValue<'_>) -> Result<Node, Diagnostic> {
    // A key of a hundred thousand dots nests so deep that even dropping the tree would exhaust the
    // stack, so such a tree is given up without being dropped.
    let value = std::mem::ManuallyDrop::new(value);
    let node = convert(origin, offset, &value, 0)?;
    drop(std::mem::ManuallyDrop::into_inner(value));
    Ok(node)
}

fn convert(origin: Origin, offset: usize, value: &DeValue<'_>, depth: usize) -> Result<Node, Diagnostic> {
    if depth > DEEPEST {
        return Err(Diagnostic::new("nested too deeply", origin, format!("more than {DEEPEST} levels")));
    }
    let place = |span: std::ops::Range<usize>| Origin {
        source: origin.source,
        start: offset + span.start,
        end: offset + span.end,
    };
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            Value::Integer(i128::from_str_radix(integer.as_str(), integer.radix()).ok())
        }
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => {
            let nodes =
                items.iter().map(|item| convert(place(item.span()), offset, item.get_ref(), depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let mut entries = Vec::with_capacity(table.len());
            for (key, item) in table {
                entries.push(Entry {
                    key: key.get_ref().to_string(),
                    key_origin: place(key.span()),
                    touched: 0,
                    node: convert(place(item.span()), offset, item.get_ref(), depth + 1)?,
                });
            }
            Value::Table(entries)
        }
    };
    Ok(Node { origin, value })
}

/// Turns the parser's message into ours: what is wrong as the title, what is expected as the label.
fn syntax_error(source: usize, offset: usize, text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(text.len()..text.len());
    let at = Origin { source, start: offset + span.start, end: offset + span.end };
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, expected)) => (what, format!("expected {expected}")),
        None => (error.message(), String::new()),
    };
    let (title, expected) = match (what, expected.as_str()) {
        ("unclosed array", "expected `]`") => ("missing closing `]`", "expected `,` or `]`"),
        ("unclosed inline table", "expected `}`") => ("missing closing `}`", "expected `,` or `}`"),
        (what, expected) => (what, expected),
    };
    Diagnostic::new(title, at, expected)
}
