//! Titles: what a plot shows in one sentence, or the question when the figures do not tell.

use std::sync::Arc;

use crate::metrics::Metric;
use crate::report::incidents::Kind;
use crate::report::judge::{Judgement, Standing, words};
use crate::report::number::{decimals_for, fixed, significant};
use crate::report::story::{PolicyStory, Story};
use crate::report::verdict::lead_metrics;

/// Title of the throughput plot.
pub fn throughput(story: &Story) -> String {
    match extremes(story, Metric::Throughput) {
        Some((best, most, worst, least)) => format!("{best} completes {most} tasks/s, {worst} {least}"),
        None => match single(story, Metric::Throughput) {
            Some((policy, rate)) => format!("{policy} completes {rate} tasks/s"),
            None => "How many tasks are completed per second?".to_string(),
        },
    }
}

/// Title of the queue plot.
pub fn queue(story: &Story) -> String {
    match extremes(story, Metric::MeanQueueLength) {
        Some((best, least, worst, most)) => {
            format!("The mean queue is {least} under {best}, {most} under {worst}")
        }
        None => match single(story, Metric::MeanQueueLength) {
            Some((policy, tasks)) => format!("The mean queue is {tasks} under {policy}"),
            None => "How many tasks wait?".to_string(),
        },
    }
}

/// Title of the plot of nodes that are up.
pub fn nodes_up(story: &Story) -> String {
    if let Some(sentence) = only_outage(story) {
        return sentence;
    }
    let values: Vec<f64> = story
        .policies
        .iter()
        .filter_map(|policy| Some(policy.summary(Metric::NodeAvailability)?.mean))
        .collect();
    let leads: Vec<f64> =
        story.policies.iter().flat_map(|policy| policy.values(Metric::LeaderAvailability)).collect();
    match (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max)) {
        (Some(1.0), Some(1.0)) if !leads.is_empty() => {
            let mean = leads.iter().sum::<f64>() / leads.len() as f64;
            format!("The scheduler has a leader {} % of the time", significant(mean * 100.0, 3))
        }
        (Some(low), Some(high)) if high - low < 0.002 => {
            format!("Nodes are up {} % of the time", significant(high * 100.0, 3))
        }
        _ => "How many nodes are up?".to_string(),
    }
}

/// What the only outage comes to, where there is one and no other incident.
fn only_outage(story: &Story) -> Option<String> {
    let told = super::marks::shown(story)?;
    let mut outages = told.incidents.iter().filter(|one| one.kind == Kind::Outage);
    let (outage, None) = (outages.next()?, outages.next()) else { return None };
    let alone = |policy: &&PolicyStory| policy.values(Metric::Incidents).iter().all(|count| *count == 1.0);
    let time = |policy: &PolicyStory| Some(policy.summary(Metric::MeanTimeToRecover)?.mean);
    let recovers = |policy| Some((time(policy)?, policy.name.as_str()));
    let times: Vec<(f64, &str)> = story.policies.iter().filter(alone).filter_map(recovers).collect();
    let out = format!("{} is out for {}", outage.subject, span(outage.end?.since(outage.start).as_seconds()));
    if times.len() < story.policies.len() {
        return None;
    }
    let best = times.iter().copied().reduce(|a, b| if b.0 < a.0 { b } else { a })?;
    let worst = times.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    Some(match worst.0 > 1.05 * best.0 {
        true => format!(
            "{out}; all is as before after {} ({}) to {} ({})",
            span(best.0),
            best.1,
            span(worst.0),
            worst.1
        ),
        false => format!("{out}; all is as before after {}", span(worst.0)),
    })
}

/// `30 min`, `1.5 h`.
fn span(seconds: f64) -> String {
    let (unit, length) = match seconds {
        _ if seconds < 120.0 => ("s", 1.0),
        _ if seconds < 7200.0 => ("min", 60.0),
        _ if seconds < 172_800.0 => ("h", 3600.0),
        _ => ("days", 86_400.0),
    };
    format!("{} {unit}", significant(seconds / length, 3))
}

