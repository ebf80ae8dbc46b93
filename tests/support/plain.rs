//! The whole simulator once more, as plainly as it can be written: every choice scans everything.
//!
//! It shares with the real one the world, the names of the random streams, and the rules that are
//! written down: equal times go by insertion, all facts of an instant come before its decision, and
//! what each part of a policy is said to do. Parts that draw at random are not here.

use std::cmp::Ordering;

use falcon::faults::FailsWhen;
use falcon::ids::NodeId;
use falcon::policies::spec::{DispatchSpec, Sharers};
use falcon::policies::{BackfillSpec, OrderSpec, PlaceSpec, PolicySpec};
use falcon::random::{Purpose, Stream, Streams};
use falcon::scheduler::details::NO_KEY;
use falcon::scheduler::{Dispatch, OnNodeLoss, TaskDetails};
use falcon::structures::hash_ring::{hash_of_key, point};
use falcon::time::Duration;
use falcon::workload::{EstimateSpec, Workload};
use falcon::world::World;

#[path = "breakdowns.rs"]
mod breakdowns;
#[path = "interruptions.rs"]
mod interruptions;
#[path = "scores.rs"]
mod scores;
#[path = "stealing.rs"]
mod stealing;

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) first_start: Option<u64>,
    pub(crate) settled: u64,
    pub(crate) completed: bool,
    pub(crate) attempts: u32,
    pub(crate) node: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Arrival(usize),
    Begin(usize),
    Finish(usize),
    Node(usize),
    Outage(usize),
}

#[derive(Clone, Copy, Debug)]
struct Task {
    work: u64,
    left: u64,
    estimate: u64,
    /// Work that it is kept from doing.
    excess: u64,
    priority: f64,
    slots: u32,
    failure_probability: f64,
    class: u16,
    key: u64,
    zone: u16,
    details: TaskDetails,
    attempts: u32,
    failures: u32,
    first_start: Option<u64>,
    /// When the current attempt should end, by the estimate and from when it was sent on.
    expected_end: u64,
    /// When the current attempt began to work, or will.
    begins: u64,
    node: Option<usize>,
    /// Since when it has been on its way to its node.
    sent: u64,
    /// Starts, those after an interruption included.
    starts: u32,
    interruption: interruptions::State,
    evaluated: scores::Evaluated,
}

struct Node {
    up: bool,
    /// What its own clock of failure says, and whether an outage holds.
    well: bool,
    out: bool,
    /// In the order in which they started.
    running: Vec<usize>,
    queue: Vec<usize>,
    credit: i64,
    ups: Stream,
    downs: Stream,
    /// With `fails = "busy"`: what is left of its up time, and since when it is being used up.
    up_left: u64,
    busy_since: Option<u64>,
}

/// A simulation in progress.
struct Plain<'a> {
    world: &'a World,
    policy: &'a PolicySpec,
    streams: Streams,
    now: u64,
    tasks: Vec<Task>,
    fates: Vec<Option<Fate>>,
    nodes: Vec<Node>,
    /// (time, insertion number, what).
    events: Vec<(u64, u64, Event)>,
    inserted: u64,
    /// (time, task).
    timers: Vec<(u64, usize)>,
    /// Pull: all that wait. Push: those to be placed at this decision.
    waiting: Vec<usize>,
    parked: Vec<usize>,
    /// Tasks that failed, or come back after their pause, at this instant.
    failed: Vec<usize>,
    joined: bool,
    touched: Vec<usize>,
    turn: usize,
    /// By node: when what is bound to it will be done, by the estimates.
    done_by: Vec<u64>,
    cap: Option<(usize, u32)>,
    /// Nodes that the task at hand must not go to.
    closed: Vec<usize>,
    /// The blocked head, when the policy commits itself to it.
    committed: Option<usize>,
    /// By task, under conservative backfilling: when and where it will start.
    plans: Vec<Option<(u64, usize)>>,
    /// Who shares the cluster, by first arrival, with the slot time per weight of attempts that ended.
    sharers: Vec<(u32, u128)>,
    /// Turns given out: see `interruptions`.
    turns: u64,
    /// Requests for tasks under way: see `stealing`.
    requests: Vec<stealing::Request>,
    /// By task: where places were reserved for it.
    places: Vec<Vec<usize>>,
    /// Time, whether it begins, and node.
    outages: Vec<(u64, bool, usize)>,
    /// Repairers without work, and nodes that wait for one with the lengths of their repairs.
    idle_repairers: Option<u32>,
    repairs: Vec<(usize, u64)>,
    schedules: scores::Schedules,
}

/// Parts of the largest node's amount in which shares are counted.
const WHOLE: u128 = 1 << 32;

fn nanos(seconds: f64) -> u64 {
    Duration::from_seconds(seconds).expect("a time").0
}

/// The fate of every task of a listed workload; `None` when the run takes more than `most` instants.
pub(crate) fn fates(world: &World, policy: &PolicySpec, seed: u64, most: u32) -> Option<Vec<Fate>> {
    let mut plain = Plain::new(world, policy, seed);
    for _ in 0..most {
        if plain.fates.iter().all(Option::is_some) {
            return plain.fates.into_iter().collect();
        }
        plain.instant();
    }
    None
}

