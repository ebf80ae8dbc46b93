//! Figures of a run, made from the records of the scheduler as they pass.

pub mod columns;
pub mod results;

pub use columns::{Better, COLUMNS, Column, METRICS, Metric, MetricRow};
pub use results::{
    FinalState, NodeResult, PolicyResult, ReplicationResult, TailDistribution, TaskResult, Timeline,
    TimelineRow,
};
