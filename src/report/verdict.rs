//! Which policy is best in the metrics that matter most.

use std::sync::Arc;

use super::judge::Judgement;
use super::story::Story;
use crate::experiment::plan::Plan;
use crate::metrics::Metric;

/// The metrics a verdict is about: the total time of a batch, the waits of a stream of tasks.
pub fn lead_metrics(story: &Story) -> [Metric; 2] {
    of_batch(story.facts.batch)
}

/// The same of a plan that has not been run.
pub fn lead_metrics_of(plan: &Plan) -> [Metric; 2] {
    of_batch(plan.workload.is_batch())
}

fn of_batch(batch: bool) -> [Metric; 2] {
    match batch {
        true => [Metric::Makespan, Metric::MeanWait],
        false => [Metric::MeanWait, Metric::P99Response],
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
    let judgements: Vec<Arc<Judgement>> = lead_metrics(story)
        .into_iter()
        .filter_map(|metric| story.policies.judge(metric))
        .filter(|one| one.is_judged())
        .collect();
    let name = |policy: usize| story.policies[policy].name.as_str();
    // Verdicts together are right with 95 %, so that is what is said of each interval they rest on.
    let sentence = |one: &Arc<Judgement>| one.leading().sentence(name, |_| "95".to_string());
    let mut lines: Vec<String> = judgements.iter().map(sentence).collect();
    if let ([first, second], Some(last)) = (&judgements[..], lines.last_mut())
        && first.leaders().len() == 1
        && second.leaders().len() == 1
    {
        let both = if first.best == second.best { name(first.best) } else { "No policy" };
        last.push_str(&format!(" {both} is best in both."));
    }
    lines
}
