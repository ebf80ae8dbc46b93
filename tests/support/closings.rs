//! A small world without time of its own around the bare core: at every second attempts end, nodes join, are
//! lost, close, open and leave by the throw of a die. It keeps its own account of which node takes tasks, and
//! says so when one starts where it must not.

use std::sync::Arc;

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::policies::{self, BackfillSpec, PolicySpec};
use falcon::random::Streams;
use falcon::scheduler::{
    BreakerPlan, BreakerState, BudgetPlan, ClosedBy, Command, Commands, Dispatch, Event, GuardPlan, Limits,
    LockPlan, NO_LOCK, NodeSpec, Outcome, Record, Resources, RetryPlan, Scheduler, SchedulerConfig,
    TaskDetails, TaskSpec, Trip, Window, Zones,
};
use falcon::time::{Duration, Time};

const SECOND: u64 = 1_000_000_000;
const NODES: usize = 4;
const TASKS: u32 = 24;
const LOCKS: usize = 3;
/// Seconds for which the lock of a task is held whose node is lost.
const LEASE: u64 = 4;
/// From this second on nothing breaks or closes any more.
const CALM: u64 = 50;
/// Breakers have a reason of their own.
const REASONS: [ClosedBy; 2] = [ClosedBy::Drain, ClosedBy::Monitor];

/// A die of its own: SplitMix64.
struct Die(u64);

impl Die {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What became of a run.
#[derive(Default)]
pub(crate) struct Seen {
    /// Attempts that started.
    pub(crate) starts: u32,
    /// Attempts that ended on a node while it was closed.
    pub(crate) ends_while_closed: u32,
    /// Times that a node took no tasks although it was up.
    pub(crate) closings: u32,
    /// Times that a breaker opened, and closed again.
    pub(crate) openings: u32,
    pub(crate) healed: u32,
    /// Attempts that held a lock.
    pub(crate) locked: u32,
    /// Nodes that left, and tasks that moved from their queues.
    pub(crate) left: u32,
    pub(crate) moved: u32,
}

struct Closings<P> {
    name: String,
    scheduler: Scheduler<P>,
    commands: Commands,
    die: Die,
    joined: [bool; NODES],
    reasons: [[bool; REASONS.len()]; NODES],
    leaving: [bool; NODES],
    /// What breakers have said of themselves.
    breakers: [BreakerState; NODES],
    running: Vec<(TaskId, AttemptNumber, NodeId)>,
    settled: u32,
    has_locks: bool,
    /// By task.
    locks: Vec<u32>,
    /// By lock: when a holder was last lost.
    lost: [Option<Time>; LOCKS],
    seen: Seen,
}

/// Lets the policy work in the world of this seed until all is settled, with or without circuit breakers.
pub(crate) fn play(policy: &PolicySpec, seed: u64, breakers: bool) -> Seen {
    let slots = [1, 2, 3, 4];
    let nodes = slots.map(|slots| NodeSpec {
        slots,
        speed: [0.5, 1.0, 2.0][slots as usize % 3],
        weight: f64::from(slots),
    });
    let promises = matches!(policy.backfill, BackfillSpec::Easy | BackfillSpec::Conservative);
    let named = seed % 2 == 1 && !promises;
    let mut resources = Resources::new(if named { vec!["cpu".to_string()] } else { Vec::new() });
    for slots in slots {
        resources.add_node(&[u64::from(slots) * 2][..usize::from(named)]);
    }
    let demands: Vec<u32> = (0..9).map(|cpu| if named { resources.add_demand(&[cpu]) } else { 0 }).collect();
    // A scenario cannot ask for locks and limits.
    let with_locks = seed % 4 == 2;
    let limited = !with_locks && seed % 3 == 1 && policy.dispatch.base() == Dispatch::Push;
    let gives_up = seed % 5 == 1;
    let limits = Limits {
        // A scenario cannot ask for a limit where tasks are taken ahead.
        waiting: (seed % 7 == 1 && !with_locks && !policy.dispatch.takes_ahead()).then_some(5),
        nodes: if limited { vec![1, 2, u32::MAX, 1] } else { Vec::new() },
        tasks_give_up: gives_up,
    };
    let breaker = BreakerPlan {
        trip: match seed % 4 {
            0 => Trip::Consecutive(1),
            1 => Trip::Share { share: 0.5, window: Window::Attempts(3), minimum: 2 },
            _ => Trip::Share { share: 0.3, window: Window::Time(Duration(9 * SECOND)), minimum: 2 },
        },
        open: Duration(3 * SECOND),
        probes: 1 + seed as u32 % 3,
        move_waiting: seed.is_multiple_of(2),
    };
    let locks = with_locks.then_some(LockPlan { lease: Duration(LEASE * SECOND) });
    let guards = GuardPlan { breaker: breakers.then_some(breaker), locks };
    let config = SchedulerConfig {
        retry: RetryPlan {
            timeout: seed.is_multiple_of(3).then_some(Duration(4 * SECOND)),
            total_timeout: (seed % 5 == 1).then_some(Duration(60 * SECOND)),
            budget: (seed % 4 == 1).then_some(BudgetPlan { share: 0.5, burst: 10 }),
            ..RetryPlan::default()
        },
        max_demand: 4,
        starts_are_reported: false,
        seed,
        resources: Arc::new(resources.clone()),
        limits,
        guards,
        alarms: Default::default(),
        monitor: None,
        autoscale: None,
    };
    let built = policies::build_in(&Zones::default(), &resources, policy, &nodes, 4, Streams::new(seed));
    let mut world = Closings {
        name: format!("{} in world {seed}", policy.name),
        scheduler: Scheduler::new(built, &nodes, config),
        commands: Commands::new(),
        die: Die(seed),
        joined: [false; NODES],
        reasons: [[false; REASONS.len()]; NODES],
        leaving: [false; NODES],
        breakers: [BreakerState::Closed; NODES],
        running: Vec::new(),
        settled: 0,
        has_locks: with_locks,
        locks: Vec::new(),
        lost: [None; LOCKS],
        seen: Seen::default(),
    };
    let mut submitted = 0;
    for second in 0..4000 {
        world.timers(Time(second * SECOND));
        let now = Time(second * SECOND);
        let hurry = if second < CALM { 4 } else { 1 };
        world.end_some(now, hurry);
        world.change_nodes(now, second);
        for _ in 0..world.die.below(3) {
            if submitted < TASKS {
                let demand = demands[world.die.below(9) as usize];
                let patience = Time(now.0 + world.die.below(40) * SECOND);
                world.submit(now, submitted, demand, if gives_up { patience } else { Time::NEVER });
                submitted += 1;
            }
        }
        world.decide(now);
        if world.settled == TASKS && second > CALM {
            return world.seen;
        }
    }
    panic!("{}: {} of {TASKS} tasks settled", world.name, world.settled);
}

impl<P: falcon::scheduler::Policy> Closings<P> {
    fn takes_tasks(&self, node: NodeId) -> bool {
        self.joined[node.index()]
            && !self.is_closed(node)
            && self.breakers[node.index()] != BreakerState::Open
    }

