//! Tasks that wait for each other: what is known of schedules of graphs holds for every policy, and what
//! was worked out by hand comes out to the last digit.

mod support;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::metrics::{FinalState, Metric, TaskResult};
use falcon::policies::{self, registry};
use falcon::random::Streams;
use falcon::scheduler::{Record, TaskState};
use falcon::sim::{self, RunOptions, RunOutput};
use falcon::time::Time;
use falcon::workload::csv::TraceDefaults;
use falcon::workload::{Workload, batsim, wfformat};
use proptest::prelude::*;
use support::judge::plan;

/// A run, its core checked after every instant.
fn run(plan: &Plan, policy: usize, seed: u64) -> RunOutput {
    let world = plan.world();
    let built = policies::build(&plan.policies[policy], &world.nodes, world.max_demand(), Streams::new(seed));
    let options = RunOptions { tasks: true, history: true, check_invariants: true, ..RunOptions::default() };
    sim::simulate(&world, seed, built, &options).expect("it runs")
}

fn list(policies: &str, nodes: &str, tasks: &str) -> Plan {
    plan(&format!(
        "policies = [{policies}]\nrun.replications = 1\nnodes = [{nodes}]\nworkload.tasks_list = [{tasks}]"
    ))
}

fn rows(plan: &Plan) -> Vec<TaskResult> {
    run(plan, 0, 1).tasks
}

fn spans(rows: &[TaskResult]) -> Vec<(f64, f64)> {
    rows.iter().map(|row| (row.first_start.unwrap().as_seconds(), row.settled.as_seconds())).collect()
}

/// Graham, "Bounds on multiprocessing timing anomalies", 1969: nine tasks, the first before the ninth
/// and the fourth before the fifth to eighth. More machines, shorter tasks and fewer constraints all
/// take longer.
#[test]
fn grahams_anomalies() {
    let makespan = |machines: u32, less: u32, constraints: &[(usize, usize)]| {
        let mut tasks = String::new();
        for (task, work) in [3, 2, 2, 2, 4, 4, 4, 4, 9].into_iter().enumerate() {
            let after: Vec<usize> =
                constraints.iter().filter(|edge| edge.1 == task + 1).map(|edge| edge.0 - 1).collect();
            let after = if after.is_empty() { String::new() } else { format!(", after = {after:?}") };
            tasks += &format!("{{ work = {}{after} }},\n", work - less);
        }
        let plan = list("\"fifo\"", &format!("{{ count = {machines} }}"), &tasks);
        run(&plan, 0, 1).collected.metrics.get(Metric::Makespan).unwrap()
    };
    let all = [(1, 9), (4, 5), (4, 6), (4, 7), (4, 8)];
    assert_eq!(makespan(3, 0, &all), 12.0);
    assert_eq!(makespan(4, 0, &all), 15.0);
    assert_eq!(makespan(3, 1, &all), 13.0);
    assert_eq!(makespan(3, 0, &[(1, 9), (4, 7), (4, 8)]), 16.0);
}

/// A task that becomes ready keeps the place in line that its arrival gave it, and competes at the very
/// instant at which its parent ends.
#[test]
fn a_child_competes_at_the_instant_its_parent_ends() {
    for policy in ["fifo", "least-loaded"] {
        let plan = list(
            &format!("\"{policy}\""),
            "{}",
            "{ work = 2 }, { work = 1, after = [0] }, { arrival = 1, work = 5 }, { arrival = 2, work = 1 }",
        );
        let expected = match policy {
            // The child arrived before the task that waits since 1 s.
            "fifo" => [(0.0, 2.0), (2.0, 3.0), (3.0, 8.0), (8.0, 9.0)],
            // Bound when it is ready, but its place in the node's queue is that of its arrival.
            _ => [(0.0, 2.0), (2.0, 3.0), (3.0, 8.0), (8.0, 9.0)],
        };
        assert_eq!(spans(&rows(&plan)), expected, "{policy}");
    }
}

#[test]
fn parents_may_arrive_after_their_children_and_end_before() {
    let plan = list(
        "\"fifo\"",
        "{ count = 2 }",
        "{ arrival = 5, work = 2 }, { arrival = 0, work = 1, after = [0, 2] }, { arrival = 1, work = 1 }, \
         { arrival = 20, work = 1, after = [1] }",
    );
    // In order of arrival: the child, its two parents, and a task that comes long after its parent.
    assert_eq!(spans(&rows(&plan)), [(7.0, 8.0), (1.0, 2.0), (5.0, 7.0), (20.0, 21.0)]);
}

