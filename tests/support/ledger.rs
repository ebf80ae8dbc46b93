//! Whether the records of a run add up: nothing lost, nothing twice.

use std::collections::BTreeMap;

use falcon::live::LiveOutput;
use falcon::scheduler::{Outcome, Record, TaskState};

/// What became of the tasks of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) completed: u32,
    pub(crate) errors: u32,
    pub(crate) lost: u32,
    pub(crate) failed: u32,
    pub(crate) refused: u32,
}

#[derive(Default)]
struct Account {
    submitted: u32,
    dispatched: u32,
    succeeded: u32,
    failed: u32,
    lost: u32,
    settled: Option<TaskState>,
}

/// Goes through all records of a run of so many tasks.
///
/// # Panics
/// When a task is submitted or settled more or less than once, an attempt ends more or less than once,
/// a lost attempt was not restarted (unless its task is in error), or the counts do not agree.
#[track_caller]
pub(crate) fn check(output: &LiveOutput, tasks: u32) -> Ledger {
    let mut accounts: BTreeMap<u32, Account> = BTreeMap::new();
    let mut ledger = Ledger::default();
    for (_, record) in &output.history {
        match *record {
            Record::Submitted { task, .. } => accounts.entry(task.number).or_default().submitted += 1,
            Record::Dispatched { task, attempt, .. } => {
                let account = accounts.get_mut(&task.number).expect("a submitted task");
                account.dispatched += 1;
                assert_eq!(account.dispatched, attempt.0, "{record:?}");
            }
            Record::Finished { task, attempt, outcome, .. } => {
                let account = accounts.get_mut(&task.number).expect("a submitted task");
                assert_eq!(account.dispatched, attempt.0, "{record:?}");
                match outcome {
                    Outcome::Success => account.succeeded += 1,
                    // Killed or not, the attempt was in vain.
                    Outcome::Failure | Outcome::Killed => account.failed += 1,
                }
            }
            Record::Lost { task, attempt, .. } => {
                let account = accounts.get_mut(&task.number).expect("a submitted task");
                assert_eq!(account.dispatched, attempt.0, "{record:?}");
                account.lost += 1;
            }
            Record::Settled { task, state, attempts, first_start, .. } => {
                let account = accounts.get_mut(&task.number).expect("a submitted task");
                assert_eq!(account.settled.replace(state), None, "settled twice: {record:?}");
                assert_eq!(account.dispatched, attempts, "{record:?}");
                assert!(state == TaskState::Error || first_start.is_some(), "{record:?}");
            }
            Record::Refused { .. } => ledger.refused += 1,
            _ => {}
        }
    }
    assert_eq!(accounts.len() as u32, tasks, "tasks submitted");
    for (number, account) in &accounts {
        let Account { submitted, dispatched, succeeded, failed, lost, settled } = account;
        assert_eq!(*submitted, 1, "task {number}");
        // So every attempt, lost ones too, was followed by another, or was the last.
        assert_eq!(*dispatched, succeeded + failed + lost, "attempts of task {number}");
        let state = settled.unwrap_or_else(|| panic!("task {number} is not settled"));
        assert_eq!(*succeeded == 1, state == TaskState::Completed, "task {number}");
        assert!(state.is_final());
        ledger.completed += u32::from(state == TaskState::Completed);
        ledger.errors += u32::from(state == TaskState::Error);
        ledger.lost += lost;
        ledger.failed += failed;
    }
    assert_eq!(output.tasks.len() as u32, tasks, "rows of tasks");
    assert_eq!(output.driver.results_refused, f64::from(ledger.refused));
    ledger
}
