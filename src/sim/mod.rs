//! The simulated world: a driver of the scheduler core with time that costs nothing.

mod arrivals;
mod audited;
mod copies;
mod course;
mod described;
mod disturbed;
mod driver;
pub mod event_queue;
mod leaders;
mod members;
mod news;
mod node_events;
mod probabilities;
mod run;
mod slots;
mod spawning;
mod truth;
mod undoing;
mod way;

pub use run::{RunOptions, RunOutput, SimulationError, run, simulate};
