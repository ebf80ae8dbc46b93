//! The only control flow of the core: what happens on each event, and what is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::{Cluster, NodeSpec};
use super::command::{Command, Commands};
use super::event::{Event, Outcome, TaskSpec};
use super::policy::{Backfill, Dispatch, Entry, Interrupts, Order, Place, Policy};
use super::ready::ReadyQueue;
use super::record::{Observer, Record};
use super::resources::Resources;
use super::retry::RetryPlan;
use super::running::Running;
use super::task::{NONE, TaskState, Tasks};
use super::timers::Timers;
use super::view::{Counts, View};
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::{Purpose, StreamKey, Streams};
use crate::structures::ordered_index::{NO_KIND, OrderedIndex};
use crate::time::{Duration, Time};

/// What a scheduler must know before its first event.
#[derive(Clone, Debug)]
pub struct SchedulerConfig {
    /// What happens to failed and lost attempts.
    pub retry: RetryPlan,
    /// The most slots that one task takes; places choose their index by it.
    pub max_demand: u32,
    /// Whether the driver sends `AttemptStarted`. If so, an attempt has started when that event
    /// says so; if not, when the command to start it was given.
    pub starts_are_reported: bool,
    /// Named resources of nodes and demands of tasks.
    pub resources: Arc<Resources>,
    /// Names the random streams of backoff.
    pub seed: u64,
}

/// A scheduler with one policy.
#[derive(Clone, Debug)]
pub struct Scheduler<P> {
    pub(super) policy: P,
    pub(super) config: SchedulerConfig,
    pub(super) jitter: StreamKey,
    pub(super) tasks: Tasks,
    pub(super) cluster: Cluster,
    /// Pull: what waits, when tasks only leave from the front ...
    pub(super) ready: ReadyQueue,
    /// ... and when they may leave from anywhere, or change places.
    pub(super) waiting: OrderedIndex,
    /// Whether `waiting` is in use, and not `ready`.
    pub(super) indexed: bool,
    /// Whether anybody wants to know of starts and ends of attempts: the order, or those who count
    /// named resources.
    watched: bool,
    /// Tasks that came at this instant: to be placed (push), or the only one as long as it may not
    /// need the queue (pull).
    pub(super) unplaced: Vec<u32>,
    /// Push: tasks for which no node had room; they are tried again when a node joins.
    pub(super) parked: Vec<u32>,
    pub(super) node_joined: bool,
    /// Push: nodes whose queue must be looked at.
    pub(super) dirty: Vec<NodeId>,
    pub(super) timers: Timers,
    pub(super) counts: Counts,
    /// Kinds of tasks by slots and demand, where resources are named.
    kinds: BTreeMap<(u32, u32), u32>,
    /// Whether and when running tasks are interrupted.
    pub(super) interrupts: Interrupts,
    pub(super) switch_cost: Duration,
    /// What runs under pull, when a better task may take its place.
    pub(super) running: Option<Running>,
    /// Slices that end at this instant: when, number and slot of the task.
    pub(super) expired: Vec<(Time, u32, u32)>,
    /// Tasks of the event or decision at hand; kept to use its memory again.
    pub(super) scratch: Vec<u32>,
}

