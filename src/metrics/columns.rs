//! Every metric, once: its column name, unit, good direction and meaning.
//!
//! The order here is the order of columns in `replications.csv` and of rows in `summary.csv`.

/// Whether less or more of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: it describes the run.
    Neither,
}

impl Better {
    /// By what figures are multiplied so that less is better; `None` where neither is.
    pub fn sign(self) -> Option<f64> {
        match self {
            Better::Lower => Some(1.0),
            Better::Higher => Some(-1.0),
            Better::Neither => None,
        }
    }
}

/// A metric's column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The metric.
    pub metric: Metric,
    /// Name in files.
    pub name: &'static str,
    /// Unit in files: `s`, `tasks/s`, `1` for ratios, `tasks`, `attempts`, `alarms`, `slot s`,
    /// `node s` and so on; `units` are those of the scenario's prices.
    pub unit: &'static str,
    /// Good direction.
    pub better: Better,
    /// One sentence on what it is.
    pub description: &'static str,
}

macro_rules! metrics {
    ($($variant:ident $name:literal $unit:literal $better:ident $description:literal;)*) => {
        /// A figure of one replication.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $description] $variant,)*
        }

        /// All metrics in the order of their columns.
        pub const COLUMNS: &[Column] = &[
            $(Column { metric: Metric::$variant, name: $name, unit: $unit, better: Better::$better, description: $description },)*
        ];
    };
}

