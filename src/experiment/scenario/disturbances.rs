//! Nodes that are slow, pause or are cut off, messages that are lost, and heartbeats: how a scenario says
//! it, and the checked form.

use super::check::Cluster;
use super::declare::{choice, parameters, table};
use super::diagnostics::{Diagnostic, Origin};
use super::distributions::{self, DistributionTable};
use super::faults::{FaultsTable, Hit, affected, span};
use super::keys::{NodeTable, SchedulerTable};
use super::reader::{Found, Key, Reader};
use super::several::Several;
use super::values::{Fraction, Plain, Positive, Quantity, Seconds, Unit, Whole};
use super::words::Name;
use crate::experiment::plan::ZonePlan;
use crate::faults::{Disturbance, MessageLoss, PlannedDisturbance, RandomDisturbance};
use crate::scheduler::{Detector, MonitorPlan};
use crate::time::{Duration, Time};
use crate::world::Heartbeats;

table! {
    /// Nodes that are slow for a while.
    SlowTable, "[[faults.slow]]" {
        /// One node, by name.
        node: Name;
        /// All nodes of a zone.
        zone: Name;
        /// So large a share of all nodes, drawn anew in every replication.
        share: Fraction;
        /// When it begins.
        start: Quantity<Seconds>;
        /// When it is over.
        end: Quantity<Seconds>;
        /// Work takes so many times as long.
        factor: Positive<Plain>;
    }
}

table! {
    /// Nodes that pause for a while: nothing happens there, and nothing is heard of them.
    PauseTable, "[[faults.pauses]]" {
        /// One node, by name.
        node: Name;
        /// All nodes of a zone.
        zone: Name;
        /// So large a share of all nodes, drawn anew in every replication.
        share: Fraction;
        /// When it begins.
        start: Quantity<Seconds>;
        /// When it is over.
        end: Quantity<Seconds>;
    }
}

table! {
    /// Nodes that are cut off from the scheduler for a while: they work on, and no message gets through.
    PartitionTable, "[[faults.partitions]]" {
        /// One node, by name.
        node: Name;
        /// All nodes of a zone.
        zone: Name;
        /// So large a share of all nodes, drawn anew in every replication.
        share: Fraction;
        /// When it begins.
        start: Quantity<Seconds>;
        /// When it is over.
        end: Quantity<Seconds>;
    }
}

parameters! {
    /// Messages that are lost on their way.
    MessageLossTable, "`message_loss`" {
        /// Probability that a message is lost.
        probability: Fraction;
        /// Time after which a message that was lost is sent again; heartbeats are not.
        resend_after: Positive<Seconds>;
    }
}

parameters! {
    /// A node is slow again and again.
    RandomSlowTable, "`slow`" {
        /// Time from the end of one to the begin of the next.
        every: DistributionTable<Seconds>;
        /// How long it lasts.
        lasts: DistributionTable<Seconds>;
        /// Work takes so many times as long.
        factor: Positive<Plain>;
    }
}

parameters! {
    /// A node pauses, or is cut off, again and again.
    RandomSpanTable, "`pause` and `partition`" {
        /// Time from the end of one to the begin of the next.
        every: DistributionTable<Seconds>;
        /// How long it lasts.
        lasts: DistributionTable<Seconds>;
    }
}

table! {
    /// How the scheduler finds out by itself that nodes are dead.
    MonitorTable, "[scheduler.monitor]" {
        /// Time between two heartbeats of a node.
        heartbeat: DistributionTable<Seconds>;
        /// When a node that is silent is dead.
        detector: DetectorTable;
    }
}

choice! {
    /// When a node that is silent is dead.
    DetectorTable, "detector", {
        /// After a fixed time.
        Timeout "timeout": TimeoutTable;
        /// When its silence is too improbable, by the gaps between its last heartbeats.
        PhiAccrual "phi-accrual": PhiAccrualTable;
    }
}

table! {
    /// Dead after a fixed time.
    TimeoutTable, "`timeout`" {
        /// Silence after which a node gets no new tasks until it is heard of; never by default.
        suspect_after: Positive<Seconds>;
        /// Silence after which a node is dead.
        dead_after: Positive<Seconds>;
    }
}

table! {
    /// Dead when a heartbeat would come so late only with probability 10^-threshold.
    PhiAccrualTable, "`phi-accrual`" {
        /// Phi at which a node is dead.
        threshold: Positive<Plain> = Positive::new(8.0);
        /// Phi at which a node gets no new tasks until it is heard of; never by default.
        suspicion: Positive<Plain>;
        /// Gaps between heartbeats that are remembered.
        window: Whole<2, 10_000> = Whole(100);
        /// The standard deviation of gaps is taken as no less than this.
        least_deviation: Quantity<Seconds> = Quantity::new(0.1);
    }
}

