//! The `[alarms]` table: what is to be told of.

use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::keys::ScenarioTable;
use super::reader::{Found, Key, Reader};
use super::values::{Count, Fraction, Positive, Seconds, Whole};
use crate::experiment::plan::NodeGroup;
use crate::faults::Faults;
use crate::scheduler::AlarmPlan;
use crate::scheduler::alarms::{FlappingRule, QueueRule, ShareRule};
use crate::time::Duration;

table! {
    /// What is to be told of in `alarms.csv`.
    AlarmsTable, "[alarms]" {
        /// More tasks wait than this.
        queue: QueueAlarm;
        /// A larger share of attempts fails, or takes too long.
        errors: ErrorAlarm;
        /// A node is lost again and again.
        flapping: FlappingAlarm;
        /// A larger share of tasks is not completed by their deadlines.
        deadlines: DeadlineAlarm;
    }
}

table! {
    /// More tasks wait than this.
    QueueAlarm, "`queue`" {
        /// Raised when more tasks wait.
        above: Whole<0, { u64::MAX }>;
        /// Cleared when no more than this wait; half of `above` by default.
        below: Whole<0, { u64::MAX }>;
    }
}

table! {
    /// A larger share of attempts fails, or takes too long, than this.
    ErrorAlarm, "`errors`" {
        /// Raised when a larger share does.
        above: Fraction;
        /// Cleared when no larger share than this does; half of `above` by default.
        below: Fraction;
        /// What is looked back on.
        window: Positive<Seconds> = Positive::new(60.0);
        /// Not raised by fewer attempts than this.
        at_least: Count = Whole(20);
    }
}

table! {
    /// A larger share of tasks is not completed by their deadlines than this.
    DeadlineAlarm, "`deadlines`" {
        /// Raised when a larger share is not.
        above: Fraction;
        /// Cleared when no larger share than this is not; half of `above` by default.
        below: Fraction;
        /// What is looked back on.
        window: Positive<Seconds> = Positive::new(60.0);
        /// Not raised by fewer tasks than this.
        at_least: Count = Whole(20);
    }
}

table! {
    /// A node is lost so often.
    FlappingAlarm, "`flapping`" {
        /// Raised when it is lost so often in a window, at most once per window.
        failures: Whole<1, 1_000>;
        /// What is looked back on.
        window: Positive<Seconds> = Positive::new(3600.0);
    }
}

/// The checked rules.
pub(super) fn lower(scenario: &ScenarioTable, reader: &mut Reader) -> Option<AlarmPlan> {
    let found = match &scenario.alarms {
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => return Some(AlarmPlan::default()),
        Key::Found(found) => found,
    };
    let table = &found.value;
    let queue = rule(&table.queue, |rule| queue(rule, reader));
    let errors = rule(&table.errors, |rule| {
        let ErrorAlarm { above, below, window, at_least } = &rule.value;
        let keys = Share { at: rule.at, above, below, window, at_least };
        keys.lower(ErrorAlarm::SHOWN, reader)
    });
    let deadlines = rule(&table.deadlines, |rule| {
        let DeadlineAlarm { above, below, window, at_least } = &rule.value;
        let keys = Share { at: rule.at, above, below, window, at_least };
        keys.lower(DeadlineAlarm::SHOWN, reader)
    });
    let flapping = rule(&table.flapping, |rule| flapping(rule, reader));
    Some(AlarmPlan { queue: queue?, errors: errors?, flapping: flapping?, deadlines: deadlines? })
}

/// `Some(None)` is no rule, `None` one that is wrong.
fn rule<T, R>(key: &Key<T>, lower: impl FnOnce(&Found<T>) -> Option<R>) -> Option<Option<R>> {
    match key {
        Key::Broken => None,
        Key::Found(found) => lower(found).map(Some),
        Key::Absent | Key::Default(_) => Some(None),
    }
}

fn queue(rule: &Found<QueueAlarm>, reader: &mut Reader) -> Option<QueueRule> {
    let table = &rule.value;
    if table.above.is_silent() {
        reader.missing_key(rule.at, "above", QueueAlarm::SHOWN);
    }
    let above = table.above.found()?;
    let below = match &table.below {
        Key::Broken => return None,
        Key::Found(below) if below.value.0 > above.value.0 => {
            upside_down((below.at, above.at), reader);
            return None;
        }
        key => key.value().map_or(above.value.0 / 2, |below| below.0),
    };
    Some(QueueRule { above: above.value.0, below })
}

/// The keys of a rule about a share.
struct Share<'a> {
    at: Origin,
    above: &'a Key<Fraction>,
    below: &'a Key<Fraction>,
    window: &'a Key<Positive<Seconds>>,
    at_least: &'a Key<Count>,
}

impl Share<'_> {
    fn lower(&self, shown: &str, reader: &mut Reader) -> Option<ShareRule> {
        if self.above.is_silent() {
            reader.missing_key(self.at, "above", shown);
        }
        let above = self.above.found()?;
        let below = match self.below {
            Key::Broken => return None,
            Key::Found(below) if below.value.0 > above.value.0 => {
                upside_down((below.at, above.at), reader);
                return None;
            }
            key => key.value().map_or(above.value.0 / 2.0, |below| below.0),
        };
        if above.value.0 >= 1.0 {
            let title = "no share is above 1: this alarm would never be raised";
            reader.report(Diagnostic::new(title, above.at, "below 1"));
            return None;
        }
        let window = Duration::from_seconds(self.window.value()?.0)?;
        Some(ShareRule { above: above.value.0, below, window, least: self.at_least.value()?.small() })
    }
}

fn upside_down((below, above): (Origin, Origin), reader: &mut Reader) {
    reader.report(
        Diagnostic::new("an alarm is cleared below where it is raised", below, "`below`")
            .context(above, "`above`")
            .help("lower `below`, or leave it out: it is half of `above` then"),
    );
}

fn flapping(rule: &Found<FlappingAlarm>, reader: &mut Reader) -> Option<FlappingRule> {
    let table = &rule.value;
    if table.failures.is_silent() {
        reader.missing_key(rule.at, "failures", FlappingAlarm::SHOWN);
    }
    let failures = table.failures.found()?.value.small();
    Some(FlappingRule { failures, window: Duration::from_seconds(table.window.value()?.0)? })
}

/// Rules that could never raise an alarm: about deadlines that no task has, about nodes that never fail.
pub(super) fn check(
    scenario: &ScenarioTable,
    has_deadlines: Option<bool>,
    nodes: Option<(&Faults, &[NodeGroup])>,
    reader: &mut Reader,
) {
    let Some(table) = scenario.alarms.value() else { return };
    if let (Some(rule), Some(false)) = (table.deadlines.found(), has_deadlines) {
        let title = "an alarm about deadlines, and no task has one";
        reader.report(
            Diagnostic::new(title, rule.key, "would never be raised")
                .help("give tasks a `deadline` in [workload], or leave the rule out"),
        );
    }
    let fail = |(faults, groups): (&Faults, &[NodeGroup])| {
        !faults.outages.is_empty() || groups.iter().any(|group| group.faults.is_some())
    };
    if let (Some(rule), Some(false)) = (table.flapping.found(), nodes.map(fail)) {
        let title = "an alarm about nodes that are lost again and again, and none ever fails";
        reader.report(
            Diagnostic::new(title, rule.key, "would never be raised")
                .help("say how nodes fail with `up` and `down`, or in [faults], or leave the rule out"),
        );
    }
}
