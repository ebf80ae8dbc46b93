//! The real world: a driver of the scheduler core in real time, with worker processes that can be
//! killed.
//!
//! The coordinator holds the scheduler and the truth about tasks and nodes, as the simulator's
//! driver does. Each node of the scenario is a process of its own, a worker, that takes attempts
//! over a TCP connection on this machine and reports their starts and ends. A failure of a node is
//! a real `SIGKILL`, a pause a real `SIGSTOP`.
//!
//! ```text
//!  Coordinator  (scheduler core, arrivals, clocks of failure, records, log)
//!      |  Link  (a clock, bytes to and from workers, processes started, killed and stopped)
//!      +--- Hub       real: sockets, threads, child processes
//!      +--- stand-in  tests: a clock that jumps, workers in the same process
//! ```
//!
//! What comes over a connection passes [`frame`] (bytes to messages) and [`session`] (who may say what)
//! before the coordinator sees it. [`worker`] is what a worker does, [`worker_process`] the process
//! around it.

mod beats;
mod coordinator;
mod disturbed;
mod fleet;
pub mod frame;
mod hearing;
pub mod hub;
pub mod journal;
pub mod link;
pub mod log;
mod log_check;
mod losses;
mod members;
pub mod message;
mod meter;
mod plans;
pub mod refusals;
mod run;
pub mod session;
mod system;
mod truth;
pub mod worker;
pub mod worker_process;

pub use meter::Samples;
pub use run::{LiveError, LiveOptions, LiveOutput, run_live, scheduler_config};
