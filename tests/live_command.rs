//! `falcon live` and `falcon replay` as commands: stopped, killed, and given what they cannot use.
#![cfg(target_os = "linux")] // workers are found in /proc
#![allow(clippy::disallowed_methods)] // real processes take real time

mod support;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use falcon::experiment::live::LiveRunnerOptions;
use falcon::live::message::Work;
use support::processes::{WorkerProcess, is_gone, signal, until, workers};
use support::stand_in::plan;

const FALCON: &str = env!("CARGO_BIN_EXE_falcon");
const PATIENCE: Duration = Duration::from_secs(60);

const LONG: &str = r#"
    policies = ["fifo", "sjf"]
    run.replications = 2
    nodes = [{ count = 3, slots = 2 }]
    workload = { tasks = 100000, arrivals.poisson.rate = 5.0, duration.exponential.mean = 1.0 }
"#;

const SHORT: &str = r#"
    policies = ["fifo", "sjf"]
    run.replications = 1
    nodes = [{ count = 2, slots = 2, up.exponential.mean = 30.0, down.exponential.mean = 3.0 }]
    workload = { tasks = 100, arrivals.poisson.rate = 3.0, duration.exponential.mean = 1.0 }
"#;

fn folder(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
    folder
}

fn falcon(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(FALCON);
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = falcon(folder, arguments).output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!said.contains("this is a bug"), "{said}");
    (status.code(), said)
}

/// Starts a long run and waits until it works.
fn working(folder: &Path) -> (Child, Vec<WorkerProcess>) {
    let child = falcon(folder, &["live", "scenario.toml", "--out", "out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("workers start", PATIENCE, || workers(child.id(), None).len() == 3);
    std::thread::sleep(Duration::from_millis(500));
    let there = workers(child.id(), None);
    (child, there)
}

#[test]
fn ctrl_c_stops_a_run_and_leaves_results_as_they_were() {
    for made_before in [false, true] {
        let folder = folder(LONG);
        let summary = folder.path().join("out/summary.csv");
        if made_before {
            let few = ["--set", "workload.tasks=10", "--out", "out", "--no-plots"];
            assert_eq!(output(folder.path(), &[&["run", "scenario.toml"], &few[..]].concat()).0, Some(0));
        }
        let before = std::fs::read(&summary).ok();
        let (child, there) = working(folder.path());
        let begun = Instant::now();
        assert!(signal(child.id() as i32, libc::SIGINT));
        let ended = child.wait_with_output().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(130), "{said}");
        let state = if made_before { "out/ is as it was" } else { "out/ was not made" };
        assert!(said.contains(&format!("stopped after 0 of 4 runs; {state}")), "{said}");
        assert!(there.len() == 3 && there.iter().all(|worker| is_gone(worker.process)));
        let left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 1 + usize::from(made_before), "{left:?}");
        assert_eq!(std::fs::read(&summary).ok(), before);
    }
}

#[test]
fn workers_do_not_outlive_a_killed_coordinator() {
    let folder = folder(LONG);
    let (mut child, there) = working(folder.path());
    // A stopped worker cannot see that its connection ends.
    assert!(signal(there[0].process, libc::SIGSTOP));
    child.kill().unwrap();
    child.wait().unwrap();
    until("workers end", Duration::from_secs(2), || there.iter().all(|worker| is_gone(worker.process)));
}

#[test]
fn a_program_that_cannot_work_is_named() {
    let mut options = LiveRunnerOptions {
        time_scale: 0.01,
        work: Work::Timer,
        silence: Duration::from_secs(2),
        lag_tolerance: Duration::from_secs(1),
        program: Some("/bin/false".into()),
        tasks: false,
        history: false,
        stop: None,
        progress: None,
    };
    let error = plan(SHORT).run_live(&options).unwrap_err().to_string();
    assert!(error.starts_with("policy `fifo`, seed "), "{error}");
    assert!(error.contains("the worker of node ") && error.contains("ended with code 1"), "{error}");
    options.program = Some("/no/such/program".into());
    let error = plan(SHORT).run_live(&options).unwrap_err().to_string();
    assert!(error.contains("cannot start a worker process") && error.contains("No such file"), "{error}");
}

