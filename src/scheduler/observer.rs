//! Who watches a scheduler: figures, logs and audits are made of what they see.

use super::command::Command;
use super::event::Event;
use super::record::Record;
use super::view::View;
use crate::ids::NodeId;
use crate::time::Time;

/// Somebody who watches. Tuples of observers are observers, without dynamic dispatch.
pub trait Observer {
    /// Called for every record, in order.
    fn on_record(&mut self, now: Time, record: &Record);

    /// Whether it also wants to see what the scheduler is told and what it commands, step by step. Where it
    /// does not, nothing of that is compiled.
    const AUDITS: bool = false;

    /// The scheduler is told this; records of what it makes of it follow. Only for those who audit.
    fn on_event(&mut self, now: Time, event: &Event) {
        let _ = (now, event);
    }

    /// The scheduler has taken a fact in, or decided, and gave these commands. Gives whether all tables of
    /// the scheduler are to be held against each other now. Only for those who audit.
    fn on_step(&mut self, now: Time, commands: &[Command], view: &View<'_>) -> bool {
        let _ = (now, commands, view);
        false
    }

    /// The tables of the scheduler do not agree. Only for those who audit.
    fn on_disagreement(&mut self, now: Time, what: String) {
        let _ = (now, what);
    }

    /// Whether the run may end, as far as this observer is concerned. Only those who audit are asked.
    fn has_seen_enough(&self) -> bool {
        false
    }

    /// A record about this node will probably come soon: what is kept by node may be fetched from
    /// memory. A hint for speed.
    #[inline]
    fn fetch_node(&self, node: NodeId) {
        let _ = node;
    }
}

impl Observer for () {
    #[inline(always)]
    fn on_record(&mut self, _: Time, _: &Record) {}
}

impl<O: Observer> Observer for &mut O {
    const AUDITS: bool = O::AUDITS;

    fn on_event(&mut self, now: Time, event: &Event) {
        (**self).on_event(now, event);
    }

    fn on_step(&mut self, now: Time, commands: &[Command], view: &View<'_>) -> bool {
        (**self).on_step(now, commands, view)
    }

    fn on_disagreement(&mut self, now: Time, what: String) {
        (**self).on_disagreement(now, what);
    }

    fn has_seen_enough(&self) -> bool {
        (**self).has_seen_enough()
    }

    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        (**self).on_record(now, record);
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    const AUDITS: bool = A::AUDITS || B::AUDITS;

    fn on_event(&mut self, now: Time, event: &Event) {
        self.0.on_event(now, event);
        self.1.on_event(now, event);
    }

    fn on_step(&mut self, now: Time, commands: &[Command], view: &View<'_>) -> bool {
        // Both are asked.
        self.0.on_step(now, commands, view) | self.1.on_step(now, commands, view)
    }

    fn on_disagreement(&mut self, now: Time, what: String) {
        self.0.on_disagreement(now, what.clone());
        self.1.on_disagreement(now, what);
    }

    fn has_seen_enough(&self) -> bool {
        self.0.has_seen_enough() || self.1.has_seen_enough()
    }

    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        self.0.on_record(now, record);
        self.1.on_record(now, record);
    }

    #[inline]
    fn fetch_node(&self, node: NodeId) {
        self.0.fetch_node(node);
        self.1.fetch_node(node);
    }
}

impl<O: Observer> Observer for Option<O> {
    #[inline(always)]
    fn on_record(&mut self, now: Time, record: &Record) {
        if let Some(observer) = self {
            observer.on_record(now, record);
        }
    }
}

impl Observer for Vec<(Time, Record)> {
    fn on_record(&mut self, now: Time, record: &Record) {
        self.push((now, *record));
    }
}
