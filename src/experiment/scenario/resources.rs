//! Named resources: what nodes have, what tasks demand, and whether some node can meet that.

use std::cell::RefCell;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::check::Cluster;
use super::diagnostics::{Diagnostic, Origin};
use super::document::{Entry, Node, Value};
use super::keys::NodeTable;
use super::nearest::nearest;
use super::reader::{Found, Key, Reader, Setting, quoted, shortened};
use super::values::{Count, Whole};
use crate::scheduler::Resources;
use crate::scheduler::resources::{MILLIONTHS, MOST_UNITS, covers};

/// More resources than this are refused: every node and every kind of demand has an amount of each.
const MOST_NAMES: usize = 1000;

/// An amount of a resource in millionths of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(pub(super) u64);

impl Amount {
    /// As people write it.
    fn words(self) -> String {
        let (whole, rest) = (self.0 / MILLIONTHS, self.0 % MILLIONTHS);
        match rest {
            0 => whole.to_string(),
            _ => format!("{whole}.{rest:06}").trim_end_matches('0').to_string(),
        }
    }
}

impl Setting for Amount {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let expected = "a number from 0 to 1e12";
        let value = match &node.value {
            Value::Integer(Some(value)) => *value as f64,
            Value::Integer(None) => return reader.refuse(node, expected, "too large"),
            Value::Float(value) => *value,
            _ => return reader.wrong_type(node, expected),
        };
        let label = if value.is_nan() {
            "not a number"
        } else if value < 0.0 {
            "negative"
        } else if value > MOST_UNITS {
            "too large"
        } else if value > 0.0 && value * (MILLIONTHS as f64) < 0.5 {
            "too small: amounts are counted in millionths"
        } else {
            return Some(Amount((value * MILLIONTHS as f64).round() as u64));
        };
        reader.refuse(node, expected, label)
    }

    fn write(&self) -> serde_json::Value {
        match self.0 % MILLIONTHS {
            0 => (self.0 / MILLIONTHS).into(),
            _ => (self.0 as f64 / MILLIONTHS as f64).into(),
        }
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": MOST_UNITS })
    }
}

/// Amounts by name, as far as they are right.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts {
    pub(super) items: Vec<(String, Found<Amount>)>,
    /// Whether none is wrong.
    complete: bool,
}

impl Amounts {
    fn read<'a>(entries: impl Iterator<Item = &'a Entry>, reader: &mut Reader) -> Amounts {
        let mut amounts = Amounts { items: Vec::new(), complete: true };
        for entry in entries {
            // They stand as they are in keys of overrides and in tables.
            let tame = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let label = if entry.key.is_empty() {
                Some("empty")
            } else if !entry.key.chars().all(tame) {
                Some("not only letters, digits, `-` and `_`")
            } else if entry.key.len() > 100 {
                Some("longer than 100 characters")
            } else {
                None
            };
            if let Some(label) = label {
                let title = format!("`{}` is not a name of a resource", shortened(&entry.key));
                reader.report(Diagnostic::new(title, entry.key_origin, label));
                amounts.complete = false;
                continue;
            }
            match reader.entry::<Amount>(entry) {
                Key::Found(found) => amounts.items.push((entry.key.clone(), found)),
                _ => amounts.complete = false,
            }
        }
        amounts
    }

    fn write(&self, object: &mut serde_json::Map<String, serde_json::Value>) {
        for (name, amount) in &self.items {
            object.insert(name.clone(), amount.value.write());
        }
    }
}

/// What a node has besides slots.
#[derive(Clone, Debug, Default)]
pub(super) struct CapacityTable(pub(super) Amounts);

impl Setting for CapacityTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            return reader.wrong_type(node, "a table of names and amounts, such as { cpu = 8, memory = 32 }");
        };
        if let Some(slots) = entries.iter().find(|entry| entry.key == "slots") {
            let title = "slots are no named resource of a node";
            let help = "write `slots = ...` beside `capacity`";
            reader.report(Diagnostic::new(title, slots.key_origin, "a key of [[nodes]] itself").help(help));
            return None;
        }
        let amounts = Amounts::read(entries.iter(), reader);
        amounts.complete.then_some(CapacityTable(amounts))
    }

    fn write(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        self.0.write(&mut object);
        object.into()
    }
}

