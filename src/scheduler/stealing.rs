//! Hybrid (work stealing): a task is bound to a node when it arrives, as under push, and a node that is
//! up, has free slots and has nothing left in its queue takes tasks that wait at another.
//!
//! Source: receiver-initiated load sharing; Eager, Lazowska and Zahorjan 1986; Mitzenmacher 1998. From
//! Blumofe and Leiserson 1999 that a thief takes what has waited longest, here the first in order at its
//! victim: whoever is robbed, the best of those who wait there start first. Cost: as push, and O(log n)
//! per task that is queued, starts, ends or is stolen; with named resources O(i log n) per instant and
//! more while i idle nodes find nothing that they can run.
//! A bad idea when tasks should stay where they were put, because their data are there or a place has
//! spread them by weight.
//!
//! Thefts are decided last of all at an instant. The first idle node (by number) that can run the first
//! task of any queue takes it, or the first half of that queue, and so on until none can; the tasks keep
//! their keys. With a delay an idle node sends a request, one at a time, and the tasks stay where they
//! are until it arrives: what then waits first there is taken, if the node is still idle and can run it,
//! and if not it asks anew.

use super::cluster::Cluster;
use super::command::Commands;
use super::machine::Scheduler;
use super::policy::{Manner, Policy, Stealing, Step, Take, Victim};
use super::record::{Observer, Record};
use super::task::{NONE, Tasks};
use super::timers::Alarm;
use crate::ids::NodeId;
use crate::random::{Purpose, StreamKey, Streams, uniform};
use crate::structures::key_tree::KeyTree;
use crate::structures::room_index::RoomIndex;
use crate::structures::sum_tree::SumTree;
use crate::time::{Duration, Time};

/// Draws that may find a queue whose first task has no room at the thief; then the longest is taken.
const TRIES: u32 = 32;

/// Who can take tasks, and from whom.
#[derive(Clone, Debug)]
pub(super) struct Thieves {
    rule: Stealing,
    draws: StreamKey,
    /// Nodes that may have changed since the indexes were made up.
    changed: Vec<NodeId>,
    is_changed: Vec<bool>,
    /// Free slots of idle nodes without a request under way.
    idle: RoomIndex,
    /// Nodes where tasks wait, the longest queue first. The fewer slots its first task takes, the more
    /// room: see [`Thieves::room`].
    queues: KeyTree,
    /// The same nodes with a weight of 1, when any may be drawn.
    drawn: Option<SumTree>,
    /// Slots of the largest task.
    widest: u32,
    /// By node: whom its request is for, and how many it has sent.
    asked: Vec<u32>,
    requests: Vec<u32>,
    /// Nodes whose requests arrived at this instant.
    arrived: Vec<NodeId>,
}

impl Thieves {
    /// For a cluster without tasks, which from now on counts its queues; nothing where nobody steals.
    pub(super) fn of(manner: Manner, cluster: &mut Cluster, seed: u64) -> Option<Box<Self>> {
        let Manner::Stealing(rule) = manner else { return None };
        cluster.count_queued();
        let (nodes, widest) = (cluster.len(), cluster.max_demand());
        Some(Box::new(Thieves {
            rule,
            draws: Streams::new(seed).key(Purpose::Probe),
            changed: Vec::new(),
            is_changed: vec![false; nodes],
            idle: RoomIndex::new(nodes, widest),
            queues: KeyTree::new(nodes, widest > 1),
            drawn: (rule.victim == Victim::Random).then(|| SumTree::new(nodes)),
            widest,
            asked: vec![NONE; nodes],
            requests: vec![0; nodes],
            arrived: Vec::new(),
        }))
    }

