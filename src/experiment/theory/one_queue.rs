//! What is known of one queue only: tasks that are refused, that fail and start again, whose node breaks
//! down, that come in groups.

use super::order::OrderKind;
use super::setting::{Setting, exponential};
use super::station::{Answer, Station, Stream};
use super::steady::{Steady, all_arrivals, station, stations, utilisation, warmup};
use crate::distribution::Distribution;
use crate::faults::FailsWhen;
use crate::policies::spec::PolicySpec;
use crate::scheduler::OnNodeLoss;
use crate::theory::{FormulaId, Size, availability, breakdowns, many_servers, retries, single_server};
use crate::time::Duration;
use crate::workload::Arrivals;

/// The only queue there is, for what is known of one queue only.
fn only_queue(setting: &Setting<'_>, policy: &PolicySpec, order: &OrderKind) -> Result<Station, String> {
    let (stations, note, _) = stations(setting, policy, order)?;
    match (<[Station; 1]>::try_from(stations), note) {
        (Ok([station]), "") => Ok(station),
        _ => Err("several queues whose tasks fail, are refused or come in groups".to_string()),
    }
}

fn of_one_queue(setting: &Setting<'_>, station: &Station, formula: FormulaId, answer: Answer) -> Steady {
    let rate = station.arrivals.rate().unwrap_or(0.0);
    Steady {
        formula,
        note: "",
        answer,
        rate,
        utilisation: utilisation(setting, Some(rate)),
        blocked: None,
        warmup: warmup(station),
    }
}

/// Tasks that are refused: M/M/c/K and Erlang B.
pub(super) fn limited(
    setting: &Setting<'_>,
    policy: &PolicySpec,
    order: &OrderKind,
    limit: u64,
) -> Result<Steady, String> {
    let station = only_queue(setting, policy, order)?;
    let Stream::Poisson(rate) = station.arrivals else {
        return Err("tasks are refused, and arrivals are not Poisson".to_string());
    };
    if order.interrupts() || order.knows_sizes(setting) {
        return Err("tasks are refused, and the order interrupts or looks at sizes".to_string());
    }
    let mean = station.size.moment(1).ok_or("tasks have no mean")?;
    let servers = station.servers;
    let (formula, found) = if limit == 0 {
        let blocked = many_servers::erlang_b(servers, rate * mean);
        let utilisation = rate * (1.0 - blocked) * mean / f64::from(servers);
        let found = many_servers::Limited { blocked, mean_wait: 0.0, share_waited: 0.0, utilisation };
        (FormulaId::ErlangB, found)
    } else if station.size.exponential().is_some() && limit < 100_000 {
        (FormulaId::Mmck, many_servers::limited(servers, servers + limit as u32, rate, mean))
    } else {
        return Err("tasks are refused, and are not exponential".to_string());
    };
    let answer = Answer {
        wait: Some(found.mean_wait),
        share_waited: Some(found.share_waited),
        response: Some(found.mean_wait + mean),
        ..Answer::default()
    };
    let mut steady = of_one_queue(setting, &station, formula, answer);
    steady.utilisation = Some(found.utilisation);
    steady.rate = rate * (1.0 - found.blocked);
    steady.blocked = Some(found.blocked);
    // What does not fit is gone: the start is forgotten soon.
    let room = f64::from(servers) + limit as f64;
    steady.warmup = 10.0 * room.max(10.0) * (room / f64::from(servers)).max(1.0);
    Ok(steady)
}

/// Tasks that fail and start again at once.
pub(super) fn with_retries(
    setting: &Setting<'_>,
    policy: &PolicySpec,
    order: &OrderKind,
) -> Result<Steady, String> {
    let p = setting.failure().ok_or("`failure_probability` differs between classes")?;
    if setting.limit(policy).is_some() {
        return Err("tasks fail, and some are refused".to_string());
    }
    if setting.retry.backoff.base > Duration::ZERO && setting.retry.max_attempts != Some(1) {
        return Err("`retry.backoff`: failed tasks wait before they start again".to_string());
    }
    let station = only_queue(setting, policy, order)?;
    let Stream::Poisson(rate) = station.arrivals else {
        return Err("tasks fail, and arrivals are not Poisson".to_string());
    };
    if *order != OrderKind::Fifo || station.servers > 1 {
        return Err("tasks fail, and another may overtake before they start again".to_string());
    }
    let attempts = retries::attempts(p, setting.retry.max_attempts);
    let moments = retries::service(attempts, &station.size, setting.retry.redraw);
    let (mean, square) = moments.ok_or("the variance of tasks is infinite")?;
    let response = breakdowns::mean_response_if_busy(rate, (mean, square));
    let response = response.ok_or_else(|| format!("with retries the load is {:.3}", rate * mean))?;
    let answer = Answer {
        wait: Some(response - mean),
        share_waited: Some(rate * mean),
        // Of completed tasks only, which are not all when attempts are limited.
        response: setting.retry.max_attempts.is_none().then_some(response),
        ..Answer::default()
    };
    let mut steady = of_one_queue(setting, &station, FormulaId::RetriesAsService, answer);
    steady.utilisation = Some(rate * mean);
    let relaxation = mean / (1.0 - (rate * mean).sqrt()).powi(2) * (square / (mean * mean) - 1.0).max(1.0);
    steady.warmup = 10.0 * rate * relaxation;
    Ok(steady)
}

