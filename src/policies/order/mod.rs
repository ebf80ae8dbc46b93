//! Orders: which waiting task goes next. One per file.

mod critical_path;
mod dominant_resource_fairness;
mod edf;
mod f1;
mod f2;
mod f3;
mod f4;
mod failure_first;
mod fair_share;
mod fifo;
mod groups;
mod least_attained_service;
mod lifo;
mod ljf;
pub mod mlfq;
mod priority;
mod random;
pub mod score;
mod sjf;
mod srtf;
mod time_slice;
mod unicep;
mod wfp3;

pub use critical_path::CriticalPath;
pub use dominant_resource_fairness::DominantResourceFairness;
pub use edf::Edf;
pub use f1::F1;
pub use f2::F2;
pub use f3::F3;
pub use f4::F4;
pub use failure_first::FailureFirst;
pub use fair_share::FairShare;
pub use fifo::Fifo;
pub use least_attained_service::LeastAttainedService;
pub use lifo::Lifo;
pub use ljf::Ljf;
pub use mlfq::Mlfq;
pub use priority::Priority;
pub use random::RandomOrder;
pub use score::Score;
pub use sjf::Sjf;
pub use srtf::Srtf;
pub use time_slice::TimeSlice;
pub use unicep::Unicep;
pub use wfp3::Wfp3;

use super::spec::OrderSpec;
use crate::ids::NodeId;
use crate::random::{Purpose, Streams};
use crate::scheduler::{Cluster, Entry, Interrupts, Order, TaskView};
use crate::time::{Duration, Time};

macro_rules! any_order {
    ($($variant:ident($order:ty),)*) => {
        /// Any built-in order. A `match` that the branch predictor learns at once costs about 1 ns and
        /// saves a copy of the event loop for every combination of parts.
        // With a tag of its own, as places have.
        #[derive(Clone, Debug)]
        #[repr(u8)]
        pub enum AnyOrder {
            $(#[doc = concat!("See [`", stringify!($order), "`].")] $variant($order),)*
        }

        impl Order for AnyOrder {
            #[inline]
            fn key(&mut self, task: &TaskView<'_>, queue: u32, entry: Entry, now: Time) -> u64 {
                match self {
                    $(AnyOrder::$variant(order) => order.key(task, queue, entry, now),)*
                }
            }

            fn reads_details(&self) -> bool {
                match self {
                    $(AnyOrder::$variant(order) => order.reads_details(),)*
                }
            }

            fn interrupts(&self) -> Interrupts {
                match self {
                    $(AnyOrder::$variant(order) => order.interrupts(),)*
                }
            }

            fn beats(&self, waiting: u64, running: u64, now: Time) -> bool {
                match self {
                    $(AnyOrder::$variant(order) => order.beats(waiting, running, now),)*
                }
            }

            fn slice(&mut self, task: &TaskView<'_>, now: Time) -> Option<Duration> {
                match self {
                    $(AnyOrder::$variant(order) => order.slice(task, now),)*
                }
            }

            fn moves(&self) -> Option<Duration> {
                match self {
                    $(AnyOrder::$variant(order) => order.moves(),)*
                }
            }

            fn key_now(&self, task: &TaskView<'_>, now: Time) -> u64 {
                match self {
                    $(AnyOrder::$variant(order) => order.key_now(task, now),)*
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
                    $(AnyOrder::$variant(order) => order.first_group(),)*
                }
            }

            fn group_is_empty(&mut self, group: u64) {
                match self {
                    $(AnyOrder::$variant(order) => order.group_is_empty(group),)*
                }
            }

            fn watches_attempts(&self) -> bool {
                match self {
                    $(AnyOrder::$variant(order) => order.watches_attempts(),)*
                }
            }

            fn started(&mut self, task: &TaskView<'_>, node: NodeId, cluster: &Cluster) {
                match self {
                    $(AnyOrder::$variant(order) => order.started(task, node, cluster),)*
                }
            }

            fn ended(&mut self, task: &TaskView<'_>, node: NodeId, held: Duration, cluster: &Cluster) {
                match self {
                    $(AnyOrder::$variant(order) => order.ended(task, node, held, cluster),)*
                }
            }
        }
    };
}

any_order! {
    Fifo(Fifo),
    Lifo(Lifo),
    Random(RandomOrder),
    Sjf(Sjf),
    Ljf(Ljf),
    Srtf(Srtf),
    Priority(Priority),
    CriticalPath(CriticalPath),
    Edf(Edf),
    FailureFirst(FailureFirst),
    TimeSlice(TimeSlice),
    LeastAttainedService(LeastAttainedService),
    Mlfq(Mlfq),
    FairShare(FairShare),
    DominantResourceFairness(DominantResourceFairness),
    Wfp3(Wfp3),
    Unicep(Unicep),
    F1(F1),
    F2(F2),
    F3(F3),
    F4(F4),
    Score(Score),
}

impl AnyOrder {
    /// The order that a scenario names.
    pub fn new(spec: &OrderSpec, streams: Streams) -> Self {
        match *spec {
            OrderSpec::Fifo => AnyOrder::Fifo(Fifo),
            OrderSpec::Lifo => AnyOrder::Lifo(Lifo),
            OrderSpec::Random => AnyOrder::Random(RandomOrder::new(streams.stream(Purpose::Order, 0))),
            OrderSpec::Sjf => AnyOrder::Sjf(Sjf),
            OrderSpec::Ljf => AnyOrder::Ljf(Ljf),
            OrderSpec::Srtf => AnyOrder::Srtf(Srtf),
            OrderSpec::Priority { aging } => AnyOrder::Priority(Priority::new(aging)),
            OrderSpec::CriticalPath => AnyOrder::CriticalPath(CriticalPath),
            OrderSpec::Edf => AnyOrder::Edf(Edf),
            OrderSpec::FailureFirst => AnyOrder::FailureFirst(FailureFirst),
            OrderSpec::TimeSlice { quantum, weighted } => {
                AnyOrder::TimeSlice(TimeSlice::new(quantum, weighted))
            }
            OrderSpec::LeastAttainedService { quantum } => {
                AnyOrder::LeastAttainedService(LeastAttainedService::new(quantum))
            }
            OrderSpec::Mlfq { levels, quantum, factor, boost } => {
                AnyOrder::Mlfq(Mlfq::new(levels, quantum, factor, boost))
            }
            OrderSpec::FairShare { over } => AnyOrder::FairShare(FairShare::new(over)),
            OrderSpec::DominantResourceFairness { over } => {
                AnyOrder::DominantResourceFairness(DominantResourceFairness::new(over))
            }
            OrderSpec::Wfp3 => AnyOrder::Wfp3(Wfp3),
            OrderSpec::Unicep => AnyOrder::Unicep(Unicep),
            OrderSpec::F1 => AnyOrder::F1(F1),
            OrderSpec::F2 => AnyOrder::F2(F2),
            OrderSpec::F3 => AnyOrder::F3(F3),
            OrderSpec::F4 => AnyOrder::F4(F4),
            OrderSpec::Score { ref formula, every } => AnyOrder::Score(Score::new(formula, every)),
        }
    }
}
