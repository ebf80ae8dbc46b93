//! Steps that somebody watches who wants to see everything: what the core is told, what it writes down and
//! what it commands, and whether its tables agree. Runs without such an observer have nothing of this.

use super::driver::Driver;
use crate::scheduler::{Event, Observer, Policy};
use crate::time::Time;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// Tells the scheduler something, before and after the eyes of the observer. Once that has seen enough
    /// nothing more happens: the core may be in any state.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_audited(&mut self, now: Time, event: Event) {
        if self.observer.has_seen_enough() {
            return;
        }
        let given = self.commands.as_slice().len();
        self.observer.on_event(now, &event);
        self.scheduler.handle(now, event, &mut self.commands, &mut self.observer);
        // This driver may be in the middle of a change of its own: it is looked at after the decision.
        self.audit(now, given, |driver| driver.scheduler.find_violation());
    }

    #[cold]
    #[inline(never)]
    pub(super) fn decide_audited(&mut self, now: Time) {
        if self.observer.has_seen_enough() {
            return;
        }
        let given = self.commands.as_slice().len();
        self.scheduler.decide(now, &mut self.commands, &mut self.observer);
        self.audit(now, given, Self::find_violation);
    }

    fn audit(&mut self, now: Time, given: usize, find_violation: impl Fn(&Self) -> Result<(), String>) {
        let commands = &self.commands.as_slice()[given..];
        if self.observer.on_step(now, commands, &self.scheduler.view())
            && let Err(what) = find_violation(self)
        {
            self.observer.on_disagreement(now, what);
        }
    }

    /// Whether all tables agree, of the core and of this driver.
    fn find_violation(&self) -> Result<(), String> {
        self.scheduler.find_violation()?;
        self.check_disturbed()
    }

    pub(super) fn check_invariants(&self) {
        if let Err(what) = self.find_violation() {
            panic!("{what}");
        }
    }
}
