//! Judges simulated figures against exact ones, by intervals that can fail.

use falcon::experiment::plan::Plan;
use falcon::experiment::runner::RunnerOptions;
use falcon::faults::Stay;
use falcon::metrics::{FinalState, Metric, ReplicationResult};
use falcon::scheduler::OnNodeLoss;
use falcon::statistics::confidence::Summary;
use falcon::workload::Workload;

/// Standard errors by which a mean may miss the exact figure. With the seeds fixed a check gives
/// the same answer every time; over other seeds about one in a thousand right checks would fail
/// (20 replications).
const ERRORS: f64 = 4.0;

/// A figure of a replication and what its mean must be.
pub(crate) struct Check {
    /// The figure.
    pub(crate) figure: fn(&ReplicationResult) -> f64,
    /// What theory says of its mean.
    pub(crate) exact: f64,
    /// The largest standard error with which the check means anything.
    pub(crate) resolution: f64,
    /// By how much the simulated system is known to differ from the theory's.
    pub(crate) allowance: f64,
    /// The most by which the mean may miss, however large its standard error.
    pub(crate) within: f64,
}

impl Check {
    pub(crate) fn new(figure: fn(&ReplicationResult) -> f64, exact: f64, resolution: f64) -> Check {
        Check { figure, exact, resolution, allowance: 0.0, within: f64::INFINITY }
    }

    /// What is wrong with the figures of these replications, if anything.
    pub(crate) fn complaint(&self, name: &str, replications: &[ReplicationResult]) -> Option<String> {
        let values: Vec<f64> = replications.iter().map(self.figure).collect();
        let summary = Summary::of(&values).expect("replications");
        let error = summary.stddev.expect("several replications") / (values.len() as f64).sqrt();
        let missed = (summary.mean - self.exact).abs();
        let found = format!("{name}: {:.6} +- {error:.6} against {:.6}", summary.mean, self.exact);
        println!("{found}, {:.1} standard errors", missed / error);
        if error > self.resolution {
            return Some(format!("{found}: too rough to judge by"));
        }
        (missed > (ERRORS * error + self.allowance).min(self.within)).then_some(found)
    }
}

/// Runs a scenario (its only policy) and judges its figures. A part of it is run again with a row
/// per task, on which the identities must hold that need no statistics.
#[track_caller]
pub(crate) fn judge(scenario: &str, checks: &[Check]) {
    let plan = plan(scenario);
    let results = plan.run(&RunnerOptions { threads: 1, ..RunnerOptions::default() }).expect("the plan runs");
    let [result] = &results[..] else { panic!("one policy at a time") };
    let test = std::thread::current().name().unwrap_or_default().to_string();
    let complaints: Vec<String> = checks
        .iter()
        .enumerate()
        .filter_map(|(index, check)| {
            check.complaint(&format!("{test}, figure {index}"), &result.replications)
        })
        .collect();
    assert!(complaints.is_empty(), "{}\n{scenario}", complaints.join("\n"));
    let once = shortened(plan);
    let again = once.run(&RunnerOptions { threads: 1, tasks: true, ..RunnerOptions::default() });
    identities(&once, &again.expect("it ran before")[0].replications[0]);
}

/// One replication of a plan, of no more tasks than are quickly looked through.
fn shortened(mut plan: Plan) -> Plan {
    plan.run.replications = 1;
    if let Workload::Generated { tasks, .. } = &mut plan.workload {
        *tasks = (*tasks).min(50_000);
    }
    plan
}

/// The plan of a scenario.
#[track_caller]
pub(crate) fn plan(scenario: &str) -> Plan {
    Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}\n{scenario}", mistakes.render(false)))
}

/// A figure that must be there.
#[track_caller]
pub(crate) fn figure(run: &ReplicationResult, metric: Metric) -> f64 {
    run.metrics.get(metric).unwrap_or_else(|| panic!("no {}", metric.column().name))
}

