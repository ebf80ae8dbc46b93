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

/// The marks of a policy in a matrix.
fn row(text: &str, name: &str) -> Vec<String> {
    let found = |line: &&str| line.split_whitespace().next() == Some(name);
    let line = text.lines().find(found).expect("a row");
    line.split_whitespace().skip(1).map(str::to_string).collect()
}

#[test]
fn scenarios_stand_beside_each_other() {
    let sample = Sample { policies: vec!["sjf", "power-of-two", "least-loaded"], ..Sample::default() };
    let (plan, mut results) = (sample.plan(), sample.results());
    let ask = Ask { metrics: vec![Metric::MeanWait], baseline: 2, all_pairs: false, margin: None };
    let mut again = results[0].clone();
    again.policy = "sjf-again".to_string();
    let few = Differences::of(&ask, &results);
    let few_story = Story::of(&plan, &results, None);
    results.push(again);
    let all = Differences::of(&ask, &results);
    let story = Story::of(&plan, &results, None);
    let inputs = [(&story, &all), (&few_story, &few)];
    let inputs = inputs.map(|(story, differences)| DifferencesInput { story, differences });
    let text = matrix::render(&inputs, &[Metric::MeanWait, Metric::Throughput], Style::PLAIN);
    // Two names for one policy share the lead; where only one of them takes part, it wins.
    assert_eq!(row(&text, "sjf"), ["~", "*"]);
    assert_eq!(row(&text, "sjf-again"), ["~"]);
    assert_eq!(row(&text, "least-loaded"), ["-", "-"]);
    assert!(text.contains("throughput (tasks/s)"), "{text}");
}

/// The matrix says what the table says: what counts as equal within the margin shares the lead there too,
/// and a policy without a figure is not behind.
#[test]
fn the_matrix_rests_on_the_comparisons() {
    let (story, clear) = told(None, false);
    let margin = Differences { ask: Ask { margin: Some(1.2), ..clear.ask.clone() }, ..clear.clone() };
    let mut results = Sample { policies: vec!["sjf", "power-of-two"], ..Sample::default() }.results();
    let near = Differences::of(&Ask { metrics: vec![Metric::P99Response], ..margin.ask }, &results);
    let marks = |differences: &Differences| {
        let text = matrix::render(
            &[DifferencesInput { story: &story, differences }],
            &[Metric::P99Response],
            Style::PLAIN,
        );
        ["sjf", "power-of-two"].map(|name| row(&text, name).concat())
    };
    assert_eq!(marks(&clear), ["-", "*"]);
    assert_eq!(near.rows[0].verdict(), Verdict::Equivalent);
    assert_eq!(marks(&near), ["~", "~"]);
    for one in &mut results[0].replications {
        one.metrics.set(Metric::P99Response, f64::NAN);
    }
    let missing = Differences::of(&near.ask, &results);
    assert_eq!(marks(&missing), ["?", "?"]);
}

/// What counts as equal to the best is a share of the best, whoever is the baseline, and in every metric.
#[test]
fn margins_are_shares_of_the_best() {
    let sample = Sample { policies: vec!["sjf", "power-of-two", "least-loaded"], ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let story = Story::of(&plan, &results, None);
    let mean = |policy: usize| story.policies[policy].summary(Metric::MeanWait).expect("a mean").mean;
    // Within this share of the second, which is the larger, but not of the best.
    let margin = 1.0 - mean(0) / mean(1) + 0.05;
    assert!(mean(1) > mean(0) * (1.0 + margin + 0.05), "{} {}", mean(0), mean(1));
    for (baseline, all_pairs) in [(0, false), (1, false), (2, false), (0, true)] {
        let ask = Ask { metrics: vec![Metric::MeanWait], baseline, all_pairs, margin: Some(margin) };
        let differences = Differences::of(&ask, &results);
        let input = DifferencesInput { story: &story, differences: &differences };
        assert_eq!(leading(&input, Metric::MeanWait).expect("one").leaders(), [0], "{ask:?}");
    }
    let ask = Ask { metrics: vec![Metric::Makespan], baseline: 0, all_pairs: false, margin: Some(1.2) };
    let differences = Differences::of(&ask, &results);
    let input = DifferencesInput { story: &story, differences: &differences };
    let text = matrix::render(&[input], &[Metric::MeanWait, Metric::P99Response], Style::PLAIN);
    let (_, percentiles) = text.split_once("p99 response").expect("a table");
    assert_eq!(["sjf", "power-of-two"].map(|name| row(percentiles, name).concat()), ["~", "~"], "{text}");
}

/// Sentences are those of comparisons that were made: with the interval that stands in the table where a
/// pair does, and else one of comparisons with the best, which the note speaks of.
#[test]
fn sentences_agree_with_the_table() {
    let (story, differences) = told(None, true);
    let input = DifferencesInput { story: &story, differences: &differences };
    let lines = sentences(&input);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(differences.beside_best.is_empty());
    for line in &lines {
        assert!(!line.contains("95 % interval"), "of 12 comparisons none is judged alone: {line}");
        let percent = line.split("paired difference, ").nth(1).and_then(|rest| rest.split(" %").next());
        let percent: f64 = percent.expect("an interval").parse().expect("a number");
        let confidences = differences.rows.iter().filter_map(|row| row.comparison).map(|one| one.confidence);
        assert!(confidences.into_iter().any(|one| (one * 100.0 - percent).abs() < 0.01), "{line}");
    }
    // The best beside a baseline that is neither the best nor the next.
    let results = Sample { policies: vec!["sjf", "power-of-two", "least-loaded"], ..Sample::default() };
    let (plan, results) = (results.plan(), results.results());
    let story = Story::of(&plan, &results, None);
    let alone = |baseline: usize| {
        let ask = Ask { metrics: vec![Metric::MeanWait], baseline, all_pairs: false, margin: None };
        Differences::of(&ask, &results)
    };
    let [best, next, worst] = {
        let lead = &alone(0).leads[0];
        [lead.best, lead.others[0], lead.others[1]]
    };
    let beside = alone(worst);
    let made: Vec<_> = beside.beside_best.iter().map(|row| (row.policy, row.baseline)).collect();
    assert_eq!(made, [(next, best)]);
    let input = DifferencesInput { story: &story, differences: &beside };
    let line = sentences(&input).remove(0);
    assert!(line.contains(&format!("than {} (", story.policies[next].name)), "{line}");
    let text = table::body(&input, Style::PLAIN);
    assert!(text.contains("one comparison with it that the table does not have"), "{text}");
    // It is what it is, whatever the baseline of the table.
    assert_eq!(alone(best).beside_best, []);
}

#[test]
fn a_figure_that_nobody_has_is_named() {
    let sample = Sample { policies: vec!["sjf", "power-of-two", "least-loaded"], ..Sample::default() };
    let (plan, results) = (sample.plan(), sample.results());
    let story = Story::of(&plan, &results, None);
    let ask = Ask { metrics: vec![Metric::MeanLockWait], baseline: 0, all_pairs: false, margin: None };
    let differences = Differences::of(&ask, &results);
    let text = table::body(&DifferencesInput { story: &story, differences: &differences }, Style::PLAIN);
    assert!(text.contains("no policy has mean_lock_wait: there is nothing to judge"), "{text}");
    assert!(!text.contains("one replication"), "{text}");
}
