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

/// Hands the logged events to a fresh scheduler; gives the first step with other commands.
pub fn replay<P: Policy>(mut scheduler: Scheduler<P>, steps: &[Step]) -> Result<(), Box<Mismatch>> {
    let mut commands = Commands::new();
    for (number, step) in steps.iter().enumerate() {
        commands.clear();
        for event in &step.events {
            scheduler.handle(step.now, *event, &mut commands, &mut ());
        }
        scheduler.decide(step.now, &mut commands, &mut ());
        if commands.as_slice() != step.commands {
            return Err(Box::new(Mismatch {
                step: number,
                now: step.now,
                logged: step.commands.clone(),
                replayed: commands.as_slice().to_vec(),
            }));
        }
    }
    Ok(())
}
