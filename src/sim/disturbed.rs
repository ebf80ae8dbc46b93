//! Nodes that are slow, pause or are cut off, messages that are lost, and heartbeats.
//!
//! An attempt has a course of its own here, by the place it has among attempts: the time it still needs on
//! its node at full speed. Whenever the pace of the node changes, what it did since is taken off, and its
//! end moves; the old one is skipped when it comes up.
//!
//! A node is out of reach while it pauses or is cut off. Starts wait at its door meanwhile, results on the
//! other side of it, and an attempt that the scheduler gives up runs on: it is stopped when the node is
//! within reach again, unless it has come to its end in vain. Then, in this order: the node joins, if it was
//! repaired meanwhile; what was given up is stopped; what was sent begins; results are sent. A node that
//! crashes forgets all of it.
//!
//! Cost: O(attempts at the node) when its pace or its reach changes, and for an attempt that ends,
//! an event for each heartbeat. Worlds without any of this have no such table.

use super::driver::Driver;
use super::event_queue::{EventNumber, EventQueue, Kind};
use super::run::SimulationError;
use super::truth::Attempt;
use crate::faults::{Disturbance, DisturbanceClocks, DisturbanceStep, MessageLoss, Pace, Progress};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::{Purpose, StreamKey, Streams, uniform};
use crate::scheduler::{Event, Observer, Outcome, Policy, Record};
use crate::structures::ensure::{ensure, ensure_eq};
use crate::time::{Duration, Time};
use crate::world::{Heartbeats, World};

/// The event that a planned disturbance begins or ends; those by chance follow, then heartbeats by node.
const PLANNED: u32 = 0;

/// What is true of a node besides whether it is up.
#[derive(Clone, Debug, Default)]
struct NodeState {
    pace: Pace,
    partitions: u32,
    /// Whether it runs at all: not from its crash until it joins again.
    down: bool,
    /// It has been repaired and could not say so.
    join_waits: bool,
    /// Attempts that run here, by their places.
    here: Vec<u32>,
    /// Attempts that are to begin here, once the message arrives.
    inbox: Vec<u32>,
    /// Ends of attempts to be sent, and how long they will be on their way.
    outbox: Vec<(u32, Duration)>,
    /// Heartbeats so far.
    beats: u64,
}

impl NodeState {
    fn within_reach(&self) -> bool {
        !self.pace.pauses() && self.partitions == 0
    }
}

/// What is true of an attempt.
#[derive(Clone, Copy, Debug)]
struct Course {
    progress: Progress,
    runs: bool,
    /// The scheduler has given it up, and the node does not know.
    given_up: bool,
}

/// The truth about disturbances.
#[derive(Debug)]
pub(super) struct Disturbed<'a> {
    clocks: DisturbanceClocks<'a>,
    nodes: Vec<NodeState>,
    /// By the place of the attempt.
    courses: Vec<Course>,
    loss: Option<MessageLoss>,
    starts: StreamKey,
    results: StreamKey,
    heartbeats: Option<&'a Heartbeats>,
    gaps: StreamKey,
    losses: StreamKey,
}

impl<'a> Disturbed<'a> {
    /// For a world that has any of this. `None` when a time does not fit the clock.
    pub(super) fn new(world: &'a World, seed: u64, queue: &mut EventQueue) -> Option<Box<Self>> {
        let streams = Streams::new(seed);
        let news = world.delays.streams(seed);
        let nodes = world.nodes.len();
        let mut disturbed = Disturbed {
            clocks: DisturbanceClocks::new(&world.faults.disturbances, nodes, streams),
            nodes: vec![NodeState::default(); nodes],
            courses: Vec::new(),
            loss: world.faults.message_loss,
            starts: news.key(Purpose::StartLoss),
            results: news.key(Purpose::ResultLoss),
            heartbeats: world.delays.heartbeats.as_ref(),
            gaps: news.key(Purpose::Heartbeat),
            losses: news.key(Purpose::HeartbeatLoss),
        };
        disturbed.put_planned(queue);
        for clock in 0..disturbed.clocks.clocks() {
            disturbed.put_clock(Time::ZERO, clock, queue)?;
        }
        if disturbed.heartbeats.is_some() {
            (0..nodes as u32).try_for_each(|node| disturbed.put_heartbeat(Time::ZERO, node, queue))?;
        }
        Some(Box::new(disturbed))
    }

    fn put_planned(&self, queue: &mut EventQueue) {
        if let Some(at) = self.clocks.next_planned() {
            queue.push(at, Kind::Disturbance, PLANNED);
        }
    }

    fn put_clock(&mut self, now: Time, clock: u32, queue: &mut EventQueue) -> Option<()> {
        let at = now.checked_add(self.clocks.until_next(clock)?)?;
        queue.push(at, Kind::Disturbance, PLANNED + 1 + clock);
        Some(())
    }

