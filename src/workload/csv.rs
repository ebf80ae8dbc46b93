//! Reads tasks from a table: comma-separated values with a header line (RFC 4180).
//!
//! Columns may come in any order; `arrival` and `work` are needed. An empty cell of `estimate`,
//! `priority`, `slots`, `key`, `zone` or `failure_probability` means what a missing column means. Quoting is
//! checked more strictly than the parser does it: a stray quote can swallow half a file without anybody
//! noticing.

use std::collections::BTreeMap;

use crate::fields::{amount, number, shortened};
use crate::scheduler::TaskDetails;
use crate::scheduler::details::NO_KEY;
use crate::time::Time;
use crate::workload::graph::{Cycle, Graph, Jobs};
use crate::workload::{TraceError, TraceTask, sort_tasks};

/// No more mistakes than this are reported together.
const MOST_MISTAKES: usize = 20;

/// What a task has when its row does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceDefaults<'a> {
    /// Larger is more urgent.
    pub priority: f64,
    /// Slots a task takes on its node, at least 1.
    pub slots: u32,
    /// Probability that an attempt fails.
    pub failure_probability: f64,
    /// What else is known of it.
    pub details: Option<TaskDetails>,
    /// Names of zones; the first is zone 1.
    pub zones: &'a [String],
}

/// The tasks of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvTrace {
    /// By (arrival, order in the file).
    pub tasks: Vec<TraceTask>,
    /// In order of first appearance; exactly one empty name without a `class` column.
    pub class_names: Vec<String>,
    /// True when there is an `estimate` column.
    pub has_estimates: bool,
    /// Who waits for whom, if any task does.
    pub graph: Option<Graph>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Id,
    Arrival,
    Work,
    Estimate,
    Priority,
    Slots,
    Class,
    Key,
    Zone,
    After,
    FailureProbability,
}

const COLUMNS: [(&str, Column); 11] = [
    ("id", Column::Id),
    ("arrival", Column::Arrival),
    ("work", Column::Work),
    ("estimate", Column::Estimate),
    ("priority", Column::Priority),
    ("slots", Column::Slots),
    ("class", Column::Class),
    ("key", Column::Key),
    ("zone", Column::Zone),
    ("after", Column::After),
    ("failure_probability", Column::FailureProbability),
];

/// Reads a table. On failure returns the first mistakes, at most 20, in the order of the file.
pub fn read(
    bytes: &[u8],
    largest_node_slots: u32,
    defaults: &TraceDefaults<'_>,
) -> Result<CsvTrace, Vec<TraceError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut mistakes = quoting_mistakes(bytes);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut table = ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut lines = Lines { bytes, at: 0, line: 1 };
    let mut record = ::csv::ByteRecord::new();
    let mut rows: Option<Rows<'_>> = None;
    loop {
        match table.read_byte_record(&mut record) {
            Ok(false) => break,
            // Reading bytes from memory fails in no known way, but nothing is swallowed.
            Err(error) => return Err(vec![whole_line(lines.line, error.to_string())]),
            Ok(true) => {}
        }
        let line = lines.of(record.position().map_or(0, |position| position.byte()));
        match &mut rows {
            None => {
                let columns = header(&record, line).map_err(capped)?;
                rows = Some(Rows::new(columns, largest_node_slots, *defaults));
            }
            Some(rows) => rows.take(&record, line, &mut mistakes),
        }
        if mistakes.len() >= MOST_MISTAKES {
            break;
        }
    }
    match rows {
        _ if !mistakes.is_empty() => Err(capped(mistakes)),
        None => Err(vec![whole_line(0, "the file is empty; expected a header line".to_owned())]),
        Some(rows) => rows.finish(),
    }
}

fn capped(mut mistakes: Vec<TraceError>) -> Vec<TraceError> {
    mistakes.truncate(MOST_MISTAKES);
    mistakes
}

fn whole_line(line: u64, message: String) -> TraceError {
    TraceError { line, column: 0, message }
}

