//! What a worker does about a message: a pure state machine, without a clock, sockets or threads.
//!
//! The [process](super::worker_process) around it gives it real time; a test gives it any other. It
//! starts an attempt at the very instant at which the command is taken in, and ends it when it is first
//! told of a time at or past start + the job's time. Where its node is slow, or the process was stopped, it
//! is told so, and attempts take longer.
//!
//! A worker does not queue: the scheduler knows how many slots it has. A coordinator that starts more
//! attempts than there are slots, starts one twice, or says what is not for a worker to do, is broken,
//! and the worker gives up rather than guess.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::frame;
use super::link::Life;
use super::message::{FromWorker, Job, ToCoordinator, ToWorker, Work};
use crate::faults::Progress;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::scheduler::{Command, Event};
use crate::time::{Duration, Time};

/// Names an attempt on a node.
pub type AttemptKey = (TaskId, AttemptNumber);

/// What the process around the state has to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Todo {
    /// Burn this much processor time, then call [`WorkerState::spun`].
    Spin {
        /// The attempt.
        attempt: AttemptKey,
        /// Nanoseconds of processor time.
        nanos: u64,
    },
    /// The attempt need not spin any more.
    StopSpin {
        /// The attempt.
        attempt: AttemptKey,
    },
    /// Whatever spins needs so many times as much processor time from now on.
    Pace {
        /// So many times.
        slowness: f64,
    },
    /// End.
    Shutdown,
}

/// What a coordinator must not say.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Misled {
    /// More attempts than slots.
    #[error("the coordinator started more attempts than the {slots} slots can hold")]
    NoSlot {
        /// The worker's slots.
        slots: u32,
    },
    /// An attempt that runs already.
    #[error("the coordinator started an attempt twice")]
    Twice,
    /// A command that is not for this worker.
    #[error("the coordinator gave a command that is not for this worker: {0:?}")]
    NotOurs(Command),
    /// A job where none belongs, or none where one does.
    #[error("the coordinator gave a command with the wrong job: {0:?}")]
    WrongJob(Command),
    /// A pace at which nothing is done, or all at once.
    #[error("the coordinator said that work takes {0} times as long")]
    NoPace(f64),
}

#[derive(Clone, Copy, Debug)]
struct Running {
    job: Job,
    progress: Progress,
    due: u64,
    /// How many attempts were started before it.
    order: u64,
}

/// A worker: its attempts, and the number of its next frame.
#[derive(Clone, Debug)]
pub struct WorkerState {
    node: NodeId,
    slots: u32,
    sequence: u64,
    started: u64,
    attempts: BTreeMap<AttemptKey, Running>,
    /// Ends of timers by (time, order of start).
    ends: BTreeSet<(u64, u64, AttemptKey)>,
    /// Work takes so many times as long.
    slowness: f64,
    /// When heartbeats are to be sent, and the last that was planned.
    beats: VecDeque<u64>,
    last_beat: u64,
}

impl WorkerState {
    /// A worker without attempts, which has said nothing yet.
    pub fn new(node: NodeId, slots: u32) -> Self {
        WorkerState {
            node,
            slots,
            sequence: 0,
            started: 0,
            attempts: BTreeMap::new(),
            ends: BTreeSet::new(),
            slowness: 1.0,
            beats: VecDeque::new(),
            last_beat: 0,
        }
    }

    /// Says who it is. To be called once, before everything else.
    pub fn hello(&mut self, life: Life, secret: u128, process: u32, now: u64, out: &mut Vec<u8>) {
        self.say(ToCoordinator::Hello { node: self.node, life, secret, process }, now, out);
    }

    /// Says that it is alive.
    pub fn heartbeat(&mut self, now: u64, out: &mut Vec<u8>) {
        self.say(ToCoordinator::Heartbeat, now, out);
    }

    /// Takes in a message at the worker's time `now`; adds answers to `out` and what the process has to
    /// do to `todo`.
    ///
    /// # Errors
    /// When the message is one that no coordinator in its right mind sends. The worker should end.
    pub fn take_in(
        &mut self,
        message: &ToWorker,
        now: u64,
        out: &mut Vec<u8>,
        todo: &mut Vec<Todo>,
    ) -> Result<(), Misled> {
        match *message {
            ToWorker::Welcome => {}
            ToWorker::Command { command, job } => self.obey(command, job, now, out, todo)?,
            ToWorker::Reset => {
                while let Some((&attempt, _)) = self.attempts.first_key_value() {
                    self.stop(attempt, todo);
                }
            }
            ToWorker::Ping { sent } => self.say(ToCoordinator::Pong { sent }, now, out),
            ToWorker::Shutdown => todo.push(Todo::Shutdown),
            ToWorker::Pace { slowness, paused } => self.change_pace(slowness, paused, now, todo)?,
            ToWorker::Heartbeats { anew, gaps } => self.plan_heartbeats(anew, &gaps, now),
        }
        Ok(())
    }

    /// When [`advance`](Self::advance) has something to do next.
    pub fn next_due(&self) -> Option<u64> {
        let end = self.ends.first().map(|(due, ..)| *due);
        [end, self.beats.front().copied()].into_iter().flatten().min()
    }

