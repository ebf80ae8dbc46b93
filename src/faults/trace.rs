//! Reads outages from a table: comma-separated values with a header line.
//!
//! Columns may come in any order: `start_s` and `end_s` in seconds since the start of the run, and
//! `node`, by number (from 0) or by name. A column `cause` is there for people and not read.

use super::{Affected, Outage};
use crate::fields::{TraceError, amount, shortened};
use crate::time::Time;

/// No more mistakes than this are reported together.
const MOST_MISTAKES: usize = 20;

const COLUMNS: [&str; 4] = ["start_s", "end_s", "node", "cause"];

/// Reads a table for a cluster of so many nodes; `named` finds a node by its name. On failure
/// returns the first mistakes, at most 20, in the order of the file.
///
/// # Errors
/// When a column is missing or unknown, or when a row has a wrong number of fields, a time that is
/// none, an end before its start, or a node that is not there.
pub fn read(
    bytes: &[u8],
    nodes: u32,
    named: &dyn Fn(&str) -> Option<u32>,
) -> Result<Vec<Outage>, Vec<TraceError>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut table = ::csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = table.byte_headers().map_err(|error| vec![mistake(1, 0, error.to_string())])?.clone();
    let places = places(&header)?;
    let (mut outages, mut mistakes) = (Vec::new(), Vec::new());
    let mut record = ::csv::ByteRecord::new();
    while mistakes.len() < MOST_MISTAKES {
        match table.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => return Err(vec![mistake(0, 0, error.to_string())]),
        }
        let line = record.position().map_or(0, |position| position.line());
        if record.len() == header.len() {
            match outage(&record, places, line, nodes, named) {
                Ok(outage) => outages.push(outage),
                Err(wrong) => mistakes.push(wrong),
            }
        } else {
            let message = format!("expected {} fields, found {}", header.len(), record.len());
            mistakes.push(mistake(line, 0, message));
        }
    }
    match mistakes.is_empty() {
        true if outages.is_empty() => Err(vec![mistake(0, 0, "no outages below the header".to_owned())]),
        true => Ok(outages),
        false => Err(mistakes),
    }
}

fn mistake(line: u64, column: u64, message: String) -> TraceError {
    TraceError { line, column, message }
}

/// Where `start_s`, `end_s` and `node` stand.
fn places(header: &::csv::ByteRecord) -> Result<[usize; 3], Vec<TraceError>> {
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect();
    let mut mistakes = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let message = match COLUMNS.contains(&name.as_str()) {
            true if names[..index].contains(name) => format!("the column \"{name}\" is there twice"),
            true => continue,
            false => {
                format!("unknown column \"{}\"; the columns are {}", shortened(name), COLUMNS.join(", "))
            }
        };
        mistakes.push(mistake(1, index as u64 + 1, message));
    }
    let mut place = |wanted: &str| {
        let found = names.iter().position(|name| name == wanted);
        if found.is_none() {
            mistakes.push(mistake(1, 0, format!("the column \"{wanted}\" is missing")));
        }
        found.unwrap_or(0)
    };
    let places = [place("start_s"), place("end_s"), place("node")];
    if mistakes.is_empty() { Ok(places) } else { Err(mistakes) }
}

fn outage(
    record: &::csv::ByteRecord,
    places: [usize; 3],
    line: u64,
    nodes: u32,
    named: &dyn Fn(&str) -> Option<u32>,
) -> Result<Outage, TraceError> {
    let [start, end, node] = places;
    let text = |place: usize| {
        let text = std::str::from_utf8(&record[place]).map(str::trim);
        text.map_err(|_| mistake(line, place as u64 + 1, "not valid UTF-8".to_owned()))
    };
    let time = |place: usize, name: &str| {
        let text = text(place)?;
        let wrong = |wrong: String| mistake(line, place as u64 + 1, format!("{name}: {wrong}"));
        amount(text).map(Time).map_err(|why| wrong(why.describe(text)))
    };
    let (from, to) = (time(start, "start_s")?, time(end, "end_s")?);
    if to < from {
        let message = format!("the outage ends ({}) before it starts ({})", text(end)?, text(start)?);
        return Err(mistake(line, end as u64 + 1, message));
    }
    let name = text(node)?;
    let number = name.parse::<u32>().ok().filter(|number| *number < nodes).or_else(|| named(name));
    let Some(number) = number else {
        let last = nodes.saturating_sub(1);
        let message = format!("there is no node \"{}\": nodes are 0 to {last}, or names", shortened(name));
        return Err(mistake(line, node as u64 + 1, message));
    };
    Ok(Outage { nodes: Affected::Node(number), start: from, end: to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let named = |name: &str| (name == "web-0").then_some(7);
        match read(text.as_bytes(), 8, &named) {
            Ok(outages) => outages.iter().map(|outage| format!("{outage:?}")).collect(),
            Err(mistakes) => mistakes.iter().map(TraceError::to_string).collect(),
        }
    }

    #[test]
    fn outages_are_read_whatever_the_order_of_columns() {
        let second = |seconds: u64| Time(seconds * 1_000_000_000);
        let read = read(b"node,cause,end_s,start_s\n3,Disk,20,10.5\n", 8, &|_| None);
        let expected = Outage { nodes: Affected::Node(3), start: Time(10_500_000_000), end: second(20) };
        assert_eq!(read, Ok(vec![expected]));
        let named = messages("start_s,end_s,node\n0,1,web-0\n");
        assert!(named[0].contains("Node(7)"), "{named:?}");
    }

    #[test]
    fn mistakes_say_where_they_are() {
        for (text, expected) in [
            ("", "line 1: the column \"start_s\" is missing"),
            ("start_s,end_s,node,why\n", "line 1, field 4: unknown column \"why\""),
            ("start_s,end_s,node,node\n", "line 1, field 4: the column \"node\" is there twice"),
            ("start_s,end_s,node\n", "no outages below the header"),
            ("start_s,end_s,node\n1,2\n", "line 2: expected 3 fields, found 2"),
            ("start_s,end_s,node\n1,x,0\n", "line 2, field 2: end_s: expected a number, found \"x\""),
            ("start_s,end_s,node\n-1,2,0\n", "line 2, field 1: start_s: must not be negative"),
            ("start_s,end_s,node\n3,2,0\n", "line 2, field 2: the outage ends (2) before it starts (3)"),
            ("start_s,end_s,node\n1,2,8\n", "line 2, field 3: there is no node \"8\": nodes are 0 to 7"),
        ] {
            let found = messages(text);
            assert!(found[0].starts_with(expected), "{text:?}: {found:?}");
        }
    }
}
