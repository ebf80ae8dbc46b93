//! What goes wrong besides failures: time limits, retries that are denied, alarms.

use super::columns::{Metric, MetricRow};
use super::results::AlarmResult;
use crate::scheduler::Record;
use crate::time::Time;

/// Alarms that are listed; those beyond are only counted.
const MOST_ALARMS: usize = 10_000;

/// Counts of what goes wrong, and the list of alarms.
#[derive(Clone, Debug)]
pub(super) struct Troubles {
    attempts_timed_out: u64,
    retries_denied: u64,
    /// `None` without rules that raise alarms.
    alarms_raised: Option<u64>,
    pub(super) alarms: Vec<AlarmResult>,
}

impl Troubles {
    pub(super) fn new(has_alarms: bool) -> Troubles {
        let alarms_raised = has_alarms.then_some(0);
        Troubles { attempts_timed_out: 0, retries_denied: 0, alarms_raised, alarms: Vec::new() }
    }

    #[cold]
    pub(super) fn on_record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::TimedOut { .. } => self.attempts_timed_out += 1,
            Record::RetryDenied { .. } => self.retries_denied += 1,
            Record::Alarm { rule, node, raised, count, of } => {
                *self.alarms_raised.get_or_insert(0) += u64::from(raised);
                if self.alarms.len() < MOST_ALARMS {
                    self.alarms.push(AlarmResult { time: now, rule, node, raised, count, of });
                }
            }
            _ => {}
        }
    }

    pub(super) fn write(&self, row: &mut MetricRow) {
        row.set(Metric::AttemptsTimedOut, self.attempts_timed_out as f64);
        row.set(Metric::RetriesDenied, self.retries_denied as f64);
        if let Some(raised) = self.alarms_raised {
            row.set(Metric::Alarms, raised as f64);
        }
    }
}
