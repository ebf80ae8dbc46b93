//! How late the coordinator was, and how long messages took.

use crate::ids::NodeId;
use crate::metrics::DriverFigures;
use crate::statistics::nearest_rank;

/// Pings to a worker process: the fastest answer tells best how the clocks differ.
const PINGS: u32 = 16;

/// Samples of a live run, in real nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// How late planned facts were taken in.
    pub lag: Vec<u64>,
    /// From the decision to start an attempt until it started on its worker.
    pub dispatch: Vec<u64>,
    /// From when an attempt should have ended until its end was taken in.
    pub completion: Vec<u64>,
    /// From the kill of a worker until the scheduler knew.
    pub detection: Vec<u64>,
    /// From the start of a worker process until the scheduler used it.
    pub join: Vec<u64>,
}

/// A worker process: how its clock differs from the host's, by the ping that took least.
#[derive(Clone, Copy, Debug)]
struct Process {
    round_trip: u64,
    /// Host clock minus worker clock.
    offset: i128,
    pongs: u32,
    /// When the ping was sent that has not been answered yet.
    asked: Option<u64>,
}

impl Process {
    const NEW: Process = Process { round_trip: u64::MAX, offset: 0, pongs: 0, asked: None };
}

/// Two moments, of which one was read from a worker's clock. They are compared at the end of the
/// run, when that clock is known best.
#[derive(Clone, Copy, Debug)]
struct Span {
    process: u32,
    worker: u64,
    host: u64,
}

/// Measures one live run.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) samples: Samples,
    processes: Vec<Process>,
    /// By node: its current process.
    current: Vec<u32>,
    dispatches: Vec<Span>,
    completions: Vec<Span>,
    pub(super) steps: u64,
    pub(super) events: u64,
    /// Host nanoseconds at work, and in the scheduler core.
    pub(super) busy: u64,
    pub(super) deciding: u64,
}

impl Meter {
    pub(super) fn new(nodes: usize) -> Self {
        Meter {
            samples: Samples::default(),
            processes: vec![Process::NEW; nodes],
            current: (0..nodes as u32).collect(),
            dispatches: Vec::new(),
            completions: Vec::new(),
            steps: 0,
            events: 0,
            busy: 0,
            deciding: 0,
        }
    }

    /// From now on a new process speaks for the node: its clock is not known yet.
    pub(super) fn new_process(&mut self, node: NodeId) {
        self.current[node.index()] = self.processes.len() as u32;
        self.processes.push(Process::NEW);
    }

    /// The process that speaks for the node. A fact must name it when it is heard: when it is taken
    /// in, there may be another.
    pub(super) fn process(&self, node: NodeId) -> u32 {
        self.current[node.index()]
    }

    /// Whether the clock of the node's process should be asked once more.
    pub(super) fn wants_ping(&self, node: NodeId) -> bool {
        let process = &self.processes[self.current[node.index()] as usize];
        process.asked.is_none() && process.pongs < PINGS
    }

    /// A ping is sent.
    pub(super) fn ping(&mut self, node: NodeId, sent: u64) {
        self.processes[self.current[node.index()] as usize].asked = Some(sent);
    }

    /// An answer to a ping, read at `read`; gives whether it answers one that was sent.
    pub(super) fn pong(&mut self, node: NodeId, sent: u64, worker: u64, read: u64) -> bool {
        let process = &mut self.processes[self.current[node.index()] as usize];
        if process.asked != Some(sent) {
            return false;
        }
        let round_trip = read.saturating_sub(sent);
        process.asked = None;
        process.pongs += 1;
        if round_trip < process.round_trip {
            process.round_trip = round_trip;
            process.offset = i128::from(sent) + i128::from(round_trip / 2) - i128::from(worker);
        }
        true
    }

    /// An attempt that was sent at `sent` began at `at` on the worker's clock.
    pub(super) fn began(&mut self, process: u32, sent: u64, at: u64) {
        self.dispatches.push(Span { process, worker: at, host: sent });
    }

    /// An attempt that should have ended at `due` on the worker's clock was taken in at `now`.
    pub(super) fn ended(&mut self, process: u32, due: u64, now: u64) {
        self.completions.push(Span { process, worker: due, host: now });
    }

    /// When on the host's clock a worker says that something happened, as far as its clock is known.
    pub(super) fn on_host_clock(&self, process: u32, worker: u64) -> Option<u64> {
        let process = self.processes.get(process as usize).filter(|process| process.pongs > 0)?;
        u64::try_from(i128::from(worker) + process.offset).ok()
    }

    /// From worker to host, or from host to worker.
    fn compare(&self, spans: &[Span], to_host: bool) -> Vec<u64> {
        let known = spans.iter().filter_map(|span| {
            let process = self.processes[span.process as usize];
            let worker = i128::from(span.worker) + process.offset;
            let host = i128::from(span.host);
            let length = if to_host { host - worker } else { worker - host };
            (process.pongs > 0).then(|| u64::try_from(length).unwrap_or(0))
        });
        known.collect()
    }

    /// The figures of a run that took `wall` nanoseconds and settled so many tasks.
    pub(super) fn figures(&mut self, wall: u64, settled: u64, time_scale: f64) -> DriverFigures {
        self.samples.dispatch = self.compare(&self.dispatches, false);
        self.samples.completion = self.compare(&self.completions, true);
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let settled = settled.max(1) as f64;
        let samples = &self.samples;
        let (dispatch, completion) = (sorted(&samples.dispatch), sorted(&samples.completion));
        let lag = sorted(&samples.lag);
        DriverFigures {
            wall_time: seconds(wall),
            time_scale,
            steps: self.steps as f64,
            events: self.events as f64,
            lag_p50: quantile(&lag, 0.5).unwrap_or(0.0),
            lag_p99: quantile(&lag, 0.99).unwrap_or(0.0),
            lag_max: quantile(&lag, 1.0).unwrap_or(0.0),
            busy_share: self.busy as f64 / wall.max(1) as f64,
            overhead_per_task: seconds(self.busy) / settled,
            decision_per_task: seconds(self.deciding) / settled,
            dispatch_p50: quantile(&dispatch, 0.5),
            dispatch_p99: quantile(&dispatch, 0.99),
            completion_p50: quantile(&completion, 0.5),
            completion_p99: quantile(&completion, 0.99),
            detection_p50: quantile(&sorted(&samples.detection), 0.5),
            join_p50: quantile(&sorted(&samples.join), 0.5),
            frames_refused: 0.0,
            results_refused: 0.0,
        }
    }
}

fn sorted(samples: &[u64]) -> Vec<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted
}

/// The nearest-rank quantile in seconds; `None` without samples.
fn quantile(sorted: &[u64], share: f64) -> Option<f64> {
    nearest_rank(sorted, share).map(|nanos| nanos as f64 / 1e9)
}
