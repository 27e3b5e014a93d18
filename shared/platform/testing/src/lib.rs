//! What tests of whole processes need. A dev-dependency alone.
//!
//! [`NatsServer`] is a broker of a test's own. [`Process`] starts a binary of ours on ports of its own and waits until it is ready; [`run`] runs a command to its end.
//! Databases for tests are made by `platform_sql::testing`.

mod nats;
mod process;

pub use nats::NatsServer;
pub use process::{Outcome, Process, run};
