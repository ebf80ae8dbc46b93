//! The `retry.speculation` table: copies of attempts that take too long.

use super::check::Cluster;
use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::keys::ScenarioTable;
use super::policies::{self, Placed};
use super::reader::{Found, Key, Reader};
use super::retry::{LossWord, RetryTable};
use super::tasks::Tasks;
use super::values::{Count, Fraction, Plain, Quantity, Whole};
use crate::policies::DispatchSpec;
use crate::scheduler::SpeculationPlan;

table! {
    /// An attempt that takes too long gets a copy on another node; the first that succeeds counts.
    SpeculationTable, "`speculation`" {
        /// An attempt is late that takes longer than this times its estimated time.
        late: Quantity<Plain>;
        /// It is late only when the ratio of the two exceeds that of this share of the tasks that completed.
        quantile: Fraction;
        /// Tasks that must have completed before there is a quantile; 100 by default.
        observations: Count;
        /// Most copies of one task at once.
        copies: Count = Whole(1);
        /// Most copies at once, as a share of all running attempts.
        share: Fraction = Fraction(1.0);
    }
}

/// What holds where nothing is said. It has no meaning without a quantile, and is then not part of the
/// resolved scenario.
const OBSERVATIONS: u32 = 100;

/// `Some(None)` when attempts get no copies.
pub(super) fn lower(table: &RetryTable, reader: &mut Reader) -> Option<Option<SpeculationPlan>> {
    let found = match &table.speculation {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(None),
    };
    let speculation = &found.value;
    let (rule, share) = (rule(found, reader), share(&speculation.share, reader));
    resumed(table, found.key, reader);
    undone(table, found.key, reader);
    let (late, quantile, observations) = rule?;
    let copies = speculation.copies.value()?.small();
    Some(Some(SpeculationPlan { late, quantile, observations, copies, share: share? }))
}

/// When an attempt is late: a ratio, a quantile, and how many observations make one.
fn rule(found: &Found<SpeculationTable>, reader: &mut Reader) -> Option<(f64, Option<f64>, u32)> {
    let table = &found.value;
    let (late, quantile) = match (&table.late, &table.quantile) {
        (Key::Broken, _) | (_, Key::Broken) => return None,
        (late, quantile) => (late.value().map(|late| late.0), quantile.found()),
    };
    let Some(quantile) = quantile else {
        if let Some(observations) = table.observations.found() {
            let title = "`observations` without a quantile";
            reader.report(
                Diagnostic::new(title, observations.key, "there is nothing to observe")
                    .help("leave it out, or say `quantile = 0.95`"),
            );
        }
        if late.is_none() && !reader.was_meant("late") && !reader.was_meant("quantile") {
            let title = "`speculation` needs to know when an attempt is late";
            reader.report(Diagnostic::new(title, found.at, "has neither `late` nor `quantile`").help(
                "say `late = 2` for twice its estimated time, or `quantile = 0.95` for longer than most",
            ));
        }
        return Some((late?, None, 0));
    };
    if !(quantile.value.0 > 0.0 && quantile.value.0 < 1.0) {
        let title = "a quantile is a share above 0 and below 1";
        let label = if quantile.value.0 == 0.0 { "all take longer" } else { "none takes longer" };
        reader.report(
            Diagnostic::new(title, quantile.at, label).help("say `quantile = 0.95` for longer than most"),
        );
        return None;
    }
    let observations = match &table.observations {
        Key::Broken => return None,
        key => key.value().map_or(OBSERVATIONS, |count| count.small()),
    };
    Some((late.unwrap_or(0.0), Some(quantile.value.0), observations))
}

fn share(key: &Key<Fraction>, reader: &mut Reader) -> Option<f64> {
    let share = key.value()?.0;
    if let (true, Some(given)) = (share == 0.0, key.found()) {
        reader.report(
            Diagnostic::new("a share of copies is above 0", given.at, "no copies at all")
                .help("leave `speculation` out"),
        );
        return None;
    }
    Some(share)
}

/// Two attempts at once cannot both go on with the work of a third.
fn resumed(table: &RetryTable, speculation: Origin, reader: &mut Reader) {
    let loss = table.on_node_loss.found().filter(|loss| loss.value == LossWord::Resume);
    let keeps = loss.map(|loss| (loss.at, "keeps the work of a lost attempt"));
    let writes = table.checkpoint.found().map(|found| (found.key, "keeps a part of the work"));
    for (at, label) in [keeps, writes].into_iter().flatten() {
        reader.report(
            Diagnostic::new("copies of attempts that go on with the work of others", at, label)
                .context(speculation, "every copy does all of the work")
                .help("leave either of them out"),
        );
    }
}

/// Whether the effects of a copy that was outrun are to be undone nobody says.
fn undone(table: &RetryTable, speculation: Origin, reader: &mut Reader) {
    if let Some(rollback) = table.rollback.found() {
        reader.report(
            Diagnostic::new("copies of tasks whose effects are undone", rollback.key, "undoes what has run")
                .context(speculation, "lets a task run more than once at a time")
                .help("leave either of them out"),
        );
    }
}

/// What copies and the rest of the scenario must satisfy together.
pub(super) fn check(
    scenario: &ScenarioTable,
    policies: &[Placed],
    tasks: Option<&Tasks>,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) {
    let Some(found) = scenario.retry.value().and_then(|retry| retry.speculation.found()) else { return };
    for (_, spec, at) in policies {
        let why = if policies::interrupts(spec) {
            "interrupts tasks, which then go on with their work"
        } else {
            match spec.dispatch {
                DispatchSpec::Serial => "runs one task at a time",
                DispatchSpec::LateBinding { .. } => "binds a task to several nodes",
                DispatchSpec::Prefetching { .. } => "lets nodes take tasks ahead",
                _ => continue,
            }
        };
        reader.report(
            Diagnostic::new("copies of attempts are not supported with this policy", *at, why)
                .context(found.key, "copies attempts that are late")
                .help(
                    "leave `speculation` out, or use policies that pull, push or steal and do not interrupt",
                ),
        );
    }
    if tasks.is_some_and(|tasks| tasks.workload.needs_locks()) {
        reader.report(
            Diagnostic::new("copies of tasks that need locks", found.key, "not supported")
                .help("leave out either `speculation` or `workload.lock`: one holds a lock, not two"),
        );
    }
    let slots = |all: &Cluster| -> f64 {
        all.groups.iter().map(|group| f64::from(group.count) * f64::from(group.slots)).sum()
    };
    if let (Some(share), Some(slots)) = (found.value.share.found(), cluster.map(slots))
        && share.value.0 > 0.0
        && share.value.0 * slots < 1.0
    {
        let title = "so small a share of copies is less than one";
        let label = format!("of at most {slots} running attempts");
        let least = 1.0 / slots;
        reader.report(
            Diagnostic::new(title, share.at, label).help(format!("raise `share` to {least:.3} or more")),
        );
    }
}
