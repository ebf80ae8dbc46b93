//! Incidents: nodes that go down at one instant, or a leader that is lost, until all is as it was before.
//!
//! An incident ends when all of its nodes are back, or a leader is. It is recovered from once no more tasks
//! wait, too, than just before it began. Memory grows with what is down and, where the queue only grows,
//! with incidents that are not recovered from; the list of incidents is bounded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::collector::Collector;
use super::columns::{Metric, MetricRow};
use super::results::{IncidentKind, IncidentResult};
use crate::faults::Outage;
use crate::ids::NodeId;
use crate::scheduler::BreakerState;
use crate::time::{Duration, Time};

/// Incidents that are listed; of more, the largest. As many openings of breakers, the first.
pub const MOST_INCIDENTS: usize = 1000;

const NONE: u32 = u32::MAX;

/// An incident under way.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: Time,
    /// Tasks that waited just before.
    before: u64,
    /// How many of its nodes are down; 1 for a leader.
    out: u32,
    /// Its name in the list.
    id: u64,
}

/// An incident whose nodes are back, while more tasks wait than before: how many may wait for it to be
/// over, when it began, and its name in the list.
type Queued = (u64, Reverse<Time>, u64);

/// Incidents of a run, and how long it takes to recover from them.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    /// By node, the incident that took it down: a place in `open`.
    of_node: Vec<u32>,
    of_leader: u32,
    open: Vec<Open>,
    free: Vec<u32>,
    /// The last instant at which nodes went down, and the incident that began then.
    latest: (Time, u32),
    queued: BinaryHeap<Queued>,
    /// The first arrival: time counts from here.
    from: Time,
    count: u64,
    recovered: u64,
    total: u128,
    list: List,
}

impl Recovery {
    /// `planned` says when outages are planned to begin.
    pub(super) fn new(nodes: usize, planned: Planned) -> Self {
        Recovery {
            of_node: vec![NONE; nodes],
            of_leader: NONE,
            open: Vec::new(),
            free: Vec::new(),
            latest: (Time::NEVER, NONE),
            queued: BinaryHeap::new(),
            from: Time::ZERO,
            count: 0,
            recovered: 0,
            total: 0,
            list: List { planned, breaker: Vec::new(), next: 0, entries: Vec::new() },
        }
    }

    /// The first arrival: what is over by now does not count.
    fn begin(&mut self, now: Time) {
        self.from = now;
        self.count = (self.open.len() - self.free.len()) as u64;
        (self.recovered, self.total) = (0, 0);
        self.queued.clear();
        self.list.entries.retain(|(_, one)| one.end.is_none());
    }

    fn opens(&mut self, now: Time, before: u64, kind: IncidentKind) -> u32 {
        self.count += 1;
        let id = self.list.add(now, kind, None, before);
        let open = Open { start: now, before, out: 1, id };
        match self.free.pop() {
            Some(place) => {
                self.open[place as usize] = open;
                place
            }
            None => {
                self.open.push(open);
                self.open.len() as u32 - 1
            }
        }
    }

    fn node_down(&mut self, now: Time, node: NodeId, waiting: u64) {
        if self.of_node[node.index()] != NONE {
            return;
        }
        let place = match self.latest {
            (at, place) if at == now && place != NONE => {
                self.open[place as usize].out += 1;
                place
            }
            _ => self.opens(now, waiting, IncidentKind::Nodes),
        };
        self.latest = (now, place);
        self.of_node[node.index()] = place;
        if let Some(one) = self.list.get(self.open[place as usize].id) {
            one.node = if one.nodes == 0 { Some(node) } else { None };
            one.nodes += 1;
        }
    }

    /// One of its nodes is back, or a leader is.
    fn comes_back(&mut self, now: Time, place: u32, waiting: u64) {
        let open = &mut self.open[place as usize];
        open.out -= 1;
        if open.out > 0 {
            return;
        }
        let Open { start, before, id, .. } = *open;
        self.free.push(place);
        if self.latest.1 == place {
            self.latest.1 = NONE;
        }
        if let Some(one) = self.list.get(id) {
            one.end = Some(now);
        }
        if waiting <= before {
            self.is_over(now, start, id);
        } else {
            self.queued.push((before, Reverse(start), id));
        }
    }

    fn is_over(&mut self, now: Time, start: Time, id: u64) {
        self.recovered += 1;
        self.total += u128::from(now.since(start.max(self.from)).0);
        if let Some(one) = self.list.get(id) {
            one.recovered = Some(now);
        }
    }

    /// Only so many tasks wait now.
    fn queue_shrinks(&mut self, now: Time, waiting: u64) {
        while let Some(&(_, Reverse(start), id)) =
            self.queued.peek().filter(|(before, ..)| *before >= waiting)
        {
            self.queued.pop();
            self.is_over(now, start, id);
        }
    }

