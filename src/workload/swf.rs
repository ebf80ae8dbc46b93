//! Reads the Standard Workload Format of the Parallel Workloads Archive (Chapin et al. 1999;
//! definition 2.2 at the archive): one job a line, 18 fields divided by blanks, `;` for comments.
//!
//! The usual reading for scheduling studies: the processors allocated (field 5), else those
//! requested (field 8), become slots; the run time (field 4) becomes work at speed 1; the time
//! requested (field 9), or the run time where it is missing, is what the user said. Jobs that
//! never ran or took no processors are left out and counted, so are jobs larger than the largest
//! node. The fields that are not used are not looked at.

use crate::fields::{amount, number, shortened};
use crate::scheduler::TaskDetails;
use crate::time::Time;
use crate::workload::{TraceError, TraceTask, sort_tasks};

/// Fields of a line; more are tolerated, as some logs have extensions at the end.
const FIELDS: usize = 18;
const SUBMIT_TIME: usize = 2;
const RUN_TIME: usize = 4;
const PROCESSORS_ALLOCATED: usize = 5;
const PROCESSORS_REQUESTED: usize = 8;
const TIME_REQUESTED: usize = 9;
const USER: usize = 12;

/// The usable jobs of a log, and how many were left out and why.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SwfLog {
    /// Jobs by (submit time, order in the file).
    pub tasks: Vec<TraceTask>,
    /// Records with a run time of zero or below (-1 is "unknown").
    pub dropped_without_run_time: u64,
    /// Records that ran but name no processors.
    pub dropped_without_processors: u64,
    /// Records that need more slots than the largest node has.
    pub dropped_too_large: u64,
    /// All records of the log, usable or not.
    pub records: u64,
}

/// Reads a log (not compressed). Submit times stay as they are in the log; what was requested is at
/// least what was used. `users` says whether to read who submitted each job (field 12); unknown users
/// are user 0.
pub fn read(bytes: &[u8], largest_node_slots: u32, users: bool) -> Result<SwfLog, TraceError> {
    let mut log = read_as_requested(bytes, largest_node_slots, users)?;
    for task in &mut log.tasks {
        task.requested = Some(task.requested.unwrap_or(task.work).max(task.work));
    }
    Ok(log)
}

/// The same with requested times as the log has them, for workloads that end jobs there: less than
/// the run time where a site let a job run on, `None` where it is missing.
pub fn read_as_requested(bytes: &[u8], largest_node_slots: u32, users: bool) -> Result<SwfLog, TraceError> {
    let mut log = SwfLog::default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        // Comments may be in any encoding: the names of sites and people often are in Latin-1.
        if line.is_empty() || line.starts_with(b";") {
            continue;
        }
        log.records += 1;
        read_record(line, index as u64 + 1, largest_node_slots, users, &mut log)?;
    }
    sort_tasks(&mut log.tasks);
    Ok(log)
}

/// One record: its text and where it is, for messages.
struct Record<'a> {
    fields: [&'a str; FIELDS],
    line: u64,
}

fn read_record(
    line: &[u8],
    number: u64,
    largest_node_slots: u32,
    users: bool,
    log: &mut SwfLog,
) -> Result<(), TraceError> {
    let record = Record::split(line, number)?;
    // Read whole before anything is dropped, so that a broken file is noticed wherever it is broken.
    let arrival = record.amount(SUBMIT_TIME, "submit time")?;
    let run_time = record.known_amount(RUN_TIME, "run time")?;
    let allocated = record.processors(PROCESSORS_ALLOCATED, "processors allocated")?;
    let requested_processors = record.processors(PROCESSORS_REQUESTED, "processors requested")?;
    let requested = record.known_amount(TIME_REQUESTED, "time requested")?;
    let user = if users { record.user()? } else { 0 };

    let Some(work) = run_time else {
        log.dropped_without_run_time += 1;
        return Ok(());
    };
    let Some(processors) = allocated.or(requested_processors) else {
        log.dropped_without_processors += 1;
        return Ok(());
    };
    if processors > f64::from(largest_node_slots) {
        log.dropped_too_large += 1;
        return Ok(());
    }
    log.tasks.push(TraceTask {
        arrival: Time(arrival),
        work,
        requested,
        priority: 0.0,
        slots: processors as u32,
        class: 0,
        failure_probability: 0.0,
        details: (user != 0).then(|| Box::new(TaskDetails { user, ..TaskDetails::default() })),
    });
    Ok(())
}

