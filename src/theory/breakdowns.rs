//! One server that breaks down after exponential times up, with Poisson arrivals, first come, first served.
//!
//! The time from the start of a task to its end, repairs and repeats included, is its completion time
//! (Gaver 1962). The queue is M/G/1 with it in place of the service time.

use super::size::Size;

/// How a server breaks down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakdowns {
    /// Breakdowns per second up.
    pub rate: f64,
    /// Mean time down.
    pub mean_down: f64,
    /// Mean of the squared times down.
    pub squared_down: f64,
}

/// Mean and mean square of the completion time.
pub type Moments = (f64, f64);

/// When work is kept: a task of size x meets Poisson(rate x) breakdowns, each of which adds a repair.
pub fn resumed(breaks: Breakdowns, size: &Size) -> Option<Moments> {
    let (first, second) = (size.moment(1)?, size.moment(2)?);
    let stretch = 1.0 + breaks.rate * breaks.mean_down;
    Some((first * stretch, second * stretch * stretch + first * breaks.rate * breaks.squared_down))
}

/// When the same work starts over: given size x, a geometric number of tries fail, each taking an
/// exponential time cut off at x, and a repair. `None` where the second moment is infinite: for sizes whose
/// tail is not light enough.
pub fn restarted(breaks: Breakdowns, size: &Size) -> Option<Moments> {
    if 2.0 * breaks.rate >= size.exponential_moments_up_to() {
        return None;
    }
    let a = breaks.rate;
    let variance_down = breaks.squared_down - breaks.mean_down * breaks.mean_down;
    let moments = |x: f64| -> Moments {
        let survives = (-a * x).exp();
        let fails = -(-a * x).exp_m1();
        if fails < 1e-12 {
            return (x, x * x);
        }
        // Moments of an exponential time given that it is below x.
        let first = 1.0 / a - x * survives / fails;
        let second = 2.0 / (a * a) - (x * x + 2.0 * x / a) * survives / fails;
        let try_mean = first + breaks.mean_down;
        let try_variance = (second - first * first).max(0.0) + variance_down;
        let (tries, spread) = (fails / survives, fails / (survives * survives));
        let mean = x + tries * try_mean;
        let variance = tries * try_variance + spread * try_mean * try_mean;
        (mean, variance + mean * mean)
    };
    Some((size.expect(|x| moments(x).0), size.expect(|x| moments(x).1)))
}

/// Mean response when the server breaks down only while it serves: no task finds it idle and down.
/// `None` at or above a load of 1.
pub fn mean_response_if_busy(rate: f64, (mean, square): Moments) -> Option<f64> {
    let load = rate * mean;
    (load < 1.0).then(|| mean + rate * square / (2.0 * (1.0 - load)))
}

/// Mean response when it breaks down busy or idle, with exponential repairs: a task that finds no other
/// may find the server down, and waits for what is left of the repair (Welch 1964 on exceptional first
/// services; Avi-Itzhak and Naor 1963).
pub fn mean_response(rate: f64, breaks: Breakdowns, moments: Moments) -> Option<f64> {
    let repair = 1.0 / breaks.mean_down;
    // Up when the last task left; competing exponentials decide what the next finds.
    let down = breaks.rate / (breaks.rate + repair + rate);
    let (delay, squared_delay) = (down / repair, 2.0 * down / (repair * repair));
    let first = (2.0 * delay + rate * squared_delay) / (2.0 * (1.0 + rate * delay));
    Some(mean_response_if_busy(rate, moments)? + first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    /// M/M/1 at load 0.5 with times up of 10 and repairs of 1: figures that two programs of others gave.
    #[test]
    fn known_values() {
        let breaks = Breakdowns { rate: 0.1, mean_down: 1.0, squared_down: 2.0 };
        let size = Size::of(&Distribution::exponential(1.0)).unwrap();
        let resume = resumed(breaks, &size).unwrap();
        assert!((mean_response(0.5, breaks, resume).unwrap() - 2.646_465).abs() < 1e-6);
        let restart = restarted(breaks, &size).unwrap();
        assert!((mean_response(0.5, breaks, restart).unwrap() - 4.031_385).abs() < 1e-6);
        assert!(mean_response_if_busy(0.5, resume).unwrap() < 2.646_465);
    }

    /// A constant task that starts over: the mean by hand, (e^(a x) - 1) (1 / a + D).
    #[test]
    fn a_constant_task_starts_over() {
        let breaks = Breakdowns { rate: 0.5, mean_down: 2.0, squared_down: 4.0 };
        let size = Size::of(&Distribution::constant(1.0)).unwrap();
        let (mean, _) = restarted(breaks, &size).unwrap();
        assert!((mean - (0.5f64.exp() - 1.0) * (2.0 + 2.0)).abs() < 1e-9, "{mean}");
        let heavy = Size::of(&Distribution::Lognormal { mean: 1.0, sd: 1.0 }).unwrap();
        assert_eq!(restarted(breaks, &heavy), None);
    }
}
