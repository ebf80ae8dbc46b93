//! How far a run is: a bar on a terminal, otherwise a line now and then.
#![allow(clippy::disallowed_methods)] // this is about host time

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::experiment::runner::Progress;

/// Lines are this far apart at least.
const PAUSE: Duration = Duration::from_secs(30);

/// Shows how many runs are done.
pub(super) enum Meter {
    Silent,
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

/// When the last line was printed, and at which tenth of the work.
pub(super) struct Lines {
    last: Instant,
    tenth: usize,
    unit: &'static str,
}

impl Meter {
    /// `unit` is what is counted: `runs`.
    pub(super) fn new(total: usize, unit: &'static str, quiet: bool, terminal: &Terminal) -> Self {
        if quiet {
            return Meter::Silent;
        }
        if !terminal.stderr_is_terminal {
            return Meter::Lines(Mutex::new(Lines { last: Instant::now(), tenth: 0, unit }));
        }
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr_with_hz(10));
        let template = format!("{{len}} {unit} {{wide_bar}} {{pos}}/{{len}} {{msg}} {{eta}} left");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars(terminal.plain("━╸─", "=>-")));
        bar.enable_steady_tick(Duration::from_millis(250));
        Meter::Bar(bar)
    }

    pub(super) fn tick(&self, progress: Progress<'_>) {
        match self {
            Meter::Silent => {}
            Meter::Bar(bar) => {
                bar.set_message(format!("· {}, seed {} ·", progress.policy, progress.seed));
                // How many there will be may only show on the way.
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
            }
            Meter::Lines(lines) => {
                let Ok(mut lines) = lines.lock() else { return };
                let tenth = progress.done * 10 / progress.total;
                if tenth > lines.tenth && lines.last.elapsed() >= PAUSE && progress.done < progress.total {
                    (lines.last, lines.tenth) = (Instant::now(), tenth);
                    eprintln!("{} of {} {} done", progress.done, progress.total, lines.unit);
                }
            }
        }
    }

    pub(super) fn clear(&self) {
        if let Meter::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
