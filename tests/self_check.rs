//! falcon's own judgement of itself, in a shorter form, and that the documents tell of every formula.

use std::fs;
use std::path::Path;

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::experiment::theory::self_check::{Effort, run};
use falcon::experiment::theory::{Answers, Findings, Verdict, known};
use falcon::metrics::{Metric, PolicyResult};
use falcon::theory::{FORMULAS, FormulaId, Nature};

fn plan(scenario: &str) -> Plan {
    Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}\n{scenario}", mistakes.render(false)))
}

fn answers(scenario: &str) -> Answers {
    let plan = plan(scenario);
    known(&plan, &plan.policies[0], None)
}

fn value(answers: &Answers, metric: Metric, formula: FormulaId) -> f64 {
    let found = answers.known.iter().find(|known| known.metric == metric && known.formula == formula);
    found.unwrap_or_else(|| panic!("no {formula:?} of {metric:?}: {answers:?}")).value
}

/// All scenarios with known answers, with a quarter of their replications.
#[test]
fn the_self_check_passes() {
    let judgement = run(Effort::Quarter, &RunnerOptions::default(), |check| {
        println!("{}: {} against {}, z {:.2}", check.name, check.found.mean, check.answer, check.z);
        assert!(check.is_recognised(), "{}: {:?}, not {}", check.name, check.formula, check.answer);
    })
    .expect("the checks run");
    println!("{} of {} covered, worst {}", judgement.covered, judgement.checked.len(), judgement.worst);
    assert!(judgement.passes(), "{} covered, worst {}", judgement.covered, judgement.worst);
}

/// A service that needs two of three nodes.
#[test]
fn several_nodes_that_must_be_up() {
    let plan = plan(
        r#"
        policies = ["least-loaded"]
        run = { replications = 40, service_nodes = 2 }
        nodes = [{ count = 3, up.exponential.mean = 50.0, down.exponential.mean = 10.0 }]
        workload = { tasks = 5000, arrivals.periodic.interval = 1.0, duration.constant = 0.001 }
        "#,
    );
    let (_, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
    let of_service =
        |finding: &&falcon::experiment::theory::Finding| finding.known.metric == Metric::ServiceAvailability;
    let found = findings.policies[0].findings.iter().find(of_service).expect("a service");
    // 200 / 216, and what the good start adds to 5000 s: less than a second.
    let start = found.known.value - 200.0 / 216.0;
    assert!(0.0 < start && start < 1.0 / 5000.0, "{found:?}");
    assert_eq!(found.verdict, Verdict::Covers, "{found:?}");
}

/// A wrong answer is found out: the same scenario, a formula's value that is 5 % off.
#[test]
fn a_wrong_answer_is_found_out() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        run = { replications = 20, warmup = 2_000 }
        nodes = [{}]
        workload = { tasks = 40_000, arrivals.poisson.rate = 0.5, duration.exponential.mean = 1.0 }
        "#,
    );
    let (results, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
    let (covers, of) = findings.coverage();
    assert!(of >= 3 && covers == of, "{covers} of {of}");
    let wait = |findings: &Findings| {
        let all = findings.policies[0].findings.iter();
        let mut waits = all.filter(|finding| finding.known.metric == Metric::MeanWait);
        waits.next().expect("a wait").clone()
    };
    assert_eq!(wait(&findings).verdict, Verdict::Covers);
    let mut other = plan.clone();
    other.workload = plan_of_rate(0.52).workload;
    assert_eq!(wait(&Findings::of(&other, &results)).verdict, Verdict::Misses);
}

fn plan_of_rate(rate: f64) -> Plan {
    plan(&format!(
        r#"
        policies = ["fifo"]
        nodes = [{{}}]
        workload = {{ tasks = 40_000, arrivals.poisson.rate = {rate}, duration.exponential.mean = 1.0 }}
        "#
    ))
}

