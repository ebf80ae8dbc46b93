//! Which policy is best in a metric, and which cannot be told apart from it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use super::sentences::Leading;
use super::story::PolicyStory;
use crate::experiment::differences::is_skewed;
use crate::metrics::{Better, Metric};
use crate::statistics::comparisons::{Comparison, Outcome, Pairs, compare};

/// Policies that met the same worlds. They are judged by the methods of `falcon compare`, in each metric
/// but once, as resampling takes its time.
#[derive(Debug, Default)]
pub struct Policies {
    list: Vec<PolicyStory>,
    margin: Option<f64>,
    judged: Mutex<BTreeMap<usize, Option<Arc<Judgement>>>>,
}

impl Policies {
    /// The same, of which those that are shown to be within this share of the best count as equal to it.
    pub fn within(self, margin: Option<f64>) -> Policies {
        Policies { margin, ..self.list.into() }
    }

    /// Judges a metric; `None` when it has no good direction or no policy has a value.
    pub fn judge(&self, metric: Metric) -> Option<Arc<Judgement>> {
        let mut judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged
            .entry(metric as usize)
            .or_insert_with(|| judge(&self.list, metric, self.margin).map(Arc::new))
            .clone()
    }
}

impl From<Vec<PolicyStory>> for Policies {
    fn from(list: Vec<PolicyStory>) -> Policies {
        Policies { list, margin: None, judged: Mutex::default() }
    }
}

impl Clone for Policies {
    fn clone(&self) -> Policies {
        Policies::from(self.list.clone()).within(self.margin)
    }
}

impl PartialEq for Policies {
    fn eq(&self, other: &Policies) -> bool {
        (&self.list, self.margin) == (&other.list, other.margin)
    }
}

impl Deref for Policies {
    type Target = Vec<PolicyStory>;

    fn deref(&self) -> &Vec<PolicyStory> {
        &self.list
    }
}

impl DerefMut for Policies {
    /// What was judged before is judged anew after a change.
    fn deref_mut(&mut self) -> &mut Vec<PolicyStory> {
        self.judged = Mutex::default();
        &mut self.list
    }
}

impl<'a> IntoIterator for &'a Policies {
    type Item = &'a PolicyStory;
    type IntoIter = std::slice::Iter<'a, PolicyStory>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// How a policy stands in a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its mean is the best.
    Best,
    /// The interval of its difference to the best holds 0.
    Unclear,
    /// It is shown to be within the margin of the best.
    Equivalent,
    /// It is clearly not the best.
    Worse,
    /// There is nothing to judge: no value, or a single replication.
    NotJudged,
}

/// A metric over all policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The metric.
    pub metric: Metric,
    /// Index of the policy with the best mean.
    pub best: usize,
    /// Every policy's standing.
    pub standings: Vec<Standing>,
    /// Mean of every policy, `None` when it has no value.
    pub means: Vec<Option<f64>>,
    /// Difference of every policy to the best (theirs - best), paired by replication and
    /// corrected for the number of comparisons; `None` for the best and where there are no pairs.
    pub differences: Vec<Option<Comparison>>,
}

/// How a metric is spoken of.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Its name.
    pub name: &'static str,
    /// Its unit for people.
    pub unit: &'static str,
    /// From the value in files to the value in that unit.
    pub factor: f64,
    /// The word for its best: `shortest`, `highest`.
    pub best: &'static str,
    /// The word for values away from the best: `longer`, `lower`.
    pub worse: &'static str,
}

impl Words {
    /// By how the best differs from others: it is so much `less` or `more`.
    pub fn less(&self) -> &'static str {
        if self.best == "highest" { "more" } else { "less" }
    }
}

