//! The nodes as the scheduler believes them to be.

use serde::{Deserialize, Serialize};

use super::closing::Closures;
use super::config::SchedulerConfig;
use super::ledger::Ledger;
use super::policy::Dispatch;
use super::resources::Resources;
use super::task::{NONE, Tasks};
use crate::ids::NodeId;
use crate::structures::memory;
use crate::time::Time;

/// What a node is, fixed for the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// Tasks at once.
    pub slots: u32,
    /// Work units per second.
    pub speed: f64,
    /// Share in weighted places.
    pub weight: f64,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Node {
    /// Free slots; 0 while down.
    pub(super) free: u32,
    /// Queued and running tasks.
    pub(super) load: u32,
    /// Slots that the tasks in the queue take; more where they claim the whole node.
    pub(super) queued_slots: u32,
    /// First of the running attempts, linked through `Task::next` (newer) and `Task::link` (older).
    pub(super) running: u32,
    /// The queue in order of key: a list of those that came in order ...
    pub(super) queue_head: u32,
    pub(super) queue_tail: u32,
    /// ... and a heap of those that did not.
    pub(super) queue_heap: u32,
    pub(super) up: bool,
    /// Whether it is in the list of nodes to look at in `decide`.
    pub(super) dirty: bool,
}

/// All nodes and what policies may know of them.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) nodes: Vec<Node>,
    specs: Vec<NodeSpec>,
    dispatch: Dispatch,
    /// Nodes whose room is limited for the moment, and the slots that are really free there.
    limited: Vec<(NodeId, u32)>,
    /// Most slots that one task takes.
    max_demand: u32,
    /// Named resources, when there are any.
    pub(super) ledger: Option<Box<Ledger>>,
    /// By node: tasks that may wait in its queue; empty without limits.
    limits: Vec<u32>,
    /// Whether a node's room under push can change while it is up: by a limit, or by being closed.
    pub(super) rooms_move: bool,
    /// Which nodes are closed, once any was.
    pub(super) closures: Option<Box<Closures>>,
    /// By node: tasks in its queue; empty when nobody asks.
    queued: Vec<u32>,
    /// How many nodes are up, and their slots.
    up: u32,
    slots_up: u64,
    /// Slots that nodes are taken to have beyond what they have: none, but in tests.
    pub(super) spare_slots: u32,
    /// The instant of the last decision.
    now: Time,
}

impl Cluster {
    pub(super) fn new(specs: &[NodeSpec], dispatch: Dispatch, config: &SchedulerConfig) -> Self {
        let limits = if dispatch == Dispatch::Push { config.limits.nodes.clone() } else { Vec::new() };
        let down = Node {
            free: 0,
            load: 0,
            queued_slots: 0,
            running: NONE,
            queue_head: NONE,
            queue_tail: NONE,
            queue_heap: NONE,
            up: false,
            dirty: false,
        };
        Cluster {
            nodes: memory::filled(down, specs.len()),
            specs: specs.to_vec(),
            dispatch,
            limited: Vec::new(),
            max_demand: config.max_demand,
            ledger: Ledger::new(&config.resources, specs.len()),
            queued: vec![0; limits.len()],
            rooms_move: !limits.is_empty(),
            closures: None,
            limits,
            up: 0,
            slots_up: 0,
            spare_slots: 0,
            now: Time::ZERO,
        }
    }

    /// The present, while it is decided what starts where.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    #[inline]
    pub(super) fn set_now(&mut self, now: Time) {
        self.now = now;
    }

    /// How many nodes there are, up or not.
    #[inline]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none; a checked scenario has at least one.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All nodes in order of number.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// What the node is.
    #[inline]
    pub fn spec(&self, node: NodeId) -> &NodeSpec {
        &self.specs[node.index()]
    }