    /// Whether nothing has changed since the last decision.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.changed.is_empty()
    }

    /// Whether tasks are taken without delay.
    pub(super) fn takes_at_once(&self) -> bool {
        self.rule.delay == Duration::ZERO
    }

    /// Trees look for much room, and thieves for a first task that takes few slots: both a task's slots
    /// and a thief's free slots are turned round, so that a task that is small enough has room enough.
    fn room(&self, slots: u32) -> u32 {
        self.widest + 1 - slots.min(self.widest)
    }

    /// Takes note of whether and how many tasks wait at a node, and how many slots the first takes.
    fn file_victim(&mut self, node: NodeId, queued: u32, slots: u32) {
        let room = if queued == 0 { 0 } else { self.room(slots) };
        self.queues.set(node.0, u64::from(u32::MAX - queued), room);
        if let Some(drawn) = &mut self.drawn {
            drawn.set(node.0, if queued > 0 { 1.0 } else { 0.0 });
        }
    }

    /// The first idle node at or after `from` that has the slots for the first task of any queue.
    fn first_thief(&self, from: u32) -> Option<NodeId> {
        let most = self.queues.most_room();
        let fewest = (most > 0).then(|| self.widest + 1 - most)?;
        self.idle.first_from(from, fewest).map(NodeId)
    }

    /// Whom this node takes tasks from.
    fn victim(&self, now: Time, thief: NodeId, cluster: &Cluster, tasks: &Tasks) -> Option<NodeId> {
        let demand = self.room(cluster.free(thief));
        let covers = |node: u32| {
            let first = cluster.nodes[node as usize].queue_front(tasks);
            first.is_some_and(|slot| cluster.covers(thief, slot, tasks))
        };
        if let Some(waiting) = &self.drawn {
            // By when, and by how many tasks it has taken at that instant or had before.
            let which = now.0 ^ u64::from(cluster.load(thief)).rotate_right(16);
            let mut stream = self.draws.stream2(u64::from(thief.0), which);
            for _ in 0..TRIES {
                let drawn = waiting.draw(uniform(&mut stream))?;
                if self.queues.room_of(drawn) >= demand && covers(drawn) {
                    return Some(NodeId(drawn));
                }
            }
        }
        let longest = if cluster.resources().is_none() {
            self.queues.least(demand)
        } else {
            self.queues.least_that(|at| {
                let is_covered = || self.queues.place_at(at).is_none_or(covers);
                self.queues.room_below(at) >= demand && is_covered()
            })
        };
        longest.map(NodeId)
    }
}

impl<P: Policy> Scheduler<P> {
    /// Something has changed at a node.
    #[cold]
    #[inline(never)]
    pub(super) fn note_for_thieves(&mut self, node: NodeId) {
        let Some(thieves) = &mut self.thieves else { return };
        if !thieves.is_changed[node.index()] {
            thieves.is_changed[node.index()] = true;
            thieves.changed.push(node);
        }
    }

    /// The node is lost: nobody there waits for an answer.
    pub(super) fn forget_request(&mut self, node: NodeId) {
        if let Some(thieves) = &mut self.thieves {
            thieves.asked[node.index()] = NONE;
        }
    }

    /// A request arrives; what becomes of it is decided when all facts of the instant are in.
    pub(super) fn request_arrives(&mut self, number: u32, thief: NodeId) {
        let Some(thieves) = &mut self.thieves else { return };
        let at = thief.index();
        if thieves.asked[at] != NONE && thieves.requests[at] == number {
            thieves.arrived.push(thief);
        }
    }

    /// Lets idle nodes take what waits elsewhere, or ask for it.
    #[cold]
    #[inline(never)]
    pub(super) fn decide_thefts<O: Observer>(
        &mut self,
        now: Time,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        self.take_what_was_asked_for(now, commands, observer);
        self.refresh_thieves(commands);
        let mut from = 0;
        while let Some((thief, victim)) = self.next_theft(now, from) {
            let Some(thieves) = &mut self.thieves else { return };
            let Stealing { delay, .. } = thieves.rule;
            if delay == Duration::ZERO {
                self.steal(now, thief, victim, commands, observer);
                // What waits first at the victim now may be for a node that was passed over.
                from = 0;
            } else {
                thieves.asked[thief.index()] = victim.0;
                thieves.requests[thief.index()] += 1;
                let number = thieves.requests[thief.index()];
                self.timers.set(Time(now.0.saturating_add(delay.0)), Alarm::Theft, number, thief.0);
                self.note_for_thieves(thief);
                from = thief.0;
            }
            self.refresh_thieves(commands);
        }
    }

    /// Carries out the requests that arrived at this instant, in order of their nodes.
    fn take_what_was_asked_for<O: Observer>(&mut self, now: Time, commands: &mut Commands, observer: &mut O) {
        if let Some(thieves) = &mut self.thieves {
            thieves.arrived.sort_unstable();
        }
        for at in 0.. {
            let Some(thieves) = &mut self.thieves else { return };
            let Some(&thief) = thieves.arrived.get(at) else { break };
            let victim = std::mem::replace(&mut thieves.asked[thief.index()], NONE);
            self.note_for_thieves(thief);
            if victim != NONE && self.can_take(thief, NodeId(victim), commands) {
                self.steal(now, thief, NodeId(victim), commands, observer);
            }
        }
        if let Some(thieves) = &mut self.thieves {
            thieves.arrived.clear();
        }
    }

