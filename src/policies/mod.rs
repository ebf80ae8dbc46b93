//! Scheduling policies: the choices of order, place, dispatch and backfilling.

pub mod backfill;
pub mod fitting;
pub mod order;
pub mod place;
pub mod registry;
pub mod spec;

pub use spec::{BackfillSpec, DispatchSpec, OrderSpec, PlaceSpec, PolicySpec};

use crate::random::Streams;
use crate::scheduler::{Composed, NodeSpec, Resources, Zones};
use backfill::AnyBackfill;
use order::AnyOrder;
use place::{AnyPlace, PlaceContext};

/// Any policy that a scenario can name.
pub type AnyPolicy = Composed<AnyOrder, AnyPlace, AnyBackfill>;

/// The policy that a scenario names, for this cluster, whose nodes stand nowhere in particular and have
/// no named resources.
pub fn build(spec: &PolicySpec, nodes: &[NodeSpec], max_demand: u32, streams: Streams) -> AnyPolicy {
    build_in(&Zones::default(), &Resources::default(), spec, nodes, max_demand, streams)
}

/// The same for a cluster whose nodes stand in zones and have resources.
pub fn build_in(
    zones: &Zones,
    resources: &Resources,
    spec: &PolicySpec,
    nodes: &[NodeSpec],
    max_demand: u32,
    streams: Streams,
) -> AnyPolicy {
    let context =
        PlaceContext { nodes, zones, dispatch: spec.dispatch.base(), max_demand, resources, streams };
    Composed {
        order: AnyOrder::new(&spec.order, streams),
        place: AnyPlace::new(&spec.place, &context),
        dispatch: spec.dispatch.base(),
        manner: spec.dispatch.manner(),
        backfill: AnyBackfill::new(spec, nodes, streams),
        preempts: spec.preempt,
        switch_cost: spec.switch_cost,
    }
}
