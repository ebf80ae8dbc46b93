//! Worker processes of a live run, found by their command lines, and signals to them.
#![allow(clippy::disallowed_methods)] // real processes take real time

use std::path::Path;
use std::time::{Duration, Instant};

/// A worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerProcess {
    pub(crate) process: i32,
    pub(crate) node: u32,
}

/// Numbers of the processes whose parent is `parent`.
fn children(parent: u32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has it");
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|process: &i32| {
            // "1234 (falcon) S 1233 ..."; the name may hold anything, brackets too.
            let line = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            let rest = line.rsplit(')').next().unwrap_or_default();
            rest.split_whitespace().nth(1).is_some_and(|found| found.parse() == Ok(parent))
        })
        .collect()
}

/// The workers that process `parent` has started and that still live, in order of node. `address` picks
/// those of one run.
pub(crate) fn workers(parent: u32, address: Option<&str>) -> Vec<WorkerProcess> {
    let worker = |process: i32| {
        // Empty once the process has ended.
        let line = std::fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let words: Vec<&str> =
            line.split(|&byte| byte == 0).map(|w| std::str::from_utf8(w).unwrap_or("")).collect();
        let after = |flag: &str| words.get(words.iter().position(|word| *word == flag)? + 1).copied();
        let here = address.is_none_or(|address| after("--connect") == Some(address));
        (here && words.get(1) == Some(&"worker"))
            .then_some(WorkerProcess { process, node: after("--node")?.parse().ok()? })
    };
    let mut found: Vec<_> = children(parent).into_iter().filter_map(worker).collect();
    found.sort_by_key(|worker| worker.node);
    found
}

/// Whether the process is gone, or has ended and only not been waited for.
pub(crate) fn is_gone(process: i32) -> bool {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = line.rsplit(')').next().unwrap_or_default().trim().chars().next();
    !Path::new(&format!("/proc/{process}")).exists() || matches!(state, None | Some('Z' | 'X'))
}

/// Whether the process is stopped.
pub(crate) fn is_stopped(process: i32) -> bool {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    line.rsplit(')').next().unwrap_or_default().trim().starts_with('T')
}

/// Sends a signal; false when the process is gone.
pub(crate) fn signal(process: i32, signal: i32) -> bool {
    // SAFETY: sends a signal to a process that this test, or a process of it, has started.
    #[allow(unsafe_code)]
    unsafe {
        libc::kill(process, signal) == 0
    }
}

/// Waits for something that must come.
#[track_caller]
pub(crate) fn until(what: &str, patience: Duration, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < patience, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
