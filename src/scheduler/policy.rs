//! The choices a policy makes, as traits. A policy is an order, a place, a dispatch and a
//! backfilling rule; each is independent of the others.

use serde::{Deserialize, Serialize};

use super::cluster::Cluster;
use super::task::{TaskView, Tasks};
use crate::ids::NodeId;
use crate::structures::ordered_index::{Fit, OrderedIndex};
use crate::time::{Duration, Time};

/// When a task is bound to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Dispatch {
    /// Tasks wait in one central queue; a free node takes the next.
    Pull,
    /// A task is bound to a node when it arrives and waits in that node's queue.
    Push,
}

/// What is done beyond pull and push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Nothing.
    #[default]
    Plain,
    /// Push: an idle node takes tasks that wait at another.
    Stealing(Stealing),
    /// Pull: one task at a time in the whole cluster.
    Serial,
    /// Push, but to several nodes: the first that is free takes the task.
    LateBinding {
        /// How many nodes, at least 1.
        probes: u32,
    },
    /// Pull, several tasks at a time: what a node cannot start at once waits there.
    Prefetching {
        /// How many tasks at most, at least 1.
        batch: u32,
    },
}

/// How an idle node takes tasks that wait at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stealing {
    /// From which node.
    pub victim: Victim,
    /// How many tasks.
    pub take: Take,
    /// Time from the request until the tasks are there.
    pub delay: Duration,
}

/// Which node tasks are taken from, of those whose first task has room at the node that takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Victim {
    /// The one where most tasks wait, on a tie the first.
    Longest,
    /// Any, equally likely.
    Random,
}

/// How many of the tasks that wait at a node are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// The first.
    One,
    /// The first half, rounded up.
    Half,
}

/// Why a task enters a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It has just arrived, or what it depended on has completed.
    Arrived,
    /// Its attempt failed or was lost, or its node is gone.
    Returned,
    /// Its time slice ended.
    SliceEnded,
    /// A better task took its place.
    Interrupted {
        /// Time it had run since it started or since its slice began.
        ran: Duration,
    },
}

/// Whether and when an order interrupts running tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// A task that has started runs to its end.
    Never,
    /// When its time slice ends and another task waits.
    AtSlices,
    /// As soon as a task with a better key waits, and at the ends of slices if there are any.
    ForBetter,
    /// As soon as a task waits that needs less work than what is left of a running one. Keys are
    /// estimated work left.
    ForShorter,
}

/// Which waiting task goes next.
pub trait Order {
    /// The task's key in a queue: the task with the smallest goes first; equal keys go by arrival,
    /// then by number. Asked when the task enters the queue, also when it comes back. `queue` is the
    /// node's number under push and 0 under pull.
    fn key(&mut self, task: &TaskView<'_>, queue: u32, entry: Entry, now: Time) -> u64;

    /// Whether keys of waiting tasks move with time, and how often at most they are asked for again by
    /// [`key_now`](Self::key_now): [`Duration::ZERO`] for whenever something is decided.
    fn moves(&self) -> Option<Duration> {
        None
    }

    /// The key again, of an order whose keys move: of a task that waits, or that runs and might have to
    /// make room.
    fn key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        let _ = now;
        task.queue_key()
    }

    /// Whether it reads [`TaskView::details`] even of workloads that say nothing there but how often
    /// attempts fail.
    fn reads_details(&self) -> bool {
        false
    }

    /// Whether and when it interrupts running tasks.
    fn interrupts(&self) -> Interrupts {
        Interrupts::Never
    }

    /// Whether a waiting task with the one key may take the place of a running task with the other.
    fn beats(&self, waiting: u64, running: u64, now: Time) -> bool {
        let _ = now;
        waiting < running
    }

    /// How long the task, which starts now or whose last slice has ended, may run until others get
    /// their turn; `None` for no limit.
    fn slice(&mut self, task: &TaskView<'_>, now: Time) -> Option<Duration> {
        let _ = (task, now);
        None
    }

    /// The task with this key was taken from the front of the queue.
    fn taken(&mut self, key: u64, queue: u32) {
        let _ = (key, queue);
    }

    /// Whether all keys are 0, so that tasks go first come, first served.
    fn is_fifo(&self) -> bool {
        false
    }

    /// Whether keys are numbers of groups: then [`first_group`](Self::first_group) says at each choice
    /// whose turn it is, and a group's tasks go by arrival, then by number. Only with pull dispatch
    /// and without backfilling.
    fn is_grouped(&self) -> bool {
        false
    }

    /// The group that goes first among those not known to be without waiting tasks.
    fn first_group(&self) -> Option<u64> {
        None
    }

