//! What a decision costs as the cluster grows: one task through the bare core for every place at 1,000
//! and 100,000 nodes, and for every order at as many waiting tasks.

mod support;

use falcon::policies::PolicySpec;
use falcon::policies::registry::{ORDERS, PLACES, preset};
use falcon::scheduler::Dispatch;
use support::core::{Core, nodes};

fn main() {
    let mut bench = support::Bench::new("policies", "task");
    let fifo = || preset("fifo").expect("a preset");
    let sizes = [(100_000, "100,000"), (1_000, "1,000")];
    for place in PLACES {
        let spec = PolicySpec { place: place.spec.clone(), dispatch: Dispatch::Push, ..fifo() };
        for (size, shown) in sizes {
            let mut core = Core::new(&spec, &nodes(size), size, 1);
            bench.time(&format!("place {}", place.name), &format!("{shown} nodes"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    for order in ORDERS {
        let spec = PolicySpec { order: order.spec.clone(), ..fifo() };
        for (size, shown) in sizes {
            let mut core = Core::new(&spec, &nodes(16), 16 + size, 1);
            bench.time(&format!("order {}", order.name), &format!("{shown} waiting"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    bench.finish();
}
