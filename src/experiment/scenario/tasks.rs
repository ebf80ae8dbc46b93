//! The checked workload, as generated from distributions; for the rest see `listed`.

use super::check::Cluster;
use super::diagnostics::{Diagnostic, Origin};
use super::distributions::{self, DistributionTable};
use super::guards;
use super::keys::{ClassTable, DemandTable, EstimateTable, EstimateWord, NoiseTable, WorkloadTable};
use super::listed::listed;
use super::reader::{Found, Key, Reader};
use super::resources::fits_amounts;
use super::several::Several;
use super::values::{Plain, Unit};
use super::{arrivals, jobs, spawn, values::grouped, zones};
use crate::distribution::Distribution;
use crate::experiment::plan::ZonePlan;
use crate::workload::jobs::Shape;
use crate::workload::spawn::Spawn;
use crate::workload::{Arrivals, ClassDetails, EstimateSpec, TaskClass, Workload};

/// The workload, and what checks across tables want to know of it.
pub(super) struct Tasks {
    pub(super) workload: Workload,
    /// Where it says how many tasks there are.
    pub(super) count_at: Origin,
    pub(super) arrivals_at: Origin,
    pub(super) work_at: Origin,
    /// About when the last task arrives, in seconds.
    pub(super) last_arrival: f64,
    /// Largest mean work of a kind of task (largest work in a trace).
    pub(super) longest: f64,
    /// About how much work there is in all.
    pub(super) total_work: f64,
    /// Whether it is said who submits tasks.
    pub(super) has_users: bool,
}

/// The checked workload. `users` says whether a policy asks who submits tasks: a log is read for that
/// only then.
pub(super) fn lower(
    found: &Found<WorkloadTable>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    users: bool,
    reader: &mut Reader,
) -> Option<Tasks> {
    let table = &found.value;
    let given = [
        table.trace.found().map(|trace| (trace.key, "a trace")),
        table.tasks_list.found().map(|list| (list.key, "a list of tasks")),
    ];
    let given: Vec<_> = given.into_iter().flatten().collect();
    match given[..] {
        [] if table.trace.is_broken() || table.tasks_list.is_broken() => None,
        [] => generated(found, cluster, zones, reader),
        [source] => {
            let alone = no_generator(table, source, reader);
            let tasks = listed(table, cluster, zones, users, reader);
            if alone { tasks } else { None }
        }
        [first, second, ..] => {
            let (first, second) = if first.0 < second.0 { (first, second) } else { (second, first) };
            two_sources(second, first, reader);
            None
        }
    }
}

fn two_sources((at, label): (Origin, &str), (first, other): (Origin, &str), reader: &mut Reader) {
    reader.report(
        Diagnostic::new("the tasks come from two sources", at, label)
            .context(first, other)
            .help("keep one of them"),
    );
}

