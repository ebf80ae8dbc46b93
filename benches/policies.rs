//! What a decision costs as the cluster grows: one task through the bare core for every place at 1,000
//! and 100,000 nodes, for every dispatch likewise, and for every order at 1,000 and 1,000,000 waiting
//! tasks.

mod support;

use falcon::policies::registry::{DISPATCHES, ORDERS, PLACES, preset};
use falcon::policies::{DispatchSpec, PlaceSpec, PolicySpec};
use support::core::{Core, nodes};

fn main() {
    let mut bench = support::Bench::new("policies", "task");
    let fifo = || preset("fifo").expect("a preset");
    let sizes = [(100_000, "100,000"), (1_000, "1,000")];
    for place in PLACES {
        let spec = PolicySpec { place: place.spec.clone(), dispatch: DispatchSpec::Push, ..fifo() };
        for (size, shown) in sizes {
            let mut core = Core::new(&spec, &nodes(size), size, 1);
            bench.time(&format!("place {}", place.name), &format!("{shown} nodes"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    let options = [
        ("least-loaded by work", PlaceSpec::LeastWork),
        (
            "consistent-hash bound 1.25",
            PlaceSpec::ConsistentHash { virtual_nodes: 100, load_bound: Some(1.25) },
        ),
    ];
    for (name, place) in options {
        let spec = PolicySpec { place, dispatch: DispatchSpec::Push, ..fifo() };
        for (size, shown) in sizes {
            let mut core = Core::new(&spec, &nodes(size), size, 1);
            bench.time(&format!("place {name}"), &format!("{shown} nodes"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    // A free node and 64 tasks that wait for it, at every step.
    let flow = preset("min-cost-flow").expect("a preset");
    let mut core = Core::new(&flow, &nodes(1_000), 1_100, 1);
    bench.time("min-cost-flow, 64 waiting", "1,000 nodes", 1, |bencher| {
        bencher.iter(|| core.step());
    });
    for dispatch in DISPATCHES {
        let spec = PolicySpec { place: PlaceSpec::Random, dispatch: dispatch.spec, ..fifo() };
        for (size, shown) in sizes {
            let mut core = Core::new(&spec, &nodes(size), size, 1);
            bench.time(&format!("dispatch {}", dispatch.name), &format!("{shown} nodes"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    for order in ORDERS {
        let spec = PolicySpec { order: order.spec.clone(), ..fifo() };
        // Where keys move with time all that wait are looked at again.
        let many = if spec.order.moves() { (10_000, "10,000") } else { (1_000_000, "1,000,000") };
        for (size, shown) in [many, (1_000, "1,000")] {
            let mut core = Core::new(&spec, &nodes(16), 16 + size, 1);
            bench.time(&format!("order {}", order.name), &format!("{shown} waiting"), 1, |bencher| {
                bencher.iter(|| core.step());
            });
        }
    }
    bench.finish();
}
