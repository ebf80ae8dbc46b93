//! Turns the records of one run into its figures, in memory that does not grow with the run.

mod copies;
mod finish;
mod nodes;
mod options;

use super::batches::BatchStats;
use super::breakers::BreakerStats;
use super::columns::MetricRow;
use super::compensations::CompensationStats;
use super::copies::CopyStats;
use super::detection::Detection;
use super::histogram::Histogram;
use super::jobs::JobStats;
use super::leaders::LeaderStats;
use super::locks::LockStats;
use super::members::MemberStats;
use super::recovery::{self, Recovery};
use super::results::{AlarmResult, IncidentResult, NodeResult, Timeline};
use super::task_stats::{SLOWDOWN_UNIT, TaskStats};
use super::timeline::TimelineCollector;
use super::troubles::Troubles;
use crate::ids::NodeId;
use crate::scheduler::{NodeSpec, Observer, Outcome, Record, TaskState};
use crate::structures::memory;
use crate::time::{Duration, Time};

pub use self::options::CollectorOptions;

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct NodeTally {
    /// Slot time.
    pub(super) busy: Duration,
    up: Duration,
    /// `Time::NEVER` while down.
    up_since: Time,
    tasks: u32,
    attempts_lost: u32,
}

impl NodeTally {
    const DOWN: NodeTally = NodeTally {
        busy: Duration::ZERO,
        up: Duration::ZERO,
        up_since: Time::NEVER,
        tasks: 0,
        attempts_lost: 0,
    };
}

/// Figures of one run.
#[derive(Clone, Debug)]
pub struct Collected {
    /// All metrics.
    pub metrics: MetricRow,
    /// Task metrics by class; empty with a single class.
    pub classes: Vec<MetricRow>,
    /// The run over time.
    pub timeline: Option<Timeline>,
    /// From the first arrival to the last settled task.
    pub window: Duration,
    /// By node.
    pub nodes: Vec<NodeResult>,
    /// How long attempts held what they demanded besides slots, in nanoseconds, by demand; empty when
    /// none did.
    pub held: Vec<u128>,
    /// Alarms in order of time, the first 10,000.
    pub alarms: Vec<AlarmResult>,
    /// Incidents in order of time, the 1,000 largest.
    pub incidents: Vec<IncidentResult>,
    /// Task metrics by batch, and in the first row what only the whole run has; empty when not asked for.
    pub batches: Vec<MetricRow>,
    /// Waits in nanoseconds, responses in nanoseconds, slowdowns in units of 2^-20.
    pub histograms: [Histogram; 3],
}

/// Names and units of [`Collected::histograms`]: name, and the factor to seconds or ratio.
pub const HISTOGRAMS: [(&str, f64); 3] = [("wait", 1e-9), ("response", 1e-9), ("slowdown", SLOWDOWN_UNIT)];

/// An observer that collects figures.
#[derive(Clone, Debug)]
pub struct Collector {
    warmup: u32,
    slots: Vec<u32>,
    all: TaskStats,
    classes: Vec<TaskStats>,
    pub(super) timeline: Option<TimelineCollector>,
    pub(super) nodes: Vec<NodeTally>,
    /// When each node really failed, by node; empty while failures are known at once.
    failed: Vec<Time>,
    pub(super) first_arrival: Option<Time>,
    pub(super) last_settled: Time,
    pub(super) waiting: u64,
    /// An incident is recovered from when fewer tasks wait; 0 when there is none to recover from.
    pub(super) recovered_below: u64,
    most_waiting: u64,
    /// Time integrals of waiting tasks and of tasks in the system: a task that leaves at b and came
    /// at a adds b - a, in two steps.
    waiting_area: i128,
    system_area: i128,
    attempts: u64,
    retries: u64,
    attempts_lost: u64,
    preemptions: u64,
    stolen: u64,
    refused: u64,
    in_vain: u64,
    detection: Detection,
    /// What a checkpoint saves is known before the loss is written down, or after.
    wasted: i128,
    held: Vec<u128>,
    troubles: Troubles,
    pub(super) nodes_up: u32,
    /// Since when work can be started, if it can, and for how long it could before.
    pub(super) serves_since: Option<Time>,
    pub(super) served: Duration,
    pub(super) service_nodes: u32,
    /// Tasks that arrived while there was no leader, until they are taken in.
    withheld: u32,
    /// When outages are planned to begin.
    pub(super) planned: recovery::Planned,
    /// Only where nodes or leaders are lost.
    pub(super) recovery: Option<Box<Recovery>>,
    /// Only where tasks are parts of jobs.
    jobs: Option<Box<JobStats>>,
    /// Only where nodes have circuit breakers.
    breakers: Option<Box<BreakerStats>>,
    /// Only where tasks need locks.
    locks: Option<Box<LockStats>>,
    /// Only where the scheduler fails.
    pub(super) leaders: Option<Box<LeaderStats>>,
    /// Only where failed jobs are undone.
    pub(super) compensations: Option<Box<CompensationStats>>,
    /// Tasks with this number and greater ones undo others.
    compensations_from: u32,
    /// Only where nodes come and go, or cost something.
    members: Option<Box<MemberStats>>,
    /// Only where attempts get copies.
    copies: Option<Box<CopyStats>>,
    /// Only where one long run stands for many.
    batches: Option<Box<BatchStats>>,
}

