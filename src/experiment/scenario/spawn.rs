//! The checked growth of tasks that spawn others: it must come to an end.

use super::diagnostics::Diagnostic;
use super::distributions;
use super::keys::{JobsTable, SpawnTable};
use super::reader::{Found, Key, Reader};
use super::values::grouped;
use crate::workload::spawn::{MOST_CHILDREN, Spawn};

/// What tasks spawn, or a note on why they cannot.
pub(super) fn lower(
    found: &Found<SpawnTable>,
    jobs: &Key<JobsTable>,
    tasks: Option<u32>,
    reader: &mut Reader,
) -> Option<Spawn> {
    let table = &found.value;
    if let Some(jobs) = jobs.found() {
        let title = "`spawn` does not go with `jobs`";
        let help = "tasks of a job are all known when it arrives; keep one of them";
        reader.report(Diagnostic::new(title, found.key, "").context(jobs.key, "").help(help));
        return None;
    }
    let children = match &table.children {
        Key::Found(children) => children,
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => {
            if !reader.was_meant("workload.spawn.children") {
                reader.missing_key(found.at, "children", SpawnTable::SHOWN);
            }
            return None;
        }
    };
    let depth = match &table.depth {
        Key::Broken => return None,
        key => key.value().map(|depth| depth.small()),
    };
    let spawn = Spawn { children: distributions::lower(children, reader)?, depth };
    let mean = spawn.children.mean();
    let shown = mean.map_or("infinitely many".to_string(), |mean| format!("{}", (mean * 1e6).round() / 1e6));
    if depth.is_none() && mean.is_none_or(|mean| mean >= 1.0) {
        reader.report(
            Diagnostic::new(
                "tasks would spawn others without end",
                children.at,
                format!("{shown} on average"),
            )
            .help("lower the mean of `children` below 1, or give `depth` a number of generations"),
        );
        return None;
    }
    if mean.is_none_or(|mean| mean > f64::from(MOST_CHILDREN)) {
        let most = format!("at most {} on average", grouped(u64::from(MOST_CHILDREN)));
        reader.report(Diagnostic::new("a task would spawn too many others", children.at, most));
        return None;
    }
    let total = spawn.mean_tasks().unwrap_or(f64::INFINITY) * f64::from(tasks.unwrap_or(1));
    if total > f64::from(u32::MAX - 1) {
        let label = format!("about {total:.1e} tasks in all, at most {}", grouped(u64::from(u32::MAX - 1)));
        reader.report(
            Diagnostic::new("tasks would spawn too many others", found.key, label)
                .help("lower `children`, `depth` or `workload.tasks`"),
        );
        return None;
    }
    Some(spawn)
}
