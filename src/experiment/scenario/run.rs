//! The `[run]` table: how often and how long to simulate, and where intervals come from.

use super::declare::{table, words};
use super::diagnostics::Diagnostic;
use super::document::{Node, Value};
use super::keys::{RunTable, UntilTable};
use super::reader::{Key, Reader, Setting};
use super::tasks::Tasks;
use super::values::{Count, Whole, grouped};
use crate::experiment::plan::{PrecisionPlan, RunPlan, Until};
use crate::metrics::{COLUMNS, Metric};
use crate::statistics::precision::FIRST_LOOK;
use crate::time::Time;

/// Batches of tasks when the scenario does not say: between 20 and 30 are advised (Schmeiser, Batch
/// size effects in the analysis of simulation output, Operations Research 30, 1982).
const BATCHES: u32 = 20;

table! {
    /// When an interval is tight enough.
    PrecisionTable, "`precision`" {
        /// The metric whose interval is looked at.
        metric: MetricName;
        /// Half its width at most, as a share of the mean.
        relative: Share;
        /// Replications at most; what was not reached by then is said.
        max_replications: Count = Whole(1000);
    }
}

words! {
    /// Where intervals come from.
    MethodWord {
        /// Several runs with seeds of their own.
        Replications "replications";
        /// Batches of the tasks of one long run.
        BatchMeans "batch-means";
    }
}

/// A share above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(f64);

impl Setting for Share {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let value = match &node.value {
            Value::Float(value) => *value,
            Value::Integer(Some(value)) => *value as f64,
            _ => return reader.wrong_type(node, "a share above 0 and below 1, such as 0.01"),
        };
        if value > 0.0 && value < 1.0 {
            return Some(Share(value));
        }
        reader.refuse(node, "a share above 0 and below 1, such as 0.01", "outside of these")
    }

    fn write(&self) -> serde_json::Value {
        self.0.into()
    }
}

impl schemars::JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 })
    }
}

/// The name of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MetricName(Metric);

impl Setting for MetricName {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Text(text) = &node.value else {
            return reader.wrong_type(node, "the name of a metric, such as \"mean_wait\"");
        };
        match Metric::from_name(text) {
            Some(metric) => Some(MetricName(metric)),
            None => {
                let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
                reader.unknown_name(node.origin, "metric", text, &names)
            }
        }
    }

    fn write(&self) -> serde_json::Value {
        self.0.column().name.into()
    }
}

impl schemars::JsonSchema for MetricName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        schemars::json_schema!({ "type": "string", "pattern": format!("^({})$", names.join("|")) })
    }
}

/// Tasks that are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum WarmupTable {
    /// So many.
    Tasks(u32),
    /// As many as pilot runs show to be needed.
    Auto,
}

type WarmupTasks = Whole<0, { u32::MAX as u64 }>;

impl Setting for WarmupTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "auto" => Some(WarmupTable::Auto),
            Value::Text(text) => reader.unknown_word(node, text, &["auto", "a number of tasks"]),
            Value::Integer(_) | Value::Float(_) => {
                WarmupTasks::read(node, reader).map(|tasks| WarmupTable::Tasks(tasks.small()))
            }
            _ => reader.wrong_type(node, "a number of tasks or \"auto\""),
        }
    }

    fn write(&self) -> serde_json::Value {
        match self {
            WarmupTable::Tasks(tasks) => (*tasks).into(),
            WarmupTable::Auto => "auto".into(),
        }
    }
}

impl schemars::JsonSchema for WarmupTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Warmup".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let tasks = generator.subschema_for::<WarmupTasks>();
        schemars::json_schema!({ "anyOf": [{ "const": "auto" }, tasks] })
    }
}

/// The checked form of `[run]`.
pub(super) fn lower(table: Option<&RunTable>, tasks: Option<&Tasks>, reader: &mut Reader) -> Option<RunPlan> {
    let table = table?;
    warmup(table, tasks, reader);
    let precision = precision(table, reader);
    let batches = batches(table, tasks, reader);
    Some(RunPlan {
        seed: table.seed.value()?.0,
        replications: match batches {
            Some(Some(_)) => 1,
            _ => table.replications.value()?.small(),
        },
        until: match table.until.value()? {
            UntilTable::Settled => Until::Settled,
            UntilTable::Seconds(seconds) => Until::Time(Time::from_seconds(*seconds)?),
        },
        warmup: match table.warmup.value()? {
            WarmupTable::Tasks(tasks) => *tasks,
            WarmupTable::Auto => 0,
        },
        timeline_buckets: table.timeline_buckets.value()?.small(),
        service_nodes: table.service_nodes.value()?.small(),
        precision: precision?,
        auto_warmup: table.warmup.value() == Some(&WarmupTable::Auto),
        batches: batches?,
    })
}

