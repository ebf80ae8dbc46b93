//! The report of a comparison, on made-up runs.

use super::*;
use crate::experiment::fidelity::{Decision, Divergence, Fact, Side, Trial, Why};
use std::path::Path;

use crate::metrics::{DriverFigures, ReplicationResult};
use crate::report::sample::Sample;
use crate::report::table::Style;
use crate::time::Duration;

/// How made-up runs are to look.
struct Made {
    sample: Sample,
    calibrated: bool,
    repeats: bool,
    /// Factor by which live runs of policy i take longer than the ideal simulation.
    slower: fn(usize) -> f64,
}

fn made(policies: &[&'static str], seeds: u32) -> Made {
    let sample = Sample {
        policies: policies.to_vec(),
        replications: seeds,
        tasks: 4000,
        nodes: 4,
        ..Sample::default()
    };
    Made { sample, calibrated: true, repeats: true, slower: |policy| 1.02 + 0.015 * policy as f64 }
}

/// A run that takes so many times as long.
fn stretched(run: &ReplicationResult, factor: f64, node: f64) -> ReplicationResult {
    let mut run = run.clone();
    for (metric, factor) in [
        (Metric::Makespan, factor),
        (Metric::Throughput, 1.0 / factor),
        (Metric::MeanResponse, factor.powi(3)),
        (Metric::P99Response, factor.powi(5)),
        (Metric::NodeAvailability, node),
    ] {
        run.metrics.set(metric, run.metrics.get(metric).unwrap_or(f64::NAN) * factor);
    }
    if let Some(timeline) = &mut run.timeline {
        timeline.width = Duration((timeline.width.0 as f64 * factor) as u64);
        for (index, row) in timeline.rows.iter_mut().enumerate() {
            row.completed += (factor * 1000.0) as u64 * index as u64 % 3;
        }
    }
    run
}

/// Between -1 and 1, from these alone.
fn wobble(policy: usize, seed: usize, salt: usize) -> f64 {
    let mixed = (policy * 7 + seed * 13 + salt * 29 + policy * seed * 5) % 17;
    mixed as f64 / 8.0 - 1.0
}

fn parted(seed: u64) -> Divergence {
    let task = 40 + seed as u32;
    let decision = |time, node| Some(Decision { time, task, attempt: 1, node });
    Divergence {
        decision: 40 + 3 * seed as usize,
        simulated: decision(12.3409, 0),
        live: decision(12.3412, 2),
        why: Why::Order {
            live_first: Fact::End { task: 17, attempt: 1, node: 2, failed: false },
            simulated_first: Fact::Arrival { task },
            live_gap: 0.0008,
            simulated_gap: 0.0002,
        },
        same_node: 0.875,
    }
}

impl Made {
    fn trials(&self) -> Vec<PolicyTrials> {
        let results = self.sample.results();
        let policies = results.iter().enumerate().map(|(policy, result)| {
            let slower = (self.slower)(policy);
            let (node, lost) = if self.sample.faults { (0.995, 0.001) } else { (1.0, 0.0) };
            let trial = |(number, ideal): (usize, &ReplicationResult)| {
                let noise = |salt| 0.004 * wobble(policy, number, salt);
                let near = 1.0 + (slower - 1.0) * 0.8;
                Trial {
                    seed: ideal.seed,
                    ideal: ideal.clone(),
                    calibrated: self.calibrated.then(|| stretched(ideal, near + noise(1), node + lost)),
                    live: stretched(ideal, slower + noise(2), node),
                    driver: DriverFigures {
                        wall_time: 62.5,
                        time_scale: 0.05,
                        lag_p99: 0.0004 + 0.0001 * number as f64,
                        dispatch_p50: Some(0.00025),
                        ..DriverFigures::default()
                    },
                    invalid: (policy == 1 && number == 2)
                        .then(|| "late by 12 ms at the 99th percentile".into()),
                    divergence: (policy > 0).then(|| parted(ideal.seed)),
                }
            };
            let trials: Vec<Trial> = result.replications.iter().enumerate().map(trial).collect();
            let again = |salt| stretched(&trials[0].live, 1.0 + 0.002 * wobble(policy, 0, salt), 1.0);
            let repeats = if self.repeats { vec![again(3), again(4)] } else { vec![] };
            PolicyTrials { policy: result.policy.clone(), trials, repeats }
        });
        policies.collect()
    }
}

/// Calls with the input of these runs.
fn with<T>(made: &Made, call: impl FnOnce(&FidelityInput<'_>) -> T) -> T {
    let (plan, trials) = (made.sample.plan(), made.trials());
    let fidelity = Fidelity::of(0.05, &trials);
    call(&FidelityInput {
        plan: &plan,
        trials: &trials,
        fidelity: &fidelity,
        repeat: "falcon compare scenarios/live.toml --live",
    })
}

const THREE: [&str; 3] = ["sjf", "power-of-two", "random"];

/// Comparisons of every kind of size and shape.
fn samples() -> Vec<(&'static str, Made)> {
    let many =
        ["fifo", "round-robin", "random", "least-loaded", "power-of-two", "sjf", "ljf", "lifo", "best-fit"];
    let with = |change: &dyn Fn(&mut Made), mut made: Made| {
        change(&mut made);
        made
    };
    let long = ["a-policy-with-a-very-long-name-that-says-everything-about-itself", "b"];
    vec![
        ("three", made(&THREE, 5)),
        ("faults", with(&|made| made.sample.faults = true, made(&THREE, 5))),
        ("one", made(&["sjf"], 5)),
        ("single", made(&THREE, 1)),
        ("many", with(&|made| made.sample.faults = true, made(&many, 3))),
        ("long", made(&long, 3)),
        ("ideal", with(&|made| (made.calibrated, made.repeats) = (false, false), made(&THREE, 5))),
        ("equal", with(&|made| made.slower = |_| 1.0, made(&THREE, 4))),
        ("far", with(&|made| made.slower = |policy| 1.5 + policy as f64, made(&THREE, 4))),
    ]
}

#[test]
fn the_table_reads_as_designed() {
    let made = Made { sample: Sample { faults: true, ..made(&THREE, 5).sample }, ..made(&THREE, 5) };
    let text = with(&made, |input| table::render(input, Some("results/live/"), Style::PLAIN));
    insta::assert_snapshot!(text);
}

#[test]
fn one_run_without_calibration_is_not_judged() {
    let made = Made { calibrated: false, repeats: false, ..made(&["sjf", "random"], 1) };
    insta::assert_snapshot!(with(&made, |input| table::render(input, None, Style::PLAIN)));
}

#[test]
fn narrow_terminals_keep_the_verdict() {
    let render = |width, unicode| {
        let style = Style { width: Some(width), colour: false, unicode };
        with(&made(&THREE, 5), |input| table::render(input, None, style))
    };
    for width in [60, 80, 100] {
        let text = render(width, true);
        assert!(text.contains("= equivalent") && text.contains(" more in fidelity.csv)"), "{text}");
        let table = text.lines().skip(3).take(17);
        assert!(table.into_iter().all(|line| line.chars().count() <= width), "{text}");
    }
    let narrow = render(59, false);
    assert!(
        narrow.is_ascii() && narrow.contains("  sjf\n    makespan       -0.48 +/- 0.56 %  = equivalent\n"),
        "{narrow}"
    );
}

#[test]
fn the_files_are_those_promised() {
    let mut made = made(&THREE, 3);
    made.sample.faults = true;
    let files = with(&made, |input| files(input).expect("written"));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["fidelity.csv", "divergence.csv", "simulated.csv", "timeline-simulated.csv"]);
    let read = |name: &str| {
        let (_, bytes) = files.iter().find(|(file, _)| file == name).expect("a file");
        String::from_utf8(bytes.clone()).expect("text")
    };
    let fidelity = read("fidelity.csv");
    assert_eq!(fidelity.lines().count(), 1 + 3 * METRICS.len());
    assert!(!fidelity.contains("NaN") && !fidelity.contains('\r'));
    // No run has a figure of it.
    assert!(fidelity.contains("sjf,service_availability,1,0,,,,,,,,,,,0.05,not_shown\n"), "{fidelity}");
    let simulated = read("simulated.csv");
    assert!(simulated.starts_with("policy,simulation,replication,seed,makespan,"), "{simulated}");
    assert_eq!(simulated.lines().count(), 1 + 3 * 3 * 2, "ideal and calibrated");
    let json = csv::as_json(fidelity.as_bytes()).expect("JSON");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).expect("JSON");
    assert_eq!(rows.len(), 3 * METRICS.len());
    assert_eq!((rows[0]["metric"].as_str(), rows[0]["n"].as_f64()), (Some("makespan"), Some(3.0)));
    assert!(rows.iter().any(|row| row["live_mean"].is_null()));
    insta::assert_snapshot!(read("divergence.csv"));
}

