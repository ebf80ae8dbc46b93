//! Lower bounds that no schedule of a list of tasks can beat, whatever it knows and however it interrupts.
//!
//! Tasks are added in the order of their arrival. Times are seconds from the first arrival, work is in units
//! of work times slots. Bounds on the makespan need memory for the longest tasks only.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The machines: one for each slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Machines {
    /// Speeds of the slots, the fastest first.
    speeds: Vec<f64>,
    total: f64,
}

impl Machines {
    /// Of nodes with these (slots, speed).
    pub fn new(nodes: impl IntoIterator<Item = (u32, f64)>) -> Machines {
        let slots = nodes.into_iter().flat_map(|(slots, speed)| std::iter::repeat_n(speed, slots as usize));
        let mut speeds: Vec<f64> = slots.collect();
        speeds.sort_by(|a, b| b.total_cmp(a));
        let total = speeds.iter().sum();
        Machines { speeds, total }
    }

    /// Speeds of the slots, the fastest first.
    pub fn speeds(&self) -> &[f64] {
        &self.speeds
    }

    /// Work per second of all slots together.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Speed of the fastest slot.
    pub fn fastest(&self) -> f64 {
        self.speeds.first().copied().unwrap_or(0.0)
    }

    /// Whether all slots are equally fast.
    pub fn are_equal(&self) -> bool {
        self.speeds.first() == self.speeds.last()
    }
}

/// Lower bounds on the makespan, each by its own argument.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MakespanBounds {
    /// The work that comes from some moment on cannot be done faster than by all slots together.
    pub total_work: f64,
    /// A task takes at least its time on the fastest node after it arrives, and after the tasks it waits
    /// for.
    pub longest: f64,
    /// The k longest tasks cannot be done faster than by the k fastest slots together (Horvath, Lam and
    /// Sethi 1977); 0 where all slots are equally fast, since the other two say as much.
    pub unequal: f64,
}

impl MakespanBounds {
    /// The highest of them.
    pub fn best(&self) -> f64 {
        self.total_work.max(self.longest).max(self.unequal)
    }
}

/// Works bounds on the makespan out while tasks pass.
#[derive(Clone, Debug)]
pub struct MakespanWatch<'a> {
    machines: &'a Machines,
    first: Option<f64>,
    done_before: f64,
    /// The most of arrival - work that came before / total speed.
    latest: f64,
    longest: f64,
    /// The longest tasks, at most one for each slot; unused when all slots are equally fast.
    largest: BinaryHeap<Reverse<Work>>,
    parallel: bool,
}

/// Work in an order.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Work(f64);

impl Eq for Work {}

impl PartialOrd for Work {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Work {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl<'a> MakespanWatch<'a> {
    /// No task yet.
    pub fn new(machines: &'a Machines) -> Self {
        MakespanWatch {
            machines,
            first: None,
            done_before: 0.0,
            latest: 0.0,
            longest: 0.0,
            largest: BinaryHeap::new(),
            parallel: false,
        }
    }

    /// The next task by arrival; `not_before` is when what it waits for can be done at the earliest, at
    /// least its arrival. Both count from time 0.
    pub fn add(&mut self, arrival: f64, not_before: f64, work: f64, slots: u32) {
        let first = *self.first.get_or_insert(arrival);
        self.latest = self.latest.max(arrival - first - self.done_before / self.machines.total);
        self.done_before += work * f64::from(slots);
        let done = not_before + work / self.machines.fastest();
        self.longest = self.longest.max(done - first);
        self.parallel |= slots > 1;
        if !self.machines.are_equal() && !self.parallel {
            if self.largest.len() < self.machines.speeds.len() {
                self.largest.push(Reverse(Work(work)));
            } else if self.largest.peek().is_some_and(|Reverse(least)| least.0 < work) {
                self.largest.pop();
                self.largest.push(Reverse(Work(work)));
            }
        }
    }

