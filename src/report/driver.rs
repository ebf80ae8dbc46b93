//! Files that only live runs have: `driver.csv`, how well each run kept up, and the log.

use super::error::{Error, Result};
use super::number::exact;
use crate::experiment::live::LiveRun;
use crate::live::log::{self, LogWriter};
use crate::metrics::DRIVER_COLUMNS;

/// Its file name.
pub const FILE: &str = "driver.csv";

/// First columns of `driver.csv`; those of [`DRIVER_COLUMNS`] follow.
pub const COLUMNS: &[&str] = &["policy", "replication", "seed", "repeat", "valid", "reason"];

/// Name and content of the files of these runs; `repeats` are runs of a seed that was run before.
pub fn files(runs: &[Vec<LiveRun>], repeats: &[Vec<LiveRun>]) -> Result<Vec<(String, Vec<u8>)>> {
    let csv = csv(runs, repeats).map_err(|error| Error::file("write", FILE)(error))?;
    let log = log(runs).map_err(|error| Error::file("write", log::FILE)(error))?;
    Ok(vec![(FILE.to_string(), csv), (log::FILE.to_string(), log)])
}

fn csv(runs: &[Vec<LiveRun>], repeats: &[Vec<LiveRun>]) -> std::io::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let names = DRIVER_COLUMNS.iter().map(|column| column.name);
    out.write_record(COLUMNS.iter().copied().chain(names))?;
    let first = runs.iter().flatten().map(|run| (run, false));
    for (run, repeat) in first.chain(repeats.iter().flatten().map(|run| (run, true))) {
        let mut row = vec![
            run.header.policy.name.clone(),
            run.result.replication.to_string(),
            run.result.seed.to_string(),
            repeat.to_string(),
            run.invalid.is_none().to_string(),
            run.invalid.clone().unwrap_or_default(),
        ];
        row.extend(DRIVER_COLUMNS.iter().map(|column| exact((column.get)(&run.driver))));
        out.write_record(row)?;
    }
    out.into_inner().map_err(|error| error.into_error())
}

fn log(runs: &[Vec<LiveRun>]) -> std::io::Result<Vec<u8>> {
    let mut log = LogWriter::new(Vec::new());
    for run in runs.iter().flatten() {
        log.run(&run.header, &run.journal)?;
    }
    log.finish()
}