    fn is_closed(&self, node: NodeId) -> bool {
        self.reasons[node.index()].contains(&true) || self.leaving[node.index()]
    }

    fn tell(&mut self, now: Time, event: Event) {
        let mut records: Vec<(Time, Record)> = Vec::new();
        self.scheduler.handle(now, event, &mut self.commands, &mut records);
        self.scheduler.check_invariants();
        self.note(&records);
    }

    fn note(&mut self, records: &[(Time, Record)]) {
        for (_, record) in records {
            match *record {
                Record::BreakerChanged { node, state } => {
                    self.breakers[node.index()] = state;
                    self.seen.openings += u32::from(state == BreakerState::Open);
                    self.seen.healed += u32::from(state == BreakerState::Closed);
                }
                Record::NodeClosed { node, .. } => {
                    // One that is half open closes once it has let through all it may.
                    let tried = self.breakers[node.index()] == BreakerState::HalfOpen;
                    assert!(!self.takes_tasks(node) || !self.joined[node.index()] || tried, "{}", self.name)
                }
                Record::Moved { .. } => self.seen.moved += 1,
                Record::NodeOpened { node, .. } => assert!(!self.is_closed(node), "{}", self.name),
                _ => {}
            }
        }
    }

    fn timers(&mut self, before: Time) {
        while let Some(due) = self.scheduler.next_timer().filter(|due| *due <= before) {
            self.tell(due, Event::TimerFired);
            self.decide(due);
        }
    }

    fn submit(&mut self, now: Time, number: u32, demand: u32, gives_up: Time) {
        let task = TaskId { slot: number, number };
        let user = self.die.below(3) as u32;
        // Some need none.
        let lock = Some(self.die.below(LOCKS as u64 + 1) as u32).filter(|lock| *lock < LOCKS as u32);
        let lock = lock.unwrap_or(NO_LOCK);
        self.locks.push(lock);
        let details = TaskDetails { number, user, demand, gives_up, lock, ..TaskDetails::default() };
        let spec = TaskSpec {
            estimate: self.die.below(9) * SECOND,
            priority: self.die.below(3) as f64,
            slots: 1 + self.die.below(4) as u32,
            class: self.die.below(3) as u16,
        };
        self.tell(now, Event::TaskDescribed { task, details });
        self.tell(now, Event::TaskSubmitted { task, spec });
    }

