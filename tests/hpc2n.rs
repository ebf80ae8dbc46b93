//! A real log on one machine: the start of every job equals that of textbook loops which share no
//! code with the simulator.

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, TaskResult};
use falcon::time::Time;
use falcon::workload::{EstimateSpec, TraceTask, Workload, swf};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use support::judge::{identities, plan};
use support::loops::{
    Job, Score, conservative_backfilling, easy_backfilling, easy_backfilling_by, first_come_first_served,
};

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

/// The same jobs when each is ended at the time it requested, if it says one.
fn killed(tasks: &[TraceTask]) -> Vec<Job> {
    let job = |task: &TraceTask| Job {
        arrival: task.arrival.0,
        run: task.work.min(task.requested.unwrap_or(u64::MAX)),
        slots: u64::from(task.slots),
        estimate: task.requested.unwrap_or(task.work),
    };
    tasks.iter().map(job).collect()
}

/// Runs these tasks under this policy on one node, the identities of every run checked.
fn simulate(tasks: &[TraceTask], estimate: EstimateSpec, policy: &str, slots: u32) -> Vec<TaskResult> {
    simulate_killing(tasks, estimate, policy, slots, false)
}

/// The same, and tasks may be ended at their requested time.
fn simulate_killing(
    tasks: &[TraceTask],
    estimate: EstimateSpec,
    policy: &str,
    slots: u32,
    kill_at_requested: bool,
) -> Vec<TaskResult> {
    let scenario = format!(
        "policies = [{policy}]\nrun = {{ replications = 1 }}\nnodes = [{{ slots = {slots} }}]\n\
         workload = {{ tasks = 1, duration.constant = 1.0 }}"
    );
    let mut plan = plan(&scenario);
    let class_names = vec![String::new()];
    plan.workload =
        Workload::Listed { tasks: tasks.into(), class_names, estimate, graph: None, kill_at_requested };
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

/// Wait, requested time, slots and arrival of a job, as the formulas of the literature call them.
fn wrns(job: &Job, now: u64) -> (f64, f64, f64, f64) {
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    (seconds(now - job.arrival), seconds(job.estimate), job.slots as f64, seconds(job.arrival))
}

/// The log begins with its first job, so that `s` is 0 for that alone; no job requests no time.
#[test]
fn scores_under_easy_on_the_hpc2n_log() {
    let scores: [(&str, Score); 6] = [
        ("wfp3", |job, now| {
            let (w, r, n, _) = wrns(job, now);
            -((w / r) * (w / r) * (w / r)) * n
        }),
        ("unicep", |job, now| {
            let (w, r, n, _) = wrns(job, now);
            -(w + 1e-15) / ((n + 1e-15).log2() * r)
        }),
        ("f1", |job, now| {
            let (_, r, n, s) = wrns(job, now);
            r.log10() * n + 870.0 * s.max(0.1).log10()
        }),
        ("f2", |job, now| {
            let (_, r, n, s) = wrns(job, now);
            r.sqrt() * n + 2.56e4 * s.max(0.1).log10()
        }),
        ("f3", |job, now| {
            let (_, r, n, s) = wrns(job, now);
            r * n + 6.86e6 * s.max(0.1).log10()
        }),
        ("f4", |job, now| {
            let (_, r, n, s) = wrns(job, now);
            r * n.sqrt() + 5.30e5 * s.max(0.1).log10()
        }),
    ];
    let tasks = read(&in_project(HPC2N), 240);
    let jobs = jobs(&tasks, EstimateSpec::Requested);
    let mut schedules = vec![easy_backfilling(&jobs, 240)];
    for (name, score) in scores {
        let starts = easy_backfilling_by(&jobs, 240, Some(score));
        let policy = format!("{{ order = \"{name}\", place = \"first-fit\", backfill = \"easy\" }}");
        same_schedule(&simulate(&tasks, EstimateSpec::Requested, &policy, 240), &jobs, &starts);
        for other in &schedules {
            let (earlier, later) = moved(&starts, other);
            assert!(earlier + later > 100, "{name} differs from others: {earlier} earlier, {later} later");
        }
        schedules.push(starts);
    }
}

#[test]
fn conservative_backfilling_on_the_hpc2n_log() {
    let tasks = read(&in_project(HPC2N), 240);
    let easy = easy_backfilling(&jobs(&tasks, EstimateSpec::Requested), 240);
    let mut schedules = vec![easy];
    for estimate in [EstimateSpec::Exact, EstimateSpec::Requested] {
        let jobs = jobs(&tasks, estimate);
        let (starts, promises) = conservative_backfilling(&jobs, 240);
        same_schedule(&simulate(&tasks, estimate, "\"conservative-backfill\"", 240), &jobs, &starts);
        // Nobody starts later than promised, and who is promised too long runs of others starts earlier.
        let (earlier, later) = moved(&starts, &promises);
        assert_eq!(later, 0);
        assert_eq!(earlier > 300, estimate == EstimateSpec::Requested, "{earlier} earlier than promised");
        schedules.push(starts);
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let (earlier, later) = moved(&schedules[a], &schedules[b]);
        assert!(earlier + later > 300, "schedules {a} and {b}: {earlier} earlier, {later} later");
    }
}

/// Jobs that end at all sorts of times before their estimates, many at the same instants, and jobs that
/// are ended at the time they requested. Then estimates are upper bounds and promises are kept: the
/// loops check that no head of a queue is delayed under EASY and nobody under conservative backfilling.
#[test]
fn backfilling_in_random_logs() {
    let job = (0u64..4, 1u64..12, 1u64..16, 1u32..9);
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&(prop::collection::vec(job, 1..60), any::<bool>()), |(log, kills)| {
        let mut arrival = 0;
        let hand: Vec<HandJob> = log
            .into_iter()
            .map(|(gap, run, requested, slots)| {
                arrival += gap;
                (arrival, run, slots, if kills { requested } else { requested.max(run) })
            })
            .collect();
        let tasks = by_hand(&hand);
        let jobs = killed(&tasks);
        let (starts, promises) = conservative_backfilling(&jobs, 8);
        prop_assert_eq!(moved(&starts, &promises).1, 0);
        let simulate = |policy| simulate_killing(&tasks, EstimateSpec::Requested, policy, 8, kills);
        let rows = simulate("\"conservative-backfill\"");
        same_schedule(&rows, &jobs, &starts);
        for (row, (_, run, _, requested)) in rows.iter().zip(&hand) {
            let state = if run > requested { FinalState::Timeout } else { FinalState::Completed };
            prop_assert_eq!(row.state, state);
        }
        same_schedule(&simulate("\"easy-backfill\""), &jobs, &easy_backfilling(&jobs, 8));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Some jobs of the log ran longer than they had requested. Killed there, they waste what they did.
#[test]
fn jobs_killed_at_the_requested_time() {
    let log = std::fs::read(in_project(HPC2N)).expect("the file is there");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&log[..]).read_to_end(&mut bytes).expect("the gzip format");
    let tasks = swf::read_as_requested(&bytes, 240, false).expect("a log").tasks;
    let jobs = killed(&tasks);
    let plan = plan(&format!(
        "policies = [\"easy-backfill\"]\nrun = {{ replications = 1 }}\nnodes = [{{ slots = 240 }}]\n\
         workload = {{ trace.swf = \"{}\", estimate = \"requested\", kill_at_requested = true }}",
        in_project(HPC2N).display()
    ));
    let results = plan.run(&RunnerOptions { tasks: true, ..RunnerOptions::default() }).expect("it runs");
    let replication = &results[0].replications[0];
    identities(&plan, replication);
    same_schedule(&replication.tasks, &jobs, &easy_backfilling(&jobs, 240));
    let is_over = |task: &&TraceTask| task.requested.is_some_and(|requested| requested < task.work);
    let over: Vec<&TraceTask> = tasks.iter().filter(is_over).collect();
    assert!(over.len() > 10, "{} jobs ran over", over.len());
    let metric = |metric| replication.metrics.get(metric).expect("a figure");
    assert_eq!(metric(Metric::Timeouts), over.len() as f64);
    assert_eq!(metric(Metric::Completed), (tasks.len() - over.len()) as f64);
    assert_eq!(metric(Metric::Retries), 0.0);
    let wasted: u64 = over.iter().map(|task| task.requested.unwrap_or(0) * u64::from(task.slots)).sum();
    assert!((metric(Metric::WastedTime) - wasted as f64 / 1e9).abs() < 1e-6 * wasted as f64 / 1e9);
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
fn conservative_by_hand() {
    // Case, slots, jobs, starts under EASY, starts under conservative backfilling.
    type Both<'a> = (&'a str, u32, &'a [HandJob], &'a [f64], &'a [f64]);
    let cases: [Both<'_>; 6] = [
        (
            "EASY protects the head alone: a long narrow job takes what the head leaves over, and the \
             wide job behind the head waits for it. Promised its start, the wide job gets it",
            4,
            &[(0, 10, 2, 10), (1, 10, 3, 10), (2, 10, 4, 10), (3, 100, 1, 100)],
            &[0.0, 10.0, 103.0, 3.0],
            &[0.0, 10.0, 20.0, 30.0],
        ),
        (
            "what delays nobody overtakes in both",
            4,
            &[(0, 10, 3, 10), (1, 5, 4, 5), (2, 8, 1, 8), (2, 9, 1, 9)],
            &[0.0, 10.0, 2.0, 15.0],
            &[0.0, 10.0, 2.0, 15.0],
        ),
        (
            "a hole between two promises is filled",
            4,
            &[(0, 10, 2, 10), (1, 10, 3, 10), (2, 10, 4, 10), (3, 17, 1, 17)],
            &[0.0, 10.0, 20.0, 3.0],
            &[0.0, 10.0, 20.0, 3.0],
        ),
        (
            "the first ends early: all move forward, in order of arrival",
            3,
            &[(0, 4, 2, 10), (1, 5, 3, 5), (2, 9, 1, 9), (3, 8, 1, 8)],
            &[0.0, 4.0, 9.0, 9.0],
            &[0.0, 4.0, 9.0, 9.0],
        ),
        (
            "the first ends early: a short job that comes then fits before the wide one",
            2,
            &[(0, 2, 1, 10), (0, 10, 1, 10), (1, 10, 2, 10), (2, 8, 1, 8), (2, 8, 1, 8)],
            &[0.0, 0.0, 10.0, 2.0, 20.0],
            &[0.0, 0.0, 10.0, 2.0, 20.0],
        ),
        (
            "a job that runs over its estimate makes the others wait, and they start when it ends",
            2,
            &[(0, 10, 1, 4), (1, 5, 2, 5), (2, 5, 1, 5), (3, 1, 1, 1)],
            // The third is planned after the second; at 3 the hole is one second wide.
            &[0.0, 10.0, 15.0, 3.0],
            &[0.0, 10.0, 15.0, 3.0],
        ),
    ];
    for (case, slots, jobs, easy, conservative) in cases {
        assert_eq!(starts(jobs, "\"easy-backfill\"", slots), easy, "EASY: {case}");
        assert_eq!(starts(jobs, "\"conservative-backfill\"", slots), conservative, "conservative: {case}");
    }
}

/// `backfill_order` says who may overtake first, `commit_head` whom.
#[test]
fn the_ways_to_overtake_by_hand() {
    let order = |options: &str| format!("{{ order = \"priority\", place = \"first-fit\", {options} }}");
    let fifo = |options: &str| format!("{{ place = \"first-fit\", {options} }}");
    // The head waits for 4 slots until 10; one slot is free for one short job at a time.
    let jobs = [(0, 10, 3, 10), (1, 5, 4, 5), (1, 7, 1, 7), (1, 3, 1, 3), (1, 5, 1, 5)];
    let easy = fifo("backfill = \"easy\"");
    assert_eq!(starts(&jobs, &easy, 4), [0.0, 10.0, 1.0, 15.0, 15.0]);
    let shortest = fifo("backfill = \"easy\", backfill_order = \"sjf\"");
    assert_eq!(starts(&jobs, &shortest, 4), [0.0, 10.0, 15.0, 1.0, 4.0]);
    let longest = fifo("backfill = \"aggressive\", backfill_order = \"ljf\"");
    assert_eq!(starts(&jobs, &longest, 4), [0.0, 13.0, 1.0, 10.0, 8.0]);
    // The second job is the head until the third comes, which is more urgent and as wide.
    let urgent = [(0, 10, 1, 10), (1, 5, 2, 5), (2, 5, 2, 5)];
    let priorities = [0.0, 1.0, 2.0];
    let starts = |policy: &str| -> Vec<f64> {
        let mut tasks = by_hand(&urgent);
        tasks.iter_mut().zip(priorities).for_each(|(task, priority)| task.priority = priority);
        let rows = simulate(&tasks, EstimateSpec::Requested, policy, 2);
        rows.iter().map(|row| row.first_start.expect("all start").as_seconds()).collect()
    };
    for backfill in ["none", "aggressive", "easy"] {
        let free = order(&format!("backfill = \"{backfill}\""));
        assert_eq!(starts(&free), [0.0, 15.0, 10.0], "{backfill}");
        let committed = order(&format!("backfill = \"{backfill}\", commit_head = true"));
        assert_eq!(starts(&committed), [0.0, 10.0, 15.0], "{backfill}");
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
