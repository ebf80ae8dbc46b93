//! What a collector has seen, as figures.

use super::{Collected, Collector, NodeTally};
use crate::metrics::columns::{Metric, MetricRow};
use crate::metrics::results::NodeResult;
use crate::metrics::task_stats::Jain;
use crate::time::{Duration, Time};

impl Collector {
    /// The figures, once every task is settled.
    pub fn finish(mut self) -> Collected {
        let start = self.first_arrival.unwrap_or(Time::ZERO);
        let end = self.last_settled.max(start);
        let window = end - start;
        let nodes = self.finish_nodes(end);
        let mut metrics = self.metrics(window, &nodes);
        self.detection.write(&mut metrics, nodes.len(), start, end);
        let classes = self
            .classes
            .iter()
            .map(|stats| {
                let mut row = MetricRow::default();
                stats.write(&mut row);
                row
            })
            .collect();
        Collected {
            metrics,
            classes,
            timeline: self.timeline.map(|timeline| timeline.finish(end)),
            window,
            nodes,
            held: self.held,
            alarms: self.troubles.alarms,
            histograms: [self.all.waits, self.all.responses, self.all.slowdown_histogram],
        }
    }

    fn finish_nodes(&mut self, end: Time) -> Vec<NodeResult> {
        // Nodes may have gone down after the last task was settled; nothing counts after `end`.
        if let Some(since) = self.serves_since {
            self.served.0 += end.since(since).0;
        }
        let up = |node: &NodeTally| Duration(node.up.0 + end.since(node.up_since).0);
        let result = |node: &NodeTally| NodeResult {
            busy: node.busy,
            up: up(node),
            tasks: u64::from(node.tasks),
            attempts_lost: u64::from(node.attempts_lost),
        };
        self.nodes.iter().map(result).collect()
    }

    fn metrics(&self, window: Duration, nodes: &[NodeResult]) -> MetricRow {
        let mut row = MetricRow::default();
        self.all.write(&mut row);
        let seconds = window.as_seconds();
        row.set(Metric::Makespan, seconds);
        row.set(Metric::Throughput, self.all.completed as f64 / seconds);
        let slots: u64 = self.slots.iter().map(|&slots| u64::from(slots)).sum();
        let up_slot_time: u128 = nodes
            .iter()
            .zip(&self.slots)
            .map(|(node, &slots)| u128::from(node.up.0) * u128::from(slots))
            .sum();
        let busy: u128 = nodes.iter().map(|node| u128::from(node.busy.0)).sum();
        row.set(Metric::Utilisation, busy as f64 / up_slot_time as f64);
        let offered = u128::from(window.0) * u128::from(slots);
        row.set(Metric::NodeAvailability, up_slot_time as f64 / offered as f64);
        row.set(Metric::ServiceAvailability, self.served.0 as f64 / window.0 as f64);
        row.set(Metric::Attempts, self.attempts as f64);
        row.set(Metric::Retries, self.retries as f64);
        row.set(Metric::AttemptsLost, self.attempts_lost as f64);
        row.set(Metric::Preemptions, self.preemptions as f64);
        row.set(Metric::StolenTasks, self.stolen as f64);
        row.set(Metric::StaleResults, self.refused as f64);
        row.set(Metric::DuplicateExecutions, self.in_vain as f64);
        row.set(Metric::WastedTime, self.wasted as f64 / 1e9);
        row.set(Metric::MeanQueueLength, self.waiting_area as f64 / window.0 as f64);
        row.set(Metric::MeanInSystem, self.system_area as f64 / window.0 as f64);
        row.set(Metric::MaxQueueLength, self.most_waiting as f64);
        self.troubles.write(&mut row);
        if let Some(jobs) = &self.jobs {
            jobs.write(&mut row);
        }
        if let Some(locks) = &self.locks {
            locks.write(&mut row);
        }
        if let Some(leaders) = &self.leaders {
            leaders.write(self.last_settled, window, &mut row);
        }
        if let Some(breakers) = &self.breakers {
            breakers.write(self.last_settled, &mut row);
        }
        let mut balance = Jain::default();
        for (node, &slots) in nodes.iter().zip(&self.slots) {
            balance.add(node.busy.as_seconds() / f64::from(slots));
        }
        row.set(Metric::LoadImbalance, balance.coefficient_of_variation());
        row.set(Metric::JainFairness, balance.index());
        row
    }
}
