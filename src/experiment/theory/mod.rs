//! Which closed forms, bounds and optima hold for a scenario under a policy, and what a run says of them.
//!
//! A scenario is looked at as checked (`setting`), its policy as far as theory tells orders apart (`order`);
//! the policy makes queues of the cluster (`steady`, `one_queue`) on which formulas of [`crate::theory`] are
//! evaluated (`station`). `finite` knows whole runs, `laws` what holds under any policy, `limits` bounds of the steady state, `listed` bounds of
//! the very tasks of each replication. What does not hold exactly is left out, or marked as a limit or a
//! bound.

mod documents;
mod finite;
mod laws;
mod limits;
mod listed;
mod one_queue;
mod order;
pub mod self_check;
mod setting;
mod station;
mod steady;

use crate::experiment::conduct::{Conducted, Target};
use crate::experiment::plan::Plan;
use crate::experiment::runner::{RunError, RunnerOptions};
use crate::metrics::{Metric, PolicyResult};
use crate::policies::spec::PolicySpec;
use crate::statistics::confidence::Summary;
use crate::theory::documents::Comparison;
use crate::theory::{FormulaId, Nature};
use crate::workload::Arrivals;

use setting::Setting;
use station::Answer;
use steady::Steady;

/// Percentiles are collected to a thousandth of their value.
const PERCENTILE_ERROR: f64 = 1e-3;
/// Of a run that is to say something of the steady state, the warm-up is this part at most.
const MOST_WARMUP: f64 = 0.5;

/// Tasks of all replications of which bounds are worked out in passing.
const BRIEF: u64 = 500_000;

/// What is known of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The figure.
    pub metric: Metric,
    /// Index of the class it is of, if it is not of all tasks.
    pub class: Option<usize>,
    /// Its value.
    pub value: f64,
    /// By which formula.
    pub formula: FormulaId,
    /// How the formula is applied, where there is something to say.
    pub note: &'static str,
    /// By how much figures are known to be off by how they are collected, or by what the formula leaves out.
    pub allowance: f64,
    /// Whether the runs are such that the formula is of something else than they show, and near it only.
    pub approximate: bool,
}

impl Known {
    fn of(metric: Metric, value: f64, formula: FormulaId) -> Known {
        Known { metric, class: None, value, formula, note: "", allowance: 0.0, approximate: false }
    }
}

/// Times of a batch, and the service time where nobody is interrupted.
#[derive(Clone, Copy, Debug)]
struct Value {
    makespan: f64,
    response: f64,
    own: Option<f64>,
}

/// What is known of a scenario under a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Everything known.
    pub known: Vec<Known>,
    /// Why more is not.
    pub reasons: Vec<String>,
    /// Tasks after which what a run shows is the steady state; 0 where nothing known is of one.
    pub warmup: u32,
}

/// What is known under this policy of a plan whose runs take `horizon` seconds on average, if that is known.
pub fn known(plan: &Plan, policy: &PolicySpec, horizon: Option<f64>) -> Answers {
    let setting = match Setting::of(plan) {
        Ok(setting) => setting,
        Err(reasons) => return Answers { reasons, ..Answers::default() },
    };
    let mut answers = Answers { known: finite::finite(&setting, policy, horizon), ..Answers::default() };
    if *setting.arrivals == Arrivals::AtOnce {
        if answers.known.is_empty() {
            answers.reasons.push(
                "of batches under this policy, with tasks of these sizes, none is known here".to_string(),
            );
        }
        return answers;
    }
    match steady::steady(&setting, policy) {
        Ok(found) => {
            answers.warmup = found.warmup.ceil().clamp(0.0, f64::from(u32::MAX)) as u32;
            answers.known.splice(0..0, of_steady(&setting, &found));
        }
        Err(reason) => answers.reasons.push(reason),
    }
    let told = |known: &Known| answers.known.iter().any(|other| other.metric == known.metric);
    let laws: Vec<Known> = laws::laws(&setting, policy).into_iter().filter(|known| !told(known)).collect();
    answers.known.extend(laws);
    answers.known.extend(limits::bounds(&setting, policy));
    answers
}

