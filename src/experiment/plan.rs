//! A checked scenario: no strings to look up, no options left open, nothing that can be wrong.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::faults::{Faults, NodeFaults, RandomDisturbance, Stay};
use crate::metrics::Metric;
use crate::policies::spec::PolicySpec;
use crate::scheduler::retry::RetryPlan;
use crate::scheduler::{AlarmPlan, AutoscalePlan, GuardPlan, Resources};
use crate::time::{Duration, Time};
use crate::workload::Workload;
use crate::world::Delays;

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When every task is settled.
    Settled,
    /// No arrivals are taken after this instant; the run ends when those taken are settled.
    Time(Time),
}

/// The `[run]` table.
#[derive(Clone, Debug, PartialEq)]
pub struct RunPlan {
    /// Seed of replication 0; replication i has `seed + i` (wrapping).
    pub seed: u64,
    /// How many replications.
    pub replications: u32,
    /// When a run ends.
    pub until: Until,
    /// Tasks by arrival order left out of wait, response and slowdown.
    pub warmup: u32,
    /// Rows per replication in `timeline.csv`; 0 for none.
    pub timeline_buckets: u32,
    /// How many nodes must be up for the service to be there; at least 1.
    pub service_nodes: u32,
    /// Go on until an interval is as tight as asked; `replications` are those before the first look.
    pub precision: Option<PrecisionPlan>,
    /// Find `warmup` by pilot runs.
    pub auto_warmup: bool,
    /// Make one long run, and intervals from so many batches of its tasks.
    pub batches: Option<u32>,
}

impl Default for RunPlan {
    /// What a scenario without `[run]` means.
    fn default() -> Self {
        RunPlan {
            seed: 1,
            replications: 10,
            until: Until::Settled,
            warmup: 0,
            timeline_buckets: 200,
            service_nodes: 1,
            precision: None,
            auto_warmup: false,
            batches: None,
        }
    }
}

/// How tight an interval is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionPlan {
    /// Of which figure.
    pub metric: Metric,
    /// Half its width at most, as a share of the mean.
    pub relative: f64,
    /// Replications at most.
    pub max_replications: u32,
}

/// One `[[nodes]]` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeGroup {
    /// Name; instances are `name-0`, `name-1`, ... counted over all groups of the same name.
    pub name: String,
    /// How many nodes.
    pub count: u32,
    /// Tasks at once.
    pub slots: u32,
    /// Work units per second.
    pub speed: f64,
    /// Share in weighted places.
    pub weight: f64,
    /// Zone, if named.
    pub zone: Option<String>,
    /// Tasks that may wait in the queue of one node under push; `None` for no limit.
    pub queue_limit: Option<u32>,
    /// Probability that one of its nodes makes an attempt fail.
    pub failure_probability: f64,
    /// How its nodes fail; `None` when they never do.
    pub faults: Option<NodeFaults>,
    /// What disturbs its nodes by chance.
    pub disturbances: Vec<RandomDisturbance>,
    /// When its nodes are there, unless an autoscaler says that.
    pub stay: Stay,
    /// What a second of one node costs, if it says.
    pub price: Option<f64>,
}

/// Nodes that come and go as the scheduler asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elastic {
    /// Which, and when.
    pub autoscale: Option<AutoscalePlan>,
    /// From the instant at which one is asked for until it joins, in seconds; `None` for no time at all.
    pub boot_delay: Option<Distribution>,
}

/// The zones of a scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZonePlan {
    /// Their names; the first is zone 1, as zone 0 is nowhere.
    pub names: Vec<String>,
    /// The time a task needs from one zone to the other, by their places in `names`.
    pub latency: Vec<Vec<Duration>>,
}

impl ZonePlan {
    /// The number of the zone of this name.
    pub fn number(&self, name: &str) -> Option<u16> {
        self.names.iter().position(|zone| zone == name).map(|index| index as u16 + 1)
    }
}

/// A scenario that can be run as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Name of the scenario.
    pub name: String,
    /// The question it asks; empty when it does not say.
    pub description: String,
    /// How often and how long.
    pub run: RunPlan,
    /// The cluster.
    pub groups: Vec<NodeGroup>,
    /// What nodes have besides slots, and what tasks demand of it.
    pub resources: Arc<Resources>,
    /// What breaks besides nodes that fail by chance.
    pub faults: Faults,
    /// Where it stands.
    pub zones: ZonePlan,
    /// The tasks.
    pub workload: Workload,
    /// What happens to failed and lost attempts.
    pub retry: RetryPlan,
    /// Tasks that may wait in all queues together; `None` for no limit.
    pub queue_limit: Option<u64>,
    /// What protects tasks from bad nodes.
    pub guards: GuardPlan,
    /// What is to be told of.
    pub alarms: AlarmPlan,
    /// Nodes that come and go as the scheduler asks.
    pub elastic: Elastic,
    /// How long news takes.
    pub delays: Delays,
    /// The policies, no two of the same name.
    pub policies: Vec<PolicySpec>,
}

impl Plan {
    /// How many runs there are: every policy over all replications.
    pub fn runs(&self) -> usize {
        self.policies.len() * self.run.replications as usize
    }

    /// How many nodes the cluster has.
    pub fn node_count(&self) -> usize {
        self.groups.iter().map(|group| group.count as usize).sum()
    }

    /// By node, how many tasks may wait in its queue, `u32::MAX` for no limit; empty when no node has one.
    pub(super) fn node_limits(&self) -> Vec<u32> {
        if self.groups.iter().all(|group| group.queue_limit.is_none()) {
            return Vec::new();
        }
        let limit = |group: &NodeGroup| group.queue_limit.unwrap_or(u32::MAX);
        self.groups.iter().flat_map(|group| std::iter::repeat_n(limit(group), group.count as usize)).collect()
    }

    /// By node, when it is there; empty when all are from the start to the end.
    pub(super) fn stays(&self) -> Vec<Stay> {
        let scaled = self.elastic.autoscale;
        if scaled.is_none() && self.groups.iter().all(|group| group.stay == Stay::ALWAYS) {
            return Vec::new();
        }
        let of_group = |group: &NodeGroup| std::iter::repeat_n(group.stay, group.count as usize);
        let mut stays: Vec<Stay> = self.groups.iter().flat_map(of_group).collect();
        if let Some(plan) = scaled {
            let rest = plan.first + plan.initial..plan.first + plan.count;
            stays[rest.start as usize..rest.end as usize].fill(Stay { join: Time::NEVER, ..Stay::ALWAYS });
        }
        stays
    }

    /// By node, what a second of it costs; empty when no group says.
    pub(super) fn prices(&self) -> Vec<f64> {
        if self.groups.iter().all(|group| group.price.is_none()) {
            return Vec::new();
        }
        let of_group =
            |group: &NodeGroup| std::iter::repeat_n(group.price.unwrap_or(0.0), group.count as usize);
        self.groups.iter().flat_map(of_group).collect()
    }

    /// By node, the probability that it makes an attempt fail; empty when no node does.
    pub(super) fn node_failures(&self) -> Vec<f64> {
        if self.groups.iter().all(|group| group.failure_probability == 0.0) {
            return Vec::new();
        }
        let of_group =
            |group: &NodeGroup| std::iter::repeat_n(group.failure_probability, group.count as usize);
        self.groups.iter().flat_map(of_group).collect()
    }

    /// How many tasks run at once at most.
    pub fn total_slots(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.count) * u64::from(group.slots)).sum()
    }
}
