//! What a decision costs as the cluster grows: one task through the bare core for every place at 1,000
//! and 100,000 nodes, for every dispatch likewise, and for every order at 1,000 and 1,000,000 waiting
//! tasks.

mod support;

use falcon::policies::registry::{DISPATCHES, ORDERS, PLACES, preset};
use falcon::policies::{DispatchSpec, PlaceSpec, PolicySpec};
use support::core::{Core, nodes};

/// One step of a core, which is made when it is first needed: not for cases that are left out.
fn time(bench: &mut support::Bench, group: &str, name: &str, core: impl Fn() -> Core) {
    let mut made = None;
    bench.time(group, name, 1, |bencher| {
        let core = made.get_or_insert_with(&core);
        bencher.iter(|| core.step());
    });
}

fn main() {
    let mut bench = support::Bench::new("policies", "task");
    let fifo = || preset("fifo").expect("a preset");
    let sizes = [(100_000, "100,000"), (1_000, "1,000")];
    for place in PLACES {
        let spec = PolicySpec { place: place.spec.clone(), dispatch: DispatchSpec::Push, ..fifo() };
        for (size, shown) in sizes {
            time(&mut bench, &format!("place {}", place.name), &format!("{shown} nodes"), || {
                Core::new(&spec, &nodes(size), size, 1)
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
            time(&mut bench, &format!("place {name}"), &format!("{shown} nodes"), || {
                Core::new(&spec, &nodes(size), size, 1)
            });
        }
    }
    // A free node and 64 tasks that wait for it, at every step.
    let flow = preset("min-cost-flow").expect("a preset");
    time(&mut bench, "min-cost-flow, 64 waiting", "1,000 nodes", || {
        Core::new(&flow, &nodes(1_000), 1_100, 1)
    });
    for dispatch in DISPATCHES {
        let spec = PolicySpec { place: PlaceSpec::Random, dispatch: dispatch.spec, ..fifo() };
        for (size, shown) in sizes {
            time(&mut bench, &format!("dispatch {}", dispatch.name), &format!("{shown} nodes"), || {
                Core::new(&spec, &nodes(size), size, 1)
            });
        }
    }
    for order in ORDERS {
        let spec = PolicySpec { order: order.spec.clone(), ..fifo() };
        // Where keys move with time all that wait are looked at again.
        let many = if spec.order.moves() { (10_000, "10,000") } else { (1_000_000, "1,000,000") };
        for (size, shown) in [many, (1_000, "1,000")] {
            time(&mut bench, &format!("order {}", order.name), &format!("{shown} waiting"), || {
                Core::new(&spec, &nodes(16), 16 + size, 1)
            });
        }
    }
    bench.finish();
}
