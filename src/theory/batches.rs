//! Batches: tasks that are all there at time 0, on equal servers that never idle while a task waits.

use std::collections::BTreeMap;

/// 1 + 1/2 + ... + 1/n.
pub fn harmonic(n: u64) -> f64 {
    (1..=n).map(|k| 1.0 / k as f64).sum()
}

/// Expected makespan of `tasks` exponential tasks of mean 1 on `servers`, in any order that does not know
/// sizes: as long as all servers are busy, ends come at rate `servers`; then the last ones run out one by
/// one (Renyi 1953 on exponential order statistics): (n - m) / m + H_m.
pub fn exponential_makespan(tasks: u64, servers: u64) -> f64 {
    if tasks <= servers {
        return harmonic(tasks);
    }
    (tasks - servers) as f64 / servers as f64 + harmonic(servers)
}

/// Expected mean response of the same: the mean of the expected times of all ends.
pub fn exponential_mean_response(tasks: u64, servers: u64) -> f64 {
    let (mut now, mut sum) = (0.0, 0.0);
    for left in (1..=tasks).rev() {
        now += 1.0 / left.min(servers) as f64;
        sum += now;
    }
    sum / tasks as f64
}

/// Makespan and mean response of `tasks` equal tasks of length 1 on `servers`: they run in rounds, of which
/// there are ceil(n / m).
pub fn equal_tasks(tasks: u64, servers: u64) -> (f64, f64) {
    let rounds = tasks.div_ceil(servers);
    let full = (rounds - 1) * (rounds) / 2 * servers;
    let last = tasks - (rounds - 1) * servers;
    (rounds as f64, (full + rounds * last) as f64 / tasks as f64)
}

/// A class of exponential tasks: the probability that a task is of it, and its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialClass {
    /// Probability.
    pub share: f64,
    /// Mean size.
    pub mean: f64,
}

/// Expected makespan and expected mean response of `tasks` exponential tasks, each of a class by its share,
/// when they are started in the order of the classes given and are not interrupted. Means ascending
/// (shortest expected first), no policy that knows means alone has a smaller mean response; descending
/// (longest expected first), none has a smaller makespan (Bruno, Downey and Frederickson 1981; Pinedo,
/// chapter 12). By dynamic programming over what runs and what waits: for few tasks and classes.
pub fn classes_in_order(classes: &[ExponentialClass], tasks: u32, servers: u32) -> (f64, f64) {
    let (mut makespan, mut response) = (0.0, 0.0);
    let mut known = BTreeMap::new();
    each_split(tasks, classes.len(), &mut Vec::new(), &mut |counts| {
        let chance = chance_of(classes, counts);
        let state = State { running: vec![0; classes.len()], waiting: counts.to_vec() };
        let costs = in_order(state, classes, servers, &mut known);
        makespan += chance * costs.0;
        response += chance * costs.1 / f64::from(tasks);
    });
    (makespan, response)
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    running: Vec<u32>,
    waiting: Vec<u32>,
}

/// Expected time and expected sum of responses that are still to come.
fn in_order(
    mut state: State,
    classes: &[ExponentialClass],
    servers: u32,
    known: &mut BTreeMap<State, (f64, f64)>,
) -> (f64, f64) {
    for class in 0..classes.len() {
        let free = servers - state.running.iter().sum::<u32>();
        let start = state.waiting[class].min(free);
        state.running[class] += start;
        state.waiting[class] -= start;
    }
    let running: u32 = state.running.iter().sum();
    if running == 0 {
        return (0.0, 0.0);
    }
    if let Some(known) = known.get(&state) {
        return *known;
    }
    let unsettled = f64::from(running + state.waiting.iter().sum::<u32>());
    let rates: Vec<f64> =
        state.running.iter().zip(classes).map(|(n, class)| f64::from(*n) / class.mean).collect();
    let total: f64 = rates.iter().sum();
    let (mut time, mut responses) = (1.0 / total, unsettled / total);
    for (class, rate) in rates.iter().enumerate().filter(|(_, rate)| **rate > 0.0) {
        let mut next = state.clone();
        next.running[class] -= 1;
        let after = in_order(next, classes, servers, known);
        time += rate / total * after.0;
        responses += rate / total * after.1;
    }
    known.insert(state, (time, responses));
    (time, responses)
}

/// Calls `visit` with every way to have `left` tasks of so many classes.
fn each_split(left: u32, classes: usize, counts: &mut Vec<u32>, visit: &mut impl FnMut(&[u32])) {
    if counts.len() + 1 == classes {
        counts.push(left);
        visit(counts);
        counts.pop();
        return;
    }
    for count in 0..=left {
        counts.push(count);
        each_split(left - count, classes, counts, visit);
        counts.pop();
    }
}

/// The multinomial probability of these counts.
fn chance_of(classes: &[ExponentialClass], counts: &[u32]) -> f64 {
    let (mut placed, mut chance) = (0u32, 1.0);
    for (class, count) in classes.iter().zip(counts) {
        for k in 1..=*count {
            placed += 1;
            chance *= class.share * f64::from(placed) / f64::from(k);
        }
    }
    chance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmonic_sums() {
        assert!((harmonic(4) - 25.0 / 12.0).abs() < 1e-12);
        // 1000 tasks of 2 s on 4 nodes: 502.17 s.
        assert!((2.0 * exponential_makespan(1000, 4) - 502.166_667).abs() < 1e-6);
        assert!((exponential_makespan(3, 8) - harmonic(3)).abs() < 1e-12);
        // Three tasks on two servers end at 1/2, 1 and 2.
        assert!((exponential_mean_response(3, 2) - 3.5 / 3.0).abs() < 1e-12);
        assert!((exponential_makespan(3, 2) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn rounds() {
        assert_eq!(equal_tasks(1000, 4), (250.0, 125.5));
        assert_eq!(equal_tasks(5, 4), (2.0, 6.0 / 5.0));
        assert_eq!(equal_tasks(3, 4), (1.0, 1.0));
    }

    /// One class is the closed form, in both orders of two halves.
    #[test]
    fn one_class_in_two_halves() {
        let half = ExponentialClass { share: 0.5, mean: 1.0 };
        let (makespan, response) = classes_in_order(&[half, half], 7, 3);
        assert!((makespan - exponential_makespan(7, 3)).abs() < 1e-12);
        assert!((response - exponential_mean_response(7, 3)).abs() < 1e-12);
        let short = ExponentialClass { share: 0.5, mean: 0.25 };
        let long = ExponentialClass { share: 0.5, mean: 3.0 };
        let (shortest, longest) =
            (classes_in_order(&[short, long], 6, 2), classes_in_order(&[long, short], 6, 2));
        assert!(longest.0 < shortest.0 && shortest.1 < longest.1);
    }
}
