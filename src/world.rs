//! What a driver is given: the truth about cluster and workload. Drivers in simulated and in real
//! time start from the same one.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::faults::{Faults, Sagas};
use crate::policies::{self, AnyPolicy, PolicySpec};
use crate::random::Streams;
use crate::scheduler::{
    AlarmPlan, AutoscalePlan, CompensationPlan, GuardPlan, Limits, MonitorPlan, NodeSpec, Policy, Resources,
    RetryPlan, Scheduler, SchedulerConfig, Zones,
};
use crate::time::{Duration, Time};
use crate::workload::Workload;
use crate::workload::jobs::Shape;

/// How long news takes: times in seconds, `None` for no time at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delays {
    /// From the decision to start an attempt until it starts.
    pub dispatch: Option<Distribution>,
    /// From the end of an attempt until the scheduler knows.
    pub completion: Option<Distribution>,
    /// From the failure of a node until the scheduler knows.
    pub detection: Option<Distribution>,
    /// From the end of a node's repair until the scheduler can use it.
    pub join: Option<Distribution>,
    /// Heartbeats, from which the scheduler finds out by itself that nodes are dead; `None` when it is told.
    pub heartbeats: Option<Heartbeats>,
    /// Which of many equally likely courses the delays take while everything else stays the same;
    /// 0 is that of the seed.
    pub course: u32,
}

/// Heartbeats of nodes, and what the scheduler makes of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeats {
    /// Time between two heartbeats of a node, in seconds.
    pub gaps: Distribution,
    /// What the scheduler makes of them.
    pub monitor: MonitorPlan,
}

impl Delays {
    /// Whether the scheduler can be wrong about what is: about a start, or about a node.
    pub fn starts_are_reported(&self) -> bool {
        self.dispatch.is_some() || self.detection.is_some() || self.heartbeats.is_some()
    }

    /// The streams that delays are drawn from in the replication with this seed.
    pub fn streams(&self, seed: u64) -> Streams {
        // Far from the seeds of other replications.
        Streams::new(seed.wrapping_add(u64::from(self.course) << 32))
    }
}

/// A cluster and a workload, ready to be run under any policy and seed.
#[derive(Clone, Debug)]
pub struct World {
    /// The nodes in order of number.
    pub nodes: Vec<NodeSpec>,
    /// What breaks.
    pub faults: Faults,
    /// Where the nodes stand.
    pub zones: Zones,
    /// What nodes have besides slots, and what tasks demand of it.
    pub resources: Arc<Resources>,
    /// The tasks.
    pub workload: Workload,
    /// What happens to failed and lost attempts.
    pub retry: RetryPlan,
    /// How many tasks may wait.
    pub limits: Limits,
    /// What protects tasks from bad nodes.
    pub guards: GuardPlan,
    /// What is to be told of.
    pub alarms: AlarmPlan,
    /// Which nodes the scheduler starts and lets go by itself; their first stays are those of
    /// `faults.membership`.
    pub autoscale: Option<AutoscalePlan>,
    /// By node, what a second of it costs; empty when no node says.
    pub prices: Vec<f64>,
    /// How long news takes.
    pub delays: Delays,
    /// No arrivals are taken after this instant.
    pub last_arrival: Option<Time>,
    /// Tasks, by number, left out of wait, response and slowdown.
    pub warmup: u32,
    /// Buckets of the timeline; 0 for none.
    pub timeline_buckets: u32,
    /// How many nodes must be up for the service to be there; at least 1.
    pub service_nodes: u32,
}

impl World {
    /// The most slots that one task takes.
    pub fn max_demand(&self) -> u32 {
        self.workload.max_slots()
    }

    /// A policy for this cluster, its random choices those of this seed.
    pub fn policy(&self, spec: &PolicySpec, seed: u64) -> AnyPolicy {
        let (zones, resources) = (&self.zones, &self.resources);
        policies::build_in(zones, resources, spec, &self.nodes, self.max_demand(), Streams::new(seed))
    }

