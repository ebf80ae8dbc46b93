//! A comparison as it is told, on made-up results.

use super::*;
use crate::experiment::differences::Ask;
use crate::report::Style;
use crate::report::sample::Sample;

fn told(margin: Option<f64>, all_pairs: bool) -> (Story, Differences) {
    let policies = vec!["sjf", "power-of-two", "least-loaded", "sjf-again"];
    let sample = Sample { policies, ..Sample::default() };
    let (plan, mut results) = (sample.plan(), sample.results());
    results[3].replications = results[0].replications.clone();
    let story = Story::of(&plan, &results, None);
    let ask = Ask { metrics: vec![Metric::MeanWait, Metric::P99Response], baseline: 0, all_pairs, margin };
    let differences = Differences::of(&ask, &results);
    (story, differences)
}

#[test]
fn every_policy_is_told_of_beside_the_baseline() {
    let (story, differences) = told(None, false);
    let input = DifferencesInput { story: &story, differences: &differences };
    let text = table::render(&input, &[], "falcon compare x.toml", Some("results/x/"), Style::PLAIN);
    for expected in [
        "mean wait (s)",
        "baseline",
        "worse",
        "better",
        "the same in every replication",
        "all 6 are right together",
        "by bootstrap",
        "  repeat   falcon compare x.toml\n",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("NaN"), "{text}");
    let mut csv = Vec::new();
    csv::comparison(&mut csv, &input).expect("written");
    let csv = String::from_utf8(csv).expect("text");
    assert_eq!(csv.lines().count(), 1 + 6);
    let same = csv.lines().find(|line| line.contains("sjf-again")).expect("a row");
    assert!(same.contains(",0,0,0,") && same.ends_with("identical"), "{same}");
    assert!(csv.contains(",student,,worse") && csv.contains(",bootstrap,,better"), "{csv}");
}

#[test]
fn all_pairs_are_told_of() {
    let (story, differences) = told(Some(0.02), true);
    let input = DifferencesInput { story: &story, differences: &differences };
    let text = table::body(&input, Style::PLAIN);
    assert!(text.contains("least-loaded - power-of-two") && text.contains("within 2 %"), "{text}");
    assert_eq!(differences.rows.len(), 12);
}

#[test]
fn scenarios_stand_beside_each_other() {
    let (story, _) = told(None, false);
    let mut other = story.clone();
    other.facts.name = "other".to_string();
    other.policies.remove(0);
    let text = matrix::render(&[story, other], &[Metric::MeanWait], Style::PLAIN);
    let row = |name: &str| -> Vec<String> {
        let found = |line: &&str| line.split_whitespace().next() == Some(name);
        let line = text.lines().find(found).expect("a row");
        line.split_whitespace().skip(1).map(str::to_string).collect()
    };
    // Two names for one policy share the lead; where only one of them takes part, it wins.
    assert_eq!(row("sjf"), ["~"]);
    assert_eq!(row("sjf-again"), ["~", "*"]);
    assert_eq!(row("least-loaded"), ["-", "-"]);
}

/// Sentences are those of the table: with the interval that stands there where a pair does, and none
/// where it does not.
#[test]
fn sentences_agree_with_the_table() {
    let (story, differences) = told(None, true);
    let input = DifferencesInput { story: &story, differences: &differences };
    let lines = sentences::sentences(&input);
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        assert!(!line.contains("95 % interval"), "of 12 comparisons none is judged alone: {line}");
        let percent = line.split("paired difference, ").nth(1).and_then(|rest| rest.split(" %").next());
        let percent: f64 = percent.expect("an interval").parse().expect("a number");
        let confidences = differences.rows.iter().filter_map(|row| row.comparison).map(|one| one.confidence);
        assert!(confidences.into_iter().any(|one| (one * 100.0 - percent).abs() < 0.01), "{line}");
    }
    // The best beside a baseline that is neither the best nor the next.
    let means: Vec<f64> =
        story.policies.iter().map(|policy| policy.summary(Metric::MeanWait).expect("a mean").mean).collect();
    let worst = (0..3).max_by(|&a, &b| means[a].total_cmp(&means[b])).expect("some");
    let ask = Ask { baseline: worst, metrics: vec![Metric::MeanWait], ..differences.ask.clone() };
    let rows = differences.rows.iter().filter(|row| row.metric == Metric::MeanWait);
    let rows = rows.filter(|row| row.policy == worst || row.baseline == worst).copied().collect();
    let beside = Differences { ask: Ask { all_pairs: false, ..ask }, rows };
    let input = DifferencesInput { story: &story, differences: &beside };
    let line = sentences::sentences(&input).remove(0);
    assert!(line.contains("is next, and the two are not compared"), "{line}");
    assert!(line.contains(&format!("than {} (", story.policies[worst].name)), "{line}");
}

#[test]
fn a_figure_that_nobody_has_is_named() {
    let (story, _) = told(None, false);
    let rows = (1..4).map(|policy| Difference {
        metric: Metric::MeanLockWait,
        policy,
        baseline: 0,
        comparison: None,
    });
    let ask = Ask { metrics: vec![Metric::MeanLockWait], baseline: 0, all_pairs: false, margin: None };
    let differences = Differences { ask, rows: rows.collect() };
    let text = table::body(&DifferencesInput { story: &story, differences: &differences }, Style::PLAIN);
    assert!(text.contains("no policy has mean_lock_wait: there is nothing to judge"), "{text}");
    assert!(!text.contains("one replication"), "{text}");
}
