//! What the coordinator needs of the outside: a clock, bytes to and from workers, and processes.
//!
//! Everything below this boundary is real in a live run and can be replaced in a test. What crosses
//! it are bytes as they are on the wire, so that whatever stands in for workers speaks the same
//! protocol.

use std::io;

use crate::ids::NodeId;
use crate::time::Time;

/// Names a connection; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Which process of a node: 1 for the first, one more for each later one.
pub type Life = u64;

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Somebody connected.
    Opened(ConnectionId),
    /// Some bytes, cut anywhere.
    Bytes {
        /// From where.
        connection: ConnectionId,
        /// The bytes.
        bytes: Vec<u8>,
        /// When they were read, on the clock of [`Link::host_nanos`].
        read_at: u64,
    },
    /// The connection is closed, by either side. Nothing follows.
    Closed(ConnectionId),
    /// The process of a node ended.
    Exited {
        /// The node.
        node: NodeId,
        /// Which of its processes.
        life: Life,
        /// How it ended, in words.
        status: String,
    },
}

/// The outside of the coordinator.
pub trait Link {
    /// Time of the scenario since the run began.
    fn now(&mut self) -> Time;

    /// The clock of the run starts here, at 0. Until then `now` is 0.
    fn begin(&mut self);

    /// Real nanoseconds on a clock that only grows, to measure with.
    fn host_nanos(&mut self) -> u64;

    /// Waits until `until` has come or something has come in, and adds all that has to `incoming`.
    ///
    /// It may return sooner with nothing, so that host time and Ctrl-C can be looked at: whoever waits
    /// looks at [`now`](Self::now). Before the run has begun, only time 0 has come.
    fn wait(&mut self, until: Time, incoming: &mut Vec<Incoming>);

    /// Sends bytes. A connection that cannot take them is closed, which shows as
    /// [`Incoming::Closed`].
    fn send(&mut self, connection: ConnectionId, bytes: &[u8]);

    /// Closes a connection.
    fn close(&mut self, connection: ConnectionId);

    /// Starts a process for the node.
    ///
    /// # Errors
    /// When the process cannot be started.
    fn start_worker(&mut self, node: NodeId, slots: u32, life: Life) -> io::Result<()>;

    /// Kills the node's process, without warning.
    fn kill_worker(&mut self, node: NodeId);

    /// Stops the node's process, without warning, until it is continued. Of one that has ended nothing more
    /// can be stopped, which is no error.
    ///
    /// # Errors
    /// When the system cannot stop processes.
    fn stop_worker(&mut self, node: NodeId) -> io::Result<()>;

    /// Lets the node's process go on. What was sent to it before is there when it does.
    ///
    /// # Errors
    /// As for [`stop_worker`](Self::stop_worker).
    fn continue_worker(&mut self, node: NodeId) -> io::Result<()>;
}
