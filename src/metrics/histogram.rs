//! Percentiles of millions of values in a few kilobytes.
//!
//! A histogram whose buckets grow with the value: 1024 of equal width for every doubling, so that a
//! value is known within 0.05 % ("log-linear": Tene, HdrHistogram). Adding a value costs about
//! 1 ns; the memory depends on the range of the values, not on their number.

/// Buckets per doubling, as a power of two.
const BITS: u32 = 10;
const PER_DOUBLING: u64 = 1 << BITS;

/// Counts of values by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
    most: u64,
}

#[inline]
fn bucket(value: u64) -> usize {
    // Values below 1024 have a bucket each; setting that bit gives them a shift of 0.
    let shift = (value | PER_DOUBLING).ilog2() - BITS;
    ((u64::from(shift) << BITS) + (value >> shift)) as usize
}

/// The middle of a bucket.
fn middle(bucket: usize) -> f64 {
    let bucket = bucket as u64;
    if bucket < 2 * PER_DOUBLING {
        return bucket as f64;
    }
    let shift = (bucket >> BITS) - 1;
    let low = (PER_DOUBLING + (bucket & (PER_DOUBLING - 1))) << shift;
    low as f64 + ((1u64 << shift) - 1) as f64 / 2.0
}

impl Histogram {
    /// Adds a value.
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.grow(bucket);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.most = self.most.max(value);
    }

    #[cold]
    fn grow(&mut self, bucket: usize) {
        self.counts.resize((bucket + 1).next_multiple_of(PER_DOUBLING as usize), 0);
    }

    /// The value of nearest rank ceil(share x total), within 0.05 %; `None` without values.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (bucket, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= rank {
                // No percentile lies above the largest value, though the middle of its bucket may.
                return Some(middle(bucket).min(self.most as f64));
            }
        }
        None
    }
}

/// Counts over many replications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PooledHistogram {
    counts: Vec<u64>,
    total: u64,
}

impl PooledHistogram {
    /// Adds the counts of one replication. The order in which replications are added does not
    /// matter.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (sum, &count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += u64::from(count);
        }
        self.total += other.total;
    }

    /// The complementary distribution: (value, share of values above it), at most `most` points,
    /// ending where fewer than `fewest` values are left. Values are multiplied by `unit`.
    ///
    /// Where there are too many, the points are thinned evenly along the curve on logarithmic axes.
    pub fn tail(&self, unit: f64, most: usize, fewest: u64) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        let mut above = self.total;
        for (bucket, &count) in self.counts.iter().enumerate() {
            if count == 0 {
                continue;
            }
            above -= count;
            if above < fewest {
                break;
            }
            points.push((middle(bucket) * unit, above as f64 / self.total as f64));
        }
        thin(points, most)
    }
}

fn thin(points: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most {
        return points;
    }
    // A value of 0 has no logarithm; it sits with the first value above it.
    let log = |point: &(f64, f64)| (point.0.max(points[1].0).ln(), point.1.ln());
    let (first, last) = (log(&points[0]), log(&points[points.len() - 1]));
    let scale = |range: f64| if range.abs() > 0.0 { 1.0 / range.abs() } else { 0.0 };
    let (sx, sy) = (scale(last.0 - first.0), scale(last.1 - first.1));
    let step = |a: &(f64, f64), b: &(f64, f64)| {
        let ((ax, ay), (bx, by)) = (log(a), log(b));
        ((bx - ax) * sx).hypot((by - ay) * sy)
    };
    let length: f64 = points.windows(2).map(|pair| step(&pair[0], &pair[1])).sum();
    let stride = length / (most - 1) as f64;
    let mut kept = vec![points[0]];
    let mut walked = 0.0;
    for pair in points.windows(2) {
        walked += step(&pair[0], &pair[1]);
        if walked >= stride * kept.len() as f64 && kept.len() + 1 < most {
            kept.push(pair[1]);
        }
    }
    if kept.last() != points.last() {
        kept.push(points[points.len() - 1]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn percentiles_are_nearest_rank_within_a_thousandth(
            mut values in prop::collection::vec(prop_oneof![0u64..3000, any::<u64>()], 1..300),
            share in 0.0f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|&value| histogram.add(value));
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).max(1);
            let exact = values[rank - 1] as f64;
            let ours = histogram.percentile(share).unwrap();
            prop_assert!((ours - exact).abs() <= 0.0006 * exact, "{ours} against {exact}");
        }
    }

    #[test]
    fn tails_fall_and_end_where_few_are_left() {
        let mut pooled = PooledHistogram::default();
        let mut histogram = Histogram::default();
        (0..50_000u64).for_each(|value| histogram.add(value * value));
        pooled.merge(&histogram);
        pooled.merge(&histogram);
        let tail = pooled.tail(1e-9, 200, 10);
        assert!(tail.len() <= 200 && tail.len() > 150, "{}", tail.len());
        assert!(tail.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 > w[1].1));
        assert_eq!(tail[0], (0.0, 1.0 - 2.0 / 100_000.0));
        assert!(tail.last().unwrap().1 * 100_000.0 >= 10.0);
    }

    #[test]
    fn a_histogram_without_values_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(0.5), None);
        assert!(PooledHistogram::default().tail(1.0, 200, 10).is_empty());
    }
}
