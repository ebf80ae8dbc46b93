//! Policies as a scenario names them: presets, or tables that combine parts of the registry.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::declare::table;
use super::diagnostics::{Diagnostic, Origin};
use super::document::{Node, Value};
use super::nearest::nearest;
use super::reader::{Found, Key, Reader, Setting, shortened};
use super::values::{Quantity, Seconds, grouped};
use super::words::Name;
use crate::policies::registry::{self, PRESETS};
use crate::policies::spec::{BackfillSpec, DispatchSpec, OrderSpec, PlaceSpec, PolicySpec};
use crate::scheduler::Dispatch;
use crate::structures::hash_ring::MOST_POINTS;
use crate::time::Duration;

mod dispatch;
mod parts;
mod score;

use dispatch::{check_batch, check_serial};
pub(super) use dispatch::{check_limits, interrupts};
use parts::{Backfill, DispatchKind, Order, Place};

/// A policy of the list: a preset's name or a table.
#[derive(Clone, Debug)]
pub(super) enum PolicyTable {
    /// The preset of this name.
    Preset(PolicySpec),
    /// Parts put together.
    Inline(Box<InlinePolicy>),
}

table! {
    /// A policy put together from parts; what is left out is that of `fifo`.
    InlinePolicy, "a policy" {
        /// Name in tables and files; made from the parts by default.
        name: Name;
        /// Which waiting task goes next.
        order: Order = Order::default();
        /// Which node takes the task.
        place: Place = Place::default();
        /// When a task is bound to a node.
        dispatch: DispatchKind = DispatchKind::default();
        /// Whether tasks may overtake a blocked head of the queue.
        backfill: Backfill = Backfill::default();
        /// The order in which tasks may overtake; that of the queue by default.
        backfill_order: Order;
        /// Whether a blocked head stays the head until it starts, though a better task comes.
        commit_head: bool;
        /// Whether a better task takes the place of a running one; some orders always interrupt.
        preempt: bool;
        /// Time that an interrupted task spends on its node before it goes on.
        switch_cost: Quantity<Seconds>;
    }
}

impl Setting for PolicyTable {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Text(text) => match registry::preset(text) {
                Some(policy) => Some(PolicyTable::Preset(policy)),
                None => {
                    reader.report(unknown_policy(text, node.origin, &[]));
                    None
                }
            },
            Value::Table(_) => {
                let before = reader.diagnostics.len();
                let policy = InlinePolicy::read(node, reader)?;
                (reader.diagnostics.len() == before).then(|| PolicyTable::Inline(Box::new(policy)))
            }
            _ => {
                reader.wrong_type(node, "the name of a preset, or a table with `order`, `place`, `dispatch`")
            }
        }
    }

    fn write(&self) -> serde_json::Value {
        match self {
            PolicyTable::Preset(policy) => policy.name.as_str().into(),
            PolicyTable::Inline(policy) => {
                let mut value = policy.write();
                if let Some(object) = value.as_object_mut() {
                    let name = self.spec().map(|spec| spec.name).unwrap_or_default();
                    object.shift_insert(0, "name".to_string(), name.into());
                }
                value
            }
        }
    }
}

impl JsonSchema for PolicyTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Policy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inline = generator.subschema_for::<InlinePolicy>();
        let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        json_schema!({ "anyOf": [{ "enum": presets }, inline] })
    }
}

