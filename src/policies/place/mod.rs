//! Places: which node takes a task. One per file.

mod best_fit;
mod dot_product;
mod eligible;
mod fastest;
mod first_fit;
mod least_loaded;
mod power_of;
mod random;
mod round_robin;
mod weighted_least_loaded;
mod weighted_random;
mod weighted_round_robin;
mod when_full;
mod worst_fit;

pub use best_fit::BestFit;
pub use dot_product::DotProduct;
pub use fastest::Fastest;
pub use first_fit::FirstFit;
pub use least_loaded::LeastLoaded;
pub use power_of::PowerOf;
pub use random::RandomPlace;
pub use round_robin::RoundRobin;
pub use weighted_least_loaded::WeightedLeastLoaded;
pub use weighted_random::WeightedRandom;
pub use weighted_round_robin::WeightedRoundRobin;
pub use worst_fit::WorstFit;

pub(super) use dot_product::Shares;

use super::fitting::Fitting;
use super::spec::PlaceSpec;
use crate::ids::NodeId;
use crate::random::{Purpose, Stream, Streams};
use crate::scheduler::{Cluster, Dispatch, NodeSpec, Place, Resources, Soon, TaskView};

/// What a place is built for.
#[derive(Clone, Copy, Debug)]
pub struct PlaceContext<'a> {
    /// The nodes in order of number.
    pub nodes: &'a [NodeSpec],
    /// When tasks are bound to nodes.
    pub dispatch: Dispatch,
    /// The most slots that one task takes.
    pub max_demand: u32,
    /// Named resources of the nodes.
    pub resources: &'a Resources,
    /// The streams of the run.
    pub streams: Streams,
}

impl PlaceContext<'_> {
    /// The stream of all random choices of the place.
    pub fn stream(&self) -> Stream {
        self.streams.stream(Purpose::Place, 0)
    }
}

macro_rules! any_place {
    ($($variant:ident($place:ident),)*) => {
        /// Any built-in place. One well-predicted branch stands for a copy of the event loop per
        /// combination of parts.
        #[derive(Clone, Debug)]
        pub enum AnyPlace {
            $(#[doc = concat!("See [`", stringify!($place), "`].")] $variant($place),)*
        }

        impl Place for AnyPlace {
            #[inline(always)]
            fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
                match self {
                    $(AnyPlace::$variant(place) => place.choose(task, cluster),)*
                }
            }

            #[inline(always)]
            fn soon(&self) -> Option<Soon> {
                match self {
                    AnyPlace::PowerOf(place) => place.soon(),
                    _ => None,
                }
            }

            #[inline(always)]
            fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
                match self {
                    $(AnyPlace::$variant(place) => place.node_changed(node, cluster),)*
                }
            }

            #[inline(always)]
            fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
                match self {
                    $(AnyPlace::$variant(place) => place.load_changed(node, cluster),)*
                }
            }
        }
    };
}

any_place! {
    RoundRobin(RoundRobin),
    WeightedRoundRobin(WeightedRoundRobin),
    Random(RandomPlace),
    WeightedRandom(WeightedRandom),
    LeastLoaded(LeastLoaded),
    WeightedLeastLoaded(WeightedLeastLoaded),
    PowerOf(PowerOf),
    Fastest(Fastest),
    FirstFit(FirstFit),
    BestFit(BestFit),
    WorstFit(WorstFit),
    DotProduct(DotProduct),
    Fitting(Fitting),
}

impl AnyPlace {
    /// The place that a scenario names.
    pub fn new(spec: &PlaceSpec, context: &PlaceContext<'_>) -> Self {
        // Where resources are named every rule looks for nodes in another way; where not, none pays.
        if !context.resources.is_empty() {
            return AnyPlace::Fitting(Fitting::new(spec, context));
        }
        match spec {
            PlaceSpec::RoundRobin => AnyPlace::RoundRobin(RoundRobin::new(context)),
            PlaceSpec::WeightedRoundRobin => AnyPlace::WeightedRoundRobin(WeightedRoundRobin::new(context)),
            PlaceSpec::Random => AnyPlace::Random(RandomPlace::new(context)),
            PlaceSpec::WeightedRandom => AnyPlace::WeightedRandom(WeightedRandom::new(context)),
            PlaceSpec::LeastLoaded => AnyPlace::LeastLoaded(LeastLoaded::new(context)),
            PlaceSpec::WeightedLeastLoaded => {
                AnyPlace::WeightedLeastLoaded(WeightedLeastLoaded::new(context))
            }
            &PlaceSpec::PowerOf { d, with_replacement } => {
                AnyPlace::PowerOf(PowerOf::new(d, with_replacement, context))
            }
            PlaceSpec::Fastest => AnyPlace::Fastest(Fastest::new(context)),
            PlaceSpec::FirstFit => AnyPlace::FirstFit(FirstFit::new(context)),
            PlaceSpec::BestFit => AnyPlace::BestFit(BestFit::new(context)),
            PlaceSpec::WorstFit => AnyPlace::WorstFit(WorstFit::new(context)),
            PlaceSpec::DotProduct => AnyPlace::DotProduct(DotProduct::new(context)),
        }
    }
}
