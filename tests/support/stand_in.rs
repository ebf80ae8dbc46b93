//! Workers in this process, and a clock that jumps to whatever comes next: all of a live run but its
//! outside. Workers are replaced at the boundary of frames: every message goes through the wire's
//! encoding, and a [`Mischief`] may change what is said on the way.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use falcon::experiment::plan::Plan;
use falcon::ids::NodeId;
use falcon::live::frame::{FrameDecoder, encode};
use falcon::live::link::{ConnectionId, Incoming, Life, Link};
use falcon::live::message::{FromWorker, ToWorker, Work};
use falcon::live::worker::{Todo, WorkerState};
use falcon::live::worker_process::HEARTBEAT_NANOS;
use falcon::live::{LiveError, LiveOptions, LiveOutput, run_live};
use falcon::time::Time;

pub(crate) const SECRET: u128 = 7;

/// No run of a test takes so many waits, unless it never ends.
const MOST_WAITS: u64 = 3_000_000;

/// What goes wrong between workers and their coordinator.
pub(crate) trait Mischief {
    /// What arrives of the frames that a worker says together.
    fn frames(&mut self, _node: NodeId, _life: Life, _now: u64, said: Vec<FromWorker>) -> Vec<FromWorker> {
        said
    }

    /// When something that the worker says, or its end, is heard of.
    fn heard(&mut self, _node: NodeId, _life: Life, now: u64) -> u64 {
        now
    }

    /// How long the coordinator is away from now on: nothing is heard or said meanwhile.
    fn away(&mut self, _now: u64) -> Option<u64> {
        None
    }

    /// Whether the process never says a word.
    fn is_dumb(&self, _node: NodeId, _life: Life) -> bool {
        false
    }

    /// Whether workers say that they are alive, and may be closed.
    fn is_rough(&self) -> bool {
        true
    }
}

/// Nothing goes wrong.
pub(crate) struct Honest;

impl Mischief for Honest {
    fn is_rough(&self) -> bool {
        false
    }
}

struct Worker {
    node: NodeId,
    life: Life,
    state: WorkerState,
    decoder: FrameDecoder,
    /// When its hello is heard.
    connected: u64,
    /// Its process is stopped: what comes waits here.
    stopped: bool,
    unread: Vec<u8>,
}

impl Worker {
    /// The host's clock when it has something to do next.
    fn next_due(&self) -> Option<u64> {
        let due = self.state.next_due().filter(|_| !self.stopped);
        due.map(|due| due - offset(self.life))
    }
}

/// The worker's clock: that of each process is off by another 1000 s.
fn offset(life: Life) -> u64 {
    life * 1_000_000_000_000
}

/// The outside of a coordinator in a test.
pub(crate) struct StandIn<'a, M> {
    mischief: &'a mut M,
    /// The host's clock, and what it was when the run began.
    now: u64,
    begun: Option<u64>,
    waits: u64,
    connections: u64,
    workers: BTreeMap<ConnectionId, Worker>,
    next_heartbeat: u64,
    /// What is under way, by when it is heard and order.
    under_way: BTreeMap<(u64, u64), Incoming>,
    posted: u64,
    /// By connection: when the last of what was said there is heard.
    latest: BTreeMap<ConnectionId, u64>,
}

impl<'a, M: Mischief> StandIn<'a, M> {
    pub(crate) fn new(mischief: &'a mut M) -> Self {
        let next_heartbeat = if mischief.is_rough() { HEARTBEAT_NANOS } else { u64::MAX };
        StandIn {
            mischief,
            now: 0,
            begun: None,
            waits: 0,
            connections: 0,
            workers: BTreeMap::new(),
            next_heartbeat,
            under_way: BTreeMap::new(),
            posted: 0,
            latest: BTreeMap::new(),
        }
    }

    fn post(&mut self, connection: ConnectionId, at: u64, mut incoming: Incoming) {
        let latest = self.latest.entry(connection).or_default();
        // Nothing on a connection overtakes.
        *latest = at.max(self.now).max(*latest);
        if let Incoming::Bytes { read_at, .. } = &mut incoming {
            *read_at = *latest;
        }
        self.under_way.insert((*latest, self.posted), incoming);
        self.posted += 1;
    }