impl<'a> Plain<'a> {
    fn new(world: &'a World, policy: &'a PolicySpec, seed: u64) -> Self {
        let Workload::Listed { tasks, estimate, kill_at_requested, .. } = &world.workload else {
            panic!("a list of tasks")
        };
        let streams = Streams::new(seed);
        let node = |node: usize| Node {
            up: true,
            well: true,
            out: false,
            running: Vec::new(),
            queue: Vec::new(),
            credit: 0,
            ups: streams.stream(Purpose::NodeUp, node as u64),
            downs: streams.stream(Purpose::NodeDown, node as u64),
            up_left: 0,
            busy_since: None,
        };
        let task = |(number, task): (usize, &falcon::workload::TraceTask)| Task {
            work: task.work,
            left: task.work,
            estimate: match estimate {
                EstimateSpec::Requested => task.requested.unwrap_or(task.work),
                _ => task.work,
            },
            excess: match task.requested.filter(|_| *kill_at_requested) {
                Some(requested) => task.work.saturating_sub(requested),
                None => 0,
            },
            priority: task.priority,
            slots: task.slots,
            failure_probability: task.failure_probability,
            class: task.class,
            key: match task.details.as_ref().map_or(NO_KEY, |details| details.key) {
                NO_KEY => number as u64,
                key => key,
            },
            zone: task.details.as_ref().map_or(0, |details| details.zone),
            details: task.details.as_deref().copied().unwrap_or_default(),
            attempts: 0,
            failures: 0,
            first_start: None,
            expected_end: 0,
            begins: 0,
            node: None,
            sent: 0,
            starts: 0,
            interruption: interruptions::State::default(),
            evaluated: scores::Evaluated::default(),
        };
        let mut plain = Plain {
            world,
            policy,
            streams,
            now: 0,
            tasks: tasks.iter().enumerate().map(task).collect(),
            fates: vec![None; tasks.len()],
            nodes: (0..world.nodes.len()).map(node).collect(),
            events: Vec::new(),
            inserted: 0,
            timers: Vec::new(),
            waiting: Vec::new(),
            parked: Vec::new(),
            failed: Vec::new(),
            joined: true,
            touched: Vec::new(),
            turn: 0,
            done_by: vec![0; world.nodes.len()],
            cap: None,
            closed: Vec::new(),
            committed: None,
            plans: vec![None; tasks.len()],
            sharers: Vec::new(),
            turns: 0,
            requests: Vec::new(),
            places: vec![Vec::new(); tasks.len()],
            outages: breakdowns::outages(world, streams),
            idle_repairers: world.faults.repair_crew,
            repairs: Vec::new(),
            schedules: scores::Schedules::new(world.nodes.len()),
        };
        plain.plan_outage(0);
        (0..plain.nodes.len()).for_each(|node| plain.comes_up(node));
        plain.insert(tasks[0].arrival.0, Event::Arrival(0));
        plain
    }

    fn insert(&mut self, time: u64, event: Event) {
        self.events.push((time, self.inserted, event));
        self.inserted += 1;
    }

    fn forget(&mut self, event: Event) {
        self.events.retain(|(_, _, other)| *other != event);
    }

    fn instant(&mut self) {
        let next_event = self.events.iter().map(|(time, _, _)| *time).min();
        let next_timer = self.timers.iter().map(|(time, _)| *time).min();
        let next_slice = self.next_slice_end();
        let next_request = self.requests.iter().map(|request| request.arrives).min();
        let timers = next_timer.into_iter().chain(next_slice).chain(next_request);
        let next = next_event.into_iter().chain(timers).min();
        self.now = next.expect("a task that can never settle");
        self.timers.sort_unstable();
        self.failed.clear();
        while let Some(&(time, task)) = self.timers.first()
            && time == self.now
        {
            self.timers.remove(0);
            self.waiting.push(task);
            self.failed.push(task);
        }
        loop {
            let due = self.events.iter().filter(|(time, _, _)| *time == self.now);
            let Some(&(_, number, event)) = due.min_by_key(|(_, number, _)| *number) else { break };
            self.events.retain(|(_, other, _)| *other != number);
            match event {
                Event::Arrival(task) => self.arrives(task),
                Event::Begin(task) => self.begins(task),
                Event::Finish(task) => self.finishes(task),
                Event::Node(node) => self.clock_strikes(node),
                Event::Outage(step) => self.outage_step(step),
            }
        }
        match self.policy.dispatch.base() {
            Dispatch::Pull => self.decide_pull(),
            Dispatch::Push => self.decide_push(),
        }
        self.decide_interruptions();
        if let DispatchSpec::Hybrid(rule) = self.policy.dispatch {
            self.steal(rule);
        }
    }

    // Facts -----------------------------------------------------------------------------------

    fn arrives(&mut self, task: usize) {
        let Workload::Listed { tasks, .. } = &self.world.workload else { return };
        self.waiting.push(task);
        let sharer = self.sharer(task);
        if !self.sharers.iter().any(|(other, _)| *other == sharer) {
            self.sharers.push((sharer, 0));
        }
        if let Some(next) = tasks.get(task + 1) {
            self.insert(next.arrival.0, Event::Arrival(task + 1));
        }
    }

    fn begins(&mut self, task: usize) {
        self.tasks[task].first_start.get_or_insert(self.now);
        let node = self.tasks[task].node.expect("on its way");
        self.works(node);
        self.begin_slice(task);
    }

    fn finishes(&mut self, task: usize) {
        let node = self.tasks[task].node.expect("running");
        self.nodes[node].running.retain(|other| *other != task);
        self.remember(task);
        self.rests(node);
        let queues = self.policy.dispatch.base() == Dispatch::Push || self.batch() > 1;
        if queues && !self.touched.contains(&node) {
            self.touched.push(node);
        }
        let state = &mut self.tasks[task];
        if state.excess > 0 {
            return self.settle(task, false);
        }
        let draw = self.streams.key(Purpose::Failure).uniform2(task as u64, u64::from(state.attempts));
        if draw >= state.failure_probability {
            return self.settle(task, true);
        }
        state.failures += 1;
        state.left = state.work;
        state.interruption.done = 0;
        let retry = &self.world.retry;
        if retry.max_attempts.is_some_and(|most| state.failures >= most) {
            return self.settle(task, false);
        }
        let pause = retry.backoff.pause(state.failures, task as u32, self.streams.key(Purpose::Backoff)).0;
        if pause == 0 {
            self.waiting.push(task);
            self.failed.push(task);
        } else {
            self.timers.push((self.now + pause, task));
        }
    }

    fn settle(&mut self, task: usize, completed: bool) {
        let Task { first_start, attempts, node, .. } = self.tasks[task];
        let node = node.map(|node| node as u32);
        self.fates[task] = Some(Fate { first_start, settled: self.now, completed, attempts, node });
    }