    /// The most tasks that may wait for another incident to be over, and one more; 0 when there is none.
    fn over_below(&self) -> u64 {
        self.queued.peek().map_or(0, |(before, ..)| before + 1)
    }

    /// Writes the figures.
    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::Incidents, self.count as f64);
        row.set(Metric::MeanTimeToRecover, self.total as f64 / 1e9 / self.recovered as f64);
    }

    /// The incidents in order of time.
    pub(super) fn list(self) -> Vec<IncidentResult> {
        self.list.finish()
    }
}

/// A list that keeps the largest.
#[derive(Clone, Debug)]
struct List {
    planned: Planned,
    /// By node, the name of the incident that its open breaker is; empty without any.
    breaker: Vec<u64>,
    next: u64,
    /// By name, in order.
    entries: Vec<(u64, IncidentResult)>,
}

impl List {
    fn add(&mut self, now: Time, kind: IncidentKind, node: Option<NodeId>, waiting: u64) -> u64 {
        if self.entries.len() >= 4 * MOST_INCIDENTS {
            self.keep_largest();
        }
        let planned = kind == IncidentKind::Nodes && self.planned.has(now);
        let nodes = u32::from(node.is_some());
        let one =
            IncidentResult { kind, planned, start: now, end: None, recovered: None, nodes, node, waiting };
        self.entries.push((self.next, one));
        self.next += 1;
        self.next - 1
    }

    /// Unless it was too small to be kept.
    fn get(&mut self, id: u64) -> Option<&mut IncidentResult> {
        let at = self.entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&mut self.entries[at].1)
    }

    /// Planned outages and lost leaders first, many nodes before few, early before late; of breakers the
    /// first.
    fn keep_largest(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        let is_breaker = |(_, one): &(u64, IncidentResult)| one.kind == IncidentKind::Breaker;
        let (mut breakers, mut others): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_breaker);
        let rank = |(id, one): &(u64, IncidentResult)| {
            Reverse((one.planned || one.kind == IncidentKind::Leader, one.nodes, Reverse(*id)))
        };
        others.sort_unstable_by_key(rank);
        others.truncate(MOST_INCIDENTS);
        breakers.truncate(MOST_INCIDENTS);
        others.append(&mut breakers);
        others.sort_unstable_by_key(|(id, _)| *id);
        self.entries = others;
    }

    fn breaker_changed(&mut self, now: Time, node: NodeId, nodes: usize, state: BreakerState, waiting: u64) {
        self.breaker.resize(nodes, u64::MAX);
        let known = self.breaker[node.index()];
        match state {
            BreakerState::Open if known == u64::MAX => {
                self.breaker[node.index()] = self.add(now, IncidentKind::Breaker, Some(node), waiting);
            }
            BreakerState::Closed => {
                self.breaker[node.index()] = u64::MAX;
                if let Some(one) = self.get(known) {
                    one.end = Some(now);
                }
            }
            BreakerState::Open | BreakerState::HalfOpen => {}
        }
    }

    fn finish(mut self) -> Vec<IncidentResult> {
        self.keep_largest();
        self.entries.into_iter().map(|(_, one)| one).collect()
    }
}

/// When outages are planned to begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Planned {
    /// In order.
    starts: Vec<Time>,
    /// How much later one may begin: real nodes are killed a moment after they should be.
    late: Duration,
}

impl Planned {
    pub(super) fn new(outages: &[Outage], late: Duration) -> Planned {
        let mut starts: Vec<Time> = outages.iter().map(|outage| outage.start).collect();
        starts.sort_unstable();
        starts.dedup();
        Planned { starts, late }
    }

    /// Whether what begins now was planned.
    fn has(&self, now: Time) -> bool {
        let before = self.starts.partition_point(|start| *start <= now);
        before.checked_sub(1).is_some_and(|last| now.since(self.starts[last]) <= self.late)
    }
}

impl Collector {
    /// These outages will happen: incidents that begin with one, or no later than `late` after it, are known
    /// to be planned.
    pub fn expect_outages(&mut self, outages: &[Outage], late: Duration) {
        self.planned = Planned::new(outages, late);
    }

    fn incidents(&mut self) -> &mut Recovery {
        let nodes = self.node_count();
        let planned = &mut self.planned;
        self.recovery.get_or_insert_with(|| Box::new(Recovery::new(nodes, std::mem::take(planned))))
    }

    pub(super) fn incidents_begin(&mut self, now: Time) {
        if let Some(recovery) = &mut self.recovery {
            recovery.begin(now);
            self.recovered_below = 0;
        }
    }

    /// A node is down, in truth or as the scheduler believes.
    #[cold]
    pub(super) fn incident_takes(&mut self, now: Time, node: NodeId) {
        let waiting = self.waiting;
        self.incidents().node_down(now, node, waiting);
    }

    /// A node is up.
    pub(super) fn incident_frees(&mut self, now: Time, node: NodeId) {
        let Some(recovery) = &mut self.recovery else { return };
        let place = std::mem::replace(&mut recovery.of_node[node.index()], NONE);
        if place != NONE {
            recovery.comes_back(now, place, self.waiting);
            self.recovered_below = recovery.over_below();
        }
    }

