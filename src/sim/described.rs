//! Tasks of which more is known than what every task says: their details, and which tasks they wait for.

use super::driver::Driver;
use crate::ids::TaskId;
use crate::scheduler::{Event, Observer, Policy, TaskDetails, TaskSpec};
use crate::time::Time;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// A task of which more is known arrives.
    #[cold]
    pub(super) fn submit_described(&mut self, now: Time, task: TaskId, spec: TaskSpec) {
        if let Some(record) = self.arrivals.in_job(task) {
            self.observer.on_record(now, &record);
        }
        let (task, details) = match &mut self.trees {
            None => (task, self.arrivals.details()),
            Some(trees) => {
                let (task, identity) = trees.enter(task);
                (task, TaskDetails { number: task.number, ..self.arrivals.details_of(identity) })
            }
        };
        self.note_zone(task.slot, details.zone);
        if self.sagas.is_some() {
            self.join_saga(task, spec, details);
        }
        self.tell(now, Event::TaskDescribed { task, details });
        self.tell(now, Event::TaskSubmitted { task, spec });
        for at in 0..details.parents as usize {
            let parent = self.arrivals.parents()[at];
            self.tell(now, Event::DependencyDeclared { task, parent });
        }
        self.draw_arrival();
        if let Some(next) = self.arrivals.cut_off() {
            self.tell(now, Event::ArrivalsEnded { next });
        }
    }

    /// Where the task comes from, if that makes a difference.
    pub(super) fn note_zone(&mut self, slot: u32, zone: u16) {
        if self.world.zones.has_latency() {
            let slot = slot as usize;
            if slot >= self.zones.len() {
                self.zones.resize(slot + 1, 0);
            }
            self.zones[slot] = zone;
        }
    }
}
