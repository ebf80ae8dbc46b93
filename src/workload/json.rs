//! What the readers of JSON traces share: every mistake names the thing and the field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TraceError;
use crate::fields::shortened;
use crate::time::Time;

/// An object with a name that messages call it by.
pub(super) struct Object<'a> {
    name: String,
    fields: &'a Map<String, Value>,
}

/// A mistake in the file as a whole, or in a part that is named.
pub(super) fn mistake(message: String) -> TraceError {
    TraceError { line: 0, column: 0, message }
}

/// The whole file, which must be an object.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, TraceError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line() as u64, error.column() as u64);
        // What it says ends in the place, which is told apart.
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        TraceError { line, column, message: format!("not valid JSON: {text}") }
    })
}

impl<'a> Object<'a> {
    pub(super) fn new(name: impl Into<String>, value: &'a Value) -> Result<Object<'a>, TraceError> {
        let name = name.into();
        match value {
            Value::Object(fields) => Ok(Object { name, fields }),
            other => Err(mistake(format!("{name}: expected an object, found {}", shown(other)))),
        }
    }

    pub(super) fn wrong(&self, field: &str, message: &str) -> TraceError {
        mistake(format!("{}: `{field}`: {message}", self.name))
    }

    /// A field that may be missing; `null` is as good as none.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn needed(&self, field: &str) -> Result<&'a Value, TraceError> {
        self.get(field).ok_or_else(|| mistake(format!("{} has no field `{field}`", self.name)))
    }

    pub(super) fn object(&self, field: &str) -> Result<Object<'a>, TraceError> {
        Object::new(format!("`{field}`"), self.needed(field)?)
    }

    /// The entries of an object of objects.
    pub(super) fn entries(&self) -> &'a Map<String, Value> {
        self.fields
    }

    pub(super) fn list(&self, field: &str) -> Result<&'a [Value], TraceError> {
        match self.needed(field)? {
            Value::Array(list) => Ok(list),
            other => Err(self.wrong(field, &format!("expected a list, found {}", shown(other)))),
        }
    }

    /// A name: text, or a whole number as text.
    pub(super) fn name(&self, field: &str) -> Result<String, TraceError> {
        let value = self.needed(field)?;
        name_of(value).ok_or_else(|| self.wrong(field, &format!("expected a name, found {}", shown(value))))
    }

    /// A number of at least 0.
    pub(super) fn number(&self, field: &str) -> Result<f64, TraceError> {
        let value = self.needed(field)?;
        let number = value.as_f64().filter(|number| *number >= 0.0 && number.is_finite());
        number.ok_or_else(|| {
            self.wrong(field, &format!("expected a number of at least 0, found {}", shown(value)))
        })
    }

    /// Seconds or units of work, in billionths.
    pub(super) fn billionths(&self, field: &str) -> Result<u64, TraceError> {
        let number = self.number(field)?;
        self.in_billionths(field, number)
    }

    pub(super) fn in_billionths(&self, field: &str, number: f64) -> Result<u64, TraceError> {
        let time = Time::from_seconds(number);
        time.map(|time| time.0).ok_or_else(|| self.wrong(field, "more than 1.8e10 does not fit"))
    }
}

/// A name: text, or a whole number as text.
pub(super) fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// Positions by name, each name once.
pub(super) struct Names {
    positions: BTreeMap<String, u32>,
    what: &'static str,
}

impl Names {
    pub(super) fn new(what: &'static str) -> Names {
        Names { positions: BTreeMap::new(), what }
    }

    pub(super) fn add(&mut self, name: &str, position: u32) -> Result<(), TraceError> {
        match self.positions.insert(name.to_owned(), position) {
            None => Ok(()),
            Some(first) => Err(mistake(format!(
                "two {}s are called `{}`: number {} and number {} in the file",
                self.what,
                shortened(name),
                first + 1,
                position + 1
            ))),
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<u32> {
        self.positions.get(name).copied()
    }
}

/// A value in a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("\"{}\"", shortened(text)),
        other => other.to_string(),
    }
}
