//! Programs that tests need and do not bring.

use std::path::PathBuf;

/// The program that a variable names. Without the variable: none, after saying so; in CI a panic, so that nothing is left out
/// unnoticed.
///
/// # Panics
/// In CI, without the variable.
pub fn program(variable: &str) -> Option<PathBuf> {
    let Some(path) = environment(variable) else {
        assert!(environment("CI").is_none(), "{variable} must be set in CI");
        eprintln!("skipped: {variable} is not set");
        return None;
    };
    Some(path.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests learn of their programs"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
