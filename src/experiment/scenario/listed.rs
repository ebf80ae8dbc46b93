//! Tasks that are listed: in the scenario itself, or in a trace.

use std::sync::Arc;

use super::check::Cluster;
use super::diagnostics::Diagnostic;
use super::distributions::{self, DistributionTable};
use super::files::FilePath;
use super::keys::{TaskTable, TraceTable, WorkloadTable};
use super::reader::{Found, Key, Reader};
use super::several::{Located, Several};
use super::tasks::{Tasks, estimate, fits, fits_slots, no_requests, nothing_to_kill_at};
use super::trace::{self, Trace};
use super::values::{Quantity, Seconds};
use crate::distribution::Distribution;
use crate::scheduler::TaskDetails;
use crate::time::{Duration, Time};
use crate::workload::csv::TraceDefaults;
use crate::workload::{EstimateSpec, TraceTask, Workload, sort_tasks};

/// The checked workload of a list or a trace; what tasks do not say comes from [workload].
pub(super) fn listed(table: &WorkloadTable, cluster: Option<&Cluster>, reader: &mut Reader) -> Option<Tasks> {
    let priority = match &table.priority {
        Key::Found(found) => match distributions::lower(found, reader) {
            Some(Distribution::Constant { value }) => value,
            None => 0.0,
            Some(_) => {
                let title = "the priority of tasks from a list or trace is one number";
                reader.report(Diagnostic::new(title, found.at, "is a distribution"));
                0.0
            }
        },
        Key::Absent | Key::Broken | Key::Default(_) => 0.0,
    };
    if let Some(demand) = table.demand.found() {
        fits(demand, cluster, reader);
    }
    let failure_probability = table.failure_probability.value()?.0;
    let slots = table.demand.value()?.slots.value()?.small();
    let defaults = TraceDefaults { priority, slots, failure_probability };
    let (trace, at) = match (&table.trace, &table.tasks_list) {
        (Key::Found(found), _) => (from_file(found, table, &defaults, cluster?, reader), found.at),
        (_, Key::Found(list)) => (from_list(list, &defaults, cluster, reader), list.key),
        _ => return None,
    };
    let deadline = one_time(&table.deadline, "the deadline", reader);
    let patience = one_time(&table.patience, "the patience", reader);
    let spec = estimate(table.estimate.value()?);
    let mut trace = trace?;
    say_for_all(&mut trace.tasks, deadline?, patience?);
    let Trace { tasks, class_names, has_estimates } = trace;
    if let (EstimateSpec::Requested, false, Some(found)) = (spec, has_estimates, table.estimate.found()) {
        no_requests(found.at, reader);
    }
    let kill_at_requested = *table.kill_at_requested.value()?;
    if !has_estimates {
        nothing_to_kill_at(table, reader);
    }
    const NANO: f64 = 1e-9;
    let works = || tasks.iter().map(|task| task.work as f64 * NANO * f64::from(task.slots));
    Some(Tasks {
        count_at: at,
        arrivals_at: at,
        work_at: at,
        last_arrival: 0.0,
        longest: tasks.iter().map(|task| task.work as f64 * NANO).fold(0.0, f64::max),
        total_work: works().sum(),
        workload: Workload::Listed { tasks, class_names, estimate: spec, kill_at_requested },
    })
}

/// A time that is the same for all tasks of a list or trace.
fn one_time(
    key: &Key<DistributionTable<Seconds>>,
    what: &str,
    reader: &mut Reader,
) -> Option<Option<Duration>> {
    let Key::Found(found) = key else { return (!key.is_broken()).then_some(None) };
    match distributions::lower(found, reader)? {
        Distribution::Constant { value } => Duration::from_seconds(value).map(Some),
        _ => {
            let title = format!("{what} of tasks from a list or trace is one time");
            reader.report(Diagnostic::new(title, found.at, "is a distribution"));
            None
        }
    }
}

/// What [workload] says of all tasks that say nothing themselves.
fn say_for_all(tasks: &mut Arc<[TraceTask]>, deadline: Option<Duration>, patience: Option<Duration>) {
    if deadline.is_none() && patience.is_none() {
        return;
    }
    for task in Arc::make_mut(tasks) {
        let details = task.details.get_or_insert_default();
        for (own, common) in [(&mut details.deadline, deadline), (&mut details.gives_up, patience)] {
            if let (Time::NEVER, Some(after)) = (*own, common) {
                *own = task.arrival.checked_add(after).unwrap_or(Time::NEVER);
            }
        }
    }
}

