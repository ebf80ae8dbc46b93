//! `falcon live`, `falcon calibrate` and `falcon compare --live` as a user calls them, on a cluster
//! small enough for a busy machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use falcon::experiment::plan::Plan;
use falcon::metrics::{COLUMNS, DRIVER_COLUMNS};

const SCENARIO: &str = r#"
    description = "A small one"
    policies = ["fifo", "random"]
    run = { replications = 2, timeline_buckets = 20 }
    [[nodes]]
    count = 3
    up.exponential.mean = 40.0
    down.exponential.mean = 4.0
    [workload]
    tasks = 120
    arrivals.poisson.rate = 2.0
    duration.exponential.mean = 1.0
    failure_probability = 0.05
    "#;

fn falcon(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_falcon"));
    command.current_dir(folder).args(arguments).env("LC_ALL", "C.UTF-8").output().expect("falcon starts")
}

#[track_caller]
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = falcon(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn scenario() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.toml"), SCENARIO).expect("written");
    folder
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn head(folder: &Path, file: &str) -> String {
    read(folder, file).lines().next().expect("a first line").to_string()
}

/// A live run leaves the files of a simulated one, with the same columns, and two of its own; its
/// log replays.
#[test]
fn a_live_run_writes_what_a_simulated_one_writes() {
    let folder = scenario();
    let at = folder.path();
    ok(at, &["run", "small.toml", "--tasks", "--out", "simulated"]);
    // A lag that a busy machine may have is tolerated: validity is not the matter here.
    let live = ["live", "small.toml", "--tasks", "--time-scale", "0.02", "--lag-tolerance", "10000"];
    let told = ok(at, &live);
    assert!(told.contains("live at 50 × real time"), "{told}");
    let (simulated, live) = (at.join("simulated"), at.join("results/small-live"));
    for entry in fs::read_dir(&simulated).expect("results") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        // Formulas are held against simulations.
        if name == "theory.csv" {
            continue;
        }
        assert!(live.join(&name).is_file(), "{name} is missing");
        if name.ends_with(".csv") {
            assert_eq!(head(&live, &name), head(&simulated, &name), "{name}");
        }
    }
    let names: Vec<&str> = DRIVER_COLUMNS.iter().map(|column| column.name).collect();
    let driver = read(&live, "driver.csv");
    let promised = format!("policy,replication,seed,repeat,valid,reason,{}", names.join(","));
    assert_eq!(driver.lines().next(), Some(promised.as_str()));
    assert_eq!(driver.lines().count(), 1 + 4);
    assert!(driver.lines().skip(1).all(|row| row.contains(",false,true,,")), "{driver}");
    // The same tasks with the same work, whoever ran them.
    let works = |folder: &Path| -> Vec<String> {
        let rows = read(folder, "tasks.csv");
        rows.lines().map(|row| row.split(',').nth(10).expect("work").to_string()).collect()
    };
    assert_eq!(works(&live), works(&simulated));
    let replayed = ok(at, &["replay", "results/small-live"]);
    assert_eq!(replayed.lines().filter(|line| line.ends_with(": identical")).count(), 4, "{replayed}");
}

/// What calibrating writes is a `[scheduler]` table that a scenario takes.
#[test]
fn what_calibrating_measures_can_be_simulated() {
    let folder = scenario();
    let at = folder.path();
    let calibrate = ["calibrate", "small.toml", "--out", "delays", "--time-scale", "0.05"];
    let told = ok(at, &[&calibrate[..], &["--lag-tolerance", "10000"]].concat());
    for delay in ["dispatch_delay", "completion_delay", "detection_delay", "join_delay"] {
        assert!(told.contains(delay), "{told}");
        let values = read(at, &format!("delays/{delay}.txt"));
        let seconds: Vec<f64> = values.lines().map(|line| line.parse().expect("a number")).collect();
        assert!(!seconds.is_empty() && seconds.is_sorted() && seconds[0] >= 0.0, "{delay}: {values}");
        // News takes more than a microsecond and less than a minute anywhere.
        let median = seconds[seconds.len() / 2] * 0.05;
        assert!((1e-6..60.0).contains(&median), "{delay}: {median} s");
    }
    let table = read(at, "delays/scheduler.toml");
    fs::write(at.join("delays/calibrated.toml"), format!("{SCENARIO}\n{table}")).expect("written");
    ok(at, &["run", "delays/calibrated.toml", "--out", "calibrated"]);
    let refused = falcon(at, &["calibrate", "small.toml", "--out", "."]);
    assert_eq!(refused.status.code(), Some(1), "a folder of somebody else's is left alone");
}

