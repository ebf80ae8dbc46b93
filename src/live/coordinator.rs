//! The driver of the scheduler core in real time: it waits for facts, hands them to the scheduler,
//! and carries out its commands.
//!
//! "This instant" is what has come in since the last step: planned facts that are due (arrivals,
//! failures and repairs of nodes), then messages in the order in which they were read. The time of
//! a step is the clock's when it begins. The world does not drift: what follows a planned fact is
//! planned from when it was due, not from when it was taken in.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use super::disturbed::Disturbed;
use super::fleet::Fleet;
use super::frame;
use super::journal::Step;
use super::link::{ConnectionId, Incoming, Link};
use super::message::{Job, ToWorker};
use super::meter::{Meter, Samples};
use super::plans::Plans;
use super::run::{LiveError, LiveOptions};
use super::session::{Said, Sessions};
use super::truth::{GivenUp, Truths};
use crate::faults::NodeClocks;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::metrics::DriverFigures;
use crate::random::Streams;
use crate::scheduler::{Command, Commands, Event, NO_JOB, Observer, Policy, Record, Scheduler, TaskState};
use crate::time::{Duration, Time};
use crate::world::World;

/// Incidents that are kept in words; those beyond are counted by what they led to.
const MOST_INCIDENTS: usize = 1000;

/// Real nanoseconds between two looks at who is silent and whether to stop.
const TICK: u64 = 100_000_000;

/// A fact to hand in. If a worker said it: on its clock, when it happened and when it should have,
/// and whose clock that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) event: Event,
    pub(super) at: u64,
    pub(super) due: u64,
    pub(super) process: u32,
    /// Its way was cut off for a while: how late it is says nothing of this machine.
    pub(super) held: bool,
}

impl Fact {
    /// A fact that no worker said.
    pub(super) fn own(event: Event) -> Fact {
        Fact { event, at: 0, due: 0, process: 0, held: false }
    }
}

/// A live run in progress.
pub(super) struct Coordinator<'a, P, O, L> {
    pub(super) world: &'a World,
    pub(super) options: LiveOptions<'a>,
    pub(super) scheduler: Scheduler<P>,
    pub(super) observer: O,
    pub(super) link: L,
    pub(super) sessions: Sessions,
    pub(super) fleet: Fleet,
    pub(super) truths: Truths<'a>,
    pub(super) clocks: Option<NodeClocks<'a, Plans>>,
    /// Where nodes can be disturbed, or send heartbeats.
    pub(super) disturbed: Option<Box<Disturbed<'a>>>,
    /// Whether the scheduler finds out by itself that nodes are dead, and is not told.
    pub(super) monitored: bool,
    streams: Streams,
    pub(super) plans: Plans,
    pub(super) meter: Meter,
    journal: Vec<Step>,
    pub(super) incidents: Vec<String>,
    /// Host clock when the run and when this step began.
    began: u64,
    pub(super) woke: u64,
    /// Host clock when silence was last looked for.
    pub(super) watched: u64,
    pub(super) facts: Vec<Fact>,
    /// What is to be written down of tasks of jobs that arrive in this step.
    in_jobs: VecDeque<Record>,
    pub(super) commands: Commands,
    pub(super) incoming: Vec<Incoming>,
    pub(super) said: Vec<Said>,
    pub(super) close: Vec<ConnectionId>,
    frame: Vec<u8>,
}

/// What a finished run leaves.
pub(super) struct Finished<O> {
    pub(super) observer: O,
    pub(super) works: Vec<u64>,
    pub(super) events: u64,
    pub(super) journal: Vec<Step>,
    pub(super) driver: DriverFigures,
    pub(super) samples: Samples,
    pub(super) incidents: Vec<String>,
}

impl<'a, P: Policy, O: Observer, L: Link> Coordinator<'a, P, O, L> {
    pub(super) fn new(
        world: &'a World,
        seed: u64,
        mut scheduler: Scheduler<P>,
        options: LiveOptions<'a>,
        link: L,
        observer: O,
    ) -> Result<Self, LiveError> {
        let streams = Streams::new(seed);
        let nodes = world.nodes.len();
        let details = world.wants_details(&mut scheduler);
        let mut truths = Truths::new(world, streams, details, scheduler.switch_cost());
        truths.leave_slots(scheduler.copy_slots());
        let disturbed = world.is_disturbed().then(|| Disturbed::new(world, seed, options.time_scale));
        let disturbed = disturbed.map(|made| made.ok_or(LiveError::TimeOverflow)).transpose()?;
        let mut coordinator = Coordinator {
            world,
            options,
            scheduler,
            observer,
            link,
            sessions: Sessions::new(nodes, options.secret),
            fleet: Fleet::new(nodes, |node| world.faults.membership.starts_with(node)),
            truths,
            clocks: None,
            disturbed,
            monitored: world.delays.heartbeats.is_some(),
            streams,
            plans: Plans::default(),
            meter: Meter::new(nodes),
            journal: Vec::new(),
            incidents: Vec::new(),
            began: 0,
            woke: 0,
            watched: 0,
            facts: Vec::new(),
            in_jobs: VecDeque::new(),
            commands: Commands::new(),
            incoming: Vec::new(),
            said: Vec::new(),
            close: Vec::new(),
            frame: Vec::new(),
        };
        coordinator.woke = coordinator.link.host_nanos();
        for node in coordinator.first_nodes() {
            coordinator.start_worker(node)?;
        }
        Ok(coordinator)
    }

