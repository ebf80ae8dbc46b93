//! Figures of a run, made from the records of the scheduler as they pass.

mod breakers;
pub mod collector;
pub mod columns;
mod detection;
pub mod driver;
pub mod histogram;
mod jobs;
mod leaders;
mod locks;
pub mod results;
pub mod task_log;
mod task_stats;
mod timeline;
mod troubles;

pub use collector::{Collected, Collector, CollectorOptions};
pub use columns::{Better, COLUMNS, Column, METRICS, Metric, MetricRow};
pub use driver::{DRIVER_COLUMNS, DriverColumn, DriverFigures};
pub use results::{
    AlarmResult, FinalState, NodeResult, PolicyResult, ReplicationResult, TailDistribution, TaskResult,
    Timeline, TimelineRow,
};
