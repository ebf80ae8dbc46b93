//! Tasks that are listed: in the scenario itself, or in a trace.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::check::Cluster;
use super::diagnostics::{Diagnostic, Origin};
use super::distributions::{self, DistributionTable};
use super::files::FilePath;
use super::keys::{TaskTable, TraceTable, WorkloadTable};
use super::reader::{Found, Key, Reader};
use super::several::{Located, Several};
use super::tasks::{Tasks, estimate, fits, fits_slots, no_requests, nothing_to_kill_at};
use super::trace::{self, Trace};
use super::values::{Quantity, Seconds, Unit};
use super::zones;
use crate::distribution::Distribution;
use crate::experiment::plan::ZonePlan;
use crate::scheduler::TaskDetails;
use crate::scheduler::details::{NO_DETAILS, NO_KEY, NO_LOCK, NO_SIZE};
use crate::time::{Duration, Time};
use crate::workload::csv::TraceDefaults;
use crate::workload::graph::{Graph, Jobs};
use crate::workload::{EstimateSpec, TraceTask, Workload, sort_tasks};

/// The checked workload of a list or a trace; what tasks do not say comes from [workload].
pub(super) fn listed(
    table: &WorkloadTable,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    users: bool,
    reader: &mut Reader,
) -> Option<Tasks> {
    let before = reader.diagnostics.len();
    let priority = one_number(&table.priority, "priority", reader).unwrap_or(0.0);
    let user = one_number(&table.user, "user", reader).map(|user| user.round() as u32);
    if let Some(demand) = table.demand.found() {
        fits(demand, cluster, reader);
    }
    let failure_probability = table.failure_probability.value()?.0;
    let slots = table.demand.value()?.slots.value()?.small();
    let zone = zones::number(&table.zone, zones, reader);
    let names = zones.map_or(&[][..], |zones| &zones.names);
    let demand = &table.demand.value()?.amounts;
    let demand = cluster.and_then(|cluster| cluster.supply.demand(demand)).unwrap_or(0);
    let own = TaskDetails { weight: table.weight.value()?.0, user: user.unwrap_or(0), demand, ..NO_DETAILS };
    let details = (own != NO_DETAILS).then_some(own);
    let defaults = TraceDefaults { priority, slots, failure_probability, details, zones: names };
    let (trace, at) = match (&table.trace, &table.tasks_list) {
        (Key::Found(found), _) => (from_file(found, table, &defaults, cluster?, users, reader), found.at),
        (_, Key::Found(list)) => (from_list(list, &defaults, cluster, zones, reader), list.key),
        _ => return None,
    };
    let deadline = one_time(&table.deadline, "the deadline", reader);
    let patience = one_time(&table.patience, "the patience", reader);
    let size = one_number(&table.size, "size", reader);
    let spec = estimate(table.estimate.value()?);
    let mut trace = trace?;
    say_for_all(&mut trace.tasks, deadline?, patience?, zone?, size);
    let Trace { tasks, class_names, has_estimates, has_users, graph } = trace;
    // What is wrong with a demand itself has been said.
    if let Some(cluster) = cluster.filter(|_| reader.diagnostics.len() == before) {
        met_together(&tasks, cluster, at, reader);
    }
    if let (EstimateSpec::Requested, false, Some(found)) = (spec, has_estimates, table.estimate.found()) {
        no_requests(found.at, reader);
    }
    // Batsim kills its jobs at their walltime.
    let batsim = matches!(table.trace.value(), Some(TraceTable::Batsim(_)));
    let kill_at_requested = match table.kill_at_requested.found() {
        Some(found) => found.value,
        None => batsim && !table.kill_at_requested.is_broken(),
    };
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
        has_users: has_users || user.is_some(),
        workload: Workload::Listed { tasks, class_names, estimate: spec, graph, kill_at_requested },
    })
}

/// A key that all tasks of a list or trace share, and that is a distribution elsewhere.
fn one_number<U: Unit>(key: &Key<DistributionTable<U>>, what: &str, reader: &mut Reader) -> Option<f64> {
    let found = key.found()?;
    match distributions::lower(found, reader)? {
        Distribution::Constant { value } => Some(value),
        _ => {
            let title = format!("the {what} of tasks from a list or trace is one number");
            reader.report(Diagnostic::new(title, found.at, "is a distribution"));
            None
        }
    }
}

/// Refuses tasks whose slots and named resources no node has together.
fn met_together(tasks: &[TraceTask], cluster: &Cluster, at: Origin, reader: &mut Reader) {
    let mut seen = BTreeSet::new();
    for (number, task) in tasks.iter().enumerate() {
        let demand = task.details.as_ref().map_or(0, |details| details.demand);
        let new = demand != 0 && seen.insert((task.slots, demand));
        if new && !cluster.supply.meets_row(task.slots, demand) {
            let slots = task.slots;
            let label = format!("task {number} by arrival takes {slots} slots besides its resources");
            reader.report(
                Diagnostic::new("no node can meet all of this demand", at, label).help(
                    "a task takes all that it demands of one node: lower the demand, or add larger nodes",
                ),
            );
            return;
        }
    }
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
fn say_for_all(
    tasks: &mut Arc<[TraceTask]>,
    deadline: Option<Duration>,
    patience: Option<Duration>,
    zone: u16,
    size: Option<f64>,
) {
    if deadline.is_none() && patience.is_none() && zone == 0 && size.is_none() {
        return;
    }
    for task in Arc::make_mut(tasks) {
        let details = task.details.get_or_insert_default();
        for (own, common) in [(&mut details.deadline, deadline), (&mut details.gives_up, patience)] {
            if let (Time::NEVER, Some(after)) = (*own, common) {
                *own = task.arrival.checked_add(after).unwrap_or(Time::NEVER);
            }
        }
        if details.zone == 0 {
            details.zone = zone;
        }
        if let (NO_SIZE, Some(size)) = (details.size, size) {
            details.size = (size.round() as u64).min(NO_SIZE - 1);
        }
    }
}

fn from_file(
    found: &Found<TraceTable>,
    table: &WorkloadTable,
    defaults: &TraceDefaults<'_>,
    cluster: &Cluster,
    users: bool,
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
            trace::from_swf(&place(path), largest, kills, users, defaults, reader)
        }
        TraceTable::Wfformat(path) => trace::wfformat(&place(path), defaults, reader),
        TraceTable::Batsim(path) => {
            if let Some(demand) = table.demand.found()
                && defaults.slots != 1
            {
                let title = "a workload of Batsim says itself what each job takes";
                reader.report(Diagnostic::new(title, demand.key, "would be ignored").help("leave it out"));
            }
            trace::batsim(&place(path), largest, defaults, reader)
        }
    }
}

