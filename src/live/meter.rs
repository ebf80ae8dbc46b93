//! How late the coordinator was, and how long messages took.

use crate::ids::NodeId;
use crate::metrics::DriverFigures;

/// Pings to a worker when it joins: the fastest answer tells best how the clocks differ.
pub(super) const PINGS: u32 = 8;

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

/// How a worker's clock differs from the host's: by the ping that took least.
#[derive(Clone, Copy, Debug)]
struct Offset {
    round_trip: u64,
    /// Host clock minus worker clock.
    offset: i128,
}

/// Measures one live run.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) samples: Samples,
    offsets: Vec<Option<Offset>>,
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
            offsets: vec![None; nodes],
            steps: 0,
            events: 0,
            busy: 0,
            deciding: 0,
        }
    }

    /// A worker process is new: its clock is not known yet.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.offsets[node.index()] = None;
    }

    /// An answer to a ping, read at `read`.
    pub(super) fn pong(&mut self, node: NodeId, sent: u64, worker: u64, read: u64) {
        let round_trip = read.saturating_sub(sent);
        let offset = i128::from(sent) + i128::from(round_trip / 2) - i128::from(worker);
        let known = &mut self.offsets[node.index()];
        if known.is_none_or(|known| round_trip < known.round_trip) {
            *known = Some(Offset { round_trip, offset });
        }
    }

    /// A worker's clock on the host's.
    fn on_host(&self, node: NodeId, worker: u64) -> Option<u64> {
        let offset = self.offsets[node.index()]?.offset;
        u64::try_from(i128::from(worker) + offset).ok()
    }

    /// An attempt that was sent at `sent` began at `at` on the worker's clock.
    pub(super) fn began(&mut self, node: NodeId, sent: u64, at: u64) {
        if let Some(at) = self.on_host(node, at) {
            self.samples.dispatch.push(at.saturating_sub(sent));
        }
    }

    /// An attempt that should have ended at `due` on the worker's clock was taken in at `now`.
    pub(super) fn ended(&mut self, node: NodeId, due: u64, now: u64) {
        if let Some(due) = self.on_host(node, due) {
            self.samples.completion.push(now.saturating_sub(due));
        }
    }

    /// The figures of a run that took `wall` nanoseconds and settled so many tasks.
    pub(super) fn figures(&mut self, wall: u64, settled: u64, time_scale: f64) -> DriverFigures {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let settled = settled.max(1) as f64;
        let samples = &mut self.samples;
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
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map(|&nanos| nanos as f64 / 1e9)
}
