//! The reader at its boundary: text in, a plan or drawn mistakes out.

mod accepted;
mod mistakes;
mod numbers;
mod overrides;
mod robustness;
mod schema;

use std::path::PathBuf;

use super::*;

/// Loads text as if it were the file `scenarios/x.toml` beside the test data.
fn load_with(text: &str, overrides: &Overrides) -> Result<Loaded, Diagnostics> {
    // Relative to the package, where tests run: messages show it.
    let base = PathBuf::from("src/experiment/scenario/tests/data");
    let source = ScenarioSource::Text { name: "scenarios/x.toml".to_string(), text: text.to_string(), base };
    load(&source, overrides)
}

fn set(settings: &[&str]) -> Overrides {
    Overrides { set: settings.iter().map(|setting| setting.to_string()).collect(), ..Overrides::default() }
}

/// What a user would see.
fn mistakes_of(text: &str, overrides: &Overrides) -> String {
    match load_with(text, overrides) {
        Ok(_) => String::new(),
        Err(diagnostics) => diagnostics.render(false),
    }
}
