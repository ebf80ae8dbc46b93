//! One simulated run: the loop that takes the facts of an instant, lets the scheduler decide, and
//! carries out its commands.

use std::sync::atomic::{AtomicBool, Ordering};

use super::arrivals::Arrivals;
use super::event_queue::{Due, EventNumber, EventQueue, Kind, MAX_INDEX, Rank};
use super::nodes::{Change, Nodes};
use super::world::World;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::metrics::{Collected, Collector, CollectorOptions, TaskResult, task_log::TaskLog};
use crate::random::{Purpose, StreamKey, Streams};
use crate::scheduler::{
    Command, Commands, Event, Observer, OnNodeLoss, Outcome, Policy, Scheduler, SchedulerConfig, TaskSpec,
};
use crate::structures::prefetch::prefetch;
use crate::time::{Duration, Time};
use crate::workload::source::SourceError;

/// Instants between two looks at whether the run should stop.
const STOP_CHECK: u64 = 4096;

/// What to keep of a run besides its figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions<'a> {
    /// Keep a row per task.
    pub tasks: bool,
    /// Set from outside to stop the run.
    pub stop: Option<&'a AtomicBool>,
    /// Check all invariants of the core after every instant. Slow: for tests.
    pub check_invariants: bool,
}

/// What a run leaves behind.
#[derive(Clone, Debug)]
pub struct RunOutput {
    /// Its figures.
    pub collected: Collected,
    /// Its tasks, when asked for, in order of number.
    pub tasks: Vec<TaskResult>,
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
    let collector = Collector::new(
        &world.nodes,
        &CollectorOptions {
            warmup: world.warmup,
            timeline_buckets: world.timeline_buckets,
            expected_span: world.expected_span(),
            classes: world.workload.class_names().len(),
        },
    );
    if options.tasks {
        let observer = (collector, TaskLog::default());
        let (events, (collector, log), works) = run(world, seed, policy, options, observer)?;
        Ok(RunOutput { collected: collector.finish(), tasks: log.finish(&works), events })
    } else {
        let (events, collector, _) = run(world, seed, policy, options, collector)?;
        Ok(RunOutput { collected: collector.finish(), tasks: Vec::new(), events })
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
    let mut simulation = Simulation::new(world, seed, policy, options.tasks, observer)?;
    let mut instants = 0u64;
    while let Some(now) = simulation.next_instant() {
        simulation.step(now)?;
        instants += 1;
        if options.check_invariants {
            simulation.scheduler.check_invariants();
        }
        if instants.is_multiple_of(STOP_CHECK)
            && options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
        {
            return Err(SimulationError::Stopped);
        }
    }
    if let Some(error) = simulation.arrivals.source.error()
        && !simulation.arrivals.cut_off
    {
        return Err(error.into());
    }
    Ok((simulation.events, simulation.observer, simulation.works))
}

/// What is true of an unsettled task, whatever the scheduler believes.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Truth {
    work: u64,
    /// Work still to be done: less than `work` only when an attempt was lost and its work kept.
    left: u64,
    /// The end of the current attempt in the event queue, if one runs.
    finish: EventNumber,
    /// Its beginning, while it is on its way to the node.
    begin: EventNumber,
    started: Time,
    failure_probability: f64,
    number: u32,
    attempt: u32,
    node: u32,
    /// Whether the next attempt goes on with what is left of the last.
    resumes: bool,
}

struct Simulation<'a, P, O> {
    world: &'a World,
    scheduler: Scheduler<P>,
    observer: O,
    commands: Commands,
    arrivals: Arrivals,
    /// When the next task arrives.
    next_arrival: Rank,
    queue: EventQueue,
    truths: Vec<Truth>,
    free: Vec<u32>,
    nodes: Nodes<'a>,
    failures: StreamKey,
    delays: StreamKey,
    /// The speed all nodes share, if they do.
    common_speed: Option<f64>,
    /// By task number, when asked for.
    works: Vec<u64>,
    keep_works: bool,
    events: u64,
}

impl<'a, P: Policy, O: Observer> Simulation<'a, P, O> {
    fn new(
        world: &'a World,
        seed: u64,
        policy: P,
        keep_works: bool,
        mut observer: O,
    ) -> Result<Self, SimulationError> {
        let streams = Streams::new(seed);
        let mut queue = EventQueue::new();
        let nodes = Nodes::new(world, streams, &mut queue).ok_or(SimulationError::TimeOverflow)?;
        let config = SchedulerConfig {
            retry: world.retry,
            max_demand: world.max_demand(),
            starts_are_reported: world.dispatch_delay.is_some(),
            seed,
        };
        let mut scheduler = Scheduler::new(policy, &world.nodes, config);
        let mut commands = Commands::new();
        for node in 0..world.nodes.len() as u32 {
            let joined = Event::NodeJoined { node: NodeId(node) };
            scheduler.handle(Time::ZERO, joined, &mut commands, &mut observer);
        }
        let speed = world.nodes[0].speed;
        let common_speed = world.nodes.iter().all(|node| node.speed == speed).then_some(speed);
        let mut simulation = Simulation {
            world,
            scheduler,
            observer,
            commands,
            arrivals: Arrivals::new(world, streams),
            next_arrival: Rank::NEVER,
            queue,
            truths: Vec::new(),
            free: Vec::new(),
            nodes,
            failures: streams.key(Purpose::Failure),
            delays: streams.key(Purpose::DispatchDelay),
            common_speed,
            works: Vec::new(),
            keep_works,
            events: 0,
        };
        simulation.draw_arrival();
        Ok(simulation)
    }