/// The figures that follow from what is known of the steady state.
fn of_steady(setting: &Setting<'_>, found: &Steady) -> Vec<Known> {
    let Steady { formula, note, answer, rate, utilisation, blocked, warmup: _ } = found;
    let note = *note;
    let mut known = Vec::new();
    let mut put = |metric: Metric, value: Option<f64>| {
        known.extend(value.map(|value| Known { note, ..Known::of(metric, value, *formula) }));
    };
    let spread = |square: Option<f64>, mean: Option<f64>| {
        square.zip(mean).map(|(square, mean)| (square - mean * mean).max(0.0).sqrt())
    };
    put(Metric::MeanWait, answer.wait);
    put(Metric::SdWait, spread(answer.squared_wait, answer.wait));
    put(Metric::ShareWaited, answer.share_waited);
    put(Metric::MeanResponse, answer.response);
    put(Metric::SdResponse, spread(answer.squared_response, answer.response));
    put(Metric::MeanSlowdown, answer.slowdown);
    put(Metric::SuccessRate, blocked.map(|blocked| 1.0 - blocked));
    known.extend(percentiles(*formula, note, answer));
    for (class, (wait, response)) in answer.classes.iter().enumerate().filter(|_| setting.classes.len() > 1) {
        for (metric, value) in [(Metric::MeanWait, wait), (Metric::MeanResponse, response)] {
            let of_class =
                |value: &f64| Known { class: Some(class), note, ..Known::of(metric, *value, *formula) };
            known.extend(value.iter().map(of_class));
        }
    }
    if formula.formula().nature != Nature::Exact {
        return known;
    }
    if let Some(utilisation) = utilisation {
        known.push(Known::of(Metric::Utilisation, *utilisation, FormulaId::UtilisationLaw));
    }
    let littles = |time: f64| crate::theory::laws::littles_law(*rate, time);
    let whole = setting.failure() == Some(0.0) && !setting.nodes_fail();
    if let Some(response) = answer.response.filter(|_| whole) {
        known.push(Known::of(Metric::MeanInSystem, littles(response), FormulaId::LittlesLaw));
    }
    if let Some(wait) = answer.wait.filter(|_| whole) {
        known.push(Known::of(Metric::MeanQueueLength, littles(wait), FormulaId::LittlesLaw));
    }
    known
}

fn percentiles(formula: FormulaId, note: &'static str, answer: &Answer) -> Vec<Known> {
    let waits =
        [(Metric::P50Wait, 0.5), (Metric::P90Wait, 0.9), (Metric::P95Wait, 0.95), (Metric::P99Wait, 0.99)];
    let responses = [(Metric::P50Response, 0.5), (Metric::P95Response, 0.95), (Metric::P99Response, 0.99)];
    let of = |tail: &Option<crate::theory::Tail>, metrics: &[(Metric, f64)]| -> Vec<Known> {
        let Some(tail) = tail else { return Vec::new() };
        let one = |(metric, share): &(Metric, f64)| {
            let value = tail.quantile(*share);
            Known { note, allowance: PERCENTILE_ERROR * value, ..Known::of(*metric, value, formula) }
        };
        // Where hardly more tasks wait than the percentile leaves, runs fall to both sides of 0.
        let clear = |(_, share): &&(Metric, f64)| tail.above(0.0) > (1.0 - share) * 1.1;
        metrics.iter().filter(clear).map(one).collect()
    };
    let mut known = of(&answer.wait_tail, &waits);
    known.extend(of(&answer.response_tail, &responses));
    known
}

/// What a run says of something known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The interval holds it.
    Covers,
    /// The interval does not hold it: for one in twenty that is as it should be.
    Misses,
    /// The figure keeps to the bound, or is not shown to break it.
    Keeps,
    /// The figure breaks the bound.
    Breaks,
    /// It is a limit: the difference is not judged.
    Near,
    /// It is of a run without end, of which a shorter one gives too little on average: not judged.
    LongRun,
    /// There is no interval, or no figure.
    Unjudged,
}

impl Verdict {
    /// The word in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Covers => "covers",
            Verdict::Misses => "misses",
            Verdict::Keeps => "keeps",
            Verdict::Breaks => "breaks",
            Verdict::Near => "limit",
            Verdict::LongRun => "long run",
            Verdict::Unjudged => "-",
        }
    }
}

/// Something known beside what a run says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What is known.
    pub known: Known,
    /// What the replications gave, if they have the figure.
    pub found: Option<Summary>,
    /// What it says.
    pub verdict: Verdict,
}

/// A policy's findings.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFindings {
    /// The policy.
    pub policy: String,
    /// Findings in the order of what is known.
    pub findings: Vec<Finding>,
    /// Why more is not known.
    pub reasons: Vec<String>,
    /// Tasks after which what a run shows is the steady state.
    pub warmup: u32,
    /// Whether the warm-up of the run leaves so many out; without this the steady state is not judged.
    pub warm: bool,
}

/// Everything theory says of a plan, beside its results.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// By policy, in the order of the plan.
    pub policies: Vec<PolicyFindings>,
    /// Formulas as design documents give them, beside what is right.
    pub documents: Vec<Comparison>,
}

impl Findings {
    /// What theory says of these results.
    pub fn of(plan: &Plan, results: &[PolicyResult]) -> Findings {
        Findings::with(plan, results, listed::Listed::new(plan, results))
    }

    /// The same without bounds that would take long to work out, for a report that is made in passing.
    pub fn in_brief(plan: &Plan, results: &[PolicyResult]) -> Findings {
        let replications = results.iter().map(|one| one.replications.len() as u64).max().unwrap_or(0);
        let brief = u64::from(plan.workload.tasks()) * replications <= BRIEF;
        Findings::with(plan, results, if brief { listed::Listed::new(plan, results) } else { None })
    }

    /// Whether anything is known at all.
    pub fn know_anything(&self) -> bool {
        self.policies.iter().any(|policy| !policy.findings.is_empty())
    }