impl Collector {
    /// For a cluster of these nodes, none of them up yet.
    pub fn new(nodes: &[NodeSpec], options: &CollectorOptions<'_>) -> Self {
        let timeline = (options.timeline_buckets > 0)
            .then(|| TimelineCollector::new(options.timeline_buckets, options.expected_span));
        let classes =
            if options.classes > 1 { vec![TaskStats::default(); options.classes] } else { Vec::new() };
        Collector {
            warmup: options.warmup,
            slots: nodes.iter().map(|node| node.slots).collect(),
            all: TaskStats::default(),
            classes,
            timeline,
            nodes: memory::filled(NodeTally::DOWN, nodes.len()),
            failed: Vec::new(),
            first_arrival: None,
            last_settled: Time::ZERO,
            waiting: 0,
            recovered_below: 0,
            most_waiting: 0,
            waiting_area: 0,
            system_area: 0,
            attempts: 0,
            retries: 0,
            attempts_lost: 0,
            preemptions: 0,
            stolen: 0,
            refused: 0,
            in_vain: 0,
            detection: Detection::default(),
            wasted: 0,
            held: Vec::new(),
            troubles: Troubles::new(options.alarms),
            nodes_up: 0,
            serves_since: None,
            served: Duration::ZERO,
            service_nodes: options.service_nodes,
            withheld: 0,
            planned: recovery::Planned::default(),
            recovery: None,
            jobs: None,
            breakers: options.breakers.then(|| Box::new(BreakerStats::new(nodes.len()))),
            locks: options.locks.then(Box::default),
            leaders: options.replicas.then(Box::default),
            compensations: options.compensations.map(|_| Box::default()),
            compensations_from: options.compensations.unwrap_or(u32::MAX),
            members: MemberStats::new(nodes.len(), &options.members),
            copies: options.speculation.then(Box::default),
            batches: options.batches.map(|batching| Box::new(BatchStats::new(batching))),
        }
    }

    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    #[inline]
    fn on_submitted(&mut self, now: Time, class: u16) {
        if self.first_arrival.is_none() {
            self.begin(now);
        }
        self.all.submitted += 1;
        if let Some(stats) = self.classes.get_mut(class as usize) {
            stats.submitted += 1;
        }
        self.system_area -= i128::from(now.0);
        if self.withheld > 0 {
            // It has waited since it arrived.
            self.withheld -= 1;
            return;
        }
        self.arrives(now);
    }

    #[inline]
    fn arrives(&mut self, now: Time) {
        self.add_waiting(now);
        if let Some(timeline) = &mut self.timeline {
            timeline.arrived(now);
        }
    }

    /// A task arrives, and there is no leader to take it in.
    pub(super) fn on_held(&mut self, now: Time) {
        if self.first_arrival.is_none() {
            // The run begins with its first arrival, whenever that is taken in.
            self.begin(now);
        }
        self.withheld += 1;
        self.arrives(now);
    }

