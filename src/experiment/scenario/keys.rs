//! Every key of a scenario file, once: its type, its default and what it means.

use super::alarms::AlarmsTable;
use super::arrivals::ArrivalsTable;
use super::declare::{choice, parameters, table, words};
use super::distributions::DistributionTable;
use super::disturbances::{MonitorTable, RandomSlowTable, RandomSpanTable};
use super::document::{Node, Value};
use super::elastic::AutoscaleTable;
use super::faults::{FaultsTable, OutageTable};
use super::files::FilePath;
use super::guards::{BreakerTable, LockTable, MOST_LOCKS};
use super::policies::PolicyTable;
use super::reader::{Reader, Setting};
use super::replicas::ReplicasTable;
pub(super) use super::resources::{CapacityTable, DemandTable};
use super::retry::{BackoffTable, BudgetTable, CheckpointTable, RetryTable};
use super::rollback::RollbackTable;
use super::run::{MethodWord, PrecisionTable, WarmupTable};
use super::several::{Located, Several};
use super::values::{Count, Fraction, Plain, Positive, Quantity, Seconds, Urgency, Whole};
use super::words::Name;
use super::zones::ZonesTable;

table! {
    /// A question put to the simulator: cluster, workload, policies, how often to repeat.
    ScenarioTable, "a scenario" {
        /// Name of the scenario and of its results folder; the file's name by default.
        name: Name;
        /// One sentence: the question this scenario asks.
        description: String;
        /// Policies to compare: names of presets, or tables that combine parts.
        policies: Several<PolicyTable>;
        /// How often and how long to simulate.
        run: RunTable = RunTable::default();
        /// The cluster, as groups of equal nodes.
        nodes: Several<NodeTable>;
        /// How far zones are from each other.
        zones: ZonesTable;
        /// The tasks: generated, or from a trace.
        workload: WorkloadTable;
        /// What happens to attempts that fail or are lost.
        retry: RetryTable = RetryTable::default();
        /// What scheduling itself costs.
        scheduler: SchedulerTable = SchedulerTable::default();
        /// What breaks besides nodes that fail by chance.
        faults: FaultsTable = FaultsTable::default();
        /// What is to be told of in `alarms.csv`.
        alarms: AlarmsTable;
    }
}

table! {
    /// How often and how long to simulate.
    RunTable, "[run]" {
        /// Seed of the first replication; replication i has seed + i.
        seed: Whole<0, { u64::MAX }> = Whole(1);
        /// Simulated runs per policy, each with its own seed.
        replications: Count = Whole(10);
        /// "settled": until every task is settled; or a time after which no arrivals are taken.
        until: UntilTable = UntilTable::Settled;
        /// Tasks, by arrival, that are left out of wait, response and slowdown; "auto": as many as pilot
        /// runs show to be needed.
        warmup: WarmupTable = WarmupTable::Tasks(0);
        /// Rows per replication in timeline.csv; 0 for no such file.
        timeline_buckets: Whole<0, 100_000> = Whole(200);
        /// Nodes that must be up for the service to be there, in service_availability.
        service_nodes: Count = Whole(1);
        /// Go on until the interval of a metric is as tight as asked, up to a limit.
        precision: PrecisionTable;
        /// Where intervals come from: several runs with seeds of their own (by default), or one long run.
        method: MethodWord;
        /// Batches of tasks that "batch-means" divides its run into; 20 by default.
        batches: Whole<5, 1000>;
    }
}

table! {
    /// A group of equal nodes.
    NodeTable, "[[nodes]]" {
        /// Nodes are called name-0, name-1, ...
        name: Name = Name("node".to_string());
        /// How many nodes.
        count: Count = Whole(1);
        /// Tasks at once on one node.
        slots: Count = Whole(1);
        /// Units of work per second.
        speed: Positive<Plain> = Positive::new(1.0);
        /// Share under weighted policies; speed x slots by default.
        weight: Positive<Plain>;
        /// Units of named resources, besides slots.
        capacity: CapacityTable;
        /// Where the node stands.
        zone: Name;
        /// Time from coming up to failing; without it a node never fails.
        up: DistributionTable<Seconds>;
        /// Time from failing to coming up again.
        down: DistributionTable<Seconds>;
        /// Whether a node ages always or only while it is busy.
        fails: FailsWord = FailsWord::Always;
        /// A node works slowly again and again, by chance.
        slow: RandomSlowTable;
        /// A node pauses again and again, by chance.
        pause: RandomSpanTable;
        /// A node is cut off from the scheduler again and again, by chance.
        partition: RandomSpanTable;
        /// Tasks that may wait in the queue of one node under push; a full node refuses.
        queue_limit: Whole<0, { u32::MAX as u64 - 1 }>;
        /// Probability that the node makes an attempt fail; a cause of its own beside the task's.
        failure_probability: Fraction = Fraction(0.0);
        /// When the nodes join.
        join: Quantity<Seconds> = Quantity::new(0.0);
        /// When they take no new tasks any more, and leave once they are empty; never by default.
        leave: Quantity<Seconds>;
        /// What a second of a node costs while it is there or boots, in units of your own.
        price: Quantity<Plain>;
    }
}

