//! The `[faults]` table: few repairers, and outages as planned; `disturbances.rs` has the rest.

use super::check::Cluster;
use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::disturbances::{self, MessageLossTable, PartitionTable, PauseTable, SlowTable};
use super::files::{self, FilePath};
use super::keys::{FailurePointWord, WorkloadTable};
use super::reader::{Found, Key, Reader, quoted};
use super::several::Several;
use super::trace;
use super::values::{Count, Fraction, Quantity, Seconds};
use super::words::Name;
use super::zones;
use crate::experiment::plan::{NodeGroup, ZonePlan};
use crate::faults::{Affected, AttemptFaults, FailurePoint, Faults, Outage};
use crate::time::Time;

table! {
    /// What breaks besides nodes that fail by chance.
    FaultsTable, "[faults]" {
        /// Nodes under repair at once; the others wait in the order in which they failed.
        repair_crew: Count;
        /// A CSV table of outages: columns start_s, end_s and node (a number from 0, or a name).
        outage_trace: FilePath;
        /// Outages as planned.
        outages: Several<OutageTable>;
        /// Nodes that are slow for a while.
        slow: Several<SlowTable>;
        /// Nodes that pause for a while.
        pauses: Several<PauseTable>;
        /// Nodes that are cut off from the scheduler for a while.
        partitions: Several<PartitionTable>;
        /// Messages between the scheduler and nodes that are lost on their way.
        message_loss: MessageLossTable;
    }
}

table! {
    /// Nodes that are out for a while, whatever else happens to them.
    OutageTable, "[[faults.outages]]" {
        /// One node, by name.
        node: Name;
        /// All nodes of a zone.
        zone: Name;
        /// So large a share of all nodes, drawn anew in every replication.
        share: Fraction;
        /// The instant they go down.
        start: Quantity<Seconds>;
        /// The instant they are back.
        end: Quantity<Seconds>;
    }
}

/// How attempts fail besides with the probability of their tasks, as [workload] says; what nodes add to
/// that is said of each group.
pub(super) fn of_attempts(workload: &WorkloadTable) -> Option<AttemptFaults> {
    let point = match workload.failure_point.value()? {
        FailurePointWord::End => FailurePoint::End,
        FailurePointWord::Uniform => FailurePoint::Uniform,
    };
    Some(AttemptFaults { nodes: Vec::new(), point, poison: workload.poison.value()?.0 })
}

