//! Which places have enough of everything? A tournament tree over rows of amounts that keeps, for every
//! subtree, the most of each amount that any of its places has.
//!
//! A subtree that has too little of one amount is left out as a whole. Update O(k log n) for k amounts,
//! less where a parent does not change. A query goes depth first: O(k log n) when the places with much
//! of one amount have much of the others, O(k n) at worst, where no place has enough of all although
//! every subtree has enough of each.
//!
//! Subtrees are numbered as in [`KeyTree`](super::key_tree::KeyTree), so that one can prune the other.

/// Rows of amounts by place.
#[derive(Clone, Debug)]
pub struct FitTree {
    /// Rows; leaves start at `leaves`, the parent of `i` is `i / 2`, the root is 1.
    most: Vec<u64>,
    width: usize,
    leaves: usize,
}

impl FitTree {
    /// `places` places with rows of `width` amounts, all 0.
    pub fn new(places: usize, width: usize) -> Self {
        let leaves = places.next_power_of_two().max(1);
        FitTree { most: vec![0; 2 * leaves * width], width, leaves }
    }

    #[inline]
    fn row(&self, at: usize) -> &[u64] {
        &self.most[at * self.width..][..self.width]
    }

    /// Sets the amounts of `place`.
    pub fn set(&mut self, place: u32, amounts: impl Iterator<Item = u64>) {
        let mut at = self.leaves + place as usize;
        for (old, new) in self.most[at * self.width..][..self.width].iter_mut().zip(amounts) {
            *old = new;
        }
        while at > 1 {
            let mut changed = false;
            for kind in 0..self.width {
                let most = self.row(at)[kind].max(self.row(at ^ 1)[kind]);
                let parent = &mut self.most[at / 2 * self.width + kind];
                changed |= *parent != most;
                *parent = most;
            }
            if !changed {
                break;
            }
            at /= 2;
        }
    }

    /// Whether the subtree `at` has as much of each amount as `demand`, though perhaps not at one place.
    #[inline]
    pub fn admits(&self, at: usize, demand: &[u64]) -> bool {
        self.row(at).iter().zip(demand).all(|(most, demand)| most >= demand)
    }

    /// Whether `place` has enough for `demand`.
    #[inline]
    pub fn fits(&self, place: u32, demand: &[u64]) -> bool {
        self.admits(self.leaves + place as usize, demand)
    }

    /// The first place at or after `from` that has enough for `demand`, which must not be all 0.
    pub fn first_from(&self, from: u32, demand: &[u64]) -> Option<u32> {
        self.search_from(1, 0, self.leaves, from as usize, demand)
    }

    /// The same, or failing that the first from the beginning.
    pub fn first_around(&self, from: u32, demand: &[u64]) -> Option<u32> {
        self.first_from(from, demand).or_else(|| self.first_from(0, demand))
    }

    fn search_from(&self, at: usize, start: usize, size: usize, from: usize, demand: &[u64]) -> Option<u32> {
        if start + size <= from || !self.admits(at, demand) {
            return None;
        }
        if size == 1 {
            return Some(start as u32);
        }
        let half = size / 2;
        self.search_from(2 * at, start, half, from, demand)
            .or_else(|| self.search_from(2 * at + 1, start + half, half, from, demand))
    }

    /// The first place with the highest score among those that have enough for `demand`, which must not
    /// be all 0. More of an amount must not make a score lower: the score of a subtree's most amounts
    /// then bounds those of its places.
    pub fn highest(&self, demand: &[u64], score: impl Fn(&[u64]) -> u128) -> Option<u32> {
        let mut best = None;
        self.search_highest(1, demand, &score, &mut best);
        best.map(|(_, at)| (at - self.leaves) as u32)
    }

    fn search_highest(
        &self,
        at: usize,
        demand: &[u64],
        score: &impl Fn(&[u64]) -> u128,
        best: &mut Option<(u128, usize)>,
    ) {
        if !self.admits(at, demand) {
            return;
        }
        let bound = score(self.row(at));
        let first = at << (self.leaves.ilog2() - at.ilog2());
        let hopeless = |(most, leaf): (u128, usize)| bound < most || (bound == most && first > leaf);
        if best.is_some_and(hopeless) {
            return;
        }
        if at >= self.leaves {
            *best = Some((bound, at));
            return;
        }
        let right_first = score(self.row(2 * at + 1)) > score(self.row(2 * at));
        let nearer = 2 * at + usize::from(right_first);
        self.search_highest(nearer, demand, score, best);
        self.search_highest(nearer ^ 1, demand, score, best);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = (u64, u64, u64);

    proptest! {
        #[test]
        fn agrees_with_a_scan(
            places in 1usize..70,
            steps in prop::collection::vec(
                (any::<u32>(), (0u64..5, 0u64..5, 0u64..5), any::<u32>(), (1u64..5, 0u64..5, 0u64..5)),
                0..150,
            ),
        ) {
            let mut tree = FitTree::new(places, 3);
            let mut rows: Vec<Row> = vec![(0, 0, 0); places];
            for (place, row, from, demand) in steps {
                let place = place % places as u32;
                tree.set(place, [row.0, row.1, row.2].into_iter());
                rows[place as usize] = row;
                let from = from % places as u32;
                let fits = |p: u32| {
                    let row = rows[p as usize];
                    row.0 >= demand.0 && row.1 >= demand.1 && row.2 >= demand.2
                };
                let asked = [demand.0, demand.1, demand.2];
                let first = (from..places as u32).find(|&p| fits(p));
                prop_assert_eq!(tree.first_from(from, &asked), first);
                prop_assert_eq!(tree.first_around(from, &asked), first.or((0..from).find(|&p| fits(p))));
                prop_assert_eq!(tree.fits(from, &asked), fits(from));
                let score = |row: Row| u128::from(row.0 * demand.0 + row.1 * demand.1 + row.2 * demand.2);
                let best = (0..places as u32).filter(|&p| fits(p)).max_by_key(|&p| {
                    (score(rows[p as usize]), std::cmp::Reverse(p))
                });
                prop_assert_eq!(tree.highest(&asked, |row| score((row[0], row[1], row[2]))), best);
            }
        }
    }
}
