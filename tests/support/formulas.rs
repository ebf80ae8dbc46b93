//! Formulas of `falcon::theory` with the mean service time as the unit of time.

use falcon::distribution::Distribution;
use falcon::theory::breakdowns::{self, Breakdowns, Moments};
use falcon::theory::{Size, many_servers, renewal, sizes};

// Each test file uses its own part of these too.
#[allow(unused_imports)]
pub(crate) use falcon::theory::availability::{
    k_of_n as at_least, machine_repair as machine_repair_availability, over_a_run as availability,
};
#[allow(unused_imports)]
pub(crate) use falcon::theory::batches::{exponential_makespan as batch_makespan, harmonic};

/// Exponential service of mean 1.
pub(crate) fn exponential() -> Size {
    Size::of(&Distribution::exponential(1.0)).expect("no atoms")
}

/// Probability of waiting in M/M/c at this load per server.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    many_servers::erlang_c(servers, load * f64::from(servers))
}

/// Mean wait in M/M/c, first come, first served.
pub(crate) fn erlang_c_mean_wait(servers: u32, load: f64) -> f64 {
    many_servers::mean_wait(servers, load * f64::from(servers), 1.0).expect("a load below 1")
}

/// Mean wait in M/M/1 when the shortest job is taken next without preemption.
pub(crate) fn shortest_job_first_mean_wait(load: f64) -> f64 {
    sizes::shortest_first_mean_wait(load, &exponential()).expect("a load below 1")
}

/// Mean response in M/M/1; also of each server when arrivals are spread over servers at random.
pub(crate) fn single_server_mean_response(load: f64) -> f64 {
    1.0 + erlang_c_mean_wait(1, load)
}

/// Mean response when Poisson arrivals go to `servers` in turn.
pub(crate) fn round_robin_mean_response(servers: u32, load: f64) -> f64 {
    let gaps = Size::of(&renewal::gaps_in_turn(load * f64::from(servers), 1, servers)).expect("no atoms");
    1.0 + renewal::renewal(1, &gaps, 1.0).expect("a load below 1").mean_wait
}

/// M/M/1 on a node that goes down at rate 0.1 and is repaired at rate 1.
pub(crate) const BREAKDOWNS: Breakdowns = Breakdowns { rate: 0.1, mean_down: 1.0, squared_down: 2.0 };

/// Its mean response, where it goes down busy or idle, or only while it serves.
pub(crate) fn with_breakdowns(rate: f64, moments: Moments, busy_only: bool) -> f64 {
    let found = if busy_only {
        breakdowns::mean_response_if_busy(rate, moments)
    } else {
        breakdowns::mean_response(rate, BREAKDOWNS, moments)
    };
    found.expect("a load below 1")
}
