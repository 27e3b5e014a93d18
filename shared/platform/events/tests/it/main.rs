//! The bus of one process and the relay in front of it.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod in_process;
mod relay;
