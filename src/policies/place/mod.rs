//! Places: which node takes a task. One per file.

mod ahead;
mod backlog;
mod best_fit;
mod consistent_hash;
mod dot_product;
mod dynamic_weighted_round_robin;
mod earliest_finish;
mod eligible;
mod fastest;
mod first_fit;
mod least_loaded;
mod min_cost_flow;
mod nearest;
mod power_of;
mod random;
mod round_robin;
mod weighted_least_loaded;
mod weighted_power_of;
mod weighted_random;
mod weighted_round_robin;
mod when_full;
mod worst_fit;

pub use best_fit::BestFit;
pub use consistent_hash::ConsistentHash;
pub use dot_product::DotProduct;
pub use dynamic_weighted_round_robin::DynamicWeightedRoundRobin;
pub use earliest_finish::EarliestFinish;
pub use fastest::{Fastest, ranks};
pub use first_fit::FirstFit;
pub use least_loaded::{LeastLoaded, LeastWork};
pub use min_cost_flow::MinCostFlow;
pub use nearest::Nearest;
pub use power_of::PowerOf;
pub use random::RandomPlace;
pub use round_robin::RoundRobin;
pub use weighted_least_loaded::WeightedLeastLoaded;
pub use weighted_power_of::WeightedPowerOf;
pub use weighted_random::WeightedRandom;
pub use weighted_round_robin::WeightedRoundRobin;
pub use worst_fit::WorstFit;

pub(super) use dot_product::Shares;

use super::fitting::Fitting;
use super::spec::PlaceSpec;
use crate::ids::NodeId;
use crate::random::{Purpose, Stream, Streams};
use crate::scheduler::{Cluster, Dispatch, NodeSpec, Place, Resources, Soon, Step, TaskView, Tasks, Zones};
use crate::time::Time;

/// What a place is built for.
#[derive(Clone, Copy, Debug)]
pub struct PlaceContext<'a> {
    /// The nodes in order of number.
    pub nodes: &'a [NodeSpec],
    /// Where they stand.
    pub zones: &'a Zones,
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

    /// All nodes, the fastest first, by number among those of one speed.
    pub fn by_falling_speed(&self) -> Vec<u32> {
        let mut nodes: Vec<u32> = (0..self.nodes.len() as u32).collect();
        let speed = |node: u32| self.nodes[node as usize].speed;
        nodes.sort_by(|&a, &b| speed(b).total_cmp(&speed(a)));
        nodes
    }
}

