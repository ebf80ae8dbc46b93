//! Where the best policy changes along the key that is varied.

use std::io::{self, Write};

use super::{Grid, is_logarithmic};
use crate::metrics::Metric;
use crate::report::csv::lines;
use crate::report::number::exact;
use crate::statistics::crossover::{Crossing, crossings};
use crate::statistics::paired::{Paired, difference};

/// Columns of `crossovers.csv`.
const CROSSOVERS: &[&str] = &["metric", "key", "before", "after", "at", "from", "to"];

/// The best policy changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossover {
    /// Index of the best policy before.
    pub before: usize,
    /// Index of the best policy after.
    pub after: usize,
    /// Where both are alike.
    pub at: f64,
    /// From where on, and up to where, they cannot be told apart; `None` where that has no end in the grid.
    pub range: (Option<f64>, Option<f64>),
}

/// The crossovers in a metric; empty unless one key is varied and its values are ascending numbers.
pub fn crossovers(grid: &Grid, metric: Metric) -> Vec<Crossover> {
    let Some(sign) = metric.column().better.sign() else { return Vec::new() };
    let axes = grid.file.axes();
    let Some(places) = axes.first().filter(|_| axes.len() == 1).and_then(|axis| axis.numbers()) else {
        return Vec::new();
    };
    if !places.is_sorted() {
        return Vec::new();
    }
    // Between two values the difference is taken as straight over the scale of the plot.
    let logarithmic = is_logarithmic(&places);
    let to = |place: f64| if logarithmic { place.ln() } else { place };
    let from = |place: f64| if logarithmic { place.exp() } else { place };
    let bests = bests(grid, metric, sign);
    let mut found: Vec<Crossover> = Vec::new();
    let mut told: Vec<(usize, usize, usize)> = Vec::new();
    for cell in 1..places.len() {
        let (Some(before), Some(after)) = (bests[cell - 1], bests[cell]) else { continue };
        if before == after {
            continue;
        }
        let (one, other) = (before.min(after), before.max(after));
        let points: Option<Vec<(f64, Paired)>> = (0..places.len())
            .map(|cell| {
                let values = |policy: usize| grid.cells[cell][policy].values(metric);
                Some((to(places[cell]), difference(&values(one), &values(other))?))
            })
            .collect();
        let Some(points) = points else { continue };
        // It lies between the two cells, or, of several that cannot be told apart, around them.
        let between = |crossing: &Crossing| crossing.after < cell && crossing.before >= cell;
        let Some(crossing) = crossings(&points).into_iter().find(between) else { continue };
        let is_told = told.contains(&(one, other, crossing.after));
        // Where neither is clearly better on either side, nothing is known to change.
        if is_told || (crossing.from.is_none() && crossing.to.is_none()) {
            continue;
        }
        told.push((one, other, crossing.after));
        let rises = crossing.rises == (sign > 0.0);
        let (before, after) = if rises { (one, other) } else { (other, one) };
        let range = (crossing.from.map(from), crossing.to.map(from));
        found.push(Crossover { before, after, at: from(crossing.at), range });
    }
    found
}

/// The best policy of every cell; of equals the one that was best in the cell before, or else the first.
fn bests(grid: &Grid, metric: Metric, sign: f64) -> Vec<Option<usize>> {
    let mut bests: Vec<Option<usize>> = Vec::new();
    for policies in &grid.cells {
        let mean = |policy: usize| Some(sign * policies[policy].summary(metric)?.mean);
        let means = (0..policies.len()).filter_map(|policy| Some((policy, mean(policy)?)));
        let first = means.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let last = bests.last().copied().flatten();
        let kept = last.filter(|&last| first.is_some_and(|(_, least)| mean(last) == Some(least)));
        bests.push(kept.or(first.map(|(policy, _)| policy)));
    }
    bests
}

/// `crossovers.csv`.
pub(super) fn csv(out: &mut dyn Write, grid: &Grid) -> io::Result<()> {
    let mut lines = lines(out, CROSSOVERS)?;
    for metric in grid.file.shown() {
        for one in crossovers(grid, metric) {
            lines.write_record([
                metric.column().name,
                &grid.file.axes[0].key,
                &grid.file.policies[one.before],
                &grid.file.policies[one.after],
                &exact(Some(one.at)),
                &exact(one.range.0),
                &exact(one.range.1),
            ])?;
        }
    }
    lines.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sweep::sample;

    /// A sweep over 1, 2, ...
    fn grid(means: &[f64]) -> Grid {
        let values: Vec<String> = (1..=means.len()).map(|number| number.to_string()).collect();
        sample::grid(&[("x", values)], means)
    }

    /// Who is best before and after, and where that changes.
    fn found(means: &[f64]) -> Vec<(usize, usize, f64)> {
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        let found = crossovers(&grid(means), Metric::MeanWait);
        found.iter().map(|one| (one.before, one.after, rounded(one.at))).collect()
    }

    /// From -2 at 1 to 2 at 100 the difference is 0 at 10, and its band of 0.75 holds 0 from 10 / 10^0.375 on.
    #[test]
    fn far_apart_values_are_told_of_by_ratio() {
        let grid = sample::grid(&[("x", vec!["1".to_string(), "100".to_string()])], &[-2.0, 2.0]);
        let [one] = &crossovers(&grid, Metric::MeanWait)[..] else { panic!("one crossover") };
        assert!((one.at - 10.0).abs() < 1e-9, "{one:?}");
        let (Some(from), Some(to)) = one.range else { panic!("{one:?}") };
        let away = 10f64.powf(0.375);
        assert!((from * away / 10.0 - 1.0).abs() < 1e-3 && (to / away / 10.0 - 1.0).abs() < 1e-3, "{one:?}");
    }

    #[test]
    fn a_change_is_told_once() {
        assert_eq!(found(&[-3.0, 0.5, -3.0, 3.0]), [(0, 1, 3.5)]);
        assert_eq!(found(&[-3.0, 0.5, -0.5, 3.0]), [(0, 1, 2.5)]);
        assert_eq!(found(&[3.0, -0.5, 0.5, -3.0]), [(1, 0, 2.5)]);
        assert_eq!(found(&[-2.0, 2.0, 0.0, 2.0]), [(0, 1, 1.5)]);
        assert_eq!(found(&[2.0, 0.0, -2.0]), [(1, 0, 2.0)]);
        assert_eq!(found(&[-3.0, 3.0, -3.0]), [(0, 1, 1.5), (1, 0, 2.5)]);
        assert_eq!(found(&[0.0, 0.0, 2.0]), []);
    }
}
