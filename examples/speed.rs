//! w
use falcon::distribution::Distribution;
use falcon::faults::*;
use falcon::policies::{self, registry::preset, spec::*};
use falcon::random::Streams;
use falcon::scheduler::*;
use falcon::sim::*;
use falcon::workload::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let n: u32 = a[2].parse::<f64>().unwrap() as u32;
    let nodes: usize = a.get(3).map_or(1000, |x| x.parse::<f64>().unwrap() as usize);
    let seed = a.get(4).map_or(1, |x| x.parse().unwrap());
    let node = NodeSpec { slots: 1, speed: 1.0, weight: 1.0 };
    let class = TaskClass {
        name: String::new(),
        share: 1.0,
        duration: Distribution::exponential(1.0),
        priority: Distribution::constant(0.0),
        slots: 1,
        failure_probability: 0.0,
        estimate: EstimateSpec::Exact,
    };
    let mut world = World {
        nodes: vec![node; 16],
        faults: vec![],
        fault_of: vec![None; 16],
        workload: Workload::Generated {
            tasks: n,
            arrivals: Arrivals::Poisson { rate: 12.8 },
            classes: vec![class.clone()],
        },
        retry: RetryPlan::default(),
        dispatch_delay: None,
        last_arrival: None,
        warmup: 0,
        timeline_buckets: 0,
    };
    let mut policy = preset("fifo").unwrap();
    match a[1].as_str() {
        "w1" => {}
        "w2" => {
            world.nodes = vec![node; nodes];
            world.faults = vec![NodeFaults {
                up: Distribution::exponential(1000.0),
                down: Distribution::exponential(10.0),
                fails: FailsWhen::Always,
            }];
            world.fault_of = vec![Some(0); nodes];
            let class = TaskClass { failure_probability: 0.01, ..class };
            world.workload = Workload::Generated {
                tasks: n,
                arrivals: Arrivals::Poisson { rate: 0.9 * nodes as f64 },
                classes: vec![class],
            };
            world.retry.max_attempts = None;
            world.retry.redraw = true;
            policy = PolicySpec {
                place: PlaceSpec::PowerOf { d: 2, with_replacement: true },
                ..preset("power-of-two").unwrap()
            };
        }
        "w3" => {
            world.nodes = vec![node; 64];
            world.fault_of = vec![None; 64];
            world.workload =
                Workload::Generated { tasks: n, arrivals: Arrivals::AtOnce, classes: vec![class] };
            policy = preset("sjf").unwrap();
        }
        _ => {
            policy = preset(a[1].as_str()).unwrap();
            world.nodes = vec![node; nodes];
            world.fault_of = vec![None; nodes];
            world.workload = Workload::Generated {
                tasks: n,
                arrivals: Arrivals::Poisson { rate: 0.8 * nodes as f64 },
                classes: vec![class],
            };
        }
    }
    let t = std::time::Instant::now();
    let p = policies::build(&policy, &world.nodes, world.max_demand(), Streams::new(seed));
    let out = simulate(&world, seed, p, &RunOptions::default()).unwrap();
    let s = t.elapsed().as_secs_f64();
    let m = &out.collected.metrics;
    let g = |x| m.get(x).unwrap_or(f64::NAN);
    use falcon::metrics::Metric::*;
    println!(
        "{} tasks={n} ns_per_task={:.1} events={} mean_wait={:.5} mean_response={:.5} makespan={:.3} util={:.4} avail={:.5}",
        a[1],
        s * 1e9 / n as f64,
        out.events,
        g(MeanWait),
        g(MeanResponse),
        g(Makespan),
        g(Utilisation),
        g(NodeAvailability)
    );
}
