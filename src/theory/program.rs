//! A linear program: how fast could a cluster be whose tasks demand several resources, if tasks could be
//! cut in pieces and spread over nodes at will.

use microlp::{ComparisonOp, OptimizationDirection, Problem};

/// Programs with more variables than this are not solved.
pub const MOST_VARIABLES: usize = 4_000;
/// The solver keeps to constraints within a ten-millionth; a bound must not lie above the optimum.
const TOLERANCE: f64 = 1e-6;

/// Equal nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// How many.
    pub count: f64,
    /// Work units per second.
    pub speed: f64,
    /// What one node has of each resource, slots among them.
    pub capacity: Vec<f64>,
}

/// All tasks with the same demand.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Their work together.
    pub work: f64,
    /// What one task takes of each resource while it runs.
    pub demand: Vec<f64>,
}

/// The least time in which the work of all kinds can be spread over the groups so that no group gives more
/// of any resource than it has: minimise T, where group g does x(k, g) of the work of kind k, with
/// sum over g of x(k, g) = work(k), and for every g and resource r
/// sum over k of demand(k, r) x(k, g) / speed(g) <= T count(g) capacity(g, r); x(k, g) = 0 where a task of k
/// does not fit on a node of g. No schedule is faster (a fractional relaxation; solved by the simplex
/// method). `None` when a kind fits nowhere, and for programs that are too large.
pub fn least_makespan(groups: &[Group], kinds: &[Kind]) -> Option<f64> {
    if kinds.is_empty() || groups.len() * kinds.len() > MOST_VARIABLES {
        return None;
    }
    let fits = |kind: &Kind, group: &Group| {
        kind.demand.iter().zip(&group.capacity).all(|(demand, capacity)| demand <= capacity)
    };
    let total: f64 = kinds.iter().map(|kind| kind.work).sum();
    if total <= 0.0 {
        return Some(0.0);
    }
    // In units of the whole work and of about the time it takes, so that all numbers are near 1.
    let unit = (0..groups.first()?.capacity.len())
        .map(|resource| ratio(groups, kinds, resource))
        .fold(0.0, f64::max);
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let time = problem.add_var(1.0, (0.0, f64::INFINITY));
    let mut parts = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let of_group = |group: &Group| fits(kind, group).then(|| problem.add_var(0.0, (0.0, f64::INFINITY)));
        let of_kind: Vec<_> = groups.iter().map(of_group).collect();
        let sum: Vec<_> = of_kind.iter().flatten().map(|part| (*part, 1.0)).collect();
        if sum.is_empty() {
            return None;
        }
        problem.add_constraint(&sum[..], ComparisonOp::Eq, kind.work / total);
        parts.push(of_kind);
    }
    for (g, group) in groups.iter().enumerate() {
        for (resource, capacity) in group.capacity.iter().enumerate() {
            let offered = unit / total * group.count * capacity * group.speed;
            let takes = kinds.iter().zip(&parts).filter_map(|(kind, parts)| {
                let part = parts[g]?;
                (kind.demand[resource] > 0.0).then(|| (part, kind.demand[resource] / offered))
            });
            let mut row: Vec<_> = takes.collect();
            if !row.is_empty() {
                row.push((time, -1.0));
                problem.add_constraint(&row[..], ComparisonOp::Le, 0.0);
            }
        }
    }
    let solution = problem.solve().ok()?.into_solution().ok()?;
    Some(solution.objective() * unit * (1.0 - TOLERANCE))
}

/// The time that all demand for one resource takes at least: demand over supply.
fn ratio(groups: &[Group], kinds: &[Kind], resource: usize) -> f64 {
    let supply: f64 = groups.iter().map(|group| group.count * group.speed * group.capacity[resource]).sum();
    let demand: f64 = kinds.iter().map(|kind| kind.work * kind.demand[resource]).sum();
    if supply > 0.0 { demand / supply } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(count: f64, speed: f64, capacity: &[f64]) -> Group {
        Group { count, speed, capacity: capacity.to_vec() }
    }

    fn kind(work: f64, demand: &[f64]) -> Kind {
        Kind { work, demand: demand.to_vec() }
    }

    /// One resource and one group is demand over supply.
    #[test]
    fn one_resource() {
        let found = least_makespan(&[group(2.0, 1.0, &[4.0])], &[kind(10.0, &[2.0]), kind(4.0, &[1.0])]);
        assert!((found.unwrap() - 24.0 / 8.0).abs() < 1e-4);
    }

    /// By hand: tasks of a kind that takes all the memory of a small node go to the large ones only.
    /// Slots: small nodes do 10 of the small kind's work per second at most; the rest shares the large.
    #[test]
    fn two_resources_and_two_groups() {
        // Capacities (slots, memory): small (1, 1) x 10, large (1, 4) x 10.
        let groups = [group(10.0, 1.0, &[1.0, 1.0]), group(10.0, 1.0, &[1.0, 4.0])];
        // Large tasks 100 of work: only on large nodes, 10 s. Small 100: all on the small nodes.
        let found = least_makespan(&groups, &[kind(100.0, &[1.0, 4.0]), kind(100.0, &[1.0, 1.0])]);
        assert!((found.unwrap() - 10.0).abs() < 1e-4);
        // More small tasks spill over to the large nodes: (100 + 300) / 20.
        let found = least_makespan(&groups, &[kind(100.0, &[1.0, 4.0]), kind(300.0, &[1.0, 1.0])]);
        assert!((found.unwrap() - 20.0).abs() < 1e-4);
        // More large ones do not spill over.
        let found = least_makespan(&groups, &[kind(300.0, &[1.0, 4.0]), kind(100.0, &[1.0, 1.0])]);
        assert!((found.unwrap() - 30.0).abs() < 1e-4);
        assert_eq!(least_makespan(&groups, &[kind(1.0, &[1.0, 5.0])]), None);
    }

    /// A mix that no single resource tells: tasks that take memory and tasks that take slots pair up on
    /// fast and slow nodes.
    #[test]
    fn mixes() {
        let groups = [group(1.0, 2.0, &[4.0, 2.0]), group(1.0, 1.0, &[2.0, 4.0])];
        let kinds = [kind(10.0, &[1.0, 2.0]), kind(10.0, &[2.0, 1.0])];
        let found = least_makespan(&groups, &kinds).unwrap();
        // Resource by resource it would be less: 30 / (8 + 2) of slots, 30 / (4 + 4) of memory.
        assert!(found >= 30.0 / 8.0 - 1e-4, "{found}");
        // Every vertex of a grid over the two shares that are free, by trying.
        let mut best = f64::INFINITY;
        for a in 0..=1000 {
            for b in 0..=1000 {
                let (a, b) = (f64::from(a) / 100.0, f64::from(b) / 100.0);
                let first = ((a + 2.0 * b) / 2.0 / 4.0).max((2.0 * a + b) / 2.0 / 2.0);
                let (c, d) = (10.0 - a, 10.0 - b);
                let second = ((c + 2.0 * d) / 2.0).max((2.0 * c + d) / 4.0);
                best = best.min(first.max(second));
            }
        }
        assert!(found <= best + 1e-9 && best < found * 1.01, "{found}, {best}");
    }
}
