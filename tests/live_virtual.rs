//! The live coordinator with a clock that jumps and workers in the same process: with zero delays
//! it must decide exactly what the simulator decides, to the last entry. Workers are replaced at
//! the boundary of frames: every message goes through the wire's encoding.

mod support;

use falcon::experiment::plan::Plan;
use falcon::live::LiveOutput;
use falcon::scheduler::Record;
use falcon::sim::{self, RunOptions, RunOutput};
use falcon::time::Time;
use support::stand_in::{Honest, options, plan, try_live};

fn live(plan: &Plan, policy: usize, seed: u64) -> LiveOutput {
    try_live(plan, policy, seed, &mut Honest, &options()).expect("it runs")
}

fn simulated(plan: &Plan, policy: usize, seed: u64) -> RunOutput {
    let world = plan.world();
    let policy = world.policy(&plan.policies[policy], seed);
    let options = RunOptions { tasks: true, history: true, ..RunOptions::default() };
    sim::simulate(&world, seed, policy, &options).expect("it runs")
}

/// Everything that both drivers write down. That a node has failed the live driver writes down
/// apart, a moment before the scheduler hears of it; here the moment is no time at all.
fn shared(history: &[(Time, Record)]) -> Vec<(Time, Record)> {
    let failed = |record: &Record| matches!(record, Record::NodeFailed { .. });
    history.iter().filter(|(_, record)| !failed(record)).copied().collect()
}

/// Records with their times.
type History = Vec<(Time, Record)>;

#[track_caller]
fn same_decisions(scenario: &str) {
    same(scenario, shared);
}

/// The same where both drivers write down when nodes fail. Gives all records of all runs.
#[track_caller]
fn same_records(scenario: &str) -> Vec<(Time, Record)> {
    same(scenario, <[_]>::to_vec)
}

#[track_caller]
fn same(scenario: &str, shared: fn(&[(Time, Record)]) -> History) -> History {
    let plan = plan(scenario);
    let mut all = Vec::new();
    for (policy, spec) in plan.policies.iter().enumerate() {
        for seed in 1..4 {
            let (live, simulated) = (live(&plan, policy, seed), simulated(&plan, policy, seed));
            let (ours, theirs) = (shared(&live.history), shared(&simulated.history));
            for (at, (live, simulated)) in ours.iter().zip(&theirs).enumerate() {
                let before = &theirs[at.saturating_sub(20)..at];
                assert_eq!(live, simulated, "record {at} of `{}`, seed {seed}, after {before:#?}", spec.name);
            }
            assert_eq!(ours.len(), theirs.len());
            for (live, simulated) in live.tasks.iter().zip(&simulated.tasks) {
                assert_eq!(live, simulated, "`{}`, seed {seed}", spec.name);
            }
            assert_eq!(live.collected.metrics, simulated.collected.metrics);
            assert_eq!(live.collected.nodes, simulated.collected.nodes);
            assert!(live.incidents.is_empty(), "{:?}", live.incidents);
            let starts =
                theirs.iter().filter(|(_, record)| matches!(record, Record::Dispatched { .. })).count();
            assert!(starts >= 400, "{starts} decisions are few");
            all.extend(theirs);
        }
    }
    all
}

const ALL: &str = r#"policies = ["fifo", "sjf", "ljf", "lifo", "priority", "round-robin",
    "weighted-round-robin", "random", "weighted-random", "least-loaded", "weighted-least-loaded",
    "power-of-two", "first-fit", "best-fit", "worst-fit", "easy-backfill", "srtf", "edf", "failure-first",
    { order.time-slice.quantum = 0.3 }, { name = "slices", order.time-slice.quantum = 0.5, dispatch = "push" },
    { order.mlfq = { levels = 3, quantum = 0.2, factor = 2, boost = 5, switch_cost = 0.01 } },
    { order.least-attained-service.quantum = 0.4, place = "random", dispatch = "push" },
    { name = "urgent", order.priority = { aging = 0.1, preempt = true, switch_cost = 0.05 } },
    { name = "newest", order = "lifo", preempt = true, place = "round-robin", dispatch = "push" },
    "work-stealing", { name = "slow-thieves", order = "sjf", place = "random",
    dispatch.hybrid = { victim = "random", take = "half", delay = 0.3 } }, "late-binding",
    { name = "moved-slices", order.time-slice.quantum = 0.3, dispatch = "hybrid" }]"#;

