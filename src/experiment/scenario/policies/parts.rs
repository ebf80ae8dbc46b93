//! The parts of a policy as a scenario names them: a word of the registry, or a table with the word and
//! its options.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::declare::{table, tagged, words};
use super::super::diagnostics::{Diagnostic, Origin};
use super::super::document::{Node, Value};
use super::super::reader::{Key, Reader, Setting, quoted};
use super::super::values::{Growth, Plain, Positive, Quantity, Seconds, Whole};
use super::dispatch::{Hybrid, LateBinding, Pull};
use super::score::ScoreTable;
use crate::policies::order::mlfq::MOST_LEVELS;
use crate::policies::order::score::Formula;
use crate::policies::registry::{BACKFILLS, DISPATCHES, ORDERS, PLACES, Part};
use crate::policies::spec::{BackfillSpec, DispatchSpec, OrderSpec, PlaceSpec, Sharers};
use crate::time::Duration;

/// A part named by a word of the registry. For those with options, the table of the options and how a
/// checked part is made of it.
macro_rules! part {
    ($name:ident($spec:ty), $parts:expr, $shown:literal, $default:literal, $about:literal, {
        $($word:literal: $options:ty => $lower:expr;)*
    }) => {
        #[doc = $about]
        #[derive(Clone, Debug)]
        pub(in super::super) struct $name {
            /// The checked part.
            pub(in super::super) spec: $spec,
            /// As it is written out: with all options.
            written: serde_json::Value,
        }

        impl $name {
            /// The name and the options that are not as they usually are, in words for a name.
            pub(super) fn words(&self) -> String {
                let usual: Vec<serde_json::Value> =
                    vec![$(tagged($word, <$options>::default().write())),*];
                words(&self.written, &usual)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                let part = $parts.iter().find(|part| part.name == $default).expect("a part");
                let written = match $default {
                    $($word => tagged($word, <$options>::default().write()),)*
                    name => name.into(),
                };
                $name { spec: part.spec.clone(), written }
            }
        }

        impl Setting for $name {
            fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
                if let Value::Text(text) = &node.value {
                    let spec = find($parts, text, $shown, node.origin, reader)?;
                    says_enough(text, node.origin, reader)?;
                    let written = match text.as_str() {
                        $($word => tagged($word, <$options>::default().write()),)*
                        _ => text.as_str().into(),
                    };
                    return Some($name { spec, written });
                }
                if !matches!(node.value, Value::Table(_)) {
                    return reader.wrong_type(node, &format!("one of {}", quoted(&names($parts))));
                }
                let entry = reader.alternative(node, $shown, &names($parts))?;
                match entry.key.as_str() {
                    $($word => {
                        let Key::Found(options) = reader.entry::<$options>(entry) else { return None };
                        let lower: fn(&$options, &mut Reader) -> Option<$spec> = $lower;
                        let spec = lower(&options.value, reader)?;
                        Some($name { spec, written: tagged($word, options.value.write()) })
                    })*
                    _ => {
                        let title = format!("{} `{}` has no options", $shown, entry.key);
                        reader.report(
                            Diagnostic::new(title, entry.key_origin, "takes no table")
                                .help(format!("write `{} = \"{}\"`", $shown, entry.key)),
                        );
                        None
                    }
                }
            }

            fn write(&self) -> serde_json::Value {
                self.written.clone()
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let options: Vec<(&str, Schema)> =
                    vec![$(($word, generator.subschema_for::<$options>())),*];
                let _ = &generator;
                schema($about, &names($parts), options)
            }
        }
    };
}

table! {
    /// The less loaded of d random nodes.
    PowerOf, "`power-of`" {
        /// How many nodes are drawn.
        d: Whole<1, 16_000_000> = Whole(2);
        /// Whether one node may be drawn more than once.
        with_replacement: bool = false;
    }
}

words! {
    /// Who shares the cluster.
    SharersWord {
        /// The classes of tasks.
        Class "class";
        /// Those who submit tasks.
        User "user";
    }
}

impl SharersWord {
    fn sharers(self) -> Sharers {
        match self {
            SharersWord::Class => Sharers::Classes,
            SharersWord::User => Sharers::Users,
        }
    }
}

words! {
    /// What counts as load.
    LoadWord {
        /// Queued and running tasks.
        Tasks "tasks";
        /// Expected work left, per slot.
        Work "work";
    }
}

table! {
    /// The node with the least load.
    LeastLoaded, "`least-loaded`" {
        /// What counts as load: the number of tasks, or the work expected of them.
        by: LoadWord = LoadWord::Tasks;
    }
}

table! {
    /// The node that the task's key hashes to.
    ConsistentHash, "`consistent-hash`" {
        /// Points of each node on the ring of hashes.
        virtual_nodes: Whole<1, 100_000> = Whole(100);
        /// No node holds more than this many times the mean number of tasks; no bound by default.
        load_bound: Growth;
    }
}

