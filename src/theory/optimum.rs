//! Exact optima of small batches.

use super::bounds::Machines;

/// The most tasks of which the optimum is found.
pub const MOST_TASKS: usize = 12;

/// The least makespan of a batch of tasks of one slot each that are not interrupted, by branch and bound
/// over all assignments (Horowitz and Sahni 1976): longest first, each to the machines in turn, equal ones
/// of equal load once. `None` without tasks, or with more than [`MOST_TASKS`].
pub fn least_makespan(works: &[f64], machines: &Machines) -> Option<f64> {
    if works.is_empty() || works.len() > MOST_TASKS {
        return None;
    }
    let mut works = works.to_vec();
    works.sort_by(|a, b| b.total_cmp(a));
    // More machines than tasks, and slower ones than those, are of no use.
    let speeds = &machines.speeds()[..machines.speeds().len().min(works.len())];
    let mut left: Vec<f64> = works
        .iter()
        .rev()
        .scan(0.0, |sum, work| {
            *sum += work;
            Some(*sum)
        })
        .collect();
    left.reverse();
    let mut search = Search { works: &works, left: &left, speeds, best: f64::INFINITY };
    search.place(0, &mut vec![0.0; speeds.len()]);
    Some(search.best)
}

struct Search<'a> {
    works: &'a [f64],
    /// Work of this and all later tasks.
    left: &'a [f64],
    speeds: &'a [f64],
    best: f64,
}

impl Search<'_> {
    fn place(&mut self, task: usize, loads: &mut [f64]) {
        let longest = loads.iter().zip(self.speeds).map(|(load, speed)| load / speed).fold(0.0, f64::max);
        if task == self.works.len() {
            self.best = self.best.min(longest);
            return;
        }
        let placed: f64 = loads.iter().sum();
        let level = (placed + self.left[task]) / self.speeds.iter().sum::<f64>();
        if longest.max(level) >= self.best {
            return;
        }
        for machine in 0..loads.len() {
            let same =
                |other: usize| loads[other] == loads[machine] && self.speeds[other] == self.speeds[machine];
            if (0..machine).any(same) {
                continue;
            }
            let before = loads[machine];
            if (before + self.works[task]) / self.speeds[machine] < self.best {
                loads[machine] += self.works[task];
                self.place(task + 1, loads);
                loads[machine] = before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_assignments(works: &[f64], speeds: &[f64]) -> f64 {
        let (mut best, machines) = (f64::INFINITY, speeds.len());
        for code in 0..machines.pow(works.len() as u32) {
            let mut loads = vec![0.0; machines];
            for (at, work) in works.iter().enumerate() {
                let machine = code / machines.pow(at as u32) % machines;
                loads[machine] += work / speeds[machine];
            }
            best = best.min(loads.into_iter().fold(0.0, f64::max));
        }
        best
    }

    #[test]
    fn the_best_of_all_assignments() {
        let works = [7.0, 5.0, 4.0, 4.0, 3.0, 3.0, 2.5, 1.0];
        for speeds in [vec![1.0; 3], vec![2.0, 1.0, 0.5], vec![4.0, 1.0]] {
            let machines = Machines::new(speeds.iter().map(|speed| (1, *speed)));
            let expected = all_assignments(&works, &speeds);
            let found = least_makespan(&works, &machines).unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
    }

    /// Graham's (1969) example for three machines: longest first gives 11, the best is 9.
    #[test]
    fn grahams_example() {
        let machines = Machines::new([(3, 1.0)]);
        assert_eq!(least_makespan(&[5.0, 5.0, 4.0, 4.0, 3.0, 3.0, 3.0], &machines), Some(9.0));
        assert_eq!(least_makespan(&[], &machines), None);
        assert_eq!(least_makespan(&[1.0; 13], &machines), None);
        assert_eq!(least_makespan(&[2.0], &machines), Some(2.0));
    }
}