    fn goes_down(&mut self, node: usize) {
        self.nodes[node].up = false;
        self.nodes[node].busy_since = None;
        self.requests.retain(|request| request.thief != node);
        for task in std::mem::take(&mut self.nodes[node].running) {
            self.count_work(task, node);
            self.forget(Event::Begin(task));
            self.forget(Event::Finish(task));
            self.remember(task);
            let speed = self.world.nodes[node].speed;
            let state = &mut self.tasks[task];
            let elapsed = self.now.saturating_sub(state.begins);
            let done = (elapsed as f64 * speed).round() as u64;
            match self.world.retry.on_node_loss {
                OnNodeLoss::Fail => self.settle(task, false),
                OnNodeLoss::Restart => {
                    state.left = state.work;
                    state.interruption.done = 0;
                    self.waiting.push(task);
                }
                OnNodeLoss::Resume => {
                    state.left = state.left.saturating_sub(done);
                    self.waiting.push(task);
                }
            }
        }
        let mut queue = std::mem::take(&mut self.nodes[node].queue);
        queue.sort_by(|a, b| self.in_line(*a, *b));
        // Under late binding they may still wait elsewhere.
        queue.retain(|task| !self.nodes.iter().any(|other| other.queue.contains(task)));
        if self.batch() > 1 {
            // They come anew into the central queue.
            queue.iter().for_each(|task| self.tasks[*task].evaluated = scores::Evaluated::default());
        }
        self.waiting.extend(queue);
    }

    /// The node has one attempt more: its clock runs if it runs only at work.
    fn works(&mut self, node: usize) {
        let Some(kind) = self.world.faults.of_node[node] else { return };
        if self.world.faults.kinds[kind as usize].fails == FailsWhen::Busy
            && self.nodes[node].busy_since.is_none()
        {
            self.nodes[node].busy_since = Some(self.now);
            self.insert(self.now + self.nodes[node].up_left, Event::Node(node));
        }
    }

    /// The node has one attempt less.
    fn rests(&mut self, node: usize) {
        let working = self.nodes[node].running.iter().any(|task| self.has_begun(*task));
        if !working && let Some(since) = self.nodes[node].busy_since.take() {
            self.nodes[node].up_left -= self.now - since;
            self.forget(Event::Node(node));
        }
    }

    fn has_begun(&self, task: usize) -> bool {
        !self.events.iter().any(|(_, _, event)| *event == Event::Begin(task))
    }

    // Choices ---------------------------------------------------------------------------------

    fn in_line(&self, a: usize, b: usize) -> Ordering {
        self.by_order(a, b).then(a.cmp(&b))
    }

    pub(super) fn by_order(&self, a: usize, b: usize) -> Ordering {
        self.by(&self.policy.order, a, b, false)
    }

    fn by(&self, order: &OrderSpec, a: usize, b: usize, overtaking: bool) -> Ordering {
        let (one, other) = (&self.tasks[a], &self.tasks[b]);
        match order {
            OrderSpec::Fifo => Ordering::Equal,
            OrderSpec::Lifo => b.cmp(&a),
            OrderSpec::Sjf => one.estimate.cmp(&other.estimate),
            OrderSpec::Ljf => other.estimate.cmp(&one.estimate),
            // Tasks of a list without dependencies: the longest path is the task itself.
            OrderSpec::CriticalPath => other.estimate.cmp(&one.estimate),
            OrderSpec::Srtf => one.left_known().cmp(&other.left_known()),
            OrderSpec::Priority { .. } => other.priority.partial_cmp(&one.priority).expect("numbers"),
            OrderSpec::FairShare { .. } | OrderSpec::DominantResourceFairness { .. } => {
                let (one, other) = (self.rank_of_sharer(a), self.rank_of_sharer(b));
                one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
            }
            OrderSpec::FailureFirst => {
                other.failure_probability.partial_cmp(&one.failure_probability).expect("numbers")
            }
            // No task has a deadline here.
            OrderSpec::Edf => Ordering::Equal,
            OrderSpec::LeastAttainedService { .. } => one.interruption.done.cmp(&other.interruption.done),
            OrderSpec::TimeSlice { .. } | OrderSpec::Mlfq { .. } => {
                let rank = |task: &Task| (task.interruption.level, task.interruption.turn);
                rank(one).cmp(&rank(other))
            }
            OrderSpec::Wfp3
            | OrderSpec::Unicep
            | OrderSpec::F1
            | OrderSpec::F2
            | OrderSpec::F3
            | OrderSpec::F4
            | OrderSpec::Score { .. } => self.by_score(order, a, b, overtaking),
            OrderSpec::Random => panic!("not here"),
        }
    }

    fn sharer(&self, task: usize) -> u32 {
        match self.policy.order {
            OrderSpec::FairShare { over: Sharers::Users }
            | OrderSpec::DominantResourceFairness { over: Sharers::Users } => self.tasks[task].details.user,
            _ => u32::from(self.tasks[task].class),
        }
    }

    /// An attempt is over: its group has had the time it took.
    fn remember(&mut self, task: usize) {
        let took = u128::from(self.now.saturating_sub(self.tasks[task].begins));
        // Its score is that of one that comes.
        self.tasks[task].evaluated = scores::Evaluated::default();
        let charge = self.per_weight(task, took * u128::from(self.tasks[task].slots));
        let sharer = self.sharer(task);
        self.sharers.iter_mut().find(|(other, _)| *other == sharer).expect("it came").1 += charge;
    }

    fn per_weight(&self, task: usize, amount: u128) -> u128 {
        amount * 1_000_000 / (self.tasks[task].details.weight * 1e6).round() as u128
    }

