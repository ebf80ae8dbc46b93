//! What is known without running anything: closed forms of queueing theory and reliability, lower bounds
//! that no schedule beats, exact optima of small instances, laws that hold for every run.
//!
//! Pure functions of numbers, one family to a file; times are seconds, rates are per second. Each has its
//! source beside it, is tested against published or independently computed values, and has a row in
//! [`FORMULAS`], which `docs/theory.md` repeats. Which of them holds for a scenario is found out in
//! `experiment::theory`.

pub mod availability;
pub mod batches;
pub mod bounds;
pub mod breakdowns;
pub mod choices;
pub mod documents;
mod formulas;
pub mod laws;
pub mod many_servers;
mod numeric;
pub mod optimum;
pub mod priorities;
pub mod program;
pub mod renewal;
pub mod retries;
pub mod schedule;
pub mod single_server;
pub mod size;
pub mod sizes;
mod smooth;
pub mod tail;

pub use formulas::{FORMULAS, Formula, FormulaId, Nature};
pub use size::Size;
pub use tail::Tail;