/// Calibrated errors of 1, 2 and 3 %, ideal ones of -10 %; half widths 4.302653 s / sqrt(3).
#[test]
fn fidelity_csv_holds_the_figures() {
    let run = |seed, value| {
        let mut run = Sample::default().results()[0].replications[0].clone();
        run.metrics = Default::default();
        run.metrics.set(Metric::Makespan, value);
        ReplicationResult { seed, ..run }
    };
    let trial = |seed, live: f64, error: f64| Trial {
        seed,
        ideal: run(seed, 0.9 * live),
        calibrated: Some(run(seed, live * (1.0 + error))),
        live: run(seed, live),
        driver: DriverFigures::default(),
        invalid: None,
        divergence: None,
    };
    let trials = vec![trial(1, 64.0, 0.01), trial(2, 128.0, 0.02), trial(3, 32.0, 0.03)];
    let trials = PolicyTrials { policy: "a, b".to_string(), trials, repeats: vec![run(1, 64.0)] };
    let mut text = Vec::new();
    csv::fidelity(&mut text, &Fidelity::of(0.05, &[trials])).expect("written");
    let text = String::from_utf8(text).expect("text");
    let row: Vec<&str> = text.lines().nth(1).expect("a row").split(',').collect();
    assert_eq!(row[..5], ["\"a", " b\"", "makespan", "s", "3"]);
    let numbers: Vec<f64> = row[5..16].iter().map(|cell| cell.parse().expect("a number")).collect();
    let means = [67.2, (64.64 + 130.56 + 32.96) / 3.0, 224.0 / 3.0];
    let errors = [-0.1, -0.1, -0.1, 0.02, 0.02 - 0.024_841_38, 0.02 + 0.024_841_38, 0.0, 0.05];
    for (found, expected) in numbers.iter().zip(means.into_iter().chain(errors)) {
        assert!((found - expected).abs() < 1e-7, "{numbers:?}");
    }
    assert_eq!(row[16], "equivalent");
}

