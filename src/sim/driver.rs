//! The driver of the scheduler core in simulated time: it takes the facts of an instant, lets the
//! scheduler decide, and carries out its commands. It alone knows what is true.

use super::arrivals::Arrivals;
use super::disturbed::Disturbed;
use super::event_queue::{Due, EventNumber, EventQueue, Kind, Rank};
use super::leaders::Leaders;
use super::news::News;
use super::probabilities::Probabilities;
use super::run::{RunOptions, SimulationError};
use super::truth::{Attempt, Course, GivenUp, NO_ATTEMPT, Truth};
use crate::faults::{AttemptFates, NodeClocks, Sagas};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::{Purpose, StreamKey, Streams};
use crate::scheduler::{
    Command, Commands, Ended, Event, Observer, OnNodeLoss, Outcome, Policy, Scheduler, TaskSpec,
};
use crate::structures::calendar::Ahead;
use crate::structures::memory;
use crate::time::{Duration, Time};
use crate::workload::Limits;
use crate::workload::source::NewTask;
use crate::workload::spawn::Trees;
use crate::world::World;

/// A run in progress.
#[repr(align(64))]
pub(super) struct Driver<'a, P, O> {
    pub(super) world: &'a World,
    pub(super) scheduler: Scheduler<P>,
    pub(super) observer: O,
    pub(super) commands: Commands,
    pub(super) arrivals: Arrivals,
    /// When the next task arrives; it needs no place in the event queue.
    pub(super) next_arrival: Rank,
    pub(super) queue: EventQueue,
    /// By slot.
    pub(super) truths: Vec<Truth>,
    /// Attempts at nodes, and the places of those that are over.
    pub(super) attempts: Vec<Attempt>,
    pub(super) over: Vec<u32>,
    /// By slot, when `has_courses`.
    pub(super) courses: Vec<Course>,
    pub(super) has_courses: bool,
    /// By slot, the zone its task comes from; empty when zones are not apart.
    pub(super) zones: Vec<u16>,
    /// Who descends from whom, when tasks spawn others.
    pub(super) trees: Option<Box<Trees>>,
    /// All jobs, where those are undone of which a task fails; and what has ended of late.
    pub(super) sagas: Option<Box<Sagas>>,
    pub(super) ended: Vec<Ended>,
    pub(super) starts_are_reported: bool,
    /// How many tasks were settled, and what has happened in vain since.
    pub(super) in_vain: (u64, u64),
    /// Slots below this are left to copies of attempts.
    pub(super) copy_slots: u32,
    /// Whether the scheduler has no leader from the next instant on.
    pub(super) leaderless: bool,
    /// Whether what happens is kept from the scheduler, as it has no leader.
    pub(super) withholds: bool,
    /// Who leads when, if the scheduler fails.
    pub(super) leaders: Option<Box<Leaders<'a>>>,
    pub(super) free: Vec<u32>,
    pub(super) nodes: NodeClocks<'a, EventQueue>,
    pub(super) news: News<'a>,
    pub(super) probabilities: Probabilities,
    pub(super) limits: Limits<'a>,
    pub(super) fates: AttemptFates<'a>,
    /// Whether an attempt may take another time than its work does.
    odd_times: bool,
    /// Where nodes can be disturbed, or messages come late or not at all.
    pub(super) disturbed: Option<Box<Disturbed<'a>>>,
    pub(super) delays: StreamKey,
    /// The speed all nodes share, if they do.
    common_speed: Option<f64>,
    /// By task number, when asked for.
    works: Vec<u64>,
    keep_works: bool,
    pub(super) events: u64,
}

