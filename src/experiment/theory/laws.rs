//! What the operational laws say of a scenario, whatever its policy: they ask only that what comes is done.

use super::Known;
use super::setting::Setting;
use crate::metrics::Metric;
use crate::policies::spec::{DispatchSpec, PlaceSpec, PolicySpec};
use crate::theory::{FormulaId, laws, retries};
use crate::time::Duration;

/// The share of the time that slots are busy, and the most tasks that can be completed per second.
pub(super) fn laws(setting: &Setting<'_>, policy: &PolicySpec) -> Vec<Known> {
    let mut known = Vec::new();
    let (Some(rate), Some(work)) = (setting.arrivals.mean_rate(), setting.mean_work()) else { return known };
    if setting.nodes_fail() || setting.limit(policy).is_some() {
        return known;
    }
    // Work is drawn without a look at whether attempts fail, so that visits and work multiply class by class.
    let (mut visits, mut visited, mut success) = (0.0, 0.0, 0.0);
    for class in setting.classes {
        let attempts = retries::attempts(class.failure_probability, setting.retry.max_attempts);
        visits += class.share * attempts.mean;
        visited += class.share * attempts.mean * class.duration.mean().unwrap_or(work);
        success += class.share * attempts.success;
    }
    if !visits.is_finite() {
        return known;
    }
    let service = visited / visits;
    let most = laws::stability_limit(setting.speeds(), service);
    let load = laws::forced_flow(rate, visits) / most;
    // Where some slots are slower than others, it depends on who does what.
    if let Some(speed) = setting.speed().filter(|_| load < 1.0 && catches_up(setting, policy)) {
        let formula = if visits > 1.0 { FormulaId::ForcedFlowLaw } else { FormulaId::UtilisationLaw };
        let slots = f64::from(setting.slots());
        let busy = laws::utilisation(laws::forced_flow(rate, visits), service / speed, slots);
        known.push(Known::of(Metric::Utilisation, busy, formula));
    }
    let completed = most / visits * success;
    known.push(Known::of(Metric::Throughput, completed, FormulaId::BottleneckLaw));
    known
}

/// Whether no node gets more than it can do while others have room, so that all that comes is done.
fn catches_up(setting: &Setting<'_>, policy: &PolicySpec) -> bool {
    let alike = setting.groups.windows(2).all(|pair| pair[0].slots == pair[1].slots);
    let evenly = matches!(
        policy.place,
        PlaceSpec::Random
            | PlaceSpec::RoundRobin
            | PlaceSpec::LeastLoaded
            | PlaceSpec::LeastWork
            | PlaceSpec::PowerOf { .. }
    );
    let spread = match policy.dispatch {
        DispatchSpec::Serial => false,
        DispatchSpec::Push => alike && evenly,
        _ => true,
    };
    spread && policy.switch_cost == Duration::ZERO
}
