//! Scenarios with known answers, run as they stand and judged together.
//!
//! Of 95 % intervals one in twenty misses, so that no single miss says anything: what is judged is how many
//! cover (by the binomial distribution) and how far the worst is off (by the distribution of the largest of
//! so many). Each judgement fails in one of a thousand correct programs.

use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

use super::Findings;
use crate::experiment::plan::Plan;
use crate::experiment::runner::{RunError, RunnerOptions};
use crate::metrics::Metric;
use crate::statistics::confidence::{Summary, student_quantile};
use crate::theory::{FormulaId, Nature};

/// The scenarios and their answers.
const CHECKS: &str = include_str!("self_check.toml");
/// Replications of a scenario that does not say.
const REPLICATIONS: u32 = 40;
/// A judgement that is right fails with this probability.
const FALSE_ALARM: f64 = 1e-3;
/// Relative difference that formulas and answers may have: both are rounded sums.
const SAME: f64 = 1e-5;
/// Percentiles are collected to a thousandth of their value.
const PERCENTILE_ERROR: f64 = 1e-3;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// All replications.
    Full,
    /// A quarter of them.
    Quarter,
}

/// A scenario with a known answer.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it is.
    pub name: String,
    /// The figure.
    pub metric: Metric,
    /// The class it is of, if it is not of all tasks.
    pub class: Option<usize>,
    /// What its mean must be.
    pub answer: f64,
    /// How the answer was worked out.
    pub from: String,
    /// The scenario.
    pub plan: Plan,
}

/// All checks.
///
/// # Panics
/// When the embedded file is broken, which a test would have found.
pub fn checks() -> Vec<Check> {
    let file: toml::Table = CHECKS.parse().expect("the embedded checks are TOML");
    let list = file["check"].as_array().expect("a list of checks");
    list.iter().enumerate().map(|(number, check)| read(number, check.as_table().expect("a table"))).collect()
}

fn read(number: usize, table: &toml::Table) -> Check {
    let mut scenario = table.clone();
    let mut take = |key: &str| scenario.remove(key).unwrap_or_else(|| panic!("check {number} lacks {key}"));
    let name = take("name").as_str().expect("a name").to_string();
    let metric = take("metric");
    let metric = Metric::from_name(metric.as_str().expect("a metric")).expect("a known metric");
    let answer = take("answer").as_float().expect("an answer");
    let from = take("from").as_str().expect("where it is from").to_string();
    let class = scenario.remove("class").map(|class| class.as_integer().expect("a class") as usize);
    let text = toml::to_string(&scenario).expect("a table is TOML");
    let mut plan =
        Plan::from_toml(&text).unwrap_or_else(|mistakes| panic!("{name}: {}", mistakes.render(false)));
    let says = table.get("run").is_some_and(|run| run.get("replications").is_some());
    if !says {
        plan.run.replications = REPLICATIONS;
    }
    // Scenarios that are alike must not meet the same world.
    plan.run.seed = 1 + 10_000 * number as u64;
    plan.run.timeline_buckets = 0;
    Check { name, metric, class, answer, from, plan }
}

/// What became of a check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it is.
    pub name: String,
    /// The figure.
    pub metric: Metric,
    /// What its mean must be.
    pub answer: f64,
    /// How the answer was worked out.
    pub from: String,
    /// What the replications gave.
    pub found: Summary,
    /// How many standard errors it is off, as a standard normal variable would be.
    pub z: f64,
    /// Whether the 95 % interval holds the answer.
    pub covers: bool,
    /// The formula that recognised the scenario, and its value.
    pub formula: Option<(FormulaId, f64)>,
}

impl Checked {
    /// Whether falcon's own formula gives the answer.
    pub fn is_recognised(&self) -> bool {
        let same = |value: f64| (value - self.answer).abs() <= SAME * self.answer.abs().max(1e-9);
        self.formula.is_some_and(|(_, value)| same(value))
    }
}

/// All checks, and what they say together.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Every check.
    pub checked: Vec<Checked>,
    /// How many intervals hold their answer.
    pub covered: usize,
    /// How many do in all but one of a thousand correct programs, at least.
    pub least_covered: usize,
    /// The largest |z|.
    pub worst: f64,
    /// What it does not exceed in all but one of a thousand correct programs.
    pub worst_bound: f64,
    /// Checks that falcon's own formulas do not recognise, or answer otherwise.
    pub unrecognised: usize,
}

impl Judgement {
    /// Whether nothing is wrong.
    pub fn passes(&self) -> bool {
        self.covered >= self.least_covered && self.worst <= self.worst_bound && self.unrecognised == 0
    }

    /// Of these checks.
    pub fn of(checked: Vec<Checked>) -> Judgement {
        let n = checked.len();
        let binomial = Binomial::new(0.95, n as u64).expect("a probability");
        let least = (0..=n as u64).find(|covered| binomial.cdf(*covered) > FALSE_ALARM).unwrap_or(0);
        let each = 1.0 - (1.0 - FALSE_ALARM).powf(1.0 / n.max(1) as f64);
        Judgement {
            covered: checked.iter().filter(|check| check.covers).count(),
            least_covered: least as usize,
            worst: checked.iter().map(|check| check.z.abs()).fold(0.0, f64::max),
            worst_bound: normal().inverse_cdf(1.0 - each / 2.0),
            unrecognised: checked.iter().filter(|check| !check.is_recognised()).count(),
            checked,
        }
    }
}

