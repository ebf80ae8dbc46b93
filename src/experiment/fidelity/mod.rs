//! How well a simulation foretells live runs of the same scenario.
//!
//! Every policy is run on every seed three ways: in an ideal simulation (no delays), in a calibrated
//! one (with delays as they were measured), and live. Both simulations meet the arrivals, works and
//! failures that the live run meets, so runs are compared pair by pair. The error of a simulation
//! is (simulated - live) / live.
//!
//! All here is arithmetic on results that others made: nothing is run.

use crate::metrics::{DriverFigures, Metric, ReplicationResult};
use crate::statistics::confidence::Summary;
use crate::statistics::equivalence::{
    Equivalence, NoiseFloor, RelativeError, judge, noise_floor, relative_error,
};
use crate::statistics::ranking::{inverted_pairs, kendall_tau_b};

pub mod divergence;
pub mod facts;
#[cfg(test)]
mod tests;

pub use divergence::Divergence;
pub use facts::{Decision, Fact, Side, Why};

/// The metrics that are compared.
pub const METRICS: [Metric; 6] = [
    Metric::Makespan,
    Metric::Throughput,
    Metric::MeanResponse,
    Metric::P99Response,
    Metric::NodeAvailability,
    Metric::ServiceAvailability,
];

/// The metrics by which policies are ranked.
pub const RANKED: [Metric; 3] = [Metric::Makespan, Metric::MeanResponse, Metric::P99Response];

/// One seed under one policy, run in every way.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The seed.
    pub seed: u64,
    /// The simulation without delays.
    pub ideal: ReplicationResult,
    /// The simulation with delays as they were measured, if there is one.
    pub calibrated: Option<ReplicationResult>,
    /// The live run.
    pub live: ReplicationResult,
    /// How well the driver of the live run kept up.
    pub driver: DriverFigures,
    /// Why the trial is not averaged in, when it is not.
    pub invalid: Option<String>,
    /// Where the live run and its simulation part; `None` when they decided everything alike.
    pub divergence: Option<Divergence>,
}

/// All runs of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTrials {
    /// Its name.
    pub policy: String,
    /// One trial for each seed.
    pub trials: Vec<Trial>,
    /// More live runs of a seed that is among the trials, for the noise floor; valid ones only.
    pub repeats: Vec<ReplicationResult>,
}

/// Which simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// Without delays.
    Ideal,
    /// With delays as they were measured.
    Calibrated,
}

impl Simulated {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Simulated::Ideal => "ideal",
            Simulated::Calibrated => "calibrated",
        }
    }
}

/// One metric of one policy, over its valid trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricFidelity {
    /// The metric.
    pub metric: Metric,
    /// The ideal simulations; `None` when none has the figure.
    pub ideal: Option<Summary>,
    /// The calibrated simulations.
    pub calibrated: Option<Summary>,
    /// The live runs.
    pub live: Option<Summary>,
    /// Error of the ideal simulation, a ratio.
    pub ideal_error: Option<RelativeError>,
    /// Error of the calibrated simulation, a ratio.
    pub calibrated_error: Option<RelativeError>,
    /// What the error of the calibrated simulation says about the margin; that of the ideal one
    /// when nothing was calibrated.
    pub verdict: Equivalence,
    /// How much live runs of one seed differ from each other.
    pub noise_floor: Option<NoiseFloor>,
}

impl MetricFidelity {
    /// The error that is judged: of the calibrated simulation, or of the ideal one when nothing was
    /// calibrated.
    pub fn error(&self) -> Option<RelativeError> {
        self.calibrated_error.or(self.ideal_error)
    }
}

/// A trial that is not averaged in.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Its seed.
    pub seed: u64,
    /// Why.
    pub reason: String,
}

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFidelity {
    /// Its name.
    pub policy: String,
    /// How many trials are averaged in.
    pub valid: usize,
    /// Those that are not.
    pub invalid: Vec<Invalid>,
    /// Every metric in the order of [`METRICS`].
    pub metrics: Vec<MetricFidelity>,
    /// Where each valid trial parts from its simulation, by seed; `None` when it does not.
    pub divergences: Vec<(u64, Option<Divergence>)>,
}