    /// What the group of a task has had, or has, and when the group first came.
    fn rank_of_sharer(&self, task: usize) -> (f64, usize) {
        let sharer = self.sharer(task);
        let came = self.sharers.iter().position(|(other, _)| *other == sharer).expect("it came");
        let nodes = 0..self.nodes.len();
        let running = nodes.flat_map(|node| self.nodes[node].running.iter().map(move |task| (node, *task)));
        let own: Vec<(usize, usize)> = running.filter(|(_, task)| self.sharer(*task) == sharer).collect();
        if matches!(self.policy.order, OrderSpec::FairShare { .. }) {
            let expected = |&(node, task): &(usize, usize)| {
                let Task { estimate, slots, .. } = self.tasks[task];
                let time = (estimate as f64 / self.world.nodes[node].speed).round() as u128;
                self.per_weight(task, time * u128::from(slots))
            };
            return ((self.sharers[came].1 + own.iter().map(expected).sum::<u128>()) as f64, came);
        }
        let slots: u128 = self.world.nodes.iter().map(|node| u128::from(node.slots)).sum();
        let held = |&(_, task): &(usize, usize)| {
            self.per_weight(task, u128::from(self.tasks[task].slots) * 1_000_000)
        };
        let mut share = own.iter().map(held).sum::<u128>() as f64 / (slots * 1_000_000) as f64;
        for kind in 0..self.kinds() {
            let all = 0..self.nodes.len();
            let total: u128 = all.map(|node| u128::from(self.capacity(node, kind))).sum();
            let held = own.iter().map(|&(_, task)| self.per_weight(task, self.demand(task, kind).into()));
            share = share.max(held.sum::<u128>() as f64 / (total as f64).max(1.0));
        }
        (share, came)
    }

    // Named resources -------------------------------------------------------------------------

    fn kinds(&self) -> usize {
        self.world.resources.names().len()
    }

    fn capacity(&self, node: usize, kind: usize) -> u64 {
        self.world.resources.capacity(NodeId(node as u32))[kind]
    }

    fn demand(&self, task: usize, kind: usize) -> u64 {
        self.world.resources.demand(self.tasks[task].details.demand)[kind]
    }

    fn free_amount(&self, node: usize, kind: usize) -> u64 {
        let used: u64 = self.nodes[node].running.iter().map(|task| self.demand(*task, kind)).sum();
        if self.nodes[node].up { self.capacity(node, kind) - used } else { 0 }
    }

    fn room_amount(&self, node: usize, kind: usize) -> u64 {
        match self.policy.dispatch.base() {
            Dispatch::Pull => self.free_amount(node, kind),
            Dispatch::Push => self.capacity(node, kind),
        }
    }

    fn unclaimed_amount(&self, node: usize, kind: usize) -> u64 {
        let claimed: u64 = self.nodes[node].queue.iter().map(|task| self.demand(*task, kind)).sum();
        self.free_amount(node, kind).saturating_sub(claimed)
    }

    /// Whether `amount` of each resource is enough for the task.
    fn is_enough(&self, task: usize, amount: impl Fn(usize) -> u64) -> bool {
        (0..self.kinds()).all(|kind| amount(kind) >= self.demand(task, kind))
    }

    fn can_start(&self, task: usize, node: usize) -> bool {
        self.free(node) >= self.tasks[task].slots && self.is_enough(task, |kind| self.free_amount(node, kind))
    }

    /// Slots, then resources, that are free and not claimed at a node, in shares of the largest.
    fn left(&self, node: usize) -> Vec<u128> {
        let largest = |amount: &dyn Fn(usize) -> u64| (0..self.nodes.len()).map(amount).max();
        let share = |amount: u64, largest: Option<u64>| {
            u128::from(amount) * WHOLE / u128::from(largest.expect("nodes").max(1))
        };
        let slots = largest(&|node| u64::from(self.world.nodes[node].slots));
        let mut left = vec![share(u64::from(self.unclaimed(node)), slots)];
        for kind in 0..self.kinds() {
            left.push(share(self.unclaimed_amount(node, kind), largest(&|node| self.capacity(node, kind))));
        }
        left
    }

    /// What the task demands, in the same shares.
    fn asked(&self, task: usize) -> Vec<u128> {
        let slots = self.world.nodes.iter().map(|node| node.slots).max().expect("nodes");
        let mut asked = vec![u128::from(self.tasks[task].slots) * WHOLE / u128::from(slots)];
        for kind in 0..self.kinds() {
            let largest = (0..self.nodes.len()).map(|node| self.capacity(node, kind)).max().expect("nodes");
            asked.push(u128::from(self.demand(task, kind)) * WHOLE / u128::from(largest.max(1)));
        }
        asked
    }

    fn free(&self, node: usize) -> u32 {
        if !self.nodes[node].up || self.closed.contains(&node) {
            return 0;
        }
        let used: u32 = self.nodes[node].running.iter().map(|task| self.tasks[*task].slots).sum();
        let free = self.world.nodes[node].slots - used;
        match self.cap {
            Some((capped, cap)) if capped == node => free.min(cap),
            _ => free,
        }
    }

    /// What a task placed there may count on.
    fn room(&self, node: usize) -> u32 {
        match self.policy.dispatch.base() {
            Dispatch::Pull => self.unclaimed(node),
            Dispatch::Push if self.nodes[node].up => self.world.nodes[node].slots,
            Dispatch::Push => 0,
        }
    }

    /// Free slots of a node that those who wait there leave over.
    fn unclaimed(&self, node: usize) -> u32 {
        if self.policy.dispatch.base() == Dispatch::Pull && !self.nodes[node].queue.is_empty() {
            return 0;
        }
        let claimed: u32 = self.nodes[node].queue.iter().map(|task| self.tasks[*task].slots).sum();
        self.free(node).saturating_sub(claimed)
    }

    fn load(&self, node: usize) -> usize {
        self.nodes[node].running.len() + self.nodes[node].queue.len()
    }

    /// The first of the nodes with the least rank.
    fn least(&self, nodes: impl Iterator<Item = usize>, rank: impl Fn(usize) -> f64) -> Option<usize> {
        nodes.min_by(|a, b| rank(*a).total_cmp(&rank(*b)).then(a.cmp(b)))
    }

