//! Reads typed keys out of the tree and collects every mistake on the way.
//!
//! Each table of a scenario is written down once, with `table!`, `parameters!`, `choice!` or
//! `words!` (in `declare.rs`): from that one place come the reader, the JSON Schema and the
//! scenario as resolved, so they cannot disagree about a key.

use std::path::PathBuf;

use super::Warning;
use super::diagnostics::{Diagnostic, Origin};
use super::document::{Entry, Node, Value};
use super::nearest::nearest;

/// Something a key can hold.
pub(super) trait Setting: schemars::JsonSchema + Sized {
    /// Reads it, or notes what is wrong.
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;
    /// It as resolved, for the manifest and the report.
    fn write(&self) -> serde_json::Value;
}

/// A value together with where its key and it were written.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) key: Origin,
    pub(super) at: Origin,
    pub(super) value: T,
}

/// What a scenario says about one key.
#[derive(Clone, Debug, Default)]
pub(super) enum Key<T> {
    /// Nothing, and there is no default.
    #[default]
    Absent,
    /// Something that is wrong and has been noted: later checks stay silent.
    Broken,
    /// Nothing: the default holds.
    Default(T),
    /// This.
    Found(Found<T>),
}

impl<T> Key<T> {
    /// The value, given or by default.
    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Key::Absent | Key::Broken => None,
            Key::Default(value) => Some(value),
            Key::Found(found) => Some(&found.value),
        }
    }

    /// The value if the scenario gives it.
    pub(super) fn found(&self) -> Option<&Found<T>> {
        match self {
            Key::Found(found) => Some(found),
            _ => None,
        }
    }

    /// Whether the scenario says nothing, right or wrong.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Key::Absent | Key::Default(_))
    }

    /// Whether it was given and wrong.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Key::Broken)
    }
}

/// Where mistakes and warnings collect while a scenario is read.
#[derive(Debug)]
pub(super) struct Reader {
    /// What is wrong so far.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What is odd so far.
    pub(super) warnings: Vec<Warning>,
    /// Files are relative to this.
    pub(super) base: PathBuf,
    /// Keys that misspelled ones were probably meant to be, by their full names.
    meant: Vec<String>,
    /// Names of the keys down to the value being read.
    path: Vec<String>,
}

impl Reader {
    pub(super) fn new(base: PathBuf) -> Self {
        Reader { diagnostics: Vec::new(), warnings: Vec::new(), base, meant: Vec::new(), path: Vec::new() }
    }

    /// The key being read, as `--set` would name it.
    pub(super) fn key(&self) -> String {
        if self.path.is_empty() { "the scenario".to_string() } else { format!("`{}`", self.path.join(".")) }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Notes that the value being read is not what it must be.
    pub(super) fn refuse<T>(&mut self, node: &Node, expected: &str, label: impl Into<String>) -> Option<T> {
        let title = format!("{} must be {expected}", self.key());
        self.report(Diagnostic::new(title, node.origin, label));
        None
    }

    /// Notes that the value being read is of the wrong type.
    pub(super) fn wrong_type<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        self.refuse(node, expected, format!("found {}", node.kind()))
    }