/// What each field of a row is.
fn header(record: &::csv::ByteRecord, line: u64) -> Result<Vec<Column>, Vec<TraceError>> {
    let mut columns: Vec<Column> = Vec::new();
    let mut mistakes = Vec::new();
    for (index, name) in record.iter().enumerate() {
        let name = String::from_utf8_lossy(name.trim_ascii());
        let message = match COLUMNS.iter().find(|(known, _)| *known == name) {
            Some((_, column)) if columns.contains(column) => format!("the column \"{name}\" is there twice"),
            Some((_, column)) => {
                columns.push(*column);
                continue;
            }
            None => unknown_column(&name),
        };
        mistakes.push(TraceError { line, column: index as u64 + 1, message });
    }
    for (name, column) in COLUMNS {
        if matches!(column, Column::Arrival | Column::Work) && !columns.contains(&column) {
            mistakes.push(whole_line(line, format!("the column \"{name}\" is missing")));
        }
    }
    if mistakes.is_empty() { Ok(columns) } else { Err(mistakes) }
}

fn unknown_column(name: &str) -> String {
    let known: Vec<&str> = COLUMNS.iter().map(|(known, _)| *known).collect();
    let found = shortened(name);
    // A name that has more wrong than right in it is no slip of the pen.
    let nearest = known
        .iter()
        .map(|known| (edit_distance(&shortened(&name.to_lowercase()), known), *known))
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .min();
    match nearest {
        Some((_, nearest)) => format!("unknown column \"{found}\"; did you mean \"{nearest}\"?"),
        None => format!("unknown column \"{found}\"; the columns are {}", known.join(", ")),
    }
}

/// Levenshtein's distance: insertions, deletions and replacements from one word to the other.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Collects the tasks of the rows below the header.
struct Rows<'a> {
    columns: Vec<Column>,
    largest_node_slots: u32,
    defaults: TraceDefaults<'a>,
    tasks: Vec<TraceTask>,
    class_names: Vec<String>,
    classes: BTreeMap<String, u16>,
    /// The line on which each id was used, and the position of its task.
    ids: BTreeMap<String, (u64, u32)>,
    /// Ids that tasks wait for: position of the task, the id, and where it stands.
    after: Vec<(u32, String, u64, u64)>,
}