/// What breaks, as far as it says.
pub(super) fn lower(
    key: &Key<FaultsTable>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Faults> {
    let table = key.value()?;
    let planned = disturbances::planned(table, cluster, zones, reader);
    let message_loss = disturbances::message_loss(&table.message_loss, reader);
    let mut faults = Faults { repair_crew: repair_crew(table, cluster, reader)?, ..Faults::default() };
    match &table.outages {
        Key::Broken => return None,
        Key::Found(list) => {
            let outages = list.value.items.iter().map(|found| outage(found, cluster, zones, reader));
            let outages: Vec<Option<Outage>> = outages.collect();
            if !list.value.complete {
                return None;
            }
            faults.outages = outages.into_iter().collect::<Option<_>>()?;
        }
        Key::Absent | Key::Default(_) => {}
    }
    match &table.outage_trace {
        Key::Broken => return None,
        Key::Found(path) => faults.outages.extend(from_file(path, &cluster?.groups, reader)?),
        Key::Absent | Key::Default(_) => {}
    }
    (faults.disturbances.planned, faults.message_loss) = (planned?, message_loss?);
    Some(faults)
}

/// `Some(None)` is no limit.
fn repair_crew(table: &FaultsTable, cluster: Option<&Cluster>, reader: &mut Reader) -> Option<Option<u32>> {
    let found = match &table.repair_crew {
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => return Some(None),
        Key::Found(found) => found,
    };
    if cluster.is_some_and(|cluster| cluster.groups.iter().all(|group| group.faults.is_none())) {
        let title = "`repair_crew` without nodes that fail";
        reader.report(
            Diagnostic::new(title, found.at, "has nothing to repair")
                .help("say how nodes fail with `up` and `down` in [[nodes]]; outages end as planned"),
        );
    }
    Some(Some(found.value.small()))
}

fn outage(
    found: &Found<OutageTable>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Outage> {
    let OutageTable { node, zone, share, start, end } = &found.value;
    let hit = Hit { at: found.at, node, zone, share, what: "an outage", nodes: "are out" };
    let nodes = affected(&hit, cluster, zones, reader);
    let (start, end) = span(&hit, start, end, OutageTable::SHOWN, reader)?;
    Some(Outage { nodes: nodes?, start, end })
}

/// What something that hits nodes for a while says of which.
pub(super) struct Hit<'a> {
    pub(super) at: Origin,
    pub(super) node: &'a Key<Name>,
    pub(super) zone: &'a Key<Name>,
    pub(super) share: &'a Key<Fraction>,
    /// How messages call it, and what they say of the nodes.
    pub(super) what: &'a str,
    pub(super) nodes: &'a str,
}

/// From when to when.
pub(super) fn span(
    hit: &Hit<'_>,
    start: &Key<Quantity<Seconds>>,
    end: &Key<Quantity<Seconds>>,
    shown: &str,
    reader: &mut Reader,
) -> Option<(Time, Time)> {
    for (key, name) in [(start, "start"), (end, "end")] {
        if key.is_silent() {
            reader.missing_key(hit.at, name, shown);
        }
    }
    let (from, to) = (start.value()?.0, end.value()?.0);
    if let (true, Some(given)) = (to <= from, end.found()) {
        let title = format!("{} ends after it starts", hit.what);
        let mut diagnostic = Diagnostic::new(title, given.at, "not after `start`");
        if let Some(start) = start.found() {
            diagnostic = diagnostic.context(start.at, "`start`");
        }
        reader.report(diagnostic);
    }
    Some((Time::from_seconds(from)?, Time::from_seconds(to)?))
}

pub(super) fn affected(
    hit: &Hit<'_>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Affected> {
    let Hit { node, zone, share, what, nodes, .. } = *hit;
    if node.is_broken() || zone.is_broken() || share.is_broken() {
        return None;
    }
    match (node.found(), zone.found(), share.found()) {
        (Some(node), None, None) => {
            let groups = &cluster?.groups;
            match node_of_name(groups, &node.value.0) {
                Some(number) => Some(Affected::Node(number)),
                None => unknown_node(node, groups, reader),
            }
        }
        (None, Some(zone), None) => {
            let number = zones::named(zone, zones?, reader)?;
            let nodes = nodes_of_zone(&cluster?.groups, &zones?.names[usize::from(number) - 1]);
            if nodes.is_empty() {
                let title = format!("no node stands in zone `{}`", zone.value.0);
                reader.report(Diagnostic::new(title, zone.at, format!("{what} of nothing")));
            }
            Some(Affected::Nodes(nodes))
        }
        (None, None, Some(share)) => {
            if share.value.0 == 0.0 {
                reader.report(Diagnostic::new(format!("{what} of no nodes"), share.at, "above 0, at most 1"));
            }
            Some(Affected::Share(share.value.0))
        }
        (None, None, None) => {
            let title = format!("{what} says which nodes {nodes}");
            reader.report(
                Diagnostic::new(title, hit.at, "none of `node`, `zone` and `share`")
                    .help("such as `node = \"node-3\"`, `zone = \"a\"` or `share = 0.25`"),
            );
            None
        }
        _ => {
            let title = format!("{what} says once which nodes {nodes}");
            reader.report(Diagnostic::new(title, hit.at, "more than one of `node`, `zone` and `share`"));
            None
        }
    }
}

/// The number of the node called so: the name of a group, and a number counted over all groups of
/// that name.
pub(super) fn node_of_name(groups: &[NodeGroup], name: &str) -> Option<u32> {
    let (group_name, number) = name.rsplit_once('-')?;
    let mut left: u32 = number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number)?;
    let mut first = 0;
    for group in groups {
        if group.name == group_name {
            match left.checked_sub(group.count) {
                None => return Some(first + left),
                Some(rest) => left = rest,
            }
        }
        first += group.count;
    }
    None
}

fn unknown_node<T>(node: &Found<Name>, groups: &[NodeGroup], reader: &mut Reader) -> Option<T> {
    // The first and the last of each group tell how nodes are called.
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for group in groups {
        match counts.iter_mut().find(|(name, _)| *name == group.name) {
            Some((_, count)) => *count += group.count,
            None => counts.push((&group.name, group.count)),
        }
    }
    let ends = counts.iter().take(5).flat_map(|(name, count)| match count {
        1 => vec![format!("{name}-0")],
        _ => vec![format!("{name}-0"), format!("{name}-{}", count - 1)],
    });
    let ends: Vec<String> = ends.collect();
    let names: Vec<&str> = ends.iter().map(String::as_str).collect();
    let title = format!("unknown node `{}`", super::reader::shortened(&node.value.0));
    reader.report(
        Diagnostic::new(title, node.at, "not a node")
            .help(format!("nodes are called after their group and counted from 0: {}", quoted(&names))),
    );
    None
}

fn nodes_of_zone(groups: &[NodeGroup], zone: &str) -> Vec<u32> {
    let mut first = 0;
    let mut nodes = Vec::new();
    for group in groups {
        if group.zone.as_deref() == Some(zone) {
            nodes.extend(first..first + group.count);
        }
        first += group.count;
    }
    nodes
}

fn from_file(path: &Found<FilePath>, groups: &[NodeGroup], reader: &mut Reader) -> Option<Vec<Outage>> {
    let bytes = files::content(path, reader)?;
    let nodes = groups.iter().map(|group| group.count).sum();
    match crate::faults::trace::read(&bytes, nodes, &|name| node_of_name(groups, name)) {
        Ok(outages) => Some(outages),
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| trace::report(path, mistake, reader));
            None
        }
    }
}
