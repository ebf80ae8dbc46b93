//! How much of the time nodes are up: one, k of n, with few repairers, in the long run and over a
//! finite one.

use super::numeric::integral;

/// In the long run, whatever the distributions: MTBF / (MTBF + MTTR) (Barlow and Proschan 1965).
pub fn long_run(mean_up: f64, mean_down: f64) -> f64 {
    mean_up / (mean_up + mean_down)
}

/// Probability of being down at `time`, of a node that starts up and has exponential up and down times.
fn down_at(mean_up: f64, mean_down: f64, time: f64) -> f64 {
    let rate = 1.0 / mean_up + 1.0 / mean_down;
    (1.0 - long_run(mean_up, mean_down)) * -(-rate * time).exp_m1()
}

/// Expected share of 0..`horizon` for which such a node is up: the long-run share, and what remains of
/// the good start (Trivedi 2002, section 8.3, interval availability).
pub fn over_a_run(mean_up: f64, mean_down: f64, horizon: f64) -> f64 {
    let long_run = long_run(mean_up, mean_down);
    let rate = 1.0 / mean_up + 1.0 / mean_down;
    long_run + (1.0 - long_run) * -(-rate * horizon).exp_m1() / (rate * horizon)
}

/// Probability that at least `k` of `n` independent nodes are up, each with this probability (Barlow and
/// Proschan 1975): with k = 1, 1 - (1 - p)^n; with k = n, p^n.
pub fn k_of_n(k: u32, n: u32, up: f64) -> f64 {
    // Sums over how many are up, built node by node.
    let mut chances = vec![0.0; n as usize + 1];
    chances[0] = 1.0;
    for nodes in 1..=n as usize {
        for up_now in (0..=nodes).rev() {
            let from_below = if up_now > 0 { chances[up_now - 1] * up } else { 0.0 };
            chances[up_now] = from_below + chances[up_now] * (1.0 - up);
        }
    }
    chances[(k as usize).min(n as usize + 1)..].iter().sum()
}

/// Probability that at least one of `n` independent things fails, each with this probability:
/// 1 - (1 - p)^n.
pub fn any_fails(n: u32, p: f64) -> f64 {
    -(f64::from(n) * (-p).ln_1p()).exp_m1()
}

/// Expected share of 0..`horizon` in which at least `k` of `n` independent nodes, all up at first, are up.
pub fn k_of_n_over_a_run(k: u32, n: u32, mean_up: f64, mean_down: f64, horizon: f64) -> f64 {
    let too_few = |time: f64| match (k, down_at(mean_up, mean_down, time)) {
        (1, down) => down.powi(n as i32),
        (_, down) => 1.0 - k_of_n(k, n, 1.0 - down),
    };
    // After this nothing is left of the start.
    let start = (40.0 / (1.0 / mean_up + 1.0 / mean_down)).min(horizon);
    let down = integral(0.0, start, 200, too_few) + (horizon - start) * too_few(horizon);
    1.0 - down / horizon
}

/// Mean share of machines that work in the long run, of `machines` that each fail at `failure_rate` while
/// they work and are repaired at `repair_rate` by `repairers` (Palm 1947; the chain M/M/c//N).
pub fn machine_repair(machines: u32, repairers: u32, failure_rate: f64, repair_rate: f64) -> f64 {
    let (mut weight, mut total, mut working) = (1.0, 0.0, 0.0);
    for broken in 0..=machines {
        total += weight;
        working += weight * f64::from(machines - broken);
        let repaired = f64::from(repairers.min(broken + 1)) * repair_rate;
        weight *= f64::from(machines - broken) * failure_rate / repaired;
        if total > 1e200 {
            (weight, total, working) = (weight / total, 1.0, working / total);
        }
    }
    working / total / f64::from(machines)
}