fn from_file(
    found: &Found<TraceTable>,
    table: &WorkloadTable,
    defaults: &TraceDefaults,
    cluster: &Cluster,
    reader: &mut Reader,
) -> Option<Trace> {
    let (largest, _) = cluster.largest?;
    let place = |path: &Located<FilePath>| Found { key: found.key, at: path.at, value: path.value.clone() };
    match &found.value {
        TraceTable::Csv(path) => trace::from_csv(&place(path), largest, defaults, reader),
        TraceTable::Swf(path) => {
            if let Some(demand) = table.demand.found()
                && defaults.slots != 1
            {
                let title = "a log in the Standard Workload Format says itself what each task takes";
                reader.report(Diagnostic::new(title, demand.key, "would be ignored").help("leave it out"));
            }
            let kills = *table.kill_at_requested.value()?;
            trace::from_swf(&place(path), largest, kills, defaults, reader)
        }
    }
}

fn from_list(
    list: &Found<Several<TaskTable>>,
    defaults: &TraceDefaults,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) -> Option<Trace> {
    let mut tasks = Vec::with_capacity(list.value.items.len());
    for found in &list.value.items {
        tasks.push(task(found, defaults, cluster, reader));
    }
    let mut tasks: Vec<TraceTask> = tasks.into_iter().collect::<Option<_>>()?;
    if !list.value.complete {
        return None;
    }
    sort_tasks(&mut tasks);
    Some(Trace { tasks: Arc::from(tasks), class_names: vec![String::new()], has_estimates: false })
}

fn task(
    found: &Found<TaskTable>,
    defaults: &TraceDefaults,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) -> Option<TraceTask> {
    let table = &found.value;
    if let (Some(slots), Some(demand)) = (table.slots.found(), table.demand.found()) {
        let title = "the demand is given twice";
        reader.report(Diagnostic::new(title, demand.key, "`demand`").context(slots.key, "`slots`"));
    }
    let slots = match (&table.slots, &table.demand) {
        (Key::Broken, _) | (_, Key::Broken) => return None,
        (Key::Found(slots), _) => {
            fits_slots(slots.value.small(), slots.at, cluster, reader);
            slots.value.small()
        }
        (_, Key::Found(demand)) => {
            fits(demand, cluster, reader);
            demand.value.slots.value()?.small()
        }
        _ => defaults.slots,
    };
    let work = match &table.work {
        Key::Found(work) => work,
        key => {
            if !key.is_broken() {
                reader.missing_key(found.at, "work", TaskTable::SHOWN);
            }
            return None;
        }
    };
    // Work is counted in billionths, in 64 bits like time.
    let Some(Time(nanos)) = Time::from_seconds(work.value.0).filter(|time| time.0 > 0) else {
        let title = "`work` must be between 1e-9 and 1.8e10 units";
        reader.report(Diagnostic::new(title, work.at, "too extreme"));
        return None;
    };
    let arrival = Time::from_seconds(table.arrival.value()?.0)?;
    let details = details(table, arrival)?;
    Some(TraceTask {
        arrival,
        work: nanos,
        requested: None,
        priority: match &table.priority {
            Key::Broken => return None,
            key => key.value().map_or(defaults.priority, |priority| priority.0),
        },
        slots,
        class: 0,
        failure_probability: defaults.failure_probability,
        details: details.map(Box::new),
    })
}

/// What only some tasks say; `Some(None)` for one that says nothing.
fn details(table: &TaskTable, arrival: Time) -> Option<Option<TaskDetails>> {
    let after = |key: &Key<Quantity<Seconds>>| match key {
        Key::Broken => None,
        key => Some(key.value().map_or(Time::NEVER, |after| {
            let after = Duration::from_seconds(after.0);
            after.and_then(|after| arrival.checked_add(after)).unwrap_or(Time::NEVER)
        })),
    };
    let details = TaskDetails {
        deadline: after(&table.deadline)?,
        gives_up: after(&table.patience)?,
        ..TaskDetails::default()
    };
    Some((details != TaskDetails::default()).then_some(details))
}
