//! Nodes: whether they take tasks, as far as the scheduler can know, and how much of them is taken.

use std::sync::Arc;

use super::{Broken, Rule, Verdict, reach};
use crate::ids::NodeId;
use crate::scheduler::{ClosedBy, Detector, NodeSpec, Resources, SchedulerConfig, TaskDetails};
use crate::time::{Duration, Time};

#[derive(Clone, Debug)]
struct Node {
    slots: u32,
    joined: bool,
    /// Whether it was written down that it is closed, and who said so, by what was handed in.
    closed: bool,
    wanted_closed: Vec<ClosedBy>,
    suspected: bool,
    /// When it joined or was heard of last.
    heard: Time,
    /// Attempts that run here, slots that they take, and amounts of named resources.
    running: u32,
    used: u64,
    amounts: Vec<u64>,
}

/// All nodes.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    nodes: Vec<Node>,
    resources: Arc<Resources>,
    /// By task, its row in the table of demands.
    demands: Vec<u32>,
    /// After how long a silence a node is suspected, and dead, where that is a fixed time.
    suspect_after: Option<Duration>,
    dead_after: Option<Duration>,
    /// Nodes that were lost in this step, and what was said of a node when it was handed in.
    lost: Vec<NodeId>,
    told: Option<(NodeId, bool)>,
}

impl Nodes {
    pub(super) fn new(nodes: &[NodeSpec], config: &SchedulerConfig) -> Nodes {
        let kinds = config.resources.names().len();
        let node = |spec: &NodeSpec| Node {
            slots: spec.slots,
            joined: false,
            closed: false,
            wanted_closed: Vec::new(),
            suspected: false,
            heard: Time::ZERO,
            running: 0,
            used: 0,
            amounts: vec![0; kinds],
        };
        let (suspect_after, dead_after) = match config.monitor.map(|plan| plan.detector) {
            Some(Detector::Timeout { suspect_after, dead_after }) => (suspect_after, Some(dead_after)),
            // What is learnt from heartbeats is not learnt here again.
            Some(Detector::PhiAccrual { .. }) | None => (None, None),
        };
        Nodes {
            nodes: nodes.iter().map(node).collect(),
            resources: config.resources.clone(),
            demands: Vec::new(),
            suspect_after,
            dead_after,
            lost: Vec::new(),
            told: None,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.nodes.len() as u64
    }

    fn node(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.index()]
    }

    pub(super) fn described(&mut self, details: &TaskDetails) {
        if !self.resources.is_empty() {
            *reach(&mut self.demands, details.number, 0) = details.demand;
        }
    }

    pub(super) fn told(&mut self, node: NodeId, up: bool) {
        self.told = Some((node, up));
    }

    pub(super) fn told_to_close(&mut self, node: NodeId, reason: ClosedBy) {
        let wanted = &mut self.node(node).wanted_closed;
        if !wanted.contains(&reason) {
            wanted.push(reason);
        }
    }

    pub(super) fn told_to_open(&mut self, node: NodeId, reason: ClosedBy) {
        self.node(node).wanted_closed.retain(|other| *other != reason);
    }

    pub(super) fn heard(&mut self, now: Time, node: NodeId) {
        let node = self.node(node);
        (node.heard, node.suspected) = (now, false);
    }

    pub(super) fn joins(&mut self, now: Time, node: NodeId) -> Verdict {
        let state = self.node(node);
        if state.joined {
            return Err(Broken::new(Rule::OpenNodes, "it joins though it is there").at_node(node));
        }
        (state.joined, state.suspected, state.heard) = (true, false, now);
        Ok(())
    }

    pub(super) fn is_lost(&mut self, node: NodeId) -> Verdict {
        let state = self.node(node);
        if !state.joined {
            return Err(Broken::new(Rule::OpenNodes, "it is lost though it was not there").at_node(node));
        }
        (state.joined, state.suspected) = (false, false);
        self.lost.push(node);
        Ok(())
    }

    /// It belongs to the cluster no longer.
    pub(super) fn leaves(&mut self, node: NodeId) -> Verdict {
        let state = self.node(node);
        if state.running > 0 {
            let what = format!("it leaves while {} attempts run there", state.running);
            return Err(Broken::new(Rule::OpenNodes, what).at_node(node));
        }
        state.wanted_closed.retain(|reason| *reason != ClosedBy::Drain);
        (state.joined, state.suspected, state.closed) = (false, false, !state.wanted_closed.is_empty());
        Ok(())
    }

