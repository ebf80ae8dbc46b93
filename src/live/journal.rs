//! The log of a live run: what the scheduler was told and what it commanded, step by step.
//!
//! It is all that the scheduler saw. Handing it to a fresh scheduler must give the same commands at
//! every step; if not, the core depends on something that is not in its events.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scheduler::{Command, Commands, Event, Policy, Scheduler};
use crate::time::Time;

/// One step: facts taken in at one instant, and what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The instant.
    pub now: Time,
    /// The facts in order.
    pub events: Vec<Event>,
    /// The commands in order.
    pub commands: Vec<Command>,
    /// Whether the scheduler was asked to decide: not after heartbeats that changed nothing.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub decided: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(decided: &bool) -> bool {
    *decided
}

/// The first step that a replay decided otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Number of the step, from 0.
    pub step: usize,
    /// The instant.
    pub now: Time,
    /// What the log says.
    pub logged: Vec<Command>,
    /// What the replay commanded.
    pub replayed: Vec<Command>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.logged.iter().zip(&self.replayed).take_while(|(a, b)| a == b).count();
        let shown = |commands: &[Command]| match commands.get(at) {
            Some(command) => format!("{command:?}"),
            None => "nothing more".to_string(),
        };
        write!(
            f,
            "step {} at {} s differs: the log has {}, the replay {}",
            self.step,
            self.now.as_seconds(),
            shown(&self.logged),
            shown(&self.replayed)
        )
    }
}

/// A fresh scheduler that is handed what a log says, step by step.
pub struct Replay<P> {
    scheduler: Scheduler<P>,
    commands: Commands,
    steps: usize,
}

impl<P: Policy> Replay<P> {
    /// Before the first step.
    pub fn new(scheduler: Scheduler<P>) -> Self {
        Replay { scheduler, commands: Commands::new(), steps: 0 }
    }

    /// Slots that no task takes.
    pub(super) fn copy_slots(&self) -> u32 {
        self.scheduler.copy_slots()
    }

    /// Hands in the events of a step.
    ///
    /// # Errors
    /// When the scheduler gives other commands. No more steps may follow then.
    pub fn step(&mut self, step: &Step) -> Result<(), Box<Mismatch>> {
        self.commands.clear();
        for event in &step.events {
            self.scheduler.handle(step.now, *event, &mut self.commands, &mut ());
        }
        if step.decided {
            self.scheduler.decide(step.now, &mut self.commands, &mut ());
        }
        if self.commands.as_slice() != step.commands {
            return Err(Box::new(Mismatch {
                step: self.steps,
                now: step.now,
                logged: step.commands.clone(),
                replayed: self.commands.as_slice().to_vec(),
            }));
        }
        self.steps += 1;
        Ok(())
    }
}

/// Hands the logged events to a fresh scheduler; gives the first step with other commands.
pub fn replay<P: Policy>(scheduler: Scheduler<P>, steps: &[Step]) -> Result<(), Box<Mismatch>> {
    let mut replay = Replay::new(scheduler);
    steps.iter().try_for_each(|step| replay.step(step))
}
