//! Sentences on which policy is best: differences with unit and interval, never bare ratios.

use super::judge::{Judgement, Standing, Words, judge, words};
use super::number::{decimals_for, fixed, significant};
use super::story::Story;
use crate::experiment::plan::Plan;
use crate::metrics::Metric;
use crate::statistics::paired::Paired;
use crate::workload::{Arrivals, Workload};

/// The metrics a verdict is about: the total time of a batch, the waits of a stream of tasks.
pub fn lead_metrics(story: &Story) -> [Metric; 2] {
    if story.facts.batch {
        [Metric::Makespan, Metric::MeanWait]
    } else {
        [Metric::MeanWait, Metric::P99Response]
    }
}

/// The same of a plan that has not been run.
pub fn lead_metrics_of(plan: &Plan) -> [Metric; 2] {
    match &plan.workload {
        Workload::Generated { arrivals: Arrivals::AtOnce, .. } => [Metric::Makespan, Metric::MeanWait],
        _ => [Metric::MeanWait, Metric::P99Response],
    }
}

/// The verdict on a story, one sentence or two a line; empty for one policy.
pub fn verdict(story: &Story) -> Vec<String> {
    if story.policies.len() < 2 {
        return Vec::new();
    }
    if story.facts.replications < 2 {
        return vec![
            "one replication: no intervals, differences are not judged; try --replications 10".to_string(),
        ];
    }
    let judgements: Vec<Judgement> = lead_metrics(story)
        .into_iter()
        .filter_map(|metric| judge(&story.policies, metric))
        .filter(Judgement::is_judged)
        .collect();
    let mut lines: Vec<String> = judgements.iter().map(|one| sentence(story, one)).collect();
    if let ([first, second], Some(last)) = (&judgements[..], lines.last_mut())
        && first.leaders().len() == 1
        && second.leaders().len() == 1
    {
        let best = &story.policies[first.best].name;
        let both = if first.best == second.best { best } else { "No policy" };
        last.push_str(&format!(" {both} is best in both."));
    }
    lines
}

/// One metric's verdict.
pub fn sentence(story: &Story, judgement: &Judgement) -> String {
    let word = words(judgement.metric);
    let name = |index: usize| story.policies[index].name.as_str();
    let (leaders, ranked) = (judgement.leaders(), judgement.ranked());
    let next = ranked.iter().copied().find(|&index| judgement.standings[index] == Standing::Worse);
    let best = judgement.best;
    if leaders.len() == 1
        && let Some((next, difference)) = next.and_then(|next| Some((next, judgement.differences[next]?)))
    {
        let less = word.less();
        let (size, interval) = difference_in_words(&difference, &word);
        return format!(
            "{} has the {} {}: {size} {less} than {} ({interval}).",
            name(best),
            word.best,
            word.name,
            name(next),
        );
    }
    if judgement.is_tie() {
        let mean = significant(judgement.means[best].unwrap_or(0.0) * word.factor, 4);
        return format!("All policies have the same {}: {mean}{}.", word.name, of_unit(word.unit));
    }
    let Some((next, difference)) = next.and_then(|next| Some((next, judgement.differences[next]?))) else {
        let runner = leaders.iter().copied().find(|&index| index != best);
        let detail = runner.and_then(|runner| Some((runner, judgement.differences[runner]?)));
        let Some((runner, difference)) = detail else { return String::new() };
        let (_, interval) = difference_in_words(&difference, &word);
        let policies = if leaders.len() == 2 { "The two policies" } else { "The policies" };
        return format!(
            "{policies} cannot be told apart in {}: {} is ahead of {} by an amount that may be 0 ({interval}).",
            word.name,
            name(best),
            name(runner),
        );
    };
    let (size, interval) = difference_in_words(&difference, &word);
    let names: Vec<&str> = leaders.iter().map(|&index| name(index)).collect();
    format!(
        "{} share the {} {} and cannot be told apart; {} is next, {size} {} than {} ({interval}).",
        list(&names),
        word.best,
        word.name,
        name(next),
        word.worse,
        name(best),
    )
}

/// The size of a paired difference and its 95 % interval, in words.
fn difference_in_words(difference: &Paired, word: &Words) -> (String, String) {
    let (mean, half) = (difference.mean.abs(), difference.half_width);
    interval_in_words(mean, half, (mean - half, mean + half), "95", word)
}

/// The size of a difference and its interval: `0.211 s` and `paired difference, 95 % interval
/// 0.190 to 0.232 s`. The sign is left to the sentence unless the interval holds 0. The half width says how
/// many digits there are.
pub fn interval_in_words(
    size: f64,
    half: f64,
    (low, high): (f64, f64),
    percent: &str,
    word: &Words,
) -> (String, String) {
    let (factor, unit) = (word.factor, of_unit(word.unit));
    let decimals = if half > 0.0 { decimals_for(half * factor, 2) } else { decimals_for(size * factor, 3) };
    let show = |value: f64| fixed(value * factor, decimals);
    let interval = format!("paired difference, {percent} % interval {} to {}{unit}", show(low), show(high));
    (format!("{}{unit}", show(size)), interval)
}

/// A unit behind a number; ratios have none.
pub fn of_unit(unit: &str) -> String {
    if unit == "1" { String::new() } else { format!(" {unit}") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => only.to_string(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
