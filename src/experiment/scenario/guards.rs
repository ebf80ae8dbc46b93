//! What protects tasks from bad nodes and from each other: circuit breakers and locks.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::document::{Node, Value};
use super::keys::SchedulerTable;
use super::reader::{Found, Key, Reader, Setting};
use super::tasks::Tasks;
use super::values::{Count, Fraction, Plain, Positive, Quantity, Seconds, Whole};
use crate::scheduler::{BreakerPlan, GuardPlan, LockPlan, Trip, Window};
use crate::time::Duration;
use crate::workload::LockDraw;

table! {
    /// Circuit breakers: a node where too many attempts fail takes no tasks for a while.
    BreakerTable, "[scheduler.breaker]" {
        /// Failures in a row that open a node's breaker.
        consecutive_failures: Count;
        /// Or the share of failures among the latest ends of attempts that opens it.
        error_share: Fraction;
        /// Which ends are the latest: a number of them, 20 by default, or those of a time.
        window: WindowTable;
        /// Ends below which the share decides nothing; 10 by default.
        minimum: Count;
        /// How long the breaker stays open.
        open: Positive<Seconds> = Positive::new(60.0);
        /// Attempts that are then let through, and must all succeed for the breaker to close.
        probes: Count = Whole(1);
        /// Whether tasks that wait at a node whose breaker opens are placed anew.
        move_waiting: bool = true;
    }
}

/// More locks than this are refused: they are kept by number.
pub(super) const MOST_LOCKS: u64 = 1_000_000;

table! {
    /// Which lock a task needs.
    LockTable, "`lock`" {
        /// How many locks there are; each task needs one of them.
        names: Whole<1, MOST_LOCKS>;
        /// Lock k is needed in proportion to (k + 1)^-skew; 0 for all alike.
        skew: Quantity<Plain> = Quantity::new(0.0);
    }
}

/// What holds where nothing is said. As what is said has no meaning without locks, or under another rule,
/// these are not part of the resolved scenario.
const LEASE: f64 = 30.0;
const WINDOW: WindowTable = WindowTable::Attempts(20);
const MINIMUM: Count = Whole(10);

/// What a key says, or this where it says nothing.
fn given_or<T: Copy>(key: &Key<T>, default: T) -> Option<T> {
    match key {
        Key::Broken => None,
        Key::Absent => Some(default),
        key => key.value().copied(),
    }
}

/// How the lock of a task is drawn; `Some(None)` when it needs none.
pub(super) fn lock(key: &Key<LockTable>, reader: &mut Reader) -> Option<Option<LockDraw>> {
    let found = match key {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    if found.value.names.is_silent() {
        reader.missing_key(found.at, "names", LockTable::SHOWN);
    }
    let names = found.value.names.value()?.0 as u32;
    Some(Some(LockDraw { names, skew: found.value.skew.value()?.0 }))
}

/// The latest ends of attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WindowTable {
    /// So many.
    Attempts(u32),
    /// Those of so many seconds.
    Seconds(f64),
}

impl Setting for WindowTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(_) => {
                Positive::<Seconds>::read(node, reader).map(|time| WindowTable::Seconds(time.0))
            }
            Value::Integer(_) => Count::read(node, reader).map(|count| WindowTable::Attempts(count.small())),
            _ => reader.wrong_type(node, "a number of attempts (20), or a time with its unit (\"30s\")"),
        }
    }

    fn write(&self) -> serde_json::Value {
        match self {
            WindowTable::Attempts(attempts) => (*attempts).into(),
            WindowTable::Seconds(seconds) => format!("{seconds}s").into(),
        }
    }
}

impl JsonSchema for WindowTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let attempts = generator.subschema_for::<Count>();
        json_schema!({ "anyOf": [attempts, { "type": "string" }] })
    }
}

/// The guards that the table asks for.
pub(super) fn lower(
    table: Option<&SchedulerTable>,
    tasks: Option<&Tasks>,
    limits: &[Origin],
    reader: &mut Reader,
) -> Option<GuardPlan> {
    let table = table?;
    let locks = locks(table, tasks, limits, reader);
    let breaker = match &table.breaker {
        Key::Broken => return None,
        Key::Found(found) => Some(breaker(found, reader)?),
        Key::Absent | Key::Default(_) => None,
    };
    Some(GuardPlan { breaker, locks: locks? })
}