impl PolicyFidelity {
    /// The figures of a metric; `None` for a metric that is not compared.
    pub fn get(&self, metric: Metric) -> Option<&MetricFidelity> {
        self.metrics.iter().find(|one| one.metric == metric)
    }
}

/// Policies in the order of their means, simulated and live.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// By which metric.
    pub metric: Metric,
    /// Which simulation: the calibrated one when every policy has it.
    pub simulated: Simulated,
    /// How many policies have both means.
    pub policies: usize,
    /// Kendall's tau-b; `None` when a side has no order.
    pub tau: Option<f64>,
    /// Pairs whose means are further apart than the margin on both sides and in opposite order;
    /// the first has the lower simulated mean, the second the lower live mean.
    pub inverted: Vec<(String, String)>,
}

/// Absolute errors of the means over policies, as ratios.
#[derive(Clone, Debug, PartialEq)]
pub struct Overall {
    /// Of which metric.
    pub metric: Metric,
    /// Of which simulation.
    pub simulated: Simulated,
    /// How many policies have an error.
    pub policies: usize,
    /// The median over policies.
    pub median: f64,
    /// The largest.
    pub worst: f64,
    /// The policy that has it; the first of equals.
    pub worst_policy: String,
}

/// How well a simulation foretells live runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Fidelity {
    /// Errors up to this ratio do not matter.
    pub margin: f64,
    /// The policies in order.
    pub policies: Vec<PolicyFidelity>,
    /// A ranking for each of [`RANKED`] that at least two policies have.
    pub rankings: Vec<Ranking>,
    /// Errors over policies: for each of [`METRICS`] the calibrated simulation, then the ideal one.
    pub overall: Vec<Overall>,
}

impl Fidelity {
    /// Compares runs with each other; a pure function of them. Invalid trials count nowhere but in
    /// [`PolicyFidelity::invalid`].
    pub fn of(margin: f64, policies: &[PolicyTrials]) -> Fidelity {
        let policies: Vec<PolicyFidelity> = policies.iter().map(|one| policy(margin, one)).collect();
        let rankings = RANKED.iter().filter_map(|&metric| ranking(margin, metric, &policies)).collect();
        let both = [Simulated::Calibrated, Simulated::Ideal];
        let pairs = METRICS.iter().flat_map(|&metric| both.map(|simulated| (metric, simulated)));
        let overall = pairs.filter_map(|(metric, simulated)| overall(metric, simulated, &policies)).collect();
        Fidelity { margin, policies, rankings, overall }
    }

    /// Errors of one simulation in one metric over policies.
    pub fn overall(&self, metric: Metric, simulated: Simulated) -> Option<&Overall> {
        self.overall.iter().find(|one| one.metric == metric && one.simulated == simulated)
    }

    /// Which simulation the verdicts are about: the calibrated one if there is any.
    pub fn simulated(&self) -> Simulated {
        let metrics = || self.policies.iter().flat_map(|policy| &policy.metrics);
        if metrics().any(|one| one.calibrated_error.is_some()) {
            Simulated::Calibrated
        } else {
            Simulated::Ideal
        }
    }
}

fn policy(margin: f64, trials: &PolicyTrials) -> PolicyFidelity {
    let valid: Vec<&Trial> = trials.trials.iter().filter(|trial| trial.invalid.is_none()).collect();
    let invalid = trials.trials.iter().filter_map(|trial| {
        let reason = trial.invalid.clone()?;
        Some(Invalid { seed: trial.seed, reason })
    });
    PolicyFidelity {
        policy: trials.policy.clone(),
        valid: valid.len(),
        invalid: invalid.collect(),
        metrics: METRICS.iter().map(|&one| metric(margin, one, &valid, &trials.repeats)).collect(),
        divergences: valid.iter().map(|trial| (trial.seed, trial.divergence.clone())).collect(),
    }
}

