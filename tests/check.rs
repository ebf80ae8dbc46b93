//! `falcon check`: a scheduler that is whole passes, one without a guard does not, and what is shown of that
//! is small and can be repeated.

use std::process::{Command, Output};

use falcon::audit::Rule;
use falcon::experiment::check::{CheckOptions, Checked, Found, check, still_breaks};
use falcon::experiment::plan::Plan;
use falcon::scheduler::Sabotage;

/// Locks, breakers, retries with pauses, and late news: everything that the guards are for.
const SHOP: &str = r#"
    policies = ["fifo", "least-loaded"]
    nodes = [{ name = "east", zone = "east", count = 2, slots = 2 }, { name = "west", zone = "west", count = 2, slots = 2 }]
    [workload]
    tasks = 60
    arrivals.poisson.rate = 3
    duration.exponential.mean = 2
    failure_probability = 0.2
    lock.names = 8
    [retry]
    max_attempts = 3
    backoff = { base = 0.5, jitter = 0.5 }
    [scheduler]
    breaker = { consecutive_failures = 2, open = 5 }
    lock_lease = 1
"#;

/// Tasks that wait for each other.
const JOBS: &str = r#"
    policies = ["fifo", "power-of-two"]
    nodes = [{ count = 3 }]
    [workload]
    tasks = 60
    arrivals.poisson.rate = 0.5
    duration.exponential.mean = 1
    jobs.fork-join.width = 3
"#;

fn plan(scenario: &str) -> Plan {
    Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}\n{scenario}", mistakes.render(false)))
}

fn options(seeds: u64) -> CheckOptions<'static> {
    CheckOptions { seeds, threads: 2, ..CheckOptions::default() }
}

fn found(plan: &Plan, options: &CheckOptions<'_>) -> Option<Box<Found>> {
    match check(plan, options).expect("it runs") {
        Checked::Holds(_) => None,
        Checked::Broken(found) => Some(found),
    }
}

#[track_caller]
fn holds(scenario: &str, seeds: u64) {
    let plan = plan(scenario);
    match check(&plan, &options(seeds)).expect("it runs") {
        Checked::Holds(held) => {
            assert_eq!(held.runs, seeds * plan.policies.len() as u64);
            assert_eq!(held.given_up, 0);
        }
        Checked::Broken(found) => panic!("{found:#?}"),
    }
}

// Schedulers that are whole ------------------------------------------------------------------------

#[test]
fn a_scheduler_that_is_whole_keeps_all_rules() {
    holds(SHOP, 40);
    holds(JOBS, 20);
}

#[test]
fn all_ways_of_dispatching_keep_all_rules() {
    let scenario = |policies: &str, cpu: [&str; 3]| {
        let [small, large, demand] = cpu;
        let scenario = format!(
            r#"
            policies = [{policies}]
            nodes = [{{ count = 3, slots = 2, speed = 1.5, {small} }}, {{ count = 2, slots = 3, {large} }}]
            [workload]
            tasks = 80
            arrivals.poisson.rate = 4
            duration.hyperexponential = {{ p = [0.8, 0.2], mean = [0.5, 4] }}
            priority.uniform = {{ low = 0, high = 3 }}
            {demand}
            [retry]
            timeout = 8
            [scheduler]
            breaker = {{ error_share = 0.5, minimum = 3, open = 4, probes = 2 }}
            "#
        );
        holds(&scenario, 10);
    };
    let policies = r#""fifo", "sjf", "srtf", "time-slice", "work-stealing", "late-binding", "random", "first-fit",
        { name = "batches", dispatch.pull.batch = 4 }, { name = "priorities", order = "priority", preempt = true }"#;
    scenario(policies, ["capacity = { cpu = 3 }", "capacity = { cpu = 4 }", "demand = { cpu = 2 }"]);
    // These count slots alone.
    let policies = r#""easy-backfill", "conservative-backfill", "min-cost-flow", "mlfq", "consistent-hash""#;
    scenario(policies, ["", "", ""]);
}

#[test]
fn limits_and_time_limits_keep_all_rules() {
    holds(
        r#"
        policies = ["fifo", "least-loaded", "late-binding", "sjf"]
        nodes = [{ count = 4, queue_limit = 3, up.exponential.mean = 30, down.exponential.mean = 3 }]
        [workload]
        tasks = 100
        arrivals.poisson.rate = 4
        duration.exponential.mean = 1
        failure_probability = 0.1
        patience.exponential.mean = 5
        [retry]
        total_timeout = 20
        on_node_loss = "resume"
        budget = { share = 0.3, burst = 5 }
        [scheduler]
        queue_limit = 20
        "#,
        20,
    );
}

