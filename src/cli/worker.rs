//! `falcon worker`: one node of a live run, as a process. `falcon live` starts it.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;

use super::{Failure, Outcome};
use crate::ids::NodeId;
use crate::live::worker_process::{self, SECRET_VARIABLE, WorkerOptions};

/// Arguments of `falcon worker`.
#[derive(Args, Debug)]
#[command(
    after_help = "Started by `falcon live`, which gives it the secret of the run in the environment variable \
                  FALCON_WORKER_SECRET. It runs what it is told to, and ends with its coordinator."
)]
pub(super) struct WorkerArgs {
    /// Where the coordinator listens.
    #[arg(long, value_name = "ADDRESS")]
    connect: SocketAddr,

    /// The number of its node.
    #[arg(long, value_name = "N")]
    node: u32,

    /// How many attempts it may run at a time.
    #[arg(long, value_name = "N")]
    slots: u32,

    /// Which process of the node it is, from 1.
    #[arg(long, value_name = "N", default_value_t = 1)]
    life: u64,

    /// Process number of the coordinator; if that is not the parent, the worker ends at once.
    #[arg(long, value_name = "PID")]
    coordinator: Option<u32>,
}

pub(super) fn worker(args: &WorkerArgs) -> Outcome {
    let secret = std::env::var(SECRET_VARIABLE)
        .ok()
        .and_then(|text| u128::from_str_radix(&text, 16).ok())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{SECRET_VARIABLE} does not hold the secret of a run; workers are started by `falcon live`"
            ))
        })?;
    let options = WorkerOptions {
        connect: args.connect,
        node: NodeId(args.node),
        slots: args.slots,
        life: args.life,
        secret,
        coordinator: args.coordinator,
    };
    worker_process::run(&options).with_context(|| format!("worker of node {}", args.node))?;
    Ok(())
}
