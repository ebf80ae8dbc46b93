//! The scheduler itself fails: one of several replicas leads, the others stand by.
//!
//! Who leads when does not depend on what is scheduled, so all policies meet the same times without a
//! leader. A leader renews its lease all the time: from when it fails, the whole of the lease passes before
//! another may act. Then the lowest-numbered replica that is up stands for election, or the first that comes
//! up; when it fails before it is elected, the next one does, anew. No majority is needed: the state of the
//! scheduler is kept elsewhere, as by a lock service.
//!
//! Source: Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache
//! consistency", SOSP 1989; elections as in Ongaro and Ousterhout, "In search of an understandable consensus
//! algorithm", USENIX ATC 2014. Cost: O(replicas) per failure or repair of a replica.

use crate::distribution::Distribution;
use crate::random::{Purpose, Stream, Streams};
use crate::time::{Duration, Time};

/// Elections in a row that may fail because their candidates do. Nobody waits for more.
const MOST_FAILED_ELECTIONS: u32 = 1_000_000;

/// A scheduler that fails. All replicas start up, and the first of them leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicas {
    /// How many there are, the leader among them.
    pub count: u32,
    /// Time from coming up to failing, in seconds, of each.
    pub up: Distribution,
    /// Time from failing to coming up again, in seconds.
    pub down: Distribution,
    /// How long nobody may act after the leader failed.
    pub lease: Duration,
    /// Time an election takes, in seconds.
    pub election: Distribution,
}

/// From now on this replica leads, or none does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderChange {
    /// When.
    pub at: Time,
    /// Who.
    pub leader: Option<u32>,
}

/// Why nobody knows who leads next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLeader {
    /// A time does not fit the clock.
    TimeOverflow,
    /// So many elections failed that there will hardly ever be a leader.
    NeverElected,
}

#[derive(Clone, Debug)]
struct Replica {
    up: bool,
    changes: Time,
    ups: Stream,
    downs: Stream,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Led(u32),
    /// Nobody stands for election: the lease has not run out, or nobody is up.
    Vacant,
    /// Who will be elected when, unless it fails before.
    Electing(u32, Time),
}

/// Who leads when: an endless course of changes.
#[derive(Clone, Debug)]
pub struct Leadership<'a> {
    plan: &'a Replicas,
    replicas: Vec<Replica>,
    elections: Stream,
    stage: Stage,
    now: Time,
    lease_ends: Time,
}

fn after(now: Time, seconds: f64) -> Result<Time, NoLeader> {
    let later = Duration::from_seconds(seconds).and_then(|length| now.checked_add(length));
    later.ok_or(NoLeader::TimeOverflow)
}

impl<'a> Leadership<'a> {
    /// The course of the replication with these streams.
    ///
    /// # Errors
    /// When a time does not fit the clock.
    pub fn new(plan: &'a Replicas, streams: Streams) -> Result<Self, NoLeader> {
        let (ups, downs) = (streams.key(Purpose::ReplicaUp), streams.key(Purpose::ReplicaDown));
        let replica = |number: u32| {
            let (mut ups, downs) = (ups.stream(u64::from(number)), downs.stream(u64::from(number)));
            let changes = after(Time::ZERO, plan.up.sample(&mut ups))?;
            Ok(Replica { up: true, changes, ups, downs })
        };
        Ok(Leadership {
            plan,
            replicas: (0..plan.count).map(replica).collect::<Result<_, _>>()?,
            elections: streams.stream(Purpose::Election, 0),
            stage: Stage::Led(0),
            now: Time::ZERO,
            lease_ends: Time::ZERO,
        })
    }

