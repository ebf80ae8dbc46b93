//! One live run, from a world and a policy to figures.

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration as HostDuration;

use super::coordinator::Coordinator;
use super::journal::{Mismatch, Step, replay};
use super::link::Link;
use super::message::Work;
use super::meter::Samples;
use crate::metrics::task_log::TaskLog;
use crate::metrics::{Collected, Collector, CollectorOptions, DriverFigures, MemberOptions, TaskResult};
use crate::scheduler::{Policy, Record, Scheduler, SchedulerConfig};
use crate::time::{Duration, Time};
use crate::workload::source::SourceError;
use crate::world::World;

/// How to run.
#[derive(Clone, Copy)]
pub struct LiveOptions<'a> {
    /// Real seconds per second of the scenario.
    pub time_scale: f64,
    /// What attempts do.
    pub work: Work,
    /// The secret that the run's own workers know.
    pub secret: u128,
    /// A worker that is silent for longer is believed lost; `None` never.
    pub silence: Option<HostDuration>,
    /// Workers must have connected within this time at the start.
    pub start_limit: HostDuration,
    /// Keep a row per task.
    pub tasks: bool,
    /// Keep every record.
    pub history: bool,
    /// Set from outside to stop the run.
    pub stop: Option<&'a AtomicBool>,
    /// Check all invariants of the core after every step. Slow: for tests.
    pub check_invariants: bool,
    /// Told now and then how many tasks are settled.
    pub progress: Option<&'a dyn Fn(u64)>,
}

/// What a live run leaves behind.
#[derive(Clone, Debug)]
pub struct LiveOutput {
    /// Its figures.
    pub collected: Collected,
    /// Its tasks, when asked for, in order of number.
    pub tasks: Vec<TaskResult>,
    /// Facts taken in.
    pub events: u64,
    /// Every record with its time, when asked for.
    pub history: Vec<(Time, Record)>,
    /// Every step; a replay gave the same commands.
    pub journal: Vec<Step>,
    /// How the driver kept up.
    pub driver: DriverFigures,
    /// What the figures of the driver were made from.
    pub samples: Samples,
    /// What was out of the ordinary: workers that died unasked, frames that were refused.
    pub incidents: Vec<String>,
}

/// Why a live run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It was stopped from outside.
    #[error("the run was stopped")]
    Stopped,
    /// The scenario's zones are apart.
    #[error("zones that are apart are simulated only: the workers of a live run all stand here")]
    ZonesApart,
    /// The scheduler of the scenario fails.
    #[error("a scheduler that fails is simulated only: the coordinator of a live run has no standbys")]
    SchedulerFails,
    /// Failed jobs of the scenario are undone.
    #[error("`retry.rollback` is simulated only: leave it out of a scenario that is run live")]
    RollsBack,
    /// Messages of the scenario are lost.
    #[error("messages that are lost are simulated only: between the workers of a live run none is")]
    LosesMessages,
    /// A process could not be stopped, or let go on.
    #[error("cannot stop a worker process and let it go on: {0}")]
    Stop(#[source] io::Error),
    /// The policy lets nodes take tasks before they can start them.
    #[error(
        "`{policy}` takes tasks ahead, which is simulated only: a worker of a live run is sent a task when \
         it can start it"
    )]
    TakesAhead {
        /// Its name.
        policy: String,
    },
    /// A process could not be started.
    #[error("cannot start a worker process: {0}")]
    Start(#[source] io::Error),
    /// Processes of a node died again and again before they connected.
    #[error("the worker of node {node} ends before it connects: {status}")]
    WorkerDies {
        /// Number of the node.
        node: u32,
        /// How its last process ended.
        status: String,
    },
    /// A worker did not connect in time.
    #[error("the worker of node {node} has not connected within {seconds} s")]
    WorkerMissing {
        /// Number of the node.
        node: u32,
        /// The limit.
        seconds: u64,
    },
    /// A task could not be made.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A planned time does not fit the clock.
    #[error("the time of the scenario passed 584 years")]
    TimeOverflow,
    /// Nothing will happen any more, but tasks still wait.
    #[error("{waiting} of the tasks wait for ever: no node takes them, and none will change")]
    Stuck {
        /// How many tasks wait.
        waiting: u64,
    },
    /// The log handed to a fresh scheduler gave other commands: a bug.
    #[error("the replay of the run's log differs, which is a bug of falcon: {0}")]
    Replay(Box<Mismatch>),
}

/// Real seconds by which an outage may begin later than planned, and be known as that one.
const MOST_LATE: f64 = 0.025;

/// What the core is told before its first event in a live run.
pub fn scheduler_config(world: &World, seed: u64) -> SchedulerConfig {
    world.scheduler_config(seed, true)
}

/// Runs one replication of `world` for real. `policy` makes the policy anew: it is needed a second
/// time to replay the log.
///
/// # Errors
/// When the run is stopped, when workers cannot be started, or when the replay of the log differs.
pub fn run_live<P: Policy, L: Link>(
    world: &World,
    seed: u64,
    policy: impl Fn() -> P,
    options: &LiveOptions<'_>,
    link: L,
) -> Result<LiveOutput, LiveError> {
    let mut collector = Collector::new(
        &world.nodes,
        &CollectorOptions {
            warmup: world.warmup,
            timeline_buckets: world.timeline_buckets,
            expected_span: if world.timeline_buckets > 0 { world.expected_span() } else { Duration::ZERO },
            alarms: !world.alarms.is_empty(),
            classes: world.workload.class_names().len(),
            breakers: world.guards.breaker.is_some(),
            locks: world.guards.locks.is_some(),
            replicas: false,
            service_nodes: world.service_nodes,
            compensations: None,
            members: MemberOptions {
                stays: &world.faults.membership.stays,
                prices: &world.prices,
                autoscales: world.autoscale.is_some(),
                sizes: world.workload.has_sizes(),
            },
            speculation: world.retry.speculation.is_some(),
            batches: None,
        },
    );
    let late = Duration::from_seconds(MOST_LATE / options.time_scale).unwrap_or_default();
    collector.expect_outages(&world.faults.outages, late);
    let log = options.tasks.then(TaskLog::default);
    let observer = (collector, (log, options.history.then(Vec::new)));
    let scheduler = || Scheduler::new(policy(), &world.nodes, scheduler_config(world, seed));
    let mut coordinator = Coordinator::new(world, seed, scheduler(), *options, link, observer)?;
    coordinator.muster()?;
    while coordinator.step()? {}
    let finished = coordinator.finish()?;
    replay(scheduler(), &finished.journal).map_err(LiveError::Replay)?;
    let (collector, (log, history)) = finished.observer;
    Ok(LiveOutput {
        collected: collector.finish(),
        tasks: log.map_or_else(Vec::new, |log: TaskLog| log.finish(&finished.works)),
        events: finished.events,
        history: history.unwrap_or_default(),
        journal: finished.journal,
        driver: finished.driver,
        samples: finished.samples,
        incidents: finished.incidents,
    })
}
