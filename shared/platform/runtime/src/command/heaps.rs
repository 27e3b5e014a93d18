//! How many heaps the allocator of glibc keeps.
//!
//! It gives threads that allocate at the same time heaps of their own, up to eight for each core, and what was given back to one
//! of them no other can use. An embedded database has a thread for each connection: with two heaps for all, a shop that has
//! done its work holds an eighth less memory, and is as fast.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What glibc reads when a process begins, and not later.
const SETTING: &str = "MALLOC_ARENA_MAX";
/// The same among others.
const TUNABLES: &str = "GLIBC_TUNABLES";
const HEAPS: &str = "2";

/// Begins the process anew with the setting, unless an operator has said something. Its id stays. Where that cannot be done the
/// process goes on as it is.
#[expect(clippy::disallowed_methods, reason = "not a setting of ours, but of the C library")]
pub(super) fn limit() {
    let said = |name: &str| std::env::var_os(name).is_some();
    if cfg!(not(target_env = "gnu")) || said(SETTING) || said(TUNABLES) {
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
    let _ = same.args(arguments).env(SETTING, HEAPS).exec();
}