    #[cold]
    pub(super) fn begin(&mut self, now: Time) {
        self.first_arrival = Some(now);
        for node in &mut self.nodes {
            node.up = Duration::ZERO;
            if node.up_since != Time::NEVER {
                node.up_since = now;
            }
        }
        self.served = Duration::ZERO;
        self.serves_since = self.serves_since.map(|_| now);
        if let Some(leaders) = &mut self.leaders {
            leaders.begin(now);
        }
        self.detection.begin();
        self.incidents_begin(now);
        if let Some(members) = &mut self.members {
            members.begin(now);
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.begin(now);
        }
    }

    #[inline]
    pub(super) fn add_waiting(&mut self, now: Time) {
        self.waiting += 1;
        self.most_waiting = self.most_waiting.max(self.waiting);
        self.waiting_area -= i128::from(now.0);
    }

    #[inline(always)]
    pub(super) fn leave_queue(&mut self, now: Time) {
        self.waiting -= 1;
        self.waiting_area += i128::from(now.0);
        if self.waiting < self.recovered_below {
            self.recovers(now);
        }
    }

    #[inline(always)]
    fn on_settled(&mut self, now: Time, settled: &Settled) {
        let Settled { number, state, waiting, class, arrival, deadline, first_start, node, service } =
            *settled;
        let completed = state == TaskState::Completed;
        self.last_settled = now;
        self.system_area += i128::from(now.0);
        if completed {
            if let Some(timeline) = &mut self.timeline {
                timeline.completed(now);
            }
            if let Some(node) = node {
                self.nodes[node.index()].tasks += 1;
            }
        }
        if waiting {
            self.leave_queue(now);
            if let Some(timeline) = &mut self.timeline {
                timeline.left_queue(now);
            }
        }
        let warm = number >= self.warmup;
        let wait = first_start.filter(|_| warm).map(|start| start - arrival);
        let response = (completed && warm).then(|| now - arrival);
        if deadline != Time::NEVER {
            let late = now > deadline;
            self.all.count_deadline(completed, late);
            if let Some(stats) = self.classes.get_mut(class as usize) {
                stats.count_deadline(completed, late);
            }
        }
        self.all.settle(state, wait, response, service);
        if let Some(batches) = self.batches.as_mut().filter(|_| warm) {
            batches.settle(u64::from(number - self.warmup), state, wait, response, service);
        }
        if let Some(stats) = self.classes.get_mut(class as usize) {
            stats.settle(state, wait, response, service);
        }
    }

    /// Slot time that an attempt really took: none after its node had failed.
    #[inline]
    pub(super) fn busy_until_failure(&self, now: Time, node: usize, busy: Duration, slots: u32) -> Duration {
        let failed = self.failed.get(node).copied().unwrap_or(Time::NEVER);
        Duration(busy.0.saturating_sub(now.since(failed).0.saturating_mul(u64::from(slots))))
    }

    #[cold]
    fn on_released(&mut self, now: Time, node: usize, demand: u32, held: Duration) {
        let held = self.busy_until_failure(now, node, held, 1);
        let demand = demand as usize;
        if demand >= self.held.len() {
            self.held.resize(demand + 1, 0);
        }
        self.held[demand] += u128::from(held.0);
    }
}

/// What matters here of a settled task.
struct Settled {
    number: u32,
    state: TaskState,
    waiting: bool,
    class: u16,
    arrival: Time,
    deadline: Time,
    first_start: Option<Time>,
    node: Option<NodeId>,
    service: Duration,
}

impl Observer for Collector {
    #[inline]
    fn fetch_node(&self, node: NodeId) {
        memory::prefetch(&self.nodes, node.index());
    }

