//! Measures how long news takes on this machine, with tasks that do nothing.
//!
//! Two runs on the real core: one undisturbed, for the ways of starts and ends, and one in which
//! workers are killed all the time, for the detection of failures and the joining of new processes.
//! What a message takes depends on how busy the machine is, so the runs have as many workers as the
//! scenario and, as far as the workers are not swamped, tasks that come as often.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::live::LiveRunnerOptions;
use super::plan::{Elastic, Plan, RunPlan};
use crate::distribution::Distribution;
use crate::faults::{FailsWhen, Faults, NodeFaults, Stay};
use crate::live::{LiveError, Samples};
use crate::policies::registry::preset;
use crate::scheduler::{AlarmPlan, OnNodeLoss, RetryPlan};
use crate::workload::jobs::Shape;
use crate::workload::{Arrivals, ClassDetails, EstimateSpec, TaskClass, Workload};
use crate::world::{Delays, Heartbeats};

/// Real seconds that each run takes about.
const LENGTH: f64 = 6.0;
/// Kills of the disturbed one, about.
const KILLS: f64 = 60.0;
/// Real seconds that a calibrating task waits on its worker, at least and at most: long enough for
/// the worker to be asleep when it ends, as in a real run.
const WAIT: (f64, f64) = (0.001, 0.009);
/// Tasks per real second at most, and at least.
const MOST_PER_SECOND: f64 = 500.0;
const LEAST_PER_SECOND: f64 = 40.0;
/// Fewer measured values than this are no distribution.
const FEW: usize = 20;
/// How far the seed of a calibration lies from that of the plan.
const OTHER_SEED: u64 = 0x5eed_0000_0000;
/// Load at most: no task should wait for a slot.
const MOST_LOAD: f64 = 0.3;
/// Real seconds that a killed worker is down.
const DOWN: f64 = 0.05;
/// Values that a measured distribution keeps.
const VALUES: usize = 500;

/// How long news takes, in real seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// From the decision to start an attempt until it starts: ascending.
    pub dispatch: Vec<f64>,
    /// From the end an attempt should have until the scheduler knows.
    pub completion: Vec<f64>,
    /// From the kill of a worker until the scheduler knows.
    pub detection: Vec<f64>,
    /// From the start of a worker process until the scheduler can use it.
    pub join: Vec<f64>,
}

/// Why delays could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A run broke, or was stopped.
    #[error("the calibrating run: {0}")]
    Live(#[from] LiveError),
    /// Two runs in a row were no good.
    #[error(
        "the delays of this machine could not be measured: {0}; leave it alone, or raise `--lag-tolerance`"
    )]
    NoGood(String),
}

impl Calibration {
    /// Names and values, in the order of `[scheduler]`.
    pub fn parts(&self) -> [(&'static str, &[f64]); 4] {
        [
            ("dispatch_delay", &self.dispatch),
            ("completion_delay", &self.completion),
            ("detection_delay", &self.detection),
            ("join_delay", &self.join),
        ]
    }

    /// As delays of a scenario that runs at this time scale. Where heartbeats tell of failures, nothing else
    /// does.
    pub fn delays(&self, time_scale: f64, heartbeats: Option<&Heartbeats>) -> Delays {
        let empirical = |seconds: &[f64]| {
            let values: Arc<[f64]> = seconds.iter().map(|seconds| seconds / time_scale).collect();
            (!values.is_empty()).then_some(Distribution::Empirical { values })
        };
        Delays {
            dispatch: empirical(&self.dispatch),
            completion: empirical(&self.completion),
            detection: empirical(&self.detection).filter(|_| heartbeats.is_none()),
            join: empirical(&self.join),
            heartbeats: heartbeats.cloned(),
            course: 0,
        }
    }
}

impl Plan {
    /// Measures the delays of this machine with the nodes of this plan.
    ///
    /// # Errors
    /// When stopped, when a run breaks, or when the machine was too busy or gave too few values, twice.
    pub fn calibrate(&self, options: &LiveRunnerOptions<'_>) -> Result<Calibration, CalibrationError> {
        let quiet = self.empty(options.time_scale, false);
        let undisturbed = calibrating_run(&quiet, options, |samples| samples.completion.len())?;
        let violent = self.empty(options.time_scale, true);
        // Starting processes all the time makes a run late, and is what is measured here.
        let late = LiveRunnerOptions { lag_tolerance: Duration::MAX, ..options.clone() };
        let disturbed =
            calibrating_run(&violent, &late, |samples| samples.join.len().min(samples.detection.len()))?;
        Ok(Calibration {
            dispatch: quantiles(&undisturbed.dispatch),
            completion: quantiles(&undisturbed.completion),
            detection: quantiles(&disturbed.detection),
            join: quantiles(&disturbed.join),
        })
    }

