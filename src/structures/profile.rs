//! How many slots of a node are free, from now on: a step function of time that tasks, running or
//! planned, take their slots from.
//!
//! Source: the profile of Mu'alem and Feitelson 2001, "Utilization, predictability, workloads, and
//! user runtime estimates in scheduling the IBM SP2 with backfilling". n being the number of steps,
//! taking, giving back and searching cost O(n); memory is used again.

/// From an instant on, so many slots are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    from: u64,
    /// Below 0 when more was taken than there is.
    free: i64,
}

/// Free slots over time, in any unit of time. Before the first step nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    steps: Vec<Step>,
}

impl Profile {
    /// Forgets everything: `free` slots are free from `now` on.
    pub fn reset(&mut self, now: u64, free: u32) {
        self.steps.clear();
        self.steps.push(Step { from: now, free: i64::from(free) });
    }

    /// Takes `slots` in `[start, end)`.
    pub fn take(&mut self, start: u64, end: u64, slots: u32) {
        self.add(start, end, -i64::from(slots));
    }

    /// Gives back what [`take`](Self::take) took with the same words.
    pub fn give_back(&mut self, start: u64, end: u64, slots: u32) {
        self.add(start, end, i64::from(slots));
    }

    fn add(&mut self, start: u64, end: u64, change: i64) {
        if start >= end {
            return;
        }
        let first = self.split(start);
        let last = self.split(end);
        for step in &mut self.steps[first..last] {
            step.free += change;
        }
        // Only the two borders can have become needless; the later one first.
        for at in [last, first] {
            if at > 0 && at < self.steps.len() && self.steps[at - 1].free == self.steps[at].free {
                self.steps.remove(at);
            }
        }
    }

    /// The index of the step that begins at this instant (of the first, if the instant is before it).
    fn split(&mut self, time: u64) -> usize {
        let at = self.steps.partition_point(|step| step.from < time);
        if at > 0 && self.steps.get(at).is_none_or(|step| step.from > time) {
            let free = self.steps[at - 1].free;
            self.steps.insert(at, Step { from: time, free });
        }
        at
    }

    /// The index of the step that holds at `now`.
    fn at(&self, now: u64) -> usize {
        self.steps.partition_point(|step| step.from <= now).saturating_sub(1)
    }

    /// The first instant from `now` on, and before `limit`, at which `slots` are free for so long.
    pub fn earliest(&self, now: u64, limit: u64, slots: u32, length: u64) -> Option<u64> {
        let needed = i64::from(slots);
        let mut start = None;
        for (index, step) in self.steps.iter().enumerate().skip(self.at(now)) {
            if step.free < needed {
                start = None;
                continue;
            }
            let begins = *start.get_or_insert(step.from.max(now));
            if begins >= limit {
                return None;
            }
            let until = self.steps.get(index + 1).map_or(u64::MAX, |next| next.from);
            if until - begins >= length || index + 1 == self.steps.len() {
                return Some(begins);
            }
        }
        None
    }

    /// Whether somewhere from `now` on more was taken than there is.
    pub fn is_overdrawn(&self, now: u64) -> bool {
        self.steps[self.at(now)..].iter().any(|step| step.free < 0)
    }

    /// Whether both say the same from `now` on.
    pub fn agrees(&self, other: &Profile, now: u64) -> bool {
        if self.steps.is_empty() || other.steps.is_empty() {
            return self.steps.is_empty() == other.steps.is_empty();
        }
        let (ours, theirs) = (&self.steps[self.at(now)..], &other.steps[other.at(now)..]);
        ours[0].free == theirs[0].free && ours[1..] == theirs[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPAN: u64 = 40;

    /// The same, kept instant by instant.
    fn earliest_by_scan(free: &[i64], now: u64, limit: u64, slots: u32, length: u64) -> Option<u64> {
        let last = free.len() as u64 - 1;
        let enough = |time: u64| free[time.min(last) as usize] >= i64::from(slots);
        (now..limit.min(last + 1)).find(|start| (*start..start + length.max(1)).all(enough))
    }

    proptest! {
        #[test]
        fn agrees_with_a_table_of_instants(
            steps in prop::collection::vec((0u64..SPAN, 1u64..15, 1u32..4, any::<bool>()), 0..25),
            queries in prop::collection::vec((0u64..SPAN, 0u64..2 * SPAN, 1u32..7, 1u64..12), 1..20),
        ) {
            let mut profile = Profile::default();
            profile.reset(0, 6);
            let mut free = vec![6i64; 2 * SPAN as usize];
            let mut taken: Vec<(u64, u64, u32)> = Vec::new();
            for (start, length, slots, give_back) in steps {
                let change = if give_back && !taken.is_empty() {
                    let (start, end, slots) = taken.swap_remove(start as usize % taken.len());
                    profile.give_back(start, end, slots);
                    (start, end, i64::from(slots))
                } else {
                    profile.take(start, start + length, slots);
                    taken.push((start, start + length, slots));
                    (start, start + length, -i64::from(slots))
                };
                free[change.0 as usize..change.1 as usize].iter_mut().for_each(|free| *free += change.2);
            }
            for (now, limit, slots, length) in queries {
                prop_assert_eq!(
                    profile.earliest(now, limit, slots, length),
                    earliest_by_scan(&free, now, limit, slots, length)
                );
                let overdrawn = free[now as usize..].iter().any(|free| *free < 0);
                prop_assert_eq!(profile.is_overdrawn(now), overdrawn);
            }
            // Made again in another order, it is the same; with one task more it is not.
            let mut again = Profile::default();
            again.reset(5, 6);
            for &(start, end, slots) in taken.iter().rev() {
                again.take(start.max(5), end.max(5), slots);
            }
            prop_assert!(profile.agrees(&again, 5));
            again.take(SPAN, SPAN + 2, 1);
            prop_assert!(!profile.agrees(&again, 5));
            prop_assert!(profile.agrees(&again, SPAN + 2));
        }
    }
}
