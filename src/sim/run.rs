//! One simulated run, from a world and a policy to figures.

use std::sync::atomic::{AtomicBool, Ordering};

use super::driver::Driver;
use super::event_queue::MAX_INDEX;
use crate::metrics::{
    Batching, Collected, Collector, CollectorOptions, MemberOptions, TaskResult, Waits, task_log::TaskLog,
};
use crate::scheduler::{Observer, Policy, Record, Sabotage};
use crate::time::{Duration, Time};
use crate::workload::source::SourceError;
use crate::world::World;

/// Instants between two looks at whether the run should stop.
const STOP_CHECK: u64 = 4096;

/// What to keep of a run besides its figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions<'a> {
    /// Keep a row per task.
    pub tasks: bool,
    /// Keep every record.
    pub history: bool,
    /// Keep the waits in batches of so many tasks by arrival.
    pub waits: Option<u32>,
    /// Set from outside to stop the run.
    pub stop: Option<&'a AtomicBool>,
    /// Also keep figures of so many batches of the tasks that count, one after the other by arrival.
    pub batches: Option<u32>,
    /// Check all invariants of the core after every instant. Slow: for tests.
    pub check_invariants: bool,
    /// A guard of the core that is left out. For tests of those who check it.
    pub sabotage: Option<Sabotage>,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct RunOutput {
    /// Its figures.
    pub collected: Collected,
    /// Its tasks, when asked for, in order of number.
    pub tasks: Vec<TaskResult>,
    /// Every record with its time, when asked for.
    pub history: Vec<(Time, Record)>,
    /// Of each batch of tasks by arrival the sum of its waits in seconds and how many tasks had one,
    /// when asked for.
    pub waits: Vec<(f64, u32)>,
    /// Arrivals, ends of attempts, changes of nodes and timers.
    pub events: u64,
}

/// Why a run did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// It was stopped from outside.
    #[error("the run was stopped")]
    Stopped,
    /// A drawn time does not fit the clock.
    #[error("simulated time passed 584 years")]
    TimeOverflow,
    /// A task could not be made.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing will happen any more, but tasks still wait: no node is large enough for them, or the
    /// policy never places them.
    #[error("{waiting} of the tasks wait for ever: no node takes them, and none will change")]
    Stuck {
        /// How many tasks wait.
        waiting: u64,
    },
    /// Nodes fail again and again, and no task ends any more.
    #[error(
        "{unsettled} of the tasks never end: nodes fail, or are declared dead, sooner than what runs there is done; let \
         nodes stay up longer (`up`, or the monitor's patience), or keep what was done \
         (`on_node_loss = \"resume\"`, `retry.checkpoint`)"
    )]
    Futile {
        /// How many tasks wait or run.
        unsettled: u64,
    },
    /// Candidates fail before they are elected, again and again.
    #[error(
        "the scheduler has no leader any more: a million elections in a row failed with their candidates; \
         shorten `election` in [scheduler.replicas], or lengthen `up`"
    )]
    NeverLed,
    /// More tasks are unsettled at one time than can be told apart.
    #[error("more than {MAX_INDEX} tasks are unsettled at one time")]
    TooManyTasks,
}

/// Simulates one replication of `world` under `policy`.
///
/// # Errors
/// When the run is stopped, or draws a time beyond the clock.
pub fn simulate<P: Policy>(
    world: &World,
    seed: u64,
    policy: P,
    options: &RunOptions<'_>,
) -> Result<RunOutput, SimulationError> {
    let mut collector = Collector::new(
        &world.nodes,
        &CollectorOptions {
            warmup: world.warmup,
            timeline_buckets: world.timeline_buckets,
            // Only the timeline asks, and some means are long sums.
            expected_span: if world.timeline_buckets > 0 { world.expected_span() } else { Duration::ZERO },
            alarms: !world.alarms.is_empty(),
            classes: world.workload.class_names().len(),
            breakers: world.guards.breaker.is_some(),
            locks: world.guards.locks.is_some(),
            replicas: world.faults.replicas.is_some(),
            service_nodes: world.service_nodes,
            compensations: world.compensations().map(|plan| plan.from),
            members: MemberOptions {
                stays: &world.faults.membership.stays,
                prices: &world.prices,
                autoscales: world.autoscale.is_some(),
                sizes: world.workload.has_sizes(),
            },
            speculation: world.retry.speculation.is_some(),
            batches: options.batches.map(|count| Batching {
                count,
                tasks: world.workload.expected_tasks().saturating_sub(u64::from(world.warmup)),
            }),
        },
    );
    collector.expect_outages(&world.faults.outages, Duration::ZERO);
    if options.tasks || options.history || options.waits.is_some() {
        let compensations = world.compensations().map(|plan| plan.from);
        let log = options.tasks.then(|| TaskLog::without(compensations));
        let waits = options.waits.map(|size| Waits::by(size, compensations));
        // One type for all that may be kept: the loop is compiled once for each.
        let kept = (log, (options.history.then(Vec::new), waits));
        let (events, (collector, (log, (history, waits))), works) =
            run(world, seed, policy, options, (collector, kept))?;
        let tasks = log.map_or_else(Vec::new, |log| log.finish(&works));
        let (history, waits) = (history.unwrap_or_default(), waits.map_or_else(Vec::new, Waits::finish));
        Ok(RunOutput { collected: collector.finish(), tasks, history, waits, events })
    } else {
        let (events, collector, _) = run(world, seed, policy, options, collector)?;
        let (tasks, history, waits) = (Vec::new(), Vec::new(), Vec::new());
        Ok(RunOutput { collected: collector.finish(), tasks, history, waits, events })
    }
}

/// Simulates one replication with an observer of the caller's own; gives the number of events, the
/// observer, and the work of every task by number (only with `options.tasks`).
///
/// # Errors
/// When the run is stopped, or draws a time beyond the clock.
pub fn run<P: Policy, O: Observer>(
    world: &World,
    seed: u64,
    policy: P,
    options: &RunOptions<'_>,
    observer: O,
) -> Result<(u64, O, Vec<u64>), SimulationError> {
    if world.workload.at_once() > MAX_INDEX {
        return Err(SimulationError::TooManyTasks);
    }
    let mut driver = Driver::new(world, seed, policy, options, observer)?;
    drive(&mut driver, options)?;
    driver.finish()
}

/// All steps of a run.
// On its own, so that what the loop uses lies in one place that nothing around it moves.
#[inline(never)]
fn drive<P: Policy, O: Observer>(
    driver: &mut Driver<'_, P, O>,
    options: &RunOptions<'_>,
) -> Result<(), SimulationError> {
    let mut instants = 0u64;
    while driver.step()? {
        instants += 1;
        if options.check_invariants {
            driver.check_invariants();
        }
        if instants.is_multiple_of(STOP_CHECK)
            && options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
        {
            return Err(SimulationError::Stopped);
        }
    }
    Ok(())
}