    /// This plan's cluster with tasks that do nothing.
    fn empty(&self, time_scale: f64, kills: bool) -> Plan {
        let slots = self.total_slots() as f64;
        let mean_wait = (WAIT.0 + WAIT.1) / 2.0;
        let own = match &self.workload {
            Workload::Generated { arrivals, jobs, .. } => {
                let size = jobs.as_ref().map_or(Some(1.0), Shape::mean_tasks);
                let growth = self.workload.growth();
                arrivals.mean_rate().zip(size).map(|(rate, size)| rate * size * growth / time_scale)
            }
            Workload::Listed { .. } => None,
        };
        let rate = own.unwrap_or(MOST_PER_SECOND).clamp(LEAST_PER_SECOND, MOST_PER_SECOND);
        let rate = rate.min(MOST_LOAD * slots / mean_wait);
        // Work is for the fastest node, so that no wait is too short to sleep.
        let fastest = self.groups.iter().map(|group| group.speed).fold(0.0, f64::max);
        let work = |seconds: f64| seconds / time_scale * fastest;
        let faults = kills.then(|| NodeFaults {
            up: Distribution::exponential(self.node_count() as f64 * LENGTH / KILLS / time_scale),
            down: Distribution::constant(DOWN / time_scale),
            fails: FailsWhen::Always,
        });
        let mut plan = self.clone();
        for group in &mut plan.groups {
            group.faults.clone_from(&faults);
            group.failure_probability = 0.0;
            group.stay = Stay::ALWAYS;
            group.disturbances.clear();
        }
        plan.elastic = Elastic::default();
        (plan.faults, plan.alarms) = (Faults::default(), AlarmPlan::default());
        plan.name = "calibration".to_string();
        // What is measured must not be what it is later held against.
        let seed = self.run.seed.wrapping_add(OTHER_SEED);
        plan.run = RunPlan { seed, replications: 1, timeline_buckets: 0, ..RunPlan::default() };
        plan.workload = Workload::Generated {
            tasks: (rate * LENGTH).ceil() as u32,
            arrivals: Arrivals::Poisson { rate: rate * time_scale },
            jobs: None,
            spawn: None,
            classes: vec![TaskClass {
                name: String::new(),
                share: 1.0,
                duration: Distribution::Uniform { low: work(WAIT.0), high: work(WAIT.1) },
                priority: Distribution::constant(0.0),
                slots: 1,
                failure_probability: 0.0,
                estimate: EstimateSpec::Exact,
                details: ClassDetails::default(),
            }],
        };
        plan.retry = RetryPlan { on_node_loss: OnNodeLoss::Restart, ..RetryPlan::default() };
        plan.delays = Delays::default();
        plan.policies = preset("round-robin").into_iter().collect();
        plan
    }
}

/// One run, and another if the first is no good.
fn calibrating_run(
    plan: &Plan,
    options: &LiveRunnerOptions<'_>,
    values: impl Fn(&Samples) -> usize,
) -> Result<Samples, CalibrationError> {
    let mut reason = String::new();
    for _ in 0..2 {
        let run = plan.run_live_once(0, 0, options, &Mutex::default())?;
        let found = values(&run.samples);
        match run.invalid {
            Some(late) => reason = late,
            None if found < FEW => reason = format!("it gave {found} values, too few for a distribution"),
            None => return Ok(run.samples),
        }
    }
    Err(CalibrationError::NoGood(reason))
}

/// At most [`VALUES`] nanoseconds of equal weight as seconds, ascending.
fn quantiles(nanos: &[u64]) -> Vec<f64> {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    let kept = sorted.len().min(VALUES);
    let at = |index: usize| sorted[(2 * index + 1) * sorted.len() / (2 * kept)];
    (0..kept).map(|index| at(index) as f64 / 1e9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_keep_the_middle_of_equal_shares() {
        assert_eq!(quantiles(&[]), Vec::<f64>::new());
        assert_eq!(quantiles(&[3_000_000_000, 1_000_000_000]), [1.0, 3.0]);
        let many: Vec<u64> = (0..5000).map(|i| i * 1_000_000_000).collect();
        let kept = quantiles(&many);
        assert_eq!(kept.len(), VALUES);
        assert_eq!((kept[0], kept[1], kept[VALUES - 1]), (5.0, 15.0, 4995.0));
    }

    #[test]
    fn delays_are_in_seconds_of_the_scenario() {
        let calibration = Calibration { dispatch: vec![0.001, 0.002], ..Calibration::default() };
        let delays = calibration.delays(0.02, None);
        let Some(Distribution::Empirical { values }) = delays.dispatch else { panic!("{delays:?}") };
        assert_eq!(values.to_vec(), [0.05, 0.1]);
        assert_eq!(delays.detection, None);
    }
}
