//! What is known of a run from its start to its end: batches, counts of attempts, availability.

use super::order::OrderKind;
use super::setting::{Setting, exponential};
use super::{Known, Value};
use crate::faults::FailsWhen;
use crate::metrics::Metric;
use crate::policies::spec::{DispatchSpec, OrderSpec, PlaceSpec, PolicySpec};
use crate::scheduler::OnNodeLoss;
use crate::theory::batches::{self, ExponentialClass};
use crate::theory::{FormulaId, availability, retries};
use crate::workload::{Arrivals, EstimateSpec};

/// Batches of more tasks than this have too many states for a dynamic program.
const MOST_IN_ORDER: u32 = 12;
/// Chances that are nearer to 0 or 1 than this no run can tell from them.
const TELLABLE: f64 = 1e-9;
/// Of what formulas leave out of availability this may be their error; beyond that they are near it at best.
const MOST_LEFT_OUT: f64 = 0.02;
/// How likely it is that several of more nodes than this are up is not worked out.
const MOST_NODES: u32 = 1000;

/// Everything that is known of whole runs; `horizon` is their mean length, where it is known.
pub(super) fn finite(setting: &Setting<'_>, policy: &PolicySpec, horizon: Option<f64>) -> Vec<Known> {
    let mut known = of_attempts(setting, policy);
    known.extend(of_availability(setting, horizon));
    if *setting.arrivals == Arrivals::AtOnce
        && !setting.nodes_fail()
        && setting.limit(policy).is_none()
        && setting.failure() == Some(0.0)
    {
        known.extend(of_batch(setting, policy));
    }
    known
}

/// Attempts, retries and what comes of them, whoever runs them where.
fn of_attempts(setting: &Setting<'_>, policy: &PolicySpec) -> Vec<Known> {
    let fails = setting.classes.iter().any(|class| class.failure_probability > 0.0);
    let ends_with_node = setting.nodes_fail() && setting.retry.on_node_loss == OnNodeLoss::Fail;
    if !fails || ends_with_node || setting.limit(policy).is_some() {
        return Vec::new();
    }
    let most = setting.retry.max_attempts;
    let (mut success, mut attempts) = (0.0, 0.0);
    for class in setting.classes {
        let of_class = retries::attempts(class.failure_probability, most);
        success += class.share * of_class.success;
        attempts += class.share * of_class.mean;
    }
    let tasks = f64::from(setting.tasks);
    let mut known = vec![Known::of(Metric::Retries, tasks * (attempts - 1.0), FormulaId::RetryAttempts)];
    if !setting.nodes_fail() {
        known.push(Known::of(Metric::Attempts, tasks * attempts, FormulaId::RetryAttempts));
    }
    if success < 1.0 - TELLABLE {
        known.push(Known::of(Metric::SuccessRate, success, FormulaId::RetrySuccess));
        known.push(Known::of(Metric::Errors, tasks * (1.0 - success), FormulaId::RetrySuccess));
    }
    known
}

/// The share of runs that comes after the last arrival. It takes the longer the more nodes are down, so that
/// nodes are up for another share of it than of time that passes anyway.
fn waits_for_nodes(setting: &Setting<'_>, horizon: f64) -> f64 {
    let arrivals = setting.arrivals.mean_rate().map_or(0.0, |rate| (f64::from(setting.tasks) - 1.0) / rate);
    (1.0 - arrivals / horizon).clamp(0.0, 1.0)
}

/// How much of the time nodes are up.
fn of_availability(setting: &Setting<'_>, horizon: Option<f64>) -> Vec<Known> {
    let Some(fault) = setting.one_fault().filter(|fault| fault.fails == FailsWhen::Always) else {
        return Vec::new();
    };
    let (Some(up), Some(down)) = (fault.up.mean(), fault.down.mean()) else { return Vec::new() };
    let (is_exponential, nodes) =
        (exponential(&fault.up).is_some() && exponential(&fault.down).is_some(), setting.nodes());
    let mut known = Vec::new();
    let horizon = horizon.filter(|horizon| *horizon > 0.0);
    let wait = horizon.map_or(1.0, |horizon| waits_for_nodes(setting, horizon));
    let of = |metric: Metric, value: f64, formula: FormulaId, more: f64| Known {
        allowance: wait + more,
        approximate: wait + more > MOST_LEFT_OUT,
        ..Known::of(metric, value, formula)
    };
    if let Some(crew) = setting.repair_crew.filter(|crew| *crew < nodes) {
        if is_exponential {
            let value = availability::machine_repair(nodes, crew, 1.0 / up, 1.0 / down);
            let start = availability::good_start(nodes, crew, 1.0 / up, 1.0 / down);
            let more = horizon.map_or(1.0, |horizon| start / horizon);
            let note = "in the long run; nodes start up";
            known.push(Known { note, ..of(Metric::NodeAvailability, value, FormulaId::MachineRepair, more) });
        }
        return known;
    }
    let (true, Some(horizon)) = (is_exponential, horizon) else {
        let value = availability::long_run(up, down);
        known.push(Known::of(Metric::NodeAvailability, value, FormulaId::LongRunAvailability));
        return known;
    };
    // The run is looked at from the first arrival on.
    let start = setting.first_gap();
    let over = |of: &dyn Fn(f64) -> f64| {
        let before = if start > 0.0 { start * of(start) } else { 0.0 };
        ((start + horizon) * of(start + horizon) - before) / horizon
    };
    let one = over(&|horizon| availability::over_a_run(up, down, horizon));
    known.push(of(Metric::NodeAvailability, one, FormulaId::Availability, 0.0));
    let wanted = setting.service_nodes;
    // What takes the square of the nodes is worked out for so many.
    if wanted > 1 && nodes > MOST_NODES {
        return known;
    }
    let served = over(&|horizon| availability::k_of_n_over_a_run(wanted, nodes, up, down, horizon));
    if served < 1.0 - TELLABLE {
        known.push(of(Metric::ServiceAvailability, served, FormulaId::KOfN, 0.0));
    }
    known
}