#[test]
fn leaders_that_fail_and_checkpoints_keep_all_rules() {
    holds(
        r#"
        policies = ["fifo", "power-of-two"]
        nodes = [{ count = 4 }]
        scheduler.replicas = { up.exponential.mean = 20, down.exponential.mean = 3, lease = 1, election = 0.2 }
        [workload]
        tasks = 80
        arrivals.poisson.rate = 2
        duration.exponential.mean = 1.5
        [retry]
        checkpoint = { interval = 1, cost = 0.1 , restore = 0.1 }
        "#,
        20,
    );
}

/// Copies of attempts, late by what others took, whose originals fail, beside breakers and an autoscaler.
#[test]
fn copies_keep_all_rules() {
    let scenario = |speculation: &str, scheduler: &str| {
        let scenario = format!(
            r#"
            policies = ["fifo", "least-loaded"]
            nodes = [{{ name = "a", count = 3, speed = 2 }}, {{ name = "b", slots = 2, failure_probability = 0.5 }}]
            [workload]
            tasks = 60
            arrivals.poisson.rate = 3
            duration.exponential.mean = 1
            failure_probability = 0.1
            [retry]
            max_attempts = "unlimited"
            speculation = {{ {speculation} }}
            [scheduler]
            {scheduler}
            "#
        );
        holds(&scenario, 30);
    };
    let autoscaler = "autoscale = { group = \"a\", min = 1, initial = 2, interval = 1, by.utilisation = { up = 0.8, down = 0.3 } }";
    for speculation in ["late = 0.2", "late = 0.5, copies = 2", "quantile = 0.5, observations = 5"] {
        for scheduler in ["", "breaker = { consecutive_failures = 1, open = 1 }", autoscaler] {
            scenario(speculation, scheduler);
        }
    }
}

// Schedulers without a guard -----------------------------------------------------------------------

/// Leaves a guard out, and gives what the auditor finds by itself within 1,000 seeds: the scheduler's own
/// tables are not asked.
#[track_caller]
fn without(scenario: &str, guard: Sabotage) -> Box<Found> {
    let plan = plan(scenario);
    let options = CheckOptions { sabotage: Some(guard), trust_tables: true, ..options(1000) };
    let found = found(&plan, &options).unwrap_or_else(|| panic!("nobody misses {guard:?}"));
    println!("{guard:?}: seed {}, {} tasks, {:?}", found.seed, found.tasks, found.violation);
    // What is left is minimal: without any of its faults the rule holds.
    assert!(still_breaks(&plan, &options, &found, &found.faults), "{found:#?}");
    for at in 0..found.faults.len() {
        let mut fewer = found.faults.clone();
        fewer.remove(at);
        assert!(!still_breaks(&plan, &options, &found, &fewer), "{at} of {:#?}", found.faults);
    }
    found
}

#[test]
fn without_the_check_of_attempt_numbers() {
    let found = without(SHOP, Sabotage::AttemptNumbers);
    assert_eq!(found.violation.rule, Rule::OwnResults);
    // It takes a node that is lost, or believed lost, and a result of it that comes later.
    assert!((1..=3).contains(&found.faults.len()), "{:#?}", found.faults);
    assert!(found.faults.len() < found.faults_before || found.tasks < found.tasks_before);
}

#[test]
fn without_the_check_of_fencing_tokens() {
    assert_eq!(without(SHOP, Sabotage::FencingTokens).violation.rule, Rule::FencingTokens);
}

#[test]
fn without_the_check_of_capacity() {
    let found = without(SHOP, Sabotage::Capacity);
    assert_eq!(found.violation.rule, Rule::Capacity);
    // No fault is needed, and as many tasks as make the smallest node run one too many.
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    assert!(found.tasks < 60, "{}", found.tasks);
}

#[test]
fn without_the_check_of_breakers() {
    assert_eq!(without(SHOP, Sabotage::Breakers).violation.rule, Rule::Breakers);
}