#[test]
fn a_cluster_without_failures() {
    same_decisions(&format!(
        r#"
        {ALL}
        [[nodes]]
        count = 3
        [[nodes]]
        slots = 2
        speed = 1.5
        [workload]
        tasks = 500
        arrivals.poisson.rate = 4.0
        duration.exponential.mean = 1.0
        priority.uniform = {{ low = 0.0, high = 9.0 }}
        "#
    ));
}

#[test]
fn failing_attempts_and_failing_nodes() {
    for (loss, fails) in [("restart", "always"), ("resume", "busy"), ("fail", "always"), ("restart", "busy")]
    {
        same_decisions(&format!(
            r#"
            {ALL}
            retry = {{ on_node_loss = "{loss}", backoff = {{ base = 0.1, jitter = 0.5 }}, redraw = true }}
            [[nodes]]
            count = 6
            slots = 2
            speed = 0.8
            fails = "{fails}"
            up.exponential.mean = 20.0
            down.exponential.mean = 4.0
            [workload]
            tasks = 400
            arrivals.poisson.rate = 4.0
            duration.exponential.mean = 1.0
            failure_probability = 0.1
            "#
        ));
    }
}

/// Attempts that are stopped, that fail early or always, on good nodes and bad; retries that are denied.
#[test]
fn time_limits_budgets_and_early_failures() {
    same_decisions(&format!(
        r#"
        {ALL}
        retry = {{ timeout = 1.5, total_timeout = 20, max_attempts = 6, budget.share = 0.3, backoff.base = 0.1 }}
        [[nodes]]
        count = 4
        slots = 2
        failure_probability = 0.1
        up.exponential.mean = 20.0
        down.exponential.mean = 4.0
        [workload]
        tasks = 400
        arrivals.poisson.rate = 4.0
        duration.exponential.mean = 1.0
        failure_probability = 0.1
        failure_point = "uniform"
        poison = 0.05
        "#
    ));
}

/// A copy is one more attempt to a worker, and one that is outrun is stopped like any other.
#[test]
fn copies_of_attempts_that_are_late() {
    for (speculation, rest) in [
        ("late = 0.7, copies = 2, share = 0.8", "timeout = 2.5, backoff.base = 0.1"),
        ("quantile = 0.8, observations = 20", "redraw = true, on_node_loss = \"fail\", total_timeout = 15"),
    ] {
        same_decisions(&format!(
            r#"
            policies = ["fifo", "sjf", "priority", "fair-share", "round-robin", "random", "least-loaded",
                "power-of-two", "first-fit", "easy-backfill", "conservative-backfill", "work-stealing",
                {{ name = "slow-thieves", order = "sjf", place = "random",
                   dispatch.hybrid = {{ victim = "random", take = "half", delay = 0.3 }} }}]
            retry = {{ max_attempts = 4, {rest}, speculation = {{ {speculation} }} }}
            [[nodes]]
            count = 3
            slots = 2
            up.exponential.mean = 20.0
            down.exponential.mean = 4.0
            [[nodes]]
            count = 3
            speed = 0.7
            failure_probability = 0.1
            [workload]
            tasks = 400
            arrivals.poisson.rate = 4.0
            duration.exponential.mean = 1.0
            estimate = "class-mean"
            failure_probability = 0.1
            failure_point = "uniform"
            "#
        ));
    }
}

