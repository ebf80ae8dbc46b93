//! What is true of the tasks of a live run: how much work they are, and how their attempts end.
//!
//! Arrivals, works and failures come from the streams that the simulator draws from too, so both
//! meet the same world.

use crate::faults::AttemptFates;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::Streams;
use crate::scheduler::{Event, OnNodeLoss, Outcome, TaskDetails, TaskSpec};
use crate::time::{Duration, Time};
use crate::workload::graph::JobSize;
use crate::workload::source::{NewTask, SourceError, TaskSource};
use crate::workload::spawn::Trees;
use crate::world::World;

/// What is true of an unsettled task.
#[derive(Clone, Copy, Debug)]
struct Truth {
    number: u32,
    work: u64,
    /// Work still to be done: less than all of it only when an attempt was lost and its work kept.
    left: u64,
    failure_probability: f64,
    /// Whether the next attempt goes on with what is left of the last.
    resumes: bool,
    /// Whether it does so because the last was interrupted: the attempt stays the same.
    interrupted: bool,
    /// Whether the current one did.
    switched: bool,
    /// How many starts went on with an attempt that was interrupted.
    resumptions: u32,
    /// The work that is left when the current attempt fails before its end; 0 when it does not.
    fails_at: u64,
    /// Whether the current attempt went on from a checkpoint, and time until the last one that it has
    /// written, if it was lost.
    restored: bool,
    saved: Duration,
    /// The current attempt, if there is one; when it was sent, on the host's clock, and when it began
    /// to work.
    attempt: Option<(AttemptNumber, NodeId)>,
    sent: u64,
    began: Option<Time>,
}

/// In a slot without a task.
const VACANT: Truth = Truth {
    number: u32::MAX,
    work: 0,
    left: 0,
    failure_probability: 0.0,
    resumes: false,
    interrupted: false,
    switched: false,
    resumptions: 0,
    fails_at: 0,
    restored: false,
    saved: Duration::ZERO,
    attempt: None,
    sent: 0,
    began: None,
};

/// Why an attempt is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Its node is lost.
    Lost,
    /// It makes room, and goes on later.
    Interrupted,
    /// It took too long.
    Cancelled,
}

/// An attempt as it will be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fate {
    /// Time it takes on its node, and how much of that it takes to go on after an interruption.
    pub(super) takes: Duration,
    pub(super) extra: Duration,
    /// Time it would take undisturbed from its start: all of the work.
    pub(super) service: Duration,
    /// How it ends.
    pub(super) outcome: Outcome,
}

/// A task that arrives, and all that is said of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrival {
    pub(super) task: TaskId,
    pub(super) spec: TaskSpec,
    pub(super) details: Option<TaskDetails>,
    /// Numbers of the tasks it waits for.
    pub(super) parents: Vec<u32>,
    pub(super) job: Option<(u32, JobSize)>,
    /// When it is the last although there are more, and some may wait for others: the number of the
    /// first that does not come.
    pub(super) ended: Option<u32>,
}

impl Arrival {
    /// What the scheduler is told, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let &Arrival { task, spec, details, ended, .. } = self;
        let described = details.map(|details| Event::TaskDescribed { task, details });
        let declared = self.parents.iter().map(move |&parent| Event::DependencyDeclared { task, parent });
        let ended = ended.map(|next| Event::ArrivalsEnded { next });
        described.into_iter().chain([Event::TaskSubmitted { task, spec }]).chain(declared).chain(ended)
    }
}

/// All that arrives, and all that is unsettled.
#[derive(Debug)]
pub(super) struct Truths<'a> {
    world: &'a World,
    source: TaskSource,
    next: Option<NewTask>,
    /// Whether there are more tasks, which come too late.
    cut_off: bool,
    /// By slot.
    truths: Vec<Truth>,
    /// Who descends from whom, when tasks spawn others.
    trees: Option<Trees>,
    free: Vec<u32>,
    fates: AttemptFates<'a>,
    switch_cost: Duration,
    /// By task number: the work of its first attempt.
    works: Vec<u64>,
}

