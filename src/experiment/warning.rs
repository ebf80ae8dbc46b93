//! What a reader of a scenario or of a result must know.

use serde::{Deserialize, Serialize};

/// Something odd that does not keep a scenario from running, or a result from being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What is odd, in one sentence without a full stop.
    pub message: String,
    /// What to do, with the key or the flag.
    pub help: Option<String>,
}