impl<P: Policy> Scheduler<P> {
    /// A scheduler that knows its nodes but believes none of them up yet.
    pub fn new(mut policy: P, nodes: &[NodeSpec], config: SchedulerConfig) -> Self {
        let cluster = Cluster::new(nodes, policy.dispatch(), config.max_demand, &config.resources);
        let jitter = Streams::new(config.seed).key(Purpose::Backoff);
        let switch_cost = policy.switch_cost();
        let (order, _, backfill) = policy.parts();
        let indexed = backfill.is_active() || order.is_grouped();
        let watched = order.watches_attempts() || cluster.resources().is_some();
        let interrupts = match policy.parts().0.interrupts() {
            Interrupts::Never if policy.preempts() => Interrupts::ForBetter,
            other => other,
        };
        let centrally = policy.dispatch() == Dispatch::Pull
            && matches!(interrupts, Interrupts::ForBetter | Interrupts::ForShorter);
        let by_speed = interrupts == Interrupts::ForShorter;
        let running = centrally.then(|| Running::new(&cluster, by_speed));
        Scheduler {
            policy,
            config,
            jitter,
            tasks: Tasks::default(),
            cluster,
            ready: ReadyQueue::default(),
            waiting: OrderedIndex::default(),
            indexed,
            watched,
            unplaced: Vec::new(),
            parked: Vec::new(),
            node_joined: false,
            dirty: Vec::new(),
            timers: Timers::default(),
            counts: Counts::default(),
            kinds: BTreeMap::new(),
            interrupts,
            switch_cost,
            running,
            expired: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Makes room for so many unsettled tasks at once; more find room too, only later.
    pub fn reserve(&mut self, tasks: usize) {
        self.tasks.reserve(tasks);
        match self.cluster.dispatch() {
            Dispatch::Pull => self.ready.reserve(tasks),
            Dispatch::Push => self.unplaced.reserve(tasks),
        }
    }

    /// Whether the policy wants details of every task: see [`Order::reads_details`].
    pub fn reads_details(&mut self) -> bool {
        self.policy.parts().0.reads_details()
    }

    /// Whether running tasks may be interrupted and go on later.
    pub fn interrupts(&self) -> bool {
        self.interrupts != Interrupts::Never
    }

    /// Time that an interrupted task spends on its node before it goes on with its work.
    pub fn switch_cost(&self) -> Duration {
        self.switch_cost
    }

    /// What anyone may see.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View { counts: self.counts, cluster: &self.cluster }
    }

    /// The next instant at which the scheduler wants a `TimerFired`.
    #[inline]
    pub fn next_timer(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Takes one fact in. Decisions wait for [`decide`](Self::decide).
    // Drivers know which event they hand in: inlined, the match and the event itself vanish.
    #[inline(always)]
    pub fn handle<O: Observer>(
        &mut self,
        now: Time,
        event: Event,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        match event {
            Event::TaskDescribed { task, details } => self.tasks.describe(task.slot, details),
            Event::TaskSubmitted { task, spec } => self.on_submitted(now, task, &spec, observer),
            Event::AttemptStarted { task, attempt, node } => {
                self.on_started(now, task, attempt, node, observer);
            }
            Event::AttemptFinished { task, attempt, node, outcome, service } => {
                if self.is_current(task, attempt, node) {
                    self.on_finished(now, task, outcome, service, commands, observer);
                } else {
                    self.refuse(now, task, attempt, node, observer);
                }
            }
            Event::NodeJoined { node } => self.on_node_joined(now, node, observer),
            Event::NodeLost { node } => self.on_node_lost(now, node, commands, observer),
            Event::TimerFired => self.on_timer(now),
        }
    }

    /// Decides what starts where; called once per instant, when its facts are all in.
    #[inline(always)]
    pub fn decide<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        match self.cluster.dispatch() {
            Dispatch::Pull => self.decide_pull(now, commands, observer),
            Dispatch::Push => self.decide_push(now, commands, observer),
        }
        if self.interrupts != Interrupts::Never {
            self.decide_interruptions(now, commands, observer);
        }
    }

    #[inline(always)]
    fn on_submitted<O: Observer>(&mut self, now: Time, id: TaskId, spec: &TaskSpec, observer: &mut O) {
        self.tasks.admit(now, id, spec);
        if self.interrupts != Interrupts::Never {
            self.begin_progress(id.slot);
        }
        self.counts.submitted += 1;
        self.counts.waiting += 1;
        observer.on_record(now, &Record::Submitted { task: id, class: spec.class, slots: spec.slots });
        self.enqueue(now, id.slot);
    }

    /// Whether a message speaks of the attempt that counts.
    #[inline(always)]
    fn is_current(&self, id: TaskId, attempt: AttemptNumber, node: NodeId) -> bool {
        self.tasks.hot.get(id.slot as usize).is_some_and(|task| {
            task.state == TaskState::Running
                && task.number == id.number
                && task.attempts == attempt.0
                && task.node == node.0
        })
    }

    #[cold]
    fn refuse<O: Observer>(
        &mut self,
        now: Time,
        task: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        observer: &mut O,
    ) {
        self.counts.refused += 1;
        observer.on_record(now, &Record::Refused { task, attempt, node });
    }

    fn on_started<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        attempt: AttemptNumber,
        node: NodeId,
        observer: &mut O,
    ) {
        if !self.is_current(id, attempt, node) {
            return self.refuse(now, id, attempt, node, observer);
        }
        let task = &mut self.tasks.hot[id.slot as usize];
        task.started = now;
        if task.first_start == Time::NEVER {
            task.first_start = now;
        }
        if self.interrupts != Interrupts::Never {
            self.begin_late(now, id.slot, node);
        }
    }

