//! The steady state of a scenario under a policy: which queues the policy makes of the cluster.

use super::one_queue;
use super::order::OrderKind;
use super::setting::Setting;
use super::station::{Answer, Found, Station, Stream, combined};
use crate::distribution::Distribution;
use crate::experiment::plan::NodeGroup;
use crate::policies::spec::{DispatchSpec, PlaceSpec, PolicySpec};
use crate::theory::{FormulaId, Size, choices, renewal};
use crate::time::Duration;
use crate::workload::Arrivals;

/// What is known of the steady state.
#[derive(Clone, Debug)]
pub(super) struct Steady {
    pub(super) formula: FormulaId,
    /// How the formula is applied, where it is not to the whole cluster.
    pub(super) note: &'static str,
    pub(super) answer: Answer,
    /// Arrivals per second and the mean share of slots that are busy.
    pub(super) rate: f64,
    pub(super) utilisation: Option<f64>,
    /// Share of the tasks that are refused.
    pub(super) blocked: Option<f64>,
    /// Tasks after which little is left of the empty start.
    pub(super) warmup: f64,
}

/// What is known under a policy, or why nothing is.
pub(super) fn steady(setting: &Setting<'_>, policy: &PolicySpec) -> Result<Steady, String> {
    let order = OrderKind::of(policy, setting)?;
    if setting.nodes_fail() {
        return one_queue::with_breakdowns(setting, policy, &order);
    }
    if setting.failure() != Some(0.0) {
        return one_queue::with_retries(setting, policy, &order);
    }
    if let Some(limit) = setting.limit(policy) {
        return one_queue::limited(setting, policy, &order, limit);
    }
    if let Arrivals::Batch { size, process } = setting.arrivals {
        return one_queue::in_groups(setting, policy, size, process, &order);
    }
    if let Some(found) = by_load(setting, policy, &order)? {
        return Ok(found);
    }
    let (stations, note, formula) = stations(setting, policy, &order)?;
    let found: Result<Vec<Found>, String> = stations.iter().map(|station| station.answer(&order)).collect();
    let found = found?;
    let own = found.first().ok_or("there are no nodes")?.0;
    let answers: Vec<Answer> = found.into_iter().map(|(_, answer)| answer).collect();
    let rate: Option<f64> =
        stations.iter().map(|station| Some(f64::from(station.nodes) * station.arrivals.rate()?)).sum();
    let mut answer = combined(&stations, &answers);
    let stolen = formula == Some(FormulaId::BlindOrder);
    if stolen {
        // Who is stolen is not who came first: means alone are those of one queue.
        let Answer { wait, share_waited, response, .. } = answer;
        answer = Answer { wait, share_waited, response, ..Answer::default() };
    }
    Ok(Steady {
        formula: formula.filter(|_| stolen || own == FormulaId::Gim1).unwrap_or(own),
        note,
        answer,
        rate: rate.ok_or("arrivals have no rate")?,
        utilisation: utilisation(setting, rate),
        blocked: None,
        warmup: stations.iter().map(warmup).fold(0.0, f64::max),
    })
}

/// Work that comes over work that can be done.
pub(super) fn utilisation(setting: &Setting<'_>, rate: Option<f64>) -> Option<f64> {
    // Where nodes differ, it depends on who does how much.
    setting.speed().and(Some(rate? * setting.mean_work()? / setting.capacity()))
}

/// Tasks of the whole scenario after which e^-10 is left of the empty start: ten relaxation times of
/// M/M/c (Cohen 1982, section II.2), longer by how much tasks vary.
pub(super) fn warmup(station: &Station) -> f64 {
    let (Some(load), Some(mean), Some(rate)) =
        (station.load(), station.size.moment(1), station.arrivals.rate())
    else {
        return 0.0;
    };
    let spread = station.size.squared_variation().unwrap_or(100.0).max(1.0);
    let relaxation = mean * spread / (f64::from(station.servers) * (1.0 - load.sqrt()).powi(2));
    10.0 * f64::from(station.nodes) * rate / station.share * relaxation.max(mean)
}

/// The service time of a task at this speed, by class and of all.
pub(super) fn size_at(setting: &Setting<'_>, speed: f64) -> Result<(Size, Vec<(f64, Size)>), String> {
    let part = |class: &crate::workload::TaskClass| {
        Size::mixture([(1.0, &class.duration, 1.0 / speed)]).map(|size| (class.share, size))
    };
    let classes: Option<Vec<(f64, Size)>> = setting.classes.iter().map(part).collect();
    let classes = classes.ok_or("a Zipf distribution over so many values is not summed")?;
    Ok((Size::of_sizes(classes.iter().map(|(share, size)| (*share, size))), classes))
}

