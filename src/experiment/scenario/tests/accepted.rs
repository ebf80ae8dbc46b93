//! Scenarios that must load, and what they mean.

use super::*;
use crate::distribution::Distribution;
use crate::experiment::plan::Until;
use crate::faults::FailsWhen;
use crate::policies::order::score::Formula;
use crate::policies::spec::{BackfillSpec, DispatchSpec, OrderSpec, PlaceSpec, Sharers};
use crate::scheduler::retry::RetryPlan;
use crate::time::{Duration, Time};
use crate::workload::{Arrivals, EstimateSpec, Workload};
use crate::world::Delays;

/// One small scenario per alternative, so that every key is used at least once.
pub(super) fn scenarios() -> Vec<String> {
    let base = "policies = [\"sjf\"]\n[[nodes]]\ncount = 4\nslots = 2\n[workload]\n";
    let generated = format!("{base}tasks = 100\n");
    let mut all = vec![starter().to_string(), FULL.to_string()];
    let distributions = [
        "2",
        "2.5",
        "{ constant = 1.0 }",
        "{ exponential.mean = 1 }",
        "{ uniform = { low = 0, high = 1 } }",
        "{ normal = { mean = 1, sd = 0.5 } }",
        "{ lognormal = { mean = 1, sd = 0.5 } }",
        "{ weibull = { shape = 0.5, scale = 1 } }",
        "{ gamma = { shape = 2, scale = 1 } }",
        "{ erlang = { k = 3, mean = 1 } }",
        "{ hyperexponential = { p = [0.1, 0.2, 0.7], mean = [1, 2, 3] } }",
        "{ pareto = { shape = 1.5, scale = 1 } }",
        "{ bounded-pareto = { shape = 0.5, low = 1, high = 1000 } }",
        "{ zipf = { n = 100, exponent = 0 } }",
        "{ empirical.file = \"right.txt\" }",
    ];
    for distribution in distributions {
        all.push(format!("{generated}duration = {distribution}\n"));
        all.push(format!("{generated}duration = 1\narrivals.renewal = {distribution}\n"));
        all.push(format!("{generated}duration = 1\npriority = {distribution}\n"));
        let delay = format!("{generated}duration = 1\n[scheduler]\ndispatch_delay = {distribution}\n");
        all.push(delay);
    }
    for arrivals in [
        "{ poisson.rate = 1 }",
        "{ periodic.interval = \"10ms\" }",
        "{ bursty = { rate = 0, peak_rate = 10, on = \"1min\", off = 600 } }",
        "{ daily = { rate = 1, amplitude = 1, period = \"1d\" } }",
        "{ batch = { size = 5, poisson.rate = 1 } }",
        "{ batch = { size.uniform = { low = 1, high = 9 }, renewal.exponential.mean = \"1s\" } }",
    ] {
        all.push(format!("{generated}duration = 1\narrivals = {arrivals}\n"));
    }
    for estimate in ["\"exact\"", "\"class-mean\"", "{ noise.lognormal.sigma = 0.5 }"] {
        all.push(format!("{generated}duration = 1\nestimate = {estimate}\n"));
    }
    all.push(format!(
        "faults.outages = [{{ node = \"node-3\", start = 1, end = \"1min\" }}, {{ share = 0.5, start = 0, end = 1 }}]\n{generated}duration = 1\n"
    ));
    all.push(format!("{generated}duration = 1\n[faults]\noutage_trace = \"outages.csv\"\n"));
    all.push(format!("{base}duration = 1\narrivals.times = [0, 0, 1, \"2s\"]\n"));
    all.push(format!("{base}trace.csv = \"right.csv\"\nestimate = \"requested\"\n"));
    all.push(format!(
        "{base}tasks_list = [{{ work = 1 }}, {{ arrival = \"1s\", work = 2, slots = 2, priority = -3 }}]\n"
    ));
    all.push(format!("{base}tasks_list = [{{ work = 1, demand.slots = 2 }}]\nestimate = \"class-mean\"\n"));
    all.push(format!(
        "{base}user = 3\ntasks_list = [{{ work = 1, weight = 2, user = 4 }}, {{ work = 1 }}]\n"
    ));
    all
}

const FULL: &str = r#"
name = "full"
description = "Every \"key\"\tat once."
policies = [
    "fifo",
    { order = "sjf", place.power-of.d = 2, dispatch = "push" },
    { name = "mine", place = { power-of = { d = 9, with_replacement = true } }, dispatch = "push" },
    { order = "priority", place = "best-fit", backfill = "aggressive" },
    { order.fair-share.over = "user", place = "dot-product" },
    { order.score = "-wait / work", place = "first-fit" },
    { order.score = { expression = "slots^2 - wait", every = "90s", preempt = true }, place = "fastest" },
    { order = "wfp3", backfill = "aggressive", backfill_order.score = "work", place = "first-fit" },
]

