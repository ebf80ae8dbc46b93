//! Tasks that have several attempts at once.

use super::{Stage, Tasks, broken};
use crate::audit::{Broken, Rule, Verdict};
use crate::ids::{AttemptNumber, NodeId, TaskId};

impl Tasks {
    /// Another attempt of a task that runs is sent to a node: gives the slots it takes.
    pub(in crate::audit) fn copies(
        &mut self,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
    ) -> Result<u32, Broken> {
        let most = self.retry.speculation.map_or(0, |plan| plan.copies);
        let others: Vec<_> = self.copies.iter().filter(|copy| copy.0 == task.number).copied().collect();
        let life = self.life(task);
        let Stage::Running(_, first) = life.stage else {
            return broken(Rule::OneAttempt, task, "a copy of an attempt starts, and none runs");
        };
        if others.len() as u32 >= most || first == node || others.iter().any(|copy| copy.2 == node) {
            let what =
                format!("copy {} of an attempt starts, at most {most} elsewhere may", others.len() + 1);
            return Err(Broken::new(Rule::OneAttempt, what).of_task(task.number).at_node(node));
        }
        if attempt.0 != life.last + 1 {
            let what = format!("attempt {} starts after attempt {}", attempt.0, life.last);
            return broken(Rule::AttemptNumbers, task, what);
        }
        (life.last, life.attempts) = (attempt.0, life.attempts + 1);
        let slots = life.slots;
        self.copies.push((task.number, attempt, node));
        Ok(slots)
    }

    /// An attempt is stopped because another of its task has decided about it.
    pub(in crate::audit) fn outrun(&mut self, task: TaskId, attempt: AttemptNumber, node: NodeId) -> Verdict {
        let decided = self.life(task).stage == Stage::Over;
        let copy = (task.number, attempt, node);
        match self.copies.iter().position(|other| *other == copy).filter(|_| decided) {
            Some(at) => {
                self.copies.swap_remove(at);
                Ok(())
            }
            None => broken(Rule::OneAttempt, task, format!("attempt {} is outrun by none", attempt.0)),
        }
    }

    /// Takes out an attempt that is over while others of its task run; those go on if `alone` is true.
    /// Gives whether there was nothing more to it.
    pub(super) fn remove_copy(
        &mut self,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        alone: bool,
    ) -> Result<bool, Broken> {
        let Some(at) = self.copies.iter().position(|copy| copy.0 == task.number) else { return Ok(false) };
        let Stage::Running(first, first_node) = self.life(task).stage else { return Ok(false) };
        if (first, first_node) == (attempt, node) {
            if alone {
                let (_, attempt, node) = self.copies.swap_remove(at);
                self.life(task).stage = Stage::Running(attempt, node);
            }
            return Ok(alone);
        }
        let copy = (task.number, attempt, node);
        let Some(at) = self.copies.iter().position(|other| *other == copy) else {
            let what = format!("attempt {} ends, which does not run there", attempt.0);
            return broken(Rule::OneAttempt, task, what);
        };
        if alone {
            self.copies.swap_remove(at);
        } else {
            // It decides: the one it began beside is now beside it.
            self.copies[at] = (task.number, first, first_node);
            self.life(task).stage = Stage::Running(attempt, node);
        }
        Ok(alone)
    }
}