    /// Whether the one node is idle and can run what waits first at the other.
    fn can_take(&mut self, thief: NodeId, victim: NodeId, commands: &mut Commands) -> bool {
        self.free_of_idle(thief, commands) > 0
            && self
                .front(victim, commands)
                .is_some_and(|slot| self.cluster.can_start(thief, slot, &self.tasks))
    }

    /// Free slots of a node where nothing waits; 0 while it is down or something waits there.
    fn free_of_idle(&mut self, node: NodeId, commands: &mut Commands) -> u32 {
        if self.front(node, commands).is_none() { self.cluster.free(node) } else { 0 }
    }

    /// Makes the indexes up for all nodes that have changed.
    fn refresh_thieves(&mut self, commands: &mut Commands) {
        for at in 0.. {
            let Some(&node) = self.thieves.as_ref().and_then(|thieves| thieves.changed.get(at)) else {
                break;
            };
            let first = self.front(node, commands);
            let free = self.free_of_idle(node, commands);
            let queued = self.cluster.queued(node);
            let slots = first.map_or(0, |slot| self.tasks.hot[slot as usize].slots);
            let Some(thieves) = &mut self.thieves else { return };
            thieves.is_changed[node.index()] = false;
            let waits = thieves.asked[node.index()] != NONE;
            thieves.idle.set(node.0, if waits { 0 } else { free });
            thieves.file_victim(node, queued, slots);
        }
        if let Some(thieves) = &mut self.thieves {
            thieves.changed.clear();
        }
    }

    /// The first idle node at or after `from` that can run anything that waits first elsewhere, and
    /// whom it takes it from.
    fn next_theft(&self, now: Time, mut from: u32) -> Option<(NodeId, NodeId)> {
        let thieves = self.thieves.as_ref()?;
        loop {
            let thief = thieves.first_thief(from)?;
            if let Some(victim) = thieves.victim(now, thief, &self.cluster, &self.tasks) {
                return Some((thief, victim));
            }
            // It has the slots, but not what else the tasks demand.
            from = thief.0 + 1;
        }
    }

    /// Moves tasks from the front of one queue to an idle node, where the first can start.
    fn steal<O: Observer>(
        &mut self,
        now: Time,
        thief: NodeId,
        victim: NodeId,
        commands: &mut Commands,
        observer: &mut O,
    ) {
        let Some(rule) = self.thieves.as_ref().map(|thieves| thieves.rule) else { return };
        let most = match rule.take {
            Take::One => 1,
            Take::Half => self.cluster.queued(victim).div_ceil(2),
        };
        for nth in 0..most {
            let Some(slot) = self.front(victim, commands) else { break };
            if nth > 0 && !self.may_wait_at(slot, thief) {
                break;
            }
            self.cluster.dequeue(slot, victim, &mut self.tasks);
            self.cluster.nodes[victim.index()].load -= 1;
            self.follow(now, Step::Left, slot, victim);
            self.tasks.hot[slot as usize].node = thief.0;
            self.cluster.enqueue(slot, thief, &mut self.tasks);
            self.cluster.nodes[thief.index()].load += 1;
            self.follow(now, Step::Queued, slot, thief);
            let task = self.tasks.id(slot);
            observer.on_record(now, &Record::Stolen { task, from: victim, to: thief });
        }
        self.load_changed(victim);
        self.load_changed(thief);
        self.advance(now, thief, commands, observer);
        // Behind a task that was too large for what is free may be one that is not.
        self.advance(now, victim, commands, observer);
    }

    /// Whether the node is large enough for the task, and has room for one more to wait.
    fn may_wait_at(&self, slot: u32, node: NodeId) -> bool {
        let demand = || {
            let resources = self.cluster.resources();
            resources.map_or(&[][..], |resources| resources.demand(self.tasks.demand(slot)))
        };
        self.cluster.room(node) >= self.tasks.hot[slot as usize].slots
            && self.cluster.room_amounts(node).zip(demand()).all(|(room, demanded)| room >= *demanded)
    }
}