macro_rules! any_place {
    ($($variant:ident($place:ty),)*) => {
        /// Any built-in place. One well-predicted branch stands for a copy of the event loop per
        /// combination of parts.
        // With a tag of its own: a tag hidden in unused values of a field would be worked out at each
        // of the many looks at it.
        #[derive(Clone, Debug)]
        #[repr(u8)]
        pub enum AnyPlace {
            $(#[doc = "The place of this name."] $variant($place),)*
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
                    AnyPlace::Random(place) => place.soon(),
                    AnyPlace::ConsistentHash(place) => place.soon(),
                    _ => None,
                }
            }

            #[inline(always)]
            fn binds_in_order(&self) -> bool {
                match self {
                    $(AnyPlace::$variant(place) => place.binds_in_order(),)*
                }
            }

            fn fetch(&self, task: Option<u32>, node: Option<NodeId>) {
                if let AnyPlace::LeastWork(place) = self {
                    place.fetch(task, node);
                }
            }

            fn keeps_account(&self) -> bool {
                match self {
                    $(AnyPlace::$variant(place) => place.keeps_account(),)*
                }
            }

            fn begin(&mut self, now: Time) {
                match self {
                    $(AnyPlace::$variant(place) => place.begin(now),)*
                }
            }

            fn follow(&mut self, now: Time, step: Step, task: &TaskView<'_>, node: NodeId) {
                match self {
                    $(AnyPlace::$variant(place) => place.follow(now, step, task, node),)*
                }
            }

            fn window(&self) -> usize {
                match self {
                    AnyPlace::MinCostFlow(place) => place.window(),
                    _ => 0,
                }
            }

            fn plan(&mut self, now: Time, window: &[u32], tasks: &Tasks) -> bool {
                match self {
                    AnyPlace::MinCostFlow(place) => place.plan(now, window, tasks),
                    _ => false,
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
    LeastWork(LeastWork),
    WeightedLeastLoaded(WeightedLeastLoaded),
    PowerOf(PowerOf),
    WeightedPowerOf(WeightedPowerOf),
    DynamicWeightedRoundRobin(DynamicWeightedRoundRobin),
    ConsistentHash(ConsistentHash),
    Nearest(Nearest),
    Fastest(Fastest),
    FirstFit(FirstFit),
    BestFit(BestFit),
    WorstFit(WorstFit),
    DotProduct(DotProduct),
    // Much larger than the others.
    Fitting(Box<Fitting>),
    MinCostFlow(Box<MinCostFlow>),
    EarliestFinish(EarliestFinish),
}

impl AnyPlace {
    /// The place that a scenario names.
    pub fn new(spec: &PlaceSpec, context: &PlaceContext<'_>) -> Self {
        // Where resources are named every rule looks for nodes in another way; where not, none pays.
        if !context.resources.is_empty() {
            return AnyPlace::Fitting(Box::new(Fitting::new(spec, context)));
        }
        Self::by_slots(spec, context)
    }

    /// The place that a scenario names, which looks at slots alone.
    pub(super) fn by_slots(spec: &PlaceSpec, context: &PlaceContext<'_>) -> Self {
        match spec {
            PlaceSpec::RoundRobin => AnyPlace::RoundRobin(RoundRobin::new(context)),
            PlaceSpec::WeightedRoundRobin => AnyPlace::WeightedRoundRobin(WeightedRoundRobin::new(context)),
            PlaceSpec::Random => AnyPlace::Random(RandomPlace::new(context)),
            PlaceSpec::WeightedRandom => AnyPlace::WeightedRandom(WeightedRandom::new(context)),
            PlaceSpec::LeastLoaded => AnyPlace::LeastLoaded(LeastLoaded::new(context)),
            PlaceSpec::LeastWork => AnyPlace::LeastWork(LeastWork::new(context)),
            PlaceSpec::WeightedLeastLoaded => {
                AnyPlace::WeightedLeastLoaded(WeightedLeastLoaded::new(context))
            }
            &PlaceSpec::PowerOf { d, with_replacement } => {
                AnyPlace::PowerOf(PowerOf::new(d, with_replacement, context))
            }
            &PlaceSpec::ConsistentHash { virtual_nodes, load_bound } => {
                AnyPlace::ConsistentHash(ConsistentHash::new(virtual_nodes, load_bound, context))
            }
            &PlaceSpec::Nearest { spill_over } => AnyPlace::Nearest(Nearest::new(spill_over, context)),
            &PlaceSpec::WeightedPowerOf { d } => AnyPlace::WeightedPowerOf(WeightedPowerOf::new(d, context)),
            PlaceSpec::DynamicWeightedRoundRobin => {
                AnyPlace::DynamicWeightedRoundRobin(DynamicWeightedRoundRobin::new(context))
            }
            &PlaceSpec::MinCostFlow { window } => {
                AnyPlace::MinCostFlow(Box::new(MinCostFlow::new(window, context)))
            }
            PlaceSpec::Fastest => AnyPlace::Fastest(Fastest::new(context)),
            PlaceSpec::FirstFit => AnyPlace::FirstFit(FirstFit::new(context)),
            PlaceSpec::BestFit => AnyPlace::BestFit(BestFit::new(context)),
            PlaceSpec::WorstFit => AnyPlace::WorstFit(WorstFit::new(context)),
            PlaceSpec::DotProduct => AnyPlace::DotProduct(DotProduct::new(context)),
            PlaceSpec::EarliestFinish => AnyPlace::EarliestFinish(EarliestFinish::new(context)),
        }
    }
}
