//! Where attempts are ended before their work is done: at the work that was requested.

use super::TraceTask;
use crate::scheduler::Outcome;

/// How much of its work each task may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The tasks by number; `None` when nothing is limited.
    pub(super) tasks: Option<&'a [TraceTask]>,
}

impl Limits<'_> {
    /// How much of its work a task is kept from doing, going on where it was interrupted or not.
    #[inline(always)]
    pub fn excess(self, number: u32, work: u64) -> u64 {
        match self.tasks {
            None => 0,
            Some(tasks) => {
                // What undoes a task is none of them.
                let requested = tasks.get(number as usize).and_then(|task| task.requested);
                work.saturating_sub(requested.unwrap_or(u64::MAX))
            }
        }
    }

    /// How an attempt ends that its work alone would let end so.
    #[inline(always)]
    pub fn outcome(self, number: u32, work: u64, failed: bool) -> Outcome {
        match failed {
            _ if self.excess(number, work) > 0 => Outcome::Killed,
            true => Outcome::Failure,
            false => Outcome::Success,
        }
    }
}
