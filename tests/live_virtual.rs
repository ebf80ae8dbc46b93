//! The live coordinator with a clock that jumps and workers in the same process: with zero delays
//! it must decide exactly what the simulator decides, to the last entry. Workers are replaced at
//! the boundary of frames: every message goes through the wire's encoding.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use falcon::experiment::plan::Plan;
use falcon::ids::NodeId;
use falcon::live::frame::FrameDecoder;
use falcon::live::link::{ConnectionId, Incoming, Life, Link};
use falcon::live::message::{ToWorker, Work};
use falcon::live::worker::WorkerState;
use falcon::live::{LiveOptions, LiveOutput, run_live};
use falcon::policies;
use falcon::random::Streams;
use falcon::scheduler::{Command, Record};
use falcon::sim::{self, RunOptions, RunOutput};
use falcon::time::Time;

const SECRET: u128 = 7;

/// Workers in this process, and a clock that jumps to whatever comes next.
#[derive(Default)]
struct StandIn {
    now: u64,
    connections: u64,
    workers: BTreeMap<ConnectionId, (NodeId, WorkerState, FrameDecoder)>,
    /// Ends to come: (time, order of start, where).
    ends: BTreeSet<(u64, u64, ConnectionId)>,
    started: u64,
    pending: Vec<Incoming>,
}

impl StandIn {
    fn say(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        // Cut in two somewhere: the wire promises no more.
        let (first, second) = bytes.split_at(bytes.len() / 3);
        for part in [first, second] {
            let bytes = part.to_vec();
            self.pending.push(Incoming::Bytes { connection, bytes, read_at: self.now });
        }
    }
}

impl Link for StandIn {
    fn now(&mut self) -> Time {
        Time(self.now)
    }

    fn begin(&mut self) {
        assert_eq!(self.now, 0, "nothing took time");
    }

    fn host_nanos(&mut self) -> u64 {
        self.now
    }

    fn wait(&mut self, until: Time, incoming: &mut Vec<Incoming>) {
        if self.pending.is_empty() {
            let next = self.ends.first().map_or(u64::MAX, |end| end.0);
            self.now = self.now.max(until.0.min(next));
            while let Some(&end @ (due, _, connection)) = self.ends.first()
                && due <= self.now
            {
                self.ends.remove(&end);
                let mut said = Vec::new();
                if let Some((_, worker, _)) = self.workers.get_mut(&connection) {
                    worker.advance(self.now, &mut said);
                }
                self.say(connection, said);
            }
        }
        incoming.append(&mut self.pending);
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some((_, worker, decoder)) = self.workers.get_mut(&connection) else { return };
        let (mut said, mut todo) = (Vec::new(), Vec::new());
        decoder.push(bytes);
        while let Some(message) = decoder.next_message::<ToWorker>() {
            let message = message.expect("the coordinator speaks the protocol");
            if let ToWorker::Command { command: Command::StartAttempt { .. }, job: Some(job) } = &message {
                self.ends.insert((self.now + job.nanos, self.started, connection));
                self.started += 1;
            }
            worker.take_in(&message, self.now, &mut said, &mut todo).expect("a sensible message");
        }
        self.say(connection, said);
    }

    fn close(&mut self, connection: ConnectionId) {
        panic!("{connection:?} did nothing wrong");
    }

    fn start_worker(&mut self, node: NodeId, slots: u32, life: Life) -> io::Result<()> {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        let mut worker = WorkerState::new(node, slots);
        let mut hello = Vec::new();
        worker.hello(life, SECRET, 0, self.now, &mut hello);
        self.workers.insert(connection, (node, worker, FrameDecoder::new()));
        self.pending.push(Incoming::Opened(connection));
        self.say(connection, hello);
        Ok(())
    }

    fn kill_worker(&mut self, node: NodeId) {
        let killed =
            self.workers.iter().find(|(_, (at, _, _))| *at == node).map(|(&connection, _)| connection);
        if let Some(connection) = killed {
            self.workers.remove(&connection);
            self.ends.retain(|end| end.2 != connection);
            self.pending.push(Incoming::Closed(connection));
        }
    }
}

fn plan(scenario: &str) -> Plan {
    Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}\n{scenario}", mistakes.render(false)))
}

fn live(plan: &Plan, policy: usize, seed: u64) -> LiveOutput {
    let world = plan.world();
    let build =
        || policies::build(&plan.policies[policy], &world.nodes, world.max_demand(), Streams::new(seed));
    let options = LiveOptions {
        time_scale: 1.0,
        work: Work::Timer,
        secret: SECRET,
        silence: None,
        start_limit: Duration::from_secs(1),
        tasks: true,
        stop: None,
        check_invariants: true,
        progress: None,
    };
    run_live(&world, seed, build, &options, StandIn::default()).expect("it runs")
}

fn simulated(plan: &Plan, policy: usize, seed: u64) -> RunOutput {
    let world = plan.world();
    let policy =
        policies::build(&plan.policies[policy], &world.nodes, world.max_demand(), Streams::new(seed));
    let options = RunOptions { tasks: true, history: true, ..RunOptions::default() };
    sim::simulate(&world, seed, policy, &options).expect("it runs")
}

/// Everything that both drivers write down. That a node has failed the live driver writes down
/// apart, a moment before the scheduler hears of it; here the moment is no time at all.
fn shared(history: &[(Time, Record)]) -> Vec<(Time, Record)> {
    let failed = |record: &Record| matches!(record, Record::NodeFailed { .. });
    history.iter().filter(|(_, record)| !failed(record)).copied().collect()
}

#[track_caller]
fn same_decisions(scenario: &str) {
    let plan = plan(scenario);
    for (policy, spec) in plan.policies.iter().enumerate() {
        for seed in 1..4 {
            let (live, simulated) = (live(&plan, policy, seed), simulated(&plan, policy, seed));
            let (ours, theirs) = (shared(&live.history), shared(&simulated.history));
            for (at, (live, simulated)) in ours.iter().zip(&theirs).enumerate() {
                assert_eq!(live, simulated, "record {at} of `{}`, seed {seed}", spec.name);
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
        }
    }
}

const ALL: &str = r#"policies = ["fifo", "sjf", "ljf", "lifo", "priority", "round-robin",
    "weighted-round-robin", "random", "weighted-random", "least-loaded", "weighted-least-loaded",
    "power-of-two", "first-fit", "best-fit", "worst-fit", "easy-backfill"]"#;

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
        let policy = policies::build(&plan.policies[0], &world.nodes, world.max_demand(), Streams::new(1));
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
