//! Trace files: finds and unpacks them, hands them to their parsers, and says what went wrong.

use std::sync::Arc;

use super::Warning;
use super::diagnostics::Diagnostic;
use super::files::{self, FilePath};
use super::reader::{Found, Reader};
use super::values::grouped;
use crate::scheduler::TaskDetails;
use crate::workload::csv::TraceDefaults;
use crate::workload::graph::Graph;
use crate::workload::{TraceError, TraceTask, swf};

/// What every trace gives.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) tasks: Arc<[TraceTask]>,
    pub(super) class_names: Vec<String>,
    pub(super) has_estimates: bool,
    /// Whether it says who submits tasks.
    pub(super) has_users: bool,
    /// Who waits for whom, if any task does.
    pub(super) graph: Option<Arc<Graph>>,
}

/// Reads a log in the Standard Workload Format; a log knows no priorities and no failures, and it knows
/// users, which are read when asked for.
pub(super) fn from_swf(
    path: &Found<FilePath>,
    largest_node_slots: u32,
    kill_at_requested: bool,
    users: bool,
    defaults: &TraceDefaults<'_>,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    let read = if kill_at_requested { swf::read_as_requested } else { swf::read };
    let log = match read(&bytes, largest_node_slots, users) {
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
    }
    say_of_all(&mut tasks, defaults);
    finish(path, tasks, vec![String::new()], true, users, None, reader)
}

/// Reads a CSV table of tasks.
pub(super) fn from_csv(
    path: &Found<FilePath>,
    largest_node_slots: u32,
    defaults: &TraceDefaults<'_>,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    match crate::workload::csv::read(&bytes, largest_node_slots, defaults) {
        Ok(trace) => {
            let (names, estimates) = (trace.class_names, trace.has_estimates);
            finish(path, trace.tasks, names, estimates, false, trace.graph, reader)
        }
        Err(errors) => {
            for error in &errors {
                report(path, error, reader);
            }
            None
        }
    }
}

/// Reads a workflow.
pub(super) fn wfformat(
    path: &Found<FilePath>,
    defaults: &TraceDefaults,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    match crate::workload::wfformat::read(&bytes, defaults) {
        Ok(mut workflow) => {
            say_of_all(&mut workflow.tasks, defaults);
            let names = vec![String::new()];
            finish(path, workflow.tasks, names, false, false, Some(workflow.graph), reader)
        }
        Err(error) => {
            report(path, &error, reader);
            None
        }
    }
}

/// Reads a workload of Batsim.
pub(super) fn batsim(
    path: &Found<FilePath>,
    largest_node_slots: u32,
    defaults: &TraceDefaults,
    reader: &mut Reader,
) -> Option<Trace> {
    let bytes = files::content(path, reader)?;
    let mut log = match crate::workload::batsim::read(&bytes, largest_node_slots, defaults) {
        Ok(log) => log,
        Err(error) => {
            report(path, &error, reader);
            return None;
        }
    };
    if log.dropped_too_large > 0 {
        reader.warnings.push(Warning {
            message: format!(
                "{} of {} jobs of {} were dropped (larger than the largest node)",
                grouped(log.dropped_too_large),
                grouped(log.records),
                path.value.short_name(),
            ),
            help: None,
        });
    }
    say_of_all(&mut log.tasks, defaults);
    finish(path, log.tasks, vec![String::new()], log.has_estimates, false, None, reader)
}

/// What [workload] says of tasks of which the file does not say it.
fn say_of_all(tasks: &mut [TraceTask], defaults: &TraceDefaults<'_>) {
    let Some(&TaskDetails { weight, user, demand, .. }) = defaults.details.as_ref() else { return };
    for task in tasks {
        let details = task.details.get_or_insert_default();
        let user = if details.user == 0 { user } else { details.user };
        (details.weight, details.user, details.demand) = (weight, user, demand);
    }
}

fn finish(
    path: &Found<FilePath>,
    tasks: Vec<TraceTask>,
    class_names: Vec<String>,
    has_estimates: bool,
    has_users: bool,
    graph: Option<Graph>,
    reader: &mut Reader,
) -> Option<Trace> {
    let label = match tasks.len() {
        0 => "no task is left",
        count if u32::try_from(count).is_err() => "more than 4,294,967,295 tasks",
        _ => {
            let graph = graph.map(Arc::new);
            return Some(Trace { tasks: tasks.into(), class_names, has_estimates, has_users, graph });
        }
    };
    let title = format!("`{}` cannot be simulated", path.value.short_name());
    reader.report(Diagnostic::new(title, path.at, label));
    None
}

/// Row and column of the file stand in the message itself.
pub(super) fn report(path: &Found<FilePath>, error: &TraceError, reader: &mut Reader) {
    let file = &path.value.0;
    let place = match (error.line, error.column) {
        (0, _) => file.clone(),
        (line, 0) => format!("{file}:{line}"),
        (line, column) => format!("{file}:{line}:{column}"),
    };
    reader.report(Diagnostic::new(format!("{place}: {}", error.message), path.at, "").bare());
}
