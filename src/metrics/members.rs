//! How long nodes belonged to the cluster and what they cost, what moved when they left, how often they were
//! started and let go.

use super::columns::{Metric, MetricRow};
use crate::faults::Stay;
use crate::scheduler::Record;
use crate::structures::memory;
use crate::time::{Duration, Time};

/// Since when, if it holds, and for how long it held before.
#[derive(Clone, Copy, Debug)]
struct Span {
    since: Time,
    before: Duration,
}

impl Span {
    const NONE: Span = Span { since: Time::NEVER, before: Duration::ZERO };

    /// Time counts from here.
    fn begin(&mut self, now: Time) {
        let holds = self.since != Time::NEVER;
        *self = Span { since: if holds { now } else { Time::NEVER }, ..Span::NONE };
    }

    fn open(&mut self, now: Time) {
        self.since = self.since.min(now);
    }

    fn close(&mut self, now: Time) {
        self.before = self.until(now);
        self.since = Time::NEVER;
    }

    /// For how long it held until then; `since` of a time that has not come is nothing.
    fn until(&self, end: Time) -> Duration {
        Duration(self.before.0 + end.since(self.since).0)
    }
}

/// One node.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// It belonged to the cluster.
    there: Span,
    /// It was paid for: there, or booting.
    paid: Span,
}

/// What is kept where nodes come and go, or cost something.
#[derive(Clone, Debug)]
pub(super) struct MemberStats {
    members: Vec<Member>,
    /// By node, per second; empty when none is known.
    prices: Vec<f64>,
    /// Whether nodes come and go, whether an autoscaler asks for them, whether tasks have sizes.
    changes: bool,
    scales: bool,
    has_sizes: bool,
    moved: u64,
    moved_bytes: u128,
    scale_ups: u64,
    scale_downs: u64,
}

/// What of a world these figures depend on.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberOptions<'a> {
    /// When each node is there, as planned; empty when all are from the start to the end.
    pub stays: &'a [Stay],
    /// By node, what a second of it costs; empty when no node says.
    pub prices: &'a [f64],
    /// Whether an autoscaler asks for nodes.
    pub autoscales: bool,
    /// Whether tasks have sizes.
    pub sizes: bool,
}

impl MemberStats {
    /// Nothing where all of so many nodes are there all the time, and cost nothing.
    pub(super) fn new(nodes: usize, options: &MemberOptions<'_>) -> Option<Box<Self>> {
        let MemberOptions { stays, prices, autoscales, sizes } = *options;
        if stays.is_empty() && prices.is_empty() {
            return None;
        }
        let whole = Span { since: Time::ZERO, ..Span::NONE };
        let mut members = memory::filled(Member { there: whole, paid: whole }, nodes);
        for (member, _) in members.iter_mut().zip(stays).filter(|(_, stay)| stay.join != Time::ZERO) {
            *member = Member { there: Span::NONE, paid: Span::NONE };
        }
        Some(Box::new(MemberStats {
            members,
            prices: prices.to_vec(),
            changes: !stays.is_empty(),
            scales: autoscales,
            has_sizes: sizes,
            moved: 0,
            moved_bytes: 0,
            scale_ups: 0,
            scale_downs: 0,
        }))
    }

    /// The first arrival: time counts from here.
    pub(super) fn begin(&mut self, now: Time) {
        for member in &mut self.members {
            member.there.begin(now);
            member.paid.begin(now);
        }
    }

    #[cold]
    pub(super) fn on_record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::NodeEntered { node } => {
                let member = &mut self.members[node.index()];
                member.there.open(now);
                member.paid.open(now);
            }
            Record::NodeLeft { node } => {
                let member = &mut self.members[node.index()];
                member.there.close(now);
                member.paid.close(now);
            }
            Record::Scaled { node, up: true } => {
                self.scale_ups += 1;
                self.members[node.index()].paid.open(now);
            }
            Record::Scaled { up: false, .. } => self.scale_downs += 1,
            Record::Moved { size, .. } => {
                self.moved += 1;
                self.moved_bytes += u128::from(size.unwrap_or(0));
            }
            _ => {}
        }
    }

    /// How long a node belonged to the cluster, in a run that ends then.
    pub(super) fn there(&self, node: usize, end: Time) -> Duration {
        self.members[node].there.until(end)
    }

    /// The figures of a run that ends then.
    pub(super) fn write(&self, end: Time, row: &mut MetricRow) {
        let paid = |member: &Member| member.paid.until(end).as_seconds();
        row.set(Metric::NodeTime, self.members.iter().map(paid).sum());
        if !self.prices.is_empty() {
            let costs = self.members.iter().zip(&self.prices).map(|(member, price)| paid(member) * price);
            row.set(Metric::Cost, costs.sum());
        }
        if self.changes {
            row.set(Metric::MovedTasks, self.moved as f64);
        }
        if self.changes && self.has_sizes {
            row.set(Metric::MovedBytes, self.moved_bytes as f64);
        }
        if self.scales {
            row.set(Metric::ScaleUps, self.scale_ups as f64);
            row.set(Metric::ScaleDowns, self.scale_downs as f64);
        }
    }
}
