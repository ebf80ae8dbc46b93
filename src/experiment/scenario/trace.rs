//! Trace files: finds and unpacks them, hands them to their parsers, and says what went wrong.

use std::sync::Arc;

use super::Warning;
use super::diagnostics::Diagnostic;
use super::files::{self, FilePath};
use super::reader::{Found, Reader};
use super::values::grouped;
use crate::scheduler::TaskDetails;
use crate::workload::csv::TraceDefaults;
use crate::workload::{TraceError, TraceTask};

/// What every trace gives.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) tasks: Arc<[TraceTask]>,
    pub(super) class_names: Vec<String>,
    pub(super) has_estimates: bool,
    /// Whether it says who submits tasks.
    pub(super) has_users: bool,
}

/// Reads a log in the Standard Workload Format; a log knows no priorities and no failures, and it knows
/// users, which are read when asked for.
pub(super) fn swf(
    path: &Found<FilePath>,
    largest_node_slots: u32,
    defaults: &TraceDefaults,
    users: bool,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    let log = match crate::workload::swf::read(&bytes, largest_node_slots, users) {
        Ok(log) => log,
        Err(error) => {
            report(path, &error, reader);
            return None;
        }
    };
    let reasons = [
        (log.dropped_without_run_time, "without run time"),
        (log.dropped_without_processors, "without processors"),
        (log.dropped_too_large, "larger than the largest node"),
    ];
    let dropped: u64 = reasons.iter().map(|(count, _)| count).sum();
    if dropped > 0 {
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{} {reason}", grouped(*count)))
            .collect();
        reader.warnings.push(Warning {
            message: format!(
                "{} of {} records of {} were dropped ({})",
                grouped(dropped),
                grouped(log.records),
                path.value.short_name(),
                reasons.join(", ")
            ),
            help: None,
        });
    }
    let mut tasks = log.tasks;
    for task in &mut tasks {
        task.priority = defaults.priority;
        task.failure_probability = defaults.failure_probability;
        if let Some(own) = &defaults.details {
            let user = task.details.as_ref().map_or(own.user, |details| details.user);
            task.details = Some(Box::new(TaskDetails { user, ..*own }));
        }
    }
    finish(path, tasks, vec![String::new()], true, users, reader)
}

/// Reads a CSV table of tasks.
pub(super) fn csv(
    path: &Found<FilePath>,
    largest_node_slots: u32,
    defaults: &TraceDefaults,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    match crate::workload::csv::read(&bytes, largest_node_slots, defaults) {
        Ok(trace) => finish(path, trace.tasks, trace.class_names, trace.has_estimates, false, reader),
        Err(errors) => {
            for error in &errors {
                report(path, error, reader);
            }
            None
        }
    }
}

fn finish(
    path: &Found<FilePath>,
    tasks: Vec<TraceTask>,
    class_names: Vec<String>,
    has_estimates: bool,
    has_users: bool,
    reader: &mut Reader,
) -> Option<Trace> {
    let label = match tasks.len() {
        0 => "no task is left",
        count if u32::try_from(count).is_err() => "more than 4,294,967,295 tasks",
        _ => return Some(Trace { tasks: tasks.into(), class_names, has_estimates, has_users }),
    };
    let title = format!("`{}` cannot be simulated", path.value.short_name());
    reader.report(Diagnostic::new(title, path.at, label));
    None
}

/// Row and column of the file stand in the message itself.
fn report(path: &Found<FilePath>, error: &TraceError, reader: &mut Reader) {
    let file = &path.value.0;
    let place = match (error.line, error.column) {
        (0, _) => file.clone(),
        (line, 0) => format!("{file}:{line}"),
        (line, column) => format!("{file}:{line}:{column}"),
    };
    reader.report(Diagnostic::new(format!("{place}: {}", error.message), path.at, "").bare());
}
