//! A real log on one machine: the start of every job equals that of textbook loops which share no
//! code with the simulator.

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::TaskResult;
use falcon::time::Time;
use falcon::workload::{EstimateSpec, TraceTask, Workload, swf};
use support::judge::{identities, plan};
use support::loops::{Job, easy_backfilling, first_come_first_served};

const HPC2N: &str = "scenarios/data/hpc2n-2002-first3194.swf.gz";

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path, slots: u32) -> Vec<TraceTask> {
    let file = std::fs::File::open(path).expect("the file is there");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).expect("the file is in the gzip format");
    swf::read(&bytes, slots, false).expect("a log in the Standard Workload Format").tasks
}

/// What the loops are given, with the estimate the policy sees.
fn jobs(tasks: &[TraceTask], estimate: EstimateSpec) -> Vec<Job> {
    let job = |task: &TraceTask| Job {
        arrival: task.arrival.0,
        run: task.work,
        slots: u64::from(task.slots),
        estimate: match estimate {
            EstimateSpec::Requested => task.requested.expect("every job of a log has one"),
            _ => task.work,
        },
    };
    tasks.iter().map(job).collect()
}

/// Runs these tasks under this policy on one node, the identities of every run checked.
fn simulate(tasks: &[TraceTask], estimate: EstimateSpec, policy: &str, slots: u32) -> Vec<TaskResult> {
    let scenario = format!(
        "policies = [{policy}]\nrun = {{ replications = 1 }}\nnodes = [{{ slots = {slots} }}]\n\
         workload = {{ tasks = 1, duration.constant = 1.0 }}"
    );
    let mut plan = plan(&scenario);
    plan.workload =
        Workload::Listed { tasks: tasks.into(), class_names: vec![String::new()], estimate, graph: None };
    rows(&plan)
}

fn rows(plan: &Plan) -> Vec<TaskResult> {
    let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
    identities(plan, &results[0].replications[0]);
    results[0].replications[0].tasks.clone()
}

/// Every job starts when the loop says, and runs undisturbed.
#[track_caller]
fn same_schedule(rows: &[TaskResult], jobs: &[Job], starts: &[u64]) {
    assert_eq!(rows.len(), jobs.len());
    for (row, (job, start)) in rows.iter().zip(jobs.iter().zip(starts)) {
        assert_eq!(row.arrival, Time(job.arrival), "arrival of job {}", row.task);
        assert_eq!(row.first_start, Some(Time(*start)), "start of job {}", row.task);
        assert_eq!(row.settled, Time(start + job.run), "end of job {}", row.task);
    }
}

/// How many jobs start earlier, and how many later, than in the other schedule.
fn moved(starts: &[u64], others: &[u64]) -> (usize, usize) {
    let count =
        |earlier: fn(&u64, &u64) -> bool| starts.iter().zip(others).filter(|(a, b)| earlier(a, b)).count();
    (count(|a, b| a < b), count(|a, b| a > b))
}

#[test]
fn first_come_first_served_on_the_hpc2n_log() {
    let tasks = read(&in_project(HPC2N), 240);
    let jobs = jobs(&tasks, EstimateSpec::Exact);
    let starts = first_come_first_served(&jobs, 240);
    // The machine is full at times, so that the comparison says something.
    assert!(starts.iter().zip(&jobs).filter(|(start, job)| **start > job.arrival).count() > 1000);
    for policy in ["\"fifo\"", "\"first-fit\"", "\"best-fit\"", "\"round-robin\"", "\"least-loaded\""] {
        same_schedule(&simulate(&tasks, EstimateSpec::Exact, policy, 240), &jobs, &starts);
    }
}

