//! From a scenario file to results: reading, checking, running.

pub mod plan;
pub mod runner;
pub mod scenario;
pub mod warning;
