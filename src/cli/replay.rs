//! `falcon replay DIR`: hands the log of a live run to a fresh scheduler, step by step.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{Failure, Outcome, print};
use crate::live::log::{self, Replayed};
use crate::report::number::count;

/// Arguments of `falcon replay`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon replay results/live-baseline-live")]
pub(super) struct ReplayArgs {
    /// The results folder of a live run.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn replay(args: &ReplayArgs) -> Outcome {
    let path = args.folder.join(log::FILE);
    let file = std::fs::File::open(&path).with_context(|| {
        format!("cannot open {}; `falcon live` writes the log of a live run there", path.display())
    })?;
    let (mut runs, mut different, mut text) = (0, 0, String::new());
    let outcome = log::replay_all(file, |run| {
        runs += 1;
        different += usize::from(run.mismatch.is_some());
        describe(&run, &mut text);
    });
    // What was found out before a damaged line is worth knowing too.
    print(&text)?;
    outcome.with_context(|| path.display().to_string())?;
    if different > 0 {
        let message = format!("{different} of {runs} runs were decided otherwise than the log says");
        return Err(Failure::Failed(anyhow::anyhow!(message)));
    }
    Ok(())
}

fn describe(run: &Replayed, text: &mut String) {
    let _ = write!(
        text,
        "{}, seed {}: {} steps, {} events, {} commands: ",
        run.header.policy.name,
        run.header.config.seed,
        count(run.steps as u64),
        count(run.events as u64),
        count(run.commands as u64)
    );
    let _ = match &run.mismatch {
        None => writeln!(text, "identical"),
        Some(mismatch) => writeln!(text, "{mismatch}"),
    };
}
