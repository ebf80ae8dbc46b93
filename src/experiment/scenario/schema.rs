//! The JSON Schema of a scenario file, for editors.

use schemars::generate::SchemaSettings;

use super::keys::ScenarioTable;

/// The JSON Schema (draft-07) of a scenario file.
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<ScenarioTable>();
    schema.insert("title".to_string(), "falcon scenario".into());
    schema.into()
}