impl<'a> Rows<'a> {
    fn new(columns: Vec<Column>, largest_node_slots: u32, defaults: TraceDefaults<'a>) -> Rows<'a> {
        Rows {
            columns,
            largest_node_slots,
            defaults,
            tasks: Vec::new(),
            class_names: Vec::new(),
            classes: BTreeMap::new(),
            ids: BTreeMap::new(),
            after: Vec::new(),
        }
    }

    fn finish(mut self) -> Result<CsvTrace, Vec<TraceError>> {
        if self.tasks.is_empty() {
            return Err(vec![whole_line(0, "there are no tasks below the header".to_owned())]);
        }
        if self.class_names.is_empty() {
            self.class_names.push(String::new());
        }
        let graph = self.sort()?;
        let has_estimates = self.columns.contains(&Column::Estimate);
        Ok(CsvTrace { tasks: self.tasks, class_names: self.class_names, has_estimates, graph })
    }

    /// Puts the tasks in order, and finds those that others wait for by their ids.
    fn sort(&mut self) -> Result<Option<Graph>, Vec<TraceError>> {
        if self.after.is_empty() {
            sort_tasks(&mut self.tasks);
            return Ok(None);
        }
        let mut mistakes = Vec::new();
        let mut after = vec![Vec::new(); self.tasks.len()];
        for (task, id, line, column) in &self.after {
            match self.ids.get(id) {
                Some((_, parent)) => after[*task as usize].push(*parent),
                None => {
                    let message = format!("after: there is no task with the id \"{}\"", shortened(id));
                    mistakes.push(TraceError { line: *line, column: *column, message });
                }
            }
        }
        if !mistakes.is_empty() {
            return Err(capped(mistakes));
        }
        let mut ids = vec![""; self.tasks.len()];
        for (id, (_, position)) in &self.ids {
            ids[*position as usize] = id;
        }
        let graph = Graph::sort(&mut self.tasks, &after, Jobs::Connected);
        let wrong =
            |cycle: Cycle| whole_line(0, cycle.describe(|position| shortened(ids[position as usize])));
        graph.map(Some).map_err(|cycle| vec![wrong(cycle)])
    }

    fn take(&mut self, record: &::csv::ByteRecord, line: u64, mistakes: &mut Vec<TraceError>) {
        if record.len() == 1 && self.columns.len() > 1 && record[0].trim_ascii().is_empty() {
            return; // a line of blanks
        }
        if record.len() != self.columns.len() {
            let message = format!("expected {} fields, found {}", self.columns.len(), record.len());
            mistakes.push(whole_line(line, message));
            return;
        }
        let mut task = TraceTask {
            arrival: Time::ZERO,
            work: 0,
            requested: None,
            priority: self.defaults.priority,
            slots: self.defaults.slots,
            class: 0,
            failure_probability: self.defaults.failure_probability,
            details: self.defaults.details.map(Box::new),
        };
        let before = mistakes.len();
        for (index, field) in record.iter().enumerate() {
            let column = self.columns[index];
            let taken = match std::str::from_utf8(field) {
                Ok(text) if column == Column::After => self.take_after(text, line, index as u64 + 1),
                Ok(text) => self.take_field(column, text.trim(), line, &mut task),
                Err(_) => Err("not valid UTF-8".to_owned()),
            };
            if let Err(wrong) = taken {
                let name = COLUMNS[column as usize].0;
                let message = format!("{name}: {wrong}");
                mistakes.push(TraceError { line, column: index as u64 + 1, message });
            }
        }
        if mistakes.len() == before {
            self.tasks.push(task);
        }
    }

    fn take_field(
        &mut self,
        column: Column,
        text: &str,
        line: u64,
        task: &mut TraceTask,
    ) -> Result<(), String> {
        let amount = |text: &str| amount(text).map_err(|wrong| wrong.describe(text));
        match column {
            Column::Id => self.take_id(text, line)?,
            Column::Arrival => task.arrival = Time(amount(text)?),
            Column::Work => task.work = amount(text)?,
            Column::Class => task.class = self.class(text)?,
            Column::After => {}
            Column::Estimate | Column::Priority | Column::Slots if text.is_empty() => {}
            Column::Key | Column::Zone | Column::FailureProbability if text.is_empty() => {}
            Column::Estimate => task.requested = Some(amount(text)?),
            Column::Priority => task.priority = number(text).map_err(|wrong| wrong.describe(text))?,
            Column::Slots => task.slots = self.slots(text)?,
            Column::Key => task.details.get_or_insert_default().key = key(text),
            Column::FailureProbability => {
                task.failure_probability = number(text).map_err(|wrong| wrong.describe(text))?;
                if !(0.0..=1.0).contains(&task.failure_probability) {
                    return Err(format!("expected a probability from 0 to 1, found {}", shortened(text)));
                }
            }
            Column::Zone => task.details.get_or_insert_default().zone = self.zone(text)?,
        }
        Ok(())
    }

    fn take_id(&mut self, text: &str, line: u64) -> Result<(), String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        match self.ids.insert(text.to_owned(), (line, self.tasks.len() as u32)) {
            None => Ok(()),
            Some(first) => {
                self.ids.insert(text.to_owned(), first);
                Err(format!("\"{}\" is already used on line {}", shortened(text), first.0))
            }
        }
    }

    /// Ids separated by semicolons; none in an empty field.
    fn take_after(&mut self, text: &str, line: u64, column: u64) -> Result<(), String> {
        if text.trim().is_empty() {
            return Ok(());
        }
        if !self.columns.contains(&Column::Id) {
            return Err("names tasks by their ids, and there is no column \"id\"".to_owned());
        }
        for id in text.split(';').map(str::trim) {
            if id.is_empty() {
                return Err(format!("an id is missing in \"{}\"", shortened(text)));
            }
            self.after.push((self.tasks.len() as u32, id.to_owned(), line, column));
        }
        Ok(())
    }

