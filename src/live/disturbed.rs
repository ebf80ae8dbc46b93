//! Nodes that are slow, pause or are cut off, and heartbeats, for real.
//!
//! A worker whose node is slow is told so, and its attempts take longer. One whose node pauses is really
//! stopped: SIGSTOP, and SIGCONT when the pause is over; what it hears first is for how long it was stopped.
//! Of a node that is cut off no fact gets past the coordinator, and no command to it; heartbeats meanwhile
//! are dropped.
//!
//! A node is out of reach while it pauses or is cut off. What the scheduler says to it then is kept here,
//! not in the socket of a process that does not read; when it is within reach again it hears first what it is
//! to stop, then what it is to start. This is what the simulator does (`src/sim/disturbed.rs`), which has to
//! give the same records.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::beats::Beats;
use super::coordinator::{Coordinator, Fact};
use super::fleet::Process;
use super::link::Link;
use super::message::ToWorker;
use super::run::LiveError;
use crate::faults::{Disturbance, DisturbanceClocks, DisturbanceStep, Pace, Progress};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::Streams;
use crate::scheduler::{Command, Event, Observer, Policy, Record};
use crate::time::{Duration, Time};
use crate::world::World;

/// The change that a planned disturbance makes; those by chance follow.
const PLANNED: u32 = 0;

/// So many attempts that were stopped are remembered of each node, in case they end all the same.
const REMEMBERED: usize = 64;

/// Where an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// On its way, or at the door.
    Sent,
    /// It runs.
    Runs,
    /// It has come to its end, and the scheduler does not know.
    Ended,
    /// It died with its process.
    Dead,
}

/// An attempt that was sent to a node, until the scheduler knows that it is over, or the node that it is
/// given up.
#[derive(Clone, Copy, Debug)]
struct There {
    task: TaskId,
    attempt: AttemptNumber,
    progress: Progress,
    stage: Stage,
    /// The scheduler has given it up, and the node does not know.
    given_up: bool,
}

/// What is true of a node besides whether its process is there.
#[derive(Clone, Debug, Default)]
struct NodeState {
    pace: Pace,
    partitions: u32,
    /// Host clock when its process was stopped, if it is.
    stopped_at: Option<u64>,
    /// Its process is there and could not say so.
    join_waits: bool,
    attempts: Vec<There>,
    /// Attempts that it is to stop, and to start, once it is within reach.
    stops: Vec<ToWorker>,
    starts: Vec<(TaskId, ToWorker)>,
    /// What it said while it was cut off.
    outbox: Vec<Fact>,
    /// Attempts that it was told to stop, and when on the host's clock.
    told_to_stop: VecDeque<(TaskId, AttemptNumber, u64)>,
}

impl NodeState {
    fn within_reach(&self) -> bool {
        !self.pace.pauses() && self.partitions == 0
    }

    fn remember_stop(&mut self, task: TaskId, attempt: AttemptNumber, host: u64) {
        self.told_to_stop.push_back((task, attempt, host));
        if self.told_to_stop.len() > REMEMBERED {
            self.told_to_stop.pop_front();
        }
    }

    fn position(&self, task: TaskId, attempt: AttemptNumber) -> Option<usize> {
        self.attempts.iter().position(|there| (there.task, there.attempt) == (task, attempt))
    }
}

/// The truth about disturbances.
#[derive(Debug)]
pub(super) struct Disturbed<'a> {
    clocks: DisturbanceClocks<'a>,
    /// What begins or ends when, by time.
    due: BinaryHeap<Reverse<(Time, u32)>>,
    nodes: Vec<NodeState>,
    beats: Option<Beats<'a>>,
}

impl<'a> Disturbed<'a> {
    /// For a world that has any of this. `None` when a time does not fit the clock.
    pub(super) fn new(world: &'a World, seed: u64, time_scale: f64) -> Option<Box<Self>> {
        let nodes = world.nodes.len();
        let clocks = DisturbanceClocks::new(&world.faults.disturbances, nodes, Streams::new(seed));
        let mut disturbed = Disturbed {
            clocks,
            due: BinaryHeap::new(),
            nodes: vec![NodeState::default(); nodes],
            beats: Beats::new(world, seed, time_scale),
        };
        disturbed.put_planned();
        (0..disturbed.clocks.clocks()).try_for_each(|clock| disturbed.put_clock(Time::ZERO, clock))?;
        Some(Box::new(disturbed))
    }

    fn put_planned(&mut self) {
        self.due.extend(self.clocks.next_planned().map(|at| Reverse((at, PLANNED))));
    }

