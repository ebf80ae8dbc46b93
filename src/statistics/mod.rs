//! What may be concluded from replications.

pub mod confidence;
pub mod equivalence;
pub mod paired;
pub mod ranking;