    /// This group turned out to be without waiting tasks.
    fn group_is_empty(&mut self, group: u64) {
        let _ = group;
    }

    /// Whether it wants to be told of starts and ends of attempts.
    fn watches_attempts(&self) -> bool {
        false
    }

    /// An attempt was sent to the node.
    fn started(&mut self, task: &TaskView<'_>, node: NodeId, cluster: &Cluster) {
        let _ = (task, node, cluster);
    }

    /// An attempt is over, in whatever way; it took so long, as far as the scheduler knows.
    fn ended(&mut self, task: &TaskView<'_>, node: NodeId, held: Duration, cluster: &Cluster) {
        let _ = (task, node, held, cluster);
    }
}

/// Nodes that a place will look at soon.
#[derive(Clone, Copy, Debug)]
pub struct Soon {
    /// In a few choices.
    pub near: [NodeId; 2],
    /// In twice as many.
    pub far: [NodeId; 2],
}

/// What has happened to a task at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It waits in the node's own queue.
    Queued,
    /// It was sent to the node to be run, from its queue or from elsewhere.
    Started,
    /// It no longer waits or runs there.
    Left,
}

/// Which node takes a task.
pub trait Place {
    /// A node that has room for the task, in slots (`cluster.room(node) >= task.slots()`) and in what
    /// else it demands (`cluster.room_amounts(node)`), or `None` when no node has.
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId>;

    /// Nodes that will be looked at some choices from now, if the place can tell: the core fetches
    /// what it knows of them from memory. A hint for speed.
    fn soon(&self) -> Option<Soon> {
        None
    }

    /// Whether, of tasks that must be bound to nodes at one instant, those that the order puts first
    /// choose first; otherwise they choose in the order in which they came. Only under push.
    fn binds_in_order(&self) -> bool {
        false
    }

    /// Whether it keeps an account of what is at nodes and wants [`begin`](Self::begin) and
    /// [`follow`](Self::follow) to be called.
    fn keeps_account(&self) -> bool {
        false
    }

    /// Fetches from memory what its account says of a task or a node that something happens to soon. A
    /// hint: it changes nothing.
    fn fetch(&self, task: Option<u32>, node: Option<NodeId>) {
        let _ = (task, node);
    }

    /// Called before the choices of an instant, when its facts are all in.
    fn begin(&mut self, now: Time) {
        let _ = now;
    }

    /// Called for every task that comes to a node or leaves it.
    fn follow(&mut self, now: Time, step: Step, task: &TaskView<'_>, node: NodeId) {
        let _ = (now, step, task, node);
    }

    /// How many waiting tasks it wants to see at once under pull, to assign them together; 0 for one
    /// by one, at the front of the queue.
    fn window(&self) -> usize {
        0
    }

    /// Assigns the first waiting tasks together; `window` holds their slots, in order. Each is then
    /// asked for by `choose`, in the same order, and stays in the queue if that gives `None`. Gives
    /// whether any task was assigned.
    fn plan(&mut self, now: Time, window: &[u32], tasks: &Tasks) -> bool {
        let _ = (now, window, tasks);
        false
    }

    /// Called whenever a node's room has changed, so that a place can keep an index; in particular
    /// for every node that joins before it can be chosen, and when it is lost.
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let _ = (node, cluster);
    }

    /// Called instead when only the node's load and free slots have changed but not its room, which
    /// is what most events do under push. A place that looks at neither can do nothing.
    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.node_changed(node, cluster);
    }
}

/// What a backfilling rule may look at.
pub struct Pass<'a> {
    /// The present.
    pub now: Time,
    /// The blocked head of the queue.
    pub head: u32,
    /// Everything that waits, in order of the queue.
    pub waiting: &'a OrderedIndex,
    /// Everything that waits, in the order in which tasks may overtake.
    pub candidates: &'a OrderedIndex,
    /// All unsettled tasks.
    pub tasks: &'a Tasks,
    /// The nodes.
    pub cluster: &'a Cluster,
}

impl Pass<'_> {
    /// The first candidate of these kinds that fits, of those behind `after` if it is given.
    pub fn next_candidate(&self, after: Option<u32>, fit: &Fit, kinds: u64) -> Option<u32> {
        match after {
            Some(slot) => self.candidates.first_behind_among(slot, fit, kinds),
            None => self.candidates.first_fit_among(fit, kinds),
        }
    }
}

/// A waiting task that may overtake the head, and the limit under which a node is chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The task's slot.
    pub slot: u32,
    /// A node whose room is limited to protect the head, and to how much.
    pub cap: Option<(NodeId, u32)>,
}