impl PolicyTable {
    /// The checked policy; its parts have been checked one by one.
    pub(super) fn spec(&self) -> Option<PolicySpec> {
        let inline = match self {
            PolicyTable::Preset(policy) => return Some(policy.clone()),
            PolicyTable::Inline(inline) => inline,
        };
        let (order, place) = (inline.order.value()?, inline.place.value()?);
        let (dispatch, backfill) = (inline.dispatch.value()?, inline.backfill.value()?);
        let name = match inline.name.value() {
            Some(name) => name.0.clone(),
            None => {
                // `sjf-power-of-2-push`: the parts in words, so that different policies differ.
                let mut name = format!("{}-{}-{}", order.words(), place.words(), dispatch.words());
                if backfill.spec != BackfillSpec::None {
                    name.push_str(&format!("-{}-backfill", backfill.words()));
                }
                if let Some(order) = inline.backfill_order.value() {
                    name.push_str(&format!("-by-{}", order.words()));
                }
                if inline.commit_head.value() == Some(&true) {
                    name.push_str("-commit-head");
                }
                if inline.preempt.value() == Some(&true) {
                    name.push_str("-preempt");
                }
                if let Some(cost) = inline.switch_cost.value().filter(|cost| cost.0 > 0.0) {
                    name.push_str(&format!("-switch-cost-{}", cost.0));
                }
                name
            }
        };
        Some(PolicySpec {
            name,
            order: order.spec.clone(),
            place: place.spec.clone(),
            dispatch: dispatch.spec,
            backfill: backfill.spec,
            backfill_order: match &inline.backfill_order {
                Key::Broken => return None,
                key => key.value().map(|order| order.spec.clone()),
            },
            commit_head: match &inline.commit_head {
                Key::Broken => return None,
                key => key.value().copied().unwrap_or(false),
            },
            preempt: match &inline.preempt {
                Key::Broken => return None,
                key => key.value().copied().unwrap_or(order.preempts()),
            },
            switch_cost: match &inline.switch_cost {
                Key::Broken => return None,
                key => match key.value() {
                    Some(cost) => Duration::from_seconds(cost.0)?,
                    None => order.switch_cost().unwrap_or(Duration::ZERO),
                },
            },
        })
    }
}

fn unknown_policy(name: &str, at: Origin, defined: &[&str]) -> Diagnostic {
    let known = PRESETS.iter().map(|preset| preset.name).chain(defined.iter().copied());
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? `falcon policies` lists all"),
        None => "`falcon policies` lists all".to_string(),
    };
    let label = if defined.is_empty() { "not a preset" } else { "neither a preset nor a policy of the file" };
    Diagnostic::new(format!("unknown policy `{}`", shortened(name)), at, label).help(help)
}

/// A policy with the place it was named at.
pub(super) type Placed = (PolicyTable, PolicySpec, Origin);

/// The policies of the file, or those the command line chose in their place.
pub(super) fn lower(
    listed: Option<&[Found<PolicyTable>]>,
    chosen: &[(String, Origin)],
    nodes: Option<u64>,
    reader: &mut Reader,
) -> Vec<Placed> {
    let mut policies: Vec<Placed> = Vec::new();
    for found in listed.unwrap_or_default() {
        if let Some(spec) = found.value.spec() {
            check_parts(&found.value, &spec, found.at, nodes, reader);
            policies.push((found.value.clone(), spec, found.at));
        }
    }
    check_names(&policies, reader);
    if chosen.is_empty() {
        return policies;
    }
    let defined: Vec<&str> = policies.iter().map(|(_, spec, _)| spec.name.as_str()).collect();
    let mut taken = Vec::new();
    for (name, at) in chosen {
        let own = policies.iter().find(|(_, spec, _)| spec.name == *name);
        let preset = || registry::preset(name).map(|spec| (PolicyTable::Preset(spec.clone()), spec));
        match own.map(|(table, spec, _)| (table.clone(), spec.clone())).or_else(preset) {
            Some((table, spec)) => taken.push((table, spec, *at)),
            None => reader.report(unknown_policy(name, *at, &defined)),
        }
    }
    check_names(&taken, reader);
    taken
}

fn check_names(policies: &[Placed], reader: &mut Reader) {
    for (index, (_, spec, at)) in policies.iter().enumerate() {
        let Some((_, _, first)) = policies[..index].iter().find(|(_, other, _)| other.name == spec.name)
        else {
            continue;
        };
        let title = format!("two policies are called `{}`", spec.name);
        let mut diagnostic = Diagnostic::new(title, *at, "again").context(*first, "first");
        if at.source == first.source {
            diagnostic = diagnostic.help("leave one out, or give it another `name`");
        }
        reader.report(diagnostic);
    }
}

