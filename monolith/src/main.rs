//! The `stoa` binary.

use std::process::ExitCode;

use monolith::process::Stoa;
use platform_runtime::command;

fn main() -> ExitCode {
    command::run::<Stoa>()
}