    /// Waits until all workers have connected; then the clock of the run starts.
    pub(super) fn muster(&mut self) -> Result<(), LiveError> {
        let start = self.link.host_nanos();
        while !self.fleet.is_complete() {
            self.check_stop()?;
            let waited = self.link.host_nanos() - start;
            if waited > self.options.start_limit.as_nanos() as u64
                && let Some(node) = self.fleet.missing()
            {
                let seconds = self.options.start_limit.as_secs();
                return Err(LiveError::WorkerMissing { node: node.0, seconds });
            }
            let tick = self.scaled(TICK);
            self.link.wait(tick, &mut self.incoming);
            self.woke = self.link.host_nanos();
            self.listen(Time::ZERO)?;
        }
        // All are there at once, in order of number, whoever was first.
        self.facts.clear();
        self.facts.extend(self.first_nodes().map(|node| Fact::own(Event::NodeJoined { node })));
        self.meter.samples.join.clear();
        let (world, streams) = (self.world, self.streams);
        let clocks = NodeClocks::new(&world.faults, world.nodes.len(), streams, &mut self.plans);
        self.clocks = Some(clocks.ok_or(LiveError::TimeOverflow)?);
        self.link.begin();
        self.began = self.link.host_nanos();
        self.watched = self.began;
        self.begin_heartbeats()
    }

    /// One step; `false` when every task is settled.
    pub(super) fn step(&mut self) -> Result<bool, LiveError> {
        let next_arrival = self.truths.next_arrival();
        if next_arrival.is_none() {
            if let Some(error) = self.truths.error() {
                return Err(error.into());
            }
            if self.journal.last().is_some() && self.scheduler.view().unsettled() == 0 {
                return Ok(false);
            }
        }
        self.check_stop()?;
        let planned = self.planned().into_iter().flatten().min().unwrap_or(Time::NEVER);
        let tick = self.link.now().checked_add(self.scaled(TICK).since(Time::ZERO)).unwrap_or(Time::NEVER);
        self.link.wait(planned.min(tick), &mut self.incoming);
        let now = self.link.now();
        self.woke = self.link.host_nanos();
        self.take_in_planned(now)?;
        self.listen(now)?;
        self.watch();
        if !self.facts.is_empty() {
            self.decide(now)?;
        }
        self.check_stuck()?;
        self.meter.busy += self.link.host_nanos().saturating_sub(self.woke);
        Ok(true)
    }

    /// The rest, once every task is settled.
    pub(super) fn finish(mut self) -> Result<Finished<O>, LiveError> {
        let settled = self.scheduler.view().settled();
        let wall = self.link.host_nanos() - self.began;
        for node in 0..self.world.nodes.len() as u32 {
            self.send(NodeId(node), &ToWorker::Shutdown);
        }
        let mut driver = self.meter.figures(wall, settled, self.options.time_scale);
        driver.frames_refused = self.sessions.refused().total() as f64;
        driver.results_refused = self.scheduler.view().refused() as f64;
        let refused: Vec<String> = self.sessions.refused().recent().map(String::from).collect();
        refused.into_iter().for_each(|text| self.note(text));
        Ok(Finished {
            observer: self.observer,
            works: self.truths.into_works(),
            events: self.meter.events,
            journal: self.journal,
            driver,
            samples: self.meter.samples,
            incidents: self.incidents,
        })
    }

    /// When something is due that is known before: an arrival, a change of a node, a timer of the scheduler,
    /// a disturbance.
    fn planned(&self) -> [Option<Time>; 4] {
        let disturbance = self.disturbed.as_ref().and_then(|disturbed| disturbed.next_due());
        [self.truths.next_arrival(), self.plans.next_due(), self.scheduler.next_timer(), disturbance]
    }

    /// Keeps what was out of the ordinary, up to a limit.
    pub(super) fn note(&mut self, incident: String) {
        if self.incidents.len() < MOST_INCIDENTS {
            self.incidents.push(incident);
        }
    }

    fn check_stop(&self) -> Result<(), LiveError> {
        let stopped = self.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if stopped { Err(LiveError::Stopped) } else { Ok(()) }
    }