/// What is said of how tasks overtake must have something to say.
fn check_overtaking(inline: &InlinePolicy, spec: &PolicySpec, reader: &mut Reader) {
    check_commit(inline, spec, reader);
    let Some(order) = inline.backfill_order.found() else { return };
    let (label, help) = match spec.backfill {
        BackfillSpec::Aggressive | BackfillSpec::Easy => return,
        BackfillSpec::None => ("nobody overtakes", "add `backfill = \"easy\"`, or leave it out"),
        BackfillSpec::Conservative => {
            ("`conservative` plans in order of the queue", "leave it out, or use `backfill = \"easy\"`")
        }
    };
    reader.report(Diagnostic::new("`backfill_order` has no meaning here", order.key, label).help(help));
}

/// Who is promised a start must not be interrupted before, nor interrupt others.
fn check_promises(inline: &InlinePolicy, spec: &PolicySpec, at: Origin, reader: &mut Reader) {
    let (can, why) = nature(&spec.order);
    let always = can && !why.is_empty();
    if spec.backfill != BackfillSpec::Conservative || !(spec.preempt || always) {
        return;
    }
    let at = inline.backfill.found().map_or(at, |found| found.at);
    let title = "`conservative` backfilling makes promises that interruptions would break";
    let mut diagnostic = Diagnostic::new(title, at, "plans every task to its end")
        .help("use `backfill = \"easy\"`, or an order that does not interrupt");
    let interrupts = inline.preempt.found().map(|preempt| preempt.at);
    if let Some(interrupts) = interrupts.or(inline.order.found().map(|order| order.at)) {
        diagnostic = diagnostic.context(interrupts, "interrupts");
    }
    reader.report(diagnostic);
}

fn check_commit(inline: &InlinePolicy, spec: &PolicySpec, reader: &mut Reader) {
    let Some(commit) = inline.commit_head.found().filter(|found| found.value) else { return };
    let label = if spec.dispatch.base() == Dispatch::Push {
        "every node has a queue of its own"
    } else if spec.backfill == BackfillSpec::Conservative {
        "every waiting task keeps its place already"
    } else {
        return;
    };
    reader.report(
        Diagnostic::new("`commit_head` has no meaning here", commit.key, label)
            .help("leave it out, or use it with `dispatch = \"pull\"` and another `backfill`"),
    );
}

