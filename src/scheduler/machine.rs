//! The only control flow of the core: what happens on each event, and what is decided.

use std::collections::BTreeMap;

use super::alarms::Alarms;
use super::autoscale::Autoscaler;
use super::cluster::{Cluster, NodeSpec};
use super::command::{Command, Commands};
use super::compensations::Ended;
use super::config::{Limits, SchedulerConfig};
use super::dependencies::Dependencies;
use super::event::{Event, Outcome, TaskSpec};
use super::failing_order::Failed;
use super::families::Speculation;
use super::guards::Guards;
use super::late_binding::Reservations;
use super::monitor::Monitor;
use super::moving_keys::MovingKeys;
use super::policy::{Backfill, Dispatch, Entry, Interrupts, Manner, Order, Place, Policy, Step};
use super::prefetching::Prefetched;
use super::ready::ReadyQueue;
use super::record::{Observer, Record};
use super::retry_budget::RetryBudget;
use super::running::Running;
use super::sabotage::Sabotage;
use super::stealing::Thieves;
use super::task::{TaskState, Tasks};
use super::time_limits::TimeLimits;
use super::timers::Timers;
use super::view::Counts;
use crate::ids::{AttemptNumber, NodeId, TaskId};
use crate::random::{Purpose, StreamKey, Streams};
use crate::structures::ordered_index::OrderedIndex;
use crate::time::{Duration, Time};

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
    pub(super) watched: bool,
    /// Whether the place keeps an account of what is at nodes.
    pub(super) accounted: bool,
    /// How many waiting tasks the place assigns together; 0 for one by one.
    pub(super) window: usize,
    /// The same tasks in the order in which they may overtake, when that is another one.
    pub(super) candidates: OrderedIndex,
    pub(super) reordered: bool,
    /// What is known of keys that move with time, when the policy has such.
    pub(super) moving: Option<Box<MovingKeys>>,
    /// The blocked head, when it stays the head until it starts.
    pub(super) committed: Option<TaskId>,
    /// Tasks that came at this instant: to be placed (push), or the only one as long as it may not
    /// need the queue (pull).
    pub(super) unplaced: Vec<u32>,
    /// Push: tasks for which no node had room. They are tried again when a node joins, and at every
    /// decision where nodes limit how many may wait.
    pub(super) parked: Vec<u32>,
    pub(super) tries_parked: bool,
    /// Push: nodes whose queue must be looked at.
    pub(super) dirty: Vec<NodeId>,
    /// Push: who takes tasks from whom, when idle nodes do.
    pub(super) thieves: Option<Box<Thieves>>,
    /// Push: who has a place reserved where, when tasks have several.
    pub(super) reservations: Option<Box<Reservations>>,
    /// Pull: who waits at nodes, when they take several tasks at a time.
    pub(super) prefetched: Option<Box<Prefetched>>,
    /// Whether tasks wait in queues of nodes.
    pub(super) queues_at_nodes: bool,
    /// Pull: whether one task runs at a time in the whole cluster.
    pub(super) serial: bool,
    pub(super) timers: Timers,
    pub(super) counts: Counts,
    /// Kinds of tasks by slots and demand, where resources are named.
    pub(super) kinds: BTreeMap<(u32, u32), u32>,
    /// Who waits for whom; empty in workloads without dependencies.
    pub(super) dependencies: Dependencies,
    /// Whether and when running tasks are interrupted.
    pub(super) interrupts: Interrupts,
    pub(super) switch_cost: Duration,
    /// What runs under pull, when a better task may take its place.
    pub(super) running: Option<Running>,
    /// Slices that end at this instant: when, number and slot of the task.
    pub(super) expired: Vec<(Time, u32, u32)>,
    /// Whether submissions may be refused, or tasks give up.
    pub(super) limited: bool,
    /// What protects tasks from bad nodes, and whether anything does.
    pub(super) guards: Guards,
    pub(super) guarded: bool,
    /// Whether there is more to decide than what starts.
    pub(super) decides_more: bool,
    /// Whether time limits and failures are looked at before anything is decided.
    decides_first: bool,
    /// How long attempts and tasks may take, when that is limited.
    pub(super) time_limits: Option<Box<TimeLimits>>,
    /// What is to be told of, when anything is.
    pub(super) alarms: Option<Box<Alarms>>,
    /// Whether more is done at the end of a task than to write it down.
    pub(super) notes_ends: bool,
    /// How many retries there may be, when that is limited.
    pub(super) retry_budget: Option<Box<RetryBudget>>,
    /// Submissions of this instant, when they may be refused.
    pub(super) arrived: Vec<u32>,
    /// By slot: how often a submission was refused.
    pub(super) refusals: Vec<u32>,
    /// What is known of nodes by their heartbeats, when they send some.
    pub(super) monitor: Option<Box<Monitor>>,
    /// Who starts nodes and lets them go, when anyone does.
    pub(super) autoscaler: Option<Box<Autoscaler>>,
    /// Copies of attempts that take too long, when such are made.
    pub(super) speculation: Option<Box<Speculation>>,
    /// Tasks of the event or decision at hand; kept to use its memory again.
    pub(super) scratch: Vec<u32>,
    /// Push: who failed at one instant.
    pub(super) failed: Failed,
    /// What its driver is to be told has ended, where failed tasks are undone.
    pub(super) ended: Vec<Ended>,
    /// The guard that is left out, in tests.
    pub(super) sabotage: Option<Sabotage>,
}

