//! The allocator of every binary, for Rust and for what is written in C (the embedded database) alike.
//!
//! mimalloc rather than glibc's malloc: a checkout takes a quarter less processor time. Huge pages are off, for they would make a
//! process of 40 MB one of 80.

use std::os::unix::process::CommandExt;
use std::process::Command;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What mimalloc reads when a process begins, and not later: after how many milliseconds freed pages go back to the system, if the
/// process allocates at all by then. By itself it waits a second, and an idle process holds on to what its start took, a tenth
/// of all.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";
const PURGE_DELAY_MS: &str = "1";

/// Begins the process anew with the setting, unless an operator has said something. Its id stays. Where that cannot be done the
/// process goes on as it is.
#[expect(clippy::disallowed_methods, reason = "not a setting of ours, but of the allocator")]
pub(crate) fn set_up() {
    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let mut same = Command::new(program);
    if let Some(name) = arguments.next() {
        same.arg0(name);
    }
    // It comes back only when it failed.
    let _ = same.args(arguments).env(PURGE_DELAY, PURGE_DELAY_MS).exec();
}