fn check_parts(table: &PolicyTable, spec: &PolicySpec, at: Origin, nodes: Option<u64>, reader: &mut Reader) {
    let PolicyTable::Inline(inline) = table else { return };
    check_interruptions(inline, spec, reader);
    if spec.backfill != BackfillSpec::None && spec.dispatch.base() == Dispatch::Push {
        let at = inline.backfill.found().map_or(at, |found| found.at);
        let label = match spec.dispatch {
            DispatchSpec::Push => "not supported with push dispatch",
            _ => "not supported with this dispatch",
        };
        let mut diagnostic = Diagnostic::new("backfilling needs one central queue", at, label)
            .help("use `dispatch = \"pull\"`, or leave `backfill` out");
        if let Some(dispatch) = inline.dispatch.found() {
            diagnostic = diagnostic.context(dispatch.at, "one queue per node");
        }
        reader.report(diagnostic);
    }
    check_serial(inline, spec, reader);
    check_batch(inline, spec, reader);
    check_overtaking(inline, spec, reader);
    check_promises(inline, spec, at, reader);
    one_queue(inline, spec, at, reader);
    if let PlaceSpec::MinCostFlow { .. } = spec.place {
        let (key, why) = match (spec.dispatch.base(), spec.backfill) {
            (Dispatch::Push, _) => (inline.dispatch.found().map(|found| found.at), "binds tasks one by one"),
            _ if spec.dispatch == DispatchSpec::Serial => {
                (inline.dispatch.found().map(|found| found.at), "starts tasks one by one")
            }
            // Said already.
            _ if spec.dispatch.takes_ahead() => (None, ""),
            _ if spec.order.needs_central_queue() => {
                (inline.order.found().map(|found| found.at), "says at each start whose turn it is")
            }
            (_, BackfillSpec::None) => (None, ""),
            _ => (inline.backfill.found().map(|found| found.at), "protects the head of the queue"),
        };
        if !why.is_empty() {
            let title = "`min-cost-flow` assigns waiting tasks together, in any order";
            let help = match spec.order.needs_central_queue() {
                true => "choose another order or place",
                false => "use `dispatch = \"pull\"` without `backfill`",
            };
            reader.report(Diagnostic::new(title, key.unwrap_or(at), why).help(help));
        }
    }
    let Some(nodes) = nodes else { return };
    if let PlaceSpec::ConsistentHash { virtual_nodes, .. } = spec.place
        && nodes * u64::from(virtual_nodes) > MOST_POINTS
    {
        let at = inline.place.found().map_or(at, |found| found.at);
        let title = format!("the ring of {} nodes has too many points", grouped(nodes));
        let label = format!("at most {} in all", grouped(MOST_POINTS));
        reader.report(Diagnostic::new(title, at, label).help("lower `virtual_nodes`"));
    }
    let PlaceSpec::PowerOf { d, with_replacement: false } = spec.place else { return };
    if u64::from(d) > nodes {
        let at = inline.place.found().map_or(at, |found| found.at);
        let label = match nodes {
            1 => "there is one node".to_string(),
            _ => format!("there are {nodes} nodes"),
        };
        reader.report(
            Diagnostic::new(format!("`power-of` cannot draw {d} different nodes"), at, label)
                .help("lower `d`, or add `with_replacement = true`"),
        );
    }
}

/// An order that shares the whole cluster needs all who wait in one queue, in its own order.
fn one_queue(inline: &InlinePolicy, spec: &PolicySpec, at: Origin, reader: &mut Reader) {
    if !spec.order.needs_central_queue() {
        return;
    }
    let order_at = inline.order.found().map_or(at, |found| found.at);
    if let (Dispatch::Push, Some(dispatch)) = (spec.dispatch.base(), inline.dispatch.found()) {
        reader.report(
            Diagnostic::new("this order needs one central queue", dispatch.at, "one queue per node")
                .context(order_at, "shares are those of the whole cluster")
                .help("use `dispatch = \"pull\"`"),
        );
    }
    if let Some(preempt) = inline.preempt.found().filter(|preempt| preempt.value) {
        reader.report(
            Diagnostic::new("this order does not interrupt", preempt.at, "would interrupt")
                .context(order_at, "says at each start whose turn it is")
                .help("leave `preempt` out"),
        );
    }
    if let (true, Some(backfill)) = (spec.backfill != BackfillSpec::None, inline.backfill.found()) {
        reader.report(
            Diagnostic::new("this order cannot be combined with backfilling", backfill.at, "would overtake")
                .context(order_at, "says at each start whose turn it is")
                .help("leave `backfill` out"),
        );
    }
}

/// What policies cannot do on a cluster with named resources, or without users.
pub(super) fn check_demands(policies: &[Placed], named: bool, users: Option<bool>, reader: &mut Reader) {
    for (_, spec, at) in policies {
        if named && matches!(spec.backfill, BackfillSpec::Easy | BackfillSpec::Conservative) {
            let title = format!("`{}` cannot reserve named resources", spec.name);
            reader.report(
                Diagnostic::new(title, *at, "its reservations count slots alone")
                    .help("use `backfill = \"aggressive\"`, or leave `capacity` and the named demands out"),
            );
        }
        if named && matches!(spec.place, PlaceSpec::MinCostFlow { .. }) {
            let title = format!("`{}` cannot assign named resources", spec.name);
            reader.report(
                Diagnostic::new(title, *at, "`min-cost-flow` counts slots alone")
                    .help("choose another place, or leave `capacity` and the named demands out"),
            );
        }
        if spec.order.is_over_users() && users == Some(false) {
            let title = format!("`{}` is fair to users, and nobody says who submits tasks", spec.name);
            reader.report(
                Diagnostic::new(title, *at, "`over = \"user\"`")
                    .help("give `workload.user`, such as `user.uniform = { low = 0, high = 4 }`"),
            );
        }
    }
}

