//! Whole runs of three scenarios: with all metrics, without any, and as a bare loop of the same model.
//! The ratio to the bare loop is what the engine costs.

mod support;

use std::hint::black_box;

use falcon::experiment::plan::Plan;
use falcon::metrics::Metric;
use falcon::sim::{self, RunOptions};
use falcon::workload::{Arrivals, Workload};
use falcon::world::World;
use support::{Bench, bare, plan};

fn simulated(bench: &mut Bench, group: &str, plan: &Plan, tasks: u32) {
    let world = plan.world();
    let policy = |world: &World| world.policy(&plan.policies[0], 1);
    let options = RunOptions::default();
    bench.time(group, "falcon", u64::from(tasks), |bencher| {
        bencher.iter(|| {
            let output = sim::simulate(&world, 1, policy(&world), &options).expect("a run");
            black_box(output.collected.metrics.get(Metric::MeanWait))
        });
    });
    bench.time(group, "falcon, no metrics", u64::from(tasks), |bencher| {
        bencher.iter(|| black_box(sim::run(&world, 1, policy(&world), &options, ()).expect("a run").0));
    });
}

/// `cluster1k.toml` with another number of nodes at the same load.
fn cluster(nodes: u32, tasks: u32) -> Plan {
    let mut plan = plan("cluster1k.toml", tasks);
    plan.groups[0].count = nodes;
    if let Workload::Generated { arrivals, .. } = &mut plan.workload {
        *arrivals = Arrivals::Poisson { rate: 0.9 * f64::from(nodes) };
    }
    plan
}

fn main() {
    const MILLION: u32 = 1_000_000;
    let mut bench = Bench::new("whole_run", "task");

    simulated(&mut bench, "mm16", &plan("mm16.toml", MILLION), MILLION);
    bench.time("mm16", "bare loop", u64::from(MILLION), |bencher| {
        bencher.iter(|| black_box(bare::one_queue(MILLION, 16, 12.8)));
    });

    simulated(&mut bench, "batch-sjf", &plan("batch-sjf.toml", MILLION), MILLION);
    bench.time("batch-sjf", "bare loop", u64::from(MILLION), |bencher| {
        bencher.iter(|| black_box(bare::shortest_first(MILLION, 64)));
    });

    for (group, nodes) in [("cluster1k", 1_000), ("cluster1k with 100,000 nodes", 100_000)] {
        simulated(&mut bench, group, &cluster(nodes, MILLION), MILLION);
        bench.time(group, "bare loop", u64::from(MILLION), |bencher| {
            bencher.iter(|| black_box(bare::TwoChoices::run(nodes, MILLION, 0.9 * f64::from(nodes))));
        });
    }
    bench.finish();
}
