//! Closed forms of queueing theory, each with the mean service time as the unit of time.

/// 1 + 1/2 + ... + 1/n.
pub(crate) fn harmonic(n: u64) -> f64 {
    (1..=n).map(|k| 1.0 / k as f64).sum()
}

/// Expected makespan of `tasks` exponential tasks that are all there at time 0, on `nodes` equal
/// nodes of which none idles while a task waits: as long as all nodes are busy, ends come at rate
/// `nodes`; then the last ones run out one by one.
pub(crate) fn batch_makespan(tasks: u64, nodes: u64) -> f64 {
    if tasks <= nodes {
        return harmonic(tasks);
    }
    (tasks - nodes) as f64 / nodes as f64 + harmonic(nodes)
}

/// Probability of waiting in M/M/c at this load per server (Erlang 1917), by the recursion of
/// Erlang B, which unlike the sum of factorials does not overflow.
pub(crate) fn erlang_c(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    let blocked = (1..=servers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    blocked / (1.0 - load * (1.0 - blocked))
}

/// Mean wait in M/M/c, first come, first served.
pub(crate) fn erlang_c_mean_wait(servers: u32, load: f64) -> f64 {
    erlang_c(servers, load) / (f64::from(servers) * (1.0 - load))
}

/// Mean wait in M/G/1, first come, first served (Pollaczek and Khinchine), from the squared
/// coefficient of variation of the service time.
pub(crate) fn pollaczek_khinchine_mean_wait(load: f64, squared_variation: f64) -> f64 {
    load / (1.0 - load) * (1.0 + squared_variation) / 2.0
}

/// Mean wait in M/M/1 when the shortest job is taken next without preemption (Phipps 1956):
/// the integral of W0 / (1 - rho(x))^2 over the exponential sizes x, rho(x) the load of jobs up to
/// x. By Simpson's rule; beyond 60 nothing is left to more than 1e-20.
pub(crate) fn shortest_job_first_mean_wait(load: f64) -> f64 {
    const END: f64 = 60.0;
    const PIECES: u32 = 60_000;
    let residual = load; // lambda E[S^2] / 2 = load * 2 / 2
    let integrand = |x: f64| {
        let load_below = load * (1.0 - (1.0 + x) * (-x).exp());
        residual / (1.0 - load_below).powi(2) * (-x).exp()
    };
    let step = END / f64::from(PIECES);
    let inner: f64 =
        (1..PIECES).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * integrand(f64::from(i) * step)).sum();
    (integrand(0.0) + inner + integrand(END)) * step / 3.0
}

/// Mean response in M/M/1; also of each server when arrivals are spread over servers at random.
pub(crate) fn single_server_mean_response(load: f64) -> f64 {
    1.0 / (1.0 - load)
}

/// Mean response when Poisson arrivals go to `servers` in turn: each server is GI/M/1 with
/// Erlang gaps of `servers` stages. sigma is the root in (0, 1) of sigma = A*(1 - sigma) with A*
/// the Laplace transform of the gaps (Kendall 1953); found by iteration, which contracts.
pub(crate) fn round_robin_mean_response(servers: u32, load: f64) -> f64 {
    let stage_rate = f64::from(servers) * load;
    let transform = |s: f64| (stage_rate / (stage_rate + s)).powi(servers as i32);
    let sigma = (0..10_000).fold(0.0, |sigma, _| transform(1.0 - sigma));
    1.0 / (1.0 - sigma)
}

/// Expected share of 0..`horizon` for which a node is up that starts up and has exponential up and
/// down times of these means: the long-run share, and what remains of the good start.
pub(crate) fn availability(mean_up: f64, mean_down: f64, horizon: f64) -> f64 {
    let long_run = mean_up / (mean_up + mean_down);
    let rate = 1.0 / mean_up + 1.0 / mean_down;
    long_run + (1.0 - long_run) * (1.0 - (-rate * horizon).exp()) / (rate * horizon)
}

/// Mean share of machines that work, of `machines` that each fail at `failure_rate` while they work and
/// are repaired at `repair_rate` by `repairers` (Palm 1947; the birth-death chain M/M/c//N).
pub(crate) fn machine_repair_availability(
    machines: u32,
    repairers: u32,
    failure_rate: f64,
    repair_rate: f64,
) -> f64 {
    let (mut weight, mut total, mut working) = (1.0, 0.0, 0.0);
    for broken in 0..=machines {
        total += weight;
        working += weight * f64::from(machines - broken);
        let repaired = f64::from(repairers.min(broken + 1)) * repair_rate;
        weight *= f64::from(machines - broken) * failure_rate / repaired;
    }
    working / total / f64::from(machines)
}
