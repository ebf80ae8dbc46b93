//! From what the file says to a checked `Plan`: whatever keys must satisfy together.

use std::sync::Arc;

use super::alarms;
use super::diagnostics::{Diagnostic, Origin};
use super::distributions::{self, DistributionTable, MOST_SECONDS};
use super::disturbances;
use super::elastic;
use super::faults;
use super::guards;
use super::keys::{FailsWord, NodeTable, RunTable, ScenarioTable, SchedulerTable, UntilTable};
use super::policies::{self, Placed};
use super::reader::{Found, Key, Reader};
use super::replicas;
use super::resources::Supply;
use super::retry;
use super::rollback;
use super::run;
use super::speculation;
use super::tasks::{self, Tasks};
use super::values::{Seconds, grouped};
use super::zones;
use crate::distribution::Distribution;
use crate::experiment::plan::{NodeGroup, Plan};
use crate::faults::{FailsWhen, Faults, NodeFaults};
use crate::world::Delays;

/// More nodes than this are refused: their tables alone would take gigabytes.
const MOST_NODES: u64 = 16_000_000;

/// What the command line adds to the file.
pub(super) struct Given<'a> {
    /// The scenario's name when the file gives none.
    pub(super) default_name: &'a str,
    /// Policies chosen in place of the file's.
    pub(super) policies: &'a [(String, Origin)],
}

/// The cluster as far as it is known while some keys may be wrong.
pub(super) struct Cluster {
    pub(super) groups: Vec<NodeGroup>,
    /// Slots of the largest node and where they are given.
    pub(super) largest: Option<(u32, Origin)>,
    /// Named resources.
    pub(super) supply: Supply,
}

impl Cluster {
    /// Units of work per second of all slots together.
    pub(super) fn capacity(&self) -> f64 {
        self.groups.iter().map(|g| f64::from(g.count) * f64::from(g.slots) * g.speed).sum()
    }

    pub(super) fn slowest(&self) -> f64 {
        self.groups.iter().map(|group| group.speed).fold(f64::INFINITY, f64::min)
    }
}

/// The plan and its policies as they were written; `None` (or notes in `reader`) if anything is
/// wrong.
pub(super) fn check(
    scenario: &ScenarioTable,
    given: &Given<'_>,
    reader: &mut Reader,
) -> Option<(Plan, Vec<Placed>)> {
    if matches!(scenario.policies, Key::Absent) && given.policies.is_empty() && !reader.was_meant("policies")
    {
        reader.report(Diagnostic::new("missing key `policies`", Origin::whole(0), "").help(
            "name some, such as `policies = [\"round-robin\", \"least-loaded\"]`, or use `--policy NAME`",
        ));
    }
    let zones = zones::lower(&scenario.zones, &scenario.nodes, reader);
    let cluster = nodes(&scenario.nodes, reader);
    let count = cluster.as_ref().map(|c| c.groups.iter().map(|g| u64::from(g.count)).sum());
    let listed = scenario.policies.found().map(|found| &found.value.items[..]);
    let policies = policies::lower(listed, given.policies, count, reader);
    let retry = retry::lower(scenario.retry.value(), reader);
    let users = policies.iter().any(|(_, spec, _)| spec.order.is_over_users());
    let tasks = match &scenario.workload {
        Key::Found(workload) => tasks::lower(workload, cluster.as_ref(), zones.as_ref(), users, reader),
        other => {
            if !other.is_broken() && !reader.was_meant("workload") {
                reader.report(
                    Diagnostic::new("missing table [workload]", Origin::whole(0), "")
                        .help("say what is to be scheduled: `tasks`, `arrivals` and `duration`"),
                );
            }
            None
        }
    };
    let run = run::lower(scenario.run.value(), tasks.as_ref(), reader);
    run::check_service(scenario.run.value(), count, reader);
    if let Some(tasks) = &tasks {
        retry::check_tasks(scenario, tasks, reader);
        if let Some(cluster) = &cluster {
            too_long(scenario.run.value(), tasks, cluster, reader);
        }
    }
    let named = cluster.as_ref().is_some_and(|cluster| cluster.supply.is_named());
    policies::check_demands(&policies, named, tasks.as_ref().map(|tasks| tasks.has_users), reader);
    policies::check_limits(&policies, &queue_limits(scenario), reader);
    let delays = delays(scenario.scheduler.value(), reader);
    let guards = guards::lower(scenario.scheduler.value(), tasks.as_ref(), &queue_limits(scenario), reader);
    let faults = faults::lower(&scenario.faults, cluster.as_ref(), zones.as_ref(), reader);
    let attempts = scenario.workload.value().map(faults::of_attempts);
    let replicas = replicas::lower(scenario.scheduler.value(), reader);
    let rollback = rollback::lower(scenario, tasks.as_ref(), cluster.as_ref(), reader);
    let alarms = alarms::lower(scenario, reader);
    let has_deadlines = tasks.as_ref().map(|tasks| tasks.workload.has_deadlines());
    let nodes = faults.as_ref().zip(cluster.as_ref().map(|cluster| &cluster.groups[..]));
    alarms::check(scenario, has_deadlines, nodes, reader);
    retry::check_policies(scenario.retry.value(), &policies, reader);
    speculation::check(scenario, &policies, tasks.as_ref(), cluster.as_ref(), reader);
    let disturbed = delays.as_ref().is_some_and(|delays| delays.heartbeats.is_some())
        || faults
            .as_ref()
            .is_some_and(|faults| !faults.disturbances.is_empty() || faults.message_loss.is_some())
        || cluster.as_ref().is_some_and(|all| all.groups.iter().any(|group| !group.disturbances.is_empty()));
    retry::check_disturbances(scenario.retry.value(), disturbed, reader);
    replicas::check_disturbances(scenario.scheduler.value(), disturbed, reader);
    let elastic = elastic::lower(scenario, cluster.as_ref().map(|cluster| &cluster.groups[..]), reader);
    elastic::check_disturbances(scenario, disturbed, reader);
    let plan = Plan {
        name: scenario.name.value().map_or_else(|| given.default_name.to_string(), |name| name.0.clone()),
        description: scenario.description.value().cloned().unwrap_or_default(),
        run: run?,
        resources: Arc::new(cluster.as_ref()?.supply.resources()),
        groups: cluster?.groups,
        faults: Faults { attempts: attempts??, replicas: replicas?, rollback: rollback?, ..faults? },
        zones: zones?,
        workload: tasks?.workload,
        retry: retry?,
        queue_limit: match scenario.scheduler.value().map(|table| &table.queue_limit) {
            Some(Key::Broken) | None => return None,
            Some(key) => key.value().map(|limit| limit.0),
        },
        guards: guards?,
        alarms: alarms?,
        elastic: elastic?,
        delays: delays?,
        policies: policies.iter().map(|(_, spec, _)| spec.clone()).collect(),
    };
    Some((plan, policies))
}

