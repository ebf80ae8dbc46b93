//! What is told of incidents: nodes that are down, a scheduler without leader, breakers that are open, and
//! what is planned to disturb nodes. `incidents.csv`, and the rows for plots and the page.
//!
//! Of every policy the first replication is told of: outages as planned, failures of nodes and of leaders
//! are the same under all policies, so that one run stands for all.

use std::io::{self, Write};

use super::csv::{lines, node_names};
use super::number::{nine_decimals, significant};
use super::story::{PolicyStory, plural};
use crate::experiment::plan::Plan;
use crate::faults::{Affected, Disturbance};
use crate::metrics::{IncidentKind, IncidentResult, PolicyResult, ReplicationResult};
use crate::time::Time;

/// Columns of `incidents.csv`. Times are in seconds of the run; `end` is when what was lost was back,
/// `recovered` when, besides, no more tasks waited than just before, which is `waiting`.
pub const INCIDENTS: &[&str] =
    &["policy", "replication", "kind", "subject", "nodes", "start", "end", "recovered", "waiting"];

/// What kind of incident it is, as files say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nodes are out as planned.
    Outage,
    /// Nodes failed, or are believed to have.
    Failure,
    /// The scheduler has no leader.
    Leader,
    /// The circuit breaker of a node is open, or lets a few attempts through.
    Breaker,
    /// Nodes are slow, as planned.
    Slow,
    /// Nodes pause, as planned.
    Pause,
    /// Nodes are cut off from the scheduler, as planned.
    Partition,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Outage, Kind::Failure, Kind::Leader, Kind::Breaker, Kind::Slow, Kind::Pause, Kind::Partition];

    /// The word in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Outage => "outage",
            Kind::Failure => "failure",
            Kind::Leader => "leader",
            Kind::Breaker => "breaker",
            Kind::Slow => "slow",
            Kind::Pause => "pause",
            Kind::Partition => "partition",
        }
    }

    /// The kind with this word.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the scenario says when it is, so that it is the same in all replications.
    pub fn is_planned(self) -> bool {
        matches!(self, Kind::Outage | Kind::Slow | Kind::Pause | Kind::Partition)
    }
}

/// One incident, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Of which kind.
    pub kind: Kind,
    /// Whom it hits: a node, a zone, a number or share of nodes, the scheduler.
    pub subject: String,
    /// How many nodes.
    pub nodes: u32,
    /// When it begins.
    pub start: Time,
    /// When it ends, if that is within the run.
    pub end: Option<Time>,
    /// When, besides, no more tasks wait than just before.
    pub recovered: Option<Time>,
    /// Tasks that waited just before; not known of what is planned to disturb nodes.
    pub waiting: Option<u64>,
}

impl Incident {
    /// `zone east out`, `no leader`.
    pub fn words(&self) -> String {
        let subject = &self.subject;
        match self.kind {
            Kind::Outage => format!("{subject} out"),
            Kind::Failure => format!("{subject} down"),
            Kind::Leader => "no leader".to_string(),
            Kind::Breaker => format!("breaker of {subject} open"),
            Kind::Slow => format!("{subject} slow"),
            Kind::Pause if self.nodes == 1 || subject.starts_with("zone") => format!("{subject} pauses"),
            Kind::Pause => format!("{subject} pause"),
            Kind::Partition => format!("{subject} cut off"),
        }
    }
}

/// The incidents of each policy, in order of time.
pub fn incidents(plan: &Plan, results: &[PolicyResult]) -> Vec<Vec<Incident>> {
    let told = Told { plan, names: node_names(plan), zones: zones(plan) };
    let of_policy = |result: &PolicyResult| {
        let first = result.replications.iter().find(|one| one.replication == 0);
        first.map_or_else(Vec::new, |first| told.all(first))
    };
    results.iter().map(of_policy).collect()
}

/// The nodes of each zone, with its name.
fn zones(plan: &Plan) -> Vec<(String, Vec<u32>)> {
    let mut zones: Vec<(String, Vec<u32>)> = Vec::new();
    let mut from = 0;
    for group in &plan.groups {
        let nodes = from..from + group.count;
        from = nodes.end;
        let Some(name) = &group.zone else { continue };
        match zones.iter_mut().find(|(known, _)| known == name) {
            Some((_, all)) => all.extend(nodes),
            None => zones.push((name.clone(), nodes.collect())),
        }
    }
    zones
}

