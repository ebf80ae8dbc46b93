//! Where attempts are ended before their work is done: at the work that was requested.

use super::TraceTask;

/// How much work an attempt of each task may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The tasks by number; `None` when nothing is limited.
    pub(super) tasks: Option<&'a [TraceTask]>,
}

impl Limits<'_> {
    /// What an attempt of this task does of the work it has to do.
    #[inline(always)]
    pub fn within(self, number: u32, work: u64) -> u64 {
        match self.tasks {
            None => work,
            Some(tasks) => work.min(tasks[number as usize].requested.unwrap_or(u64::MAX)),
        }
    }

    /// Whether an attempt of this task with so much to do is ended before it is done.
    #[inline(always)]
    pub fn cut(self, number: u32, work: u64) -> bool {
        self.within(number, work) < work
    }
}