/// What holds of every run to the last digit: conservation of tasks, and Little's law between the
/// time averages, which are collected event by event, and the rows of the tasks.
#[track_caller]
pub(crate) fn identities(plan: &Plan, run: &ReplicationResult) {
    let of = |metric| figure(run, metric);
    let same = |what: &str, a: f64, b: f64| {
        assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{what}: {a} against {b}");
    };
    let completed = run.tasks.iter().filter(|task| task.state == FinalState::Completed).count() as f64;
    let rows = run.tasks.len() as f64;
    same("submitted tasks", of(Metric::Submitted), rows);
    same("completed tasks", of(Metric::Completed), completed);
    let in_state = |state| run.tasks.iter().filter(|task| task.state == state).count() as f64;
    same("tasks in error", of(Metric::Errors), in_state(FinalState::Error));
    same("tasks out of time", of(Metric::Timeouts), in_state(FinalState::Timeout));
    same("cancelled tasks", of(Metric::Cancelled), in_state(FinalState::Cancelled));
    same("rejected tasks", of(Metric::Rejected), in_state(FinalState::Rejected));
    same("success rate", of(Metric::SuccessRate), completed / rows);
    assert!(run.tasks.iter().enumerate().all(|(number, row)| row.task == number as u32), "a row per task");
    let attempts: f64 = run.tasks.iter().map(|task| f64::from(task.attempts)).sum();
    same("attempts", of(Metric::Attempts), attempts);
    let copied = plan.retry.speculation.is_some();
    if plan.retry.on_node_loss != OnNodeLoss::Fail && !copied {
        // Every attempt is a task's first, or follows one that failed or was lost.
        let started = run.tasks.iter().filter(|task| task.attempts > 0).count() as f64;
        same("reasons for attempts", attempts, started + of(Metric::Retries) + of(Metric::AttemptsLost));
    }

    let first = run.tasks.iter().map(|task| task.arrival).min().expect("tasks");
    let last = run.tasks.iter().map(|task| task.settled).max().expect("tasks");
    let makespan = of(Metric::Makespan);
    same("makespan", makespan, (last - first).as_seconds());
    same("throughput", of(Metric::Throughput), completed / makespan);
    let in_system: f64 = run.tasks.iter().map(|task| (task.settled - task.arrival).as_seconds()).sum();
    same("Little's law of the system", of(Metric::MeanInSystem) * makespan, in_system);
    let queued = of(Metric::MeanQueueLength) * makespan;
    let busy: f64 = run.nodes.iter().map(|node| node.busy.as_seconds()).sum();
    let world = plan.world();
    if plan.delays.dispatch.is_none() && !world.zones.has_latency() && !world.is_disturbed() {
        if attempts == rows
            && of(Metric::Preemptions) == 0.0
            && !run.tasks.iter().any(|task| task.first_start.is_none())
        {
            // One attempt each, and none lost before it ended: a task waits once.
            let waits: f64 = run
                .tasks
                .iter()
                .map(|task| (task.first_start.expect("started") - task.arrival).as_seconds())
                .sum();
            same("Little's law of the queue", queued, waits);
        }
        // Until a failure is known, what ran there neither waits nor works.
        if plan.workload.max_slots() == 1 && plan.delays.detection.is_none() && !copied {
            same("time in system is time in queues and on nodes", in_system, queued + busy);
        }
    }
    assert!(of(Metric::WastedTime) <= busy * (1.0 + 1e-9), "more time wasted than spent");

    same("useful share", of(Metric::UsefulShare), 1.0 - of(Metric::WastedTime) / busy);
    assert!(of(Metric::Goodput) <= of(Metric::Throughput), "more in time than at all");

    let slots: Vec<f64> = plan
        .groups
        .iter()
        .flat_map(|group| std::iter::repeat_n(f64::from(group.slots), group.count as usize))
        .collect();
    let offered: f64 = run.nodes.iter().zip(&slots).map(|(node, slots)| node.up.as_seconds() * slots).sum();
    same("utilisation", of(Metric::Utilisation), busy / offered);
    let there: f64 = run.nodes.iter().zip(&slots).map(|(node, slots)| node.there.as_seconds() * slots).sum();
    if plan.elastic.autoscale.is_none() && plan.groups.iter().all(|group| group.stay == Stay::ALWAYS) {
        same("stays of nodes", there, slots.iter().sum::<f64>() * makespan);
    }
    same("availability of nodes", of(Metric::NodeAvailability), offered / there);
    let at_nodes: u64 = run.nodes.iter().map(|node| node.tasks).sum();
    same("completed tasks by node", at_nodes as f64, completed);
    let lost: u64 = run.nodes.iter().map(|node| node.attempts_lost).sum();
    same("lost attempts by node", lost as f64, of(Metric::AttemptsLost));
}
