//! Orders: which waiting task goes next. One per file.

mod critical_path;
mod fifo;
mod lifo;
mod ljf;
mod priority;
mod random;
mod sjf;

pub use critical_path::CriticalPath;
pub use fifo::Fifo;
pub use lifo::Lifo;
pub use ljf::Ljf;
pub use priority::Priority;
pub use random::RandomOrder;
pub use sjf::Sjf;

use super::spec::OrderSpec;
use crate::random::{Purpose, Streams};
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Any built-in order. A `match` on six arms that the branch predictor learns at once costs about
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
    /// See [`CriticalPath`].
    CriticalPath(CriticalPath),
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
            OrderSpec::CriticalPath => AnyOrder::CriticalPath(CriticalPath),
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
            AnyOrder::CriticalPath(order) => order.key(task, queue, entry, now),
        }
    }

    fn reads_details(&self) -> bool {
        matches!(self, AnyOrder::CriticalPath(_))
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
}
