//! Second opinions for the tests of the simulator: small loops and formulas that share no code with
//! its core. Where the two agree, a mistake would have to be made twice, in two ways.

// Each test file uses its own part of this.
#![allow(dead_code)]

pub(crate) mod formulas;
pub(crate) mod judge;
pub(crate) mod loops;
pub(crate) mod plain;
pub(crate) mod stand_in;