    /// Whether the node is believed up and is not closed.
    #[inline]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.nodes[node.index()].up
    }

    /// Slots free right now; 0 while down or closed.
    #[inline]
    pub fn free(&self, node: NodeId) -> u32 {
        self.nodes[node.index()].free
    }

    /// Queued and running tasks.
    #[inline]
    pub fn load(&self, node: NodeId) -> u32 {
        self.nodes[node.index()].load
    }

    /// Free slots that the tasks in the node's own queue leave over.
    #[inline]
    pub fn unclaimed(&self, node: NodeId) -> u32 {
        self.free(node).saturating_sub(self.nodes[node.index()].queued_slots)
    }

    /// Slots a task may count on if it is placed there now: under pull those that are free, or none where
    /// tasks wait that the node took ahead; under push, where a task may wait at the node, all of them; 0 while the node is down. A placement
    /// may choose a node for a task when `room >= task.slots()`.
    #[inline]
    pub fn room(&self, node: NodeId) -> u32 {
        match self.dispatch {
            Dispatch::Pull => self.unclaimed(node),
            Dispatch::Push if self.nodes[node.index()].up => match self.limits.get(node.index()) {
                Some(&limit) => self.room_to_wait(node, limit),
                None => self.specs[node.index()].slots,
            },
            Dispatch::Push => 0,
        }
    }

    /// Room at a node where only so many may wait: when it is full, only what can start at once.
    fn room_to_wait(&self, node: NodeId, limit: u32) -> u32 {
        match self.may_wait(node, limit) {
            true => self.specs[node.index()].slots,
            // Behind one that waits for something nothing starts.
            false if self.covers_claims(node) => self.unclaimed(node),
            false => 0,
        }
    }

    /// Whether one more task may wait at a node where only so many may.
    fn may_wait(&self, node: NodeId, limit: u32) -> bool {
        let state = &self.nodes[node.index()];
        // Those that what is free is enough for do not wait.
        let waiting = match state.queued_slots <= state.free && self.covers_claims(node) {
            true => 0,
            false if self.max_demand == 1 && self.ledger.is_none() => self.queued[node.index()] - state.free,
            false => self.queued[node.index()],
        };
        waiting < limit
    }

    /// Whether the task would start at once if it were placed there now: what it takes is free, and not
    /// claimed by the node's own queue.
    pub(super) fn starts_at_once(&self, node: NodeId, slot: u32, tasks: &Tasks) -> bool {
        let covered = || {
            let Some(resources) = self.resources() else { return true };
            let demand = resources.demand(tasks.demand(slot));
            self.unclaimed_amounts(node).zip(demand).all(|(left, demanded)| left >= *demanded)
        };
        self.unclaimed(node) >= tasks.hot[slot as usize].slots && self.covers_claims(node) && covered()
    }

    /// Whether the named resources that are free are enough for all tasks in the node's own queue.
    fn covers_claims(&self, node: NodeId) -> bool {
        self.ledger.as_ref().is_none_or(|ledger| ledger.covers_claims(node))
    }

    /// The node, where nothing waits, takes no task but those in its own queue: they claim all of it.
    pub(super) fn claim_all(&mut self, node: NodeId) {
        self.nodes[node.index()].queued_slots = self.specs[node.index()].slots;
    }

    /// Nothing waits at the node, and nothing there is claimed.
    pub(super) fn claim_none(&mut self, node: NodeId) {
        self.nodes[node.index()].queued_slots = 0;
    }

    /// From now on no node limits how many may wait.
    pub(super) fn lift_queue_limits(&mut self) {
        self.limits.clear();
        self.queued.clear();
        self.rooms_move = false;
    }

    /// From now on the tasks in queues of nodes are counted; nothing may be queued yet.
    pub(super) fn count_queued(&mut self) {
        self.queued = vec![0; self.nodes.len()];
    }

    /// How many tasks wait in the node's own queue, where they are counted.
    pub(super) fn queued(&self, node: NodeId) -> u32 {
        self.queued[node.index()]
    }

    /// Whether any node is up and open.
    pub(super) fn any_up(&self) -> bool {
        self.up > 0
    }

    /// How many nodes are up and open.
    pub(super) fn nodes_up(&self) -> u32 {
        self.up
    }

    /// Slots of all nodes that are up and open, free or not.
    pub(super) fn slots_up(&self) -> u64 {
        self.slots_up
    }

    /// Puts a task into the queue of the node.
    #[inline(always)]
    pub(super) fn enqueue(&mut self, slot: u32, node: NodeId, tasks: &mut Tasks) {
        self.nodes[node.index()].queue_push(slot, tasks);
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::claim);
        }
        if let Some(queued) = self.queued.get_mut(node.index()) {
            *queued += 1;
        }
    }

    /// Takes the first task, which must be this one, out of the queue of the node.
    #[inline(always)]
    pub(super) fn dequeue(&mut self, slot: u32, node: NodeId, tasks: &mut Tasks) {
        self.nodes[node.index()].queue_pop(slot, tasks);
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::renounce);
        }
        if let Some(queued) = self.queued.get_mut(node.index()) {
            *queued -= 1;
        }
    }

    /// A task counts at the node though it is not linked into its queue.
    pub(super) fn count(&mut self, slot: u32, node: NodeId, tasks: &Tasks) {
        let state = &mut self.nodes[node.index()];
        state.load += 1;
        state.queued_slots += tasks.hot[slot as usize].slots;
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::claim);
        }
    }

    /// A task in the queue of the node no longer counts, though it is still linked.
    pub(super) fn discount(&mut self, slot: u32, node: NodeId, tasks: &Tasks) {
        let state = &mut self.nodes[node.index()];
        state.load -= 1;
        state.queued_slots -= tasks.hot[slot as usize].slots;
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::renounce);
        }
        if let Some(queued) = self.queued.get_mut(node.index()) {
            *queued -= 1;
        }
    }

    /// Takes a task that no longer counts out of the queue of the node, where it is the first.
    pub(super) fn take_out(&mut self, slot: u32, node: NodeId, tasks: &mut Tasks) {
        let state = &mut self.nodes[node.index()];
        state.queued_slots += tasks.hot[slot as usize].slots;
        state.queue_pop(slot, tasks);
    }

    /// When tasks are bound to nodes.
    #[inline]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch
    }

    /// The most slots that one task of this run takes.
    #[inline]
    pub fn max_demand(&self) -> u32 {
        self.max_demand
    }

    /// Named resources, when there are any.
    #[inline]
    pub fn resources(&self) -> Option<&Resources> {
        self.ledger.as_deref().map(Ledger::resources)
    }

    /// Amounts of named resources that a task may count on if it is placed there now, as
    /// [`room`](Self::room) says of slots; nothing when no resource is named.
    pub fn room_amounts(&self, node: NodeId) -> impl Iterator<Item = u64> + '_ {
        let waits = self.dispatch == Dispatch::Push && self.is_up(node);
        let full = waits && self.limits.get(node.index()).is_some_and(|&limit| !self.may_wait(node, limit));
        let amounts: &[u64] = match &self.ledger {
            None => &[],
            // Only what can start at once.
            Some(_) if full => &[],
            Some(ledger) if waits => ledger.resources().capacity(node),
            Some(ledger) => ledger.free(node),
        };
        let unclaimed = full.then(|| self.unclaimed_amounts(node)).into_iter().flatten();
        amounts.iter().copied().chain(unclaimed)
    }

    /// Free amounts of named resources that the tasks in the node's own queue leave over.
    pub fn unclaimed_amounts(&self, node: NodeId) -> impl Iterator<Item = u64> + '_ {
        let ledger = self.ledger.as_deref().into_iter();
        let left = |(&free, &claimed): (&u64, &u128)| {
            free.saturating_sub(u64::try_from(claimed).unwrap_or(u64::MAX))
        };
        ledger.flat_map(move |ledger| ledger.free(node).iter().zip(ledger.claimed(node)).map(left))
    }

    /// Whether the node has free what the task takes, in slots and in what else it demands.
    #[inline(always)]
    pub(super) fn can_start(&self, node: NodeId, slot: u32, tasks: &Tasks) -> bool {
        self.nodes[node.index()].free >= tasks.hot[slot as usize].slots && self.covers(node, slot, tasks)
    }

    /// Whether the node has free what the task demands besides slots.
    #[inline(always)]
    pub(super) fn covers(&self, node: NodeId, slot: u32, tasks: &Tasks) -> bool {
        self.ledger.is_none() || self.ledger_covers(node, slot, tasks)
    }

    #[cold]
    #[inline(never)]
    fn ledger_covers(&self, node: NodeId, slot: u32, tasks: &Tasks) -> bool {
        self.ledger.as_ref().is_none_or(|ledger| ledger.covers(node, tasks.demand(slot)))
    }

    /// Whether the task in `slot` would have room on the node, in slots and in what else it demands, if
    /// these running tasks made room.
    pub(super) fn fits_without(
        &self,
        node: NodeId,
        slot: u32,
        leaving: impl Iterator<Item = u32> + Clone,
        tasks: &Tasks,
    ) -> bool {
        let freed: u32 = leaving.clone().map(|slot| tasks.hot[slot as usize].slots).sum();
        let demands = leaving.map(|slot| tasks.demand(slot));
        self.free(node) + freed >= tasks.hot[slot as usize].slots
            && self
                .ledger
                .as_ref()
                .is_none_or(|ledger| ledger.covers_without(node, tasks.demand(slot), demands))
    }

    /// Slots of the running attempts of `node`, newest first.
    pub fn running<'a>(&'a self, node: NodeId, tasks: &'a Tasks) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.nodes[node.index()].running;
        std::iter::from_fn(move || {
            let slot = at;
            at = tasks.hot.get(slot as usize)?.link;
            Some(slot)
        })
    }

    /// Leaves a node no more than so many free slots until the limit is lifted, to protect a
    /// reservation there; nothing may start or end meanwhile.
    pub(super) fn limit(&mut self, node: NodeId, most: u32) {
        let free = &mut self.nodes[node.index()].free;
        self.limited.push((node, *free));
        *free = most.min(*free);
    }

    /// Lifts the limit that was set last.
    pub(super) fn lift_limit(&mut self) -> Option<NodeId> {
        let (node, free) = self.limited.pop()?;
        self.nodes[node.index()].free = free;
        Some(node)
    }

    /// Lets a node that is up look as if it were down until it is shown again; nothing may start or end
    /// meanwhile.
    pub(super) fn hide(&mut self, node: NodeId) {
        self.limit(node, 0);
        self.nodes[node.index()].up = false;
    }

    /// Shows the node again that was hidden last.
    pub(super) fn show(&mut self) -> Option<NodeId> {
        let node = self.lift_limit()?;
        self.nodes[node.index()].up = true;
        Some(node)
    }

    /// Adds a running attempt.
    #[inline(always)]
    pub(super) fn occupy(&mut self, slot: u32, node: NodeId, tasks: &mut Tasks) {
        let state = &mut self.nodes[node.index()];
        let older = state.running;
        state.running = slot;
        let task = &mut tasks.hot[slot as usize];
        task.next = NONE;
        task.link = older;
        task.node = node.0;
        state.free -= task.slots;
        if older != NONE {
            tasks.hot[older as usize].next = slot;
        }
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::take);
        }
    }

    /// Removes a running attempt.
    #[inline(always)]
    pub(super) fn vacate(&mut self, slot: u32, node: NodeId, tasks: &mut Tasks) {
        let task = &tasks.hot[slot as usize];
        let (newer, older, slots) = (task.next, task.link, task.slots);
        let state = &mut self.nodes[node.index()];
        if newer == NONE {
            state.running = older;
        } else {
            tasks.hot[newer as usize].link = older;
        }
        if older != NONE {
            tasks.hot[older as usize].next = newer;
        }
        state.free += slots;
        state.load -= 1;
        if self.ledger.is_some() {
            self.account(node, slot, tasks, Ledger::give_back);
        }
        if self.closures.is_some() {
            self.withhold(node);
        }
    }

    /// Named resources: kept out of line, so that clusters without any do not pay for the code.
    #[cold]
    #[inline(never)]
    fn account(&mut self, node: NodeId, slot: u32, tasks: &Tasks, change: fn(&mut Ledger, NodeId, u32)) {
        if let Some(ledger) = &mut self.ledger {
            change(ledger, node, tasks.demand(slot));
        }
    }

    /// The node is up, open and idle, or takes nothing: it is down, or closed.
    pub(super) fn set_up(&mut self, node: NodeId, up: bool) {
        let slots = self.specs[node.index()].slots;
        let state = &mut self.nodes[node.index()];
        if state.up != up {
            let all = u64::from(slots);
            (self.up, self.slots_up) =
                if up { (self.up + 1, self.slots_up + all) } else { (self.up - 1, self.slots_up - all) };
        }
        state.up = up;
        state.free = if up { slots + self.spare_slots } else { 0 };
        if let Some(ledger) = &mut self.ledger {
            ledger.set_up(node, up);
        }
    }
}
