//! The bare core under a driver that does nothing but answer: every attempt succeeds, the oldest
//! first. The number of unsettled tasks stays the same, so that every step costs the same.
//!
//! Like every driver it knows what ends soon, and fetches ahead what the core will need then.

use std::collections::VecDeque;

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::policies::{self, AnyPolicy, PolicySpec};
use falcon::random::{Purpose, Stream, Streams, below, uniform};
use falcon::scheduler::{
    Command, Commands, Event, Limits, NodeSpec, Outcome, RetryPlan, Scheduler, SchedulerConfig, TaskSpec,
};
use falcon::time::{Duration, Time};

/// Ends that are so many steps away are fetched for: first the node, then who waits there.
const FAR: usize = 32;
const NEAR: usize = 16;

/// A scheduler with a steady number of tasks.
pub(crate) struct Core {
    scheduler: Scheduler<AnyPolicy>,
    commands: Commands,
    running: VecDeque<(TaskId, AttemptNumber, NodeId)>,
    free: Vec<u32>,
    submitted: u32,
    now: Time,
    stream: Stream,
    widest: u32,
}

impl Core {
    /// `tasks` unsettled tasks of 1 to `widest` slots on these nodes.
    pub(crate) fn new(spec: &PolicySpec, nodes: &[NodeSpec], tasks: u32, widest: u32) -> Self {
        let streams = Streams::new(1);
        let policy = policies::build(spec, nodes, widest, streams);
        let config = SchedulerConfig {
            limits: Limits::default(),
            guards: Default::default(),
            alarms: Default::default(),
            monitor: None,
            autoscale: None,
            retry: RetryPlan::default(),
            max_demand: widest,
            starts_are_reported: false,
            resources: Default::default(),
            seed: 1,
        };
        let mut core = Core {
            scheduler: Scheduler::new(policy, nodes, config),
            commands: Commands::new(),
            running: VecDeque::new(),
            free: (0..tasks).rev().collect(),
            submitted: 0,
            now: Time::ZERO,
            stream: streams.stream(Purpose::Work, 0),
            widest,
        };
        // As drivers do.
        core.scheduler.reserve(tasks as usize);
        for node in 0..nodes.len() as u32 {
            core.tell(Event::NodeJoined { node: NodeId(node) });
        }
        for _ in 0..tasks {
            core.submit();
        }
        core
    }

    /// The oldest attempt ends and a new task arrives: two instants, two decisions, one task.
    #[inline]
    pub(crate) fn step(&mut self) {
        self.fetch_ahead();
        let (task, attempt, node) = self.running.pop_front().expect("something runs");
        let (outcome, service) = (Outcome::Success, Duration(1_000_000));
        self.tell(Event::AttemptFinished { task, attempt, node, outcome, service });
        self.decide();
        self.submit();
    }

    /// As the simulator does with the ends of attempts in its event queue.
    #[inline]
    fn fetch_ahead(&self) {
        if let Some(&(task, _, node)) = self.running.get(FAR) {
            self.scheduler.fetch_task(task.slot);
            self.scheduler.fetch_node(node);
        }
        if let Some(&(_, _, node)) = self.running.get(NEAR)
            && let Some(waiting) = self.scheduler.first_queued(node)
        {
            self.scheduler.fetch_task(waiting);
        }
    }

    fn submit(&mut self) {
        let Some(slot) = self.free.pop() else { return };
        let task = TaskId { slot, number: self.submitted };
        self.submitted += 1;
        let spec = TaskSpec {
            estimate: (uniform(&mut self.stream) * 1e9) as u64 + 1,
            priority: f64::from(below(&mut self.stream, 10)),
            slots: 1 + if self.widest > 1 { below(&mut self.stream, self.widest) } else { 0 },
            class: 0,
        };
        self.tell(Event::TaskSubmitted { task, spec });
        self.decide();
    }

    fn tell(&mut self, event: Event) {
        self.now = Time(self.now.0 + 1000);
        self.scheduler.handle(self.now, event, &mut self.commands, &mut ());
    }

    fn decide(&mut self) {
        self.scheduler.decide(self.now, &mut self.commands, &mut ());
        for command in self.commands.as_slice() {
            match *command {
                Command::StartAttempt { task, attempt, node } => {
                    self.running.push_back((task, attempt, node));
                }
                Command::StopAttempt { .. }
                | Command::CancelAttempt { .. }
                | Command::StartNode { .. }
                | Command::StopNode { .. } => {}
                Command::Settle { task, .. } => self.free.push(task.slot),
            }
        }
        self.commands.clear();
    }
}

/// Nodes of one slot, of three speeds, so that weights differ.
pub(crate) fn nodes(count: u32) -> Vec<NodeSpec> {
    (0..count)
        .map(|node| {
            let speed = [1.5, 1.0, 0.9][node as usize % 3];
            NodeSpec { slots: 1, speed, weight: speed }
        })
        .collect()
}
