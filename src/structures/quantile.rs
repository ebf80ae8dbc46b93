//! A quantile of values seen one by one: counts in buckets that are narrow relative to their values.
//!
//! A bucket is a 128th of a power of two wide, so that what is given, the upper end of the bucket that
//! holds the nearest-rank quantile, is above it by less than 0.8 %. Values below 2^-16 or above 2^32 count
//! as those. The bucket is remembered and moves by as much as a new value moves it: O(1) in the long run.
//!
//! Source: the log-linear buckets of HdrHistogram (G. Tene).

/// Buckets per power of two, as bits.
const FINE: u32 = 7;
/// Least and greatest power of two.
const LOW: u64 = 1023 - 16;
const HIGH: u64 = 1023 + 32;
const BUCKETS: usize = ((HIGH - LOW) << FINE) as usize;
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - FINE;

/// A quantile of all values so far.
#[derive(Clone, Debug)]
pub struct Quantile {
    share: f64,
    counts: Vec<u64>,
    total: u64,
    /// The bucket that holds the quantile, and how many values lie in those before it.
    at: usize,
    before: u64,
}

fn bucket(value: f64) -> usize {
    // The bits of positive numbers are in the order of the numbers.
    let low = LOW << FINE;
    let index = (value.max(0.0).to_bits() >> SHIFT).saturating_sub(low);
    (index as usize).min(BUCKETS - 1)
}

impl Quantile {
    /// The quantile that this share of the values, above 0 and at most 1, does not exceed.
    pub fn new(share: f64) -> Self {
        Quantile { share, counts: vec![0; BUCKETS], total: 0, at: 0, before: 0 }
    }

    /// Another value, not negative.
    pub fn add(&mut self, value: f64) {
        let index = bucket(value);
        self.counts[index] += 1;
        self.total += 1;
        self.before += u64::from(index < self.at);
        let rank = ((self.share * self.total as f64).ceil() as u64).clamp(1, self.total);
        while self.before >= rank {
            self.at -= 1;
            self.before -= self.counts[self.at];
        }
        while self.before + self.counts[self.at] < rank {
            self.before += self.counts[self.at];
            self.at += 1;
        }
    }

    /// How many values there were.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The quantile, or a little more; without values 0.
    pub fn get(&self) -> f64 {
        match self.total {
            0 => 0.0,
            _ => f64::from_bits(((LOW << FINE) + self.at as u64 + 1) << SHIFT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_sorting(
            share in 0.01f64..1.0,
            values in prop::collection::vec(0.001f64..1000.0, 1..200),
        ) {
            let mut quantile = Quantile::new(share);
            let mut sorted: Vec<f64> = Vec::new();
            for value in values {
                quantile.add(value);
                sorted.push(value);
                sorted.sort_by(f64::total_cmp);
                let rank = ((share * sorted.len() as f64).ceil() as usize).max(1);
                let exact = sorted[rank - 1];
                let found = quantile.get();
                prop_assert!(found > exact && found <= exact * (1.0 + 1.0 / 128.0), "{found} for {exact}");
            }
        }
    }

    #[test]
    fn extreme_values_count_as_the_least_and_the_greatest() {
        let mut quantile = Quantile::new(0.5);
        quantile.add(0.0);
        assert!(quantile.get() < 2e-5);
        quantile.add(f64::INFINITY);
        quantile.add(1e300);
        assert!(quantile.get() >= f64::from(u32::MAX));
    }
}
