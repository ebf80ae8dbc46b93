//! The kinds of faults that a check draws: one row each.
//!
//! A fault hits some nodes or none, for a while or always, and may have a size: how slow, how often, how
//! late. The row says what it needs of the world, which may hold other drawn faults already; what sizes are
//! drawn, from the mildest on, towards which a fault shrinks; what it does to the world; and how it reads.

use super::draw::{Fault, Scale};
use crate::distribution::Distribution;
use crate::faults::{
    Affected, Disturbance, FailsWhen, FailurePoint, MessageLoss, NodeFaults, Outage, PlannedDisturbance,
    Replicas, Stay,
};
use crate::scheduler::{Detector, MonitorPlan};
use crate::time::{Duration, Time};
use crate::world::{Heartbeats, World};

/// Which nodes a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hits {
    /// None in particular.
    Nobody,
    /// One, some, or a zone.
    Some,
    /// One.
    One,
}

/// A kind of fault.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What it is called in counts: `outages`.
    pub(super) name: &'static str,
    pub(super) hits: Hits,
    /// Whether it begins and ends.
    pub(super) lasts: bool,
    /// The mildest and the worst size, drawn evenly by their logarithm; both alike when it has none.
    pub(super) sizes: fn(&Scale) -> (f64, f64),
    /// Whether it can be added.
    pub(super) allowed: fn(&World) -> bool,
    pub(super) apply: fn(&Fault, &mut World),
    /// What it is, after which nodes and when: `out`.
    pub(super) words: fn(&Fault) -> String,
}