    pub(super) fn closes(&mut self, node: NodeId) -> Verdict {
        self.node(node).closed = true;
        Ok(())
    }

    pub(super) fn opens(&mut self, node: NodeId) -> Verdict {
        let state = self.node(node);
        state.closed = false;
        if let Some(reason) = state.wanted_closed.first() {
            let what = format!("it opens though it is to be closed ({reason:?})");
            return Err(Broken::new(Rule::OpenNodes, what).at_node(node));
        }
        Ok(())
    }

    /// The scheduler suspects a node, or declares it dead: not before it has been silent for as long as that
    /// takes.
    pub(super) fn is_suspected(&mut self, now: Time, node: NodeId, dead: bool) -> Verdict {
        let after = if dead { self.dead_after } else { self.suspect_after };
        let state = self.node(node);
        state.suspected = true;
        let silent = now.since(state.heard);
        if after.is_some_and(|after| silent < after) {
            let what = format!("it is given up after {} s of silence, too soon", silent.as_seconds());
            return Err(Broken::new(Rule::OpenNodes, what).at_node(node));
        }
        Ok(())
    }

    /// An attempt of the task is sent to the node.
    pub(super) fn starts(&mut self, now: Time, task: u32, node: NodeId, slots: u32) -> Verdict {
        let (suspect_after, dead_after) = (self.suspect_after, self.dead_after);
        let demand = self.demands.get(task as usize).copied();
        let resources = self.resources.clone();
        let state = self.node(node);
        let silent = now.since(state.heard);
        let too_long = |after: Option<Duration>| after.is_some_and(|after| silent >= after);
        let why = if !state.joined {
            "is believed dead".to_string()
        } else if let Some(reason) = state.wanted_closed.first() {
            format!("is closed ({reason:?})")
        } else if state.closed {
            "is closed".to_string()
        } else if state.suspected || too_long(suspect_after) || too_long(dead_after) {
            format!("has been silent for {} s", silent.as_seconds())
        } else {
            String::new()
        };
        if !why.is_empty() {
            let what = format!("an attempt starts on a node that {why}");
            return Err(Broken::new(Rule::OpenNodes, what).of_task(task).at_node(node));
        }
        state.running += 1;
        state.used += u64::from(slots);
        let mut too_much = (state.used > u64::from(state.slots))
            .then(|| format!("{} slots are taken of {}", state.used, state.slots));
        if let Some(demand) = demand {
            let capacity = resources.capacity(node);
            for (kind, demanded) in resources.demand(demand).iter().enumerate() {
                state.amounts[kind] += demanded;
                if state.amounts[kind] > capacity[kind] {
                    let name = &resources.names()[kind];
                    too_much =
                        Some(format!("{} {name} are taken of {}", state.amounts[kind], capacity[kind]));
                }
            }
        }
        match too_much {
            Some(what) => Err(Broken::new(Rule::Capacity, what).of_task(task).at_node(node)),
            None => Ok(()),
        }
    }

    /// An attempt of the task takes nothing of the node any more.
    pub(super) fn ends(&mut self, task: u32, node: NodeId, slots: u32) {
        let demand = self.demands.get(task as usize).copied();
        let resources = self.resources.clone();
        let state = self.node(node);
        state.running -= 1;
        state.used -= u64::from(slots);
        if let Some(demand) = demand {
            for (amount, demanded) in state.amounts.iter_mut().zip(resources.demand(demand)) {
                *amount -= demanded;
            }
        }
    }

    pub(super) fn step_is_over(&mut self) -> Verdict {
        if let Some((node, up)) = self.told.take()
            && self.node(node).joined != up
        {
            let what = format!(
                "it is told that the node is {}, and does not believe it",
                if up { "up" } else { "down" }
            );
            return Err(Broken::new(Rule::OpenNodes, what).at_node(node));
        }
        while let Some(node) = self.lost.pop() {
            let state = self.node(node);
            // It may have joined again at once.
            if state.running > 0 && !state.joined {
                let what = format!("{} attempts still count on a node that is lost", state.running);
                return Err(Broken::new(Rule::OpenNodes, what).at_node(node));
            }
        }
        Ok(())
    }
}