#[test]
fn without_its_parent_a_task_is_cancelled() {
    let text = |more: &str| {
        format!(
            "policies = [\"fifo\"]\nrun = {{ replications = 1 {more} }}\nnodes = [{{ count = 2 }}]\n\
             workload.tasks_list = [{{ work = 1, after = [2] }}, {{ work = 1, after = [0] }}, \
             {{ arrival = 9, work = 1 }}, {{ arrival = 3, work = 1 }}]"
        )
    };
    let states = |plan: &Plan| rows(plan).iter().map(|row| (row.state, row.settled)).collect::<Vec<_>>();
    use FinalState::{Cancelled, Completed};
    let at = |seconds: u64| Time(seconds * 1_000_000_000);
    let all = [(Completed, at(11)), (Completed, at(12)), (Completed, at(4)), (Completed, at(10))];
    assert_eq!(states(&plan(&text(""))), all);
    // Arrivals end before the parent comes: known when the last has come.
    let cut = [(Cancelled, at(3)), (Cancelled, at(3)), (Completed, at(4))];
    assert_eq!(states(&plan(&text(", until = 5"))), cut);
}

/// HEFT by hand: nodes of speed 1 and 2; a fork of works 8, 6 and 2 after a task of work 2, and a join of
/// work 4. Ranks: 14, 12, 10, 6, 4.
#[test]
fn heft_binds_those_with_the_longest_way_first_to_where_they_end_first() {
    let plan = list(
        "\"heft\", { order = \"critical-path\", place = \"earliest-finish\", name = \"pull\" }",
        "{ }, { speed = 2.0 }",
        "{ work = 2 }, { work = 2, after = [0] }, { work = 6, after = [0] }, { work = 8, after = [0] }, \
         { work = 4, after = [1, 2, 3] }",
    );
    let fates = |policy: usize| -> Vec<(u32, f64, f64)> {
        let rows = run(&plan, policy, 1).tasks;
        let seconds = |time: Time| time.as_seconds();
        rows.iter()
            .map(|row| (row.node.unwrap(), seconds(row.first_start.unwrap()), seconds(row.settled)))
            .collect()
    };
    // At 1 s: the task of 8 ends at 5 on the fast node; that of 6 at 7 on the slow one, at 8 behind the
    // other on the fast one; that of 2 at 6 on the fast one, at 9 on the slow one. The join at 7.
    let expected = [(1, 0.0, 1.0), (1, 5.0, 6.0), (0, 1.0, 7.0), (1, 1.0, 5.0), (1, 7.0, 9.0)];
    assert_eq!(fates(0), expected);
    // A central queue: nobody is bound ahead, the free node takes the next.
    assert_eq!(fates(1), expected);
}

/// However long the chain, it is cancelled in one go, and the run ends.
#[test]
fn a_failed_task_takes_all_its_descendants_with_it() {
    let plan = plan(
        "policies = [\"fifo\", \"round-robin\"]\nrun.replications = 1\nnodes = [{ count = 2 }]\n\
         [workload]\ntasks = 100_000\nduration.constant = 1.0\nfailure_probability = 1.0\n\
         jobs.chain.length = 100_000",
    );
    for result in plan.run(&RunnerOptions::default()).expect("it runs") {
        let value = |metric| result.values(metric)[0];
        assert_eq!((value(Metric::Errors), value(Metric::Cancelled)), (1.0, 99_999.0));
        assert_eq!((value(Metric::Makespan), value(Metric::Attempts)), (3.0, 3.0));
        assert_eq!(value(Metric::MaxQueueLength), 100_000.0);
        assert_eq!(value(Metric::Jobs), 0.0);
        assert!(result.values(Metric::MeanJobMakespan).is_empty());
    }
}

/// With room for all, a job takes as long as its longest path.
#[test]
fn jobs_alone_take_their_longest_path() {
    for (shape, tasks, path) in [
        ("chain.length = 5", 5, 5.0),
        ("fork-join.width = 8", 10, 3.0),
        ("fork-join = { width = 3, stages = 2 }", 9, 5.0),
        ("layered = { layers = 4, width = 6, density = 0.5 }", 24, 4.0),
        ("tree = { depth = 4, branching = 2 }", 15, 4.0),
    ] {
        let plan = plan(&format!(
            "policies = [\"fifo\"]\nrun.replications = 1\nnodes = [{{ count = 8, speed = 2.0 }}]\n\
             [workload]\ntasks = {}\narrivals.periodic.interval = 100.0\nduration.constant = 2.0\n\
             jobs.{shape}",
            3 * tasks
        ));
        let metrics = run(&plan, 0, 1).collected.metrics;
        assert_eq!(metrics.get(Metric::Jobs), Some(3.0), "{shape}");
        assert_eq!(metrics.get(Metric::MeanJobMakespan), Some(path), "{shape}");
        assert_eq!(metrics.get(Metric::MeanJobSlowdown), Some(1.0), "{shape}");
        assert_eq!(metrics.get(Metric::Makespan), Some(200.0 + path), "{shape}");
    }
}

