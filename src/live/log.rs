//! The log of live runs as a file: JSON, one value per line, packed by gzip.
//!
//! Each run begins with a header that says what the scheduler was made from, then comes a line per
//! step. Nothing else is needed to replay it: not the scenario, not its traces. It is replayed as it is
//! read, so that reading takes the memory of one line and of a scheduler.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::journal::{Mismatch, Replay, Step};
use super::log_check::{LONGEST_PAUSE, Possible, check};
use crate::policies::{self, AnyPolicy, PolicySpec};
use crate::random::Streams;
use crate::scheduler::{NodeSpec, Scheduler, SchedulerConfig, Zones};

/// Name of the file in a results folder.
pub const FILE: &str = "log.jsonl.gz";

/// The form of the file. A log of another form is refused.
pub(super) const FORM: u32 = 3;
/// The longest line that is read: a step at which some 100,000 tasks arrive takes 20 MB.
const MOST_LINE: u64 = 256 << 20;

/// What the scheduler of a run was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    pub form: u32,
    /// The version that wrote it.
    pub version: String,
    /// The policy.
    pub policy: PolicySpec,
    /// Number of the replication.
    pub replication: u32,
    /// The nodes, in order of number.
    pub nodes: Vec<NodeSpec>,
    /// Where they stand.
    #[serde(default)]
    pub zones: Zones,
    /// What else it was told: the seed and named resources included.
    pub config: SchedulerConfig,
}

impl Header {
    /// A header in the form of this version.
    pub fn new(policy: PolicySpec, replication: u32, nodes: Vec<NodeSpec>, config: SchedulerConfig) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Header { form: FORM, version, policy, replication, nodes, zones: Zones::default(), config }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Run(Box<Header>),
    Step(Step),
}

/// The same for writing, without a copy.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LineOf<'a> {
    Run(&'a Header),
    Step(&'a Step),
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be read.
    #[error("cannot read the log: {0}")]
    Read(io::Error),
    /// It is not whole.
    #[error("the log is cut off after line {line}: its writing was broken off, or a part was lost")]
    CutOff {
        /// The last whole line.
        line: usize,
    },
    /// A line is not what it should be.
    #[error("line {line} of the log is damaged: {reason}")]
    Damaged {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Writes logs one after the other.
pub struct LogWriter<W: Write> {
    out: GzEncoder<W>,
}

impl<W: Write> LogWriter<W> {
    /// A log that goes to `out`.
    pub fn new(out: W) -> Self {
        LogWriter { out: GzEncoder::new(out, Compression::default()) }
    }

    /// Adds a run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn run(&mut self, header: &Header, steps: &[Step]) -> io::Result<()> {
        self.line(&LineOf::Run(header))?;
        for step in steps {
            self.line(&LineOf::Step(step))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &LineOf<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    /// Writes what is left and gives the output back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.out.finish()
    }
}

/// A run of a log, replayed.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What the run was.
    pub header: Header,
    /// How many steps it had.
    pub steps: usize,
    /// How many facts.
    pub events: usize,
    /// How many commands.
    pub commands: usize,
    /// The first step with other commands, if there is one.
    pub mismatch: Option<Box<Mismatch>>,
}

/// Replays every run of a log.
///
/// # Errors
/// When the log cannot be read, or is damaged.
pub fn replay_all(log: impl Read, mut each: impl FnMut(Replayed)) -> Result<(), LogError> {
    let mut lines = Lines { reader: BufReader::new(MultiGzDecoder::new(log)), line: Vec::new(), number: 0 };
    let mut run: Option<Run> = None;
    while lines.advance()? {
        let damaged = |reason: String| LogError::Damaged { line: lines.number, reason };
        let line = serde_json::from_slice(&lines.line).map_err(|error| damaged(error.to_string()))?;
        match (line, &mut run) {
            (Line::Run(header), _) => {
                if let Some(run) = run.replace(Run::new(*header).map_err(damaged)?) {
                    each(run.replayed);
                }
            }
            (Line::Step(step), Some(run)) => run.step(&step).map_err(damaged)?,
            (Line::Step(_), None) => return Err(damaged("a step before the first run".to_string())),
        }
    }
    match run {
        Some(run) => each(run.replayed),
        None => return Err(LogError::Damaged { line: 1, reason: "it holds no run".to_string() }),
    }
    Ok(())
}

/// The lines of a log, one at a time.
struct Lines<R> {
    reader: BufReader<MultiGzDecoder<R>>,
    line: Vec<u8>,
    number: usize,
}

impl<R: Read> Lines<R> {
    /// Reads the next line; false when there is none.
    fn advance(&mut self) -> Result<bool, LogError> {
        self.line.clear();
        let read = self.reader.by_ref().take(MOST_LINE).read_until(b'\n', &mut self.line);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => LogError::CutOff { line: self.number },
            _ => LogError::Read(error),
        })?;
        if self.line.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        if self.line.len() as u64 == MOST_LINE {
            let reason = format!("it is longer than {} MB", MOST_LINE >> 20);
            return Err(LogError::Damaged { line: self.number, reason });
        }
        Ok(true)
    }
}

/// A run that is being replayed.
struct Run {
    replay: Replay<AnyPolicy>,
    possible: Possible,
    replayed: Replayed,
}

impl Run {
    fn new(header: Header) -> Result<Run, String> {
        check(&header)?;
        let mut config = header.config.clone();
        let Header { zones, policy, nodes, .. } = &header;
        let streams = Streams::new(config.seed);
        let policy = policies::build_in(zones, &config.resources, policy, nodes, config.max_demand, streams);
        config.retry.backoff.max = config.retry.backoff.max.min(LONGEST_PAUSE);
        let replay = Replay::new(Scheduler::new(policy, &header.nodes, config));
        let replayed = Replayed { header, steps: 0, events: 0, commands: 0, mismatch: None };
        Ok(Run { possible: Possible::new(replay.copy_slots()), replay, replayed })
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let replayed = &mut self.replayed;
        replayed.steps += 1;
        replayed.events += step.events.len();
        replayed.commands += step.commands.len();
        // After a step with other commands nothing that follows has a meaning.
        if replayed.mismatch.is_none() {
            self.possible.check(&replayed.header, step)?;
            replayed.mismatch = self.replay.step(step).err();
        }
        Ok(())
    }
}
