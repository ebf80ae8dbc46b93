//! Multi-level feedback queue: a task begins at the top level and sinks by one whenever it has used up
//! its slice there; tasks of a higher level interrupt those of lower ones. It finds out who is short
//! without being told.
//!
//! Source: Corbato, Merwin-Daggett and Daley 1962 (CTSS); Arpaci-Dusseau and Arpaci-Dusseau, "Operating
//! Systems: Three Easy Pieces", chapter 8, whose five rules these are: time used at a level counts
//! however often the task was interrupted, and every `boost` all tasks rise to the top. Cost: O(log n)
//! per slice; a boost costs nothing: levels of an earlier boost count as the top.
//! A bad idea when sizes differ little, when changes are dear, or, without `boost`, when short tasks
//! alone can fill the cluster: the long ones starve.

use super::time_slice::scaled;
use crate::scheduler::{Entry, Interrupts, Order, TaskView};
use crate::time::{Duration, Time};

/// A key is boost, level and turn, from the highest bits to the lowest.
const LEVEL_BITS: u32 = 4;
const TURN_BITS: u32 = 36;
/// Most levels.
pub const MOST_LEVELS: u32 = 1 << LEVEL_BITS;
const MOST_BOOSTS: u64 = (1 << (64 - LEVEL_BITS - TURN_BITS)) - 1;

/// Where a task stands.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// Which task: slots are used again.
    number: u32,
    level: u32,
    /// The boost at which it had this level.
    boost: u64,
    /// Time it has used of its slice at this level.
    used: Duration,
}

/// A multi-level feedback queue.
#[derive(Clone, Debug)]
pub struct Mlfq {
    /// Slice at each level.
    slices: Vec<Duration>,
    boost: Option<Duration>,
    turns: u64,
    /// By slot.
    standings: Vec<Standing>,
}

impl Mlfq {
    /// `levels` (1 to [`MOST_LEVELS`]) with slices of `quantum` x `factor`^level; every `boost` all
    /// tasks rise to the top.
    pub fn new(levels: u32, quantum: Duration, factor: f64, boost: Option<Duration>) -> Self {
        let slice = |level: u32| scaled(quantum, factor.powi(level.cast_signed()));
        Mlfq { slices: (0..levels).map(slice).collect(), boost, turns: 0, standings: Vec::new() }
    }

    /// How many boosts there have been.
    fn boosts(&self, now: Time) -> u64 {
        self.boost.map_or(0, |every| (now.0 / every.0.max(1)).min(MOST_BOOSTS))
    }

    /// Where the task stands; at the top if it is new, or if there was a boost since.
    fn standing(&mut self, task: &TaskView<'_>, now: Time) -> &mut Standing {
        let (slot, boosts) = (task.slot() as usize, self.boosts(now));
        if slot >= self.standings.len() {
            self.standings.resize(slot + 1, Standing { number: u32::MAX, ..Standing::default() });
        }
        let standing = &mut self.standings[slot];
        if standing.number != task.number() {
            *standing = Standing { number: task.number(), level: 0, boost: boosts, used: Duration::ZERO };
        } else if standing.boost < boosts {
            *standing = Standing { level: 0, boost: boosts, used: Duration::ZERO, ..*standing };
        }
        standing
    }

    fn tail(&mut self, boost: u64, level: u32) -> u64 {
        self.turns += 1;
        boost << (LEVEL_BITS + TURN_BITS) | u64::from(level) << TURN_BITS | self.turns
    }

    /// The level that a key stands for now.
    fn level(&self, key: u64, now: Time) -> u64 {
        if key >> (LEVEL_BITS + TURN_BITS) < self.boosts(now) {
            return 0;
        }
        key >> TURN_BITS & u64::from(MOST_LEVELS - 1)
    }
}

impl Order for Mlfq {
    fn key(&mut self, task: &TaskView<'_>, _: u32, entry: Entry, now: Time) -> u64 {
        let lowest = self.slices.len() as u32 - 1;
        let is_new = task.queue_key() == 0;
        match entry {
            Entry::SliceEnded => {
                // A boost during the slice counts before its end.
                let boosted = self.boosts(now);
                let slot = task.slot() as usize;
                let before = self.standings.get(slot).map_or(0, |standing| standing.boost);
                let standing = self.standing(task, now);
                if before == boosted {
                    standing.level = (standing.level + 1).min(lowest);
                }
                standing.used = Duration::ZERO;
                let (boost, level) = (standing.boost, standing.level);
                self.tail(boost, level)
            }
            Entry::Interrupted { ran } => {
                // In front of its level, with what is left of its slice.
                let standing = self.standing(task, now);
                standing.used = Duration(standing.used.0.saturating_add(ran.0));
                task.queue_key()
            }
            Entry::Arrived | Entry::Returned if is_new => {
                let boost = self.standing(task, now).boost;
                self.tail(boost, 0)
            }
            Entry::Arrived | Entry::Returned => task.queue_key(),
        }
    }

    fn interrupts(&self) -> Interrupts {
        Interrupts::ForBetter
    }

    fn beats(&self, waiting: u64, running: u64, now: Time) -> bool {
        self.level(waiting, now) < self.level(running, now)
    }

    fn slice(&mut self, task: &TaskView<'_>, now: Time) -> Option<Duration> {
        let standing = *self.standing(task, now);
        let whole = self.slices[standing.level as usize];
        Some(Duration(whole.0.saturating_sub(standing.used.0).max(1)))
    }
}