#[test]
fn simulated_and_live_side_by_side() {
    let folder = scenario();
    let at = folder.path();
    let compare = ["compare", "small.toml", "--live", "--repeats", "1", "--lag-tolerance", "10000"];
    let told = ok(at, &[&compare[..], &["--margin", "30%", "--format", "json"]].concat());
    let rows: Vec<serde_json::Value> = serde_json::from_str(&told).expect("JSON");
    assert_eq!(rows.len(), 2 * 6, "two policies, six metrics");
    let live = at.join("results/small-compare");
    let metric = |name: &str| -> Vec<f64> {
        let of = |row: &&serde_json::Value| row["metric"] == name;
        rows.iter().filter(of).map(|row| row["live_mean"].as_f64().expect("a mean")).collect()
    };
    // 60 s of arrivals, and tasks of a second: whatever the machine, the total time is near.
    assert!(metric("makespan").iter().all(|span| (40.0..120.0).contains(span)), "{told}");
    assert!(rows.iter().all(|row| row["margin"].as_f64() == Some(0.3)));
    for file in ["fidelity.svg", "sim-vs-live.svg", "log.jsonl.gz", "divergence.csv", "delays.csv"] {
        assert!(live.join(file).is_file(), "{file}");
    }
    let simulated = read(&live, "simulated.csv");
    assert_eq!(simulated.lines().count(), 1 + 2 * 2 * 2, "ideal and calibrated for every run");
    assert_eq!(simulated.lines().next().expect("a head").split(',').count(), 4 + COLUMNS.len());
    let page = read(&live, "report.html");
    assert!(page.contains("Simulated and live") && page.contains("noise"));
    let plots = ["fidelity.svg", "sim-vs-live.svg", "throughput.svg"];
    let before = plots.map(|plot| read(&live, plot));
    for plot in plots {
        fs::remove_file(live.join(plot)).expect("removed");
    }
    ok(at, &["plot", "results/small-compare"]);
    assert_eq!(plots.map(|plot| read(&live, plot)), before, "plots differ when drawn again");
}

#[test]
fn wrong_usage_says_what_is_right() {
    let folder = scenario();
    let at = folder.path();
    let cases: &[(&[&str], &str)] = &[
        (&["compare", "small.toml", "--repeats", "3"], "--live"),
        (&["compare", "small.toml", "--time-scale", "0.1"], "--live"),
        (&["compare", "small.toml", "--live", "--baseline", "sjf"], "cannot be used with"),
        (&["compare", "small.toml", "--live", "--margin", "0"], "above 0 and below 1"),
        (&["compare", "small.toml", "--live", "--margin", "120%"], "above 0 and below 1"),
        (&["live", "small.toml", "--time-scale=-1"], "from 0.000001"),
        (&["live", "small.toml", "--time-scale", "nan"], "from 0.000001"),
        (&["live", "small.toml", "--work", "sleep"], "timer"),
        (&["live", "missing.toml"], "there is no such file"),
        (&["calibrate", "missing.toml"], "there is no such file"),
    ];
    for (arguments, expected) in cases {
        let output = falcon(at, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!at.join("results").exists(), "nothing is written");
    assert!(Plan::from_toml(SCENARIO).is_ok());
}