/// Whether and how tasks overtake a blocked head of the queue.
pub trait Backfill {
    /// Whether this rule ever lets a task overtake; when not, the queue needs no index.
    fn is_active(&self) -> bool;

    /// Whether the rule decides about the head of the queue too, and not only about those behind a
    /// head that is blocked.
    fn plans_all(&self) -> bool {
        false
    }

    /// Whether a head that is blocked stays the head until it starts, though a better task comes.
    fn commits_head(&self) -> bool {
        false
    }

    /// Whether tasks may overtake in another order than that of the queue.
    fn reorders(&self) -> bool {
        false
    }

    /// The task's key in that order: smaller goes first.
    fn candidate_key(&mut self, task: &TaskView<'_>, entry: Entry, now: Time) -> u64 {
        let _ = (task, entry, now);
        0
    }

    /// Whether keys in that order move with time: see [`Order::moves`].
    fn candidates_move(&self) -> Option<Duration> {
        None
    }

    /// The key in that order again, when keys move.
    fn candidate_key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
        let _ = (task, now);
        0
    }

    /// A task came to the central queue.
    fn queued(&mut self, slot: u32) {
        let _ = slot;
    }

    /// A task left the central queue: to be started, or for good.
    fn left(&mut self, slot: u32) {
        let _ = slot;
    }

    /// A node's state has changed.
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let _ = (node, cluster);
    }

    /// The head is blocked (or not, for a rule that plans all): start looking for tasks.
    fn begin(&mut self, pass: &Pass<'_>);

    /// The next task that may start now. Called again after each start until it gives `None`.
    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate>;

    /// Nodes where the candidate must not go, whatever is free there.
    fn closed(&self) -> &[NodeId] {
        &[]
    }

    /// The candidate was started on this node.
    fn started(&mut self, candidate: Candidate, node: NodeId, pass: &Pass<'_>);

    /// No node takes the candidate: some have the slots, but none has what else it demands.
    fn passed_over(&mut self, candidate: Candidate, pass: &Pass<'_>) {
        let _ = (candidate, pass);
    }
}

/// A whole policy.
pub trait Policy {
    /// Its order.
    type Order: Order;
    /// Its place.
    type Place: Place;
    /// Its backfilling rule.
    type Backfill: Backfill;

    /// When tasks are bound to nodes.
    fn dispatch(&self) -> Dispatch;

    /// What is done beyond that.
    fn manner(&self) -> Manner {
        Manner::Plain
    }

    /// Whether a better task takes the place of a running one even if the order does not say so.
    fn preempts(&self) -> bool {
        false
    }

    /// Time that an interrupted task spends on its node before it goes on with its work.
    fn switch_cost(&self) -> Duration {
        Duration::ZERO
    }

    /// Its place, to look at.
    fn place(&self) -> &Self::Place;

    /// All parts at once.
    fn parts(&mut self) -> (&mut Self::Order, &mut Self::Place, &mut Self::Backfill);
}

/// A policy put together from its parts.
#[derive(Clone, Debug)]
pub struct Composed<O, L, B> {
    /// Which waiting task goes next.
    pub order: O,
    /// Which node takes it.
    pub place: L,
    /// When it is bound to a node.
    pub dispatch: Dispatch,
    /// What is done beyond that.
    pub manner: Manner,
    /// Whether tasks overtake a blocked head.
    pub backfill: B,
    /// Whether a better task takes the place of a running one even if the order does not say so.
    pub preempts: bool,
    /// Time that an interrupted task spends on its node before it goes on with its work.
    pub switch_cost: Duration,
}

impl<O, L, B> Composed<O, L, B> {
    /// A policy of these parts that interrupts only if its order does, at no cost.
    pub fn new(order: O, place: L, dispatch: Dispatch, backfill: B) -> Self {
        Composed {
            order,
            place,
            dispatch,
            manner: Manner::Plain,
            backfill,
            preempts: false,
            switch_cost: Duration::ZERO,
        }
    }
}

impl<O: Order, L: Place, B: Backfill> Policy for Composed<O, L, B> {
    type Order = O;
    type Place = L;
    type Backfill = B;

    #[inline]
    fn dispatch(&self) -> Dispatch {
        self.dispatch
    }

    fn manner(&self) -> Manner {
        self.manner
    }

    fn preempts(&self) -> bool {
        self.preempts
    }

    fn switch_cost(&self) -> Duration {
        self.switch_cost
    }

    #[inline]
    fn place(&self) -> &L {
        &self.place
    }

    #[inline]
    fn parts(&mut self) -> (&mut O, &mut L, &mut B) {
        (&mut self.order, &mut self.place, &mut self.backfill)
    }
}