    fn choose(&mut self, task: usize) -> Option<usize> {
        if self.policy.place == PlaceSpec::EarliestFinish {
            return self.earliest_finish(task);
        }
        let slots = self.tasks[task].slots;
        let all = 0..self.nodes.len();
        let has_room = |node: &usize| {
            self.room(*node) >= slots && self.is_enough(task, |kind| self.room_amount(*node, kind))
        };
        let has_free = |node: &usize| {
            self.unclaimed(*node) >= slots && self.is_enough(task, |kind| self.unclaimed_amount(*node, kind))
        };
        let with_room = || all.clone().filter(has_room);
        let with_free = || all.clone().filter(has_free);
        // For rules that look at slots alone, and then pass on to the next node that fits.
        let by_slots =
            || all.clone().filter(|node| self.room(*node) >= slots && with_room().next().is_some());
        let next_of =
            |node: usize, fits: &dyn Fn(&usize) -> bool| (node..self.nodes.len()).chain(0..node).find(fits);
        let left = |node: usize| self.left(node).iter().sum::<u128>() as f64;
        let spec = |node: usize| self.world.nodes[node];
        let chosen = match self.policy.place {
            PlaceSpec::RoundRobin => {
                let in_turn = |node: usize| if node >= self.turn { 0.0 } else { 1.0 };
                self.least(with_room(), in_turn)
            }
            PlaceSpec::WeightedRoundRobin => {
                let all: i64 =
                    all.clone().filter(|node| self.room(*node) > 0).map(|node| self.weight(node)).sum();
                let due = |node: usize| (all - self.nodes[node].credit) as f64 / self.weight(node) as f64;
                let on_time = with_room().filter(|node| self.nodes[*node].credit >= 0);
                self.least(on_time, due).or_else(|| self.least(with_room(), due))
            }
            PlaceSpec::LeastLoaded => self.least(with_room(), |node| self.load(node) as f64),
            PlaceSpec::LeastWork => by_slots().min_by(|a, b| {
                let (one, other) = (self.backlog(*a), self.backlog(*b));
                let (one, other) = (one * u128::from(spec(*b).slots), other * u128::from(spec(*a).slots));
                one.cmp(&other).then(a.cmp(b))
            }),
            PlaceSpec::WeightedLeastLoaded => {
                self.least(with_room(), |node| self.load(node) as f64 / spec(node).weight)
            }
            PlaceSpec::ConsistentHash { virtual_nodes, load_bound } => {
                self.hashed(task, virtual_nodes, load_bound)
            }
            PlaceSpec::Nearest { spill_over } => {
                let from = self.tasks[task].zone;
                let zones = &self.world.zones;
                // The way in nanoseconds, then whether it is another zone, then the zone, then the load.
                let rank = |node: usize| {
                    let zone = zones.of(NodeId(node as u32));
                    (zones.latency(from, zone), zone != from, zone, self.load(node), node)
                };
                let free = with_free().filter(|_| spill_over).min_by_key(|node| rank(*node));
                free.or_else(|| with_room().min_by_key(|node| rank(*node)))
            }
            PlaceSpec::Fastest => self.least(with_free(), |node| -spec(node).speed),
            PlaceSpec::FirstFit => self.least(with_free(), |_| 0.0),
            PlaceSpec::BestFit => self.least(with_free(), left),
            PlaceSpec::WorstFit => self.least(with_free(), |node| -left(node)),
            PlaceSpec::DotProduct => with_free().max_by_key(|node| {
                let asked = self.asked(task);
                let product: u128 =
                    self.left(*node).iter().zip(asked).map(|(left, asked)| left * asked).sum();
                (product, std::cmp::Reverse(*node))
            }),
            PlaceSpec::DynamicWeightedRoundRobin => {
                let all: i64 = all.clone().map(|node| self.weight_now(node)).sum();
                let due = |node: usize| (all - self.nodes[node].credit) as f64 / self.weight_now(node) as f64;
                // Slots alone say whose turn it is, as long as any node has all that is demanded.
                let by_slots = || {
                    let nodes = 0..self.nodes.len();
                    nodes.filter(|node| self.unclaimed(*node) >= slots && with_free().next().is_some())
                };
                let on_time = by_slots().filter(|node| self.nodes[*node].credit >= 0);
                self.least(on_time, due).or_else(|| self.least(by_slots(), due))
            }
            PlaceSpec::EarliestFinish => panic!("chosen above"),
            PlaceSpec::Random
            | PlaceSpec::WeightedRandom
            | PlaceSpec::PowerOf { .. }
            | PlaceSpec::WeightedPowerOf { .. }
            | PlaceSpec::MinCostFlow { .. } => panic!("not here"),
        };
        let looks_for_free_slots = matches!(
            self.policy.place,
            PlaceSpec::Fastest
                | PlaceSpec::FirstFit
                | PlaceSpec::BestFit
                | PlaceSpec::WorstFit
                | PlaceSpec::DotProduct
                | PlaceSpec::DynamicWeightedRoundRobin
        );
        let in_turn = chosen;
        let chosen = match (&self.policy.place, chosen) {
            (PlaceSpec::LeastWork, Some(node)) => next_of(node, &has_room),
            (PlaceSpec::DynamicWeightedRoundRobin, Some(node)) => next_of(node, &has_free),
            _ => chosen,
        };
        let chosen = match chosen {
            None if looks_for_free_slots && self.policy.dispatch.base() == Dispatch::Push => {
                self.least(with_room(), |node| self.load(node) as f64)
            }
            chosen => chosen,
        };
        if let (PlaceSpec::DynamicWeightedRoundRobin, Some(node)) = (&self.policy.place, in_turn) {
            let weights: Vec<i64> = (0..self.nodes.len()).map(|node| self.weight_now(node)).collect();
            for (other, weight) in weights.iter().enumerate() {
                self.nodes[other].credit += weight;
            }
            self.nodes[node].credit -= weights.iter().sum::<i64>();
        }
        if let Some(node) = chosen {
            self.turn = (node + 1) % self.nodes.len();
            if self.policy.place == PlaceSpec::WeightedRoundRobin {
                let eligible: Vec<usize> = all.filter(|node| self.room(*node) > 0).collect();
                for &other in &eligible {
                    self.nodes[other].credit += self.weight(other);
                }
                self.nodes[node].credit -= eligible.iter().map(|other| self.weight(*other)).sum::<i64>();
            }
        }
        chosen
    }

    /// Weight times free share, in millionths; 0 for a full node.
    fn weight_now(&self, node: usize) -> i64 {
        let (free, slots) = (self.unclaimed(node), self.world.nodes[node].slots);
        let share = f64::from(free) / f64::from(slots);
        (self.weight(node) as f64 * 1e6 * share).round() as i64
    }

