//! The real outside of a coordinator: sockets on this machine, a clock that cannot be stopped, and
//! worker processes.
//!
//! All that comes in arrives through one bounded channel, from a thread that accepts connections, one
//! that reads each connection, and one that waits for each process. A full channel makes them wait, and
//! so whoever floods a connection. Writing is done by the thread of the coordinator.
#![allow(clippy::disallowed_methods)] // this is the real clock

mod connections;
mod processes;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::link::{ConnectionId, Incoming, Life, Link};
use super::system::{self, Signal};
use crate::ids::NodeId;
use crate::time::Time;
use connections::Listener;
use processes::Processes;

/// How much may wait to be taken in. With pieces of at most 16 KiB that is 32 MiB.
const MOST_WAITING: usize = 2048;

/// A wait ends after this long in any case, so that whoever waits can look at host time and at Ctrl-C.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// What a hub needs to know.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// The program that is started as `program worker ...`.
    pub program: PathBuf,
    /// Real seconds that a second of the scenario takes.
    pub time_scale: f64,
    /// What workers must know to be let in.
    pub secret: u128,
}

impl HubOptions {
    /// Workers of the program that runs, with a secret that nobody knows.
    ///
    /// # Errors
    /// When the file of the program that runs cannot be named.
    pub fn new(time_scale: f64) -> io::Result<Self> {
        Ok(HubOptions { program: std::env::current_exe()?, time_scale, secret: fresh_secret() })
    }
}

/// A number that nobody can guess: hashes under a key that the standard library takes from the
/// system's source of randomness, of which nothing else is shown.
fn fresh_secret() -> u128 {
    let keyed = RandomState::new();
    u128::from(keyed.hash_one(0)) << 64 | u128::from(keyed.hash_one(1))
}

/// What threads tell the hub.
enum Arrival {
    Opened(ConnectionId, Arc<TcpStream>),
    Other(Incoming),
}

/// The clock all threads of a hub read.
#[derive(Clone, Copy, Debug)]
struct HostClock(Instant);

impl HostClock {
    fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Real time, real connections, real processes. When it is dropped, its workers are killed and reaped.
///
/// [`wait`](Link::wait) ends after 100 ms of real time in any case, perhaps with nothing.
#[derive(Debug)]
pub struct Hub {
    time_scale: f64,
    clock: HostClock,
    /// Host time at which the run began.
    begun: Option<u64>,
    streams: BTreeMap<ConnectionId, Arc<TcpStream>>,
    // Dropped before the listener, whose threads may wait for room in the channel.
    receiver: Receiver<Arrival>,
    processes: Processes,
    listener: Listener,
}

impl Hub {
    /// Listens on a free port of this machine, for connections from this machine only.
    ///
    /// On Linux, worker processes are killed when the thread that started them ends, and waits are
    /// punctual in the thread that calls this and in that which calls `begin`.
    ///
    /// # Errors
    /// When the system gives no port or no thread.
    ///
    /// # Panics
    /// When the time scale is not a positive number.
    pub fn new(options: HubOptions) -> io::Result<Hub> {
        let HubOptions { program, time_scale, secret } = options;
        assert!(time_scale > 0.0 && time_scale.is_finite(), "a time scale of {time_scale}");
        system::wait_punctually();
        let clock = HostClock(Instant::now());
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let listener = Listener::new(clock, sender.clone())?;
        let processes = Processes::new(program, secret, listener.address(), sender);
        Ok(Hub { time_scale, clock, begun: None, streams: BTreeMap::new(), receiver, processes, listener })
    }

    /// Where workers connect to.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// How long to wait in real time until then; `None` when it has come.
    fn left(&mut self, until: Time) -> Option<Duration> {
        if self.now() >= until {
            return None;
        }
        let Some(begun) = self.begun else { return Some(LONGEST_WAIT) };
        let due = (until.0 as f64 * self.time_scale).ceil() as u64;
        let left = due.saturating_sub(self.clock.nanos() - begun);
        // At least something: by rounding, the instant may not quite have come.
        Some(Duration::from_nanos(left.max(1)))
    }

    fn take(&mut self, arrival: Arrival, incoming: &mut Vec<Incoming>) {
        match arrival {
            Arrival::Opened(connection, stream) => {
                self.streams.insert(connection, stream);
                incoming.push(Incoming::Opened(connection));
            }
            Arrival::Other(other) => {
                if let Incoming::Closed(connection) = other {
                    self.streams.remove(&connection);
                }
                incoming.push(other);
            }
        }
    }
}

impl Link for Hub {
    fn now(&mut self) -> Time {
        let Some(begun) = self.begun else { return Time::ZERO };
        Time(((self.clock.nanos() - begun) as f64 / self.time_scale) as u64)
    }

    fn begin(&mut self) {
        system::wait_punctually();
        self.begun = Some(self.clock.nanos());
    }

    fn host_nanos(&mut self) -> u64 {
        self.clock.nanos()
    }

    fn wait(&mut self, until: Time, incoming: &mut Vec<Incoming>) {
        let longest = self.clock.nanos() + LONGEST_WAIT.as_nanos() as u64;
        let first = loop {
            if let Ok(arrival) = self.receiver.try_recv() {
                break Some(arrival);
            }
            let until_longest = longest.saturating_sub(self.clock.nanos());
            let Some(left) = self.left(until).filter(|_| until_longest > 0) else { break None };
            match self.receiver.recv_timeout(left.min(Duration::from_nanos(until_longest))) {
                Ok(arrival) => break Some(arrival),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("the hub has a sender itself"),
            }
        };
        let Some(first) = first else { return };
        self.take(first, incoming);
        // All that has come in, but not what keeps coming in while this is done.
        for _ in 0..MOST_WAITING {
            let Ok(arrival) = self.receiver.try_recv() else { return };
            self.take(arrival, incoming);
        }
    }

    fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(stream) = self.streams.get(&connection) else { return };
        if (&**stream).write_all(bytes).is_err() {
            // Part of a frame may have been sent: nothing more can follow.
            self.close(connection);
        }
    }

    fn close(&mut self, connection: ConnectionId) {
        if let Some(stream) = self.streams.remove(&connection) {
            // Its reader sees the end and says so.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn start_worker(&mut self, node: NodeId, slots: u32, life: Life) -> io::Result<()> {
        self.processes.start(node, slots, life)
    }

    fn kill_worker(&mut self, node: NodeId) {
        self.processes.kill(node);
    }

    fn stop_worker(&mut self, node: NodeId) -> io::Result<()> {
        self.processes.signal(node, Signal::Stop)
    }

    fn continue_worker(&mut self, node: NodeId) -> io::Result<()> {
        self.processes.signal(node, Signal::Continue)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.processes.end_all();
        while let Ok(arrival) = self.receiver.try_recv() {
            self.take(arrival, &mut Vec::new());
        }
        for stream in self.streams.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