/// All kinds.
pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "outages",
        hits: Hits::Some,
        lasts: true,
        sizes: none,
        allowed: always,
        apply: |fault, world| world.faults.outages.push(fault.outage()),
        words: |_| "out".to_string(),
    },
    Kind {
        name: "flapping nodes",
        hits: Hits::One,
        lasts: true,
        // The milder, the longer it is up in between: so few outages that they are quickly added.
        sizes: |scale| (scale.horizon / 10.0, scale.horizon / 100.0),
        allowed: always,
        apply: flap,
        words: |fault| {
            format!("out again and again, up for {} s in between, down for half of that", short(fault.size))
        },
    },
    Kind {
        name: "breakdowns by chance",
        hits: Hits::One,
        lasts: false,
        sizes: |scale| (scale.horizon.max(20.0 * scale.task), (scale.horizon / 20.0).max(20.0 * scale.task)),
        allowed: always,
        apply: |fault, world| break_down(fault, world, FailsWhen::Always),
        words: |fault| format!("breaks down by chance, every {} s on average", short(fault.size)),
    },
    Kind {
        name: "breakdowns of busy nodes",
        hits: Hits::One,
        lasts: false,
        sizes: |scale| (scale.horizon.max(20.0 * scale.task), (scale.horizon / 20.0).max(20.0 * scale.task)),
        allowed: always,
        apply: |fault, world| break_down(fault, world, FailsWhen::Busy),
        words: |fault| format!("breaks down by chance, every {} s of work on average", short(fault.size)),
    },
    Kind {
        name: "single repairers",
        hits: Hits::Nobody,
        lasts: false,
        sizes: none,
        allowed: |world| world.faults.repair_crew.is_none() && !world.faults.kinds.is_empty(),
        apply: |_, world| world.faults.repair_crew = Some(1),
        words: |_| "one node is repaired at a time".to_string(),
    },
    Kind {
        name: "nodes that join late",
        hits: Hits::Some,
        lasts: true,
        sizes: none,
        allowed: can_be_elastic,
        apply: |fault, world| {
            stay(fault, world, |stay, outage| stay.join = outage.end.min(Time(stay.leave.0 - 1)))
        },
        words: |_| "not there before the end of that".to_string(),
    },
    Kind {
        name: "nodes that leave",
        hits: Hits::One,
        lasts: true,
        sizes: none,
        // No more than one leaves, and where all are alike every task finds another.
        allowed: |world| {
            let leaves = |stay: &Stay| stay.leave != Time::NEVER;
            let one_left = world.faults.membership.stays.iter().any(leaves);
            can_be_elastic(world) && !one_left && world.nodes.len() > 1 && are_alike(world)
        },
        apply: |fault, world| {
            stay(fault, world, |stay, outage| {
                stay.leave = outage.end.max(Time(stay.join.0.saturating_add(1)))
            });
        },
        words: |_| "drained at the end of that, and gone for good".to_string(),
    },
    Kind {
        name: "slow nodes",
        hits: Hits::Some,
        lasts: true,
        sizes: |_| (1.1, 20.0),
        allowed: can_be_disturbed,
        apply: |fault, world| disturb(fault, world, Disturbance::Slow(fault.size)),
        words: |fault| format!("slower by a factor of {}", short(fault.size)),
    },
    Kind {
        name: "pauses",
        hits: Hits::Some,
        lasts: true,
        sizes: none,
        allowed: can_be_disturbed,
        apply: |fault, world| disturb(fault, world, Disturbance::Pause),
        words: |_| "frozen".to_string(),
    },
    Kind {
        name: "partitions",
        hits: Hits::Some,
        lasts: true,
        sizes: none,
        allowed: can_be_disturbed,
        apply: |fault, world| disturb(fault, world, Disturbance::Partition),
        words: |_| "cut off".to_string(),
    },
    Kind {
        name: "lossy networks",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |_| (0.01, 0.6),
        allowed: |world| can_be_disturbed(world) && world.faults.message_loss.is_none(),
        apply: |fault, world| {
            let resend_after = seconds(fault.scale.task / 4.0).max(Duration(1));
            world.faults.message_loss = Some(MessageLoss { probability: fault.size, resend_after });
        },
        words: |fault| format!("{} of all messages are lost, and sent again", share(fault.size)),
    },
    Kind {
        name: "heartbeats",
        hits: Hits::Nobody,
        lasts: false,
        sizes: heartbeat_gaps,
        allowed: can_be_monitored,
        apply: |fault, world| {
            let interval = seconds(fault.size).max(Duration(1));
            let (suspect_after, dead_after) = (Some(Duration(interval.0 * 2)), Duration(interval.0 * 4));
            monitor(world, interval, Detector::Timeout { suspect_after, dead_after });
        },
        words: |fault| {
            format!(
                "a heartbeat every {} s, suspected after two of them and dead after four",
                short(fault.size)
            )
        },
    },
    Kind {
        name: "hasty detectors",
        hits: Hits::Nobody,
        lasts: false,
        sizes: heartbeat_gaps,
        allowed: can_be_monitored,
        apply: |fault, world| {
            let interval = seconds(fault.size).max(Duration(2));
            let least_deviation = Duration(interval.0 / 10);
            let detector =
                Detector::PhiAccrual { suspicion: Some(0.5), threshold: 2.0, window: 5, least_deviation };
            monitor(world, interval, detector);
        },
        words: |fault| format!("a heartbeat every {} s on average, dead at a phi of 2", short(fault.size)),
    },
    Kind {
        name: "nodes that fail attempts",
        hits: Hits::Some,
        lasts: false,
        sizes: |_| (0.02, 0.9),
        allowed: always,
        apply: fail_attempts,
        words: |fault| format!("fails {} of its attempts", share(fault.size)),
    },
    Kind {
        name: "poison",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |_| (0.01, 0.5),
        // Poison that is tried for ever never settles.
        allowed: |world| world.retry.max_attempts.is_some() && world.faults.attempts.poison == 0.0,
        apply: |fault, world| world.faults.attempts.poison = fault.size,
        words: |fault| format!("{} of all tasks always fail", share(fault.size)),
    },
    Kind {
        name: "early failures",
        hits: Hits::Nobody,
        lasts: false,
        sizes: none,
        allowed: |world| world.faults.attempts.point == FailurePoint::End,
        apply: |_, world| world.faults.attempts.point = FailurePoint::Uniform,
        words: |_| "attempts that fail do so before their end".to_string(),
    },
    Kind {
        name: "leaders that fail",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |scale| (scale.horizon, scale.horizon / 20.0),
        allowed: |world| world.faults.replicas.is_none() && !world.is_disturbed(),
        apply: |fault, world| {
            world.faults.replicas = Some(Replicas {
                count: 2,
                up: Distribution::exponential(fault.size),
                down: Distribution::exponential(fault.size / 4.0),
                lease: seconds(fault.size / 50.0),
                election: Distribution::constant(fault.size / 100.0),
            });
        },
        words: |fault| format!("two schedulers, each fails every {} s on average", short(fault.size)),
    },
    Kind {
        name: "late starts",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |scale| (scale.task / 100.0, 2.0 * scale.task),
        allowed: |world| world.delays.dispatch.is_none(),
        apply: |fault, world| world.delays.dispatch = Some(Distribution::exponential(fault.size)),
        words: |fault| format!("starts are {} s late on average", short(fault.size)),
    },
    Kind {
        name: "late results",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |scale| (scale.task / 100.0, 2.0 * scale.task),
        allowed: |world| world.delays.completion.is_none(),
        apply: |fault, world| world.delays.completion = Some(Distribution::exponential(fault.size)),
        words: |fault| format!("results are {} s late on average", short(fault.size)),
    },
    Kind {
        name: "late detection",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |scale| (scale.task / 100.0, scale.horizon / 10.0),
        allowed: |world| world.delays.detection.is_none() && world.delays.heartbeats.is_none(),
        apply: |fault, world| world.delays.detection = Some(Distribution::exponential(fault.size)),
        words: |fault| format!("failures of nodes are known after {} s on average", short(fault.size)),
    },
    Kind {
        name: "late returns",
        hits: Hits::Nobody,
        lasts: false,
        sizes: |scale| (scale.task / 100.0, scale.horizon / 10.0),
        allowed: |world| world.delays.join.is_none(),
        apply: |fault, world| world.delays.join = Some(Distribution::exponential(fault.size)),
        words: |fault| format!("repaired nodes join after {} s on average", short(fault.size)),
    },
];