    /// The first heartbeat of a node comes at any time within a mean gap, so that nodes do not speak all
    /// at once.
    fn put_heartbeat(&mut self, now: Time, node: u32, queue: &mut EventQueue) -> Option<()> {
        let heartbeats = self.heartbeats?;
        let state = &mut self.nodes[node as usize];
        let mut stream = self.gaps.stream2(u64::from(node), state.beats);
        let gap = match state.beats {
            0 => uniform(&mut stream) * heartbeats.monitor.interval.as_seconds(),
            _ => heartbeats.gaps.sample(&mut stream),
        };
        state.beats += 1;
        let at = now.checked_add(Duration::from_seconds(gap)?)?;
        queue.push(at, Kind::Disturbance, PLANNED + 1 + self.clocks.clocks() + node);
        Some(())
    }

    /// How late the message to start this attempt is. `None` when that does not fit the clock.
    pub(super) fn start_delay(&self, identity: u64, attempt: u32) -> Option<Duration> {
        let Some(loss) = &self.loss else { return Some(Duration::ZERO) };
        loss.delay(&mut self.starts.stream2(identity, u64::from(attempt)))
    }

    /// Whether a heartbeat that the node sends just now arrives.
    fn heartbeat_arrives(&self, node: u32) -> bool {
        let state = &self.nodes[node as usize];
        let lost = |loss: &MessageLoss| loss.loses(&mut self.losses.stream2(u64::from(node), state.beats));
        state.within_reach() && !state.down && !self.loss.as_ref().is_some_and(lost)
    }

    /// An attempt is sent to a node, where it will need so much time, and `extra` before it goes on with
    /// its work. Names its end, which is not yet known.
    pub(super) fn set_out(
        &mut self,
        place: u32,
        service: Duration,
        extra: Duration,
        queue: &mut EventQueue,
    ) -> EventNumber {
        let course = Course { progress: Progress::new(service, extra), runs: false, given_up: false };
        match self.courses.get_mut(place as usize) {
            Some(old) => *old = course,
            None => self.courses.push(course),
        }
        queue.number()
    }

    /// Counts what the attempts at a node did until now; to be called before its pace changes.
    fn advance(&mut self, now: Time, node: u32) {
        let state = &self.nodes[node as usize];
        for &place in &state.here {
            self.courses[place as usize].progress.advance(now, &state.pace);
        }
    }

    /// The end of an attempt that runs. `None` when it does not fit the clock.
    fn put_end(&self, now: Time, node: u32, place: u32, queue: &mut EventQueue) -> Option<EventNumber> {
        let pace = &self.nodes[node as usize].pace;
        if pace.pauses() {
            return Some(queue.number());
        }
        let end = self.courses[place as usize].progress.end(now, pace.slowness())?;
        Some(queue.push(end, Kind::Finish, place))
    }

