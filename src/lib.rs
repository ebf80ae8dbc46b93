//! falcon: a discrete-event simulator and benchmark harness for distributed task scheduling.

pub mod cli;
pub mod distribution;
pub mod experiment;
pub mod faults;
pub mod ids;
pub mod metrics;
pub mod policies;
pub mod random;
pub mod report;
pub mod scheduler;
pub mod sim;
pub mod statistics;
pub mod structures;
pub mod time;
pub mod workload;