/// Mean of `metric` over the replications of the first policy, and three standard errors of it.
fn estimate(plan: &Plan, metric: Metric) -> (f64, f64) {
    let results = plan.run(&RunnerOptions::default()).expect("it runs");
    let values = results[0].values(metric);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, 3.5 * (variance / n).sqrt())
}

#[track_caller]
fn agrees(plan: &Plan, metric: Metric, theory: f64, within: f64) {
    let (mean, error) = estimate(plan, metric);
    assert!(error < within * theory, "{metric:?}: {mean} ± {error} is too wide to tell");
    assert!((mean - theory).abs() < error, "{metric:?}: {mean} ± {error}, theory {theory}");
}

/// On one node the tasks of a chain follow each other at once, first job first: jobs are customers of an
/// M/D/1 queue (Pollaczek and Khinchine).
#[test]
fn chains_on_one_node_are_a_queue_of_jobs() {
    let plan = plan(
        "policies = [\"fifo\"]\nrun = { replications = 20, warmup = 3000 }\nnodes = [{}]\n\
         [workload]\ntasks = 60_000\narrivals.poisson.rate = 0.2\nduration.constant = 1.0\n\
         jobs.chain.length = 3",
    );
    let load: f64 = 0.6;
    agrees(&plan, Metric::MeanJobMakespan, 3.0 + 3.0 * load / (2.0 * (1.0 - load)), 0.03);
}

/// The longest of n exponential tasks takes H_n on average.
#[test]
fn a_join_waits_for_the_longest() {
    let plan = plan(
        "policies = [\"fifo\"]\nrun.replications = 10\nnodes = [{ count = 30 }]\n\
         [workload]\ntasks = 20_000\narrivals.periodic.interval = 30.0\nduration.exponential.mean = 1.0\n\
         jobs.fork-join.width = 8",
    );
    let longest: f64 = (1..=8).map(|n| 1.0 / f64::from(n)).sum();
    agrees(&plan, Metric::MeanJobMakespan, 2.0 + longest, 0.02);
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// Works in billionths by id, and the most work on a path, read by other means than the simulator's.
fn by_hand(path: &Path) -> (Vec<u64>, u64) {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let list = |part: &str| json["workflow"][part]["tasks"].as_array().expect("tasks");
    let id = |task: &serde_json::Value| task["id"].as_str().expect("an id").to_string();
    let seconds = |task: &serde_json::Value| task["runtimeInSeconds"].as_f64().expect("a run time");
    let works: BTreeMap<String, u64> =
        list("execution").iter().map(|task| (id(task), (seconds(task) * 1e9).round() as u64)).collect();
    let children: BTreeMap<String, Vec<String>> = list("specification")
        .iter()
        .map(|task| {
            let children = task["children"].as_array().expect("children").iter();
            (id(task), children.map(|child| child.as_str().expect("an id").to_string()).collect())
        })
        .collect();
    fn rank(
        task: &str,
        works: &BTreeMap<String, u64>,
        children: &BTreeMap<String, Vec<String>>,
        known: &mut BTreeMap<String, u64>,
    ) -> u64 {
        if let Some(&rank) = known.get(task) {
            return rank;
        }
        let below = children[task].iter().map(|child| rank(child, works, children, known)).max();
        known.insert(task.to_string(), works[task] + below.unwrap_or(0));
        known[task]
    }
    let mut known = BTreeMap::new();
    let path = works.keys().map(|task| rank(task, &works, &children, &mut known)).max().expect("a task");
    (works.into_values().collect(), path)
}

fn workflows() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/data/srasearch-chameleon-10a-001.json");
    let others = ["1000genome-chameleon-2ch-100k-001", "helloworld-forkjoin-10-chameleon"];
    std::iter::once(own).chain(others.iter().filter_map(|name| shared(&format!("wf/{name}.json")))).collect()
}