/// Whether and how the order of this policy interrupts of itself.
fn nature(order: &OrderSpec) -> (bool, &'static str) {
    match order {
        OrderSpec::Fifo => (false, "who came first is never overtaken"),
        OrderSpec::Random => (false, "no task is better than another"),
        OrderSpec::Srtf
        | OrderSpec::TimeSlice { .. }
        | OrderSpec::LeastAttainedService { .. }
        | OrderSpec::Mlfq { .. } => (true, "this order always interrupts"),
        // Refused with a message of its own.
        OrderSpec::FairShare { .. } | OrderSpec::DominantResourceFairness { .. } => (true, ""),
        _ => (true, ""),
    }
}

/// `preempt` and `switch_cost` must mean something.
fn check_interruptions(inline: &InlinePolicy, spec: &PolicySpec, reader: &mut Reader) {
    let Some(order) = inline.order.value() else { return };
    let order_at = inline.order.found().map(|found| found.at);
    let with_order = |diagnostic: Diagnostic, what| match order_at {
        Some(at) => diagnostic.context(at, what),
        None => diagnostic,
    };
    let (can, why) = nature(&spec.order);
    let always = can && !why.is_empty();
    if matches!(spec.dispatch, DispatchSpec::LateBinding { .. }) && spec.order.moves() {
        if let Some(at) = order_at {
            let title = "`late-binding` cannot be combined with keys that move";
            reader.report(
                Diagnostic::new(title, at, "moves with time")
                    .help("use another `dispatch`, or an order whose keys stand still"),
            );
        }
        return;
    }
    if matches!(spec.dispatch, DispatchSpec::LateBinding { .. }) && (always || spec.preempt) {
        let at = inline.preempt.found().map(|preempt| preempt.at).or(order_at);
        let at = at.or(inline.dispatch.found().map(|dispatch| dispatch.at));
        if let Some(at) = at {
            let title = "`late-binding` cannot be combined with interruptions";
            reader.report(
                Diagnostic::new(title, at, "interrupts")
                    .help("use another `dispatch`, or an order that does not interrupt"),
            );
        }
        return;
    }
    if let Some(preempt) = inline.preempt.found() {
        if preempt.value && !can {
            let title = "`preempt` means nothing for this order";
            reader.report(with_order(Diagnostic::new(title, preempt.at, why), "the order"));
        } else if !preempt.value && always {
            let help = match spec.order {
                OrderSpec::Srtf => "use `order = \"sjf\"`, which does not interrupt, or leave `preempt` out",
                _ => "leave `preempt` out, or use another order",
            };
            let title = "this order cannot do without interruptions";
            reader.report(with_order(Diagnostic::new(title, preempt.at, why), "the order").help(help));
        } else if order.preempts() && !preempt.value {
            let title = "`preempt` is given twice";
            reader.report(with_order(Diagnostic::new(title, preempt.at, "says no"), "says yes"));
        }
    }
    let Some(cost) = inline.switch_cost.found() else { return };
    if order.switch_cost().is_some() {
        let title = "`switch_cost` is given twice";
        reader.report(with_order(Diagnostic::new(title, cost.at, "again"), "first"));
    } else if !spec.preempt && !always {
        reader.report(
            Diagnostic::new("`switch_cost` without `preempt`", cost.at, "nothing is interrupted")
                .help("add `preempt = true`, or leave `switch_cost` out"),
        );
    }
}
