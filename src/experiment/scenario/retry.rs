//! The `[retry]` table: what happens to attempts that fail, take too long or are lost.

use super::declare::{table, words};
use super::diagnostics::Diagnostic;
use super::document::{Node, Value};
use super::keys::ScenarioTable;
use super::policies::{self, Placed};
use super::reader::{Key, Reader, Setting};
use super::rollback::RollbackTable;
use super::speculation::{self, SpeculationTable};
use super::tasks::Tasks;
use super::values::{Count, Fraction, Growth, Positive, Quantity, Seconds, Whole};
use crate::scheduler::retry::{Backoff, BudgetPlan, CheckpointPlan, OnNodeLoss, OnRejection, RetryPlan};
use crate::time::Duration;
use crate::workload::Workload;

table! {
    /// What happens to attempts that fail or are lost with their node.
    RetryTable, "[retry]" {
        /// Failed attempts before state error, or "unlimited".
        max_attempts: AttemptsTable = AttemptsTable(Some(3));
        /// Pause before a retry.
        backoff: BackoffTable = BackoffTable::default();
        /// What becomes of attempts whose node is lost.
        on_node_loss: LossWord = LossWord::Restart;
        /// What becomes of a submission that is refused because too many tasks wait.
        on_rejection: RejectionWord = RejectionWord::Settle;
        /// Whether every new attempt draws new work.
        redraw: bool = false;
        /// An attempt that takes longer is stopped and counts as failed.
        timeout: Positive<Seconds>;
        /// A task that is not settled so long after its arrival ends in state timeout.
        total_timeout: Positive<Seconds>;
        /// Retries are limited to a share of all attempts.
        budget: BudgetTable;
        /// Attempts write down how far they are: after a loss of its node the task goes on from there.
        checkpoint: CheckpointTable;
        /// When a task fails for good, all that was done of its job is undone.
        rollback: RollbackTable;
        /// An attempt that takes too long gets a copy on another node.
        speculation: SpeculationTable;
    }
}

table! {
    /// Retries are limited to a share of all attempts; what is denied is not tried again.
    BudgetTable, "`budget`" {
        /// Retries over all attempts so far, above 0 and below 1.
        share: Fraction;
        /// The most retries that quiet times save up.
        burst: Count = Whole(100);
    }
}

table! {
    /// Attempts write down how far they are.
    CheckpointTable, "`checkpoint`" {
        /// Time of work between two checkpoints.
        interval: Positive<Seconds>;
        /// Time that writing one takes.
        cost: Quantity<Seconds> = Quantity::new(0.0);
        /// Time that reading one takes before the work goes on.
        restore: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// Pause before a retry: base x factor^(failures - 1), at most max, spread by jitter.
    BackoffTable, "`backoff`" {
        /// Pause after the first failure.
        base: Quantity<Seconds> = Quantity::new(0.0);
        /// Growth per failure.
        factor: Growth = Growth(2.0);
        /// Longest pause, before jitter.
        max: Quantity<Seconds> = Quantity::new(60.0);
        /// Relative spread: a factor is drawn from 1 - jitter to 1 + jitter.
        jitter: Fraction = Fraction(0.0);
    }
}

words! {
    /// What becomes of attempts whose node is lost; they do not count as failed.
    LossWord {
        /// The task starts over; its work is lost.
        Restart "restart";
        /// The task goes on elsewhere; its work is kept.
        Resume "resume";
        /// The task ends in state error.
        Fail "fail";
    }
}

words! {
    /// What becomes of a submission that is refused because too many tasks wait.
    RejectionWord {
        /// The task ends in state rejected.
        Settle "settle";
        /// It is submitted again after a backoff, up to the limit of attempts.
        Retry "retry";
    }
}

/// Failed attempts before state error; `None` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttemptsTable(pub(super) Option<u32>);

impl Setting for AttemptsTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "unlimited" => Some(AttemptsTable(None)),
            Value::Text(text) => {
                let title =
                    format!("{} must be a whole number of at least 1, or \"unlimited\"", reader.key());
                let near = super::nearest::nearest(text, ["unlimited"]);
                let mut diagnostic =
                    super::diagnostics::Diagnostic::new(title, node.origin, "found a string");
                diagnostic.help.extend(near.map(|near| format!("did you mean \"{near}\"?")));
                reader.report(diagnostic);
                None
            }
            _ => Count::read(node, reader).map(|count| AttemptsTable(Some(count.small()))),
        }
    }

    fn write(&self) -> serde_json::Value {
        self.0.map_or_else(|| "unlimited".into(), |count| count.into())
    }
}