/// Under every policy a workflow takes at least as long as its longest path on the fastest node, and as
/// all its work on all nodes. On equal nodes, every order of a central queue keeps Graham's bound:
/// longest path x (1 - 1/m) + work / m.
#[test]
fn real_workflows_keep_the_bounds_of_graham() {
    for path in workflows() {
        let (works, longest) = by_hand(&path);
        let work: u64 = works.iter().sum();
        let orders: Vec<String> = registry::ORDERS
            .iter()
            .map(|order| match order.name {
                "score" => "{ order.score = \"-wait / work\" }".to_string(),
                name => format!("{{ order = \"{name}\", name = \"order-{name}\" }}"),
            })
            .collect();
        let presets: Vec<String> =
            registry::PRESETS.iter().map(|preset| format!("\"{}\"", preset.name)).collect();
        let scenario = |policies: &[String], nodes: &str| {
            plan(&format!(
                "policies = [{}]\nrun.replications = 1\nnodes = [{nodes}]\nworkload.trace.wfformat = {:?}",
                policies.join(", "),
                path.display().to_string()
            ))
        };
        for machines in [2u64, 3, 7] {
            let plan = scenario(&orders, &format!("{{ count = {machines} }}"));
            let least = longest.max(work / machines);
            let most = longest - longest / machines + work / machines + 3;
            for policy in 0..plan.policies.len() {
                let makespan = run(&plan, policy, 1).collected.window.0;
                let name = &plan.policies[policy].name;
                assert!((least..=most).contains(&makespan), "{name} on {machines}: {makespan} ns");
            }
        }
        let plan = scenario(&presets, "{ count = 2, speed = 3.0 }, { count = 2 }");
        let least = (longest as f64 / 3.0).max(work as f64 / 8.0) - works.len() as f64;
        for policy in 0..plan.policies.len() {
            let output = run(&plan, policy, 1);
            let name = &plan.policies[policy].name;
            assert!(output.collected.window.0 as f64 >= least, "{name}");
            assert_eq!(output.collected.metrics.get(Metric::Jobs), Some(1.0), "{name}");
            let slowdown = output.collected.metrics.get(Metric::MeanJobSlowdown).unwrap();
            let expected = output.collected.window.0 as f64 / (longest as f64 / 3.0);
            assert!((slowdown - expected).abs() < 1e-6 * expected, "{name}: {slowdown}, not {expected}");
        }
    }
}

#[test]
fn workflows_are_read_as_their_origins_describe_them() {
    let defaults =
        TraceDefaults { priority: 0.0, slots: 1, failure_probability: 0.0, details: None, zones: &[] };
    for (path, count) in workflows().iter().zip([22, 52, 10]) {
        let workflow = wfformat::read(&std::fs::read(path).unwrap(), &defaults).unwrap();
        assert_eq!(workflow.tasks.len(), count, "{}", path.display());
        let (mut works, longest) = by_hand(path);
        let mut read: Vec<u64> = workflow.tasks.iter().map(|task| task.work).collect();
        works.sort_unstable();
        read.sort_unstable();
        assert_eq!(read, works);
        assert_eq!(workflow.graph.job(0).1.path, longest);
    }
}

#[test]
fn batsim_workloads_are_read_as_their_origins_describe_them() {
    let defaults =
        TraceDefaults { priority: 0.0, slots: 1, failure_probability: 0.0, details: None, zones: &[] };
    for (name, count, largest) in [
        ("example_workload_hpc_seed1_jobs250", 250, 128),
        ("test_delays", 10, 2),
        ("test_same_submit_time", 18, 1),
        ("test_walltime", 44, 64),
    ] {
        let Some(path) = shared(&format!("batsim/{name}.json")) else { continue };
        let log = batsim::read(&std::fs::read(path).unwrap(), largest, &defaults).unwrap();
        assert_eq!(
            (log.records, log.tasks.len(), log.dropped_too_large),
            (count, count as usize, 0),
            "{name}"
        );
        assert!(log.has_estimates, "{name}");
        if name == "test_walltime" {
            // Jobs that only compute take 10 s on a machine of 10^9 operations a second, as the others.
            assert!(log.tasks.iter().all(|task| task.work == 10_000_000_000));
        }
    }
}

