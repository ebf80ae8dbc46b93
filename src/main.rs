//! The `falcon` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    falcon::cli::main()
}
