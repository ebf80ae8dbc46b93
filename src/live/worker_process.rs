//! The process around a [`WorkerState`]: a connection, a clock, and threads that burn processor time.
//!
//! One thread reads the connection. The main thread waits for what it read, for the next end of an
//! attempt and for the next heartbeat, and writes. Attempts that spin have a thread each.
//!
//! A worker lives no longer than its coordinator: it ends when the connection does, and on Linux the
//! kernel kills it when the thread that started it ends.
#![allow(clippy::disallowed_methods)] // a worker works in real time

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::frame::{FrameDecoder, FrameError};
use super::link::Life;
use super::message::ToWorker;
use super::system;
use super::worker::{AttemptKey, Misled, Todo, WorkerState};
use crate::ids::NodeId;

/// The environment variable that holds the secret of the run, as a hexadecimal number. Other users of
/// the machine can read a command line, but not this.
pub const SECRET_VARIABLE: &str = "FALCON_WORKER_SECRET";

/// Real nanoseconds from one heartbeat to the next.
pub const HEARTBEAT_NANOS: u64 = 250_000_000;

/// How many messages may wait for the main thread. The reader must be able to go on while the main
/// thread writes, or two full connections could wait for each other.
const MOST_WAITING: usize = 1 << 16;

/// How many messages are taken in before answers are sent.
const MOST_AT_ONCE: usize = 64;

/// How many messages are looked through for one that says that the process was stopped.
const MOST_CAUGHT_UP: usize = 1024;

/// A wait that ends so many nanoseconds too late may have been a stop of the process.
const LATE: u64 = 1_000_000;
/// How long the reader is given to pass on what has come meanwhile: when nothing more can be seen on the
/// connection, and when something can.
const GRACE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(10));

/// Who a worker is and where its coordinator listens.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Where the coordinator listens.
    pub connect: SocketAddr,
    /// Its node.
    pub node: NodeId,
    /// How many attempts it runs at most.
    pub slots: u32,
    /// Which process of the node it is.
    pub life: Life,
    /// The secret of the run.
    pub secret: u128,
    /// The process number of the coordinator that started it.
    pub coordinator: Option<u32>,
}