fn none(_: &Scale) -> (f64, f64) {
    (0.0, 0.0)
}

/// Heartbeats are no more frequent than tasks are short: a node that is wrongly declared dead after every few of
/// them would never do a long task that starts over each time.
fn heartbeat_gaps(scale: &Scale) -> (f64, f64) {
    ((scale.horizon / 20.0).max(2.0 * scale.task), (scale.horizon / 500.0).max(scale.task / 2.0))
}

fn always(_: &World) -> bool {
    true
}

/// Neither checkpoints nor leaders that fail go with nodes that are slow, pause or are cut off, nor nodes that
/// come and go.
fn can_be_disturbed(world: &World) -> bool {
    let comes_and_goes = world.autoscale.is_some() || !world.faults.membership.stays.is_empty();
    world.retry.checkpoint.is_none() && world.faults.replicas.is_none() && !comes_and_goes
}

/// Nodes that an autoscaler starts and lets go have no plan of their own.
fn can_be_elastic(world: &World) -> bool {
    world.autoscale.is_none() && !world.is_disturbed()
}

fn are_alike(world: &World) -> bool {
    world.resources.is_empty() && world.nodes.iter().all(|node| node.slots == world.nodes[0].slots)
}

/// Changes when nodes are there.
fn stay(fault: &Fault, world: &mut World, change: fn(&mut Stay, &Outage)) {
    let outage = fault.outage();
    let all = world.nodes.len();
    let stays = &mut world.faults.membership.stays;
    stays.resize(all, Stay::ALWAYS);
    for &node in &fault.nodes {
        change(&mut stays[node as usize], &outage);
    }
}

fn can_be_monitored(world: &World) -> bool {
    can_be_disturbed(world) && world.delays.heartbeats.is_none() && world.delays.detection.is_none()
}

fn monitor(world: &mut World, interval: Duration, detector: Detector) {
    let gaps = Distribution::exponential(interval.as_seconds());
    let gaps = match detector {
        Detector::Timeout { .. } => Distribution::constant(interval.as_seconds()),
        Detector::PhiAccrual { .. } => gaps,
    };
    world.delays.heartbeats = Some(Heartbeats { gaps, monitor: MonitorPlan { interval, detector } });
}

fn disturb(fault: &Fault, world: &mut World, what: Disturbance) {
    let Outage { nodes, start, end } = fault.outage();
    world.faults.disturbances.planned.push(PlannedDisturbance { nodes, start, end, what });
}

fn flap(fault: &Fault, world: &mut World) {
    let Outage { nodes, start, end } = fault.outage();
    let up = seconds(fault.size).max(Duration(2));
    let mut down = start;
    while down < end {
        let back = Time(down.0.saturating_add(up.0 / 2)).min(end);
        world.faults.outages.push(Outage { nodes: nodes.clone(), start: down, end: back });
        down = Time(back.0.saturating_add(up.0));
    }
}

/// Lets a node fail by chance that does not yet.
fn break_down(fault: &Fault, world: &mut World, fails: FailsWhen) {
    let up = Distribution::exponential(fault.size);
    let down = Distribution::exponential(fault.size / 10.0);
    let kind = world.faults.kinds.len() as u32;
    world.faults.kinds.push(NodeFaults { up, down, fails });
    for &node in &fault.nodes {
        let of_node = &mut world.faults.of_node[node as usize];
        *of_node = of_node.or(Some(kind));
    }
}

fn fail_attempts(fault: &Fault, world: &mut World) {
    let (nodes, all) = (&mut world.faults.attempts.nodes, world.nodes.len());
    nodes.resize(all, 0.0);
    for &node in &fault.nodes {
        let before = nodes[node as usize];
        nodes[node as usize] = 1.0 - (1.0 - before) * (1.0 - fault.size);
    }
}

impl Fault {
    /// As an outage: which nodes, from when to when.
    fn outage(&self) -> Outage {
        let time = |seconds: f64| Time::from_seconds(seconds).unwrap_or(Time::NEVER);
        Outage { nodes: Affected::Nodes(self.nodes.clone()), start: time(self.start), end: time(self.end) }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_seconds(seconds).unwrap_or(Duration::ZERO)
}

/// Three significant digits.
fn short(value: f64) -> String {
    let digits = if value > 0.0 { (2 - value.log10().floor() as i32).clamp(0, 12) as usize } else { 0 };
    format!("{value:.digits$}")
}

fn share(value: f64) -> String {
    format!("{} %", short(100.0 * value))
}