    fn with(plan: &Plan, results: &[PolicyResult], listed: Option<listed::Listed>) -> Findings {
        let of_policy = |(policy, result): (&PolicySpec, &PolicyResult)| {
            let horizon = Summary::of(&result.values(Metric::Makespan)).map(|summary| summary.mean);
            let mut answers = known(plan, policy, horizon);
            if let Some(listed) = &listed {
                answers.known.extend(listed.bounds(plan, result));
            }
            let warm = plan.run.warmup >= answers.warmup;
            let judge = |known: Known| {
                let values = values(result, &known);
                let found = Summary::of(&values);
                let never = is_never_seen(&known, &values);
                let verdict = match verdict(&known, found, warm || !known.formula.formula().steady) {
                    Verdict::Covers | Verdict::Misses if never => Verdict::Unjudged,
                    verdict => verdict,
                };
                Finding { known, found, verdict }
            };
            PolicyFindings {
                policy: result.policy.clone(),
                findings: answers.known.into_iter().map(judge).collect(),
                reasons: answers.reasons,
                warmup: answers.warmup,
                warm,
            }
        };
        let policies: Vec<PolicyFindings> = plan.policies.iter().zip(results).map(of_policy).collect();
        let documents = documents::comparisons(plan, results, &policies);
        Findings { policies, documents }
    }

    /// How many intervals hold the exact value they should, of how many.
    pub fn coverage(&self) -> (usize, usize) {
        let all = || self.policies.iter().flat_map(|policy| &policy.findings);
        let count = |verdict| all().filter(|finding| finding.verdict == verdict).count();
        let covers = count(Verdict::Covers);
        (covers, covers + count(Verdict::Misses))
    }
}

/// The figure of every replication that has it.
fn values(result: &PolicyResult, known: &Known) -> Vec<f64> {
    match known.class {
        None => result.values(known.metric),
        Some(class) => {
            let of = |run: &crate::metrics::ReplicationResult| run.classes.get(class)?.get(known.metric);
            result.replications.iter().filter_map(of).collect()
        }
    }
}

fn verdict(known: &Known, found: Option<Summary>, steady: bool) -> Verdict {
    let formula = known.formula.formula();
    // A bound on these very tasks holds for every single run.
    let own_tasks = !formula.steady && formula.id != FormulaId::OwnTimeBound;
    let single = (own_tasks && formula.nature == Nature::LowerBound).then_some(0.0);
    let interval = found.and_then(|found| Some((found.mean, found.half_width.or(single)?)));
    let Some((found, half)) = interval else { return Verdict::Unjudged };
    if !steady {
        return Verdict::Unjudged;
    }
    if known.approximate {
        return Verdict::Near;
    }
    if formula.nature == Nature::Exact && formula.steady && is_biased(known.metric) {
        return Verdict::LongRun;
    }
    // What is the same in all replications is known to the nanosecond. Whoever is at a bound is beyond it by
    // chance every other time: of thousands of figures none is by two intervals.
    let intervals = if formula.nature == Nature::Exact { 1.0 } else { 2.0 };
    let margin = intervals * half + known.allowance + 1e-8 * known.value.abs();
    let holds = |holds: bool, yes, no| if holds { yes } else { no };
    match formula.nature {
        Nature::Exact => holds((found - known.value).abs() <= margin, Verdict::Covers, Verdict::Misses),
        Nature::LowerBound => holds(found + margin >= known.value, Verdict::Keeps, Verdict::Breaks),
        Nature::UpperBound => holds(found - margin <= known.value, Verdict::Keeps, Verdict::Breaks),
        Nature::Limit => Verdict::Near,
    }
}

/// Whether what makes the figure is too rare for these runs: where it did not happen in half of them, their
/// interval says nothing of how often it does.
fn is_never_seen(known: &Known, values: &[f64]) -> bool {
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    known.value != 0.0 && 2 * zeros >= values.len().max(1)
}

/// Whether the mean of this figure over finite runs is not its value in one without end: the scatter within a run
/// lacks that between runs, percentiles go with it, and time averages hold the empty start.
fn is_biased(metric: Metric) -> bool {
    let time_average = matches!(metric, Metric::Utilisation | Metric::MeanInSystem | Metric::MeanQueueLength);
    metric.is_percentile() || time_average || metric.column().name.starts_with("sd_")
}

impl Plan {
    /// The plan with as much warm-up as what is known of its steady state asks for, at most half of its
    /// tasks.
    pub fn warmed_up(&self) -> Plan {
        let wanted = self.policies.iter().map(|policy| known(self, policy, None).warmup).max().unwrap_or(0);
        let most = (f64::from(self.workload.tasks()) * MOST_WARMUP) as u32;
        let mut plan = self.clone();
        plan.run.warmup = self.run.warmup.max(wanted.min(most));
        plan
    }

    /// Runs the plan and says what theory says of it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_beside_theory(
        &self,
        options: &RunnerOptions<'_>,
    ) -> Result<(Vec<PolicyResult>, Findings), RunError> {
        let Conducted { plan, results, .. } = self.conduct(Target::Means, options)?;
        let findings = Findings::of(&plan, &results);
        Ok((results, findings))
    }
}
