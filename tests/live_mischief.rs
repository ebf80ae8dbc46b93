//! The live coordinator under workers that lie, stammer, fall silent and die at bad moments, with a
//! clock that jumps: every task still settles exactly once, and whatever is wrong is counted.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use falcon::ids::{AttemptNumber, NodeId, TaskId};
use falcon::live::link::Life;
use falcon::live::message::{FromWorker, ToCoordinator};
use falcon::live::{LiveError, LiveOptions, LiveOutput, run_live};
use falcon::random::{Purpose, Stream, Streams, below};
use falcon::scheduler::{Cluster, Composed, Dispatch, Event, Outcome, Place, Record, TaskSpec, TaskView};
use falcon::{policies, time};
use support::ledger;
use support::stand_in::{Mischief, StandIn, options, plan, try_live};

const SECOND: u64 = 1_000_000_000;

/// When a node joined (true) and was lost (false), in seconds.
fn course(output: &LiveOutput, of: u32) -> Vec<(bool, f64)> {
    let change = |(now, record): &(time::Time, Record)| match record {
        Record::NodeJoined { node } if node.0 == of => Some((true, now.as_seconds())),
        Record::NodeLost { node } if node.0 == of => Some((false, now.as_seconds())),
        _ => None,
    };
    output.history.iter().filter_map(change).collect()
}

/// What a liar does with a handful of frames.
const TRICKS: u32 = 12;

/// Now and then says something wrong.
struct Liar {
    stream: Stream,
    /// One handful of frames in so many is tampered with.
    one_in: u32,
    /// The longest that news take.
    slow: u32,
    /// By process: the number of its next frame, a frame that is held back, and an old fact.
    minds: BTreeMap<(NodeId, Life), Mind>,
    tricks: [u32; TRICKS as usize],
}

#[derive(Default)]
struct Mind {
    sequence: u64,
    held: Option<FromWorker>,
    old: Option<ToCoordinator>,
}

fn fact(event: Event) -> ToCoordinator {
    ToCoordinator::Fact { at: u64::MAX, due: u64::MAX, event }
}

fn absurd(node: NodeId) -> ToCoordinator {
    fact(Event::AttemptFinished {
        task: TaskId { slot: u32::MAX, number: u32::MAX },
        attempt: AttemptNumber(u32::MAX),
        node,
        outcome: Outcome::Failure,
        service: time::Duration(u64::MAX),
    })
}

impl Liar {
    fn new(seed: u64, one_in: u32, slow: u32) -> Liar {
        let stream = Streams::new(seed).key(Purpose::Failure).stream(77);
        Liar { stream, one_in, slow, minds: BTreeMap::new(), tricks: [0; TRICKS as usize] }
    }

    /// Changes what is said, before it is numbered.
    fn lie(&mut self, trick: u32, node: NodeId, life: Life, said: &mut Vec<ToCoordinator>) {
        let task = TaskId { slot: 0, number: 0 };
        let attempt = AttemptNumber(1);
        let other = NodeId(node.0 + 1);
        let old = self.minds[&(node, life)].old;
        match trick {
            0 => said.push(old.unwrap_or(ToCoordinator::Heartbeat)),
            1 => said.push(absurd(node)),
            2 => said.push(fact(Event::AttemptStarted { task, attempt, node: other })),
            3 => said.push(absurd(NodeId(u32::MAX))),
            4 => said.push(fact(Event::NodeLost { node: other })),
            5 => {
                let spec = TaskSpec { estimate: 0, priority: f64::NAN, slots: u32::MAX, class: u16::MAX };
                said.push(fact(Event::TaskSubmitted { task, spec }));
            }
            6 => said.push(ToCoordinator::Pong { sent: u64::MAX }),
            // Says it twice, or does not say it at all.
            7 => said.extend(said.last().copied()),
            8 => drop(said.pop()),
            9 => said.push(ToCoordinator::Hello { node, life, secret: 0, process: 0 }),
            _ => {}
        }
    }
}

impl Mischief for Liar {
    fn frames(&mut self, node: NodeId, life: Life, _: u64, said: Vec<FromWorker>) -> Vec<FromWorker> {
        let mind = self.minds.entry((node, life)).or_default();
        let hello = mind.sequence == 0;
        let sent = said[0].sent;
        let mut messages: Vec<_> = said.into_iter().map(|frame| frame.message).collect();
        let mut facts = messages.iter().filter(|said| matches!(said, ToCoordinator::Fact { .. }));
        let last_fact = facts.next_back().copied();
        let trick =
            (!hello && below(&mut self.stream, self.one_in) == 0).then(|| below(&mut self.stream, TRICKS));
        if let Some(trick) = trick {
            self.tricks[trick as usize] += 1;
            self.lie(trick, node, life, &mut messages);
        }
        let mind = self.minds.get_mut(&(node, life)).expect("made above");
        mind.old = last_fact.or(mind.old);
        let number = |message| {
            mind.sequence += 1;
            FromWorker { sequence: mind.sequence - 1, sent, message }
        };
        let mut frames: Vec<_> = messages.into_iter().map(number).collect();
        match trick {
            // A frame that comes twice, and one that comes after the next.
            Some(10) => frames.extend(frames.last().copied()),
            Some(11) if mind.held.is_none() => mind.held = frames.pop(),
            _ => frames.extend(mind.held.take()),
        }
        frames
    }

