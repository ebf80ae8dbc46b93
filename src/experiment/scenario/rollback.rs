//! The `[retry.rollback]` table: how jobs are undone of which a task fails for good.

use super::check::Cluster;
use super::declare::{table, words};
use super::diagnostics::Diagnostic;
use super::distributions::{self, DistributionTable};
use super::keys::ScenarioTable;
use super::reader::{Found, Key, Reader};
use super::retry::AttemptsTable;
use super::tasks::Tasks;
use super::values::{Fraction, Plain, Positive, Quantity, Urgency, grouped};
use crate::faults::{Rollback, UndoWork, Undoes};

/// Every task may be undone by another, and all have numbers of 32 bits.
const MOST_TASKS: u32 = 2_000_000_000;

table! {
    /// When a task fails for good, all that was done of its job is undone, in reverse order.
    RollbackTable, "[retry.rollback]" {
        /// Work of undoing a task, as a share of the work of the task.
        share: Positive<Plain>;
        /// Units of work of undoing a task, in place of `share`.
        work: DistributionTable<Plain>;
        /// Which tasks are undone: all that were "started", or those that "completed".
        undo: UndoWord = UndoWord::Started;
        /// Failed attempts before undoing a task is given up, or "unlimited".
        max_attempts: AttemptsTable = AttemptsTable(None);
        /// Probability that an attempt to undo a task fails.
        failure_probability: Fraction = Fraction(0.0);
        /// Urgency of undoing; that of the task that is undone by default.
        priority: Quantity<Urgency>;
    }
}

words! {
    /// Which tasks leave something that must be undone.
    UndoWord {
        /// All that were started, also those that failed or were stopped.
        Started "started";
        /// Those that completed.
        Completed "completed";
    }
}

/// How failed jobs are undone; `Some(None)` when they are not.
pub(super) fn lower(
    scenario: &ScenarioTable,
    tasks: Option<&Tasks>,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) -> Option<Option<Rollback>> {
    let found = match &scenario.retry.value()?.rollback {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    let table = &found.value;
    let work = work(found, reader);
    check(found, scenario, tasks, cluster, reader);
    let undoes = match table.undo.value()? {
        UndoWord::Started => Undoes::Started,
        UndoWord::Completed => Undoes::Completed,
    };
    let priority = match &table.priority {
        Key::Broken => return None,
        key => key.value().map(|priority| priority.0),
    };
    Some(Some(Rollback {
        work: work?,
        undoes,
        max_attempts: table.max_attempts.value()?.0,
        failure_probability: table.failure_probability.value()?.0,
        priority,
    }))
}

fn work(found: &Found<RollbackTable>, reader: &mut Reader) -> Option<UndoWork> {
    let RollbackTable { share, work, .. } = &found.value;
    match (share, work) {
        (Key::Broken, _) | (_, Key::Broken) => None,
        (Key::Found(share), Key::Found(work)) => {
            let title = "the work of undoing a task is given twice";
            reader.report(Diagnostic::new(title, work.key, "`work`").context(share.key, "`share`"));
            None
        }
        (Key::Found(share), _) => Some(UndoWork::Share(share.value.0)),
        (_, Key::Found(work)) => distributions::lower(work, reader).map(UndoWork::Drawn),
        _ if ["share", "work"].iter().any(|key| reader.was_meant(&format!("retry.rollback.{key}"))) => None,
        _ => {
            let title = "[retry.rollback] does not say how much work it is to undo a task";
            reader.report(
                Diagnostic::new(title, found.at, "neither `share` nor `work`").help(
                    "such as `share = 0.5`, half the work of the task, or `work.exponential.mean = 2.0`",
                ),
            );
            None
        }
    }
}

/// What undoing and tasks must satisfy together.
fn check(
    found: &Found<RollbackTable>,
    scenario: &ScenarioTable,
    tasks: Option<&Tasks>,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) {
    let table = &found.value;
    if let Some(spawn) = scenario.workload.value().and_then(|workload| workload.spawn.found()) {
        let title = "`rollback` does not go with `spawn`";
        let help = "what is undone are jobs of tasks that wait for each other; keep one of them";
        reader.report(Diagnostic::new(title, found.key, "").context(spawn.key, "").help(help));
    }
    if let Some(tasks) = tasks.filter(|tasks| tasks.workload.tasks() > MOST_TASKS) {
        let title = "too many tasks to undo them";
        let label = format!("at most {}", grouped(u64::from(MOST_TASKS)));
        reader.report(
            Diagnostic::new(title, tasks.count_at, label).context(found.key, "undoes each at most once"),
        );
    }
    let unlimited = table.max_attempts.value().is_some_and(|most| most.0.is_none());
    let fails = table.failure_probability.found().filter(|fails| unlimited && fails.value.0 == 1.0);
    if let Some(fails) = fails {
        let title = "what always fails to be undone, and is always tried again, never settles";
        reader.report(
            Diagnostic::new(title, fails.at, "without an end")
                .help("lower it below 1, or give `max_attempts` of [retry.rollback] a number"),
        );
    } else if unlimited
        && cluster.is_some_and(|all| all.groups.iter().all(|group| group.failure_probability == 1.0))
    {
        let title = "on nodes where every attempt fails nothing can be undone";
        reader.report(
            Diagnostic::new(title, found.key, "is tried again without an end")
                .help("give `max_attempts` of [retry.rollback] a number"),
        );
    }
}
