//! The plain values a key can hold that are no numbers: yes or no, texts, names.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostics::Diagnostic;
use super::document::{Node, Value};
use super::reader::{Reader, Setting};

impl Setting for bool {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.value {
            Value::Boolean(value) => Some(value),
            _ => reader.wrong_type(node, "true or false"),
        }
    }

    fn write(&self) -> serde_json::Value {
        (*self).into()
    }
}

/// Any text.
impl Setting for String {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => reader.wrong_type(node, "a string"),
        }
    }

    fn write(&self) -> serde_json::Value {
        self.as_str().into()
    }
}

/// A name: it stands in tables and files, so it is one visible line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl Setting for Name {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = String::read(node, reader)?;
        let label = if text.trim().is_empty() {
            "empty"
        } else if text.chars().any(char::is_control) {
            "holds a line break or another control character"
        } else if text.trim() != text {
            "begins or ends with a space"
        } else if text.chars().count() > 100 {
            "longer than 100 characters"
        } else {
            return Some(Name(text));
        };
        let title = format!("{} is not a name", reader.key());
        reader.report(Diagnostic::new(title, node.origin, label));
        None
    }

    fn write(&self) -> serde_json::Value {
        self.0.as_str().into()
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 100 })
    }
}
