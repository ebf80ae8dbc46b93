//! In the steady state a run allocates nothing per event: twice the tasks take the same number of
//! allocations, but for the few with which a table or a histogram grows a last time.
#![allow(unsafe_code)] // an allocator cannot be written without

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use falcon::metrics::Metric;
use falcon::sim::{RunOptions, simulate};
use falcon::workload::Workload;
use support::judge::plan;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread asks for.
struct Counting;

fn count(bytes: usize) {
    // While a thread ends its counters may be gone already; nobody asks for them then.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting does not allocate,
// since the counters are plain numbers without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations, bytes and events of a run of so many tasks.
fn run(scenario: &str, tasks: u32) -> (u64, u64, u64) {
    let mut plan = plan(scenario);
    let Workload::Generated { tasks: count, .. } = &mut plan.workload else { panic!("generated") };
    *count = tasks;
    let world = plan.world();
    let before = (ALLOCATIONS.get(), BYTES.get());
    let policy = world.policy(&plan.policies[0], 1);
    let output = simulate(&world, 1, policy, &RunOptions::default()).expect("it runs");
    let after = (ALLOCATIONS.get(), BYTES.get());
    // Trees of tasks that spawn others are of one size here.
    let submitted = plan.workload.expected_tasks() as f64;
    assert_eq!(output.collected.metrics.get(Metric::Submitted), Some(submitted));
    (after.0 - before.0, after.1 - before.1, output.events)
}

/// By how many allocations and bytes a run may grow while its tasks double: a queue that is longer
/// than ever before, a histogram with a value larger than any before.
const MOST_ALLOCATIONS: u64 = 6;
const MOST_BYTES: u64 = 1_000_000;

#[track_caller]
fn allocates_nothing(policy: &str, nodes: &str, workload: &str) {
    allocates_at_most(MOST_ALLOCATIONS, policy, nodes, workload);
}

#[track_caller]
fn allocates_at_most(most: u64, policy: &str, nodes: &str, workload: &str) {
    for timeline in [0, 200] {
        let scenario = format!(
            "policies = [{policy}]\nrun.timeline_buckets = {timeline}\nnodes = [{nodes}]\n\
             workload = {{ tasks = 1, {workload} }}\n\
             retry.max_attempts = \"unlimited\""
        );
        let (once, bytes_once, events_once) = run(&scenario, 50_000);
        let (twice, bytes_twice, events_twice) = run(&scenario, 100_000);
        let (more, bytes) = (twice.saturating_sub(once), bytes_twice.saturating_sub(bytes_once));
        println!("{policy}: {once} allocations, {more} more ({bytes} bytes)");
        assert!(events_twice - events_once >= 100_000);
        assert!(more <= most, "{policy}: {more} allocations for 50,000 more tasks");
        assert!(bytes <= MOST_BYTES, "{policy}: {bytes} bytes for 50,000 more tasks");
    }
}

/// Tasks that submit others when they complete.
#[test]
fn trees_of_tasks() {
    for policy in ["fifo", "sjf", "power-of-two"] {
        allocates_nothing(
            &format!("\"{policy}\""),
            "{ count = 16 }",
            &format!("arrivals.poisson.rate = 1.8, {EXPONENTIAL}, spawn = {{ children = 2, depth = 2 }}"),
        );
    }
}

const EXPONENTIAL: &str = "duration.exponential.mean = 1.0";

#[test]
fn one_queue() {
    for policy in ["fifo", "sjf", "ljf", "lifo", "priority"] {
        allocates_nothing(
            &format!("\"{policy}\""),
            "{ count = 16 }",
            &format!(
                "arrivals.poisson.rate = 12.8, {EXPONENTIAL}, priority.uniform = {{ low = 0, high = 9 }}"
            ),
        );
    }
    allocates_nothing(
        "{ order = \"random\", place = \"random\" }",
        "{ count = 16 }",
        &format!("arrivals.poisson.rate = 12.8, {EXPONENTIAL}"),
    );
}

#[test]
fn a_queue_per_node() {
    for place in [
        "round-robin",
        "weighted-round-robin",
        "random",
        "weighted-random",
        "least-loaded",
        "weighted-least-loaded",
        "power-of-two",
    ] {
        allocates_nothing(
            &format!("\"{place}\""),
            "{ count = 50 }, { name = \"fast\", count = 50, speed = 2.0 }",
            &format!("arrivals.poisson.rate = 90.0, {EXPONENTIAL}"),
        );
    }
}

#[test]
fn failing_nodes_and_attempts() {
    for policy in [
        "\"power-of-two\"",
        "\"fifo\"",
        "{ order = \"sjf\", place = \"fastest\", dispatch = \"push\" }",
        "\"work-stealing\"",
        "{ order = \"sjf\", place = \"fastest\", dispatch.pull.batch = 4 }",
        "{ place = \"random\", dispatch.hybrid = { victim = \"random\", take = \"half\", delay = 0.1 } }",
    ] {
        allocates_nothing(
            policy,
            "{ count = 100, up.exponential.mean = 100.0, down.exponential.mean = 10.0 }",
            &format!("arrivals.poisson.rate = 70.0, {EXPONENTIAL}, failure_probability = 0.05"),
        );
    }
}

/// Few nodes: each has a queue that grows by itself, and may do so once more.
#[test]
fn places_at_several_nodes() {
    let most = MOST_ALLOCATIONS + 8;
    for policy in
        ["\"late-binding\"", "{ order = \"sjf\", place = \"power-of\", dispatch.late-binding.probes = 4 }"]
    {
        allocates_at_most(
            most,
            policy,
            "{ count = 8, up.exponential.mean = 100.0, down.exponential.mean = 10.0 }",
            &format!("arrivals.poisson.rate = 5.0, {EXPONENTIAL}, failure_probability = 0.05"),
        );
    }
}

#[test]
fn wide_tasks() {
    let mixed = format!(
        "arrivals.poisson.rate = 14.0, {EXPONENTIAL}, classes = [{{ name = \"narrow\", share = 0.7 }}, \
         {{ name = \"wide\", share = 0.3, demand.slots = 4 }}]"
    );
    let nodes = "{ count = 10, slots = 4 }";
    for policy in [
        "\"best-fit\"",
        "\"first-fit\"",
        "\"worst-fit\"",
        "\"easy-backfill\"",
        "\"conservative-backfill\"",
        "{ place = \"best-fit\", backfill = \"aggressive\" }",
        "{ place = \"best-fit\", backfill = \"easy\", backfill_order = \"sjf\", commit_head = true }",
        "{ order = \"sjf\", place = \"best-fit\", backfill = \"easy\" }",
        "{ place = \"best-fit\", dispatch = \"push\" }",
        "{ order = \"wfp3\", place = \"best-fit\", backfill = \"easy\", backfill_order.score = \"-wait / work\" }",
        "{ order = \"unicep\", place = \"best-fit\", dispatch = \"push\" }",
        "{ order.score = { expression = \"slots - wait\", every = 3 }, place = \"best-fit\", preempt = true }",
    ] {
        allocates_nothing(policy, nodes, &mixed);
    }
}

/// Memory is in proportion to the tasks that are unsettled at one time.
#[test]
fn a_long_run_takes_no_more_memory_than_a_short_one() {
    let scenario = "policies = [\"fifo\"]\nrun.timeline_buckets = 0\nnodes = [{ count = 16 }]\n\
        workload = { tasks = 1, arrivals.poisson.rate = 12.8, duration.exponential.mean = 1.0 }";
    let (_, bytes, _) = run(scenario, 400_000);
    assert!(bytes < 2_000_000, "{bytes} bytes in all for a queue of at most some hundred tasks");
}