/// Where it is said how many tasks may wait.
fn queue_limits(scenario: &ScenarioTable) -> Vec<Origin> {
    let central = scenario.scheduler.value().and_then(|table| table.queue_limit.found());
    let groups = scenario.nodes.value().map_or(&[][..], |nodes| &nodes.items[..]);
    let of_nodes = groups.iter().filter_map(|group| group.value.queue_limit.found());
    central.map(|limit| limit.key).into_iter().chain(of_nodes.map(|limit| limit.key)).collect()
}

fn nodes(key: &Key<super::several::Several<NodeTable>>, reader: &mut Reader) -> Option<Cluster> {
    let Key::Found(list) = key else {
        if !key.is_broken() && !reader.was_meant("nodes") {
            reader.report(
                Diagnostic::new("missing table [[nodes]]", Origin::whole(0), "")
                    .help("say what the tasks run on: `[[nodes]]` with `count`, `slots` and `speed`"),
            );
        }
        return None;
    };
    let groups: Vec<Option<NodeGroup>> =
        list.value.items.iter().map(|found| node_group(found, reader)).collect();
    let groups: Vec<NodeGroup> = groups.into_iter().collect::<Option<_>>()?;
    if !list.value.complete {
        return None;
    }
    let count: u64 = groups.iter().map(|group| u64::from(group.count)).sum();
    if count > MOST_NODES {
        let largest =
            list.value.items.iter().max_by_key(|node| node.value.count.value().map(|count| count.0));
        let at = largest.map_or(list.at, |node| node.value.count.found().map_or(node.at, |count| count.at));
        let title = format!("{} nodes are too many", grouped(count));
        reader.report(Diagnostic::new(title, at, format!("at most {} in all", grouped(MOST_NODES))));
        return None;
    }
    let largest = list
        .value
        .items
        .iter()
        .filter_map(|node| {
            let slots = node.value.slots.value()?.small();
            Some((slots, node.value.slots.found().map_or(node.at, |slots| slots.at)))
        })
        .max_by_key(|(slots, _)| *slots);
    if list.value.items.iter().any(|node| node.value.capacity.is_broken()) {
        return None;
    }
    let supply = Supply::new(&list.value.items, reader)?;
    Some(Cluster { groups, largest, supply })
}

