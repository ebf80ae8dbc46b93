//! A placement of one's own, compared with a built-in one on the same tasks and failures.
//!
//! Shortest expected delay (Weinrib and Shenker 1987): a task goes to the node where it is expected
//! to be done first, (tasks there + 1) / speed. It asks every node, so a decision costs O(n).
//!
//!     cargo run --release --example custom_placement

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::ids::NodeId;
use falcon::metrics::Metric;
use falcon::policies::{backfill::AnyBackfill, order::Fifo};
use falcon::scheduler::{Cluster, Composed, Dispatch, Place, TaskView};
use falcon::statistics::{confidence::Summary, paired};

struct ShortestExpectedDelay;

impl Place for ShortestExpectedDelay {
    fn choose(&mut self, task: &TaskView<'_>, cluster: &Cluster) -> Option<NodeId> {
        let delay = |node: NodeId| f64::from(cluster.load(node) + 1) / cluster.spec(node).speed;
        cluster
            .nodes()
            .filter(|&node| cluster.room(node) >= task.slots())
            .min_by(|&a, &b| delay(a).total_cmp(&delay(b)))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plan = Plan::from_toml(include_str!("../scenarios/baseline.toml"))?;
    let options = RunnerOptions::default();
    let policy = |_: &_, _| Composed::new(Fifo, ShortestExpectedDelay, Dispatch::Push, AnyBackfill::None);
    let mut results = plan.run(&options)?;
    results.push(plan.run_custom("shortest-expected-delay", policy, &options)?);

    let responses: Vec<Vec<f64>> = results.iter().map(|result| result.values(Metric::MeanResponse)).collect();
    for (result, values) in results.iter().zip(&responses) {
        let Some(Summary { mean, half_width: Some(half), .. }) = Summary::of(values) else { continue };
        println!("{:<24} mean response {mean:.3} ± {half:.3} s", result.policy);
    }
    let named = |name| results.iter().position(|result| result.policy == name);
    if let (Some(two), Some(own)) = (named("power-of-two"), named("shortest-expected-delay"))
        && let Some(gain) = paired::difference(&responses[two], &responses[own])
    {
        println!(
            "gain over power-of-two: {:.3} ± {:.3} s (paired over replications)",
            gain.mean, gain.half_width
        );
    }
    Ok(())
}
