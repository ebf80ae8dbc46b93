//! Processes of arrivals as a scenario names them, and their checked form.

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::declare::{choice, parameters, property};
use super::diagnostics::Diagnostic;
use super::distributions::{self, DistributionTable};
use super::document::{Node, Value};
use super::reader::{Found, Key, Reader, Setting};
use super::several::Several;
use super::values::{Fraction, Plain, Positive, Quantity, Seconds};
use crate::time::Time;
use crate::workload::Arrivals;

parameters! {
    /// Poisson: independent exponential gaps.
    Poisson, "`poisson`" {
        /// Arrivals per second.
        rate: Positive<Plain>;
    }
}
parameters! {
    /// One arrival every interval.
    Periodic, "`periodic`" {
        /// Seconds between arrivals.
        interval: Positive<Seconds>;
    }
}
parameters! {
    /// Markov-modulated Poisson: exponential periods at two rates.
    Bursty, "`bursty`" {
        /// Arrivals per second outside bursts.
        rate: Quantity<Plain>;
        /// Arrivals per second within bursts.
        peak_rate: Positive<Plain>;
        /// Mean length of a burst.
        on: Positive<Seconds>;
        /// Mean time between bursts.
        off: Positive<Seconds>;
    }
}
parameters! {
    /// Poisson with the rate rate x (1 + amplitude x sin(2 pi t / period)).
    Daily, "`daily`" {
        /// Mean arrivals per second.
        rate: Positive<Plain>;
        /// Relative amplitude.
        amplitude: Fraction;
        /// Period.
        period: Positive<Seconds>;
    }
}

choice! {
    /// A process of arrivals of groups.
    ProcessTable, "arrival process", {
        /// Poisson.
        Poisson "poisson": Poisson;
        /// One every interval.
        Periodic "periodic": Periodic;
        /// Independent gaps from a distribution.
        Renewal "renewal": DistributionTable<Seconds>;
        /// Bursts.
        Bursty "bursty": Bursty;
        /// A rate that follows the time of day.
        Daily "daily": Daily;
    }
}

choice! {
    /// A process of arrivals; without one, all tasks arrive at time 0.
    ArrivalsTable, "arrival process", {
        /// Poisson.
        Poisson "poisson": Poisson;
        /// One every interval.
        Periodic "periodic": Periodic;
        /// Independent gaps from a distribution.
        Renewal "renewal": DistributionTable<Seconds>;
        /// Bursts.
        Bursty "bursty": Bursty;
        /// A rate that follows the time of day.
        Daily "daily": Daily;
        /// Groups that arrive together.
        Batch "batch": BatchTable;
        /// At these times, in ascending order.
        Times "times": Several<Quantity<Seconds>>;
    }
}

/// Groups of tasks that arrive together: `size`, and beside it the process of the groups.
#[derive(Clone, Debug)]
pub(super) struct BatchTable {
    size: Found<DistributionTable<Plain>>,
    process: Found<ProcessTable>,
}

impl BatchTable {
    fn names() -> Vec<&'static str> {
        [&["size"], ProcessTable::NAMES].concat()
    }
}

impl Setting for BatchTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let entries = reader.table(node, &Self::names())?;
        let before = reader.diagnostics.len();
        let (mut size, mut processes) = (Key::Absent, Vec::new());
        for entry in entries {
            if entry.key == "size" {
                size = reader.entry(entry);
            } else if ProcessTable::NAMES.contains(&entry.key.as_str()) {
                processes.push(entry.clone());
            } else {
                reader.unknown_key(entry, "`batch`", &Self::names());
            }
        }
        if matches!(size, Key::Absent) {
            reader.missing_key(node.origin, "size", "`batch`");
        }
        let Some(first) = processes.first() else {
            if reader.diagnostics.len() > before {
                return None;
            }
            let title = "`batch` needs the arrival process of its groups";
            let help = "such as `poisson.rate = 1.0` beside `size`";
            reader.report(Diagnostic::new(title, node.origin, "names none").help(help));
            return None;
        };
        let (key, at) = (first.key_origin, first.node.origin);
        let process =
            ProcessTable::read(&Node { origin: node.origin, value: Value::Table(processes) }, reader)?;
        let Key::Found(size) = size else { return None };
        Some(BatchTable { size, process: Found { key, at, value: process } })
    }

    fn write(&self) -> serde_json::Value {
        let mut object = serde_json::Map::from_iter([("size".to_string(), self.size.value.write())]);
        if let serde_json::Value::Object(process) = self.process.value.write() {
            object.extend(process);
        }
        serde_json::Value::Object(object)
    }
}

