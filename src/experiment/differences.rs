//! How policies differ from each other in the same worlds, from the results of a plan.

use super::conduct::paired;
use crate::metrics::{Better, Metric, PolicyResult};
use crate::statistics::comparisons::{Comparison, Outcome, Pairs, compare};

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
}

impl Differences {
    /// Compares these results. All comparisons, over policies and metrics, are judged together.
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
        let mut rows = Vec::new();
        let mut family = Vec::new();
        for &metric in &ask.metrics {
            for &(policy, baseline) in &others {
                let runs = |index: usize| &results[index].replications[..];
                let values = paired(runs(policy), runs(baseline), metric);
                family.push(Pairs { values, skewed: is_skewed(metric) });
                rows.push(Difference { metric, policy, baseline, comparison: None });
            }
        }
        for (row, comparison) in rows.iter_mut().zip(compare(&family, ask.margin)) {
            row.comparison = comparison;
        }
        Differences { ask: ask.clone(), rows }
    }

    /// The comparisons in one metric.
    pub fn in_metric(&self, metric: Metric) -> impl Iterator<Item = &Difference> {
        self.rows.iter().filter(move |row| row.metric == metric)
    }
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
