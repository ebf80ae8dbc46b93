//! The cells of a grid carried out, several at a time.
//!
//! As many cells are under way as there are threads, and the runs of all of them share the threads: cells of
//! one run each are made side by side, and the runs of a last long cell are spread out. What a cell comes to
//! depends on the cell alone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::conduct::{Conducted, Target};
use super::runner::{RunError, RunnerOptions, Threads};
use super::sweep::Cell;

/// Who is told of cells, from several threads.
pub trait Watcher: Sync {
    /// What may go wrong with a cell that is done.
    type Error: Send;

    /// A cell is begun; so many are done.
    fn begun(&self, cell: &Cell, done: usize);

    /// A cell is done.
    ///
    /// # Errors
    /// Ends the sweep.
    fn done(&self, cell: &Cell, conducted: Conducted) -> Result<(), Self::Error>;
}

/// Why a sweep ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError<E> {
    /// Stopped from outside; so many cells are done.
    #[error("stopped after {0} cells")]
    Stopped(usize),
    /// The cell of this position could not be carried out.
    #[error("cell at {0}: {1}")]
    Run(usize, RunError),
    /// The watcher could not take the cell of this position.
    #[error("cell at {0}: {1}")]
    Watcher(usize, E),
    /// The threads could not be started.
    #[error(transparent)]
    Threads(RunError),
}

/// Ends all work when a thread panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Carries out cells in their order, and hands over each as it is done. No cell is begun after one that fails;
/// those that are under way are still done.
///
/// # Errors
/// Of the cells that failed the first, or that all was stopped.
pub fn carry_out<W: Watcher>(
    cells: &[&Cell],
    options: &RunnerOptions<'_>,
    watcher: &W,
) -> Result<(), SweepError<W::Error>> {
    let threads = Threads::new(options.threads).map_err(SweepError::Threads)?;
    let options = RunnerOptions { shared: Some(&threads), ..*options };
    let (next, done, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let failures = Mutex::new(Vec::new());
    let one = |number: usize| -> Result<(), SweepError<W::Error>> {
        let cell = cells[number];
        watcher.begun(cell, done.load(Ordering::Relaxed));
        let conducted = match cell.loaded.plan.conduct(Target::Means, &options) {
            Err(RunError::Stopped { .. }) => return Err(SweepError::Stopped(0)),
            other => other.map_err(|error| SweepError::Run(number, error))?,
        };
        watcher.done(cell, conducted).map_err(|error| SweepError::Watcher(number, error))?;
        done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let work = || {
        // Should a cell panic, no other is begun.
        let _ends = Ends(&over);
        while !over.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cells.len() {
                return;
            }
            if let Err(error) = one(number) {
                over.store(true, Ordering::Relaxed);
                failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, error));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.count().min(cells.len()) {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // What went wrong says more than that the rest was stopped.
    failures.sort_by_key(|(number, error)| (matches!(error, SweepError::Stopped(_)), *number));
    match failures.into_iter().next() {
        None => Ok(()),
        Some((_, SweepError::Stopped(_))) => Err(SweepError::Stopped(done.into_inner())),
        Some((_, error)) => Err(error),
    }
}
