//! Figures of a run, made from the records of the scheduler as they pass.

mod batches;
mod breakers;
pub mod collector;
pub mod columns;
mod compensations;
mod copies;
mod detection;
pub mod driver;
pub mod histogram;
mod jobs;
mod leaders;
mod locks;
mod members;
pub mod recovery;
pub mod results;
pub mod task_log;
mod task_stats;
mod timeline;
mod troubles;
mod waits;

pub use batches::Batching;
pub use collector::{Collected, Collector, CollectorOptions};
pub use columns::{Better, COLUMNS, Column, METRICS, Metric, MetricRow};
pub use driver::{DRIVER_COLUMNS, DriverColumn, DriverFigures};
pub use members::MemberOptions;
pub use results::{
    AlarmResult, FinalState, IncidentKind, IncidentResult, NodeResult, PolicyResult, ReplicationResult,
    TailDistribution, TaskResult, Timeline, TimelineRow,
};
pub use waits::Waits;
