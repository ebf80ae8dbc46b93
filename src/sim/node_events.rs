//! Nodes fail and are repaired, and the scheduler comes to know.

use super::driver::Driver;
use super::event_queue::{Due, Kind};
use super::news::Failure;
use super::run::SimulationError;
use super::truth::GivenUp;
use crate::faults::Change;
use crate::ids::NodeId;
use crate::scheduler::{Command, Event, Observer, Policy, Record};
use crate::time::Time;

/// What a failure of a node weighs against a heartbeat when neither leads anywhere.
const FAILURE: u64 = 1000;

/// Heartbeats without the end of a task, after which there will be none.
const MOST_IN_VAIN: u64 = 1_000_000_000;

impl<P: Policy, O: Observer> Driver<'_, P, O> {
    /// Nodes live and die, and tasks may be too long for them: a run in which nothing else happens any more
    /// would never end.
    #[inline]
    pub(super) fn goes_in_vain(&mut self, weight: u64) -> Result<(), SimulationError> {
        let (view, (settled, vain)) = (self.scheduler.view(), &mut self.in_vain);
        if view.unsettled() == 0 || *settled != view.settled() {
            (*settled, *vain) = (view.settled(), 0);
        }
        *vain += weight;
        if *vain > MOST_IN_VAIN {
            return Err(SimulationError::Futile { unsettled: view.unsettled() });
        }
        Ok(())
    }

    #[cold]
    pub(super) fn change_node(&mut self, now: Time, due: Due) -> Result<(), SimulationError> {
        let change = self.nodes.change(now, due.index, due.number, &mut self.queue);
        let node = due.index;
        match change.ok_or(SimulationError::TimeOverflow)? {
            Change::None => Ok(()),
            Change::Down => self.fail_node(now, node),
            Change::Up => self.recover_node(now, node),
            Change::Joins { up } => self.enter_node(now, node, up),
            Change::Leaves => {
                self.ask_to_leave(now, node);
                Ok(())
            }
        }
    }

    fn fail_node(&mut self, now: Time, node: u32) -> Result<(), SimulationError> {
        self.crash(now, node);
        self.goes_in_vain(FAILURE)?;
        match self.news.fails(now, node).ok_or(SimulationError::TimeOverflow)? {
            Failure::KnownNow if self.withholds => {
                self.observer.on_record(now, &Record::NodeFailed { node: NodeId(node) });
                let number = self.queue.number();
                self.news.will_be_lost(node, number);
                self.withhold_news(Due { number, kind: Kind::Lost, index: node });
            }
            Failure::KnownNow => self.tell_lost(now, node),
            Failure::KnownAfter(delay) => {
                self.observer.on_record(now, &Record::NodeFailed { node: NodeId(node) });
                let known = now.checked_add(delay).ok_or(SimulationError::TimeOverflow)?;
                let event = self.queue.push(known, Kind::Lost, node);
                self.news.will_be_lost(node, event);
            }
            Failure::Unnoticed => self.observer.on_record(now, &Record::NodeFailed { node: NodeId(node) }),
            Failure::Nothing => {}
        }
        Ok(())
    }

    pub(super) fn recover_node(&mut self, now: Time, node: u32) -> Result<(), SimulationError> {
        let Some(delay) = self.news.recovers(node).ok_or(SimulationError::TimeOverflow)? else {
            if self.withholds {
                let number = self.queue.number();
                self.news.will_join(node, number);
                self.withhold_news(Due { number, kind: Kind::Joined, index: node });
                return Ok(());
            }
            self.tell_joined(now, node);
            return Ok(());
        };
        let known = now.checked_add(delay).ok_or(SimulationError::TimeOverflow)?;
        let event = self.queue.push(known, Kind::Joined, node);
        self.news.will_join(node, event);
        Ok(())
    }

    /// It becomes known that a node failed or came back, unless later news overtook that.
    #[cold]
    pub(super) fn hear_of_node(&mut self, now: Time, due: Due) {
        let Due { number, kind, index: node } = due;
        if self.withholds {
            self.withhold_news(due);
        } else if kind == Kind::Lost && self.news.is_lost(node, number) {
            self.tell_lost(now, node);
        } else if kind == Kind::Joined && self.news.is_joined(node, number) {
            self.tell_joined(now, node);
        }
    }

    pub(super) fn tell_joined(&mut self, now: Time, node: u32) {
        if !self.can_join(node) {
            return;
        }
        if self.news.joins(node) {
            self.tell_lost(now, node);
        }
        self.events += 1;
        self.tell(now, Event::NodeJoined { node: NodeId(node) });
    }

    pub(super) fn tell_lost(&mut self, now: Time, node: u32) {
        self.events += 1;
        self.tell(now, Event::NodeLost { node: NodeId(node) });
        // What ran on a lost node is over now, whatever else happens at this instant.
        for at in 0..self.commands.as_slice().len() {
            if let Command::StopAttempt { task, attempt, node, interrupted: false } =
                self.commands.as_slice()[at]
            {
                self.stop(now, task, attempt, node, GivenUp::Lost);
            }
        }
    }

    /// Takes what an attempt did until it was given up, or until its node failed, off what is left.
    pub(super) fn credit(&mut self, now: Time, slot: u32, node: u32) {
        let course = &mut self.courses[slot as usize];
        let end = self.news.end_of_attempt(now, node, course.changes);
        let mut elapsed = end.since(course.started);
        let speed = self.world.nodes[node as usize].speed;
        if let Some(checkpoint) = &self.world.retry.checkpoint {
            (elapsed, course.saved) = checkpoint.kept_of(elapsed, course.restored);
        }
        course.left = course.left.saturating_sub(elapsed.work_at(speed));
    }
}
