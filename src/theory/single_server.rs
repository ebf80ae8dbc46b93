//! One server with Poisson arrivals that takes tasks without looking at their sizes: M/G/1.

use super::size::Size;

/// The load of one server; `None` when the mean size is infinite.
pub fn load(rate: f64, size: &Size) -> Option<f64> {
    Some(rate * size.moment(1)?)
}

/// The mean of the work that a task finds being done, as work that is still to do: W0 = rate `E[S^2]` / 2.
pub fn residual_work(rate: f64, size: &Size) -> Option<f64> {
    Some(rate * size.moment(2)? / 2.0)
}

/// Mean wait in M/G/1 by Pollaczek (1930) and Khinchine (1932), in any order that neither looks at sizes
/// nor interrupts. `None` at or above a load of 1, and when the second moment is infinite.
pub fn mean_wait(rate: f64, size: &Size) -> Option<f64> {
    let load = load(rate, size)?;
    (load < 1.0).then_some(residual_work(rate, size)? / (1.0 - load))
}

/// Mean of the squared waits in M/G/1, first come, first served (Takacs 1962).
pub fn mean_squared_wait(rate: f64, size: &Size) -> Option<f64> {
    let wait = mean_wait(rate, size)?;
    let load = load(rate, size)?;
    Some(2.0 * wait * wait + rate * size.moment(3)? / (3.0 * (1.0 - load)))
}

/// The mean of the squared waits of last come, first served over that of first come, first served
/// (Kingman 1962, Takacs 1963): 1 / (1 - load).
pub fn last_come_first_served_factor(load: f64) -> f64 {
    1.0 / (1.0 - load)
}

/// The same for service in random order (Kingman 1962): 2 / (2 - load). Of M/M/1; in M/G/1 as well.
pub fn random_order_factor(load: f64) -> f64 {
    2.0 / (2.0 - load)
}

/// Mean response of processor sharing, and of last come, first served that interrupts and goes on later:
/// `E[S]` / (1 - load), whatever the distribution of sizes (Kleinrock 1976, sections 4.4 and 4.7; Sakata,
/// Noguchi and Oizumi 1971). A task of size x stays x / (1 - load) on average, so that the mean slowdown is
/// 1 / (1 - load).
pub fn processor_sharing_mean_response(rate: f64, size: &Size) -> Option<f64> {
    let load = load(rate, size)?;
    (load < 1.0).then_some(size.moment(1)? / (1.0 - load))
}

/// Mean response when tasks come in groups of a fixed size at this rate of groups, first come, first
/// served, with exponential tasks of this mean (Gross and Harris 1998, section 3.1): M/M/1 times
/// (k + 1) / 2.
pub fn batch_arrivals_mean_response(groups: f64, group: u32, mean: f64) -> Option<f64> {
    let load = groups * f64::from(group) * mean;
    (load < 1.0).then_some(mean / (1.0 - load) * (f64::from(group) + 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;

    fn wait(rate: f64, distribution: &Distribution) -> Option<f64> {
        mean_wait(rate, &Size::of(distribution).expect("few atoms"))
    }

    /// M/M/1, M/D/1 (half of it) and M/E4/1 at these loads, by hand.
    #[test]
    fn pollaczek_and_khinchine() {
        let found = wait(0.5, &Distribution::exponential(1.0)).unwrap();
        assert!((found - 1.0).abs() < 1e-12);
        let found = wait(0.8, &Distribution::constant(1.0)).unwrap();
        assert!((found - 2.0).abs() < 1e-12);
        let found = wait(0.6, &Distribution::Erlang { k: 4, mean: 1.0 }).unwrap();
        assert!((found - 0.6 / 0.4 * 1.25 / 2.0).abs() < 1e-12);
        assert_eq!(wait(1.0, &Distribution::constant(1.0)), None);
        assert_eq!(wait(0.1, &Distribution::Pareto { shape: 1.5, scale: 1.0 }), None);
    }

    /// In M/M/1 at load 0.5 the wait is 0 or exponential with rate 0.5: E[W^2] = 0.5 x 2 / 0.25.
    #[test]
    fn squared_waits() {
        let size = Size::of(&Distribution::exponential(1.0)).unwrap();
        assert!((mean_squared_wait(0.5, &size).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!((last_come_first_served_factor(0.5), random_order_factor(0.5)), (2.0, 2.0 / 1.5));
    }

    #[test]
    fn sharing_and_groups() {
        let size = Size::of(&Distribution::constant(2.0)).unwrap();
        assert!((processor_sharing_mean_response(0.25, &size).unwrap() - 4.0).abs() < 1e-12);
        assert!((batch_arrivals_mean_response(0.2, 3, 1.0).unwrap() - 5.0).abs() < 1e-12);
    }
}
