//! `falcon plot DIR`: draws the plots of a results folder again, from its files alone.

use std::path::PathBuf;

use clap::Args;

use super::output::Plots;
use super::{Outcome, print};
use crate::report;

/// Arguments of `falcon plot`.
#[derive(Args, Debug)]
#[command(after_help = "Example: falcon plot results/baseline --plot-format png")]
pub(super) struct PlotArgs {
    /// A results folder, of a run, a comparison or a sweep.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The kind of plots.
    #[arg(long, value_enum, default_value_t = Plots::Svg, value_name = "KIND")]
    plot_format: Plots,
}

pub(super) fn plot(args: &PlotArgs) -> Outcome {
    for name in report::redraw(&args.folder, args.plot_format.into())? {
        print(&format!("{}\n", args.folder.join(name).display()))?;
    }
    Ok(())
}
