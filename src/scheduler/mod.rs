//! scheduler
pub mod retry;
