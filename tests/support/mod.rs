//! Second opinions for the tests of the simulator: small loops and formulas that share no code with
//! its core. Where the two agree, a mistake would have to be made twice, in two ways.

// Each test file uses its own part of this.
#![allow(dead_code)]

pub(crate) mod closings;
pub(crate) mod formulas;
pub(crate) mod judge;
pub(crate) mod ledger;
pub(crate) mod loops;
pub(crate) mod plain;
#[cfg(target_os = "linux")]
pub(crate) mod processes;
pub(crate) mod stand_in;
