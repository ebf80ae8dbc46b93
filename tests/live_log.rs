//! Logs of live runs that were cut off, changed or made up: an error that says where, never a panic.

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use falcon::live::log::{self, Header, LogError, LogWriter, Replayed};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use support::stand_in::{Honest, options, plan, try_live};

/// The lines of a log of two runs: push and pull, failures of nodes and of attempts.
fn lines() -> &'static Vec<String> {
    static LINES: OnceLock<Vec<String>> = OnceLock::new();
    LINES.get_or_init(|| {
        let plan = plan(
            r#"
            policies = ["sjf", "power-of-two", "easy-backfill"]
            retry = { backoff = { base = 0.1, jitter = 0.5 } }
            nodes = [{ count = 3, slots = 2, up.exponential.mean = 10.0, down.exponential.mean = 2.0 }]
            [workload]
            tasks = 30
            arrivals.poisson.rate = 3.0
            duration.exponential.mean = 1.0
            failure_probability = 0.2
            "#,
        );
        let world = plan.world();
        let mut writer = LogWriter::new(Vec::new());
        for (index, policy) in plan.policies.iter().enumerate() {
            let output = try_live(&plan, index, 1, &mut Honest, &options()).expect("it runs");
            let nodes = world.nodes.clone();
            let header = Header::new(policy.clone(), 0, nodes, world.scheduler_config(1, true));
            writer.run(&header, &output.journal).expect("memory takes it");
        }
        let mut text = String::new();
        GzDecoder::new(&writer.finish().expect("memory takes it")[..])
            .read_to_string(&mut text)
            .expect("text");
        text.lines().map(String::from).collect()
    })
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text).expect("memory takes it");
    packed.finish().expect("memory takes it")
}

fn replay(packed: &[u8]) -> (Vec<Replayed>, Result<(), LogError>) {
    let mut runs = Vec::new();
    let outcome = log::replay_all(packed, |run| runs.push(run));
    (runs, outcome)
}

/// The log with the first line that contains `from` changed.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let mut lines = lines().clone();
    let line = lines.iter_mut().find(|line| line.contains(from)).unwrap_or_else(|| panic!("no {from}"));
    *line = line.replacen(from, to, 1);
    pack(lines.join("\n").as_bytes())
}

#[test]
fn an_honest_log_is_replayed() {
    let (runs, outcome) = replay(&pack(lines().join("\n").as_bytes()));
    outcome.expect("it is whole");
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run.mismatch.is_none() && run.steps > 30));
}

/// What `falcon replay` says of a folder with this log.
fn said(folder: &Path, log: Option<&[u8]>) -> String {
    if let Some(log) = log {
        std::fs::write(folder.join(log::FILE), log).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_falcon")).arg("replay").arg(folder).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("bug of falcon"), "{said}");
    said
}

#[test]
fn what_is_wrong_with_a_log_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(said(folder, None).contains("`falcon live` writes the log"));
    let whole = pack(lines().join("\n").as_bytes());
    let said_of = |log: &[u8]| said(folder, Some(log));
    assert!(said_of(&[]).contains("the log"), "{}", said_of(&[]));
    assert!(said_of(b"not packed at all").contains("cannot read the log"));
    assert!(said_of(&whole[..whole.len() / 2]).contains("cut off after line"));
    assert!(said_of(&whole[..whole.len() - 3]).contains("cut off after line"));
    assert!(said_of(&pack(b"")).contains("it holds no run"));
    assert!(said_of(&pack(lines()[1].as_bytes())).contains("line 1 of the log is damaged: a step before"));
    // One digit of a command.
    let start = lines().iter().find(|line| line.contains("StartAttempt")).expect("one starts");
    let at = start.find("\"commands\"").expect("commands");
    let node = start[at..].find("\"node\":").expect("a node") + at + 7;
    let digit = &start[node..node + 1];
    let other = format!("{}{}{}", &start[..node], if digit == "2" { "1" } else { "2" }, &start[node + 1..]);
    let text = said_of(&changed(start, &other));
    assert!(text.contains("1 of 3 runs were decided otherwise than the log says"), "{text}");
}

#[test]
fn absurd_numbers_are_damage() {
    let slot = "{\"TaskSubmitted\":{\"task\":{\"slot\":0";
    for (from, to) in [
        (slot, "{\"TaskSubmitted\":{\"task\":{\"slot\":4294967295"),
        (slot, "{\"TaskSubmitted\":{\"task\":{\"slot\":7"),
        ("\"number\":0}", "\"number\":4294967295}"),
        ("\"NodeJoined\":{\"node\":2", "\"NodeJoined\":{\"node\":99"),
        ("\"NodeLost\":{\"node\":", "\"NodeLost\":{\"node\":9"),
        ("\"slots\":1", "\"slots\":4294967295"),
        ("\"slots\":1", "\"slots\":0"),
        ("\"slots\":2", "\"slots\":0"),
        ("\"d\":2", "\"d\":0"),
        ("\"d\":2", "\"d\":4294967295"),
        ("\"d\":2", "\"d\":4"),
        ("\"speed\":1.0", "\"speed\":-1.0"),
        ("\"speed\":1.0", "\"speed\":1e999"),
        ("\"weight\":2.0", "\"weight\":0.0"),
        ("\"jitter\":0.5", "\"jitter\":5e300"),
        ("\"factor\":2.0", "\"factor\":0.0"),
        ("\"form\":3", "\"form\":2"),
        ("{\"step\":{\"now\":", "{\"step\":{\"now\":18446744073709551615,\"was\":"),
    ] {
        let (_, outcome) = replay(&changed(from, to));
        assert!(matches!(outcome, Err(LogError::Damaged { .. })), "{from} to {to}: {outcome:?}");
    }
}

#[test]
fn time_does_not_go_back() {
    let mut lines = lines().clone();
    let comma = lines[9].find(',').expect("more than a time");
    lines[9] = format!("{{\"step\":{{\"now\":1{}", &lines[9][comma..]);
    let (_, outcome) = replay(&pack(lines.join("\n").as_bytes()));
    let error = outcome.expect_err("time goes back").to_string();
    assert!(error.contains("line 10 of the log is damaged: time goes back"), "{error}");
}

/// A line without an end would fill the memory: 600 MB take half a megabyte when packed.
#[test]
fn a_line_without_end_is_not_read_to_its_end() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let blanks = vec![b' '; 1 << 20];
    (0..300).for_each(|_| packed.write_all(&blanks).expect("memory takes it"));
    let (_, outcome) = replay(&packed.finish().expect("memory takes it"));
    assert!(outcome.expect_err("no line is so long").to_string().contains("longer than 256 MB"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed: an error, another decision, or no difference at all.
    #[test]
    fn no_change_of_a_log_makes_replay_panic(
        bytes in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>()), 0..4),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
    ) {
        let mut lines = lines().clone();
        for (a, b) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        let mut text = lines.join("\n").into_bytes();
        for (at, how, byte) in bytes {
            let at = at.index(text.len());
            // Any byte, or a digit for a digit, which is more often a log still.
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, b'0' + byte % 10),
                _ => match text[at..].iter().position(u8::is_ascii_digit) {
                    Some(digit) => text[at + digit] = b'0' + byte % 10,
                    None => text[at] = byte,
                },
            }
        }
        let _ = replay(&pack(&text));
    }

    /// The packed bytes may be changed too.
    #[test]
    fn no_change_of_a_packed_log_makes_replay_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut packed = pack(lines().join("\n").as_bytes());
        let at = at.index(packed.len());
        packed[at] = byte;
        let _ = replay(&packed);
    }
}