    /// Takes the attempt off its node.
    fn leave(&mut self, node: u32, place: u32) {
        self.courses[place as usize].runs = false;
        let state = &mut self.nodes[node as usize];
        state.here.retain(|&other| other != place);
        state.inbox.retain(|&other| other != place);
    }
}

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    #[cold]
    pub(super) fn disturb(&mut self, now: Time, index: u32) -> Result<(), SimulationError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let queue = &mut self.queue;
        let clocks = disturbed.clocks.clocks();
        let step = if index == PLANNED {
            let step = disturbed.clocks.planned_step();
            disturbed.put_planned(queue);
            step
        } else if index <= clocks {
            let step = disturbed.clocks.step(index - 1);
            disturbed.put_clock(now, index - 1, queue).ok_or(SimulationError::TimeOverflow)?;
            Some(step)
        } else {
            let node = index - 1 - clocks;
            let arrives = disturbed.heartbeat_arrives(node);
            disturbed.put_heartbeat(now, node, queue).ok_or(SimulationError::TimeOverflow)?;
            if arrives {
                let node = NodeId(node);
                // Nearly all change nothing, and nothing is to be decided.
                self.events += u64::from(self.scheduler.heeds_heartbeat(node));
                self.goes_in_vain(1)?;
                self.tell(now, Event::Heartbeat { node });
            }
            None
        };
        step.map_or(Ok(()), |step| self.change_pace(now, step))
    }

    fn change_pace(&mut self, now: Time, step: DisturbanceStep) -> Result<(), SimulationError> {
        let DisturbanceStep { node, begins, what } = step;
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let was_within_reach = disturbed.nodes[node as usize].within_reach();
        if what == Disturbance::Partition {
            let partitions = &mut disturbed.nodes[node as usize].partitions;
            *partitions = if begins { *partitions + 1 } else { *partitions - 1 };
        } else {
            disturbed.advance(now, node);
            disturbed.nodes[node as usize].pace.change(what, begins);
            for at in 0..disturbed.nodes[node as usize].here.len() {
                let place = disturbed.nodes[node as usize].here[at];
                let end = disturbed.put_end(now, node, place, &mut self.queue);
                self.attempts[place as usize].finish = end.ok_or(SimulationError::TimeOverflow)?;
            }
        }
        let reaches = disturbed.nodes[node as usize].within_reach() && !was_within_reach;
        if reaches { self.reach(now, node) } else { Ok(()) }
    }

    /// The node is within reach again.
    fn reach(&mut self, now: Time, node: u32) -> Result<(), SimulationError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        if std::mem::take(&mut disturbed.nodes[node as usize].join_waits) {
            self.tell_joined(now, node);
        }
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let given_up = |place: &u32| disturbed.courses[*place as usize].given_up;
        let stopped: Vec<u32> =
            disturbed.nodes[node as usize].here.iter().copied().filter(given_up).collect();
        for place in stopped {
            self.end_at_node(now, node, place);
        }
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let state = &mut disturbed.nodes[node as usize];
        let (mut starts, mut results) = (std::mem::take(&mut state.inbox), std::mem::take(&mut state.outbox));
        for place in starts.drain(..) {
            self.begin_at_node(now, node, place)?;
        }
        for (report, delay) in results.drain(..) {
            let known = now.checked_add(delay).ok_or(SimulationError::TimeOverflow)?;
            self.queue.push(known, Kind::Report, report);
        }
        if let Some(disturbed) = &mut self.disturbed {
            // Their memory is used again.
            let state = &mut disturbed.nodes[node as usize];
            (state.inbox, state.outbox) = (starts, results);
        }
        Ok(())
    }

    /// The message to start an attempt arrives, or would if the node were within reach.
    #[cold]
    pub(super) fn arrive_at_node(&mut self, now: Time, place: u32) -> Result<(), SimulationError> {
        let node = self.attempts[place as usize].node;
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let state = &mut disturbed.nodes[node as usize];
        if state.within_reach() {
            return self.begin_at_node(now, node, place);
        }
        state.inbox.push(place);
        Ok(())
    }

    fn begin_at_node(&mut self, now: Time, node: u32, place: u32) -> Result<(), SimulationError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        disturbed.nodes[node as usize].here.push(place);
        let course = &mut disturbed.courses[place as usize];
        course.runs = true;
        course.progress.begin(now);
        let end = disturbed.put_end(now, node, place, &mut self.queue);
        let begun = &mut self.attempts[place as usize];
        begun.finish = end.ok_or(SimulationError::TimeOverflow)?;
        let Attempt { slot, number, attempt, .. } = *begun;
        let clock = self.nodes.attempt_starts(now, node, &mut self.queue);
        clock.ok_or(SimulationError::TimeOverflow)?;
        self.events += 1;
        let (task, node) = (TaskId { slot, number }, NodeId(node));
        self.tell(now, Event::AttemptStarted { task, attempt: AttemptNumber(attempt), node });
        Ok(())
    }

    /// An attempt that runs is over, and its place free.
    fn end_at_node(&mut self, now: Time, node: u32, place: u32) {
        if let Some(disturbed) = &mut self.disturbed {
            disturbed.leave(node, place);
        }
        self.attempts[place as usize].finish = EventNumber::NONE;
        self.over.push(place);
        self.nodes.attempt_ends(now, node);
    }

    /// An attempt comes to its end. Gives whether that was in vain, and all of it done.
    #[cold]
    pub(super) fn ends_in_vain(&mut self, now: Time, place: u32) -> Result<bool, SimulationError> {
        let Attempt { node, slot, number, attempt, .. } = self.attempts[place as usize];
        let Some(disturbed) = &mut self.disturbed else { return Ok(false) };
        let Course { progress, given_up, .. } = disturbed.courses[place as usize];
        if !given_up {
            disturbed.leave(node, place);
            return Ok(false);
        }
        self.end_at_node(now, node, place);
        let (task, attempt, node) = (TaskId { slot, number }, AttemptNumber(attempt), NodeId(node));
        self.observer.on_record(now, &Record::RanInVain { task, attempt, node });
        // How it ended does not matter: it is refused.
        let service = progress.whole();
        let event = Event::AttemptFinished { task, attempt, node, outcome: Outcome::Success, service };
        let delay = self.news.completion(|| u64::from(number), attempt.0);
        self.send_result(now, event, delay.ok_or(SimulationError::TimeOverflow)?, u64::from(number))?;
        Ok(true)
    }

    /// The end of an attempt is reported, after this delay if nothing holds it up.
    #[cold]
    pub(super) fn send_result(
        &mut self,
        now: Time,
        event: Event,
        delay: Option<Duration>,
        identity: u64,
    ) -> Result<(), SimulationError> {
        let Event::AttemptFinished { attempt, node, .. } = event else { return Ok(()) };
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let mut way = delay.unwrap_or(Duration::ZERO);
        if let Some(loss) = &disturbed.loss {
            let late = loss.delay(&mut disturbed.results.stream2(identity, u64::from(attempt.0)));
            let sum = late.and_then(|late| way.0.checked_add(late.0));
            way = Duration(sum.ok_or(SimulationError::TimeOverflow)?);
        }
        let state = &mut disturbed.nodes[node.index()];
        if !state.within_reach() {
            state.outbox.push((self.news.send(event), way));
            return Ok(());
        }
        let known = now.checked_add(way).ok_or(SimulationError::TimeOverflow)?;
        let report = self.news.send(event);
        self.queue.push(known, Kind::Report, report);
        Ok(())
    }

    /// The scheduler gives an attempt up. Gives whether it was still to come to its end, and what it did
    /// of its work is taken off what is left of the task's.
    #[cold]
    pub(super) fn give_up_at_node(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        keeps_work: bool,
    ) {
        let place = self.truths[task.slot as usize].attempt;
        let runs = |there: &&Attempt| there.still_runs(task, attempt);
        let Some(&Attempt { node, .. }) = self.attempts.get(place as usize).filter(runs) else { return };
        let Some(disturbed) = &mut self.disturbed else { return };
        let state = &disturbed.nodes[node as usize];
        let attempt = &mut disturbed.courses[place as usize];
        if attempt.given_up {
            return;
        }
        if keeps_work {
            let done = match attempt.runs {
                true => attempt.progress.done(now, &state.pace),
                false => attempt.progress.done_so_far(),
            };
            let course = &mut self.courses[task.slot as usize];
            course.left = course.left.saturating_sub(done.work_at(self.world.nodes[node as usize].speed));
        }
        if !attempt.runs {
            // On its way, at the door, or gone with its node.
            disturbed.leave(node, place);
            self.attempts[place as usize].finish = EventNumber::NONE;
            self.over.push(place);
        } else if state.within_reach() {
            self.end_at_node(now, node, place);
        } else {
            attempt.given_up = true;
        }
    }

    /// The node goes down, and with it all that is there.
    #[cold]
    pub(super) fn crash(&mut self, now: Time, node: u32) {
        let Some(disturbed) = &mut self.disturbed else { return };
        disturbed.advance(now, node);
        let state = &mut disturbed.nodes[node as usize];
        (state.down, state.join_waits) = (true, false);
        state.inbox.clear();
        for (report, _) in state.outbox.drain(..) {
            self.news.receive(report);
        }
        for place in state.here.drain(..) {
            let course = &mut disturbed.courses[place as usize];
            course.runs = false;
            let attempt = &mut self.attempts[place as usize];
            if course.given_up {
                attempt.finish = EventNumber::NONE;
                self.over.push(place);
            } else {
                // It counts until the scheduler knows.
                attempt.finish = self.queue.number();
            }
        }
    }

    /// The node is there again and says so. Gives whether that is heard at once.
    #[cold]
    pub(super) fn can_join(&mut self, node: u32) -> bool {
        let Some(disturbed) = &mut self.disturbed else { return true };
        let state = &mut disturbed.nodes[node as usize];
        state.join_waits = !state.within_reach();
        state.down = state.join_waits;
        !state.join_waits
    }

    /// Attempts stand where they run, and each once.
    pub(super) fn check_disturbed(&self) -> Result<(), String> {
        let Some(disturbed) = &self.disturbed else { return Ok(()) };
        let mut running = 0;
        for (node, state) in disturbed.nodes.iter().enumerate() {
            let holds = !state.inbox.is_empty() || !state.outbox.is_empty();
            ensure!(!state.within_reach() || !holds, "node {node} is within reach and holds messages");
            ensure!(!state.down || state.here.is_empty(), "node {node} is down and works");
            for &place in &state.here {
                let (attempt, course) = (&self.attempts[place as usize], &disturbed.courses[place as usize]);
                let stands =
                    attempt.node == node as u32 && attempt.finish != EventNumber::NONE && course.runs;
                ensure!(stands, "an attempt of task {} does not stand where it runs", attempt.number);
                ensure!(!course.given_up || !state.within_reach(), "node {node} was told to stop");
            }
            running += state.here.len();
        }
        ensure_eq!(running, disturbed.courses.iter().filter(|of| of.runs).count(), "attempts that run");
        Ok(())
    }
}