/// The words for a metric in tables and plots.
pub fn words(metric: Metric) -> Words {
    let word = |name, unit, factor, best, worse| Words { name, unit, factor, best, worse };
    match metric {
        Metric::Makespan => word("makespan", "s", 1.0, "shortest", "longer"),
        Metric::MeanWait => word("mean wait", "s", 1.0, "shortest", "longer"),
        Metric::MeanResponse => word("mean response", "s", 1.0, "shortest", "longer"),
        Metric::P99Response => word("p99 response", "s", 1.0, "shortest", "longer"),
        Metric::Throughput => word("throughput", "tasks/s", 1.0, "highest", "lower"),
        Metric::Utilisation => word("utilisation", "%", 100.0, "highest", "lower"),
        Metric::NodeAvailability => word("availability", "%", 100.0, "highest", "lower"),
        Metric::ServiceAvailability => word("service availability", "%", 100.0, "highest", "lower"),
        Metric::OptimalityGap => word("above the bound", "%", 100.0, "lowest", "higher"),
        Metric::MeanQueueLength => word("mean queue", "tasks", 1.0, "shortest", "longer"),
        other => {
            let column = other.column();
            match column.better {
                Better::Higher => word(column.name, column.unit, 1.0, "highest", "lower"),
                Better::Lower | Better::Neither => word(column.name, column.unit, 1.0, "lowest", "higher"),
            }
        }
    }
}

fn judge(policies: &[PolicyStory], metric: Metric, margin: Option<f64>) -> Option<Judgement> {
    let sign = match metric.column().better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
        Better::Neither => return None,
    };
    let means: Vec<Option<f64>> =
        policies.iter().map(|policy| policy.summary(metric).map(|summary| summary.mean)).collect();
    // The first of equals, in the order of the scenario.
    let (best, _) = means
        .iter()
        .enumerate()
        .filter_map(|(index, mean)| mean.map(|mean| (index, mean * sign)))
        .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
    let pairs = |(index, policy): (usize, &PolicyStory)| Pairs {
        values: if index == best { vec![] } else { pairs(policy, &policies[best], metric) },
        skewed: is_skewed(metric),
    };
    let family: Vec<Pairs> = policies.iter().enumerate().map(pairs).collect();
    let differences = compare(&family, margin);
    let judged = differences.iter().any(Option::is_some);
    let standings = differences
        .iter()
        .enumerate()
        .map(|(index, difference)| match difference {
            _ if index == best && judged => Standing::Best,
            Some(difference) if difference.outcome == Outcome::Equivalent => Standing::Equivalent,
            Some(difference) if difference.is_clear => Standing::Worse,
            Some(_) => Standing::Unclear,
            None => Standing::NotJudged,
        })
        .collect();
    Some(Judgement { metric, best, standings, means, differences })
}

/// The figure of both policies in the replications where both have it.
fn pairs(a: &PolicyStory, b: &PolicyStory, metric: Metric) -> Vec<(f64, f64)> {
    let values = a.rows.iter().zip(&b.rows);
    values.filter_map(|(a, b)| Some((a.get(metric)?, b.get(metric)?))).collect()
}

impl Judgement {
    /// Whether any difference could be judged.
    pub fn is_judged(&self) -> bool {
        self.differences.iter().any(Option::is_some)
    }

    /// Whether all policies are shown to be within the margin of the best.
    pub fn are_equivalent(&self) -> bool {
        let alike = |one: &Option<Comparison>| {
            one.is_none_or(|one| matches!(one.outcome, Outcome::Equivalent | Outcome::Identical))
        };
        self.is_judged() && self.differences.iter().all(alike)
    }

    /// Whether the policies that were judged have the very same values.
    pub fn is_tie(&self) -> bool {
        self.differences.iter().flatten().all(|difference| difference.outcome == Outcome::Identical)
    }

    /// The best and those that cannot be told apart from it, best mean first.
    pub fn leaders(&self) -> Vec<usize> {
        self.ranked().into_iter().filter(|&index| self.standings[index] != Standing::Worse).collect()
    }

    /// The best and those that were compared with it.
    pub fn leading(&self) -> Leading {
        let others = self.ranked().into_iter();
        let others = others.filter_map(|policy| Some((policy, self.differences[policy]?)));
        Leading { metric: self.metric, best: self.best, others: others.collect() }
    }

    /// The policies that were judged, best mean first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> =
            (0..self.standings.len()).filter(|&index| self.standings[index] != Standing::NotJudged).collect();
        let distance = |index: usize| match (self.means[index], self.means[self.best]) {
            (Some(mean), Some(best)) => (mean - best).abs(),
            _ => f64::INFINITY,
        };
        order.sort_by(|&a, &b| {
            (a != self.best, distance(a)).partial_cmp(&(b != self.best, distance(b))).expect("finite means")
        });
        order
    }
}