/// The whole way of a user: the scenario names the file.
#[test]
fn the_log_by_its_name() {
    let plan = plan(&format!(
        "policies = [\"fifo\"]\nrun = {{ replications = 1 }}\nnodes = [{{ slots = 240 }}]\n\
         workload = {{ trace.swf = \"{}\", estimate = \"requested\" }}",
        in_project(HPC2N).display()
    ));
    let tasks = read(&in_project(HPC2N), 240);
    let jobs = jobs(&tasks, EstimateSpec::Requested);
    same_schedule(&rows(&plan), &jobs, &first_come_first_served(&jobs, 240));
}

#[test]
fn easy_backfilling_on_the_hpc2n_log() {
    let tasks = read(&in_project(HPC2N), 240);
    let mut schedules = vec![first_come_first_served(&jobs(&tasks, EstimateSpec::Exact), 240)];
    for estimate in [EstimateSpec::Exact, EstimateSpec::Requested] {
        let jobs = jobs(&tasks, estimate);
        let starts = easy_backfilling(&jobs, 240);
        same_schedule(&simulate(&tasks, estimate, "\"easy-backfill\"", 240), &jobs, &starts);
        schedules.push(starts);
    }
    // The three differ, or comparing them would be idle.
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let (earlier, later) = moved(&schedules[a], &schedules[b]);
        assert!(earlier + later > 300, "schedules {a} and {b}: {earlier} earlier, {later} later");
    }
}

/// The cleaned NASA log is not part of the project; where it is at hand it is run too. Its submit
/// times are really start times, so they are compressed to load the machine.
#[test]
fn the_nasa_log_compressed() {
    let path = in_project("../shared/data/NASA-iPSC-1993-3.1-cln.swf.gz");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return;
    }
    for (percent, least_waiting) in [(60, 1000), (50, 5000)] {
        let mut tasks = read(&path, 128);
        for task in &mut tasks {
            task.arrival.0 = task.arrival.0 / 1_000_000_000 * percent / 100 * 1_000_000_000;
        }
        let jobs = jobs(&tasks, EstimateSpec::Exact);
        let starts = first_come_first_served(&jobs, 128);
        let waiting = starts.iter().zip(&jobs).filter(|(start, job)| **start > job.arrival).count();
        println!("at {percent} % of the time between submissions {waiting} jobs wait");
        assert!(waiting > least_waiting, "{waiting}");
        same_schedule(&simulate(&tasks, EstimateSpec::Exact, "\"fifo\"", 128), &jobs, &starts);
        let easy = easy_backfilling(&jobs, 128);
        same_schedule(&simulate(&tasks, EstimateSpec::Exact, "\"easy-backfill\"", 128), &jobs, &easy);
        assert_ne!(starts, easy);
    }
}

// Small cases worked out by hand ----------------------------------------------------------------

/// (arrival, run, slots, estimate) in seconds.
type HandJob = (u64, u64, u32, u64);

/// What it shows, slots of the machine, jobs, and when each must start.
type Case<'a> = (&'a str, u32, &'a [HandJob], &'a [f64]);

fn by_hand(jobs: &[HandJob]) -> Vec<TraceTask> {
    const SECOND: u64 = 1_000_000_000;
    let task = |&(arrival, run, slots, estimate): &HandJob| TraceTask {
        arrival: Time(arrival * SECOND),
        work: run * SECOND,
        requested: Some(estimate * SECOND),
        priority: 0.0,
        slots,
        class: 0,
        failure_probability: 0.0,
        details: None,
    };
    jobs.iter().map(task).collect()
}

fn starts(jobs: &[HandJob], policy: &str, slots: u32) -> Vec<f64> {
    let rows = simulate(&by_hand(jobs), EstimateSpec::Requested, policy, slots);
    rows.iter().map(|row| row.first_start.expect("all start").as_seconds()).collect()
}