/// What the good start of such machines, all working, is worth: the seconds, in the long run and per machine,
/// by which they have worked more than their long-run share of the time. It solves Poisson's equation of the
/// chain, state by state (Asmussen, *Applied Probability and Queues*, 2003, section I.7).
pub fn good_start(machines: u32, repairers: u32, failure_rate: f64, repair_rate: f64) -> f64 {
    let share = machine_repair(machines, repairers, failure_rate, repair_rate);
    let n = f64::from(machines);
    // By number of broken machines: how likely it is, and how much more than the share work.
    let (mut weights, mut weight, mut total) = (Vec::with_capacity(machines as usize + 1), 1.0f64, 0.0);
    for broken in 0..=machines {
        weights.push(weight);
        total += weight;
        let repaired = f64::from(repairers.min(broken + 1)) * repair_rate;
        weight *= f64::from(machines - broken) * failure_rate / repaired;
        if total > 1e200 {
            weights.iter_mut().for_each(|one| *one /= total);
            (weight, total) = (weight / total, 1.0);
        }
    }
    // A step down costs what is gained on average above it: the flow through it times its cost.
    let (mut above, mut value, mut mean) = (0.0, 0.0, 0.0);
    for broken in 0..machines {
        let likely = weights[broken as usize] / total;
        above += likely * ((n - f64::from(broken)) / n - share);
        let flow = likely * f64::from(machines - broken) * failure_rate;
        value -= if flow > 0.0 { above / flow } else { 0.0 };
        mean += weights[broken as usize + 1] / total * value;
    }
    -mean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one machine it is the integral of what is left of the start: (1 - A) / (failures + repairs). With as
    /// many repairers as machines these are alone. With fewer, against small steps through time.
    #[test]
    fn a_good_start_is_worth_so_much() {
        let alone = (1.0 - long_run(50.0, 10.0)) / 0.12;
        assert!((good_start(1, 1, 0.02, 0.1) - alone).abs() < 1e-12);
        assert!((good_start(7, 7, 0.02, 0.1) - alone).abs() < 1e-9);
        let (machines, repairers, fails, mends) = (4u32, 1u32, 0.3, 0.5);
        let share = machine_repair(machines, repairers, fails, mends);
        let (mut chance, mut worth, step) = ([1.0, 0.0, 0.0, 0.0, 0.0], 0.0, 1e-3);
        for _ in 0..200_000 {
            let mut next = chance;
            for broken in 0..=4usize {
                worth += chance[broken] * ((4.0 - broken as f64) / 4.0 - share) * step;
                let down = chance[broken] * (4.0 - broken as f64) * fails * step;
                let up = chance[broken] * f64::from(repairers.min(broken as u32)) * mends * step;
                next[broken] -= down + up;
                if broken < 4 {
                    next[broken + 1] += down;
                }
                if broken > 0 {
                    next[broken - 1] += up;
                }
            }
            chance = next;
        }
        let found = good_start(machines, repairers, fails, mends);
        assert!((found - worth).abs() < 2e-3, "{found} {worth}");
        assert!(good_start(2000, 1, 1.0, 1.0).is_finite());
    }

    #[test]
    fn one_node() {
        assert!((long_run(100.0, 1.0) - 100.0 / 101.0).abs() < 1e-15);
        assert!((over_a_run(50.0, 10.0, 50.0) - 0.861_042).abs() < 5e-7);
        // The start alone, and the long run.
        assert!((over_a_run(50.0, 10.0, 1e-6) - 1.0).abs() < 1e-6);
        assert!((over_a_run(50.0, 10.0, 1e9) - long_run(50.0, 10.0)).abs() < 1e-7);
        let by_integral = 1.0 - integral(0.0, 50.0, 50, |time| down_at(50.0, 10.0, time)) / 50.0;
        assert!((over_a_run(50.0, 10.0, 50.0) - by_integral).abs() < 1e-12);
        assert!((k_of_n_over_a_run(1, 1, 50.0, 10.0, 50.0) - by_integral).abs() < 1e-12);
    }

    #[test]
    fn several_nodes() {
        assert!((k_of_n(1, 3, 0.9) - 0.999).abs() < 1e-12);
        assert!((k_of_n(3, 3, 0.9) - 0.729).abs() < 1e-12);
        assert!((k_of_n(2, 3, 0.9) - 0.972).abs() < 1e-12);
        assert_eq!((k_of_n(0, 3, 0.9), k_of_n(4, 3, 0.9)), (1.0, 0.0));
        assert!((any_fails(100, 0.01) - (1.0 - 0.99f64.powi(100))).abs() < 1e-12);
        let all = k_of_n_over_a_run(1, 2, 50.0, 10.0, 1e7);
        assert!((all - (1.0 - 1.0 / 36.0)).abs() < 1e-6, "{all}");
        // Two of three: 3 (5/6)^2 1/6 + (5/6)^3; and all of two, from sums of exponentials by hand.
        let two_of_three = k_of_n_over_a_run(2, 3, 50.0, 10.0, 1e7);
        assert!((two_of_three - 200.0 / 216.0).abs() < 1e-5, "{two_of_three}");
        let (up, rate, end): (f64, f64, f64) = (5.0 / 6.0, 0.12, 50.0);
        let sum = |times: f64| (1.0 - (-times * rate * end).exp()) / (times * rate * end);
        let both = up * up + 2.0 * up * (1.0 - up) * sum(1.0) + (1.0 - up) * (1.0 - up) * sum(2.0);
        assert!((k_of_n_over_a_run(2, 2, 50.0, 10.0, 50.0) - both).abs() < 1e-9);
    }

    /// One machine and one repairer is one node; two and one by hand: weights 1, 0.2, 0.02.
    #[test]
    fn machines_and_repairers() {
        assert!((machine_repair(1, 1, 0.02, 0.1) - long_run(50.0, 10.0)).abs() < 1e-12);
        let expected = (2.0 + 0.2) / (1.0 + 0.2 + 0.02) / 2.0;
        assert!((machine_repair(2, 1, 0.1, 1.0) - expected).abs() < 1e-12);
        // As many repairers as machines: independent nodes.
        assert!((machine_repair(30, 30, 0.02, 0.1) - long_run(50.0, 10.0)).abs() < 1e-12);
        assert!(machine_repair(2000, 1, 1.0, 1.0) < 0.001);
    }
}
