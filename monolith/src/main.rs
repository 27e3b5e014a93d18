//! The `stoa` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    monolith::main()
}