table! {
    /// The less loaded, by weight, of d nodes drawn by weight.
    WeightedPowerOf, "`weighted-power-of`" {
        /// How many nodes are drawn.
        d: Whole<1, 16_000_000> = Whole(2);
    }
}

table! {
    /// Waiting tasks and free slots matched at the least cost.
    MinCostFlow, "`min-cost-flow`" {
        /// How many waiting tasks are assigned together.
        window: Whole<1, 10_000> = Whole(64);
    }
}

table! {
    /// A node of the zone nearest to the task.
    Nearest, "`nearest`" {
        /// Whether nodes without a free slot are passed over as long as any node has one.
        spill_over: bool = false;
    }
}

table! {
    /// Whether a better task takes the place of a running one.
    InterruptingOptions, "an order" {
        /// Whether a better task takes the place of a running one.
        preempt: bool = false;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// The class or user with the least slot time per weight goes first.
    FairShare, "`fair-share`" {
        /// Who shares the cluster.
        over: SharersWord = SharersWord::Class;
    }
}

table! {
    /// Highest priority first.
    PriorityOptions, "`priority`" {
        /// How much the priority of a task rises per second of waiting.
        aging: Quantity<Plain> = Quantity::new(0.0);
        /// Whether a better task takes the place of a running one.
        preempt: bool = false;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// The class or user with the least dominant share per weight goes first.
    DominantResourceFairness, "`dominant-resource-fairness`" {
        /// Who shares the cluster.
        over: SharersWord = SharersWord::Class;
    }
}

table! {
    /// Shortest remaining time first.
    SrtfOptions, "`srtf`" {
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// Tasks take turns.
    TimeSliceOptions, "`time-slice`" {
        /// Length of a turn.
        quantum: Positive<Seconds> = Positive::new(1.0);
        /// Whether a turn is longer by the task's weight.
        weighted: bool = false;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// The task that was served least.
    LeastAttainedServiceOptions, "`least-attained-service`" {
        /// Length of a turn among those that were served equally.
        quantum: Positive<Seconds> = Positive::new(1.0);
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// A multi-level feedback queue.
    MlfqOptions, "`mlfq`" {
        /// How many levels.
        levels: Whole<1, { MOST_LEVELS as u64 }> = Whole(3);
        /// Slice at the top level.
        quantum: Positive<Seconds> = Positive::new(1.0);
        /// Growth of the slice per level.
        factor: Growth = Growth(1.0);
        /// How often all tasks rise to the top; never by default.
        boost: Positive<Seconds>;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds> = Quantity::new(0.0);
    }
}

part!(Order(OrderSpec), ORDERS, "order", "fifo", "Which waiting task goes next.", {
    "fair-share": FairShare => |options, _| {
        Some(OrderSpec::FairShare { over: options.over.value()?.sharers() })
    };
    "dominant-resource-fairness": DominantResourceFairness => |options, _| {
        Some(OrderSpec::DominantResourceFairness { over: options.over.value()?.sharers() })
    };
    "lifo": InterruptingOptions => |_, _| Some(OrderSpec::Lifo);
    "sjf": InterruptingOptions => |_, _| Some(OrderSpec::Sjf);
    "ljf": InterruptingOptions => |_, _| Some(OrderSpec::Ljf);
    "edf": InterruptingOptions => |_, _| Some(OrderSpec::Edf);
    "failure-first": InterruptingOptions => |_, _| Some(OrderSpec::FailureFirst);
    "srtf": SrtfOptions => |_, _| Some(OrderSpec::Srtf);
    "priority": PriorityOptions => |options, _| {
        Some(OrderSpec::Priority { aging: options.aging.value()?.0 })
    };
    "wfp3": InterruptingOptions => |_, _| Some(OrderSpec::Wfp3);
    "unicep": InterruptingOptions => |_, _| Some(OrderSpec::Unicep);
    "f1": InterruptingOptions => |_, _| Some(OrderSpec::F1);
    "f2": InterruptingOptions => |_, _| Some(OrderSpec::F2);
    "f3": InterruptingOptions => |_, _| Some(OrderSpec::F3);
    "f4": InterruptingOptions => |_, _| Some(OrderSpec::F4);
    "score": ScoreTable => |options, reader| options.lower(reader);
    "time-slice": TimeSliceOptions => |options, _| {
        let quantum = duration(options.quantum.value()?.0)?;
        Some(OrderSpec::TimeSlice { quantum, weighted: *options.weighted.value()? })
    };
    "least-attained-service": LeastAttainedServiceOptions => |options, _| {
        Some(OrderSpec::LeastAttainedService { quantum: duration(options.quantum.value()?.0)? })
    };
    "mlfq": MlfqOptions => |options, _| {
        let boost = match &options.boost {
            Key::Broken => return None,
            key => key.value().map(|boost| boost.0),
        };
        Some(OrderSpec::Mlfq {
            levels: options.levels.value()?.small(),
            quantum: duration(options.quantum.value()?.0)?,
            factor: options.factor.value()?.0,
            boost: boost.map(duration).map_or(Some(None), |boost| boost.map(Some))?,
        })
    };
});

impl Order {
    /// What an option of the order says, if it is not what it usually is.
    fn option(&self, key: &str) -> Option<&serde_json::Value> {
        self.written
            .as_object()?
            .values()
            .next()?
            .get(key)
            .filter(|value| !matches!(value, serde_json::Value::Bool(false)) && value.as_f64() != Some(0.0))
    }

    /// Whether an option of the order asks that better tasks interrupt.
    pub(super) fn preempts(&self) -> bool {
        self.option("preempt").is_some()
    }

    /// What an interruption costs, if an option of the order says so.
    pub(super) fn switch_cost(&self) -> Option<Duration> {
        duration(self.option("switch_cost")?.as_f64()?)
    }
}

/// At least a nanosecond.
fn duration(seconds: f64) -> Option<Duration> {
    Duration::from_seconds(seconds).map(|duration| duration.max(Duration(1)))
}

part!(Place(PlaceSpec), PLACES, "place", "least-loaded", "Which node takes the task.", {
    "power-of": PowerOf => |options, _| {
        let d = options.d.value()?.small();
        Some(PlaceSpec::PowerOf { d, with_replacement: *options.with_replacement.value()? })
    };
    "least-loaded": LeastLoaded => |options, _| {
        Some(match options.by.value()? {
            LoadWord::Tasks => PlaceSpec::LeastLoaded,
            LoadWord::Work => PlaceSpec::LeastWork,
        })
    };
    "consistent-hash": ConsistentHash => |options, _| {
        let virtual_nodes = options.virtual_nodes.value()?.small();
        let load_bound = options.load_bound.value().map(|bound| bound.0);
        Some(PlaceSpec::ConsistentHash { virtual_nodes, load_bound })
    };
    "weighted-power-of": WeightedPowerOf => |options, _| {
        Some(PlaceSpec::WeightedPowerOf { d: options.d.value()?.small() })
    };
    "min-cost-flow": MinCostFlow => |options, _| {
        Some(PlaceSpec::MinCostFlow { window: options.window.value()?.small() })
    };
    "nearest": Nearest => |options, _| {
        Some(PlaceSpec::Nearest { spill_over: *options.spill_over.value()? })
    };
});
part!(DispatchKind(DispatchSpec), DISPATCHES, "dispatch", "pull", "When a task is bound to a node.", {
    "pull": Pull => |options, _| options.lower();
    "hybrid": Hybrid => |options, _| options.lower();
    "late-binding": LateBinding => |options, _| options.lower();
});
part!(Backfill(BackfillSpec), BACKFILLS, "backfill", "none", "Whether tasks may overtake a blocked head.", {
});

fn names<S>(parts: &[Part<S>]) -> Vec<&'static str> {
    parts.iter().map(|part| part.name).collect()
}

fn find<S: Clone>(parts: &[Part<S>], name: &str, what: &str, at: Origin, reader: &mut Reader) -> Option<S> {
    match parts.iter().find(|part| part.name == name) {
        Some(part) => Some(part.spec.clone()),
        None => reader.unknown_name(at, what, name, &names(parts)),
    }
}

/// Whether the part means something by its name alone.
fn says_enough(name: &str, at: Origin, reader: &mut Reader) -> Option<()> {
    if name != "score" {
        return Some(());
    }
    let title = "`score` needs a formula";
    let help = format!("write `order.score = \"{}\"` or the like", Formula::RESPONSE_RATIO.text());
    reader.report(Diagnostic::new(title, at, "by what?").help(help));
    None
}

/// `power-of-3-with-replacement`: numbers and words as they are, what is true by its key; left out is
/// what is as usual, but for `d`, by which people know the policy.
fn words(written: &serde_json::Value, usual: &[serde_json::Value]) -> String {
    let Some((name, options)) = written.as_object().and_then(|table| table.iter().next()) else {
        return written.as_str().unwrap_or_default().to_string();
    };
    let usual = usual.iter().find_map(|usual| usual.get(name));
    let mut words = name.clone();
    for (key, value) in options.as_object().into_iter().flatten() {
        if key != "d" && usual.and_then(|usual| usual.get(key)) == Some(value) {
            continue;
        }
        let word = match value {
            serde_json::Value::Bool(true) => key.replace('_', "-"),
            serde_json::Value::Bool(false) => format!("no-{}", key.replace('_', "-")),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let tame = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
        words.push('-');
        words.extend(word.chars().map(tame));
    }
    words
}

fn schema(about: &str, names: &[&str], options: Vec<(&str, Schema)>) -> Schema {
    if options.is_empty() {
        return json_schema!({ "description": about, "enum": names });
    }
    let properties: serde_json::Map<String, serde_json::Value> =
        options.into_iter().map(|(name, schema)| (name.to_string(), schema.into())).collect();
    json_schema!({
        "description": about,
        "anyOf": [
            { "enum": names },
            {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "minProperties": 1,
            },
        ],
    })
}