/// What is planned, kind after kind.
pub(super) fn planned(
    table: &FaultsTable,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Vec<PlannedDisturbance>> {
    let mut planned = Some(Vec::new());
    let mut add = |disturbance: Option<PlannedDisturbance>| match (&mut planned, disturbance) {
        (Some(planned), Some(disturbance)) => planned.push(disturbance),
        (planned, _) => *planned = None,
    };
    for found in items(&table.slow, &mut add) {
        let SlowTable { node, zone, share, start, end, factor } = &found.value;
        let hit = Hit { at: found.at, node, zone, share, what: "slowness", nodes: "are slow" };
        if factor.is_silent() {
            reader.missing_key(found.at, "factor", SlowTable::SHOWN);
        }
        let what = factor.value().map(|factor| Disturbance::Slow(factor.0));
        add(one(&hit, (start, end), SlowTable::SHOWN, what, cluster, zones, reader));
    }
    for found in items(&table.pauses, &mut add) {
        let PauseTable { node, zone, share, start, end } = &found.value;
        let hit = Hit { at: found.at, node, zone, share, what: "a pause", nodes: "pause" };
        let what = Some(Disturbance::Pause);
        add(one(&hit, (start, end), PauseTable::SHOWN, what, cluster, zones, reader));
    }
    for found in items(&table.partitions, &mut add) {
        let PartitionTable { node, zone, share, start, end } = &found.value;
        let hit = Hit { at: found.at, node, zone, share, what: "a partition", nodes: "are cut off" };
        let what = Some(Disturbance::Partition);
        add(one(&hit, (start, end), PartitionTable::SHOWN, what, cluster, zones, reader));
    }
    planned
}

/// The entries of a list; one that is incomplete makes all of it so.
fn items<'a, T>(
    key: &'a Key<Several<T>>,
    add: &mut impl FnMut(Option<PlannedDisturbance>),
) -> &'a [Found<T>] {
    match key {
        Key::Broken => add(None),
        Key::Found(list) if !list.value.complete => add(None),
        _ => {}
    }
    key.value().map_or(&[], |list| &list.items)
}