/// What breaks an assumption is named by its key, and nothing is called exact.
#[test]
fn nothing_is_known_where_an_assumption_breaks() {
    let base = |more: &str| {
        format!(
            "policies = [\"fifo\"]\nnodes = [{{ count = 4 }}]\n\
             workload = {{ tasks = 1000, arrivals.poisson.rate = 2.0, duration.exponential.mean = 1.0 }}\n{more}"
        )
    };
    for (more, word) in [
        ("scheduler.dispatch_delay = 0.1", "dispatch_delay"),
        ("run.until = 100.0", "until"),
        ("retry.timeout = 5.0", "timeout"),
        ("faults.outages = [{ node = \"node-0\", start = 1.0, end = 2.0 }]", "outages"),
    ] {
        let found = answers(&base(more));
        assert!(found.known.is_empty(), "{more}: {found:?}");
        assert!(found.reasons.iter().any(|reason| reason.contains(word)), "{more}: {:?}", found.reasons);
    }
    for (workload, word) in [
        ("arrivals.poisson.rate = 4.0, duration.exponential.mean = 1.0", "load is 1.000"),
        (
            "arrivals.bursty = { rate = 1.0, peak_rate = 2.0, on = 1.0, off = 1.0 }, duration.exponential.mean = 1.0",
            "bursty",
        ),
        ("arrivals.poisson.rate = 2.0, duration.constant = 1.0", "not exponential"),
    ] {
        let found = answers(&format!(
            "policies = [\"fifo\"]\nnodes = [{{ count = 4 }}]\nworkload = {{ tasks = 1000, {workload} }}"
        ));
        let exact = found.known.iter().filter(|known| known.formula.formula().nature == Nature::Exact);
        // Work that comes over work that can be done, whatever else.
        let exact = exact.filter(|known| known.formula != FormulaId::UtilisationLaw);
        assert_eq!(exact.count(), 0, "{workload}: {found:?}");
        assert!(found.reasons.iter().any(|reason| reason.contains(word)), "{workload}: {:?}", found.reasons);
    }
}

