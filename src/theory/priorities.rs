//! Classes of tasks with fixed priorities.

use super::many_servers;
use super::size::Size;

/// A class, the most urgent first.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Arrivals per second, Poisson.
    pub rate: f64,
    /// Service time.
    pub size: Size,
}

/// Loads of the classes above each class, and those with its own.
fn loads(classes: &[Class]) -> Option<Vec<(f64, f64)>> {
    let mut above = 0.0;
    let mut loads = Vec::with_capacity(classes.len());
    for class in classes {
        let with_own = above + class.rate * class.size.moment(1)?;
        loads.push((above, with_own));
        above = with_own;
    }
    Some(loads)
}

/// Mean wait of each class at one server that finishes what it has begun (Cobham 1954):
/// W0 / ((1 - load above) (1 - load above and own)); `None` for classes whose queues grow without bound.
pub fn mean_waits(classes: &[Class]) -> Option<Vec<Option<f64>>> {
    let residuals: Option<Vec<f64>> =
        classes.iter().map(|class| Some(class.rate * class.size.moment(2)? / 2.0)).collect();
    let residual: f64 = residuals?.iter().sum();
    let loads = loads(classes)?;
    // A server that is always busy has more to finish than W0 says.
    let stable = loads.last().is_none_or(|(_, all)| *all < 1.0);
    let wait = |(above, own): (f64, f64)| stable.then(|| residual / ((1.0 - above) * (1.0 - own)));
    Some(loads.into_iter().map(wait).collect())
}

/// Mean response of each class at one server where a more urgent task interrupts, and the interrupted one
/// goes on later (White and Christie 1958): with R the residual work of this and all classes above,
/// `E[S]` / (1 - load above) + R / ((1 - load above) (1 - load above and own)).
pub fn preemptive_mean_responses(classes: &[Class]) -> Option<Vec<Option<f64>>> {
    let loads = loads(classes)?;
    let mut residual = 0.0;
    let mut responses = Vec::with_capacity(classes.len());
    for (class, (above, own)) in classes.iter().zip(loads) {
        residual += class.rate * class.size.moment(2)? / 2.0;
        let mean = class.size.moment(1)?;
        let response = mean / (1.0 - above) + residual / ((1.0 - above) * (1.0 - own));
        responses.push((own < 1.0).then_some(response));
    }
    Some(responses)
}

/// Mean wait of each class at several servers that finish what they have begun, when all classes have
/// exponential service times of one mean (Cobham 1954); `None` at or above a load of 1.
pub fn mean_waits_at_servers(servers: u32, rates: &[f64], mean: f64) -> Option<Vec<f64>> {
    let total: f64 = rates.iter().sum();
    let c = f64::from(servers);
    if total * mean >= c {
        return None;
    }
    let residual = many_servers::erlang_c(servers, total * mean) * mean / c;
    let mut above = 0.0;
    let wait = |rate: &f64| {
        let own = above + rate * mean / c;
        let wait = residual / ((1.0 - above) * (1.0 - own));
        above = own;
        wait
    };
    Some(rates.iter().map(wait).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    fn class(rate: f64, mean: f64) -> Class {
        Class { rate, size: Size::of(&Distribution::exponential(mean)).unwrap() }
    }

    /// Rates 0.2, 0.3, 0.3 with tasks of mean 1: 1, 2 and 8, by hand.
    #[test]
    fn cobham() {
        let waits = mean_waits(&[class(0.2, 1.0), class(0.3, 1.0), class(0.3, 1.0)]).unwrap();
        for (found, expected) in waits.into_iter().zip([1.0, 2.0, 8.0]) {
            assert!((found.unwrap() - expected).abs() < 1e-12);
        }
        let waits = mean_waits_at_servers(1, &[0.2, 0.3, 0.3], 1.0).unwrap();
        assert!(waits.iter().zip([1.0, 2.0, 8.0]).all(|(found, expected)| (found - expected).abs() < 1e-12));
    }

    /// The most urgent class does not know of the others; the means of exponential classes alike add up to
    /// those of one queue (conservation law, Kleinrock 1965).
    #[test]
    fn preemption() {
        let classes = [class(0.4, 1.0), class(0.4, 1.0)];
        let found = preemptive_mean_responses(&classes).unwrap();
        let (first, second) = (found[0].unwrap(), found[1].unwrap());
        assert!((first - 1.0 / 0.6).abs() < 1e-12);
        assert!(((first + second) / 2.0 - 1.0 / 0.2).abs() < 1e-12);
        // Above a load of 1 the urgent class is still served.
        let overloaded = preemptive_mean_responses(&[class(0.4, 1.0), class(0.7, 1.0)]).unwrap();
        assert!((overloaded[0].unwrap() - 1.0 / 0.6).abs() < 1e-12);
        assert_eq!(overloaded[1], None);
        assert_eq!(mean_waits(&[class(0.4, 1.0), class(0.7, 1.0)]).unwrap(), [None, None]);
    }

    #[test]
    fn several_servers_keep_the_mean() {
        let waits = mean_waits_at_servers(4, &[1.0, 2.2], 1.0).unwrap();
        let mean = (waits[0] + 2.2 * waits[1]) / 3.2;
        assert!((mean - many_servers::mean_wait(4, 3.2, 1.0).unwrap()).abs() < 1e-12);
    }
}
