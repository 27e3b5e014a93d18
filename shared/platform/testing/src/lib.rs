//! What tests of whole processes need. A dev-dependency alone.
//!
//! [`Process`] starts a binary of ours on ports of its own and waits until it is ready; [`run`] runs a command to its end.
//! [`NatsServer`] is a broker of a test's own. [`FaultProxy`] stands between a client and a server and does to their
//! connections what networks do. `Served` (feature `service`) is one service behind a listener, as other processes reach it, and
//! tries those who may not. Databases for tests are made by `platform_sql::testing`.

mod fault_proxy;
mod nats;
mod process;
mod program;
#[cfg(feature = "service")]
mod served;

pub use fault_proxy::{Fault, FaultProxy};
pub use nats::NatsServer;
pub use process::{Outcome, Process, free_address, run};
pub use program::program;
#[cfg(feature = "service")]
pub use served::Served;