/// One server that breaks down.
pub(super) fn with_breakdowns(
    setting: &Setting<'_>,
    policy: &PolicySpec,
    order: &OrderKind,
) -> Result<Steady, String> {
    let several = "`nodes.up`: nodes fail, and more than one serves";
    let fault = setting.one_fault().filter(|_| setting.slots() == 1).ok_or(several)?;
    let mean_up = exponential(&fault.up).ok_or("`nodes.up` is not exponential")?;
    let down = Size::of(&fault.down).ok_or("`nodes.down` has too many values")?;
    let Stream::Poisson(rate) = all_arrivals(setting)? else {
        return Err("nodes fail, and arrivals are not Poisson".to_string());
    };
    if *order != OrderKind::Fifo || setting.failure() != Some(0.0) || setting.limit(policy).is_some() {
        return Err("nodes fail, and tasks fail, are refused or overtake as well".to_string());
    }
    let station = station(setting, Stream::Poisson(rate), 1.0, (setting.groups[0].speed, 1))?;
    let moments = down.moment(1).zip(down.moment(2)).ok_or("the variance of `nodes.down` is infinite")?;
    let breaks =
        breakdowns::Breakdowns { rate: 1.0 / mean_up, mean_down: moments.0, squared_down: moments.1 };
    let (formula, completion) = match setting.retry.on_node_loss {
        OnNodeLoss::Resume => (FormulaId::Resume, breakdowns::resumed(breaks, &station.size)),
        OnNodeLoss::Restart if setting.retry.redraw => {
            return Err("nodes fail, and the work of their tasks is drawn anew".to_string());
        }
        OnNodeLoss::Restart => (FormulaId::Restart, breakdowns::restarted(breaks, &station.size)),
        OnNodeLoss::Fail => return Err("`retry.on_node_loss`: tasks end with their node".to_string()),
    };
    let completion = completion.ok_or("tasks that start over vary without bound")?;
    let response = match fault.fails {
        FailsWhen::Busy => breakdowns::mean_response_if_busy(rate, completion),
        FailsWhen::Always if exponential(&fault.down).is_some() => {
            breakdowns::mean_response(rate, breaks, completion)
        }
        FailsWhen::Always => return Err("`nodes.down` is not exponential, and idle nodes fail".to_string()),
    };
    let load = rate * completion.0;
    let response = response.ok_or_else(|| format!("with repairs the load is {load:.3}"))?;
    let answer =
        Answer { wait: Some(response - completion.0), response: Some(response), ..Answer::default() };
    let mut steady = of_one_queue(setting, &station, formula, answer);
    // Of the time that it is up, which is the share of the long run.
    let up = availability::long_run(mean_up, moments.0);
    let work = rate * station.size.moment(1).unwrap_or(0.0);
    let keeps = formula == FormulaId::Resume && fault.fails == FailsWhen::Always;
    steady.utilisation = keeps.then_some(work / up);
    let spread = (completion.1 / (completion.0 * completion.0) - 1.0).max(1.0);
    steady.warmup = 10.0 * rate * completion.0 * spread / (1.0 - load.sqrt()).powi(2);
    Ok(steady)
}

/// Tasks that come in groups of a fixed size.
pub(super) fn in_groups(
    setting: &Setting<'_>,
    policy: &PolicySpec,
    size: &Distribution,
    process: &Arrivals,
    order: &OrderKind,
) -> Result<Steady, String> {
    let (Distribution::Constant { value }, Arrivals::Poisson { rate }) = (size, process) else {
        return Err("groups vary in size, or do not come at random".to_string());
    };
    let group = value.round().max(1.0);
    let single = Arrivals::Poisson { rate: rate * group };
    let station = only_queue(&Setting { arrivals: &single, ..setting.clone() }, policy, order)?;
    let mean = station.size.exponential().filter(|_| station.servers == 1 && *order == OrderKind::Fifo);
    let mean = mean.ok_or("groups of tasks are known at one server with exponential tasks only")?;
    let response = single_server::batch_arrivals_mean_response(*rate, group as u32, mean);
    let response = response.ok_or("the load is 1 or more: the queue grows without bound")?;
    let answer = Answer { wait: Some(response - mean), response: Some(response), ..Answer::default() };
    let mut steady = of_one_queue(setting, &station, FormulaId::BatchArrivals, answer);
    steady.warmup *= group;
    Ok(steady)
}