    /// Reports all ends up to `now`, and sends a heartbeat if one is due. Of several that should have been
    /// sent before, for the process was away, one is enough.
    pub fn advance(&mut self, now: u64, out: &mut Vec<u8>) {
        while let Some(&(due, _, attempt)) = self.ends.first()
            && due <= now
        {
            self.finish(attempt, now, out);
        }
        let overdue = self.beats.partition_point(|&beat| beat <= now);
        let last = self.beats.drain(..overdue).next_back();
        if let Some(due) = last {
            let event = Event::Heartbeat { node: self.node };
            self.say(ToCoordinator::Fact { at: now, due, event }, now, out);
        }
    }

    /// The node is another time as slow from now on, and was stopped for so long until now.
    fn change_pace(
        &mut self,
        slowness: f64,
        paused: u64,
        now: u64,
        todo: &mut Vec<Todo>,
    ) -> Result<(), Misled> {
        if !(slowness > 0.0 && slowness.is_finite()) {
            return Err(Misled::NoPace(slowness));
        }
        for (&attempt, running) in &mut self.attempts {
            let was_timed = self.ends.remove(&(running.due, running.order, attempt));
            running.progress.advance_but(Time(now), self.slowness, Duration(paused));
            running.due = due(&running.progress, now, slowness);
            if was_timed {
                self.ends.insert((running.due, running.order, attempt));
            }
        }
        if slowness != self.slowness {
            self.slowness = slowness;
            todo.push(Todo::Pace { slowness });
        }
        Ok(())
    }

    fn plan_heartbeats(&mut self, anew: bool, gaps: &[u64], now: u64) {
        if anew {
            self.beats.clear();
            self.last_beat = now;
        }
        for gap in gaps {
            self.last_beat = self.last_beat.saturating_add(*gap);
            self.beats.push_back(self.last_beat);
        }
    }

    /// The attempt has burnt its processor time. Ignored when it was stopped meanwhile.
    pub fn spun(&mut self, attempt: AttemptKey, now: u64, out: &mut Vec<u8>) {
        self.finish(attempt, now, out);
    }

    fn obey(
        &mut self,
        command: Command,
        job: Option<Job>,
        now: u64,
        out: &mut Vec<u8>,
        todo: &mut Vec<Todo>,
    ) -> Result<(), Misled> {
        match (command, job) {
            (Command::StartAttempt { task, attempt, node }, Some(job)) if node == self.node => {
                self.start((task, attempt), job, now, out, todo)
            }
            (Command::StopAttempt { task, attempt, node, .. }, None) if node == self.node => {
                // It may have ended by itself while the command was under way.
                self.stop((task, attempt), todo);
                Ok(())
            }
            (Command::StartAttempt { node, .. } | Command::StopAttempt { node, .. }, _)
                if node == self.node =>
            {
                Err(Misled::WrongJob(command))
            }
            _ => Err(Misled::NotOurs(command)),
        }
    }

    fn start(
        &mut self,
        attempt: AttemptKey,
        job: Job,
        now: u64,
        out: &mut Vec<u8>,
        todo: &mut Vec<Todo>,
    ) -> Result<(), Misled> {
        if self.attempts.contains_key(&attempt) {
            return Err(Misled::Twice);
        }
        if self.attempts.len() >= self.slots as usize {
            return Err(Misled::NoSlot { slots: self.slots });
        }
        let mut progress = Progress::new(Duration(job.nanos), Duration::ZERO);
        progress.begin(Time(now));
        let due = due(&progress, now, self.slowness);
        let running = Running { job, progress, due, order: self.started };
        self.started += 1;
        self.attempts.insert(attempt, running);
        match job.work {
            Work::Timer => {
                self.ends.insert((running.due, running.order, attempt));
            }
            Work::Spin => todo.push(Todo::Spin { attempt, nanos: job.nanos }),
        }
        let (task, attempt) = attempt;
        let event = Event::AttemptStarted { task, attempt, node: self.node };
        self.say(ToCoordinator::Fact { at: now, due: now, event }, now, out);
        Ok(())
    }

    fn stop(&mut self, attempt: AttemptKey, todo: &mut Vec<Todo>) {
        let Some(running) = self.remove(attempt) else { return };
        if running.job.work == Work::Spin {
            todo.push(Todo::StopSpin { attempt });
        }
    }

    fn finish(&mut self, attempt: AttemptKey, now: u64, out: &mut Vec<u8>) {
        let Some(Running { job, due, .. }) = self.remove(attempt) else { return };
        let (task, attempt) = attempt;
        let service = Duration(job.service);
        let event = Event::AttemptFinished { task, attempt, node: self.node, outcome: job.outcome, service };
        self.say(ToCoordinator::Fact { at: now, due, event }, now, out);
    }

    fn remove(&mut self, attempt: AttemptKey) -> Option<Running> {
        let running = self.attempts.remove(&attempt)?;
        self.ends.remove(&(running.due, running.order, attempt));
        Some(running)
    }

    fn say(&mut self, message: ToCoordinator, now: u64, out: &mut Vec<u8>) {
        frame::encode(&FromWorker { sequence: self.sequence, sent: now, message }, out);
        self.sequence += 1;
    }
}

/// When an attempt that is so far ends at this pace.
fn due(progress: &Progress, now: u64, slowness: f64) -> u64 {
    progress.end(Time(now), slowness).map_or(u64::MAX, |end| end.0)
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