    /// Whether anything can still happen: something is planned, or an attempt, a worker or a silence will
    /// end. If not, what waits would wait for ever.
    fn check_stuck(&self) -> Result<(), LiveError> {
        let view = self.scheduler.view();
        let waits = view.running() == 0 && view.unsettled() > 0;
        if waits && self.planned().iter().all(Option::is_none) && self.fleet.is_believed() {
            return Err(LiveError::Stuck { waiting: view.waiting() });
        }
        Ok(())
    }

    /// Real nanoseconds as time of the scenario.
    fn scaled(&self, nanos: u64) -> Time {
        Time((nanos as f64 / self.options.time_scale) as u64)
    }

    /// Everything planned that is due, in order of when it was due.
    fn take_in_planned(&mut self, now: Time) -> Result<(), LiveError> {
        if let Some(due) = self.scheduler.next_timer()
            && due <= now
        {
            self.late(now, due);
            self.facts.push(Fact::own(Event::TimerFired));
        }
        loop {
            let arrival = self.truths.next_arrival().unwrap_or(Time::NEVER);
            let change = self.plans.next_due().unwrap_or(Time::NEVER);
            let disturbed = self.disturbed.as_ref().and_then(|disturbed| disturbed.next_due());
            let disturbance = disturbed.unwrap_or(Time::NEVER);
            let due = arrival.min(change).min(disturbance);
            if due > now || due == Time::NEVER {
                return Ok(());
            }
            self.late(now, due);
            if arrival == due {
                if let Some(arrival) = self.truths.arrive() {
                    let speed = self.world.highest_speed();
                    let record = arrival.job.map(|(job, size)| size.record(arrival.task, job, speed));
                    self.in_jobs.extend(record);
                    self.facts.extend(arrival.events().map(Fact::own));
                }
            } else if change > due {
                self.disturb(now)?;
            } else if let Some(plan) = self.plans.pop() {
                self.change_node(now, plan)?;
            }
        }
    }

    /// A planned fact that was due is taken in now.
    fn late(&mut self, now: Time, due: Time) {
        let late = now.since(due).0 as f64 * self.options.time_scale;
        self.meter.samples.lag.push(late as u64);
    }

    pub(super) fn start_worker(&mut self, node: NodeId) -> Result<(), LiveError> {
        let life = self.fleet.get(node).start(self.woke);
        self.sessions.expect(node, life);
        let slots = self.world.nodes[node.index()].slots;
        self.link.start_worker(node, slots, life).map_err(LiveError::Start)
    }

    /// Hands the facts of this instant to the scheduler, lets it decide, and carries out.
    fn decide(&mut self, now: Time) -> Result<(), LiveError> {
        let mut events = Vec::with_capacity(self.facts.len());
        let mut facts = std::mem::take(&mut self.facts);
        let mut decided = false;
        for fact in facts.drain(..) {
            // Most heartbeats change nothing, and after them alone nothing is to be decided.
            decided |= match fact.event {
                Event::Heartbeat { node } => self.scheduler.heeds_heartbeat(node),
                _ => true,
            };
            let given = self.commands.as_slice().len();
            events.extend(self.hand_in(now, fact)?);
            if self.truths.grow() {
                self.spawn(now, given, &mut events)?;
            }
        }
        self.facts = facts;
        if decided {
            let before = self.link.host_nanos();
            self.scheduler.decide(now, &mut self.commands, &mut self.observer);
            self.meter.deciding += self.link.host_nanos().saturating_sub(before);
        }
        if self.options.check_invariants {
            self.scheduler.check_invariants();
        }
        self.meter.steps += u64::from(decided);
        self.meter.events += events.len() as u64;
        let commands = self.commands.as_slice().to_vec();
        self.journal.push(Step { now, events, commands, decided });
        self.carry_out(now)?;
        if let Some(progress) = self.options.progress {
            progress(self.scheduler.view().settled());
        }
        Ok(())
    }

    /// Tasks that have completed, as the commands from `given` on say, submit others at this instant.
    fn spawn(&mut self, now: Time, given: usize, events: &mut Vec<Event>) -> Result<(), LiveError> {
        let completed = self.commands.as_slice()[given..].iter().filter_map(|command| match *command {
            Command::Settle { task, state: TaskState::Completed } => Some(task),
            _ => None,
        });
        for parent in completed.collect::<Vec<_>>() {
            for child in self.truths.children(now, parent)? {
                for event in child.events() {
                    events.extend(self.hand_in(now, Fact::own(event))?);
                }
            }
        }
        Ok(())
    }