impl<P: Policy> Scheduler<P> {
    /// A scheduler that knows its nodes but believes none of them up yet.
    ///
    /// # Panics
    /// When the backfilling rule plans for all waiting tasks, which it does by slots alone, and resources
    /// are named: a plan might then wait for ever on a node that lacks one.
    pub fn new(mut policy: P, nodes: &[NodeSpec], mut config: SchedulerConfig) -> Self {
        // Who runs out of time, or is cancelled, leaves whatever queue it is in, as one who gives up does.
        let cancels = config.retry.compensations.is_some();
        config.limits.tasks_give_up |= config.retry.total_timeout.is_some() || cancels;
        let mut cluster = Cluster::new(nodes, policy.dispatch(), &config);
        let jitter = Streams::new(config.seed).key(Purpose::Backoff);
        let backfill = policy.parts().2;
        let indexed = backfill.is_active() || backfill.commits_head();
        let reordered = backfill.reorders();
        let switch_cost = policy.switch_cost();
        let (order, place, backfill) = policy.parts();
        let by_slots = !backfill.plans_all() || cluster.resources().is_none();
        assert!(by_slots, "a backfilling rule that plans for all plans by slots alone");
        // A rule that protects the head of the queue wants to see who passes it one by one, and an order
        // that says at every start whose turn it is has but one task at the front.
        let one_by_one = backfill.is_active() || order.is_grouped();
        let window = if one_by_one { 0 } else { place.window() };
        let accounted = place.keeps_account();
        let mut watched = order.watches_attempts() || cluster.resources().is_some();
        let Limits { waiting, tasks_give_up, .. } = config.limits;
        let indexed = indexed || one_by_one || window > 0 || waiting.is_some() || tasks_give_up;
        let limited = config.limits.apply();
        let interrupts = match policy.parts().0.interrupts() {
            Interrupts::Never if policy.preempts() => Interrupts::ForBetter,
            other => other,
        };
        let moving = MovingKeys::new(&mut policy, nodes.len(), interrupts != Interrupts::Never);
        let indexed = indexed || moving.is_some();
        let (time_limits, retry_budget) = (TimeLimits::of(&config.retry), RetryBudget::of(&config.retry));
        let decides_first = time_limits.is_some() || retry_budget.is_some();
        watched |= moving.is_some() || decides_first;
        let centrally = policy.dispatch() == Dispatch::Pull
            && matches!(interrupts, Interrupts::ForBetter | Interrupts::ForShorter);
        let by_speed = interrupts == Interrupts::ForShorter;
        let running = centrally.then(|| Running::new(&cluster, by_speed));
        let thieves = Thieves::of(policy.manner(), &mut cluster, config.seed);
        let reservations = Reservations::of(policy.manner(), &mut cluster);
        let prefetched = Prefetched::of(policy.manner());
        let queues_at_nodes = policy.dispatch() == Dispatch::Push || prefetched.is_some();
        let serial = policy.manner() == Manner::Serial;
        let guards = Guards::new(&config.guards, nodes.len());
        let guarded = guards.are_on();
        let alarms = Alarms::of(&config.alarms);
        let traits = (interrupts, policy.manner());
        let speculation = Speculation::of(&config, nodes, &cluster, traits);
        let autoscaler = Autoscaler::of(&config, nodes);
        watched |= speculation.is_some() || autoscaler.is_some();
        let learns = speculation.as_ref().is_some_and(|speculation| speculation.learns());
        let notes_ends = alarms.is_some() || config.retry.total_timeout.is_some() || cancels || learns;
        let decides_more = limited || interrupts != Interrupts::Never || thieves.is_some();
        let decides_more = decides_more || alarms.is_some() || speculation.is_some() || autoscaler.is_some();
        let mut tasks = Tasks::default();
        tasks.leave_slots(speculation.as_ref().map_or(0, |speculation| speculation.slots()));
        let monitor = config.monitor.map(|plan| Monitor::new(&plan, nodes.len()));
        Scheduler {
            policy,
            config,
            jitter,
            tasks,
            cluster,
            ready: ReadyQueue::default(),
            waiting: OrderedIndex::default(),
            indexed,
            watched,
            accounted,
            window,
            candidates: OrderedIndex::default(),
            reordered,
            moving,
            committed: None,
            unplaced: Vec::new(),
            parked: Vec::new(),
            tries_parked: false,
            dirty: Vec::new(),
            thieves,
            reservations,
            prefetched,
            queues_at_nodes,
            serial,
            timers: Timers::default(),
            counts: Counts::default(),
            kinds: BTreeMap::new(),
            dependencies: Dependencies::default(),
            interrupts,
            switch_cost,
            running,
            expired: Vec::new(),
            limited,
            guards,
            guarded,
            decides_more,
            decides_first,
            time_limits,
            alarms,
            notes_ends,
            retry_budget,
            arrived: Vec::new(),
            refusals: Vec::new(),
            monitor,
            autoscaler,
            speculation,
            scratch: Vec::new(),
            failed: Failed::default(),
            ended: Vec::new(),
            sabotage: None,
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
            Event::DependencyDeclared { task, parent } => {
                self.on_dependency(now, task, parent, commands, observer);
            }
            Event::ArrivalsEnded { next } => self.on_arrivals_ended(now, next, commands, observer),
            Event::AttemptStarted { task, attempt, node } => {
                self.on_started(now, task, attempt, node, observer);
            }
            Event::AttemptFinished { task, attempt, node, outcome, service } => {
                if self.is_current(task, attempt, node) {
                    self.on_finished(now, task, outcome, service, commands, observer);
                } else {
                    let who = (attempt, node);
                    self.on_stale_result(now, task, who, outcome, service, commands, observer);
                }
            }
            Event::NodeJoined { node } => self.on_node_joined(now, node, observer),
            Event::NodeLost { node } => self.on_node_lost(now, node, commands, observer),
            Event::NodeClosed { node, reason, move_waiting } => {
                self.close_node(now, node, reason, move_waiting, commands, observer);
            }
            Event::NodeOpened { node, reason } => self.open_node(now, node, reason, observer),
            Event::TimerFired => self.on_timer(now, commands, observer),
            Event::TaskCancelled { task } => self.on_cancelled(now, task, commands, observer),
            Event::Heartbeat { node } => self.on_heartbeat(now, node, observer),
            Event::NodeLeaving { node } => self.begin_leaving(now, node, commands, observer),
        }
    }