/// Limits, and bounds that hold around them.
#[test]
fn limits_and_bounds() {
    let found = answers(
        r#"
        policies = ["power-of-two"]
        nodes = [{ count = 100 }]
        workload = { tasks = 1000, arrivals.poisson.rate = 70.0, duration.exponential.mean = 1.0 }
        "#,
    );
    let response = |formula| value(&found, Metric::MeanResponse, formula);
    assert!((response(FormulaId::PowerOfD) - 1.614_454).abs() < 1e-6);
    assert!(response(FormulaId::OneQueueBound) < response(FormulaId::PowerOfD));
    assert!((response(FormulaId::RandomSplitBound) - 1.0 / 0.3).abs() < 1e-9);
    assert!(response(FormulaId::OneMachineBound) < response(FormulaId::OwnTimeBound));
    for (order, formula) in [
        ("{ time-slice = { quantum = 0.01 } }", FormulaId::ProcessorSharing),
        ("{ least-attained-service = { quantum = 0.01 } }", FormulaId::LeastAttained),
    ] {
        let scenario = format!(
            r#"
            policies = [{{ order = {order} }}]
            run = {{ replications = 20, warmup = 2_000 }}
            nodes = [{{}}]
            workload = {{ tasks = 10_000, arrivals.poisson.rate = 0.6, duration.uniform = {{ low = 0.5, high = 1.5 }} }}
            "#
        );
        let plan = plan(&scenario);
        let (_, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
        let all = findings.policies[0].findings.iter();
        let mut limits = all.filter(|finding| finding.known.formula == formula);
        let first = limits.next().expect("a limit");
        assert_eq!((first.known.metric, first.verdict), (Metric::MeanResponse, Verdict::Near));
        let mean = first.found.expect("a figure").mean;
        // A hundredth of a task is short: what is left of the difference is below a few per cent.
        assert!((mean / first.known.value - 1.0).abs() < 0.04, "{order}: {mean}, {}", first.known.value);
    }
}

fn gaps(result: &PolicyResult) -> Vec<f64> {
    result.values(Metric::OptimalityGap)
}

/// Small batches: no policy is below the optimum, longest first is near it, and what interrupts is held
/// against bounds that hold for it too.
#[test]
fn gaps_of_small_batches() {
    let plan = plan(
        r#"
        policies = ["ljf", "fifo", "sjf", "round-robin", "srtf"]
        run.replications = 200
        nodes = [{ count = 2 }, { name = "fast", speed = 2.0 }]
        workload = { tasks = 9, duration.exponential.mean = 1.0 }
        "#,
    );
    let (results, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
    let mean = |policy: usize| gaps(&results[policy]).iter().sum::<f64>() / 200.0;
    for (result, policy) in results.iter().zip(&findings.policies) {
        assert!(gaps(result).len() == 200 && gaps(result).iter().all(|gap| *gap >= 0.0), "{}", result.policy);
        assert!(policy.findings.iter().all(|finding| finding.verdict != Verdict::Breaks), "{policy:?}");
    }
    assert!(mean(0) < mean(1) && mean(1) < mean(3), "{} {} {}", mean(0), mean(1), mean(3));
    assert!(mean(0) < 0.25, "{}", mean(0));
}

/// A list whose optimum is known by hand: three tasks of 5, 10 and 15 units on nodes that just hold them.
#[test]
fn gaps_of_a_list_with_resources() {
    let text = fs::read_to_string(root().join("scenarios/first-fit.toml")).expect("a scenario");
    let plan = plan(&text);
    let (results, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
    let by_policy: Vec<f64> = results.iter().map(|result| gaps(result)[0]).collect();
    // 30 s is optimal; worst fit takes 40 s.
    assert_eq!(&by_policy[..2], [0.0, 0.0]);
    assert!((by_policy[2] - 1.0 / 3.0).abs() < 1e-9, "{by_policy:?}");
    let formulas: Vec<FormulaId> =
        findings.policies[0].findings.iter().map(|finding| finding.known.formula).collect();
    assert!(formulas.contains(&FormulaId::ResourceProgram), "{formulas:?}");
}

/// Dependent tasks: a chain is a lower bound; where tasks fail or arrive by chance there is no gap.
#[test]
fn gaps_of_chains_and_of_nothing() {
    let chain = plan(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ count = 2, speed = 2.0 }]
        workload.tasks_list = [{ work = 4.0 }, { work = 6.0, after = [0] }, { work = 1.0 }]
        "#,
    );
    let (results, _) = chain.run_beside_theory(&RunnerOptions::default()).expect("it runs");
    assert_eq!(gaps(&results[0]), [0.0]);
    for workload in [
        "tasks = 100, duration.constant = 1.0, failure_probability = 0.5",
        "tasks = 100, arrivals.poisson.rate = 1.0, duration.constant = 1.0",
    ] {
        let none = plan(&format!("policies = [\"fifo\"]\nnodes = [{{}}]\nworkload = {{ {workload} }}"));
        let results = none.run(&RunnerOptions::default()).expect("it runs");
        assert!(gaps(&results[0]).is_empty(), "{workload}");
    }
}

/// Tasks that wait for tasks behind them in the list, and times that are rounded to whole nanoseconds.
#[test]
fn bounds_of_lists_in_any_order_and_of_short_tasks() {
    let backwards = plan(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ count = 2 }]
        workload.tasks_list = [{ work = 1.0, after = [1] }, { work = 2.0, after = [2] }, { work = 3.0 }]
        "#,
    );
    let short = plan(
        r#"
        policies = ["fifo"]
        run.replications = 1
        nodes = [{ speed = 3.0 }]
        workload.tasks_list = [
            { work = 0.001 }, { work = 0.001, after = [0] }, { work = 0.001, after = [1] },
            { work = 0.001, after = [2] }, { work = 0.001, after = [3] }, { work = 0.001, after = [4] },
        ]
        "#,
    );
    for plan in [backwards, short] {
        let (results, findings) = plan.run_beside_theory(&RunnerOptions::default()).expect("it runs");
        assert_eq!(gaps(&results[0]), [0.0]);
        let verdicts: Vec<_> = findings.policies[0].findings.iter().map(|finding| finding.verdict).collect();
        assert!(verdicts.len() > 2 && verdicts.iter().all(|one| *one == Verdict::Keeps), "{findings:?}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `docs/theory.md` has a row for every formula, with its nature and its source.
#[test]
fn every_formula_is_documented() {
    let document = fs::read_to_string(root().join("docs/theory.md")).expect("the document");
    for formula in FORMULAS {
        let steady = if formula.steady { ", steady state" } else { "" };
        let row = format!(
            "| {} | {}{steady} | {} | {} |",
            formula.name,
            formula.nature.name(),
            formula.assumptions,
            formula.source
        );
        assert!(document.contains(&row), "docs/theory.md lacks\n{row}");
    }
}
