//! From a scenario file to results: reading, checking, running.

pub mod best;
pub mod bounds;
pub mod calibrate;
pub mod cells;
pub mod check;
pub mod compare;
pub mod conduct;
pub mod differences;
pub mod fidelity;
pub mod live;
mod parallel;
pub mod plan;
pub mod runner;
pub mod scenario;
pub mod sweep;
pub mod theory;
pub mod warmup;
pub mod warning;
