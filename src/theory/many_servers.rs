//! Several equal servers with one queue and Poisson arrivals: Erlang's formulas.

use super::tail::Tail;

/// Probability that all servers are busy when no task waits, M/G/c/c (Erlang 1917), by a recursion that
/// unlike the sum of factorials does not overflow. `offered` is rate x mean service time. It holds for any
/// distribution of service times.
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, k| offered * blocked / (f64::from(k) + offered * blocked))
}

/// Probability of waiting in M/M/c (Erlang 1917), with `offered` < `servers`.
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let load = offered / f64::from(servers);
    let blocked = erlang_b(servers, offered);
    blocked / (1.0 - load * (1.0 - blocked))
}

/// Mean wait in M/M/c with this mean service time, in any order that does not know sizes; `None` at or
/// above a load of 1.
pub fn mean_wait(servers: u32, rate: f64, mean: f64) -> Option<f64> {
    let offered = rate * mean;
    let free = f64::from(servers) - offered;
    (free > 0.0).then(|| erlang_c(servers, offered) * mean / free)
}

/// Tail of the wait in M/M/c, first come, first served: C exp(-(c mu - rate) t).
pub fn wait_tail(servers: u32, rate: f64, mean: f64) -> Tail {
    Tail::exponential(erlang_c(servers, rate * mean), f64::from(servers) / mean - rate)
}

/// Tail of the response in M/M/c, first come, first served (Gross and Harris 1998, section 2.3). `None`
/// where its two terms have the same rate.
pub fn response_tail(servers: u32, rate: f64, mean: f64) -> Tail {
    let (waits, own) = (f64::from(servers) / mean - rate, 1.0 / mean);
    let c = erlang_c(servers, rate * mean);
    if servers == 1 {
        return Tail::exponential(1.0, waits);
    }
    // Where both rates are the same the two terms cannot be told apart: near enough is as good.
    let waits = if (waits - own).abs() < 1e-6 * own { own * (1.0 + 1e-6) } else { waits };
    // The sum of an exponential service and, with probability C, an exponential wait.
    let mixed = c / (waits - own);
    Tail::of(vec![(1.0 - c + mixed * waits, own), (-mixed * own, waits)])
}

/// What M/M/c/K says: c servers, and at most K tasks in the system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limited {
    /// Share of the tasks that are refused.
    pub blocked: f64,
    /// Mean wait of the tasks that are taken.
    pub mean_wait: f64,
    /// Share of the tasks taken that wait.
    pub share_waited: f64,
    /// Mean share of the servers that are busy.
    pub utilisation: f64,
}

/// M/M/c/K (Gross and Harris 1998, section 2.5), K >= c, at any load.
pub fn limited(servers: u32, most: u32, rate: f64, mean: f64) -> Limited {
    let servers_f = f64::from(servers);
    // Weights in proportion to the largest, so that none overflows.
    let (mut weights, mut largest) = (vec![1.0f64], 1.0f64);
    for tasks in 1..=most {
        let next = weights[tasks as usize - 1] * rate * mean / f64::from(tasks.min(servers));
        largest = largest.max(next);
        weights.push(next);
        if largest > 1e200 {
            weights.iter_mut().for_each(|weight| *weight /= largest);
            largest = 1.0;
        }
    }
    let total: f64 = weights.iter().sum();
    let blocked = weights[most as usize] / total;
    let queued: f64 = weights.iter().enumerate().map(|(n, w)| (n as f64 - servers_f).max(0.0) * w).sum();
    let waits: f64 = weights[servers as usize..most as usize].iter().sum();
    let taken = rate * (1.0 - blocked);
    Limited {
        blocked,
        mean_wait: queued / total / taken,
        share_waited: waits / total / (1.0 - blocked),
        utilisation: taken * mean / servers_f,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of Erlang's formulas: Cooper, *Introduction to Queueing Theory*, 2nd ed., appendix; M/M/16
    /// from a published set of worked examples.
    #[test]
    fn published_values() {
        // Five servers, offered 3: B = 0.1101, C = 0.2362.
        assert!((erlang_b(5, 3.0) - 0.110_054).abs() < 1e-6);
        assert!((erlang_c(5, 3.0) - 0.236_152).abs() < 1e-6);
        assert!((mean_wait(16, 12.8, 1.0).unwrap() - 0.095_276).abs() < 1e-6);
        assert!((mean_wait(1, 0.5, 1.0).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(mean_wait(2, 2.0, 1.0), None);
        // A thousand servers neither overflow nor lose digits.
        assert!((0.0..1.0).contains(&erlang_c(1000, 950.0)));
    }

    #[test]
    fn tails_have_the_means_they_should() {
        for (servers, rate) in [(1, 0.5), (3, 2.4), (16, 12.8)] {
            let tail = response_tail(servers, rate, 1.0);
            let mean = crate::theory::numeric::integral(0.0, 200.0, 4000, |t| tail.above(t));
            let expected = 1.0 + mean_wait(servers, rate, 1.0).unwrap();
            assert!((mean - expected).abs() < 1e-9, "{servers}: {mean}, not {expected}");
        }
        assert!((wait_tail(1, 0.5, 1.0).quantile(0.95) - 2.0 * 10f64.ln()).abs() < 1e-12);
        // Equal rates: exp(-t) (1 + C t) with C = 1 / 3.
        let tail = response_tail(2, 1.0, 1.0);
        for t in [0.0f64, 0.5, 3.0, 10.0] {
            assert!((tail.above(t) - (-t).exp() * (1.0 + t / 3.0)).abs() < 1e-6, "{t}");
        }
    }

    /// With no room to wait it is Erlang B, with all the room Erlang C; M/M/1/K by its closed form.
    #[test]
    fn limits_at_both_ends() {
        let none = limited(5, 5, 3.0, 1.0);
        assert!((none.blocked - erlang_b(5, 3.0)).abs() < 1e-12);
        assert_eq!((none.mean_wait, none.share_waited), (0.0, 0.0));
        let all = limited(5, 400, 3.0, 1.0);
        assert!((all.mean_wait - mean_wait(5, 3.0, 1.0).unwrap()).abs() < 1e-9);
        assert!((all.share_waited - erlang_c(5, 3.0)).abs() < 1e-9);
        let (load, most) = (1.5f64, 4u32);
        let one = limited(1, most, load, 1.0);
        let blocked = (1.0 - load) * load.powi(4) / (1.0 - load.powi(5));
        assert!((one.blocked - blocked).abs() < 1e-12, "{one:?}");
    }
}