fn one(
    hit: &Hit<'_>,
    (start, end): (&Key<Quantity<Seconds>>, &Key<Quantity<Seconds>>),
    shown: &str,
    what: Option<Disturbance>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<PlannedDisturbance> {
    let nodes = affected(hit, cluster, zones, reader);
    let (start, end): (Time, Time) = span(hit, start, end, shown, reader)?;
    Some(PlannedDisturbance { nodes: nodes?, start, end, what: what? })
}

/// What disturbs the nodes of a group by chance.
pub(super) fn by_chance(node: &NodeTable, reader: &mut Reader) -> Option<Vec<RandomDisturbance>> {
    let mut kinds = Vec::new();
    if let Some(found) = node.slow.found() {
        let RandomSlowTable { every, lasts, factor } = &found.value;
        let what = Disturbance::Slow(factor.value.0);
        kinds.push(again_and_again(every, lasts, what, reader));
    }
    for (key, what) in [(&node.pause, Disturbance::Pause), (&node.partition, Disturbance::Partition)] {
        if let Some(found) = key.found() {
            let RandomSpanTable { every, lasts } = &found.value;
            kinds.push(again_and_again(every, lasts, what, reader));
        }
    }
    let broken = node.slow.is_broken() || node.pause.is_broken() || node.partition.is_broken();
    if broken { None } else { kinds.into_iter().collect() }
}

fn again_and_again(
    every: &Found<DistributionTable<Seconds>>,
    lasts: &Found<DistributionTable<Seconds>>,
    what: Disturbance,
    reader: &mut Reader,
) -> Option<RandomDisturbance> {
    let every = distributions::lower_positive(every, "the time until it begins", reader);
    let lasts = distributions::lower(lasts, reader);
    Some(RandomDisturbance { every: every?, lasts: lasts?, what })
}

/// `Some(None)` is no loss.
pub(super) fn message_loss(key: &Key<MessageLossTable>, reader: &mut Reader) -> Option<Option<MessageLoss>> {
    let found = match key {
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => return Some(None),
        Key::Found(found) => found,
    };
    let MessageLossTable { probability, resend_after } = &found.value;
    if probability.value.0 == 1.0 {
        let title = "no message would ever arrive";
        reader.report(Diagnostic::new(title, probability.at, "must be below 1"));
        return None;
    }
    let resend_after = Duration::from_seconds(resend_after.value.0)?;
    let loss = MessageLoss { probability: probability.value.0, resend_after };
    Some((loss.probability > 0.0).then_some(loss))
}

/// `Some(None)` is no monitor: the scheduler is told.
pub(super) fn monitor(table: &SchedulerTable, reader: &mut Reader) -> Option<Option<Heartbeats>> {
    let found = match &table.monitor {
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => return Some(None),
        Key::Found(found) => found,
    };
    if let Some(delay) = table.detection_delay.found() {
        reader.report(
            Diagnostic::new("`detection_delay` does not go with a monitor", delay.key, "")
                .context(found.key, "finds failures by heartbeats")
                .help("keep one of them"),
        );
    }
    let MonitorTable { heartbeat, detector } = &found.value;
    for (silent, name) in [(heartbeat.is_silent(), "heartbeat"), (detector.is_silent(), "detector")] {
        if silent && !reader.was_meant(&format!("scheduler.monitor.{name}")) {
            reader.missing_key(found.at, name, MonitorTable::SHOWN);
        }
    }
    let (Some(heartbeat), Some(detector)) = (heartbeat.found(), detector.found()) else { return None };
    let gaps = distributions::lower_positive(heartbeat, "the time between heartbeats", reader)?;
    let mean = gaps.mean().and_then(Duration::from_seconds).filter(|mean| *mean > Duration::ZERO);
    let Some(interval) = mean else {
        let title = "the mean time between heartbeats must be above 0 and finite";
        reader.report(Diagnostic::new(title, heartbeat.at, "too extreme"));
        return None;
    };
    let detector = lower_detector(detector, heartbeat.at, interval, reader)?;
    Some(Some(Heartbeats { gaps, monitor: MonitorPlan { interval, detector } }))
}

fn lower_detector(
    detector: &Found<DetectorTable>,
    heartbeat: Origin,
    interval: Duration,
    reader: &mut Reader,
) -> Option<Detector> {
    match &detector.value {
        DetectorTable::Timeout(TimeoutTable { suspect_after, dead_after }) => {
            if dead_after.is_silent() && !reader.was_meant("scheduler.monitor.detector.timeout.dead_after") {
                reader.missing_key(detector.at, "dead_after", TimeoutTable::SHOWN);
            }
            let mut after = |key: &Key<Positive<Seconds>>| match key {
                Key::Broken => None,
                Key::Found(found) => {
                    let after = Duration::from_seconds(found.value.0)?;
                    let title = match std::ptr::eq(key, dead_after) {
                        true => "nodes would be declared dead between two heartbeats",
                        false => "nodes would be suspected between two heartbeats",
                    };
                    let label = format!("must be longer than {} s", interval.as_seconds());
                    if after <= interval {
                        reader.report(
                            Diagnostic::new(title, found.at, label)
                                .context(heartbeat, "the mean time between them")
                                .help("allow for some that are late or lost: several times the time between them"),
                        );
                    }
                    Some(Some(after))
                }
                Key::Absent | Key::Default(_) => Some(None),
            };
            let (suspect, dead) = (after(suspect_after), after(dead_after));
            before(suspect_after, dead_after, ("suspect_after", "dead_after"), reader);
            Some(Detector::Timeout { suspect_after: suspect?, dead_after: dead?? })
        }
        DetectorTable::PhiAccrual(table) => {
            for key in [&table.threshold, &table.suspicion] {
                if let Some(found) = key.found()
                    && !(0.31..=100.0).contains(&found.value.0)
                {
                    let title = "phi must be from 0.31 to 100";
                    let help = "at 0.3 half of all heartbeats would be too late; 8 is usual for dead nodes";
                    reader.report(Diagnostic::new(title, found.at, "out of range").help(help));
                }
            }
            before(&table.suspicion, &table.threshold, ("suspicion", "threshold"), reader);
            Some(Detector::PhiAccrual {
                suspicion: match &table.suspicion {
                    Key::Broken => return None,
                    key => key.value().map(|phi| phi.0),
                },
                threshold: table.threshold.value()?.0,
                window: table.window.value()?.small(),
                least_deviation: Duration::from_seconds(table.least_deviation.value()?.0)?,
            })
        }
    }
}

/// A node is suspected before it is dead, or never.
fn before<T: Unit>(
    suspected: &Key<Positive<T>>,
    dead: &Key<Positive<T>>,
    (earlier, later): (&str, &str),
    reader: &mut Reader,
) {
    if let (Some(found), Some(dead)) = (suspected.found(), dead.value())
        && found.value.0 >= dead.0
    {
        let title = format!("`{earlier}` must be below `{later}`");
        let label = format!("`{later}` is {}", dead.0);
        reader.report(
            Diagnostic::new(title, found.at, label).help("a node is suspected first, and then declared dead"),
        );
    }
}
