//! What the standard library does not offer of the system: punctual waits, processor time of a thread,
//! processes that end with their parent or are stopped for a while, and a look at what has come over a
//! connection. Where a system has none of it, these do nothing; only stopping is an error then.

use std::io;
use std::net::TcpStream;

/// Makes waits of the calling thread end some ten microseconds after their time in place of up to
/// fifty more. Threads that it starts inherit this.
///
/// Linux lets a timer fire late by its thread's slack, so that wakes of many threads can be
/// served together; the default is 50 us.
pub(super) fn wait_punctually() {
    #[cfg(target_os = "linux")]
    {
        let slack: libc::c_ulong = 1;
        // SAFETY: changes a number the kernel keeps about the calling thread; no memory is passed.
        #[allow(unsafe_code)]
        unsafe {
            libc::prctl(libc::PR_SET_TIMERSLACK, slack);
        }
    }
}

/// Processor time that the calling thread has used, in nanoseconds. `None` where it cannot be had.
pub(super) fn thread_nanos() -> Option<u64> {
    #[cfg(unix)]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a live, writable timespec, which is all that the call writes to.
        #[allow(unsafe_code)]
        let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        (failed == 0).then_some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }
    #[cfg(not(unix))]
    None
}

/// From now on this process is killed when the thread that started it ends, however that happens and
/// even if this process is stopped then. False when the parent, if it is known, is gone already.
pub(super) fn end_with_parent(parent: Option<u32>) -> bool {
    #[cfg(target_os = "linux")]
    {
        let signal = libc::SIGKILL as libc::c_ulong;
        // SAFETY: changes a number the kernel keeps about this process; no memory is passed.
        #[allow(unsafe_code)]
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, signal);
        }
    }
    // An end before the call above gives no signal, but then there is another parent by now.
    #[cfg(unix)]
    if let Some(parent) = parent {
        return std::os::unix::process::parent_id() == parent;
    }
    let _ = parent;
    true
}

/// Ctrl-C no longer ends this process.
pub(super) fn ignore_interrupts() {
    #[cfg(unix)]
    // SAFETY: no handler is installed that could run: the signal is only ignored.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
    }
}

/// What a process can be told without its being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// It does nothing from now on.
    Stop,
    /// It goes on.
    Continue,
}

/// Sends a signal to a process of ours that has not been waited for.
pub(super) fn send_signal(process: u32, signal: Signal) -> io::Result<()> {
    #[cfg(unix)]
    {
        let signal = match signal {
            Signal::Stop => libc::SIGSTOP,
            Signal::Continue => libc::SIGCONT,
        };
        let Ok(process) = libc::pid_t::try_from(process) else { return Ok(()) };
        // SAFETY: no memory is passed; the process is a child of ours that has not been waited for, so that
        // the number is its own.
        #[allow(unsafe_code)]
        let failed = unsafe { libc::kill(process, signal) };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
    #[cfg(not(unix))]
    {
        let _ = (process, signal);
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot stop a process and let it go on"))
    }
}

/// Whether something has come over the connection that nobody has read yet.
pub(super) fn has_unread(stream: &TcpStream) -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsRawFd;
        let mut byte = 0u8;
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // SAFETY: the pointer is to one live, writable byte, and one byte at most is written.
        #[allow(unsafe_code)]
        let read = unsafe { libc::recv(stream.as_raw_fd(), (&raw mut byte).cast(), 1, flags) };
        read > 0
    }
    #[cfg(not(unix))]
    {
        let _ = stream;
        false
    }
}