    #[inline(always)]
    fn on_finished<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        outcome: Outcome,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let slot = id.slot;
        // Field by field: copying a record that was just written stalls the processor.
        let task = &self.tasks.hot[slot as usize];
        let node = NodeId(task.node);
        let slots = task.slots;
        let busy = slot_time(now.since(task.started), slots);
        let attempt = AttemptNumber(task.attempts);
        if self.interrupts != Interrupts::Never {
            self.unfile_running(slot, node);
        }
        self.vacate(now, slot, node, observer);
        self.counts.running -= 1;
        self.load_changed(node);
        if self.cluster.dispatch() == Dispatch::Push {
            self.mark_dirty(node);
        }
        observer.on_record(now, &Record::Finished { task: id, attempt, node, outcome, busy, slots });
        if outcome == Outcome::Success {
            return self.settle(now, slot, TaskState::Completed, service, commands, observer);
        }
        if self.interrupts != Interrupts::Never {
            self.drop_progress(now, slot, node, false);
        }
        self.on_failed(now, id, service, commands, observer);
    }

    #[inline(always)]
    pub(super) fn settle<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        state: TaskState,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let task = &mut self.tasks.hot[slot as usize];
        let waiting = task.state.waits();
        task.set_state(state);
        self.counts.settled += 1;
        self.counts.waiting -= u64::from(waiting);
        let id = TaskId { slot, number: task.number };
        let resumptions = self.tasks.progress.get(slot as usize).map_or(0, |progress| progress.resumptions);
        let record = Record::Settled {
            task: id,
            state,
            waiting,
            class: task.class,
            arrival: task.arrival,
            first_start: (task.first_start != Time::NEVER).then_some(task.first_start),
            attempts: task.attempts - resumptions,
            node: (task.node != NONE).then_some(NodeId(task.node)),
            service,
        };
        observer.on_record(now, &record);
        commands.push(Command::Settle { task: id, state });
    }

    /// The attempt no longer takes anything of its node.
    #[inline(always)]
    pub(super) fn vacate<O: Observer>(&mut self, now: Time, slot: u32, node: NodeId, observer: &mut O) {
        self.cluster.vacate(slot, node, &mut self.tasks);
        if self.watched {
            self.tell_ended(now, slot, node, observer);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_started(&mut self, slot: u32, node: NodeId) {
        self.policy.parts().0.started(&self.tasks.view(slot), node, &self.cluster);
    }

    #[cold]
    #[inline(never)]
    fn tell_ended<O: Observer>(&mut self, now: Time, slot: u32, node: NodeId, observer: &mut O) {
        let view = self.tasks.view(slot);
        // An attempt whose start was not yet reported has taken no time.
        let held = now.since(view.started());
        self.policy.parts().0.ended(&view, node, held, &self.cluster);
        let demand = view.details().demand;
        if demand != 0 {
            let task = self.tasks.id(slot);
            observer.on_record(now, &Record::Released { task, node, demand, held });
        }
    }

    /// A task waits from now on; what becomes of it is decided when all facts are in.
    #[inline(always)]
    pub(super) fn enqueue(&mut self, now: Time, slot: u32) {
        if self.cluster.dispatch() == Dispatch::Push || self.is_alone() {
            self.unplaced.push(slot);
            return;
        }
        if let Some(first) = self.unplaced.pop() {
            self.queue_centrally(now, first);
        }
        self.queue_centrally(now, slot);
    }

    /// Pull: whether a task that comes now has nobody to compete with so far.
    #[inline(always)]
    fn is_alone(&mut self) -> bool {
        self.unplaced.is_empty() && self.ready.is_empty() && !self.indexed
    }

    /// Puts a task into the central queue.
    #[inline(always)]
    pub(super) fn queue_centrally(&mut self, now: Time, slot: u32) {
        self.set_key(now, slot, 0);
        self.file_centrally(slot);
    }

    /// Puts a task that has its key into the central queue.
    #[inline(always)]
    pub(super) fn file_centrally(&mut self, slot: u32) {
        let task = &self.tasks.hot[slot as usize];
        if self.indexed {
            let left = self.tasks.view(slot).left();
            let (key, number, slots) = (task.key, task.number, task.slots);
            let kind = self.kind(slot);
            self.waiting.insert_kind(slot, key, number, slots, left, kind);
        } else {
            self.ready.push(task.key, task.number, slot);
        }
    }

    /// The kind of a task, as one of a set of 64: tasks of equal demand are of one kind, as long as
    /// there are kinds left.
    #[inline(always)]
    fn kind(&mut self, slot: u32) -> u64 {
        if self.cluster.ledger.is_none() { NO_KIND } else { self.kind_of_demand(slot) }
    }

    #[cold]
    fn kind_of_demand(&mut self, slot: u32) -> u64 {
        let demand = (self.tasks.hot[slot as usize].slots, self.tasks.demand(slot));
        let next = self.kinds.len();
        if next < 63 {
            1 << *self.kinds.entry(demand).or_insert(next as u32)
        } else {
            self.kinds.get(&demand).map_or(NO_KIND, |kind| 1 << kind)
        }
    }

    #[inline(always)]
    pub(super) fn set_key(&mut self, now: Time, slot: u32, queue: u32) {
        let order = self.policy.parts().0;
        // First come, first served: the key is 0 as it was.
        if !order.is_fifo() {
            let entry = match self.tasks.hot[slot as usize].attempts {
                0 => Entry::Arrived,
                _ => Entry::Returned,
            };
            let key = order.key(&self.tasks.view(slot), queue, entry, now);
            self.tasks.hot[slot as usize].key = key;
        }
    }

    /// The node's load or free slots have changed.
    #[inline(always)]
    pub(super) fn load_changed(&mut self, node: NodeId) {
        if self.cluster.dispatch() == Dispatch::Push {
            self.policy.parts().1.load_changed(node, &self.cluster);
        } else {
            self.node_changed(node);
        }
    }

    /// The node's room has changed.
    #[inline]
    pub(super) fn node_changed(&mut self, node: NodeId) {
        let (_, place, backfill) = self.policy.parts();
        place.node_changed(node, &self.cluster);
        if backfill.is_active() {
            backfill.node_changed(node, &self.cluster);
        }
    }

    #[inline]
    pub(super) fn mark_dirty(&mut self, node: NodeId) {
        let state = &mut self.cluster.nodes[node.index()];
        if !state.dirty {
            state.dirty = true;
            self.dirty.push(node);
        }
    }

    #[inline(always)]
    pub(super) fn start<O: Observer>(
        &mut self,
        now: Time,
        slot: u32,
        node: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.cluster.occupy(slot, node, &mut self.tasks);
        let task = &mut self.tasks.hot[slot as usize];
        task.set_state(TaskState::Running);
        task.attempts += 1;
        if self.config.starts_are_reported {
            task.started = Time::NEVER;
        } else {
            task.started = now;
            if task.first_start == Time::NEVER {
                task.first_start = now;
            }
        }
        let id = TaskId { slot, number: task.number };
        let attempt = AttemptNumber(task.attempts);
        let failures = task.failures;
        self.counts.waiting -= 1;
        self.counts.running += 1;
        self.load_changed(node);
        if self.watched {
            self.tell_started(slot, node);
        }
        let resumed = self.interrupts != Interrupts::Never && self.take_up(now, slot, node);
        observer.on_record(now, &Record::Dispatched { task: id, attempt, node, failures, resumed });
        commands.push(Command::StartAttempt { task: id, attempt, node });
    }
}

/// Time of one attempt times the slots it takes.
#[inline]
pub(super) fn slot_time(elapsed: Duration, slots: u32) -> Duration {
    Duration(elapsed.0.saturating_mul(u64::from(slots)))
}
