//! Values that hold other values: lists, and alternatives that remember their place.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostics::Origin;
use super::document::{Node, Value};
use super::reader::{Found, Reader, Setting};

/// A value that knows where it was written, for alternatives that are no tables.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) at: Origin,
    pub(super) value: T,
}

impl<T: Setting> Setting for Located<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(|value| Located { at: node.origin, value })
    }

    fn write(&self) -> serde_json::Value {
        self.value.write()
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A list with at least one element.
#[derive(Clone, Debug)]
pub(super) struct Several<T> {
    /// The elements that could be read.
    pub(super) items: Vec<Found<T>>,
    /// Whether that is all of them; if not, what is wrong has been noted.
    pub(super) complete: bool,
}

impl<T: Setting> Setting for Several<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::List(list) = &node.value else {
            reader.wrong_type::<()>(node, "a list");
            if let (Value::Table(_), Some(last)) = (&node.value, reader.diagnostics.last_mut()) {
                last.help.push("a table in a list has two brackets, such as `[[nodes]]`".to_string());
            }
            return None;
        };
        if list.is_empty() {
            return reader.refuse(node, "a list of at least one element", "empty");
        }
        let mut items = Vec::with_capacity(list.len());
        for (index, item) in list.iter().enumerate() {
            let value = reader.within(&index.to_string(), |reader| T::read(item, reader));
            items.extend(value.map(|value| Found { key: item.origin, at: item.origin, value }));
        }
        let complete = items.len() == list.len();
        Some(Several { items, complete })
    }

    fn write(&self) -> serde_json::Value {
        self.items.iter().map(|found| found.value.write()).collect()
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("SeveralOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<T>(), "minItems": 1 })
    }
}
