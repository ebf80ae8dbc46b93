//! Formulas as design documents of schedulers give them, beside what is right.

use super::availability::{any_fails, long_run};
use super::batches::{equal_tasks, exponential_makespan};

/// A quantity as given and as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What it is about.
    pub topic: &'static str,
    /// The formula as given.
    pub given: &'static str,
    /// Its value.
    pub given_value: f64,
    /// What is right.
    pub right: &'static str,
    /// Its value.
    pub right_value: f64,
    /// Unit of both values.
    pub unit: &'static str,
    /// Why they differ, or that they do not.
    pub why: &'static str,
}

/// T = sum over K nodes of ceil(N / K) t + sum over K - 1 of ceil(N / K) t, for N tasks of t seconds on K
/// nodes that are all there at the start; `exponential` when t is the mean of exponential durations.
pub fn total_time(tasks: u64, nodes: u64, seconds: f64, exponential: bool) -> Comparison {
    let share = tasks.div_ceil(nodes) as f64 * seconds;
    let (right, right_value, why) = if exponential {
        (
            "((N - K) / K + 1 + 1/2 + ... + 1/K) t",
            exponential_makespan(tasks, nodes) * seconds,
            "nodes work side by side, so their times are not added; beyond N t / K the last tasks run out one by one",
        )
    } else {
        (
            "ceil(N / K) t",
            equal_tasks(tasks, nodes).0 * seconds,
            "nodes work side by side, so their times are not added; the total work would be N t",
        )
    };
    Comparison {
        topic: "total time",
        given: "K ceil(N / K) t + (K - 1) ceil(N / K) t",
        given_value: share * (2.0 * nodes as f64 - 1.0),
        right,
        right_value,
        unit: "s",
        why,
    }
}

/// T = C / P: work over speed.
pub fn execution_time(work: f64, speed: f64) -> Comparison {
    Comparison {
        topic: "execution time",
        given: "C / P",
        given_value: work / speed,
        right: "work / speed",
        right_value: work / speed,
        unit: "s",
        why: "right",
    }
}

/// L = C for `nodes` of capacity `capacity` tasks per second each.
pub fn balancing_capacity(nodes: f64, capacity: f64) -> Comparison {
    Comparison {
        topic: "load balancing capacity",
        given: "C",
        given_value: capacity,
        right: "sum of C over all N nodes",
        right_value: nodes * capacity,
        unit: "tasks/s",
        why: "one node's capacity is not the cluster's; arrivals below the sum can be kept up with",
    }
}

/// Q = Q0 + S t while nothing is served, beside the mean queue length of the steady state.
pub fn queue_length(start: f64, rate: f64, seconds: f64, steady: f64) -> Comparison {
    Comparison {
        topic: "queue length",
        given: "Q0 + S t",
        given_value: start + rate * seconds,
        right: "arrival rate x mean wait (Little)",
        right_value: steady,
        unit: "tasks",
        why: "the sum counts arrivals while nothing is served; served, the queue is what Little's law says",
    }
}

/// 1 - P R, with P breakdowns per `mean_up` and R = `mean_down`.
pub fn availability(mean_up: f64, mean_down: f64) -> Comparison {
    Comparison {
        topic: "availability",
        given: "1 - P R",
        given_value: 1.0 - mean_down / mean_up,
        right: "MTBF / (MTBF + MTTR)",
        right_value: long_run(mean_up, mean_down),
        unit: "1",
        why: "1 - P R is its first term: close while P R is small, with P a rate and R a time in the same unit",
    }
}

/// P(f) = 1 - (1 - p)^n, with p the share of the time that one of `nodes` is down.
pub fn failure_of_any(nodes: u32, down: f64) -> Comparison {
    Comparison {
        topic: "failure of any node",
        given: "1 - (1 - p)^n",
        given_value: any_fails(nodes, down),
        right: "1 - P(n of n up)",
        right_value: 1.0 - (1.0 - down).powf(f64::from(nodes)),
        unit: "1",
        why: "right for independent nodes; the service needs one node only, and fails with p^n",
    }
}

/// R = D / S of a resource: demand over supply.
pub fn allocation_ratio(demand: f64, supply: f64) -> Comparison {
    Comparison {
        topic: "allocation ratio",
        given: "D / S",
        given_value: demand / supply,
        right: "utilisation: demand / supply",
        right_value: demand / supply,
        unit: "1",
        why: "right",
    }
}

/// L = sum of T / sum of P over nodes, beside the coefficient of variation of busy time that was measured.
pub fn balance_degree(busy: f64, speeds: f64, measured: f64) -> Comparison {
    Comparison {
        topic: "load balance degree",
        given: "sum of T / sum of P",
        given_value: busy / speeds,
        right: "standard deviation / mean of busy time over nodes",
        right_value: measured,
        unit: "1",
        why: "a quotient of sums is a mean load and the same however unevenly it is spread; balance needs a spread",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documents' own examples: 3500 s that are 500 s; 99 % that are 99.0099 %; 350 tasks.
    #[test]
    fn examples() {
        let constant = total_time(1000, 4, 2.0, false);
        assert_eq!((constant.given_value, constant.right_value), (3500.0, 500.0));
        let exponential = total_time(1000, 4, 2.0, true);
        assert!((exponential.right_value - 502.166_667).abs() < 1e-6);
        let up = availability(100.0, 1.0);
        assert!((up.given_value - 0.99).abs() < 1e-12 && (up.right_value - 100.0 / 101.0).abs() < 1e-12);
        assert_eq!(queue_length(100.0, 50.0, 5.0, 0.0).given_value, 350.0);
        let any = failure_of_any(100, 0.01);
        assert!((any.given_value - any.right_value).abs() < 1e-12);
        assert_eq!(balancing_capacity(100.0, 100.0).right_value, 10_000.0);
        assert_eq!(execution_time(10.0, 5.0).right_value, 2.0);
        assert_eq!(allocation_ratio(30.0, 60.0).right_value, 0.5);
        assert_eq!(balance_degree(30.0, 3.0, 0.2).right_value, 0.2);
    }
}
