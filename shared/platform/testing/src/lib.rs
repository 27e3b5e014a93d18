//! What tests of whole processes need. A dev-dependency alone.
//!
//! [`Process`] starts a binary of ours on ports of its own and waits until it is ready; [`run`] runs a command to its end.
//! Databases for tests are made by `platform_sql::testing`.

mod process;

pub use process::{Outcome, Process, run};
