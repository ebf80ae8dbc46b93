//! Worker processes: started, killed, and never left behind.
#![allow(clippy::disallowed_methods)] // the end of a process is looked for now and then

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::Arrival;
use super::connections::SMALL_STACK;
use crate::ids::NodeId;
use crate::live::link::{Incoming, Life};
use crate::live::system::{self, Signal};
use crate::live::worker_process::SECRET_VARIABLE;

/// How much of what a worker prints is kept, from the end.
const MOST_KEPT: usize = 1024;

/// All processes that may still run.
#[derive(Debug)]
pub(super) struct Processes {
    program: PathBuf,
    secret: u128,
    address: SocketAddr,
    sender: SyncSender<Arrival>,
    /// A new one may be started while an old one still dies.
    of_node: BTreeMap<NodeId, Vec<Arc<Process>>>,
}

#[derive(Debug)]
struct Process {
    child: Mutex<Child>,
    reaped: AtomicBool,
}

impl Process {
    fn child(&self) -> MutexGuard<'_, Child> {
        // A child is a number and what is known of its end; there is no state in between.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Processes {
    pub(super) fn new(
        program: PathBuf,
        secret: u128,
        address: SocketAddr,
        sender: SyncSender<Arrival>,
    ) -> Self {
        Processes { program, secret, address, sender, of_node: BTreeMap::new() }
    }

    pub(super) fn start(&mut self, node: NodeId, slots: u32, life: Life) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command
            .arg("worker")
            .args(["--connect", &self.address.to_string()])
            .args(["--node", &node.0.to_string()])
            .args(["--slots", &slots.to_string()])
            .args(["--life", &life.to_string()])
            .args(["--coordinator", &std::process::id().to_string()])
            .env(SECRET_VARIABLE, format!("{:032x}", self.secret))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // Ctrl-C on the terminal goes to the coordinator only, which decides what becomes of the rest.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let stderr = child.stderr.take();
        let process = Arc::new(Process { child: Mutex::new(child), reaped: AtomicBool::new(false) });
        let processes = self.of_node.entry(node).or_default();
        processes.retain(|process| !process.reaped.load(Ordering::SeqCst));
        processes.push(Arc::clone(&process));
        let sender = self.sender.clone();
        let watched = thread::Builder::new().name("process".to_string()).stack_size(SMALL_STACK);
        let spawned = watched.spawn(move || {
            let status = watch(&process, stderr);
            let _ = sender.send(Arrival::Other(Incoming::Exited { node, life, status }));
        });
        if let Err(error) = spawned {
            // Without somebody to watch it, it would end unseen.
            if let Some(process) = processes.pop() {
                end(&process);
            }
            return Err(error);
        }
        Ok(())
    }

    /// Kills without waiting for the end, which the thread that watches the process sees.
    pub(super) fn kill(&mut self, node: NodeId) {
        for process in self.of_node.get(&node).into_iter().flatten() {
            // Of a process that was reaped, the standard library knows not to kill its number.
            let _ = process.child().kill();
        }
    }

    /// Sends a signal to the process of the node that was started last, unless it has ended.
    pub(super) fn signal(&mut self, node: NodeId, signal: Signal) -> io::Result<()> {
        let Some(process) = self.of_node.get(&node).and_then(|processes| processes.last()) else {
            return Ok(());
        };
        // Nobody else reaps it as long as it is held, so that its number is not another's.
        let mut child = process.child();
        match child.try_wait()? {
            None => system::send_signal(child.id(), signal),
            Some(_) => Ok(()),
        }
    }

    /// Kills and reaps all.
    pub(super) fn end_all(&mut self) {
        let all: Vec<Arc<Process>> = std::mem::take(&mut self.of_node).into_values().flatten().collect();
        for process in &all {
            let _ = process.child().kill();
        }
        for process in &all {
            end(process);
        }
    }
}

fn end(process: &Process) {
    let mut child = process.child();
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits until the process has ended, and says how.
///
/// What it prints on standard error ends with it, so that this is what the thread waits for; the
/// process can be killed meanwhile, which a thread inside `Child::wait` would not allow.
fn watch(process: &Process, stderr: Option<ChildStderr>) -> String {
    let printed = stderr.map(last_of).unwrap_or_default();
    let mut pause = Duration::from_micros(200);
    let status = loop {
        let looked = process.child().try_wait();
        match looked {
            Ok(Some(status)) => break in_words(status),
            Ok(None) => thread::sleep(pause),
            Err(error) => break format!("lost: {error}"),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    };
    process.reaped.store(true, Ordering::SeqCst);
    if printed.is_empty() { status } else { format!("{status}: {printed}") }
}

fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        // On Unix: "signal: 9 (SIGKILL)".
        None => format!("ended by {status}"),
    }
}

/// The last of what comes from there, as one line.
fn last_of(mut stderr: ChildStderr) -> String {
    let (mut kept, mut piece) = (VecDeque::new(), [0; 512]);
    loop {
        match stderr.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                kept.extend(&piece[..length]);
                kept.drain(..kept.len().saturating_sub(MOST_KEPT));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let text = String::from_utf8_lossy(kept.make_contiguous()).into_owned();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}