    /// One fact; gives the event as the scheduler was told, if it was.
    fn hand_in(&mut self, now: Time, mut fact: Fact) -> Result<Option<Event>, LiveError> {
        if let Event::AttemptStarted { node, .. } | Event::AttemptFinished { node, .. } = fact.event
            && self.truths.contradicts(&fact.event)
        {
            // A worker that lost track of its attempts: the next process of the node begins afresh.
            self.sessions.contradiction(node, &fact.event);
            if fact.process == self.meter.process(node) {
                self.link.kill_worker(node);
            }
            return Ok(None);
        }
        if let Event::AttemptFinished { task, node, service, .. } = &mut fact.event
            && let Some(known) = self.truths.service(*task, *node)
        {
            // What an attempt takes undisturbed is ours to know, not the worker's.
            *service = known;
        }
        if let Event::TaskDescribed { details, .. } = fact.event
            && details.job != NO_JOB
            && let Some(record) = self.in_jobs.pop_front()
        {
            self.observer.on_record(now, &record);
        }
        let refused = self.scheduler.view().refused();
        let given = self.commands.as_slice().len();
        let before = self.link.host_nanos();
        self.scheduler.handle(now, fact.event, &mut self.commands, &mut self.observer);
        self.meter.deciding += self.link.host_nanos().saturating_sub(before);
        if self.scheduler.view().refused() > refused {
            return Ok(Some(fact.event));
        }
        let Some(clocks) = &mut self.clocks else { return Ok(Some(fact.event)) };
        match fact.event {
            Event::AttemptStarted { task, attempt, node } => {
                self.truths.began(task, now);
                if let Some(disturbed) = &mut self.disturbed {
                    disturbed.begins(now, node, task, attempt);
                }
                if let Some(sent) = self.truths.sent(task) {
                    self.meter.began(fact.process, sent, fact.at);
                }
                clocks.attempt_starts(now, node.0, &mut self.plans).ok_or(LiveError::TimeOverflow)?;
            }
            Event::AttemptFinished { task, attempt, node, .. } => {
                self.truths.ended(task);
                if !fact.held {
                    self.meter.ended(fact.process, fact.due, self.woke);
                }
                let disturbed = self.disturbed.as_mut();
                if disturbed.is_none_or(|disturbed| disturbed.ends(node, task, attempt)) {
                    clocks.attempt_ends(now, node.0);
                }
                self.fleet.get(node).works();
            }
            Event::NodeLost { node } => {
                self.give_up(now, given);
                self.fleet.get(node).failed = Time::NEVER;
            }
            Event::TimerFired if self.monitored => {
                self.give_up(now, given);
                self.note_detections();
            }
            _ => {}
        }
        Ok(Some(fact.event))
    }

    fn carry_out(&mut self, now: Time) -> Result<(), LiveError> {
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.as_slice() {
            match *command {
                Command::StartAttempt { task, attempt, node } => self.start(*command, task, attempt, node)?,
                Command::StopAttempt { task, attempt, node, interrupted } => {
                    if interrupted {
                        self.give_up_one(now, task, attempt, node, GivenUp::Interrupted);
                    }
                    self.command(node, ToWorker::Command { command: *command, job: None });
                }
                Command::CancelAttempt { task, attempt, node } => {
                    self.give_up_one(now, task, attempt, node, GivenUp::Cancelled);
                    // To a worker it is all the same why.
                    let command = Command::StopAttempt { task, attempt, node, interrupted: false };
                    self.command(node, ToWorker::Command { command, job: None });
                }
                Command::Settle { task, .. } => self.truths.settle(task),
                Command::StartNode { node } => self.boot(now, node)?,
                Command::StopNode { node } => self.stop(now, node)?,
            }
        }
        commands.clear();
        self.commands = commands;
        Ok(())
    }

    fn start(
        &mut self,
        command: Command,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<(), LiveError> {
        if let Some(original) = self.scheduler.copied_from(task.slot) {
            self.truths.copy(original, task.slot);
        }
        let fate = self.truths.start(task, attempt, node, self.woke)?;
        let nanos = (fate.takes.0 as f64 * self.options.time_scale).round() as u64;
        let (service, outcome, work) = (fate.service.0, fate.outcome, self.options.work);
        let job = Some(Job { nanos, service, outcome, work });
        if let Some(disturbed) = &mut self.disturbed {
            let whole = Duration(fate.takes.0 - fate.extra.0);
            disturbed.set_out(node, task, attempt, (whole, fate.extra));
        }
        self.command(node, ToWorker::Command { command, job });
        Ok(())
    }

    /// Sends to the node's worker. One that is gone gets nothing: that it is gone will be heard.
    pub(super) fn send(&mut self, node: NodeId, message: &ToWorker) {
        if let Some(connection) = self.sessions.connection(node) {
            self.frame.clear();
            frame::encode(message, &mut self.frame);
            self.link.send(connection, &self.frame);
        }
    }
}