    fn say(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(worker) = self.workers.get(&connection) else { return };
        let (node, life) = (worker.node, worker.life);
        let mut decoder = FrameDecoder::new();
        decoder.push(bytes);
        let mut said = Vec::new();
        while let Some(frame) = decoder.next_message() {
            said.push(frame.expect("workers speak the protocol"));
        }
        if said.is_empty() {
            return;
        }
        let mut bytes = Vec::new();
        self.mischief.frames(node, life, self.now, said).iter().for_each(|frame| encode(frame, &mut bytes));
        let at = self.mischief.heard(node, life, self.now);
        // Cut in two somewhere: the wire promises no more.
        let (first, second) = bytes.split_at(bytes.len() / 3);
        for part in [first, second] {
            self.post(connection, at, Incoming::Bytes { connection, bytes: part.to_vec(), read_at: 0 });
        }
    }

    fn clock(&self, life: Life) -> u64 {
        self.now + offset(life)
    }

    /// When a worker has something to do next, and which.
    fn next_due(&self) -> Option<(u64, ConnectionId)> {
        let due = |(&connection, worker): (&ConnectionId, &Worker)| Some((worker.next_due()?, connection));
        self.workers.iter().filter_map(due).min()
    }

    /// The worker reads what has come.
    fn read(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let now = self.now;
        let Some(worker) = self.workers.get_mut(&connection) else { return };
        if worker.stopped {
            return worker.unread.extend_from_slice(bytes);
        }
        let (mut said, mut todo) = (Vec::new(), Vec::new());
        worker.decoder.push(bytes);
        while let Some(message) = worker.decoder.next_message::<ToWorker>() {
            let message = message.expect("the coordinator speaks the protocol");
            let clock = now + offset(worker.life);
            worker.state.take_in(&message, clock, &mut said, &mut todo).expect("a sensible message");
        }
        // What takes no time at all is done at once: in the order in which it was asked for.
        let clock = now + offset(worker.life);
        if worker.state.next_due().is_some_and(|due| due <= clock) {
            worker.state.advance(clock, &mut said);
        }
        self.say(connection, &said);
        if todo.contains(&Todo::Shutdown) {
            self.end(connection, now);
        }
    }

    /// The process of the node that is there.
    fn process(&mut self, node: NodeId) -> Option<(ConnectionId, &mut Worker)> {
        let of_node = self.workers.iter_mut().filter(|(_, worker)| worker.node == node);
        of_node.map(|(connection, worker)| (*connection, worker)).next_back()
    }

    /// The worker is gone; that is heard of after all that it said.
    fn end(&mut self, connection: ConnectionId, at: u64) {
        if self.workers.remove(&connection).is_some() {
            self.post(connection, at, Incoming::Closed(connection));
        }
    }

    fn work(&mut self) {
        while let Some((due, connection)) = self.next_due()
            && due <= self.now
        {
            let mut said = Vec::new();
            let clock = self.clock(self.workers[&connection].life);
            self.workers.get_mut(&connection).expect("found").state.advance(clock, &mut said);
            self.say(connection, &said);
        }
        if self.now >= self.next_heartbeat {
            self.next_heartbeat = self.now + HEARTBEAT_NANOS;
            let there = |worker: &Worker| worker.connected <= self.now && !worker.stopped;
            let there = self.workers.iter().filter(|(_, worker)| there(worker));
            for connection in there.map(|(connection, _)| *connection).collect::<Vec<_>>() {
                let (mut said, clock) = (Vec::new(), self.clock(self.workers[&connection].life));
                self.workers.get_mut(&connection).expect("listed").state.heartbeat(clock, &mut said);
                self.say(connection, &said);
            }
        }
    }
}

