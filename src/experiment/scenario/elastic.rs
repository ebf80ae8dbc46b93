//! Nodes that come and go: as planned in [[nodes]], or as the `[scheduler.autoscale]` table says.

use super::check;
use super::declare::{choice, parameters, table, words};
use super::diagnostics::{Diagnostic, Origin};
use super::distributions::DistributionTable;
use super::keys::{NodeTable, ScenarioTable};
use super::reader::{Found, Key, Reader};
use super::values::{Count, Fraction, Plain, Positive, Quantity, Seconds, Whole};
use super::words::Name;
use crate::experiment::plan::{Elastic, NodeGroup};
use crate::faults::Stay;
use crate::scheduler::{AutoscalePlan, LetGo, ScalingRule};
use crate::time::{Duration, Time};

table! {
    /// The scheduler starts nodes of a group when there is too much to do, and lets them go when there is too
    /// little.
    AutoscaleTable, "[scheduler.autoscale]" {
        /// The group of nodes, by the name of its [[nodes]] entry.
        group: Name;
        /// No fewer of its nodes than this are there or on their way.
        min: Whole<0, { u32::MAX as u64 }> = Whole(0);
        /// No more of its nodes than this at a time; `count` of the group by default.
        max: Count;
        /// Nodes that are there at the start; `min` by default.
        initial: Whole<0, { u32::MAX as u64 }>;
        /// When there is too much to do, and when too little.
        by: ScalingTable;
        /// Nodes that it starts or lets go at a time.
        step: Count = Whole(1);
        /// Time between two looks; 0 to look whenever anything was decided.
        interval: Quantity<Seconds> = Quantity::new(30.0);
        /// Time from the decision to start a node until it joins.
        boot_delay: DistributionTable<Seconds> = DistributionTable::constant(0.0);
        /// Time after a change in which there is no other.
        cooldown: Quantity<Seconds> = Quantity::new(0.0);
        /// Which nodes go: the "newest" of all, or of those that are "idle".
        let_go: LetGoWord = LetGoWord::Idle;
    }
}

choice! {
    /// When there is too much to do, and when too little.
    ScalingTable, "rule to scale by", {
        /// Waiting tasks per node.
        QueueLength "queue-length": QueueLengthTable;
        /// The share of slots that are taken, on average since the last look.
        Utilisation "utilisation": UtilisationTable;
    }
}

parameters! {
    /// Waiting tasks per node that takes tasks or is on its way.
    QueueLengthTable, "`queue-length`" {
        /// More than this per node are too many.
        up: Positive<Plain>;
        /// Fewer than this per node are too few.
        down: Quantity<Plain>;
    }
}

parameters! {
    /// Slots that are taken per slot of nodes that take tasks or are on their way.
    UtilisationTable, "`utilisation`" {
        /// More than this is too much.
        up: Fraction;
        /// Less than this is too little.
        down: Fraction;
    }
}

words! {
    /// Which nodes go.
    LetGoWord {
        /// The last that joined of those where nothing runs or waits, or that are lost; no others.
        Idle "idle";
        /// The last that joined, whatever runs there.
        Newest "newest";
    }
}

/// When the nodes of a group are there.
pub(super) fn stay(node: &NodeTable, reader: &mut Reader) -> Option<Stay> {
    let join = Time::from_seconds(node.join.value()?.0)?;
    let leave = match &node.leave {
        Key::Broken => return None,
        Key::Found(found) => Time::from_seconds(found.value.0)?,
        Key::Absent | Key::Default(_) => Time::NEVER,
    };
    if let (true, Some(found)) = (leave <= join, node.leave.found()) {
        let mut diagnostic = Diagnostic::new("nodes leave after they join", found.at, "not after `join`");
        if let Some(join) = node.join.found() {
            diagnostic = diagnostic.context(join.at, "`join`");
        }
        reader.report(diagnostic);
        return None;
    }
    Some(Stay { join, leave })
}

/// What a second of a node costs; `Some(None)` when it does not say.
pub(super) fn price(node: &NodeTable) -> Option<Option<f64>> {
    match &node.price {
        Key::Broken => None,
        key => Some(key.value().map(|price| price.0)),
    }
}

/// The autoscaler, if there is one.
pub(super) fn lower(
    scenario: &ScenarioTable,
    groups: Option<&[NodeGroup]>,
    reader: &mut Reader,
) -> Option<Elastic> {
    let found = match &scenario.scheduler.value()?.autoscale {
        Key::Broken => return None,
        Key::Found(found) => found,
        Key::Absent | Key::Default(_) => return Some(Elastic::default()),
    };
    let table = &found.value;
    if table.group.is_silent() {
        reader.missing_key(found.at, "group", AutoscaleTable::SHOWN);
    }
    if table.by.is_silent() && !reader.was_meant("by") {
        let help = "such as `by.queue-length = { up = 2.0, down = 0.5 }`";
        let title = "an autoscaler needs a rule to scale by";
        reader.report(Diagnostic::new(title, found.at, "has no `by`").help(help));
    }
    let rule = table.by.found().and_then(|by| rule(&by.value, reader));
    let boot_delay = check::delay(&table.boot_delay, reader);
    let group = table.group.found().zip(groups).and_then(|(name, groups)| group(name, groups, reader));
    let (index, first, count) = group?;
    if let Some(node) = scenario.nodes.value().and_then(|nodes| nodes.items.get(index)) {
        stays_are_its_own(&node.value, table.group.found()?.at, reader);
    }
    let (min, max, initial) = bounds(table, count, reader)?;
    let plan = AutoscalePlan {
        first,
        count,
        min,
        max,
        initial,
        rule: rule?,
        step: table.step.value()?.small(),
        interval: Duration::from_seconds(table.interval.value()?.0)?,
        cooldown: Duration::from_seconds(table.cooldown.value()?.0)?,
        let_go: match table.let_go.value()? {
            LetGoWord::Idle => LetGo::Idle,
            LetGoWord::Newest => LetGo::Newest,
        },
    };
    Some(Elastic { autoscale: Some(plan), boot_delay: boot_delay? })
}

