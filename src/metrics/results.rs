//! What one replication leaves behind.

use super::columns::{Metric, MetricRow};
use crate::ids::NodeId;
use crate::scheduler::{AlarmRule, TaskState};
use crate::time::{Duration, Time};

/// Final state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalState {
    /// Done.
    Completed,
    /// Its attempts are used up.
    Error,
    /// Its time is used up.
    Timeout,
    /// A task it depends on did not complete.
    Cancelled,
    /// Refused: there was no room to wait.
    Rejected,
}

impl FinalState {
    /// That of a task the scheduler says is settled.
    ///
    /// # Panics
    /// When the state is not final.
    pub fn of(state: TaskState) -> FinalState {
        match state {
            TaskState::Completed => FinalState::Completed,
            TaskState::Error => FinalState::Error,
            TaskState::Timeout => FinalState::Timeout,
            TaskState::Cancelled => FinalState::Cancelled,
            TaskState::Rejected => FinalState::Rejected,
            state => panic!("a task is settled as {state:?}"),
        }
    }

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            FinalState::Completed => "completed",
            FinalState::Error => "error",
            FinalState::Timeout => "timeout",
            FinalState::Cancelled => "cancelled",
            FinalState::Rejected => "rejected",
        }
    }
}

/// One bucket of the timeline: counts within the bucket, levels at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineRow {
    /// Tasks that arrived.
    pub arrived: u64,
    /// Tasks that completed.
    pub completed: u64,
    /// Attempts that failed or were lost with their node.
    pub failed: u64,
    /// Waiting tasks.
    pub queue_length: u64,
    /// Running attempts.
    pub running: u64,
    /// Nodes that are up.
    pub nodes_up: u64,
}

/// A replication over time, in buckets of equal width from the first arrival on.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Start of the first bucket.
    pub start: Time,
    /// Width of every bucket.
    pub width: Duration,
    /// The buckets. The last one may reach beyond the last settled task.
    pub rows: Vec<TimelineRow>,
}

impl Timeline {
    /// End of bucket `index`.
    pub fn end_of(&self, index: usize) -> Time {
        self.start + Duration(self.width.0 * (index as u64 + 1))
    }
}

/// One node in one replication, from the first arrival to the last settled task.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeResult {
    /// Slot time in which attempts ran.
    pub busy: Duration,
    /// Time up.
    pub up: Duration,
    /// Time that it belonged to the cluster, up or not.
    pub there: Duration,
    /// Tasks that completed here.
    pub tasks: u64,
    /// Attempts lost when the node failed.
    pub attempts_lost: u64,
}

/// An alarm that was raised or cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmResult {
    /// When.
    pub time: Time,
    /// What it is about.
    pub rule: AlarmRule,
    /// The node it is about; `None` for the whole cluster.
    pub node: Option<NodeId>,
    /// Raised, or cleared.
    pub raised: bool,
    /// Tasks that wait, losses of the node, or bad ends in the window.
    pub count: u64,
    /// All ends in the window, where there is one.
    pub of: u64,
}

/// What kind of incident it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentKind {
    /// Nodes went down.
    Nodes,
    /// The scheduler lost its leader.
    Leader,
    /// The circuit breaker of a node opened.
    Breaker,
}

/// Something that went wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentResult {
    /// What.
    pub kind: IncidentKind,
    /// Whether an outage was planned to begin then.
    pub planned: bool,
    /// When it began.
    pub start: Time,
    /// When all of its nodes were back, there was a leader, or the breaker was closed again; `None` when
    /// that was not before the end of the run.
    pub end: Option<Time>,
    /// When, besides, no more tasks waited than just before it began. `None` when that did not happen, and
    /// for breakers.
    pub recovered: Option<Time>,
    /// How many nodes.
    pub nodes: u32,
    /// Which node, when it is one.
    pub node: Option<NodeId>,
    /// Tasks that waited just before.
    pub waiting: u64,
}

/// One task in one replication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskResult {
    /// Position by (arrival, order in the input).
    pub task: u32,
    /// Index of its class.
    pub class: u16,
    /// When it arrived.
    pub arrival: Time,
    /// When its first attempt started, if one did.
    pub first_start: Option<Time>,
    /// When its state became final.
    pub settled: Time,
    /// Its final state.
    pub state: FinalState,
    /// Attempts started.
    pub attempts: u32,
    /// Node of its last attempt, if one started.
    pub node: Option<u32>,
    /// Work in billionths of a unit.
    pub work: u64,
    /// What its last attempt took, undisturbed: work / speed of the node.
    pub service: Duration,
}

/// Everything one replication of one policy leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicationResult {
    /// Number of the replication, from 0.
    pub replication: u32,
    /// Its seed.
    pub seed: u64,
    /// Its figures.
    pub metrics: MetricRow,
    /// Its figures by class (task metrics only); empty when the workload has no classes.
    pub classes: Vec<MetricRow>,
    /// Its course over time, when asked for.
    pub timeline: Option<Timeline>,
    /// From the first arrival to the last settled task.
    pub window: Duration,
    /// Its nodes.
    pub nodes: Vec<NodeResult>,
    /// How long attempts held what they demanded besides slots, in nanoseconds, by demand; empty when
    /// none did.
    pub held: Vec<u128>,
    /// Alarms in order of time, the first 10,000.
    pub alarms: Vec<AlarmResult>,
    /// Its incidents in order of time, the 1,000 largest. The runner keeps those of the first replication.
    pub incidents: Vec<IncidentResult>,
    /// Its tasks in order of `task`, when asked for.
    pub tasks: Vec<TaskResult>,
    /// Simulated events: arrivals, ends of attempts, node changes, timers.
    pub events: u64,
}

/// A complementary distribution: how many tasks lie above each value.
#[derive(Clone, Debug, PartialEq)]
pub struct TailDistribution {
    /// `wait`, `response` or `slowdown`.
    pub metric: &'static str,
    /// (value in seconds or as a ratio, share of tasks above it), values ascending; at most 200,
    /// ending where fewer than 10 tasks are left.
    pub points: Vec<(f64, f64)>,
}

/// All replications of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyResult {
    /// Name of the policy.
    pub policy: String,
    /// The replications in order.
    pub replications: Vec<ReplicationResult>,
    /// Distributions over the tasks of all replications.
    pub tails: Vec<TailDistribution>,
}

impl PolicyResult {
    /// The figure of every replication that has it, in order.
    pub fn values(&self, metric: Metric) -> Vec<f64> {
        self.replications.iter().filter_map(|replication| replication.metrics.get(metric)).collect()
    }
}
