//! Names of the things a scheduler speaks about: nodes, tasks and attempts.

use serde::{Deserialize, Serialize};

/// A node, numbered from 0 in the order of the scenario.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The node's place in tables over all nodes.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A task as the scheduler and its driver name it.
///
/// `slot` is a place in dense tables; the driver gives it and may use it again once the task is
/// settled. `number` is the task's position by (arrival, order in the input), never used twice in
/// a run, so that a late message about a settled task cannot be taken for the next holder of the
/// slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct TaskId {
    /// Place in dense tables, reused after the task is settled.
    pub slot: u32,
    /// Position by (arrival, order in the input), from 0.
    pub number: u32,
}

/// Which start of a task: 1 for the first, and one more for each later start.
///
/// It travels with every start and every result, so that the result of an attempt that was given
/// up (its node was lost) is recognised and refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AttemptNumber(pub u32);
