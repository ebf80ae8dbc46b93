//! Which policy is best in a metric, and which cannot be told apart from it.

use super::story::PolicyStory;
use crate::metrics::{Better, Metric};
use crate::statistics::paired::{Paired, holm_intervals};

/// How a policy stands in a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its mean is the best.
    Best,
    /// The interval of its difference to the best holds 0.
    Unclear,
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
    pub differences: Vec<Option<Paired>>,
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

/// Judges a metric; `None` when it has no good direction or no policy has a value.
pub fn judge(policies: &[PolicyStory], metric: Metric) -> Option<Judgement> {
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
    let pairs: Vec<Vec<f64>> = policies
        .iter()
        .enumerate()
        .map(|(index, policy)| if index == best { vec![] } else { pairs(policy, &policies[best], metric) })
        .collect();
    let differences = holm_intervals(&pairs);
    let judged = differences.iter().any(Option::is_some);
    let standings = differences
        .iter()
        .enumerate()
        .map(|(index, difference)| match difference {
            _ if index == best && judged => Standing::Best,
            Some(difference) if difference.holds_zero() => Standing::Unclear,
            Some(_) => Standing::Worse,
            None => Standing::NotJudged,
        })
        .collect();
    Some(Judgement { metric, best, standings, means, differences })
}

/// Differences `a - b` in the replications where both have the figure.
fn pairs(a: &PolicyStory, b: &PolicyStory, metric: Metric) -> Vec<f64> {
    let values = a.rows.iter().zip(&b.rows);
    values.filter_map(|(a, b)| Some(a.get(metric)? - b.get(metric)?)).collect()
}

impl Judgement {
    /// Whether any difference could be judged.
    pub fn is_judged(&self) -> bool {
        self.differences.iter().any(Option::is_some)
    }

    /// Whether the policies that were judged have the very same values.
    pub fn is_tie(&self) -> bool {
        self.differences
            .iter()
            .flatten()
            .all(|difference| difference.mean == 0.0 && difference.half_width == 0.0)
    }

    /// The best and those that cannot be told apart from it, best mean first.
    pub fn leaders(&self) -> Vec<usize> {
        self.ranked().into_iter().filter(|&index| self.standings[index] != Standing::Worse).collect()
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