#[test]
fn checkpoints() {
    same_decisions(
        r#"
        policies = ["fifo", "sjf", "round-robin", "least-loaded", "work-stealing", "easy-backfill"]
        retry = { checkpoint = { interval = 0.5, cost = 0.05, restore = 0.1 }, timeout = 8.0, redraw = true }
        [[nodes]]
        count = 6
        slots = 2
        speed = 0.8
        up.exponential.mean = 5.0
        down.exponential.mean = 1.0
        [workload]
        tasks = 400
        arrivals.poisson.rate = 3.0
        duration.exponential.mean = 2.0
        demand.slots = 2
        failure_probability = 0.1
        failure_point = "uniform"
        "#,
    );
}

#[test]
fn a_batch_of_parallel_tasks() {
    same_decisions(&format!(
        r#"
        {ALL}
        [[nodes]]
        count = 4
        slots = 8
        [workload]
        tasks = 600
        arrivals.batch = {{ size = 20, poisson.rate = 0.2 }}
        duration.exponential.mean = 2.0
        demand.slots = 3
        estimate.noise.lognormal.sigma = 0.5
        "#
    ));
}

/// Named resources are accounted by the core alone: workers know of slots only.
#[test]
fn named_resources_and_shares() {
    same_decisions(
        r#"
        policies = ["fifo", "sjf", "round-robin", "weighted-round-robin", "random", "weighted-random",
            "least-loaded", "power-of-two", "first-fit", "best-fit", "worst-fit", "fair-share",
            { order = "dominant-resource-fairness", place = "dot-product" },
            { order.fair-share.over = "user", place = "best-fit" },
            { place = "dot-product", dispatch = "push" }]
        [[nodes]]
        count = 3
        slots = 4
        capacity = { cpu = 4, memory = 16 }
        up.exponential.mean = 30.0
        down.exponential.mean = 4.0
        [[nodes]]
        count = 2
        slots = 4
        speed = 1.5
        capacity = { cpu = 8, memory = 4.5 }
        [workload]
        tasks = 400
        arrivals.poisson.rate = 5.0
        duration.exponential.mean = 1.0
        failure_probability = 0.1
        user.uniform = { low = 0.0, high = 2.4 }
        [[workload.classes]]
        name = "busy"
        share = 0.5
        demand = { cpu = 3, memory = 0.5 }
        [[workload.classes]]
        name = "large"
        share = 0.5
        weight = 2.0
        demand = { cpu = 0.5, memory = 4, slots = 2 }
        "#,
    );
}

/// Jobs of tasks that wait for each other, of which some fail and take others with them.
#[test]
fn jobs_of_dependent_tasks() {
    for jobs in [
        "layered = { layers = 4, width.uniform = { low = 1, high = 5 }, density = 0.4 }",
        "fork-join = { width = 5, stages = 2 }",
    ] {
        same_decisions(&format!(
            r#"
            policies = ["fifo", "round-robin", {{ order = "critical-path", place = "fastest" }}, "least-loaded"]
            run.until = 200
            [[nodes]]
            count = 4
            up.exponential.mean = 20.0
            down.exponential.mean = 4.0
            [workload]
            tasks = 700
            arrivals.poisson.rate = 0.3
            duration.exponential.mean = 1.0
            failure_probability = 0.2
            jobs.{jobs}
            "#
        ));
    }
}

#[test]
fn one_task_at_a_time() {
    same_decisions(
        r#"
        policies = ["serial", { order = "srtf", dispatch = "serial" }]
        [[nodes]]
        count = 3
        up.exponential.mean = 20.0
        down.exponential.mean = 4.0
        [workload]
        tasks = 500
        arrivals.poisson.rate = 0.7
        duration.exponential.mean = 1.0
        failure_probability = 0.1
        "#,
    );
}

