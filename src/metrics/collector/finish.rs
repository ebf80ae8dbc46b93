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
        let nodes = self.finish_nodes(window, end);
        let mut metrics = self.metrics(window, &nodes);
        let there = nodes.iter().map(|node| u128::from(node.there.0)).sum();
        self.detection.write(&mut metrics, there, start, end);
        let classes = self
            .classes
            .iter()
            .map(|stats| {
                let mut row = MetricRow::default();
                stats.write(&mut row);
                row
            })
            .collect();
        let batches = self.batches.as_ref().map_or_else(Vec::new, |batches| batches.finish(&metrics));
        Collected {
            batches,
            metrics,
            classes,
            timeline: self.timeline.map(|timeline| timeline.finish(end)),
            window,
            nodes,
            held: self.held,
            alarms: self.troubles.alarms,
            incidents: self.recovery.map_or_else(Vec::new, |recovery| recovery.list()),
            histograms: [self.all.waits, self.all.responses, self.all.slowdown_histogram],
        }
    }

    fn finish_nodes(&mut self, window: Duration, end: Time) -> Vec<NodeResult> {
        // Nodes may have gone down after the last task was settled; nothing counts after `end`.
        if let Some(since) = self.serves_since {
            self.served.0 += end.since(since).0;
        }
        let up = |node: &NodeTally| Duration(node.up.0 + end.since(node.up_since).0);
        let there = |node: usize| match &self.members {
            Some(members) => members.there(node, end),
            None => window,
        };
        let result = |(at, node): (usize, &NodeTally)| NodeResult {
            busy: node.busy,
            up: up(node),
            there: there(at),
            tasks: u64::from(node.tasks),
            attempts_lost: u64::from(node.attempts_lost),
        };
        self.nodes.iter().enumerate().map(result).collect()
    }

    fn metrics(&self, window: Duration, nodes: &[NodeResult]) -> MetricRow {
        let mut row = MetricRow::default();
        self.all.write(&mut row);
        let seconds = window.as_seconds();
        row.set(Metric::Makespan, seconds);
        row.set(Metric::Throughput, self.all.completed as f64 / seconds);
        row.set(Metric::Goodput, self.all.in_time() as f64 / seconds);
        let slot_time = |time: fn(&NodeResult) -> Duration| -> u128 {
            let of_node = |(node, &slots): (&NodeResult, &u32)| u128::from(time(node).0) * u128::from(slots);
            nodes.iter().zip(&self.slots).map(of_node).sum()
        };
        let (up_slot_time, offered) = (slot_time(|node| node.up), slot_time(|node| node.there));
        let busy: u128 = nodes.iter().map(|node| u128::from(node.busy.0)).sum();
        row.set(Metric::Utilisation, busy as f64 / up_slot_time as f64);
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
        row.set(Metric::UsefulShare, 1.0 - self.wasted as f64 / busy as f64);
        row.set(Metric::Incidents, 0.0);
        if let Some(recovery) = &self.recovery {
            recovery.write(&mut row);
        }
        row.set(Metric::MeanQueueLength, self.waiting_area as f64 / window.0 as f64);
        row.set(Metric::MeanInSystem, self.system_area as f64 / window.0 as f64);
        row.set(Metric::MaxQueueLength, self.most_waiting as f64);
        self.troubles.write(&mut row);
        if let Some(jobs) = &self.jobs {
            jobs.write(&mut row);
        }
        if let Some(copies) = &self.copies {
            copies.write(&mut row);
        }
        if let Some(locks) = &self.locks {
            locks.write(&mut row);
        }
        if let Some(leaders) = &self.leaders {
            leaders.write(self.last_settled, window, &mut row);
        }
        if let Some(compensations) = &self.compensations {
            compensations.write(&mut row);
        }
        if let Some(breakers) = &self.breakers {
            breakers.write(self.last_settled, &mut row);
        }
        match &self.members {
            Some(members) => members.write(self.last_settled, &mut row),
            None => row.set(Metric::NodeTime, seconds * nodes.len() as f64),
        }
        let mut balance = Jain::default();
        // One that never came has no part in it.
        let came = |node: &NodeResult| self.members.is_none() || node.there > Duration::ZERO;
        for (node, &slots) in nodes.iter().zip(&self.slots).filter(|(node, _)| came(node)) {
            balance.add(node.busy.as_seconds() / f64::from(slots));
        }
        row.set(Metric::LoadImbalance, balance.coefficient_of_variation());
        row.set(Metric::JainFairness, balance.index());
        row
    }
}