    /// What the scheduler is told before its first event.
    pub fn scheduler_config(&self, seed: u64, starts_are_reported: bool) -> SchedulerConfig {
        SchedulerConfig {
            retry: RetryPlan { compensations: self.compensations(), ..self.retry },
            max_demand: self.max_demand(),
            starts_are_reported,
            seed,
            resources: self.resources.clone(),
            limits: self.limits.clone(),
            guards: self.guards.clone(),
            alarms: self.alarms,
            monitor: self.delays.heartbeats.as_ref().map(|heartbeats| heartbeats.monitor),
            autoscale: self.autoscale,
        }
    }

    /// Which tasks undo others, if any do: those with numbers that no task of the workload has.
    pub fn compensations(&self) -> Option<CompensationPlan> {
        let rollback = self.faults.rollback.as_ref()?;
        Some(CompensationPlan { from: self.workload.tasks(), max_attempts: rollback.max_attempts })
    }

    /// The jobs of a run, where those are undone of which a task fails.
    pub fn sagas(&self, streams: Streams) -> Option<Sagas> {
        let rollback = self.faults.rollback.as_ref()?;
        Some(Sagas::new(rollback, self.workload.tasks(), streams))
    }

    /// Whether drivers say of every task what only some workloads say, as this scheduler goes by it.
    pub fn wants_details<P: Policy>(&self, scheduler: &mut Scheduler<P>) -> bool {
        let mixed = || self.workload.mixes_failure_probabilities();
        let undone = self.faults.rollback.is_some();
        scheduler.reads_details() || undone || (scheduler.orders_failed() && mixed())
    }

    /// Whether the scheduler can be wrong about what is: about a start, or about a node.
    pub fn starts_are_reported(&self) -> bool {
        self.delays.starts_are_reported() || self.zones.has_latency() || self.is_disturbed()
    }

    /// Whether nodes can be disturbed, or messages come late or not at all.
    pub fn is_disturbed(&self) -> bool {
        let Faults { disturbances, message_loss, .. } = &self.faults;
        self.delays.heartbeats.is_some() || message_loss.is_some() || !disturbances.is_empty()
    }

    /// The speed of the fastest node.
    pub fn highest_speed(&self) -> f64 {
        self.nodes.iter().map(|node| node.speed).fold(0.0, f64::max)
    }

    /// Slots of all nodes.
    pub(super) fn slots(&self) -> u64 {
        self.nodes.iter().map(|node| u64::from(node.slots)).sum()
    }

    /// A guess at how many tasks are unsettled at one time: a batch is all at once, a cluster that
    /// keeps up with its arrivals has a few tasks per slot. It only saves work.
    pub fn expected_unsettled(&self) -> usize {
        let few_per_slot = u32::try_from(4 * self.slots()).unwrap_or(u32::MAX);
        let all = self.workload.expected_tasks().min(u64::from(u32::MAX)) as u32;
        self.workload.at_once().max(few_per_slot).min(all) as usize
    }

    /// A guess at the length of a run: the longer of the time all tasks take to arrive and the time
    /// the cluster takes to do their work.
    pub fn expected_span(&self) -> Duration {
        let capacity: f64 = self.nodes.iter().map(|node| f64::from(node.slots) * node.speed).sum();
        let (arriving, work) = match &self.workload {
            Workload::Generated { tasks, arrivals, classes, jobs, .. } => {
                let mean: f64 = classes
                    .iter()
                    .map(|class| class.share * f64::from(class.slots) * class.duration.mean().unwrap_or(0.0))
                    .sum();
                let size = jobs.as_ref().map_or(Some(1.0), Shape::mean_tasks).unwrap_or(f64::INFINITY);
                let rate = arrivals.mean_rate().unwrap_or(f64::INFINITY) * size;
                (f64::from(*tasks) / rate, self.workload.expected_tasks() as f64 * mean)
            }
            Workload::Listed { tasks, .. } => {
                let last = tasks.last().map_or(0.0, |task| task.arrival.as_seconds());
                let work: f64 = tasks.iter().map(|task| task.work as f64 * f64::from(task.slots) / 1e9).sum();
                (last, work)
            }
        };
        let span = arriving.max(work / capacity);
        let span = self.last_arrival.map_or(span, |last| span.min(last.as_seconds()));
        Duration::from_seconds(span).unwrap_or(Duration::ZERO)
    }
}