fn from_list(
    list: &Found<Several<TaskTable>>,
    defaults: &TraceDefaults<'_>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Trace> {
    let mut tasks = Vec::with_capacity(list.value.items.len());
    for found in &list.value.items {
        tasks.push(task(found, defaults, cluster, zones, reader));
    }
    let mut tasks: Vec<TraceTask> = tasks.into_iter().collect::<Option<_>>()?;
    if !list.value.complete {
        return None;
    }
    let graph = match after(list, reader)? {
        None => {
            sort_tasks(&mut tasks);
            None
        }
        Some(after) => match Graph::sort(&mut tasks, &after, Jobs::Connected) {
            Ok(graph) => Some(Arc::new(graph)),
            Err(cycle) => {
                let title = cycle.describe(|position| position.to_string());
                let at =
                    cycle.0.first().and_then(|&task| list.value.items[task as usize].value.after.found());
                let at = at.map_or(list.key, |after| after.at);
                reader.report(Diagnostic::new(title, at, "none of them can ever start"));
                return None;
            }
        },
    };
    let has_users = list.value.items.iter().any(|task| task.value.user.found().is_some());
    let class_names = vec![String::new()];
    Some(Trace { tasks: Arc::from(tasks), class_names, has_estimates: false, has_users, graph })
}

/// For every task of the list the positions of those it waits for; `Some(None)` when none waits.
fn after(list: &Found<Several<TaskTable>>, reader: &mut Reader) -> Option<Option<Vec<Vec<u32>>>> {
    let count = list.value.items.len();
    let mut any = false;
    let mut sound = true;
    let mut all = Vec::with_capacity(count);
    for task in &list.value.items {
        let mut own = Vec::new();
        sound &= !task.value.after.is_broken();
        for parent in task.value.after.found().map_or(&[][..], |after| &after.value.items) {
            any = true;
            if parent.value.0 < count as u64 {
                own.push(parent.value.small());
                continue;
            }
            sound = false;
            let title = format!("there is no task {}", parent.value.0);
            let help = format!("tasks are named by their positions in the list, 0 to {}", count - 1);
            reader.report(Diagnostic::new(title, parent.at, "waits for nothing").help(help));
        }
        sound &= task.value.after.found().is_none_or(|after| after.value.complete);
        all.push(own);
    }
    sound.then_some(any.then_some(all))
}

fn task(
    found: &Found<TaskTable>,
    defaults: &TraceDefaults<'_>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
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
    let own = defaults.details.unwrap_or_default();
    let own = TaskDetails {
        weight: match &table.weight {
            Key::Broken => return None,
            key => key.value().map_or(own.weight, |weight| weight.0),
        },
        user: match &table.user {
            Key::Broken => return None,
            key => key.value().map_or(own.user, |user| user.small()),
        },
        lock: match &table.lock {
            Key::Broken => return None,
            key => key.value().map_or(NO_LOCK, |lock| lock.0 as u32),
        },
        demand: match &table.demand {
            Key::Found(demand) => {
                cluster.and_then(|cluster| cluster.supply.demand(&demand.value.amounts)).unwrap_or(0)
            }
            _ => own.demand,
        },
        ..own
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
    let zone = zones::number(&table.zone, zones, reader);
    let details = details(table, arrival, zone?, own)?;
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
        failure_probability: match &table.failure_probability {
            Key::Broken => return None,
            key => key.value().map_or(defaults.failure_probability, |probability| probability.0),
        },
        details: (details != NO_DETAILS).then(|| Box::new(details)),
    })
}

/// What only some tasks say, added to what is known of this one.
fn details(table: &TaskTable, arrival: Time, zone: u16, known: TaskDetails) -> Option<TaskDetails> {
    if table.key.is_broken() || table.size.is_broken() {
        return None;
    }
    let after = |key: &Key<Quantity<Seconds>>| match key {
        Key::Broken => None,
        key => Some(key.value().map_or(Time::NEVER, |after| {
            let after = Duration::from_seconds(after.0);
            after.and_then(|after| arrival.checked_add(after)).unwrap_or(Time::NEVER)
        })),
    };
    Some(TaskDetails {
        deadline: after(&table.deadline)?,
        gives_up: after(&table.patience)?,
        key: table.key.value().map_or(NO_KEY, |key| key.0),
        size: table.size.value().map_or(known.size, |size| size.0),
        zone,
        ..known
    })
}
