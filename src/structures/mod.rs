//! Data structures that answer in O(log n) or better what a scheduler asks at every event.

pub mod bitmap;
pub mod calendar;
pub(crate) mod ensure;
pub mod expression;
pub mod fit_tree;
pub mod hash_ring;
pub mod heap;
pub mod key_heaps;
pub mod key_tree;
pub mod memory;
pub mod ordered_index;
pub mod profile;
pub mod quantile;
pub mod room_index;
pub mod room_tree;
pub mod run_sort;
pub mod sequence_heap;
pub mod small_queue;
pub mod sum_tree;
pub mod transport;
mod wide_calendar;