fn metric(margin: f64, metric: Metric, valid: &[&Trial], repeats: &[ReplicationResult]) -> MetricFidelity {
    let values = |of: &dyn Fn(&Trial) -> Option<f64>| valid.iter().map(|trial| of(trial)).collect();
    let ideal: Vec<Option<f64>> = values(&|trial| trial.ideal.metrics.get(metric));
    let calibrated: Vec<Option<f64>> =
        values(&|trial| trial.calibrated.as_ref().and_then(|one| one.metrics.get(metric)));
    let live: Vec<Option<f64>> = values(&|trial| trial.live.metrics.get(metric));
    let summary = |values: &[Option<f64>]| Summary::of(&values.iter().copied().flatten().collect::<Vec<_>>());
    let ideal_error = relative_error(&ideal, &live);
    let calibrated_error = relative_error(&calibrated, &live);
    MetricFidelity {
        metric,
        ideal: summary(&ideal),
        calibrated: summary(&calibrated),
        live: summary(&live),
        ideal_error,
        calibrated_error,
        verdict: judge(calibrated_error.or(ideal_error).as_ref(), margin),
        noise_floor: noise(metric, valid, repeats),
    }
}

/// The repeats and the trials of the same seeds are runs of equal right.
fn noise(metric: Metric, valid: &[&Trial], repeats: &[ReplicationResult]) -> Option<NoiseFloor> {
    let mut seeds: Vec<(u64, Vec<f64>)> = Vec::new();
    let trials = valid.iter().filter(|trial| repeats.iter().any(|repeat| repeat.seed == trial.seed));
    let runs = trials.map(|trial| (trial.seed, &trial.live)).chain(repeats.iter().map(|one| (one.seed, one)));
    for (seed, run) in runs {
        let Some(value) = run.metrics.get(metric) else { continue };
        match seeds.iter_mut().find(|(other, _)| *other == seed) {
            Some((_, values)) => values.push(value),
            None => seeds.push((seed, vec![value])),
        }
    }
    let values: Vec<Vec<f64>> = seeds.into_iter().map(|(_, values)| values).collect();
    noise_floor(&values)
}

fn ranking(margin: f64, metric: Metric, policies: &[PolicyFidelity]) -> Option<Ranking> {
    let ranked: Vec<(&str, &MetricFidelity)> = policies
        .iter()
        .filter_map(|policy| Some((policy.policy.as_str(), policy.get(metric)?)))
        .filter(|(_, one)| one.live.is_some() && (one.calibrated.is_some() || one.ideal.is_some()))
        .collect();
    // Means of two kinds of simulation are not ranked among each other.
    let simulated = if ranked.iter().all(|(_, one)| one.calibrated.is_some()) {
        Simulated::Calibrated
    } else {
        Simulated::Ideal
    };
    let means: Vec<(&str, f64, f64)> = ranked
        .into_iter()
        .filter_map(|(policy, one)| {
            let summary = if simulated == Simulated::Calibrated { one.calibrated } else { one.ideal };
            Some((policy, summary?.mean, one.live?.mean))
        })
        .collect();
    if means.len() < 2 {
        return None;
    }
    let (left, right): (Vec<f64>, Vec<f64>) = means.iter().map(|&(_, left, right)| (left, right)).unzip();
    let inverted = inverted_pairs(&left, &right, margin).into_iter().map(|(one, other)| {
        let (first, second) = if left[one] < left[other] { (one, other) } else { (other, one) };
        (means[first].0.to_string(), means[second].0.to_string())
    });
    Some(Ranking {
        metric,
        simulated,
        policies: means.len(),
        tau: kendall_tau_b(&left, &right),
        inverted: inverted.collect(),
    })
}

fn overall(metric: Metric, simulated: Simulated, policies: &[PolicyFidelity]) -> Option<Overall> {
    let error = |policy: &PolicyFidelity| {
        let one = policy.get(metric)?;
        let error = if simulated == Simulated::Calibrated { one.calibrated_error } else { one.ideal_error };
        Some(error?.mean.abs())
    };
    let errors: Vec<(f64, &str)> =
        policies.iter().filter_map(|policy| Some((error(policy)?, policy.policy.as_str()))).collect();
    let mut sorted: Vec<f64> = errors.iter().map(|(error, _)| *error).collect();
    sorted.sort_by(f64::total_cmp);
    let worst = *sorted.last()?;
    let (_, worst_policy) = errors.iter().find(|(error, _)| *error == worst)?;
    Some(Overall {
        metric,
        simulated,
        policies: sorted.len(),
        median: (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0,
        worst,
        worst_policy: worst_policy.to_string(),
    })
}