impl schemars::JsonSchema for AttemptsTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MaxAttempts".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let count = generator.subschema_for::<Count>();
        schemars::json_schema!({ "anyOf": [{ "const": "unlimited" }, count] })
    }
}

/// The checked table.
pub(super) fn lower(table: Option<&RetryTable>, reader: &mut Reader) -> Option<RetryPlan> {
    let table = table?;
    let budget = budget(&table.budget, reader);
    let checkpoint = checkpoint(table, reader);
    let speculation = speculation::lower(table, reader);
    let backoff = backoff(table.backoff.value()?, reader);
    Some(RetryPlan {
        max_attempts: table.max_attempts.value()?.0,
        backoff: backoff?,
        on_node_loss: match table.on_node_loss.value()? {
            LossWord::Restart => OnNodeLoss::Restart,
            LossWord::Resume => OnNodeLoss::Resume,
            LossWord::Fail => OnNodeLoss::Fail,
        },
        on_rejection: match table.on_rejection.value()? {
            RejectionWord::Settle => OnRejection::Settle,
            RejectionWord::Retry => {
                again_at_once(table, reader);
                OnRejection::Retry
            }
        },
        redraw: *table.redraw.value()?,
        timeout: limit(&table.timeout)?,
        total_timeout: limit(&table.total_timeout)?,
        budget: budget?,
        checkpoint: checkpoint?,
        // Numbers of tasks are not known here.
        compensations: None,
        speculation: speculation?,
    })
}

/// `Some(None)` is no limit.
fn limit(key: &Key<Positive<Seconds>>) -> Option<Option<Duration>> {
    match key {
        Key::Broken => None,
        // A limit of less than a nanosecond is one of a nanosecond: nothing ends before it starts.
        key => match key.value() {
            Some(limit) => Duration::from_seconds(limit.0).map(|limit| Some(limit.max(Duration(1)))),
            None => Some(None),
        },
    }
}

