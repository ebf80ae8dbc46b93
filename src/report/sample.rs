//! Made-up results for tests: plausible shapes, no simulation.

use crate::distribution::Distribution;
use crate::experiment::plan::{NodeGroup, Plan, RunPlan, ZonePlan};
use crate::faults::{FailsWhen, Faults, NodeFaults};
use crate::ids::NodeId;
use crate::metrics::{
    FinalState, IncidentKind, IncidentResult, Metric, MetricRow, NodeResult, PolicyResult, ReplicationResult,
    TailDistribution, TaskResult, Timeline, TimelineRow,
};
use crate::policies::registry::preset;
use crate::policies::spec::PolicySpec;
use crate::scheduler::retry::RetryPlan;
use crate::time::{Duration, Time};
use crate::workload::{Arrivals, ClassDetails, EstimateSpec, TaskClass, Workload};
use crate::world::Delays;

/// How a made-up run is to look.
pub(super) struct Sample {
    /// Names of the policies.
    pub(super) policies: Vec<&'static str>,
    /// Replications.
    pub(super) replications: u32,
    /// Tasks.
    pub(super) tasks: u32,
    /// Whether nodes fail.
    pub(super) faults: bool,
    /// Names of classes.
    pub(super) classes: Vec<&'static str>,
    /// Nodes.
    pub(super) nodes: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Sample {
            policies: vec!["sjf", "power-of-two", "least-loaded", "round-robin", "random"],
            replications: 20,
            tasks: 100_000,
            faults: false,
            classes: vec![],
            nodes: 16,
        }
    }
}

/// Mean wait and p99 response of the policies people know.
const LEVELS: [(f64, f64); 5] = [(0.412, 14.2), (0.623, 7.1), (0.701, 7.92), (1.94, 13.5), (3.301, 19.4)];