    fn put_clock(&mut self, now: Time, clock: u32) -> Option<()> {
        let at = now.checked_add(self.clocks.until_next(clock)?)?;
        self.due.push(Reverse((at, PLANNED + 1 + clock)));
        Some(())
    }

    /// When the next change is due.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// The next change. `Some(None)` for none, `None` when a time does not fit the clock.
    fn next_step(&mut self) -> Option<Option<DisturbanceStep>> {
        let Some(Reverse((due, which))) = self.due.pop() else { return Some(None) };
        if which == PLANNED {
            let step = self.clocks.planned_step();
            self.put_planned();
            return Some(step);
        }
        let clock = which - PLANNED - 1;
        let step = self.clocks.step(clock);
        self.put_clock(due, clock)?;
        Some(Some(step))
    }

    /// Whether the process of the node is stopped as planned.
    pub(super) fn is_stopped(&self, node: NodeId) -> bool {
        self.nodes[node.index()].stopped_at.is_some()
    }

    /// An attempt is sent to a node, where it needs so much time in all and `extra` before.
    pub(super) fn set_out(
        &mut self,
        node: NodeId,
        task: TaskId,
        attempt: AttemptNumber,
        (whole, extra): (Duration, Duration),
    ) {
        let progress = Progress::new(whole, extra);
        let there = There { task, attempt, progress, stage: Stage::Sent, given_up: false };
        self.nodes[node.index()].attempts.push(there);
    }

    /// An attempt has begun.
    pub(super) fn begins(&mut self, now: Time, node: NodeId, task: TaskId, attempt: AttemptNumber) {
        let state = &mut self.nodes[node.index()];
        if let Some(at) = state.position(task, attempt)
            && state.attempts[at].stage == Stage::Sent
        {
            state.attempts[at].stage = Stage::Runs;
            state.attempts[at].progress.begin(now);
        }
    }

    /// The scheduler knows that an attempt has come to its end. Gives whether that was when it was told.
    pub(super) fn ends(&mut self, node: NodeId, task: TaskId, attempt: AttemptNumber) -> bool {
        let state = &mut self.nodes[node.index()];
        let at = state.position(task, attempt);
        at.is_none_or(|at| state.attempts.remove(at).stage != Stage::Ended)
    }

    /// The scheduler gives an attempt up: what it has done in time at full speed, and whether it is over
    /// now.
    pub(super) fn give_up(
        &mut self,
        now: Time,
        host: u64,
        node: NodeId,
        (task, attempt): (TaskId, AttemptNumber),
    ) -> (Option<Duration>, bool) {
        let state = &mut self.nodes[node.index()];
        let Some(at) = state.position(task, attempt) else { return (None, true) };
        let There { progress, stage, given_up, .. } = state.attempts[at];
        let done = match stage {
            Stage::Sent | Stage::Dead => progress.done_so_far(),
            Stage::Runs => progress.done(now, &state.pace),
            // What is left of its work was settled when it ended.
            Stage::Ended => Duration::ZERO,
        };
        if given_up {
            return (None, false);
        }
        if stage == Stage::Runs && !state.within_reach() {
            state.attempts[at].given_up = true;
            return (Some(done), false);
        }
        state.attempts.remove(at);
        state.remember_stop(task, attempt, host);
        (Some(done), stage != Stage::Ended)
    }

    /// The process of the node ends, and with it all that is there. What ran counts until the scheduler
    /// knows.
    fn crash(&mut self, now: Time, node: NodeId) {
        let state = &mut self.nodes[node.index()];
        (state.join_waits, state.stopped_at) = (false, None);
        state.stops.clear();
        state.starts.clear();
        state.outbox.clear();
        state.told_to_stop.clear();
        state.attempts.retain(|there| !there.given_up);
        for there in &mut state.attempts {
            if there.stage == Stage::Runs {
                there.progress.advance(now, &state.pace);
            }
            if there.stage != Stage::Ended {
                there.stage = Stage::Dead;
            }
        }
    }

    /// A message to the node, unless it is kept until the node is within reach.
    fn keep(&mut self, node: NodeId, message: ToWorker) -> Option<ToWorker> {
        let state = &mut self.nodes[node.index()];
        if state.within_reach() {
            return Some(message);
        }
        match message {
            ToWorker::Command { command: Command::StartAttempt { task, .. }, .. } => {
                state.starts.push((task, message));
            }
            ToWorker::Command { command: Command::StopAttempt { task, .. }, .. } => {
                // One that has not even been sent is not stopped.
                match state.starts.iter().position(|(waits, _)| *waits == task) {
                    Some(at) => drop(state.starts.remove(at)),
                    None => state.stops.push(message),
                }
            }
            other => return Some(other),
        }
        None
    }
}

