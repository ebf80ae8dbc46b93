//! The tasks that are about to arrive.
//!
//! They are made a few dozen at a time: in one tight loop the draws of neighbouring tasks overlap,
//! which is cheaper than making each between two events.

use crate::ids::TaskId;
use crate::random::Streams;
use crate::scheduler::{Record, TaskDetails};
use crate::time::Time;
use crate::workload::source::{NewTask, SourceError, TaskSource};
use crate::world::World;

/// Tasks made at a time.
const CHUNK: usize = 32;

/// Arrivals to come, in order.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    source: TaskSource,
    last: Time,
    made: Vec<NewTask>,
    next: usize,
    /// Whether the run takes no more arrivals, so that what is wrong with later ones is of no
    /// concern.
    cut_off: bool,
    /// Tasks taken so far.
    taken: u32,
    /// Tasks made at a time.
    chunk: usize,
    highest_speed: f64,
}

impl Arrivals {
    pub(super) fn new(world: &World, streams: Streams, with_details: bool) -> Self {
        let source = TaskSource::new(&world.workload, streams).with_details(with_details);
        Arrivals {
            // A source tells who waits for whom of the task that it made last.
            chunk: if source.has_jobs() { 1 } else { CHUNK },
            source,
            last: world.last_arrival.unwrap_or(Time::NEVER),
            made: Vec::with_capacity(CHUNK),
            next: 0,
            cut_off: false,
            taken: 0,
            highest_speed: world.highest_speed(),
        }
    }

    /// The next task to arrive.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<&NewTask> {
        if self.next == self.made.len() {
            self.make();
        }
        self.made.get(self.next)
    }

    /// Takes the next task to arrive.
    #[inline]
    pub(super) fn take(&mut self) -> Option<&NewTask> {
        let task = self.made.get(self.next)?;
        self.next += 1;
        self.taken = task.number + 1;
        Some(task)
    }

    /// Whether more is known of tasks, and its workload or policy want it said.
    #[inline]
    pub(super) fn has_details(&self) -> bool {
        self.source.has_details()
    }

    /// What else is known of the task that was taken last; to be asked before the next is looked at.
    pub(super) fn details(&self) -> TaskDetails {
        self.source.details(&self.made[self.next - 1])
    }

    /// The same of a task whose identity is not its number.
    pub(super) fn details_of(&self, identity: u64) -> TaskDetails {
        self.source.details_of(&self.made[self.next - 1], identity)
    }

    /// Whether a task that arrives now is taken.
    pub(super) fn are_taken(&self, now: Time) -> bool {
        now <= self.last
    }

    /// A task that another spawns now becomes the next to be taken.
    pub(super) fn spawn(&mut self, now: Time, number: u32, identity: u64) -> Result<(), SourceError> {
        let task = self.source.spawned(number, identity, now)?;
        // The place of the task that was taken last is free.
        match self.next.checked_sub(1) {
            Some(before) => (self.made[before], self.next) = (task, before),
            None => self.made.insert(0, task),
        }
        Ok(())
    }

    /// The tasks that the task that was taken last waits for; to be asked before the next is looked at.
    pub(super) fn parents(&self) -> &[u32] {
        self.source.parents(&self.made[self.next - 1])
    }

    /// How many tasks the job has that the task that was taken last is part of.
    pub(super) fn job_tasks(&self) -> u32 {
        self.source.job(&self.made[self.next - 1]).map_or(1, |(_, size)| size.tasks)
    }

    /// What is to be written down if the task that was taken last is part of a job; to be asked before
    /// the next is looked at.
    pub(super) fn in_job(&self, task: TaskId) -> Option<Record> {
        let job = self.source.job(&self.made[self.next - 1]);
        job.map(|(job, size)| size.record(task, job, self.highest_speed))
    }

    /// When no more arrivals are taken although there are more, and some wait for others: the number
    /// of the first that does not come.
    pub(super) fn cut_off(&self) -> Option<u32> {
        let taken = self.next == self.made.len();
        (taken && self.cut_off && self.source.has_jobs()).then_some(self.taken)
    }

    /// What kept a task that should have arrived from being made.
    pub(super) fn error(&self) -> Option<SourceError> {
        self.source.error().filter(|_| !self.cut_off)
    }

    /// The work of a later attempt of a task, drawn anew.
    pub(super) fn redraw(&mut self, number: u32, identity: u64, attempt: u32) -> Result<u64, SourceError> {
        let too_large = SourceError::WorkTooLarge { task: number, attempt };
        self.source.redraw(number, identity, attempt).ok_or(too_large)
    }

    #[inline(never)]
    fn make(&mut self) {
        self.made.clear();
        self.next = 0;
        while self.made.len() < self.chunk && !self.cut_off {
            match self.source.next() {
                Some(task) if task.arrival <= self.last => self.made.push(task),
                Some(_) => self.cut_off = true,
                None => return,
            }
        }
    }
}