impl<'a, P: Policy, O: Observer> Driver<'a, P, O> {
    pub(super) fn new(
        world: &'a World,
        seed: u64,
        policy: P,
        options: &RunOptions<'_>,
        mut observer: O,
    ) -> Result<Self, SimulationError> {
        let streams = Streams::new(seed);
        let mut queue = EventQueue::new();
        let nodes = NodeClocks::new(&world.faults, world.nodes.len(), streams, &mut queue)
            .ok_or(SimulationError::TimeOverflow)?;
        let disturbed = world.is_disturbed().then(|| Disturbed::new(world, seed, &mut queue));
        let disturbed = disturbed.map(|made| made.ok_or(SimulationError::TimeOverflow)).transpose()?;
        let starts_are_reported = world.starts_are_reported();
        let config = world.scheduler_config(seed, starts_are_reported);
        let mut scheduler = Scheduler::new(policy, &world.nodes, config);
        if let Some(guard) = options.sabotage {
            scheduler.sabotage(guard);
        }
        let mut commands = Commands::new();
        let present = |node: &u32| world.faults.membership.starts_with(*node);
        for node in (0..world.nodes.len() as u32).filter(present) {
            let joined = Event::NodeJoined { node: NodeId(node) };
            scheduler.handle(Time::ZERO, joined, &mut commands, &mut observer);
        }
        let leaders = Leaders::new(&world.faults, streams, &mut queue)?;
        let compensations = world.compensations().map(|plan| plan.from);
        let fates = AttemptFates::new(&world.faults.attempts, streams).sparing(compensations);
        let takes_longer = world.retry.checkpoint.is_some();
        let resumes = world.retry.on_node_loss == OnNodeLoss::Resume || scheduler.interrupts();
        let resumes = resumes || takes_longer || fates.may_fail_early();
        let (unsettled, speed) = (world.expected_unsettled(), world.nodes[0].speed);
        scheduler.reserve(unsettled);
        let arrivals = Arrivals::new(world, streams, world.wants_details(&mut scheduler));
        let mut driver = Driver {
            world,
            scheduler,
            observer,
            commands,
            arrivals,
            next_arrival: Rank::NEVER,
            queue,
            truths: Vec::new(),
            attempts: Vec::new(),
            over: Vec::new(),
            courses: Vec::new(),
            // Without a leader nobody takes note of what is lost with a node.
            has_courses: starts_are_reported || resumes || leaders.is_some(),
            zones: Vec::new(),
            trees: Trees::new(&world.workload, streams).map(Box::new),
            sagas: world.sagas(streams).map(Box::new),
            ended: Vec::new(),
            starts_are_reported,
            in_vain: (0, 0),
            copy_slots: 0,
            leaderless: false,
            withholds: false,
            leaders,
            free: Vec::new(),
            nodes,
            news: News::new(world, world.delays.streams(seed)),
            disturbed,
            probabilities: Probabilities::default(),
            limits: world.workload.limits(),
            fates,
            odd_times: fates.may_fail_early() || takes_longer || world.retry.longest_attempt().is_some(),
            delays: world.delays.streams(seed).key(Purpose::DispatchDelay),
            common_speed: world.nodes.iter().all(|node| node.speed == speed).then_some(speed),
            works: Vec::new(),
            keep_works: options.tasks,
            events: 0,
        };
        memory::reserve(&mut driver.truths, unsettled);
        memory::reserve(&mut driver.attempts, world.slots().min(unsettled as u64) as usize);
        driver.leave_slots();
        driver.draw_arrival();
        Ok(driver)
    }

    /// One instant: all its facts, one decision, its commands. Gives `false`, and does nothing, when
    /// every task is settled.
    #[inline(always)]
    pub(super) fn step(&mut self) -> Result<bool, SimulationError> {
        if self.leaderless {
            return self.step_without_leader();
        }
        if self.next_arrival.is_never() && self.scheduler.view().unsettled() == 0 {
            return Ok(false);
        }
        let before = self.events;
        let event = self.queue.peek();
        let mut now = self.next_arrival.earlier(event).time();
        if let Some(timer) = self.scheduler.next_timer()
            && timer <= now
        {
            now = timer;
            self.events += 1;
            self.tell(now, Event::TimerFired);
        }
        if now == Time::NEVER {
            return Err(SimulationError::Stuck { waiting: self.scheduler.view().waiting() });
        }
        self.take_facts(now, event)?;
        // An instant of nothing but events that no longer count is none to the scheduler.
        if self.events > before {
            self.decide(now)?;
            self.carry_out(now)?;
        }
        if O::AUDITS && self.observer.has_seen_enough() {
            return Err(SimulationError::Stopped);
        }
        self.fetch_ahead();
        Ok(true)
    }

    /// Lets the scheduler decide, once the facts of this instant are in.
    #[inline(always)]
    pub(super) fn decide(&mut self, now: Time) -> Result<(), SimulationError> {
        if self.sagas.is_some() {
            return self.decide_and_undo(now);
        }
        self.decide_once(now);
        Ok(())
    }

    /// One decision of the scheduler, audited where anybody wants that.
    #[inline(always)]
    pub(super) fn decide_once(&mut self, now: Time) {
        if O::AUDITS {
            return self.decide_audited(now);
        }
        self.scheduler.decide(now, &mut self.commands, &mut self.observer);
    }

    /// Takes in all that happens now; `event` is the first in the queue.
    #[inline(always)]
    pub(super) fn take_facts(&mut self, now: Time, mut event: Rank) -> Result<(), SimulationError> {
        // Facts in order of their insertion. Which comes next cannot be predicted, whether another
        // comes at the same instant can: only the former is asked once per fact.
        while self.next_arrival.earlier(event).time() == now {
            if self.next_arrival.is_before(event) {
                self.arrive(now)?;
            } else if let Some(due) = self.queue.pop() {
                self.take_in(now, due)?;
            }
            event = self.queue.peek();
        }
        Ok(())
    }

