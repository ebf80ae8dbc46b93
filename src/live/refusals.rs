//! What was refused: counted by kind, and the last few as text.

use std::collections::VecDeque;

/// How many refusals are kept as text. Whoever floods the coordinator must not fill its memory.
const KEPT: usize = 32;

/// Why something that came over a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalKind {
    /// A first frame that is no hello, or a hello of a node or process that nobody waits for.
    UnknownWorker,
    /// A hello without the secret of the run.
    WrongSecret,
    /// A hello of a worker that has said hello before.
    SecondConnection,
    /// A frame that came before.
    Duplicate,
    /// Frames before this one are missing.
    Gap,
    /// A frame that is not a message.
    Garbage,
    /// A frame longer than any message.
    TooLong,
    /// A frame of another version.
    Version,
    /// A fact that this worker cannot know.
    ForeignFact,
    /// The start of an attempt that had begun, or the end of one that had not.
    Contradiction,
}

impl RefusalKind {
    /// All kinds, in the order of their declaration.
    pub const ALL: [RefusalKind; 10] = [
        RefusalKind::UnknownWorker,
        RefusalKind::WrongSecret,
        RefusalKind::SecondConnection,
        RefusalKind::Duplicate,
        RefusalKind::Gap,
        RefusalKind::Garbage,
        RefusalKind::TooLong,
        RefusalKind::Version,
        RefusalKind::ForeignFact,
        RefusalKind::Contradiction,
    ];

    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            RefusalKind::UnknownWorker => "unknown worker",
            RefusalKind::WrongSecret => "wrong secret",
            RefusalKind::SecondConnection => "second connection",
            RefusalKind::Duplicate => "duplicate",
            RefusalKind::Gap => "gap",
            RefusalKind::Garbage => "garbage",
            RefusalKind::TooLong => "too long",
            RefusalKind::Version => "version",
            RefusalKind::ForeignFact => "foreign fact",
            RefusalKind::Contradiction => "contradiction",
        }
    }
}

/// Counts of refusals, and the last few as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    counts: [u64; RefusalKind::ALL.len()],
    recent: VecDeque<String>,
}

impl Refusals {
    /// How many of this kind there were.
    pub fn count(&self, kind: RefusalKind) -> u64 {
        self.counts[kind as usize]
    }

    /// How many there were.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The last few in plain words, oldest first.
    pub fn recent(&self) -> impl Iterator<Item = &str> {
        self.recent.iter().map(String::as_str)
    }

    /// Counts one.
    pub(super) fn add(&mut self, kind: RefusalKind, what: String) {
        self.counts[kind as usize] += 1;
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(what);
    }
}