/// A queue with so many servers of this speed.
pub(super) fn station(
    setting: &Setting<'_>,
    arrivals: Stream,
    share: f64,
    (speed, servers): (f64, u32),
) -> Result<Station, String> {
    let (size, classes) = size_at(setting, speed)?;
    Ok(Station { share, nodes: 1, arrivals, servers, size, classes })
}

/// All arrivals as one stream.
pub(super) fn all_arrivals(setting: &Setting<'_>) -> Result<Stream, String> {
    let gaps = |distribution: &Distribution| {
        Size::of(distribution).map(Stream::Gaps).ok_or_else(|| "gaps have too many values".to_string())
    };
    match setting.arrivals {
        Arrivals::Poisson { rate } => Ok(Stream::Poisson(*rate)),
        Arrivals::Periodic { interval } => gaps(&Distribution::constant(*interval)),
        Arrivals::Renewal { gaps: Distribution::Exponential { mean } } => Ok(Stream::Poisson(1.0 / mean)),
        Arrivals::Renewal { gaps: distribution } => gaps(distribution),
        Arrivals::AtOnce => Err("all tasks are there at the start".to_string()),
        Arrivals::Bursty { .. } => Err("`arrivals.bursty`: gaps depend on each other".to_string()),
        Arrivals::Daily { .. } => Err("`arrivals.daily`: the rate moves with time".to_string()),
        Arrivals::Times { .. } => Err("`arrivals.times`: arrivals are listed".to_string()),
        Arrivals::Batch { .. } => Err("`arrivals.batch`: tasks come in groups".to_string()),
    }
}

/// The gaps at each of `nodes` that get tasks in turn.
fn arrivals_in_turn(setting: &Setting<'_>, nodes: u32) -> Result<Stream, String> {
    let erlang = |rate: f64, stages: u32| {
        let gaps = renewal::gaps_in_turn(rate, stages, nodes);
        Size::of(&gaps).map(Stream::Gaps).ok_or_else(|| "gaps have too many values".to_string())
    };
    match setting.arrivals {
        Arrivals::Poisson { rate } => erlang(*rate, 1),
        Arrivals::Renewal { gaps: Distribution::Exponential { mean } } => erlang(1.0 / mean, 1),
        Arrivals::Renewal { gaps: Distribution::Erlang { k, mean } } => erlang(1.0 / mean, *k),
        Arrivals::Periodic { interval } => {
            let gaps = Distribution::constant(interval * f64::from(nodes));
            Ok(Stream::Gaps(Size::of(&gaps).ok_or("gaps have too many values")?))
        }
        _ => Err("sums of gaps have no closed form".to_string()),
    }
}