impl JsonSchema for CapacityTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Capacity".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Units of named resources.",
            "additionalProperties": generator.subschema_for::<Amount>(),
        })
    }
}

/// What a task takes of its node while it runs.
#[derive(Clone, Debug)]
pub(super) struct DemandTable {
    /// Slots.
    pub(super) slots: Key<Count>,
    /// Named resources.
    pub(super) amounts: Amounts,
}

impl Default for DemandTable {
    fn default() -> Self {
        DemandTable { slots: Key::Default(Whole(1)), amounts: Amounts { items: Vec::new(), complete: true } }
    }
}

impl Setting for DemandTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            return reader.wrong_type(node, "a table of names and amounts, such as { cpu = 1, slots = 1 }");
        };
        let mut table = DemandTable::default();
        if let Some(slots) = entries.iter().find(|entry| entry.key == "slots") {
            table.slots = reader.entry(slots);
        }
        table.amounts = Amounts::read(entries.iter().filter(|entry| entry.key != "slots"), reader);
        (table.amounts.complete && !table.slots.is_broken()).then_some(table)
    }

    fn write(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        if let Some(slots) = self.slots.value() {
            object.insert("slots".to_string(), slots.write());
        }
        self.amounts.write(&mut object);
        object.into()
    }
}

impl JsonSchema for DemandTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Demand".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut slots = generator.subschema_for::<Count>();
        slots.insert("description".to_string(), "Slots.".into());
        slots.insert("default".to_string(), 1.into());
        json_schema!({
            "type": "object",
            "description": "Slots and units of named resources.",
            "properties": { "slots": slots },
            "additionalProperties": generator.subschema_for::<Amount>(),
        })
    }
}

/// What the groups of nodes have, and the demands that were read so far.
pub(super) struct Supply {
    names: Vec<String>,
    groups: Vec<Group>,
    read: RefCell<(Resources, BTreeMap<Vec<u64>, u32>)>,
}

/// A group of equal nodes.
struct Group {
    slots: u32,
    /// By name.
    amounts: Vec<u64>,
    /// Where each is given, by name.
    at: Vec<Option<Origin>>,
}

impl Supply {
    /// What the nodes have; `None`, with a note, when these are too many resources.
    pub(super) fn new(groups: &[Found<NodeTable>], reader: &mut Reader) -> Option<Supply> {
        let given = |group: &Found<NodeTable>| match &group.value.capacity {
            Key::Found(capacity) => capacity.value.0.items.clone(),
            _ => Vec::new(),
        };
        let mut names: Vec<String> = Vec::new();
        for (name, _) in groups.iter().flat_map(given) {
            if !names.contains(&name) {
                names.push(name);
            }
            if names.len() > MOST_NAMES {
                let at = groups.iter().find_map(|group| group.value.capacity.found()).map(|found| found.key);
                let title = "too many resources";
                let label = format!("at most {MOST_NAMES} names");
                reader.report(Diagnostic::new(title, at.unwrap_or(Origin::whole(0)), label));
                return None;
            }
        }
        let mut resources = Resources::new(names.clone());
        let mut supplies = Vec::new();
        for group in groups {
            let items = given(group);
            let of = |name: &String| items.iter().find(|(own, _)| own == name).map(|(_, found)| found);
            let amounts: Vec<u64> =
                names.iter().map(|name| of(name).map_or(0, |found| found.value.0)).collect();
            for _ in 0..group.value.count.value()?.0 {
                resources.add_node(&amounts);
            }
            let at = names.iter().map(|name| of(name).map(|found| found.at)).collect();
            supplies.push(Group { slots: group.value.slots.value()?.small(), amounts, at });
        }
        let rows = BTreeMap::from([(vec![0; names.len()], 0)]);
        Some(Supply { names, groups: supplies, read: RefCell::new((resources, rows)) })
    }

