//! Conservative backfilling: a task may overtake others unless that would delay any of them.
//!
//! Source: Mu'alem and Feitelson 2001. Every waiting task has a reservation: the node and the time at
//! which, by the estimates of what runs and of what waits, it can start first without moving anybody
//! else's. A task that arrives is planned around those that are there, so that what it is promised
//! then is kept as long as nothing takes longer than estimated and no node fails. When slots become
//! free earlier than planned, the plan is compressed: task by task, in order of the queue, each moves
//! to the earliest time open to it, until nobody can move.
//!
//! Every task runs on one node, so a reservation is on one node too. `place` chooses among the nodes
//! where a task that is due can run without meeting a reservation. A task that runs over its estimate
//! is expected to end at once; what was planned on that node is planned anew. Reservations are of slots
//! alone: with named resources it cannot be used. A task that is due and that `place` all the same
//! sends nowhere, for reasons of its own, is planned anew at the next instant.
//!
//! Cost: O(log n) for a task that can start where nothing is planned; otherwise O(p) per node of the
//! cluster for a task that arrives, p being the tasks planned or running there; O(n p) per node that
//! became free earlier than planned, n being the waiting tasks, each time it is compressed.
//! A bad idea when estimates are far too long: what is promised then is far too late, and holes stay
//! open that `easy` would fill.

use crate::ids::NodeId;
use crate::scheduler::{Backfill, Candidate, Cluster, NodeSpec, Pass};
use crate::structures::key_tree::KeyTree;
use crate::structures::ordered_index::Fit;
use crate::structures::profile::Profile;
use crate::structures::room_tree::RoomTree;
use crate::time::Duration;

/// When and where a waiting task will start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// `NOWHERE` when no node that is up is large enough, or it is still to be planned.
    node: NodeId,
    start: u64,
    end: u64,
    slots: u32,
    /// Whether no node has been asked yet.
    new: bool,
}

const NOWHERE: NodeId = NodeId(u32::MAX);

const UNPLANNED: Plan = Plan { node: NOWHERE, start: u64::MAX, end: u64::MAX, slots: 0, new: true };

/// A set of nodes that is walked and emptied.
#[derive(Clone, Debug, Default)]
struct NodeSet {
    list: Vec<NodeId>,
    has: Vec<bool>,
}

impl NodeSet {
    fn new(nodes: usize) -> Self {
        NodeSet { list: Vec::new(), has: vec![false; nodes] }
    }

    fn add(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.has[node.index()], true) {
            self.list.push(node);
        }
    }

    fn clear(&mut self) {
        for node in self.list.drain(..) {
            self.has[node.index()] = false;
        }
    }
}

/// A task may overtake unless it delays anybody.
#[derive(Clone, Debug)]
pub struct Conservative {
    rooms: RoomTree,
    /// By node: what is free by the estimates, tasks planned there taken off.
    profiles: Vec<Profile>,
    /// By node: the slots (in the core's tables) of tasks planned there.
    planned: Vec<Vec<u32>>,
    /// Nodes with tasks planned, and perhaps some that have none any more.
    with_plans: NodeSet,
    /// By slot.
    plans: Vec<Plan>,
    /// Tasks that came to the queue and are still to be planned.
    arrived: Vec<u32>,
    /// Nodes whose profile must be made anew.
    changed: NodeSet,
    /// When the first attempt of each node should end.
    ends: KeyTree,
    /// Nodes that may be free earlier than when the plan was made, and those found meanwhile.
    freer: NodeSet,
    freer_next: NodeSet,
    /// The node that the task leaving the queue was planned on, if it is freer for that alone.
    leaving: NodeId,
    /// Where the task that is due now must not go.
    closed: Vec<NodeId>,
    /// Tasks that were due at this instant and for which the place found no node.
    refused: Vec<u32>,
    /// Kept to use their memory again.
    spare: Profile,
    void: Vec<u32>,
    speeds: Vec<f64>,
}