/// Tasks that submit others when they complete: the same trees, under the same numbers.
#[test]
fn tasks_that_spawn_others() {
    for (spawn, until) in
        [("{ children = 0.8 }", "200"), ("{ children.exponential.mean = 1.2, depth = 3 }", "120")]
    {
        same_decisions(&format!(
            r#"
            {ALL}
            run.until = {until}
            retry = {{ max_attempts = 2, redraw = true }}
            [[nodes]]
            count = 4
            slots = 2
            up.exponential.mean = 20.0
            down.exponential.mean = 4.0
            [workload]
            tasks = 300
            arrivals.poisson.rate = 1.5
            duration.exponential.mean = 1.0
            failure_probability = 0.1
            spawn = {spawn}
            "#
        ));
    }
}

/// Nodes that join and leave as planned, and those that an autoscaler asks for: processes that are started
/// and stopped.
#[test]
fn nodes_that_come_and_go() {
    for rule in [
        "interval = 3.0, let_go = \"newest\", by.queue-length = { up = 1.0, down = 0.8 }",
        "interval = 0, cooldown = 1.0, by.utilisation = { up = 0.8, down = 0.5 }",
    ] {
        same_decisions(&format!(
            r#"
            {ALL}
            faults.outages = [{{ node = "late-0", start = 8.0, end = 14.0 }}]
            scheduler.autoscale = {{ group = "more", initial = 1, boot_delay.exponential.mean = 2.0, {rule} }}
            nodes = [{{ name = "base", count = 2, slots = 2 }},
                     {{ name = "late", join = 10.0, leave = 60.0, speed = 1.5, price = 2.0 }},
                     {{ name = "early", leave = 30.0, slots = 2, up.exponential.mean = 15.0, down = 3.0 }},
                     {{ name = "more", count = 3, up.exponential.mean = 20.0, down.exponential.mean = 4.0 }}]
            [workload]
            tasks = 400
            arrivals.poisson.rate = 4.5
            duration.exponential.mean = 1.0
            size.uniform = {{ low = 1.0, high = 9.0 }}
            "#
        ));
    }
}

/// Outages and pauses as planned, of nodes that also fail by chance and have few repairers. Nobody tells the
/// scheduler of pauses.
#[test]
fn outages_and_pauses() {
    for loss in ["restart", "resume"] {
        same_decisions(&format!(
            r#"
            {ALL}
            retry = {{ on_node_loss = "{loss}", timeout = 6.0 }}
            [[nodes]]
            count = 6
            slots = 2
            up.exponential.mean = 30.0
            down.exponential.mean = 4.0
            pause = {{ every.exponential.mean = 20.0, lasts.exponential.mean = 3.0 }}
            [workload]
            tasks = 400
            arrivals.poisson.rate = 4.0
            duration.exponential.mean = 1.0
            failure_probability = 0.1
            [faults]
            repair_crew = 1
            outages = [{{ node = "node-1", start = 20.5, end = 31.25 }}, {{ share = 0.5, start = 50, end = 60 }}]
            pauses = [{{ node = "node-2", start = 10.5, end = 15.21 }}, {{ share = 0.3, start = 40, end = 45.07 }}]
            "#
        ));
    }
}

/// Nodes that are slow now and then, fail while they are slow, and keep what was done, or not.
#[test]
fn slow_nodes() {
    for (loss, fails) in [("restart", "always"), ("resume", "busy")] {
        same_decisions(&format!(
            r#"
            {ALL}
            retry = {{ on_node_loss = "{loss}", timeout = 9.0, redraw = true }}
            [[nodes]]
            count = 6
            slots = 2
            speed = 0.9
            fails = "{fails}"
            up.exponential.mean = 30.0
            down.exponential.mean = 4.0
            slow = {{ every.exponential.mean = 10.0, lasts.exponential.mean = 5.0, factor = 3.3 }}
            pause = {{ every.exponential.mean = 30.0, lasts.exponential.mean = 2.0 }}
            [workload]
            tasks = 400
            arrivals.poisson.rate = 4.0
            duration.exponential.mean = 1.0
            failure_probability = 0.1
            [faults]
            slow = [{{ node = "node-2", start = 10.5, end = 35.25, factor = 0.7 }},
                    {{ share = 0.5, start = 30, end = 60, factor = 1.9 }}]
            "#
        ));
    }
}

