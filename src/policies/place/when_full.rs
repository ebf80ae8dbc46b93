//! Where a task waits when a place that looks for free slots finds none.
//!
//! Under pull it stays in the central queue. Under push it must be bound to some node: the one with
//! the fewest tasks among those large enough.

use super::{LeastLoaded, PlaceContext};
use crate::ids::NodeId;
use crate::scheduler::{Cluster, Dispatch, Place, TaskView};

/// The fallback of places that look for free slots.
#[derive(Clone, Debug)]
pub(super) struct WhenFull(Option<LeastLoaded>);

impl WhenFull {
    pub(super) fn new(context: &PlaceContext<'_>) -> Self {
        WhenFull((context.dispatch == Dispatch::Push).then(|| LeastLoaded::new(context)))
    }

    #[inline]
    pub(super) fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        self.0.as_mut()?.choose(task, cluster)
    }

    #[inline]
    pub(super) fn node_changed(&mut self, node: NodeId, cluster: &Cluster) {
        if let Some(place) = &mut self.0 {
            place.node_changed(node, cluster);
        }
    }
}
