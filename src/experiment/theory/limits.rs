//! Bounds on the mean response in the steady state, whatever the policy.

use super::Known;
use super::order::OrderKind;
use super::setting::Setting;
use super::station::Stream;
use super::steady::{all_arrivals, size_at};
use crate::metrics::Metric;
use crate::policies::spec::{DispatchSpec, PlaceSpec, PolicySpec};
use crate::theory::{FormulaId, many_servers, sizes};

/// The bounds that hold for this policy.
pub(super) fn bounds(setting: &Setting<'_>, policy: &PolicySpec) -> Vec<Known> {
    let mut known = Vec::new();
    if setting.limit(policy).is_some() || setting.warmup >= setting.tasks {
        return known;
    }
    let bound = |value: f64, formula| Known::of(Metric::MeanResponse, value, formula);
    // Of tasks of which the long ones are likelier to be lost those that complete are short.
    let all_alike = setting.failure().is_some() && !setting.nodes_fail();
    if let Some(work) = setting.mean_work().filter(|_| all_alike) {
        known.push(bound(work / setting.fastest(), FormulaId::OwnTimeBound));
    }
    if !all_alike || setting.failure() != Some(0.0) {
        return known;
    }
    let Ok(Stream::Poisson(rate)) = all_arrivals(setting) else { return known };
    if let Ok((size, _)) = size_at(setting, setting.capacity())
        && let Some(least) = sizes::shortest_remaining_mean_response(rate, &size)
    {
        known.push(bound(least, FormulaId::OneMachineBound));
    }
    let Some(mean) = setting.speed().and_then(|speed| size_at(setting, speed).ok()?.0.exponential()) else {
        return known;
    };
    let Ok(order) = OrderKind::of(policy, setting) else { return known };
    if order.knows_sizes(setting) || knows_work(&policy.place) {
        return known;
    }
    let slots = setting.slots();
    if let Some(wait) = many_servers::mean_wait(slots, rate, mean).filter(|_| slots > 1) {
        known.push(bound(wait + mean, FormulaId::OneQueueBound));
        let less_loaded = matches!(policy.place, PlaceSpec::LeastLoaded | PlaceSpec::PowerOf { .. });
        let single = setting.nodes() == slots && policy.dispatch == DispatchSpec::Push;
        if less_loaded && single && order == OrderKind::Fifo {
            let load = rate * mean / f64::from(slots);
            known.push(bound(mean / (1.0 - load), FormulaId::RandomSplitBound));
        }
    }
    known
}

/// Whether a place asks how much work a task or a node has.
fn knows_work(place: &PlaceSpec) -> bool {
    matches!(place, PlaceSpec::LeastWork | PlaceSpec::EarliestFinish | PlaceSpec::MinCostFlow { .. })
}
