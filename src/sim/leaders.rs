//! The scheduler itself fails: while it has no leader nothing is decided, and what happens waits.
//!
//! Clients and workers send again until somebody answers. Once there is a leader, who knows all that the
//! last one knew, it is told everything in the order in which it happened; tasks count from when they were
//! submitted. At the instant at which a leader fails it still decides on what it knows.

use super::driver::Driver;
use super::event_queue::{Due, EventQueue, Kind};
use super::run::SimulationError;
use crate::faults::{Faults, LeaderChange, Leadership, NoLeader};
use crate::random::Streams;
use crate::scheduler::{Event, Observer, Policy, Record};
use crate::time::Time;

/// What waits for a leader.
#[derive(Clone, Copy, Debug)]
enum Withheld {
    /// A fact, and when it happened.
    Fact(Time, Event),
    /// News of a node, which later news may overtake.
    News(Due),
}

/// Who leads when, and what waits for a leader.
#[derive(Debug)]
pub(super) struct Leaders<'a> {
    course: Leadership<'a>,
    /// Who leads, or led last.
    leader: u32,
    next: LeaderChange,
    withheld: Vec<Withheld>,
}

impl From<NoLeader> for SimulationError {
    fn from(error: NoLeader) -> Self {
        match error {
            NoLeader::TimeOverflow => SimulationError::TimeOverflow,
            NoLeader::NeverElected => SimulationError::NeverLed,
        }
    }
}

impl<'a> Leaders<'a> {
    /// Nothing where the scheduler never fails.
    pub(super) fn new(
        faults: &'a Faults,
        streams: Streams,
        queue: &mut EventQueue,
    ) -> Result<Option<Box<Self>>, SimulationError> {
        let Some(plan) = &faults.replicas else { return Ok(None) };
        let mut course = Leadership::new(plan, streams)?;
        let next = course.advance()?;
        queue.push(next.at, Kind::Leader, 0);
        Ok(Some(Box::new(Leaders { course, leader: 0, next, withheld: Vec::new() })))
    }
}

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// One instant that begins without a leader: see [`Driver::step`].
    #[cold]
    #[inline(never)]
    pub(super) fn step_without_leader(&mut self) -> Result<bool, SimulationError> {
        self.withholds = true;
        let nothing_waits = self.leaders.as_ref().is_none_or(|leaders| leaders.withheld.is_empty());
        if nothing_waits && self.next_arrival.is_never() && self.scheduler.view().unsettled() == 0 {
            return Ok(false);
        }
        let event = self.queue.peek();
        // There is always a next change of leaders.
        let now = self.next_arrival.earlier(event).time();
        self.take_facts(now, event)?;
        if self.withholds {
            return Ok(true);
        }
        // What was due while nobody led is late, and comes after what has happened.
        loop {
            if self.scheduler.next_timer().is_some_and(|timer| timer <= now) {
                self.events += 1;
                self.tell(now, Event::TimerFired);
            }
            self.decide(now)?;
            self.carry_out(now)?;
            if O::AUDITS && self.observer.has_seen_enough() {
                return Err(SimulationError::Stopped);
            }
            if self.scheduler.next_timer().is_none_or(|timer| timer >= now) {
                return Ok(true);
            }
        }
    }

    /// The leader fails, or there is one again.
    #[cold]
    pub(super) fn change_leader(&mut self, now: Time) -> Result<(), SimulationError> {
        let Some(leaders) = &mut self.leaders else { return Ok(()) };
        let change = leaders.next;
        leaders.next = leaders.course.advance()?;
        self.queue.push(leaders.next.at, Kind::Leader, 0);
        let Some(replica) = change.leader else {
            self.leaderless = true;
            self.observer.on_record(now, &Record::LeaderLost { replica: leaders.leader });
            return Ok(());
        };
        leaders.leader = replica;
        (self.leaderless, self.withholds) = (false, false);
        self.observer.on_record(now, &Record::LeaderElected { replica });
        self.hand_over(now)
    }

    /// The new leader is told what has happened.
    fn hand_over(&mut self, now: Time) -> Result<(), SimulationError> {
        let Some(leaders) = &mut self.leaders else { return Ok(()) };
        let mut withheld = std::mem::take(&mut leaders.withheld);
        for what in withheld.drain(..) {
            match what {
                Withheld::Fact(at, event @ Event::TaskSubmitted { .. }) => self.tell(at, event),
                Withheld::Fact(_, event) if self.trees.is_some() => self.tell_and_spawn(now, event)?,
                Withheld::Fact(_, event) => self.tell(now, event),
                Withheld::News(due) => self.hear_of_node(now, due),
            }
        }
        if let Some(leaders) = &mut self.leaders {
            // Its memory is used again.
            leaders.withheld = withheld;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    pub(super) fn withhold(&mut self, now: Time, event: Event) {
        if let Event::TaskSubmitted { task, .. } = event {
            self.observer.on_record(now, &Record::SubmissionHeld { task });
        }
        if let Some(leaders) = &mut self.leaders {
            leaders.withheld.push(Withheld::Fact(now, event));
        }
    }

    /// What becomes known of a node has to wait; it keeps its name.
    #[cold]
    pub(super) fn withhold_news(&mut self, due: Due) {
        if let Some(leaders) = &mut self.leaders {
            leaders.withheld.push(Withheld::News(due));
        }
    }
}
