//! The log of live runs as a file: JSON, one value per line, packed by gzip.
//!
//! Each run begins with a header that says what the scheduler was made from, then comes a line per
//! step. Nothing else is needed to replay it: not the scenario, not its traces.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::journal::{Mismatch, Step, replay};
use crate::policies::{self, PlaceSpec, PolicySpec};
use crate::random::Streams;
use crate::scheduler::{Command, Event, NodeSpec, RetryPlan, Scheduler, SchedulerConfig};
use crate::time::Time;

/// Name of the file in a results folder.
pub const FILE: &str = "log.jsonl.gz";

/// The form of the file. A log of another form is refused.
const FORM: u32 = 1;

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
    /// Its seed.
    pub seed: u64,
    /// The nodes, in order of number.
    pub nodes: Vec<NodeSpec>,
    /// What happens to failed and lost attempts.
    pub retry: RetryPlan,
    /// The most slots that one task takes.
    pub max_demand: u32,
}

impl Header {
    /// A header in the form of this version.
    pub fn new(
        policy: PolicySpec,
        replication: u32,
        seed: u64,
        nodes: Vec<NodeSpec>,
        retry: RetryPlan,
        max_demand: u32,
    ) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_string();
        Header { form: FORM, version, policy, replication, seed, nodes, retry, max_demand }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Run(Header),
    Step(Step),
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be read.
    #[error("cannot read the log: {0}")]
    Read(#[from] io::Error),
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
        self.line(&Line::Run(header.clone()))?;
        for step in steps {
            self.line(&Line::Step(step.clone()))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
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
    let mut run: Option<(Header, Vec<Step>)> = None;
    let mut possible = Possible::default();
    for (index, line) in BufReader::new(MultiGzDecoder::new(log)).lines().enumerate() {
        let damaged = |reason: String| LogError::Damaged { line: index + 1, reason };
        let line: Line = serde_json::from_str(&line?).map_err(|error| damaged(error.to_string()))?;
        match (line, &mut run) {
            (Line::Run(header), _) => {
                check(&header).map_err(damaged)?;
                possible = Possible::default();
                if let Some((header, steps)) = run.replace((header, Vec::new())) {
                    each(replay_one(header, &steps));
                }
            }
            (Line::Step(step), Some((header, steps))) => {
                possible.check(header, &step).map_err(damaged)?;
                steps.push(step);
            }
            (Line::Step(_), None) => return Err(damaged("a step before the first run".to_string())),
        }
    }
    match run {
        Some((header, steps)) => each(replay_one(header, &steps)),
        None => return Err(LogError::Damaged { line: 1, reason: "it holds no run".to_string() }),
    }
    Ok(())
}

/// Whether a scheduler can be made from this: a log may come from anywhere.
fn check(header: &Header) -> Result<(), String> {
    if header.form != FORM {
        let version = &header.version;
        return Err(format!(
            "it is of form {}, written by falcon {version}; this is form {FORM}",
            header.form
        ));
    }
    let sound = |node: &NodeSpec| {
        node.slots > 0
            && node.speed > 0.0
            && node.speed.is_finite()
            && node.weight > 0.0
            && node.weight.is_finite()
    };
    if matches!(header.policy.place, PlaceSpec::PowerOf { d: 0, .. }) {
        return Err("its policy draws no nodes".to_string());
    }
    if header.nodes.is_empty() || !header.nodes.iter().all(sound) {
        return Err("its nodes are not possible".to_string());
    }
    Ok(())
}

/// What can come next in a log: the core trusts its driver, but a file may come from anywhere.
#[derive(Default)]
struct Possible {
    now: Time,
    /// By slot: whether an unsettled task holds it.
    taken: Vec<bool>,
}

impl Possible {
    fn check(&mut self, header: &Header, step: &Step) -> Result<(), String> {
        if step.now < self.now {
            return Err(format!("time goes back from {:?} to {:?}", self.now, step.now));
        }
        self.now = step.now;
        for event in &step.events {
            let possible = match event {
                Event::TaskSubmitted { task, spec } => {
                    spec.slots > 0 && spec.slots <= header.max_demand && self.take(task.slot)
                }
                Event::NodeJoined { node } | Event::NodeLost { node } => node.index() < header.nodes.len(),
                Event::AttemptStarted { .. } | Event::AttemptFinished { .. } | Event::TimerFired => true,
            };
            if !possible {
                return Err(format!("this cannot happen: {event:?}"));
            }
        }
        for command in &step.commands {
            if let Command::Settle { task, .. } = command
                && let Some(taken) = self.taken.get_mut(task.slot as usize)
            {
                *taken = false;
            }
        }
        Ok(())
    }

    /// A task takes a slot: one that is free, or the next new one.
    fn take(&mut self, slot: u32) -> bool {
        let slot = slot as usize;
        if slot == self.taken.len() {
            self.taken.push(false);
        }
        self.taken.get_mut(slot).is_some_and(|taken| !std::mem::replace(taken, true))
    }
}

fn replay_one(header: Header, steps: &[Step]) -> Replayed {
    let Header { seed, max_demand, .. } = header;
    let policy = policies::build(&header.policy, &header.nodes, max_demand, Streams::new(seed));
    let config = SchedulerConfig { retry: header.retry, max_demand, starts_are_reported: true, seed };
    let mismatch = replay(Scheduler::new(policy, &header.nodes, config), steps).err();
    Replayed {
        steps: steps.len(),
        events: steps.iter().map(|step| step.events.len()).sum(),
        commands: steps.iter().map(|step| step.commands.len()).sum(),
        header,
        mismatch,
    }
}