/// A number in [-1, 1] that depends on these only.
fn noise(a: u64, b: u64, c: u64) -> f64 {
    let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ b.wrapping_mul(0xBF58_476D_1CE4_E5B9)
        ^ c.wrapping_mul(0x94D0_49BB_1331_11EB);
    for _ in 0..3 {
        x ^= x >> 31;
        x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
}

impl Sample {
    pub(super) fn plan(&self) -> Plan {
        let faults = self.faults.then_some(NodeFaults {
            up: Distribution::Exponential { mean: 1000.0 },
            down: Distribution::Exponential { mean: 10.0 },
            fails: FailsWhen::Always,
        });
        let group = |name: &str, count, faults| NodeGroup {
            name: name.to_string(),
            count,
            slots: 1,
            speed: 1.0,
            weight: 1.0,
            zone: None,
            queue_limit: None,
            failure_probability: 0.0,
            faults,
            disturbances: Vec::new(),
            stay: Default::default(),
            price: None,
        };
        let class = |name: &str, share| TaskClass {
            name: name.to_string(),
            share,
            duration: Distribution::Exponential { mean: 1.0 },
            priority: Distribution::Constant { value: 0.0 },
            slots: 1,
            failure_probability: 0.01,
            estimate: EstimateSpec::Exact,
            details: ClassDetails::default(),
        };
        let classes = match &self.classes[..] {
            [] => vec![class("", 1.0)],
            names => names.iter().map(|name| class(name, 1.0 / names.len() as f64)).collect(),
        };
        let policy = |name: &&str| PolicySpec { name: name.to_string(), ..preset("fifo").expect("a preset") };
        Plan {
            name: "baseline".to_string(),
            description: format!(
                "which policy keeps waits short on {} equal nodes at 80 % load?",
                self.nodes
            ),
            run: RunPlan { replications: self.replications, ..RunPlan::default() },
            resources: std::sync::Arc::default(),
            groups: vec![group("node", self.nodes, faults)],
            faults: Faults::default(),
            zones: ZonePlan::default(),
            workload: Workload::Generated {
                tasks: self.tasks,
                arrivals: Arrivals::Poisson { rate: 0.8 * f64::from(self.nodes) },
                classes,
                jobs: None,
                spawn: None,
            },
            retry: RetryPlan::default(),
            queue_limit: None,
            guards: Default::default(),
            alarms: crate::scheduler::AlarmPlan::default(),
            elastic: Default::default(),
            delays: Delays::default(),
            policies: self.policies.iter().map(policy).collect(),
        }
    }

    pub(super) fn results(&self) -> Vec<PolicyResult> {
        let policy = |(index, name): (usize, &&str)| PolicyResult {
            policy: name.to_string(),
            replications: (0..self.replications).map(|number| self.replication(index, number)).collect(),
            tails: ["wait", "response"].map(|metric| self.tail(index, metric)).to_vec(),
        };
        self.policies.iter().enumerate().map(policy).collect()
    }

    fn level(&self, policy: usize) -> (f64, f64) {
        let (wait, response) = LEVELS[policy % LEVELS.len()];
        let factor = 1.0 + (policy / LEVELS.len()) as f64 * 0.37;
        (wait * factor, response * factor)
    }

    fn replication(&self, policy: usize, number: u32) -> ReplicationResult {
        let (wait, response) = self.level(policy);
        let seed = u64::from(number);
        let world = noise(seed, 1, 0);
        let own = |salt| noise(seed, policy as u64 + 10, salt);
        let mut metrics = MetricRow::default();
        let rate = 0.8 * f64::from(self.nodes);
        let makespan = f64::from(self.tasks) / rate * (1.0 + 0.004 * world + 0.002 * wait + 0.001 * own(1));
        let mean_wait = wait * (1.0 + 0.08 * world + 0.03 * own(2));
        for (metric, value) in [
            (Metric::Makespan, makespan),
            (Metric::Throughput, f64::from(self.tasks) / makespan),
            (Metric::MeanWait, mean_wait),
            (Metric::P99Response, response * (1.0 + 0.1 * world + 0.08 * own(3))),
            (Metric::MeanResponse, mean_wait + 1.0),
            (Metric::Utilisation, 0.7943 - 0.002 * wait + 0.004 * world),
            (Metric::NodeAvailability, if self.faults { 0.99 + 0.002 * world } else { 1.0 }),
            (Metric::Submitted, f64::from(self.tasks)),
            (Metric::Completed, f64::from(self.tasks)),
            (Metric::MeanQueueLength, rate * mean_wait),
            (Metric::LoadImbalance, 0.01 * (1.0 + wait) * (1.0 + 0.1 * own(4))),
        ] {
            metrics.set(metric, value);
        }
        ReplicationResult {
            replication: number,
            seed: 1 + seed,
            classes: self.classes.iter().map(|_| metrics.clone()).collect(),
            timeline: Some(self.timeline(policy, seed, makespan)),
            window: Duration((makespan * 1e9) as u64),
            alarms: Vec::new(),
            incidents: if self.faults && number == 0 { self.incidents(policy, makespan) } else { Vec::new() },
            nodes: self.node_results(policy, seed, makespan),
            held: Vec::new(),
            tasks: tasks(self.tasks.min(3)),
            events: 2 * u64::from(self.tasks),
            metrics,
        }
    }

    /// An outage of four nodes from bucket 60 to 80, single failures, lost leaders and open breakers.
    fn incidents(&self, policy: usize, makespan: f64) -> Vec<IncidentResult> {
        let at = |share: f64| Time((makespan * share * 1e9) as u64);
        let one = |kind, from: f64, length: f64, nodes, node: Option<u32>| IncidentResult {
            kind,
            planned: false,
            start: at(from),
            end: Some(at(from + length)).filter(|_| from + length < 1.0),
            recovered: (from + 2.0 * length < 1.0).then(|| at(from + 2.0 * length)),
            nodes,
            node: node.map(|node| NodeId(node % self.nodes)),
            waiting: policy as u64,
        };
        let outage = one(IncidentKind::Nodes, 0.3, 0.1, 4, None);
        let mut all = vec![IncidentResult { planned: true, ..outage }];
        for (number, share) in (0..20u32).map(|number| (number, f64::from(number) / 20.0)) {
            all.push(one(IncidentKind::Nodes, share, 0.004, 1, Some(number)));
            all.push(one(IncidentKind::Leader, share + 0.02, 0.001, 0, None));
            all.push(one(IncidentKind::Breaker, share + 0.03, 0.03, 1, Some(number + 1)));
        }
        all.sort_by_key(|one| one.start);
        all
    }

    fn timeline(&self, policy: usize, seed: u64, makespan: f64) -> Timeline {
        let (wait, _) = self.level(policy);
        let width = makespan / 200.0;
        let per_bucket = f64::from(self.tasks) / 200.0;
        let row = |bucket: u64| {
            let wobble = noise(seed, policy as u64, bucket);
            let shared = noise(seed, 99, bucket / 5);
            let outage = self.faults && (60..80).contains(&bucket);
            let rise = 1.0 - (-(bucket as f64) / 8.0).exp();
            let share = if outage { 1.0 - 0.1 * wait } else { 1.0 };
            TimelineRow {
                arrived: per_bucket as u64,
                completed: (per_bucket * share.max(0.2) * (1.0 + 0.06 * wobble)).round() as u64,
                failed: 0,
                queue_length: (13.0 * wait * rise * (1.0 + 0.4 * shared + 0.2 * wobble)).max(0.0).round()
                    as u64,
                running: u64::from(self.nodes) * 8 / 10,
                nodes_up: u64::from(self.nodes)
                    - if outage { 4 } else { u64::from(self.faults && shared > 0.6) },
            }
        };
        Timeline {
            start: Time(0),
            width: Duration((width * 1e9) as u64 + 1),
            rows: (0..200).map(row).collect(),
        }
    }

    fn node_results(&self, policy: usize, seed: u64, makespan: f64) -> Vec<NodeResult> {
        let (wait, _) = self.level(policy);
        let node = |node: u32| {
            let share =
                0.79 + 0.02 * wait * noise(policy as u64, 7, u64::from(node)) + 0.002 * noise(seed, 8, 0);
            let up = makespan * if self.faults { 0.99 } else { 1.0 };
            NodeResult {
                busy: Duration((up * share * 1e9) as u64),
                up: Duration((up * 1e9) as u64),
                there: Duration((makespan * 1e9) as u64),
                tasks: u64::from(self.tasks / self.nodes),
                attempts_lost: u64::from(self.faults),
            }
        };
        (0..self.nodes).map(node).collect()
    }

    fn tail(&self, policy: usize, metric: &'static str) -> TailDistribution {
        let (wait, response) = self.level(policy);
        let total = f64::from(self.tasks) * f64::from(self.replications);
        let points = (0..200).map(|number| {
            let value = 0.001 * 1.08f64.powi(number);
            let scale = if metric == "wait" { wait } else { response / 4.6 };
            let waited = if metric == "wait" { 0.7 } else { 1.0 };
            // One policy has a heavy tail.
            let share = if policy == 0 {
                waited / (1.0 + value / scale).powf(1.6)
            } else {
                waited * (-value / scale).exp()
            };
            (value, share)
        });
        let enough = |share: &f64| share * total >= 10.0;
        TailDistribution { metric, points: points.filter(|(_, share)| enough(share)).collect() }
    }
}

fn tasks(count: u32) -> Vec<TaskResult> {
    let task = |task| TaskResult {
        task,
        class: 0,
        arrival: Time(u64::from(task) * 1_500_000_000),
        first_start: (task != 1).then(|| Time(u64::from(task) * 1_500_000_000 + 1)),
        settled: Time(9_000_000_000),
        state: if task == 1 { FinalState::Error } else { FinalState::Completed },
        attempts: 1,
        node: (task != 1).then_some(0),
        work: 1_000_000_000,
        service: Duration(1_000_000_000),
    };
    (0..count).map(task).collect()
}