    fn heard(&mut self, _: NodeId, _: Life, now: u64) -> u64 {
        // Some news take far longer than a worker may be silent.
        match below(&mut self.stream, 300) {
            0 if self.slow > 0 => now + 3 * SECOND,
            _ => now + u64::from(below(&mut self.stream, self.slow + 1)),
        }
    }
}

fn impatient() -> LiveOptions<'static> {
    LiveOptions { silence: Some(Duration::from_millis(800)), ..options() }
}

#[test]
fn lies_are_refused_and_change_no_outcome() {
    let (mut tricks, mut contradictions) = ([0; TRICKS as usize], 0);
    for loss in ["restart", "resume"] {
        let plan = plan(&format!(
            r#"
            policies = ["fifo", "least-loaded", "easy-backfill"]
            retry.on_node_loss = "{loss}"
            nodes = [{{ count = 6, slots = 2 }}]
            workload = {{ tasks = 600, arrivals.poisson.rate = 6.0, duration.exponential.mean = 1.0 }}
            "#
        ));
        for (policy, seed) in [(0, 1), (1, 2), (2, 3)] {
            let mut liar = Liar::new(seed, 15, 0);
            let output = try_live(&plan, policy, seed, &mut liar, &options()).expect("it runs");
            let ledger = ledger::check(&output, 600);
            assert_eq!((ledger.completed, ledger.failed), (600, 0), "{ledger:?}");
            assert!(output.driver.frames_refused > 10.0 && ledger.refused > 0, "{ledger:?}");
            assert!(ledger.lost > 0 && output.incidents.iter().any(|said| said.contains("lost unasked")));
            contradictions += output
                .incidents
                .iter()
                .filter(|said| said.contains("contradicted") || said.contains("was not sent"))
                .count();
            tricks.iter_mut().zip(liar.tricks).for_each(|(all, one)| *all += one);
        }
    }
    assert!(tricks.iter().all(|&often| often > 3) && contradictions > 10, "{tricks:?}, {contradictions}");
}

#[test]
fn lies_silences_failures_and_late_news_together() {
    for (index, loss) in ["restart", "resume", "fail"].into_iter().enumerate() {
        for fails in ["always", "busy"] {
            let plan = plan(&format!(
                r#"
                policies = ["fifo", "power-of-two"]
                retry = {{ on_node_loss = "{loss}", backoff = {{ base = 0.1, jitter = 0.5 }}, redraw = true }}
                [[nodes]]
                count = 6
                slots = 2
                fails = "{fails}"
                up.exponential.mean = 20.0
                down.exponential.mean = 4.0
                [workload]
                tasks = 400
                arrivals.poisson.rate = 3.0
                duration.exponential.mean = 1.0
                failure_probability = 0.05
                "#
            ));
            for seed in 1..6 {
                let mut liar = Liar::new(seed, 40, 200_000_000);
                let output = try_live(&plan, index % 2, seed, &mut liar, &impatient()).expect("it runs");
                let ledger = ledger::check(&output, 400);
                assert!(ledger.lost > 10 && ledger.failed > 0, "{ledger:?}");
                assert!(output.incidents.iter().any(|said| said.contains("silent for too long")));
            }
        }
    }
}

/// News take a third of a second; nothing else is wrong.
struct Late;

impl Mischief for Late {
    fn heard(&mut self, _: NodeId, _: Life, now: u64) -> u64 {
        now + SECOND / 3
    }
}

/// News of starts come when their node is down already. A node that fails only while busy must not
/// take them for work: it would forget when it comes up again.
#[test]
fn late_starts_do_not_keep_a_node_down() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        [[nodes]]
        count = 2
        slots = 4
        fails = "busy"
        up.exponential.mean = 2.0
        down.exponential.mean = 1.0
        [workload]
        tasks = 300
        duration.exponential.mean = 0.2
        "#,
    );
    for seed in 1..4 {
        let output = try_live(&plan, 0, seed, &mut Late, &options()).expect("it runs");
        ledger::check(&output, 300);
        assert!(course(&output, 0).len() > 10);
    }
}

/// News come twice a second: the last words of a process together with the first of the next.
struct ByPost;

impl Mischief for ByPost {
    fn heard(&mut self, _: NodeId, _: Life, now: u64) -> u64 {
        now.next_multiple_of(SECOND / 2)
    }
}