/// Title of the comparison.
pub fn comparison(story: &Story) -> String {
    let judged: Vec<Arc<Judgement>> = lead_metrics(story)
        .into_iter()
        .filter_map(|metric| story.policies.judge(metric))
        .filter(|judgement| judgement.is_judged() && judgement.leaders().len() == 1)
        .collect();
    let name = |judgement: &Arc<Judgement>| story.policies[judgement.best].name.as_str();
    match &judged[..] {
        [first, second] if first.best == second.best => {
            let (one, other) = (words(first.metric), words(second.metric));
            format!("{} has the {} {} and {}", name(first), one.best, one.name, other.name)
        }
        [first, second] => {
            let (one, other) = (words(first.metric), words(second.metric));
            format!(
                "{} has the {} {}, {} the {} {}",
                name(first),
                one.best,
                one.name,
                name(second),
                other.best,
                other.name
            )
        }
        [only] => {
            let one = words(only.metric);
            format!("{} has the {} {}", name(only), one.best, one.name)
        }
        _ => question(story),
    }
}

/// Title of the utilisation plot.
pub fn utilisation(story: &Story) -> String {
    if story.facts.nodes > 1
        && let Some(judgement) = story.policies.judge(Metric::LoadImbalance)
        && judgement.is_judged()
        && judgement.leaders().len() == 1
    {
        return format!(
            "{} spreads the work most evenly over the nodes",
            story.policies[judgement.best].name
        );
    }
    match single(story, Metric::Utilisation) {
        Some(_) => {
            let policy = &story.policies[0];
            let percent = policy.summary(Metric::Utilisation).map_or(0.0, |summary| summary.mean * 100.0);
            format!("{} keeps the nodes {} % busy", policy.name, significant(percent, 3))
        }
        None => "How evenly do the policies load the nodes?".to_string(),
    }
}

/// Title of a plot of a distribution: how long 1 task in so many takes.
pub fn tail(story: &Story, metric: &str) -> String {
    let verb = if metric == "wait" { "waits" } else { "takes" };
    for (share, one_in) in [(0.001, "1000"), (0.01, "100"), (0.1, "10")] {
        let values: Option<Vec<f64>> =
            story.policies.iter().map(|policy| exceeded(&policy.tail(metric)?.points, share)).collect();
        let Some(values) = values.filter(|values| values.iter().all(|value| *value > 0.0)) else { continue };
        let order = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1).then(a.0.cmp(&b.0));
        let (Some((best, low)), Some((worst, high))) =
            (values.iter().enumerate().min_by(order), values.iter().enumerate().max_by(order))
        else {
            break;
        };
        let name = |index: usize| story.policies[index].name.as_str();
        if story.policies.len() == 1 {
            return format!("1 task in {one_in} {verb} over {} s", significant(*low, 2));
        }
        if *high < 1.05 * *low {
            break;
        }
        return format!(
            "1 task in {one_in} {verb} over {} s under {}, {} s under {}",
            significant(*high, 2),
            name(worst),
            significant(*low, 2),
            name(best),
        );
    }
    match metric {
        "wait" => "How long are the longest waits?".to_string(),
        _ => "How long are the longest responses?".to_string(),
    }
}

/// The first value that at most this share lies above.
fn exceeded(points: &[(f64, f64)], share: f64) -> Option<f64> {
    points.iter().find(|(_, above)| *above <= share).map(|(value, _)| *value)
}

/// The scenario's own question, if it is short.
fn question(story: &Story) -> String {
    let question = story.facts.question.trim();
    let mut letters = question.chars();
    match letters.next() {
        Some(first) if question.chars().count() <= 80 => first.to_uppercase().chain(letters).collect(),
        _ => "Which policy is best?".to_string(),
    }
}

/// Best and worst policy and their means, when they are clearly different.
fn extremes(story: &Story, metric: Metric) -> Option<(&str, String, &str, String)> {
    let judgement = story.policies.judge(metric)?;
    let worst = *judgement.ranked().last()?;
    if worst == judgement.best || judgement.standings[worst] != Standing::Worse {
        return None;
    }
    let (best, worst_mean) = (judgement.means[judgement.best]?, judgement.means[worst]?);
    // Two digits of each, and as many as it takes to see the difference.
    let apart = decimals_for(best - worst_mean, 1);
    let show = |value: f64| fixed(value, decimals_for(value, 2).max(apart));
    let name = |index: usize| story.policies[index].name.as_str();
    Some((name(judgement.best), show(best), name(worst), show(worst_mean)))
}

fn single(story: &Story, metric: Metric) -> Option<(&str, String)> {
    let [policy] = &story.policies[..] else { return None };
    Some((&policy.name, significant(policy.summary(metric)?.mean, 3)))
}
