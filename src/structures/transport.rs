//! Which items go to which groups, as many as there is room for and at the least total cost?
//!
//! A minimum-cost maximum flow from items of one unit to groups of limited capacity, found by
//! successive shortest paths (Ahuja, Magnanti and Orlin, "Network Flows", 1993, section 9.7): every
//! path brings one more item in, and may move items that are in from group to group. Paths are found
//! by label correcting (section 5.4) over the groups alone: an item is but an arc from the group that
//! holds it to every other.
//!
//! Cost: O(p w g) per path for w items, g groups and p rounds of labels, rarely more than three; as
//! many paths as items find room. Memory is kept from one solution to the next.

/// Marks an item that is in no group.
pub const OUT: u32 = u32::MAX;

/// Finds assignments.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// By item and group.
    costs: Vec<i128>,
    group_of: Vec<u32>,
    left: Vec<u32>,
    /// By group: the least cost at which one more item can come there, and the item that would.
    labels: Vec<(i128, u32)>,
}

impl Transport {
    /// The group of every item, or [`OUT`]. As many items are in as the capacities allow, and the sum
    /// of their costs `cost(item, group)` is the least possible; costs may be negative and must stay
    /// below 2^90 in size.
    pub fn solve(
        &mut self,
        items: usize,
        capacities: &[u32],
        mut cost: impl FnMut(usize, usize) -> i128,
    ) -> &[u32] {
        let groups = capacities.len();
        self.costs.clear();
        for item in 0..items {
            self.costs.extend((0..groups).map(|group| cost(item, group)));
        }
        self.group_of.clear();
        self.group_of.resize(items, OUT);
        self.left.clear();
        self.left.extend_from_slice(capacities);
        while let Some(end) = self.cheapest_end() {
            self.left[end as usize] -= 1;
            self.bring_in(end);
        }
        &self.group_of
    }

    #[inline]
    fn costs_of(&self, item: usize) -> &[i128] {
        let groups = self.left.len();
        &self.costs[item * groups..(item + 1) * groups]
    }

    /// The group with room that the cheapest path ends in; `None` when nothing more finds room.
    fn cheapest_end(&mut self) -> Option<u32> {
        if self.left.iter().all(|left| *left == 0) {
            return None;
        }
        let mut labels = std::mem::take(&mut self.labels);
        labels.clear();
        labels.resize(self.left.len(), (i128::MAX, OUT));
        for item in (0..self.group_of.len()).filter(|item| self.group_of[*item] == OUT) {
            for (label, cost) in labels.iter_mut().zip(self.costs_of(item)) {
                if *cost < label.0 {
                    *label = (*cost, item as u32);
                }
            }
        }
        // With no item left to bring in there is no label to correct.
        let mut corrected = labels.first().is_some_and(|(_, item)| *item != OUT);
        let any = corrected;
        while corrected {
            corrected = false;
            for item in (0..self.group_of.len()).filter(|item| self.group_of[*item] != OUT) {
                let from = self.group_of[item] as usize;
                let costs = self.costs_of(item);
                let here = labels[from].0 - costs[from];
                for (label, cost) in labels.iter_mut().zip(costs) {
                    if here + cost < label.0 {
                        *label = (here + cost, item as u32);
                        corrected = true;
                    }
                }
            }
        }
        let with_room = (0..labels.len()).filter(|group| self.left[*group] > 0);
        let end = with_room.min_by_key(|group| labels[*group].0);
        self.labels = labels;
        end.filter(|_| any).map(|group| group as u32)
    }

    /// Along the path that ends in `end` every item goes one group further, the first one in.
    fn bring_in(&mut self, end: u32) {
        let mut group = end;
        while group != OUT {
            let (_, item) = self.labels[group as usize];
            group = std::mem::replace(&mut self.group_of[item as usize], group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Most items that fit, and the least cost of that many, by trying everything.
    fn best(items: usize, left: &mut [u32], cost: &impl Fn(usize, usize) -> i128) -> (usize, i128) {
        let Some(item) = items.checked_sub(1) else { return (0, 0) };
        let (count, least) = best(item, left, cost);
        let mut best_so_far = (count, least);
        for group in 0..left.len() {
            if left[group] > 0 {
                left[group] -= 1;
                let (count, least) = best(item, left, cost);
                left[group] += 1;
                let with = (count + 1, least + cost(item, group));
                if with.0 > best_so_far.0 || (with.0 == best_so_far.0 && with.1 < best_so_far.1) {
                    best_so_far = with;
                }
            }
        }
        best_so_far
    }

    proptest! {
        /// No assignment holds more items, and none that holds as many is cheaper.
        #[test]
        fn agrees_with_trying_everything(
            costs in prop::collection::vec(prop_oneof![-9i128..10, -1000i128..1000], 24),
            items in 0usize..7,
            capacities in prop::collection::vec(0u32..4, 0..5),
        ) {
            let cost = |item: usize, group: usize| costs[4 * (item % 6) + group];
            let mut solver = Transport::default();
            // What was solved before must not matter.
            solver.solve(3, &[1, 1], |item, group| (item + group) as i128);
            let found = solver.solve(items, &capacities, cost).to_vec();
            let mut left = capacities.clone();
            let (mut count, mut total) = (0, 0);
            for (item, group) in found.iter().enumerate().filter(|(_, group)| **group != OUT) {
                let group = *group as usize;
                prop_assert!(left[group] > 0, "too many in group {group}");
                left[group] -= 1;
                count += 1;
                total += cost(item, group);
            }
            prop_assert_eq!((count, total), best(items, &mut capacities.clone(), &cost));
        }
    }
}
