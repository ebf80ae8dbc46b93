//! Attempts that run beside others of their task.

use super::Collector;
use crate::scheduler::Record;
use crate::time::Time;

impl Collector {
    #[cold]
    #[inline(never)]
    pub(super) fn on_copy_record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::CopyDispatched { .. } => {
                self.attempts += 1;
                self.copies.iter_mut().for_each(|copies| copies.started());
                self.timeline.iter_mut().for_each(|timeline| timeline.copied(now));
            }
            Record::CopyWon { .. } => self.copies.iter_mut().for_each(|copies| copies.won()),
            Record::Outrun { node, busy, slots, .. } => {
                let busy = self.busy_until_failure(now, node.index(), busy, slots);
                self.nodes[node.index()].busy.0 += busy.0;
                self.wasted += i128::from(busy.0);
                self.timeline.iter_mut().for_each(|timeline| timeline.ended(now, false));
            }
            _ => {}
        }
    }
}