[run]
seed = 18446744073709551615
replications = 3
until = "2h"
warmup = 10
timeline_buckets = 0
service_nodes = 2

[[nodes]]
name = "a"
count = 2
slots = 4
speed = 2
zone = "west"
capacity = { cpu = 8, memory = 0.5 }
up.exponential.mean = "1h"
down.uniform = { low = "1min", high = "90s" }
fails = "busy"

[[nodes]]
name = "a"
weight = 7.5

[workload]
tasks = 1e3
arrivals.poisson.rate = 1.5
duration.exponential.mean = 1.0
failure_probability = 0.01
priority.uniform = { low = -1, high = 1 }
demand = { slots = 2, cpu = 1.5, gpu-a_1 = 0 }
weight = 2
user.uniform = { low = 0, high = 4 }
estimate.noise.lognormal.sigma = 0.25

[[workload.classes]]
name = "urgent"
share = 0.3
priority = 9
duration = 2
failure_probability = 0
estimate = "exact"
demand = { slots = 4, memory = 0.000001 }
weight = 0.5
user = 7

[[workload.classes]]
name = "normal"
share = 0.7

[retry]
max_attempts = "unlimited"
backoff = { base = "10ms", factor = 1.5, max = "1min", jitter = 0.5 }
on_node_loss = "resume"
redraw = true

[scheduler]
dispatch_delay = "5ms"
"#;

#[test]
fn every_scenario_loads_and_its_resolved_form_means_the_same() {
    for text in scenarios() {
        let loaded =
            load_with(&text, &Overrides::default()).unwrap_or_else(|error| panic!("{text}\n{error}"));
        let again = load_with(&loaded.resolved, &Overrides::default())
            .unwrap_or_else(|error| panic!("{}\n{error}", loaded.resolved));
        assert_eq!(loaded.plan, again.plan, "{}", loaded.resolved);
        assert_eq!(loaded.resolved, again.resolved);
        assert_eq!(loaded.warnings, []);
    }
}

#[test]
fn a_full_scenario_is_read_key_by_key() {
    let plan = load_with(FULL, &Overrides::default()).unwrap().plan;
    assert_eq!(plan.name, "full");
    assert_eq!(plan.description, "Every \"key\"\tat once.");
    assert_eq!((plan.run.seed, plan.run.replications, plan.run.warmup), (u64::MAX, 3, 10));
    assert_eq!(plan.run.until, Until::Time(Time(7_200_000_000_000)));
    let [first, second] = &plan.groups[..] else { panic!("two groups") };
    assert_eq!((first.count, first.slots, first.weight), (2, 4, 8.0));
    assert_eq!((second.count, second.slots, second.weight), (1, 1, 7.5));
    assert_eq!(first.zone.as_deref(), Some("west"));
    let faults = first.faults.as_ref().unwrap();
    assert_eq!(faults.up, Distribution::exponential(3600.0));
    assert_eq!(faults.down, Distribution::Uniform { low: 60.0, high: 90.0 });
    assert_eq!(faults.fails, FailsWhen::Busy);
    assert_eq!(plan.delays.dispatch, Some(Distribution::constant(0.005)));
    assert_eq!(plan.retry.max_attempts, None);
    assert!(plan.retry.redraw);

    let names: Vec<&str> = plan.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "fifo",
            "sjf-power-of-2-push",
            "mine",
            "priority-best-fit-pull-aggressive-backfill",
            "fair-share-user-dot-product-pull",
            "score--wait---work-first-fit-pull",
            "score-slots-2---wait-90.0-preempt-fastest-pull",
            "wfp3-first-fit-pull-aggressive-backfill-by-score-work",
        ]
    );
    assert_eq!(plan.policies[1].order, OrderSpec::Sjf);
    assert_eq!(plan.policies[1].dispatch, DispatchSpec::Push);
    assert_eq!(plan.policies[2].place, PlaceSpec::PowerOf { d: 9, with_replacement: true });
    assert_eq!(plan.policies[3].backfill, BackfillSpec::Aggressive);
    let score = |text: &str, seconds: u64| OrderSpec::Score {
        formula: Formula::new(text.to_string()).unwrap(),
        every: Duration(seconds * 1_000_000_000),
    };
    assert_eq!(plan.policies[5].order, score("-wait / work", 0));
    assert_eq!((&plan.policies[6].order, plan.policies[6].preempt), (&score("slots^2 - wait", 90), true));
    assert_eq!(plan.policies[7].backfill_order, Some(score("work", 0)));

    let Workload::Generated { tasks, arrivals, classes, jobs: None, spawn: None } = &plan.workload else {
        panic!("generated")
    };
    assert_eq!((*tasks, arrivals), (1000, &Arrivals::Poisson { rate: 1.5 }));
    let [urgent, normal] = &classes[..] else { panic!("two classes") };
    assert_eq!((urgent.slots, normal.slots), (4, 2));
    assert_eq!((urgent.failure_probability, normal.failure_probability), (0.0, 0.01));
    assert_eq!(urgent.duration, Distribution::constant(2.0));
    assert_eq!(normal.duration, Distribution::exponential(1.0));
    assert_eq!(urgent.priority, Distribution::constant(9.0));
    assert_eq!(normal.priority, Distribution::Uniform { low: -1.0, high: 1.0 });
    assert_eq!(urgent.estimate, EstimateSpec::Exact);
    assert_eq!(normal.estimate, EstimateSpec::Noise { sigma: 0.25 });
    assert_eq!((urgent.details.weight, normal.details.weight), (0.5, 2.0));
    assert_eq!(urgent.details.user, Some(Distribution::constant(7.0)));
    assert_eq!(normal.details.user, Some(Distribution::Uniform { low: 0.0, high: 4.0 }));
    let resources = &plan.resources;
    assert_eq!(resources.names(), ["cpu", "memory"]);
    assert_eq!(resources.totals(), [16_000_000, 1_000_000]);
    assert_eq!(resources.demand(urgent.details.demand), [0, 1]);
    assert_eq!(resources.demand(normal.details.demand), [1_500_000, 0]);
    assert_eq!(plan.policies[4].order, OrderSpec::FairShare { over: Sharers::Users });
}

