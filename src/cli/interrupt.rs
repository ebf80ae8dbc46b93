//! Ctrl-C: the first asks the runs to stop and leaves results as they were, the second kills.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static INSTALLED: OnceLock<()> = OnceLock::new();

/// A flag that Ctrl-C sets, from the first call on.
pub(super) fn stop_flag() -> &'static AtomicBool {
    INSTALLED.get_or_init(|| {
        let handler = || {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        };
        // Without a handler Ctrl-C simply kills, which loses nothing but the message.
        let _ = ctrlc::set_handler(handler);
    });
    &STOP
}