/// `Some(None)` when no task needs a lock.
fn locks(
    table: &SchedulerTable,
    tasks: Option<&Tasks>,
    limits: &[Origin],
    reader: &mut Reader,
) -> Option<Option<LockPlan>> {
    let needed = tasks?.workload.needs_locks();
    if let (false, Some(lease)) = (needed, table.lock_lease.found()) {
        let title = "`lock_lease` without tasks that need locks";
        reader.report(
            Diagnostic::new(title, lease.at, "has no lock to hold")
                .help("say which locks tasks need with `workload.lock`, such as `lock = { names = 10 }`"),
        );
    }
    if let (true, Some(limit)) = (needed, limits.first()) {
        // Whoever is refused would give its lock to another in the middle of the decisions of an instant.
        let title = "tasks need locks, and a queue is limited";
        reader.report(
            Diagnostic::new(title, *limit, "not supported with locks")
                .help("leave `queue_limit` or the locks out"),
        );
        return None;
    }
    let lease = Duration::from_seconds(given_or(&table.lock_lease, Positive::new(LEASE))?.0)?;
    Some(needed.then_some(LockPlan { lease }))
}

fn breaker(found: &Found<BreakerTable>, reader: &mut Reader) -> Option<BreakerPlan> {
    let table = &found.value;
    let trip = trip(found, reader);
    Some(BreakerPlan {
        trip: trip?,
        open: Duration::from_seconds(table.open.value()?.0)?,
        probes: table.probes.value()?.small(),
        move_waiting: *table.move_waiting.value()?,
    })
}

fn trip(found: &Found<BreakerTable>, reader: &mut Reader) -> Option<Trip> {
    let table = &found.value;
    match (&table.consecutive_failures, &table.error_share) {
        (Key::Broken, _) | (_, Key::Broken) => None,
        (Key::Found(row), Key::Found(share)) => {
            let title = "a breaker opens by `consecutive_failures` or by `error_share`, not by both";
            reader.report(Diagnostic::new(title, share.at, "one rule").context(row.at, "another"));
            None
        }
        (Key::Found(row), _) => {
            for key in [table.window.found().map(|key| key.key), table.minimum.found().map(|key| key.key)] {
                let Some(at) = key else { continue };
                let title = "failures in a row have no window";
                reader.report(
                    Diagnostic::new(title, at, "belongs to `error_share`")
                        .context(row.at, "counts failures in a row")
                        .help("leave it out, or say `error_share` instead of `consecutive_failures`"),
                );
            }
            Some(Trip::Consecutive(row.value.small()))
        }
        (_, Key::Found(share)) => {
            if share.value.0 == 0.0 {
                let title = "`error_share` must be above 0";
                reader.report(
                    Diagnostic::new(title, share.at, "opens without a failure")
                        .help("give a share such as 0.5"),
                );
                return None;
            }
            let (window, minimum) =
                (given_or(&table.window, WINDOW)?, given_or(&table.minimum, MINIMUM)?.small());
            too_few(table, window, minimum, reader);
            Some(Trip::Share {
                share: share.value.0,
                window: match window {
                    WindowTable::Attempts(attempts) => Window::Attempts(attempts),
                    WindowTable::Seconds(seconds) => Window::Time(Duration::from_seconds(seconds)?),
                },
                minimum,
            })
        }
        _ => {
            if !reader.was_meant("consecutive_failures") && !reader.was_meant("error_share") {
                let title = "a breaker needs a rule by which it opens";
                reader.report(
                    Diagnostic::new(title, found.at, "has neither `consecutive_failures` nor `error_share`")
                        .help("say `consecutive_failures = 5`, or `error_share = 0.5`"),
                );
            }
            None
        }
    }
}

/// A window that never holds as many ends as are needed never opens anything.
fn too_few(table: &BreakerTable, window: WindowTable, minimum: u32, reader: &mut Reader) {
    let WindowTable::Attempts(window) = window else { return };
    let given = table.window.found().map(|key| key.at).or(table.minimum.found().map(|key| key.at));
    if let (true, Some(at)) = (minimum > window, given) {
        let title = "the window of a breaker must hold the `minimum` of attempts";
        let label = format!("{window} attempts, and at least {minimum} are needed");
        reader.report(Diagnostic::new(title, at, label).help("raise `window`, or lower `minimum`"));
    }
}