    // Callers know which record they make: inlined, the match and the record itself vanish.
    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        if let Some(task) = record.task()
            && task.number >= self.compensations_from
        {
            return self.on_compensation(now, record);
        }
        match *record {
            Record::Submitted { class, .. } => self.on_submitted(now, class),
            Record::Dispatched { resumed, .. } => {
                self.attempts += u64::from(!resumed);
                self.leave_queue(now);
                if let Some(timeline) = &mut self.timeline {
                    timeline.dispatched(now);
                }
            }
            Record::Finished { node, outcome, busy, slots, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                self.nodes[node.index()].busy.0 += busy.0;
                let failed = outcome != Outcome::Success;
                if failed {
                    self.wasted += i128::from(busy.0);
                }
                if let Some(timeline) = &mut self.timeline {
                    timeline.ended(now, failed);
                }
            }
            Record::Interrupted { node, busy, slots, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                self.nodes[node.index()].busy.0 += busy.0;
                self.preemptions += 1;
                self.add_waiting(now);
                if let Some(timeline) = &mut self.timeline {
                    timeline.ended(now, false);
                    timeline.returned(now);
                }
            }
            Record::TimedOut { node, busy, slots, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                self.nodes[node.index()].busy.0 += busy.0;
                self.troubles.on_record(now, record);
                self.wasted += i128::from(busy.0);
                if let Some(timeline) = &mut self.timeline {
                    timeline.ended(now, true);
                }
            }
            Record::Stopped { node, busy, slots, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                self.nodes[node.index()].busy.0 += busy.0;
                self.wasted += i128::from(busy.0);
                if let Some(timeline) = &mut self.timeline {
                    timeline.ended(now, true);
                }
            }
            Record::RollingBack { .. } | Record::Undone { .. } => self.on_rollback(record),
            Record::Saved { saved, .. } => self.wasted -= i128::from(saved.0),
            Record::Lost { node, busy, slots, kept, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                let tally = &mut self.nodes[node.index()];
                tally.busy.0 += busy.0;
                tally.attempts_lost += 1;
                self.attempts_lost += 1;
                if !kept {
                    self.wasted += i128::from(busy.0);
                }
                if let Some(timeline) = &mut self.timeline {
                    timeline.ended(now, true);
                }
            }
            Record::Returned { failed, .. } => {
                self.retries += u64::from(failed);
                self.add_waiting(now);
                if let Some(timeline) = &mut self.timeline {
                    timeline.returned(now);
                }
            }
            Record::Settled {
                task,
                state,
                waiting,
                retry_due,
                class,
                arrival,
                deadline,
                first_start,
                node,
                service,
                ..
            } => {
                self.retries -= u64::from(retry_due);
                let number = task.number;
                let settled =
                    Settled { number, state, waiting, class, arrival, deadline, first_start, node, service };
                self.on_settled(now, &settled);
                if let Some(jobs) = &mut self.jobs {
                    jobs.settled(now, task, state == TaskState::Completed, self.warmup);
                }
            }
            Record::NodeJoined { node } => self.on_node_joined(now, node.index()),
            Record::NodeFailed { node } => self.on_node_failed(now, node.index()),
            Record::NodeLost { node } => self.on_node_lost(now, node.index()),
            Record::Suspected { node } => self.detection.suspected(!self.has_failed(node)),
            Record::DeclaredDead { node } => self.detection.declared(!self.has_failed(node)),
            Record::RanInVain { .. } => self.in_vain += 1,
            Record::Released { node, demand, held, .. } => self.on_released(now, node.index(), demand, held),
            Record::InJob { task, job, tasks, shortest } => {
                let jobs = self.jobs.get_or_insert_default();
                jobs.arrived(now, task, job, tasks, shortest);
            }
            Record::Alarm { .. } | Record::RetryDenied { .. } => self.troubles.on_record(now, record),
            Record::Stolen { .. } => self.stolen += 1,
            Record::Refused { .. } => self.refused += 1,
            // Such a node is up: what it does not do is seen in its utilisation.
            Record::NodeClosed { .. } | Record::NodeOpened { .. } => {}
            Record::NodeEntered { .. }
            | Record::NodeLeft { .. }
            | Record::Scaled { .. }
            | Record::Moved { .. } => self.on_member_record(now, record),
            Record::LockGranted { task, waited, .. } => {
                if let Some(locks) = self.locks.as_mut().filter(|_| task.number >= self.warmup) {
                    locks.granted(waited);
                }
            }
            Record::LeaderLost { .. } | Record::LeaderElected { .. } | Record::SubmissionHeld { .. } => {
                self.on_leader_record(now, record);
            }
            Record::CopyDispatched { .. } | Record::CopyWon { .. } | Record::Outrun { .. } => {
                self.on_copy_record(now, record);
            }
            Record::LeaseExpired { .. } => self.locks.iter_mut().for_each(|locks| locks.expired()),
            Record::WriteFenced { .. } => self.locks.iter_mut().for_each(|locks| locks.fenced()),
            Record::BreakerChanged { node, state } => {
                self.breaker_incident(now, node, state);
                if let Some(breakers) = &mut self.breakers {
                    breakers.changed(now, node, state);
                }
            }
        }
    }
}
