//! What is wrong with a result, and what to do about it.

use serde::{Deserialize, Serialize};

/// Something a reader of a result must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do, with the key or the flag.
    pub help: Option<String>,
}