impl JsonSchema for BatchTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BatchTable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let size = property::<DistributionTable<Plain>>(
            generator,
            &["Tasks per group, rounded to a whole number of at least 1."],
            None,
        );
        let process = ProcessTable::json_schema(generator);
        let mut properties = serde_json::Map::from_iter([("size".to_string(), size.into())]);
        if let Some(serde_json::Value::Object(processes)) = process.pointer("/anyOf/0/properties") {
            properties.extend(processes.clone());
        }
        schemars::json_schema!({
            "type": "object",
            "description": "Groups of tasks that arrive together: `size`, and the process of the groups.",
            "properties": properties,
            "required": ["size"],
            "additionalProperties": false,
            "minProperties": 2,
            "maxProperties": 2,
        })
    }
}

/// The checked process, and the mean gap between two tasks in seconds.
pub(super) fn lower(found: &Found<ArrivalsTable>, reader: &mut Reader) -> Option<(Arrivals, f64)> {
    use ArrivalsTable as Table;
    match &found.value {
        Table::Poisson(t) => poisson(t),
        Table::Periodic(t) => periodic(t),
        Table::Renewal(t) => renewal(t, found, reader),
        Table::Bursty(t) => bursty(t, reader),
        Table::Daily(t) => daily(t),
        Table::Batch(t) => {
            let size = distributions::lower(&t.size, reader);
            let process = match &t.process.value {
                ProcessTable::Poisson(t) => poisson(t),
                ProcessTable::Periodic(t) => periodic(t),
                ProcessTable::Renewal(r) => renewal(r, &t.process, reader),
                ProcessTable::Bursty(t) => bursty(t, reader),
                ProcessTable::Daily(t) => daily(t),
            };
            let (size, (process, gap)) = (size?, process?);
            let gap = gap / size.mean().unwrap_or(1.0).max(1.0);
            Some((Arrivals::Batch { size, process: Box::new(process) }, gap))
        }
        Table::Times(t) => {
            if !t.complete {
                return None;
            }
            for pair in t.items.windows(2) {
                let [earlier, later] = pair else { continue };
                if later.value.0 < earlier.value.0 {
                    reader.report(
                        Diagnostic::new("`times` must be in ascending order", later.at, "earlier than")
                            .context(earlier.at, "the one before"),
                    );
                    return None;
                }
            }
            let times = t.items.iter().map(|time| Time::from_seconds(time.value.0).unwrap_or(Time::NEVER));
            Some((Arrivals::Times { times: times.collect() }, 0.0))
        }
    }
}

fn poisson(t: &Poisson) -> Option<(Arrivals, f64)> {
    let rate = t.rate.value.0;
    Some((Arrivals::Poisson { rate }, 1.0 / rate))
}

fn periodic(t: &Periodic) -> Option<(Arrivals, f64)> {
    let interval = t.interval.value.0;
    Some((Arrivals::Periodic { interval }, interval))
}

fn renewal<T>(
    gaps: &DistributionTable<Seconds>,
    place: &Found<T>,
    reader: &mut Reader,
) -> Option<(Arrivals, f64)> {
    let found = Found { key: place.key, at: place.at, value: gaps.clone() };
    let gaps = distributions::lower_positive(&found, "gaps between arrivals", reader)?;
    let mean = gaps.mean()?;
    Some((Arrivals::Renewal { gaps }, mean))
}

fn bursty(t: &Bursty, reader: &mut Reader) -> Option<(Arrivals, f64)> {
    let (rate, peak_rate) = (t.rate.value.0, t.peak_rate.value.0);
    let (on, off) = (t.on.value.0, t.off.value.0);
    if peak_rate < rate {
        let label = format!("below {rate}");
        reader.report(
            Diagnostic::new("`peak_rate` must not be below `rate`", t.peak_rate.at, label)
                .context(t.rate.at, "the rate outside bursts"),
        );
        return None;
    }
    let mean_rate = (rate * off + peak_rate * on) / (on + off);
    Some((Arrivals::Bursty { rate, peak_rate, on, off }, 1.0 / mean_rate))
}

fn daily(t: &Daily) -> Option<(Arrivals, f64)> {
    let (rate, amplitude, period) = (t.rate.value.0, t.amplitude.value.0, t.period.value.0);
    Some((Arrivals::Daily { rate, amplitude, period }, 1.0 / rate))
}
