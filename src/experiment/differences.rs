//! How policies differ from each other in the same worlds, from the results of a plan.

use super::conduct::paired;
use crate::metrics::{Better, Metric, PolicyResult};
use crate::statistics::comparisons::{Comparison, Outcome, Pairs, compare};
use crate::statistics::confidence::Summary;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The metrics to compare by.
    pub metrics: Vec<Metric>,
    /// Index of the policy that others are compared with.
    pub baseline: usize,
    /// Whether every policy is compared with every other.
    pub all_pairs: bool,
    /// Share of the baseline within which figures count as equal, if any do.
    pub margin: Option<f64>,
}

/// One policy beside another in one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The metric.
    pub metric: Metric,
    /// Index of the policy.
    pub policy: usize,
    /// Index of the policy it is compared with.
    pub baseline: usize,
    /// What the comparison shows; `None` with fewer than two replications that both have the figure in.
    pub comparison: Option<Comparison>,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The policy is better than the baseline.
    Better,
    /// It is worse.
    Worse,
    /// Its figure is higher, where neither is better.
    Higher,
    /// Its figure is lower, where neither is better.
    Lower,
    /// Its figure is the same within the margin.
    Equivalent,
    /// Its figure is the same in every replication.
    Identical,
    /// No difference is shown.
    NoDifference,
    /// There is nothing to judge.
    NotJudged,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 8] = [
        Verdict::Better,
        Verdict::Worse,
        Verdict::Higher,
        Verdict::Lower,
        Verdict::Equivalent,
        Verdict::Identical,
        Verdict::NoDifference,
        Verdict::NotJudged,
    ];

    /// The verdict of this name.
    pub fn from_name(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// Whether it says that there is a difference, and to which side.
    pub fn is_difference(self) -> bool {
        matches!(self, Verdict::Better | Verdict::Worse | Verdict::Higher | Verdict::Lower)
    }

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Higher => "higher",
            Verdict::Lower => "lower",
            Verdict::Equivalent => "equivalent",
            Verdict::Identical => "identical",
            Verdict::NoDifference => "no_difference",
            Verdict::NotJudged => "not_judged",
        }
    }
}

impl Difference {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let Some(comparison) = self.comparison else { return Verdict::NotJudged };
        match (comparison.outcome, self.metric.column().better) {
            (Outcome::Identical, _) => Verdict::Identical,
            (Outcome::Equivalent, _) => Verdict::Equivalent,
            (Outcome::NotShown, _) => Verdict::NoDifference,
            (Outcome::Lower, Better::Lower) | (Outcome::Higher, Better::Higher) => Verdict::Better,
            (Outcome::Lower, Better::Higher) | (Outcome::Higher, Better::Lower) => Verdict::Worse,
            (Outcome::Lower, Better::Neither) => Verdict::Lower,
            (Outcome::Higher, Better::Neither) => Verdict::Higher,
        }
    }
}

/// All comparisons of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// What was asked.
    pub ask: Ask,
    /// By metric in the order asked, then by baseline and policy in the order of the scenario.
    pub rows: Vec<Difference>,
    /// Who is best in each metric that has a good direction and a value.
    pub leads: Vec<Lead>,
    /// Comparisons with the best of each metric that are not among the rows, for who wants to know who leads.
    /// They are judged apart from the rows, so that these are what they are whoever is best, and together with
    /// those of all other pairs, as the same figures say who is best.
    pub beside_best: Vec<Difference>,
}

/// Who is best in a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// The metric.
    pub metric: Metric,
    /// Index of the policy with the best mean, the first of equals.
    pub best: usize,
    /// The others that have a mean, best first.
    pub others: Vec<usize>,
}

impl Lead {
    fn of(metric: Metric, results: &[PolicyResult]) -> Option<Lead> {
        let sign = metric.column().better.sign()?;
        let mean = |(policy, result): (usize, &PolicyResult)| {
            let values: Vec<f64> =
                result.replications.iter().filter_map(|one| one.metrics.get(metric)).collect();
            Some((policy, sign * Summary::of(&values)?.mean))
        };
        let mut means: Vec<(usize, f64)> = results.iter().enumerate().filter_map(mean).collect();
        means.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let mut order = means.into_iter().map(|(policy, _)| policy);
        Some(Lead { metric, best: order.next()?, others: order.collect() })
    }
}