table! {
    /// The tasks: generated, or from a trace.
    WorkloadTable, "[workload]" {
        /// How many tasks to generate.
        tasks: Count;
        /// When tasks arrive; all at time 0 by default.
        arrivals: ArrivalsTable;
        /// Units of work of a task: seconds on a node of speed 1.
        duration: DistributionTable<Plain>;
        /// Probability that an attempt fails, found at its end.
        failure_probability: Fraction = Fraction(0.0);
        /// How far an attempt that fails comes: to its "end", or to a point drawn uniformly from its work.
        failure_point: FailurePointWord = FailurePointWord::End;
        /// Share of poison tasks, whose every attempt fails.
        poison: Fraction = Fraction(0.0);
        /// Urgency; larger is more urgent.
        priority: DistributionTable<Urgency> = DistributionTable::constant(0.0);
        /// What a task takes of its node while it runs: slots and named resources.
        demand: DemandTable = DemandTable::default();
        /// Share of a task under `fair-share`, `dominant-resource-fairness` and weighted `time-slice`.
        weight: Positive<Plain> = Positive::new(1.0);
        /// Who submits a task, rounded to a whole number.
        user: DistributionTable<Plain>;
        /// Time from arrival until a task should be settled.
        deadline: DistributionTable<Seconds>;
        /// Time from arrival after which a task that has not started leaves.
        patience: DistributionTable<Seconds>;
        /// What a task is about, rounded to a whole number; a task is about itself by default.
        key: DistributionTable<Plain>;
        /// Which lock a task needs while it runs.
        lock: LockTable;
        /// The zone that tasks come from.
        zone: Name;
        /// What policies may know of a task's work.
        estimate: EstimateTable = EstimateTable::Word(EstimateWord::Exact);
        /// Whether an attempt that reaches the requested time is ended there, and its task with it.
        kill_at_requested: bool = false;
        /// A mix of kinds of tasks; each overrides [workload] for its share.
        classes: Several<ClassTable>;
        /// Jobs of tasks that wait for each other; then `arrivals` are those of jobs.
        jobs: JobsTable;
        /// What a task that completes submits at that very instant.
        spawn: SpawnTable;
        /// The tasks one by one, in place of generated ones.
        tasks_list: Several<TaskTable>;
        /// A file of tasks, in place of generated ones.
        trace: TraceTable;
        /// Bytes of a task, where it waits, rounded to a whole number.
        size: DistributionTable<Plain>;
    }
}

table! {
    /// What a task that completes submits at that very instant; each of these may spawn others in turn.
    SpawnTable, "`spawn`" {
        /// How many tasks; of a number that is not whole, the rest is the probability of one more.
        children: DistributionTable<Plain>;
        /// Generations that follow a task that was not spawned; no end by default.
        depth: Count;
    }
}

choice! {
    /// What jobs look like; sizes are rounded to whole numbers of at least 1.
    JobsTable, "shape of jobs", {
        /// One task after the other.
        Chain "chain": ChainTable;
        /// A task, several side by side, and one that waits for them all.
        ForkJoin "fork-join": ForkJoinTable;
        /// Layers of tasks, each of which waits for some of the layer before it.
        Layered "layered": LayeredTable;
        /// A task followed by several, each of these by several, and so on.
        Tree "tree": TreeTable;
    }
}

parameters! {
    /// One task after the other.
    ChainTable, "`chain`" {
        /// Tasks.
        length: DistributionTable<Plain>;
    }
}

table! {
    /// A task, several side by side, and one that waits for them all.
    ForkJoinTable, "`fork-join`" {
        /// Tasks side by side.
        width: DistributionTable<Plain>;
        /// How often: the last task of a stage is the first of the next.
        stages: DistributionTable<Plain> = DistributionTable::constant(1.0);
    }
}