#[test]
fn what_a_scenario_leaves_out_has_the_documented_defaults() {
    let plan =
        Plan::from_toml("policies = [\"sjf\"]\n[[nodes]]\n[workload]\ntasks = 5\nduration = 1").unwrap();
    assert_eq!(plan.name, "scenario");
    assert_eq!(plan.retry, RetryPlan::default());
    assert_eq!((plan.run.seed, plan.run.replications, plan.run.timeline_buckets), (1, 10, 200));
    assert_eq!(plan.run.until, Until::Settled);
    assert_eq!(plan.delays, Delays::default());
    let group = &plan.groups[0];
    assert_eq!((group.name.as_str(), group.count, group.slots), ("node", 1, 1));
    assert_eq!((group.speed, group.weight, group.faults.is_none()), (1.0, 1.0, true));
    let Workload::Generated { arrivals, classes, .. } = &plan.workload else { panic!("generated") };
    assert_eq!(arrivals, &Arrivals::AtOnce);
    assert_eq!((classes.len(), classes[0].name.as_str(), classes[0].share), (1, "", 1.0));
}

#[test]
fn listed_tasks_come_in_the_order_of_their_arrival() {
    let text = "policies = [\"sjf\"]\n[[nodes]]\n[workload]\npriority = 2\nfailure_probability = 0.5\n\
                tasks_list = [{ arrival = 2, work = 3 }, { arrival = 1, work = 1 }, { arrival = 1, work = 2 }]";
    let Workload::Listed { tasks, class_names, .. } = Plan::from_toml(text).unwrap().workload else {
        panic!("listed")
    };
    let works: Vec<u64> = tasks.iter().map(|task| task.work / 1_000_000_000).collect();
    assert_eq!(works, [1, 2, 3]);
    assert!(tasks.iter().all(|task| task.priority == 2.0 && task.failure_probability == 0.5));
    assert_eq!(class_names, [""]);
}

#[test]
fn a_log_is_read_and_its_dropped_records_are_counted() {
    let source = ScenarioSource::Text {
        name: "hpc2n.toml".to_string(),
        text: "policies = [\"easy-backfill\"]\n[[nodes]]\nslots = 240\n[workload]\n\
               trace.swf = \"hpc2n-2002-first3194.swf.gz\"\nestimate = \"requested\"\n\
               priority = 3\nfailure_probability = 0.1"
            .to_string(),
        base: PathBuf::from("scenarios/data"),
    };
    let loaded = load(&source, &Overrides::default()).unwrap();
    let Workload::Listed { tasks, estimate, .. } = &loaded.plan.workload else { panic!("listed") };
    assert!(!tasks.is_empty());
    assert_eq!(*estimate, EstimateSpec::Requested);
    assert!(tasks.iter().all(|task| task.priority == 3.0 && task.failure_probability == 0.1));

    let narrow = set(&["nodes.0.slots=4"]);
    let warnings = load(&source, &narrow).unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    let message = &warnings[0].message;
    assert!(message.contains(" records of hpc2n-2002-first3194.swf.gz were dropped ("), "{message}");
    assert!(message.contains("larger than the largest node"), "{message}");
}

#[test]
fn folders_have_portable_names() {
    for (name, expected) in [
        ("baseline", "baseline"),
        ("My Scenario (1)", "my-scenario--1"),
        ("../../etc", "etc"),
        ("..", "scenario"),
        ("日本", "scenario"),
        ("nul.txt", "scenario-nul.txt"),
        ("v1.2_b", "v1.2_b"),
    ] {
        assert_eq!(folder_name(name), expected);
    }
}
