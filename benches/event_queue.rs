//! The event queue under the hold model: take the next event out, put one in a random time later. The
//! number of pending events stays the same. Beside it the heap of the standard library.

mod support;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use falcon::distribution::standard_exponential;
use falcon::random::{Purpose, Streams};
use falcon::sim::event_queue::{EventQueue, Kind};
use falcon::time::Time;

/// Gaps drawn beforehand, so that draws are not measured.
const GAPS: usize = 1 << 14;

fn main() {
    let mut bench = support::Bench::new("event_queue", "event");
    let mut stream = Streams::new(1).stream(Purpose::Work, 0);
    let gaps: Vec<u64> = (0..GAPS).map(|_| (standard_exponential(&mut stream) * 1e9) as u64).collect();
    for pending in [16usize, 1000, 100_000] {
        let group = format!("{pending} pending");
        bench.time(&group, "falcon", 1, |bencher| {
            let mut queue = EventQueue::new();
            for at in 0..pending {
                queue.push(Time(gaps[at % GAPS]), Kind::Finish, at as u32);
            }
            let mut at = 0;
            bencher.iter(|| {
                let now = queue.peek().time();
                let due = queue.pop().expect("pending");
                at = (at + 1) % GAPS;
                queue.push(Time(now.0 + gaps[at]), Kind::Finish, due.index);
                black_box(due.number)
            });
        });
        bench.time(&group, "std BinaryHeap", 1, |bencher| {
            let mut queue: BinaryHeap<Reverse<(u64, u64)>> =
                (0..pending).map(|at| Reverse((gaps[at % GAPS], at as u64))).collect();
            let mut at = 0;
            bencher.iter(|| {
                let Reverse((now, index)) = queue.pop().expect("pending");
                at = (at + 1) % GAPS;
                queue.push(Reverse((now + gaps[at], index)));
                black_box(index)
            });
        });
    }
    bench.finish();
}