#[test]
fn mistakes_are_explained_as_by_run() {
    let folder = folder("policies = [\"fofo\"]\nnodes = []\nworkload.tasks = -1\nworkloat = 1\n");
    let (live, run) =
        (output(folder.path(), &["live", "scenario.toml"]), output(folder.path(), &["run", "scenario.toml"]));
    assert_eq!(live, run);
    assert!(live.0 == Some(2) && live.1.contains("fifo"), "{live:?}");
    for (flag, value, allowed) in [
        ("--time-scale", "0", "expected a number from 0.000001 to 1,000,000"),
        ("--time-scale", "1e-300", "expected a number from 0.000001"),
        ("--time-scale", "nan", "expected a number from"),
        ("--time-scale", "-1", "-1"),
        ("--silence", "0.2", "expected a number from 0.5"),
        ("--silence", "inf", "expected a number from 0.5"),
        ("--lag-tolerance", "0", "expected a number above 0"),
        ("--lag-tolerance", "much", "expected a number above 0"),
        ("--work", "hard", "timer, spin"),
    ] {
        let (code, said) = output(folder.path(), &["live", "scenario.toml", flag, value]);
        assert!(code == Some(2) && said.contains(allowed), "{flag} {value}: {said}");
    }
}

#[test]
fn a_short_run_is_written_and_replayed() {
    let folder = folder(SHORT);
    let arguments = ["live", "scenario.toml", "--work", "spin", "--lag-tolerance", "100000", "--out", "out"];
    let (code, said) = output(folder.path(), &arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("replayed with the same commands at every step"), "{said}");
    let replayed = falcon(folder.path(), &["replay", "out"]).output().unwrap();
    let shown = String::from_utf8(replayed.stdout).unwrap();
    assert!(replayed.status.success() && shown.matches(": identical\n").count() == 2, "{shown}");
}