pub(super) type Stations = (Vec<Station>, &'static str, Option<FormulaId>);

/// The queues that the policy makes of the cluster.
pub(super) fn stations(
    setting: &Setting<'_>,
    policy: &PolicySpec,
    order: &OrderKind,
) -> Result<Stations, String> {
    let one_queue = |servers: u32| -> Result<Stations, String> {
        let speed = setting.speed().ok_or("`nodes.speed`: nodes of several speeds share a queue")?;
        Ok((vec![station(setting, all_arrivals(setting)?, 1.0, (speed, servers))?], "", None))
    };
    match policy.dispatch {
        DispatchSpec::Serial if order.interrupts() && setting.slots() > 1 => {
            Err("one task at a time, and others interrupt it".to_string())
        }
        DispatchSpec::Serial => one_queue(1),
        _ if setting.nodes() == 1 => one_queue(setting.slots()),
        DispatchSpec::Pull => one_queue(setting.slots()),
        DispatchSpec::Prefetching { batch: 1 } => one_queue(setting.slots()),
        DispatchSpec::Prefetching { .. } => Err("nodes take tasks ahead".to_string()),
        DispatchSpec::LateBinding { .. } => Err("tasks wait at several nodes".to_string()),
        DispatchSpec::Hybrid(stealing) => {
            if stealing.delay > Duration::ZERO || *order != OrderKind::Fifo {
                return Err("stealing takes time, or changes the order".to_string());
            }
            let (stations, ..) = one_queue(setting.slots())?;
            if stations.iter().any(|station| station.size.exponential().is_none()) {
                return Err("idle nodes steal, and tasks are not exponential".to_string());
            }
            Ok((stations, "no node is idle while a task waits", Some(FormulaId::BlindOrder)))
        }
        DispatchSpec::Push => split(setting, policy),
    }
}

/// A queue at each node.
fn split(setting: &Setting<'_>, policy: &PolicySpec) -> Result<Stations, String> {
    let nodes = setting.nodes();
    let weights: f64 = setting.groups.iter().map(|group| f64::from(group.count) * group.weight).sum();
    let equal_weights = setting.groups.windows(2).all(|pair| pair[0].weight == pair[1].weight);
    let by_share = |share: &dyn Fn(&NodeGroup) -> f64| -> Result<Vec<Station>, String> {
        let Stream::Poisson(rate) = all_arrivals(setting)? else {
            return Err("a random part of arrivals that are not Poisson has no closed form".to_string());
        };
        let of = |group: &NodeGroup| {
            let own = share(group);
            let station = station(setting, Stream::Poisson(rate * own), own, (group.speed, group.slots));
            station.map(|station| repeated(station, group.count))
        };
        setting.groups.iter().map(of).collect()
    };
    match &policy.place {
        PlaceSpec::Random => {
            Ok((by_share(&|_| 1.0 / f64::from(nodes))?, "at each node, arrivals split at random", None))
        }
        PlaceSpec::WeightedRandom => Ok((
            by_share(&|group| group.weight / weights)?,
            "at each node, arrivals split at random by weight",
            None,
        )),
        PlaceSpec::RoundRobin => in_turn(setting, nodes),
        PlaceSpec::WeightedRoundRobin if equal_weights => in_turn(setting, nodes),
        _ => Err(format!("no formula here is of the place of `{}`", policy.name)),
    }
}

fn in_turn(setting: &Setting<'_>, nodes: u32) -> Result<Stations, String> {
    let arrivals = arrivals_in_turn(setting, nodes)?;
    let of = |group: &NodeGroup| {
        let share = 1.0 / f64::from(nodes);
        let station = station(setting, arrivals.clone(), share, (group.speed, group.slots));
        station.map(|station| repeated(station, group.count))
    };
    let stations: Result<Vec<Station>, String> = setting.groups.iter().map(of).collect();
    Ok((stations?, "at each node, tasks in turn", Some(FormulaId::InTurn)))
}

/// Equal nodes: one stands for them, with the tasks of all.
fn repeated(station: Station, nodes: u32) -> Station {
    Station { share: station.share * f64::from(nodes), nodes, ..station }
}

/// Places that look at loads.
fn by_load(setting: &Setting<'_>, policy: &PolicySpec, order: &OrderKind) -> Result<Option<Steady>, String> {
    let nodes = setting.nodes();
    let (all, d) = match policy.place {
        PlaceSpec::LeastLoaded => (true, nodes),
        PlaceSpec::PowerOf { d, with_replacement: false } if d >= nodes => (true, nodes),
        PlaceSpec::PowerOf { d, .. } => (false, d),
        _ => return Ok(None),
    };
    if policy.dispatch != DispatchSpec::Push || nodes == 1 {
        return Ok(None);
    }
    let nothing = "joining the less loaded has a closed form for two equal nodes, or for very many";
    let speed = setting.speed().ok_or(nothing)?;
    let (size, _) = size_at(setting, speed)?;
    let (Stream::Poisson(rate), Some(mean)) = (all_arrivals(setting)?, size.exponential()) else {
        return Err("arrivals are not Poisson or tasks not exponential".to_string());
    };
    if setting.slots() != nodes || *order != OrderKind::Fifo || (all && nodes > 2) {
        return Err(nothing.to_string());
    }
    let load = rate * mean / f64::from(nodes);
    if load >= 1.0 {
        return Err(format!("the load is {load:.3}: the queue grows without bound"));
    }
    let (formula, response, share_waited) = if all {
        let found = choices::shorter_of_two(rate, mean).ok_or(nothing)?;
        (FormulaId::ShorterOfTwo, found.mean_response, Some(found.share_waited))
    } else {
        let found = choices::power_of_d_mean_response(d, load, mean).ok_or(nothing)?;
        (FormulaId::PowerOfD, found, Some(load.powf(f64::from(d))))
    };
    let answer =
        Answer { wait: Some(response - mean), response: Some(response), share_waited, ..Answer::default() };
    let relaxation = mean / (1.0 - load.sqrt()).powi(2);
    Ok(Some(Steady {
        formula,
        note: "",
        answer,
        rate,
        utilisation: Some(load),
        blocked: None,
        warmup: 10.0 * rate * relaxation,
    }))
}
