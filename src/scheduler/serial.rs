//! Serial: one task at a time in the whole cluster. Tasks wait in one central queue, and the next starts
//! when nothing runs.
//!
//! Source: the single server, M/G/1; Kleinrock, "Queueing Systems", 1975. Cost: as `pull`.
//! A bad idea whenever two tasks may run at once: it is the limit that others are compared with. A better
//! task interrupts the running one only if it has room on the same node.
//!
//! All it takes is one question in `pull.rs`: whether anything runs.

use super::machine::Scheduler;
use super::policy::Policy;

impl<P: Policy> Scheduler<P> {
    /// Whether nothing may start before something ends.
    #[inline(always)]
    pub(super) fn is_taken(&self) -> bool {
        self.serial && self.counts.running > 0
    }
}
