//! News on its way: what has happened and the scheduler does not know yet.
//!
//! Without delays nothing here is used. With them the truth and what the scheduler believes differ
//! for a while: an attempt may have ended, or its node may be gone.

use super::event_queue::EventNumber;
use crate::random::{Purpose, StreamKey, Streams};
use crate::scheduler::Event;
use crate::time::{Duration, Time};
use crate::world::{Delays, World};

/// What is true of a node, and what is under way about it.
#[derive(Clone, Copy, Debug)]
struct NodeNews {
    /// Failures and repairs so far: while it is up the number is even. What is sent to a node and
    /// what runs there is lost when the number changes.
    changes: u32,
    /// When it failed, once it has; the first time, if the scheduler missed several.
    failed: Time,
    /// The scheduler will know of the failure, or of the repair, at these events.
    lost: EventNumber,
    joined: EventNumber,
    believed_up: bool,
}

/// In place of the event at which a failure becomes known, where nobody tells of it: the scheduler has
/// missed it if the node joins before it was declared dead.
const UNNOTICED: EventNumber = EventNumber(u64::MAX - 1);

/// All news that is under way.
#[derive(Debug)]
pub(super) struct News<'a> {
    delays: &'a Delays,
    completions: StreamKey,
    detections: StreamKey,
    joins: StreamKey,
    /// Ends of attempts on their way to the scheduler, and places free for others.
    reports: Vec<Event>,
    free: Vec<u32>,
    /// By node; empty when the scheduler cannot be wrong about nodes or starts.
    nodes: Vec<NodeNews>,
}

impl<'a> News<'a> {
    pub(super) fn new(world: &'a World, streams: Streams) -> Self {
        let up = NodeNews {
            changes: 0,
            failed: Time::NEVER,
            lost: EventNumber::NONE,
            joined: EventNumber::NONE,
            believed_up: true,
        };
        // One that is not there is as one that has failed, and the scheduler knows.
        let absent = NodeNews { changes: 1, believed_up: false, ..up };
        let news = |node| if world.faults.membership.starts_with(node) { up } else { absent };
        let delays = &world.delays;
        let late = world.starts_are_reported() || delays.join.is_some() || world.faults.replicas.is_some();
        News {
            delays,
            completions: streams.key(Purpose::CompletionDelay),
            detections: streams.key(Purpose::DetectionDelay),
            joins: streams.key(Purpose::JoinDelay),
            reports: Vec::new(),
            free: Vec::new(),
            nodes: if late { (0..world.nodes.len() as u32).map(news).collect() } else { Vec::new() },
        }
    }

    /// How long the end of this attempt takes to be known; `Some(None)` is no time at all, `None` a
    /// time that does not fit the clock.
    #[inline]
    pub(super) fn completion(
        &self,
        identity: impl FnOnce() -> u64,
        attempt: u32,
    ) -> Option<Option<Duration>> {
        let Some(delay) = &self.delays.completion else { return Some(None) };
        let mut stream = self.completions.stream2(identity(), u64::from(attempt));
        Duration::from_seconds(delay.sample(&mut stream)).map(Some)
    }

    /// Keeps a report until it arrives.
    pub(super) fn send(&mut self, report: Event) -> u32 {
        if let Some(index) = self.free.pop() {
            self.reports[index as usize] = report;
            return index;
        }
        self.reports.push(report);
        self.reports.len() as u32 - 1
    }

    /// The report that arrives.
    pub(super) fn receive(&mut self, index: u32) -> Event {
        self.free.push(index);
        self.reports[index as usize]
    }

    /// How often the node has failed or been repaired.
    #[inline]
    pub(super) fn changes(&self, node: u32) -> u32 {
        self.nodes.get(node as usize).map_or(0, |node| node.changes)
    }

    /// Whether the node is up, and of use, and has been since it had changed so often.
    #[inline]
    pub(super) fn has_stayed_up(&self, node: u32, changes: u32) -> bool {
        self.nodes.get(node as usize).is_none_or(|node| {
            // One that is repaired and has not joined yet takes nothing.
            node.changes == changes && changes.is_multiple_of(2) && node.joined == EventNumber::NONE
        })
    }

