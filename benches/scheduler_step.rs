//! One task through the bare core, for every part of the registry: submitted, started, ended. No event
//! queue, no draws but those of the policy, no metrics. 16 nodes, so that indices cost next to nothing.

mod support;

use falcon::policies::registry::{BACKFILLS, ORDERS, PLACES, preset};
use falcon::policies::{DispatchSpec, PolicySpec};
use falcon::scheduler::NodeSpec;
use support::core::{Core, nodes};

const NODES: u32 = 16;

fn main() {
    let mut bench = support::Bench::new("scheduler_step", "task");
    let fifo = || preset("fifo").expect("a preset");
    for order in ORDERS.iter().rev() {
        let spec = PolicySpec { order: order.spec.clone(), ..fifo() };
        // A hundred tasks wait in the central queue.
        let mut core = Core::new(&spec, &nodes(NODES), NODES + 100, 1);
        bench.time("order, pull", order.name, 1, |bencher| bencher.iter(|| core.step()));
    }
    for place in PLACES.iter().rev() {
        let spec = PolicySpec { place: place.spec.clone(), dispatch: DispatchSpec::Push, ..fifo() };
        let mut core = Core::new(&spec, &nodes(NODES), NODES, 1);
        bench.time("place, push", place.name, 1, |bencher| bencher.iter(|| core.step()));
    }
    for backfill in BACKFILLS.iter().rev() {
        let spec = PolicySpec { backfill: backfill.spec, ..fifo() };
        let machine = [NodeSpec { slots: 240, speed: 1.0, weight: 1.0 }];
        let mut core = Core::new(&spec, &machine, 100, 64);
        bench.time("backfill, one node of 240 slots", backfill.name, 1, |bencher| {
            bencher.iter(|| core.step());
        });
    }
    bench.finish();
}
