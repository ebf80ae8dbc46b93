//! Tasks that wait for others: they start after all of these have completed, and are cancelled only for one
//! that will not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Rule, Verdict, reach};
use crate::scheduler::TaskState;

/// Who waits for whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Parents {
    /// By task; only those that wait for others.
    of: BTreeMap<u32, Vec<u32>>,
    /// Tasks that the scheduler was told are no longer wanted.
    not_wanted: BTreeSet<u32>,
    /// By task, once it is settled: whether it completed.
    completed: Vec<Option<bool>>,
    /// Tasks with this number and greater ones never come.
    end: Option<u32>,
}

impl Parents {
    pub(super) fn declared(&mut self, task: u32, parent: u32) {
        self.of.entry(task).or_default().push(parent);
    }

    pub(super) fn arrivals_end(&mut self, next: u32) {
        self.end = Some(next);
    }

    /// The scheduler is told that the task is no longer wanted.
    pub(super) fn not_wanted(&mut self, task: u32) {
        self.not_wanted.insert(task);
    }

    fn outcome(&self, task: u32) -> Option<bool> {
        self.completed.get(task as usize).copied().flatten()
    }

    pub(super) fn starts(&self, task: u32) -> Verdict {
        let parents = self.of.get(&task).map_or(&[][..], Vec::as_slice);
        match parents.iter().find(|parent| self.outcome(**parent) != Some(true)) {
            Some(parent) => {
                let what = format!("it starts before task {parent}, which it waits for, has completed");
                Err(Broken::new(Rule::Parents, what).of_task(task))
            }
            None => Ok(()),
        }
    }

    pub(super) fn settles(&mut self, task: u32, state: TaskState) -> Verdict {
        *reach(&mut self.completed, task, None) = Some(state == TaskState::Completed);
        if state != TaskState::Cancelled || self.not_wanted.contains(&task) {
            return Ok(());
        }
        let parents = self.of.get(&task).map_or(&[][..], Vec::as_slice);
        let never_comes = |parent: u32| self.end.is_some_and(|end| parent >= end);
        if parents.iter().any(|&parent| self.outcome(parent) == Some(false) || never_comes(parent)) {
            return Ok(());
        }
        Err(Broken::new(Rule::Parents, "it is cancelled though all that it waits for may complete")
            .of_task(task))
    }
}
