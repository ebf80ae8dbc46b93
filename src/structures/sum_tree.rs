//! Draw a place in proportion to its weight while weights come and go: a tree of sums.
//!
//! Every inner sum is recomputed from its two children, never adjusted by a difference, so that
//! rounding does not build up. Update and draw take O(log n).

use super::memory;

/// Weights by place.
#[derive(Clone, Debug)]
pub struct SumTree {
    sums: Vec<f64>,
    leaves: usize,
}

impl SumTree {
    /// `places` places of weight 0.
    pub fn new(places: usize) -> Self {
        let leaves = places.next_power_of_two().max(1);
        SumTree { sums: memory::filled(0.0, 2 * leaves), leaves }
    }

    /// Sets the weight of `place`, at least 0.
    #[inline]
    pub fn set(&mut self, place: u32, weight: f64) {
        let mut at = self.leaves + place as usize;
        if self.sums[at] == weight {
            return;
        }
        self.sums[at] = weight;
        while at > 1 {
            at /= 2;
            self.sums[at] = self.sums[2 * at] + self.sums[2 * at + 1];
        }
    }

    /// The place under `u` (in [0, 1)) of the total weight; `None` when all weights are 0.
    #[inline]
    pub fn draw(&self, u: f64) -> Option<u32> {
        if self.sums[1] <= 0.0 {
            return None;
        }
        let mut left = u * self.sums[1];
        let mut at = 1;
        while at < self.leaves {
            at *= 2;
            // Rounding may carry `left` past the last weight: never step into an empty subtree.
            if left >= self.sums[at] && self.sums[at + 1] > 0.0 {
                left -= self.sums[at];
                at += 1;
            }
        }
        Some((at - self.leaves) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let mut tree = SumTree::new(5);
        for (place, weight) in [1.0, 0.0, 3.0, 4.0, 2.0].into_iter().enumerate() {
            tree.set(place as u32, weight);
        }
        let mut counts = [0u32; 5];
        for i in 0..1000 {
            counts[tree.draw((f64::from(i) + 0.5) / 1000.0).unwrap() as usize] += 1;
        }
        assert_eq!(counts, [100, 0, 300, 400, 200]);
    }

    #[test]
    fn a_place_of_weight_zero_is_never_drawn() {
        let mut tree = SumTree::new(3);
        assert_eq!(tree.draw(0.5), None);
        tree.set(1, 0.1);
        for u in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            assert_eq!(tree.draw(u), Some(1));
        }
    }
}
