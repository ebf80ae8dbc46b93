//! Consistent hashing: every key has its node on a ring of hashes; when a node comes or goes only the
//! keys on its own arcs move.
//!
//! Source: Karger and others 1997; Stoica and others (Chord) 2001. With `load_bound = c` no node holds
//! more than c times the mean number of tasks, rounded up: Mirrokni, Thorup and Zadimoghaddam 2018.
//! A task goes to the first node with room (and below its bound) at or after the hash of its key;
//! each node has `virtual_nodes` points on the ring. A task without a key is a key of its own.
//!
//! Cost: O(1) expected to find the arc. To the next node with room O(log64 of all points) when tasks
//! take one slot; wider tasks pass over the nodes that are too small one by one. A bound of 1 + e
//! passes over O(1 / e^2) full nodes expected. A node that gains or loses its room opens or closes
//! its points, O(`virtual_nodes`): under push when it comes or goes, under pull all the time.
//! A bad idea when keys do not matter, or one key is hot and there is no bound: all its tasks go to
//! one node. It knows no speeds: every node has the same share.

use super::PlaceContext;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, Soon, TaskView};
use crate::structures::bitmap::Bitmap;
use crate::structures::hash_ring::{HashRing, hash_of_key, point};
use crate::structures::room_tree::RoomTree;

/// From so many points on most of them are far away in memory.
const MANY: usize = 1 << 18;
/// How many tasks ahead each of the steps of a lookup is made, from the last to the first.
const AHEAD: [u32; 4] = [3, 6, 9, 12];

/// A node for every key.
#[derive(Clone, Debug)]
pub struct ConsistentHash {
    ring: HashRing,
    /// Points of nodes with room, by their place on the ring.
    open: Bitmap,
    /// By node, whether its points are open.
    is_open: Vec<bool>,
    open_nodes: u32,
    virtual_nodes: u32,
    /// Rooms, when some task takes more than one slot.
    rooms: Option<RoomTree>,
    bound: Option<LoadBound>,
    /// Nodes of tasks to come, where looking them up takes long.
    coming: Option<Coming>,
}

/// Nodes of tasks to come. Tasks without a key are about their own number, and numbers follow each other:
/// what their lookups will read is fetched from memory some tasks ahead.
#[derive(Clone, Debug)]
struct Coming {
    /// By the task's number, modulo 16.
    nodes: [u32; 16],
    number: u32,
}

impl Coming {
    fn of(&self, number: u32) -> NodeId {
        NodeId(self.nodes[number as usize % self.nodes.len()])
    }

    /// A task with this number is being placed.
    #[inline]
    fn note(&mut self, number: u32, ring: &HashRing) {
        let hash = |ahead: u32| hash_of_key(u64::from(number.wrapping_add(ahead)));
        let [_, node, points, start] = AHEAD;
        ring.fetch_start(hash(start));
        ring.fetch_points(hash(points));
        let at = number.wrapping_add(node) as usize % self.nodes.len();
        self.nodes[at] = ring.member(ring.successor(hash(node)));
        self.number = number;
    }
}

/// How many tasks a node may hold.
#[derive(Clone, Debug)]
struct LoadBound {
    factor: f64,
    loads: Vec<u32>,
    total: u64,
    up: Vec<bool>,
    nodes_up: u32,
}

impl LoadBound {
    fn new(factor: f64, nodes: usize) -> Self {
        LoadBound { factor, loads: vec![0; nodes], total: 0, up: vec![false; nodes], nodes_up: 0 }
    }

    #[inline]
    fn update(&mut self, node: NodeId, cluster: &Cluster) {
        let load = cluster.load(node);
        let known = &mut self.loads[node.index()];
        self.total = self.total - u64::from(*known) + u64::from(load);
        *known = load;
        let up = cluster.is_up(node);
        if self.up[node.index()] != up {
            self.up[node.index()] = up;
            self.nodes_up = if up { self.nodes_up + 1 } else { self.nodes_up - 1 };
        }
    }

