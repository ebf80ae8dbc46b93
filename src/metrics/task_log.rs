//! One row per task, for those who ask for `tasks.csv`.

use super::results::{FinalState, TaskResult};
use crate::scheduler::{Observer, Record};
use crate::time::Time;

/// Collects the rows of all tasks. Its memory grows with the run, so it is made only on request.
#[derive(Clone, Debug, Default)]
pub struct TaskLog {
    rows: Vec<TaskResult>,
    /// Tasks with this number and greater ones undo others, and have no rows.
    compensations_from: Option<u32>,
}

impl TaskLog {
    /// Without rows of tasks with this number and greater ones, which undo others.
    pub fn without(compensations_from: Option<u32>) -> TaskLog {
        TaskLog { rows: Vec::new(), compensations_from }
    }

    /// The rows in order of task number, each with its work, which only the driver knows.
    pub fn finish(mut self, works: &[u64]) -> Vec<TaskResult> {
        self.rows.sort_unstable_by_key(|row| row.task);
        for row in &mut self.rows {
            row.work = works[row.task as usize];
        }
        self.rows
    }
}

impl Observer for TaskLog {
    fn on_record(&mut self, now: Time, record: &Record) {
        if let Record::Settled { task, state, class, arrival, first_start, attempts, node, service, .. } =
            *record
        {
            if self.compensations_from.is_some_and(|from| task.number >= from) {
                return;
            }
            let state = FinalState::of(state);
            self.rows.push(TaskResult {
                task: task.number,
                class,
                arrival,
                first_start,
                settled: now,
                state,
                attempts,
                node: node.map(|node| node.0),
                work: 0,
                service,
            });
        }
    }
}