/// What a process said is measured with its own clock, also when the next one is there already.
#[test]
fn clocks_of_dead_workers_are_not_mixed_up() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        [[nodes]]
        count = 4
        slots = 8
        up.exponential.mean = 3.0
        down.exponential.mean = 0.1
        [workload]
        tasks = 2000
        arrivals.poisson.rate = 50.0
        duration.exponential.mean = 0.3
        "#,
    );
    let mut unasked = Liar::new(1, 60, 0);
    for output in [
        try_live(&plan, 0, 1, &mut ByPost, &options()).expect("it runs"),
        try_live(&plan, 0, 1, &mut unasked, &options()).expect("it runs"),
    ] {
        let samples = &output.samples;
        let longest = samples.dispatch.iter().chain(&samples.completion).max().expect("some");
        assert!(*longest < 100 * SECOND, "{} s", longest / SECOND);
    }
}

/// Connecting takes each worker a while longer than the one before.
struct SlowStart;

impl Mischief for SlowStart {
    fn heard(&mut self, node: NodeId, _: Life, now: u64) -> u64 {
        if now == 0 { u64::from(node.0) * 2 * SECOND / 5 } else { now + SECOND / 20 }
    }
}

#[test]
fn nobody_is_suspected_for_a_slow_start() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ count = 8 }]
        workload = { tasks = 100, duration.constant = 1.0 }
        "#,
    );
    let patient = LiveOptions { start_limit: Duration::from_secs(60), ..impatient() };
    let output = try_live(&plan, 0, 1, &mut SlowStart, &patient).expect("it runs");
    assert!(output.incidents.is_empty(), "{:?}", output.incidents);
    assert_eq!(ledger::check(&output, 100).lost, 0);
}

/// Of the first process of node 0, nothing that is said from 5 s on is heard before 9 s.
struct Mute;

impl Mischief for Mute {
    fn heard(&mut self, node: NodeId, life: Life, now: u64) -> u64 {
        let mute = node.0 == 0 && life == 1 && now >= 5 * SECOND;
        if mute { now.max(9 * SECOND) } else { now }
    }
}

/// It is silent, believed lost, then killed; what it said before is heard last.
#[test]
fn a_dead_worker_does_not_join_again() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 7.0, down.constant = 10.0 }, { count = 1 }]
        workload = { tasks = 100, arrivals.poisson.rate = 2.0, duration.exponential.mean = 0.3 }
        "#,
    );
    let output = try_live(&plan, 0, 1, &mut Mute, &impatient()).expect("it runs");
    ledger::check(&output, 100);
    let course = course(&output, 0);
    let [(true, joined), (false, lost), (true, again), ..] = course[..] else { panic!("{course:?}") };
    assert!(joined == 0.0 && lost < 6.5 && again >= 17.0, "{course:?}");
}

/// The second process of node 0 never says a word.
struct Dumb;

impl Mischief for Dumb {
    fn is_dumb(&self, _: NodeId, life: Life) -> bool {
        life == 2
    }
}

#[test]
fn a_process_that_never_connects_is_replaced() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ up.constant = 5.0, down.constant = 1.0 }]
        workload = { tasks = 10, duration.constant = 1.0 }
        "#,
    );
    let output = try_live(&plan, 0, 1, &mut Dumb, &options()).expect("it runs");
    assert_eq!(ledger::check(&output, 10).completed, 10);
    let said = &output.incidents;
    assert!(said.len() == 1 && said[0].contains("node 0 ended before it connected"), "{said:?}");
}

/// The coordinator is stopped for five seconds.
#[derive(Default)]
struct Away(bool);

impl Mischief for Away {
    fn away(&mut self, now: u64) -> Option<u64> {
        (now > 10 * SECOND && !std::mem::replace(&mut self.0, true)).then_some(5 * SECOND)
    }
}

#[test]
fn nobody_is_suspected_while_the_coordinator_was_away() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ count = 4 }]
        workload = { tasks = 100, arrivals.poisson.rate = 3.0, duration.exponential.mean = 1.0 }
        "#,
    );
    let mut away = Away::default();
    let output = try_live(&plan, 0, 1, &mut away, &impatient()).expect("it runs");
    assert!(away.0);
    assert!(output.incidents.is_empty(), "{:?}", output.incidents);
    assert_eq!(ledger::check(&output, 100).lost, 0);
}

/// Finds no node good enough.
struct Picky;

impl Place for Picky {
    fn choose(&mut self, _: &TaskView<'_>, _: &Cluster) -> Option<NodeId> {
        None
    }
}

#[test]
fn a_run_in_which_nothing_can_happen_ends() {
    let plan = plan(
        r#"
        policies = ["fifo"]
        nodes = [{ count = 2 }]
        workload = { tasks = 10, arrivals.poisson.rate = 3.0, duration.constant = 1.0 }
        "#,
    );
    let build =
        || Composed::new(policies::order::Fifo, Picky, Dispatch::Pull, policies::backfill::AnyBackfill::None);
    let stuck = run_live(&plan.world(), 1, build, &options(), StandIn::new(&mut Late));
    let error = stuck.map(|_| ()).expect_err("nothing can happen");
    assert!(matches!(error, LiveError::Stuck { waiting: 10 }), "{error}");
}
