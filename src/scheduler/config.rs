//! What a scheduler must know before its first event.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alarms::AlarmPlan;
use super::autoscale::AutoscalePlan;
use super::guards::GuardPlan;
use super::monitor::MonitorPlan;
use super::resources::Resources;
use super::retry::RetryPlan;

/// What a scheduler must know before its first event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulerConfig {
    /// What happens to failed and lost attempts.
    pub retry: RetryPlan,
    /// The most slots that one task takes; places choose their index by it.
    pub max_demand: u32,
    /// Whether the driver sends `AttemptStarted`. If so, an attempt has started when that event
    /// says so; if not, when the command to start it was given.
    pub starts_are_reported: bool,
    /// Names the random streams of backoff.
    pub seed: u64,
    /// Named resources of nodes and demands of tasks.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Arc<Resources>,
    /// How many tasks may wait, and whether they wait for ever.
    pub limits: Limits,
    /// What protects tasks from bad nodes.
    #[serde(default)]
    pub guards: GuardPlan,
    /// What is to be told of.
    #[serde(default, skip_serializing_if = "AlarmPlan::is_empty")]
    pub alarms: AlarmPlan,
    /// Whether and how it finds out by itself that nodes are dead. Drivers then send heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<MonitorPlan>,
    /// Which nodes it starts and lets go by itself, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<AutoscalePlan>,
}

/// How many tasks may wait, and whether they wait for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Tasks that may wait in all queues together; submissions beyond are rejected.
    pub waiting: Option<u64>,
    /// By node, the tasks that may wait in its queue under push, `u32::MAX` for no limit; empty when no
    /// node has one.
    pub nodes: Vec<u32>,
    /// Whether tasks may give up waiting: see `TaskDetails::gives_up`.
    pub tasks_give_up: bool,
}

impl Limits {
    /// Whether a submission is any different from one without limits.
    pub(super) fn apply(&self) -> bool {
        self.waiting.is_some() || !self.nodes.is_empty() || self.tasks_give_up
    }
}