/// A random graph with everything that can go wrong: tasks that fail, nodes that are lost, parents that
/// come late or never.
#[derive(Clone, Debug)]
struct Case {
    tasks: Vec<(u32, u32, Vec<usize>)>,
    failure_probability: f64,
    loss: &'static str,
    faults: bool,
    until: Option<u32>,
    dispatch: &'static str,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let task = (0u32..8, 1u32..5, prop::collection::vec(any::<prop::sample::Index>(), 0..4));
    (
        prop::collection::vec(task, 1..25),
        prop::sample::select(vec![0.0, 0.2, 0.6]),
        prop::sample::select(vec!["restart", "resume", "fail"]),
        any::<bool>(),
        prop::option::weighted(0.3, 0u32..8),
        prop::sample::select(vec!["pull", "push"]),
        0u64..1000,
    )
        .prop_map(|(tasks, failure_probability, loss, faults, until, dispatch, seed)| {
            let tasks = tasks.into_iter().enumerate().map(|(task, (arrival, work, parents))| {
                // Parents stand before their children in the list, so there is no circle; when they
                // arrive is another matter.
                let parents = if task == 0 { Vec::new() } else { parents };
                (arrival, work, parents.iter().map(|parent| parent.index(task)).collect())
            });
            Case { tasks: tasks.collect(), failure_probability, loss, faults, until, dispatch, seed }
        })
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut tasks = String::new();
    for (arrival, work, after) in &case.tasks {
        let after = if after.is_empty() { String::new() } else { format!(", after = {after:?}") };
        tasks += &format!("{{ arrival = {arrival}, work = {work}{after} }},\n");
    }
    let until = case.until.map_or(String::new(), |until| format!("until = {until},"));
    let faults = if case.faults { "up.exponential.mean = 9.0, down.exponential.mean = 2.0" } else { "" };
    let plan = plan(&format!(
        "policies = [{{ order = \"critical-path\", place = \"least-loaded\", dispatch = \"{}\" }}, \
         {{ order = \"sjf\", place = \"fastest\", dispatch = \"{0}\" }}]\n\
         run = {{ {until} replications = 1 }}\nretry.on_node_loss = \"{}\"\n\
         nodes = [{{ count = 2, speed = 0.7, {faults} }}, {{ {faults} }}]\n\
         workload = {{ failure_probability = {:?}, tasks_list = [{tasks}] }}",
        case.dispatch, case.loss, case.failure_probability
    ));
    let Workload::Listed { tasks: listed, graph, .. } = &plan.workload else { panic!("a list") };
    let last = case.until.map_or(u64::MAX, |until| u64::from(until) * 1_000_000_000);
    let arrive = listed.iter().filter(|task| task.arrival.0 <= last).count();
    for policy in 0..2 {
        let output = run(&plan, policy, case.seed);
        prop_assert_eq!(output.tasks.len(), arrive);
        let mut settled = BTreeMap::new();
        for (now, record) in &output.history {
            match *record {
                Record::Dispatched { task, .. } => {
                    for parent in graph.iter().flat_map(|graph| graph.parents(task.number)) {
                        prop_assert_eq!(settled.get(parent), Some(&TaskState::Completed), "{:?}", now);
                    }
                }
                Record::Settled { task, state, .. } => {
                    prop_assert_eq!(settled.insert(task.number, state), None);
                }
                _ => {}
            }
        }
        prop_assert_eq!(settled.len(), arrive);
        for row in &output.tasks {
            let parents = graph.as_ref().map_or(&[][..], |graph| graph.parents(row.task));
            let whole = parents.iter().all(|parent| settled.get(parent) == Some(&TaskState::Completed));
            prop_assert_eq!(row.state == FinalState::Cancelled, !whole, "task {}", row.task);
            prop_assert!(whole || row.attempts == 0);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_is_lost_and_no_child_goes_before_its_parents(case in case()) {
        check(&case)?;
    }
}

/// A workflow on real worker processes; its log replays.
#[test]
fn a_workflow_runs_for_real() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "policies = [\"fifo\"]\nrun.replications = 1\nnodes = [{ count = 2 }]\n\
        workload.tasks_list = [{ work = 2 }, { work = 1, after = [0] }, { work = 3, after = [0] }, \
        { work = 1, after = [1, 2] }]\n";
    std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
    let falcon = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_falcon"));
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    falcon(&[
        "live",
        "scenario.toml",
        "--out",
        "out",
        "--time-scale",
        "0.05",
        "--no-plots",
        "--lag-tolerance",
        "100000",
    ]);
    falcon(&["replay", "out"]);
    let log = std::fs::File::open(folder.path().join("out/log.jsonl.gz")).unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(log).read_to_string(&mut text).unwrap();
    let (mut started, mut done) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |of: &serde_json::Value| of["task"]["number"].as_u64().unwrap();
        for event in line["step"]["events"].as_array().into_iter().flatten() {
            done.extend(event.get("AttemptFinished").map(number));
        }
        for command in line["step"]["commands"].as_array().into_iter().flatten() {
            let Some(task) = command.get("StartAttempt").map(number) else { continue };
            let parents: &[u64] = [&[][..], &[0], &[0], &[1, 2]][task as usize];
            assert!(parents.iter().all(|parent| done.contains(parent)), "task {task} after {done:?}");
            started.push(task);
        }
    }
    assert_eq!((started, done.len()), (vec![0, 1, 2, 3], 4));
}