impl<M: Mischief> Link for StandIn<'_, M> {
    fn now(&mut self) -> Time {
        Time(self.begun.map_or(0, |begun| self.now - begun))
    }

    fn begin(&mut self) {
        assert!(self.now == 0 || self.mischief.is_rough(), "nothing took time");
        self.begun = Some(self.now);
    }

    fn host_nanos(&mut self) -> u64 {
        self.now
    }

    fn wait(&mut self, until: Time, incoming: &mut Vec<Incoming>) {
        self.waits += 1;
        assert!(self.waits < MOST_WAITS, "the run does not end");
        if let Some(away) = self.mischief.away(self.now) {
            self.now += away;
            return;
        }
        let until = match self.begun {
            Some(begun) => begun.saturating_add(until.0),
            None => self.now + 100_000_000,
        };
        if self.under_way.first_key_value().is_none_or(|(&(at, _), _)| at > self.now) {
            let heard = self.under_way.first_key_value().map_or(u64::MAX, |(&(at, _), _)| at);
            let ends = self.next_due().map_or(u64::MAX, |(due, _)| due);
            let next = until.min(ends).min(heard).min(self.next_heartbeat);
            self.now = self.now.max(next);
            self.work();
        }
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= self.now
        {
            incoming.push(entry.remove());
        }
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.read(connection, bytes);
    }

    fn close(&mut self, connection: ConnectionId) {
        assert!(self.mischief.is_rough(), "{connection:?} did nothing wrong");
        self.end(connection, self.now);
    }

    fn start_worker(&mut self, node: NodeId, slots: u32, life: Life) -> io::Result<()> {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        let mut state = WorkerState::new(node, slots);
        let mut hello = Vec::new();
        state.hello(life, SECRET, 0, self.clock(life), &mut hello);
        self.workers.insert(
            connection,
            Worker {
                node,
                life,
                state,
                decoder: FrameDecoder::new(),
                connected: u64::MAX,
                stopped: false,
                unread: Vec::new(),
            },
        );
        if !self.mischief.is_dumb(node, life) {
            self.post(connection, self.now, Incoming::Opened(connection));
            self.say(connection, &hello);
            let worker = self.workers.get_mut(&connection).expect("just made");
            worker.connected = self.latest[&connection];
        }
        Ok(())
    }

    fn kill_worker(&mut self, node: NodeId) {
        let of_node = self.workers.iter().filter(|(_, worker)| worker.node == node);
        let killed: Vec<_> = of_node.map(|(&connection, worker)| (connection, worker.life)).collect();
        for (connection, life) in killed {
            let at = self.mischief.heard(node, life, self.now);
            self.end(connection, at);
            if self.mischief.is_rough() {
                let status = "ended as it was told to".to_string();
                self.post(connection, at, Incoming::Exited { node, life, status });
            }
        }
    }

    fn stop_worker(&mut self, node: NodeId) -> io::Result<()> {
        let (_, worker) = self.process(node).expect("a process is there");
        assert!(!worker.stopped, "{node:?} is stopped twice");
        worker.stopped = true;
        Ok(())
    }

    fn continue_worker(&mut self, node: NodeId) -> io::Result<()> {
        let (connection, worker) = self.process(node).expect("a process is there");
        assert!(worker.stopped, "{node:?} goes on twice");
        worker.stopped = false;
        let unread = std::mem::take(&mut worker.unread);
        self.read(connection, &unread);
        Ok(())
    }
}

pub(crate) fn plan(scenario: &str) -> Plan {
    Plan::from_toml(scenario).unwrap_or_else(|mistakes| panic!("{}\n{scenario}", mistakes.render(false)))
}

pub(crate) fn options() -> LiveOptions<'static> {
    LiveOptions {
        time_scale: 1.0,
        work: Work::Timer,
        secret: SECRET,
        silence: None,
        start_limit: Duration::from_secs(1),
        tasks: true,
        history: true,
        stop: None,
        check_invariants: true,
        progress: None,
    }
}

pub(crate) fn try_live<M: Mischief>(
    plan: &Plan,
    policy: usize,
    seed: u64,
    mischief: &mut M,
    options: &LiveOptions<'_>,
) -> Result<LiveOutput, LiveError> {
    let world = plan.world();
    let build = || world.policy(&plan.policies[policy], seed);
    run_live(&world, seed, build, options, StandIn::new(mischief))
}