parameters! {
    /// Layers of tasks, each of which waits for some of the layer before it.
    LayeredTable, "`layered`" {
        /// Layers.
        layers: DistributionTable<Plain>;
        /// Tasks in a layer.
        width: DistributionTable<Plain>;
        /// Probability that a task waits for one of the layer before it; it waits for at least one.
        density: Fraction;
    }
}

parameters! {
    /// A task followed by several, each of these by several, and so on.
    TreeTable, "`tree`" {
        /// Tasks on the way from the first to the last.
        depth: DistributionTable<Plain>;
        /// Tasks that follow each.
        branching: DistributionTable<Plain>;
    }
}

table! {
    /// A kind of task.
    ClassTable, "[[workload.classes]]" {
        /// Name in results.
        name: Name;
        /// Probability that a task is of this class; all sum to 1.
        share: Fraction;
        /// In place of workload.duration.
        duration: DistributionTable<Plain>;
        /// In place of workload.failure_probability.
        failure_probability: Fraction;
        /// In place of workload.priority.
        priority: DistributionTable<Urgency>;
        /// In place of workload.demand.
        demand: DemandTable;
        /// In place of workload.weight.
        weight: Positive<Plain>;
        /// In place of workload.user.
        user: DistributionTable<Plain>;
        /// In place of workload.deadline.
        deadline: DistributionTable<Seconds>;
        /// In place of workload.patience.
        patience: DistributionTable<Seconds>;
        /// In place of workload.key.
        key: DistributionTable<Plain>;
        /// In place of workload.lock.
        lock: LockTable;
        /// In place of workload.zone.
        zone: Name;
        /// In place of workload.estimate.
        estimate: EstimateTable;
        /// In place of workload.size.
        size: DistributionTable<Plain>;
    }
}

table! {
    /// One task.
    TaskTable, "`tasks_list`" {
        /// When it arrives.
        arrival: Quantity<Seconds> = Quantity::new(0.0);
        /// Units of work.
        work: Positive<Plain>;
        /// Urgency; workload.priority by default.
        priority: Quantity<Urgency>;
        /// Slots it takes; workload.demand by default.
        slots: Count;
        /// What it takes of its node, in place of `slots`; workload.demand by default.
        demand: DemandTable;
        /// Share of the task; workload.weight by default.
        weight: Positive<Plain>;
        /// Who submits it; workload.user by default.
        user: Whole<0, { u32::MAX as u64 }>;
        /// Time from arrival until it should be settled.
        deadline: Quantity<Seconds>;
        /// Time from arrival after which it leaves unless it has started.
        patience: Quantity<Seconds>;
        /// What it is about; about itself by default.
        key: Whole<0, 9_007_199_254_740_992>;
        /// Number of the lock that it needs while it runs; none by default.
        lock: Whole<0, { MOST_LOCKS - 1 }>;
        /// The zone it comes from; workload.zone by default.
        zone: Name;
        /// Tasks that must complete before it may start, by their positions in the list, from 0.
        after: Several<Whole<0, { u32::MAX as u64 }>>;
        /// Probability that an attempt fails; workload.failure_probability by default.
        failure_probability: Fraction;
        /// Bytes, where it waits; workload.size by default.
        size: Whole<0, 9_007_199_254_740_992>;
    }
}

choice! {
    /// A file of tasks, relative to the scenario file; may be packed (.gz).
    TraceTable, "trace", {
        /// A log in the Standard Workload Format.
        Swf "swf": Located<FilePath>;
        /// A table with the columns arrival and work, and optional others.
        Csv "csv": Located<FilePath>;
        /// A workflow in WfFormat 1.4 or 1.5: tasks that wait for each other.
        Wfformat "wfformat": Located<FilePath>;
        /// A workload of the simulator Batsim (JSON).
        Batsim "batsim": Located<FilePath>;
    }
}

words! {
    /// What policies may know of a task's work.
    EstimateWord {
        /// The work itself.
        Exact "exact";
        /// The mean work of the task's class.
        ClassMean "class-mean";
        /// What the trace says was requested.
        Requested "requested";
    }
}

choice! {
    /// What policies may know of a task's work.
    EstimateTable, "estimate",
    bare Word: EstimateWord, {
        /// The work times a random factor.
        Noise "noise": NoiseTable;
    }
}