/// Why a worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Nobody listens.
    #[error("there is no coordinator at {address}: {reason}")]
    Unreachable {
        /// Where it should be.
        address: SocketAddr,
        /// What the system says. (Not a source: the message says it.)
        reason: io::Error,
    },
    /// The coordinator is gone, or has closed the connection.
    #[error("the coordinator is gone")]
    Gone,
    /// The connection broke.
    #[error("the connection to the coordinator broke: {0}")]
    Broken(io::Error),
    /// What came is not a message.
    #[error("the coordinator sent {0}")]
    Frame(#[from] FrameError),
    /// What came makes no sense.
    #[error(transparent)]
    Misled(#[from] Misled),
    /// The system has no thread left.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// What the main thread is told.
enum Note {
    Message(ToWorker),
    Spun(AttemptKey),
    End(WorkerError),
}

/// Works until the coordinator says that there is nothing more to do.
///
/// Meant to be the whole of a process: it ignores Ctrl-C, and threads may still run when it returns.
///
/// # Errors
/// When the connection cannot be made, ends, or brings something that makes no sense.
pub fn run(options: &WorkerOptions) -> Result<(), WorkerError> {
    system::ignore_interrupts();
    system::wait_punctually();
    if !system::end_with_parent(options.coordinator) {
        return Err(WorkerError::Gone);
    }
    let address = options.connect;
    let stream = TcpStream::connect(address)
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|reason| WorkerError::Unreachable { address, reason })?;
    let (sender, receiver) = sync_channel(MOST_WAITING);
    let stream = Arc::new(stream);
    let (reader, notes) = (Arc::clone(&stream), sender.clone());
    thread::Builder::new()
        .name("reader".to_string())
        .spawn(move || {
            let end = read(&reader, &notes);
            if let Err(error) = end {
                let _ = notes.send(Note::End(error));
            }
        })
        .map_err(WorkerError::Thread)?;
    let mut worker = Worker {
        state: WorkerState::new(options.node, options.slots),
        begun: Instant::now(),
        stream,
        sender,
        spinning: BTreeMap::new(),
        slowness: Arc::new(AtomicU64::new(1f64.to_bits())),
        out: Vec::new(),
        todo: Vec::new(),
    };
    let now = worker.clock();
    worker.state.hello(options.life, options.secret, std::process::id(), now, &mut worker.out);
    worker.work(&receiver)
}

/// Reads messages until one says that no more will come.
fn read(mut stream: &TcpStream, notes: &SyncSender<Note>) -> Result<(), WorkerError> {
    let (mut decoder, mut bytes) = (FrameDecoder::new(), vec![0; 16 << 10]);
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return Err(WorkerError::Gone),
            Ok(length) => decoder.push(&bytes[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(WorkerError::Broken(error)),
        }
        while let Some(message) = decoder.next_message() {
            let message: ToWorker = message?;
            if notes.send(Note::Message(message)).is_err() || message == ToWorker::Shutdown {
                return Ok(());
            }
        }
    }
}

struct Worker {
    state: WorkerState,
    begun: Instant,
    stream: Arc<TcpStream>,
    sender: SyncSender<Note>,
    /// Set to stop the thread of an attempt.
    spinning: BTreeMap<AttemptKey, Arc<AtomicBool>>,
    /// Bits of the number that says how slow the node is.
    slowness: Arc<AtomicU64>,
    out: Vec<u8>,
    todo: Vec<Todo>,
}

impl Worker {
    fn clock(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn work(&mut self, receiver: &Receiver<Note>) -> Result<(), WorkerError> {
        let (mut next_heartbeat, mut notes) = (HEARTBEAT_NANOS, Vec::new());
        loop {
            let now = self.clock();
            self.state.advance(now, &mut self.out);
            if now >= next_heartbeat {
                self.state.heartbeat(now, &mut self.out);
                next_heartbeat = now + HEARTBEAT_NANOS;
            }
            self.flush()?;
            let until = self.state.next_due().unwrap_or(u64::MAX).min(next_heartbeat);
            let left = Duration::from_nanos(until.saturating_sub(self.clock()));
            match receiver.recv_timeout(left) {
                Ok(note) => notes.push(note),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(WorkerError::Gone),
            }
            notes.extend(receiver.try_iter().take(MOST_AT_ONCE));
            if self.clock() > until.saturating_add(LATE) {
                self.catch_up(receiver, &mut notes);
            }
            for note in notes.drain(..) {
                if self.take(note)? {
                    return Ok(());
                }
            }
        }
    }

    /// The process was away for a while. If it was stopped as planned, it must hear so before anything that
    /// is overdue ends; if not, that ends now, whatever was said meanwhile.
    fn catch_up(&mut self, receiver: &Receiver<Note>, notes: &mut Vec<Note>) {
        let pauses = |note: &Note| matches!(note, Note::Message(ToWorker::Pace { paused: 1.., .. }));
        while !notes.iter().any(pauses) && notes.len() < MOST_CAUGHT_UP {
            let comes = system::has_unread(&self.stream);
            let Ok(note) = receiver.recv_timeout(if comes { GRACE.1 } else { GRACE.0 }) else { break };
            notes.push(note);
        }
        if !notes.iter().any(pauses) {
            let now = self.clock();
            self.state.advance(now, &mut self.out);
        }
    }

    /// Whether that was all.
    fn take(&mut self, note: Note) -> Result<bool, WorkerError> {
        let now = self.clock();
        match note {
            Note::Message(message) => {
                self.state.take_in(&message, now, &mut self.out, &mut self.todo)?;
            }
            Note::Spun(attempt) => {
                self.spinning.remove(&attempt);
                self.state.spun(attempt, now, &mut self.out);
            }
            Note::End(error) => return Err(error),
        }
        for index in 0..self.todo.len() {
            match self.todo[index] {
                Todo::Spin { attempt, nanos } => self.spin(attempt, nanos)?,
                Todo::StopSpin { attempt } => {
                    if let Some(stop) = self.spinning.remove(&attempt) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Todo::Pace { slowness } => self.slowness.store(slowness.to_bits(), Ordering::Relaxed),
                Todo::Shutdown => return Ok(true),
            }
        }
        self.todo.clear();
        Ok(false)
    }

    fn spin(&mut self, attempt: AttemptKey, nanos: u64) -> Result<(), WorkerError> {
        let stop = Arc::new(AtomicBool::new(false));
        self.spinning.insert(attempt, Arc::clone(&stop));
        let (notes, slowness) = (self.sender.clone(), Arc::clone(&self.slowness));
        let burn = move || {
            if burn(nanos, &slowness, &stop) {
                let _ = notes.send(Note::Spun(attempt));
            }
        };
        thread::Builder::new().name("attempt".to_string()).spawn(burn).map_err(WorkerError::Thread)?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WorkerError> {
        (&*self.stream).write_all(&self.out).map_err(WorkerError::Broken)?;
        self.out.clear();
        Ok(())
    }
}

/// Burns so much processor time, or so many times as much while the node is slow. False when it was stopped
/// before.
fn burn(nanos: u64, slowness: &AtomicU64, stop: &AtomicBool) -> bool {
    let begun = Instant::now();
    let used = || match system::thread_nanos() {
        Some(nanos) => nanos,
        None => u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
    };
    let (mut left, mut before) = (nanos as f64, used());
    while left > 0.0 {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        // Mostly work, and a look at the clock every microsecond or so.
        for step in 0..1000_u32 {
            std::hint::black_box(step);
        }
        let now = used();
        left -= (now - before) as f64 / f64::from_bits(slowness.load(Ordering::Relaxed));
        before = now;
    }
    true
}