    /// The next change: from a leader to none, or from none to a leader.
    ///
    /// # Errors
    /// When a time does not fit the clock, or when a million elections in a row fail.
    pub fn advance(&mut self) -> Result<LeaderChange, NoLeader> {
        let mut failed_elections = 0;
        loop {
            let (number, next) = self.next_change();
            match self.stage {
                Stage::Electing(candidate, elected) if elected <= next => {
                    (self.stage, self.now) = (Stage::Led(candidate), elected);
                    return Ok(LeaderChange { at: elected, leader: Some(candidate) });
                }
                Stage::Vacant => {
                    let stands = self.now.max(self.lease_ends);
                    let candidate = self.replicas.iter().position(|replica| replica.up);
                    if let (Some(candidate), true) = (candidate, stands < next) {
                        let elected = after(stands, self.plan.election.sample(&mut self.elections))?;
                        (self.stage, self.now) = (Stage::Electing(candidate as u32, elected), stands);
                        continue;
                    }
                }
                Stage::Electing(..) | Stage::Led(_) => {}
            }
            self.now = next;
            if self.change(number)? {
                continue;
            }
            match self.stage {
                Stage::Led(leader) if leader == number => {
                    self.stage = Stage::Vacant;
                    self.lease_ends = self.now.checked_add(self.plan.lease).ok_or(NoLeader::TimeOverflow)?;
                    return Ok(LeaderChange { at: self.now, leader: None });
                }
                Stage::Electing(candidate, _) if candidate == number => {
                    self.stage = Stage::Vacant;
                    failed_elections += 1;
                    if failed_elections == MOST_FAILED_ELECTIONS {
                        return Err(NoLeader::NeverElected);
                    }
                }
                _ => {}
            }
        }
    }

    /// Which replica fails or comes up next, and when; of equals the lowest-numbered.
    fn next_change(&self) -> (u32, Time) {
        let changes = self.replicas.iter().zip(0..).map(|(replica, number)| (replica.changes, number));
        let (at, number) = changes.min().unwrap_or((Time::NEVER, 0));
        (number, at)
    }

    /// The replica fails or comes up; gives whether it is up now.
    fn change(&mut self, number: u32) -> Result<bool, NoLeader> {
        let replica = &mut self.replicas[number as usize];
        replica.up = !replica.up;
        let length = match replica.up {
            true => self.plan.up.sample(&mut replica.ups),
            false => self.plan.down.sample(&mut replica.downs),
        };
        replica.changes = after(self.now, length)?;
        Ok(replica.up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(count: u32, up: f64, down: f64, lease: u64, election: f64, changes: usize) -> Vec<String> {
        let constant = Distribution::constant;
        let plan = Replicas {
            count,
            up: constant(up),
            down: constant(down),
            lease: Duration(lease * 1_000_000_000),
            election: constant(election),
        };
        let mut course = Leadership::new(&plan, Streams::new(1)).expect("short times");
        let words = |change: LeaderChange| match change.leader {
            Some(leader) => format!("{}: {leader}", change.at.as_seconds()),
            None => format!("{}: none", change.at.as_seconds()),
        };
        let mut next = || course.advance().map_or_else(|error| format!("{error:?}"), words);
        (0..changes).map(|_| next()).collect()
    }

    #[test]
    fn a_leader_is_elected_when_the_lease_has_run_out_and_a_replica_is_up() {
        // Repaired at 14, elected at 15; and so on from there.
        assert_eq!(course(1, 10.0, 4.0, 0, 1.0, 4), ["10: none", "15: 0", "24: none", "29: 0"]);
        // The lease runs while the replica is repaired.
        assert_eq!(course(1, 10.0, 4.0, 3, 0.0, 2), ["10: none", "14: 0"]);
        assert_eq!(course(1, 10.0, 4.0, 6, 1.0, 2), ["10: none", "17: 0"]);
        // Both fail at the same instant, and are repaired at the same instant.
        assert_eq!(course(2, 10.0, 4.0, 0, 1.0, 3), ["10: none", "15: 0", "24: none"]);
    }

    #[test]
    fn elections_that_always_fail_end_the_course() {
        assert_eq!(course(1, 10.0, 4.0, 0, 11.0, 2), ["10: none", "NeverElected"]);
    }
}