impl<'a> Truths<'a> {
    pub(super) fn new(world: &'a World, streams: Streams, with_details: bool, switch_cost: Duration) -> Self {
        let mut truths = Truths {
            world,
            source: TaskSource::new(&world.workload, streams).with_details(with_details),
            next: None,
            cut_off: false,
            truths: Vec::new(),
            trees: Trees::new(&world.workload, streams),
            free: Vec::new(),
            fates: AttemptFates::new(&world.faults.attempts, streams),
            switch_cost,
            works: Vec::new(),
        };
        truths.draw();
        truths
    }

    fn draw(&mut self) {
        let last = self.world.last_arrival.unwrap_or(Time::NEVER);
        let next = self.source.next();
        self.next = next.filter(|task| task.arrival <= last);
        self.cut_off = next.is_some() && self.next.is_none();
    }

    /// When the next task arrives, if one does.
    pub(super) fn next_arrival(&self) -> Option<Time> {
        self.next.map(|task| task.arrival)
    }

    /// The task that arrives next.
    pub(super) fn arrive(&mut self) -> Option<Arrival> {
        let new = self.next?;
        let (parents, job) = (self.source.parents(&new).to_vec(), self.source.job(&new));
        let arrival = self.admit(&new);
        self.draw();
        let ended = (self.cut_off && self.source.has_jobs()).then_some(new.number + 1);
        Some(Arrival { parents, job, ended, ..arrival })
    }

