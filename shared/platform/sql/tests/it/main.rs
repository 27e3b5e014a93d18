//! The crate on real databases of both engines.
#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod exactly_once;
mod handover;
mod looking;
mod opening;
mod postgres_writer;
mod shelf;
mod sqlite_writer;
mod store;