    /// Slot time that the node's tasks are expected to take from now on.
    fn backlog(&self, node: usize) -> u128 {
        let speed = self.world.nodes[node].speed;
        let time = |task: usize| (self.tasks[task].left_known() as f64 / speed).round() as u64;
        let bound = !matches!(self.policy.dispatch, DispatchSpec::LateBinding { .. });
        let waiting = self.nodes[node].queue.iter().filter(|_| bound).map(|task| (*task, time(*task)));
        let running = self.nodes[node].running.iter();
        let running = running.map(|task| (*task, self.tasks[*task].expected_end.saturating_sub(self.now)));
        let all = waiting.chain(running);
        all.map(|(task, left)| u128::from(left) * u128::from(self.tasks[task].slots)).sum()
    }

    /// The first node clockwise that is not full, or failing that the first.
    fn hashed(&self, task: usize, virtual_nodes: u32, load_bound: Option<f64>) -> Option<usize> {
        let Task { slots, key, .. } = self.tasks[task];
        let start = hash_of_key(key);
        let nodes = 0..self.nodes.len();
        let distance = |node: usize| {
            let points = (0..virtual_nodes).map(|replica| point(node as u32, replica).wrapping_sub(start));
            points.min().expect("at least one")
        };
        let has_room = |node: &usize| {
            self.room(*node) >= slots && self.is_enough(task, |kind| self.room_amount(*node, kind))
        };
        let mut with_room: Vec<usize> = nodes.clone().filter(has_room).collect();
        with_room.sort_by_key(|node| distance(*node));
        let up = nodes.clone().filter(|node| self.nodes[*node].up).count();
        let all: usize = nodes.map(|node| self.load(node)).sum();
        let most = load_bound.map_or(f64::INFINITY, |bound| (bound * (all + 1) as f64 / up as f64).ceil());
        let below = with_room.iter().find(|node| (self.load(**node) as f64) < most);
        below.or(with_room.first()).copied()
    }

    /// Of the nodes of each speed the one that is free first, and of these the one that ends the task
    /// first. What is bound to a node keeps it busy for as long as estimates say, or until it is idle.
    fn earliest_finish(&mut self, task: usize) -> Option<usize> {
        let Task { slots, estimate, .. } = self.tasks[task];
        let pull = self.policy.dispatch.base() == Dispatch::Pull;
        // Where resources are named a free slot alone says little.
        let named = self.kinds() > 0;
        let narrow = !named && self.tasks.iter().all(|task| task.slots == 1);
        let has_room = |node: &usize| {
            self.room(*node) >= slots && self.is_enough(task, |kind| self.room_amount(*node, kind))
        };
        let free_from = |node: usize| {
            let free = pull || self.load(node) == 0 || (narrow && self.unclaimed(node) > 0);
            if free { 0 } else { self.done_by[node] }
        };
        let mut best: Option<(u64, usize)> = None;
        for speed in self.world.nodes.iter().map(|node| node.speed) {
            let alike =
                (0..self.nodes.len()).filter(|node| self.world.nodes[*node].speed == speed && has_room(node));
            // One that has long been free is as good as one that is free now, for tasks of one slot.
            let near = slots == 1 && !named;
            let rank = |node: usize| if near { free_from(node).max(self.now) } else { free_from(node) };
            let Some(node) = alike.min_by_key(|node| (rank(*node), *node)) else { continue };
            let finish = free_from(node).max(self.now) + (estimate as f64 / speed).round() as u64;
            best = Some(best.map_or((finish, node), |best| best.min((finish, node))));
        }
        let (_, node) = best?;
        let spec = self.world.nodes[node];
        let share = f64::from(slots) / f64::from(spec.slots);
        let from = if self.load(node) == 0 { self.now } else { self.done_by[node].max(self.now) };
        self.done_by[node] = from + (estimate as f64 / (spec.speed / share)).round() as u64;
        Some(node)
    }

    /// Weights are whole in these tests.
    fn weight(&self, node: usize) -> i64 {
        self.world.nodes[node].weight as i64
    }

    // Decisions -------------------------------------------------------------------------------

    fn start(&mut self, task: usize, node: usize) {
        self.take_turn(task);
        let state = &mut self.tasks[task];
        state.starts += 1;
        state.interruption.resumed = std::mem::take(&mut state.interruption.interrupted);
        state.attempts += u32::from(!state.interruption.resumed);
        state.node = Some(node);
        let time = (state.left_known() as f64 / self.world.nodes[node].speed).round() as u64;
        state.expected_end = self.now + time;
        state.begins = if self.policy.dispatch.takes_ahead() { state.sent } else { self.now };
        self.nodes[node].running.push(task);
        if let Some(delay) = &self.world.delays.dispatch {
            let delays = self.streams.key(Purpose::DispatchDelay);
            let mut stream = delays.stream2(task as u64, u64::from(state.starts));
            state.begins += nanos(delay.sample(&mut stream));
        }
        let zone = self.world.zones.of(NodeId(node as u32));
        state.begins += self.world.zones.latency(state.zone, zone).0;
        state.begins = state.begins.max(self.now);
        if self.world.starts_are_reported() {
            let begins = state.begins;
            self.insert(begins, Event::Begin(task));
            // Until it is heard of, its beginning is guessed at.
            self.tasks[task].interruption.counted = self.now;
            self.tasks[task].interruption.slice_end = None;
        } else {
            state.first_start.get_or_insert(self.now);
            self.works(node);
            self.begin_slice(task);
        }
        if self.tasks[task].interruption.resumed {
            self.tasks[task].begins += self.policy.switch_cost.0;
        }
        let Task { begins, left, excess, .. } = self.tasks[task];
        let service = (left.saturating_sub(excess) as f64 / self.world.nodes[node].speed).round() as u64;
        self.insert(begins + service, Event::Finish(task));
    }