/// A trace has its own number of tasks, arrivals and works.
fn no_generator(table: &WorkloadTable, source: (Origin, &'static str), reader: &mut Reader) -> bool {
    let keys = [
        table.tasks.found().map(|found| (found.key, "generates tasks")),
        table.arrivals.found().map(|found| (found.key, "generates arrivals")),
        table.duration.found().map(|found| (found.key, "generates work")),
        table.classes.found().map(|found| (found.key, "generates a mix of tasks")),
        table.key.found().map(|found| (found.key, "generates keys")),
        table.lock.found().map(|found| (found.key, "generates locks")),
        table.jobs.found().map(|found| (found.key, "generates jobs")),
        table.spawn.found().map(|found| (found.key, "generates tasks")),
    ];
    // One message: the others would say the same.
    match keys.into_iter().flatten().min() {
        Some(key) => {
            two_sources(key, source, reader);
            false
        }
        None => true,
    }
}

fn generated(
    found: &Found<WorkloadTable>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Tasks> {
    let table = &found.value;
    let arrivals = match &table.arrivals {
        Key::Found(arrivals) => arrivals::lower(arrivals, reader),
        Key::Broken => None,
        Key::Absent | Key::Default(_) => Some((Arrivals::AtOnce, 0.0)),
    };
    nothing_to_kill_at(table, reader);
    let count = count(found, arrivals.as_ref(), reader);
    let classes = classes(found, cluster, zones, reader);
    let jobs = match &table.jobs {
        Key::Broken => return None,
        Key::Found(jobs) => Some(jobs::lower(jobs, reader)?),
        Key::Absent | Key::Default(_) => None,
    };
    let spawn = match &table.spawn {
        Key::Broken => return None,
        Key::Found(spawn) => Some(spawn::lower(spawn, &table.jobs, count.map(|(tasks, _)| tasks), reader)?),
        Key::Absent | Key::Default(_) => None,
    };
    let (arrivals, gap) = arrivals?;
    if let (Arrivals::Times { .. }, Some(times), Some(jobs)) =
        (&arrivals, table.arrivals.found(), table.jobs.found())
    {
        let title = "listed `times` of arrival do not go with `jobs`";
        let help = "how many jobs there are depends on their sizes; name a process, such as `poisson`";
        reader.report(Diagnostic::new(title, times.at, "of how many jobs?").context(jobs.key, "").help(help));
        return None;
    }
    let (tasks, count_at) = count?;
    let classes = classes?;
    let means = classes.iter().map(|class| class.share * class.duration.mean().unwrap_or(f64::INFINITY));
    let mean: f64 = means.sum();
    let longest = classes.iter().filter_map(|class| class.duration.mean()).fold(0.0, f64::max);
    Some(Tasks {
        count_at,
        arrivals_at: table.arrivals.found().map_or(count_at, |arrivals| arrivals.at),
        work_at: table.duration.found().map_or(found.key, |duration| duration.at),
        last_arrival: gap * f64::from(tasks) / jobs.as_ref().and_then(Shape::mean_tasks).unwrap_or(1.0),
        longest,
        total_work: mean * f64::from(tasks) * spawn.as_ref().and_then(Spawn::mean_tasks).unwrap_or(1.0),
        has_users: classes.iter().any(|class| class.details.user.is_some()),
        workload: Workload::Generated { tasks, arrivals, classes, jobs, spawn },
    })
}

/// How many tasks, and where that is said: with `times`, as many as there are unless fewer are
/// asked for.
fn count(
    found: &Found<WorkloadTable>,
    arrivals: Option<&(Arrivals, f64)>,
    reader: &mut Reader,
) -> Option<(u32, Origin)> {
    let table = &found.value;
    let times = match (arrivals, table.arrivals.found()) {
        (Some((Arrivals::Times { times }, _)), Some(arrivals)) => Some((times.len(), arrivals.at)),
        _ => None,
    };
    match (&table.tasks, times) {
        (Key::Found(tasks), Some((times, at))) if tasks.value.0 > times as u64 => {
            let title = "more tasks than times of arrival";
            let label = format!("wants {}", grouped(tasks.value.0));
            let times = format!("{} times", grouped(times as u64));
            reader.report(Diagnostic::new(title, tasks.at, label).context(at, times));
            None
        }
        (Key::Found(tasks), _) => Some((tasks.value.small(), tasks.at)),
        (Key::Broken, _) => None,
        (_, Some((times, at))) => Some((u32::try_from(times).ok()?, at)),
        // Without knowing the arrivals, whether `tasks` is needed is not known either.
        (_, None) if table.arrivals.is_broken() || reader.was_meant("workload.tasks") => None,
        (_, None) => {
            let title = "missing key `tasks` in [workload]";
            let help = "say how many tasks to generate, or name a `trace` or a `tasks_list`";
            reader.report(Diagnostic::new(title, found.key, "has no `tasks`").help(help));
            None
        }
    }
}

fn classes(
    found: &Found<WorkloadTable>,
    cluster: Option<&Cluster>,
    zones: Option<&ZonePlan>,
    reader: &mut Reader,
) -> Option<Vec<TaskClass>> {
    let table = &found.value;
    let unnamed = |class: ClassTable| vec![Found { key: found.key, at: found.at, value: class }];
    let whole = ClassTable {
        name: Key::Default(super::words::Name(String::new())),
        share: Key::Default(super::values::Fraction(1.0)),
        ..ClassTable::default()
    };
    let list = match &table.classes {
        Key::Broken => return None,
        Key::Found(classes) => classes.value.items.clone(),
        Key::Absent | Key::Default(_) => unnamed(whole),
    };
    // What [workload] says itself is checked once, however many classes fall back on it.
    let duration = table.duration.found().map(|duration| work(duration, reader));
    let priority = match &table.priority {
        Key::Found(priority) => distributions::lower(priority, reader),
        Key::Broken => None,
        Key::Absent | Key::Default(_) => Some(Distribution::constant(0.0)),
    };
    if let Some(demand) = table.demand.found() {
        fits(demand, cluster, reader);
    }
    let user = table.user.found().map(|user| distributions::lower(user, reader));
    let estimate = generated_estimate(&table.estimate, reader);
    let deadline = optional(&table.deadline, reader);
    let patience = optional(&table.patience, reader);
    let key = table.key.found().map(|key| distributions::lower(key, reader));
    let lock = guards::lock(&table.lock, reader);
    let size = sizes(&table.size, reader);
    let zone = zones::number(&table.zone, zones, reader);
    let mut classes = Vec::new();
    let mut missing = Vec::new();
    for class in &list {
        let own = &class.value;
        let duration = match (&own.duration, &duration) {
            (Key::Found(duration), _) => work(duration, reader),
            (Key::Broken, _) => None,
            (_, Some(duration)) => duration.clone(),
            (_, None) => {
                missing.push(class.key);
                None
            }
        };
        let own_user = own.user.found().map(|user| distributions::lower(user, reader));
        let own_deadline = optional(&own.deadline, reader);
        let own_patience = optional(&own.patience, reader);
        let own_priority = own.priority.found().map(|priority| distributions::lower(priority, reader));
        if let Some(demand) = own.demand.found() {
            fits(demand, cluster, reader);
        }
        let estimate = match own.estimate.is_silent() {
            true => estimate,
            false => generated_estimate(&own.estimate, reader),
        };
        let own_key = own.key.found().map(|key| distributions::lower(key, reader));
        let own_lock = guards::lock(&own.lock, reader);
        let own_size = sizes(&own.size, reader);
        let own_zone = zones::number(&own.zone, zones, reader);
        for (silent, key) in [(own.name.is_silent(), "name"), (own.share.is_silent(), "share")] {
            if silent && !table.classes.is_silent() {
                reader.missing_key(class.at, key, ClassTable::SHOWN);
            }
        }
        let user = if own.user.is_broken() || table.user.is_broken() {
            None
        } else {
            own_user.or_else(|| user.clone()).map_or(Some(None), |user| user.map(Some))
        };
        classes.push((|| {
            let demand = either(&own.demand, &table.demand)?;
            let row = cluster.and_then(|cluster| cluster.supply.demand(&demand.amounts));
            Some(TaskClass {
                name: own.name.value()?.0.clone(),
                share: own.share.value()?.0,
                duration: duration?,
                priority: if own.priority.is_broken() {
                    None
                } else {
                    own_priority.unwrap_or(priority.clone())
                }?,
                slots: demand.slots.value()?.small(),
                failure_probability: either(&own.failure_probability, &table.failure_probability)?.0,
                estimate: estimate?,
                details: ClassDetails {
                    weight: either(&own.weight, &table.weight)?.0,
                    user: user?,
                    // Without a row what is wrong with the demand has been noted.
                    demand: row.unwrap_or(0),
                    deadline: own_deadline?.or(deadline.clone()?),
                    patience: own_patience?.or(patience.clone()?),
                    key: match if own.key.is_silent() { &key } else { &own_key } {
                        Some(key) => Some(key.clone()?),
                        None if own.key.is_broken() || table.key.is_broken() => return None,
                        None => None,
                    },
                    lock: own_lock?.or(lock?),
                    size: own_size?.or(size.clone()?),
                    zone: if own.zone.is_silent() { zone } else { own_zone }?,
                },
            })
        })());
    }
    // A wrong `duration` has been noted; a missing one is noted where it is looked for first.
    if let Some(class) = missing.first()
        && !table.duration.is_broken()
        && !reader.was_meant("workload.duration")
    {
        let at = if table.classes.is_silent() { found.key } else { *class };
        let title = "missing key `duration` in [workload]";
        let help = "units of work of a task, such as `duration.exponential.mean = 1.0`";
        reader.report(Diagnostic::new(title, at, "has no `duration`").help(help));
    }
    if let Key::Found(list) = &table.classes {
        class_names(list, reader);
        if !list.value.complete {
            return None;
        }
        shares(list, reader);
        if list.value.items.len() > usize::from(u16::MAX) {
            reader.report(Diagnostic::new("too many classes", list.key, "at most 65,535"));
            return None;
        }
    }
    classes.into_iter().collect()
}

/// A distribution that need not be given; `None` when it is wrong.
fn optional<U: Unit>(key: &Key<DistributionTable<U>>, reader: &mut Reader) -> Option<Option<Distribution>> {
    match key {
        Key::Broken => None,
        Key::Found(found) => distributions::lower(found, reader).map(Some),
        Key::Absent | Key::Default(_) => Some(None),
    }
}

fn sizes(key: &Key<DistributionTable<Plain>>, reader: &mut Reader) -> Option<Option<Distribution>> {
    match key {
        Key::Found(found) => distributions::lower_sizes(found, reader).map(Some),
        other => optional(other, reader),
    }
}

fn work(found: &Found<DistributionTable<Plain>>, reader: &mut Reader) -> Option<Distribution> {
    distributions::lower_positive(found, "the work of a task", reader)
}

fn either<'a, T>(own: &'a Key<T>, common: &'a Key<T>) -> Option<&'a T> {
    match own {
        Key::Absent => common.value(),
        own => own.value(),
    }
}

fn class_names(list: &Found<Several<ClassTable>>, reader: &mut Reader) {
    let names: Vec<_> = list.value.items.iter().filter_map(|class| class.value.name.found()).collect();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names[..index].iter().find(|other| other.value == name.value) {
            let title = format!("two classes are called `{}`", name.value.0);
            reader.report(Diagnostic::new(title, name.at, "again").context(first.at, "first"));
        }
    }
}

fn shares(list: &Found<Several<ClassTable>>, reader: &mut Reader) {
    let shares: Option<Vec<_>> = list.value.items.iter().map(|class| class.value.share.found()).collect();
    let Some(shares) = shares else { return };
    let sum: f64 = shares.iter().map(|share| share.value.0).sum();
    let (Some(last), true) = (shares.last(), (sum - 1.0).abs() > 1e-9) else { return };
    // 0.1 + 0.2 is no more than 0.3 to people.
    let sum = (sum * 1e9).round() / 1e9;
    let mut diagnostic =
        Diagnostic::new("the shares of the classes must sum to 1", last.at, format!("they sum to {sum}"));
    for share in shares.iter().rev().skip(1).take(4) {
        diagnostic = diagnostic.context(share.at, "");
    }
    reader.report(diagnostic);
}

/// Refuses a demand that no node can meet.
pub(super) fn fits(demand: &Found<DemandTable>, cluster: Option<&Cluster>, reader: &mut Reader) {
    let DemandTable { slots, amounts } = &demand.value;
    if let Some(slots) = slots.found() {
        fits_slots(slots.value.small(), slots.at, cluster, reader);
    }
    let slots = slots.value().map_or(1, |slots| slots.small());
    fits_amounts(amounts, slots, demand.at, cluster, reader);
}

pub(super) fn fits_slots(slots: u32, at: Origin, cluster: Option<&Cluster>, reader: &mut Reader) {
    let Some((largest, largest_at)) = cluster.and_then(|cluster| cluster.largest) else { return };
    if slots > largest {
        reader.report(
            Diagnostic::new("no node can meet this demand", at, format!("asks for {slots}"))
                .context(largest_at, format!("the largest node has {largest}"))
                .help(format!("lower the demand, or add nodes with `slots = {slots}`")),
        );
    }
}

fn generated_estimate(key: &Key<EstimateTable>, reader: &mut Reader) -> Option<EstimateSpec> {
    let estimate = estimate(key.value()?);
    if let (EstimateSpec::Requested, Some(found)) = (estimate, key.found()) {
        no_requests(found.at, reader);
        return None;
    }
    Some(estimate)
}

pub(super) fn estimate(table: &EstimateTable) -> EstimateSpec {
    match table {
        EstimateTable::Word(EstimateWord::Exact) => EstimateSpec::Exact,
        EstimateTable::Word(EstimateWord::ClassMean) => EstimateSpec::ClassMean,
        EstimateTable::Word(EstimateWord::Requested) => EstimateSpec::Requested,
        EstimateTable::Noise(NoiseTable::Lognormal(noise)) => {
            EstimateSpec::Noise { sigma: noise.sigma.value.0 }
        }
    }
}

pub(super) fn no_requests(at: Origin, reader: &mut Reader) {
    reader.report(
        Diagnostic::new("these tasks come without requested times", at, "nothing is requested")
            .help("`requested` needs a trace that says so; use \"exact\", \"class-mean\" or `noise`"),
    );
}

/// Attempts are ended at a requested time only where one is requested.
pub(super) fn nothing_to_kill_at(table: &WorkloadTable, reader: &mut Reader) {
    if let Some(found) = table.kill_at_requested.found().filter(|found| found.value) {
        reader.report(
            Diagnostic::new("these tasks come without requested times", found.at, "nothing is requested")
                .help("`kill_at_requested` needs a trace that says so; leave it out"),
        );
    }
}