    /// Reads what stands below `name`.
    pub(super) fn within<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(name.to_string());
        let value = read(self);
        self.path.pop();
        value
    }

    /// Reads the value of a key.
    pub(super) fn entry<T: Setting>(&mut self, entry: &Entry) -> Key<T> {
        match self.within(&entry.key, |reader| T::read(&entry.node, reader)) {
            Some(value) => Key::Found(Found { key: entry.key_origin, at: entry.node.origin, value }),
            None => Key::Broken,
        }
    }

    /// The entries of a table, or a note that it is none.
    pub(super) fn table<'a>(&mut self, node: &'a Node, keys: &[&str]) -> Option<&'a [Entry]> {
        match &node.value {
            Value::Table(entries) => Some(entries),
            _ => {
                self.wrong_type(node, &format!("a table with {}", quoted(keys)))?;
                None
            }
        }
    }

    /// Notes a key that its table does not have.
    pub(super) fn unknown_key(&mut self, entry: &Entry, table: &str, keys: &[&str]) {
        let key = &entry.key;
        let (place, none) = match self.path.is_empty() {
            true => (String::new(), "not a key of a scenario".to_string()),
            false => (format!(" in {table}"), format!("not a key of {table}")),
        };
        let mut diagnostic = Diagnostic::new(format!("unknown key `{key}`{place}"), entry.key_origin, none);
        let near = nearest(key, keys.iter().copied());
        self.meant.extend(near.map(|near| self.full_name(near)));
        diagnostic = match (near, super::keys::home_of(key)) {
            // A key that stands in the wrong table, unless its own table has one spelled like it.
            (None, Some(home)) if home != table => diagnostic.help(format!("`{key}` belongs in {home}")),
            (Some(near), _) => diagnostic.help(format!("did you mean `{near}`?")),
            (None, _) => diagnostic.help(format!("keys: {}", quoted(keys))),
        };
        self.report(diagnostic);
    }

    fn full_name(&self, key: &str) -> String {
        self.path.iter().map(String::as_str).chain([key]).collect::<Vec<_>>().join(".")
    }

    /// Whether a misspelled key was probably meant to be this one: then it is not missing.
    pub(super) fn was_meant(&self, key: &str) -> bool {
        self.meant.contains(&self.full_name(key))
    }

    /// Notes a required key that is missing.
    pub(super) fn missing_key(&mut self, at: Origin, key: &str, table: &str) {
        if self.was_meant(key) {
            return;
        }
        let title = format!("missing key `{key}` in {table}");
        self.report(Diagnostic::new(title, at, format!("has no `{key}`")));
    }

    /// Notes a name that is none of those allowed.
    pub(super) fn unknown_name<T>(
        &mut self,
        at: Origin,
        what: &str,
        name: &str,
        names: &[&str],
    ) -> Option<T> {
        let label = format!("not {} {what}", article(what));
        let diagnostic = Diagnostic::new(format!("unknown {what} `{}`", shortened(name)), at, label);
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", quoted(names)),
        };
        self.report(diagnostic.help(help));
        None
    }

    /// Notes a word that is none of the few that may stand here.
    pub(super) fn unknown_word<T>(&mut self, node: &Node, word: &str, words: &[&str]) -> Option<T> {
        self.refuse::<()>(node, &format!("one of {}", quoted(words)), "not one of them");
        if let (Some(near), Some(last)) = (nearest(word, words.iter().copied()), self.diagnostics.last_mut())
        {
            last.help.push(format!("did you mean `{near}`?"));
        }
        None
    }

    /// The one alternative that a table of alternatives names.
    ///
    /// When an override names another than the file, the override's is taken.
    pub(super) fn alternative<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        names: &[&str],
    ) -> Option<&'a Entry> {
        let Value::Table(entries) = &node.value else {
            let label = format!("found {}", node.kind());
            let title = format!("{} must be {} {what}", self.key(), article(what));
            let help = format!("one of {}", quoted(names));
            self.report(Diagnostic::new(title, node.origin, label).help(help));
            return None;
        };
        let entries = latest(entries);
        for entry in &entries {
            if !names.contains(&entry.key.as_str()) {
                return self.unknown_name(entry.key_origin, what, &entry.key, names);
            }
        }
        match entries[..] {
            [entry] => Some(entry),
            [] => self.refuse(node, &format!("{} {what}", article(what)), "names none"),
            [first, second, ..] => {
                let title = format!("{} names two alternatives", self.key());
                let (first, second) = match first.key_origin < second.key_origin {
                    true => (first, second),
                    false => (second, first),
                };
                self.report(
                    Diagnostic::new(title, second.key_origin, format!("and `{}` here", second.key))
                        .context(first.key_origin, format!("`{}` here", first.key))
                        .help("keep one of them"),
                );
                None
            }
        }
    }
}

/// The entries that the last text to write here wrote.
pub(super) fn latest(entries: &[Entry]) -> Vec<&Entry> {
    let last = entries.iter().map(|entry| entry.touched).max().unwrap_or(0);
    entries.iter().filter(|entry| entry.touched == last).collect()
}

/// `a`, `b` and `c` in backticks; words with spaces are descriptions and stand as they are.
pub(super) fn quoted(names: &[&str]) -> String {
    let quote = |name: &&str| if name.contains(' ') { name.to_string() } else { format!("`{name}`") };
    let names: Vec<String> = names.iter().map(quote).collect();
    names.join(", ")
}

/// A name short enough for a message.
pub(super) fn shortened(name: &str) -> String {
    let mut short: String = name.chars().take(60).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short.replace(|c: char| c.is_control(), "?")
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
