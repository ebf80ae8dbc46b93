//! `falcon schema`: prints the JSON Schema of scenario files.

use super::{Outcome, print};
use crate::experiment::scenario;

pub(super) fn schema() -> Outcome {
    print(&format!("{}\n", serde_json::to_string_pretty(&scenario::schema())?))
}