    /// When an attempt that is given up now really ended.
    pub(super) fn end_of_attempt(&self, now: Time, node: u32, changes: u32) -> Time {
        match self.nodes.get(node as usize) {
            Some(node) if node.changes != changes || !changes.is_multiple_of(2) => node.failed.min(now),
            _ => now,
        }
    }

    /// The node fails: what that means to the scheduler. `None` when a time does not fit the clock.
    pub(super) fn fails(&mut self, now: Time, node: u32) -> Option<Failure> {
        let Some(state) = self.nodes.get_mut(node as usize) else { return Some(Failure::KnownNow) };
        state.changes += 1;
        // Up again, but the scheduler has not heard of it: now it never will.
        state.joined = EventNumber::NONE;
        if !state.believed_up || state.lost != EventNumber::NONE {
            return Some(Failure::Nothing);
        }
        state.failed = now;
        if self.delays.heartbeats.is_some() {
            state.lost = UNNOTICED;
            return Some(Failure::Unnoticed);
        }
        let Some(delay) = &self.delays.detection else {
            state.believed_up = false;
            return Some(Failure::KnownNow);
        };
        let mut stream = self.detections.stream2(u64::from(node), u64::from(state.changes));
        Duration::from_seconds(delay.sample(&mut stream)).map(Failure::KnownAfter)
    }

    /// The node is repaired: how long until the scheduler can use it; `Some(None)` is no time at
    /// all, `None` a time that does not fit the clock.
    pub(super) fn recovers(&mut self, node: u32) -> Option<Option<Duration>> {
        let Some(state) = self.nodes.get_mut(node as usize) else { return Some(None) };
        state.changes += 1;
        let Some(delay) = &self.delays.join else { return Some(None) };
        let mut stream = self.joins.stream2(u64::from(node), u64::from(state.changes));
        Duration::from_seconds(delay.sample(&mut stream)).map(Some)
    }

    /// The node leaves the cluster: there is no news of it any more.
    pub(super) fn leaves(&mut self, node: u32) {
        let Some(state) = self.nodes.get_mut(node as usize) else { return };
        // As if it had failed.
        state.changes += u32::from(state.changes.is_multiple_of(2));
        (state.lost, state.joined) = (EventNumber::NONE, EventNumber::NONE);
        state.believed_up = false;
    }

    /// The event at which the scheduler will know of the node's failure.
    pub(super) fn will_be_lost(&mut self, node: u32, event: EventNumber) {
        self.nodes[node as usize].lost = event;
    }

    /// The event at which the scheduler will know of the node's repair.
    pub(super) fn will_join(&mut self, node: u32, event: EventNumber) {
        self.nodes[node as usize].joined = event;
    }

    /// Whether the scheduler learns of the failure by this event: not if it was overtaken.
    pub(super) fn is_lost(&mut self, node: u32, event: EventNumber) -> bool {
        let state = &mut self.nodes[node as usize];
        if state.lost != event {
            return false;
        }
        (state.lost, state.believed_up) = (EventNumber::NONE, false);
        true
    }

    /// Whether the scheduler learns of the repair by this event: not if it was overtaken.
    pub(super) fn is_joined(&self, node: u32, event: EventNumber) -> bool {
        self.nodes[node as usize].joined == event
    }

    /// The node joins. Gives whether the scheduler had missed its failure, and must hear of that
    /// first: a node that registers anew has lost all it ran.
    pub(super) fn joins(&mut self, node: u32) -> bool {
        let Some(state) = self.nodes.get_mut(node as usize) else { return false };
        let missed = state.lost != EventNumber::NONE;
        (state.lost, state.joined) = (EventNumber::NONE, EventNumber::NONE);
        state.believed_up = true;
        missed
    }
}

/// What the failure of a node means to the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It knows at once.
    KnownNow,
    /// It knows after this time.
    KnownAfter(Duration),
    /// It finds out by itself.
    Unnoticed,
    /// It knows no more than before: it believes the node down, or will soon.
    Nothing,
}
