//! Which member follows a hash on a ring of points? Consistent hashing's table: every member has
//! several points, and what hashes between two points belongs to the member of the later one.
//!
//! Points are spread evenly, so their leading bits tell about where a hash falls: a lookup is O(1)
//! expected, whatever the number of points. A ring takes about ten bytes per point.
//!
//! Hashes are those of SplitMix64's finaliser (Steele, Lea and Flood 2014). They do not depend on a
//! seed: as in a real system the same member always has the same points.

use super::memory;
use crate::random::mix;

/// Low bits of a point that hold its member.
const MEMBER_BITS: u32 = 24;

/// The most points that one ring can have.
pub const MOST_POINTS: u64 = 100_000_000;

/// The points of some members.
#[derive(Clone, Debug)]
pub struct HashRing {
    /// Leading bits of a hash, then the member, in ascending order.
    points: Vec<u64>,
    /// By leading bits, the first point that has them or more.
    starts: Vec<u32>,
    shift: u32,
}

/// Point number `replica` of `member` (below 2^24): leading 40 bits of its hash, then the member.
#[inline]
pub fn point(member: u32, replica: u32) -> u64 {
    let name = (u64::from(member) << 32) | u64::from(replica);
    // The finaliser alone leaves 0 where it is.
    let hash = mix(mix(name.wrapping_add(0x9e37_79b9_7f4a_7c15)));
    (hash >> MEMBER_BITS << MEMBER_BITS) | u64::from(member)
}

/// Where a key falls on the ring.
#[inline]
pub fn hash_of_key(key: u64) -> u64 {
    mix(mix(key ^ 0xd134_2543_de82_ef95))
}

impl HashRing {
    /// `members` members of `replicas` points each, both at least 1.
    pub fn new(members: u32, replicas: u32) -> Self {
        debug_assert!(members <= 1 << MEMBER_BITS);
        let all = (0..members).flat_map(|member| (0..replicas).map(move |replica| point(member, replica)));
        let mut points = Vec::new();
        memory::reserve(&mut points, members as usize * replicas as usize);
        points.extend(all);
        points.sort_unstable();
        points.dedup();
        // About two points for each entry of the table.
        let bits = (points.len() / 2).max(2).ilog2();
        let shift = 64 - bits;
        let mut starts = Vec::new();
        memory::reserve(&mut starts, (1 << bits) + 1);
        for (index, point) in points.iter().enumerate() {
            while starts.len() as u64 <= point >> shift {
                starts.push(index as u32);
            }
        }
        starts.resize(1 << bits, points.len() as u32);
        HashRing { points, starts, shift }
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// The first point at or after `hash`, as an index from 0 on around the ring; 0 behind the last.
    #[inline]
    pub fn successor(&self, hash: u64) -> u32 {
        let mut at = self.starts[(hash >> self.shift) as usize] as usize;
        while self.points.get(at).is_some_and(|point| *point < hash) {
            at += 1;
        }
        if at == self.points.len() { 0 } else { at as u32 }
    }

    /// Fetches from memory where the points of a hash are found.
    #[inline]
    pub fn fetch_start(&self, hash: u64) {
        memory::prefetch(&self.starts, (hash >> self.shift) as usize);
    }

    /// Fetches from memory the points that a hash falls between.
    #[inline]
    pub fn fetch_points(&self, hash: u64) {
        memory::prefetch(&self.points, self.starts[(hash >> self.shift) as usize] as usize);
    }

    /// Whose point this is.
    #[inline]
    pub fn member(&self, index: u32) -> u32 {
        (self.points[index as usize] & ((1 << MEMBER_BITS) - 1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_scan(members in 1u32..40, replicas in 1u32..30, keys in prop::collection::vec(any::<u64>(), 40)) {
            let ring = HashRing::new(members, replicas);
            let all = || (0..members).flat_map(|member| (0..replicas).map(move |replica| point(member, replica)));
            prop_assert_eq!(ring.len() as u32, members * replicas);
            // Hashes on the points, just behind them and anywhere.
            let hashes = all().chain(all().map(|point| point.wrapping_add(1))).chain(keys).chain([0, u64::MAX]);
            for hash in hashes {
                let next = all().filter(|point| *point >= hash).min().or_else(|| all().min()).expect("a point");
                let member = (0..members).find(|&member| (0..replicas).any(|r| point(member, r) == next));
                prop_assert_eq!(Some(ring.member(ring.successor(hash))), member);
            }
        }
    }

    /// Shares of members are those of random points: with r points each about Gamma(r) in
    /// proportion, so the coefficient of variation is 1 / sqrt(r).
    #[test]
    fn shares_are_those_of_random_points() {
        let (members, replicas) = (1000u32, 100);
        let ring = HashRing::new(members, replicas);
        let mut counts = vec![0f64; members as usize];
        for key in 0..1_000_000u64 {
            counts[ring.member(ring.successor(hash_of_key(key))) as usize] += 1.0;
        }
        let mean = 1e6 / f64::from(members);
        let variance =
            counts.iter().map(|count| (count / mean - 1.0).powi(2)).sum::<f64>() / f64::from(members);
        // Points, and keys drawn as if at random: 1/100 + 1/1000, give or take five standard errors.
        let expected = 1.0 / f64::from(replicas) + 1.0 / mean;
        let error = expected * (2.0 / f64::from(members)).sqrt();
        assert!((variance - expected).abs() < 5.0 * error, "{variance} for {expected}");
    }
}