#[test]
fn many_invalid_runs_are_counted_and_some_named() {
    let made = made(&["sjf"], 9);
    let (plan, mut trials) = (made.sample.plan(), made.trials());
    for trial in &mut trials[0].trials {
        trial.invalid = Some("late".to_string());
    }
    let fidelity = Fidelity::of(0.05, &trials);
    let input = FidelityInput { plan: &plan, trials: &trials, fidelity: &fidelity, repeat: "" };
    let text = table::render(&input, None, Style::PLAIN);
    assert!(text.contains("9 of 9 live runs do not count: sjf seed 1 (late), "), "{text}");
    assert!(text.contains(" and 3 more in driver.csv.") && text.contains("  no valid runs\n"), "{text}");
    assert_eq!(pictures(&input).len(), 1);
}

#[test]
fn knowledge_of_one_side_is_told() {
    let mut trials = made(&["sjf"], 2).trials();
    let why = Why::Ahead { known_to: Side::Live, fact: Fact::NodeDown { node: 3 }, later: Some(0.25) };
    trials[0].trials[1].divergence = Some(Divergence { live: None, why, ..parted(2) });
    let fidelity = Fidelity::of(0.05, &trials);
    let plan = Sample::default().plan();
    let input = FidelityInput { plan: &plan, trials: &trials, fidelity: &fidelity, repeat: "" };
    let text = sentences::sentences(&input).concat().join("\n");
    let expected = "\
sjf: 1 of 2 live runs part from the simulation, after 46 equal decisions; 93.8 % of tasks ran on the same node.
  seed 2, 12.341 s: live starts nothing more, the simulation task 42 on node 0:
  live knew of the loss of node 3 when it decided; the simulation learned of it 250 ms after its decision.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn plots_are_small_whole_and_legible() {
    for (name, made) in samples() {
        for (stem, picture) in with(&made, pictures) {
            let (svg, what) = (picture.svg(), format!("{name}/{stem}"));
            assert!(svg.len() < 100_000, "{what}: {} bytes", svg.len());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{what}");
            crate::report::tests::assert_legible(&picture, &what);
            if let Ok(folder) = std::env::var("FALCON_PLOT_SAMPLES") {
                picture.png(&Path::new(&folder).join(format!("{name}-{stem}.png"))).expect("drawn");
            }
        }
    }
}