metrics! {
    Makespan "makespan" "s" Lower "Time from the first arrival to the last settled task: the total time.";
    Throughput "throughput" "tasks/s" Higher "Completed tasks per second of makespan.";
    MeanWait "mean_wait" "s" Lower "Mean time from arrival to first start, of started tasks.";
    SdWait "sd_wait" "s" Lower "Standard deviation of the waits.";
    ShareWaited "share_waited" "1" Lower "Share of the started tasks that waited at all.";
    P50Wait "p50_wait" "s" Lower "Median wait.";
    P90Wait "p90_wait" "s" Lower "Wait that 90 % of started tasks do not exceed.";
    P95Wait "p95_wait" "s" Lower "Wait that 95 % of started tasks do not exceed.";
    P99Wait "p99_wait" "s" Lower "Wait that 99 % of started tasks do not exceed.";
    MeanResponse "mean_response" "s" Lower "Mean time from arrival to completion, of completed tasks.";
    SdResponse "sd_response" "s" Lower "Standard deviation of the responses.";
    P50Response "p50_response" "s" Lower "Median response.";
    P95Response "p95_response" "s" Lower "Response that 95 % of completed tasks do not exceed.";
    P99Response "p99_response" "s" Lower "Response that 99 % of completed tasks do not exceed.";
    MeanSlowdown "mean_slowdown" "1" Lower "Mean of response / service time, of completed tasks.";
    P95Slowdown "p95_slowdown" "1" Lower "Slowdown that 95 % of completed tasks do not exceed.";
    MeanBoundedSlowdown "mean_bounded_slowdown" "1" Lower "Mean of max(1, response / max(service time, 10 s)), of completed tasks.";
    Utilisation "utilisation" "1" Neither "Busy slot time / slot time offered while up.";
    NodeAvailability "node_availability" "1" Higher "Up slot time / slot time.";
    ServiceAvailability "service_availability" "1" Higher "Share of the makespan in which work could be started: enough nodes up (one, unless the scenario says more), and a leader where the scheduler fails.";
    SuccessRate "success_rate" "1" Higher "Completed / submitted tasks.";
    Submitted "submitted" "tasks" Neither "Tasks that arrived.";
    Completed "completed" "tasks" Higher "Tasks that completed.";
    Errors "errors" "tasks" Lower "Tasks that used up their attempts.";
    Timeouts "timeouts" "tasks" Lower "Tasks that ran out of time.";
    Cancelled "cancelled" "tasks" Lower "Tasks that were cancelled.";
    Rejected "rejected" "tasks" Lower "Tasks that were refused on arrival.";
    MissedDeadlines "missed_deadlines" "tasks" Lower "Tasks that were not completed by their deadline; missing when no task has one.";
    Attempts "attempts" "attempts" Neither "Starts of tasks on nodes.";
    Retries "retries" "attempts" Lower "Starts after an attempt that failed or took too long.";
    AttemptsLost "attempts_lost" "attempts" Lower "Attempts lost to failures of nodes.";
    Preemptions "preemptions" "attempts" Neither "Times a running task was interrupted for another.";
    StolenTasks "stolen_tasks" "tasks" Neither "Times a waiting task was taken by an idle node from the queue of another.";
    WastedTime "wasted_time" "slot s" Lower "Slot time of attempts that did not count.";
    MeanQueueLength "mean_queue_length" "tasks" Lower "Time average of waiting tasks, not counting running ones.";
    MeanInSystem "mean_in_system" "tasks" Lower "Time average of tasks that arrived and are not settled.";
    MaxQueueLength "max_queue_length" "tasks" Lower "Most tasks that waited at one time.";
    LoadImbalance "load_imbalance" "1" Lower "Coefficient of variation of busy time per slot over nodes.";
    JainFairness "jain_fairness" "1" Higher "Jain's index of busy time per slot over nodes: 1 when all are equal.";
    SlowdownFairness "slowdown_fairness" "1" Higher "Jain's index of the bounded slowdowns of completed tasks.";
    Jobs "jobs" "jobs" Higher "Jobs of dependent tasks that completed whole.";
    MeanJobMakespan "mean_job_makespan" "s" Lower "Mean time from a job's first arrival to its last settled task, of completed jobs.";
    P95JobMakespan "p95_job_makespan" "s" Lower "Job makespan that 95 % of completed jobs do not exceed.";
    MeanJobSlowdown "mean_job_slowdown" "1" Lower "Mean of job makespan / time of its longest path on the fastest node, of completed jobs.";
    BreakerOpenings "breaker_openings" "openings" Neither "Times the circuit breaker of a node opened; missing without breakers.";
    BreakerOpenTime "breaker_open_time" "s" Neither "Time, summed over nodes, that circuit breakers were open; missing without breakers.";
    MeanLockWait "mean_lock_wait" "s" Lower "Mean time that a task waited for its lock, each time that it was given one; missing without locks.";
    MaxLockWait "max_lock_wait" "s" Lower "Longest time that a task waited for its lock.";
    LeasesExpired "leases_expired" "leases" Neither "Times a lock was given back because its holder was lost with its node.";
    FencedWrites "fenced_writes" "attempts" Neither "Late results that were refused after another had been given the lock of their attempt.";
    AttemptsTimedOut "attempts_timed_out" "attempts" Lower "Attempts that were stopped because they, or their tasks, took too long.";
    RetriesDenied "retries_denied" "attempts" Lower "Retries that did not take place because the retry budget was empty.";
    Alarms "alarms" "alarms" Lower "Alarms that were raised; missing when there are no rules.";
    MeanTimeToDetect "mean_time_to_detect" "s" Lower "Mean time from a node's failure until the scheduler knows; missing when none was found out late.";
    MeanTimeBetweenFailures "mean_time_between_failures" "s" Higher "Time that nodes were believed up / times that one was lost; missing when none was.";
    MeanTimeToRepair "mean_time_to_repair" "s" Lower "Mean time that a lost node was believed down until it was back; missing when none came back.";
    WrongSuspicions "wrong_suspicions" "nodes" Lower "Times that a node that worked was suspected to be dead.";
    WrongDeclarations "wrong_declarations" "nodes" Lower "Times that a node that worked was declared dead.";
    StaleResults "stale_results" "attempts" Lower "Results that were refused: their attempt no longer counted.";
    DuplicateExecutions "duplicate_executions" "attempts" Lower "Attempts that ran to their end though the scheduler had given them up.";
    LeaderAvailability "leader_availability" "1" Higher "Share of the makespan in which the scheduler had a leader; missing without replicas.";
    Elections "elections" "elections" Neither "Times a leader was elected; missing without replicas.";
    MeanTimeWithoutLeader "mean_time_without_leader" "s" Lower "Mean time from the failure of a leader until another took over; missing when none failed.";
    Incidents "incidents" "incidents" Neither "Times at which nodes went down, one or more at once, or the scheduler lost its leader.";
    MeanTimeToRecover "mean_time_to_recover" "s" Lower "Mean time from an incident until what was lost is back and no more tasks wait than just before it; missing when none was over.";
    Goodput "goodput" "tasks/s" Higher "Tasks completed by their deadline per second of makespan: throughput without what came too late.";
    UsefulShare "useful_share" "1" Higher "Share of the busy slot time that counted: 1 - wasted time / busy slot time.";
    Rollbacks "rollbacks" "jobs" Lower "Jobs of which something was undone, as a task of theirs failed; missing without `retry.rollback`.";
    RolledBack "rolled_back" "tasks" Lower "Completed tasks that were undone; missing without `retry.rollback`.";
    Compensations "compensations" "tasks" Lower "Tasks that undid others, and completed; missing without `retry.rollback`.";
    CompensationTime "compensation_time" "slot s" Lower "Slot time of all attempts to undo tasks; missing without `retry.rollback`.";
    RollbacksFailed "rollbacks_failed" "tasks" Lower "Tasks that should have undone others, and used up their attempts; missing without `retry.rollback`.";
    NodeTime "node_time" "node s" Lower "Time, summed over nodes, that they belonged to the cluster or booted: what is paid for.";
    Cost "cost" "units" Lower "What nodes cost: their prices x the time that they belonged to the cluster or booted; missing without prices.";
    MovedTasks "moved_tasks" "tasks" Lower "Times a waiting task was placed anew because its node was drained; missing when all nodes stay.";
    MovedBytes "moved_bytes" "bytes" Lower "Bytes of those tasks; missing without sizes of tasks.";
    ScaleUps "scale_ups" "nodes" Neither "Nodes that the autoscaler started; missing without one.";
    ScaleDowns "scale_downs" "nodes" Neither "Nodes that the autoscaler let go; missing without one.";
    SpeculativeAttempts "speculative_attempts" "attempts" Neither "Copies of attempts that were late; missing without speculation.";
    SpeculativeWins "speculative_wins" "attempts" Neither "Copies that were the first of their task to succeed; missing without speculation.";
    OptimalityGap "optimality_gap" "1" Lower "Makespan / the highest lower bound known - 1, of batches and traces whose tasks all completed at their first attempt; missing otherwise.";
}

