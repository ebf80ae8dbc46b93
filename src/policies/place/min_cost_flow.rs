//! Minimum-cost flow: assigns a window of waiting tasks to free slots all at once, as many as fit and
//! at the least total cost.
//!
//! Source: flow networks for scheduling; Isard and others (Quincy) 2009, Gog and others (Firmament)
//! 2016; the algorithm is in `structures/transport`. A task on a node costs the time it is expected to
//! take there and the way to its zone, less the time it has waited: long tasks go to fast nodes, and
//! when not all fit those that are short or have waited long go first. Under pull the first `window`
//! waiting tasks are assigned together, whoever arrived first; those of equal demand at a time, in the
//! order in which the demands come. Where tasks are not assigned together (with backfilling, or under
//! push) each takes the free node that costs least; under push, when none is free, the one with the
//! fewest tasks.
//!
//! Cost: O(a w g) per instant for a tasks that start, a window of w and g kinds of free nodes (of
//! equal speed, zone and free slots), a few times over; O(log n) per change of a node.
//! A bad idea when nodes are alike: every assignment then costs the same, and the oldest task may as
//! well go first.

use std::collections::BTreeMap;

use super::PlaceContext;
use super::when_full::WhenFull;
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Place, TaskView, Tasks, Zones};
use crate::structures::key_heaps::KeyHeaps;
use crate::structures::transport::Transport;
use crate::time::{Duration, Time};

const NONE: u32 = u32::MAX;

/// Nodes that cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Bits of the speed: positive numbers sort as their bits do.
    speed: u64,
    zone: u16,
    free: u32,
}

/// Waiting tasks and free slots matched at the least cost.
#[derive(Clone, Debug)]
pub struct MinCostFlow {
    window: u32,
    zones: Zones,
    speeds: Vec<u64>,
    /// By number of the kind.
    kinds: Vec<Kind>,
    kind_of: BTreeMap<Kind, u32>,
    /// By kind: its nodes, the first in front.
    nodes: KeyHeaps,
    /// By node: its kind, or `NONE` without free slots.
    filed: Vec<u32>,
    when_full: WhenFull,
    solver: Transport,
    /// What was assigned: slot of the task, and its node, if any.
    plan: Vec<(u32, Option<NodeId>)>,
    next: usize,
    /// Kept for their memory: indices of tasks of one demand, kinds that can take them, capacities.
    round: Vec<u32>,
    takers: Vec<u32>,
    capacities: Vec<u32>,
    demands: Vec<u32>,
}

impl MinCostFlow {
    /// Assigns up to `window` (at least 1) tasks together.
    pub fn new(window: u32, context: &PlaceContext<'_>) -> Self {
        MinCostFlow {
            window,
            zones: context.zones.clone(),
            speeds: context.nodes.iter().map(|node| node.speed.to_bits()).collect(),
            kinds: Vec::new(),
            kind_of: BTreeMap::new(),
            nodes: KeyHeaps::new(),
            filed: vec![NONE; context.nodes.len()],
            when_full: WhenFull::new(context),
            solver: Transport::default(),
            plan: Vec::new(),
            next: 0,
            round: Vec::new(),
            takers: Vec::new(),
            capacities: Vec::new(),
            demands: Vec::new(),
        }
    }

    fn file(&mut self, node: u32, free: u32) {
        let kind = Kind { speed: self.speeds[node as usize], zone: self.zones.of(NodeId(node)), free };
        let filed = match self.kind_of.get(&kind) {
            _ if free == 0 => NONE,
            Some(number) => *number,
            None => {
                let number = self.nodes.add();
                self.kinds.push(kind);
                self.kind_of.insert(kind, number);
                number
            }
        };
        if filed == self.filed[node as usize] {
            return;
        }
        self.filed[node as usize] = filed;
        match filed {
            NONE => self.nodes.take(node),
            kind => self.nodes.file(node, kind, u128::from(node)),
        }
    }

    /// Time to get to a node of this kind and to run there, in nanoseconds.
    fn time(&self, task: &TaskView<'_>, kind: Kind) -> i128 {
        let service = Duration::of_work(task.estimate(), f64::from_bits(kind.speed));
        i128::from(service.0) + i128::from(self.zones.latency(task.details().zone, kind.zone).0)
    }

