//! What `falcon check` says: how much held, or the small run that breaks a rule.

use std::fmt::Write;

use super::csv::node_names;
use super::number::{count, nine_decimals, seconds, significant};
use super::records::{self, Said};
use crate::audit::Rule;
use crate::experiment::check::{CheckOptions, Fault, Found, Held};
use crate::experiment::plan::Plan;
use crate::ids::NodeId;
use crate::time::{Duration, Time};

/// Records shown of a run that breaks a rule.
const RECORDS: usize = 24;

/// Nodes named by their names; of more only how many there are.
const NODES: usize = 6;

/// All rules held.
pub fn held(plan: &Plan, options: &CheckOptions<'_>, held: &Held) -> String {
    let mut text = format!("{}: all {} rules hold\n", plan.name, Rule::ALL.len());
    let last = options.from.wrapping_add(options.seeds - 1);
    let policies = match plan.policies.len() {
        1 => format!("policy {}", plan.policies[0].name),
        several => format!("{} policies", count(several as u64)),
    };
    let _ = writeln!(
        text,
        "  {} runs: {policies}, seeds {} to {last}, {} tasks",
        count(held.runs),
        options.from,
        count(held.tasks),
    );
    let _ = writeln!(
        text,
        "  {} facts and decisions, each held against the rules; {} of simulated time",
        count(held.steps),
        length(held.simulated)
    );
    let mut drawn = String::new();
    for (name, runs) in held.faults.iter().filter(|(_, runs)| *runs > 0) {
        let _ = write!(drawn, "{}{} in {}", if drawn.is_empty() { "" } else { ", " }, name, count(*runs));
    }
    let _ = writeln!(text, "  drawn, in so many runs: {drawn}");
    if held.given_up > 0 {
        let _ = writeln!(
            text,
            "  {} of the runs were given up before everything was settled: what always starts over may never end",
            count(held.given_up)
        );
    }
    text
}

/// A time for people.
fn length(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 120.0 => (s, "s"),
        s if s < 7200.0 => (s / 60.0, "minutes"),
        s if s < 172_800.0 => (s / 3600.0, "hours"),
        s if s < 63_115_200.0 => (s / 86_400.0, "days"),
        s => (s / 31_557_600.0, "years"),
    };
    format!("{} {unit}", significant(value, 3))
}

/// How many times faster than the time it simulates a check was.
pub fn speed(held: &Held, wall: std::time::Duration) -> String {
    let times = held.simulated / wall.as_secs_f64().max(1e-9);
    if times < 1.0 {
        return format!("{} times the time it simulates", significant(1.0 / times.max(1e-12), 2));
    }
    let times = if times >= 10_000.0 {
        // To two digits: the rest is the host's.
        let unit = 10f64.powi(times.log10().floor() as i32 - 1);
        count(((times / unit).round() * unit) as u64)
    } else {
        significant(times, 2)
    };
    format!("{times} times faster than the time it simulates")
}

/// A rule is broken: which, how, and what is left of the run.
pub fn found(plan: &Plan, found: &Found, repeat: &str) -> String {
    let names = node_names(plan);
    let name = |node: NodeId| {
        names.get(node.index()).map_or_else(|| format!("node {}", node.0), |(name, ..)| name.clone())
    };
    let Found { violation, .. } = found;
    let mut text = format!("{}: a rule is broken\n", plan.name);
    let task = violation.task.map(|task| format!("task {task}"));
    let subject: Vec<String> = task.into_iter().chain(violation.node.map(name)).collect();
    let subject = if subject.is_empty() { String::new() } else { format!("{}: ", subject.join(", ")) };
    let at = seconds(violation.at.since(Time::ZERO));
    let _ = writeln!(text, "  rule    {}", violation.rule.sentence());
    let _ = writeln!(text, "  broken  at {at} s, {subject}{}", violation.what);
    let _ = writeln!(text, "  run     policy {}, seed {}", found.policy, found.seed);
    let _ = writeln!(
        text,
        "  tasks   the first {} of {}",
        count(found.tasks.into()),
        count(found.tasks_before.into())
    );
    let left = found.faults.len();
    let _ = match left {
        0 => writeln!(text, "  faults  none of the {} that were drawn is needed", found.faults_before),
        _ => writeln!(text, "  faults  {left} of the {} that were drawn:", found.faults_before),
    };
    for fault in &found.faults {
        let _ = writeln!(text, "            {}", sentence(fault, &name));
    }
    records_of(&mut text, found, &name);
    let _ = writeln!(text, "  repeat  {repeat}");
    text
}

/// `node-3, from 10.2 s to 14 s: out`.
fn sentence(fault: &Fault, name: &impl Fn(NodeId) -> String) -> String {
    let nodes = fault.nodes();
    let mut parts: Vec<String> = match nodes.len() {
        0..=NODES => nodes.iter().map(|node| name(NodeId(*node))).collect(),
        many => vec![format!("{} nodes from {} on", count(many as u64), name(NodeId(nodes[0])))],
    };
    if let Some((from, to)) = fault.span() {
        let at = |seconds: f64| super::number::seconds(Duration::from_seconds(seconds).unwrap_or_default());
        parts.push(format!("from {} s to {} s", at(from), at(to)));
    }
    let subject = parts.join(", ");
    if subject.is_empty() { fault.words() } else { format!("{subject}: {}", fault.words()) }
}

/// The last records of the task and the node that the violation is about; of all, where it names neither.
fn records_of(text: &mut String, found: &Found, name: &impl Fn(NodeId) -> String) {
    let (task, node) = (found.violation.task, found.violation.node);
    let concerns = |said: &Said| {
        let names_neither = task.is_none() && node.is_none();
        names_neither || (task.is_some() && said.task == task) || (node.is_some() && said.node == node)
    };
    let said: Vec<(Time, Said)> = found
        .history
        .iter()
        .map(|(at, record)| (*at, records::in_words(record, name)))
        .filter(|(_, said)| concerns(said))
        .collect();
    let left_out = said.len().saturating_sub(RECORDS);
    let _ = match left_out {
        0 => writeln!(text, "  what was written down of it:"),
        _ => writeln!(
            text,
            "  what was written down of it, the last {RECORDS} of {}:",
            count(said.len() as u64)
        ),
    };
    let times: Vec<String> =
        said[left_out..].iter().map(|(at, _)| nine_decimals(at.since(Time::ZERO))).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    for (time, (_, said)) in times.iter().zip(&said[left_out..]) {
        let _ = writeln!(text, "    {time:>width$} s  {}", said.words);
    }
}
