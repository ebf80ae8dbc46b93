//! Where along the key that is varied it does not matter which policy is taken.

use super::Grid;
use crate::metrics::Metric;

/// Cells one after the other in which all policies are within the margin of the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Even {
    /// The first cell in ascending order of the key.
    pub first: usize,
    /// The last.
    pub last: usize,
}

/// Where it does not matter; empty unless a margin was given and one key is varied, whose values are ascending
/// numbers.
pub fn even(grid: &Grid, metric: Metric) -> Vec<Even> {
    let axes = grid.file.axes();
    let numbers = axes.first().filter(|_| axes.len() == 1).and_then(|axis| axis.numbers());
    if grid.file.margin.is_none() || !numbers.is_some_and(|numbers| numbers.is_sorted()) {
        return Vec::new();
    }
    let mut found: Vec<Even> = Vec::new();
    for (cell, policies) in grid.cells.iter().enumerate() {
        if !policies.judge(metric).is_some_and(|one| one.are_equivalent()) {
            continue;
        }
        match found.last_mut() {
            Some(even) if even.last + 1 == cell => even.last = cell,
            _ => found.push(Even { first: cell, last: cell }),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sweep::sample;

    /// Means of 10 that differ by so much, known to 0.75: within 30 % where 1.5 of 10 is certain not to be
    /// more than 3.
    #[test]
    fn where_all_are_within_the_margin() {
        let values: Vec<String> = (1..=6).map(|number| number.to_string()).collect();
        let mut grid = sample::grid(&[("x", values.clone())], &[0.1, -0.1, 2.0, 8.0, 1.5, 8.0]);
        assert_eq!(even(&grid, Metric::MeanWait), []);
        grid.file.margin = Some(0.3);
        grid.cells = grid.cells.into_iter().map(|cell| cell.within(Some(0.3))).collect();
        let expected = [Even { first: 0, last: 2 }, Even { first: 4, last: 4 }];
        assert_eq!(even(&grid, Metric::MeanWait), expected);
        let text = crate::report::sweep::table::render(&grid, "x/", crate::report::Style::PLAIN);
        let line = "Up to x = 3, and at x = 5, all policies are within 30 % of the best mean wait.";
        assert!(text.contains(line) && text.contains("= within 30 % of it"), "{text}");
        assert!(text.contains(" =10."), "{text}");
    }
}
