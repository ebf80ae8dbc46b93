//! Random: every waiting task is equally likely to go next, at every choice.
//!
//! Source: service in random order; Kingman 1962. Cost: O(log n). Drawing from a queue that keeps
//! an order takes a trick: a task's key is its queue's clock plus an exponential draw, and the
//! clock stands at the key that was taken last. What is left of an exponential that has not ended is
//! exponential again, so all who wait, old and new, are equally likely to be next.
//! A bad idea when you can do anything else; useful as a baseline that looks at nothing.

use crate::distribution::standard_exponential;
use crate::random::Stream;
use crate::scheduler::{Entry, Order, TaskView};
use crate::time::Time;

/// Key units per mean of an exponential draw: fine enough to make ties rare, small enough for
/// 2^32 draws from one queue.
const SCALE: f64 = 4_294_967_296.0;

/// Service in random order.
#[derive(Clone, Debug)]
pub struct RandomOrder {
    stream: Stream,
    /// By queue: the key that was taken last.
    clocks: Vec<u64>,
}

impl RandomOrder {
    /// Draws come from this stream.
    pub fn new(stream: Stream) -> Self {
        RandomOrder { stream, clocks: Vec::new() }
    }
}

impl Order for RandomOrder {
    #[inline]
    fn key(&mut self, _: &TaskView<'_>, queue: u32, _: Entry, _: Time) -> u64 {
        let draw = (standard_exponential(&mut self.stream) * SCALE) as u64;
        self.clocks.get(queue as usize).copied().unwrap_or(0).saturating_add(draw)
    }

    #[inline]
    fn taken(&mut self, key: u64, queue: u32) {
        let queue = queue as usize;
        if queue >= self.clocks.len() {
            self.clocks.resize(queue + 1, 0);
        }
        self.clocks[queue] = key;
    }
}