fn normal() -> Normal {
    Normal::new(0.0, 1.0).expect("a standard normal")
}

/// Runs all checks; `told` hears of each that is done.
///
/// # Errors
/// When stopped, or when threads cannot be started.
pub fn run(
    effort: Effort,
    options: &RunnerOptions<'_>,
    mut told: impl FnMut(&Checked),
) -> Result<Judgement, RunError> {
    let mut all = Vec::new();
    for mut check in checks() {
        if effort == Effort::Quarter {
            check.plan.run.replications /= 4;
        }
        let (results, findings) = check.plan.run_beside_theory(options)?;
        let values: Vec<f64> = match check.class {
            None => results[0].values(check.metric),
            Some(class) => {
                let runs = results[0].replications.iter();
                runs.filter_map(|run| run.classes[class].get(check.metric)).collect()
            }
        };
        let checked = judge(&check, &values, &findings);
        told(&checked);
        all.push(checked);
    }
    Ok(Judgement::of(all))
}

fn judge(check: &Check, values: &[f64], findings: &Findings) -> Checked {
    let found = Summary::of(values).expect("replications have the figure");
    let half_width = found.half_width.expect("several replications");
    let error = half_width / student_quantile(values.len() - 1, 0.95);
    let allowance = if check.metric.is_percentile() { PERCENTILE_ERROR } else { 1e-9 } * check.answer.abs();
    let off = found.mean - check.answer;
    let beyond = (off.abs() - allowance).max(0.0).copysign(off);
    let own = findings.policies[0].findings.iter().map(|finding| &finding.known).find(|known| {
        let exact = known.formula.formula().nature == Nature::Exact;
        exact && known.metric == check.metric && known.class == check.class
    });
    Checked {
        name: check.name.clone(),
        metric: check.metric,
        answer: check.answer,
        from: check.from.clone(),
        found,
        z: as_normal(beyond, error, values.len()),
        covers: beyond.abs() <= half_width,
        formula: own.map(|known| (known.formula, known.value)),
    }
}

/// The standard normal value that is as unlikely as this many standard errors of so many replications.
fn as_normal(off: f64, error: f64, replications: usize) -> f64 {
    if off == 0.0 {
        return 0.0;
    }
    if error == 0.0 {
        return f64::INFINITY.copysign(off);
    }
    let students = StudentsT::new(0.0, 1.0, (replications - 1) as f64).expect("several replications");
    // By the lower tail, which keeps its digits.
    let tail = students.cdf(-(off / error).abs()).max(1e-300);
    (-normal().inverse_cdf(tail)).copysign(off)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_enough_checks_and_no_two_alike() {
        let checks = checks();
        assert!(checks.len() >= 60, "{}", checks.len());
        for (index, check) in checks.iter().enumerate() {
            assert!(checks[..index].iter().all(|other| other.name != check.name), "{}", check.name);
            assert!(!check.from.is_empty() && check.plan.policies.len() == 1, "{}", check.name);
        }
    }

    /// Whatever the simulator does: falcon's formulas give the answers that were worked out apart from them.
    #[test]
    fn formulas_give_the_answers() {
        let mut wrong = Vec::new();
        for check in checks() {
            let answers = super::super::known(&check.plan, &check.plan.policies[0], Some(50.0));
            let exact = answers.known.iter().find(|known| {
                known.formula.formula().nature == Nature::Exact
                    && known.metric == check.metric
                    && known.class == check.class
            });
            let value = exact.map(|known| known.value);
            // Over a longer run than is said here.
            if check.metric == Metric::ServiceAvailability && value.is_some() {
                continue;
            }
            if value.is_none_or(|value| (value - check.answer).abs() > SAME * check.answer) {
                wrong.push(format!("{}: {value:?}, not {}; {:?}", check.name, check.answer, answers.reasons));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_judgement_can_fail() {
        let check = |z: f64, value: f64| Checked {
            name: String::new(),
            metric: Metric::MeanWait,
            answer: 1.0,
            from: String::new(),
            found: Summary::of(&[1.0, 2.0]).unwrap(),
            z,
            covers: z.abs() < 1.96,
            formula: Some((FormulaId::Mm1, value)),
        };
        let all = |z: f64, bad: usize, value: f64| {
            let checks = (0..100).map(|n| if n < bad { check(z, value) } else { check(0.1, 1.0) });
            Judgement::of(checks.collect())
        };
        assert!(all(2.5, 5, 1.0).passes());
        // Twenty misses of a hundred; one that is far off; a formula that says something else.
        assert!(!all(2.5, 20, 1.0).passes());
        assert!(!all(5.0, 1, 1.0).passes());
        assert!(!all(0.1, 1, 1.1).passes());
        let judgement = all(2.5, 5, 1.0);
        assert_eq!(judgement.covered, 95);
        // Binomial(100, 0.95): at most 86 with probability 0.0005, at most 87 with 0.0015.
        assert_eq!(judgement.least_covered, 87);
        assert!((judgement.worst_bound - 4.417).abs() < 0.01, "{}", judgement.worst_bound);
    }

    #[test]
    fn few_replications_count_for_less() {
        assert!((as_normal(2.262, 1.0, 10) - 1.96).abs() < 0.01);
        assert!((as_normal(-1.96, 1.0, 100_000) + 1.96).abs() < 0.01);
        assert_eq!(as_normal(0.0, 0.0, 10), 0.0);
        assert_eq!(as_normal(1.0, 0.0, 10), f64::INFINITY);
    }
}