    /// The bounds; `None` without tasks.
    pub fn bounds(self) -> Option<MakespanBounds> {
        self.first?;
        let mut unequal = 0.0f64;
        if !self.parallel {
            let (mut work, mut speed) = (0.0, 0.0);
            // Ascending by the reversed order: the longest first.
            for (Reverse(longest), fastest) in
                self.largest.into_sorted_vec().into_iter().zip(&self.machines.speeds)
            {
                work += longest.0;
                speed += fastest;
                unequal = unequal.max(work / speed);
            }
        }
        let total_work = self.latest + self.done_before / self.machines.total;
        Some(MakespanBounds { total_work, longest: self.longest, unequal })
    }
}

/// Lower bound on the mean response of tasks (arrival, work times slots), in order of arrival: the least
/// that one machine as fast as all slots together can do, by always serving the task with the least left
/// (Schrage 1968). `None` without tasks.
pub fn mean_response_on_one_machine(tasks: &[(f64, f64)], speed: f64) -> Option<f64> {
    let mut left: BinaryHeap<Reverse<Work>> = BinaryHeap::new();
    let (mut now, mut sum) = (0.0f64, 0.0f64);
    // A response is an end less an arrival; both are summed over all.
    let mut serve = |left: &mut BinaryHeap<Reverse<Work>>, now: &mut f64, until: f64| {
        while let Some(Reverse(Work(least))) = left.pop() {
            let end = *now + least / speed;
            if end > until {
                left.push(Reverse(Work(least - (until - *now) * speed)));
                break;
            }
            *now = end;
            sum += end;
        }
        *now = until;
    };
    for (arrival, work) in tasks {
        serve(&mut left, &mut now, *arrival);
        left.push(Reverse(Work(*work)));
    }
    serve(&mut left, &mut now, f64::INFINITY);
    let arrivals: f64 = tasks.iter().map(|(arrival, _)| arrival).sum();
    (!tasks.is_empty()).then(|| (sum - arrivals) / tasks.len() as f64)
}

/// The least mean response of a batch of tasks of one slot each, exactly: the shortest come first on each
/// machine, and the k-th last place of a machine of speed s costs k / s of the work there (Conway, Maxwell
/// and Miller 1967; Horowitz and Sahni 1976 for unequal speeds).
pub fn least_mean_response_of_batch(works: &[f64], machines: &Machines) -> Option<f64> {
    let mut works = works.to_vec();
    works.sort_by(|a, b| b.total_cmp(a));
    // Only as many machines as there are tasks can be of use.
    let useful = machines.speeds.iter().take(works.len());
    let mut places: BinaryHeap<Reverse<(Work, usize, u32)>> =
        useful.enumerate().map(|(machine, speed)| Reverse((Work(1.0 / speed), machine, 1))).collect();
    let mut sum = 0.0;
    for work in &works {
        let Reverse((Work(cost), machine, place)) = places.pop()?;
        sum += work * cost;
        let next = f64::from(place + 1) / machines.speeds[machine];
        places.push(Reverse((Work(next), machine, place + 1)));
    }
    (!works.is_empty()).then(|| sum / works.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(machines: &Machines, tasks: &[(f64, f64, u32)]) -> MakespanBounds {
        let mut watch = MakespanWatch::new(machines);
        for (arrival, work, slots) in tasks {
            watch.add(*arrival, *arrival, *work, *slots);
        }
        watch.bounds().expect("tasks")
    }

    #[test]
    fn equal_machines() {
        let machines = Machines::new([(2, 1.0), (1, 1.0)]);
        assert!(machines.are_equal() && machines.total() == 3.0);
        let found = of(&machines, &[(0.0, 3.0, 1), (0.0, 3.0, 1), (0.0, 3.0, 1), (0.0, 3.0, 1)]);
        assert_eq!(found, MakespanBounds { total_work: 4.0, longest: 3.0, unequal: 0.0 });
        // Slots count as work; a late task cannot be done before it arrives.
        let found = of(&machines, &[(5.0, 3.0, 2), (9.0, 1.0, 1)]);
        assert_eq!(found.longest, 5.0);
        assert!((found.total_work - (4.0 - 6.0 / 3.0 + 7.0 / 3.0)).abs() < 1e-12, "{found:?}");
        assert_eq!(MakespanWatch::new(&machines).bounds(), None);
    }

    /// Speeds 3 and 1, tasks of 6, 6 and 1: all together 13 / 4; the two longest 12 / 4 are less; with
    /// speeds 3, 1 and 1 the two longest take 12 / 4 of 13 / 5.
    #[test]
    fn unequal_machines() {
        let machines = Machines::new([(1, 1.0), (1, 3.0), (1, 1.0)]);
        assert_eq!((machines.fastest(), machines.speeds()), (3.0, &[3.0, 1.0, 1.0][..]));
        let found = of(&machines, &[(0.0, 1.0, 1), (0.0, 6.0, 1), (0.0, 6.0, 1)]);
        assert_eq!(found, MakespanBounds { total_work: 2.6, longest: 2.0, unequal: 3.0 });
        assert_eq!(found.best(), 3.0);
    }

    /// By hand: works 4 at 0 and 1 at 1 on a machine of speed 1: the second interrupts.
    #[test]
    fn one_fast_machine() {
        let found = mean_response_on_one_machine(&[(0.0, 4.0), (1.0, 1.0)], 1.0).unwrap();
        assert!((found - (5.0 + 1.0) / 2.0).abs() < 1e-12, "{found}");
        let twice = mean_response_on_one_machine(&[(0.0, 4.0), (1.0, 2.0)], 2.0).unwrap();
        assert!((twice - (2.0 + 2.0) / 2.0).abs() < 1e-12, "{twice}");
        assert_eq!(mean_response_on_one_machine(&[], 1.0), None);
    }

    /// Every assignment of five tasks to three machines in every order, by trying all.
    #[test]
    fn the_least_mean_response() {
        let works = [3.0, 1.0, 4.0, 1.5, 5.0];
        for speeds in [[1.0, 1.0, 1.0], [2.0, 1.0, 0.25]] {
            let machines = Machines::new(speeds.map(|speed| (1, speed)));
            let mut best = f64::INFINITY;
            let mut sorted = works;
            sorted.sort_by(f64::total_cmp);
            // On one machine the shortest first is best, so that only assignments remain.
            for code in 0..3usize.pow(5) {
                let (mut clocks, mut sum) = ([0.0; 3], 0.0);
                for (at, work) in sorted.iter().enumerate() {
                    let machine = code / 3usize.pow(at as u32) % 3;
                    clocks[machine] += work / speeds[machine];
                    sum += clocks[machine];
                }
                best = best.min(sum / 5.0);
            }
            let found = least_mean_response_of_batch(&works, &machines).unwrap();
            assert!((found - best).abs() < 1e-12, "{found}, not {best}");
        }
    }
}
