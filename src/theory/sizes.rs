//! One server with Poisson arrivals that looks at the sizes of tasks, or at how long they have been
//! served: means as integrals over the size.
//!
//! Below, rho(x) is the load of tasks up to size x: rate `E[S; S <= x]`.

use super::single_server::{load, residual_work};
use super::size::Size;

/// Mean wait when the shortest task is taken next, without interruption (Phipps 1956): W0 / (1 - rho(x))^2
/// for size x. Tasks of one and the same size go by arrival: W0 / ((1 - rho(x-)) (1 - rho(x))).
pub fn shortest_first_mean_wait(rate: f64, size: &Size) -> Option<f64> {
    by_size(rate, size, |x| {
        let (up_to, below) = size.load_up_to(x);
        (1.0 - rate * below) * (1.0 - rate * up_to)
    })
}

/// The same when the longest is taken next: with the load of longer tasks in place of that of shorter.
pub fn longest_first_mean_wait(rate: f64, size: &Size) -> Option<f64> {
    let total = size.moment(1)?;
    by_size(rate, size, |x| {
        let (up_to, below) = size.load_up_to(x);
        (1.0 - rate * (total - up_to)) * (1.0 - rate * (total - below))
    })
}

fn by_size(rate: f64, size: &Size, left: impl Fn(f64) -> f64) -> Option<f64> {
    let residual = residual_work(rate, size)?;
    (load(rate, size)? < 1.0).then(|| size.expect(|x| residual / left(x)))
}

/// Mean response when the task with the least left is served, always (Schrage and Miller 1966). Nothing
/// has a smaller one (Schrage 1968).
pub fn shortest_remaining_mean_response(rate: f64, size: &Size) -> Option<f64> {
    if load(rate, size)? >= 1.0 || !size.is_continuous() {
        return None;
    }
    let waits = size.expect(|x| {
        let tail = 1.0 - size.partial(0, x);
        let left = 1.0 - rate * size.partial(1, x);
        rate * (size.partial(2, x) + x * x * tail) / (2.0 * left * left)
    });
    // The mean over sizes of the integral from 0 to the size, the other way round.
    let stays = size.integrate(|t| (1.0 - size.partial(0, t)).max(0.0) / (1.0 - rate * size.partial(1, t)));
    Some(waits + stays)
}

/// A mean response and a mean slowdown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    /// Mean response.
    pub response: f64,
    /// Mean of response / size.
    pub slowdown: f64,
}

/// Means when the task of the smallest whole size is served, always (preemptive shortest job first;
/// Wierman and Harchol-Balter 2003; Harchol-Balter 2013, chapter 32).
pub fn preemptive_shortest_first(rate: f64, size: &Size) -> Option<Stay> {
    if load(rate, size)? >= 1.0 || !size.is_continuous() {
        return None;
    }
    let stay = |x: f64| {
        let left = 1.0 - rate * size.partial(1, x);
        x / left + rate * size.partial(2, x) / (2.0 * left * left)
    };
    Some(Stay { response: size.expect(stay), slowdown: size.expect(|x| stay(x) / x) })
}