impl Conservative {
    /// For this cluster.
    pub fn new(nodes: &[NodeSpec]) -> Self {
        let count = nodes.len();
        Conservative {
            rooms: RoomTree::new(count),
            profiles: vec![Profile::default(); count],
            planned: vec![Vec::new(); count],
            with_plans: NodeSet::new(count),
            plans: Vec::new(),
            arrived: Vec::new(),
            changed: NodeSet::new(count),
            ends: KeyTree::new(count, false),
            freer: NodeSet::new(count),
            freer_next: NodeSet::new(count),
            leaving: NOWHERE,
            closed: Vec::new(),
            refused: Vec::new(),
            spare: Profile::default(),
            void: Vec::new(),
            speeds: nodes.iter().map(|node| node.speed).collect(),
        }
    }

    /// How long a task is expected to take on a node: something, and less than a lifetime.
    fn length(&self, estimate: u64, node: NodeId) -> u64 {
        let speed = self.speeds[node.index()];
        Duration::of_work(estimate, speed).0.clamp(1, 1 << 62)
    }

    // What is known ---------------------------------------------------------------------------

    /// Makes the profiles of nodes that changed anew, and finds those that are freer than thought.
    fn refresh(&mut self, pass: &Pass<'_>) {
        let now = pass.now.0;
        // What should have ended by now runs over its estimate.
        while let Some(late) = self.ends.first_up_to(now) {
            self.ends.set(late, u64::MAX, 1);
            self.changed.add(NodeId(late));
        }
        let mut kept = 0;
        for at in 0..self.changed.list.len() {
            let node = self.changed.list[at];
            let moves = self.refresh_node(node, pass);
            self.changed.has[node.index()] = moves;
            if moves {
                self.changed.list[kept] = node;
                kept += 1;
            }
        }
        self.changed.list.truncate(kept);
    }

    /// Gives whether the profile moves with time, because an attempt has not begun yet.
    fn refresh_node(&mut self, node: NodeId, pass: &Pass<'_>) -> bool {
        let (now, index) = (pass.now.0, node.index());
        let mut profile = std::mem::take(&mut self.spare);
        let up = pass.cluster.is_up(node);
        profile.reset(now, if up { pass.cluster.spec(node).slots } else { 0 });
        let (mut moves, mut first_end) = (false, u64::MAX);
        for slot in pass.cluster.running(node, pass.tasks) {
            let task = pass.tasks.view(slot);
            moves |= task.started() > pass.now;
            let since = task.working_since(pass.now);
            let end = since.0.saturating_add(self.length(task.left(), node));
            let end = end.max(now + 1);
            first_end = first_end.min(end);
            profile.take(now, end, task.slots());
        }
        self.ends.set(node.0, first_end, u32::from(first_end < u64::MAX));
        // Plans that were not kept, because something ran longer than estimated, are void.
        self.void.clear();
        self.void.extend(self.planned[index].iter().filter(|slot| {
            let plan = self.plans[**slot as usize];
            !up || plan.start < now
        }));
        for &slot in &self.planned[index] {
            let plan = self.plans[slot as usize];
            if up && plan.start >= now {
                profile.take(plan.start, plan.end, plan.slots);
            }
        }
        if profile.is_overdrawn(now) {
            // Nor can the others be kept then.
            for &slot in self.planned[index].iter().filter(|slot| !self.void.contains(slot)) {
                let plan = self.plans[slot as usize];
                profile.give_back(plan.start, plan.end, plan.slots);
            }
            self.void.clear();
            self.void.extend(&self.planned[index]);
        }
        if !self.void.is_empty() || !profile.agrees(&self.profiles[index], now) {
            self.freer.add(node);
        }
        for at in 0..self.void.len() {
            let slot = self.void[at];
            self.plans[slot as usize] = UNPLANNED;
            self.planned[index].retain(|other| *other != slot);
        }
        self.spare = std::mem::replace(&mut self.profiles[index], profile);
        moves
    }

