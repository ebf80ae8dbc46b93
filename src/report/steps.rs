//! How the runs of a result came about, where that was decided on the way: the warm-up that pilot runs
//! showed, and the replications that it took.

use serde::{Deserialize, Serialize};

use super::number::{count, significant};
use super::story::Story;
use crate::experiment::conduct::{Reached, Target};
use crate::experiment::plan::Plan;
use crate::experiment::warmup::{PolicyWarmup, Warmup};

/// What was decided on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps<'a> {
    /// How tight intervals became.
    pub precision: Option<&'a Reached>,
    /// What pilot runs showed.
    pub warmup: Option<&'a Warmup>,
}

/// The steps as the manifest keeps them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepsTaken {
    /// The stopping rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionTaken>,
    /// The warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<WarmupTaken>,
}

/// The stopping rule and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionTaken {
    /// Column of the metric.
    pub metric: String,
    /// What was asked for: half width / mean.
    pub relative: f64,
    /// Replications that were allowed.
    pub max_replications: u32,
    /// Replications that were made.
    pub replications: u32,
    /// Half width / mean of the widest interval; missing when there is none.
    pub widest: Option<f64>,
    /// Whether all intervals are as tight as asked.
    pub reached: bool,
    /// `means`, or `differences` to the baseline.
    pub of: String,
    /// How it was decided.
    pub rule: String,
}

/// The warm-up that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmupTaken {
    /// Tasks that are left out.
    pub tasks: u32,
    /// Pilot runs of each policy.
    pub pilots: u32,
    /// By policy in order: tasks that its own waits ask for.
    pub by_policy: Vec<u32>,
    /// By policy in order: whether its waits had settled within the first half.
    pub settled: Vec<bool>,
}

impl StepsTaken {
    /// What the manifest keeps of these steps.
    pub fn of(steps: &Steps<'_>) -> StepsTaken {
        StepsTaken {
            precision: steps.precision.map(|reached| PrecisionTaken {
                metric: reached.plan.metric.column().name.to_string(),
                relative: reached.plan.relative,
                max_replications: reached.plan.max_replications,
                replications: reached.replications,
                widest: widest(reached),
                reached: reached.all,
                of: match reached.target {
                    Target::Means => "means".to_string(),
                    Target::Differences { .. } => "differences".to_string(),
                },
                rule: "Chow and Robbins 1965, Student's t at 96.5 %, looks after 10 and then a quarter more each"
                    .to_string(),
            }),
            warmup: steps.warmup.map(|warmup| WarmupTaken {
                tasks: warmup.tasks,
                pilots: warmup.pilots,
                by_policy: warmup.policies.iter().map(|one| one.tasks).collect(),
                settled: warmup.policies.iter().map(|one| one.settled).collect(),
            }),
        }
    }
}

impl WarmupTaken {
    /// The warm-up with the waits that a file holds, by policy.
    pub fn with(&self, waits: Vec<(String, Vec<(f64, f64)>)>) -> Warmup {
        let mut policies = Vec::new();
        for (index, (policy, waits)) in waits.into_iter().enumerate() {
            let tasks = self.by_policy.get(index).copied().unwrap_or(0);
            let settled = self.settled.get(index).copied().unwrap_or(true);
            policies.push(PolicyWarmup { policy, tasks, settled, waits });
        }
        Warmup { tasks: self.tasks, pilots: self.pilots, policies }
    }
}

/// Half width / mean of the widest interval.
pub(super) fn widest(reached: &Reached) -> Option<f64> {
    let found = reached.looks.iter().flatten().map(|look| look.relative).filter(|found| found.is_finite());
    found.max_by(f64::total_cmp)
}

/// The steps in words, for below a table.
pub fn lines(plan: &Plan, steps: &Steps<'_>, story: &Story) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(warmup) = steps.warmup {
        lines.push(format!(
            "warm-up: the first {} of {} tasks are left out (MSER-5 on {} pilot runs of each policy)",
            count(u64::from(warmup.tasks)),
            count(plan.workload.expected_tasks()),
            warmup.pilots
        ));
    }
    if let Some(reached) = steps.precision {
        let percent = |share: f64| significant(share * 100.0, 2);
        let name = reached.plan.metric.column().name;
        let what = match reached.target {
            Target::Means => format!("{name} of every policy"),
            Target::Differences { baseline } => {
                format!("differences in {name}, in relation to {},", story.policies[baseline].name)
            }
        };
        let done = count(u64::from(reached.replications));
        let asked = percent(reached.plan.relative);
        lines.push(match (widest(reached), reached.all) {
            (None, false) if story.policies.iter().all(|one| one.values(reached.plan.metric).is_empty()) => {
                format!("precision: no policy has {name} (asked: {asked} %)")
            }
            (None, false) => {
                format!("precision: {what} not known after {done} replications (asked: {asked} %)")
            }
            (None, true) => format!("precision: {what} known after {done} replications (asked: {asked} %)"),
            (Some(widest), true) => format!(
                "precision: {what} known within {} % after {done} replications (asked: {asked} %)",
                percent(widest)
            ),
            (Some(widest), false) => format!(
                "precision: gave up after {done} replications: {what} known within {} % (asked: {asked} %)",
                percent(widest)
            ),
        });
    }
    lines
}
