//! What the command line lays over a file.

use super::*;
use crate::distribution::Distribution;
use crate::workload::{Arrivals, EstimateSpec, Workload};

const BASE: &str = "policies = [\"sjf\", { name = \"mine\", order = \"ljf\" }]\n\
                    [[nodes]]\ncount = 4\n\
                    [workload]\ntasks = 100\nduration = 1.0\narrivals.periodic.interval = 1\n";

fn plan(settings: &[&str]) -> Plan {
    load_with(BASE, &set(settings)).unwrap_or_else(|error| panic!("{settings:?}\n{error}")).plan
}

fn arrivals(settings: &[&str]) -> Arrivals {
    let Workload::Generated { arrivals, .. } = plan(settings).workload else { panic!("generated") };
    arrivals
}

fn duration(settings: &[&str]) -> Distribution {
    let Workload::Generated { classes, .. } = plan(settings).workload else { panic!("generated") };
    classes[0].duration.clone()
}

#[test]
fn leaves_lists_and_new_tables_can_be_set() {
    let changed = plan(&[
        "run.seed=7",
        "nodes.0.count = 9",
        "run.until=\"1h\"",
        "retry={ max_attempts = 5 }",
        "workload.estimate=class-mean",
        "scheduler.dispatch_delay=5ms",
        "policies=[\"fifo\", \"lifo\"]",
        "description=a = b",
    ]);
    assert_eq!((changed.run.seed, changed.groups[0].count), (7, 9));
    assert_eq!(changed.retry.max_attempts, Some(5));
    assert_eq!(changed.delays.dispatch, Some(Distribution::constant(0.005)));
    assert_eq!(changed.policies.len(), 2);
    assert_eq!(changed.description, "a = b");
    let Workload::Generated { classes, .. } = changed.workload else { panic!("generated") };
    assert_eq!(classes[0].estimate, EstimateSpec::ClassMean);
    assert_eq!(plan(&["policies.1.order=lifo"]).policies[1].order, crate::policies::spec::OrderSpec::Lifo);
}

#[test]
fn an_alternative_replaces_that_of_the_file() {
    assert_eq!(arrivals(&["workload.arrivals.periodic.interval=3"]), Arrivals::Periodic { interval: 3.0 });
    assert_eq!(arrivals(&["workload.arrivals.poisson.rate=9"]), Arrivals::Poisson { rate: 9.0 });
    assert_eq!(duration(&["workload.duration.exponential.mean=2"]), Distribution::exponential(2.0));
    assert_eq!(duration(&["workload.duration=3"]), Distribution::constant(3.0));
}

#[test]
fn of_several_overrides_the_last_holds() {
    let settings = ["workload.arrivals.poisson.rate=9", "workload.arrivals.periodic.interval=4"];
    assert_eq!(arrivals(&settings), Arrivals::Periodic { interval: 4.0 });
    assert_eq!(plan(&["run.seed=1", "run.seed=2"]).run.seed, 2);
    // Two leaves of one alternative are both kept.
    let settings = ["workload.duration.uniform.low=1", "workload.duration.uniform.high=2"];
    assert_eq!(duration(&settings), Distribution::Uniform { low: 1.0, high: 2.0 });
}

#[test]
fn chosen_policies_replace_those_of_the_file() {
    let chosen = |names: &[&str]| {
        let policies = names.iter().map(|name| name.to_string()).collect();
        load_with(BASE, &Overrides { policies, ..Overrides::default() }).unwrap()
    };
    let loaded = chosen(&["mine", "round-robin"]);
    let names: Vec<&str> = loaded.plan.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["mine", "round-robin"]);
    assert!(
        loaded.resolved.contains("policies = [{ name = \"mine\", order = { ljf = {"),
        "{}",
        loaded.resolved
    );

    let without = BASE.lines().skip(1).collect::<Vec<_>>().join("\n");
    let policies = vec!["fifo".to_string()];
    let loaded = load_with(&without, &Overrides { policies, ..Overrides::default() }).unwrap();
    assert_eq!(loaded.plan.policies.len(), 1);
}

#[test]
fn seed_and_replications_have_options_of_their_own() {
    let overrides = Overrides {
        seed: Some(u64::MAX),
        replications: Some(2),
        ..set(&["run.seed=3", "run.replications=4"])
    };
    let loaded = load_with(BASE, &overrides).unwrap();
    assert_eq!((loaded.plan.run.seed, loaded.plan.run.replications), (u64::MAX, 2));
    let none = Overrides { replications: Some(0), ..Overrides::default() };
    let drawn = mistakes_of(BASE, &none);
    assert!(drawn.contains(" --> --replications 0:1:1"), "{drawn}");
}
