//! What figures a run is asked for.

use crate::metrics::batches::Batching;
use crate::metrics::members::MemberOptions;
use crate::time::Duration;

/// What to collect.
#[derive(Clone, Copy, Debug)]
pub struct CollectorOptions<'a> {
    /// Tasks, by number, left out of wait, response and slowdown.
    pub warmup: u32,
    /// Buckets of the timeline; 0 for none.
    pub timeline_buckets: u32,
    /// A guess at the length of the run; it only saves work.
    pub expected_span: Duration,
    /// Whether there are rules that raise alarms.
    pub alarms: bool,
    /// How many classes of tasks there are; figures by class are kept when there are several.
    pub classes: usize,
    /// Whether nodes have circuit breakers.
    pub breakers: bool,
    /// Whether tasks need locks.
    pub locks: bool,
    /// Whether the scheduler itself fails.
    pub replicas: bool,
    /// How many nodes must be up for the service to be there; at least 1.
    pub service_nodes: u32,
    /// Tasks with this number and greater ones undo others; `None` where nothing is undone.
    pub compensations: Option<u32>,
    /// Which nodes come and go, and what they cost.
    pub members: MemberOptions<'a>,
    /// Whether attempts that are late get copies.
    pub speculation: bool,
    /// Figures by batch of tasks, when asked for.
    pub batches: Option<Batching>,
}