    /// A task takes a slot, and gets its number if it comes with those that others spawn.
    fn admit(&mut self, new: &NewTask) -> Arrival {
        let truth = Truth {
            number: new.number,
            work: new.work,
            left: new.work,
            failure_probability: new.failure_probability,
            ..VACANT
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.truths[slot as usize] = truth;
                slot
            }
            None => {
                self.truths.push(truth);
                self.truths.len() as u32 - 1
            }
        };
        self.works.push(new.work);
        let spec =
            TaskSpec { estimate: new.estimate, priority: new.priority, slots: new.slots, class: new.class };
        let mut task = TaskId { slot, number: new.number };
        let mut identity = u64::from(new.number);
        if let Some(trees) = &mut self.trees {
            (task, identity) = trees.enter(task);
            self.truths[slot as usize].number = task.number;
        }
        let details = self
            .source
            .has_details()
            .then(|| TaskDetails { number: task.number, ..self.source.details_of(new, identity) });
        Arrival { task, spec, details, parents: Vec::new(), job: None, ended: None }
    }

    /// Whether tasks spawn others.
    pub(super) fn grow(&self) -> bool {
        self.trees.is_some()
    }

    /// The tasks that a task spawns which has completed now; its slot is not yet free.
    pub(super) fn children(&mut self, now: Time, parent: TaskId) -> Result<Vec<Arrival>, SourceError> {
        let mut children = Vec::new();
        if self.world.last_arrival.is_some_and(|last| now > last) {
            return Ok(children);
        }
        let Some(lineage) = self.trees.as_ref().map(|trees| trees.lineage(parent.slot)) else {
            return Ok(children);
        };
        let count = self.trees.as_ref().map_or(Some(0), |trees| trees.children(lineage));
        for place in 0..count.ok_or(SourceError::TooManyChildren { task: parent.number })? {
            let announced = self.trees.as_mut().and_then(|trees| trees.announce(lineage, place));
            let (number, child) = announced.ok_or(SourceError::TooManySpawned)?;
            let new = self.source.spawned(number, child.identity, now)?;
            children.push(self.admit(&new));
        }
        Ok(children)
    }

    /// What the streams of a task are keyed by, while it is unsettled.
    fn identity(&self, task: TaskId) -> u64 {
        match &self.trees {
            None => u64::from(task.number),
            Some(trees) => trees.lineage(task.slot).identity,
        }
    }

    /// What kept a task that should have arrived from being made.
    pub(super) fn error(&self) -> Option<SourceError> {
        self.source.error()
    }

    /// The work of every task's first attempt, by number.
    pub(super) fn into_works(self) -> Vec<u64> {
        self.works
    }

    fn get(&mut self, task: TaskId) -> Option<&mut Truth> {
        self.truths.get_mut(task.slot as usize).filter(|truth| truth.number == task.number)
    }

    /// Leaves the first slots free for copies of attempts.
    pub(super) fn leave_slots(&mut self, slots: u32) {
        self.truths.resize(slots as usize, VACANT);
    }

    /// A copy of an attempt of the task in slot `task` is about to be sent to its node.
    pub(super) fn copy(&mut self, task: u32, copy: u32) {
        let Truth { number, work, failure_probability, .. } = self.truths[task as usize];
        self.truths[copy as usize] = Truth { number, work, left: work, failure_probability, ..VACANT };
        if let Some(trees) = &mut self.trees {
            trees.copy(task, copy);
        }
    }

    /// An attempt is sent to its node.
    pub(super) fn start(
        &mut self,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        sent: u64,
    ) -> Result<Fate, SourceError> {
        let slot = task.slot as usize;
        let identity = self.identity(task);
        if attempt.0 > 1 && self.world.retry.redraw && !self.truths[slot].resumes {
            let which = attempt.0 - self.truths[slot].resumptions;
            let too_large = SourceError::WorkTooLarge { task: task.number, attempt: which };
            let work = self.source.redraw(task.number, identity, which).ok_or(too_large)?;
            self.truths[slot].work = work;
            self.truths[slot].left = work;
        }
        let truth = &mut self.truths[slot];
        truth.switched = std::mem::take(&mut truth.interrupted);
        truth.resumptions += u32::from(truth.switched);
        let cost = if truth.switched { self.switch_cost } else { Duration::ZERO };
        let which = attempt.0 - truth.resumptions;
        (truth.resumes, truth.attempt) = (false, Some((attempt, node)));
        (truth.sent, truth.began) = (sent, None);
        truth.restored = truth.left < truth.work && self.world.retry.checkpoint.is_some();
        truth.saved = Duration::ZERO;
        let (work, left, probability, switched) =
            (truth.work, truth.left, truth.failure_probability, truth.switched);
        let (restored, mut fails_at) = (truth.restored, truth.fails_at);
        let failed = self.fates.fails(|| identity, which, node.0, probability);
        // One that goes on fails where it would have failed.
        if self.fates.may_fail_early() && !switched {
            fails_at = if failed { self.fates.undone(identity, which, left) } else { 0 };
            self.truths[slot].fails_at = fails_at;
        }
        let limits = self.world.workload.limits();
        let excess = limits.excess(task.number, work);
        let mut takes = self.time_of(left.saturating_sub(excess.max(fails_at)), node);
        if let Some(checkpoint) = &self.world.retry.checkpoint {
            takes = checkpoint.stretched(takes, restored);
        }
        let early = failed && fails_at > excess;
        Ok(Fate {
            takes: Duration(takes.0.saturating_add(cost.0)),
            extra: cost,
            service: self.time_of(work - excess, node),
            outcome: if early { Outcome::Failure } else { limits.outcome(task.number, work, failed) },
        })
    }

    /// The current attempt is sent only now, on the host's clock.
    pub(super) fn sent_at(&mut self, task: TaskId, host: u64) {
        if let Some(truth) = self.get(task) {
            truth.sent = host;
        }
    }

    /// When the current attempt was sent, on the host's clock.
    pub(super) fn sent(&mut self, task: TaskId) -> Option<u64> {
        self.get(task).map(|truth| truth.sent)
    }

    /// Whether this cannot be true of the current attempt, as it had begun already or has not begun
    /// yet. Facts about other attempts are not judged.
    pub(super) fn contradicts(&mut self, event: &Event) -> bool {
        let (task, named, ends) = match *event {
            Event::AttemptStarted { task, attempt, node } => (task, (attempt, node), false),
            Event::AttemptFinished { task, attempt, node, .. } => (task, (attempt, node), true),
            _ => return false,
        };
        self.get(task).is_some_and(|truth| truth.attempt == Some(named) && truth.began.is_some() != ends)
    }

    /// The undisturbed service time of a task on a node.
    pub(super) fn service(&mut self, task: TaskId, node: NodeId) -> Option<Duration> {
        let work = self.get(task)?.work;
        let excess = self.world.workload.limits().excess(task.number, work);
        Some(self.time_of(work - excess, node))
    }

    /// The current attempt has begun.
    pub(super) fn began(&mut self, task: TaskId, now: Time) {
        if let Some(truth) = self.get(task) {
            truth.began = Some(now);
        }
    }

    /// The current attempt has come to its end by itself.
    pub(super) fn ended(&mut self, task: TaskId) {
        if let Some(truth) = self.get(task) {
            // Unless it settles, it failed, and the next one repeats all of the work.
            (truth.left, truth.attempt, truth.began) = (truth.work, None, None);
        }
    }

    /// The current attempt has come to its end, and the scheduler does not hear of it yet. If it gives the
    /// attempt up meanwhile, a later one may go on where this one was.
    pub(super) fn ended_unheard(&mut self, task: TaskId, outcome: Outcome) {
        if let Some(truth) = self.get(task) {
            truth.left = if outcome == Outcome::Failure { truth.work } else { 0 };
        }
    }

    /// The current attempt is given up; it really ended at `end`. `done` is what it has done in time at full
    /// speed, where that is not all the time since it began. Gives whether it had begun.
    pub(super) fn give_up(
        &mut self,
        task: TaskId,
        node: NodeId,
        end: Time,
        why: GivenUp,
        done: Option<Duration>,
    ) -> bool {
        let speed = self.world.nodes[node.index()].speed;
        let checkpoint = self.world.retry.checkpoint;
        let survives = self.world.retry.on_node_loss == OnNodeLoss::Resume || checkpoint.is_some();
        let interrupted = why == GivenUp::Interrupted;
        let keeps = interrupted || (why == GivenUp::Lost && survives);
        let switch_cost = self.switch_cost;
        let Some(truth) = self.get(task) else { return false };
        let began = truth.began.take();
        truth.attempt = None;
        truth.resumes = keeps;
        truth.interrupted = interrupted;
        if keeps {
            let cost = if truth.switched { switch_cost.0 } else { 0 };
            let elapsed = began.map_or(0, |began| end.since(began).0.saturating_sub(cost));
            let mut elapsed = done.map_or(elapsed, |done| done.0);
            if let Some(checkpoint) = checkpoint {
                let (worked, saved) = checkpoint.kept_of(Duration(elapsed), truth.restored);
                (elapsed, truth.saved) = (worked.0, saved);
            }
            truth.left = truth.left.saturating_sub(Duration(elapsed).work_at(speed));
            // Until its first checkpoint an attempt has nothing to go on from.
            truth.resumes = checkpoint.is_none() || truth.left < truth.work;
        } else {
            truth.left = truth.work;
        }
        began.is_some()
    }

    /// How long after it began the last checkpoint of an attempt was written that is lost now.
    pub(super) fn saved(&mut self, task: TaskId) -> Duration {
        self.get(task).map_or(Duration::ZERO, |truth| truth.saved)
    }

    /// The task is settled: its slot is free.
    pub(super) fn settle(&mut self, task: TaskId) {
        self.free.push(task.slot);
    }

    /// Time that `work` takes on `node`.
    fn time_of(&self, work: u64, node: NodeId) -> Duration {
        let speed = self.world.nodes[node.index()].speed;
        Duration::of_work(work, speed)
    }
}