    /// The free node that costs this task least, the first on a tie.
    fn cheapest(&self, task: &TaskView<'_>) -> Option<NodeId> {
        let with_room = self.kinds.iter().enumerate().filter(|(_, kind)| kind.free >= task.slots());
        let firsts = with_room.filter_map(|(number, kind)| {
            self.nodes.first(number as u32).map(|(_, node)| (self.time(task, *kind), NodeId(node)))
        });
        firsts.min().map(|(_, node)| node)
    }

    /// Assigns the tasks of the round, which all take `demand` slots, and claims their slots.
    fn assign(&mut self, now: Time, demand: u32, window: &[u32], tasks: &Tasks) {
        let mut takers = std::mem::take(&mut self.takers);
        takers.clear();
        let number_of = 0..self.kinds.len() as u32;
        takers
            .extend(number_of.filter(|&kind| {
                self.kinds[kind as usize].free >= demand && self.nodes.first(kind).is_some()
            }));
        // A node that is claimed in part becomes one with fewer free slots: those come first.
        takers.sort_unstable_by_key(|&kind| (self.kinds[kind as usize].free, kind));
        let fits = |kind: u32| self.kinds[kind as usize].free / demand;
        self.capacities.clear();
        let most = self.round.len();
        self.capacities.extend(takers.iter().map(|&kind| {
            (self.nodes.len(kind).min(most) as u64 * u64::from(fits(kind))).min(most as u64) as u32
        }));
        let mut solver = std::mem::take(&mut self.solver);
        let view = |item: usize| tasks.view(window[self.round[item] as usize]);
        let groups = solver.solve(self.round.len(), &self.capacities, |item, taker| {
            let task = view(item);
            self.time(&task, self.kinds[takers[taker] as usize]) - i128::from(now.since(task.arrival()).0)
        });
        for (taker, &kind) in takers.iter().enumerate() {
            let (mut node, mut left) = (0, 0);
            for item in (0..groups.len()).filter(|item| groups[*item] as usize == taker) {
                if left == 0 {
                    (_, node) = self.nodes.first(kind).expect("as many as there is room for");
                    left = self.kinds[kind as usize].free / demand;
                }
                left -= 1;
                let free = self.kinds[self.filed[node as usize] as usize].free;
                self.file(node, free - demand);
                self.plan[self.round[item] as usize].1 = Some(NodeId(node));
            }
        }
        (self.solver, self.takers) = (solver, takers);
    }
}

impl Place for MinCostFlow {
    #[inline]
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        if let Some((slot, node)) = self.plan.get(self.next).copied()
            && slot == task.slot()
        {
            self.next += 1;
            return node;
        }
        self.cheapest(task).or_else(|| self.when_full.choose(task, cluster))
    }

    fn window(&self) -> usize {
        self.window as usize
    }

    fn plan(&mut self, now: Time, window: &[u32], tasks: &Tasks) -> bool {
        self.plan.clear();
        self.next = 0;
        if self.kinds.iter().enumerate().all(|(kind, _)| self.nodes.first(kind as u32).is_none()) {
            return false;
        }
        self.plan.extend(window.iter().map(|&slot| (slot, None)));
        let mut demands = std::mem::take(&mut self.demands);
        demands.clear();
        for &slot in window {
            let demand = tasks.view(slot).slots();
            if !demands.contains(&demand) {
                demands.push(demand);
            }
        }
        for &demand in &demands {
            self.round.clear();
            let of_demand = (0..window.len()).filter(|&at| tasks.view(window[at]).slots() == demand);
            self.round.extend(of_demand.map(|at| at as u32));
            self.assign(now, demand, window, tasks);
        }
        self.demands = demands;
        let assigned = self.plan.iter().any(|(_, node)| node.is_some());
        if !assigned {
            // Nobody is asked for then, and who comes later must not be taken for one of these.
            self.plan.clear();
        }
        assigned
    }

    #[inline]
    fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.file(node.0, cluster.unclaimed(node));
        self.when_full.node_changed(node, cluster);
    }
}