/// The entry that is called so, its first node, and how many it has.
fn group(name: &Found<Name>, groups: &[NodeGroup], reader: &mut Reader) -> Option<(usize, u32, u32)> {
    let called = |group: &&NodeGroup| group.name == name.value.0;
    if groups.iter().filter(called).count() > 1 {
        let title = format!("several groups of nodes are called `{}`", name.value.0);
        reader.report(
            Diagnostic::new(title, name.at, "which of them?")
                .help("give the group that comes and goes a `name` of its own"),
        );
        return None;
    }
    let Some(index) = groups.iter().position(|group| called(&group)) else {
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        return reader.unknown_name(name.at, "group of nodes", &name.value.0, &names);
    };
    let first = groups[..index].iter().map(|group| group.count).sum();
    Some((index, first, groups[index].count))
}

/// Whoever scales a group says alone when its nodes are there.
fn stays_are_its_own(node: &NodeTable, group: Origin, reader: &mut Reader) {
    let keys = [node.join.found().map(|join| join.key), node.leave.found().map(|leave| leave.key)];
    for at in keys.into_iter().flatten() {
        let title = "the nodes of this group come and go as the autoscaler says";
        reader.report(
            Diagnostic::new(title, at, "cannot be planned too")
                .context(group, "scales the group")
                .help("leave it out, or put the planned nodes into a group of their own"),
        );
    }
}

/// The fewest and the most nodes, and those at the start.
fn bounds(table: &AutoscaleTable, count: u32, reader: &mut Reader) -> Option<(u32, u32, u32)> {
    let given = |key: &Key<Count>, default| match key {
        Key::Broken => None,
        key => Some(key.value().map_or(default, |value| value.small())),
    };
    let min = table.min.value()?.small();
    let max = given(&table.max, count)?;
    let initial = match &table.initial {
        Key::Broken => return None,
        key => key.value().map_or(min, |initial| initial.small()),
    };
    let mut refuse = |at: Option<Origin>, title: String, label: String| {
        // What is not given is not wrong: another key is.
        let at = at.or(table.max.found().map(|max| max.at)).or(table.min.found().map(|min| min.at));
        if let Some(at) = at {
            reader.report(Diagnostic::new(title, at, label));
        }
        None
    };
    if max > count {
        let label = format!("the group has {count}");
        let at = table.max.found().map(|max| max.at);
        return refuse(at, "`max` is more nodes than the group has".to_string(), label);
    }
    if min > max {
        let label = format!("at least {min}, at most {max}");
        return refuse(None, "`min` is more nodes than `max`".to_string(), label);
    }
    if initial < min || initial > max {
        let at = table.initial.found().map(|initial| initial.at);
        let title = "`initial` is from `min` to `max`".to_string();
        return refuse(at, title, format!("{initial} is not from {min} to {max}"));
    }
    Some((min, max, initial))
}

fn rule(table: &ScalingTable, reader: &mut Reader) -> Option<ScalingRule> {
    let (rule, up, down, at, given) = match table {
        ScalingTable::QueueLength(rule) => {
            let (up, down) = (rule.up.value.0, rule.down.value.0);
            (ScalingRule::QueueLength { up, down }, up, down, rule.down.at, rule.up.at)
        }
        ScalingTable::Utilisation(rule) => {
            let (up, down) = (rule.up.value.0, rule.down.value.0);
            if up == 0.0 || up == 1.0 {
                let title = "`up` of a utilisation is above 0 and below 1";
                reader.report(Diagnostic::new(title, rule.up.at, "no more than all slots are taken"));
                return None;
            }
            (ScalingRule::Utilisation { up, down }, up, down, rule.down.at, rule.up.at)
        }
    };
    if down >= up {
        let title = "`down` must be below `up`";
        let label = "nodes would come and go all the time";
        reader.report(Diagnostic::new(title, at, label).context(given, "`up`"));
        return None;
    }
    Some(rule)
}

/// What is cut off, paused or silent could not be drained in any order that a monitor would understand.
pub(super) fn check_disturbances(scenario: &ScenarioTable, disturbed: bool, reader: &mut Reader) {
    if !disturbed {
        return;
    }
    let autoscale = scenario.scheduler.value().and_then(|table| table.autoscale.found());
    let groups = scenario.nodes.value().map_or(&[][..], |nodes| &nodes.items[..]);
    let joins = groups.iter().filter_map(|group| {
        let join = group.value.join.found().filter(|join| join.value.0 > 0.0).map(|join| join.key);
        join.or(group.value.leave.found().map(|leave| leave.key))
    });
    if let Some(at) = autoscale.map(|found| found.key).into_iter().chain(joins).next() {
        reader.report(
            Diagnostic::new("nodes that come and go, and nodes that can be disturbed", at, "not supported")
                .help("leave out either this, or what is slow, pauses, is cut off or lost, and the monitor"),
        );
    }
}
