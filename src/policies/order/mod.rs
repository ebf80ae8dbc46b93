//! Orders: which waiting task goes next. One per file.

mod dominant_resource_fairness;
mod fair_share;
mod fifo;
mod groups;
mod lifo;
mod ljf;
mod priority;
mod random;
mod sjf;

pub use dominant_resource_fairness::DominantResourceFairness;
pub use fair_share::FairShare;
pub use fifo::Fifo;
pub use lifo::Lifo;
pub use ljf::Ljf;
pub use priority::Priority;
pub use random::RandomOrder;
pub use sjf::Sjf;

use super::spec::OrderSpec;
use crate::ids::NodeId;
use crate::random::{Purpose, Streams};
use crate::scheduler::{Cluster, Entry, Order, TaskView};
use crate::time::{Duration, Time};

/// Any built-in order. A `match` that the branch predictor learns at once costs about
/// 1 ns and saves a copy of the event loop for every combination of parts.
#[derive(Clone, Debug)]
pub enum AnyOrder {
    /// See [`Fifo`].
    Fifo(Fifo),
    /// See [`Lifo`].
    Lifo(Lifo),
    /// See [`RandomOrder`].
    Random(RandomOrder),
    /// See [`Sjf`].
    Sjf(Sjf),
    /// See [`Ljf`].
    Ljf(Ljf),
    /// See [`Priority`].
    Priority(Priority),
    /// See [`FairShare`].
    FairShare(FairShare),
    /// See [`DominantResourceFairness`].
    DominantResourceFairness(DominantResourceFairness),
}

impl AnyOrder {
    /// The order that a scenario names.
    pub fn new(spec: &OrderSpec, streams: Streams) -> Self {
        match spec {
            OrderSpec::Fifo => AnyOrder::Fifo(Fifo),
            OrderSpec::Lifo => AnyOrder::Lifo(Lifo),
            OrderSpec::Random => AnyOrder::Random(RandomOrder::new(streams.stream(Purpose::Order, 0))),
            OrderSpec::Sjf => AnyOrder::Sjf(Sjf),
            OrderSpec::Ljf => AnyOrder::Ljf(Ljf),
            OrderSpec::Priority => AnyOrder::Priority(Priority),
            OrderSpec::FairShare { over } => AnyOrder::FairShare(FairShare::new(*over)),
            OrderSpec::DominantResourceFairness { over } => {
                AnyOrder::DominantResourceFairness(DominantResourceFairness::new(*over))
            }
        }
    }
}

impl Order for AnyOrder {
    #[inline]
    fn key(&mut self, task: &TaskView<'_>, queue: u32, entry: Entry, now: Time) -> u64 {
        match self {
            AnyOrder::Fifo(order) => order.key(task, queue, entry, now),
            AnyOrder::Lifo(order) => order.key(task, queue, entry, now),
            AnyOrder::Random(order) => order.key(task, queue, entry, now),
            AnyOrder::Sjf(order) => order.key(task, queue, entry, now),
            AnyOrder::Ljf(order) => order.key(task, queue, entry, now),
            AnyOrder::Priority(order) => order.key(task, queue, entry, now),
            AnyOrder::FairShare(order) => order.key(task, queue, entry, now),
            AnyOrder::DominantResourceFairness(order) => order.key(task, queue, entry, now),
        }
    }

    #[inline]
    fn taken(&mut self, key: u64, queue: u32) {
        if let AnyOrder::Random(order) = self {
            order.taken(key, queue);
        }
    }

    #[inline]
    fn is_fifo(&self) -> bool {
        matches!(self, AnyOrder::Fifo(_))
    }

    #[inline]
    fn is_grouped(&self) -> bool {
        matches!(self, AnyOrder::FairShare(_) | AnyOrder::DominantResourceFairness(_))
    }

    fn first_group(&self) -> Option<u64> {
        match self {
            AnyOrder::FairShare(order) => order.first_group(),
            AnyOrder::DominantResourceFairness(order) => order.first_group(),
            _ => None,
        }
    }

    fn group_is_empty(&mut self, group: u64) {
        match self {
            AnyOrder::FairShare(order) => order.group_is_empty(group),
            AnyOrder::DominantResourceFairness(order) => order.group_is_empty(group),
            _ => {}
        }
    }

    fn watches_attempts(&self) -> bool {
        self.is_grouped()
    }

    fn started(&mut self, task: &TaskView<'_>, node: NodeId, cluster: &Cluster) {
        match self {
            AnyOrder::FairShare(order) => order.started(task, node, cluster),
            AnyOrder::DominantResourceFairness(order) => order.started(task, node, cluster),
            _ => {}
        }
    }

    fn ended(&mut self, task: &TaskView<'_>, node: NodeId, held: Duration, cluster: &Cluster) {
        match self {
            AnyOrder::FairShare(order) => order.ended(task, node, held, cluster),
            AnyOrder::DominantResourceFairness(order) => order.ended(task, node, held, cluster),
            _ => {}
        }
    }
}