#[test]
fn easy_by_hand() {
    let cases: [Case<'_>; 8] = [
        (
            "the third ends when the head can start; the fourth would end after it",
            4,
            &[(0, 10, 3, 10), (1, 5, 4, 5), (2, 8, 1, 8), (2, 9, 1, 9)],
            &[0.0, 10.0, 2.0, 15.0],
        ),
        (
            "the head leaves 3 slots over at 10: one long job takes them",
            10,
            &[(0, 10, 6, 10), (1, 5, 7, 5), (2, 100, 3, 100), (3, 100, 1, 100)],
            &[0.0, 10.0, 2.0, 15.0],
        ),
        (
            "in one and the same pass too",
            10,
            &[(0, 10, 6, 10), (1, 5, 7, 5), (1, 100, 3, 100), (1, 100, 1, 100)],
            &[0.0, 10.0, 1.0, 15.0],
        ),
        (
            "extra slots serve several as long as they last",
            10,
            &[(0, 10, 6, 10), (1, 5, 7, 5), (2, 100, 2, 100), (3, 100, 1, 100), (4, 100, 1, 100)],
            &[0.0, 10.0, 2.0, 3.0, 15.0],
        ),
        (
            "what two jobs that end together leave over counts as a whole",
            4,
            &[(0, 10, 1, 10), (0, 10, 2, 10), (1, 5, 2, 5), (2, 100, 1, 100)],
            &[0.0, 0.0, 10.0, 2.0],
        ),
        (
            "an estimate that is too long lets the third delay the head",
            2,
            &[(0, 4, 1, 10), (1, 5, 2, 5), (2, 8, 1, 8)],
            &[0.0, 10.0, 2.0],
        ),
        (
            "once the first ends early, the head has a new reservation",
            3,
            &[(0, 4, 2, 10), (1, 5, 3, 5), (2, 9, 1, 9), (3, 8, 1, 8)],
            // Both others would end after 10 and wait; at 4 all slots are free for the head.
            &[0.0, 4.0, 9.0, 9.0],
        ),
        (
            "a job that is behind the second in line may not delay it either by taking the head's place",
            4,
            &[(0, 10, 2, 10), (1, 10, 4, 10), (2, 1, 2, 1), (3, 7, 2, 7)],
            &[0.0, 10.0, 2.0, 3.0],
        ),
    ];
    for (case, slots, jobs, expected) in cases {
        assert_eq!(starts(jobs, "\"easy-backfill\"", slots), expected, "{case}");
    }
}

#[test]
fn aggressive_by_hand() {
    let aggressive = "{ order = \"fifo\", place = \"first-fit\", backfill = \"aggressive\" }";
    let cases: [Case<'_>; 3] = [
        (
            "narrow jobs overtake the head for ever",
            2,
            &[(0, 10, 1, 10), (1, 5, 2, 5), (2, 20, 1, 20), (3, 15, 1, 15)],
            &[0.0, 25.0, 2.0, 10.0],
        ),
        (
            "in order of the queue, skipping what does not fit",
            4,
            &[(0, 10, 2, 10), (1, 5, 4, 5), (2, 5, 3, 5), (2, 5, 1, 5), (2, 5, 1, 5), (2, 5, 1, 5)],
            &[0.0, 15.0, 10.0, 2.0, 2.0, 7.0],
        ),
        (
            "the head itself goes first when it fits",
            2,
            &[(0, 3, 2, 3), (1, 5, 2, 5), (2, 5, 1, 5)],
            &[0.0, 3.0, 8.0],
        ),
    ];
    for (case, slots, jobs, expected) in cases {
        assert_eq!(starts(jobs, aggressive, slots), expected, "{case}");
    }
}

/// The queue behind the head need not be in order of arrival: shortest first, then backfilling.
#[test]
fn backfilling_with_another_order() {
    let jobs = [(0, 10, 3, 10), (1, 30, 4, 30), (1, 20, 2, 20), (2, 9, 1, 9), (2, 8, 1, 8)];
    // The last is the shortest and starts at once; at 10 the fourth goes before the third.
    let easy = "{ order = \"sjf\", place = \"first-fit\", backfill = \"easy\" }";
    assert_eq!(starts(&jobs, easy, 4), [0.0, 30.0, 10.0, 10.0, 2.0]);
}