impl Differences {
    /// Compares these results. All comparisons that were asked for, over policies and metrics, are judged
    /// together.
    pub fn of(ask: &Ask, results: &[PolicyResult]) -> Differences {
        let policies = results.len();
        let all = |baseline: usize| (baseline + 1..policies).map(move |policy| (policy, baseline));
        let others: Vec<(usize, usize)> = match ask.all_pairs {
            true => (0..policies).flat_map(all).collect(),
            false => (0..policies)
                .filter(|policy| *policy != ask.baseline)
                .map(|policy| (policy, ask.baseline))
                .collect(),
        };
        let asked =
            |&metric: &Metric| others.iter().map(move |&(policy, baseline)| (metric, policy, baseline));
        let rows = judged(ask.metrics.iter().flat_map(asked).collect(), ask.margin, results);
        let leads: Vec<Lead> = ask.metrics.iter().filter_map(|&metric| Lead::of(metric, results)).collect();
        let mut differences = Differences { ask: ask.clone(), rows, leads, beside_best: Vec::new() };
        let missing =
            |lead: &Lead, other: usize| differences.with_best(lead.metric, lead.best, other).is_none();
        if differences.leads.iter().any(|lead| lead.others.iter().any(|&other| missing(lead, other))) {
            let pairs = |lead: &Lead| -> Vec<(Metric, usize, usize)> {
                let below = |one: usize| (0..one).map(move |other| (one, other));
                let best = |(one, other)| if one == lead.best { (other, one) } else { (one, other) };
                let all = (0..policies).flat_map(below).map(best);
                all.map(|(policy, baseline)| (lead.metric, policy, baseline)).collect()
            };
            let all: Vec<_> = differences.leads.iter().flat_map(pairs).collect();
            let made = judged(all, ask.margin, results);
            let wanted = |row: &Difference| {
                let lead = differences.leads.iter().find(|lead| lead.metric == row.metric);
                lead.is_some_and(|lead| {
                    lead.best == row.baseline
                        && lead.others.contains(&row.policy)
                        && missing(lead, row.policy)
                })
            };
            differences.beside_best = made.into_iter().filter(wanted).collect();
        }
        differences
    }

    /// The comparison of the best in a metric with another, if it was made: of the other with the best, or where
    /// there is no margin, which is a share of the baseline, of the best with the other.
    pub fn with_best(&self, metric: Metric, best: usize, other: usize) -> Option<&Difference> {
        let is = |row: &&Difference, policy: usize, baseline: usize| {
            (row.metric, row.policy, row.baseline) == (metric, policy, baseline)
        };
        let made = || self.rows.iter().chain(&self.beside_best);
        let reversed = || made().find(|row| self.ask.margin.is_none() && is(row, best, other));
        made().find(|row| is(row, other, best)).or_else(reversed)
    }

    /// The comparisons in one metric.
    pub fn in_metric(&self, metric: Metric) -> impl Iterator<Item = &Difference> {
        self.rows.iter().filter(move |row| row.metric == metric)
    }
}

/// Makes these comparisons of a policy with a baseline, judged together.
fn judged(
    asked: Vec<(Metric, usize, usize)>,
    margin: Option<f64>,
    results: &[PolicyResult],
) -> Vec<Difference> {
    let pairs = |&(metric, policy, baseline): &(Metric, usize, usize)| {
        let runs = |index: usize| &results[index].replications[..];
        Pairs { values: paired(runs(policy), runs(baseline), metric), skewed: is_skewed(metric) }
    };
    let family: Vec<Pairs> = asked.iter().map(pairs).collect();
    let made = asked.into_iter().zip(compare(&family, margin));
    made.map(|((metric, policy, baseline), comparison)| Difference { metric, policy, baseline, comparison })
        .collect()
}

/// Whether a figure of a replication is made by few of its tasks, so that it scatters to one side:
/// high percentiles, maxima, spreads, and means that few tasks rule.
pub fn is_skewed(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::P90Wait
            | Metric::P95Wait
            | Metric::P99Wait
            | Metric::P95Response
            | Metric::P99Response
            | Metric::SdWait
            | Metric::SdResponse
            | Metric::MeanSlowdown
            | Metric::P95Slowdown
            | Metric::MaxQueueLength
            | Metric::P95JobMakespan
            | Metric::MaxLockWait
    )
}