/// Means when the task that has been served least is served, always, alike tasks sharing the server
/// (foreground-background, also least attained service: Schrage 1967; Kleinrock 1976, section 4.6).
pub fn least_attained(rate: f64, size: &Size) -> Option<Stay> {
    if load(rate, size)? >= 1.0 || !size.is_continuous() {
        return None;
    }
    let stay = |x: f64| {
        let tail = (1.0 - size.partial(0, x)).max(0.0);
        // Moments of sizes cut off at x.
        let first = size.partial(1, x) + x * tail;
        let second = size.partial(2, x) + x * x * tail;
        let left = 1.0 - rate * first;
        x / left + rate * second / (2.0 * left * left)
    };
    Some(Stay { response: size.expect(stay), slowdown: size.expect(|x| stay(x) / x) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    fn exponential() -> Size {
        Size::of(&Distribution::exponential(1.0)).unwrap()
    }

    /// M/M/1 under shortest first: published figures at loads 0.5 and, by Simpson's rule, 0.8.
    #[test]
    fn phipps() {
        assert!((shortest_first_mean_wait(0.5, &exponential()).unwrap() - 0.712_686).abs() < 1e-6);
        let (load, pieces, end) = (0.8f64, 60_000, 60.0);
        let integrand = |x: f64| {
            let below = load * (1.0 - (1.0 + x) * (-x).exp());
            load / (1.0 - below).powi(2) * (-x).exp()
        };
        let step = end / f64::from(pieces);
        let simpson: f64 = (1..pieces)
            .map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * integrand(f64::from(i) * step))
            .sum::<f64>();
        let simpson = (integrand(0.0) + simpson + integrand(end)) * step / 3.0;
        assert!((shortest_first_mean_wait(load, &exponential()).unwrap() - simpson).abs() < 1e-9);
    }

    /// Two sizes are two classes with priorities: Cobham's formula by hand.
    #[test]
    fn two_sizes_are_two_classes() {
        let size = Size::of(&Distribution::Empirical { values: vec![1.0, 4.0].into() }).unwrap();
        let rate = 0.3;
        let residual = 0.3 * (1.0 + 16.0) / 4.0;
        let (short, all) = (1.0 - 0.15, 1.0 - 0.75);
        let expected = 0.5 * residual / short + 0.5 * residual / (short * all);
        assert!((shortest_first_mean_wait(rate, &size).unwrap() - expected).abs() < 1e-12);
        let expected = 0.5 * residual / (1.0 - 0.6) + 0.5 * residual / ((1.0 - 0.6) * all);
        assert!((longest_first_mean_wait(rate, &size).unwrap() - expected).abs() < 1e-12);
    }

    /// Schrage and Miller's double integral as they give it, by plain sums on a fine grid.
    #[test]
    fn schrage_and_miller() {
        for load in [0.5, 0.8] {
            let (step, mut inner, mut mean) = (1e-3, 0.0, 0.0);
            let cut = |x: f64| load * (1.0 - (1.0 + x) * (-x).exp());
            for i in 0..40_000 {
                let x = (f64::from(i) + 0.5) * step;
                let left = 1.0 - cut(x);
                // E[min(S, x)^2] of an exponential size.
                let second = 2.0 - 2.0 * (1.0 + x) * (-x).exp();
                let stays = inner + step / 2.0 / left;
                mean += (load * second / (2.0 * left * left) + stays) * (-x).exp() * step;
                inner += step / left;
            }
            let found = shortest_remaining_mean_response(load, &exponential()).unwrap();
            assert!((found - mean).abs() < 1e-5, "{load}: {found}, not {mean}");
        }
    }

    /// What is known without an integral: blind orders that interrupt leave the mean of M/M/1 alone; the
    /// order of the means; heavy load leaves them finite.
    #[test]
    fn means_in_order() {
        for rate in [0.3, 0.5, 0.8] {
            let size = exponential();
            let fifo = 1.0 / (1.0 - rate);
            let attained = least_attained(rate, &size).unwrap();
            assert!((attained.response - fifo).abs() < 1e-8 * fifo, "{rate}: {attained:?}");
            let remaining = shortest_remaining_mean_response(rate, &size).unwrap();
            let preemptive = preemptive_shortest_first(rate, &size).unwrap();
            let shortest = 1.0 + shortest_first_mean_wait(rate, &size).unwrap();
            assert!(remaining < preemptive.response && preemptive.response < shortest && shortest < fifo);
            assert!(longest_first_mean_wait(rate, &size).unwrap() + 1.0 > fifo);
        }
    }

    /// Least attained service is better than sharing exactly where the hazard falls.
    #[test]
    fn attained_service_and_hazards() {
        for (shape, better) in [(0.5, true), (2.0, false)] {
            let size = Size::of(&Distribution::Weibull { shape, scale: 1.0 }).unwrap();
            let rate = 0.7 / size.moment(1).unwrap();
            let sharing = size.moment(1).unwrap() / 0.3;
            assert_eq!(least_attained(rate, &size).unwrap().response < sharing, better);
        }
        assert_eq!(least_attained(0.1, &Size::of(&Distribution::constant(1.0)).unwrap()), None);
    }
}
