//! What the standard library does not offer of the system: punctual waits, processor time of a thread,
//! and processes that end with their parent. Where a system has none of it, these do nothing.

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
