//! How much work every node has left, as far as the scheduler can tell: an index over nodes for places
//! that ask for it.
//!
//! A queued task counts with its estimated time on the node (less what it did before it was
//! interrupted), a running one with what is left of it since it was sent, and one that has run longer
//! than estimated with nothing, each times the slots it takes. This *backlog* of slot time, per slot of
//! the node, is what a new task would about wait.
//!
//! Between two changes the backlog of a node falls by as many seconds per second as it has slots whose
//! tasks are not overdue: its *rate*. So among nodes of one kind, rate and room the order stays the
//! same however time passes; such nodes share a heap, keyed by the backlog they would have had at time
//! 0. Nodes without backlog need no heap: the first of them is asked for. When a task's estimated end passes, its node goes over to another heap. All of it is counted in
//! whole numbers and exact for nodes of any number of slots.
//!
//! What is not known is not counted: how much longer an overdue task takes, the time from a command to
//! the start it causes, and the cost of an interruption.
//!
//! Cost: O(log n) per task that is queued, starts, ends or falls due; O(k) for the least backlog, with
//! k the kinds of nodes times the rates (and under pull rooms) that occurred.

use std::collections::BTreeMap;

use crate::ids::NodeId;
use crate::scheduler::{Cluster, NodeSpec, Step, TaskView};
use crate::structures::bitmap::Bitmap;
use crate::structures::key_heaps::KeyHeaps;
use crate::structures::memory;
use crate::time::{Duration, Time};

/// What a task adds to the backlog of its node.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// Waiting: so much slot time. Running: what is left until then, for each of its slots.
    amount: u128,
    /// `u32::MAX` for none.
    node: u32,
    /// The slots of a running task, 0 of one that waits.
    slots: u32,
}

const NO_SHARE: Share = Share { amount: 0, node: u32::MAX, slots: 0 };

// A cache line of its own.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct NodeWork {
    /// The backlog at time `t` is `sum - rate * t`.
    sum: u128,
    rate: u32,
    room: u32,
    kind: u32,
    /// By the last bit of the rate: rate, room and heap when it was last that; a node of one slot changes
    /// between two.
    known: [Option<(u32, u32, u32)>; 2],
    /// One more than the group among whose idle nodes it stands; 0 for none.
    idle_in: u32,
}

/// Nodes of the same kind, rate and room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    kind: u32,
    rate: u32,
    room: u32,
}

/// The least backlog of a group of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    /// The first node that has it.
    pub(super) node: NodeId,
    /// Slot time in nanoseconds.
    pub(super) backlog: u128,
    /// Slots of the node.
    pub(super) slots: u32,
}

impl Least {
    /// Whether a task waits less here than there, on a tie by node.
    #[inline]
    pub(super) fn is_before(&self, other: &Least) -> bool {
        let (here, there) = (self.backlog * u128::from(other.slots), other.backlog * u128::from(self.slots));
        (here, self.node) < (there, other.node)
    }
}

/// The expected work of every node.
#[derive(Clone, Debug)]
pub(super) struct Backlog {
    now: u128,
    /// Slots and speed of the kinds of nodes.
    kinds: Vec<(u32, f64)>,
    nodes: Vec<NodeWork>,
    groups: Vec<Group>,
    heap_of: BTreeMap<Group, u32>,
    /// Nodes with some backlog, by group.
    by_backlog: KeyHeaps,
    /// Nodes without, by group; only groups of rate 0 have such.
    idle: Vec<Option<Bitmap>>,
    /// By the task's slot.
    shares: Vec<Share>,
    /// Slots of running tasks by estimated end.
    ends: KeyHeaps,
}

impl Backlog {
    /// Nodes without work.
    pub(super) fn new(nodes: &[NodeSpec]) -> Self {
        let (mut kinds, mut known) = (Vec::new(), BTreeMap::new());
        let kind_of = |node: &NodeSpec| {
            *known.entry((node.slots, node.speed.to_bits())).or_insert_with(|| {
                kinds.push((node.slots, node.speed));
                kinds.len() as u32 - 1
            })
        };
        let works = nodes.iter().map(kind_of).map(|kind| NodeWork { kind, ..NodeWork::default() });
        let nodes = memory::collected(works);
        let mut ends = KeyHeaps::new();
        ends.add();
        Backlog {
            now: 0,
            kinds,
            nodes,
            groups: Vec::new(),
            heap_of: BTreeMap::new(),
            by_backlog: KeyHeaps::new(),
            idle: Vec::new(),
            shares: Vec::new(),
            ends,
        }
    }

    /// The present: tasks whose estimated end has come count no more.
    #[inline]
    pub(super) fn at(&mut self, now: Time) {
        self.now = u128::from(now.0);
        while let Some((end, slot)) = self.ends.first(0)
            && end <= self.now
        {
            self.forget(slot);
        }
        // The next that falls due; by the second time its node is known.
        if let Some((_, slot)) = self.ends.first(0) {
            let node = self.shares[slot as usize].node;
            self.fetch(Some(slot), Some(NodeId(node)));
        }
    }