    /// Whether nodes have anything besides slots.
    pub(super) fn is_named(&self) -> bool {
        !self.names.is_empty()
    }

    /// The number of the demand for these amounts, by name.
    fn row(&self, amounts: Vec<u64>) -> u32 {
        let mut read = self.read.borrow_mut();
        let (resources, rows) = &mut *read;
        *rows.entry(amounts).or_insert_with_key(|amounts| resources.add_demand(amounts))
    }

    /// The number of a demand that nodes can meet as far as its names go.
    pub(super) fn demand(&self, amounts: &Amounts) -> Option<u32> {
        let mut row = vec![0; self.names.len()];
        for (name, found) in &amounts.items {
            let index = self.names.iter().position(|known| known == name);
            // What no node has can be demanded only in the amount of nothing.
            match index {
                Some(index) => row[index] = found.value.0,
                None if found.value.0 == 0 => {}
                None => return None,
            }
        }
        Some(self.row(row))
    }

    /// Whether some node has all that a demand of this number asks for, and so many slots.
    pub(super) fn meets_row(&self, slots: u32, demand: u32) -> bool {
        let read = self.read.borrow();
        let enough = |group: &Group| group.slots >= slots && covers(&group.amounts, read.0.demand(demand));
        self.groups.iter().any(enough)
    }

    /// The tables, once all demands were read.
    pub(super) fn resources(&self) -> Resources {
        self.read.borrow().0.clone()
    }

    /// Whether some node has all that is asked for.
    fn meets(&self, slots: u32, amounts: &Amounts) -> bool {
        let enough = |group: &Group| {
            group.slots >= slots
                && amounts.items.iter().all(|(name, found)| {
                    let index = self.names.iter().position(|known| known == name);
                    index.map_or(0, |index| group.amounts[index]) >= found.value.0
                })
        };
        self.groups.iter().any(enough)
    }
}

/// Refuses a demand that no node can meet: of one resource, or of all together with `slots`.
pub(super) fn fits_amounts(
    amounts: &Amounts,
    slots: u32,
    at: Origin,
    cluster: Option<&Cluster>,
    reader: &mut Reader,
) {
    let Some(cluster) = cluster else { return };
    let supply = &cluster.supply;
    let before = reader.diagnostics.len();
    for (name, found) in &amounts.items {
        if found.value.0 == 0 {
            continue;
        }
        let Some(index) = supply.names.iter().position(|known| known == name) else {
            reader.report(unknown(name, found, &supply.names));
            continue;
        };
        let largest = supply.groups.iter().max_by_key(|group| group.amounts[index]);
        let Some(largest) = largest.filter(|group| group.amounts[index] < found.value.0) else { continue };
        let asks = format!("asks for {}", found.value.words());
        let mut diagnostic = Diagnostic::new("no node can meet this demand", found.at, asks);
        if let Some(at) = largest.at[index] {
            let has = format!("the largest node has {}", Amount(largest.amounts[index]).words());
            diagnostic = diagnostic.context(at, has);
        }
        let asked = found.value.words();
        reader.report(
            diagnostic
                .help(format!("lower the demand, or add nodes with `capacity = {{ {name} = {asked} }}`")),
        );
    }
    let alone = cluster.largest.is_none_or(|(largest, _)| slots <= largest);
    if reader.diagnostics.len() == before && alone && !supply.meets(slots, amounts) {
        reader.report(
            Diagnostic::new("no node can meet all of this demand", at, "each alone, but not together")
                .help("a task takes all that it demands of one node: lower the demand, or add larger nodes"),
        );
    }
}

fn unknown(name: &str, found: &Found<Amount>, names: &[String]) -> Diagnostic {
    let name = shortened(name);
    let diagnostic = Diagnostic::new(format!("unknown resource `{name}`"), found.key, "no node has it");
    let known: Vec<&str> = names.iter().map(String::as_str).chain(["slots"]).collect();
    match nearest(&name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => diagnostic.help(format!(
            "say what nodes have, such as `capacity = {{ {name} = {} }}`",
            found.value.words()
        )),
        None => diagnostic.help(format!("known: {}", quoted(&known))),
    }
}