fn node_group(found: &Found<NodeTable>, reader: &mut Reader) -> Option<NodeGroup> {
    let node = &found.value;
    let up = node.up.found().map(|up| distributions::lower_positive(up, "the time until a failure", reader));
    let down = node.down.found().map(|down| distributions::lower(down, reader));
    for (one, other, there, missing, meaning) in [
        (&node.up, &node.down, "up", "down", "how long a repair takes"),
        (&node.down, &node.up, "down", "up", "how long a node works until it fails"),
    ] {
        if let Some(given) = one.found()
            && other.is_silent()
        {
            let title = format!("`{there}` without `{missing}`");
            let help = format!("`{missing}` says {meaning}, such as `{missing}.exponential.mean = 100.0`");
            reader.report(Diagnostic::new(title, given.key, "one needs the other").help(help));
        }
    }
    let fails = *node.fails.value()?;
    if let Some(busy) = node.fails.found()
        && busy.value == FailsWord::Busy
        && node.up.is_silent()
        && node.down.is_silent()
    {
        let title = "`fails` without `up` and `down`";
        reader.report(Diagnostic::new(title, busy.at, "these nodes never fail"));
    }
    let faults = match (up, down) {
        (Some(up), Some(down)) => {
            let fails = match fails {
                FailsWord::Always => FailsWhen::Always,
                FailsWord::Busy => FailsWhen::Busy,
            };
            Some(NodeFaults { up: up?, down: down?, fails })
        }
        _ if node.up.is_broken() || node.down.is_broken() => return None,
        _ => None,
    };
    let disturbances = disturbances::by_chance(node, reader);
    let stay = elastic::stay(node, reader);
    let (slots, speed) = (node.slots.value()?.small(), node.speed.value()?.0);
    let weight = match &node.weight {
        Key::Broken => return None,
        key => key.value().map_or(speed * f64::from(slots), |weight| weight.0),
    };
    if !weight.is_finite() || weight == 0.0 {
        let at = node.speed.found().map_or(found.at, |speed| speed.at);
        reader.report(Diagnostic::new("`speed` x `slots` cannot be computed with", at, "too extreme"));
        return None;
    }
    Some(NodeGroup {
        name: node.name.value()?.0.clone(),
        count: node.count.value()?.small(),
        slots,
        speed,
        weight,
        zone: node.zone.value().map(|zone| zone.0.clone()),
        queue_limit: match &node.queue_limit {
            Key::Broken => return None,
            key => key.value().map(|limit| limit.small()),
        },
        failure_probability: node.failure_probability.value()?.0,
        faults,
        disturbances: disturbances?,
        stay: stay?,
        price: elastic::price(node)?,
    })
}

fn delays(table: Option<&SchedulerTable>, reader: &mut Reader) -> Option<Delays> {
    let table = table?;
    let dispatch = delay(&table.dispatch_delay, reader);
    let completion = delay(&table.completion_delay, reader);
    let detection = delay(&table.detection_delay, reader);
    let join = delay(&table.join_delay, reader);
    let heartbeats = disturbances::monitor(table, reader);
    Some(Delays {
        dispatch: dispatch?,
        completion: completion?,
        detection: detection?,
        join: join?,
        heartbeats: heartbeats?,
        course: 0,
    })
}

/// `Some(None)` is no delay at all.
pub(super) fn delay(
    key: &Key<DistributionTable<Seconds>>,
    reader: &mut Reader,
) -> Option<Option<Distribution>> {
    match key {
        Key::Broken => None,
        Key::Found(found) => {
            let delay = distributions::lower(found, reader)?;
            Some((delay != Distribution::constant(0.0)).then_some(delay))
        }
        Key::Absent | Key::Default(_) => Some(None),
    }
}

/// Refuses what is sure to run past the end of time.
fn too_long(run: Option<&RunTable>, tasks: &Tasks, cluster: &Cluster, reader: &mut Reader) {
    const LIMIT: &str = "simulated time ends after 584 years";
    let mut late = |at: Origin, what: String| reader.report(Diagnostic::new(LIMIT, at, what));
    let settled = run.and_then(|run| run.until.value()).is_none_or(|until| *until == UntilTable::Settled);
    if settled && tasks.last_arrival > MOST_SECONDS {
        late(tasks.arrivals_at, format!("the last task arrives after about {:.0e} s", tasks.last_arrival));
    }
    let longest = tasks.longest / cluster.slowest();
    let total = tasks.total_work / cluster.capacity();
    if longest.is_nan() || longest > MOST_SECONDS {
        late(tasks.work_at, format!("a task takes about {longest:.0e} s on the slowest node"));
    } else if settled && total > MOST_SECONDS {
        late(tasks.work_at, format!("all tasks take about {total:.0e} s on all nodes together"));
    }
}