    fn class(&mut self, text: &str) -> Result<u16, String> {
        if text.is_empty() {
            return Err("must not be empty".to_owned());
        }
        if let Some(class) = self.classes.get(text) {
            return Ok(*class);
        }
        let class = u16::try_from(self.class_names.len())
            .map_err(|_| format!("there are more than {} classes", u32::from(u16::MAX) + 1))?;
        self.class_names.push(text.to_owned());
        self.classes.insert(text.to_owned(), class);
        Ok(class)
    }

    fn zone(&self, text: &str) -> Result<u16, String> {
        let zones = self.defaults.zones;
        match zones.iter().position(|zone| zone == text) {
            Some(index) => Ok(index as u16 + 1),
            None if zones.is_empty() => Err("there are no zones".to_owned()),
            None => Err(format!("unknown zone {}; there are {}", shortened(text), zones.join(", "))),
        }
    }

    fn slots(&self, text: &str) -> Result<u32, String> {
        let value = number(text).map_err(|wrong| wrong.describe(text))?;
        if value < 1.0 || value.fract() != 0.0 {
            return Err(format!("expected a whole number of at least 1, found {}", shortened(text)));
        }
        if value > f64::from(self.largest_node_slots) {
            let largest = self.largest_node_slots;
            return Err(format!("no node has {} slots; the largest has {largest}", shortened(text)));
        }
        Ok(value as u32)
    }
}

/// A key for a text: the hash of Fowler, Noll and Vo (1991), FNV-1a with 64 bits.
fn key(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The last number of all means that there is no key.
    hash.min(NO_KEY - 1)
}

/// Finds the line of a record. The parser's own count is that of the end of the record before, so
/// blank lines and carriage returns mislead it.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line on which the record that begins at or after `byte` begins; to be asked in order.
    fn of(&mut self, byte: u64) -> u64 {
        let mut start = byte as usize;
        while matches!(self.bytes.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        while self.at < start {
            let byte = self.bytes[self.at];
            self.at += 1;
            let pair = byte == b'\r' && self.bytes.get(self.at) == Some(&b'\n');
            self.line += u64::from((byte == b'\n' || byte == b'\r') && !pair);
        }
        self.line
    }
}

/// Where a strict reader of quotes is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote within a quoted field: its end, or half of a doubled quote.
    QuoteInQuoted,
}

/// Quotes that are not opened, doubled or closed as RFC 4180 asks; at most one for each field.
fn quoting_mistakes(bytes: &[u8]) -> Vec<TraceError> {
    let mut mistakes = Vec::new();
    let mut state = Quoting::FieldStart;
    let (mut line, mut column) = (1, 1);
    let mut opened = (1, 1);
    for (index, byte) in bytes.iter().enumerate() {
        let message = match (state, byte) {
            (Quoting::Plain, b'"') => Some("a quote within a field that does not begin with one"),
            (Quoting::QuoteInQuoted, byte) if !matches!(byte, b'"' | b',' | b'\r' | b'\n') => {
                Some("text after the closing quote of a field")
            }
            _ => None,
        };
        if let Some(message) = message
            && mistakes.len() < MOST_MISTAKES
        {
            mistakes.push(TraceError { line, column, message: message.to_owned() });
        }
        let line_ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
        line += u64::from(line_ends);
        state = match (state, byte) {
            (Quoting::Quoted, b'"') => Quoting::QuoteInQuoted,
            (Quoting::Quoted, _) | (Quoting::QuoteInQuoted, b'"') => Quoting::Quoted,
            (Quoting::FieldStart, b'"') => {
                opened = (line, column);
                Quoting::Quoted
            }
            (_, b',') => {
                column += 1;
                Quoting::FieldStart
            }
            (_, b'\r' | b'\n') => {
                column = 1;
                Quoting::FieldStart
            }
            _ => Quoting::Plain,
        };
    }
    if state == Quoting::Quoted && mistakes.len() < MOST_MISTAKES {
        let message = "the quote that opens this field is never closed".to_owned();
        mistakes.push(TraceError { line: opened.0, column: opened.1, message });
    }
    mistakes
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;