    /// Looks when the next task arrives; it needs no place in the event queue.
    #[inline]
    fn draw_arrival(&mut self) {
        self.next_arrival = match self.arrivals.peek() {
            Some(task) => Rank::new(task.arrival, self.queue.number()),
            None => Rank::NEVER,
        };
    }

    /// The next instant at which something happens; `None` when every task is settled.
    #[inline]
    fn next_instant(&mut self) -> Option<Time> {
        if self.next_arrival == Rank::NEVER {
            let view = self.scheduler.view();
            if view.settled() == view.submitted() {
                return None;
            }
        }
        let event = self.next_arrival.min(self.queue.peek()).time();
        Some(self.scheduler.next_timer().map_or(event, |timer| timer.min(event)))
    }

    /// One instant: all its facts, one decision, its commands.
    #[inline]
    fn step(&mut self, now: Time) -> Result<(), SimulationError> {
        if self.scheduler.next_timer().is_some_and(|due| due <= now) {
            self.events += 1;
            self.tell(now, Event::TimerFired);
        }
        loop {
            let event = self.queue.peek();
            if self.next_arrival < event {
                if self.next_arrival.time() != now {
                    break;
                }
                self.arrive(now)?;
            } else {
                if event.time() != now {
                    break;
                }
                if let Some(due) = self.queue.pop() {
                    self.take_in(now, due)?;
                }
            }
        }
        self.scheduler.decide(now, &mut self.commands, &mut self.observer);
        self.carry_out(now)
    }

    #[inline(always)]
    fn tell(&mut self, now: Time, event: Event) {
        self.scheduler.handle(now, event, &mut self.commands, &mut self.observer);
    }

