//! From a scenario file to results: reading, checking, running.

pub mod calibrate;
pub mod compare;
pub mod fidelity;
pub mod live;
pub mod plan;
pub mod runner;
pub mod scenario;
pub mod warning;
