//! What the scheduler commands is what it writes down: every start, every stop and every settlement once.

use std::collections::VecDeque;

use super::{Broken, Rule, Verdict, reach};
use crate::ids::TaskId;
use crate::scheduler::{Command, Record, TaskState};

/// Commands that must come.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    expected: VecDeque<Command>,
    /// By task: its final state, once that is written down and until the command says it.
    settled: Vec<Option<TaskState>>,
}

impl Orders {
    pub(super) fn note(&mut self, record: &Record) {
        let command = match *record {
            Record::Dispatched { task, attempt, node, .. }
            | Record::CopyDispatched { task, attempt, node } => Command::StartAttempt { task, attempt, node },
            Record::Interrupted { task, attempt, node, .. } => {
                Command::StopAttempt { task, attempt, node, interrupted: true }
            }
            Record::Lost { task, attempt, node, .. } => {
                Command::StopAttempt { task, attempt, node, interrupted: false }
            }
            Record::TimedOut { task, attempt, node, .. }
            | Record::Stopped { task, attempt, node, .. }
            | Record::Outrun { task, attempt, node, .. } => Command::CancelAttempt { task, attempt, node },
            Record::Scaled { node, up: true } => Command::StartNode { node },
            Record::NodeLeft { node } => Command::StopNode { node },
            Record::Settled { task, state, .. } => {
                *reach(&mut self.settled, task.number, None) = Some(state);
                return;
            }
            _ => return,
        };
        self.expected.push_back(by_number(command));
    }

    pub(super) fn step_is_over(&mut self, commands: &[Command]) -> Verdict {
        for command in commands {
            let right = match *command {
                // Its slot may be free only later, when it is taken out of the queue it is linked into.
                Command::Settle { task, state } => {
                    reach(&mut self.settled, task.number, None).take() == Some(state)
                }
                _ => self.expected.pop_front() == Some(by_number(*command)),
            };
            if !right {
                let what = format!("{command:?} is commanded, and not written down");
                let broken = Broken::new(Rule::Commands, what);
                return Err(match *command {
                    Command::StartAttempt { task, .. }
                    | Command::StopAttempt { task, .. }
                    | Command::CancelAttempt { task, .. }
                    | Command::Settle { task, .. } => broken.of_task(task.number),
                    Command::StartNode { node } | Command::StopNode { node } => broken.at_node(node),
                });
            }
        }
        match self.expected.pop_front() {
            Some(command) => {
                Err(Broken::new(Rule::Commands, format!("{command:?} is written down, and not commanded")))
            }
            None => Ok(()),
        }
    }
}

/// The command with tasks named by their numbers alone: a copy of an attempt has a slot of its own, and
/// is written down with that of its task.
fn by_number(mut command: Command) -> Command {
    if let Command::StartAttempt { task, .. }
    | Command::StopAttempt { task, .. }
    | Command::CancelAttempt { task, .. } = &mut command
    {
        *task = TaskId { slot: 0, number: task.number };
    }
    command
}
