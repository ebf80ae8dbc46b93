//! Scheduling policies: the choices of order, place, dispatch and backfilling.

pub mod registry;
pub mod spec;