/// Batches on equal nodes.
fn of_batch(setting: &Setting<'_>, policy: &PolicySpec) -> Vec<Known> {
    let Some(speed) = setting.speed() else { return Vec::new() };
    let Ok(order) = OrderKind::of(policy, setting) else { return Vec::new() };
    let central = match policy.dispatch {
        DispatchSpec::Pull | DispatchSpec::Prefetching { batch: 1 } => Some(setting.slots()),
        DispatchSpec::Serial => Some(1),
        _ if setting.nodes() == 1 => Some(setting.slots()),
        _ => None,
    };
    let (tasks, one_duration) = (u64::from(setting.tasks), setting.has_one_duration());
    let constant = match setting.classes[0].duration {
        crate::distribution::Distribution::Constant { value } if one_duration => Some(value / speed),
        _ => None,
    };
    let mean = exponential(&setting.classes[0].duration).filter(|_| one_duration).map(|mean| mean / speed);
    if let Some(seconds) = constant.filter(|_| !order.interrupts()) {
        let even = central.or_else(|| shares_equally(setting, policy).then_some(setting.slots()));
        let Some(slots) = even else { return Vec::new() };
        let (makespan, response) = batches::equal_tasks(tasks, u64::from(slots));
        let times = Value { makespan: makespan * seconds, response: response * seconds, own: Some(seconds) };
        return of_times(setting, times, FormulaId::EqualBatch);
    }
    let Some(slots) = central else { return Vec::new() };
    if let Some(mean) = mean.filter(|_| !order.knows_sizes(setting)) {
        let times = Value {
            makespan: batches::exponential_makespan(tasks, u64::from(slots)) * mean,
            response: batches::exponential_mean_response(tasks, u64::from(slots)) * mean,
            own: Some(mean).filter(|_| !order.interrupts()),
        };
        return of_times(setting, times, FormulaId::ExponentialBatch);
    }
    by_expectation(setting, policy, speed, slots)
}

/// Exponential classes that are started by their means.
fn by_expectation(setting: &Setting<'_>, policy: &PolicySpec, speed: f64, slots: u32) -> Vec<Known> {
    let sign = match policy.order {
        OrderSpec::Sjf => 1.0,
        OrderSpec::Ljf => -1.0,
        _ => return Vec::new(),
    };
    let by_mean = setting.classes.iter().all(|class| class.estimate == EstimateSpec::ClassMean);
    let class = |class: &crate::workload::TaskClass| {
        Some(ExponentialClass { share: class.share, mean: exponential(&class.duration)? / speed })
    };
    let classes: Option<Vec<ExponentialClass>> = setting.classes.iter().map(class).collect();
    let Some(mut classes) = classes
        .filter(|classes| by_mean && !policy.preempt && classes.len() <= 4 && setting.tasks <= MOST_IN_ORDER)
    else {
        return Vec::new();
    };
    classes.sort_by(|a, b| (sign * a.mean).total_cmp(&(sign * b.mean)));
    let (makespan, response) = batches::classes_in_order(&classes, setting.tasks, slots);
    of_times(setting, Value { makespan, response, own: None }, FormulaId::ExpectedOrder)
}

/// Makespan, and where no task is left out of the means, response and wait.
fn of_times(setting: &Setting<'_>, times: Value, formula: FormulaId) -> Vec<Known> {
    let mut known = vec![Known::of(Metric::Makespan, times.makespan, formula)];
    if setting.warmup == 0 {
        known.push(Known::of(Metric::MeanResponse, times.response, formula));
        known.extend(times.own.map(|own| Known::of(Metric::MeanWait, times.response - own, formula)));
    }
    known
}

/// Whether a batch of equal tasks is spread so that no node gets two more than another.
fn shares_equally(setting: &Setting<'_>, policy: &PolicySpec) -> bool {
    let alike = |of: fn(&crate::experiment::plan::NodeGroup) -> f64| {
        setting.groups.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]))
    };
    let equal_slots = alike(|group| f64::from(group.slots)) && setting.groups[0].slots == 1;
    let plain = matches!(policy.dispatch, DispatchSpec::Push | DispatchSpec::Hybrid(_));
    plain
        && equal_slots
        && match policy.place {
            PlaceSpec::RoundRobin | PlaceSpec::LeastLoaded => true,
            PlaceSpec::WeightedRoundRobin | PlaceSpec::WeightedLeastLoaded => alike(|group| group.weight),
            _ => false,
        }
}
