//! Where the best policy changes along the key that is varied.

use std::io::{self, Write};

use super::Grid;
use crate::metrics::{Better, Metric};
use crate::report::csv::lines;
use crate::report::number::exact;
use crate::statistics::crossover::crossings;
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
    let sign = match metric.column().better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
        Better::Neither => return Vec::new(),
    };
    let axes = grid.file.axes();
    let Some(places) = axes.first().filter(|_| axes.len() == 1).and_then(|axis| axis.numbers()) else {
        return Vec::new();
    };
    if !places.is_sorted() {
        return Vec::new();
    }
    let best = |cell: usize| {
        let means = grid.cells[cell].iter().enumerate();
        let means = means.filter_map(|(policy, one)| Some((policy, sign * one.summary(metric)?.mean)));
        means.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))).map(|(policy, _)| policy)
    };
    let bests: Vec<Option<usize>> = (0..places.len()).map(best).collect();
    let mut found: Vec<Crossover> = Vec::new();
    for cell in 1..places.len() {
        let (Some(before), Some(after)) = (bests[cell - 1], bests[cell]) else { continue };
        if before == after {
            continue;
        }
        let points: Option<Vec<(f64, Paired)>> = (0..places.len())
            .map(|cell| {
                let values = |policy: usize| grid.cells[cell][policy].values(metric);
                Some((places[cell], difference(&values(before), &values(after))?))
            })
            .collect();
        let Some(points) = points else { continue };
        // The last crossing of the two before this cell: there may be others farther down.
        let crossing = crossings(&points).into_iter().rfind(|crossing| crossing.after < cell);
        // Where neither is clearly better on either side, nothing is known to change.
        if let Some(crossing) = crossing.filter(|one| one.from.is_some() || one.to.is_some()) {
            let range = (crossing.from, crossing.to);
            found.push(Crossover { before, after, at: crossing.at, range });
        }
    }
    found
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
