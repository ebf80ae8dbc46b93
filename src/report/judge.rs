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
    /// How many pairs of policies were judged together.
    pub compared: usize,
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
    let sign = metric.column().better.sign()?;
    let means: Vec<Option<f64>> =
        policies.iter().map(|policy| policy.summary(metric).map(|summary| summary.mean)).collect();
    // The first of equals, in the order of the scenario.
    let (best, _) = means
        .iter()
        .enumerate()
        .filter_map(|(index, mean)| mean.map(|mean| (index, mean * sign)))
        .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
    let (differences, compared) = with_best(policies, best, metric, margin);
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
    Some(Judgement { metric, best, standings, means, differences, compared })
}

/// Every policy compared with the best. Who that is the same figures say, so that any two might have been
/// compared: all pairs are judged together, and those with the best are what is shown. Gives how many pairs
/// there were, too.
fn with_best(
    policies: &[PolicyStory],
    best: usize,
    metric: Metric,
    margin: Option<f64>,
) -> (Vec<Option<Comparison>>, usize) {
    let others = (0..policies.len()).filter(|&policy| policy != best);
    let shown = others.clone().map(|policy| (policy, best));
    let rest = others
        .clone()
        .flat_map(|one| others.clone().filter(move |other| *other > one).map(move |other| (one, other)));
    let pairs = |(policy, other): (usize, usize)| Pairs {
        values: pairs(&policies[policy], &policies[other], metric),
        // Resampling takes its time, and what is not shown need not be known as well.
        skewed: is_skewed(metric) && other == best,
    };
    let family: Vec<Pairs> = shown.clone().chain(rest).map(pairs).collect();
    let made = compare(&family, margin);
    let compared = made.iter().flatten().count();
    let mut differences = vec![None; policies.len()];
    for ((policy, _), comparison) in shown.zip(made) {
        differences[policy] = comparison;
    }
    (differences, compared)
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
            one.is_some_and(|one| matches!(one.outcome, Outcome::Equivalent | Outcome::Identical))
        };
        let all = || self.differences.iter().enumerate();
        self.is_judged() && all().all(|(policy, one)| policy == self.best || alike(one))
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
        Leading { metric: self.metric, best: self.best, others: others.collect(), all: self.means.len() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricRow;
    use crate::random::{Purpose, Streams, gauss};

    /// A policy with these mean waits in its replications.
    fn policy(values: impl IntoIterator<Item = f64>) -> PolicyStory {
        let row = |value: f64| {
            let mut row = MetricRow::default();
            row.set(Metric::MeanWait, value);
            row
        };
        PolicyStory {
            name: String::new(),
            rows: values.into_iter().map(row).collect(),
            timelines: Vec::new(),
            nodes: Vec::new(),
            tails: Vec::new(),
            incidents: Vec::new(),
            theory: Vec::new(),
        }
    }

    /// Ten policies that do the same but for chance: whichever looks best, at most one time in twenty any other is
    /// called worse. Were it just that often, 60 of 1000 would be exceeded one time in fifteen; the k - 1
    /// comparisons with the best alone, by Holm's method, come to about 130.
    #[test]
    fn equal_policies_are_rarely_told_apart() {
        for (count, most) in [(3, 65), (10, 65)] {
            let mut wrong = 0;
            for round in 0..1000 {
                let mut stream = Streams::new(round).stream(Purpose::Bootstrap, count);
                let mut values = || (0..20).map(|_| gauss(&mut stream)).collect::<Vec<f64>>();
                let policies = Policies::from((0..count).map(|_| policy(values())).collect::<Vec<_>>());
                let judged = policies.judge(Metric::MeanWait).expect("values");
                wrong += usize::from(judged.standings.contains(&Standing::Worse));
            }
            assert!(wrong <= most, "{count} policies: {wrong}");
        }
    }

    /// Where others are clearly behind, the two that lead are judged by themselves.
    #[test]
    fn those_that_are_clear_leave_the_rest_alone() {
        let values = |mean: f64, scatter: f64| {
            (0..10).map(move |number| mean + scatter * if number % 2 == 0 { 1.0 } else { -1.0 })
        };
        let far = [40.0, 50.0, 60.0, 70.0].map(|mean| policy(values(mean, 0.1)));
        let all = [policy(values(1.0, 0.0)), policy(values(1.05, 0.08))].into_iter().chain(far);
        let policies = Policies::from(all.collect::<Vec<_>>());
        let judged = policies.judge(Metric::MeanWait).expect("values");
        assert_eq!(judged.compared, 15);
        let second = judged.differences[1].expect("pairs");
        assert_eq!((second.confidence, judged.standings[1]), (0.95, Standing::Unclear));
    }

    #[test]
    fn who_has_no_figure_is_not_equal_to_anybody() {
        let known = || policy((0..10).map(f64::from));
        let two = Policies::from(vec![known(), known()]).within(Some(0.1));
        assert!(two.judge(Metric::MeanWait).expect("values").are_equivalent());
        let more = vec![known(), known(), policy([f64::NAN; 10])];
        let three = Policies::from(more).within(Some(0.1));
        assert!(!three.judge(Metric::MeanWait).expect("values").are_equivalent());
        let sentence = three.judge(Metric::MeanWait).expect("values").leading();
        let text = sentence.sentence(|policy| ["a", "b", "c"][policy], |_| String::new());
        assert!(text.starts_with("a and b have the same mean wait"), "{text}");
    }
}