#[test]
fn without_other_guards() {
    assert_eq!(without(SHOP, Sabotage::Leases).violation.rule, Rule::OneHolder);
    assert_eq!(without(SHOP, Sabotage::Backoff).violation.rule, Rule::Backoff);
    assert_eq!(without(SHOP, Sabotage::AttemptLimit).violation.rule, Rule::AttemptLimit);
    assert_eq!(without(JOBS, Sabotage::Parents).violation.rule, Rule::Parents);
    assert_eq!(without(SHOP, Sabotage::Silence).violation.rule, Rule::OpenNodes);
}

/// The core's own tables notice some of it too.
#[test]
fn tables_are_held_against_each_other() {
    let options = CheckOptions { sabotage: Some(Sabotage::Breakers), ..options(1000) };
    let found = found(&plan(SHOP), &options).expect("a broken rule");
    assert!([Rule::Tables, Rule::Breakers].contains(&found.violation.rule), "{:?}", found.violation);
}

/// What is found does not depend on the number of threads, and is found again from its seed alone.
#[test]
fn what_is_found_is_found_again() {
    let plan = plan(SHOP);
    let all = CheckOptions { sabotage: Some(Sabotage::AttemptNumbers), ..options(200) };
    let first = found(&plan, &all).expect("a broken rule");
    let alone = found(&plan, &CheckOptions { threads: 1, ..all }).expect("a broken rule");
    let again = found(&plan, &CheckOptions { from: first.seed, seeds: 1, ..all }).expect("a broken rule");
    for other in [&alone, &again] {
        assert_eq!(
            (first.seed, &first.policy, &first.violation),
            (other.seed, &other.policy, &other.violation)
        );
        assert_eq!(format!("{:?}", first.faults), format!("{:?}", other.faults));
        assert_eq!(first.history, other.history);
    }
}

// The command --------------------------------------------------------------------------------------

fn falcon(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.toml"), SHOP).unwrap();
    std::fs::write(folder.path().join("jobs.toml"), JOBS).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_falcon"));
    let Output { status, stdout, stderr } =
        command.current_dir(folder.path()).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_command_says_what_was_checked() {
    let check = ["check", "shop.toml", "jobs.toml", "--seeds", "3", "--from", "7"];
    let (code, said, besides) = falcon(&check);
    assert_eq!(code, Some(0), "{said}{besides}");
    for words in [
        "shop: all 18 rules hold",
        "jobs: all 18 rules hold",
        "6 runs: 2 policies, seeds 7 to 9",
        "360 tasks",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(besides.contains("times faster than the time it simulates"), "{besides}");
    let (_, quiet, nothing) = falcon(&[&check[..], &["--quiet", "--threads", "1"]].concat());
    assert_eq!((quiet, nothing), (said, String::new()));
}

#[test]
fn the_command_shows_a_small_run_and_how_to_repeat_it() {
    let check =
        ["check", "shop.toml", "--seeds", "1000", "--without", "capacity", "--most-tasks", "50", "--quiet"];
    let (code, said, besides) = falcon(&check);
    assert_eq!(code, Some(1), "{said}{besides}");
    assert!(besides.contains("error: a rule is broken"), "{besides}");
    for words in ["shop: a rule is broken", "3 slots are taken of 2", "none of the", "is sent to ", "of 50\n"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let repeat =
        said.lines().find_map(|line| line.strip_prefix("  repeat  falcon ")).expect("how to repeat it");
    let words: Vec<&str> = repeat.split(' ').chain(["--quiet"]).collect();
    assert!(repeat.contains("--seeds 1") && repeat.contains("--without capacity"), "{repeat}");
    assert_eq!(falcon(&words), (code, said.clone(), besides), "{repeat}");
}

#[test]
fn mistakes_in_the_command_and_in_the_scenario_are_said() {
    for (arguments, words) in [
        (&["check", "shop.toml", "--seeds", "0"][..], "--seeds"),
        (&["check", "shop.toml", "--policy", "fiffo"], "did you mean `fifo`?"),
        (&["check", "shop.toml", "--set", "nodes.0.slots=0"], "slots"),
        (&["check", "shop.toml", "--without", "brakes"], "breakers"),
        (&["check", "nothing.toml"], "nothing.toml"),
        (&["check"], "FILE"),
    ] {
        let (code, said, besides) = falcon(arguments);
        assert_eq!((code, said), (Some(2), String::new()), "{arguments:?}\n{besides}");
        assert!(besides.contains(words), "{arguments:?}\n{besides}");
    }
}