    /// Decides what starts where; called once per instant, when its facts are all in.
    #[inline(always)]
    pub fn decide<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        if self.accounted {
            self.policy.parts().1.begin(now);
        }
        self.cluster.set_now(now);
        if self.decides_first {
            self.decide_first(now, commands, observer);
            if self.has_ended() {
                return;
            }
        }
        match self.cluster.dispatch() {
            Dispatch::Pull if self.prefetched.is_some() => self.decide_prefetching(now, commands, observer),
            Dispatch::Pull => self.decide_pull(now, commands, observer),
            Dispatch::Push if self.reservations.is_some() => self.decide_late(now, commands, observer),
            Dispatch::Push => self.decide_push(now, commands, observer),
        }
        if self.decides_more {
            self.decide_more(now, commands, observer);
        }
    }

    /// What is left to decide once everything that can start has started.
    #[cold]
    fn decide_more<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        if self.interrupts != Interrupts::Never {
            self.decide_interruptions(now, commands, observer);
        }
        if self.thieves.is_some() {
            self.decide_thefts(now, commands, observer);
        }
        if self.limited && (self.cluster.dispatch() == Dispatch::Pull || self.reservations.is_some()) {
            self.refuse_surplus(now, commands, observer);
        }
        if self.speculation.is_some() {
            self.decide_copies(now, commands, observer);
        }
        if self.alarms.is_some() {
            self.decide_alarms(now, observer);
        }
        self.stop_emptied(now, commands, observer);
        if self.autoscaler.is_some() {
            self.decide_scaling(now, commands, observer);
        }
    }

    #[inline(always)]
    fn on_submitted<O: Observer>(&mut self, now: Time, id: TaskId, spec: &TaskSpec, observer: &mut O) {
        self.tasks.admit(now, id, spec);
        if self.interrupts != Interrupts::Never {
            self.begin_progress(id.slot);
        }
        if self.limited {
            self.note_arrival(id);
        }
        self.counts.submitted += 1;
        self.counts.waiting += 1;
        observer.on_record(now, &Record::Submitted { task: id, class: spec.class, slots: spec.slots });
        if self.tasks.have_details() && self.blocks(now, id, observer) {
            return;
        }
        self.enqueue(now, id.slot);
    }

    #[inline(always)]
    pub(super) fn on_finished<O: Observer>(
        &mut self,
        now: Time,
        id: TaskId,
        outcome: Outcome,
        service: Duration,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let slot = id.slot;
        if self.speculation.is_some() {
            return self.finish_speculated(now, slot, (outcome, service), commands, observer);
        }
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
        if self.queues_at_nodes {
            self.mark_dirty(node);
        }
        observer.on_record(now, &Record::Finished { task: id, attempt, node, outcome, busy, slots });
        if self.guarded {
            self.guard_end(now, slot, node, outcome, commands, observer);
        }
        if outcome == Outcome::Success {
            return self.settle(now, slot, TaskState::Completed, service, commands, observer);
        }
        if self.interrupts != Interrupts::Never {
            self.drop_progress(now, slot, node, false);
        }
        self.on_failed(now, id, outcome, service, commands, observer);
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
        self.follow(now, Step::Started, slot, node);
        self.load_changed(node);
        if self.watched {
            self.tell_started(now, slot, node);
        }
        let resumed = self.interrupts != Interrupts::Never && self.take_up(now, slot, node);
        observer.on_record(now, &Record::Dispatched { task: id, attempt, node, failures, resumed });
        commands.push(Command::StartAttempt { task: id, attempt, node });
        if self.guarded {
            self.guard_start(now, slot, node, commands, observer);
        }
    }
}

/// Why a task with so many attempts enters a queue.
#[inline]
pub(super) fn entry(attempts: u32) -> Entry {
    if attempts == 0 { Entry::Arrived } else { Entry::Returned }
}

/// Time of one attempt times the slots it takes.
#[inline]
pub(super) fn slot_time(elapsed: Duration, slots: u32) -> Duration {
    Duration(elapsed.0.saturating_mul(u64::from(slots)))
}