/// What names things have.
struct Told<'a> {
    plan: &'a Plan,
    names: Vec<(String, &'a str, u32)>,
    zones: Vec<(String, Vec<u32>)>,
}

impl Told<'_> {
    fn all(&self, run: &ReplicationResult) -> Vec<Incident> {
        let end = run
            .timeline
            .as_ref()
            .map_or(Time::NEVER, |timeline| timeline.start.checked_add(run.window).unwrap_or(Time::NEVER));
        let mut all: Vec<Incident> = run.incidents.iter().map(|one| self.of(one)).collect();
        let planned = self.plan.faults.disturbances.planned.iter();
        all.extend(planned.filter(|one| one.start < end).map(|one| Incident {
            kind: match one.what {
                Disturbance::Slow(_) => Kind::Slow,
                Disturbance::Pause => Kind::Pause,
                Disturbance::Partition => Kind::Partition,
            },
            subject: self.subject(&one.nodes),
            nodes: self.count(&one.nodes),
            start: one.start,
            end: Some(one.end).filter(|at| *at <= end),
            recovered: None,
            waiting: None,
        }));
        all.sort_by_key(|one| (one.start, one.kind));
        all
    }

    fn of(&self, one: &IncidentResult) -> Incident {
        let kind = match one.kind {
            IncidentKind::Nodes if one.planned => Kind::Outage,
            IncidentKind::Nodes => Kind::Failure,
            IncidentKind::Leader => Kind::Leader,
            IncidentKind::Breaker => Kind::Breaker,
        };
        let hit = || match one.node {
            Some(node) => self.names[node.index()].0.clone(),
            None => plural(u64::from(one.nodes), "node"),
        };
        let subject = match kind {
            Kind::Leader => "scheduler".to_string(),
            Kind::Outage => {
                let mut begun = self.plan.faults.outages.iter().filter(|outage| outage.start == one.start);
                match (begun.next(), begun.next()) {
                    (Some(only), None) => self.subject(&only.nodes),
                    _ => hit(),
                }
            }
            _ => hit(),
        };
        let &IncidentResult { start, end, recovered, nodes, waiting, .. } = one;
        Incident { kind, subject, nodes, start, end, recovered, waiting: Some(waiting) }
    }

    fn subject(&self, nodes: &Affected) -> String {
        match nodes {
            Affected::Node(node) => self.names[*node as usize].0.clone(),
            Affected::Share(share) => format!("{} % of the nodes", significant(share * 100.0, 3)),
            Affected::Nodes(all) => match self.zones.iter().find(|(_, nodes)| nodes == all) {
                Some((zone, _)) => format!("zone {zone}"),
                None => plural(all.len() as u64, "node"),
            },
        }
    }

    fn count(&self, nodes: &Affected) -> u32 {
        match nodes {
            Affected::Node(_) => 1,
            Affected::Nodes(all) => all.len() as u32,
            Affected::Share(share) => {
                let nodes = self.names.len() as f64;
                (share * nodes).round().clamp(1.0, nodes) as u32
            }
        }
    }
}

/// `incidents.csv`.
pub(super) fn write(out: &mut dyn Write, policies: &[PolicyStory]) -> io::Result<()> {
    let mut lines = lines(out, INCIDENTS)?;
    let time = |time: Time| nine_decimals(time.since(Time::ZERO));
    let maybe = |at: Option<Time>| at.map_or_else(String::new, time);
    for policy in policies {
        for one in &policy.incidents {
            lines.write_record([
                &policy.name,
                "0",
                one.kind.name(),
                &one.subject,
                &one.nodes.to_string(),
                &time(one.start),
                &maybe(one.end),
                &maybe(one.recovered),
                &one.waiting.map_or_else(String::new, |waiting| waiting.to_string()),
            ])?;
        }
    }
    lines.flush()
}

/// A time as [`write`] writes it, to the nanosecond.
pub(super) fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.')?;
    let (seconds, nanoseconds): (u64, u64) = (whole.parse().ok()?, fraction.parse().ok()?);
    if fraction.len() != 9 {
        return None;
    }
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds).map(Time)
}