/// A service that needs more nodes than there are is never there.
pub(super) fn check_service(table: Option<&RunTable>, nodes: Option<u64>, reader: &mut Reader) {
    if let (Some(needs), Some(nodes)) = (table.and_then(|table| table.service_nodes.found()), nodes)
        && needs.value.0 > nodes
    {
        let title = "the service needs more nodes than there are";
        let label = format!("at most {}", grouped(nodes));
        let help = "`service_availability` counts the time in which so many nodes are up";
        reader.report(Diagnostic::new(title, needs.at, label).help(help));
    }
}

fn warmup(table: &RunTable, tasks: Option<&Tasks>, reader: &mut Reader) {
    let (Some(found), Some(tasks)) = (table.warmup.found(), tasks) else { return };
    let count = tasks.workload.expected_tasks();
    match found.value {
        WarmupTable::Tasks(warmup) if u64::from(warmup) >= count => {
            let title = "the warm-up must be shorter than the run";
            let label = format!("leaves out {} of {} tasks", grouped(warmup.into()), grouped(count));
            reader.report(Diagnostic::new(title, found.at, label).context(tasks.count_at, "the run"));
        }
        WarmupTable::Auto if tasks.workload.is_batch() => {
            let title = "a batch of tasks has no steady state to warm up to";
            let label = "all tasks arrive at once";
            let help = "leave `warmup` out, or let tasks arrive: `workload.arrivals`";
            reader.report(Diagnostic::new(title, found.at, label).help(help));
        }
        _ => {}
    }
}

/// `Some(None)` when the number of replications is fixed.
fn precision(table: &RunTable, reader: &mut Reader) -> Option<Option<PrecisionPlan>> {
    let found = match &table.precision {
        Key::Broken => return None,
        Key::Absent | Key::Default(_) => return Some(None),
        Key::Found(found) => found,
    };
    for (silent, name) in
        [(found.value.metric.is_silent(), "metric"), (found.value.relative.is_silent(), "relative")]
    {
        if silent {
            reader.missing_key(found.at, name, PrecisionTable::SHOWN);
        }
    }
    if let Some(replications) = table.replications.found().filter(|one| one.value.small() < FIRST_LOOK) {
        let title = "too few replications before the first look";
        let label = format!("at least {FIRST_LOOK}, or `precision` stops by chance");
        let help = "leave `replications` out, or raise it";
        reader.report(Diagnostic::new(title, replications.at, label).help(help));
    }
    let plan = PrecisionPlan {
        metric: found.value.metric.value()?.0,
        relative: found.value.relative.value()?.0,
        max_replications: found.value.max_replications.value()?.small(),
    };
    let first = table.replications.value()?.small();
    if plan.max_replications < first {
        let at = found.value.max_replications.found().map_or(found.at, |limit| limit.at);
        let title = "`max_replications` is below `replications`";
        let label = format!("the first look comes after {first}");
        reader.report(Diagnostic::new(title, at, label).help("raise it"));
    }
    Some(Some(plan))
}

/// `Some(None)` when intervals come from replications.
fn batches(table: &RunTable, tasks: Option<&Tasks>, reader: &mut Reader) -> Option<Option<u32>> {
    let method = match &table.method {
        Key::Broken => return None,
        Key::Found(found) if found.value == MethodWord::BatchMeans => found,
        _ => {
            if let Some(batches) = table.batches.found() {
                let title = "`batches` without `method = \"batch-means\"`";
                let label = "nothing is divided into batches";
                reader.report(Diagnostic::new(title, batches.key, label));
            }
            return Some(None);
        }
    };
    let mut refuse = |at, title: &str, help: &str| {
        reader.report(
            Diagnostic::new(title, at, "not supported")
                .context(method.at, "intervals from one long run")
                .help(help),
        );
    };
    if let Some(replications) = table.replications.found().filter(|one| one.value.small() != 1) {
        refuse(replications.at, "\"batch-means\" makes one run", "leave `replications` out, or `method`");
    }
    if let Some(precision) = table.precision.found() {
        let help = "use `method = \"replications\"` with `precision`";
        refuse(precision.key, "`precision` counts replications, and \"batch-means\" makes one", help);
    }
    if let Some(until) = table.until.found().filter(|until| until.value != UntilTable::Settled) {
        let help = "leave `until` out and say how many tasks: batches are of equal numbers of tasks";
        refuse(until.key, "\"batch-means\" must know how many tasks there are", help);
    }
    let count = match &table.batches {
        Key::Broken => return None,
        key => key.value().map_or(BATCHES, |batches| batches.small()),
    };
    let tasks = tasks?;
    if tasks.workload.is_batch() {
        refuse(tasks.arrivals_at, "a batch of tasks has no steady state", "use `method = \"replications\"`");
    } else if tasks.workload.spawns() {
        let help = "use `method = \"replications\"` with `spawn`";
        refuse(method.at, "\"batch-means\" must know how many tasks there are", help);
    } else if tasks.workload.expected_tasks() < 10 * u64::from(count) {
        refuse(
            tasks.count_at,
            "too few tasks for the batches",
            "at least ten tasks a batch; far more is better",
        );
    }
    Some(Some(count))
}
