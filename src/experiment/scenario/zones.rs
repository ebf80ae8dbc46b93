//! Zones: which there are, how far they are from each other, and how tasks name them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::document::{Node, Value};
use super::keys::NodeTable;
use super::reader::{Found, Key, Reader, Setting};
use super::several::Several;
use super::values::{Quantity, Seconds, grouped};
use super::words::Name;
use crate::experiment::plan::ZonePlan;
use crate::time::Duration;

/// More zones than this are refused: their distances are a square table.
const MOST_ZONES: usize = 1000;

table! {
    /// How far zones are from each other.
    ZonesTable, "[zones]" {
        /// By zone and zone: the time a task needs from the one to the other, both ways unless both are given.
        latency: LatencyTable;
        /// The same for two different zones of which `latency` says nothing.
        default: Quantity<Seconds> = Quantity::new(0.0);
    }
}

/// One entry of `latency`.
#[derive(Clone, Debug)]
struct Leg {
    from: String,
    to: String,
    seconds: f64,
}

/// The entries of `latency`, in their order.
#[derive(Clone, Debug)]
pub(super) struct LatencyTable(Vec<Leg>);

impl Setting for LatencyTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        const EXPECTED: &str = "a table of zones, such as `latency.eu.us = \"80ms\"`";
        let Value::Table(rows) = &node.value else { return reader.wrong_type(node, EXPECTED) };
        let (mut legs, mut complete) = (Vec::new(), true);
        for row in rows {
            reader.within(&row.key, |reader| {
                let Value::Table(entries) = &row.node.value else {
                    complete = false;
                    reader.wrong_type::<()>(&row.node, EXPECTED);
                    return;
                };
                for entry in entries {
                    match reader.entry::<Quantity<Seconds>>(entry) {
                        Key::Found(found) => {
                            let (from, to) = (row.key.clone(), entry.key.clone());
                            legs.push(Leg { from, to, seconds: found.value.0 });
                        }
                        _ => complete = false,
                    }
                }
            });
        }
        complete.then_some(LatencyTable(legs))
    }

    fn write(&self) -> serde_json::Value {
        let mut rows = serde_json::Map::new();
        for leg in &self.0 {
            let row = rows.entry(leg.from.clone()).or_insert_with(|| serde_json::Map::new().into());
            if let Some(row) = row.as_object_mut() {
                row.insert(leg.to.clone(), leg.seconds.into());
            }
        }
        rows.into()
    }
}

impl JsonSchema for LatencyTable {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Latency".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Quantity<Seconds>>();
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": "object", "additionalProperties": time },
        })
    }
}

/// All zones that nodes or [zones] name, and the time between any two.
pub(super) fn lower(
    table: &Key<ZonesTable>,
    nodes: &Key<Several<NodeTable>>,
    reader: &mut Reader,
) -> Option<ZonePlan> {
    let mut names: Vec<String> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |name: &str| {
        if !index.contains_key(name) {
            index.insert(name.to_string(), names.len());
            names.push(name.to_string());
        }
    };
    let groups = nodes.found().map_or(&[][..], |list| &list.value.items[..]);
    let of_nodes = groups.iter().filter_map(|group| group.value.zone.value());
    of_nodes.for_each(|zone| add(&zone.0));
    let legs = match table {
        Key::Broken => return None,
        key => key.value().map(|table| &table.latency),
    };
    let legs = match legs {
        Some(Key::Broken) => return None,
        Some(Key::Found(legs)) => &legs.value.0[..],
        _ => &[],
    };
    legs.iter().flat_map(|leg| [&leg.from, &leg.to]).for_each(|name| add(name));
    if names.len() > MOST_ZONES {
        let at = table.found().map_or(Origin::whole(0), |table| table.key);
        let title = format!("{} zones are too many", grouped(names.len() as u64));
        reader.report(Diagnostic::new(title, at, format!("at most {}", grouped(MOST_ZONES as u64))));
        return None;
    }
    let usual = match table.value() {
        Some(table) => Duration::from_seconds(table.default.value()?.0)?,
        None => Duration::ZERO,
    };
    let mut latency = vec![vec![None; names.len()]; names.len()];
    for leg in legs {
        latency[index[&leg.from]][index[&leg.to]] = Some(Duration::from_seconds(leg.seconds)?);
    }
    let between = |from: usize, to: usize| match latency[from][to].or(latency[to][from]) {
        Some(latency) => latency,
        None if from == to => Duration::ZERO,
        None => usual,
    };
    let all = 0..names.len();
    let latency = all.clone().map(|from| all.clone().map(|to| between(from, to)).collect()).collect();
    Some(ZonePlan { names, latency })
}

/// The number of the zone that a task names; 0 when it names none.
pub(super) fn number(zone: &Key<Name>, zones: Option<&ZonePlan>, reader: &mut Reader) -> Option<u16> {
    match zone {
        Key::Broken => None,
        Key::Absent | Key::Default(_) => Some(0),
        Key::Found(found) => named(found, zones?, reader),
    }
}

/// The number of the zone of this name.
pub(super) fn named(found: &Found<Name>, zones: &ZonePlan, reader: &mut Reader) -> Option<u16> {
    if let Some(number) = zones.number(&found.value.0) {
        return Some(number);
    }
    if zones.names.is_empty() {
        let title = format!("unknown zone `{}`", found.value.0);
        reader.report(
            Diagnostic::new(title, found.at, "there are no zones")
                .help("say where nodes stand with `zone` in [[nodes]], or name zones in [zones]"),
        );
        return None;
    }
    let names: Vec<&str> = zones.names.iter().map(String::as_str).collect();
    reader.unknown_name(found.at, "zone", &found.value.0, &names)
}