/// Attempts that reach the time they requested are ended there by real workers too: every task ends in the
/// state that it has in the simulation, after the same service.
#[test]
fn tasks_are_ended_at_the_requested_time() {
    let folder = folder(
        r#"
        policies = ["fifo", "round-robin"]
        run.replications = 1
        nodes = [{ count = 3 }, { speed = 2.0 }]
        [workload]
        trace.csv = "jobs.csv"
        estimate = "requested"
        kill_at_requested = true
        "#,
    );
    let mut jobs = "arrival,work,estimate\n".to_string();
    for job in 0..60 {
        let work = 0.5 + f64::from(job % 5) * 0.25;
        let requested = if job % 3 == 0 { work / 2.0 } else { work * 2.0 };
        jobs += &format!("{},{work},{requested}\n", f64::from(job) * 0.25);
    }
    std::fs::write(folder.path().join("jobs.csv"), jobs).unwrap();
    let common = ["scenario.toml", "--tasks", "--no-plots", "--out"];
    let live = ["live", "--time-scale", "0.1", "--lag-tolerance", "100000"];
    for (command, out) in [(&live[..], "live"), (&["run"], "run")] {
        let (code, said) = output(folder.path(), &[command, &common[..], &[out]].concat());
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(output(folder.path(), &["replay", "live"]).0, Some(0));
    // Policy, task, state, attempts and work; service belongs to the node, which the live run may change.
    let fates = |out: &str| -> Vec<String> {
        let rows = std::fs::read_to_string(folder.path().join(out).join("tasks.csv")).unwrap();
        let fate = |row: &str| {
            let cells: Vec<&str> = row.split(',').collect();
            [cells[0], cells[2], cells[7], cells[8], cells[10]].join(",")
        };
        rows.lines().map(fate).collect()
    };
    let (live, simulated) = (fates("live"), fates("run"));
    assert_eq!(simulated[0], "policy,task,state,attempts,work");
    assert_eq!(simulated.iter().filter(|row| row.contains(",timeout,1,")).count(), 40);
    assert_eq!(simulated.iter().filter(|row| row.contains(",completed,1,")).count(), 80);
    assert_eq!(live, simulated);
}

/// On a busy machine all runs may be too late to count. What is known of them is written, and the exit code says
/// that it is no success.
#[test]
fn a_run_that_is_not_valid_is_said_to_be() {
    let folder = folder(SHORT);
    for format in ["table", "csv", "json"] {
        let (code, said) = output(
            folder.path(),
            &["live", "scenario.toml", "--lag-tolerance", "1e-9", "--format", format, "--out", format],
        );
        assert_eq!(code, Some(1), "{said}");
        assert_eq!(said.matches("is not valid").count(), 2, "{said}");
        assert_eq!(said.matches("error: no run of").count(), 1, "{said}");
        assert!(folder.path().join(format).join("report.html").exists(), "{said}");
        assert_eq!(output(folder.path(), &["replay", format]).0, Some(0));
    }
}

/// Heartbeats are real: at a high pace this machine is too slow for them.
#[test]
fn a_monitor_that_cannot_keep_up_is_warned_of() {
    let folder = folder(SHORT);
    let monitor = "scheduler.monitor={ heartbeat = 1, detector.timeout.dead_after = 3 }";
    let run = |scale: &str| {
        let out = format!("at-{scale}");
        let command = [
            "live",
            "scenario.toml",
            "--out",
            &out,
            "--no-plots",
            "--lag-tolerance",
            "100000",
            "--set",
            monitor,
        ];
        let (code, said) = output(folder.path(), &[&command[..], &["--time-scale", scale]].concat());
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(output(folder.path(), &["replay", &out]).0, Some(0));
        said
    };
    let said = run("0.005");
    assert!(
        said.contains("10.0 ms late makes the monitor act") && said.contains("to 0.01 or more"),
        "{said}"
    );
    assert!(!run("0.02").contains("makes the monitor act"));
}

/// A worker is sent a task when it can start it: to take more at a time would hide nothing.
#[test]
fn what_is_simulated_only_is_refused() {
    let folder = folder(&SHORT.replace("\"sjf\"", "{ name = \"ahead\", dispatch.pull.batch = 2 }"));
    for command in [&["live"][..], &["compare", "--live"]] {
        let (code, said) = output(folder.path(), &[command, &["scenario.toml", "--out", "out"]].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("a `batch` above 1 is simulated only") && said.contains("`ahead`"), "{said}");
        assert!(!folder.path().join("out").exists());
    }
    let replicas = ["--set", "scheduler.replicas.up=10", "--set", "scheduler.replicas.down=1"];
    let command = [&["live", "scenario.toml", "--out", "out", "--set", "policies=[\"sjf\"]"], &replicas[..]];
    let (code, said) = output(folder.path(), &command.concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("[scheduler.replicas]) is simulated only"), "{said}");
    let losses = ["--set", "faults.message_loss={ probability = 0.1, resend_after = 1 }"];
    let command = [&["live", "scenario.toml", "--out", "out", "--set", "policies=[\"sjf\"]"], &losses[..]];
    let (code, said) = output(folder.path(), &command.concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`message_loss`) are simulated only"), "{said}");
    // Nor does a worker undo anything.
    let rollback = ["--set", "retry.rollback={ share = 0.5 }", "--set", "policies=[\"sjf\"]"];
    let (code, said) =
        output(folder.path(), &[&["live", "scenario.toml", "--out", "out"], &rollback[..]].concat());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("scenario.toml: jobs that are undone"), "{said}");
    // A batch of one is nothing special.
    let one = ["--set", "policies=[{ dispatch.pull.batch = 1 }]", "--set", "workload.tasks=3"];
    let (code, said) = output(
        folder.path(),
        &[
            &[
                "live",
                "scenario.toml",
                "--out",
                "out",
                "--no-plots",
                "--lag-tolerance",
                "100000",
                "--time-scale",
                "0.01",
            ],
            &one[..],
        ]
        .concat(),
    );
    assert_eq!(code, Some(0), "{said}");
}