    #[inline]
    fn arrive(&mut self, now: Time) -> Result<(), SimulationError> {
        let Some(new) = self.arrivals.take() else { return Ok(()) };
        self.events += 1;
        let truth = Truth {
            work: new.work,
            left: new.work,
            finish: EventNumber::NONE,
            begin: EventNumber::NONE,
            started: Time::ZERO,
            failure_probability: new.failure_probability,
            number: new.number,
            attempt: 0,
            node: 0,
            resumes: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.truths[slot as usize] = truth;
                slot
            }
            None => {
                let slot = self.truths.len() as u32;
                if slot >= MAX_INDEX {
                    return Err(SimulationError::TooManyTasks);
                }
                self.truths.push(truth);
                slot
            }
        };
        if self.keep_works {
            self.works.push(new.work);
        }
        let task = TaskId { slot, number: new.number };
        let spec =
            TaskSpec { estimate: new.estimate, priority: new.priority, slots: new.slots, class: new.class };
        self.tell(now, Event::TaskSubmitted { task, spec });
        self.draw_arrival();
        Ok(())
    }

    #[inline]
    fn take_in(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        match due.kind {
            Kind::Finish => self.finish(now, due),
            Kind::Begin => self.begin(now, due)?,
            Kind::Node => {
                let change = self.nodes.change(now, due.index, due.number, &mut self.queue);
                let node = NodeId(due.index);
                match change.ok_or(SimulationError::TimeOverflow)? {
                    Change::Stale => return Ok(()),
                    Change::Down => self.tell(now, Event::NodeLost { node }),
                    Change::Up => self.tell(now, Event::NodeJoined { node }),
                }
                self.events += 1;
                // What ran on a lost node is over now, whatever else happens at this instant.
                self.stop_attempts(now);
            }
        }
        Ok(())
    }

    #[inline]
    fn finish(&mut self, now: Time, due: Due) {
        let truth = &mut self.truths[due.index as usize];
        if truth.finish != due.number {
            return;
        }
        self.events += 1;
        truth.finish = EventNumber::NONE;
        let truth = &self.truths[due.index as usize];
        self.nodes.attempt_ends(now, truth.node);
        let failed = truth.failure_probability > 0.0
            && self.failures.uniform2(u64::from(truth.number), u64::from(truth.attempt))
                < truth.failure_probability;
        let task = TaskId { slot: due.index, number: truth.number };
        let event = Event::AttemptFinished {
            task,
            attempt: AttemptNumber(truth.attempt),
            node: NodeId(truth.node),
            outcome: if failed { Outcome::Failure } else { Outcome::Success },
            service: self.service(truth.work, truth.node),
        };
        if failed {
            // A failed attempt is found at its end; the next one repeats all of the work.
            let truth = &mut self.truths[due.index as usize];
            truth.left = truth.work;
        }
        self.tell(now, event);
    }

    fn begin(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        let truth = self.truths[due.index as usize];
        if truth.begin != due.number {
            return Ok(());
        }
        self.events += 1;
        self.truths[due.index as usize].begin = EventNumber::NONE;
        self.nodes.attempt_starts(now, truth.node, &mut self.queue).ok_or(SimulationError::TimeOverflow)?;
        let task = TaskId { slot: due.index, number: truth.number };
        let event =
            Event::AttemptStarted { task, attempt: AttemptNumber(truth.attempt), node: NodeId(truth.node) };
        self.tell(now, event);
        Ok(())
    }

    /// Time that `work` takes on `node`.
    #[inline]
    fn service(&self, work: u64, node: u32) -> Duration {
        let speed = self.common_speed.unwrap_or_else(|| self.world.nodes[node as usize].speed);
        // Above 1.8e19 the conversion saturates, and adding to the clock then reports the overflow.
        Duration(if speed == 1.0 { work } else { (work as f64 / speed).round() as u64 })
    }

    /// Carries out the commands to stop, and keeps the rest.
    #[cold]
    fn stop_attempts(&mut self, now: Time) {
        for at in 0..self.commands.as_slice().len() {
            if let Command::StopAttempt { task, node, .. } = self.commands.as_slice()[at] {
                self.stop(now, task, node);
            }
        }
    }

    fn stop(&mut self, now: Time, task: TaskId, node: NodeId) {
        let truth = self.truths[task.slot as usize];
        if truth.finish == EventNumber::NONE {
            return;
        }
        let resumes = self.world.retry.on_node_loss == OnNodeLoss::Resume;
        let elapsed = now.since(truth.started).0;
        let speed = self.world.nodes[node.index()].speed;
        let done = if speed == 1.0 { elapsed } else { (elapsed as f64 * speed).round() as u64 };
        if truth.begin == EventNumber::NONE {
            self.nodes.attempt_ends(now, node.0);
        }
        let truth = &mut self.truths[task.slot as usize];
        truth.finish = EventNumber::NONE;
        truth.begin = EventNumber::NONE;
        truth.resumes = resumes;
        truth.left = if resumes { truth.left.saturating_sub(done) } else { truth.work };
    }

    #[inline]
    fn carry_out(&mut self, now: Time) -> Result<(), SimulationError> {
        for at in 0..self.commands.as_slice().len() {
            match self.commands.as_slice()[at] {
                Command::StartAttempt { task, attempt, node } => self.start(now, task, attempt, node)?,
                Command::StopAttempt { task, node, .. } => self.stop(now, task, node),
                Command::Settle { task, .. } => self.free.push(task.slot),
            }
        }
        self.commands.clear();
        Ok(())
    }

    #[inline]
    fn start(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<(), SimulationError> {
        let slot = task.slot as usize;
        if attempt.0 > 1 && self.world.retry.redraw && !self.truths[slot].resumes {
            self.redraw(task, attempt)?;
        }
        let begins = match &self.world.dispatch_delay {
            None => {
                let started = self.nodes.attempt_starts(now, node.0, &mut self.queue);
                started.ok_or(SimulationError::TimeOverflow)?;
                now
            }
            Some(delay) => {
                let mut stream = self.delays.stream2(u64::from(task.number), u64::from(attempt.0));
                let delay = Duration::from_seconds(delay.sample(&mut stream));
                let begins = delay.and_then(|delay| now.checked_add(delay));
                let begins = begins.ok_or(SimulationError::TimeOverflow)?;
                self.truths[slot].begin = self.queue.push(begins, Kind::Begin, task.slot);
                begins
            }
        };
        let service = self.service(self.truths[slot].left, node.0);
        let end = begins.checked_add(service).ok_or(SimulationError::TimeOverflow)?;
        let truth = &mut self.truths[slot];
        truth.finish = self.queue.push(end, Kind::Finish, task.slot);
        truth.started = begins;
        truth.attempt = attempt.0;
        truth.node = node.0;
        truth.resumes = false;
        if let Some(soon) = self.scheduler.upcoming() {
            prefetch(&self.truths, soon as usize);
        }
        Ok(())
    }

    #[cold]
    fn redraw(&mut self, task: TaskId, attempt: AttemptNumber) -> Result<(), SimulationError> {
        match self.arrivals.source.redraw(task.number, attempt.0) {
            Some(work) => {
                let truth = &mut self.truths[task.slot as usize];
                truth.work = work;
                truth.left = work;
                Ok(())
            }
            None => Err(self
                .arrivals
                .source
                .error()
                .map_or(SimulationError::TimeOverflow, SimulationError::Source)),
        }
    }
}
