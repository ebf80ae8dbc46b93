//! Laws that hold for every system that is observed long enough: Little's, and the operational laws of
//! Denning and Buzen (1978).

/// Little (1961): tasks in a system, from arrivals per second and mean time there. Of a queue with the
/// mean wait.
pub fn littles_law(rate: f64, time: f64) -> f64 {
    rate * time
}

/// Utilisation law: the share of the time that each of `servers` is busy.
pub fn utilisation(rate: f64, mean_service: f64, servers: f64) -> f64 {
    rate * mean_service / servers
}

/// Forced flow law: completions per second of a part, from those of the whole and visits per task.
pub fn forced_flow(throughput: f64, visits: f64) -> f64 {
    throughput * visits
}

/// The most tasks per second that nodes can do together, with this mean work: the sum of their speeds over
/// the mean (the bottleneck law). Arrivals at or above it are never caught up with.
pub fn stability_limit(speeds: impl IntoIterator<Item = f64>, mean_work: f64) -> f64 {
    speeds.into_iter().sum::<f64>() / mean_work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_by_hand() {
        // M/M/1 at load 0.5: one task in the system, half a task waits.
        assert_eq!((littles_law(0.5, 2.0), littles_law(0.5, 1.0)), (1.0, 0.5));
        assert_eq!(utilisation(12.8, 1.0, 16.0), 0.8);
        assert_eq!(forced_flow(2.0, 1.25), 2.5);
        assert_eq!(stability_limit([100.0; 100], 1.0), 10_000.0);
    }
}
