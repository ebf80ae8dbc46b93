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
            Value::Boolean(_) => "a boolean",
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
    if let Some(error) = first(&errors) {
        return Err(syntax_error(source, 0, text, error));
    }
    let span = table.span();
    let table = DeValue::Table(table.into_inner());
    convert_all(Origin { source, start: span.start, end: span.end }, 0, table)
}

/// The tree of one value, which starts `offset` bytes into its text.
pub(super) fn parse_value(source: usize, offset: usize, text: &str) -> Result<Node, Diagnostic> {
    let (value, errors) = DeValue::parse_recoverable(text);
    if let Some(error) = first(&errors) {
        return Err(syntax_error(source, offset, text, error));
    }
    let origin = Origin { source, start: offset + value.span().start, end: offset + value.span().end };
    convert_all(origin, offset, value.into_inner())
}

fn first(errors: &[toml::de::Error]) -> Option<&toml::de::Error> {
    errors.iter().min_by_key(|error| error.span().map_or(usize::MAX, |span| span.start))
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
    let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
    let closing = match what {
        "unclosed array" | "missing comma between array elements" => Some("]"),
        "unclosed inline table" | "missing key for inline table element" => Some("}"),
        "missing comma between inline table elements" => Some("}"),
        _ => None,
    };
    // What is missing is missing after the last thing that was right, not before the next.
    let before = end_of_code(text.get(..span.start).unwrap_or(text));
    let next_line = text.get(before..span.start).is_none_or(|between| between.contains('\n'));
    // A header or a key cannot be an element: the list ended without its bracket.
    let rest = text.get(span.start..).unwrap_or("");
    let line = rest.lines().next().unwrap_or("");
    let outside = rest.is_empty() || line.starts_with('[') || line.contains('=');
    let (title, span, label) = match (closing, what) {
        (Some(bracket), _) if next_line || rest.is_empty() => {
            let title =
                if outside { format!("missing closing `{bracket}`") } else { "missing comma".to_string() };
            (title, before..before, format!("expected `,` or `{bracket}`"))
        }
        (_, "string values must be quoted")
            if text.get(span.clone()).is_none_or(|found| found.trim().is_empty()) =>
        {
            ("missing value".to_string(), span, "expected a value".to_string())
        }
        (_, "string values must be quoted") => (what.to_string(), span, "needs quotes".to_string()),
        (_, "duplicate key") => (what.to_string(), span, "given before".to_string()),
        (_, what) if expected.is_empty() => (what.to_string(), span, String::new()),
        (_, what) => (what.to_string(), span, format!("expected {expected}")),
    };
    let at = Origin { source, start: offset + span.start, end: offset + span.end };
    Diagnostic::new(title, at, label)
}

/// Where the last thing before the end of `text` ends that is neither space nor comment.
fn end_of_code(text: &str) -> usize {
    let mut end = text.len();
    loop {
        let line = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let code = without_comment(&text[line..end]).trim_end();
        if !code.is_empty() || line == 0 {
            return line + code.len();
        }
        end = line - 1;
    }
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    line
}
