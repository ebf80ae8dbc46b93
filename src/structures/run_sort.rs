//! Sorts a long run of entries by a 64-bit key: radix sort from the least digit up.
//!
//! A comparison sort of a million entries compares each some twenty times. Entries that were gathered
//! in order of their lower halves need none of that: digits of the key are counted in one sweep and
//! the entries moved once per digit, stably (Knuth, *The Art of Computer Programming* 3, 5.2.5).
//!
//! Cost: O(n) moves per digit, three or four digits for times of work in nanoseconds; O(n log n)
//! where it falls back on comparisons.

use super::memory;

/// Fewer entries are sorted by comparison.
const MANY: usize = 1 << 13;
/// Bits of a digit at most: the places being written to should stay in the cache.
const DIGIT: u32 = 12;
/// More digits than this cost as much as comparing.
const MOST_DIGITS: u32 = 4;

/// Sorts descending: by the upper half, then by the lower.
pub fn sort_descending(entries: &mut Vec<u128>) {
    let lower_ascend = || entries.windows(2).all(|pair| (pair[0] as u64) < pair[1] as u64);
    if entries.len() < MANY || !lower_ascend() || !by_digits(entries, |entry| (entry >> 64) as u64) {
        entries.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// Sorts words descending whose lower `low` bits ascend.
pub fn sort_words_descending(words: &mut Vec<u64>, low: u32) {
    if words.len() < MANY || !by_digits(words, |word| word >> low) {
        words.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// Sorts descending by key, entries of equal keys in the reverse of their order; `false`, and
/// nothing is done, when there are too many digits or entries.
fn by_digits<T: Copy + Default>(entries: &mut Vec<T>, key: impl Fn(T) -> u64 + Copy) -> bool {
    let (mut all, mut any) = (u64::MAX, 0);
    for &entry in entries.iter() {
        all &= key(entry);
        any |= key(entry);
    }
    // Bits above the highest that differs are the same everywhere.
    let bits = u64::BITS - (all ^ any).leading_zeros();
    let digits = bits.div_ceil(DIGIT);
    if digits > MOST_DIGITS || u32::try_from(entries.len()).is_err() {
        return false;
    }
    if digits == 0 {
        entries.reverse();
        return true;
    }
    let mut other = memory::filled(T::default(), entries.len());
    let width = bits.div_ceil(digits);
    let mut places = vec![0u32; 1 << width];
    for digit in 0..digits {
        let mask = places.len() as u64 - 1;
        let of = |entry: T| (key(entry) >> (digit * width) & mask) as usize;
        // Descending, and equal keys in the reverse of their order, is the ascending stable order
        // from behind.
        scatter(entries, &mut other, of, &mut places, digit + 1 == digits);
        std::mem::swap(entries, &mut other);
    }
    true
}

/// Moves entries, in order, to the places of their digit; `from_behind` counts places from the end.
fn scatter<T: Copy>(
    from: &[T],
    to: &mut [T],
    digit: impl Fn(T) -> usize,
    places: &mut [u32],
    from_behind: bool,
) {
    places.fill(0);
    for &entry in from {
        places[digit(entry)] += 1;
    }
    let mut next = 0;
    for place in places.iter_mut() {
        next += std::mem::replace(place, next);
    }
    for &entry in from {
        let place = &mut places[digit(entry)];
        let at = *place as usize;
        *place += 1;
        to[if from_behind { from.len() - 1 - at } else { at }] = entry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agrees(mut entries: Vec<u128>) {
        let mut expected = entries.clone();
        expected.sort_by(|a, b| b.cmp(a));
        sort_descending(&mut entries);
        assert!(entries == expected);
        // The same as words: the keys that fit, with their places.
        let word = |(place, entry): (usize, &u128)| (entry >> 64) as u64 >> 20 << 20 | place as u64;
        let mut words: Vec<u64> = entries.iter().enumerate().map(word).collect();
        let mut expected = words.clone();
        expected.sort_by(|a, b| b.cmp(a));
        sort_words_descending(&mut words, 20);
        assert!(words == expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        /// Keys of any width, with few or many ties, in order of their lower halves or not.
        #[test]
        fn the_order_is_that_of_comparisons(
            bits in 0u32..=64, base in any::<u64>(), seed in any::<u64>(), length in 0usize..30_000,
            ascending in prop::bool::weighted(0.8),
        ) {
            let mut state = seed;
            let entries = (0..length).map(|number| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let key = if bits == 0 { base } else { base ^ ((state ^ state >> 29) >> (64 - bits)) };
                let lower = if ascending { number as u64 } else { state >> 40 };
                (u128::from(key) << 64) | u128::from(lower)
            });
            agrees(entries.collect());
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        agrees((0..20_000u128).map(|n| ((n % 2 * u128::from(u64::MAX)) << 64) | n).collect());
        agrees((0..20_000u128).map(|n| ((n % 4096) << 64) | n).collect());
        agrees((0..20_000u128).map(|n| (((20_000 - n) << 64) << 30) | n).collect());
    }
}
