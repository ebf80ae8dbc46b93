//! What may be concluded from replications.

pub mod confidence;
pub mod paired;
