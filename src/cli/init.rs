//! `falcon init FILE`: writes a starter scenario file.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Outcome, print};
use crate::experiment::scenario;

/// Arguments of `falcon init`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon init my-cluster.toml")]
pub(super) struct InitArgs {
    /// File to write; `-` prints to standard output. A file that exists is left alone.
    #[arg(value_name = "FILE", default_value = "scenario.toml")]
    file: PathBuf,
}

pub(super) fn init(args: &InitArgs) -> Outcome {
    let starter = scenario::starter();
    if args.file.as_os_str() == "-" {
        return print(starter);
    }
    let shown = args.file.display();
    let mut file = File::create_new(&args.file).with_context(|| format!("cannot write {shown}"))?;
    file.write_all(starter.as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    eprintln!("wrote {shown}; try: falcon run {shown}");
    Ok(())
}
