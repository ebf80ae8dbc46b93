//! Arrivals with independent gaps of any distribution at exponential servers: GI/M/1 and GI/M/c, and what
//! tasks in turn make of Poisson arrivals.

use super::numeric::crossing;
use super::size::Size;
use super::tail::Tail;
use crate::distribution::Distribution;

/// What GI/M/c says.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewal {
    /// Mean wait.
    pub mean_wait: f64,
    /// Share of the tasks that wait.
    pub share_waited: f64,
    /// Tail of the wait, first come, first served.
    pub wait_tail: Tail,
    /// Tail of the response, first come, first served; of one server only.
    pub response_tail: Option<Tail>,
}

/// GI/M/c, in any order that does not know sizes as far as means go (Kendall 1953; Takacs 1962, chapter
/// 2): sigma is the root in (0, 1) of sigma = A*(c mu (1 - sigma)), A* the Laplace transform of the gaps.
/// `None` at or above a load of 1.
pub fn renewal(servers: u32, gaps: &Size, mean: f64) -> Option<Renewal> {
    let gap = gaps.moment(1)?;
    let (c, mu) = (f64::from(servers), 1.0 / mean);
    if mean >= c * gap * (1.0 - 1e-12) {
        return None;
    }
    let transform = |s: f64| gaps.expect(|x| (-s * x).exp());
    let sigma = crossing(0.0, 1.0 - 1e-9, 0.0, |sigma| transform(c * mu * (1.0 - sigma)) - sigma);
    let idle = 1.0 - sigma;
    // Takacs's sum; with one server it is what makes the share that waits equal to sigma.
    let (mut sum, mut product, mut choose) = (1.0 / idle, 1.0, 1.0);
    for j in 1..=servers {
        let k = f64::from(j);
        let passed = transform(k * mu);
        product *= passed / (1.0 - passed);
        choose *= (c - k + 1.0) / k;
        sum += choose / (product * (1.0 - passed)) * (c * (1.0 - passed) - k) / (c * idle - k);
    }
    let share_waited = if servers == 1 { sigma } else { 1.0 / sum / idle };
    let rate = c * mu * idle;
    let response_tail = (servers == 1).then(|| Tail::exponential(1.0, rate));
    Some(Renewal {
        mean_wait: share_waited / rate,
        share_waited,
        wait_tail: Tail::exponential(share_waited, rate),
        response_tail,
    })
}

/// The gaps at one of `nodes` that get tasks in turn, when gaps at all of them together are exponential
/// with this rate, Erlang of `stages` stages: sums of `nodes` gaps.
pub fn gaps_in_turn(rate: f64, stages: u32, nodes: u32) -> Distribution {
    Distribution::Erlang { k: stages * nodes, mean: f64::from(nodes) / rate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::many_servers;

    fn of(servers: u32, gaps: &Distribution, mean: f64) -> Renewal {
        renewal(servers, &Size::of(gaps).expect("few atoms"), mean).expect("a load below 1")
    }

    /// Poisson arrivals give Erlang's formulas.
    #[test]
    fn exponential_gaps_are_poisson_arrivals() {
        for (servers, rate) in [(1, 0.5), (2, 1.7), (16, 12.8)] {
            let found = of(servers, &Distribution::exponential(1.0 / rate), 1.0);
            let wait = many_servers::mean_wait(servers, rate, 1.0).unwrap();
            assert!((found.mean_wait - wait).abs() < 1e-8, "{servers}: {found:?}, not {wait}");
            let waits = many_servers::erlang_c(servers, rate);
            assert!((found.share_waited - waits).abs() < 1e-8, "{servers}: {found:?}, not {waits}");
        }
    }

    /// D/M/1 by fixed-point iteration, and the mean response of two servers in turn at load 0.7 of four
    /// nodes, found before by others.
    #[test]
    fn known_values() {
        let sigma = (0..10_000).fold(0.0f64, |sigma, _| (-(1.0 - sigma) / 0.7).exp());
        let found = of(1, &Distribution::constant(1.0), 0.7);
        assert!((found.share_waited - sigma).abs() < 1e-9);
        assert!((found.mean_wait + 0.7 - 0.7 / (1.0 - sigma)).abs() < 1e-8);
        let in_turn = of(1, &gaps_in_turn(2.8, 1, 4), 1.0);
        assert!((in_turn.mean_wait + 1.0 - 2.236_694).abs() < 1e-6, "{in_turn:?}");
        assert_eq!(renewal(1, &Size::of(&Distribution::constant(1.0)).unwrap(), 1.0), None);
    }

    /// D/M/2 against a chain that is cut off: what an arrival finds, step by step.
    #[test]
    fn two_servers_with_periodic_arrivals() {
        let (gap, states) = (0.7f64, 60);
        // After an arrival that finds n there are n + 1; until the next the number falls as a death
        // process with rates 1 (one task) and 2 (more): a few thousand small steps of Euler's method are
        // replaced by its uniformised sum.
        let after = |start: usize| {
            let mut now = vec![0.0; states + 2];
            now[start] = 1.0;
            let mut sum = vec![0.0; states + 2];
            let mut weight = (-2.0 * gap).exp();
            for k in 1..200 {
                sum.iter_mut().zip(&now).for_each(|(sum, p)| *sum += weight * p);
                let mut next = vec![0.0; states + 2];
                for (n, p) in now.iter().enumerate() {
                    let falls = n.min(2) as f64 / 2.0;
                    next[n] += p * (1.0 - falls);
                    if n > 0 {
                        next[n - 1] += p * falls;
                    }
                }
                now = next;
                weight *= 2.0 * gap / f64::from(k);
            }
            sum
        };
        let rows: Vec<Vec<f64>> = (0..=states).map(|n| after(n + 1)).collect();
        let mut found = vec![1.0 / (states + 1) as f64; states + 1];
        for _ in 0..4000 {
            let mut next = vec![0.0; states + 1];
            for (n, p) in found.iter().enumerate() {
                (0..=states).for_each(|m| next[m] += p * rows[n][m]);
            }
            let total: f64 = next.iter().sum();
            found = next.into_iter().map(|p| p / total).collect();
        }
        let wait: f64 = found.iter().enumerate().map(|(n, p)| p * (n as f64 - 1.0).max(0.0) / 2.0).sum();
        let exact = of(2, &Distribution::constant(gap), 1.0);
        assert!((exact.mean_wait - wait).abs() < 1e-8, "{exact:?}, not {wait}");
    }
}
