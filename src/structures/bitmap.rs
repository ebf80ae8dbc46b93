//! A set of small numbers that finds its next member quickly: a bitmap with a bitmap of its
//! non-zero words above it, and so on (a van Emde Boas tree of fanout 64).
//!
//! Insert, remove and "next member at or after" take O(log64 n): three words for 262,144 numbers.

/// A set of numbers below a fixed bound.
#[derive(Clone, Debug)]
pub struct Bitmap {
    /// `levels[0]` has a bit per number; each level above has a bit per word of the one below.
    levels: Vec<Vec<u64>>,
}

impl Bitmap {
    /// An empty set that can hold the numbers below `bound`.
    pub fn new(bound: usize) -> Self {
        let mut levels = Vec::new();
        let mut bits = bound.max(1);
        loop {
            let words = bits.div_ceil(64);
            levels.push(vec![0u64; words]);
            if words == 1 {
                break;
            }
            bits = words;
        }
        Bitmap { levels }
    }

    /// Puts `member` in.
    #[inline]
    pub fn insert(&mut self, member: u32) {
        let mut bit = member as usize;
        for level in &mut self.levels {
            let word = &mut level[bit / 64];
            let was = *word;
            *word |= 1 << (bit % 64);
            if was != 0 {
                break;
            }
            bit /= 64;
        }
    }

    /// Takes `member` out.
    #[inline]
    pub fn remove(&mut self, member: u32) {
        let mut bit = member as usize;
        for level in &mut self.levels {
            let word = &mut level[bit / 64];
            *word &= !(1 << (bit % 64));
            if *word != 0 {
                break;
            }
            bit /= 64;
        }
    }

    /// The least member.
    #[inline]
    pub fn first(&self) -> Option<u32> {
        let top = self.levels.len() - 1;
        let word = self.levels[top][0];
        if word == 0 {
            return None;
        }
        Some(self.descend(top, word.trailing_zeros() as usize))
    }

    /// The least member that is at least `from`.
    #[inline]
    pub fn first_from(&self, from: u32) -> Option<u32> {
        let mut bit = from as usize;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(bit / 64)?;
            let ahead = word & (u64::MAX << (bit % 64));
            if ahead != 0 {
                return Some(self.descend(height, bit / 64 * 64 + ahead.trailing_zeros() as usize));
            }
            // One level up, strictly after this word.
            bit = bit / 64 + 1;
        }
        None
    }

    /// From a set bit at `height` down to the least member below it.
    #[inline]
    fn descend(&self, height: usize, mut bit: usize) -> u32 {
        for level in self.levels[..height].iter().rev() {
            bit = bit * 64 + level[bit].trailing_zeros() as usize;
        }
        bit as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(
            bound in 1usize..9000,
            steps in prop::collection::vec((any::<bool>(), any::<u32>()), 0..300),
        ) {
            let mut ours = Bitmap::new(bound);
            let mut theirs = BTreeSet::new();
            for (insert, number) in steps {
                let member = number % bound as u32;
                if insert {
                    ours.insert(member);
                    theirs.insert(member);
                } else {
                    ours.remove(member);
                    theirs.remove(&member);
                }
                prop_assert_eq!(ours.first(), theirs.first().copied());
                let from = number.rotate_left(7) % bound as u32;
                prop_assert_eq!(ours.first_from(from), theirs.range(from..).next().copied());
            }
        }
    }
}