impl<P: Policy, O: Observer, L: Link> Coordinator<'_, P, O, L> {
    /// The run begins: all workers are told when to send heartbeats.
    pub(super) fn begin_heartbeats(&mut self) -> Result<(), LiveError> {
        (0..self.fleet.len()).try_for_each(|node| self.plan_heartbeats(Time::ZERO, NodeId(node)))
    }

    fn plan_heartbeats(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        if let Some(beats) = self.disturbed.as_mut().and_then(|disturbed| disturbed.beats.as_mut()) {
            let told = beats.anew(now, node).ok_or(LiveError::TimeOverflow)?;
            self.send(node, &told);
        }
        Ok(())
    }

    /// A command to a node, which may have to wait.
    pub(super) fn command(&mut self, node: NodeId, message: ToWorker) {
        let there = self.fleet.get(node).process == Process::Up;
        let message = match &mut self.disturbed {
            Some(disturbed) if there => disturbed.keep(node, message),
            _ => Some(message),
        };
        if let Some(message) = message {
            self.send(node, &message);
        }
    }

    /// The next disturbance begins or ends.
    pub(super) fn disturb(&mut self, now: Time) -> Result<(), LiveError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let Some(step) = disturbed.next_step().ok_or(LiveError::TimeOverflow)? else { return Ok(()) };
        let DisturbanceStep { node, begins, what } = step;
        let (state, node) = (&mut disturbed.nodes[node as usize], NodeId(node));
        let was_within_reach = state.within_reach();
        if what == Disturbance::Partition {
            state.partitions = if begins { state.partitions + 1 } else { state.partitions - 1 };
        } else {
            for there in state.attempts.iter_mut().filter(|there| there.stage == Stage::Runs) {
                there.progress.advance(now, &state.pace);
            }
            state.pace.change(what, begins);
            self.set_pace(now, node)?;
        }
        let reaches = |disturbed: &Disturbed<'_>| disturbed.nodes[node.index()].within_reach();
        if !was_within_reach && self.disturbed.as_deref().is_some_and(reaches) {
            self.reach(now, node)?;
        }
        Ok(())
    }

    /// The process of a node is told its pace, or stopped, or lives on.
    fn set_pace(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        let there = self.fleet.get(node).process == Process::Up;
        let Some(disturbed) = self.disturbed.as_mut().filter(|_| there) else { return Ok(()) };
        let state = &mut disturbed.nodes[node.index()];
        let slowness = state.pace.slowness();
        match (state.pace.pauses(), state.stopped_at) {
            // Once it goes on, it will be told.
            (true, Some(_)) => {}
            (true, None) => {
                self.link.stop_worker(node).map_err(LiveError::Stop)?;
                state.stopped_at = Some(self.link.host_nanos());
            }
            (false, None) => self.send(node, &ToWorker::Pace { slowness, paused: 0 }),
            (false, Some(stopped_at)) => {
                state.stopped_at = None;
                let host = self.link.host_nanos();
                self.send(node, &ToWorker::Pace { slowness, paused: host.saturating_sub(stopped_at) });
                self.plan_heartbeats(now, node)?;
                self.link.continue_worker(node).map_err(LiveError::Stop)?;
                self.fleet.get(node).heard = self.woke;
            }
        }
        Ok(())
    }

    /// The node is within reach again: it joins, if it could not; hears what it is to stop and to start; and
    /// what it said is heard.
    fn reach(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let state = &mut disturbed.nodes[node.index()];
        let (stops, starts) = (std::mem::take(&mut state.stops), std::mem::take(&mut state.starts));
        let outbox = std::mem::take(&mut state.outbox);
        let stopped = state.attempts.extract_if(.., |there| there.given_up).collect::<Vec<_>>();
        let joins = std::mem::take(&mut state.join_waits);
        let host = self.woke;
        stopped.iter().for_each(|there| state.remember_stop(there.task, there.attempt, host));
        if let Some(clocks) = &mut self.clocks {
            stopped.iter().for_each(|_| clocks.attempt_ends(now, node.0));
        }
        if joins {
            // The scheduler hears that what it sent there meanwhile is lost.
            self.register(now, node)?;
        }
        for message in stops.into_iter().filter(|_| !joins) {
            self.send(node, &message);
        }
        for (task, message) in starts.into_iter().filter(|_| !joins) {
            self.truths.sent_at(task, host);
            self.send(node, &message);
        }
        self.facts.extend(outbox);
        Ok(())
    }

    /// A worker has connected. Gives whether it can join at once.
    pub(super) fn can_join(&mut self, now: Time, node: NodeId) -> Result<bool, LiveError> {
        let Some(disturbed) = &mut self.disturbed else { return Ok(true) };
        let state = &mut disturbed.nodes[node.index()];
        state.join_waits = !state.within_reach();
        if state.join_waits && state.pace.pauses() {
            self.set_pace(now, node)?;
            return Ok(false);
        }
        Ok(!state.join_waits)
    }

    /// A worker that joins is told how slow its node is, and when to send heartbeats.
    pub(super) fn instruct(&mut self, now: Time, node: NodeId) -> Result<(), LiveError> {
        let Some(disturbed) = &self.disturbed else { return Ok(()) };
        let slowness = disturbed.nodes[node.index()].pace.slowness();
        if slowness != 1.0 {
            self.send(node, &ToWorker::Pace { slowness, paused: 0 });
        }
        // Before the run begins, there are no times.
        if self.clocks.is_some() { self.plan_heartbeats(now, node) } else { Ok(()) }
    }

    /// A worker says something that is for the scheduler, who hears it now, or when the node is within
    /// reach, or never.
    pub(super) fn takes_in(
        &mut self,
        now: Time,
        node: NodeId,
        read: u64,
        mut fact: Fact,
    ) -> Result<(), LiveError> {
        if self.disturbed.is_none() {
            self.facts.push(fact);
            return Ok(());
        }
        let beats = matches!(fact.event, Event::Heartbeat { .. });
        if beats && !self.hears_heartbeat(now, node)? {
            return Ok(());
        }
        if let Event::AttemptFinished { task, attempt, .. } = fact.event {
            self.note_in_vain(
                now,
                node,
                (task, attempt),
                self.meter.on_host_clock(fact.process, fact.at).unwrap_or(read),
            );
        }
        let Some(disturbed) = &mut self.disturbed else { return Ok(()) };
        let state = &mut disturbed.nodes[node.index()];
        if state.partitions == 0 {
            self.facts.push(fact);
            return Ok(());
        }
        if beats {
            return Ok(());
        }
        if let Event::AttemptFinished { task, attempt, outcome, .. } = fact.event
            && let Some(at) = state.position(task, attempt)
            && state.attempts[at].stage == Stage::Runs
        {
            state.attempts[at].stage = Stage::Ended;
            self.truths.ended_unheard(task, outcome);
            if let Some(clocks) = &mut self.clocks {
                clocks.attempt_ends(now, node.0);
            }
        }
        fact.held = true;
        state.outbox.push(fact);
        Ok(())
    }

    /// A heartbeat is heard: its sender is told of more, if need be. Gives whether it was asked to send any.
    fn hears_heartbeat(&mut self, now: Time, node: NodeId) -> Result<bool, LiveError> {
        let Some(beats) = self.disturbed.as_mut().and_then(|disturbed| disturbed.beats.as_mut()) else {
            return Ok(false);
        };
        let told = beats.heard(now, node).ok_or(LiveError::TimeOverflow)?;
        // One that is stopped is told when it goes on.
        if let Some(told) = told
            && !self.is_stopped(node)
        {
            self.send(node, &told);
        }
        Ok(true)
    }

    pub(super) fn is_stopped(&self, node: NodeId) -> bool {
        self.disturbed.as_ref().is_some_and(|disturbed| disturbed.is_stopped(node))
    }

    /// An attempt ended, at `end` on the host's clock: in vain if the scheduler had given it up before.
    fn note_in_vain(&mut self, now: Time, node: NodeId, key: (TaskId, AttemptNumber), end: u64) {
        let Some(disturbed) = &mut self.disturbed else { return };
        let state = &mut disturbed.nodes[node.index()];
        let at = state.position(key.0, key.1).filter(|at| state.attempts[*at].given_up);
        let told = state.told_to_stop.iter().position(|&(task, attempt, _)| (task, attempt) == key);
        let in_vain = match (at, told) {
            (Some(at), _) => {
                state.attempts.remove(at);
                if let Some(clocks) = &mut self.clocks {
                    clocks.attempt_ends(now, node.0);
                }
                true
            }
            (None, Some(told)) => state.told_to_stop.remove(told).is_some_and(|(.., host)| host <= end),
            (None, None) => false,
        };
        if in_vain {
            let (task, attempt) = key;
            self.observer.on_record(now, &Record::RanInVain { task, attempt, node });
        }
    }

    /// The process of the node is gone.
    pub(super) fn crash(&mut self, now: Time, node: NodeId) {
        if let Some(disturbed) = &mut self.disturbed {
            disturbed.crash(now, node);
        }
    }
}