    fn decide_push(&mut self) {
        let mut unplaced = std::mem::take(&mut self.waiting);
        if std::mem::take(&mut self.joined) {
            let new = std::mem::replace(&mut unplaced, std::mem::take(&mut self.parked));
            unplaced.extend(new);
        }
        let alone = unplaced.len() == 1;
        if !alone && self.policy.place == PlaceSpec::EarliestFinish {
            for &task in &unplaced {
                self.take_turn(task);
                self.evaluate(task);
            }
            unplaced.sort_by(|a, b| self.in_line(*a, *b));
        } else {
            // Again and again, two neighbours among the failed change places.
            let failed: Vec<usize> =
                (0..unplaced.len()).filter(|&at| self.failed.contains(&unplaced[at])).collect();
            let likely = |task: usize| self.tasks[task].failure_probability;
            for _ in &failed {
                for pair in failed.windows(2) {
                    if likely(unplaced[pair[0]]) < likely(unplaced[pair[1]]) {
                        unplaced.swap(pair[0], pair[1]);
                    }
                }
            }
        }
        for task in unplaced {
            if let DispatchSpec::LateBinding { probes } = self.policy.dispatch {
                self.reserve(task, probes as usize);
                continue;
            }
            let Some(node) = self.choose(task) else {
                self.parked.push(task);
                continue;
            };
            self.evaluate(task);
            if alone && self.nodes[node].queue.is_empty() && self.can_start(task, node) {
                self.start(task, node);
                continue;
            }
            self.take_turn(task);
            self.nodes[node].queue.push(task);
            if !self.touched.contains(&node) && (self.free(node) > 0 || self.interrupts()) {
                self.touched.push(node);
            }
        }
        while !self.touched.is_empty() {
            let node = self.touched.remove(0);
            self.advance(node);
        }
    }

    /// Puts a task into the queues of several nodes, each chosen as if those before were down.
    fn reserve(&mut self, task: usize, probes: usize) {
        self.evaluate(task);
        let mut nodes = Vec::new();
        for _ in 0..probes {
            let Some(node) = self.choose(task) else { break };
            nodes.push(node);
            self.nodes[node].queue.push(task);
            if self.free(node) > 0 && !self.touched.contains(&node) {
                self.touched.push(node);
            }
            self.nodes[node].up = false;
        }
        for &node in &nodes {
            self.nodes[node].up = true;
        }
        if nodes.is_empty() {
            self.parked.push(task);
        }
        self.places[task] = nodes;
    }

    fn fill(&mut self, node: usize) {
        while let Some(head) = self.head(&self.nodes[node].queue)
            && self.can_start(head, node)
        {
            // In several queues under late binding.
            let places = std::mem::take(&mut self.places[head]);
            for other in places.into_iter().chain([node]) {
                let before = self.nodes[other].queue.len();
                self.nodes[other].queue.retain(|task| *task != head);
                let left = other != node && self.nodes[other].queue.len() < before;
                if left && self.free(other) > 0 && !self.touched.contains(&other) {
                    self.touched.push(other);
                }
            }
            self.start(head, node);
        }
    }

    fn head(&self, queue: &[usize]) -> Option<usize> {
        queue.iter().copied().min_by(|a, b| self.in_line(*a, *b))
    }

    fn decide_pull(&mut self) {
        for at in 0..self.waiting.len() {
            self.take_turn(self.waiting[at]);
        }
        for node in std::mem::take(&mut self.touched) {
            self.start_taken(node);
        }
        self.evaluate_centrally();
        self.fill_centrally();
    }

    fn fill_centrally(&mut self) {
        if self.policy.backfill == BackfillSpec::Conservative {
            return self.follow_plans();
        }
        while let Some(head) = self.committed.or_else(|| self.head(&self.waiting)) {
            if self.policy.dispatch == DispatchSpec::Serial
                && self.nodes.iter().any(|node| !node.running.is_empty())
            {
                return;
            }
            let Some(node) = self.choose(head) else {
                self.committed = self.policy.commit_head.then_some(head);
                return self.overtake(head);
            };
            self.committed = None;
            self.pull(head, node);
            for _ in 1..self.batch() {
                let Some(next) = self.head(&self.waiting) else { break };
                let enough = self.is_enough(next, |kind| self.capacity(node, kind));
                if self.tasks[next].slots > self.world.nodes[node].slots || !enough {
                    break;
                }
                self.waiting.retain(|other| *other != next);
                self.tasks[next].sent = self.now;
                self.nodes[node].queue.push(next);
            }
            self.start_taken(node);
        }
    }

    /// How many tasks a node takes at a time.
    fn batch(&self) -> u32 {
        match self.policy.dispatch {
            DispatchSpec::Prefetching { batch } => batch,
            _ => 1,
        }
    }

    /// Starts what a node has taken ahead, in the order in which it took it.
    fn start_taken(&mut self, node: usize) {
        while let Some(&first) = self.nodes[node].queue.first()
            && self.can_start(first, node)
        {
            self.nodes[node].queue.remove(0);
            self.start(first, node);
        }
    }

    fn pull(&mut self, task: usize, node: usize) {
        self.waiting.retain(|other| *other != task);
        self.tasks[task].sent = self.now;
        self.start(task, node);
    }

    fn overtake(&mut self, head: usize) {
        let mut reservation = match self.policy.backfill {
            BackfillSpec::None => return,
            BackfillSpec::Aggressive => None,
            BackfillSpec::Easy => self.reservation(self.tasks[head].slots),
            BackfillSpec::Conservative => panic!("plans instead"),
        };
        let mut others: Vec<usize> = self.waiting.iter().copied().filter(|task| *task != head).collect();
        let other_order = self.policy.backfill_order.as_ref();
        let order = other_order.unwrap_or(&self.policy.order);
        others.sort_by(|a, b| self.by(order, *a, *b, other_order.is_some()).then(a.cmp(b)));
        for task in others {
            let (slots, estimate) = (self.tasks[task].slots, self.tasks[task].left_known());
            if let Some((shadow, node, extra)) = &mut reservation {
                let left = ((*shadow - self.now) as f64 * self.world.nodes[*node].speed).floor() as u64;
                if estimate > left {
                    self.cap = Some((*node, *extra));
                    let found = self.choose_if_room(task);
                    self.cap = None;
                    if let Some(found) = found {
                        if found == *node {
                            *extra -= slots;
                        }
                        self.pull(task, found);
                    }
                    continue;
                }
            }
            if let Some(found) = self.choose_if_room(task) {
                self.pull(task, found);
            }
        }
    }