fn budget(key: &Key<BudgetTable>, reader: &mut Reader) -> Option<Option<BudgetPlan>> {
    let found = match key {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    if found.value.share.is_silent() {
        reader.missing_key(found.at, "share", BudgetTable::SHOWN);
    }
    let (share, burst) = (found.value.share.found()?, found.value.burst.value()?.small());
    if !(share.value.0 > 0.0 && share.value.0 < 1.0) {
        let title = "a retry budget is a share above 0 and below 1";
        let help = match share.value.0 {
            0.0 => "to try nothing again, set `max_attempts = 1`",
            _ => "for no limit, leave `budget` out",
        };
        reader.report(Diagnostic::new(title, share.at, "no share of anything").help(help));
        return None;
    }
    Some(Some(BudgetPlan { share: share.value.0, burst }))
}

fn checkpoint(table: &RetryTable, reader: &mut Reader) -> Option<Option<CheckpointPlan>> {
    let found = match &table.checkpoint {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    if found.value.interval.is_silent() {
        reader.missing_key(found.at, "interval", CheckpointTable::SHOWN);
    }
    if let Some(loss) = table.on_node_loss.found().filter(|loss| loss.value != LossWord::Restart) {
        let (label, why) = match loss.value {
            LossWord::Fail => ("ends the task", "nobody would read the checkpoints"),
            _ => ("keeps all work", "there would be nothing to write down"),
        };
        reader.report(
            Diagnostic::new("`checkpoint` and this `on_node_loss` exclude each other", loss.at, label)
                .context(found.key, why)
                .help("leave one of them out: with `checkpoint` a task goes on from the last it wrote"),
        );
    }
    let interval = Duration::from_seconds(found.value.interval.value()?.0)?.max(Duration(1));
    let cost = Duration::from_seconds(found.value.cost.value()?.0)?;
    Some(Some(CheckpointPlan {
        interval,
        cost,
        restore: Duration::from_seconds(found.value.restore.value()?.0)?,
    }))
}

/// What is interrupted keeps its work, and when it wrote its last checkpoint would have to be kept too.
pub(super) fn check_policies(table: Option<&RetryTable>, policies: &[Placed], reader: &mut Reader) {
    let Some(found) = table.and_then(|table| table.checkpoint.found()) else { return };
    for (_, spec, at) in policies.iter().filter(|(_, spec, _)| policies::interrupts(spec)) {
        reader.report(
            Diagnostic::new(
                "checkpoints are for tasks that nobody interrupts",
                *at,
                format!("`{}` does", spec.name),
            )
            .context(found.key, "written after so much work of an attempt")
            .help("leave `checkpoint` out, or use policies that do not interrupt"),
        );
    }
}

/// Checkpoints are written by the clock, which a disturbed node does not follow.
pub(super) fn check_disturbances(table: Option<&RetryTable>, disturbed: bool, reader: &mut Reader) {
    if let Some(found) = table.and_then(|table| table.checkpoint.found()).filter(|_| disturbed) {
        reader.report(
            Diagnostic::new("checkpoints on nodes that can be disturbed", found.key, "not supported").help(
                "leave out either `checkpoint`, or what is slow, pauses, is cut off or lost, and the monitor",
            ),
        );
    }
}

/// What retries and tasks must satisfy together.
pub(super) fn check_tasks(scenario: &ScenarioTable, tasks: &Tasks, reader: &mut Reader) {
    endless(scenario, tasks, reader);
    redraw(scenario.retry.value(), tasks, reader);
}

/// A submission that is refused and repeated at once is refused again for ever.
fn again_at_once(table: &RetryTable, reader: &mut Reader) {
    let pauses =
        table.backoff.value().and_then(|backoff| backoff.base.value()).is_some_and(|base| base.0 > 0.0);
    if let (Some(given), false) = (table.on_rejection.found(), pauses || table.backoff.is_broken()) {
        reader.report(
            Diagnostic::new("`on_rejection = \"retry\"` needs a pause", given.at, "would repeat at once")
                .help("give `backoff.base` a time, such as `backoff.base = \"1s\"`"),
        );
    }
}

fn backoff(table: &BackoffTable, reader: &mut Reader) -> Option<Backoff> {
    let (base, max) = (table.base.value()?.0, table.max.value()?.0);
    if let Some(given) = table.base.found()
        && base > max
    {
        let mut diagnostic =
            Diagnostic::new("the first pause is longer than the longest", given.at, "`base`")
                .help("lower `base`, or raise `max`");
        diagnostic = match table.max.found() {
            Some(max) => diagnostic.context(max.at, "`max`"),
            None => diagnostic.help(format!("`max` is {max} s unless it is given")),
        };
        reader.report(diagnostic);
    }
    Some(Backoff {
        base: Duration::from_seconds(base)?,
        factor: table.factor.value()?.0,
        max: Duration::from_seconds(max)?,
        jitter: table.jitter.value()?.0,
    })
}

/// A task that fails every time and is tried for ever is never settled.
fn endless(scenario: &ScenarioTable, tasks: &Tasks, reader: &mut Reader) {
    let unlimited = scenario.retry.value().and_then(|retry| retry.max_attempts.found());
    let Some(unlimited) = unlimited.filter(|attempts| attempts.value.0.is_none()) else { return };
    let fails = match &tasks.workload {
        Workload::Generated { classes, .. } => classes.iter().any(|class| class.failure_probability == 1.0),
        Workload::Listed { tasks, .. } => tasks.iter().any(|task| task.failure_probability == 1.0),
    };
    let retry = scenario.retry.value();
    let ends = retry.is_some_and(|retry| !retry.total_timeout.is_silent() || !retry.budget.is_silent());
    let poison = scenario.workload.value().and_then(|workload| workload.poison.found());
    if let Some(poison) = poison.filter(|poison| poison.value.0 > 0.0 && !ends) {
        let title = "poison tasks that are always tried again never settle";
        reader.report(
            Diagnostic::new(title, unlimited.at, "without an end")
                .context(poison.at, "every attempt fails")
                .help("give `max_attempts` a number, or tasks a `total_timeout`"),
        );
        return;
    }
    if fails && !ends {
        let title = "tasks that always fail and are always tried again never settle";
        reader.report(
            Diagnostic::new(title, unlimited.at, "without an end")
                .help("lower `failure_probability` below 1, or give `max_attempts` a number"),
        );
    }
}

fn redraw(retry: Option<&RetryTable>, tasks: &Tasks, reader: &mut Reader) {
    let Some(redraw) = retry.and_then(|retry| retry.redraw.found()).filter(|redraw| redraw.value) else {
        return;
    };
    if let Workload::Listed { .. } = tasks.workload {
        let title = "`redraw` needs a distribution to draw from";
        reader.report(
            Diagnostic::new(title, redraw.at, "cannot draw new work")
                .context(tasks.count_at, "every task's work is given")
                .help("leave `redraw` out: a retry repeats the same work"),
        );
    }
}
