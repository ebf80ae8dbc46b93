//! Nodes of the plain simulator that fail, are repaired and have outages.

use falcon::faults::{Affected, FailsWhen};
use falcon::random::{Purpose, Streams, below};
use falcon::world::World;

use super::{Event, Plain, nanos};

/// The begins and ends of every node's outages: at every instant at which any begins or ends, whether the
/// node is out is asked anew.
pub(super) fn outages(world: &World, streams: Streams) -> Vec<(u64, bool, usize)> {
    let nodes = world.nodes.len();
    let mut spans: Vec<Vec<(u64, u64)>> = vec![Vec::new(); nodes];
    for (number, outage) in world.faults.outages.iter().enumerate() {
        let hit: Vec<usize> = match &outage.nodes {
            Affected::Node(node) => vec![*node as usize],
            Affected::Nodes(nodes) => nodes.iter().map(|node| *node as usize).collect(),
            Affected::Share(share) => {
                let count = ((share * nodes as f64).round() as usize).max(1);
                let mut stream = streams.stream(Purpose::Outage, number as u64);
                let mut all: Vec<usize> = (0..nodes).collect();
                let mut draw = |at| all.swap(at, at + below(&mut stream, (nodes - at) as u32) as usize);
                (0..count).for_each(&mut draw);
                all[..count].to_vec()
            }
        };
        hit.into_iter().for_each(|node| spans[node].push((outage.start.0, outage.end.0)));
    }
    let mut steps = Vec::new();
    for (node, spans) in spans.iter().enumerate() {
        let mut instants: Vec<u64> = spans.iter().flat_map(|(start, end)| [*start, *end]).collect();
        instants.sort_unstable();
        instants.dedup();
        let mut was_out = false;
        for at in instants {
            let out = spans.iter().any(|(start, end)| *start <= at && at < *end);
            if out != was_out {
                steps.push((at, out, node));
            }
            was_out = out;
        }
    }
    steps.sort_unstable();
    steps
}

impl Plain<'_> {
    pub(super) fn plan_outage(&mut self, step: usize) {
        if let Some(&(at, _, _)) = self.outages.get(step) {
            self.insert(at, Event::Outage(step));
        }
    }

    pub(super) fn outage_step(&mut self, step: usize) {
        self.plan_outage(step + 1);
        let (_, begins, node) = self.outages[step];
        self.nodes[node].out = begins;
        if !self.nodes[node].well {
            return;
        }
        if begins {
            if let Some(since) = self.nodes[node].busy_since.take() {
                self.nodes[node].up_left -= self.now - since;
                self.forget(Event::Node(node));
            }
            self.goes_down(node);
        } else {
            self.is_back(node);
        }
    }

    fn is_back(&mut self, node: usize) {
        self.nodes[node].up = true;
        self.joined = true;
    }

    /// The node's own clock says that it fails, or that its repair is done.
    pub(super) fn clock_strikes(&mut self, node: usize) {
        self.nodes[node].well = !self.nodes[node].well;
        if self.nodes[node].well {
            self.comes_up(node);
            if let Some(idle) = &mut self.idle_repairers {
                if self.repairs.is_empty() {
                    *idle += 1;
                } else {
                    let (next, length) = self.repairs.remove(0);
                    self.insert(self.now + length, Event::Node(next));
                }
            }
            if !self.nodes[node].out {
                self.is_back(node);
            }
            return;
        }
        let kind = self.world.faults.of_node[node].expect("a node that fails");
        let down = nanos(self.world.faults.kinds[kind as usize].down.sample(&mut self.nodes[node].downs));
        match &mut self.idle_repairers {
            Some(0) => self.repairs.push((node, down)),
            idle => {
                idle.iter_mut().for_each(|idle| *idle -= 1);
                self.insert(self.now + down, Event::Node(node));
            }
        }
        if !self.nodes[node].out {
            self.goes_down(node);
        }
    }

    pub(super) fn comes_up(&mut self, node: usize) {
        let Some(kind) = self.world.faults.of_node[node] else { return };
        let faults = &self.world.faults.kinds[kind as usize];
        let up = nanos(faults.up.sample(&mut self.nodes[node].ups));
        match faults.fails {
            FailsWhen::Always => self.insert(self.now + up, Event::Node(node)),
            FailsWhen::Busy => self.nodes[node].up_left = up,
        }
    }
}
