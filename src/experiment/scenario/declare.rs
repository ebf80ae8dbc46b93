//! Writes a table of the scenario down once; the reader, the JSON Schema and the scenario as
//! resolved all come from that.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::reader::{Key, Setting};

/// The name of a key: the field's, unless the field says otherwise.
macro_rules! key_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// A table whose keys may all be left out; `= value` is the default of a key.
macro_rules! table {
    ($(#[doc = $about:literal])+ $name:ident, $shown:literal {
        $($(#[doc = $doc:literal])+ $field:ident $(as $key:literal)?: $type:ty $(= $default:expr)?;)*
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(super) struct $name { $($(#[doc = $doc])+ pub(super) $field: $crate::experiment::scenario::reader::Key<$type>,)* }

        impl $name {
            /// Names of its keys.
            pub(super) const KEYS: &[&str] = &[$($crate::experiment::scenario::declare::key_name!($field $($key)?)),*];
            /// How messages name it.
            pub(super) const SHOWN: &str = $shown;
        }

        impl Default for $name {
            fn default() -> Self {
                use $crate::experiment::scenario::reader::Key;
                $name { $($field: {
                    let key: Key<$type> = Key::Absent;
                    $(let _ = key; let key: Key<$type> = Key::Default($default);)?
                    key
                },)* }
            }
        }

        impl $crate::experiment::scenario::reader::Setting for $name {
            fn read(
                node: &$crate::experiment::scenario::document::Node,
                reader: &mut $crate::experiment::scenario::reader::Reader,
            ) -> Option<Self> {
                let mut table = $name::default();
                for entry in reader.table(node, Self::KEYS)? {
                    $(if entry.key == $crate::experiment::scenario::declare::key_name!($field $($key)?) {
                        table.$field = reader.entry(entry);
                        continue;
                    })*
                    reader.unknown_key(entry, Self::SHOWN, Self::KEYS);
                }
                Some(table)
            }

            fn write(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $(if let Some(value) = self.$field.value() {
                    let key = $crate::experiment::scenario::declare::key_name!($field $($key)?);
                    object.insert(key.to_string(), value.write());
                })*
                serde_json::Value::Object(object)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let defaults = $name::default();
                let mut properties = serde_json::Map::new();
                $(properties.insert(
                    $crate::experiment::scenario::declare::key_name!($field $($key)?).to_string(),
                    $crate::experiment::scenario::declare::property(generator, &[$($doc),+], Some(&defaults.$field)).into(),
                );)*
                $crate::experiment::scenario::declare::object(&[$($about),+], properties, &[])
            }
        }
    };
}

/// A small table whose keys must all be given, such as the parameters of a distribution.
macro_rules! parameters {
    ($(#[doc = $about:literal])+ $name:ident $(<$unit:ident>)?, $shown:literal {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty;)*
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub(super) struct $name $(<$unit: Unit>)? {
            $($(#[doc = $doc])+ pub(super) $field: $crate::experiment::scenario::reader::Found<$type>,)*
        }

        impl$(<$unit: Unit>)? $crate::experiment::scenario::reader::Setting for $name $(<$unit>)? {
            fn read(
                node: &$crate::experiment::scenario::document::Node,
                reader: &mut $crate::experiment::scenario::reader::Reader,
            ) -> Option<Self> {
                use $crate::experiment::scenario::reader::Key;
                const KEYS: &[&str] = &[$(stringify!($field)),*];
                $(let mut $field: Key<$type> = Key::Absent;)*
                for entry in reader.table(node, KEYS)? {
                    match entry.key.as_str() {
                        $(stringify!($field) => $field = reader.entry(entry),)*
                        _ => reader.unknown_key(entry, $shown, KEYS),
                    }
                }
                // All that is missing is said before giving up.
                $(if matches!($field, Key::Absent) {
                    reader.missing_key(node.origin, stringify!($field), $shown);
                })*
                $(let Key::Found($field) = $field else { return None };)*
                Some($name { $($field),* })
            }

            fn write(&self) -> serde_json::Value {
                let mut object = serde_json::Map::new();
                $(object.insert(stringify!($field).to_string(), self.$field.value.write());)*
                serde_json::Value::Object(object)
            }
        }

        impl$(<$unit: Unit>)? schemars::JsonSchema for $name $(<$unit>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $(properties.insert(
                    stringify!($field).to_string(),
                    $crate::experiment::scenario::declare::property::<$type>(generator, &[$($doc),+], None).into(),
                );)*
                $crate::experiment::scenario::declare::object(&[$($about),+], properties, &[$(stringify!($field)),*])
            }
        }
    };
}

/// A table that names exactly one of several alternatives; `bare` is what may stand in place of
/// the table.
macro_rules! choice {
    ($(#[doc = $about:literal])+ $name:ident $(<$unit:ident>)?, $shown:literal,
     $(bare $bare:ident: $bare_type:ty,)? {
        $($(#[doc = $doc:literal])+ $variant:ident $key:literal: $type:ty;)*
    }) => {
        $(#[doc = $about])+
        // A scenario holds a handful of these; boxing would only blur them.
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug)]
        pub(super) enum $name $(<$unit: Unit>)? {
            $(#[doc = "Written without a table."] $bare($bare_type),)?
            $($(#[doc = $doc])+ $variant($type),)*
        }

        impl$(<$unit: Unit>)? $name $(<$unit>)? {
            /// Names of the alternatives.
            pub(super) const NAMES: &[&str] = &[$($key),*];
        }

        impl$(<$unit: Unit>)? $crate::experiment::scenario::reader::Setting for $name $(<$unit>)? {
            fn read(
                node: &$crate::experiment::scenario::document::Node,
                reader: &mut $crate::experiment::scenario::reader::Reader,
            ) -> Option<Self> {
                $(if !matches!(
                    node.value,
                    $crate::experiment::scenario::document::Value::Table(_)
                        | $crate::experiment::scenario::document::Value::List(_)
                ) {
                    let before = reader.diagnostics.len();
                    let read = <$bare_type as $crate::experiment::scenario::reader::Setting>::read(node, reader);
                    if let Some(diagnostic) = reader.diagnostics.get_mut(before) {
                        let names = $crate::experiment::scenario::reader::quoted(Self::NAMES);
                        diagnostic.help.push(format!("or a table with one of {names}"));
                    }
                    return read.map(Self::$bare);
                })?
                let entry = reader.alternative(node, $shown, Self::NAMES)?;
                reader.within(&entry.key, |reader| match entry.key.as_str() {
                    $($key => {
                        $crate::experiment::scenario::reader::Setting::read(&entry.node, reader).map(Self::$variant)
                    })*
                    _ => None,
                })
            }

            fn write(&self) -> serde_json::Value {
                match self {
                    $(Self::$bare(value) => $crate::experiment::scenario::reader::Setting::write(value),)?
                    $(Self::$variant(value) => $crate::experiment::scenario::declare::tagged(
                        $key,
                        $crate::experiment::scenario::reader::Setting::write(value),
                    ),)*
                }
            }
        }

        impl$(<$unit: Unit>)? schemars::JsonSchema for $name $(<$unit>)? {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                let name = stringify!($name);
                $(let name = format!("{name}Of{}", $unit::NAME);)?
                name.into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $(properties.insert(
                    $key.to_string(),
                    $crate::experiment::scenario::declare::property::<$type>(generator, &[$($doc),+], None).into(),
                );)*
                let bare: Vec<schemars::Schema> = vec![$(generator.subschema_for::<$bare_type>())?];
                $crate::experiment::scenario::declare::alternatives(&[$($about),+], properties, bare)
            }
        }
    };
}

/// A value that is one of a few words.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $doc:literal])+ $variant:ident $word:literal;)*
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name { $($(#[doc = $doc])+ $variant,)* }

        impl $crate::experiment::scenario::reader::Setting for $name {
            fn read(
                node: &$crate::experiment::scenario::document::Node,
                reader: &mut $crate::experiment::scenario::reader::Reader,
            ) -> Option<Self> {
                const WORDS: &[&str] = &[$($word),*];
                match &node.value {
                    $($crate::experiment::scenario::document::Value::Text(text) if text == $word => Some($name::$variant),)*
                    $crate::experiment::scenario::document::Value::Text(text) => {
                        reader.unknown_word(node, text, WORDS)
                    }
                    _ => {
                        let expected = format!("one of {}", $crate::experiment::scenario::reader::quoted(WORDS));
                        reader.wrong_type(node, &expected)
                    }
                }
            }

            fn write(&self) -> serde_json::Value {
                match self { $($name::$variant => $word.into(),)* }
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "description": $crate::experiment::scenario::declare::prose(&[$($about),+]),
                    "enum": [$($word),*],
                })
            }
        }
    };
}

pub(super) use {choice, key_name, parameters, table, words};

/// Doc lines as one paragraph.
pub(super) fn prose(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A value under its alternative's name.
pub(super) fn tagged(key: &str, value: serde_json::Value) -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::from_iter([(key.to_string(), value)]))
}

/// The schema of one key: its type, what it means, and its default.
pub(super) fn property<T: Setting>(
    generator: &mut SchemaGenerator,
    doc: &[&str],
    key: Option<&Key<T>>,
) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    schema.insert("description".to_string(), prose(doc).into());
    if let Some(Key::Default(value)) = key {
        schema.insert("default".to_string(), value.write());
    }
    schema
}

/// The schema of a table.
pub(super) fn object(
    about: &[&str],
    properties: serde_json::Map<String, serde_json::Value>,
    required: &[&str],
) -> Schema {
    let mut schema = json_schema!({
        "type": "object",
        "description": prose(about),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema.insert("required".to_string(), required.into());
    }
    schema
}

/// The schema of a table of alternatives.
pub(super) fn alternatives(
    about: &[&str],
    properties: serde_json::Map<String, serde_json::Value>,
    mut bare: Vec<Schema>,
) -> Schema {
    bare.push(json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    }));
    json_schema!({ "description": prose(about), "anyOf": bare })
}
