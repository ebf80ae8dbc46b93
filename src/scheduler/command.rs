//! What the scheduler asks of its driver.

use serde::{Deserialize, Serialize};

use super::task::TaskState;
use crate::ids::{AttemptNumber, NodeId, TaskId};

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Start this attempt on this node.
    StartAttempt {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// This attempt no longer counts, or makes room for another task; stop it if it still runs.
    StopAttempt {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
        /// Whether it was interrupted: the task will go on with what is left of its work. If not, its
        /// node is lost.
        interrupted: bool,
    },
    /// This attempt took too long, or its task did, or another attempt of the task was first: stop it. Its
    /// work is lost; its node is not.
    CancelAttempt {
        /// The task.
        task: TaskId,
        /// Which attempt.
        attempt: AttemptNumber,
        /// Where.
        node: NodeId,
    },
    /// The task is settled: nothing more will be asked of it, and its slot is free.
    Settle {
        /// The task.
        task: TaskId,
        /// Its final state.
        state: TaskState,
    },
    /// Start this node, which is not there; the scheduler is told when it has joined.
    StartNode {
        /// The node.
        node: NodeId,
    },
    /// Nothing runs on this node any more, and nothing will: it leaves the cluster.
    StopNode {
        /// The node.
        node: NodeId,
    },
}

/// A buffer of commands that the driver empties and uses again, so that a step allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    list: Vec<Command>,
}

impl Commands {
    /// An empty buffer.
    pub fn new() -> Self {
        Commands::default()
    }

    /// Adds a command.
    #[inline]
    pub fn push(&mut self, command: Command) {
        self.list.push(command);
    }

    /// The commands in the order in which they were given.
    #[inline]
    pub fn as_slice(&self) -> &[Command] {
        &self.list
    }

    /// Forgets all commands but keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
    }
}