/// How many metrics there are.
pub const METRICS: usize = COLUMNS.len();

impl Metric {
    /// The metric's column.
    pub fn column(self) -> &'static Column {
        &COLUMNS[self as usize]
    }

    /// Whether it is a percentile of what tasks have: `p99_wait`.
    pub fn is_percentile(self) -> bool {
        let rest = self.column().name.strip_prefix('p');
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// The metric with this column name.
    pub fn from_name(name: &str) -> Option<Metric> {
        COLUMNS.iter().find(|column| column.name == name).map(|column| column.metric)
    }
}

/// All figures of one replication (or of one class in it); `None` where a figure does not exist,
/// such as the mean response when no task completed.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow([Option<f64>; METRICS]);

impl Default for MetricRow {
    fn default() -> Self {
        MetricRow([None; METRICS])
    }
}

impl MetricRow {
    /// The figure, if it exists.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0[metric as usize]
    }

    /// Sets a figure; a value that is not finite counts as missing.
    pub fn set(&mut self, metric: Metric, value: f64) {
        self.0[metric as usize] = value.is_finite().then_some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_metric_and_by_name() {
        for (index, column) in COLUMNS.iter().enumerate() {
            assert_eq!(column.metric as usize, index);
            assert_eq!(Metric::from_name(column.name), Some(column.metric));
            assert!(column.description.ends_with('.'), "{}", column.name);
        }
    }
}