impl<'a> Record<'a> {
    fn split(line: &'a [u8], number: u64) -> Result<Record<'a>, TraceError> {
        let mut fields = [""; FIELDS];
        let mut found = 0;
        for (index, field) in
            line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).enumerate()
        {
            found = index + 1;
            let Some(slot) = fields.get_mut(index) else { break };
            *slot = std::str::from_utf8(field).map_err(|_| TraceError {
                line: number,
                column: index as u64 + 1,
                message: "not valid UTF-8; expected a number".to_owned(),
            })?;
        }
        if found < FIELDS {
            return Err(TraceError {
                line: number,
                column: found as u64 + 1,
                message: format!("expected {FIELDS} fields, found {found}"),
            });
        }
        Ok(Record { fields, line: number })
    }

    fn error(&self, field: usize, message: String) -> TraceError {
        TraceError { line: self.line, column: field as u64, message }
    }

    /// The field with this number, counted from 1 as the format does.
    fn text(&self, field: usize) -> &'a str {
        self.fields[field - 1]
    }

    fn amount(&self, field: usize, name: &str) -> Result<u64, TraceError> {
        let text = self.text(field);
        amount(text).map_err(|wrong| self.error(field, format!("{name}: {}", wrong.describe(text))))
    }

    /// A positive amount; `None` for zero and for the -1 of "unknown".
    fn known_amount(&self, field: usize, name: &str) -> Result<Option<u64>, TraceError> {
        if self.number(field, name)? <= 0.0 {
            return Ok(None);
        }
        self.amount(field, name).map(|amount| (amount > 0).then_some(amount))
    }

    /// Who submitted the job; 0 when nobody knows.
    fn user(&self) -> Result<u32, TraceError> {
        let text = shortened(self.text(USER));
        let user = self.processors(USER, "user")?.unwrap_or(0.0);
        if user > f64::from(u32::MAX) {
            return Err(self.error(USER, format!("user: {text} is too large")));
        }
        Ok(user as u32)
    }

    /// A positive whole number, as large as it may be; `None` for zero and for -1.
    fn processors(&self, field: usize, name: &str) -> Result<Option<f64>, TraceError> {
        let count = self.number(field, name)?;
        if count.fract() != 0.0 {
            let text = shortened(self.text(field));
            return Err(self.error(field, format!("{name}: expected a whole number, found {text}")));
        }
        Ok((count > 0.0).then_some(count))
    }

    fn number(&self, field: usize, name: &str) -> Result<f64, TraceError> {
        let text = self.text(field);
        number(text).map_err(|wrong| self.error(field, format!("{name}: {}", wrong.describe(text))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record with these values in the fields that are used.
    fn record(submit: &str, run: &str, allocated: &str, requested: &str, time: &str) -> String {
        format!("1 {submit} 5 {run} {allocated} 9.5 -1 {requested} {time} -1 1 1 1 -1 -1 1 -1 -1\n")
    }

    fn read_text(text: &str) -> Result<SwfLog, TraceError> {
        read(text.as_bytes(), 64, false)
    }

    fn message(text: &str) -> String {
        read_text(text).unwrap_err().to_string()
    }

    #[test]
    fn users_are_read_when_asked_for() {
        let of = |user: &str| format!("1 0 5 10 4 9.5 -1 4 10 -1 1 {user} 1 -1 -1 1 -1 -1\n");
        let log = [of("7"), of("-1"), of("3")].concat();
        let users = |asked: bool| -> Vec<Option<u32>> {
            let tasks = read(log.as_bytes(), 64, asked).unwrap().tasks;
            tasks.iter().map(|task| task.details.as_ref().map(|details| details.user)).collect()
        };
        assert_eq!(users(true), [Some(7), None, Some(3)]);
        assert_eq!(users(false), [None, None, None]);
        let wrong = |user: &str| read(of(user).as_bytes(), 64, true).unwrap_err().to_string();
        assert_eq!(wrong("x"), "line 1, field 12: user: expected a number, found \"x\"");
        assert_eq!(wrong("1.5"), "line 1, field 12: user: expected a whole number, found 1.5");
        assert_eq!(wrong("4294967296"), "line 1, field 12: user: 4294967296 is too large");
        assert!(read(of("x").as_bytes(), 64, false).is_ok(), "what is not used is not looked at");
    }

    #[test]
    fn fields_mean_what_the_format_says() {
        let log = read_text(&record("10", "100", "4", "8", "300")).unwrap();
        let task = &log.tasks[0];
        assert_eq!((task.arrival, task.work), (Time(10_000_000_000), 100_000_000_000));
        assert_eq!((task.slots, task.requested), (4, Some(300_000_000_000)));
        assert_eq!(log.records, 1);
    }

    #[test]
    fn missing_values_have_substitutes() {
        let log = read_text(&record("0", "100", "-1", "8", "-1")).unwrap();
        assert_eq!((log.tasks[0].slots, log.tasks[0].requested), (8, Some(100_000_000_000)));
        let log = read_text(&record("0", "100", "0", "8", "50")).unwrap();
        assert_eq!(log.tasks[0].slots, 8);
        assert_eq!(log.tasks[0].requested, Some(100_000_000_000), "at least the run time");
    }

    #[test]
    fn records_that_cannot_run_are_counted_by_reason() {
        let text = [
            record("0", "-1", "4", "4", "9"),
            record("0", "0", "-1", "-1", "9"),
            record("0", "7", "-1", "0", "9"),
            record("0", "7", "65", "4", "9"),
            record("0", "7", "1e300", "4", "9"),
            record("0", "7", "64", "4", "9"),
        ]
        .concat();
        let log = read_text(&text).unwrap();
        let dropped = (log.dropped_without_run_time, log.dropped_without_processors, log.dropped_too_large);
        assert_eq!(dropped, (2, 1, 2));
        assert_eq!((log.records, log.tasks.len()), (6, 1));
    }

    #[test]
    fn equal_submit_times_keep_the_order_of_the_file() {
        let text = ["5", "3", "5", "3"]
            .iter()
            .enumerate()
            .map(|(i, submit)| record(submit, &format!("{}", i + 1), "1", "1", "1"))
            .collect::<String>();
        let works: Vec<u64> =
            read_text(&text).unwrap().tasks.iter().map(|task| task.work / 1_000_000_000).collect();
        assert_eq!(works, [2, 4, 1, 3]);
    }

    #[test]
    fn comments_blank_lines_and_line_ends_do_not_matter() {
        let line = record("1", "2.5", "1", "1", "9");
        let mut text = b"\xef\xbb\xbf; Installation: \xc5ngstr\xf6m\r\n\r\n   \t\r\n".to_vec();
        text.extend(line.trim_end().replace(' ', " \t ").bytes());
        text.extend(b"\r\n  ; the end");
        let log = read(&text, 1, false).unwrap();
        assert_eq!(log.tasks[0].work, 2_500_000_000);
        assert_eq!(read(b"", 1, false).unwrap(), SwfLog::default());
    }

    #[test]
    fn mistakes_are_named_with_line_and_field() {
        let good = record("1", "2", "1", "1", "9");
        assert_eq!(message("1 2 3\n"), "line 1, field 4: expected 18 fields, found 3");
        assert_eq!(
            message(&format!("; x\n{good}{}", record("1", "n/a", "1", "1", "9"))),
            "line 3, field 4: run time: expected a number, found \"n/a\""
        );
        assert_eq!(
            message(&record("-1", "2", "1", "1", "9")),
            "line 1, field 2: submit time: must not be negative, found -1"
        );
        assert_eq!(
            message(&record("1", "2", "1.5", "1", "9")),
            "line 1, field 5: processors allocated: expected a whole number, found 1.5"
        );
        assert_eq!(
            message(&record("1", "1e30", "1", "1", "9")),
            "line 1, field 4: run time: 1e30 is too large; the limit is 1.8e10"
        );
        assert_eq!(
            message(&record("1", "nan", "1", "1", "9")),
            "line 1, field 4: run time: expected a finite number, found \"nan\""
        );
        let broken = read(b"1 \xff 3", 1, false).unwrap_err();
        assert_eq!((broken.line, broken.column), (1, 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes, 16, true);
        }

        #[test]
        fn any_numbers_are_read_without_a_panic(fields in proptest::collection::vec("[0-9eE.+-]{1,8}|-1|inf", 18..20)) {
            if let Ok(log) = read(fields.join(" ").as_bytes(), 16, true) {
                let left = log.dropped_without_run_time + log.dropped_without_processors + log.dropped_too_large;
                prop_assert_eq!(log.records, log.tasks.len() as u64 + left);
            }
        }

        #[test]
        fn what_is_written_is_read_again(jobs in proptest::collection::vec((0u64..1_000_000, 1u64..100_000, 1u32..65, 0u64..200_000), 0..50)) {
            let text: String = jobs
                .iter()
                .map(|(submit, run, size, time)| record(&submit.to_string(), &run.to_string(), &size.to_string(), "-1", &time.to_string()))
                .collect();
            let mut sorted = jobs.clone();
            sorted.sort_by_key(|job| job.0);
            let log = read_text(&text).unwrap();
            prop_assert_eq!(log.tasks.len(), sorted.len());
            for (task, (submit, run, size, time)) in log.tasks.iter().zip(sorted) {
                prop_assert_eq!(task.arrival.0, submit * 1_000_000_000);
                prop_assert_eq!(task.work, run * 1_000_000_000);
                prop_assert_eq!(task.slots, size);
                prop_assert_eq!(task.requested, Some(time.max(run) * 1_000_000_000));
            }
        }
    }
}