choice! {
    /// The factor by which estimates are wrong.
    NoiseTable, "noise", {
        /// Lognormal with median 1.
        Lognormal "lognormal": LognormalNoise;
    }
}

parameters! {
    /// Lognormal factor with median 1.
    LognormalNoise, "`lognormal`" {
        /// Standard deviation of the factor's logarithm.
        sigma: Quantity<Plain>;
    }
}

words! {
    /// When a node's clock of failure runs.
    FailsWord {
        /// Whether the node is busy or idle.
        Always "always";
        /// Only while it serves.
        Busy "busy";
    }
}

words! {
    /// How far an attempt that fails comes.
    FailurePointWord {
        /// To its end, where the failure is found.
        End "end";
        /// To a point drawn uniformly from the work it would do.
        Uniform "uniform";
    }
}

table! {
    /// What scheduling itself costs.
    SchedulerTable, "[scheduler]" {
        /// Tasks that may wait in all queues together; submissions beyond are rejected.
        queue_limit: Whole<0, { u64::MAX }>;
        /// Time from the decision to start a task until it starts.
        dispatch_delay: DistributionTable<Seconds> = DistributionTable::constant(0.0);
        /// Time from the end of an attempt until the scheduler knows; the slot is taken meanwhile.
        completion_delay: DistributionTable<Seconds> = DistributionTable::constant(0.0);
        /// Time from a node's failure until the scheduler knows; it sends tasks there meanwhile.
        detection_delay: DistributionTable<Seconds> = DistributionTable::constant(0.0);
        /// Time from the end of a node's repair until the scheduler can use it.
        join_delay: DistributionTable<Seconds> = DistributionTable::constant(0.0);
        /// Circuit breakers of the nodes.
        breaker: BreakerTable;
        /// How the scheduler itself fails.
        replicas: ReplicasTable;
        /// How long the lock of a task whose node is lost is still held; 30 s by default.
        lock_lease: Positive<Seconds>;
        /// How it finds out by itself, from heartbeats, that nodes are dead.
        monitor: MonitorTable;
        /// Which nodes it starts and lets go by itself, and when.
        autoscale: AutoscaleTable;
    }
}

/// The table that has a key of this name, as messages call it.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    let homes = [
        (RunTable::KEYS, RunTable::SHOWN),
        (WorkloadTable::KEYS, WorkloadTable::SHOWN),
        (NodeTable::KEYS, NodeTable::SHOWN),
        (RetryTable::KEYS, RetryTable::SHOWN),
        (SchedulerTable::KEYS, SchedulerTable::SHOWN),
        (ZonesTable::KEYS, ZonesTable::SHOWN),
        (FaultsTable::KEYS, FaultsTable::SHOWN),
        (OutageTable::KEYS, OutageTable::SHOWN),
        (BackoffTable::KEYS, BackoffTable::SHOWN),
        (BudgetTable::KEYS, BudgetTable::SHOWN),
        (CheckpointTable::KEYS, CheckpointTable::SHOWN),
        (MonitorTable::KEYS, MonitorTable::SHOWN),
        (RollbackTable::KEYS, RollbackTable::SHOWN),
        (AutoscaleTable::KEYS, AutoscaleTable::SHOWN),
    ];
    homes.iter().find(|(keys, _)| keys.contains(&key)).map(|(_, shown)| *shown)
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum UntilTable {
    /// When every task is settled.
    Settled,
    /// No arrivals are taken after this many seconds.
    Seconds(f64),
}

impl Setting for UntilTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "settled" => Some(UntilTable::Settled),
            Value::Text(text) if !text.contains(|c: char| c.is_ascii_digit()) => {
                reader.unknown_word(node, text, &["settled", "a time"])
            }
            Value::Text(_) | Value::Integer(_) | Value::Float(_) => {
                Quantity::<Seconds>::read(node, reader).map(|time| UntilTable::Seconds(time.0))
            }
            _ => reader.wrong_type(node, "\"settled\" or a time"),
        }
    }

    fn write(&self) -> serde_json::Value {
        match self {
            UntilTable::Settled => "settled".into(),
            UntilTable::Seconds(seconds) => (*seconds).into(),
        }
    }
}

impl schemars::JsonSchema for UntilTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Until".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let time = generator.subschema_for::<Quantity<Seconds>>();
        schemars::json_schema!({ "anyOf": [{ "const": "settled" }, time] })
    }
}
