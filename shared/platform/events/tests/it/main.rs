//! The buses and the relay in front of them.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod in_process;
mod nats;
mod relay;
