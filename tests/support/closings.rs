//! A small world without time of its own around the bare core: at every second attempts end, nodes join, are
//! lost, close and open by the throw of a die. It keeps its own account of which node takes tasks, and
//! says so when one starts where it must not.

use std::sync::Arc;

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::policies::{self, BackfillSpec, PolicySpec};
use falcon::random::Streams;
use falcon::scheduler::{
    ClosedBy, Command, Commands, Dispatch, Event, Limits, NodeSpec, Outcome, Record, Resources, RetryPlan,
    Scheduler, SchedulerConfig, TaskDetails, TaskSpec, Zones,
};
use falcon::time::{Duration, Time};

const SECOND: u64 = 1_000_000_000;
const NODES: usize = 4;
const TASKS: u32 = 24;
/// From this second on nothing breaks or closes any more.
const CALM: u64 = 50;
const REASONS: [ClosedBy; 3] = [ClosedBy::Drain, ClosedBy::Monitor, ClosedBy::Breaker];

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
}

struct Closings<P> {
    name: String,
    scheduler: Scheduler<P>,
    commands: Commands,
    die: Die,
    joined: [bool; NODES],
    reasons: [[bool; REASONS.len()]; NODES],
    running: Vec<(TaskId, AttemptNumber, NodeId)>,
    settled: u32,
    seen: Seen,
}

/// Lets the policy work in the world of this seed until all is settled.
pub(crate) fn play(policy: &PolicySpec, seed: u64) -> Seen {
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
    let limited = seed % 3 == 1 && policy.dispatch.base() == Dispatch::Push;
    let gives_up = seed % 5 == 1;
    let limits = Limits {
        // A scenario cannot ask for a limit where tasks are taken ahead.
        waiting: (seed % 7 == 1 && !policy.dispatch.takes_ahead()).then_some(5),
        nodes: if limited { vec![1, 2, u32::MAX, 1] } else { Vec::new() },
        tasks_give_up: gives_up,
    };
    let config = SchedulerConfig {
        retry: RetryPlan::default(),
        max_demand: 4,
        starts_are_reported: false,
        seed,
        resources: Arc::new(resources.clone()),
        limits,
        monitor: None,
    };
    let built = policies::build_in(&Zones::default(), &resources, policy, &nodes, 4, Streams::new(seed));
    let mut world = Closings {
        name: format!("{} in world {seed}", policy.name),
        scheduler: Scheduler::new(built, &nodes, config),
        commands: Commands::new(),
        die: Die(seed),
        joined: [false; NODES],
        reasons: [[false; REASONS.len()]; NODES],
        running: Vec::new(),
        settled: 0,
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
        self.joined[node.index()] && !self.is_closed(node)
    }

    fn is_closed(&self, node: NodeId) -> bool {
        self.reasons[node.index()].contains(&true)
    }

    fn tell(&mut self, now: Time, event: Event) {
        let mut records: Vec<(Time, Record)> = Vec::new();
        self.scheduler.handle(now, event, &mut self.commands, &mut records);
        self.scheduler.check_invariants();
        for (_, record) in &records {
            match *record {
                Record::NodeClosed { node, .. } => assert!(self.is_closed(node), "{}", self.name),
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
        let details = TaskDetails { number, user, demand, gives_up, ..TaskDetails::default() };
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
                _ => {}
            }
            let cluster = self.scheduler.view();
            let cluster = cluster.cluster();
            assert_eq!(cluster.is_up(node), self.takes_tasks(node), "{}", self.name);
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

    fn decide(&mut self, now: Time) {
        self.scheduler.decide(now, &mut self.commands, &mut ());
        self.scheduler.check_invariants();
        for at in 0..self.commands.as_slice().len() {
            match self.commands.as_slice()[at] {
                Command::StartAttempt { task, attempt, node } => {
                    assert!(self.takes_tasks(node), "{}: {task:?} starts on {node:?}", self.name);
                    self.running.push((task, attempt, node));
                    self.seen.starts += 1;
                }
                Command::StopAttempt { task, attempt, node, interrupted } => {
                    let lost = !self.joined[node.index()];
                    assert!(lost != interrupted, "{}: {task:?} stops on {node:?}", self.name);
                    assert!(lost || !self.is_closed(node), "{}: {task:?} makes room in vain", self.name);
                    self.running.retain(|running| *running != (task, attempt, node));
                }
                Command::Settle { .. } => self.settled += 1,
            }
        }
        self.commands.clear();
    }
}
