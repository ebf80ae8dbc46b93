//! Figures of a scheduler that fails: how long it has no leader, and whether work could be started.

use super::collector::Collector;
use super::columns::{Metric, MetricRow};
use crate::scheduler::Record;
use crate::time::{Duration, Time};

/// Figures of leaders.
#[derive(Clone, Debug)]
pub(super) struct LeaderStats {
    /// Since when there has been none; `Time::NEVER` while there is one.
    vacant_since: Time,
    vacant: u128,
    vacancies: u64,
    elections: u64,
}

impl Default for LeaderStats {
    fn default() -> Self {
        LeaderStats { vacant_since: Time::NEVER, vacant: 0, vacancies: 0, elections: 0 }
    }
}

impl LeaderStats {
    /// The first arrival: time counts from here.
    pub(super) fn begin(&mut self, now: Time) {
        let vacant = self.vacant_since != Time::NEVER;
        let vacant_since = if vacant { now } else { Time::NEVER };
        *self = LeaderStats { vacant_since, vacancies: u64::from(vacant), ..LeaderStats::default() };
    }

    fn lost(&mut self, now: Time) {
        self.vacant_since = now;
        self.vacancies += 1;
    }

    fn elected(&mut self, now: Time) {
        let since = std::mem::replace(&mut self.vacant_since, Time::NEVER);
        self.vacant += u128::from(now.since(since).0);
        self.elections += 1;
    }

    /// The figures of a run that ends now and took so long.
    pub(super) fn write(&self, end: Time, window: Duration, row: &mut MetricRow) {
        // `since` of a time that has not come is nothing.
        let vacant = (self.vacant + u128::from(end.since(self.vacant_since).0)) as f64;
        row.set(Metric::LeaderAvailability, 1.0 - vacant / window.0 as f64);
        row.set(Metric::Elections, self.elections as f64);
        row.set(Metric::MeanTimeWithoutLeader, vacant / 1e9 / self.vacancies as f64);
    }
}

impl Collector {
    #[cold]
    pub(super) fn on_leader_record(&mut self, now: Time, record: &Record) {
        let Some(leaders) = &mut self.leaders else { return };
        match record {
            Record::LeaderLost { .. } => {
                leaders.lost(now);
                self.leader_goes(now);
            }
            Record::LeaderElected { .. } => {
                leaders.elected(now);
                self.leader_comes(now);
            }
            Record::SubmissionHeld { .. } => return self.on_held(now),
            _ => return,
        }
        self.service_changes(now);
    }

    /// Nodes or leaders have changed: whether work can be started may have, too.
    pub(super) fn service_changes(&mut self, now: Time) {
        let led = self.leaders.as_ref().is_none_or(|leaders| leaders.vacant_since == Time::NEVER);
        match (led && self.nodes_up >= self.service_nodes, self.serves_since) {
            (true, None) => self.serves_since = Some(now),
            (false, Some(since)) => {
                self.served.0 += now.since(since).0;
                self.serves_since = None;
            }
            _ => {}
        }
    }
}
