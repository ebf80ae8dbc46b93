//! Accepting and reading connections, each in a thread of its own.
#![allow(clippy::disallowed_methods)] // when there are no more sockets, waiting is all that helps

use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SendError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{Arrival, HostClock};
use crate::live::link::{ConnectionId, Incoming};

/// How many connections are read at a time. Each takes a thread; beyond that, they are closed unread.
const MOST_READERS: usize = 4096;

/// How many bytes are read at once.
const PIECE: usize = 16 << 10;

/// What a thread needs that does as good as nothing.
pub(super) const SMALL_STACK: usize = 128 << 10;

/// A worker that cannot take what is said to it for this long (its buffers hold megabytes) is given up:
/// the whole run waits meanwhile.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread that accepts connections.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn new(clock: HostClock, sender: SyncSender<Arrival>) -> io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let acceptor = Acceptor {
            clock,
            sender,
            stop: Arc::clone(&stop),
            readers: Arc::new(AtomicUsize::new(0)),
            opened: 0,
        };
        let thread = thread::Builder::new()
            .name("accept".to_string())
            .stack_size(SMALL_STACK)
            .spawn(move || acceptor.accept(&listener))?;
        Ok(Listener { address, stop, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Nothing else wakes a thread that waits for connections.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

struct Acceptor {
    clock: HostClock,
    sender: SyncSender<Arrival>,
    stop: Arc<AtomicBool>,
    readers: Arc<AtomicUsize>,
    opened: u64,
}

impl Acceptor {
    fn accept(mut self, listener: &TcpListener) {
        loop {
            let accepted = listener.accept();
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            match accepted {
                Ok((stream, _)) => {
                    if self.open(stream).is_err() {
                        return;
                    }
                }
                // A connection that broke at once, or no sockets left: some may be closed meanwhile.
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// # Errors
    /// When the hub is gone.
    fn open(&mut self, stream: TcpStream) -> Result<(), SendError<Arrival>> {
        let prepared = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(WRITE_TIMEOUT)));
        if prepared.is_err() || self.readers.load(Ordering::SeqCst) >= MOST_READERS {
            return Ok(());
        }
        self.opened += 1;
        let connection = ConnectionId(self.opened);
        let stream = Arc::new(stream);
        self.sender.send(Arrival::Opened(connection, Arc::clone(&stream)))?;
        self.readers.fetch_add(1, Ordering::SeqCst);
        let (clock, sender, readers) = (self.clock, self.sender.clone(), Arc::clone(&self.readers));
        let reading = Arc::clone(&stream);
        let spawned =
            thread::Builder::new().name("read".to_string()).stack_size(SMALL_STACK).spawn(move || {
                // When the hub is gone, nobody needs to know.
                let _ = read(connection, &reading, clock, &sender);
                // The hub may still hold the stream; the other side must see its end now.
                let _ = reading.shutdown(Shutdown::Both);
                readers.fetch_sub(1, Ordering::SeqCst);
                let _ = sender.send(Arrival::Other(Incoming::Closed(connection)));
            });
        if spawned.is_err() {
            self.readers.fetch_sub(1, Ordering::SeqCst);
            let _ = stream.shutdown(Shutdown::Both);
            self.sender.send(Arrival::Other(Incoming::Closed(connection)))?;
        }
        Ok(())
    }
}

/// Passes on what comes until the connection ends.
fn read(
    connection: ConnectionId,
    mut stream: &TcpStream,
    clock: HostClock,
    sender: &SyncSender<Arrival>,
) -> Result<(), SendError<Arrival>> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = match stream.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(()),
        };
        let read_at = clock.nanos();
        let bytes = piece[..length].to_vec();
        sender.send(Arrival::Other(Incoming::Bytes { connection, bytes, read_at }))?;
    }
}