    /// Fetches from memory what the next ends of attempts will need. On large clusters most of the
    /// time would otherwise be spent waiting for it.
    #[inline(always)]
    fn fetch_ahead(&mut self) {
        let (truths, attempts) = (&self.truths, &self.attempts);
        let (scheduler, observer) = (&self.scheduler, &self.observer);
        self.queue.look_ahead(|ahead, index| match ahead {
            Ahead::Far => memory::prefetch(attempts, index as usize),
            Ahead::Near => {
                if let Some(attempt) = attempts.get(index as usize) {
                    // A task that ends leaves its slot to the next that arrives.
                    memory::prefetch(truths, attempt.slot as usize);
                    scheduler.fetch_task(attempt.slot);
                    scheduler.fetch_node(NodeId(attempt.node));
                    observer.fetch_node(NodeId(attempt.node));
                }
            }
            Ahead::Next => {
                let node = attempts.get(index as usize).map(|attempt| NodeId(attempt.node));
                if let Some(waiting) = node.and_then(|node| scheduler.first_queued(node)) {
                    memory::prefetch(truths, waiting as usize);
                    scheduler.fetch_task(waiting);
                }
            }
        });
    }

    /// Events, observer and works of a run whose steps are done.
    pub(super) fn finish(self) -> Result<(u64, O, Vec<u64>), SimulationError> {
        match self.arrivals.error() {
            Some(error) => Err(error.into()),
            None => Ok((self.events, self.observer, self.works)),
        }
    }

    #[inline(always)]
    pub(super) fn draw_arrival(&mut self) {
        self.next_arrival = match self.arrivals.peek() {
            Some(task) => Rank::new(task.arrival, self.queue.number()),
            None => Rank::NEVER,
        };
    }

    #[inline(always)]
    pub(super) fn tell(&mut self, now: Time, event: Event) {
        if self.withholds {
            return self.withhold(now, event);
        }
        if O::AUDITS {
            return self.tell_audited(now, event);
        }
        self.scheduler.handle(now, event, &mut self.commands, &mut self.observer);
    }

    #[inline(always)]
    pub(super) fn arrive(&mut self, now: Time) -> Result<(), SimulationError> {
        let Some(new) = self.arrivals.take() else { return Ok(()) };
        self.events += 1;
        let fails = self.probabilities.index(new.failure_probability);
        let &NewTask { number, work, estimate, priority, slots, class, .. } = new;
        let slot = self.take_slot(Truth { work, fails, attempt: NO_ATTEMPT })?;
        if self.keep_works {
            self.works.push(work);
        }
        let task = TaskId { slot, number };
        let spec = TaskSpec { estimate, priority, slots, class };
        if self.arrivals.has_details() {
            self.submit_described(now, task, spec);
        } else {
            self.tell(now, Event::TaskSubmitted { task, spec });
            self.draw_arrival();
        }
        Ok(())
    }

    #[inline(always)]
    fn take_in(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        match due.kind {
            Kind::Finish => self.finish_attempt(now, due),
            Kind::Begin => self.begin_attempt(now, due),
            Kind::Node => self.change_node(now, due),
            Kind::Report => {
                self.events += 1;
                let report = self.news.receive(due.index);
                if self.trees.is_some() {
                    return self.tell_and_spawn(now, report);
                }
                self.tell(now, report);
                Ok(())
            }
            Kind::Disturbance => self.disturb(now, due.index),
            Kind::Lost | Kind::Joined => {
                self.hear_of_node(now, due);
                Ok(())
            }
            Kind::Leader => self.change_leader(now),
        }
    }

    #[inline(always)]
    fn finish_attempt(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        let attempt = &mut self.attempts[due.index as usize];
        if attempt.finish != due.number {
            return Ok(());
        }
        if self.has_courses && self.disturbed.is_some() && self.ends_in_vain(now, due.index)? {
            return Ok(());
        }
        let attempt = &mut self.attempts[due.index as usize];
        attempt.finish = EventNumber::NONE;
        let Attempt { work, slot, number, attempt, node, .. } = *attempt;
        self.over.push(due.index);
        if self.has_courses && !self.news.has_stayed_up(node, self.courses[slot as usize].changes) {
            // It died with its node, and the scheduler will hear of that.
            self.credit(now, slot, node);
            return Ok(());
        }
        self.nodes.attempt_ends(now, node);
        let outcome = self.outcome(TaskId { slot, number }, attempt, node, work);
        let event = Event::AttemptFinished {
            task: TaskId { slot, number },
            attempt: AttemptNumber(attempt),
            node: NodeId(node),
            outcome,
            service: self.service(work - self.limits.excess(number, work), node),
        };
        if self.has_courses {
            // A failed attempt is found at its end; the next one repeats all of the work.
            self.courses[slot as usize].left = if outcome == Outcome::Failure { work } else { 0 };
        }
        let identity = || self.identity(TaskId { slot, number });
        let delay = self.news.completion(identity, attempt).ok_or(SimulationError::TimeOverflow)?;
        if self.has_courses && self.disturbed.is_some() {
            return self.send_result(now, event, delay, identity());
        }
        let Some(delay) = delay else {
            self.events += 1;
            if self.trees.is_some() {
                return self.tell_and_spawn(now, event);
            }
            self.tell(now, event);
            return Ok(());
        };
        let known = now.checked_add(delay).ok_or(SimulationError::TimeOverflow)?;
        let report = self.news.send(event);
        self.queue.push(known, Kind::Report, report);
        Ok(())
    }