/// A scheduler that is told nothing of its nodes, and hears heartbeats; nodes that fail, pause, are slow and
/// are cut off. No two are equally fast: an attempt that was given up, and the one that resumes its work, would
/// end at the same instant, of which real time knows no order.
#[test]
fn a_monitor_finds_out() {
    let node = |number: u32, fails: &str| {
        format!(
            r#"
            [[nodes]]
            name = "node-{number}"
            slots = 2
            speed = 0.9{number}
            fails = "{fails}"
            up.exponential.mean = 30.0
            down.exponential.mean = 6.0
            slow = {{ every.exponential.mean = 10.0, lasts.exponential.mean = 5.0, factor = 3.3 }}
            pause = {{ every.exponential.mean = 20.0, lasts.exponential.mean = 3.0 }}
            partition = {{ every.exponential.mean = 20.0, lasts.exponential.mean = 3.0 }}
            "#
        )
    };
    for detector in [
        "timeout = { suspect_after = 1.7, dead_after = 2.6 }",
        "phi-accrual = { threshold = 3.0, suspicion = 1.5 }",
    ] {
        for (loss, fails) in [("restart", "always"), ("resume", "busy")] {
            let nodes: String = (0..6).map(|number| node(number, fails)).collect();
            let both = same_records(&format!(
                r#"
                {ALL}
                retry.on_node_loss = "{loss}"
                {nodes}
                [workload]
                tasks = 400
                arrivals.poisson.rate = 4.0
                duration.exponential.mean = 1.0
                failure_probability = 0.1
                [faults]
                repair_crew = 1
                outages = [{{ node = "node-1-0", start = 20.5, end = 21.25 }}, {{ share = 0.5, start = 50, end = 60 }}]
                [scheduler.monitor]
                heartbeat.uniform = {{ low = 0.4, high = 0.6 }}
                detector.{detector}
                "#
            ));
            // All that can happen did.
            let seen = |what: fn(&Record) -> bool| both.iter().filter(|(_, record)| what(record)).count();
            assert!(seen(|record| matches!(record, Record::NodeFailed { .. })) > 100);
            assert!(seen(|record| matches!(record, Record::Suspected { .. })) > 100);
            assert!(seen(|record| matches!(record, Record::DeclaredDead { .. })) > 100);
            assert!(seen(|record| matches!(record, Record::RanInVain { .. })) > 10);
            assert!(seen(|record| matches!(record, Record::Refused { .. })) > 10);
        }
    }
}

/// The log says all that the scheduler saw: changed in one place, the replay notices.
#[test]
fn a_replay_notices_a_change() {
    use falcon::live::journal::replay;
    use falcon::live::scheduler_config;
    use falcon::scheduler::Scheduler;

    let plan = plan(
        r#"
        policies = ["sjf"]
        nodes = [{ count = 2 }]
        workload = { tasks = 200, arrivals.poisson.rate = 1.9, duration.exponential.mean = 1.0 }
        "#,
    );
    let output = live(&plan, 0, 1);
    let world = plan.world();
    let scheduler = || {
        let policy = world.policy(&plan.policies[0], 1);
        Scheduler::new(policy, &world.nodes, scheduler_config(&world, 1))
    };
    assert_eq!(replay(scheduler(), &output.journal), Ok(()));
    let step = output.journal.iter().rposition(|step| !step.commands.is_empty()).expect("a decision");
    let mut changed = output.journal.clone();
    changed[step].commands.pop();
    let mismatch = replay(scheduler(), &changed).expect_err("a command is missing");
    assert_eq!(mismatch.step, step);
    // A submission that never happened shows at the first decision about its task.
    let mut changed = output.journal;
    changed[20].events.clear();
    assert!(replay(scheduler(), &changed).is_err());
}
