//! Kinds of dispatch with their options, and what they cannot be combined with.

use super::super::declare::{table, words};
use super::super::diagnostics::{Diagnostic, Origin};
use super::super::reader::Reader;
use super::super::values::{Quantity, Seconds, Whole};
use super::{InlinePolicy, Placed, nature};
use crate::policies::spec::{BackfillSpec, DispatchSpec, PlaceSpec, PolicySpec};
use crate::scheduler::{Stealing, Take, Victim};
use crate::time::Duration;

words! {
    /// From which node an idle node takes tasks.
    VictimWord {
        /// The one where most tasks wait.
        Longest "longest";
        /// Any where tasks wait.
        Random "random";
    }
}

words! {
    /// How many tasks an idle node takes.
    TakeWord {
        /// The first that waits.
        One "one";
        /// The first half of those that wait, rounded up.
        Half "half";
    }
}

table! {
    /// Push, and an idle node takes what waits at another.
    Hybrid, "`hybrid`" {
        /// From which node an idle node takes tasks.
        victim: VictimWord = VictimWord::Longest;
        /// How many tasks it takes.
        take: TakeWord = TakeWord::One;
        /// Time from the request of the idle node until it has the tasks.
        delay: Quantity<Seconds> = Quantity::new(0.0);
    }
}

table! {
    /// One central queue; a free node takes the next tasks.
    Pull, "`pull`" {
        /// How many tasks a node takes at a time: those that it cannot start at once wait there.
        batch: Whole<1, 1_000_000> = Whole(1);
    }
}

table! {
    /// Places reserved at several nodes; the first that is free takes the task.
    LateBinding, "`late-binding`" {
        /// At how many nodes.
        probes: Whole<1, 1_000> = Whole(2);
    }
}

impl Pull {
    /// The checked dispatch.
    pub(super) fn lower(&self) -> Option<DispatchSpec> {
        Some(match self.batch.value()?.small() {
            // There is no simpler way to take one at a time.
            1 => DispatchSpec::Pull,
            batch => DispatchSpec::Prefetching { batch },
        })
    }
}

impl Hybrid {
    /// The checked dispatch.
    pub(super) fn lower(&self) -> Option<DispatchSpec> {
        let victim = match self.victim.value()? {
            VictimWord::Longest => Victim::Longest,
            VictimWord::Random => Victim::Random,
        };
        let take = match self.take.value()? {
            TakeWord::One => Take::One,
            TakeWord::Half => Take::Half,
        };
        let delay = Duration::from_seconds(self.delay.value()?.0)?;
        Some(DispatchSpec::Hybrid(Stealing { victim, take, delay }))
    }
}

impl LateBinding {
    /// The checked dispatch.
    pub(super) fn lower(&self) -> Option<DispatchSpec> {
        Some(DispatchSpec::LateBinding { probes: self.probes.value()?.small() })
    }
}

/// Where one task runs at a time nobody can go beside another.
pub(super) fn check_serial(inline: &InlinePolicy, spec: &PolicySpec, reader: &mut Reader) {
    if spec.dispatch != DispatchSpec::Serial || spec.backfill == BackfillSpec::None {
        return;
    }
    let Some(backfill) = inline.backfill.found() else { return };
    let title = "nobody overtakes where one task runs at a time";
    let mut diagnostic = Diagnostic::new(title, backfill.at, "would start several")
        .help("use `dispatch = \"pull\"`, or leave `backfill` out");
    if let Some(dispatch) = inline.dispatch.found() {
        diagnostic = diagnostic.context(dispatch.at, "one at a time");
    }
    reader.report(diagnostic);
}

/// Where nodes take several tasks at a time, what they have taken is out of reach of all who would start it
/// sooner, or elsewhere.
pub(super) fn check_batch(inline: &InlinePolicy, spec: &PolicySpec, reader: &mut Reader) {
    let Some(dispatch) = inline.dispatch.found().filter(|_| spec.dispatch.takes_ahead()) else { return };
    let mut refuse = |at: Option<Origin>, why: &str, help: &str| {
        if let Some(at) = at {
            let title = "tasks that nodes have taken ahead stay where they are, and in their order";
            let diagnostic = Diagnostic::new(title, at, why).context(dispatch.at, "takes several at a time");
            reader.report(diagnostic.help(help));
        }
    };
    let order_at = inline.order.found().map(|order| order.at);
    if spec.order.needs_central_queue() {
        refuse(order_at, "says at each start whose turn it is", "leave `batch` out, or use another order");
    } else if interrupts(spec) {
        let preempt = inline.preempt.found().map(|preempt| preempt.at);
        let help = "leave `batch` out, or use an order that does not interrupt";
        refuse(preempt.or(order_at), "interrupts", help);
    }
    if spec.backfill != BackfillSpec::None {
        let at = inline.backfill.found().map(|backfill| backfill.at);
        refuse(at, "would let others overtake them", "leave `batch` out, or `backfill`");
    }
    if let PlaceSpec::MinCostFlow { .. } = spec.place {
        let at = inline.place.found().map(|place| place.at);
        refuse(at, "assigns tasks to free slots", "leave `batch` out, or use another place");
    }
}

/// Whether better tasks interrupt others, by the order itself or because the policy says so.
pub(in super::super) fn interrupts(spec: &PolicySpec) -> bool {
    let (can, why) = nature(&spec.order);
    can && (spec.preempt || !why.is_empty())
}

/// A limit counts those that wait, and a task that was taken ahead can no longer be refused.
pub(in super::super) fn check_limits(policies: &[Placed], limits: &[Origin], reader: &mut Reader) {
    let ahead = policies.iter().find(|(_, spec, _)| spec.dispatch.takes_ahead());
    let (Some((_, spec, at)), Some(limit)) = (ahead, limits.first()) else { return };
    let title = format!("`{}` takes tasks ahead, and a queue is limited", spec.name);
    reader.report(
        Diagnostic::new(title, *limit, "not supported with a `batch` above 1")
            .context(*at, "takes several at a time")
            .help("leave `queue_limit` or `batch` out"),
    );
}
