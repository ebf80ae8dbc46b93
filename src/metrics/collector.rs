//! Turns the records of one run into its figures, in memory that does not grow with the run.

mod finish;

use super::breakers::BreakerStats;
use super::columns::MetricRow;
use super::detection::Detection;
use super::histogram::Histogram;
use super::jobs::JobStats;
use super::leaders::LeaderStats;
use super::locks::LockStats;
use super::results::{AlarmResult, NodeResult, Timeline};
use super::task_stats::{SLOWDOWN_UNIT, TaskStats};
use super::timeline::TimelineCollector;
use super::troubles::Troubles;
use crate::ids::NodeId;
use crate::scheduler::{NodeSpec, Observer, Outcome, Record, TaskState};
use crate::structures::memory;
use crate::time::{Duration, Time};

/// What to collect.
#[derive(Clone, Copy, Debug)]
pub struct CollectorOptions {
    /// Tasks, by number, left out of wait, response and slowdown.
    pub warmup: u32,
    /// Buckets of the timeline; 0 for none.
    pub timeline_buckets: u32,
    /// A guess at the length of the run; it only saves work.
    pub expected_span: Duration,
    /// Whether there are rules that raise alarms.
    pub alarms: bool,
    /// How many classes of tasks there are; figures by class are kept when there are several.
    pub classes: usize,
    /// Whether nodes have circuit breakers.
    pub breakers: bool,
    /// Whether tasks need locks.
    pub locks: bool,
    /// Whether the scheduler itself fails.
    pub replicas: bool,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct NodeTally {
    /// Slot time.
    busy: Duration,
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
    timeline: Option<TimelineCollector>,
    nodes: Vec<NodeTally>,
    /// When each node really failed, by node; empty while failures are known at once.
    failed: Vec<Time>,
    pub(super) first_arrival: Option<Time>,
    last_settled: Time,
    waiting: u64,
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
    /// Only where tasks are parts of jobs.
    jobs: Option<Box<JobStats>>,
    /// Only where nodes have circuit breakers.
    breakers: Option<Box<BreakerStats>>,
    /// Only where tasks need locks.
    locks: Option<Box<LockStats>>,
    /// Only where the scheduler fails.
    pub(super) leaders: Option<Box<LeaderStats>>,
}

impl Collector {
    /// For a cluster of these nodes, none of them up yet.
    pub fn new(nodes: &[NodeSpec], options: &CollectorOptions) -> Self {
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
            jobs: None,
            breakers: options.breakers.then(|| Box::new(BreakerStats::new(nodes.len()))),
            locks: options.locks.then(Box::default),
            leaders: options.replicas.then(Box::default),
        }
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
        self.add_waiting(now);
        if let Some(timeline) = &mut self.timeline {
            timeline.arrived(now);
        }
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
        if let Some(timeline) = &mut self.timeline {
            timeline.begin(now);
        }
    }

    #[inline]
    fn add_waiting(&mut self, now: Time) {
        self.waiting += 1;
        self.most_waiting = self.most_waiting.max(self.waiting);
        self.waiting_area -= i128::from(now.0);
    }

    #[inline(always)]
    fn leave_queue(&mut self, now: Time) {
        self.waiting -= 1;
        self.waiting_area += i128::from(now.0);
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
            let missed = !completed || now > deadline;
            self.all.count_deadline(missed);
            if let Some(stats) = self.classes.get_mut(class as usize) {
                stats.count_deadline(missed);
            }
        }
        self.all.settle(state, wait, response, service);
        if let Some(stats) = self.classes.get_mut(class as usize) {
            stats.settle(state, wait, response, service);
        }
    }

    fn on_node_joined(&mut self, now: Time, node: usize) {
        self.nodes[node].up_since = now;
        self.detection.returned(now, node, self.first_arrival.unwrap_or(now));
        if let Some(failed) = self.failed.get_mut(node) {
            *failed = Time::NEVER;
        }
        self.nodes_up += 1;
        self.service_changes(now);
        if let Some(timeline) = &mut self.timeline {
            timeline.nodes_up(now, self.nodes_up);
        }
    }

    /// The scheduler believes that the node is down.
    fn on_node_lost(&mut self, now: Time, node: usize) {
        let failed = self.failed.get(node).copied().filter(|failed| *failed != Time::NEVER);
        self.detection.lost(now, node, self.nodes.len(), failed);
        self.on_node_down(now, node);
    }

    /// Whether the node is down though the scheduler believes that it is up.
    fn has_failed(&self, node: NodeId) -> bool {
        self.failed.get(node.index()).is_some_and(|failed| *failed != Time::NEVER)
    }

    fn on_node_down(&mut self, now: Time, node: usize) {
        let tally = &mut self.nodes[node];
        if tally.up_since == Time::NEVER {
            return;
        }
        tally.up.0 += now.since(tally.up_since).0;
        tally.up_since = Time::NEVER;
        self.nodes_up -= 1;
        self.service_changes(now);
        if let Some(timeline) = &mut self.timeline {
            timeline.nodes_up(now, self.nodes_up);
        }
    }

    /// The node went down, and the scheduler does not know.
    #[cold]
    fn on_node_failed(&mut self, now: Time, node: usize) {
        self.failed.resize(self.nodes.len(), Time::NEVER);
        if self.nodes[node].up_since != Time::NEVER {
            self.failed[node] = now;
        }
        self.on_node_down(now, node);
    }

    /// Slot time that an attempt really took: none after its node had failed.
    #[inline]
    fn busy_until_failure(&self, now: Time, node: usize, busy: Duration, slots: u32) -> Duration {
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
                class,
                arrival,
                deadline,
                first_start,
                node,
                service,
                ..
            } => {
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
            Record::LockGranted { task, waited, .. } => {
                if let Some(locks) = self.locks.as_mut().filter(|_| task.number >= self.warmup) {
                    locks.granted(waited);
                }
            }
            Record::LeaderLost { .. } | Record::LeaderElected { .. } | Record::SubmissionHeld { .. } => {
                self.on_leader_record(now, record);
            }
            Record::LeaseExpired { .. } => self.locks.iter_mut().for_each(|locks| locks.expired()),
            Record::WriteFenced { .. } => self.locks.iter_mut().for_each(|locks| locks.fenced()),
            Record::BreakerChanged { node, state } => {
                if let Some(breakers) = &mut self.breakers {
                    breakers.changed(now, node, state);
                }
            }
        }
    }
}