    pub(super) fn leader_goes(&mut self, now: Time) {
        let waiting = self.waiting;
        let recovery = self.incidents();
        recovery.of_leader = recovery.opens(now, waiting, IncidentKind::Leader);
    }

    pub(super) fn leader_comes(&mut self, now: Time) {
        let Some(recovery) = &mut self.recovery else { return };
        let place = std::mem::replace(&mut recovery.of_leader, NONE);
        if place != NONE {
            recovery.comes_back(now, place, self.waiting);
            self.recovered_below = recovery.over_below();
        }
    }

    #[cold]
    pub(super) fn breaker_incident(&mut self, now: Time, node: NodeId, state: BreakerState) {
        let (waiting, nodes) = (self.waiting, self.node_count());
        self.incidents().list.breaker_changed(now, node, nodes, state, waiting);
    }

    /// The queue is as short as before some incident.
    #[cold]
    #[inline(never)]
    pub(super) fn recovers(&mut self, now: Time) {
        if let Some(recovery) = &mut self.recovery {
            recovery.queue_shrinks(now, self.waiting);
            self.recovered_below = recovery.over_below();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(seconds * 1_000_000_000)
    }

    fn planned(start: Time) -> Planned {
        Planned { starts: vec![start], late: Duration::ZERO }
    }

    /// Real nodes go down a moment after they should.
    #[test]
    fn what_begins_a_little_late_is_still_as_planned() {
        let planned = Planned { starts: vec![at(10), at(20)], late: Duration(1_000_000_000) };
        let found: Vec<u64> = (8..24).filter(|second| planned.has(at(*second))).collect();
        assert_eq!(found, [10, 11, 20, 21]);
    }

    /// Two nodes at 10 with 3 waiting, back at 20 and 30; one at 15 with 5 waiting, back at 16. At 40 five
    /// wait, at 50 three.
    #[test]
    fn an_incident_is_over_when_its_nodes_are_back_and_the_queue_is_as_before() {
        let mut recovery = Recovery::new(4, planned(at(10)));
        recovery.node_down(at(10), NodeId(0), 3);
        recovery.node_down(at(10), NodeId(1), 4);
        recovery.node_down(at(15), NodeId(2), 5);
        recovery.node_down(at(15), NodeId(2), 5);
        recovery.comes_back(at(16), recovery.of_node[2], 8);
        recovery.comes_back(at(20), recovery.of_node[0], 9);
        assert_eq!((recovery.over_below(), recovery.count), (6, 2));
        recovery.comes_back(at(30), recovery.of_node[1], 9);
        recovery.queue_shrinks(at(40), 5);
        assert_eq!((recovery.over_below(), recovery.recovered), (4, 1));
        recovery.queue_shrinks(at(50), 3);
        assert_eq!((recovery.over_below(), recovery.recovered), (0, 2));
        let mut row = MetricRow::default();
        recovery.write(&mut row);
        assert_eq!(row.get(Metric::MeanTimeToRecover), Some((40.0 + 25.0) / 2.0));
        let list = recovery.list();
        let times = |one: &IncidentResult| (one.start, one.end, one.recovered, one.nodes, one.planned);
        assert_eq!(times(&list[0]), (at(10), Some(at(30)), Some(at(50)), 2, true));
        assert_eq!(times(&list[1]), (at(15), Some(at(16)), Some(at(40)), 1, false));
        assert_eq!((list[0].node, list[1].node, list[0].waiting), (None, Some(NodeId(2)), 3));
    }

    /// The list keeps what is planned, what is large and what is early, in order of time.
    #[test]
    fn the_largest_incidents_are_kept() {
        let mut recovery = Recovery::new(3, planned(at(4900)));
        for second in 0..5000 {
            recovery.node_down(at(second), NodeId(0), 0);
            if second % 1000 == 999 {
                recovery.node_down(at(second), NodeId(1), 0);
                recovery.comes_back(at(second), recovery.of_node[1], 0);
                recovery.of_node[1] = NONE;
            }
            recovery.comes_back(at(second), recovery.of_node[0], 0);
            recovery.of_node[0] = NONE;
        }
        assert_eq!((recovery.count, recovery.recovered), (5000, 5000));
        let list = recovery.list();
        assert_eq!(list.len(), MOST_INCIDENTS);
        assert!(list.is_sorted_by_key(|one| one.start));
        let large: Vec<Time> = list.iter().filter(|one| one.nodes == 2).map(|one| one.start).collect();
        assert_eq!(large, [at(999), at(1999), at(2999), at(3999), at(4999)]);
        assert!(list.iter().any(|one| one.planned && one.start == at(4900)));
        assert!(list[..990].iter().enumerate().all(|(second, one)| one.start == at(second as u64)));
    }
}
