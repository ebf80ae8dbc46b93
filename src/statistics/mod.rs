//! What may be concluded from replications.

pub mod bootstrap;
pub mod comparisons;
pub mod confidence;
pub mod crossover;
pub mod equivalence;
pub mod independence;
pub mod paired;
pub mod precision;
pub mod ranking;
pub mod ratio;
pub mod selection;
pub mod unpaired;
pub mod warmup;

/// The quantile by nearest rank: the least of the ascending values that `share` of them do not
/// exceed. `None` without values.
pub fn nearest_rank<T: Copy>(ascending: &[T], share: f64) -> Option<T> {
    let rank = (share * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied()
}