    /// The most tasks that a node may hold once the next is placed.
    #[inline]
    fn most(&self) -> u32 {
        (self.factor * (self.total + 1) as f64 / f64::from(self.nodes_up)).ceil() as u32
    }
}

impl ConsistentHash {
    /// A ring of `virtual_nodes` (at least 1) points per node; `load_bound` is at least 1.
    pub fn new(virtual_nodes: u32, load_bound: Option<f64>, context: &PlaceContext<'_>) -> Self {
        let nodes = context.nodes.len();
        let ring = HashRing::new(nodes as u32, virtual_nodes);
        let coming = (ring.len() >= MANY).then_some(Coming { nodes: [0; 16], number: 0 });
        ConsistentHash {
            open: Bitmap::new(ring.len()),
            ring,
            is_open: vec![false; nodes],
            open_nodes: 0,
            virtual_nodes,
            rooms: (context.max_demand > 1).then(|| RoomTree::new(nodes)),
            bound: load_bound.map(|factor| LoadBound::new(factor, nodes)),
            coming,
        }
    }

    fn has_room(&self, slots: u32) -> bool {
        match &self.rooms {
            Some(rooms) if slots > 1 => rooms.most() >= slots,
            _ => self.open_nodes > 0,
        }
    }

    /// The node of the task's key, or the next on the ring, that `fits`.
    #[inline]
    pub(in crate::policies) fn choose_that(
        &self,
        task: &TaskView<'_>,
        fits: impl Fn(NodeId) -> bool,
    ) -> Option<NodeId> {
        let start = self.ring.successor(hash_of_key(task.key()));
        let most = self.bound.as_ref().map_or(u32::MAX, LoadBound::most);
        // Nearly always the first node will do: there is no need then to look for open points, which may
        // be far away in memory.
        let own = NodeId(self.ring.member(start));
        let below = self.bound.as_ref().is_none_or(|bound| bound.loads[own.index()] < most);
        if self.is_open[own.index()] && below && fits(own) {
            return Some(own);
        }
        let mut first = None;
        // To the end of the ring, then from its beginning up to where it began.
        for (from, to) in [(start, u32::MAX), (0, start)] {
            let mut at = from;
            while let Some(index) = self.open.first_from(at).filter(|&index| index < to) {
                let node = NodeId(self.ring.member(index));
                if fits(node) {
                    if self.bound.as_ref().is_none_or(|bound| bound.loads[node.index()] < most) {
                        return Some(node);
                    }
                    first = first.or(Some(node));
                }
                at = index + 1;
            }
        }
        // Only some nodes have room, and they hold as much as they may: better one task too many
        // than one that waits for a node that will never come.
        first
    }
}

impl Place for ConsistentHash {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let slots = task.slots();
        if !self.has_room(slots) {
            return None;
        }
        if let Some(coming) = &mut self.coming
            && task.key() == u64::from(task.number())
        {
            coming.note(task.number(), &self.ring);
        }
        self.choose_that(task, |node| slots == 1 || cluster.room(node) >= slots)
    }

    #[inline]
    fn soon(&self) -> Option<Soon> {
        let coming = self.coming.as_ref()?;
        let [near, far, ..] = AHEAD.map(|ahead| coming.of(coming.number.wrapping_add(ahead)));
        Some(Soon { near: [near, near], far: [far, far] })
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let room = cluster.room(node);
        if let Some(rooms) = &mut self.rooms {
            rooms.set(node.0, room);
        }
        if self.is_open[node.index()] != (room > 0) {
            self.is_open[node.index()] = room > 0;
            self.open_nodes = if room > 0 { self.open_nodes + 1 } else { self.open_nodes - 1 };
            for replica in 0..self.virtual_nodes {
                let index = self.ring.successor(point(node.0, replica));
                if room > 0 {
                    self.open.insert(index);
                } else {
                    self.open.remove(index);
                }
            }
        }
        self.load_changed(node, cluster);
    }

    #[inline]
    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        if let Some(bound) = &mut self.bound {
            bound.update(node, cluster);
        }
    }
}