    // The plan --------------------------------------------------------------------------------

    fn book(&mut self, slot: u32, plan: Plan) {
        let index = plan.node.index();
        self.profiles[index].take(plan.start, plan.end, plan.slots);
        self.planned[index].push(slot);
        self.with_plans.add(plan.node);
        self.plans[slot as usize] = plan;
    }

    fn unbook(&mut self, slot: u32) -> Plan {
        let plan = std::mem::replace(&mut self.plans[slot as usize], UNPLANNED);
        if plan.node != NOWHERE {
            let index = plan.node.index();
            self.profiles[index].give_back(plan.start, plan.end, plan.slots);
            self.planned[index].retain(|other| *other != slot);
        }
        plan
    }

    /// The earlier of `best` and the plan for this task on this node.
    fn better(&self, best: Plan, node: NodeId, slot: u32, pass: &Pass<'_>) -> Plan {
        if !pass.cluster.is_up(node) {
            return best;
        }
        let task = pass.tasks.view(slot);
        let length = self.length(task.left(), node);
        // Equal starts go to the lower number.
        let limit = if node < best.node { best.start.saturating_add(1) } else { best.start };
        let profile = &self.profiles[node.index()];
        match profile.earliest(pass.now.0, limit, task.slots(), length) {
            Some(start) => {
                let end = start.saturating_add(length);
                Plan { node, start, end, slots: task.slots(), new: false }
            }
            None => best,
        }
    }

    /// Plans a task for the first time: any node will do.
    fn plan(&mut self, slot: u32, pass: &Pass<'_>) {
        let slots = pass.tasks.view(slot).slots();
        let mut best = Plan { new: false, ..UNPLANNED };
        // Where it fits right now, and then wherever it would have to wait.
        let mut from = 0;
        while let Some(node) = self.rooms.first_from(from, slots) {
            best = self.better(best, NodeId(node), slot, pass);
            if best.start == pass.now.0 {
                break;
            }
            from = node + 1;
        }
        if best.start != pass.now.0 {
            for node in pass.cluster.nodes() {
                best = self.better(best, node, slot, pass);
            }
        }
        if best.node == NOWHERE {
            self.plans[slot as usize] = best;
        } else {
            self.book(slot, best);
        }
    }

    /// Moves a task to an earlier start on one of the nodes that are freer than thought, if there is
    /// one.
    fn move_forward(&mut self, slot: u32, pass: &Pass<'_>) {
        let old = self.plans[slot as usize];
        if old.start == pass.now.0 {
            return;
        }
        // Its own reservation does not stand in its way.
        let own = old.node != NOWHERE && self.freer.has[old.node.index()];
        if own {
            self.unbook(slot);
        }
        let mut best = Plan { node: NodeId(0), ..old };
        let mut found = false;
        for at in 0..self.freer.list.len() {
            let node = self.freer.list[at];
            let next = self.better(best, node, slot, pass);
            if next.start < old.start && next != best {
                (best, found) = (next, true);
            }
        }
        if !found {
            if own {
                self.book(slot, old);
            }
            return;
        }
        if !own && old.node != NOWHERE {
            self.unbook(slot);
        }
        self.book(slot, best);
        if old.node != NOWHERE {
            self.freer.add(old.node);
            self.freer_next.add(old.node);
        }
    }

    /// Plans what came, and moves everybody forward until nobody can move.
    fn settle(&mut self, pass: &Pass<'_>) {
        if self.freer.list.is_empty() {
            let view = |slot: u32| (pass.tasks.view(slot).queue_key(), pass.tasks.view(slot).number());
            let mut arrived = std::mem::take(&mut self.arrived);
            arrived.sort_unstable_by_key(|slot| view(*slot));
            for slot in arrived.drain(..) {
                if self.plans[slot as usize].new {
                    self.plan(slot, pass);
                }
            }
            self.arrived = arrived;
        }
        while !self.freer.list.is_empty() {
            self.arrived.clear();
            let mut at = pass.waiting.first();
            while let Some(slot) = at {
                if self.plans[slot as usize].new {
                    self.plan(slot, pass);
                } else {
                    self.move_forward(slot, pass);
                }
                at = pass.waiting.first_behind(slot, &Fit::ANY);
            }
            self.freer.clear();
            std::mem::swap(&mut self.freer, &mut self.freer_next);
        }
    }

