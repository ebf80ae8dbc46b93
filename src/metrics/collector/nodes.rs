//! Nodes come and go, in truth and as the scheduler believes.

use super::Collector;
use crate::ids::NodeId;
use crate::scheduler::Record;
use crate::time::Time;

impl Collector {
    pub(super) fn on_node_joined(&mut self, now: Time, node: usize) {
        self.nodes[node].up_since = now;
        self.detection.returned(now, node, self.first_arrival.unwrap_or(now));
        if let Some(failed) = self.failed.get_mut(node) {
            *failed = Time::NEVER;
        }
        self.nodes_up += 1;
        self.service_changes(now);
        self.incident_frees(now, NodeId(node as u32));
        if let Some(timeline) = &mut self.timeline {
            timeline.nodes_up(now, self.nodes_up);
        }
    }

    /// The scheduler believes that the node is down.
    pub(super) fn on_node_lost(&mut self, now: Time, node: usize) {
        let failed = self.failed.get(node).copied().filter(|failed| *failed != Time::NEVER);
        self.detection.lost(now, node, self.nodes.len(), failed);
        self.on_node_down(now, node);
    }

    /// Whether the node is down though the scheduler believes that it is up.
    pub(super) fn has_failed(&self, node: NodeId) -> bool {
        self.failed.get(node.index()).is_some_and(|failed| *failed != Time::NEVER)
    }

    fn on_node_down(&mut self, now: Time, node: usize) {
        if self.goes_down(now, node) {
            self.incident_takes(now, NodeId(node as u32));
        }
    }

    /// Takes note that the node is not up from now on; whether it was.
    fn goes_down(&mut self, now: Time, node: usize) -> bool {
        let tally = &mut self.nodes[node];
        if tally.up_since == Time::NEVER {
            return false;
        }
        tally.up.0 += now.since(tally.up_since).0;
        tally.up_since = Time::NEVER;
        self.nodes_up -= 1;
        self.service_changes(now);
        if let Some(timeline) = &mut self.timeline {
            timeline.nodes_up(now, self.nodes_up);
        }
        true
    }

    /// Nodes come and go, and tasks with them.
    #[cold]
    pub(super) fn on_member_record(&mut self, now: Time, record: &Record) {
        if let Record::NodeLeft { node: id } = *record {
            let node = id.index();
            // A node that leaves as planned is no incident, and one that was lost before is not waited for.
            self.goes_down(now, node);
            self.incident_frees(now, id);
            self.detection.left(now, node, self.first_arrival.unwrap_or(now));
            if let Some(failed) = self.failed.get_mut(node) {
                *failed = Time::NEVER;
            }
        }
        if let Record::NodeEntered { node } = *record {
            self.detection.entered(now, node.index(), self.nodes.len());
        }
        if let Some(members) = &mut self.members {
            members.on_record(now, record);
        }
    }

    /// The node went down, and the scheduler does not know.
    #[cold]
    pub(super) fn on_node_failed(&mut self, now: Time, node: usize) {
        self.failed.resize(self.nodes.len(), Time::NEVER);
        if self.nodes[node].up_since != Time::NEVER {
            self.failed[node] = now;
        }
        self.on_node_down(now, node);
    }
}