    fn end_some(&mut self, now: Time, hurry: u64) {
        let mut at = 0;
        while at < self.running.len() {
            if self.die.below(hurry) > 0 {
                at += 1;
                continue;
            }
            let (task, attempt, node) = self.running.remove(at);
            self.seen.ends_while_closed += u32::from(self.is_closed(node));
            let outcome = if self.die.below(6) == 0 { Outcome::Failure } else { Outcome::Success };
            let service = Duration(SECOND);
            self.tell(now, Event::AttemptFinished { task, attempt, node, outcome, service });
        }
    }

    fn change_nodes(&mut self, now: Time, second: u64) {
        for at in 0..NODES {
            let node = NodeId(at as u32);
            let reason = self.die.below(REASONS.len() as u64) as usize;
            if second >= CALM || second == 0 {
                for reason in 0..REASONS.len() {
                    self.open(now, node, reason);
                }
                self.join(now, node, true);
                continue;
            }
            match self.die.below(24) {
                0 => self.join(now, node, false),
                1 | 2 => self.join(now, node, true),
                3 | 4 => {
                    self.seen.closings += u32::from(self.takes_tasks(node));
                    self.reasons[at][reason] = true;
                    let move_waiting = self.die.below(2) == 0;
                    let reason = REASONS[reason];
                    self.tell(now, Event::NodeClosed { node, reason, move_waiting });
                }
                5..=7 => self.open(now, node, reason),
                8 => {
                    self.leaving[at] = true;
                    self.tell(now, Event::NodeLeaving { node });
                }
                _ => {}
            }
            let cluster = self.scheduler.view();
            let cluster = cluster.cluster();
            // One that is half open may have let through all it may.
            let half_open = self.breakers[at] == BreakerState::HalfOpen;
            assert!(cluster.is_up(node) == self.takes_tasks(node) || half_open, "{}", self.name);
            assert_eq!(cluster.has_joined(node), self.joined[at], "{}", self.name);
        }
    }

    fn open(&mut self, now: Time, node: NodeId, reason: usize) {
        self.reasons[node.index()][reason] = false;
        self.tell(now, Event::NodeOpened { node, reason: REASONS[reason] });
    }

    fn join(&mut self, now: Time, node: NodeId, joins: bool) {
        if self.joined[node.index()] != joins {
            self.joined[node.index()] = joins;
            self.tell(now, if joins { Event::NodeJoined { node } } else { Event::NodeLost { node } });
        }
    }

    /// Nobody who needs the lock runs, or may still run where its node was lost.
    fn check_lock(&mut self, now: Time, task: TaskId) {
        let lock = self.locks[task.number as usize];
        if !self.has_locks || lock == NO_LOCK {
            return;
        }
        let holds = |(other, ..): &(TaskId, AttemptNumber, NodeId)| self.locks[other.number as usize] == lock;
        assert!(!self.running.iter().any(holds), "{}: two hold lock {lock}", self.name);
        let free = self.lost[lock as usize].is_none_or(|lost| now.since(lost).0 >= LEASE * SECOND);
        assert!(free, "{}: a lease of lock {lock} is not over", self.name);
        self.seen.locked += 1;
    }

    fn decide(&mut self, now: Time) {
        let mut records: Vec<(Time, Record)> = Vec::new();
        self.scheduler.decide(now, &mut self.commands, &mut records);
        self.scheduler.check_invariants();
        self.note(&records);
        for at in 0..self.commands.as_slice().len() {
            match self.commands.as_slice()[at] {
                Command::StartAttempt { task, attempt, node } => {
                    assert!(self.takes_tasks(node), "{}: {task:?} starts on {node:?}", self.name);
                    self.check_lock(now, task);
                    self.running.push((task, attempt, node));
                    self.seen.starts += 1;
                }
                Command::StopAttempt { task, attempt, node, interrupted } => {
                    let lost = !self.joined[node.index()];
                    assert!(lost != interrupted, "{}: {task:?} stops on {node:?}", self.name);
                    assert!(lost || !self.is_closed(node), "{}: {task:?} makes room in vain", self.name);
                    self.running.retain(|running| *running != (task, attempt, node));
                    if lost && let Some(at) = self.lost.get_mut(self.locks[task.number as usize] as usize) {
                        *at = Some(now);
                    }
                }
                Command::CancelAttempt { task, attempt, node } => {
                    self.running.retain(|running| *running != (task, attempt, node));
                }
                Command::Settle { .. } => self.settled += 1,
                Command::StopNode { node } => {
                    assert!(self.leaving[node.index()], "{}: {node:?} is stopped", self.name);
                    let runs = |(_, _, on): &(TaskId, AttemptNumber, NodeId)| *on == node;
                    assert!(!self.running.iter().any(runs), "{}: {node:?} is in use", self.name);
                    self.leaving[node.index()] = false;
                    self.joined[node.index()] = false;
                    // Only to be drained was a reason that has gone with it.
                    self.reasons[node.index()][0] = false;
                    self.seen.left += 1;
                }
                Command::StartNode { node } => panic!("{}: nobody asked for {node:?}", self.name),
            }
        }
        self.commands.clear();
    }
}