    /// A task that fits nowhere is passed over before the place is asked.
    fn choose_if_room(&mut self, task: usize) -> Option<usize> {
        let most = (0..self.nodes.len()).map(|node| self.free(node)).max();
        if most >= Some(self.tasks[task].slots) { self.choose(task) } else { None }
    }

    /// When and where a task of so many slots can start first, by the estimates of what runs, and
    /// how many slots it leaves over there.
    fn reservation(&self, demand: u32) -> Option<(u64, usize, u32)> {
        let mut best: Option<(u64, usize, u32)> = None;
        for node in 0..self.nodes.len() {
            if !self.nodes[node].up || self.world.nodes[node].slots < demand {
                continue;
            }
            let speed = self.world.nodes[node].speed;
            let end = |task: &usize| {
                let left = self.tasks[*task].left_known();
                (self.working_since(*task) + (left as f64 / speed).round() as u64).max(self.now)
            };
            let free_at = |time: u64| -> u32 {
                let ended = self.nodes[node].running.iter().filter(|task| end(task) <= time);
                self.free(node) + ended.map(|task| self.tasks[*task].slots).sum::<u32>()
            };
            let mut ends: Vec<u64> = self.nodes[node].running.iter().map(end).collect();
            ends.sort_unstable();
            let Some(shadow) = ends.into_iter().find(|end| free_at(*end) >= demand) else { continue };
            if best.is_none_or(|(sooner, _, _)| shadow < sooner) {
                best = Some((shadow, node, free_at(shadow) - demand));
            }
        }
        best
    }

    // Conservative backfilling ----------------------------------------------------------------

    /// How long a task is expected to take.
    fn length(&self, task: usize, node: usize) -> u64 {
        ((self.tasks[task].left_known() as f64 / self.world.nodes[node].speed).round() as u64).max(1)
    }

    /// All that takes slots of a node from now on: (start, end, slots) of what runs there, and of
    /// what is planned there but for `except`.
    fn taken(&self, node: usize, except: Option<usize>) -> Vec<(u64, u64, u32)> {
        let running = self.nodes[node].running.iter().map(|task| {
            let end = self.tasks[*task].begins.min(self.now) + self.length(*task, node);
            (self.now, end.max(self.now + 1), self.tasks[*task].slots)
        });
        let planned = self.waiting.iter().filter_map(|task| {
            let (start, at) = self.plans[*task].filter(|_| Some(*task) != except)?;
            (at == node).then(|| (start, start + self.length(*task, node), self.tasks[*task].slots))
        });
        running.chain(planned).collect()
    }

    /// Whether so many slots more can be taken in `[start, end)`.
    fn can_take(&self, taken: &[(u64, u64, u32)], node: usize, start: u64, end: u64, slots: u32) -> bool {
        let used = |time: u64| -> u32 {
            taken.iter().filter(|(from, to, _)| *from <= time && time < *to).map(|(_, _, slots)| slots).sum()
        };
        let starts = taken.iter().map(|(from, _, _)| *from).filter(|from| start < *from && *from < end);
        starts.chain([start]).all(|time| used(time) + slots <= self.world.nodes[node].slots)
    }

    /// The first instant from now on at which the task can start on the node, and run as long as is
    /// expected, beside all others.
    fn first_start(&self, task: usize, node: usize) -> Option<u64> {
        let slots = self.tasks[task].slots;
        if !self.nodes[node].up || self.world.nodes[node].slots < slots {
            return None;
        }
        let taken = self.taken(node, Some(task));
        let mut starts: Vec<u64> = taken.iter().map(|(_, end, _)| *end).chain([self.now]).collect();
        starts.sort_unstable();
        let length = self.length(task, node);
        starts.into_iter().find(|start| self.can_take(&taken, node, *start, start + length, slots))
    }

    fn drop_void_plans(&mut self) {
        for task in 0..self.plans.len() {
            let (now, nodes) = (self.now, &self.nodes);
            self.plans[task] = self.plans[task].filter(|(start, node)| *start >= now && nodes[*node].up);
        }
        for node in (0..self.nodes.len()).filter(|node| self.nodes[*node].up) {
            let taken = self.taken(node, None);
            let overdrawn = taken.iter().any(|(from, _, _)| !self.can_take(&taken, node, *from, *from, 0));
            if overdrawn {
                for task in &self.waiting {
                    self.plans[*task] = self.plans[*task].filter(|(_, at)| *at != node);
                }
            }
        }
    }

    /// Everybody in turn goes to the earliest start open to him, until nobody finds an earlier one.
    fn make_plans(&mut self) {
        loop {
            let mut order = self.waiting.clone();
            order.sort_by(|a, b| self.in_line(*a, *b));
            let before = self.plans.clone();
            for task in order {
                let found = |node| self.first_start(task, node).map(|start| (start, node));
                let best = (0..self.nodes.len()).filter_map(found).min();
                let earlier = |best: &(u64, usize)| self.plans[task].is_none_or(|plan| best.0 < plan.0);
                if let Some(best) = best.filter(earlier) {
                    self.plans[task] = Some(best);
                }
            }
            if self.plans == before {
                return;
            }
        }
    }

    fn follow_plans(&mut self) {
        self.drop_void_plans();
        loop {
            self.make_plans();
            let due = |task: &usize| self.plans[*task].is_some_and(|(start, _)| start == self.now);
            let due: Vec<usize> = self.waiting.iter().copied().filter(due).collect();
            let Some(task) = self.head(&due) else { return };
            // Its own node is open to it, others where nobody is in its way.
            let own = self.plans[task].map(|(_, node)| node);
            let has_room = |node: &usize| self.free(*node) >= self.tasks[task].slots;
            let in_the_way = |node: &usize| self.first_start(task, *node) != Some(self.now);
            let is_closed = |node: &usize| Some(*node) != own && has_room(node) && in_the_way(node);
            self.closed = (0..self.nodes.len()).filter(is_closed).collect();
            let node = self.choose(task).expect("there is room at its own node");
            self.closed.clear();
            self.plans[task] = None;
            self.pull(task, node);
        }
    }
}
