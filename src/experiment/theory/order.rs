//! What an order comes to, as far as theory is concerned.

use super::setting::Setting;
use crate::policies::spec::{BackfillSpec, OrderSpec, PlaceSpec, PolicySpec};
use crate::time::Duration;
use crate::workload::EstimateSpec;

/// What an order comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum OrderKind {
    /// First come, first served.
    Fifo,
    /// Last come, first served, without interruption.
    Lifo,
    /// At random.
    Random,
    /// Neither sizes nor anything that says something of them; without interruption.
    Blind,
    /// The same with interruption at no cost.
    BlindInterrupting,
    /// Last come, first served, with interruption.
    PreemptiveLifo,
    /// Turns.
    Sharing,
    /// Least attained service.
    LeastAttained,
    /// By exact size, without interruption.
    Shortest,
    /// The longest first.
    Longest,
    /// By exact size, with interruption.
    PreemptiveShortest,
    /// By what is left, with interruption.
    ShortestRemaining,
    /// By rank of the class (classes of one rank go by arrival), the most urgent first.
    Ranks {
        /// For every class its rank.
        of_class: Vec<usize>,
        /// Whether a more urgent task interrupts.
        preempt: bool,
    },
}

impl OrderKind {
    /// What the policy's order comes to in this setting, or why that is not known.
    pub(super) fn of(policy: &PolicySpec, setting: &Setting<'_>) -> Result<OrderKind, String> {
        let PolicySpec {
            name,
            order,
            place,
            dispatch: _,
            backfill,
            backfill_order: _,
            commit_head,
            preempt,
            switch_cost,
        } = policy;
        if *order != OrderSpec::Fifo && (*backfill != BackfillSpec::None || *commit_head) {
            return Err("backfilling or a committed head changes the order".to_string());
        }
        if let PlaceSpec::MinCostFlow { .. } = place {
            return Err("`min-cost-flow` chooses among waiting tasks by their work".to_string());
        }
        if *switch_cost > Duration::ZERO {
            return Err("`switch_cost`: interruptions take time".to_string());
        }
        let blind = |name: &str| match (setting.has_one_duration(), *preempt) {
            (true, true) => Ok(OrderKind::BlindInterrupting),
            (true, false) => Ok(OrderKind::Blind),
            (false, _) => Err(format!("`{name}` may tell classes of different durations apart")),
        };
        match order {
            OrderSpec::Fifo => Ok(OrderKind::Fifo),
            OrderSpec::Lifo if *preempt => Ok(OrderKind::PreemptiveLifo),
            OrderSpec::Lifo => Ok(OrderKind::Lifo),
            OrderSpec::Random => Ok(OrderKind::Random),
            OrderSpec::Sjf | OrderSpec::Ljf | OrderSpec::Srtf => by_size(order, *preempt, setting),
            OrderSpec::Priority { aging } if *aging > 0.0 => blind("priority with aging"),
            OrderSpec::Priority { .. } => by_priority(*preempt, setting),
            OrderSpec::Edf => {
                let deadlines = setting.classes.iter().any(|class| class.details.deadline.is_some());
                if deadlines { blind("edf") } else { Ok(OrderKind::Fifo) }
            }
            OrderSpec::FailureFirst if setting.failure().is_some() => Ok(OrderKind::Fifo),
            OrderSpec::TimeSlice { weighted, .. } => {
                let weights: Vec<f64> = setting.classes.iter().map(|class| class.details.weight).collect();
                if *weighted && weights.windows(2).any(|pair| pair[0] != pair[1]) {
                    return Err("weighted time slices have no closed form".to_string());
                }
                Ok(OrderKind::Sharing)
            }
            OrderSpec::LeastAttainedService { .. } => Ok(OrderKind::LeastAttained),
            OrderSpec::Mlfq { .. } if setting.has_one_duration() => Ok(OrderKind::BlindInterrupting),
            OrderSpec::FairShare { .. } => blind("fair-share"),
            OrderSpec::DominantResourceFairness { .. } => blind("dominant-resource-fairness"),
            _ => Err(format!("no formula here is of the order of `{name}`")),
        }
    }

    /// Whether it knows something of sizes.
    pub(super) fn knows_sizes(&self, setting: &Setting<'_>) -> bool {
        match self {
            OrderKind::Shortest
            | OrderKind::Longest
            | OrderKind::PreemptiveShortest
            | OrderKind::ShortestRemaining => true,
            OrderKind::Ranks { .. } => !setting.has_one_duration(),
            _ => false,
        }
    }

    /// Whether a task that runs may be interrupted.
    pub(super) fn interrupts(&self) -> bool {
        match self {
            OrderKind::BlindInterrupting
            | OrderKind::PreemptiveLifo
            | OrderKind::Sharing
            | OrderKind::LeastAttained
            | OrderKind::PreemptiveShortest
            | OrderKind::ShortestRemaining => true,
            OrderKind::Ranks { preempt, .. } => *preempt,
            _ => false,
        }
    }
}

fn by_size(order: &OrderSpec, preempt: bool, setting: &Setting<'_>) -> Result<OrderKind, String> {
    let all = |estimate: EstimateSpec| setting.classes.iter().all(|class| class.estimate == estimate);
    if all(EstimateSpec::Exact) {
        return Ok(match order {
            OrderSpec::Srtf => OrderKind::ShortestRemaining,
            OrderSpec::Sjf if preempt => OrderKind::PreemptiveShortest,
            OrderSpec::Sjf => OrderKind::Shortest,
            _ if preempt => return Err("longest first with interruption has no closed form".to_string()),
            _ => OrderKind::Longest,
        });
    }
    if all(EstimateSpec::ClassMean) && *order != OrderSpec::Srtf {
        let means: Option<Vec<f64>> = setting.classes.iter().map(|class| class.duration.mean()).collect();
        let sign = if *order == OrderSpec::Sjf { 1.0 } else { -1.0 };
        let keys: Vec<f64> = means.unwrap_or_default().into_iter().map(|mean| sign * mean).collect();
        return Ok(OrderKind::Ranks { of_class: ranks(&keys), preempt });
    }
    Err("`estimate`: the order goes by sizes that are not known exactly".to_string())
}

fn by_priority(preempt: bool, setting: &Setting<'_>) -> Result<OrderKind, String> {
    let constant = |class: &crate::workload::TaskClass| match class.priority {
        crate::distribution::Distribution::Constant { value } => Some(-value),
        _ => None,
    };
    let keys: Option<Vec<f64>> = setting.classes.iter().map(constant).collect();
    match keys {
        Some(keys) => Ok(OrderKind::Ranks { of_class: ranks(&keys), preempt }),
        // Drawn anew for every task, they say nothing of its size.
        None if setting.has_one_duration() => {
            Ok(if preempt { OrderKind::BlindInterrupting } else { OrderKind::Blind })
        }
        None => Err("`priority` is drawn for each task".to_string()),
    }
}

/// The rank of each key, equal keys sharing one, from 0 for the least.
fn ranks(keys: &[f64]) -> Vec<usize> {
    let mut sorted = keys.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    keys.iter().map(|key| sorted.iter().position(|other| other == key).unwrap_or(0)).collect()
}