    fn begin_attempt(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        let course = &mut self.courses[due.index as usize];
        if course.begin != due.number {
            return Ok(());
        }
        course.begin = EventNumber::NONE;
        let index = self.truths[due.index as usize].attempt;
        let begun = &mut self.attempts[index as usize];
        let Attempt { number, attempt, node, .. } = *begun;
        if !self.news.has_stayed_up(node, course.changes) {
            // It was sent to a node that is gone, and the scheduler will hear of that.
            begun.finish = EventNumber::NONE;
            self.over.push(index);
            return Ok(());
        }
        if self.disturbed.is_some() {
            return self.arrive_at_node(now, index);
        }
        self.events += 1;
        let event = Event::AttemptStarted {
            task: TaskId { slot: due.index, number },
            attempt: AttemptNumber(attempt),
            node: NodeId(node),
        };
        let clock = self.nodes.attempt_starts(now, node, &mut self.queue);
        clock.ok_or(SimulationError::TimeOverflow)?;
        self.tell(now, event);
        Ok(())
    }

    /// Time that `work` takes on `node`.
    #[inline(always)]
    pub(super) fn service(&self, work: u64, node: u32) -> Duration {
        let speed = self.common_speed.unwrap_or_else(|| self.world.nodes[node as usize].speed);
        // Where it is too long, adding to the clock reports the overflow.
        Duration::of_work(work, speed)
    }

    #[inline(always)]
    pub(super) fn carry_out(&mut self, now: Time) -> Result<(), SimulationError> {
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.as_slice() {
            match *command {
                Command::StartAttempt { task, attempt, node } => self.start(now, task, attempt, node)?,
                Command::StopAttempt { task, attempt, node, interrupted } => {
                    let why = if interrupted { GivenUp::Interrupted } else { GivenUp::Lost };
                    self.stop(now, task, attempt, node, why);
                }
                Command::CancelAttempt { task, attempt, node } => {
                    self.stop(now, task, attempt, node, GivenUp::Cancelled);
                }
                Command::Settle { task, .. } => {
                    // After the last arrival nobody but spawned tasks and compensations takes a free slot.
                    if !self.next_arrival.is_never() || self.trees.is_some() || self.sagas.is_some() {
                        self.free.push(task.slot);
                    }
                }
                Command::StartNode { node } => self.start_node(now, node)?,
                Command::StopNode { node } => self.stop_node(now, node)?,
            }
        }
        commands.clear();
        self.commands = commands;
        Ok(())
    }

    #[inline(always)]
    fn start(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<(), SimulationError> {
        let slot = task.slot as usize;
        if task.slot < self.copy_slots {
            self.copy_truth(task);
        }
        if attempt.0 > 1 && self.world.retry.redraw {
            self.redraw(task, attempt)?;
        }
        let work = self.truths[slot].work;
        let (begins, left, extra) = if self.has_courses {
            self.set_out(now, task, attempt, node)?
        } else {
            (now, work, Duration::ZERO)
        };
        if !self.starts_are_reported {
            let clock = self.nodes.attempt_starts(now, node.0, &mut self.queue);
            clock.ok_or(SimulationError::TimeOverflow)?;
        }
        let excess = self.limits.excess(task.number, work);
        let takes = if self.odd_times {
            self.odd_time(task, attempt, node, (left, excess))
        } else {
            self.service(left.saturating_sub(excess), node.0)
        };
        let end = begins.checked_add(takes).ok_or(SimulationError::TimeOverflow)?;
        let index = self.over.pop().unwrap_or(self.attempts.len() as u32);
        let finish = if self.has_courses
            && let Some(disturbed) = &mut self.disturbed
        {
            disturbed.set_out(index, takes, extra, &mut self.queue)
        } else {
            self.queue.push(end, Kind::Finish, index)
        };
        let sent =
            Attempt { finish, work, slot: task.slot, number: task.number, attempt: attempt.0, node: node.0 };
        match self.attempts.get_mut(index as usize) {
            Some(place) => *place = sent,
            None => self.attempts.push(sent),
        }
        self.truths[slot].attempt = index;
        if let Some(soon) = self.scheduler.upcoming() {
            memory::prefetch(&self.truths, soon as usize);
        }
        Ok(())
    }
}
