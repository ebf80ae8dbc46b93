//! The simulated world: a driver of the scheduler core with time that costs nothing.

mod arrivals;
mod driver;
pub mod event_queue;
mod nodes;
mod run;
mod truth;
mod world;

pub use run::{RunOptions, RunOutput, SimulationError, run, simulate};
pub use world::World;
