//! The simulated world: a driver of the scheduler core with time that costs nothing.

mod arrivals;
mod course;
mod described;
mod disturbed;
mod driver;
pub mod event_queue;
mod leaders;
mod news;
mod node_events;
mod probabilities;
mod run;
mod spawning;
mod truth;
mod way;

pub use run::{RunOptions, RunOutput, SimulationError, run, simulate};