    /// Fetches from memory what is known of a task or a node.
    pub(super) fn fetch(&self, task: Option<u32>, node: Option<NodeId>) {
        if let Some(slot) = task {
            memory::prefetch(&self.shares, slot as usize);
            self.ends.fetch(slot);
        }
        if let Some(node) = node {
            memory::prefetch(&self.nodes, node.index());
            self.by_backlog.fetch(node.0);
        }
    }

    /// Something has happened to a task at a node.
    pub(super) fn follow(&mut self, now: Time, step: Step, task: &TaskView<'_>, node: NodeId) {
        let slot = task.slot();
        memory::lengthen(&mut self.shares, slot as usize + 1, NO_SHARE);
        let elsewhere = self.release(slot).filter(|other| *other != node.0);
        if let Some(other) = elsewhere {
            self.file(other);
        }
        let (_, speed) = self.kinds[self.nodes[node.index()].kind as usize];
        let time = Duration::of_work(task.left(), speed).0;
        let state = &mut self.nodes[node.index()];
        match step {
            Step::Queued => {
                let time = u128::from(time) * u128::from(task.slots());
                state.sum += time;
                self.shares[slot as usize] = Share { amount: time, node: node.0, slots: 0 };
            }
            Step::Started => {
                let (end, slots) = (u128::from(now.0) + u128::from(time), task.slots());
                if end > u128::from(now.0) {
                    state.sum += end * u128::from(slots);
                    state.rate += slots;
                    self.shares[slot as usize] = Share { amount: end, node: node.0, slots };
                    self.ends.file(slot, 0, end);
                }
            }
            Step::Left => {}
        }
        self.file(node.0);
    }

    /// The node has room for so many slots now.
    #[inline]
    pub(super) fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        if self.nodes[node.index()].room != room {
            self.nodes[node.index()].room = room;
            self.file(node.0);
        }
    }

    /// For every kind, rate and room of nodes with room for `slots`: the least backlog.
    #[inline]
    pub(super) fn least(&self, slots: u32) -> impl Iterator<Item = Least> + '_ {
        let with_room = self.groups.iter().enumerate().filter(move |(_, group)| group.room >= slots);
        with_room.filter_map(|(heap, group)| {
            let idle = self.idle[heap].as_ref().and_then(|idle| idle.first());
            let first = idle.map(|node| (0, node)).or_else(|| self.by_backlog.first(heap as u32));
            let (sum, node) = first?;
            let backlog = sum - u128::from(group.rate) * self.now;
            Some(Least { node: NodeId(node), backlog, slots: self.kinds[group.kind as usize].0 })
        })
    }

    /// What the task in `slot` adds counts no more.
    fn forget(&mut self, slot: u32) {
        if let Some(node) = self.release(slot) {
            self.file(node);
        }
    }

    /// The same, before its node is filed again: which one that is.
    fn release(&mut self, slot: u32) -> Option<u32> {
        let Share { amount, node, slots } = std::mem::replace(&mut self.shares[slot as usize], NO_SHARE);
        let state = self.nodes.get_mut(node as usize)?;
        if slots == 0 {
            state.sum -= amount;
        } else {
            state.sum -= amount * u128::from(slots);
            state.rate -= slots;
            self.ends.take(slot);
        }
        Some(node)
    }

    fn file(&mut self, node: u32) {
        let NodeWork { sum, rate, room, kind, known, idle_in } = self.nodes[node as usize];
        if room == 0 {
            self.leave_idle(node);
            return self.by_backlog.take(node);
        }
        let heap = match known[rate as usize % 2] {
            Some((of_rate, of_room, heap)) if (of_rate, of_room) == (rate, room) => heap,
            _ => self.look_up(node, Group { kind, rate, room }),
        };
        if sum > 0 || rate > 0 {
            self.leave_idle(node);
            self.by_backlog.file(node, heap, sum);
        } else if idle_in != heap + 1 {
            self.leave_idle(node);
            self.by_backlog.take(node);
            let nodes = self.nodes.len();
            self.idle[heap as usize].get_or_insert_with(|| Bitmap::new(nodes)).insert(node);
            self.nodes[node as usize].idle_in = heap + 1;
        }
    }

    /// The node is no longer among those of its group that have no backlog.
    fn leave_idle(&mut self, node: u32) {
        let group = std::mem::take(&mut self.nodes[node as usize].idle_in) as usize;
        if let Some(idle) = group.checked_sub(1).and_then(|group| self.idle[group].as_mut()) {
            idle.remove(node);
        }
    }

    /// The heap of a group that a node belongs to now.
    fn look_up(&mut self, node: u32, group: Group) -> u32 {
        let heap = match self.heap_of.get(&group) {
            Some(heap) => *heap,
            None => {
                let heap = self.by_backlog.add();
                self.groups.push(group);
                self.idle.push(None);
                self.heap_of.insert(group, heap);
                heap
            }
        };
        let Group { rate, room, .. } = group;
        self.nodes[node as usize].known[rate as usize % 2] = Some((rate, room, heap));
        heap
    }
}
