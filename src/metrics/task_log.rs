//! One row per task, for those who ask for `tasks.csv`.

use super::results::{FinalState, TaskResult};
use crate::scheduler::{Observer, Record};
use crate::time::Time;

/// Collects the rows of all tasks. Its memory grows with the run, so it is made only on request.
#[derive(Clone, Debug, Default)]
pub struct TaskLog {
    rows: Vec<TaskResult>,
}

impl TaskLog {
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