    /// The first task in order of the queue that is to start now.
    fn due(&self, pass: &Pass<'_>) -> Option<u32> {
        let mut due: Option<(u64, u32, u32)> = None;
        for node in &self.with_plans.list {
            for &slot in &self.planned[node.index()] {
                if self.plans[slot as usize].start == pass.now.0 && !self.refused.contains(&slot) {
                    let task = pass.tasks.view(slot);
                    let rank = (task.queue_key(), task.number(), slot);
                    due = Some(due.map_or(rank, |first| first.min(rank)));
                }
            }
        }
        due.map(|(_, _, slot)| slot)
    }

    /// Finds the nodes that have slots free for the task which are promised to others.
    fn close(&mut self, slot: u32, pass: &Pass<'_>) {
        let own = self.plans[slot as usize].node;
        let task = pass.tasks.view(slot);
        self.closed.clear();
        let mut kept = 0;
        for at in 0..self.with_plans.list.len() {
            let node = self.with_plans.list[at];
            if self.planned[node.index()].is_empty() {
                self.with_plans.has[node.index()] = false;
                continue;
            }
            self.with_plans.list[kept] = node;
            kept += 1;
            if node == own || pass.cluster.free(node) < task.slots() {
                continue;
            }
            let length = self.length(task.left(), node);
            let now = pass.now.0;
            if self.profiles[node.index()].earliest(now, now + 1, task.slots(), length).is_none() {
                self.closed.push(node);
            }
        }
        self.with_plans.list.truncate(kept);
    }
}

impl Backfill for Conservative {
    fn is_active(&self) -> bool {
        true
    }

    fn plans_all(&self) -> bool {
        true
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.rooms.set(node.0, cluster.free(node));
        self.changed.add(node);
    }

    fn queued(&mut self, slot: u32) {
        if slot as usize >= self.plans.len() {
            self.plans.resize(slot as usize + 1, UNPLANNED);
        }
        self.arrived.push(slot);
    }

    fn left(&mut self, slot: u32) {
        if !self.arrived.is_empty() {
            self.arrived.retain(|other| *other != slot);
        }
        self.leaving = NOWHERE;
        let plan = self.unbook(slot);
        if plan.node != NOWHERE && !self.freer.has[plan.node.index()] {
            self.freer.add(plan.node);
            self.leaving = plan.node;
        }
    }

    fn begin(&mut self, pass: &Pass<'_>) {
        self.refused.clear();
        self.refresh(pass);
    }

    fn next(&mut self, pass: &Pass<'_>) -> Option<Candidate> {
        self.settle(pass);
        let slot = self.due(pass)?;
        self.close(slot, pass);
        Some(Candidate { slot, cap: None })
    }

    fn closed(&self) -> &[NodeId] {
        &self.closed
    }

    fn started(&mut self, candidate: Candidate, node: NodeId, pass: &Pass<'_>) {
        let task = pass.tasks.view(candidate.slot);
        let length = self.length(task.left(), node);
        let now = pass.now.0;
        self.profiles[node.index()].take(now, now.saturating_add(length), task.slots());
        if self.leaving == node {
            // It started as planned: nothing has become free.
            self.freer.list.pop();
            self.freer.has[node.index()] = false;
        }
    }

    /// The promise cannot be kept, and is made anew at the next instant.
    fn passed_over(&mut self, candidate: Candidate, _: &Pass<'_>) {
        let node = self.plans[candidate.slot as usize].node;
        self.changed.add(node);
        self.refused.push(candidate.slot);
    }
}
